package flows

import (
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/netmond/netmond/localnets"
	"github.com/netmond/netmond/packet"
)

var someAddrs = []netip.Addr{
	netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2"), netip.MustParseAddr("192.0.2.255"),
	netip.MustParseAddr("198.51.100.1"), netip.MustParseAddr("198.51.100.200"), netip.MustParseAddr("203.0.113.9"),
	netip.MustParseAddr("255.255.255.255"), netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8::2"),
	netip.MustParseAddr("2001:db9::1"), netip.MustParseAddr("::ffff:192.0.2.1"),
}

var someTimes = []int64{0, 1, -1, -1 << 63, 1<<63 - 1, testTime + 100*365*24*3600*int64(1e9)}

// drawMeta draws any frame: of few flows, so that they meet again.
func drawMeta(t *rapid.T, now int64, wild bool) packet.Meta {
	m := packet.Meta{Class: packet.ClassNonIP}
	switch rapid.IntRange(0, 9).Draw(t, "class") {
	case 0:
	case 1:
		m.Class, m.Reason = packet.ClassUndecoded, packet.NumReasons-1
	default:
		proto := rapid.SampledFrom([]uint8{6, 6, 6, 17, 17, 132, 1, 58, 89}).Draw(t, "proto")
		src := netip.AddrPortFrom(rapid.SampledFrom(someAddrs).Draw(t, "src"), rapid.SampledFrom([]uint16{0, 53, 80, 40000}).Draw(t, "sport"))
		dst := netip.AddrPortFrom(rapid.SampledFrom(someAddrs).Draw(t, "dst"), rapid.SampledFrom([]uint16{0, 53, 80, 40000}).Draw(t, "dport"))
		m = meta(proto, src, dst, now)
		m.Key.VLAN = rapid.SampledFrom([]uint16{0, 0, 7}).Draw(t, "vlan")
		if rapid.IntRange(0, 5).Draw(t, "portless") == 0 {
			m.Key.Family |= packet.FlagPortless
			m.Key.LoPort, m.Key.HiPort = 0, 0
			m.Flags |= packet.FlagFragment
		} else if proto == protoTCP {
			m.Flags |= rapid.SampledFrom([]uint8{packet.FlagTCP, packet.FlagTCP, packet.FlagTCP, 0}).Draw(t, "header")
			m.TCPFlags = rapid.SampledFrom([]uint8{syn, syn | ack, ack, ack, ack | psh, fin | ack, rst, rst | ack}).Draw(t, "flags")
			m.Seq, m.Ack = rapid.Uint32Range(0, 4000).Draw(t, "seq"), rapid.Uint32Range(0, 4000).Draw(t, "ack")
			m.PayloadLen = rapid.Uint32Range(0, 1500).Draw(t, "len")
		}
	}
	m.WireLen = rapid.SampledFrom([]uint32{0, 60, 100, 1514, 65549, 1<<32 - 1}).Draw(t, "wire length")
	m.Envelope = min(rapid.SampledFrom([]uint32{0, 0, 50}).Draw(t, "envelope"), 1<<32-1-m.WireLen)
	m.Time = now
	if wild && rapid.IntRange(0, 9).Draw(t, "wild time") == 0 {
		m.Time = rapid.SampledFrom(someTimes).Draw(t, "time")
	}
	return m
}

func drawConfig(t *rapid.T) Config {
	timeout := func(name string) time.Duration {
		return rapid.SampledFrom([]time.Duration{0, time.Second, 20 * time.Second}).Draw(t, name)
	}
	size := rapid.SampledFrom([]struct{ flows, shards int }{{4, 4}, {1, 1}, {7, 2}, {1000, 1}, {3, 0}, {0, 0}}).Draw(t, "size")
	return Config{
		MaxFlows: size.flows, Shards: size.shards, Seed: rapid.Uint64Min(1).Draw(t, "seed"),
		IdleTimeout: timeout("idle"), ActiveTimeout: timeout("active"), ClosedTimeout: timeout("closed"),
	}
}

// No byte is lost, whatever the traffic, the table's size, the times and the order of calls.
func TestNoByteIsLost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := drawConfig(t)
		tbl := newTable(t2(t), cfg)
		workers := []*Worker{tbl.NewWorker(), tbl.NewWorker()}
		now := testTime
		var want localnets.Counts
		t.Repeat(map[string]func(*rapid.T){
			"process": func(t *rapid.T) {
				metas := make([]packet.Meta, rapid.IntRange(1, 30).Draw(t, "frames"))
				for i := range metas {
					now += rapid.Int64Range(0, ms).Draw(t, "pause")
					metas[i] = drawMeta(t, now, true)
					want.Packets++
					want.Bytes += uint64(metas[i].WireLen) + uint64(metas[i].Envelope)
				}
				addMetas(rapid.SampledFrom(workers).Draw(t, "worker"), metas...)
			},
			"tick": func(t *rapid.T) {
				now += rapid.Int64Range(0, 30e9).Draw(t, "pause")
				tbl.Tick(now)
			},
			"wild tick": func(t *rapid.T) { tbl.Tick(rapid.SampledFrom(someTimes).Draw(t, "time")) },
			"retire": func(t *rapid.T) {
				tbl.retire(workers[0])
				workers[0] = tbl.NewWorker()
			},
			"": func(t *rapid.T) {
				s := tbl.Snapshot()
				if got := (localnets.Counts{Packets: s.Capture.Packets, Bytes: s.Capture.Bytes}); got != want {
					t.Fatalf("captured %+v, want %+v", got, want)
				}
				checkClosed(t, s)
				checkFlows(t, tbl, s)
				checkShards(t, tbl)
				if bound := cfg.MemoryBound(); s.Table.MemoryBytes > bound {
					t.Fatalf("%d bytes of memory, bound %d", s.Table.MemoryBytes, bound)
				}
			},
		})
	})
}

// checkShards checks that the parts of each shard agree.
func checkShards(t failer, tbl *Table) {
	t.Helper()
	for i := range tbl.shards {
		s := &tbl.shards[i]
		used, conns, healths, names := uint32(0), uint32(0), uint32(0), uint32(0)
		for i := range s.hots.next {
			e := s.hots.at(i)
			if e.bits&bitUsed == 0 {
				continue
			}
			used++
			if got, ok := s.find(uint32(tbl.hasher.key(&e.key)), &e.key); !ok || got != i {
				t.Errorf("entry %d is not in the index", i)
			}
			if e.conn != 0 {
				conns++
				if s.conns.at(e.conn-1).health != 0 {
					healths++
				}
			}
			for n := s.colds.at(i).name; n != 0; n = s.names.at(n - 1).next {
				names++
			}
		}
		got := []uint32{s.hots.used, uint32(s.index.used), s.conns.used, s.healths.used, s.names.used}
		if want := []uint32{used, used, conns, healths, names}; !cmp.Equal(got, want) {
			t.Errorf("shard %d holds %v entries, slots, TCP states, health records, names; in use %v", i, got, want)
		}
	}
}

// keepClients takes SYNs away that would show the client to be the other end than the first packet
// did: what was folded before stays with the first opinion, so that the order of folds shows.
func keepClients(metas []packet.Meta) {
	clients := map[packet.Key]uint8{}
	for i := range metas {
		m := &metas[i]
		if m.Flags&packet.FlagTCP == 0 || m.TCPFlags&syn == 0 {
			if _, seen := clients[m.Key]; !seen {
				clients[m.Key] = m.Dir
			}
			continue
		}
		client := m.Dir
		if m.TCPFlags&ack != 0 {
			client ^= 1
		}
		if was, seen := clients[m.Key]; !seen {
			clients[m.Key] = client
		} else if was != client {
			m.TCPFlags &^= syn
		}
	}
}

// The figures do not depend on when the folds come, nor on how frames are cut into blocks.
func TestFoldOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed := rapid.Uint64Min(1).Draw(t, "seed")
		now := testTime
		metas := make([]packet.Meta, rapid.IntRange(1, 80).Draw(t, "frames"))
		for i := range metas {
			now += rapid.Int64Range(0, 2*ms).Draw(t, "pause")
			metas[i] = drawMeta(t, now, false)
		}
		keepClients(metas)
		run := func(cut func() bool) (*Snapshot, map[packet.Key]Flow) {
			tbl := newTable(t2(t), Config{MaxFlows: 4096, Seed: seed})
			w := tbl.NewWorker()
			begin := 0
			for i := range metas {
				if cut() {
					addMetas(w, metas[begin:i]...)
					begin = i
				}
				if cut() {
					tbl.Snapshot()
				}
			}
			addMetas(w, metas[begin:]...)
			tbl.Tick(now + int64(1e9)) // all reorder windows have passed
			return tbl.Snapshot(), flowsOf(tbl)
		}
		want, wantFlows := run(func() bool { return false })
		got, gotFlows := run(func() bool { return rapid.IntRange(0, 3).Draw(t, "cut") == 0 })
		ignore := cmp.Options{
			cmpopts.IgnoreFields(localnets.NetworkStats{}, "LastSeen", "CurrentMinute", "RTT"),
			cmpopts.EquateComparable(netip.AddrPort{}, netip.Prefix{}),
		}
		diff(t, "snapshot", want, got, ignore)
		diff(t, "flows", wantFlows, gotFlows, ignore)
		for i := range want.Nets.Networks { // the moving average depends on the order of samples
			w, g := want.Nets.Networks[i].RTT, got.Nets.Networks[i].RTT
			w.EWMAMillis, g.EWMAMillis = 0, 0
			diff(t, "round trips", w, g)
		}
	})
}

// Workers, ticks and snapshots at once: the accounting closes at each snapshot, and nothing is lost.
func TestConcurrent(t *testing.T) {
	tbl := newTable(t, Config{MaxFlows: 2000, Seed: 3, IdleTimeout: 2 * time.Second, ClosedTimeout: time.Second})
	const workers, blocks, perBlock = 4, 60, 300
	var wg sync.WaitGroup
	for n := range workers {
		w := tbl.NewWorker()
		wg.Add(1)
		go func() { // ends after its blocks
			defer wg.Done()
			rng := uint64(n + 1)
			metas := make([]packet.Meta, perBlock)
			for block := range blocks {
				for i := range metas {
					r := splitmix(&rng)
					src := netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(r)}), uint16(r>>8)%64)
					dst := netip.AddrPortFrom(netip.AddrFrom4([4]byte{203, 0, 113, byte(r >> 24)}), 443)
					if r>>32&1 == 0 {
						src, dst = dst, src
					}
					m := meta(protoTCP, src, dst, testTime+int64(block)*100*ms)
					m.Flags, m.TCPFlags, m.Seq = packet.FlagTCP, []uint8{syn, ack, rst, fin | ack}[r>>33&3], uint32(r>>35)%10000
					metas[i] = m
				}
				addMetas(w, metas...)
			}
		}()
	}
	done := make(chan struct{})
	go func() { // ends when the workers have
		wg.Wait()
		close(done)
	}()
	for i := int64(0); ; i++ {
		tbl.Tick(testTime + i*50*ms)
		s := tbl.Snapshot()
		checkClosed(t, s)
		tbl.Flows(func(f *Flow) bool { return f.Last > 0 })
		select {
		case <-done:
			s := tbl.Snapshot()
			checkClosed(t, s)
			checkFlows(t, tbl, s)
			checkShards(t, tbl)
			if want := uint64(workers * blocks * perBlock); s.Capture.Packets != want || s.Capture.Bytes != want*100 {
				t.Errorf("captured %+v, want %d packets of 100 bytes", s.Capture, want)
			}
			return
		default:
		}
	}
}
