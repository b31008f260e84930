package localnets

// OtherNetwork stands in a Total for another local network that is not told apart.
const OtherNetwork int32 = -2

// A Total is traffic from one network to another that was summed elsewhere, flows and applications not
// told apart. It counts as the first application, Unknown; a Delta with Move takes the part of a known
// application out of it.
type Total struct {
	// Slots (Match.Net) or NoNetwork. One of the two may be OtherNetwork: then the traffic counts at the other
	// end alone, and in MatrixOther and the scope once, with Dst OtherNetwork.
	Src, Dst  int32
	L4        [NumL4]Counts
	Broadcast Counts // part of L4 with a broadcast destination
	TCP       TCPCounts
	// As in Delta.
	AckRTT        int64
	AckRTTSamples uint64
}

// ApplyTotals adds totals, as Apply adds deltas.
func (r *Registry) ApplyTotals(now int64, totals []Total) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(totals) > 0 {
		r.advanceLocked(now)
	}
	for i := range totals {
		r.addTotal(&totals[i])
	}
}

func (r *Registry) addTotal(t *Total) {
	src, dst := r.countersOf(t.Src), r.countersOf(t.Dst)
	var sum Counts
	for _, c := range t.L4 {
		sum.add(c)
	}
	switch {
	case t.Src == OtherNetwork:
		r.addTotalDirection(dst, Ingress, sum, t)
	case t.Dst == OtherNetwork:
		r.scopes[ScopeInternal].add(sum)
		r.matrix.other.add(sum)
		r.addTotalDirection(src, Egress, sum, t)
	case src == nil && dst == nil:
		r.scopes[ScopeTransit].add(sum)
	case src == dst:
		r.scopes[ScopeInternal].add(sum)
		r.addTotalDirection(src, Inner, sum, t)
	case dst == nil:
		r.scopes[ScopeOutbound].add(sum)
		r.addTotalDirection(src, Egress, sum, t)
	case src == nil:
		r.scopes[ScopeInbound].add(sum)
		r.addTotalDirection(dst, Ingress, sum, t)
	default:
		r.scopes[ScopeInternal].add(sum)
		r.addTotalDirection(src, Egress, sum, t)
		r.addTotalDirection(dst, Ingress, sum, t)
		r.matrix.add(t.Src, t.Dst, sum)
	}
	if dst != nil {
		dst.stats.RTT.addAck(t.AckRTT, t.AckRTTSamples)
	}
	r.addMinute(src, dst, &Delta{TCP: t.TCP})
}

// addTotalDirection counts t, of which sum is the whole, in one direction of one network.
func (r *Registry) addTotalDirection(c *counters, dir Direction, sum Counts, t *Total) {
	if c == nil {
		return
	}
	s := &c.stats
	s.Traffic[dir].add(sum)
	for l4 := range t.L4 {
		s.L4[dir][l4].add(t.L4[l4])
	}
	if sum != (Counts{}) {
		r.app(c, 0)[dir].add(sum)
	}
	s.Broadcast[dir].add(t.Broadcast)
	s.TCP[dir].add(&t.TCP)
	c.seen = r.clock
}
