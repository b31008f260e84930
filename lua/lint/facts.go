package lint

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"sync"

	"github.com/netmond/netmond/alerts"
	"github.com/netmond/netmond/localnets"
	"github.com/netmond/netmond/lua"
)

// A node is a value of the API as far as names go: a table with exactly these fields, or, with nil
// fields, anything.
type node struct {
	name   string // as messages show it
	fields map[string]*node
	rule   string // of a finding about a field that is not there
}

// facts are the names that a script finds, asked of an interpreter once.
type facts struct {
	globals map[string]*node
	modules map[string]*node // what require gives without a file
	stats   *node            // of network.getNetworkStats()
	// libraries are the tables that require gives because Lua has them.
	libraries map[string]bool
}

// probe lists the global names and what is in their tables and in the modules.
const probe = `
local M = {}
local function names(t, depth)
  local out = {}
  for k, v in pairs(t) do
    if type(k) == "string" then
      out[k] = type(v) == "table" and depth > 0 and next(v) ~= nil and names(v, depth - 1) or type(v)
    end
  end
  return out
end
function M.check(info)
  local modules, globals = {}, {}
  for name in info.config.modules:gmatch("%S+") do modules[name] = names(require(name), 5) end
  for k, v in pairs(_G) do
    globals[k] = type(v) == "table" and v ~= _G and k ~= "package" and next(v) ~= nil and names(v, 5) or type(v)
  end
  local libraries = {}
  for k, v in pairs(_G) do
    local ok, m = pcall(require, k)
    if ok and m == v then libraries[k] = true end
  end
  return { globals = globals, modules = modules, libraries = libraries }
end
return M
`

// loadFacts panics when the probe fails: it is a constant, and a test runs it.
var loadFacts = sync.OnceValue(func() *facts {
	f, err := askVM()
	if err != nil {
		panic(fmt.Sprintf("lint: names of the API: %v", err))
	}
	return f
})

func askVM() (*facts, error) {
	modules := ""
	for _, name := range lua.BuiltinModules() {
		modules += name + " "
	}
	ctx := context.Background()
	c, err := lua.NewCheck(ctx, "probe.lua", probe, lua.Options{Config: map[string]any{"modules": modules}})
	if err != nil {
		return nil, err
	}
	defer c.Close()
	prefix := netip.MustParsePrefix("192.0.2.0/24")
	snap := &localnets.Snapshot{Networks: []localnets.NetworkStats{{Network: localnets.Network{Prefix: prefix, Name: prefix.String()}}}}
	result, err := c.RunNetwork(ctx, snap, 0, 1, alerts.Minute)
	if err != nil {
		return nil, err
	}
	if len(result.Values) != 1 {
		return nil, fmt.Errorf("the probe returned %d values", len(result.Values))
	}
	var got struct {
		Globals map[string]any `json:"globals"`
		Modules map[string]any `json:"modules"`

		Libraries map[string]bool `json:"libraries"`
	}
	if err := json.Unmarshal([]byte(result.Values[0]), &got); err != nil {
		return nil, err
	}
	f := &facts{
		globals:   makeNode("", got.Globals).fields,
		modules:   makeNode("", got.Modules).fields,
		libraries: got.Libraries,
		stats:     &node{name: "the stats table", fields: map[string]*node{}, rule: RuleUnknownField},
	}
	// Set per run, where they are set.
	for _, name := range []string{"network_info", "_now", "_GET", "_POST", "_SERVER"} {
		f.globals[name] = &node{name: name}
	}
	for _, field := range lua.StatsFields() {
		f.stats.fields[field.Name] = &node{}
		if field.Alias != "" {
			f.stats.fields[field.Alias] = &node{}
		}
	}
	return f, nil
}

// makeNode turns decoded JSON, in which a table is an object and all else a string, into a node.
func makeNode(name string, value any) *node {
	n := &node{name: name, rule: RuleUnknownAPI}
	fields, ok := value.(map[string]any)
	if !ok {
		return n
	}
	n.fields = make(map[string]*node, len(fields))
	for key, value := range fields {
		full := key
		if name != "" {
			full = name + "." + key
		}
		n.fields[key] = makeNode(full, value)
	}
	return n
}
