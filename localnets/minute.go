package localnets

import "time"

// The minute counters serve checks that ask "in the last minute". Minutes are those of the
// Registry's clock, aligned to the Unix epoch.

// minuteOf is the minute to which what was folded at now belongs. A fold at a boundary holds what
// came before it, so the boundary is the end of a minute here.
func minuteOf(now int64) int64 { return floorDiv(now-1, int64(time.Minute)) }

// window accumulates one network's events between two ticks, for the peaks.
type window struct {
	tick             uint64 // Registry.ticks to which the counts belong
	syn, newServerFl uint64
}

// addMinute counts d in the minute of the networks at its ends. dst is nil where it has none.
func (r *Registry) addMinute(src, dst *counters, d *Delta) {
	if src != nil && d.TCP.SYNACK != 0 {
		src.stats.CurrentMinute.SYNACKSent += d.TCP.SYNACK
	}
	if d.Rehomed || dst == nil || d.TCP.SYN == 0 && d.NewFlows == 0 {
		return
	}
	w, m := &dst.window, &dst.stats.CurrentMinute
	if w.tick != r.ticks {
		*w = window{tick: r.ticks}
	}
	w.syn += d.TCP.SYN
	w.newServerFl += uint64(d.NewFlows)
	m.SYNReceived += d.TCP.SYN
	m.NewFlowsServer += uint64(d.NewFlows)
	m.SYNPeak = max(m.SYNPeak, w.syn)
	m.NewFlowsPeak = max(m.NewFlowsPeak, w.newServerFl)
}

// rollMinuteLocked closes the running minute when now lies in a later one; r.mu is held. When the
// clock passed over whole minutes, the last complete one was empty.
func (r *Registry) rollMinuteLocked(now int64) {
	minute := floorDiv(now, int64(time.Minute))
	if minute <= r.minute {
		return
	}
	adjacent := minute == r.minute+1
	r.minute = minute
	for _, id := range r.active {
		s := &r.counters[id].stats
		s.Minute = MinuteCounters{}
		if adjacent {
			s.Minute = s.CurrentMinute
		}
		s.CurrentMinute = MinuteCounters{}
	}
	r.hosts.rollMinute(adjacent)
}

// floorDiv is a/b rounded down, b > 0: capture times may lie before 1970.
func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
