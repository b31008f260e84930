package localnets

// Readings are the counters that are recorded over time, of all networks at one moment: a small part of a
// Snapshot. Read uses the memory of one again.
type Readings struct {
	Networks []Network // by ID; shared, not to be changed
	Values   []Reading // by ID
	// Protocols are as in NetworkStats, by ID, in no order; empty unless they were asked for.
	Protocols [][]ProtocolCounts

	parts []ProtocolCounts // behind Protocols
}

// A Reading is one network's part, the same figures as in NetworkStats; those of TCP are sums of all directions.
type Reading struct {
	Traffic                                       [NumDirections]Counts
	TCPPackets, Retransmissions, OutOfOrder, Lost uint64
	Flows                                         uint64
	FlowsActive                                   int64
	Hosts                                         int
	RTTSum                                        int64 // ns, of all round trips
	RTTSamples                                    uint64
}

// Read fills to, and gives the Snapshot of the same moment without Networks and Matrix.
func (r *Registry) Read(to *Readings, protocols bool) *Snapshot {
	s := new(Snapshot)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.totalsLocked(s)
	to.Networks = r.networks
	if cap(to.Values) < len(r.slots) {
		to.Values = make([]Reading, len(r.slots))
	}
	to.Values, to.Protocols, to.parts = to.Values[:len(r.slots)], to.Protocols[:0], to.parts[:0]
	hosts := *r.hosts.nets.Load()
	for i, slot := range r.slots {
		n := int(hosts[slot].now.Load())
		s.Hosts += n
		v := &to.Values[i]
		if c := r.counters[slot]; c != nil {
			c.settle().read(v)
		} else {
			*v = Reading{}
		}
		v.Hosts = n
	}
	if protocols {
		r.readProtocolsLocked(to)
	}
	return s
}

func (n *NetworkStats) read(to *Reading) {
	to.Traffic = n.Traffic
	in, out, inner := &n.TCP[Ingress], &n.TCP[Egress], &n.TCP[Inner]
	to.TCPPackets = in.Packets + out.Packets + inner.Packets
	to.Retransmissions = in.Retransmissions + out.Retransmissions + inner.Retransmissions
	to.OutOfOrder = in.OutOfOrder + out.OutOfOrder + inner.OutOfOrder
	to.Lost = in.Lost + out.Lost + inner.Lost
	to.Flows, to.FlowsActive = n.Flows, n.FlowsActive
	to.RTTSum = n.RTT.ServerSum + n.RTT.ClientSum + n.RTT.AckSum
	to.RTTSamples = n.RTT.ServerSamples + n.RTT.ClientSamples + n.RTT.AckSamples
}

// readProtocolsLocked adds the networks' applications to to; r.mu is held.
func (r *Registry) readProtocolsLocked(to *Readings) {
	if cap(to.parts) < r.appParts {
		to.parts = make([]ProtocolCounts, 0, r.appParts+r.appParts/16+16)
	}
	for _, slot := range r.slots {
		begin := len(to.parts)
		if c := r.counters[slot]; c != nil {
			to.parts = r.appendProtocols(to.parts, c)
		}
		to.Protocols = append(to.Protocols, to.parts[begin:len(to.parts):len(to.parts)])
	}
}
