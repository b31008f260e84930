package engine

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/netmond/netmond/internal/luahostile"
)

// eaters are what only a worker process stops before the machine is short of memory.
var eaters = []luahostile.Script{
	{Name: "string growth", Source: `local t = {} while true do t[#t + 1] = ("x"):rep(1e7) .. #t end`, Want: "memory"},
	{Name: "string growth in pcall", Source: `local t = {} while true do pcall(function() t[#t + 1] = ("x"):rep(1e7) .. #t end) end`, Want: "memory"},
	{Name: "string growth in coroutines", Source: `local t = {} while true do coroutine.wrap(function() t[#t + 1] = ("x"):rep(1e7) .. #t end)() end`, Want: "memory"},
	{Name: "doubled table", Source: `local t = {1} while true do for i = 1, #t do t[#t + 1] = i end end`, Want: ""},
	{Name: "huge tables kept", Source: `local t = {} while true do local x = {} x[4e6] = 1 for i = 1, 1e6 do x[i] = i end t[#t + 1] = x end`, Want: ""},
	{Name: "strings of a table", Source: `local t = {} for i = 1, 1e5 do t[i] = ("x"):rep(100) .. i end local all = {} while true do all[#all + 1] = table.concat(t) .. #all end`, Want: "memory"},
}

// A stopped is how a hostile script fared.
type stopped struct {
	outcome    Outcome
	err        string
	took, next time.Duration // until its end, and from there until the next check had run
}

// anonymous is the memory of a process without the pages of its program: the second field of
// /proc/pid/statm less the third (proc(5)), bytes; 0 for a process that is gone, or without /proc.
func anonymous(pid int) int64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0
	}
	var size, resident, shared int64
	if _, err := fmt.Sscan(string(b), &size, &resident, &shared); err != nil {
		return 0
	}
	return (resident - shared) * int64(os.Getpagesize())
}

// hostileMinute runs scripts one after another in a worker, each followed by a check that does no harm, and
// gives how each fared and the most memory that a worker had, bytes.
func hostileMinute(t *testing.T, scripts []luahostile.Script, limits Limits) (fared []stopped, peak int64) {
	t.Helper()
	files := map[string]string{"a_first.lua": checking(``)}
	for i, s := range scripts {
		files[fmt.Sprintf("h%03d_a.lua", i)] = s.Source
		files[fmt.Sprintf("h%03d_b.lua", i)] = checking(`return "fine"`)
	}
	fared = make([]stopped, len(scripts))
	last := time.Now()
	b := newBench(t, 1, files, func(cfg *Config, deps *Deps) {
		cfg.InProcess, cfg.Limits = false, limits
		deps.OnRun = func(r RunReport) {
			now := time.Now()
			took := now.Sub(last)
			last = now
			if r.Check == "a_first" {
				return
			}
			var i int
			var which string
			if _, err := fmt.Sscanf(r.Check, "h%03d_%s", &i, &which); err != nil {
				t.Error(err)
			}
			if which == "a" {
				fared[i].outcome, fared[i].err, fared[i].took = r.Outcome, r.Err, took
				return
			}
			fared[i].next = took
			if r.Outcome != OK || len(r.Values) != 1 {
				t.Errorf("%s: the check after it: %v %s", scripts[i].Name, r.Outcome, r.Err)
			}
		}
	})
	b.Reload()
	done := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() {
		for {
			select {
			case <-done:
				return
			case <-time.After(2 * time.Millisecond):
			}
			for _, pid := range b.WorkerPIDs() {
				peak = max(peak, anonymous(pid))
			}
		}
	})
	last = time.Now()
	err := b.RunDue(context.Background(), minute0+minuteNS, b.snap)
	close(done)
	watching.Wait()
	if err != nil {
		t.Fatal(err)
	}
	return fared, peak
}

// Each hostile script, in a worker process: it ends within its limit and half a second, the worker takes
// no more than the memory limit and 16 MiB, and the next check runs at once and well.
func TestHostileScripts(t *testing.T) {
	limits := Limits{Time: 100 * time.Millisecond, Memory: 64 << 20}
	_, base := hostileMinute(t, nil, limits)
	scripts := append(luahostile.Scripts[:len(luahostile.Scripts):len(luahostile.Scripts)], eaters...)
	fared, peak := hostileMinute(t, scripts, limits)
	count := map[Outcome]int{}
	for i, s := range scripts {
		f := fared[i]
		for range 7 { // the machine may be busy: one good run will do
			if f.took <= limits.Time+lateness && f.next <= lateness {
				break
			}
			again, _ := hostileMinute(t, scripts[i:i+1], limits)
			f = again[0]
		}
		count[f.outcome]++
		if f.took > limits.Time+lateness || f.next > lateness {
			t.Errorf("%s: took %v with a limit of %v, and the next check %v", s.Name, f.took, limits.Time, f.next)
		}
		stoppedByLimit := f.outcome == Timeout || f.outcome == OutOfMemory
		switch {
		case f.outcome == Crashed || f.outcome == Skipped:
			t.Errorf("%s: %v %s", s.Name, f.outcome, f.err)
		case s.Want == "" && f.outcome == Failed:
			t.Errorf("%s: error %s, want none", s.Name, f.err)
		case (s.Want == "memory" || s.Want == "time limit") && !stoppedByLimit:
			t.Errorf("%s: %v %s, want it stopped by a limit", s.Name, f.outcome, f.err)
		case s.Want != "" && !stoppedByLimit && !strings.Contains(f.err, s.Want):
			t.Errorf("%s: %v %s, want %s", s.Name, f.outcome, f.err, s.Want)
		}
	}
	over := func() bool { return base > 0 && peak-base-limits.Memory > 16<<20 && !raceDetector }
	for range 6 { // whoever watches the memory may have had no turn: one good run will do
		if over() {
			_, again := hostileMinute(t, scripts, limits)
			peak = min(peak, again)
		}
	}
	if over() {
		t.Errorf("a worker had %d MiB above what it began with and the limit", (peak-base-limits.Memory)>>20)
	}
	t.Logf("%d scripts: %v; a worker began with %d MiB and had %d MiB at most", len(scripts), count, base>>20, peak>>20)
}
