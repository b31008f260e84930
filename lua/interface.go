package lua

import (
	"strconv"

	glua "github.com/yuin/gopher-lua"

	"github.com/netmond/netmond/localnets"
)

// networkEntityID is ntopng's number for alerts of local networks.
const networkEntityID = 2

// interfaceModule is the part of interface.* that scripts on networks use.
func interfaceModule() Module {
	return Module{
		Name: "interface",
		Doc:  "The capture interface, or the files that stand in for it. There is one.",
		Functions: []Function{
			{Name: "select", Returns: "nil",
				Args:   []Arg{{Name: "ifid", Type: "string or number", Doc: "number or name of an interface"}},
				Doc:    "Accepted for compatibility: there is one interface. The selected network stays.",
				Source: "ntopng; an unknown interface, also \"nil\", is not an error there either.", fn: (*VM).interfaceSelect},
			{Name: "getFirstInterfaceId", Returns: "number",
				Doc: "Number of the interface.", Source: "ntopng.", fn: (*VM).interfaceID},
			{Name: "getId", Returns: "number",
				Doc: "Number of the selected interface.", Source: "ntopng.", fn: (*VM).interfaceID},
			{Name: "getName", Returns: "string",
				Doc: "Name of the selected interface.", Source: "netmond; ntopng has getIfNames only.", fn: (*VM).interfaceName},
			{Name: "getIfNames", Returns: "table",
				Doc: "Names by number; the numbers are strings.", Source: "ntopng.", fn: (*VM).interfaceNames},
			{Name: "getNetworksStats", Returns: "table",
				Doc:    "Stats of all configured networks by network_key, idle ones too, in ntopng's shape. A number as key answers too (the reference says that keys are numbers) but is not shown to pairs.",
				Source: "ntopng, which leaves idle networks out.", fn: (*VM).interfaceNetworksStats},
			{Name: "getNetworkStats", Returns: "table or nil",
				Args:   []Arg{{Name: "network_id", Type: "number", Doc: "network_id"}},
				Doc:    "A table with one entry: the network's stats by its network_key, in ntopng's shape; nil for an unknown number.",
				Source: "ntopng, which cuts the number to 8 bits.", fn: (*VM).interfaceNetworkStats},
			{Name: "getAlerts", Returns: "table or nil",
				Args:   []Arg{{Name: "params_table or periodicity", Type: "table, number or nil", Doc: "as of network.getAlerts", Optional: true}},
				Doc:    "network.getAlerts over all networks.",
				Source: "the reference names it.", fn: (*VM).interfaceGetAlerts},
			{Name: "getEngagedAlerts", Returns: "table or nil",
				Args: []Arg{{Name: "entity_id", Type: "number", Doc: "2, of networks; all others have none", Optional: true},
					{Name: "entity_value", Type: "string", Doc: "network: CIDR, alias or address", Optional: true},
					{Name: "alert_id", Type: "number", Doc: "number of an alert type", Optional: true},
					{Name: "severity", Type: "number", Doc: "number of a severity", Optional: true}},
				Doc:    "Engaged alerts of a network, or of all.",
				Source: "ntopng, which has a role behind the severity; it is ignored.", fn: (*VM).interfaceEngagedAlerts},
			{Name: "isPacketInterface", Returns: "boolean",
				Doc: "Always true: counts come from packets.", Source: "ntopng.", fn: func(_ *VM, l *glua.LState) int { return pushBool(l, true) }},
			{Name: "isValidIfId", Returns: "boolean",
				Args: []Arg{{Name: "ifid", Type: "number or string", Doc: "number of an interface"}},
				Doc:  "Whether this is the interface's number.", Source: "ntopng.", fn: (*VM).interfaceIsValid},
			{Name: "getnDPIProtocols", Returns: "table",
				Doc: "An empty table: protocols are known by name.", Source: "ntopng gives numbers by name.", fn: pushTable},
			{Name: "getnDPICategories", Returns: "table",
				Doc: "An empty table.", Source: "ntopng gives numbers by name.", fn: pushTable},
			{Name: "updateIPReassignment", Returns: "nil",
				Args: []Arg{{Name: "ifid", Type: "number", Doc: "number of an interface", Optional: true}, {Name: "enabled", Type: "boolean", Doc: "ignored", Optional: true}},
				Doc:  "Does nothing: ntopng's own check sets a preference of its core.", Source: "ntopng.", fn: func(_ *VM, l *glua.LState) int { return pushNil(l) }},
		},
	}
}

func pushTable(v *VM, l *glua.LState) int {
	l.Push(v.state.NewTable())
	return 1
}

func (v *VM) interfaceSelect(l *glua.LState) int {
	switch l.Get(1).Type() {
	case glua.LTString, glua.LTNumber:
	default:
		return v.argumentError(l, "interface.select", 1, "ifid", "string or number")
	}
	return pushNil(l)
}

func (v *VM) interfaceID(l *glua.LState) int {
	l.Push(glua.LNumber(v.opts.Interface.ID))
	return 1
}

func (v *VM) interfaceName(l *glua.LState) int {
	l.Push(glua.LString(v.opts.Interface.Name))
	return 1
}

func (v *VM) interfaceNames(l *glua.LState) int {
	l.Push(v.table(strconv.Itoa(v.opts.Interface.ID), v.opts.Interface.Name))
	return 1
}

func (v *VM) interfaceIsValid(l *glua.LState) int {
	n, ok := toNumber(l.Get(1))
	return pushBool(l, ok && n == float64(v.opts.Interface.ID))
}

func (v *VM) interfaceNetworksStats(l *glua.LState) int {
	nets := v.run.snap.Networks
	t := v.state.CreateTable(0, len(nets)+1)
	names := make([]string, len(nets))
	for i := range nets {
		names[i] = nets[i].Name
		t.RawSetString(nets[i].Name, v.newStats(&nets[i], ShapeNtopng))
	}
	hide(t, names)
	t.Metatable = v.netsMeta
	l.Push(t)
	return 1
}

// networksIndex answers the number of a network in the table of interface.getNetworksStats.
func networksIndex(l *glua.LState) int {
	t := argTable(l, 1)
	names, _ := hidden(t).([]string)
	if n, ok := l.Get(2).(glua.LNumber); ok && n >= 0 && n < glua.LNumber(len(names)) {
		l.Push(t.RawGetString(names[int(n)]))
		return 1
	}
	return pushNil(l)
}

func (v *VM) interfaceNetworkStats(l *glua.LState) int {
	id, ok := l.Get(1).(glua.LNumber)
	if !ok {
		return v.argumentError(l, "interface.getNetworkStats", 1, "network_id", "number")
	}
	if id < 0 || id >= glua.LNumber(len(v.run.snap.Networks)) {
		return pushNil(l)
	}
	n := &v.run.snap.Networks[int(id)]
	l.Push(v.table(n.Name, v.newStats(n, ShapeNtopng)))
	return 1
}

// netOfArg finds the network that argument 1, a name or number, means.
func (v *VM) netOfArg(l *glua.LState) *localnets.NetworkStats {
	id := localnets.NoNetwork
	switch x := l.Get(1).(type) {
	case glua.LNumber:
		if x >= 0 && x < glua.LNumber(len(v.run.snap.Networks)) {
			id = int32(x)
		}
	case glua.LString:
		id = v.lookup(string(x))
	}
	if id == localnets.NoNetwork {
		return nil
	}
	return &v.run.snap.Networks[id]
}
