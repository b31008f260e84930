package report

import (
	"math"
	"time"

	"github.com/netmond/netmond/flows"
	"github.com/netmond/netmond/localnets"
	"github.com/netmond/netmond/packet"
)

// timeFormat is RFC 3339 with all nine digits, so that texts of one length sort by time.
const timeFormat = "2006-01-02T15:04:05.000000000Z07:00"

func timeText(ns int64, known bool) *string {
	if !known {
		return nil
	}
	s := time.Unix(0, ns).UTC().Format(timeFormat)
	return &s
}

func counts(c localnets.Counts) Counts { return Counts(c) }

func directions(d *[localnets.NumDirections]localnets.Counts) Directions {
	return Directions{
		Ingress: counts(d[localnets.Ingress]),
		Egress:  counts(d[localnets.Egress]),
		Inner:   counts(d[localnets.Inner]),
	}
}

func (r *Report) capture() Capture {
	c := &r.s.Capture
	return Capture{
		Packets: c.Packets, Bytes: c.Bytes, CapturedBytes: c.CapturedBytes, TruncatedPackets: c.TruncatedPackets,
		First: timeText(c.First, c.Packets > 0), Last: timeText(c.Last, c.Packets > 0),
	}
}

func (r *Report) ip() IP {
	return IP{IPv4: counts(r.s.IPv4), IPv6: counts(r.s.IPv6), Fragments: r.s.Fragments}
}

func (r *Report) scopes() Scopes {
	s := &r.s.Nets.Scopes
	return Scopes{
		Inbound:       counts(s[localnets.ScopeInbound]),
		Outbound:      counts(s[localnets.ScopeOutbound]),
		Internal:      counts(s[localnets.ScopeInternal]),
		Transit:       counts(s[localnets.ScopeTransit]),
		Encapsulation: counts(s[localnets.ScopeEncapsulation]),
		NonIP:         counts(s[localnets.ScopeNonIP]),
		Undecoded:     counts(s[localnets.ScopeUndecoded]),
	}
}

func (r *Report) undecodedReasons() map[string]Counts {
	m := map[string]Counts{}
	for i, c := range r.s.Undecoded {
		if c != (localnets.Counts{}) {
			m[packet.Reason(i).String()] = counts(c)
		}
	}
	return m
}

func (r *Report) flows() Flows {
	t := &r.s.Table
	f := Flows{
		TCP: t.Started[localnets.L4TCP], UDP: t.Started[localnets.L4UDP], SCTP: t.Started[localnets.L4SCTP],
		ICMP: t.Started[localnets.L4ICMP], Other: t.Started[localnets.L4Other],
		Active: t.Entries, Capacity: t.Capacity,
		Ended: Ended{
			IdleTimeout: t.Ended[flows.EndIdle], ActiveTimeout: t.Ended[flows.EndActive],
			EndOfFlow: t.Ended[flows.EndOfFlow], ForcedEnd: t.Ended[flows.EndForced],
			LackOfResources: t.Ended[flows.EndResources], HalfOpen: t.Ended[flows.EndHalfOpen],
		},
		Untracked: counts(t.Untracked),
	}
	for _, n := range t.Started {
		f.Total += n
	}
	return f
}

// NetworkOf is n as a report has it.
func NetworkOf(n *localnets.NetworkStats) (to Network) {
	network(&to, n)
	return to
}

// network fills to; its map is emptied and used again.
func network(to *Network, n *localnets.NetworkStats) {
	protocols := to.Protocols
	clear(protocols)
	if protocols == nil {
		protocols = map[string]Directions{}
	}
	for i := range n.Protocols {
		protocols[n.Protocols[i].Name] = directions(&n.Protocols[i].ByDirection)
	}
	*to = Network{
		ID: n.ID, CIDR: n.Prefix.String(), Name: n.Name, Alias: n.Alias,
		Directions:  directions(&n.Traffic),
		Broadcast:   directions(&n.Broadcast),
		Hosts:       n.Hosts,
		HostsCapped: n.HostsCapped,
		HostsSeen:   n.NewHosts,
		Flows:       n.Flows,
		FlowsActive: n.FlowsActive,
		FlowsClient: n.FlowsClient,
		FlowsServer: n.FlowsServer,
		LastSeen:    timeText(n.LastSeen, n.LastSeen != 0),
		Protocols:   protocols,
		L4: L4{
			TCP: class(n, localnets.L4TCP), UDP: class(n, localnets.L4UDP), SCTP: class(n, localnets.L4SCTP),
			ICMP: class(n, localnets.L4ICMP), Other: class(n, localnets.L4Other),
		},
		TCP: TCPDirections{
			Ingress: tcp(&n.TCP[localnets.Ingress]), Egress: tcp(&n.TCP[localnets.Egress]), Inner: tcp(&n.TCP[localnets.Inner]),
		},
		RTT: rtt(&n.RTT),
		Throughput: Throughput{
			BytesPerSecond: finite(n.ThroughputBytes), PacketsPerSecond: finite(n.ThroughputPackets),
			BytesTrend: trend(n.ThroughputBytesTrend), PacketsTrend: trend(n.ThroughputPacketsTrend),
		},
	}
}

func class(n *localnets.NetworkStats, l4 localnets.L4) Directions {
	return Directions{
		Ingress: counts(n.L4[localnets.Ingress][l4]),
		Egress:  counts(n.L4[localnets.Egress][l4]),
		Inner:   counts(n.L4[localnets.Inner][l4]),
	}
}

func tcp(c *localnets.TCPCounts) TCP {
	return TCP{
		Packets: c.Packets, Retransmissions: c.Retransmissions, OutOfOrder: c.OutOfOrder, Lost: c.Lost,
		KeepAlive: c.KeepAlives, ZeroWindow: c.ZeroWindows, SYN: c.SYN, SYNACK: c.SYNACK,
	}
}

func rtt(t *localnets.RTT) *RTT {
	if t.ServerSamples+t.ClientSamples+t.AckSamples == 0 {
		return nil
	}
	r := &RTT{
		Server: meanMillis(t.ServerSum, t.ServerSamples), ServerSamples: t.ServerSamples,
		Client: meanMillis(t.ClientSum, t.ClientSamples), ClientSamples: t.ClientSamples,
		Ack: meanMillis(t.AckSum, t.AckSamples), AckSamples: t.AckSamples,
	}
	if t.ServerSamples+t.ClientSamples > 0 { // those that the average and the extremes are made of
		ewma := t.EWMAMillis
		r.EWMA, r.Min, r.Max = &ewma, meanMillis(t.Min, 1), meanMillis(t.Max, 1)
	}
	return r
}

// meanMillis is sum (ns) over samples, in ms.
func meanMillis(sum int64, samples uint64) *float64 {
	if samples == 0 {
		return nil
	}
	ms := float64(sum) / float64(samples) / 1e6
	return &ms
}

// finite guards the JSON: it has no infinity.
func finite(v float64) float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return 0
	}
	return v
}

func trend(t localnets.Trend) string {
	switch t {
	case localnets.TrendUp:
		return "up"
	case localnets.TrendDown:
		return "down"
	case localnets.TrendStable:
		return "stable"
	}
	return "unknown"
}
