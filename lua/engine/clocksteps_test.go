package engine

import (
	"testing"
	"time"

	"github.com/netmond/netmond/alerts"
)

// TestScheduleClockSteps lives through a wall clock that is set and a process that is stopped: each check runs
// at most once in half a period of true time, and what was missed is run once, late.
func TestScheduleClockSteps(t *testing.T) {
	const minute, day, year = time.Minute, 24 * time.Hour, 365 * 24 * time.Hour
	start := time.Date(2026, 3, 1, 12, 0, 30, 0, time.UTC)
	for name, c := range map[string]struct {
		at     time.Duration // true time at which this happens
		step   time.Duration // of the wall clock
		frozen time.Duration // that the process is stopped
		runs   int           // in ten minutes of true time
		missed int64
	}{
		"nothing happens":   {runs: 10},
		"a day back":        {at: 5*minute + 10*time.Second, step: -day, runs: 10, missed: 0},
		"a year forward":    {at: 5*minute + 10*time.Second, step: year, runs: 10, missed: int64(year / minute)},
		"stopped for 3 s":   {at: 5*minute + 10*time.Second, frozen: 3 * time.Second, runs: 10},
		"stopped for 3 min": {at: 5*minute + 10*time.Second, frozen: 3 * minute, runs: 8, missed: 2},
	} {
		s := newSchedule(alerts.Minute, start.UnixNano())
		var wallStep, mono, last time.Duration
		runs, missedSum := 0, int64(0)
		happened := false
		for mono < 10*minute {
			if !happened && mono >= c.at && (c.step != 0 || c.frozen != 0) {
				happened, wallStep = true, c.step
				mono += c.frozen
			}
			wall := start.Add(mono + wallStep).UnixNano()
			due, missed, _ := s.due(wall, mono)
			if due {
				if runs > 0 && mono-last < minute/2 {
					t.Errorf("%s: runs %v apart", name, mono-last)
				}
				runs, last, missedSum = runs+1, mono, missedSum+missed
			}
			mono += max(s.wait(wall), time.Millisecond)
		}
		// A step to the middle of a period may bring a run forward.
		if runs < c.runs || runs > c.runs+1 {
			t.Errorf("%s: %d runs, want %d or one more", name, runs, c.runs)
		}
		if missedSum != c.missed && missedSum != c.missed-1 {
			t.Errorf("%s: %d periods missed, want %d", name, missedSum, c.missed)
		}
	}
}
