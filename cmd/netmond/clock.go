package main

import (
	"sync/atomic"
	"time"

	"github.com/netmond/netmond/packet"
)

// A steadyClock is the time of day at start plus the monotonic time since: it does not see the wall
// clock being set. Frames carry the kernel's wall clock; steady takes the steps out of their times,
// so that ages, rates and schedules never jump (design rule 9).
type steadyClock struct {
	start time.Time // holds both readings
	steps atomic.Pointer[clockSteps]
}

// clockSteps are what the wall clock is ahead of the steady clock, ns; 0 while they differ by less than
// stepTolerance. Frames in the ring may have been stamped before the last step.
type clockSteps struct{ now, before int64 }

// stepTolerance leaves the slewing of NTP alone.
const stepTolerance = int64(2 * time.Second)

func newSteadyClock() *steadyClock {
	c := &steadyClock{start: time.Now()}
	c.steps.Store(&clockSteps{})
	return c
}

// now is the steady time in ns since the Unix epoch; it also notices a step of the wall clock.
func (c *steadyClock) now() int64 {
	t := time.Now()
	steady := c.start.UnixNano() + int64(t.Sub(c.start)) // Sub uses the monotonic readings
	return c.observe(steady, t.UnixNano())
}

// observe notes the difference between the two clocks and gives steady.
func (c *steadyClock) observe(steady, wall int64) int64 {
	ahead := wall - steady
	if near(ahead, 0) {
		ahead = 0
	}
	old := c.steps.Load()
	if ahead != old.now && !(near(ahead, old.now) && ahead != 0) {
		c.steps.CompareAndSwap(old, &clockSteps{now: ahead, before: old.now}) // or another worker has seen it
	}
	return steady
}

func near(a, b int64) bool { return a-b < stepTolerance && b-a < stepTolerance }

// correct takes the steps of the wall clock out of the frames' times. The frames are from the ring.
func (c *steadyClock) correct(b *packet.Block) {
	if len(b.Frames) > 0 {
		c.correctAt(c.now(), b)
	}
}

// correctAt is correct at the steady time now.
func (c *steadyClock) correctAt(now int64, b *packet.Block) {
	steps := c.steps.Load()
	if steps.now == 0 && steps.before == 0 {
		return
	}
	for i := range b.Frames {
		b.Frames[i].Time = steps.steady(b.Frames[i].Time, now)
	}
}

// correctDrained is correct for what the kernel has summed.
func (c *steadyClock) correctDrained(t *packet.Totals, samples []packet.Sample) {
	now, steps := c.now(), c.steps.Load()
	if steps.now == 0 && steps.before == 0 {
		return
	}
	if t.First != 0 || t.Last != 0 {
		t.First, t.Last = steps.steady(t.First, now), steps.steady(t.Last, now)
	}
	for i := range samples {
		s := &samples[i]
		s.First, s.Last = steps.steady(s.First, now), steps.steady(s.Last, now)
	}
}

// steady is the steady time at which a frame was stamped with wall: under the last step or the one
// before it. Frames come out of the ring soon, and never before they were stamped: so it is the latest
// that is not to come.
func (s *clockSteps) steady(wall, now int64) int64 {
	a, b := wall-s.now, wall-s.before
	switch {
	case a > now+stepTolerance:
		return b
	case b > now+stepTolerance:
		return a
	}
	return max(a, b)
}
