package flows

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/netmond/netmond/localnets"
	"github.com/netmond/netmond/packet"
)

// drained is what a program in the kernel would have counted of metas, without TCP health. begun holds
// the first packet of each flow.
func drained(tbl *localnets.Table, begun map[packet.Key]packet.Meta, metas []packet.Meta) (packet.Totals, []packet.Sample) {
	var t packet.Totals
	var samples []packet.Sample
	nets := map[[2]int32]int{}
	at := map[packet.Key]int{}
	for i := range metas {
		m := &metas[i]
		n := packet.Tally{Packets: 1, Bytes: uint64(m.WireLen)}
		ends := [2]int32{tbl.Lookup(&m.Key.Lo, m.Key.Is4()).Net, tbl.Lookup(&m.Key.Hi, m.Key.Is4()).Net}
		src, dst := ends[m.Dir], ends[m.Dir^1]
		k, ok := nets[[2]int32{src, dst}]
		if !ok {
			k = len(t.Networks)
			nets[[2]int32{src, dst}] = k
			t.Networks = append(t.Networks, packet.NetworkCounts{Src: src, Dst: dst})
		}
		l4 := &t.Networks[k].L4[localnets.L4Of(m.Key.Proto)]
		l4.Packets += n.Packets
		l4.Bytes += n.Bytes
		version := &t.IPv6
		if m.Key.Is4() {
			version = &t.IPv4
		}
		version.Packets += n.Packets
		version.Bytes += n.Bytes
		if i == 0 {
			t.First, t.Last = m.Time, m.Time
		}
		t.First, t.Last = min(t.First, m.Time), max(t.Last, m.Time)
		j, ok := at[m.Key]
		if !ok {
			j = len(samples)
			at[m.Key] = j
			if _, ok := begun[m.Key]; !ok {
				begun[m.Key] = *m
			}
			first := begun[m.Key]
			samples = append(samples, packet.Sample{Key: m.Key, Client: first.Dir, First: first.Time, Last: m.Time})
		}
		s := &samples[j]
		s.Packets[m.Dir]++
		s.Bytes[m.Dir] += uint64(m.WireLen)
		s.Last = max(s.Last, m.Time)
	}
	return t, samples
}

// TestDrainedIsProcess counts the same UDP packets one by one, and as totals with samples, at a table
// that holds all flows and at one that does not: networks, applications and flows are the same.
func TestDrainedIsProcess(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		size := rapid.SampledFrom([]int{64, 4096}).Draw(rt, "flows")
		one, sums := newTable(t, Config{MaxFlows: size, Shards: 1, Seed: 1}), newTable(t, Config{MaxFlows: size, Shards: 1, Seed: 1})
		w, v := one.NewWorker(), sums.NewWorker()
		now, begun := testTime, map[packet.Key]packet.Meta{}
		addr := rapid.SampledFrom([]string{"192.0.2.1", "192.0.2.2", "198.51.100.3", "203.0.113.9"})
		port := rapid.SampledFrom([]uint16{53, 123, 443, 40000, 40001, 50000})
		for range rapid.IntRange(1, 6).Draw(rt, "drains") {
			var metas []packet.Meta
			for range rapid.IntRange(0, 200).Draw(rt, "packets") {
				now += ms
				src := netip.AddrPortFrom(netip.MustParseAddr(addr.Draw(rt, "src")), port.Draw(rt, "sport"))
				dst := netip.AddrPortFrom(netip.MustParseAddr(addr.Draw(rt, "dst")), port.Draw(rt, "dport"))
				metas = append(metas, meta(17, src, dst, now))
			}
			addMetas(w, metas...)
			totals, samples := drained(sums.nets.Table(), begun, metas)
			v.AddDrained(&totals, samples)
			s := sums.Snapshot()
			checkClosed(rt, s)
			checkFlows(rt, sums, s)
		}
		a, b := one.Snapshot(), sums.Snapshot()
		if size == 64 { // which flows stay is each table's own choice
			diff(rt, "scopes", a.Nets.Scopes, b.Nets.Scopes)
			diff(rt, "capture", a.Capture.Bytes, b.Capture.Bytes)
			for i := range a.Nets.Networks {
				diff(rt, "traffic", a.Nets.Networks[i].Traffic, b.Nets.Networks[i].Traffic)
				diff(rt, "transports", a.Nets.Networks[i].L4, b.Nets.Networks[i].L4)
			}
			return
		}
		for _, s := range []*Snapshot{a, b} {
			s.Capture.CapturedBytes, s.Capture.TruncatedPackets = 0, 0
			s.Table.MemoryBytes = 0
			for i := range s.Nets.Networks {
				s.Nets.Networks[i].LastSeen = 0
			}
		}
		same := cmpopts.EquateComparable(netip.AddrPort{}, netip.Prefix{})
		diff(rt, "snapshot", a, b, same)
		diff(rt, "flows", flowsOf(one), flowsOf(sums), same)
	})
}

// TestSampleOfConnection holds what a sample tells of a TCP connection, and that frames of it which come
// one by one are not followed twice.
func TestSampleOfConnection(t *testing.T) {
	tbl := newTable(t, Config{MaxFlows: 64})
	w := tbl.NewWorker()
	m := meta(protoTCP, ap("203.0.113.9:40000"), ap("192.0.2.1:443"), testTime)
	s := packet.Sample{
		Key: m.Key, Client: m.Dir, First: testTime, Last: testTime + 10*ms, Settled: true, TCPFlags: [2]uint8{0x12, 0x1b},
		ServerRTT: 3 * ms, ServerRTTSamples: 1, ClientRTT: 5 * ms, ClientRTTSamples: 1,
	}
	s.Packets[m.Dir], s.Bytes[m.Dir] = 10, 1000
	s.Health[m.Dir] = packet.Health{Retransmissions: 2, Lost: 1}
	totals := packet.Totals{
		IPv4: packet.Tally{Packets: 10, Bytes: 1000}, First: testTime, Last: testTime + 10*ms,
		Networks: []packet.NetworkCounts{{Src: packet.OutsideNetwork, Dst: 0, TCPPackets: 10, SYN: 1,
			L4: [packet.NumTransports]packet.Tally{{Packets: 10, Bytes: 1000}}}},
	}
	w.AddDrained(&totals, []packet.Sample{s})
	// A frame of it, far ahead in the sequence space, that the program handed up.
	m.Flags, m.TCPFlags, m.Seq, m.PayloadLen, m.Time = packet.FlagTCP, packet.TCPAck, 1<<20, 100, testTime+11*ms
	addMetas(w, m)

	snap := tbl.Snapshot()
	checkClosed(t, snap)
	lan := &snap.Nets.Networks[0]
	want := localnets.TCPCounts{Packets: 11, Retransmissions: 2, Lost: 1, SYN: 1}
	if lan.TCP[localnets.Ingress] != want || lan.RTT.ServerSum != 3*ms || lan.RTT.ServerSamples != 1 || lan.Flows != 1 {
		t.Errorf("network: TCP %+v, round trips %+v, %d flows", lan.TCP[localnets.Ingress], lan.RTT, lan.Flows)
	}
	f := onlyFlow(t, tbl)
	if f.FromClient.Packets != 11 || f.FromClient.Retransmissions != 2 || f.FromClient.Lost != 1 || f.State != TCPOpen ||
		f.ServerRTT != 3*ms || f.ClientRTT != 5*ms || f.Client != ap("203.0.113.9:40000") {
		t.Errorf("flow: %+v", f)
	}

	// Two more connections between the same ports; the last one closed.
	next := packet.Sample{Key: s.Key, Client: s.Client, First: testTime, Last: testTime + 20*ms, Closed: true, Settled: true, Reopened: 2}
	w.AddDrained(&packet.Totals{}, []packet.Sample{next})
	lan = &tbl.Snapshot().Nets.Networks[0]
	if lan.Flows != 3 || lan.FlowsActive != 1 {
		t.Errorf("%d flows, %d active, want 3 and 1", lan.Flows, lan.FlowsActive)
	}
	if f := onlyFlow(t, tbl); f.State != TCPClosed {
		t.Errorf("state %v, want closed", f.State)
	}
}

// TestClassify holds that a payload names its flow's application, and takes along what was counted.
func TestClassify(t *testing.T) {
	tbl := newTable(t, Config{MaxFlows: 64})
	w := tbl.NewWorker()
	const request = "GET / HTTP/1.1\r\nHost: example.com\r\n\r\n"
	f := ipv4(protoTCP, ap("203.0.113.9:40000"), ap("192.0.2.1:9999"), testTime, packet.TCPAck|packet.TCPPsh, 1, 1, []byte(request))
	var m packet.Meta
	tbl.cfg.Decoder.Decode(&f, &m)
	s := packet.Sample{Key: m.Key, Client: m.Dir, First: testTime, Last: testTime}
	s.Packets[m.Dir], s.Bytes[m.Dir] = 10, 1000
	totals := packet.Totals{IPv4: packet.Tally{Packets: 10, Bytes: 1000}, Networks: []packet.NetworkCounts{
		{Src: packet.OutsideNetwork, Dst: 0, L4: [packet.NumTransports]packet.Tally{{Packets: 10, Bytes: 1000}}}}}
	w.AddDrained(&totals, []packet.Sample{s})
	payloads := []packet.Payload{{Frame: f, Client: m.Dir}}
	w.Classify(payloads)
	if payloads[0].Key != m.Key || !payloads[0].Done {
		t.Errorf("payload: %+v", payloads[0])
	}
	snap := tbl.Snapshot()
	checkClosed(t, snap)
	p := snap.Nets.Networks[0].Protocols
	if len(p) != 1 || p[0].Name != "HTTP" || p[0].ByDirection[localnets.Ingress].Bytes != 1000 {
		t.Errorf("applications %+v", p)
	}
	if f := onlyFlow(t, tbl); f.ServerName != "example.com" {
		t.Errorf("server name %q", f.ServerName)
	}
	if snap.Capture.Packets != 10 {
		t.Errorf("%d packets captured, want 10", snap.Capture.Packets)
	}
}
