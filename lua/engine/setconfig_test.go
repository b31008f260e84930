package engine

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/netmond/netmond/alerts"
	"github.com/netmond/netmond/lua"
)

func on(v bool) *bool { return &v }

// Each kind of setting takes effect at the next run after SetConfig, and nothing else changes.
func TestSetConfig(t *testing.T) {
	for _, inProcess := range []bool{true, false} {
		t.Run(map[bool]string{true: "in process", false: "worker"}[inProcess], func(t *testing.T) {
			b := newBench(t, 3, map[string]string{
				"limit.lua": setting,
				"shape.lua": checking(`return type(network.getNetworkStats().ingress)`),
				"slow.lua":  `local M = { default_value = { n = 10 } } function M.check(info) local t = 0 for i = 1, info.config.n do t = t + i end return "done" end return M`,
			}, func(cfg *Config, _ *Deps) { cfg.InProcess = inProcess })
			other := t.TempDir()
			if err := os.WriteFile(filepath.Join(other, "other.lua"), []byte(checking(`return require("mine").x`)), 0o644); err != nil {
				t.Fatal(err)
			}
			if err := os.MkdirAll(filepath.Join(other, "modules"), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(other, "modules", "mine.lua"), []byte(`return {x = "module"}`), 0o644); err != nil {
				t.Fatal(err)
			}
			base := func() Config {
				cfg := DefaultConfig()
				cfg.ScriptsDirs, cfg.ReloadInterval = []string{b.dir}, 0
				return cfg
			}
			for _, step := range []struct {
				name   string
				change func(*Config)
				want   []string
			}{
				{"as it began", func(*Config) {}, []string{
					"limit net0 ok 1", "limit net1 ok 1", "limit net2 ok 1",
					"shape net0 ok table", "shape net1 ok table", "shape net2 ok table",
					"slow net0 ok done", "slow net1 ok done", "slow net2 ok done",
				}},
				{"a setting, and one for a network", func(cfg *Config) {
					cfg.Checks = map[string]CheckConfig{
						"limit": {Config: map[string]any{"limit": 7}, Networks: map[string]NetworkConfig{"net1": {Config: map[string]any{"limit": "x"}}, "192.0.2.2/32": {Enabled: on(false)}}},
						"shape": {Enabled: on(false)}, "slow": {Enabled: on(false)},
					}
				}, []string{"limit net0 ok 7", "limit net1 ok x"}},
				{"disabled but for a network", func(cfg *Config) {
					cfg.Checks = map[string]CheckConfig{
						"limit": {Enabled: on(false), Config: map[string]any{"limit": 7}, Networks: map[string]NetworkConfig{
							"net2": {Enabled: on(true)}, "net0": {Config: map[string]any{"limit": 8}}, "nowhere": {Enabled: on(true)},
						}},
						"shape": {Enabled: on(false)}, "slow": {Enabled: on(false)},
					}
				}, []string{"limit net2 ok 7"}},
				{"the shape of ntopng", func(cfg *Config) {
					cfg.Shape = lua.ShapeNtopng
					cfg.Checks = map[string]CheckConfig{"limit": {Enabled: on(false)}, "slow": {Enabled: on(false)}}
				}, []string{"shape net0 ok number", "shape net1 ok number", "shape net2 ok number"}},
				{"a limit of time for one", func(cfg *Config) {
					cfg.Checks = map[string]CheckConfig{"limit": {Enabled: on(false)}, "shape": {Enabled: on(false)}, "slow": {Config: map[string]any{"n": 1e12}, Limits: Limits{Time: 50 * time.Millisecond}}}
				}, []string{"slow net0 timeout"}},
				{"another folder with its modules", func(cfg *Config) { cfg.ScriptsDirs = []string{other} }, []string{
					"other net0 ok module", "other net1 ok module", "other net2 ok module",
				}},
				{"back", func(*Config) {}, []string{
					"limit net0 ok 1", "limit net1 ok 1", "limit net2 ok 1",
					"shape net0 ok table", "shape net1 ok table", "shape net2 ok table",
					"slow net0 ok done", "slow net1 ok done", "slow net2 ok done",
				}},
			} {
				cfg := base()
				step.change(&cfg)
				if err := b.SetConfig(cfg); err != nil {
					t.Fatalf("%s: %v", step.name, err)
				}
				if diff := cmp.Diff(step.want, said(b.minutes(1))); diff != "" {
					t.Errorf("%s (-want +got):\n%s", step.name, diff)
				}
			}
			if inProcess && len(b.WorkerPIDs()) != 0 || !inProcess && len(b.WorkerPIDs()) == 0 {
				t.Errorf("workers %v: how scripts are run is not for SetConfig", b.WorkerPIDs())
			}
		})
	}
}

func TestSetConfigRefused(t *testing.T) {
	b := newBench(t, 1, map[string]string{"limit.lua": setting}, nil)
	b.minutes(1)
	for _, c := range []struct {
		change func(*Config)
		want   string
	}{
		{func(cfg *Config) { cfg.Limits.Time = 0 }, "time and memory have to be set"},
		{func(cfg *Config) { cfg.Limits.Memory = 1 }, "memory 1 bytes"},
		{func(cfg *Config) { cfg.MaxScripts = 0 }, "most scripts 0"},
		{func(cfg *Config) { cfg.ReloadInterval = -1 }, "positive"},
		{func(cfg *Config) { cfg.Checks = map[string]CheckConfig{"../x": {}} }, `check "../x": not the name`},
		{func(cfg *Config) { cfg.Checks = map[string]CheckConfig{"a": {Config: map[string]any{"x": []int{}}}} }, "check a: setting x is a []int"},
		{func(cfg *Config) {
			cfg.Checks = map[string]CheckConfig{"a": {Networks: map[string]NetworkConfig{"n": {Config: map[string]any{"x": nil}}}}}
		}, "check a: network n: setting x is a <nil>"},
	} {
		cfg := DefaultConfig()
		c.change(&cfg)
		if err := b.SetConfig(cfg); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want %q", err, c.want)
		}
	}
	if err := b.SetChecks(map[string]CheckConfig{"limit": {Limits: Limits{Time: -1}}}); err == nil {
		t.Error("SetChecks took a negative limit")
	}
	if got := said(b.minutes(1)); !slices.Equal(got, []string{"limit net0 ok 1"}) {
		t.Errorf("after refusals: %q", got)
	}
}

// SetConfig does not forget: alerts, cached values, the back-off of a check of which nothing changed.
func TestSetConfigKeeps(t *testing.T) {
	b := newBench(t, 2, map[string]string{
		"counts.lua": checking(`
			local n = tonumber(network.getCachedAlertValue("n", 1)) or 0
			network.setCachedAlertValue("n", tostring(n + 1), 1)
			network.storeTriggeredAlert("k", 1, 100, 5000, "", "")
			return n`),
		"fails.lua": checking(`error("no")`),
		"other.lua": setting,
	}, nil)
	b.minutes(2) // "fails" failed and pauses for one period
	cfg := DefaultConfig()
	cfg.ScriptsDirs, cfg.ReloadInterval = []string{b.dir, t.TempDir()}, time.Hour
	cfg.Checks = map[string]CheckConfig{"other": {Config: map[string]any{"limit": 2}}}
	if err := b.SetConfig(cfg); err != nil {
		t.Fatal(err)
	}
	if st := b.of("fails"); st.State != StateBackedOff || st.Failures != 2 {
		t.Errorf("the failing check is %v after %d failures: its back-off is forgotten", st.State, st.Failures)
	}
	want := []string{"counts net0 ok 2", "counts net1 ok 2", "other net0 ok 2", "other net1 ok 2"}
	if diff := cmp.Diff(want, said(b.minutes(1))); diff != "" {
		t.Errorf("the minute after (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"net0 k", "net1 k"}, b.engaged()); diff != "" {
		t.Errorf("engaged (-want +got):\n%s", diff)
	}
	if st := b.of("counts"); st.Engaged != 2 || st.Runs[OK] != 6 {
		t.Errorf("engaged %d, runs %d; want 2, 6", st.Engaged, st.Runs[OK])
	}
	// A changed limit is a new chance for it.
	cfg.Checks["fails"] = CheckConfig{Limits: Limits{Time: time.Second}}
	if err := b.SetConfig(cfg); err != nil {
		t.Fatal(err)
	}
	if st := b.of("fails"); st.State != StateNew {
		t.Errorf("with other limits it is %v, want new", st.State)
	}
}

// The settings count also while a file is broken and an earlier text of it runs.
func TestSettingsOfABrokenFile(t *testing.T) {
	b := newBench(t, 1, map[string]string{"limit.lua": setting}, nil)
	b.minutes(1)
	b.write("limit.lua", "this is no Lua")
	if err := b.SetChecks(map[string]CheckConfig{"limit": {Config: map[string]any{"limit": 5}}}); err != nil {
		t.Fatal(err)
	}
	if got := said(b.minutes(1)); !slices.Equal(got, []string{"limit net0 ok 5"}) {
		t.Errorf("got %q, want the earlier text with the present setting", got)
	}
	if st := b.of("limit"); st.LoadErr == "" || st.State != StateOK {
		t.Errorf("load error %q, state %v", st.LoadErr, st.State)
	}
	if err := b.SetChecks(map[string]CheckConfig{"limit": {Enabled: on(false)}}); err != nil {
		t.Fatal(err)
	}
	if got := b.minutes(1); len(got) > 0 {
		t.Errorf("a disabled check ran: %q", said(got))
	}
}

// Whose alerts are left over.
func TestOwner(t *testing.T) {
	b := newBench(t, 3, map[string]string{
		"stays.lua": engages, "goes.lua": engages, "breaks.lua": engages, "disabled.lua": engages, "partly.lua": engages,
		"moves.lua": `return { hooks = { min = function() network.storeTriggeredAlert("m", 1, 100, 5000, "", "") network.storeTriggeredAlert("h", 3, 100, 5000, "", "") end } }`,
	}, nil)
	b.minutes(1)
	owns := func(check string, network int, p alerts.Periodicity) bool {
		return b.Owner(b.nets()[:2])(&alerts.Alert{Key: alerts.Key{Network: b.nets()[network].Prefix.String(), Periodicity: p}, Check: check})
	}
	for _, c := range []string{"stays", "goes", "breaks", "disabled", "partly", "moves"} {
		if !owns(c, 0, alerts.Minute) || owns(c, 2, alerts.Minute) {
			t.Errorf("%s: owns on a network %v, on one that is gone %v", c, owns(c, 0, alerts.Minute), owns(c, 2, alerts.Minute))
		}
	}
	if owns("unknown", 0, alerts.Minute) {
		t.Error("a check that never was owns alerts")
	}
	os.Remove(filepath.Join(b.dir, "goes.lua"))
	b.write("breaks.lua", "no Lua")
	b.write("moves.lua", hook("5mins", ""))
	if err := b.SetChecks(map[string]CheckConfig{"disabled": {Enabled: on(false)}, "partly": {Networks: map[string]NetworkConfig{"net1": {Enabled: on(false)}}}}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		check   string
		network int
		p       alerts.Periodicity
		want    bool
	}{
		{"stays", 0, alerts.Minute, true},
		{"goes", 0, alerts.Minute, false},
		{"breaks", 0, alerts.Minute, true}, // an earlier text runs
		{"disabled", 0, alerts.Minute, false},
		{"partly", 0, alerts.Minute, true},
		{"partly", 1, alerts.Minute, false},
		{"moves", 0, alerts.Minute, false},
		{"moves", 0, alerts.Hour, true}, // never was a hook of it: the script chose the number
		{"moves", 0, alerts.FiveMinutes, true},
	} {
		if got := owns(c.check, c.network, c.p); got != c.want {
			t.Errorf("%s on net%d at %v: %v, want %v", c.check, c.network, c.p, got, c.want)
		}
	}
	// A check that was broken when netmond began still owns what an earlier netmond engaged.
	again := newBench(t, 1, map[string]string{"breaks.lua": "no Lua", "off.lua": "no Lua"}, func(cfg *Config, _ *Deps) {
		cfg.Checks = map[string]CheckConfig{"off": {Enabled: on(false)}}
	})
	again.Reload()
	for check, want := range map[string]bool{"breaks": true, "off": false} {
		a := &alerts.Alert{Key: alerts.Key{Network: again.nets()[0].Prefix.String(), Periodicity: alerts.Minute}, Check: check}
		if got := again.Owner(again.nets())(a); got != want {
			t.Errorf("broken %s owns its alert: %v, want %v", check, got, want)
		}
	}
}

// OnReload comes once more when a run that began before a change ends.
func TestReloadDuringARun(t *testing.T) {
	var b *bench
	reloads := 0
	b = newBench(t, 1, map[string]string{"goes.lua": engages}, func(_ *Config, deps *Deps) {
		deps.OnReload = func() { reloads++ }
		taken := deps.OnRun
		deps.OnRun = func(r RunReport) {
			taken(r)
			if r.Time == minute0+minuteNS {
				os.Remove(filepath.Join(b.dir, "goes.lua"))
				b.Reload()
			}
		}
	})
	b.minutes(1)
	if reloads != 3 { // the first, the removal, the end of the run
		t.Errorf("OnReload came %d times, want 3", reloads)
	}
	if got := b.engaged(); len(got) != 1 || b.Owner(b.nets())(&alerts.Alert{Check: "goes"}) {
		t.Errorf("engaged %q: want one that nobody owns", got)
	}
	if got := b.minutes(1); len(got) > 0 || reloads != 3 {
		t.Errorf("afterwards %q, %d reloads", said(got), reloads)
	}
}

// A REST request sees the folders and limits of the present configuration.
func TestRequestAfterSetConfig(t *testing.T) {
	for _, inProcess := range []bool{true, false} {
		b := newBench(t, 1, nil, func(cfg *Config, _ *Deps) { cfg.InProcess = inProcess })
		other := t.TempDir()
		for dir, text := range map[string]string{b.dir: "one", other: "two"} {
			if err := os.MkdirAll(filepath.Join(dir, "rest"), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, "rest", "who.lua"), []byte(`rest_utils.answer(rest_utils.consts.success.ok, "`+text+`")`), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		for dir, want := range map[string]string{b.dir: `"one"`, other: `"two"`} {
			cfg := DefaultConfig()
			cfg.ScriptsDirs = []string{dir}
			if err := b.SetConfig(cfg); err != nil {
				t.Fatal(err)
			}
			a, err := b.Request(context.Background(), "rest/who.lua", lua.Request{}, b.snap, minute0)
			if err != nil || !strings.Contains(a.Body, want) {
				t.Errorf("in process %v: %+v, %v; want %s", inProcess, a, err, want)
			}
		}
	}
}
