package localnets

import "slices"

// Apply adds deltas. Only the flow table calls it. Deltas are not kept. now is the capture clock of
// the fold; the clock never goes back.
//
// A slot that no network has counts as NoNetwork, an application without a name as the first.
// The sums hold for any deltas: each byte is in one scope, and in each network's traffic, transport
// classes and applications alike.
func (r *Registry) Apply(now int64, deltas []Delta) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(deltas) > 0 {
		r.advanceLocked(now)
	}
	for i := range deltas {
		d := &deltas[i]
		src, dst := r.countersOf(d.Src), r.countersOf(d.Dst)
		if d.Move {
			r.move(src, dst, d)
			continue
		}
		r.add(src, dst, d)
		addFlows(src, dst, d)
		r.addRTT(src, dst, d)
		r.addMinute(src, dst, d)
	}
}

// add counts the traffic of d. src and dst are the counters at its ends, nil where there is none;
// they are the same when both ends are in one network.
func (r *Registry) add(src, dst *counters, d *Delta) {
	if d.Counts == (Counts{}) && d.TCP.none() {
		return
	}
	switch {
	case src == nil && dst == nil:
		r.scopes[ScopeTransit].add(d.Counts)
	case src == dst:
		r.scopes[ScopeInternal].add(d.Counts)
		r.addDirection(src, Inner, d)
	case dst == nil:
		r.scopes[ScopeOutbound].add(d.Counts)
		r.addDirection(src, Egress, d)
	case src == nil:
		r.scopes[ScopeInbound].add(d.Counts)
		r.addDirection(dst, Ingress, d)
	default:
		r.scopes[ScopeInternal].add(d.Counts)
		r.addDirection(src, Egress, d)
		r.addDirection(dst, Ingress, d)
		r.matrix.add(d.Src, d.Dst, d.Counts)
	}
}

// addDirection counts d in one direction of one network.
func (r *Registry) addDirection(c *counters, dir Direction, d *Delta) {
	l4 := d.L4
	if l4 >= NumL4 {
		l4 = L4Other
	}
	s := &c.stats
	s.Traffic[dir].add(d.Counts)
	s.L4[dir][l4].add(d.Counts)
	r.app(c, d.App)[dir].add(d.Counts)
	if d.DstBroadcast {
		s.Broadcast[dir].add(d.Counts)
	}
	if !d.TCP.none() {
		s.TCP[dir].add(&d.TCP)
	}
	c.seen = r.clock
}

// knownApp is app, or the first application when app has no name.
func (r *Registry) knownApp(app uint16) uint16 {
	if int(app) >= len(r.names) {
		return 0
	}
	return app
}

// app is the counts of an application in c, made if need be. They are valid until the next call.
func (r *Registry) app(c *counters, app uint16) *appCounts {
	app = r.knownApp(app)
	i, found := c.find(app)
	if !found {
		c.apps = slices.Insert(c.apps, i, app)
		c.parts = slices.Insert(c.parts, i, appCounts{})
		r.appParts++
	}
	return &c.parts[i]
}

// find is where app is in c.apps, or belongs.
func (c *counters) find(app uint16) (int, bool) {
	if len(c.apps) > 16 {
		return slices.BinarySearch(c.apps, app)
	}
	for i, a := range c.apps {
		if a >= app {
			return i, a == app
		}
	}
	return len(c.apps), false
}

// move shifts what d names from one application to another; all else in d is ignored.
func (r *Registry) move(src, dst *counters, d *Delta) {
	if src == dst {
		r.moveDirection(src, Inner, d)
		return
	}
	r.moveDirection(src, Egress, d)
	r.moveDirection(dst, Ingress, d)
}

// moveDirection never takes more than there is, so that no counter can wrap.
func (r *Registry) moveDirection(c *counters, dir Direction, d *Delta) {
	if c == nil {
		return
	}
	i, found := c.find(r.knownApp(d.FromApp))
	if !found {
		return
	}
	from := &c.parts[i][dir]
	moved := Counts{Packets: min(d.Counts.Packets, from.Packets), Bytes: min(d.Counts.Bytes, from.Bytes)}
	from.Packets -= moved.Packets
	from.Bytes -= moved.Bytes
	r.app(c, d.App)[dir].add(moved)
}

// addFlows counts flows once for each network that has an end of them.
func addFlows(client, server *counters, d *Delta) {
	if d.NewFlows == 0 && d.EndedFlows == 0 {
		return
	}
	if client != nil {
		client.stats.FlowsClient += uint64(d.NewFlows)
		client.stats.addFlows(d)
	}
	if server != nil {
		server.stats.FlowsServer += uint64(d.NewFlows)
		if server != client {
			server.stats.addFlows(d)
		}
	}
}

func (n *NetworkStats) addFlows(d *Delta) {
	n.Flows += uint64(d.NewFlows)
	n.FlowsActive += int64(d.NewFlows) - int64(d.EndedFlows)
}

// addRTT credits each round trip to the network on whose side of the tap it was spent: the server's,
// the client's, and for data the receiver's.
func (r *Registry) addRTT(src, dst *counters, d *Delta) {
	if dst != nil {
		r.addHandshake(&dst.stats.RTT, d.Dst, roleServer, d.ServerRTT, d.RTTTime)
		dst.stats.RTT.addAck(d.AckRTT, uint64(d.AckRTTSamples))
	}
	if src != nil {
		r.addHandshake(&src.stats.RTT, d.Src, roleClient, d.ClientRTT, d.RTTTime)
	}
}

func (c *Counts) add(d Counts) {
	c.Packets += d.Packets
	c.Bytes += d.Bytes
}

// none reports whether c is zero, without the call that the compiler makes of a comparison of 64 bytes.
func (c *TCPCounts) none() bool {
	return c.Packets|c.Retransmissions|c.OutOfOrder|c.Lost|c.KeepAlives|c.ZeroWindows|c.SYN|c.SYNACK == 0
}

func (c *TCPCounts) add(d *TCPCounts) {
	c.Packets += d.Packets
	c.Retransmissions += d.Retransmissions
	c.OutOfOrder += d.OutOfOrder
	c.Lost += d.Lost
	c.KeepAlives += d.KeepAlives
	c.ZeroWindows += d.ZeroWindows
	c.SYN += d.SYN
	c.SYNACK += d.SYNACK
}
