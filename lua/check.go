package lua

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	glua "github.com/yuin/gopher-lua"

	"github.com/netmond/netmond/alerts"
	"github.com/netmond/netmond/localnets"
)

// A Style is how a script is written.
type Style uint8

const (
	// StylePlain is a script without a result: the whole of it runs for each network, with
	// network_info as a global variable.
	StylePlain Style = iota
	// StyleReference is a module table with check(network_info).
	StyleReference
	// StyleNtopng is a table with hooks, called with params.
	StyleNtopng
)

var styleNames = [...]string{"plain", "reference", "ntopng"}

// String names the style.
func (s Style) String() string { return styleNames[s] }

// A Check is one script, compiled once, with a VM of its own. One goroutine at a time may use it.
type Check struct {
	Key   string // file name without .lua
	Path  string
	Style Style

	vm      *VM
	hooks   [alerts.NumPeriodicities]*glua.LFunction
	script  *glua.LTable // the module's table; nil for a plain script
	config  *glua.LTable
	skipped bool // setup() said no
	// category is ntopng's number of the script's category; 0 is "other".
	category int
}

// A Result is what one run of a check on one network gave.
type Result struct {
	Network     localnets.Network
	Periodicity alerts.Periodicity
	Time        int64    // ns since the Unix epoch
	Values      []string // returned values: tables as JSON, others as tostring gives them
	Output      string   // what print wrote, cut at Options.PrintLimit
	Warnings    []string // wrong uses of the API and what was refused, each with file and line
	Answer      *Answer  // of rest_utils.answer, or nil
	Released    int      // alerts released because an ntopng-style check no longer decides about them
	Duration    time.Duration
}

// LoadCheck reads and runs the script file once, which gives its hooks. The folder of the file is
// searched by require after opts.ScriptDirs. Errors have file and line.
func LoadCheck(ctx context.Context, path string, opts Options) (*Check, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open check: %w", err)
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, fmt.Errorf("open check %s: not a regular file", path)
	}
	src, err := readSource(f, path)
	if err != nil {
		return nil, err
	}
	opts.ScriptDirs = append(opts.ScriptDirs[:len(opts.ScriptDirs):len(opts.ScriptDirs)], filepath.Dir(path))
	return NewCheck(ctx, path, src, opts)
}

// NewCheck is LoadCheck for source text; path names it in messages.
func NewCheck(ctx context.Context, path, src string, opts Options) (*Check, error) {
	c := &Check{Key: strings.TrimSuffix(filepath.Base(path), ".lua"), Path: path, vm: NewVM(opts)}
	c.vm.owner = c.Key
	if err := c.vm.protect(ctx, func(l *glua.LState) error { return c.load(l, src) }); err != nil {
		c.vm.Close()
		return nil, err
	}
	return c, nil
}

// Close frees the check's VM after its onUnload, for each hook, and its teardown have run.
func (c *Check) Close() {
	if c.vm.state == nil {
		return
	}
	if c.script != nil {
		// Nobody is left to be told of an error.
		_ = c.vm.protect(context.Background(), func(l *glua.LState) error {
			for _, p := range alerts.Periodicities() {
				if c.hooks[p] != nil && !c.skipped {
					_, _ = c.lifeCycle(l, "onUnload", glua.LString(p.String()), c.config)
				}
			}
			_, err := c.lifeCycle(l, "teardown")
			return err
		})
	}
	c.vm.Close()
}

// Stats are the counts of the check's VM.
func (c *Check) Stats() Stats { return c.vm.stats }

// Runs reports whether the check has a hook for p.
func (c *Check) Runs(p alerts.Periodicity) bool {
	return p > alerts.Aperiodic && p < alerts.NumPeriodicities && c.hooks[p] != nil && !c.skipped
}

// DefaultEnabled is the script's default_enabled: whether it wants to run where the settings say
// nothing. True where it has none.
func (c *Check) DefaultEnabled() bool {
	return c.script == nil || c.script.RawGetString("default_enabled") != glua.LFalse
}

func (c *Check) load(l *glua.LState, src string) error {
	proto, returns, err := compileChunk(c.Path, src)
	if err != nil {
		return err
	}
	chunk := l.NewFunctionFromProto(proto)
	if !returns {
		c.hooks[alerts.Minute] = chunk
		return nil
	}
	l.Push(chunk)
	if err := l.PCall(0, 1, nil); err != nil {
		return err
	}
	script, ok := l.Get(-1).(*glua.LTable)
	if !ok {
		return fmt.Errorf("%s: script returns a %s, not a table with check or hooks", c.Path, l.Get(-1).Type())
	}
	c.script = script
	c.category, _ = numberIn(l, script.RawGetString("category"), "id")
	script.RawSetString("key", glua.LString(c.Key))
	script.RawSetString("path", glua.LString(c.Path))
	script.RawSetString("subdir", glua.LString("network"))
	if hooks, ok := script.RawGetString("hooks").(*glua.LTable); ok {
		return c.loadHooks(l, hooks)
	}
	fn, ok := script.RawGetString("check").(*glua.LFunction)
	if !ok {
		return fmt.Errorf("%s: script's table has neither a function check nor a table hooks", c.Path)
	}
	c.Style = StyleReference
	period := alerts.Minute
	if declared := script.RawGetString("granularity"); declared != glua.LNil {
		if period, ok = periodicityOf(l, declared); !ok || period.Seconds() == 0 {
			return fmt.Errorf("%s: granularity %s: want min, 5mins, hour, day or 5sec", c.Path, describe(declared))
		}
	}
	c.hooks[period] = fn
	c.config = c.configTable()
	return c.setup(l)
}

func (c *Check) loadHooks(l *glua.LState, hooks *glua.LTable) error {
	c.Style = StyleNtopng
	var bad error
	hooks.ForEach(func(key, value glua.LValue) {
		fn, ok := value.(*glua.LFunction)
		name, _ := concatText(key)
		p, known := alerts.ParsePeriodicity(name)
		switch {
		case !ok:
			bad = fmt.Errorf("%s: hook %s is a %s, not a function", c.Path, name, value.Type())
		case name == "all":
			for _, p := range []alerts.Periodicity{alerts.Minute, alerts.FiveMinutes, alerts.Hour, alerts.Day} { // ntopng's
				if c.hooks[p] == nil {
					c.hooks[p] = fn
				}
			}
		case !known || p == alerts.Aperiodic:
			bad = fmt.Errorf("%s: unknown hook %s: want min, 5mins, hour, day, 5sec or all", c.Path, name)
		default:
			c.hooks[p] = fn
		}
	})
	if bad != nil {
		return bad
	}
	c.config = c.configTable()
	return c.setup(l)
}

// configTable is the script's default_value under the settings of the options.
func (c *Check) configTable() *glua.LTable {
	t := c.vm.table("filter", c.vm.state.NewTable())
	if defaults, ok := c.script.RawGetString("default_value").(*glua.LTable); ok {
		defaults.ForEach(func(key, value glua.LValue) { t.RawSet(key, value) })
	}
	for _, name := range sortedKeys(c.vm.opts.Config) {
		t.RawSetString(name, luaValue(c.vm.opts.Config[name]))
	}
	return t
}

// setup calls the script's setup, and for each hook onLoad and onEnable: a check that is loaded is
// enabled.
func (c *Check) setup(l *glua.LState) error {
	result, err := c.lifeCycle(l, "setup")
	if c.skipped = result == glua.LFalse; err != nil || c.skipped {
		return err
	}
	for _, p := range alerts.Periodicities() {
		for _, name := range []string{"onLoad", "onEnable"} {
			if c.hooks[p] == nil {
				continue
			}
			if _, err := c.lifeCycle(l, name, glua.LString(p.String()), c.config); err != nil {
				return err
			}
		}
	}
	return nil
}

// lifeCycle calls a function of the script's table, if it is there, for its first result.
func (c *Check) lifeCycle(l *glua.LState, name string, args ...glua.LValue) (glua.LValue, error) {
	fn, ok := c.script.RawGetString(name).(*glua.LFunction)
	if !ok {
		return glua.LNil, nil
	}
	l.Push(fn)
	for _, a := range args {
		l.Push(a)
	}
	if err := l.PCall(len(args), 1, nil); err != nil {
		return glua.LNil, err
	}
	result := l.Get(-1)
	l.Pop(1)
	return result, nil
}

// ErrNoHook is returned when a check does not run at a periodicity.
var ErrNoHook = errors.New("check has no hook for this periodicity")

// RunNetwork runs the check's hook for p on network net of snap, with now (ns since the Unix epoch) as
// the time that the script sees. The result is set also when there is an error: the output until then
// is in it. Errors wrap ErrTimeLimit where the time limit ended the run, and have file and line.
func (c *Check) RunNetwork(ctx context.Context, snap *localnets.Snapshot, net int32, now int64, p alerts.Periodicity) (Result, error) {
	if c.vm.state == nil {
		return Result{}, fmt.Errorf("check %s is closed", c.Key)
	}
	if net < 0 || int(net) >= len(snap.Networks) {
		return Result{}, fmt.Errorf("check %s: no network %d in the snapshot", c.Key, net)
	}
	v, n := c.vm, &snap.Networks[net]
	result := Result{Network: n.Network, Periodicity: p, Time: now}
	if !c.Runs(p) {
		return result, ErrNoHook
	}
	started := time.Now()
	v.run.snap, v.run.selected, v.run.now, v.run.period, v.run.check = snap, net, now, p, c
	v.run.touched, v.run.answer = nil, nil
	v.state.G.Global.RawSetString("_now", glua.LNumber(now/1e9))
	err := v.protect(ctx, func(l *glua.LState) error {
		base := l.GetTop()
		l.Push(c.hooks[p])
		args := 1
		switch c.Style {
		case StyleNtopng:
			l.Push(c.params(l, n, p))
		default:
			info := c.networkInfo(n, p)
			if c.Style == StylePlain {
				l.G.Global.RawSetString("network_info", info)
				args = 0
			} else {
				l.Push(info)
			}
		}
		if err := l.PCall(args, glua.MultRet, nil); err != nil {
			return err
		}
		for i := base + 1; i <= l.GetTop(); i++ {
			result.Values = append(result.Values, v.render(l, l.Get(i)))
		}
		if c.Style == StyleNtopng {
			result.Released = c.releaseLeftovers(l, n, p)
		}
		return nil
	})
	result.Output, result.Warnings, result.Answer = v.run.output.String(), v.run.warnings, v.run.answer
	result.Duration = time.Since(started)
	v.run.check = nil
	return result, err
}

// networkInfo is what check(network_info) gets.
func (c *Check) networkInfo(n *localnets.NetworkStats, p alerts.Periodicity) *glua.LTable {
	t := c.vm.table(
		"network_cidr", n.Prefix.String(), "network_id", n.ID, "network_key", n.Name, "alias", n.Alias,
		"ifid", c.vm.opts.Interface.ID, "granularity", p.String(), "when", c.vm.run.now/1e9)
	if c.config != nil {
		t.RawSetString("config", c.config)
	}
	return t
}

// params is what ntopng's hooks get.
func (c *Check) params(l *glua.LState, n *localnets.NetworkStats, p alerts.Periodicity) *glua.LTable {
	v := c.vm
	entities := v.module("alert_entities", v.builtins["alert_entities"]).(*glua.LTable)
	current := v.state.NewTable()
	for _, a := range c.engaged(n, p) {
		current.Append(v.alertTable(&a))
	}
	return v.table(
		"granularity", p.String(),
		"alert_entity", v.table("alert_entity", entities.RawGetString("network"), "entity_val", n.Name),
		"entity_info", v.newStats(n, ShapeNtopng),
		"cur_alerts", current, "check_config", c.config, "check", c.script,
		"when", v.run.now/1e9, "ifid", v.opts.Interface.ID, "ts_enabled", false)
}

// engaged are the check's own engaged alerts of a network and periodicity.
func (c *Check) engaged(n *localnets.NetworkStats, p alerts.Periodicity) []alerts.Alert {
	if c.vm.opts.Sink.AlertView(n.Prefix.String()).Engaged == 0 {
		return nil
	}
	all, _ := c.vm.opts.Sink.Query(n.Prefix.String(), alerts.Filter{Status: alerts.StatusEngaged, Periodicity: &p})
	own := all[:0]
	for _, a := range all {
		if a.Check == c.Key {
			own = append(own, a)
		}
	}
	return own
}

// releaseLeftovers ends the check's alerts about which a successful run did not decide, as ntopng's
// engine does.
func (c *Check) releaseLeftovers(l *glua.LState, n *localnets.NetworkStats, p alerts.Periodicity) int {
	released := 0
	for _, a := range c.engaged(n, p) {
		if c.vm.run.touched[a.Key] {
			continue
		}
		if _, ok := c.vm.release(l, "leftover alert", a.Key, c.vm.clock().Unix()); ok {
			released++
		}
	}
	return released
}

// render is a returned value as a person reads it.
func (v *VM) render(l *glua.LState, value glua.LValue) string {
	if t, ok := value.(*glua.LTable); ok {
		if text, err := v.encodeJSON(l, t); err == nil {
			return text
		}
	}
	return v.toText(l, value)
}
