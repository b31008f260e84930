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
	start time.Time    // holds both readings
	step  atomic.Int64 // wall clock minus steady clock, ns; 0 while they differ by less than stepTolerance
}

// stepTolerance leaves the slewing of NTP alone.
const stepTolerance = 2 * time.Second

func newSteadyClock() *steadyClock { return &steadyClock{start: time.Now()} }

// now is the steady time in ns since the Unix epoch; it also notices a step of the wall clock.
func (c *steadyClock) now() int64 {
	t := time.Now()
	steady := c.start.UnixNano() + int64(t.Sub(c.start)) // Sub uses the monotonic readings
	return c.observe(steady, t.UnixNano())
}

// observe notes the difference between the two clocks and gives steady.
func (c *steadyClock) observe(steady, wall int64) int64 {
	step := wall - steady
	if step > -int64(stepTolerance) && step < int64(stepTolerance) {
		step = 0
	}
	c.step.Store(step)
	return steady
}

// correct takes the step of the wall clock out of the frames' times.
func (c *steadyClock) correct(b *packet.Block) {
	step := c.step.Load()
	if step == 0 {
		return
	}
	for i := range b.Frames {
		b.Frames[i].Time -= step
	}
}
