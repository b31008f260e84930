package lua

import (
	"crypto/md5"
	"encoding/hex"
	"net/netip"
	"slices"
	"time"

	glua "github.com/yuin/gopher-lua"

	"github.com/netmond/netmond/alerts"
	"github.com/netmond/netmond/localnets"
)

// unknownNetwork is what ntopng's functions give for a name or address in no local network.
const unknownNetwork = 65535

// ntopModule is the part of ntop.* that scripts on networks use.
func ntopModule() Module {
	const ntopng = "ntopng."
	name := Arg{Name: "name", Type: "string", Doc: "CIDR or alias of a network"}
	address := Arg{Name: "address", Type: "string", Doc: "IPv4 or IPv6 address"}
	fixed := func(value glua.LValue) func(*VM, *glua.LState) int {
		return func(_ *VM, l *glua.LState) int {
			l.Push(value)
			return 1
		}
	}
	own := []Function{
		{Name: "getLocalNetworkId", Returns: "number", Args: []Arg{name}, Doc: "Number of a network; 65535 when it is unknown.", Source: "Reference; ntopng spells it getLocalNetworkID.", fn: (*VM).ntopNetworkID},
		{Name: "getLocalNetworkID", Returns: "number", Args: []Arg{name}, Doc: "The same.", Source: ntopng, fn: (*VM).ntopNetworkID},
		{Name: "getNetworks", Returns: "table", Doc: "Numbers of all networks by network_key.", Source: ntopng, fn: (*VM).ntopNetworks},
		{Name: "getNetworkNameById", Returns: "string", Args: []Arg{{Name: "network_id", Type: "number", Doc: "network_id"}}, Doc: "network_key; an empty string when the number is unknown.", Source: ntopng, fn: (*VM).ntopNameByID},
		{Name: "getNetworkIdByName", Returns: "number", Args: []Arg{name}, Doc: "Number of a network; -1 when it is unknown.", Source: ntopng, fn: (*VM).ntopIDByName},
		{Name: "getLocalNetworkAlias", Returns: "string or nil", Args: []Arg{{Name: "network", Type: "string or number", Doc: "network_key or network_id"}}, Doc: "The configured alias; nil when there is none.", Source: ntopng, fn: (*VM).ntopAlias},
		{Name: "getAddressNetwork", Returns: "number", Args: []Arg{address}, Doc: "Number of the network with the longest prefix that holds the address; 65535 when none does.", Source: ntopng, fn: (*VM).ntopAddressNetwork},
		{Name: "isLocalAddress", Returns: "boolean", Args: []Arg{address}, Doc: "Whether the address is in a local network.", Source: ntopng, fn: (*VM).ntopIsLocal},
		{Name: "isLocalInterfaceAddress", Returns: "boolean", Args: []Arg{address}, Doc: "Always false: netmond watches a mirror, its own addresses play no part.", Source: ntopng, fn: fixed(glua.LFalse)},
		{Name: "getDeadline", Returns: "number", Doc: "Time at which this run is stopped, seconds since 1970.", Source: "ntopng, where it is a hint only.", fn: (*VM).ntopDeadline},
		{Name: "isDeadlineApproaching", Returns: "boolean", Doc: "Whether less than a quarter of the run's time is left.", Source: ntopng, fn: (*VM).ntopDeadlineNear},
		{Name: "gettimemsec", Returns: "number", Doc: "Time as the check sees it, seconds since 1970 with fraction.", Source: ntopng, fn: (*VM).ntopTime},
		{Name: "mapScoreToSeverity", Returns: "number", Args: []Arg{{Name: "score", Type: "number", Doc: "0 to 250"}}, Doc: "Severity of a score.", Source: ntopng, fn: (*VM).ntopScoreToSeverity},
		{Name: "mapSeverityToScore", Returns: "number", Args: []Arg{{Name: "severity", Type: "number", Doc: "0 to 8"}}, Doc: "Score of a severity.", Source: ntopng, fn: (*VM).ntopSeverityToScore},
		{Name: "md5", Returns: "string", Args: []Arg{{Name: "text", Type: "string", Doc: "any bytes"}}, Doc: "MD5 in hexadecimal: a short name, nothing secret.", Source: ntopng, fn: (*VM).ntopMD5},
	}
	return Module{
		Name:      "ntop",
		Doc:       "The process and its configuration.",
		Functions: slices.Concat(fileFunctions(), own, productFunctions(), cacheFunctions()),
	}
}

func (v *VM) ntopNetworkID(l *glua.LState) int { return v.pushNetworkID(l, unknownNetwork) }

func (v *VM) ntopIDByName(l *glua.LState) int { return v.pushNetworkID(l, -1) }

func (v *VM) pushNetworkID(l *glua.LState, unknown int32) int {
	if l.Get(1).Type() != glua.LTString {
		return v.argumentError(l, "", 1, "name", "string")
	}
	if n := v.netOfArg(l); n != nil {
		unknown = n.ID
	}
	l.Push(glua.LNumber(unknown))
	return 1
}

func (v *VM) ntopNetworks(l *glua.LState) int {
	nets := v.run.snap.Networks
	t := v.state.CreateTable(0, len(nets))
	for i := range nets {
		t.RawSetString(nets[i].Name, glua.LNumber(nets[i].ID))
	}
	l.Push(t)
	return 1
}

func (v *VM) ntopNameByID(l *glua.LState) int {
	if l.Get(1).Type() != glua.LTNumber {
		return v.argumentError(l, "", 1, "network_id", "number")
	}
	name := ""
	if n := v.netOfArg(l); n != nil {
		name = n.Name
	}
	l.Push(glua.LString(name))
	return 1
}

func (v *VM) ntopAlias(l *glua.LState) int {
	if n := v.netOfArg(l); n != nil && n.Alias != "" {
		l.Push(glua.LString(n.Alias))
		return 1
	}
	return pushNil(l)
}

// networkOfAddress is the longest match of an address among the snapshot's networks, or -1.
func (v *VM) networkOfAddress(text string) int32 {
	addr, err := netip.ParseAddr(text)
	if err != nil {
		return localnets.NoNetwork
	}
	addr = addr.Unmap()
	best := localnets.NoNetwork
	nets := v.run.snap.Networks
	for i := range nets {
		if nets[i].Prefix.Contains(addr) && (best < 0 || nets[i].Prefix.Bits() > nets[best].Prefix.Bits()) {
			best = int32(i)
		}
	}
	return best
}

func (v *VM) ntopAddressNetwork(l *glua.LState) int {
	text, ok := l.Get(1).(glua.LString)
	if !ok {
		return v.argumentError(l, "", 1, "address", "string")
	}
	id := v.networkOfAddress(string(text))
	if id == localnets.NoNetwork {
		id = unknownNetwork
	}
	l.Push(glua.LNumber(id))
	return 1
}

func (v *VM) ntopIsLocal(l *glua.LState) int {
	text, ok := l.Get(1).(glua.LString)
	if !ok {
		return v.argumentError(l, "", 1, "address", "string")
	}
	return pushBool(l, v.networkOfAddress(string(text)) != localnets.NoNetwork)
}

// deadline is when the run is stopped, by the machine's clock.
func (v *VM) deadline() time.Time { return time.Now().Add(v.opts.Stopwatch.remaining()) }

func (v *VM) ntopDeadline(l *glua.LState) int {
	left := time.Until(v.deadline())
	l.Push(glua.LNumber(v.clock().Add(left).Unix()))
	return 1
}

func (v *VM) ntopDeadlineNear(l *glua.LState) int {
	return pushBool(l, v.opts.Stopwatch.remaining() < v.opts.TimeLimit/4)
}

func (v *VM) ntopTime(l *glua.LState) int {
	l.Push(glua.LNumber(float64(v.clock().UnixMicro()) / 1e6))
	return 1
}

func (v *VM) ntopScoreToSeverity(l *glua.LState) int {
	n, ok := numberIn(l, l.Get(1))
	if !ok {
		return v.argumentError(l, "", 1, "score", "number")
	}
	l.Push(glua.LNumber(alerts.SeverityOf(n)))
	return 1
}

func (v *VM) ntopSeverityToScore(l *glua.LState) int {
	n, ok := numberIn(l, l.Get(1), "severity_id")
	if !ok || n < 0 || n >= int(alerts.NumSeverities) {
		return v.argumentError(l, "", 1, "severity", "number 0 to 8")
	}
	l.Push(glua.LNumber(alerts.Severity(n).Score()))
	return 1
}

func (v *VM) ntopMD5(l *glua.LState) int {
	text, ok := l.Get(1).(glua.LString)
	if !ok {
		return v.argumentError(l, "", 1, "text", "string")
	}
	sum := md5.Sum([]byte(text))
	l.Push(glua.LString(hex.EncodeToString(sum[:])))
	return 1
}
