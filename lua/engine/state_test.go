package engine

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/netmond/netmond/alerts"
	"github.com/netmond/netmond/localnets"
)

// A check that always fails pauses for 1, 2, 4 and so on periods, an hour at most, and never for good.
func TestBackOff(t *testing.T) {
	b := newBench(t, 2, map[string]string{
		"fails.lua": checking(`error("no luck")`),
		"good.lua":  checking(``),
	}, nil)
	var at []int
	for minute := 1; minute <= 200; minute++ {
		runs := said(b.minutes(1))
		if slices.Contains(runs, "fails net0 error") {
			at = append(at, minute)
			if want := "good net0 ok"; minute > 1 && runs[0] != want {
				t.Errorf("minute %d began with %s, not with those that do not fail", minute, runs[0])
			}
		}
		if !slices.Contains(runs, "good net1 ok") {
			t.Fatalf("minute %d: the other check did not run: %q", minute, runs)
		}
	}
	if want := []int{1, 2, 4, 8, 16, 32, 64, 96, 128, 160, 192}; !slices.Equal(at, want) {
		t.Errorf("ran in the minutes %v, want %v", at, want)
	}
	st := b.of("fails")
	if st.State != StateBackedOff || st.Failures != len(at) || st.Until != minute0+224*minuteNS || st.LastSuccess != 0 || !strings.Contains(st.LastErr, "fails.lua:2: no luck") {
		t.Errorf("status %+v", st)
	}
	if st.Runs[Failed] != uint64(2*len(at)) || st.Runs[Skipped] != uint64(200-len(at)) {
		t.Errorf("runs %v: want %d that failed, and one skipped for each pause", st.Runs, 2*len(at))
	}
	if log := b.logged(); !strings.Contains(log, "check is backed off") || strings.Count(log, "check failed") != len(at) {
		t.Errorf("%d lines of failures for %d failed runs", strings.Count(log, "check failed"), len(at))
	}
	b.write("fails.lua", checking(`return "mended"`))
	b.Reload()
	if got := said(b.minutes(1)); !slices.Contains(got, "fails net1 ok mended") || b.of("fails").State != StateOK {
		t.Errorf("mended: %q, %v", got, b.of("fails").State)
	}
}

// Success ends it, the periodicities are backed off apart, and a few failing networks are no failure.
func TestBackOffEnds(t *testing.T) {
	b := newBench(t, 3, map[string]string{
		"turns.lua":  checking(`local n = tonumber(network.getCachedAlertValue("n", 0)) or 0 network.setCachedAlertValue("n", tostring(n + 1), 0) if n < 3 then error("not yet") end`),
		"hooks.lua":  `return { hooks = { min = function() error("min") end, ["5mins"] = function() end } }`,
		"partly.lua": checking(`if info.network_id == 1 then error("only here") end`),
	}, nil)
	b.minutes(2)
	if st := b.of("turns"); st.State != StateBackedOff || st.Failures != 2 {
		t.Errorf("turns: %v, %d", st.State, st.Failures)
	}
	b.minutes(2)
	if st := b.of("turns"); st.State != StateBackedOff || st.Failures != 3 {
		t.Errorf("turns after the third failure: %v, %d", st.State, st.Failures)
	}
	b.minutes(4)
	if st := b.of("turns"); st.State != StateOK || st.Failures != 0 || st.LastSuccess != minute0+8*minuteNS || st.Until != 0 {
		t.Errorf("turns after its success: %+v", st)
	}
	if !strings.Contains(b.logged(), "check works again") {
		t.Error("nobody was told that it works again")
	}
	hooks := 0
	for _, r := range b.runs {
		if r.Check == "hooks" && r.Periodicity == alerts.FiveMinutes && r.Outcome == OK {
			hooks++
		}
	}
	if hooks != 3 { // at 5 min, on three networks
		t.Errorf("the hook for 5 minutes ran %d times, want 3", hooks)
	}
	if st := b.of("partly"); st.State != StateFailing || st.Runs[Failed] != 8 || st.Runs[OK] != 16 || st.Failures != 0 {
		t.Errorf("partly: %v, runs %v, failures %d; want failing, 8 of 24, not backed off", st.State, st.Runs, st.Failures)
	}
}

func TestStates(t *testing.T) {
	b := newBench(t, 1, map[string]string{
		"ok.lua": checking(``), "new.lua": hook("day", ``), "broken.lua": "no Lua", "off.lua": checking(``), "quiet.lua": `return { default_enabled = false, hooks = { min = function() end } }`,
		"no hooks.lua": checking(``), "table.lua": `return 1`,
	}, func(cfg *Config, _ *Deps) { cfg.Checks = map[string]CheckConfig{"off": {Enabled: on(false)}} })
	b.minutes(1)
	got := map[string]string{}
	for _, c := range b.Status() {
		got[c.Key] = c.State.String()
	}
	if diff := cmp.Diff(map[string]string{"ok": "ok", "new": "new", "broken": "broken", "off": "disabled", "quiet": "disabled", "table": "broken"}, got); diff != "" {
		t.Errorf("states (-want +got):\n%s", diff)
	}
	if s := b.EngineStatus(); s.Refused != 1 { // "no hooks.lua" is no key
		t.Errorf("refused %d files, want 1", s.Refused)
	}
	if st := b.of("broken"); !strings.Contains(st.LoadErr, "broken.lua:1") {
		t.Errorf("load error %q has no file and line", st.LoadErr)
	}
	before := strings.Count(b.logged(), "cannot be loaded")
	b.Reload()
	b.minutes(2)
	if got := strings.Count(b.logged(), "cannot be loaded"); got != before || before != 2 {
		t.Errorf("load errors were told %d times, at first %d; want 2, once each", got, before)
	}
}

// Runs by result, durations, last run and success: what metrics show.
func TestCounts(t *testing.T) {
	var s checkState
	for _, d := range []time.Duration{50 * time.Microsecond, 100 * time.Microsecond, 2 * time.Millisecond, time.Second, 2 * time.Second} {
		s.count(OK, d)
	}
	s.count(Failed, time.Millisecond)
	s.count(Skipped, time.Hour)
	if want := [...]uint64{2, 1, 1, 0, 1, 1}; s.status.Durations != want {
		t.Errorf("durations %v, want %v", s.status.Durations, want)
	}
	if s.status.Runs[OK] != 5 || s.status.Runs[Failed] != 1 || s.status.Runs[Skipped] != 1 || s.status.Spent != 3*time.Second+3150*time.Microsecond {
		t.Errorf("runs %v, spent %v", s.status.Runs, s.status.Spent)
	}
	for o := range NumOutcomes {
		if o.String() == "" || strings.HasPrefix(o.String(), "outcome") {
			t.Errorf("outcome %d has no name", o)
		}
	}
}

// An alerts quota per check and network: what is beyond it is refused and counted, the script goes on, and
// the next run may try again.
func TestQuota(t *testing.T) {
	for _, inProcess := range []bool{true, false} {
		b := newBench(t, 2, map[string]string{
			"storm.lua": checking(`
				local fresh = 0
				for i = 1, 10 do if network.storeTriggeredAlert("k" .. i, 1, 10, 5000, "", "") then fresh = fresh + 1 end end
				return fresh`),
			"calm.lua": checking(`network.storeTriggeredAlert("mine", 1, 10, 5000, "", "")`),
		}, func(cfg *Config, deps *Deps) {
			cfg.InProcess = inProcess
			few := alerts.DefaultConfig()
			few.MaxPerCheckNetwork = 3
			deps.Store = alerts.NewMem(few)
		})
		b.store = b.deps.Store.(*alerts.Mem)
		b.minutes(1)
		if st := b.of("storm"); st.Engaged != 6 || st.Refused != 14 {
			t.Errorf("engaged %d, refused %d; want 6, 14", st.Engaged, st.Refused)
		}
		if got := b.engaged(); len(got) != 8 || !slices.Contains(got, "net1 mine") {
			t.Errorf("engaged %q: want three of storm and one of calm on each network", got)
		}
		// The worker was told what was refused: it does not take those for engaged.
		if got := said(b.minutes(1)); !slices.Contains(got, "storm net0 ok 7") {
			t.Errorf("second run: %q, want 7 fresh alerts tried again", got)
		}
		if !strings.Contains(b.logged(), "changes of a check were refused") {
			t.Error("nobody was told of refused changes")
		}
	}
}

// A run may change 1000 things, and what it changes beyond that tells the script so.
func TestChangesOfARun(t *testing.T) {
	b := newBench(t, 1, map[string]string{
		"many.lua": checking(`for i = 1, 1500 do network.setCachedAlertValue("k" .. i, "v", 0) end`),
		"long.lua": checking(`network.setCachedAlertValue("k", ("x"):rep(70000), 0) network.storeTriggeredAlert("k", 1, 1, 1, "", ("x"):rep(70000)) return network.getCachedAlertValue("k", 0)`),
	}, nil)
	for _, r := range b.minutes(1) {
		if r.Outcome != OK || len(r.Warnings) == 0 {
			t.Errorf("%s: %v, warnings %q", r.Check, r.Outcome, r.Warnings)
		}
		if r.Check == "long" && !slices.Equal(r.Values, []string{""}) {
			t.Errorf("long: %q, want nothing stored", r.Values)
		}
	}
	if got := b.store.CachedValue(b.nets()[0].Prefix.String(), 0, "k1001"); got != "" {
		t.Errorf("change 1001 of a run was made: %q", got)
	}
	if got := b.store.CachedValue(b.nets()[0].Prefix.String(), 0, "k1000"); got != "v" {
		t.Errorf("change 1000 of a run was not made: %q", got)
	}
}

// The log takes 64 KiB of a check's output a minute, and counts the rest.
func TestPrintIsCapped(t *testing.T) {
	b := newBench(t, 4, map[string]string{
		"loud.lua":  checking(`for i = 1, 1000 do print(("x"):rep(99)) end`),
		"quiet.lua": checking(`print("quiet\nlines")`),
	}, func(_ *Config, deps *Deps) {
		deps.OnRun = nil // output goes to the log
		deps.Now = func() time.Time { return time.Unix(0, minute0) }
	})
	b.minutes(1)
	if n := strings.Count(b.logged(), strings.Repeat("x", 99)); n < 600 || n > printBudget/100+1 {
		t.Errorf("%d lines in the log, want about %d", n, printBudget/100)
	}
	if st := b.of("loud"); st.PrintDropped < 4*100_000-printBudget-200 {
		t.Errorf("%d bytes thrown away of 400,000 with room for %d", st.PrintDropped, printBudget)
	}
	if strings.Count(b.logged(), "line=quiet") != 4 || strings.Count(b.logged(), "line=lines") != 4 {
		t.Error("the other check's lines are not in the log")
	}
}

// A failingStore refuses, or queues, all that it is given.
type failingStore struct {
	*alerts.Mem
	err error
}

func (s failingStore) Apply(ops []alerts.Op) []alerts.Result {
	results := make([]alerts.Result, len(ops))
	for i := range results {
		results[i].Err = s.err
	}
	return results
}

// A store that cannot write is told of, and no check fails by it.
func TestFailingStore(t *testing.T) {
	for _, c := range []struct {
		err             error
		refused, queued uint64
		log             string
	}{
		{errors.New("disk is gone"), 1, 0, "changes of a check were refused"},
		{fmt.Errorf("disk: %w", alerts.ErrQueued), 0, 1, "changes of a check are not on disk yet"},
	} {
		b := newBench(t, 1, map[string]string{"k.lua": engages}, func(_ *Config, deps *Deps) { deps.Store = failingStore{deps.Store.(*alerts.Mem), c.err} })
		b.minutes(1)
		st := b.of("k")
		if st.Refused != c.refused || st.Queued != c.queued || st.State != StateOK || !strings.Contains(b.logged(), c.log) {
			t.Errorf("%v: refused %d, queued %d, %v", c.err, st.Refused, st.Queued, st.State)
		}
	}
}

// Networks without an order of their own run by ID, checks by name, shipped ones among them; idle
// networks too.
func TestOrder(t *testing.T) {
	b := newBench(t, 3, map[string]string{"c.lua": checking(``), "a.lua": checking(``)}, func(_ *Config, deps *Deps) {
		deps.Shipped = shipped(map[string]string{"b.lua": checking(``), "a.lua": checking(`return "shipped"`)})
	})
	b.snap.Networks[1].Traffic = [localnets.NumDirections]localnets.Counts{}
	want := []string{
		"a net0 ok", "a net1 ok", "a net2 ok", "b net0 ok", "b net1 ok", "b net2 ok", "c net0 ok", "c net1 ok", "c net2 ok",
	}
	for range 3 {
		if diff := cmp.Diff(want, said(b.minutes(1))); diff != "" {
			t.Errorf("order (-want +got):\n%s", diff)
		}
	}
	if !strings.Contains(b.logged(), "is not used") {
		t.Error("nobody was told that a shipped check has its name taken")
	}
}
