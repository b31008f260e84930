package engine

import (
	"time"

	"github.com/netmond/netmond/alerts"
)

// pollClock is how often a schedule looks whether the clock was set or the machine was suspended.
const pollClock = time.Second

// A schedule says when the runs of a periodicity are due: once for each period of the wall clock (UTC),
// and never twice within half a period of true time, however the wall clock is set.
type schedule struct {
	period int64         // ns
	index  int64         // of the period in which the last run, or the start, was
	ran    bool          // there was a run
	at     time.Duration // true time of the last run
}

func newSchedule(p alerts.Periodicity, wall int64) schedule {
	period := p.Seconds() * int64(time.Second)
	return schedule{period: period, index: floorDiv(wall, period)}
}

// due reports whether a run has to begin at wall (ns since the Unix epoch) and the true time mono, which
// never jumps, and notes that it does. missed is how many periods went by without a run, late whether
// the run begins more than half a period after its time.
func (s *schedule) due(wall int64, mono time.Duration) (due bool, missed int64, late bool) {
	index := floorDiv(wall, s.period)
	if index == s.index || s.ran && mono-s.at < time.Duration(s.period/2) {
		return false, 0, false
	}
	missed = max(index-s.index-1, 0)
	late = missed > 0 || wall-index*s.period > s.period/2
	s.index, s.ran, s.at = index, true, mono
	return true, missed, late
}

// wait is how long to wait before due is asked again.
func (s *schedule) wait(wall int64) time.Duration {
	next := (floorDiv(wall, s.period)+1)*s.period - wall
	return min(time.Duration(next), pollClock)
}

// budget is how long a run that begins at wall may take: until the next is due, and half a period at
// least, so that a run which began late is worth something and the next does not begin later still.
func (s *schedule) budget(wall int64) time.Duration {
	next := (floorDiv(wall, s.period)+1)*s.period - wall
	return time.Duration(max(next, s.period/2))
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b != 0 && (a < 0) != (b < 0) {
		q--
	}
	return q
}
