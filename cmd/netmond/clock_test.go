package main

import (
	"testing"
	"time"

	"github.com/netmond/netmond/packet"
)

func TestSteadyClockTakesStepsOut(t *testing.T) {
	const steady = int64(1_800_000_000_000_000_000)
	for _, c := range []struct {
		name string
		wall time.Duration // wall clock against the steady one
		want time.Duration // what a frame stamped by that wall clock is moved to, against steady
	}{
		{"no step", 0, 0},
		{"slewing stays", 500 * time.Millisecond, 500 * time.Millisecond},
		{"a day back", -24 * time.Hour, 0},
		{"a year forward", 365 * 24 * time.Hour, 0},
	} {
		clock := newSteadyClock()
		if got := clock.observe(steady, steady+int64(c.wall)); got != steady {
			t.Errorf("%s: observe gives %d, want %d", c.name, got, steady)
		}
		b := packet.Block{Frames: []packet.Frame{{Time: steady + int64(c.wall)}}}
		clock.correct(&b)
		if got := time.Duration(b.Frames[0].Time - steady); got != c.want {
			t.Errorf("%s: frame at %v, want %v", c.name, got, c.want)
		}
	}
}

func TestSteadyClockRunsWithTheDay(t *testing.T) {
	clock := newSteadyClock()
	if d := time.Duration(clock.now() - time.Now().UnixNano()).Abs(); d > time.Second {
		t.Errorf("steady clock is %v off the time of day", d)
	}
}
