package lua

import (
	"net/netip"
	"strings"

	glua "github.com/yuin/gopher-lua"

	"github.com/netmond/netmond/alerts"
	"github.com/netmond/netmond/localnets"
)

// networkModule is network.*, in the order of ntopng's src/LuaEngineNetwork.cpp.
func networkModule() Module {
	const both = "Reference and ntopng."
	key := Arg{Name: "key", Type: "string", Doc: "any string"}
	namespace := Arg{Name: "periodicity", Type: "number", Doc: "0 to 5, or 7 for checks of 5 seconds; each is a namespace of its own. checks.periodicities has the reference's numbers"}
	return Module{
		Name: "network",
		Doc:  "Functions on the selected local network. Where ntopng logs an error and returns no value, one nil comes back, and the wrong use is named and counted.",
		Functions: []Function{
			{Name: "select", Returns: "nil",
				Args:   []Arg{{Name: "network_id", Type: "number or nil", Doc: "network_id of the stats; nil deselects"}},
				Doc:    "Selects the network that the other functions work on. An unknown number leaves none selected. An argument of another type, or none at all, changes nothing.",
				Source: both, fn: (*VM).networkSelect},
			{Name: "checkContext", Returns: "boolean",
				Args:   []Arg{{Name: "cidr", Type: "string", Doc: "a configured network"}},
				Doc:    "Selects a network by its CIDR. False, with the selection unchanged, when there is none.",
				Source: both + " ntopng wants the configured text exactly; here the canonical CIDR, the configured text, the alias and an address inside the network do.", fn: (*VM).networkCheckContext},
			{Name: "getNetworkStats", Returns: "table or nil",
				Doc:    "The selected network's counters, see Fields; nil when none is selected. A new table each time, which later traffic does not change.",
				Source: "The reference's shape, or ntopng's by option.", fn: (*VM).networkGetNetworkStats},
			{Name: "resetTrafficBetweenNets", Returns: "nil",
				Doc:    "Makes the present counts of intranet_traffic of the selected network the zero of this script. Other readers see no change.",
				Source: both + " ntopng's Community edition does nothing.", fn: (*VM).networkResetTraffic},
			{Name: "getAlerts", Returns: "array of alerts or nil",
				Args: []Arg{{Name: "filter", Type: "table or number", Optional: true,
					Doc: "table: see Filters of alerts. Number: engaged alerts of ntopng's periodicity. Else all engaged alerts"}},
				Doc:    "Alerts of the selected network.",
				Source: "A table is the reference's form, all else ntopng's.", fn: (*VM).networkGetAlerts},
			{Name: "storeTriggeredAlert", Returns: "nil (reference); the alert, or nil when it was engaged already (ntopng)",
				Args:   []Arg{{Name: "alert", Type: "table", Doc: "alert_type, alert_severity, alert_score, and optionally key, subtype, periodicity, json, tstamp. ntopng's form: key string, periodicity, score, alert_id, subtype string, json string, ip, name, port"}},
				Doc:    "Engages an alert of the selected network. One that is engaged already is left untouched.",
				Source: "A table is the reference's form, a string first ntopng's.", fn: (*VM).networkStoreAlert},
			{Name: "releaseTriggeredAlert", Returns: "nil (reference); the released alert, or nil when it was not engaged (ntopng)",
				Args:   []Arg{{Name: "alert", Type: "table", Doc: "as in storeTriggeredAlert. ntopng's form: key string, periodicity, time"}},
				Doc:    "Releases an engaged alert of the selected network.",
				Source: "A table is the reference's form, a string first ntopng's.", fn: (*VM).networkReleaseAlert},
			{Name: "getCachedAlertValue", Returns: "string or nil",
				Args:   []Arg{key, namespace},
				Doc:    "The value that was stored for the selected network, or an empty string.",
				Source: both, fn: (*VM).networkGetCached},
			{Name: "setCachedAlertValue", Returns: "nil",
				Args:   []Arg{key, {Name: "value", Type: "string", Doc: "a number is refused, as ntopng does: use tostring"}, namespace},
				Doc:    "Stores a value for the selected network. Scripts share the values.",
				Source: both, fn: (*VM).networkSetCached},
		},
	}
}

// selectedNet is the selected network, or nil.
func (v *VM) selectedNet() *localnets.NetworkStats {
	if id := v.run.selected; id >= 0 && int(id) < len(v.run.snap.Networks) {
		return &v.run.snap.Networks[id]
	}
	return nil
}

// needNet is selectedNet; without one the wrong use is counted.
func (v *VM) needNet(l *glua.LState, function string) *localnets.NetworkStats {
	n := v.selectedNet()
	if n == nil {
		v.stats.ArgumentErrors++
		v.warn(l, function+": no network is selected")
	}
	return n
}

// lookup finds a network by canonical CIDR, configured text, alias, or an address inside it; -1 for none.
func (v *VM) lookup(name string) int32 {
	if id, ok := v.index().byName[name]; ok {
		return id
	}
	if strings.Contains(name, "/") {
		if p, err := netip.ParsePrefix(name); err == nil {
			if id, ok := v.index().byName[p.Masked().String()]; ok {
				return id
			}
		}
	}
	if n := v.run.snap.LookupName(name); n != nil {
		return n.ID
	}
	return localnets.NoNetwork
}

func pushNil(l *glua.LState) int {
	l.Push(glua.LNil)
	return 1
}

func (v *VM) networkSelect(l *glua.LState) int {
	const name = "network.select"
	if l.GetTop() == 0 {
		return v.argumentError(l, name, 1, "network_id", "number or nil")
	}
	switch x := l.Get(1).(type) {
	case *glua.LNilType:
		v.run.selected = localnets.NoNetwork
	case glua.LNumber:
		v.run.selected = localnets.NoNetwork
		if x >= 0 && x < glua.LNumber(len(v.run.snap.Networks)) {
			v.run.selected = int32(x)
		}
	default:
		return v.argumentError(l, name, 1, "network_id", "number or nil")
	}
	return pushNil(l)
}

func (v *VM) networkCheckContext(l *glua.LState) int {
	name, ok := l.Get(1).(glua.LString)
	if !ok {
		return v.argumentError(l, "network.checkContext", 1, "cidr", "string")
	}
	id := v.lookup(string(name))
	if id == localnets.NoNetwork {
		v.warn(l, "network.checkContext: no local network "+describe(name))
		return pushBool(l, false)
	}
	v.run.selected = id
	return pushBool(l, true)
}

func (v *VM) networkGetNetworkStats(l *glua.LState) int {
	n := v.selectedNet()
	if n == nil {
		return pushNil(l)
	}
	l.Push(v.newStats(n, v.opts.Shape))
	return 1
}

func (v *VM) networkResetTraffic(l *glua.LState) int {
	if n := v.needNet(l, "network.resetTrafficBetweenNets"); n != nil {
		v.resetIntranet(l, n.ID)
	}
	return pushNil(l)
}

// namespace reads a periodicity at argument i, as a number.
func (v *VM) namespace(l *glua.LState, function string, i int) (alerts.Periodicity, bool) {
	if n, ok := l.Get(i).(glua.LNumber); ok {
		if p, ok := periodicityNumber(float64(n)); ok {
			return p, true
		}
	}
	v.argumentError(l, function, i, "periodicity", "number 0 to 5")
	return 0, false
}

func (v *VM) networkGetCached(l *glua.LState) int {
	const function = "network.getCachedAlertValue"
	key, ok := l.Get(1).(glua.LString)
	if !ok {
		return v.argumentError(l, function, 1, "key", "string")
	}
	namespace, ok := v.namespace(l, function, 2)
	if !ok {
		return 1
	}
	n := v.needNet(l, function)
	if n == nil {
		return pushNil(l)
	}
	l.Push(glua.LString(v.opts.Sink.CachedValue(n.Prefix.String(), int(namespace), string(key))))
	return 1
}

func (v *VM) networkSetCached(l *glua.LState) int {
	const function = "network.setCachedAlertValue"
	key, ok := l.Get(1).(glua.LString)
	if !ok {
		return v.argumentError(l, function, 1, "key", "string")
	}
	value, ok := l.Get(2).(glua.LString)
	if !ok {
		return v.argumentError(l, function, 2, "value", "string")
	}
	namespace, ok := v.namespace(l, function, 3)
	if !ok {
		return 1
	}
	if n := v.needNet(l, function); n != nil {
		if err := v.opts.Sink.SetCachedValue(n.Prefix.String(), int(namespace), string(key), string(value)); err != nil {
			v.warn(l, function+": "+err.Error())
		}
	}
	return pushNil(l)
}
