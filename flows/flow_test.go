package flows

import (
	"math"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/netmond/netmond/apps"
	"github.com/netmond/netmond/localnets"
	"github.com/netmond/netmond/packet"
)

func TestFlowOfFrames(t *testing.T) {
	tbl := newTable(t, Config{MaxFlows: 64})
	w := tbl.NewWorker()
	client, server := ap("192.0.2.10:40000"), ap("198.51.100.7:8080")
	get := []byte("GET / HTTP/1.1\r\nHost: Www.Example.COM\r\n\r\n")
	reply := []byte("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
	w.Process(&packet.Block{Frames: []packet.Frame{
		ipv4(6, client, server, testTime, syn, 1000, 0, nil),
		ipv4(6, server, client, testTime+2*ms, syn|ack, 5000, 1001, nil),
		ipv4(6, client, server, testTime+3*ms, ack, 1001, 5001, nil),
		ipv4(6, client, server, testTime+4*ms, ack|psh, 1001, 5001, get),
		ipv4(6, server, client, testTime+6*ms, ack|psh, 5001, 1001+uint32(len(get)), reply),
	}})
	want := Flow{
		Client: client, Server: server, ClientNetwork: 0, ServerNetwork: 1, First: testTime, Last: testTime + 6*ms,
		FromClient: FlowDirection{Counts: localnets.Counts{Packets: 3, Bytes: uint64(3*40 + len(get))}, TCPFlags: syn | ack | psh},
		FromServer: FlowDirection{Counts: localnets.Counts{Packets: 2, Bytes: uint64(2*40 + len(reply))}, TCPFlags: syn | ack | psh},
		ServerName: "www.example.com", State: TCPOpen, ServerRTT: 2 * ms, ClientRTT: ms,
	}
	for range 2 { // before and after a fold
		got := onlyFlow(t, tbl)
		if got.App.String() != "HTTP" {
			t.Errorf("application %v, want HTTP", got.App)
		}
		diff(t, "flow", want, got, cmpopts.EquateComparable(netip.AddrPort{}), cmpopts.IgnoreFields(Flow{}, "Key", "App"))
		s := tbl.Snapshot()
		checkClosed(t, s)
		lan, dmz := s.Nets.Networks[0], s.Nets.Networks[1]
		if lan.FlowsClient != 1 || lan.FlowsServer != 0 || dmz.FlowsClient != 0 || dmz.FlowsServer != 1 {
			t.Errorf("client and server flows: lan %d, %d, dmz %d, %d", lan.FlowsClient, lan.FlowsServer, dmz.FlowsClient, dmz.FlowsServer)
		}
		if dmz.RTT.ServerSum != 2*ms || lan.RTT.ClientSum != ms || dmz.RTT.AckSum != 2*ms || dmz.RTT.AckSamples != 1 {
			t.Errorf("round trips: lan %+v, dmz %+v", lan.RTT, dmz.RTT)
		}
		if s.Nets.Hosts != 2 {
			t.Errorf("%d hosts, want 2", s.Nets.Hosts)
		}
	}
}

// An application that shows only after its first bytes were folded takes them with it.
func TestApplicationTakesItsBytesAlong(t *testing.T) {
	tbl := newTable(t, Config{MaxFlows: 64})
	w := tbl.NewWorker()
	client, server := ap("192.0.2.10:40000"), ap("192.0.2.20:45678") // ports that say nothing
	process := func(frames ...packet.Frame) { w.Process(&packet.Block{Frames: frames}) }
	protocols := func() map[string]localnets.Counts {
		s := tbl.Snapshot()
		checkClosed(t, s)
		m := map[string]localnets.Counts{}
		for _, p := range s.Nets.Networks[0].Protocols {
			if c := p.ByDirection[localnets.Inner]; c != (localnets.Counts{}) {
				m[p.Name] = c
			}
		}
		return m
	}
	process(ipv4(6, client, server, testTime, syn, 1000, 0, nil), ipv4(6, server, client, testTime, syn|ack, 1, 1001, nil))
	diff(t, "before", map[string]localnets.Counts{"Unknown": {Packets: 2, Bytes: 80}}, protocols())
	hello := []byte("SSH-2.0-OpenSSH_9.2\r\n")
	process(ipv4(6, server, client, testTime, ack|psh, 2, 1001, hello))
	diff(t, "after", map[string]localnets.Counts{"SSH": {Packets: 3, Bytes: uint64(120 + len(hello))}}, protocols())
}

func TestAppBudget(t *testing.T) {
	tbl := newTable(t, Config{MaxFlows: 64})
	w := tbl.NewWorker()
	client, server := ap("192.0.2.10:40000"), ap("192.0.2.20:45678")
	noise := []byte("\x01zzzzzzzz")
	for range payloadBudget {
		w.Process(&packet.Block{Frames: []packet.Frame{ipv4(6, client, server, testTime, ack, 1, 1, noise)}})
	}
	w.Process(&packet.Block{Frames: []packet.Frame{ipv4(6, server, client, testTime, ack, 1, 1, []byte("SSH-2.0-OpenSSH_9.2\r\n"))}})
	if f := onlyFlow(t, tbl); f.App != apps.Unknown {
		t.Errorf("application %v after the budget was spent", f.App)
	}
}

// Counters pass 2^32 in bytes and their small parts in packets without a wrap.
func TestCountersDoNotWrap(t *testing.T) {
	tbl := newTable(t, Config{MaxFlows: 64})
	w := tbl.NewWorker()
	m := udp(1, testTime)
	m.WireLen = math.MaxUint32
	const n = 1000
	metas := make([]packet.Meta, n)
	for i := range metas {
		metas[i] = m
	}
	addMetas(w, metas...)
	want := localnets.Counts{Packets: n, Bytes: n * math.MaxUint32}
	for range 2 {
		if got := onlyFlow(t, tbl).FromClient.Counts; got != want {
			t.Errorf("flow counts %+v, want %+v", got, want)
		}
		s := tbl.Snapshot()
		checkClosed(t, s)
		if got := s.Nets.Networks[0].Traffic[localnets.Egress]; got != want {
			t.Errorf("network counts %+v, want %+v", got, want)
		}
	}
	var c cold
	c.setFolded(1, localnets.Counts{Packets: 1<<48 - 1, Bytes: math.MaxUint64})
	if got := c.folded(1); got != (localnets.Counts{Packets: 1<<48 - 1, Bytes: math.MaxUint64}) {
		t.Errorf("folded %+v", got)
	}
}

func TestKeysApart(t *testing.T) {
	v4 := meta(17, ap("192.0.2.1:53"), ap("192.0.2.2:53"), testTime)
	v6 := v4
	v6.Key.Family = packet.FamilyIPv6
	vlan := v4
	vlan.Key.VLAN = 7
	tcp := v4
	tcp.Key.Proto = 6
	portless := v4
	portless.Key.Family |= packet.FlagPortless
	tbl := newTable(t, Config{MaxFlows: 64})
	addMetas(tbl.NewWorker(), v4, v6, vlan, tcp, portless, v4)
	s := tbl.Snapshot()
	checkClosed(t, s)
	want := [localnets.NumL4]uint64{localnets.L4UDP: 3, localnets.L4TCP: 1, localnets.L4Other: 1}
	diff(t, "flows started", want, s.Table.Started)
}

func TestStartedClasses(t *testing.T) {
	tbl := newTable(t, Config{MaxFlows: 64})
	w := tbl.NewWorker()
	a, b := ap("192.0.2.1:0"), ap("192.0.2.2:0")
	for _, proto := range []uint8{1, 58, 2, 47, 89, 6, 17} {
		m := meta(proto, a, b, testTime)
		m.Key.Family |= packet.FlagPortless
		addMetas(w, m)
	}
	s := tbl.Snapshot()
	diff(t, "flows started", [localnets.NumL4]uint64{localnets.L4ICMP: 2, localnets.L4Other: 5}, s.Table.Started)
	if n := s.Nets.Networks[0].L4[localnets.Inner][localnets.L4TCP].Packets; n != 1 {
		t.Errorf("%d TCP packets, want the fragment's 1", n)
	}
}

func TestNames(t *testing.T) {
	tbl := newTable(t, Config{MaxFlows: 64, Shards: 1}) // 16 name records
	s := &tbl.shards[0]
	var heads []uint32
	for n := range 254 {
		text := strings.Repeat("a", n)
		head := s.keepName([]byte(text))
		if got := string(s.appendName(nil, head)); got != text {
			t.Fatalf("%q kept as %q", text, got)
		}
		s.freeName(head)
		if s.names.used != 0 {
			t.Fatalf("%d records in use after a name of %d letters", s.names.used, n)
		}
	}
	for range 3 { // 5 records each
		heads = append(heads, s.keepName([]byte(strings.Repeat("b", 253))))
	}
	if s.keepName([]byte(strings.Repeat("c", 60))) != 0 || s.namesRefused != 1 || s.names.used != 15 {
		t.Errorf("%d records in use, %d names refused", s.names.used, s.namesRefused)
	}
	for _, head := range heads {
		if got := string(s.appendName(nil, head)); got != strings.Repeat("b", 253) {
			t.Errorf("name became %q", got)
		}
	}
}

func TestFlowsStops(t *testing.T) {
	tbl := newTable(t, Config{MaxFlows: 4096})
	w := tbl.NewWorker()
	for port := range uint16(1000) {
		addMetas(w, udp(port+1, testTime))
	}
	n := 0
	tbl.Flows(func(*Flow) bool { n++; return n < 10 })
	if n != 10 {
		t.Errorf("called %d times, want 10", n)
	}
	if got := len(flowsOf(tbl)); got != 1000 {
		t.Errorf("%d flows listed, want 1000", got)
	}
}

func TestEnvelopeAndCaptureCounts(t *testing.T) {
	tbl := newTable(t, Config{MaxFlows: 64})
	w := tbl.NewWorker()
	inner := udp(1, testTime)
	inner.Envelope = 50
	inner.Flags = packet.FlagFragment | packet.FlagDecapsulated
	addMetas(w, inner,
		packet.Meta{Class: packet.ClassNonIP, WireLen: 60, Time: testTime - 5},
		packet.Meta{Class: packet.ClassUndecoded, Reason: 1, WireLen: 70, Time: testTime + 5})
	s := tbl.Snapshot()
	checkClosed(t, s)
	diff(t, "scopes", [localnets.NumScopes]localnets.Counts{
		localnets.ScopeOutbound: {Packets: 1, Bytes: 100}, localnets.ScopeEncapsulation: {Bytes: 50},
		localnets.ScopeNonIP: {Packets: 1, Bytes: 60}, localnets.ScopeUndecoded: {Packets: 1, Bytes: 70},
	}, s.Nets.Scopes)
	diff(t, "capture", CaptureCounts{Packets: 3, Bytes: 280, TruncatedPackets: 3, First: testTime - 5, Last: testTime + 5}, s.Capture)
	if s.Fragments != 1 || s.Undecoded[1].Bytes != 70 {
		t.Errorf("%d fragments, undecoded %+v", s.Fragments, s.Undecoded[1])
	}
	// A tag that the kernel took is not a cut frame, and captured as well.
	f := ipv4(17, tcpClient, tcpServer, testTime, 0, 0, 0, nil)
	f.VLANTPID, f.WireLen = 0x8100, f.WireLen+4
	w.Process(&packet.Block{Frames: []packet.Frame{f}})
	got := tbl.Snapshot().Capture
	if got.TruncatedPackets != 3 || got.CapturedBytes != s.Capture.CapturedBytes+uint64(f.WireLen) {
		t.Errorf("%d truncated packets, %d captured bytes, want 3, and all %d of a frame with its tag", got.TruncatedPackets, got.CapturedBytes, f.WireLen)
	}
}

// A flow whose networks are others in a newer prefix table ends for the old ones and begins for the
// new; bytes that were folded stay where they are, under their application too.
func TestNetworksChange(t *testing.T) {
	tbl := newTable(t, Config{MaxFlows: 64, Shards: 1})
	w := tbl.NewWorker()
	client, server := ap("192.0.2.10:40000"), ap("203.0.113.7:45678")
	w.Process(&packet.Block{Frames: []packet.Frame{ipv4(6, client, server, testTime, ack, 1, 1, nil)}})
	tbl.Snapshot()
	// As if the table in force until now had given the client to the dmz.
	c := tbl.shards[0].colds.at(0)
	c.gen, c.nets = 99, [2]int32{1, localnets.NoNetwork}
	w.Process(&packet.Block{Frames: []packet.Frame{ipv4(6, client, server, testTime, ack|psh, 1, 1, []byte("SSH-2.0-x\r\n"))}})
	s := tbl.Snapshot()
	checkClosed(t, s)
	lan, dmz := s.Nets.Networks[0], s.Nets.Networks[1]
	if lan.Flows != 2 || dmz.FlowsActive != -1 {
		t.Errorf("lan has %d flows, want a second one; dmz %d active, want one fewer", lan.Flows, dmz.FlowsActive)
	}
	got := map[string]uint64{}
	for _, p := range lan.Protocols {
		got[p.Name] = p.ByDirection[localnets.Egress].Packets
	}
	diff(t, "packets", map[string]uint64{"Unknown": 1, "SSH": 1}, got)
}
