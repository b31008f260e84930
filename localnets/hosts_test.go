package localnets_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/netmond/netmond/localnets"
)

func withHosts(t testing.TB, max int, idle time.Duration, list []localnets.Network) *localnets.Registry {
	t.Helper()
	cfg := localnets.DefaultConfig()
	cfg.MaxHosts, cfg.HostIdleTimeout = max, idle
	r, err := localnets.New(cfg, list)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// v4 is the i-th host of 10.0.0.0/8.
func v4(i uint32, at int64) localnets.HostTouch {
	h := localnets.HostTouch{Is4: true, Time: at}
	h.Addr[10], h.Addr[11] = 0xff, 0xff
	binary.BigEndian.PutUint32(h.Addr[12:], 10<<24|i&0xffffff)
	return h
}

// v6 is a host of 2001:db8::/64, network net.
func v6(i uint64, net int32, at int64) localnets.HostTouch {
	h := localnets.HostTouch{Net: net, Time: at}
	copy(h.Addr[:], []byte{0x20, 1, 0xd, 0xb8})
	binary.BigEndian.PutUint64(h.Addr[8:], i)
	return h
}

// Comments state what hosts and networks take from these sizes.
func TestSizes(t *testing.T) {
	if localnets.HostSlotSize != 24 || localnets.HostShardSize != 64 {
		t.Errorf("a host's slot has %d bytes, a shard %d; want 24 and 64", localnets.HostSlotSize, localnets.HostShardSize)
	}
	if localnets.CountersSize > 1152 || localnets.AppCountsSize != 48 {
		t.Errorf("a network's counters have %d bytes, an application's %d; want 1152 at most and 48", localnets.CountersSize, localnets.AppCountsSize)
	}
}

func TestHosts(t *testing.T) {
	r := withHosts(t, 10, 0, nets("10.0.0.0/8", "2001:db8::/32"))
	mapped := v4(1, start)
	mapped.Is4, mapped.Net = false, 1 // the same bytes in an IPv6 packet
	r.TouchHosts([]localnets.HostTouch{
		v4(1, start), v4(2, start), v4(1, start+5), v6(1, 1, start), mapped,
		{Net: localnets.NoNetwork}, {Net: 2}, {Net: -7},
	})
	s := r.Snapshot()
	if s.Hosts != 4 || s.Networks[0].Hosts != 2 || s.Networks[1].Hosts != 2 || s.HostsRefused != 0 {
		t.Errorf("hosts %d = %d + %d, refused %d; want 4 = 2 + 2, 0", s.Hosts, s.Networks[0].Hosts, s.Networks[1].Hosts, s.HostsRefused)
	}
	for i := range uint32(8) { // six more find room
		r.TouchHosts([]localnets.HostTouch{v4(10+i, start)})
	}
	r.TouchHosts([]localnets.HostTouch{v4(17, start), v4(1, start)}) // refused again; known
	s = r.Snapshot()
	if s.Hosts != 10 || s.HostsRefused != 3 || !s.Networks[0].HostsCapped || s.Networks[1].HostsCapped {
		t.Errorf("at the bound: hosts %d, refused %d, capped %v %v; want 10, 3, true false",
			s.Hosts, s.HostsRefused, s.Networks[0].HostsCapped, s.Networks[1].HostsCapped)
	}
	if got := s.Networks[0].NewHosts; got != 8 {
		t.Errorf("%d hosts appeared in 10.0.0.0/8, want 8", got)
	}
}

// Section 2 of the fault list: random local addresses in a /8 and a /64 do not grow memory beyond
// the bound, and hosts known before go on being known.
func TestHostsFlood(t *testing.T) {
	const bound = 1 << 16
	r := withHosts(t, bound, 0, nets("10.0.0.0/8", "2001:db8::/64"))
	r.TouchHosts([]localnets.HostTouch{v4(1, start)})
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	rnd := rand.New(rand.NewPCG(7, 7))
	batch := make([]localnets.HostTouch, 256)
	touched := 1
	for range 4000 {
		for i := range batch {
			if i%2 == 0 {
				batch[i] = v4(rnd.Uint32(), start)
			} else {
				batch[i] = v6(rnd.Uint64(), 1, start)
			}
		}
		r.TouchHosts(batch)
		touched += len(batch)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)

	s := r.Snapshot()
	if s.Hosts != bound || s.Networks[0].Hosts+s.Networks[1].Hosts != bound {
		t.Errorf("%d hosts of %d touches, want the bound of %d", s.Hosts, touched, bound)
	}
	// Some IPv4 addresses come twice; a known one is not refused.
	if s.HostsRefused > uint64(touched-bound) || s.HostsRefused < uint64(touched-bound)*95/100 {
		t.Errorf("%d refused of %d", s.HostsRefused, touched)
	}
	if !s.Networks[0].HostsCapped || !s.Networks[1].HostsCapped {
		t.Error("a network's count is not marked as capped")
	}
	const most = 55*bound + 64*16*24
	if got := r.HostMemory(); got > most {
		t.Errorf("tables hold %d bytes, want at most %d", got, most)
	}
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > most+1<<20 {
		t.Errorf("heap grew by %d bytes, want at most %d and a megabyte", grown, most)
	}
	t.Logf("%d hosts: tables %d bytes, %.1f a host", s.Hosts, r.HostMemory(), float64(r.HostMemory())/bound)
}

// Idle hosts go within some ticks, the others stay, and no tick examines all of a large table.
func TestHostsIdle(t *testing.T) {
	const n, idle = 200_000, 60 * time.Second
	r := withHosts(t, n, idle, nets("10.0.0.0/8"))
	touch := func(from, to uint32, at int64) {
		for i := from; i < to; i++ {
			r.TouchHosts([]localnets.HostTouch{v4(i, at)})
		}
	}
	touch(0, n, start)
	r.TouchHosts([]localnets.HostTouch{v4(n, start)})
	if s := r.Snapshot(); s.HostsRefused != 1 || !s.Networks[0].HostsCapped {
		t.Fatalf("refused %d, capped %v; want 1, true", s.HostsRefused, s.Networks[0].HostsCapped)
	}

	now := start + int64(idle)
	r.Tick(now) // all hosts are exactly as old as the timeout: none goes
	if got := r.Snapshot().Hosts; got != n {
		t.Fatalf("%d hosts at the timeout, want all %d", got, n)
	}
	touch(0, n/4, now)
	now += int64(time.Second)
	r.Tick(now)
	if gone := n - r.Snapshot().Hosts; gone <= 0 || gone > localnets.HostSweepSlots {
		t.Fatalf("one tick dropped %d hosts, want 1 to %d", gone, localnets.HostSweepSlots)
	}
	for range 20 {
		now += int64(time.Second)
		r.Tick(now)
	}
	s := r.Snapshot()
	if s.Hosts != n/4 || s.Networks[0].Hosts != n/4 || s.Networks[0].NewHosts != n {
		t.Errorf("hosts %d, of the network %d, appeared %d; want %d, %d, %d", s.Hosts, s.Networks[0].Hosts, s.Networks[0].NewHosts, n/4, n/4, n)
	}
	if s.Networks[0].HostsCapped {
		t.Error("capped for longer than a refused host could have been idle")
	}
	touch(0, n/4, now) // each is still found, whatever was deleted around it
	if got := r.Snapshot(); got.Hosts != n/4 || got.Networks[0].NewHosts != n {
		t.Errorf("after a second touch %d hosts and %d appeared, want %d and %d", got.Hosts, got.Networks[0].NewHosts, n/4, n)
	}
	touch(n, n+3*n/4, now)
	if got := r.Snapshot(); got.Hosts != n || got.HostsRefused != 1 {
		t.Errorf("room of gone hosts: %d hosts, %d refused; want %d, 1", got.Hosts, got.HostsRefused, n)
	}
}

// A host whose time lies in the future (the clock was set back) goes as others do.
func TestHostsFuture(t *testing.T) {
	r := withHosts(t, 10, time.Second, nets("10.0.0.0/8"))
	r.TouchHosts([]localnets.HostTouch{v4(1, start+int64(24*time.Hour)), v4(2, -5), v4(3, 1<<62)})
	for i := range 4 {
		r.Tick(start + int64(i)*int64(time.Second))
	}
	if got := r.Snapshot().Hosts; got != 0 {
		t.Errorf("%d hosts left, want 0", got)
	}
}

// A host seen just after the tick that sweeps is not idle, and a small table is swept in one tick.
func TestHostsSweep(t *testing.T) {
	r := withHosts(t, 1<<20, time.Second, nets("10.0.0.0/8"))
	for i := range uint32(10_000) {
		r.TouchHosts([]localnets.HostTouch{v4(i, start)})
	}
	now := start + int64(10*time.Second)
	r.TouchHosts([]localnets.HostTouch{v4(1, now+int64(time.Second)), v4(2, now)})
	r.Tick(now)
	if got := r.Snapshot().Hosts; got != 2 {
		t.Errorf("%d hosts left, want the 2 seen lately", got)
	}
}

// An IPv6 packet with an IPv4-mapped address shows another host than an IPv4 packet; they stay two
// in whatever slots the seed puts them.
func TestHostsMapped(t *testing.T) {
	for range 100 {
		r := withHosts(t, 1<<20, 0, nets("10.0.0.0/8", "::/0"))
		for i := range uint32(500) {
			mapped := v4(i, start)
			mapped.Is4, mapped.Net = false, 1
			r.TouchHosts([]localnets.HostTouch{v4(i, start), mapped})
		}
		if s := r.Snapshot(); s.Networks[0].Hosts != 500 || s.Networks[1].Hosts != 500 {
			t.Fatalf("%d and %d hosts, want 500 each", s.Networks[0].Hosts, s.Networks[1].Hosts)
		}
	}
}

// Deleting from crowded tables loses nobody: each round's survivors are exactly those touched.
func TestHostsChurn(t *testing.T) {
	r := withHosts(t, 1<<20, time.Second, nets("10.0.0.0/8"))
	rnd := rand.New(rand.NewPCG(3, 3))
	now := start
	for round := range 50 {
		n := uint32(rnd.IntN(4000))
		for i := range n {
			r.TouchHosts([]localnets.HostTouch{v4(rnd.Uint32()%8000, now), v4(i, now)})
		}
		known := r.Snapshot().Networks[0].NewHosts
		for i := range n {
			r.TouchHosts([]localnets.HostTouch{v4(i, now)})
		}
		if got := r.Snapshot().Networks[0].NewHosts; got != known {
			t.Fatalf("round %d: %d known hosts were taken for new", round, got-known)
		}
		now += int64(time.Second)
		r.Tick(now)
	}
	for range 3 {
		now += int64(2 * time.Second)
		r.Tick(now)
	}
	if s := r.Snapshot(); s.Hosts != 0 || s.Networks[0].Hosts != 0 {
		t.Errorf("%d hosts at the end, want 0", s.Hosts)
	}
}

func TestTouchHostsAllocs(t *testing.T) {
	r := withHosts(t, 1000, 0, nets("10.0.0.0/8"))
	touches := []localnets.HostTouch{v4(1, start), v4(2, start)}
	r.TouchHosts(touches)
	if n := testing.AllocsPerRun(100, func() { r.TouchHosts(touches) }); n != 0 {
		t.Errorf("touching known hosts allocates %v times", n)
	}
}

func BenchmarkTouchHosts(b *testing.B) {
	for _, n := range []uint32{1000, 1 << 20} {
		b.Run(fmt.Sprintf("known/hosts=%d", n), func(b *testing.B) {
			r := withHosts(b, 1<<20, 0, nets("10.0.0.0/8"))
			batch := make([]localnets.HostTouch, n)
			for i := range n {
				batch[i] = v4(i, start)
			}
			r.TouchHosts(batch)
			rand.New(rand.NewPCG(1, 1)).Shuffle(len(batch), func(i, j int) { batch[i], batch[j] = batch[j], batch[i] })
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				r.TouchHosts(batch[i : i+64])
				i = (i + 64) % (len(batch) - 64)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/64, "ns/touch")
		})
	}
	b.Run("new", func(b *testing.B) {
		r := withHosts(b, 1<<22, 0, nets("10.0.0.0/8"))
		batch := make([]localnets.HostTouch, 64)
		next := uint32(0)
		for b.Loop() {
			for i := range batch {
				batch[i] = v4(next, start)
				next++
			}
			r.TouchHosts(batch)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/64, "ns/touch")
	})
	b.Run("refused", func(b *testing.B) {
		r := withHosts(b, 1<<16, 0, nets("10.0.0.0/8"))
		batch := make([]localnets.HostTouch, 64)
		for i := range uint32(1 << 16) {
			r.TouchHosts([]localnets.HostTouch{v4(i, start)})
		}
		next := uint32(1 << 17)
		for b.Loop() {
			for i := range batch {
				batch[i] = v4(next, start)
				next++
			}
			r.TouchHosts(batch)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/64, "ns/touch")
	})
}
