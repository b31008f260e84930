package localnets_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/netmond/netmond/localnets"
	"pgregory.net/rapid"
)

var cmpSnapshot = cmp.Options{cmpNets, cmpopts.EquateEmpty()}

// start is a time within a minute, 2026-01-02 03:04:50 UTC.
var start = time.Date(2026, 1, 2, 3, 4, 50, 0, time.UTC).UnixNano()

var appNames = []string{"Unknown", "DNS", "TLS"}

func drawDelta(t *rapid.T) localnets.Delta {
	net := rapid.Int32Range(-1, 3)
	if rapid.IntRange(0, 50).Draw(t, "wild net") == 0 {
		net = rapid.Int32()
	}
	small := rapid.Uint64Range(0, 3)
	d := localnets.Delta{
		Src:          net.Draw(t, "src"),
		Dst:          net.Draw(t, "dst"),
		L4:           localnets.L4(rapid.IntRange(0, int(localnets.NumL4)).Draw(t, "l4")),
		App:          rapid.Uint16Range(0, uint16(len(appNames))).Draw(t, "app"),
		DstBroadcast: rapid.IntRange(0, 3).Draw(t, "broadcast") == 0,
		Counts: localnets.Counts{
			Packets: small.Draw(t, "packets"),
			Bytes:   rapid.Uint64Range(0, 1<<40).Draw(t, "bytes"),
		},
	}
	if rapid.IntRange(0, 4).Draw(t, "idle") == 0 {
		d.Counts = localnets.Counts{}
	}
	if rapid.IntRange(0, 3).Draw(t, "move") == 0 {
		d.Move = true
		d.FromApp = rapid.Uint16Range(0, uint16(len(appNames))).Draw(t, "from")
		return d
	}
	if rapid.Bool().Draw(t, "tcp") {
		d.TCP = localnets.TCPCounts{
			Packets:         small.Draw(t, "tcp packets"),
			Retransmissions: small.Draw(t, "retransmissions"),
			OutOfOrder:      small.Draw(t, "out of order"),
			Lost:            small.Draw(t, "lost"),
			KeepAlives:      small.Draw(t, "keep-alives"),
			ZeroWindows:     small.Draw(t, "zero windows"),
			SYN:             small.Draw(t, "syn"),
			SYNACK:          small.Draw(t, "synack"),
		}
		rtt := rapid.Int64Range(-int64(time.Second), int64(6*time.Second))
		d.ServerRTT, d.ClientRTT, d.AckRTT = rtt.Draw(t, "server rtt"), rtt.Draw(t, "client rtt"), rtt.Draw(t, "ack rtt")
		d.AckRTTSamples = rapid.Uint32Range(0, 2).Draw(t, "ack samples")
	}
	if rapid.Bool().Draw(t, "flows") {
		d.NewFlows = rapid.Uint32Range(0, 4).Draw(t, "new flows")
		d.EndedFlows = rapid.Uint32Range(0, 4).Draw(t, "ended flows")
	}
	return d
}

// drawUsual gives a Usual and the Delta with the same figures.
func drawUsual(t *rapid.T) (localnets.Usual, localnets.Delta) {
	net := rapid.Int32Range(-2, 4)
	u := localnets.Usual{
		Src: net.Draw(t, "src"), Dst: net.Draw(t, "dst"),
		Packets:       rapid.Uint32Range(1, 255).Draw(t, "packets"),
		Bytes:         rapid.Uint32().Draw(t, "bytes"),
		App:           rapid.Uint16Range(0, uint16(len(appNames))).Draw(t, "app"),
		L4:            rapid.SampledFrom([]localnets.L4{localnets.L4TCP, localnets.L4UDP}).Draw(t, "l4"),
		AckRTT:        rapid.Uint32Range(0, 5).Draw(t, "ack rtt"),
		AckRTTSamples: rapid.Uint8Range(0, 2).Draw(t, "ack samples"),
	}
	d := localnets.Delta{
		Src: u.Src, Dst: u.Dst, L4: u.L4, App: u.App, Counts: localnets.Counts{Packets: uint64(u.Packets), Bytes: uint64(u.Bytes)},
		AckRTT: int64(u.AckRTT) * 1000, AckRTTSamples: uint32(u.AckRTTSamples),
	}
	if u.L4 == localnets.L4TCP {
		d.TCP.Packets = uint64(u.Packets)
	}
	return u, d
}

// For any history, the registry agrees with the slow reference in every figure, and its sums close.
func TestRegistryAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := localnets.Config{
			MaxHosts:       rapid.IntRange(1, 12).Draw(t, "max hosts"),
			MaxMatrixCells: rapid.IntRange(1, 6).Draw(t, "max cells"),
			AppNames:       appNames,
		}
		list := nets("10.0.0.0/8", "10.1.0.0/16 10.1.0.0/16 branch", "192.0.2.0/24", "2001:db8::/32")
		r, err := localnets.New(cfg, list)
		if err != nil {
			t.Fatal(err)
		}
		m := &model{cfg: cfg, list: list}
		now := start
		forward := func(t *rapid.T) int64 {
			now += rapid.SampledFrom([]int64{-3e9, 0, 1, 3e8, 1e9, 1e9, 5e9, 10e9, 30e9, 60e9, 200e9}).Draw(t, "forward")
			return now
		}
		check := func(t *rapid.T) {
			if diff := cmp.Diff(m.snapshot(), r.Snapshot(), cmpSnapshot); diff != "" {
				t.Fatalf("snapshot (-model +registry):\n%s", diff)
			}
		}
		sampled := int64(0)
		var readings localnets.Readings // is used again
		t.Repeat(map[string]func(*rapid.T){
			"apply": func(t *rapid.T) {
				deltas := rapid.SliceOfN(rapid.Custom(drawDelta), 0, 6).Draw(t, "deltas")
				at := forward(t)
				for i := range deltas { // the model takes samples as they come; TestRTTOrder has them in any order
					sampled++
					deltas[i].RTTTime = sampled
				}
				r.Apply(at, deltas)
				m.apply(at, deltas)
			},
			"apply usual": func(t *rapid.T) {
				at := forward(t)
				for range rapid.IntRange(0, 3).Draw(t, "lists") { // with a few others between them, and no snapshot
					var list []localnets.Usual
					var same []localnets.Delta
					for range rapid.IntRange(0, 4).Draw(t, "usual") {
						u, d := drawUsual(t)
						list, same = append(list, u), append(same, d)
					}
					r.ApplyUsual(at, list)
					m.apply(at, same)
					others := rapid.SliceOfN(rapid.Custom(drawDelta), 0, 1).Draw(t, "deltas")
					for i := range others {
						sampled++
						others[i].RTTTime = sampled
					}
					r.Apply(at, others)
					m.apply(at, others)
				}
				if rapid.Bool().Draw(t, "tick") {
					at = forward(t)
					r.Tick(at)
					m.doTick(at)
				}
			},
			"touch": func(t *rapid.T) {
				touches := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) localnets.HostTouch {
					// The network follows from the address.
					b := rapid.ByteRange(0, 5).Draw(t, "addr")
					h := localnets.HostTouch{Addr: [16]byte{15: b}, Is4: rapid.Bool().Draw(t, "is4"), Time: now}
					if h.Net = int32(b) - 1; h.Is4 {
						h.Net = int32(4 - b)
					}
					return h
				}), 0, 4).Draw(t, "touches")
				r.TouchHosts(touches)
				m.touch(touches)
			},
			"tick": func(t *rapid.T) {
				at := forward(t)
				r.Tick(at)
				m.doTick(at)
			},
			"snapshot": check,
			"": func(t *rapid.T) {
				s := r.Snapshot()
				checkLaws(t, m, s)
				checkReadings(t, r, &readings, rapid.Bool().Draw(t, "protocols"), s)
			},
		})
		check(t)
	})
}

// checkReadings checks that Read agrees with s, which was taken at the same moment.
func checkReadings(t *rapid.T, r *localnets.Registry, to *localnets.Readings, protocols bool, s *localnets.Snapshot) {
	got := r.Read(to, protocols)
	want := *s
	want.Networks, want.Matrix = nil, nil
	if diff := cmp.Diff(&want, got, cmpSnapshot); diff != "" {
		t.Fatalf("totals (-snapshot +read):\n%s", diff)
	}
	var networks []localnets.Network
	var values []localnets.Reading
	var parts [][]localnets.ProtocolCounts
	for i := range s.Networks {
		n := &s.Networks[i]
		rtt := &n.RTT
		v := localnets.Reading{
			Traffic: n.Traffic, Flows: n.Flows, FlowsActive: n.FlowsActive, Hosts: n.Hosts,
			RTTSum:     rtt.ServerSum + rtt.ClientSum + rtt.AckSum,
			RTTSamples: rtt.ServerSamples + rtt.ClientSamples + rtt.AckSamples,
		}
		for _, c := range n.TCP {
			v.TCPPackets += c.Packets
			v.Retransmissions += c.Retransmissions
			v.OutOfOrder += c.OutOfOrder
			v.Lost += c.Lost
		}
		networks, values = append(networks, n.Network), append(values, v)
		if protocols {
			parts = append(parts, n.Protocols)
		}
	}
	byName := cmpopts.SortSlices(func(a, b localnets.ProtocolCounts) bool { return a.Name < b.Name })
	for what, pair := range map[string][2]any{"networks": {networks, to.Networks}, "values": {values, to.Values}, "protocols": {parts, to.Protocols}} {
		if diff := cmp.Diff(pair[0], pair[1], cmpSnapshot, byName); diff != "" {
			t.Fatalf("%s (-snapshot +read):\n%s", what, diff)
		}
	}
}

func add(c *localnets.Counts, d localnets.Counts) {
	c.Packets += d.Packets
	c.Bytes += d.Bytes
}

// checkLaws checks that s closes, from the sum of the deltas and the snapshot alone.
func checkLaws(t *rapid.T, m *model, s *localnets.Snapshot) {
	var all, fromLocal, toLocal, between localnets.Counts
	for i := range m.deltas {
		d := &m.deltas[i].Delta
		if d.Move {
			continue
		}
		add(&all, d.Counts)
		if m.local(d.Src) {
			add(&fromLocal, d.Counts)
		}
		if m.local(d.Dst) {
			add(&toLocal, d.Counts)
		}
		if m.local(d.Src) && m.local(d.Dst) && d.Src != d.Dst {
			add(&between, d.Counts)
		}
	}
	var scopes, sent, received, matrix localnets.Counts
	for _, c := range s.Scopes {
		add(&scopes, c)
	}
	for i := range s.Networks {
		n := &s.Networks[i]
		add(&sent, n.Traffic[localnets.Egress])
		add(&sent, n.Traffic[localnets.Inner])
		add(&received, n.Traffic[localnets.Ingress])
		add(&received, n.Traffic[localnets.Inner])
		for dir := range localnets.NumDirections {
			var l4, protocols localnets.Counts
			for _, c := range n.L4[dir] {
				add(&l4, c)
			}
			for _, p := range n.Protocols {
				add(&protocols, p.ByDirection[dir])
			}
			if n.Traffic[dir] != l4 || n.Traffic[dir] != protocols {
				t.Fatalf("%v %v: traffic %v, sum over L4 %v, over protocols %v", n.Prefix, dir, n.Traffic[dir], l4, protocols)
			}
		}
	}
	add(&matrix, s.MatrixOther)
	for _, c := range s.Matrix {
		add(&matrix, c.Counts)
	}
	for _, law := range []struct {
		name      string
		got, want localnets.Counts
	}{
		{"sum over scopes = sum of deltas", scopes, all},
		{"egress + inner of all networks = traffic with a local source", sent, fromLocal},
		{"ingress + inner of all networks = traffic with a local destination", received, toLocal},
		{"matrix and its rest = traffic between two networks", matrix, between},
	} {
		if law.got != law.want {
			t.Fatalf("%s: %v, want %v", law.name, law.got, law.want)
		}
	}
}
