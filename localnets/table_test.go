package localnets_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"github.com/netmond/netmond/localnets"
	"pgregory.net/rapid"
)

// newRegistry makes a Registry with default bounds.
func newRegistry(t testing.TB, list []localnets.Network) *localnets.Registry {
	t.Helper()
	r, err := localnets.New(localnets.DefaultConfig(), list)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// key is addr as the packet side holds it.
func key(addr netip.Addr) (*[16]byte, bool) {
	b := addr.As16()
	return &b, addr.Is4()
}

func TestLookup(t *testing.T) {
	list := nets("10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24", "10.1.2.3/32", "192.0.2.0/30", "192.0.2.4/31", "2001:db8::/32", "2001:db8:1::/48", "::/64", "224.0.0.0/24", "0.0.0.0/1")
	table := newRegistry(t, list).Table()
	for _, tt := range []struct {
		addr string
		want int // index in list, or -1
		cast bool
	}{
		{"10.9.9.9", 0, false},
		{"10.1.9.9", 1, false},
		{"10.1.2.9", 2, false},
		{"10.1.2.3", 3, false},
		{"10.255.255.255", 0, true},
		{"10.1.255.255", 1, true},
		{"10.1.2.255", 2, true},
		{"10.0.0.0", 0, false}, // ntopng takes the first address for a broadcast too
		{"10.1.2.0", 2, false},
		{"192.0.2.3", 4, true},
		{"192.0.2.5", 5, false}, // /31 has no broadcast address
		{"192.0.2.9", -1, false},
		{"203.0.113.9", -1, false},
		{"255.255.255.255", -1, true},
		{"224.0.0.251", 9, false}, // multicast has no special rule
		{"224.0.1.1", -1, false},
		{"0.0.0.0", 10, false},
		{"127.255.255.255", 10, true},
		{"2001:db8::1", 6, false},
		{"2001:db8:1::1", 7, false},
		{"2001:db8:1:ffff:ffff:ffff:ffff:ffff", 7, false},
		{"ff02::1", -1, false},
		{"::ffff:10.1.2.3", 8, false}, // an IPv6 packet with an IPv4-mapped address
		{"::ffff:255.255.255.255", 8, false},
	} {
		a, is4 := key(netip.MustParseAddr(tt.addr))
		want := localnets.Match{Net: int32(tt.want), Broadcast: tt.cast}
		if got := table.Lookup(a, is4); got != want {
			t.Errorf("Lookup(%s) = %+v, want %+v", tt.addr, got, want)
		}
	}
	if got := table.Generation(); got != 1 {
		t.Errorf("generation %d, want 1", got)
	}

	all := newRegistry(t, nets("0.0.0.0/0", "::/0")).Table()
	for addr, want := range map[string]localnets.Match{
		"255.255.255.255": {Net: 0, Broadcast: true},
		"0.0.0.0":         {Net: 0},
		"198.51.100.1":    {Net: 0},
		"2001:db8::1":     {Net: 1},
		"::ffff:10.0.0.1": {Net: 1},
	} {
		a, is4 := key(netip.MustParseAddr(addr))
		if got := all.Lookup(a, is4); got != want {
			t.Errorf("all of both families: Lookup(%s) = %+v, want %+v", addr, got, want)
		}
	}

	none := newRegistry(t, nil).Table()
	a, is4 := key(netip.MustParseAddr("10.0.0.1"))
	if got := none.Lookup(a, is4); got != (localnets.Match{Net: localnets.NoNetwork}) {
		t.Errorf("no networks: Lookup = %+v", got)
	}
}

// slowLookup is the oracle: each network in turn.
func slowLookup(list []localnets.Network, addr netip.Addr) localnets.Match {
	m := localnets.Match{Net: localnets.NoNetwork}
	longest := -1
	for _, n := range list {
		if n.Prefix.Contains(addr) && n.Prefix.Bits() > longest {
			longest = n.Prefix.Bits()
			m.Net = n.ID
		}
	}
	if !addr.Is4() {
		return m
	}
	m.Broadcast = addr == netip.AddrFrom4([4]byte{255, 255, 255, 255})
	if longest >= 1 && longest <= 30 {
		p := list[m.Net].Prefix
		m.Broadcast = m.Broadcast || !p.Contains(addr.Next())
	}
	return m
}

// drawAddr draws addresses with few different bits, so that prefixes nest and addresses hit them.
func drawAddr(t *rapid.T) netip.Addr {
	edge := rapid.SampledFrom([]byte{0, 1, 2, 10, 127, 128, 254, 255})
	if rapid.Bool().Draw(t, "is4") {
		return netip.AddrFrom4([4]byte(rapid.SliceOfN(edge, 4, 4).Draw(t, "addr4")))
	}
	a := [16]byte(rapid.SliceOfN(edge, 16, 16).Draw(t, "addr6"))
	if rapid.Bool().Draw(t, "mapped") {
		copy(a[:], []byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff})
	}
	return netip.AddrFrom16(a)
}

func TestLookupOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var list []localnets.Network
		seen := map[netip.Prefix]bool{}
		for range rapid.IntRange(0, 40).Draw(t, "networks") {
			a := drawAddr(t)
			if len(list) > 0 && rapid.Bool().Draw(t, "nest") {
				a = rapid.SampledFrom(list).Draw(t, "in").Prefix.Addr()
			}
			p := netip.PrefixFrom(a, rapid.IntRange(0, a.BitLen()).Draw(t, "bits")).Masked()
			if p.Addr().Is4In6() || seen[p] {
				continue
			}
			seen[p] = true
			list = append(list, localnets.Network{ID: int32(len(list)), Prefix: p})
		}
		r, err := localnets.New(localnets.Config{}, list)
		if err != nil {
			t.Fatal(err)
		}
		table := r.Table()
		check := func(addr netip.Addr) {
			a, is4 := key(addr)
			if got, want := table.Lookup(a, is4), slowLookup(list, addr); got != want {
				t.Fatalf("Lookup(%v) = %+v, want %+v in %v", addr, got, want, list)
			}
		}
		for range 20 {
			check(drawAddr(t))
		}
		for _, n := range list { // the edges of each network
			first, last := n.Prefix.Addr(), lastAddr(n.Prefix)
			for _, a := range []netip.Addr{first, first.Prev(), last, last.Next(), last.Prev()} {
				if a.IsValid() {
					check(a)
				}
			}
		}
	})
}

// lastAddr is the last address of p.
func lastAddr(p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for i := p.Bits(); i < len(b)*8; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

// nested is a list of networks one in another, as deep as the family allows, and n others.
func nested(n int) []localnets.Network {
	var list []localnets.Network
	add := func(p netip.Prefix) {
		list = append(list, localnets.Network{ID: int32(len(list)), Prefix: p.Masked(), Name: p.String()})
	}
	for b := 0; b <= 32; b++ {
		add(netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 0, 2, 129}), b))
	}
	for i := range n {
		if i%2 == 0 {
			add(netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 9), byte(i >> 1), 0}), 24))
		} else {
			add(netip.PrefixFrom(netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 0, byte(i >> 8), byte(i)}), 56))
		}
	}
	return list
}

// Fault 31: 33 networks one in another among 10,000 others; each level is found.
func TestLookupNested(t *testing.T) {
	list := nested(10_000)
	table := newRegistry(t, list).Table()
	inner := netip.AddrFrom4([4]byte{192, 0, 2, 129}).As4()
	for b := 0; b <= 32; b++ {
		a := inner
		if b < 32 {
			a[b/8] ^= 0x80 >> (b % 8) // leaves the next longer prefix, stays in this one
		}
		k, is4 := key(netip.AddrFrom4(a))
		if got := table.Lookup(k, is4).Net; got != int32(b) {
			t.Errorf("%v: network %d, want /%d", netip.AddrFrom4(a), got, b)
		}
	}
}

func TestLookupAllocs(t *testing.T) {
	table := newRegistry(t, nested(1000)).Table()
	v4, _ := key(netip.MustParseAddr("10.0.1.1"))
	v6, _ := key(netip.MustParseAddr("2001:db8:0:100::1"))
	if n := testing.AllocsPerRun(100, func() {
		table.Lookup(v4, true)
		table.Lookup(v6, false)
	}); n != 0 {
		t.Errorf("Lookup allocates %v times", n)
	}
}

// lookupAddrs are addresses in networks of list, in no order.
func lookupAddrs(list []localnets.Network, n int) ([][16]byte, []bool) {
	rnd := rand.New(rand.NewPCG(1, 2))
	addrs, is4 := make([][16]byte, n), make([]bool, n)
	for i := range addrs {
		p := list[rnd.IntN(len(list))].Prefix
		a := p.Addr().As16()
		a[15] |= 1
		addrs[i], is4[i] = a, p.Addr().Is4()
	}
	return addrs, is4
}

// Fault 31: a look-up among 10,000 networks, 33 of them one in another, takes less than three times
// one among 10. The two run turn about, and the best of each counts, so that a busy machine does not
// decide.
func TestLookupRatio(t *testing.T) {
	if testing.Short() || raceEnabled {
		t.Skip("timing")
	}
	cost := func(list []localnets.Network) func() time.Duration {
		table := newRegistry(t, list).Table()
		addrs, is4 := lookupAddrs(list, 4096)
		return func() time.Duration {
			start := time.Now()
			for range 10 {
				for i := range addrs {
					table.Lookup(&addrs[i], is4[i])
				}
			}
			return time.Since(start)
		}
	}
	few, many := cost(manyNets(10)), cost(nested(10_000))
	bestFew, bestMany := time.Hour, time.Hour
	for range 30 {
		bestFew, bestMany = min(bestFew, few()), min(bestMany, many())
	}
	ratio := float64(bestMany) / float64(bestFew)
	t.Logf("10,000 networks cost %.2f times 10", ratio)
	if ratio >= 3 {
		t.Errorf("10,000 networks cost %.2f times 10, want less than 3", ratio)
	}
}

// manyNets is n networks, half IPv4 and half IPv6, of the lengths that sites use.
func manyNets(n int) []localnets.Network {
	list := make([]localnets.Network, n)
	for i := range list {
		p := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 9), byte(i >> 1), 0}), 24)
		if i%2 == 1 {
			p = netip.PrefixFrom(netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, byte(i >> 17), byte(i >> 9), byte(i >> 1)}), 64)
		}
		list[i] = localnets.Network{ID: int32(i), Prefix: p, Name: p.String()}
	}
	return list
}

func BenchmarkLookup(b *testing.B) {
	for _, n := range []int{10, 1000, 10_000, 65_536} {
		b.Run(fmt.Sprintf("networks=%d", n), func(b *testing.B) {
			list := manyNets(n)
			table := newRegistry(b, list).Table()
			addrs, is4 := lookupAddrs(list, 4096)
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				table.Lookup(&addrs[i&4095], is4[i&4095])
				i++
			}
		})
	}
}

// BenchmarkNew shows what a registry of idle networks costs.
func BenchmarkNew(b *testing.B) {
	for _, n := range []int{1000, 65_536} {
		b.Run(fmt.Sprintf("networks=%d", n), func(b *testing.B) {
			list := manyNets(n)
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			r := newRegistry(b, list)
			runtime.GC()
			runtime.ReadMemStats(&after)
			for b.Loop() {
				newRegistry(b, list)
			}
			b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(n), "heapB/network")
			runtime.KeepAlive(r)
		})
	}
}
