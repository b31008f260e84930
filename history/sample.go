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

// A Sample is all that is recorded of one moment. Add keeps nothing of it.
type Sample struct {
	Time   int64               // ns since the Unix epoch
	Nets   *localnets.Snapshot // its Networks are not looked at
	Totals Totals
	// Readings are of the networks of Nets. Their Protocols are wanted where EndsMinute says so.
	Readings *localnets.Readings
	// Alerts has the networks with any, by CIDR.
	Alerts map[string]Alerts
}

// Alerts weigh on a network.
type Alerts struct {
	Score, Engaged uint64
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

func (s *Sample) network(n *localnets.Reading, cidr string) (r reading) {
	v := &r.values
	v[IngressBytes], v[IngressPackets] = n.Traffic[localnets.Ingress].Bytes, n.Traffic[localnets.Ingress].Packets
	v[EgressBytes], v[EgressPackets] = n.Traffic[localnets.Egress].Bytes, n.Traffic[localnets.Egress].Packets
	v[InnerBytes], v[InnerPackets] = n.Traffic[localnets.Inner].Bytes, n.Traffic[localnets.Inner].Packets
	v[TCPPackets], v[Retransmissions], v[OutOfOrder], v[Lost] = n.TCPPackets, n.Retransmissions, n.OutOfOrder, n.Lost
	v[NewFlows], v[Hosts], v[Flows] = n.Flows, uint64(n.Hosts), uint64(max(n.FlowsActive, 0))
	if len(s.Alerts) > 0 {
		a := s.Alerts[cidr]
		v[Score], v[EngagedAlerts] = a.Score, a.Engaged
	}
	r.rttSum, r.rttSamples = uint64(max(n.RTTSum, 0)), n.RTTSamples
	return r
}
