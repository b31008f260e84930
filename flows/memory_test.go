package flows

import (
	"runtime"
	"testing"
	"time"

	"github.com/netmond/netmond/localnets"
	"github.com/netmond/netmond/packet"
)

// A feeder makes batches of metas without allocating, half IPv4, half IPv6, three quarters TCP.
type feeder struct {
	w      *Worker
	rng    uint64
	flows  uint64      // flows to draw from; 0 is no end of them, and each packet a SYN
	seq    [][2]uint32 // of flows
	drawn  [batchLen]uint64
	frames [batchLen]packet.Frame
	now    int64
}

func newFeeder(w *Worker, flows uint64) *feeder {
	return &feeder{w: w, rng: 1, flows: flows, now: testTime, seq: make([][2]uint32, flows)}
}

// key is flow n's; the lower endpoint lies in lan or six.
func (f *feeder) key(n uint64) packet.Key {
	state := n
	r, r2 := splitmix(&state), splitmix(&state)
	k := packet.Key{LoPort: uint16(r), HiPort: uint16(r >> 16), Proto: 17, Family: packet.FamilyIPv4}
	if r>>34&3 != 0 {
		k.Proto = protoTCP
	}
	if r>>32&1 == 0 {
		k.Lo = packet.Addr{10: 0xff, 11: 0xff, 12: 192, 13: 0, 14: 2, 15: byte(r >> 40)}
		k.Hi = packet.Addr{10: 0xff, 11: 0xff, 12: 203, 13: byte(r2), 14: byte(r2 >> 8), 15: byte(r2 >> 16)}
		return k
	}
	k.Family = packet.FamilyIPv6
	k.Lo = packet.Addr{0x20, 0x01, 0x0d, 0xb8, 15: byte(r >> 40)}
	k.Hi = packet.Addr{0x20, 0x01, 0x0d, 0xb9, 12: byte(r2), 13: byte(r2 >> 8), 14: byte(r2 >> 16), 15: byte(r2 >> 24)}
	return k
}

// fill makes the next batch in the worker, as decode leaves it. It reports the wire bytes.
func (f *feeder) fill() (bytes uint64) {
	w := f.w
	for i := range f.frames {
		r := splitmix(&f.rng)
		n := r >> 8
		if f.flows > 0 {
			n %= f.flows
		}
		f.drawn[i] = n
		m := &w.metas[i]
		*m = packet.Meta{Key: f.key(n), Class: packet.ClassIP, WireLen: 60 + uint32(r&0xff), Time: f.now, Dir: uint8(r >> 7 & 1)}
		if m.Key.Proto == protoTCP {
			m.Flags, m.TCPFlags, m.Window = packet.FlagTCP, packet.TCPSyn, 1
			if f.flows > 0 {
				seq := &f.seq[n]
				m.TCPFlags, m.Seq, m.Ack, m.PayloadLen = packet.TCPAck, seq[m.Dir], seq[1-m.Dir], uint32(r&1)*100
				seq[m.Dir] += m.PayloadLen
			}
		}
		f.frames[i] = packet.Frame{Time: m.Time, WireLen: m.WireLen}
		bytes += uint64(m.WireLen)
	}
	w.account(f.frames[:])
	return bytes
}

// TestFlood sends 100 times as many flows as the table holds: memory stays under the bound, and every
// byte is in its network.
func TestFlood(t *testing.T) {
	packets := uint64(10_000_000)
	if testing.Short() || raceEnabled {
		packets = 500_000
	}
	cfg := Config{MaxFlows: 100_000}
	tbl := newTable(t, cfg)
	w := tbl.NewWorker()
	f := newFeeder(w, 0)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var sent, bytes uint64
	for sent < packets {
		f.now += ms
		bytes += f.fill()
		sent += batchLen
		w.count(f.frames[:])
		if sent/batchLen%1000 == 0 {
			tbl.Tick(f.now)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	s := tbl.Snapshot()
	checkClosed(t, s)
	checkFlows(t, tbl, s)
	checkShards(t, tbl)
	var got uint64
	for _, n := range s.Nets.Networks {
		for _, c := range n.Traffic {
			got += c.Bytes
		}
	}
	if got != bytes || s.Capture.Bytes != bytes || s.Capture.Packets != sent {
		t.Errorf("networks hold %d bytes, captured %d, sent %d", got, s.Capture.Bytes, bytes)
	}
	if s.Table.MemoryBytes > cfg.MemoryBound() {
		t.Errorf("%d bytes of memory, bound %d", s.Table.MemoryBytes, cfg.MemoryBound())
	}
	// Outside the table: hosts (512 of them), the worker's outbox.
	const other = 4 << 20
	if heap := int64(after.HeapAlloc) - int64(before.HeapAlloc); heap > int64(cfg.MemoryBound())+other {
		t.Errorf("the heap grew by %d bytes, bound %d", heap, cfg.MemoryBound())
	}
	if full := float64(s.Table.Entries) / float64(cfg.MaxFlows); full < 0.99 {
		t.Errorf("the table is only %.3f full", full)
	}
	started := uint64(0)
	for _, n := range s.Table.Started {
		started += n
	}
	if want := started - uint64(s.Table.Entries); s.Table.Ended[EndResources] != want {
		t.Errorf("%d flows evicted, want %d", s.Table.Ended[EndResources], want)
	}
	if started+s.Table.Untracked.Packets > sent {
		t.Errorf("%d flows started, %d packets untracked, of %d", started, s.Table.Untracked.Packets, sent)
	}
}

// Neither known flows nor, in a full table, new ones allocate.
func TestNoAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	for _, tt := range []struct {
		name  string
		flows uint64
	}{{"known flows", 1000}, {"known flows over the bound", 6000}, {"new flows", 0}} {
		t.Run(tt.name, func(t *testing.T) {
			tbl := newTable(t, Config{MaxFlows: 4096, IdleTimeout: time.Second, Prefault: true})
			w := tbl.NewWorker()
			f := newFeeder(w, tt.flows)
			round := func() {
				f.now += ms
				f.fill()
				w.count(f.frames[:])
				tbl.Tick(f.now)
			}
			for range 100 {
				round()
			}
			if n := testing.AllocsPerRun(100, round); n > 0 {
				t.Errorf("%.1f allocations a batch", n)
			}
		})
	}
	t.Run("decoded frames", func(t *testing.T) {
		tbl := newTable(t, Config{MaxFlows: 4096})
		w := tbl.NewWorker()
		var b packet.Block
		for i := range 500 {
			src := tcpClient
			b.Frames = append(b.Frames, ipv4(6, src, tcpServer, testTime, ack, uint32(i), 1, []byte("payload")))
		}
		w.Process(&b)
		if n := testing.AllocsPerRun(100, func() { w.Process(&b) }); n > 0 {
			t.Errorf("%.1f allocations a block", n)
		}
	})
}

// TestBytesPerFlow keeps the figure that the table is laid out for.
func TestBytesPerFlow(t *testing.T) {
	const flows = 200_000
	tbl := newTable(t, Config{MaxFlows: flows * 5 / 4})
	w := tbl.NewWorker()
	f := newFeeder(w, flows)
	for range 12 * flows / batchLen {
		f.fill()
		w.count(f.frames[:])
	}
	s := tbl.Snapshot()
	tcp := float64(s.Table.Started[localnets.L4TCP]) / float64(s.Table.Entries)
	perFlow := float64(s.Table.MemoryBytes) / float64(s.Table.Entries)
	t.Logf("%.1f bytes a flow, %d flows, %.2f of them TCP", perFlow, s.Table.Entries, tcp)
	if perFlow > 195 {
		t.Errorf("%.1f bytes a flow", perFlow)
	}
}
