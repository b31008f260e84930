package localnets

// A Usual is a Delta that has nothing to tell but traffic over TCP, with readable headers and no mark of its
// health, or over UDP, none of it to a broadcast address: what most flows give most of the time. It takes a fifth of
// the memory, and touches half of the cache lines.
type Usual struct {
	Src, Dst       int32 // as in Delta
	Packets, Bytes uint32
	// AckRTT is the sum of samples as in Delta, in microseconds.
	AckRTT        uint32
	App           uint16
	L4            L4 // L4TCP or L4UDP
	AckRTTSamples uint8
}

// ApplyUsual adds what Apply would of Deltas with the same figures. The order in which Apply, ApplyUsual and
// ApplyTotals are called matters for the bounds and for Delta.Move alone.
func (r *Registry) ApplyUsual(now int64, list []Usual) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(list) > 0 {
		r.advanceLocked(now)
	}
	for i := range list {
		u := &list[i]
		src, dst := r.countersOf(u.Src), r.countersOf(u.Dst)
		n := Counts{Packets: uint64(u.Packets), Bytes: uint64(u.Bytes)}
		switch {
		case src == nil && dst == nil:
			r.scopes[ScopeTransit].add(n)
			continue
		case src == dst:
			r.scopes[ScopeInternal].add(n)
			r.addUsual(src, Inner, u, n)
		case dst == nil:
			r.scopes[ScopeOutbound].add(n)
			r.addUsual(src, Egress, u, n)
			continue
		case src == nil:
			r.scopes[ScopeInbound].add(n)
			r.addUsual(dst, Ingress, u, n)
		default:
			r.scopes[ScopeInternal].add(n)
			r.addUsual(src, Egress, u, n)
			r.addUsual(dst, Ingress, u, n)
			r.matrix.add(u.Src, u.Dst, n)
		}
		if u.AckRTT > 0 && u.AckRTTSamples > 0 {
			dst.ackRTT += int64(u.AckRTT) * 1000
			dst.ackSamples += uint64(u.AckRTTSamples)
		}
	}
}

// addUsual counts u in one direction of one network.
func (r *Registry) addUsual(c *counters, dir Direction, u *Usual, n Counts) {
	c.usual[dir][min(u.L4, L4UDP)].add(n)
	r.app(c, u.App)[dir].add(n)
	c.seen = r.clock
}

// settle moves to stats what was counted beside it, and gives stats.
func (c *counters) settle() *NetworkStats {
	s := &c.stats
	for dir := range c.usual {
		for l4 := range c.usual[dir] {
			n := c.usual[dir][l4]
			s.Traffic[dir].add(n)
			s.L4[dir][l4].add(n)
		}
		s.TCP[dir].Packets += c.usual[dir][L4TCP].Packets
	}
	s.RTT.addAck(c.ackRTT, c.ackSamples)
	s.LastSeen = c.seen
	c.usual, c.ackRTT, c.ackSamples = [NumDirections][L4UDP + 1]Counts{}, 0, 0
	return s
}
