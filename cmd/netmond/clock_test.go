package main

import (
	"testing"
	"time"

	"github.com/netmond/netmond/packet"
)

// TestSteadyClockTakesStepsOut sets the wall clock, once or twice; frames stamped before and after the
// last step come out of the ring together.
func TestSteadyClockTakesStepsOut(t *testing.T) {
	const now = int64(1_800_000_000_000_000_000)
	const day, year = 24 * time.Hour, 365 * 24 * time.Hour
	for name, c := range map[string]struct {
		steps         []time.Duration // what the wall clock is ahead, one after the other
		before, after time.Duration   // what frames of this moment end up at, against now
	}{
		"no step":              {[]time.Duration{0}, 0, 0},
		"slewing stays":        {[]time.Duration{500 * time.Millisecond}, 0, 500 * time.Millisecond},
		"a day back":           {[]time.Duration{-day}, 0, 0},
		"a year forward":       {[]time.Duration{year}, 0, 0},
		"and slewing":          {[]time.Duration{year, year + time.Millisecond}, 0, time.Millisecond},
		"there and back":       {[]time.Duration{year, 0}, 0, 0},
		"a year, then a day":   {[]time.Duration{year, -day}, 0, 0},
		"three seconds back":   {[]time.Duration{-3 * time.Second}, 0, 0},
		"as seen by every one": {[]time.Duration{day, day, day}, 0, 0},
	} {
		clock := newSteadyClock()
		ahead := time.Duration(0)
		last := ahead
		for _, step := range c.steps {
			if near(int64(step), int64(ahead)) {
				ahead = step
			} else {
				last, ahead = ahead, step
			}
			if got := clock.observe(now, now+int64(step)); got != now {
				t.Errorf("%s: observe gives %d, want %d", name, got, now)
			}
		}
		b := packet.Block{Frames: []packet.Frame{{Time: now + int64(last)}, {Time: now + int64(ahead)}}}
		clock.correctAt(now, &b)
		before, after := time.Duration(b.Frames[0].Time-now), time.Duration(b.Frames[1].Time-now)
		if before != c.before || after != c.after {
			t.Errorf("%s: frames at %v and %v, want %v and %v", name, before, after, c.before, c.after)
		}
	}
}

func TestSteadyClockRunsWithTheDay(t *testing.T) {
	clock := newSteadyClock()
	if d := time.Duration(clock.now() - time.Now().UnixNano()).Abs(); d > time.Second {
		t.Errorf("steady clock is %v off the time of day", d)
	}
}
