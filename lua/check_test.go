package lua

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/netmond/netmond/alerts"
)

func events(s *alerts.Mem) (out []string) {
	for _, e := range s.Events() {
		a := e.Alert
		out = append(out, strings.Join([]string{e.Kind.String(), a.Periodicity.String(), a.Key.Key, alerts.SeverityOf(a.Score).String(), a.JSON}, " "))
	}
	return out
}

func TestNtopngStyle(t *testing.T) {
	sink := alerts.NewMem(alerts.DefaultConfig())
	c := loadTestdata(t, "ntopng_style.lua", Options{Sink: sink})
	if c.Style != StyleNtopng || !c.Runs(alerts.Minute) || !c.Runs(alerts.FiveMinutes) || c.Runs(alerts.Hour) || c.Runs(alerts.Aperiodic) {
		t.Fatalf("style %v, hooks %v", c.Style, c.hooks)
	}
	snap := testSnapshot()
	run := func(now int64, p alerts.Periodicity) Result {
		t.Helper()
		r, err := c.RunNetwork(context.Background(), snap, 0, now, p)
		if err != nil || len(r.Warnings) > 0 {
			t.Fatalf("%v, warnings %q", err, r.Warnings)
		}
		return r
	}
	const flood = `{"metric":"ntopng_style","value":6,"operator":"gt","threshold":5,"victim":`
	run(testNow, alerts.Minute)
	got := events(sink)
	if len(got) != 1 || !strings.HasPrefix(got[0], "engage min 4153@ntopng_style error "+flood) {
		t.Errorf("first minute: %q", got)
	}
	run(testNow+60e9, alerts.Minute)
	if got := events(sink); got != nil {
		t.Errorf("second minute: %q, want nothing: the alert is engaged", got)
	}
	r := run(testNow+60e9, alerts.FiveMinutes)
	if want := "5mins\t0\n"; r.Output != want {
		t.Errorf("output %q, want %q", r.Output, want)
	}
	if diff := cmp.Diff([]string{
		`engage 5mins 4179@192.0.2.0/24 warning {"metric":50}`,
		`store 5mins 4171@ none {"metric":3}`,
	}, events(sink)); diff != "" {
		t.Errorf("five minutes (-want +got):\n%s", diff)
	}
	if got := sink.AlertView("192.0.2.0/24"); got.Engaged != 2 || got.ScoreServer != 150 {
		t.Errorf("view %+v, want 2 engaged with score 150", got)
	}
	snap = testSnapshot()
	snap.Networks[0].Minute.NewFlowsPeak = 0
	snap.Networks[0].TCP[0].Lost = 1
	snap.Networks[0].Traffic[0].Bytes += 77
	run(testNow+120e9, alerts.Minute)
	r = run(testNow+360e9, alerts.FiveMinutes)
	if want := "5mins\t77\n"; r.Output != want {
		t.Errorf("output %q, want %q", r.Output, want)
	}
	var kinds []string
	for _, e := range events(sink) {
		kinds = append(kinds, strings.Join(strings.Fields(e)[:3], " "))
	}
	if diff := cmp.Diff([]string{"release min 4153@ntopng_style", "release 5mins 4179@192.0.2.0/24", "store 5mins 4171@"}, kinds); diff != "" {
		t.Errorf("afterwards (-want +got):\n%s", diff)
	}
}

// What an ntopng-style check stops deciding about is released, but only after a run without error,
// and only its own.
func TestLeftoverAlerts(t *testing.T) {
	sink := alerts.NewMem(alerts.DefaultConfig())
	c, err := NewCheck(context.Background(), "left.lua", `
local n = 0
return {hooks = {min = function(params)
  n = n + 1
  local class = require("alert_consts").alert_types.alert_user_1
  if n == 1 then
    for i = 1, 3 do local a = class.new(i) a:set_subtype("s" .. i) a:trigger(params.alert_entity, nil, params.cur_alerts) end
  elseif n == 2 then error("broken")
  elseif n == 3 then local a = class.new(1) a:set_subtype("s1") print(#params.cur_alerts, a:trigger(params.alert_entity, nil, params.cur_alerts), #params.cur_alerts)
  end
end}}`, Options{Sink: sink})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	foreign := alerts.Alert{Key: alerts.Key{Network: "192.0.2.0/24", Periodicity: alerts.Minute, Key: "other"}, Check: "another"}
	if _, err := sink.Engage(foreign); err != nil {
		t.Fatal(err)
	}
	var engaged []int
	for i := range 4 {
		r, err := c.RunNetwork(context.Background(), testSnapshot(), 0, testNow, alerts.Minute)
		if (err != nil) != (i == 1) {
			t.Errorf("run %d: error %v", i+1, err)
		}
		if want := "3\ttrue\t2\n"; i == 2 && (r.Output != want || r.Released != 2) {
			t.Errorf("run 3: output %q, released %d; want %q, 2", r.Output, r.Released, want)
		}
		engaged = append(engaged, sink.AlertView("192.0.2.0/24").Engaged)
	}
	if want := []int{4, 4, 2, 1}; !slices.Equal(engaged, want) {
		t.Errorf("engaged after each run %v, want %v", engaged, want)
	}
}

func TestLoadErrors(t *testing.T) {
	for _, c := range []struct{ src, want string }{
		{"x =", "bad.lua:1:4: unexpected end of file"},
		{"local x = 1\nif x then\n", "bad.lua:3:1: 'end' expected (to close 'if' at line 2) near end of file"},
		{"return 1", "returns a number, not a table"},
		{"return nil", "returns a nil"},
		{"return {}", "neither a function check nor a table hooks"},
		{"return {check = 1}", "neither a function check nor a table hooks"},
		{"return {hooks = {min = 1}}", "hook min is a number"},
		{"return {hooks = {week = function() end}}", "unknown hook week"},
		{"return {check = function() end, granularity = 'week'}", `granularity string "week"`},
		{"error('at load') return {}", "bad.lua:1: at load"},
		{"while true do end return {}", "time limit reached (50ms)"},
		{"return {check = function() end, setup = function() error('in setup') end}", "bad.lua:1: in setup"},
		{"return checks.periodicities.5mins", `bad.lua:1:28: malformed number '.5mins': a key that begins with a digit is written ["5mins"]`},
		{"local a <close> = 1", "bad.lua:1:15: to-be-closed variables are not supported"},
		{"local a <const> = 1 a = 2", "bad.lua:1:21: attempt to assign to const variable 'a'"},
		{"if a != b then end", "bad.lua:1:6: unexpected '!=': Lua writes '~='"},
		{"x = 'a\nb'", "bad.lua:1:5: unfinished string"},
		{"x = [[a", "bad.lua:1:5: unfinished long string"},
		{"--[[a", "unfinished long comment"},
		{`x = "\q"`, `bad.lua:1:7: invalid escape sequence '\q'`},
		{`x = "\300"`, "decimal escape too large"},
		{`x = "\xg0"`, "hexadecimal digit expected"},
		{`x = "\u{110000000}"`, "UTF-8 value too large"},
		{"x = 3x", "malformed number '3x'"},
		{"x = 0x", "malformed number '0x'"},
		{"x = @", "unexpected symbol '@'"},
		{"goto nowhere", "no visible label 'nowhere'"},
		{"break", "no loop to break"},
		{"::a:: ::a::", "label 'a' already defined"},
		{"function f() return ... end", "cannot use '...' outside a vararg function"},
		{"f() = 1", "cannot assign to this expression"},
		{"(a) = 1", "cannot assign to an expression in parentheses"},
		{"a.b", "statement expected near 'a'"},
		{"(a .. b)", "statement expected near '('"},
		{"return 1 x = 2", "'return' must be the last statement"},
		{"for 1 = 2", "name expected near 1"},
		{"f(1", "')' expected near end of file"},
		{"x = }", "unexpected '}'"},
		{"local function end", "name expected near 'end'"},
		{"local t = {a = }", "unexpected '}'"},
		{"function f(a,) end", "name expected near ')'"},
		{"x = y z", "statement expected near 'z'"},
	} {
		check, err := NewCheck(context.Background(), "bad.lua", c.src, Options{TimeLimit: 50e6})
		if err == nil {
			check.Close()
			t.Errorf("%q: no error, want %q", c.src, c.want)
			continue
		}
		if !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q:\ngot  %q\nwant %q", c.src, err, c.want)
		}
	}
}

func TestRunErrors(t *testing.T) {
	c, err := NewCheck(context.Background(), "run.lua", "return {check = function(info)\n  print('before')\n  local x = nil + 1\nend, granularity = 'hour'}", Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.RunNetwork(context.Background(), testSnapshot(), 0, testNow, alerts.Minute); !errors.Is(err, ErrNoHook) {
		t.Errorf("minute: %v, want ErrNoHook", err)
	}
	if _, err := c.RunNetwork(context.Background(), testSnapshot(), 99, testNow, alerts.Hour); err == nil {
		t.Error("network 99: no error")
	}
	r, err := c.RunNetwork(context.Background(), testSnapshot(), 0, testNow, alerts.Hour)
	if err == nil || !strings.HasPrefix(err.Error(), "run.lua:3: ") || r.Output != "before\n" {
		t.Errorf("error %v, output %q; want a message that begins with run.lua:3:, and the output before it", err, r.Output)
	}
}

func TestResult(t *testing.T) {
	var printed strings.Builder
	c, err := NewCheck(context.Background(), "result.lua", `
local m = {default_value = {a = 1, b = 2}}
function m.setup() return true end
function m.check(info)
  print(info.network_cidr, info.network_key, info.network_id, info.alias, info.ifid, info.granularity, info.when, info.config.a, info.config.b)
  print(("x"):rep(100))
  return 1.5, "text", {a = {1, 2}}, network.getNetworkStats().ingress, nil, true
end
function m.teardown() torn = true end
return m`, Options{Print: &printed, PrintLimit: 100, Config: map[string]any{"b": 7.0}, Interface: Interface{ID: 3}})
	if err != nil {
		t.Fatal(err)
	}
	r, err := c.RunNetwork(context.Background(), testSnapshot(), 1, testNow, alerts.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"1.5", "text", `{"a":[1,2]}`, "{}", "nil", "true"}, r.Values); diff != "" {
		t.Errorf("values (-want +got):\n%s", diff)
	}
	want := "198.51.100.0/24\t198.51.100.1/24\t1\t\t3\tmin\t1700000040\t1\t7\n"
	if !strings.HasPrefix(r.Output, want) || len(r.Output) != 100 || printed.String() != r.Output {
		t.Errorf("output %q, want 100 bytes that begin with %q, and the same on the writer", r.Output, want)
	}
	if got := c.Stats(); got.PrintDropped != uint64(len(want)+101-100) || got.Runs != 2 {
		t.Errorf("stats %+v", got)
	}
	if r.Network.ID != 1 || r.Time != testNow || r.Periodicity != alerts.Minute || r.Duration <= 0 {
		t.Errorf("result %+v", r)
	}
	c.Close()
	c.Close()
	if _, err := c.RunNetwork(context.Background(), testSnapshot(), 1, testNow, alerts.Minute); err == nil {
		t.Error("a closed check ran")
	}
}

func TestSetupSaysNo(t *testing.T) {
	c, err := NewCheck(context.Background(), "no.lua", `return {check = function() end, setup = function() return false end}`, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if c.Runs(alerts.Minute) {
		t.Error("check runs although setup gave false")
	}
}

func TestRequire(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	write := func(path, src string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(src), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(filepath.Join(dir, "plain.lua"), `n = (n or 0) + 1 return {name = ..., n = n}`)
	write(filepath.Join(dir, "modules", "sub", "deep.lua"), `return "deep"`)
	write(filepath.Join(dir, "scripts", "lua", "modules", "old.lua"), `x = 1`)
	write(filepath.Join(dir, "checks.lua"), `return "must not be loaded"`)
	write(filepath.Join(dir, "loop.lua"), `return require("loop")`)
	write(filepath.Join(dir, "broken.lua"), `x = = 1`)
	write(filepath.Join(dir, "raises.lua"), `error("inside")`)
	write(filepath.Join(outside, "secret.lua"), `return "secret"`)
	if err := os.Symlink(filepath.Join(outside, "secret.lua"), filepath.Join(dir, "link.lua")); err != nil {
		t.Fatal(err)
	}
	write(filepath.Join(dir, "main.lua"), `
local function try(name) local ok, e = pcall(require, name) return ok and tostring(e) or (tostring(e):gsub("^.-: ", ""):match("^[^\n]*")) end
local p = require("plain")
print(p.name, p.n, require("plain") == p, n)
print(require("sub.deep"), require("sub/deep"), require("old"), type(require("checks")))
for _, name in ipairs{"loop", "broken", "raises", "link", "missing"} do print(try(name)) end`)
	c, err := LoadCheck(context.Background(), filepath.Join(dir, "main.lua"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	r, err := c.RunNetwork(context.Background(), testSnapshot(), 0, testNow, alerts.Minute)
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Split(strings.ReplaceAll(r.Output, dir, "DIR"), "\n")
	for i, want := range []string{
		"plain\t1\ttrue\t1", "deep\tdeep\ttrue\ttable",
		"loop in require of module 'loop'", "error loading module 'broken': DIR/broken.lua:1:5: unexpected '='",
		"inside", "module 'link' not found", "module 'missing' not found",
	} {
		if i >= len(got) || !strings.HasPrefix(got[i], want) {
			t.Errorf("line %d: got %q, want %q", i+1, got[min(i, len(got)-1)], want)
		}
	}
	if _, err := LoadCheck(context.Background(), dir, Options{}); err == nil {
		t.Error("a folder was loaded as a check")
	}
}

func TestDefaultEnabled(t *testing.T) {
	for src, want := range map[string]bool{
		`print(1)`:                        true,
		`return {check = function() end}`: true,
		`return {check = function() end, default_enabled = true}`: true,
		`return {hooks = {}, default_enabled = false}`:            false,
	} {
		c, err := NewCheck(context.Background(), "test.lua", src, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if got := c.DefaultEnabled(); got != want {
			t.Errorf("%s: %v, want %v", src, got, want)
		}
		c.Close()
	}
}
