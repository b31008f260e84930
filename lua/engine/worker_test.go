package engine

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/netmond/netmond/alerts"
	"github.com/netmond/netmond/localnets"
	"github.com/netmond/netmond/lua"
)

// short is a time limit for tests in which scripts loop.
const short = 150 * time.Millisecond

func shortLimit(cfg *Config, _ *Deps) {
	cfg.InProcess, cfg.Limits = false, Limits{short, 16 << 20}
}

// Who reaches a limit on one network is blamed for exactly that: the networks before keep what was changed
// on them, those after are skipped, and the other checks know nothing of it.
func TestBlame(t *testing.T) {
	for _, c := range []struct {
		name, body string
		outcome    Outcome
		err        string
	}{
		{"loop", `while true do end`, Timeout, "time limit"},
		{"loop in the matcher", `while true do pcall(string.find, ("a"):rep(3000), ".-.-.-.-.-b") end`, Timeout, "time limit"},
		{"memory", `local t = {} while true do t[#t + 1] = ("x"):rep(1e7) .. #t end`, OutOfMemory, "memory limit of"},
		{"error", `error("no luck")`, Failed, "no luck"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if raceDetector && c.outcome == OutOfMemory {
				t.Skip("with the race detector time or its own memory may end first")
			}
			b := newBench(t, 5, map[string]string{
				"a_good.lua": checking(`return 1`),
				"b_bad.lua":  checking(`network.storeTriggeredAlert("k", 1, 10, 5000, "", "") if info.network_id == 2 then ` + c.body + ` end`),
				"c_good.lua": checking(`return 2`),
			}, shortLimit)
			b.minutes(1)
			want := []string{"b_bad net0 ok", "b_bad net1 ok", "b_bad net2 " + c.outcome.String()}
			engaged := []string{"net0 k", "net1 k"}
			if !c.outcome.fatal() {
				want = append(want, "b_bad net3 ok", "b_bad net4 ok")
				engaged = []string{"net0 k", "net1 k", "net2 k", "net3 k", "net4 k"}
			}
			bad := slices.DeleteFunc(slices.Clone(b.runs), func(r RunReport) bool { return r.Check != "b_bad" })
			if diff := cmp.Diff(want, said(bad)); diff != "" {
				t.Errorf("runs (-want +got):\n%s", diff)
			}
			if len(bad) > 2 && !strings.Contains(bad[2].Err, c.err) {
				t.Errorf("error %q, want %q", bad[2].Err, c.err)
			}
			if c.outcome == Timeout { // the worker itself ends the run at the limit, and keeps its changes
				engaged = append(engaged, "net2 k")
			}
			if diff := cmp.Diff(engaged, b.engaged()); diff != "" {
				t.Errorf("engaged (-want +got):\n%s", diff)
			}
			for _, good := range []string{"a_good", "c_good"} {
				if st := b.of(good); st.Runs != [NumOutcomes]uint64{OK: 5} {
					t.Errorf("%s: runs %v", good, st.Runs)
				}
			}
			st := b.of("b_bad")
			if c.outcome.fatal() && st.Runs[Skipped] != 2 || st.Runs[c.outcome] != 1 {
				t.Errorf("counted %v", st.Runs)
			}
		})
	}
}

// An endStore runs a function when a script asks for the cached value "now".
type endStore struct {
	*alerts.Mem
	do func()
}

func (s endStore) CachedValue(network string, namespace int, key string) string {
	if key == "now" {
		s.do()
	}
	return s.Mem.CachedValue(network, namespace, key)
}

// A worker that is killed from outside is the failure of the check that ran, on the network that it ran
// on; the rest goes on in another worker.
func TestWorkerIsKilled(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no signals")
	}
	var b *bench
	kills := 0
	b = newBench(t, 4, map[string]string{
		"a.lua": checking(``),
		"b.lua": checking(`if info.network_id == 1 then network.getCachedAlertValue("now", 0) end`),
		"c.lua": checking(``),
	}, func(cfg *Config, deps *Deps) {
		cfg.InProcess = false
		deps.Store = endStore{deps.Store.(*alerts.Mem), func() {
			if kills++; kills == 1 {
				for _, pid := range b.WorkerPIDs() {
					p, err := os.FindProcess(pid)
					if err != nil {
						t.Error(err)
						return
					}
					_ = p.Kill()
				}
			}
		}}
	})
	want := []string{
		"a net0 ok", "a net1 ok", "a net2 ok", "a net3 ok",
		"b net0 ok", "b net1 crashed",
		"c net0 ok", "c net1 ok", "c net2 ok", "c net3 ok",
	}
	if diff := cmp.Diff(want, said(b.minutes(1))); diff != "" {
		t.Errorf("runs (-want +got):\n%s", diff)
	}
	if s := b.EngineStatus(); s.Restarts != [NumOutcomes]uint64{Crashed: 1} {
		t.Errorf("restarts %v, want one for a crash", s.Restarts)
	}
	if got := said(b.minutes(1)); len(got) != 12 || slices.ContainsFunc(got, func(s string) bool { return !strings.HasSuffix(s, " ok") }) {
		t.Errorf("the next minute: %q", got)
	}
}

// A program that is no worker, or speaks nonsense, is an error of the run and nothing else.
func TestNoWorker(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no shell")
	}
	for _, c := range []struct{ name, command string }{
		{"ends", `exit 3`},
		{"nonsense", `printf 'XXXXXXXXXXXXXXXXXXXXXXXX' >&3; cat <&3 >/dev/null`},
		{"a reply of another type", `printf '\1\0\0\0\103' >&3; cat <&3 >/dev/null`},
		{"a long message", `printf '\377\377\377\377\100' >&3; cat <&3 >/dev/null`},
		{"not there", ``},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, 1, map[string]string{"a.lua": checking(``)}, nil)
			b.minutes(1) // loaded by a worker that works
			b.set.Load().cfg.InProcess = false
			b.set.Load().cfg.Command = []string{"/bin/sh", "-c", c.command}
			if c.command == "" {
				b.set.Load().cfg.Command = []string{"/nonexistent/worker"}
			}
			for _, r := range b.runners {
				r.lost()
			}
			b.now += minuteNS
			err := b.RunDue(context.Background(), b.now, b.snap)
			if !errors.Is(err, errNoWorker) {
				t.Errorf("error %v, want errNoWorker", err)
			}
		})
	}
}

// A worker keeps no more than half of the memory limit over runs; then another takes its place.
func TestRecycle(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector's memory counts")
	}
	b := newBench(t, 1, map[string]string{
		"keeps.lua": `local M = {} local kept = {} function M.check() for i = 1, 3 do kept[#kept + 1] = ("x"):rep(1000000) .. #kept end return #kept end return M`,
	}, func(cfg *Config, deps *Deps) {
		cfg.InProcess, cfg.Limits.Memory = false, 32<<20
	})
	var got []string
	for _, r := range b.minutes(16) {
		got = append(got, r.Outcome.String()+" "+strings.Join(r.Values, ""))
	}
	if s := b.EngineStatus(); s.Recycled == 0 || s.Restarts != [NumOutcomes]uint64{} {
		t.Errorf("recycled %d, restarts %v; runs %q", s.Recycled, s.Restarts, got)
	}
	if slices.ContainsFunc(got, func(s string) bool { return !strings.HasPrefix(s, "ok ") }) || !slices.Contains(got[1:], "ok 3") {
		t.Errorf("runs %q: want success, with what was kept gone once", got)
	}
}

// What two checks do to globals, modules and the string metatable they do to themselves.
func TestChecksAreApart(t *testing.T) {
	b := newBench(t, 1, map[string]string{
		"a_spoils.lua": checking(`x = 1 string.rep = nil network.select = nil string.format = function() return "spoilt" end require("checks").periodicities.min = 9 tostring = nil getmetatable("").__index.len = nil`),
		"b_looks.lua":  checking(`return tostring(x), ("a"):rep(2), network.select ~= nil, string.format("%d", 1), require("checks").periodicities.min, ("abc"):len()`),
	}, outside)
	if got := said(b.minutes(1)); !slices.Contains(got, `b_looks net0 ok nil,aa,true,1,0,3`) {
		t.Errorf("got %q", got)
	}
}

// Each request has an answer, whatever its script does, and the next one too.
func TestRequests(t *testing.T) {
	b := newBench(t, 1, map[string]string{
		"rest/hello.lua": `rest_utils.answer(rest_utils.consts.success.ok, {who = _GET.who})`,
		"rest/loop.lua":  `while true do end`,
		"rest/stuck.lua": `while true do pcall(string.find, ("a"):rep(3000), ".-.-.-.-.-b") end`,
		"rest/eats.lua":  `local t = {} while true do t[#t + 1] = ("x"):rep(1e7) .. #t end`,
		"rest/error.lua": `error("no luck")`,
		"rest/alert.lua": `network.select(0) network.storeTriggeredAlert("rest", 0, 10, 5000, "", "") rest_utils.answer(rest_utils.consts.success.ok, #network.getAlerts())`,
	}, shortLimit)
	ask := func(name string) (*lua.Answer, error) {
		return b.Request(context.Background(), name, lua.Request{Get: map[string]string{"who": "me"}}, b.snap, minute0)
	}
	for _, c := range []struct {
		name, body string
		err        error
		text       string
	}{
		{"rest/hello.lua", `"who":"me"`, nil, ""},
		{"rest/loop.lua", "", lua.ErrTimeLimit, "rest/loop.lua"},
		{"rest/stuck.lua", "", lua.ErrTimeLimit, "rest/stuck.lua"},
		{"rest/eats.lua", "", nil, "rest/eats.lua"}, // no memory, or on a busy machine no time
		{"rest/error.lua", "", nil, "no luck"},
		{"rest/none.lua", "", fs.ErrNotExist, "none.lua"},
		{"../secret.lua", "", fs.ErrNotExist, ""},
		{"rest/alert.lua", `"rsp":1`, nil, ""},
	} {
		started := time.Now()
		a, err := ask(c.name)
		took := time.Since(started)
		failed := c.err != nil || c.text != ""
		switch {
		case a == nil || a.Status == 0:
			t.Errorf("%s: no answer", c.name)
		case !failed && (err != nil || !strings.Contains(a.Body, c.body)):
			t.Errorf("%s: %s, %v", c.name, a.Body, err)
		case failed && (err == nil || a.Status < 400 || c.err != nil && !errors.Is(err, c.err) || !strings.Contains(err.Error(), c.text)):
			t.Errorf("%s: status %d, error %v; want %v %s", c.name, a.Status, err, c.err, c.text)
		case took > 10*short+lateness:
			t.Errorf("%s took %v", c.name, took)
		}
		if a, err := ask("rest/hello.lua"); err != nil || !strings.Contains(a.Body, `"who":"me"`) {
			t.Errorf("after %s: %v", c.name, err)
		}
	}
	if got := b.engaged(); !slices.Equal(got, []string{"net0 rest"}) {
		t.Errorf("engaged %q", got)
	}
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(short/3, cancel)
	if a, err := b.Request(ctx, "rest/loop.lua", lua.Request{}, b.snap, minute0); !errors.Is(err, context.Canceled) || a == nil {
		t.Errorf("a client that went away: %v", err)
	}
}

// Close and the end of Run leave no process behind; both may come at any time.
func TestNothingIsLeft(t *testing.T) {
	b := newBench(t, 1, map[string]string{"loop.lua": checking(`while true do end`)}, outside)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { b.RunDue(ctx, minute0+minuteNS, b.snap) })
	for len(b.WorkerPIDs()) == 0 {
		runtime.Gosched()
	}
	pids := b.WorkerPIDs()
	cancel()
	running.Wait()
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	b.Close()
	if got := b.WorkerPIDs(); len(got) > 0 {
		t.Errorf("workers %v after Close", got)
	}
	for _, pid := range pids {
		if _, ok := readMemory(pid); ok {
			t.Errorf("process %d is still there", pid)
		}
	}
	if err := b.RunDue(context.Background(), minute0+2*minuteNS, b.snap); err == nil {
		t.Error("a closed engine runs")
	}
}

// New refuses what cannot work.
func TestNew(t *testing.T) {
	if _, err := New(DefaultConfig(), Deps{}); err == nil {
		t.Error("an engine without a store")
	}
	bad := DefaultConfig()
	bad.Limits.Time = time.Hour
	if _, err := New(bad, Deps{Store: alerts.NewMem(alerts.DefaultConfig())}); err == nil || !strings.Contains(err.Error(), "time 1h0m0s") {
		t.Errorf("a limit of an hour: %v", err)
	}
	e, err := New(DefaultConfig(), Deps{Store: alerts.NewMem(alerts.DefaultConfig())})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Run(context.Background()); err == nil {
		t.Error("Run without snapshots")
	}
	if err := e.RunDue(context.Background(), minute0, &localnets.Snapshot{}); err != nil {
		t.Error(err)
	}
}

// What a script sees of alerts in a worker is what the daemon has, with the script's own changes: of the
// selected network, and of all.
func TestAlertsInAWorker(t *testing.T) {
	b := newBench(t, 3, map[string]string{
		"a.lua": checking(`
			network.storeTriggeredAlert("mine", 1, 100, 5000, "", "")
			return #network.getAlerts(), #network.getAlerts({status = "any"}), #interface.getAlerts(), #interface.getEngagedAlerts(2), #interface.getAlerts({script_key = "a", perPage = 2})`),
	}, outside)
	for i := range 3 {
		a := alerts.Alert{Key: alerts.Key{Network: b.nets()[i].Prefix.String(), Periodicity: alerts.Minute, Key: "before"}, NetworkName: b.nets()[i].Name, ID: 1, Score: 10, Time: 1}
		if _, err := b.store.Engage(a); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"a net0 ok 2,2,4,4,1", "a net1 ok 2,2,5,5,2", "a net2 ok 2,2,6,6,2"}
	if diff := cmp.Diff(want, said(b.minutes(1))); diff != "" {
		t.Errorf("runs (-want +got):\n%s", diff)
	}
}

// The last words of a Go runtime that the kernel gave no memory.
func TestEndOutcome(t *testing.T) {
	for said, want := range map[string]Outcome{
		"fatal error: runtime: out of memory":           OutOfMemory,
		"runtime: cannot allocate memory":               OutOfMemory,
		"runtime: failed to create new OS thread (have": OutOfMemory,
		"ERROR: ThreadSanitizer failed to allocate 0x1": OutOfMemory, // with -race
		"SIGSEGV: segmentation violation":               OutOfMemory,
		"unexpected fault address 0x7f":                 OutOfMemory,
		"fatal error: stack overflow":                   Crashed,
		"signal: killed":                                Crashed,
		"":                                              Crashed,
	} {
		if got := endOutcome(said); got != want {
			t.Errorf("%q: %v, want %v", said, got, want)
		}
	}
}
