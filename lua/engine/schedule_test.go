package engine

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/netmond/netmond/alerts"
)

// What a schedule says at moments: wall and true time, both in seconds after a whole day.
func TestScheduleDue(t *testing.T) {
	type moment struct {
		wall, mono int64
		due        bool
		missed     int64
		late       bool
	}
	for _, c := range []struct {
		name string
		p    alerts.Periodicity
		at   []moment
	}{
		{"each period once", alerts.Minute, []moment{
			{1, 1, false, 0, false}, {59, 59, false, 0, false}, {60, 60, true, 0, false}, {61, 61, false, 0, false},
			{119, 119, false, 0, false}, {120, 120, true, 0, false},
		}},
		{"a little late", alerts.Minute, []moment{{75, 75, true, 0, false}, {120, 120, true, 0, false}}},
		{"later than half a period", alerts.Minute, []moment{{95, 95, true, 0, true}, {120, 120, false, 0, false}, {125, 125, true, 0, false}}},
		{"periods without a run", alerts.Minute, []moment{{60, 60, true, 0, false}, {600, 600, true, 8, true}, {601, 601, false, 0, false}, {660, 660, true, 0, false}}},
		{"suspended for 10 minutes", alerts.Minute, []moment{{60, 60, true, 0, false}, {690, 90, true, 9, true}, {691, 91, false, 0, false}, {720, 120, true, 0, false}}},
		{"a year forward", alerts.Hour, []moment{{3600, 3600, true, 0, false}, {31_540_000, 3700, false, 0, false}, {31_541_700, 5400, true, 8759, true}, {31_542_000, 5700, false, 0, false}}},
		{"a day back", alerts.Minute, []moment{{60, 60, true, 0, false}, {-86_300, 100, true, 0, true}, {-86_280, 120, false, 0, false}, {-86_270, 130, true, 0, false}, {-86_220, 180, true, 0, false}}},
		{"back and forth in a minute", alerts.Minute, []moment{{60, 60, true, 0, false}, {0, 61, false, 0, false}, {60, 62, false, 0, false}, {0, 63, false, 0, false}, {121, 90, true, 0, false}}},
		{"back before the start", alerts.Day, []moment{{-10, 5, true, 0, true}, {0, 15, false, 0, false}, {86_390, 86_405, true, 0, true}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSchedule(c.p, minute0)
			for _, m := range c.at {
				due, missed, late := s.due(minute0+m.wall*1e9, time.Duration(m.mono)*time.Second)
				got := moment{m.wall, m.mono, due, missed, late}
				if got != m {
					t.Errorf("at %d s, true %d s: due %v, missed %d, late %v; want %v, %d, %v", m.wall, m.mono, due, missed, late, m.due, m.missed, m.late)
				}
			}
		})
	}
}

// However the clock is set: between two runs lies half a period of true time; no period of the clock has
// two, unless it was set back into it; and where the clock runs plainly no period is left out.
func TestScheduleLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.SampledFrom(alerts.Periodicities()).Draw(t, "periodicity")
		period := p.Seconds()
		wall, mono := int64(minute0)/1e9+rapid.Int64Range(0, 2*86_400).Draw(t, "start"), int64(0)
		s := newSchedule(p, wall*1e9)
		last, ran, runs, plain := int64(0), int64(-1<<62), 0, int64(0)
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			step := rapid.SampledFrom([]int64{1, 1, 1, period / 4, period, 3 * period}).Draw(t, "true time")
			jump := rapid.SampledFrom([]int64{0, 0, 0, 0, -period, period, 86_400, -86_400}).Draw(t, "clock set by")
			mono += step
			wall += step + jump
			if jump != 0 {
				plain = mono // when the clock was set last
			}
			due, missed, _ := s.due(wall*1e9, time.Duration(mono)*time.Second)
			switch {
			case due && runs > 0 && mono-last < (period+1)/2:
				t.Fatalf("two runs within %d s", mono-last)
			case due && floorDiv(wall, period) == ran:
				t.Fatalf("two runs for the period %d", ran)
			case missed < 0:
				t.Fatalf("%d periods missed", missed)
			case !due && plain < mono-2*period && mono-last > 2*period+3*period && runs > 0:
				t.Fatalf("no run for %d s", mono-last)
			}
			if due {
				last, runs, ran = mono, runs+1, floorDiv(wall, period)
			}
			if w := s.wait(wall * 1e9); w <= 0 || w > pollClock {
				t.Fatalf("wait %v", w)
			}
		}
	})
}

// A slowStore waits in CachedValue for as long as the key says, as a busy disk does.
type slowStore struct{ *alerts.Mem }

func (s slowStore) CachedValue(network string, namespace int, key string) string {
	if text, ok := strings.CutPrefix(key, "wait "); ok {
		d, err := time.ParseDuration(text)
		if err != nil {
			panic(err)
		}
		time.Sleep(d) // of the bubble
	}
	return s.Mem.CachedValue(network, namespace, key)
}

// slow makes the store slow.
func slow(_ *Config, deps *Deps) { deps.Store = slowStore{deps.Store.(*alerts.Mem)} }

// A timedRun is a run as a test writes it down: when it began by the clock, and when it ended after the
// start of the bubble.
type timedRun struct {
	report RunReport
	ended  time.Duration
}

// runFor runs the engine for a time of the bubble.
func runFor(t *testing.T, d time.Duration, n int, scripts map[string]string, change func(*Config, *Deps), during ...func(*bench)) (*bench, []timedRun) {
	t.Helper()
	started := time.Now()
	var runs []timedRun
	var b *bench
	b = newBench(t, n, scripts, func(cfg *Config, deps *Deps) {
		deps.OnRun = func(r RunReport) {
			b.mu.Lock()
			defer b.mu.Unlock()
			runs = append(runs, timedRun{r, time.Since(started)})
		}
		if change != nil {
			change(cfg, deps)
		}
	})
	for _, f := range during {
		f(b)
	}
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	if err := b.Run(ctx); err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
	return b, runs
}

// times counts the runs of a check and hook, and fails for those that did not begin with their period.
func times(t *testing.T, runs []timedRun, check string) map[string]int {
	t.Helper()
	n := map[string]int{}
	for _, r := range runs {
		p := r.report.Periodicity
		if r.report.Check != check {
			continue
		}
		n[p.String()]++
		if off := r.report.Time % (p.Seconds() * 1e9); off != 0 {
			t.Errorf("%s %s ran %v after its period began", check, p, time.Duration(off))
		}
	}
	return n
}

// The periodicities are aligned to the clock and apart: an hourly check that takes ten minutes holds up
// none of them. In a bubble of synctest time begins at midnight.
func TestPeriodicitiesAreApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, runs := runFor(t, 3*time.Hour+30*time.Second, 1, map[string]string{
			"every.lua": `return { hooks = { all = function() end } }`,
			"long.lua":  hook("hour", `network.getCachedAlertValue("wait 10m", 0)`),
		}, slow)
		if diff := cmp.Diff(map[string]int{"min": 180, "5mins": 36, "hour": 3}, times(t, runs, "every")); diff != "" {
			t.Errorf("runs (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(map[string]int{"hour": 2}, times(t, runs, "long")); diff != "" {
			t.Errorf("runs of the long check (-want +got):\n%s", diff)
		}
		if s := b.EngineStatus(); s.Late != 0 || s.Missed != 0 {
			t.Errorf("late %d, missed %d", s.Late, s.Missed)
		}
	})
}

func TestDay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, runs := runFor(t, 49*time.Hour, 2, map[string]string{"daily.lua": hook("day", ``), "plain.lua": `local x = 1`}, func(cfg *Config, _ *Deps) {
			cfg.Checks = map[string]CheckConfig{"plain": {Enabled: on(false)}}
		})
		if diff := cmp.Diff(map[string]int{"day": 4}, times(t, runs, "daily")); diff != "" { // two days on two networks
			t.Errorf("runs (-want +got):\n%s", diff)
		}
	})
}

func TestFiveSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, runs := runFor(t, time.Minute+time.Second, 1, map[string]string{"quick.lua": hook("5sec", ``)}, nil)
		if diff := cmp.Diff(map[string]int{"5sec": 12}, times(t, runs, "quick")); diff != "" {
			t.Errorf("runs (-want +got):\n%s", diff)
		}
	})
}

// A check that takes about a second for each of 100 networks does not end within its minute. The other has its
// turn at once, in each minute; the slow one is ended, counted and backed off.
func TestSlowCheckDelaysNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, runs := runFor(t, 4*time.Minute+10*time.Second, 100, map[string]string{
			"a_slow.lua": checking(`network.getCachedAlertValue("k" .. info.network_id, 0)`), // not answered ahead
			"b_fast.lua": checking(`return info.network_id`),
		}, func(cfg *Config, deps *Deps) {
			deps.Store = waitEach{deps.Store.(*alerts.Mem)}
		})
		fast, order := 0, int32(0)
		for _, r := range runs {
			if r.report.Check != "b_fast" {
				continue
			}
			if r.report.Network.ID != order%100 {
				t.Fatalf("run %d is on network %d: the order is not that of the networks", fast, r.report.Network.ID)
			}
			order++
			fast++
			if late := r.ended % time.Minute; late > 5*time.Second {
				t.Errorf("the fast check ended %v after its minute began", late)
			}
		}
		if fast != 400 {
			t.Errorf("%d runs of the fast check, want 400", fast)
		}
		st := b.of("a_slow")
		if st.Runs[Timeout] == 0 || !strings.Contains(st.LastErr, "not on all networks within the period") || st.State == StateOK {
			t.Errorf("slow check: %v, runs %v, last error %q", st.State, st.Runs, st.LastErr)
		}
	})
}

// A waitEach takes its time for each network.
type waitEach struct{ *alerts.Mem }

func (s waitEach) CachedValue(network string, namespace int, key string) string {
	time.Sleep(20 * time.Millisecond) // of the bubble: the answers ahead wait too
	return s.Mem.CachedValue(network, namespace, key)
}

// Scripts that take all the time of a period cost those that are known nothing, and those that are not
// their turn at most: they are not blamed, and go first in the next period.
func TestNoTurnIsNoFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var wait atomic.Bool
		scripts := map[string]string{"b_known.lua": checking(``)}
		b, runs := runFor(t, 5*time.Minute+50*time.Second, 2, scripts, func(cfg *Config, deps *Deps) {
			cfg.ReloadInterval = time.Second
			deps.Store = stuckStore{deps.Store.(*alerts.Mem), &wait}
		}, func(b *bench) {
			time.AfterFunc(90*time.Second, func() {
				wait.Store(true)
				for i := range 5 { // each takes 16 s on its first network: four fill a minute
					b.write(fmt.Sprintf("c_slow%d.lua", i), checking(fmt.Sprintf(`network.getCachedAlertValue("%d-" .. info.network_id, 0)`, i)))
				}
				b.write("z_new.lua", checking(``))
			})
		})
		known := 0
		for _, r := range runs {
			if r.report.Check != "b_known" {
				continue
			}
			known++
			if late := r.ended % time.Minute; late > 25*time.Second { // a step of another, after one of the minute before
				t.Errorf("the known check ended %v after its minute began", late)
			}
		}
		if known != 10 {
			t.Errorf("the known check ran %d times, want twice in each of 5 minutes", known)
		}
		st := b.of("z_new")
		if st.Runs[OK] < 2 || st.Runs[Skipped] == 0 || st.Runs[Timeout] > 0 || st.Failures > 0 || st.LastErr != "" {
			t.Errorf("the new check: %v, runs %v, last error %q; want turns later and no blame", st.State, st.Runs, st.LastErr)
		}
		if !strings.Contains(b.logged(), "checks had no turn within their period") {
			t.Error("nobody was told")
		}
	})
}

// A stuckStore takes 8 s for each cached value, when it is on.
type stuckStore struct {
	*alerts.Mem
	on *atomic.Bool
}

func (s stuckStore) CachedValue(network string, namespace int, key string) string {
	if s.on.Load() {
		time.Sleep(8 * time.Second)
	}
	return s.Mem.CachedValue(network, namespace, key)
}

// A clock that is set, or a machine that sleeps, gives one late run and no row of them.
func TestClockIsSet(t *testing.T) {
	for _, c := range []struct {
		name string
		step time.Duration
		want map[string]int // runs in the six minutes around the step, with those of plain minutes
	}{
		{"not", 0, map[string]int{"min": 6, "5mins": 1}},
		{"suspended for ten minutes", 10 * time.Minute, map[string]int{"min": 7, "5mins": 1}},
		{"a year forward", 365 * 24 * time.Hour, map[string]int{"min": 7, "5mins": 1, "hour": 1, "day": 1}},
		{"a day back", -24 * time.Hour, map[string]int{"min": 7, "5mins": 1, "hour": 1, "day": 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var offset atomic.Int64
				// The step falls 3:40 after a start at midnight.
				time.AfterFunc(3*time.Minute+40*time.Second, func() { offset.Store(int64(c.step)) })
				b, runs := runFor(t, 6*time.Minute+10*time.Second, 1, map[string]string{"every.lua": `return { hooks = { all = function() end } }`},
					func(_ *Config, deps *Deps) {
						deps.Now = func() time.Time { return time.Now().Add(time.Duration(offset.Load())) }
					})
				got, seen := map[string]int{}, map[string]bool{}
				for _, r := range runs {
					p := r.report.Periodicity
					got[p.String()]++
					period := fmt.Sprint(p, r.report.Time/(p.Seconds()*1e9))
					if seen[period] {
						t.Errorf("two runs for one period: %s", period)
					}
					seen[period] = true
				}
				if !maps.Equal(got, c.want) {
					t.Errorf("runs %v, want %v", got, c.want)
				}
				if s := b.EngineStatus(); (s.Missed > 0) != (c.step > 0) {
					t.Errorf("missed %d", s.Missed)
				}
			})
		})
	}
}

// A daemon that was stopped (SIGSTOP) for ten minutes has one late run for each periodicity.
func TestStoppedDaemon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var stopped atomic.Bool
		b, runs := runFor(t, 15*time.Minute+10*time.Second, 1, map[string]string{"min.lua": hook("min", ``)}, func(_ *Config, deps *Deps) {
			now := time.Now
			deps.Now = func() time.Time {
				if now().Sub(time.Date(2000, 1, 1, 0, 2, 30, 0, time.UTC)) > 0 && stopped.CompareAndSwap(false, true) {
					time.Sleep(10 * time.Minute)
				}
				return now()
			}
		})
		var at []string
		for _, r := range runs {
			at = append(at, time.Unix(0, r.report.Time).UTC().Format("04:05"))
		}
		// The loop that was held is one of five; if it is the minute's, minutes 3 to 12 have one run.
		s := b.EngineStatus()
		if len(at) != 15 && (len(at) != 6 || s.Missed != 9) {
			t.Errorf("runs at %q, missed %d", at, s.Missed)
		}
	})
}

// With ReloadInterval scripts are taken up while the engine runs, without a run that is lost or double;
// SetConfig changes the interval.
func TestHotReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, runs := runFor(t, 10*time.Minute+10*time.Second, 1, map[string]string{"a.lua": checking(`return "old"`), "b.lua": checking(`return "b"`)}, func(cfg *Config, _ *Deps) {
			cfg.ReloadInterval = 2 * time.Second
		}, func(b *bench) {
			every := func(interval time.Duration) {
				cfg := DefaultConfig()
				cfg.ScriptsDirs, cfg.ReloadInterval = []string{b.dir}, interval
				if err := b.SetConfig(cfg); err != nil {
					t.Error(err)
				}
			}
			at := func(minute time.Duration, f func()) { time.AfterFunc(minute*time.Minute+30*time.Second, f) }
			at(2, func() { b.write("a.lua", checking(`return "newer"`)) })
			at(4, func() { b.write("a.lua", `broken`) })
			at(6, func() {
				every(0)
				b.write("a.lua", checking(`return "not seen"`))
			})
			at(8, func() {
				every(time.Second)
				time.Sleep(5 * time.Second)
				b.write("a.lua", checking(`return "seen again"`))
			})
		})
		var got []string
		others := 0
		for _, r := range runs {
			if r.report.Check == "b" {
				others++
				continue
			}
			got = append(got, strings.Join(r.report.Values, ""))
		}
		want := []string{"old", "old", "newer", "newer", "newer", "newer", "newer", "newer", "seen again", "seen again"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("runs (-want +got):\n%s", diff)
		}
		if others != 10 {
			t.Errorf("%d runs of the check that did not change, want 10", others)
		}
	})
}
