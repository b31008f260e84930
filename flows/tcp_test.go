package flows

import (
	"testing"
	"time"

	"github.com/netmond/netmond/localnets"
	"github.com/netmond/netmond/packet"
)

const (
	fin = packet.TCPFin
	syn = packet.TCPSyn
	rst = packet.TCPRst
	psh = packet.TCPPsh
	ack = packet.TCPAck
)

var (
	tcpClient = ap("192.0.2.10:40000")
	tcpServer = ap("203.0.113.5:443")
)

// A step is one segment of a connection between tcpClient and tcpServer.
type step struct {
	server bool    // sent by the server
	at     float64 // ms
	flags  uint8
	seq    uint32
	ack    uint32
	len    uint32
	zero   bool // window 0
}

func (s step) meta() packet.Meta {
	src, dst := tcpClient, tcpServer
	if s.server {
		src, dst = dst, src
	}
	m := meta(protoTCP, src, dst, testTime+int64(s.at*1e6))
	m.Flags, m.TCPFlags, m.Seq, m.Ack, m.PayloadLen, m.Window = packet.FlagTCP, s.flags, s.seq, s.ack, s.len, 1000
	if s.zero {
		m.Window = 0
	}
	return m
}

// open is a handshake at 0, 20 and 30 ms, so that data begin at 1001 and 5001.
func open(more ...step) []step {
	return append([]step{
		{at: 0, flags: syn, seq: 1000},
		{server: true, at: 20, flags: syn | ack, seq: 5000, ack: 1001},
		{at: 30, flags: ack, seq: 1001, ack: 5001},
	}, more...)
}

// sick is what is wrong in one direction.
type sick struct{ Retransmissions, OutOfOrder, Lost, KeepAlives, ZeroWindows uint32 }

func sickOf(d FlowDirection) sick {
	return sick{d.Retransmissions, d.OutOfOrder, d.Lost, d.KeepAlives, d.ZeroWindows}
}

func TestTCP(t *testing.T) {
	type rtt struct{ Server, Client time.Duration }
	const msec = time.Millisecond
	handshake := rtt{20 * msec, 10 * msec}
	tests := []struct {
		name           string
		steps          []step
		client, server sick
		state          TCPState
		rtt            rtt
		acks           uint64 // samples of data to acknowledgement, towards the client
		flows          uint64 // as the networks count them; 0 stands for 1
		swapped        bool   // the server counts as client
	}{
		{name: "handshake", steps: open(), state: TCPOpen, rtt: handshake},
		{name: "data in order", state: TCPOpen, rtt: handshake, acks: 1, steps: open(
			step{at: 40, flags: ack | psh, seq: 1001, ack: 5001, len: 100},
			step{server: true, at: 60, flags: ack, seq: 5001, ack: 1101, len: 1000},
			step{server: true, at: 60, flags: ack, seq: 6001, ack: 1101, len: 1000},
			step{at: 65, flags: ack, seq: 1101, ack: 7001})},
		{name: "retransmission", state: TCPOpen, rtt: handshake, server: sick{Retransmissions: 1}, steps: open(
			step{server: true, at: 60, flags: ack, seq: 5001, len: 1000},
			step{server: true, at: 300, flags: ack, seq: 5001, len: 1000})},
		{name: "part of it is new", state: TCPOpen, rtt: handshake, server: sick{Retransmissions: 1}, steps: open(
			step{server: true, at: 60, flags: ack, seq: 5001, len: 1000},
			step{server: true, at: 300, flags: ack, seq: 5501, len: 1000},
			step{server: true, at: 301, flags: ack, seq: 6501, len: 1000})},
		{name: "Karn: no sample of what was sent twice", state: TCPOpen, rtt: handshake, server: sick{Retransmissions: 1}, steps: open(
			step{server: true, at: 60, flags: ack, seq: 5001, len: 1000},
			step{server: true, at: 300, flags: ack, seq: 5001, len: 1000},
			step{at: 320, flags: ack, seq: 1001, ack: 6001})},
		{name: "out of order", state: TCPOpen, rtt: handshake, server: sick{OutOfOrder: 1}, steps: open(
			step{server: true, at: 60, flags: ack, seq: 5001, len: 1000},
			step{server: true, at: 61, flags: ack, seq: 7001, len: 1000},
			step{server: true, at: 62, flags: ack, seq: 6001, len: 1000},
			step{server: true, at: 200, flags: ack, seq: 8001, len: 1000})},
		{name: "out of order twice in one run", state: TCPOpen, rtt: handshake, server: sick{OutOfOrder: 2}, steps: open(
			step{server: true, at: 60, flags: ack, seq: 5001, len: 1000},
			step{server: true, at: 61, flags: ack, seq: 7001, len: 1000},
			step{server: true, at: 62, flags: ack, seq: 9001, len: 1000},
			step{server: true, at: 63, flags: ack, seq: 6001, len: 1000},
			step{server: true, at: 64, flags: ack, seq: 8001, len: 1000},
			step{server: true, at: 200, flags: ack, seq: 10001, len: 1000})},
		{name: "lost and sent again", state: TCPOpen, rtt: handshake, server: sick{Lost: 2, Retransmissions: 2}, steps: open(
			step{server: true, at: 60, flags: ack, seq: 5001, len: 1000},
			step{server: true, at: 61, flags: ack, seq: 8001, len: 1000},
			step{server: true, at: 95, flags: ack, seq: 6001, len: 1000},
			step{server: true, at: 96, flags: ack, seq: 7001, len: 1000})},
		{name: "half of a gap comes late, half is lost", state: TCPOpen, rtt: handshake, server: sick{Lost: 1, OutOfOrder: 1}, steps: open(
			step{server: true, at: 60, flags: ack, seq: 5001, len: 1000},
			step{server: true, at: 61, flags: ack, seq: 8001, len: 1000},
			step{server: true, at: 62, flags: ack, seq: 7001, len: 1000},
			step{server: true, at: 200, flags: ack, seq: 9001, len: 1000})},
		{name: "no handshake: 3 ms", state: TCPOpen, server: sick{OutOfOrder: 1, Retransmissions: 1, Lost: 1}, swapped: true, steps: []step{
			{server: true, at: 60, flags: ack, seq: 5001, len: 1000},
			{server: true, at: 61, flags: ack, seq: 7001, len: 1000},
			{server: true, at: 63, flags: ack, seq: 6001, len: 1000},
			{server: true, at: 64, flags: ack, seq: 9001, len: 1000},
			{server: true, at: 68, flags: ack, seq: 8001, len: 1000},
		}},
		{name: "lost at the end counts at a later fold", state: TCPOpen, rtt: handshake, server: sick{Lost: 3}, steps: open(
			step{server: true, at: 60, flags: ack, seq: 5001, len: 1000},
			step{server: true, at: 61, flags: ack, seq: 8501, len: 1000},
			step{at: 500, flags: ack, seq: 1001, ack: 6001})},
		{name: "an acknowledgement shows a gap too", state: TCPOpen, rtt: handshake, client: sick{Lost: 1}, steps: open(
			step{at: 60, flags: ack, seq: 1101, ack: 5001},
			step{at: 160, flags: ack, seq: 1101, ack: 5001, len: 10})},
		{name: "keep-alive", state: TCPOpen, rtt: handshake, client: sick{KeepAlives: 3}, steps: open(
			step{at: 60, flags: ack, seq: 1000, ack: 5001},
			step{at: 70, flags: ack, seq: 1000, ack: 5001, len: 1},
			step{server: true, at: 80, flags: ack, seq: 5001, ack: 1001},
			step{at: 90, flags: ack, seq: 1000, ack: 5001})},
		{name: "old acknowledgement after FIN is no keep-alive", state: TCPOpen, rtt: handshake, steps: open(
			step{at: 60, flags: ack | fin, seq: 1001, ack: 5001},
			step{at: 61, flags: ack, seq: 1001, ack: 5001})},
		{name: "zero window and probe", state: TCPOpen, rtt: handshake, acks: 1, client: sick{ZeroWindows: 2}, steps: open(
			step{server: true, at: 60, flags: ack, seq: 5001, len: 1000},
			step{at: 61, flags: ack, seq: 1001, ack: 6001, zero: true},
			step{server: true, at: 70, flags: ack, seq: 6001, len: 1}, // the probe, refused
			step{at: 71, flags: ack, seq: 1001, ack: 6001, zero: true},
			step{server: true, at: 80, flags: ack, seq: 6001, len: 1000})},
		{name: "window 0 of RST and SYN is none", state: TCPClosed, steps: []step{
			{flags: syn, seq: 1000, zero: true},
			{server: true, at: 1, flags: rst | ack, ack: 1001, zero: true},
		}, rtt: rtt{}},
		{name: "SYN sent again: no server sample", state: TCPOpen, client: sick{Retransmissions: 1}, rtt: rtt{0, 10 * msec}, steps: []step{
			{at: 0, flags: syn, seq: 1000},
			{at: 1000, flags: syn, seq: 1000},
			{server: true, at: 1020, flags: syn | ack, seq: 5000, ack: 1001},
			{at: 1030, flags: ack, seq: 1001, ack: 5001},
		}},
		{name: "SYN-ACK sent again: no client sample", state: TCPOpen, server: sick{Retransmissions: 1}, rtt: rtt{20 * msec, 0}, steps: []step{
			{at: 0, flags: syn, seq: 1000},
			{server: true, at: 20, flags: syn | ack, seq: 5000, ack: 1001},
			{server: true, at: 1020, flags: syn | ack, seq: 5000, ack: 1001},
			{at: 1030, flags: ack, seq: 1001, ack: 5001},
		}},
		{name: "first seen from the SYN-ACK", state: TCPOpen, rtt: rtt{0, 10 * msec}, steps: open()[1:]},
		{name: "SYN-ACK before SYN", state: TCPOpen, rtt: rtt{0, 10 * msec}, steps: []step{
			{server: true, at: 20, flags: syn | ack, seq: 5000, ack: 1001},
			{at: 20.1, flags: syn, seq: 1000},
			{at: 30, flags: ack, seq: 1001, ack: 5001},
			{server: true, at: 90, flags: ack, seq: 5001, ack: 1001, len: 10},
		}},
		{name: "SYN before the data it follows", state: TCPOpen, steps: []step{
			{at: 20, flags: ack, seq: 1001, len: 100},
			{at: 20.1, flags: syn, seq: 1000},
			{at: 30, flags: ack, seq: 1101, len: 100},
		}},
		{name: "half open", state: TCPHalfOpen, rtt: rtt{20 * msec, 0}, steps: open()[:2]},
		{name: "middle of a connection", state: TCPOpen, swapped: true, acks: 1, steps: []step{
			{server: true, at: 60, flags: ack, seq: 4294967000, ack: 77, len: 500},
			{at: 61, flags: ack, seq: 77, ack: 204},
			{server: true, at: 62, flags: ack, seq: 204, ack: 77, len: 500},
		}},
		{name: "a gap across 2^32", state: TCPOpen, swapped: true, server: sick{Lost: 1, Retransmissions: 1}, steps: []step{
			{server: true, at: 60, flags: ack, seq: 4294967000, len: 100},
			{server: true, at: 61, flags: ack, seq: 0, len: 196},
			{server: true, at: 99, flags: ack, seq: 4294967100, len: 196},
		}},
		{name: "a jump of 2^30 is no gap", state: TCPOpen, rtt: handshake, steps: open(
			step{server: true, at: 60, flags: ack, seq: 5001, len: 1000},
			step{server: true, at: 61, flags: ack, seq: 5001 + 1<<30 + 1000, len: 1000},
			step{server: true, at: 161, flags: ack, seq: 5001 + 1<<30 + 2000, len: 1000},
			step{server: true, at: 261, flags: ack, seq: 5001 + 3<<30, len: 1000},
			step{server: true, at: 361, flags: ack, seq: 5001 + 3<<30 + 1000, len: 1000})},
		{name: "super-frames", state: TCPOpen, rtt: handshake, server: sick{Retransmissions: 1}, steps: open(
			step{server: true, at: 60, flags: ack, seq: 5001, len: 64000},
			step{server: true, at: 61, flags: ack, seq: 69001, len: 64000},
			step{server: true, at: 91, flags: ack, seq: 69001, len: 1448})},
		{name: "reset", state: TCPClosed, rtt: handshake, steps: open(
			step{at: 40, flags: rst, seq: 900})},
		{name: "closed by both", state: TCPClosed, rtt: handshake, steps: open(
			step{at: 40, flags: fin | ack, seq: 1001, ack: 5001},
			step{server: true, at: 50, flags: fin | ack, seq: 5001, ack: 1002},
			step{at: 60, flags: ack, seq: 1002, ack: 5002})},
		{name: "FIN sent again", state: TCPOpen, rtt: handshake, client: sick{Retransmissions: 1}, steps: open(
			step{at: 40, flags: fin | ack, seq: 1001, ack: 5001},
			step{at: 240, flags: fin | ack, seq: 1001, ack: 5001})},
		{name: "ports used again", state: TCPOpen, flows: 2, rtt: rtt{5 * msec, 5 * msec}, steps: open(
			step{at: 40, flags: rst, seq: 1001},
			step{at: 50, flags: syn, seq: 90000},
			step{server: true, at: 55, flags: syn | ack, seq: 10, ack: 90001},
			step{at: 60, flags: ack, seq: 90001, ack: 11})},
		{name: "ports used again by the server", state: TCPHalfOpen, flows: 2, swapped: true, rtt: rtt{}, steps: open(
			step{at: 40, flags: rst, seq: 1001},
			step{server: true, at: 50, flags: syn, seq: 90000})},
		{name: "SYN sent again after RST", state: TCPClosed, client: sick{Retransmissions: 1}, steps: []step{
			{at: 0, flags: syn, seq: 1000},
			{server: true, at: 1, flags: rst | ack, ack: 1001},
			{at: 500, flags: syn, seq: 1000},
			{server: true, at: 501, flags: rst | ack, ack: 1001},
		}},
		{name: "a SYN of another number", state: TCPHalfOpen, flows: 2, steps: []step{
			{at: 0, flags: syn, seq: 1000},
			{at: 500, flags: syn, seq: 2000},
		}},
		{name: "SYN after the middle of another connection", state: TCPHalfOpen, flows: 2, steps: []step{
			{server: true, at: 0, flags: ack, seq: 1000, len: 10},
			{at: 500, flags: syn, seq: 2000},
		}},
		{name: "simultaneous open", state: TCPOpen, steps: []step{
			{at: 0, flags: syn, seq: 1000},
			{server: true, at: 1, flags: syn, seq: 5000},
			{at: 2, flags: syn | ack, seq: 1000, ack: 5001},
			{server: true, at: 3, flags: syn | ack, seq: 5000, ack: 1001},
			{at: 4, flags: ack, seq: 1001, ack: 5001},
		}, client: sick{Retransmissions: 1}, server: sick{Retransmissions: 1}},
		{name: "one direction only", state: TCPOpen, client: sick{Retransmissions: 1}, steps: []step{
			{at: 0, flags: syn, seq: 1000},
			{at: 30, flags: ack, seq: 1001, ack: 5001},
			{at: 40, flags: ack, seq: 1001, ack: 5001, len: 100},
			{at: 90, flags: ack, seq: 1001, ack: 6001, len: 100},
			{at: 99, flags: ack, seq: 1101, ack: 9001, len: 100},
		}},
		{name: "times run backwards", state: TCPOpen, rtt: rtt{}, steps: []step{
			{at: 100, flags: syn, seq: 1000},
			{server: true, at: 20, flags: syn | ack, seq: 5000, ack: 1001},
			{at: 10, flags: ack, seq: 1001, ack: 5001},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tbl := newTable(t, Config{MaxFlows: 64, Seed: 1})
			w := tbl.NewWorker()
			for _, s := range tt.steps {
				addMetas(w, s.meta())
			}
			tbl.Tick(testTime + int64(10e9))
			snap := tbl.Snapshot()
			checkClosed(t, snap)
			checkFlows(t, tbl, snap)

			f := onlyFlow(t, tbl)
			client, server := f.FromClient, f.FromServer
			wantClient := tcpClient
			if tt.swapped {
				client, server = server, client
				wantClient = tcpServer
			}
			if f.Client != wantClient {
				t.Errorf("client %v, want %v", f.Client, wantClient)
			}
			diff(t, "client's health", tt.client, sickOf(client))
			diff(t, "server's health", tt.server, sickOf(server))
			diff(t, "round trips", tt.rtt, rtt{time.Duration(f.ServerRTT), time.Duration(f.ClientRTT)})
			if f.State != tt.state {
				t.Errorf("state %v, want %v", f.State, tt.state)
			}

			lan := snap.Nets.Networks[0]
			netSick := func(c localnets.TCPCounts) sick {
				return sick{uint32(c.Retransmissions), uint32(c.OutOfOrder), uint32(c.Lost), uint32(c.KeepAlives), uint32(c.ZeroWindows)}
			}
			diff(t, "network's egress", tt.client, netSick(lan.TCP[localnets.Egress]))
			diff(t, "network's ingress", tt.server, netSick(lan.TCP[localnets.Ingress]))
			var syns [2]uint64
			for _, s := range tt.steps {
				if s.flags&(syn|rst) == syn {
					if s.flags&ack == 0 {
						syns[0]++
					} else {
						syns[1]++
					}
				}
			}
			if got := lan.TCP[0].SYN + lan.TCP[1].SYN; got != syns[0] {
				t.Errorf("%d SYNs, want %d", got, syns[0])
			}
			if got := lan.TCP[0].SYNACK + lan.TCP[1].SYNACK; got != syns[1] {
				t.Errorf("%d SYN-ACKs, want %d", got, syns[1])
			}
			if got, want := lan.Flows, max(tt.flows, 1); got != want {
				t.Errorf("network counts %d flows, want %d", got, want)
			}
			if got := snap.Table.Started[localnets.L4TCP]; got != 1 {
				t.Errorf("table started %d flows, want 1", got)
			}
			if lan.RTT.AckSamples != tt.acks {
				t.Errorf("%d samples of data, want %d", lan.RTT.AckSamples, tt.acks)
			}
		})
	}
}

// A table of one flow has one health record only; what finds none still reaches the networks.
func TestHealthPoolExhausted(t *testing.T) {
	tbl := newTable(t, Config{MaxFlows: 4, Shards: 1, Seed: 1})
	w := tbl.NewWorker()
	for port := range uint16(4) {
		for _, s := range open(
			step{at: 40, flags: ack, seq: 1001, len: 100},
			step{at: 240, flags: ack, seq: 1001, len: 100},
			step{at: 250, flags: ack, seq: 1301, len: 100},
			step{at: 550, flags: ack, seq: 1401, len: 100, zero: true},
		) {
			m := s.meta()
			if m.Key.LoPort == 40000 {
				m.Key.LoPort += port
			} else {
				m.Key.HiPort += port
			}
			addMetas(w, m)
		}
	}
	snap := tbl.Snapshot()
	checkClosed(t, snap)
	diff(t, "egress", localnets.TCPCounts{Packets: 24, Retransmissions: 4, Lost: 8, ZeroWindows: 4, SYN: 4},
		snap.Nets.Networks[0].TCP[localnets.Egress])
	if used := tbl.shards[0].healths.used; used != 1 {
		t.Errorf("%d health records in use, want 1", used)
	}
}

func TestTCPWithoutHeader(t *testing.T) {
	tbl := newTable(t, Config{MaxFlows: 64, Seed: 1})
	w := tbl.NewWorker()
	m := step{flags: syn}.meta()
	m.Flags = 0 // ports only: the header is cut
	addMetas(w, m, m, m)
	addMetas(w, step{flags: ack}.meta())
	snap := tbl.Snapshot()
	checkClosed(t, snap)
	lan := snap.Nets.Networks[0]
	if got, all := lan.TCP[localnets.Egress].Packets, lan.L4[localnets.Egress][localnets.L4TCP].Packets; got != 1 || all != 4 {
		t.Errorf("%d TCP headers in %d packets, want 1 in 4", got, all)
	}
}
