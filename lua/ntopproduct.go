package lua

import (
	"strings"

	glua "github.com/yuin/gopher-lua"
)

// productFunctions tell what kind of program this is, and stand in for what ntopng's core does for
// its own scripts.
func productFunctions() []Function {
	const ntopng = "ntopng."
	fixed := func(value glua.LValue) func(*VM, *glua.LState) int {
		return func(_ *VM, l *glua.LState) int {
			l.Push(value)
			return 1
		}
	}
	list := []Function{
		{Name: "getInfo", Returns: "table", Doc: "product, version, and constants with max_num_host_pools and max_num_pool_members, both 0: there are no pools.", Source: "ntopng, which tells more.", fn: (*VM).ntopInfo},
		{Name: "getFlowRiskAlerts", Returns: "table", Doc: "An empty table.", Source: ntopng, fn: pushTable},
		{Name: "httpPurifyParam", Returns: "string", Args: []Arg{{Name: "text", Type: "string", Doc: "a parameter of a request"}}, Doc: "The text with control characters, quotes, backslashes and angle brackets replaced by _.", Source: ntopng, fn: (*VM).ntopPurify},
		{Name: "getHttpPrefix", Returns: "string", Doc: "An empty string: pages are at the root.", Source: ntopng, fn: fixed(glua.LString(""))},
		{Name: "getCookieAttributes", Returns: "string", Doc: "An empty string: scripts set no cookies.", Source: ntopng, fn: fixed(glua.LString(""))},
		{Name: "recipient_enqueue", Returns: "boolean", Args: []Arg{
			{Name: "recipient", Type: "number", Doc: "ignored, as the rest is: json, score, alert_id, entity, category", Optional: true},
		}, Doc: "Always false: alerts reach receivers by the alert engine, not by scripts.", Source: ntopng, fn: fixed(glua.LFalse)},
		{Name: "recipient_dequeue", Returns: "nil", Args: []Arg{{Name: "recipient", Type: "number", Doc: "ignored", Optional: true}}, Doc: "Nothing is queued here.", Source: ntopng, fn: fixed(glua.LNil)},
		{Name: "reloadFlowChecks", Returns: "nil", Doc: "Does nothing: there are no checks of flows.", Source: ntopng, fn: fixed(glua.LNil)},
		{Name: "reloadHostChecks", Returns: "nil", Doc: "Does nothing: there are no checks of hosts.", Source: ntopng, fn: fixed(glua.LNil)},
	}
	for _, never := range []struct{ name, doc string }{
		{"isPro", "Always false."},
		{"isEnterprise", "Always false."}, {"isEnterpriseM", "Always false."}, {"isEnterpriseL", "Always false."}, {"isEnterpriseXL", "Always false."},
		{"isnEdge", "Always false."}, {"isnEdgeEnterprise", "Always false."},
		{"isPackage", "Always false."},
		{"isClickHouseEnabled", "Always false: alerts are asked for with network.getAlerts."},
		{"isAdministrator", "Always false: scripts change nothing of the configuration."},
		{"isWindows", "Always false: scripts see one file name syntax."},
	} {
		list = append(list, Function{Name: never.name, Returns: "boolean", Doc: never.doc, Source: ntopng, fn: fixed(glua.LFalse)})
	}
	return list
}

func (v *VM) ntopInfo(l *glua.LState) int {
	l.Push(v.table("product", "netmond", "version", v.opts.Version,
		"constants", v.table("max_num_host_pools", 0, "max_num_pool_members", 0)))
	return 1
}

func (v *VM) ntopPurify(l *glua.LState) int {
	text, ok := concatText(l.Get(1))
	if !ok {
		return v.argumentError(l, "", 1, "text", "string")
	}
	return pushText(l, strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || strings.ContainsRune("\"'`\\<>", r) {
			return '_'
		}
		return r
	}, text))
}
