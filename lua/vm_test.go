package lua

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/netmond/netmond/alerts"
	"github.com/netmond/netmond/localnets"
)

// testSnapshot has two networks with traffic, one without, and traffic between the first two.
func testSnapshot() *localnets.Snapshot {
	network := func(id int32, name, alias string) localnets.Network {
		return localnets.Network{ID: id, Prefix: netip.MustParsePrefix(name).Masked(), Name: name, Alias: alias}
	}
	a := localnets.NetworkStats{Network: network(0, "192.0.2.0/24", "office")}
	a.Traffic[localnets.Ingress] = localnets.Counts{Packets: 10, Bytes: 1000}
	a.Traffic[localnets.Egress] = localnets.Counts{Packets: 20, Bytes: 3000}
	a.Traffic[localnets.Inner] = localnets.Counts{Packets: 5, Bytes: 500}
	a.L4[localnets.Ingress][localnets.L4TCP] = localnets.Counts{Packets: 6, Bytes: 700}
	a.L4[localnets.Ingress][localnets.L4UDP] = localnets.Counts{Packets: 4, Bytes: 300}
	a.Protocols = []localnets.ProtocolCounts{
		{Name: "TLS", ByDirection: [localnets.NumDirections]localnets.Counts{{Packets: 6, Bytes: 700}, {Packets: 20, Bytes: 3000}, {}}},
		{Name: "DNS", ByDirection: [localnets.NumDirections]localnets.Counts{{Packets: 4, Bytes: 300}, {}, {Packets: 5, Bytes: 500}}},
	}
	a.Broadcast[localnets.Inner] = localnets.Counts{Packets: 1, Bytes: 60}
	a.TCP[localnets.Ingress] = localnets.TCPCounts{Packets: 6, Retransmissions: 1, OutOfOrder: 2, Lost: 3, KeepAlives: 4, ZeroWindows: 5, SYN: 6, SYNACK: 7}
	a.Hosts, a.NewHosts, a.Flows, a.FlowsActive, a.FlowsClient, a.FlowsServer = 3, 4, 7, 2, 5, 2
	a.LastSeen = 1_700_000_000e9
	a.RTT = localnets.RTT{EWMAMillis: 12, ServerSum: 30e6, ServerSamples: 2, ClientSum: 5e6, ClientSamples: 1}
	a.ThroughputBytes, a.ThroughputPackets, a.ThroughputBytesTrend = 250.5, 3, localnets.TrendUp
	a.Minute = localnets.MinuteCounters{SYNReceived: 9, SYNACKSent: 4, SYNPeak: 8, NewFlowsPeak: 6, NewHosts: 1}
	b := localnets.NetworkStats{Network: network(1, "198.51.100.1/24", "")}
	b.Traffic[localnets.Ingress] = localnets.Counts{Packets: 1, Bytes: 100}
	c := localnets.NetworkStats{Network: network(2, "2001:db8::/32", "six")}
	return &localnets.Snapshot{
		Time: 1_700_000_000e9, Generation: 1,
		Networks: []localnets.NetworkStats{a, b, c},
		Matrix: []localnets.Cell{
			{Src: 0, Dst: 1, Counts: localnets.Counts{Packets: 1, Bytes: 100}},
			{Src: 1, Dst: 0, Counts: localnets.Counts{Packets: 1, Bytes: 40}},
		},
	}
}

const testNow = 1_700_000_040e9 // 2023-11-14 22:14:00 UTC

// runSource runs src as a plain script on network 0 of the test snapshot.
func runSource(t testing.TB, src string, opts Options) (Result, error) {
	t.Helper()
	c, err := NewCheck(context.Background(), "test.lua", src, opts)
	if err != nil {
		return Result{}, err
	}
	defer c.Close()
	if c.Style != StylePlain {
		t.Fatalf("script has style %v; want plain: do not end it with return", c.Style)
	}
	return c.RunNetwork(context.Background(), testSnapshot(), 0, testNow, alerts.Minute)
}

// TestMain makes calendar functions give the same on every machine.
func TestMain(m *testing.M) {
	time.Local = time.UTC
	m.Run()
}
