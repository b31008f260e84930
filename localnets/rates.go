package localnets

import "time"

// rateInterval is the least length of an interval of rates, as in ntopng.
const rateInterval = int64(5 * time.Second)

// startRatesLocked begins the first interval at the first tick; r.mu is held. What was counted before
// lies in no interval.
func (r *Registry) startRatesLocked(now int64) {
	r.rateStart = now
	for _, id := range r.active {
		c := r.counters[id]
		c.rated = c.settle().total()
	}
}

// rateLocked closes the running interval of rates when it is long enough; r.mu is held. An interval
// during which nobody ticked (a suspended machine, a gap in a file) is as long as it was, so the
// rate is over true time.
func (r *Registry) rateLocked(now int64) {
	length := now - r.rateStart
	if length < rateInterval {
		return
	}
	r.rateStart = now
	seconds := float64(length) / float64(time.Second)
	for _, id := range r.active {
		c := r.counters[id]
		total := c.settle().total()
		byteRate := float64(total.Bytes-c.rated.Bytes) / seconds
		packetRate := float64(total.Packets-c.rated.Packets) / seconds
		if r.rateIntervals > 0 {
			c.stats.ThroughputBytesTrend = trend(c.stats.ThroughputBytes, byteRate)
			c.stats.ThroughputPacketsTrend = trend(c.stats.ThroughputPackets, packetRate)
		}
		c.stats.ThroughputBytes, c.stats.ThroughputPackets = byteRate, packetRate
		c.rated = total
	}
	r.rateIntervals++
}

// idleTrend is the trend of a network without any traffic.
func (r *Registry) idleTrend() Trend {
	if r.rateIntervals > 1 {
		return TrendStable
	}
	return TrendUnknown
}

func trend(before, now float64) Trend {
	switch {
	case now > before:
		return TrendUp
	case now < before:
		return TrendDown
	}
	return TrendStable
}

// total is all traffic of n, each packet once.
func (n *NetworkStats) total() Counts {
	var c Counts
	for d := range n.Traffic {
		c.add(n.Traffic[d])
	}
	return c
}
