package flows

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"net/netip"
	"testing"
	"time"

	"github.com/netmond/netmond/localnets"
	"github.com/netmond/netmond/packet"
)

// TestHalfOpenAgesEarly fills a shard with half-open handshakes and established connections: under
// pressure the first leave after their own timeout, the others stay; without pressure all stay.
func TestHalfOpenAgesEarly(t *testing.T) {
	for _, tt := range []struct {
		name               string
		synOnly, settled   int
		early, entriesLeft int
	}{
		{"under pressure", 900, 100, 900, 100},
		{"with room", 500, 100, 0, 600},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tbl := newTable(t, Config{MaxFlows: 1024, Shards: 1, IdleTimeout: time.Minute, HalfOpenTimeout: 5 * time.Second})
			w := tbl.NewWorker()
			for i := range tt.synOnly {
				m := meta(protoTCP, ap(fmt.Sprintf("203.0.113.%d:%d", i%250+1, 2000+i)), ap("192.0.2.1:80"), testTime)
				m.Flags, m.TCPFlags = packet.FlagTCP, packet.TCPSyn
				addMetas(w, m)
			}
			for i := range tt.settled {
				client, server := ap(fmt.Sprintf("203.0.113.9:%d", 10000+i)), ap("192.0.2.2:80")
				for k, flags := range []uint8{packet.TCPSyn, packet.TCPSyn | packet.TCPAck, packet.TCPAck} {
					from, to := client, server
					if k == 1 {
						from, to = to, from
					}
					m := meta(protoTCP, from, to, testTime)
					m.Flags, m.TCPFlags, m.Seq, m.Ack = packet.FlagTCP, flags, 1, 1
					addMetas(w, m)
				}
			}
			for i := range int64(5 + walkTicks + 1) {
				tbl.Tick(testTime + (i+1)*sec)
			}
			s := tbl.Snapshot()
			checkClosed(t, s)
			checkFlows(t, tbl, s)
			// What leaves ends the pressure: down to three quarters, and no further.
			gone := int(s.Table.Ended[EndHalfOpen])
			if want := max(0, tt.synOnly+tt.settled-1024/4*3); tt.early > 0 && (gone < want || gone > tt.early) || tt.early == 0 && gone != 0 {
				t.Errorf("%d half-open flows left early, want %d to %d", gone, want, tt.early)
			}
			open := 0
			tbl.Flows(func(f *Flow) bool {
				if f.State == TCPOpen {
					open++
				}
				return true
			})
			if open != tt.settled {
				t.Errorf("%d established connections of %d are left", open, tt.settled)
			}
			if s.Table.Ended[EndIdle]+s.Table.Ended[EndResources] != 0 {
				t.Errorf("ended %v", s.Table.Ended)
			}
		})
	}
}

// TestEvictionTakesHalfOpen floods a full table with SYNs: established connections that send stay.
func TestEvictionTakesHalfOpen(t *testing.T) {
	tbl := newTable(t, Config{MaxFlows: 1024, Shards: 1})
	w := tbl.NewWorker()
	const settled = 200
	talk := func(at int64) {
		for i := range settled {
			client, server := ap(fmt.Sprintf("203.0.113.9:%d", 10000+i)), ap("192.0.2.2:80")
			for _, m := range []packet.Meta{meta(protoTCP, client, server, at), meta(protoTCP, server, client, at)} {
				m.Flags, m.TCPFlags = packet.FlagTCP, packet.TCPAck
				addMetas(w, m)
			}
		}
	}
	talk(testTime)
	for i := range 20_000 {
		m := meta(protoTCP, ap(fmt.Sprintf("198.51.%d.%d:%d", i>>8&0xff, i&0xff, i&0xffff|1)), ap("192.0.2.1:80"), testTime+int64(i)*ms)
		m.Flags, m.TCPFlags = packet.FlagTCP, packet.TCPSyn
		addMetas(w, m)
		if i%2000 == 0 {
			talk(m.Time)
		}
	}
	s := tbl.Snapshot()
	checkClosed(t, s)
	left := 0
	tbl.Flows(func(f *Flow) bool {
		if f.State == TCPOpen {
			left++
		}
		return true
	})
	if left != settled || s.Table.Ended[EndResources] == 0 {
		t.Errorf("%d of %d established connections are left, %d flows evicted", left, settled, s.Table.Ended[EndResources])
	}
}

// An attack chooses keys that meet for anybody who knows the seed.
type attack struct {
	name string
	key  func(h *hasher, n uint64) packet.Key
}

// floodKey is a key of the attacker's free choice.
func floodKey(n uint64) packet.Key {
	k := packet.Key{Proto: 17, Family: packet.FamilyIPv6, LoPort: 53, HiPort: uint16(n >> 48)}
	k.Lo = packet.Addr{0x20, 0x01, 0x0d, 0xb8}
	k.Hi = packet.Addr{0x20, 0x01, 0x0d, 0xb9}
	binary.BigEndian.PutUint64(k.Lo[8:], n*0x9e3779b97f4a7c15)
	binary.BigEndian.PutUint64(k.Hi[8:], n)
	return k
}

// attacks against a known seed. With fold(a, b) of two factors a factor that is 0 gives 0 whatever the
// other is: so any number of keys can be made to have one and the same hash.
var attacks = []attack{
	{"random", func(_ *hasher, n uint64) packet.Key { return floodKey(n) }},
	{"one hash", func(h *hasher, n uint64) packet.Key {
		k := floodKey(n)
		binary.LittleEndian.PutUint64(k.Lo[:8], h[0]) // fold of 0 and anything
		binary.LittleEndian.PutUint64(k.Hi[:8], h[2])
		return k
	}},
	{"one shard", func(h *hasher, n uint64) packet.Key {
		for i := uint64(0); ; i++ { // one in 64 is in shard 0
			if k := floodKey(n<<16 | i); h.key(&k)>>58 == 0 {
				return k
			}
		}
	}},
}

const knownSeed = 1

// TestAttacksWork shows that the keys do what they are made for against the seed that they are made for.
func TestAttacksWork(t *testing.T) {
	h := newHasher(knownSeed)
	for _, a := range attacks[1:] {
		hashes, shards := map[uint64]int{}, map[uint64]int{}
		for n := range uint64(1000) {
			k := a.key(&h, n)
			hash := h.key(&k)
			hashes[hash]++
			shards[hash>>58]++
		}
		if len(shards) != 1 || a.name == "one hash" && len(hashes) != 1 {
			t.Errorf("%s: %d hashes in %d shards", a.name, len(hashes), len(shards))
		}
	}
}

// TestHashFloodSpreads puts keys that meet under a known seed into tables with seeds of their own: shards are
// balanced, and no key is further from its home in the index than random keys are.
func TestHashFloodSpreads(t *testing.T) {
	const keys = 32_768
	h := newHasher(knownSeed)
	for _, a := range attacks {
		list := make([]packet.Key, keys)
		for n := range list {
			list[n] = a.key(&h, uint64(n))
		}
		for range 3 { // fresh seeds
			tbl := newTable(t, Config{MaxFlows: 2 * keys, Shards: 64})
			w := tbl.NewWorker()
			metas := make([]packet.Meta, keys)
			for i := range metas {
				metas[i] = packet.Meta{Key: list[i], Class: packet.ClassIP, WireLen: 60, Time: testTime}
			}
			addMetas(w, metas...)
			if n := tbl.Snapshot().Table.Entries; n != keys {
				t.Fatalf("%s: %d flows of %d", a.name, n, keys)
			}
			// 512 a shard, deviation 22.4: 8 deviations are beyond chance.
			for i := range tbl.shards {
				if n := tbl.shards[i].hots.used; n < 512-180 || n > 512+180 {
					t.Errorf("%s: shard %d holds %d flows of 512 expected", a.name, i, n)
				}
			}
			if mean, most := displacement(tbl); mean > 4 || most > 200 {
				t.Errorf("%s: a key is %.1f slots from its home, %d at most", a.name, mean, most)
			}
		}
	}
}

// displacement is how far the entries are from their home slots. At 4/5 the mean of linear probing is 2.
func displacement(tbl *Table) (mean float64, most int) {
	var sum, n int
	for i := range tbl.shards {
		x := &tbl.shards[i].index
		for at, s := range x.slots {
			if s != 0 {
				d := around(at-x.home(uint32(s>>32)), len(x.slots))
				sum, n, most = sum+d, n+1, max(most, d)
			}
		}
	}
	return float64(sum) / float64(n), most
}

// BenchmarkHashFlood counts packets of 100,000 flows whose keys meet under a known seed: random keys,
// keys of one hash and keys of one shard; in the table's own seed, and in the known one, which shows what
// the seed is for. With the known seed 4,096 keys of one hash are enough.
func BenchmarkHashFlood(b *testing.B) {
	h := newHasher(knownSeed)
	for _, seed := range []uint64{0, knownSeed} {
		for _, a := range attacks {
			name, keys := "seed=fresh", 100_000
			if seed == knownSeed {
				name, keys = "seed=known", 4096
			}
			b.Run(fmt.Sprintf("%s/%s", a.name, name), func(b *testing.B) {
				w := newTable(b, Config{MaxFlows: 1 << 18, Shards: 64, Seed: seed}).NewWorker()
				list := make([]packet.Key, keys)
				for n := range list {
					list[n] = a.key(&h, uint64(n))
				}
				var frames [batchLen]packet.Frame
				count := func(pick func(i int) int) {
					for i := range frames {
						w.metas[i] = packet.Meta{Key: list[pick(i)], Class: packet.ClassIP, WireLen: 60, Time: testTime}
						frames[i].WireLen, frames[i].Time = 60, testTime
					}
					w.account(frames[:])
					w.count(frames[:])
				}
				for first := 0; first < keys; first += batchLen { // all flows are there
					count(func(i int) int { return min(first+i, keys-1) })
				}
				w.t.fold(testTime)
				next, n := uint64(1), 0
				b.ReportAllocs()
				for b.Loop() {
					count(func(int) int {
						hi, _ := bits.Mul64(splitmix(&next), uint64(keys))
						return int(hi)
					})
					n++
				}
				perPacket(b, float64(n)*batchLen)
			})
		}
	}
}

// TestFamiliesApart: an IPv4 flow and an IPv6 flow with the same bytes in their addresses are two, and
// have two hashes.
func TestFamiliesApart(t *testing.T) {
	tbl := newTable(t, Config{MaxFlows: 64})
	w := tbl.NewWorker()
	m4 := meta(17, ap("192.0.2.1:1000"), ap("203.0.113.1:53"), testTime)
	m6 := m4
	m6.Key.Family = packet.FamilyIPv6 // ::ffff:192.0.2.1 on the wire
	addMetas(w, m4, m6, m4)
	all := flowsOf(tbl)
	if len(all) != 2 || all[m4.Key].FromClient.Packets != 2 || all[m6.Key].FromClient.Packets != 1 {
		t.Errorf("%d flows: %+v", len(all), all)
	}
	if tbl.hasher.key(&m4.Key) == tbl.hasher.key(&m6.Key) {
		t.Error("both have one hash")
	}
	if got := netip.AddrFrom16(m6.Key.Lo).Unmap(); !got.Is4() {
		t.Errorf("%v", got)
	}
}

// TestCountersPast32Bits brings a flow's and its network's counters close to 2^32 and 2^63, and past the
// first: nothing wraps.
func TestCountersPast32Bits(t *testing.T) {
	for _, near := range []uint64{1<<32 - 150, 1<<48 - 150, 1<<63 - 150} {
		reg := newRegistry(t)
		tbl, err := New(Config{MaxFlows: 64, Shards: 1}, reg)
		if err != nil {
			t.Fatal(err)
		}
		w := tbl.NewWorker()
		m := meta(17, ap("192.0.2.1:1000"), ap("203.0.113.1:53"), testTime)
		addMetas(w, m)
		before := tbl.Snapshot()
		// Preload: the flow's folded bytes and packets, the network's and the capture's.
		s := &tbl.shards[0]
		dir := m.Dir & 1
		packets := min(near, 1<<48-150) // 48 bits of packets a flow: 8,900 years at a million a second
		s.colds.at(0).setFolded(dir, localnets.Counts{Packets: packets, Bytes: near})
		reg.Apply(testTime, []localnets.Delta{{Src: 0, Dst: localnets.NoNetwork, L4: localnets.L4UDP, Counts: localnets.Counts{Packets: near, Bytes: near}}})
		w.mu.Lock()
		w.capture.Bytes += near
		w.capture.Packets += near
		w.ipv4.Bytes += near
		w.ipv4.Packets += near
		w.mu.Unlock()
		for range 5 {
			m.Time += sec
			addMetas(w, m)
		}
		after := tbl.Snapshot()
		checkClosed(t, after)
		if got, want := after.Nets.Networks[0].Traffic[localnets.Egress].Bytes, before.Nets.Networks[0].Traffic[localnets.Egress].Bytes+near+500; got != want {
			t.Errorf("near %d: network holds %d bytes, want %d", near, got, want)
		}
		f := onlyFlow(t, tbl)
		if f.FromClient.Bytes != near+500 || f.FromClient.Packets != packets+5 {
			t.Errorf("near %d: flow has %+v, want %d bytes, %d packets", near, f.FromClient, near+500, packets+5)
		}
	}
}
