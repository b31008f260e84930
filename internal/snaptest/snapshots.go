package snaptest

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/netmond/netmond/flows"
	"github.com/netmond/netmond/localnets"
	"github.com/netmond/netmond/packet"
)

// outside is an address in no local network.
const outside = localnets.NoNetwork

// Office is a small site: two busy networks, a guest network and an idle one, traffic in every
// scope, every counter that a reader shows not zero somewhere.
func Office() *flows.Snapshot {
	b := New(
		Network("192.0.2.0/24", "office"),
		Network("2001:db8:1::/48", "servers"),
		Network("198.51.100.0/24", ""),
		Network("203.0.113.128/25", "spare"),
	)
	c := func(packets, bytes uint64) localnets.Counts {
		return localnets.Counts{Packets: packets, Bytes: bytes}
	}
	for _, t := range []IP{
		{Src: outside, Dst: 0, L4: localnets.L4TCP, App: "TLS", Counts: c(9000, 11_812_340)},
		{Src: 0, Dst: outside, L4: localnets.L4TCP, App: "TLS", Counts: c(4500, 412_007)},
		{Src: 0, Dst: outside, L4: localnets.L4UDP, App: "DNS", Counts: c(120, 9_840)},
		{Src: outside, Dst: 0, L4: localnets.L4UDP, App: "DNS", Counts: c(118, 21_004)},
		{Src: 0, Dst: 0, L4: localnets.L4UDP, App: "NetBIOS", Broadcast: true, Counts: c(40, 9_720)},
		{Src: 0, Dst: 1, L4: localnets.L4TCP, App: "SSH", Counts: c(300, 40_100)},
		{Src: 1, Dst: 0, L4: localnets.L4TCP, App: "SSH", Counts: c(280, 200_900)},
		{Src: 1, Dst: outside, L4: localnets.L4SCTP, App: "Unknown", Counts: c(12, 1_400)},
		{Src: outside, Dst: 1, L4: localnets.L4ICMP, App: "ICMPV6", Counts: c(7, 742)},
		{Src: 2, Dst: 0, L4: localnets.L4Other, App: "GRE", Counts: c(3, 402)},
		{Src: outside, Dst: outside, L4: localnets.L4TCP, App: "HTTP", Counts: c(50, 33_333)},
	} {
		b.IP(t)
	}
	b.Other(localnets.ScopeEncapsulation, c(0, 5_000))
	b.Other(localnets.ScopeNonIP, c(60, 2_520))
	b.Undecoded(packet.ReasonUnknownLink, c(5, 321))
	s := b.Snapshot()

	first := time.Date(2026, 3, 1, 9, 0, 0, 123_456_789, time.UTC)
	s.Capture.First, s.Capture.Last = first.UnixNano(), first.Add(95*time.Second).UnixNano()
	s.Capture.CapturedBytes -= 1_000
	s.Capture.TruncatedPackets = 3
	s.IPv6 = c(599, 243_142)
	s.IPv4.Packets -= s.IPv6.Packets
	s.IPv4.Bytes -= s.IPv6.Bytes
	s.Fragments = 4
	s.Table = flows.TableStats{
		Capacity: 1 << 20, Entries: 90, MemoryBytes: 8 << 20,
		Started:   [localnets.NumL4]uint64{70, 60, 1, 2, 3},
		Ended:     [flows.NumEndReasons]uint64{0, 20, 5, 15, 4, 2},
		Untracked: c(11, 1_100),
	}

	nets := s.Nets
	nets.Time = s.Capture.Last
	nets.Hosts, nets.HostsRefused = 36, 9
	nets.MatrixOther = c(2, 222)
	office := &nets.Networks[0]
	office.TCP[localnets.Ingress] = localnets.TCPCounts{Packets: 9280, Retransmissions: 31, OutOfOrder: 12, Lost: 5, KeepAlives: 4, ZeroWindows: 2, SYN: 6, SYNACK: 40}
	office.TCP[localnets.Egress] = localnets.TCPCounts{Packets: 4800, Retransmissions: 3, SYN: 44, SYNACK: 5}
	office.Hosts, office.NewHosts = 31, 33
	office.Flows, office.FlowsActive, office.FlowsClient, office.FlowsServer = 110, 72, 100, 12
	office.LastSeen = s.Capture.Last
	office.RTT = localnets.RTT{
		EWMAMillis: 21, ServerSum: 2_400_000, ServerSamples: 4, ClientSum: 900_000_000, ClientSamples: 45,
		AckSum: 30_000_000_000, AckSamples: 1500, Min: 400_000, Max: 61_000_000,
	}
	office.ThroughputBytes, office.ThroughputPackets = 125_000.5, 150.25
	office.ThroughputBytesTrend, office.ThroughputPacketsTrend = localnets.TrendUp, localnets.TrendStable
	servers := &nets.Networks[1]
	servers.TCP[localnets.Ingress] = localnets.TCPCounts{Packets: 300, SYN: 4}
	servers.TCP[localnets.Egress] = localnets.TCPCounts{Packets: 280, SYNACK: 4}
	servers.Hosts, servers.HostsCapped, servers.NewHosts = 4, true, 4
	servers.Flows, servers.FlowsActive, servers.FlowsServer = 8, 6, 8
	servers.LastSeen = s.Capture.Last - int64(time.Second)
	servers.ThroughputBytesTrend = localnets.TrendDown
	guests := &nets.Networks[2]
	guests.Hosts, guests.NewHosts, guests.Flows, guests.FlowsClient = 1, 1, 1, 1
	guests.LastSeen = s.Capture.First
	return s
}

// Empty is the snapshot before any traffic with the networks of Office.
func Empty() *flows.Snapshot {
	office := Office()
	var networks []localnets.Network
	for _, n := range office.Nets.Networks {
		networks = append(networks, n.Network)
	}
	s := New(networks...).Snapshot()
	s.Table.Capacity = office.Table.Capacity
	return s
}

// Many has n networks (at most 65,536), each with traffic in all directions, and a matrix of cells
// from each network to the next.
func Many(n int) *flows.Snapshot {
	networks := make([]localnets.Network, n)
	for i := range networks {
		p := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 0}), 24)
		networks[i] = localnets.Network{Prefix: p, Name: p.String(), Alias: fmt.Sprintf("net-%d", i)}
	}
	b := New(networks...)
	for i := range int32(n) {
		size := uint64(i) + 1
		for _, app := range []string{"TLS", "DNS", "HTTP"} {
			b.IP(IP{Src: i, Dst: outside, L4: localnets.L4TCP, App: app, Counts: localnets.Counts{Packets: size, Bytes: 100 * size}})
			b.IP(IP{Src: outside, Dst: i, L4: localnets.L4UDP, App: app, Counts: localnets.Counts{Packets: size, Bytes: 300 * size}})
		}
		if n > 1 {
			b.IP(IP{Src: i, Dst: (i + 1) % int32(n), L4: localnets.L4TCP, App: "SSH", Counts: localnets.Counts{Packets: size, Bytes: 64 * size}})
		}
	}
	return b.Snapshot()
}
