package history

import "github.com/netmond/netmond/localnets"

// Total is the name of the series of all traffic together; networks go by their CIDR.
const Total = ""

// Totals are the figures of the series Total that localnets does not know.
type Totals struct {
	Bytes, Packets                   uint64 // captured
	UndecodedBytes, UndecodedPackets uint64
	LostPackets                      uint64 // missing from any figure, for whatever cause
	UntrackedPackets                 uint64 // counted, but not in a flow
	NewFlows                         uint64
	Flows                            uint64 // now in the table
	EngagedAlerts                    uint64
}

// A Sample is all that is recorded of one moment.
type Sample struct {
	Time   int64 // ns since the Unix epoch
	Nets   *localnets.Snapshot
	Totals Totals
	// Alerts gives a network's score and its engaged alerts; nil where there are none.
	Alerts func(cidr string) (score, engaged uint64)
}

// A reading is one series' values of a sample: cumulative for the Sums.
type reading struct {
	values [NumFields]uint64
	// Round-trip times so far: RTT is the mean of those that came since the last reading.
	rttSum, rttSamples uint64
}

func (s *Sample) totals() (r reading) {
	n := s.Nets
	scope := func(x localnets.Scope) uint64 { return n.Scopes[x].Bytes }
	r.values = [NumFields]uint64{
		TotalBytes: s.Totals.Bytes, TotalPackets: s.Totals.Packets,
		InboundBytes: scope(localnets.ScopeInbound), OutboundBytes: scope(localnets.ScopeOutbound),
		InternalBytes: scope(localnets.ScopeInternal), TransitBytes: scope(localnets.ScopeTransit),
		EncapsulationBytes: scope(localnets.ScopeEncapsulation), NonIPBytes: scope(localnets.ScopeNonIP),
		UndecodedBytes: s.Totals.UndecodedBytes, UndecodedPackets: s.Totals.UndecodedPackets,
		LostPackets: s.Totals.LostPackets, UntrackedPackets: s.Totals.UntrackedPackets,
		TotalNewFlows: s.Totals.NewFlows, TotalHosts: uint64(n.Hosts), TotalFlows: s.Totals.Flows,
		TotalEngagedAlerts: s.Totals.EngagedAlerts,
	}
	return r
}

func (s *Sample) network(n *localnets.NetworkStats, cidr string) (r reading) {
	v := &r.values
	for d, f := range [localnets.NumDirections][2]Field{
		localnets.Ingress: {IngressBytes, IngressPackets}, localnets.Egress: {EgressBytes, EgressPackets},
		localnets.Inner: {InnerBytes, InnerPackets},
	} {
		v[f[0]], v[f[1]] = n.Traffic[d].Bytes, n.Traffic[d].Packets
		t := &n.TCP[d]
		v[TCPPackets] += t.Packets
		v[Retransmissions] += t.Retransmissions
		v[OutOfOrder] += t.OutOfOrder
		v[Lost] += t.Lost
	}
	v[NewFlows], v[Hosts], v[Flows] = n.Flows, uint64(n.Hosts), uint64(max(n.FlowsActive, 0))
	if s.Alerts != nil {
		v[Score], v[EngagedAlerts] = s.Alerts(cidr)
	}
	rtt := &n.RTT
	r.rttSum = uint64(max(rtt.ServerSum+rtt.ClientSum+rtt.AckSum, 0))
	r.rttSamples = rtt.ServerSamples + rtt.ClientSamples + rtt.AckSamples
	return r
}
