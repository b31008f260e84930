package suggest

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// traffic is a list of flows as a Scan.
type traffic []Flow

func (l traffic) scan(fn func(*Flow) bool) {
	for i := range l {
		if !fn(&l[i]) {
			return
		}
	}
}

// talk adds a flow of 100 bytes to and 1000 bytes from the server.
func (l *traffic) talk(client, server string) {
	*l = append(*l, Flow{Client: netip.MustParseAddr(client), Server: netip.MustParseAddr(server), FromClient: 100, FromServer: 1000})
}

// out is the address number i of the internet, each in a /16 of its own.
func out(i int) string { return fmt.Sprintf("%d.%d.7.9", 20+i%60, 100+i/60) }

// office has hosts of prefix, such as "10.1.2.", each talk with n servers outside.
func (l *traffic) office(prefix string, hosts, n int) {
	for h := range hosts {
		for i := range n {
			l.talk(fmt.Sprint(prefix, 10+h), out(h*n+i))
		}
	}
}

// shown are the prefixes with their shares in per cent.
func shown(r *Result) string {
	var list []string
	for _, p := range r.Prefixes {
		list = append(list, fmt.Sprintf("%s %.0f%%", p.Prefix, p.Share*100))
	}
	return strings.Join(list, ", ")
}

func TestFind(t *testing.T) {
	for _, c := range []struct {
		name string
		make func(l *traffic)
		cfg  Config
		want string
	}{
		{"nothing", func(*traffic) {}, Config{}, ""},
		{"an office", func(l *traffic) { l.office("10.1.2.", 20, 5) }, Config{}, "10.1.2.0/24 100%"},
		{"one host is a /24", func(l *traffic) { l.office("192.168.7.", 1, 3) }, Config{}, "192.168.7.0/24 100%"},
		{"two networks stay two", func(l *traffic) { l.office("10.1.2.", 20, 5); l.office("10.1.3.", 20, 5) }, Config{},
			"10.1.2.0/24 50%, 10.1.3.0/24 50%"},
		{"traffic between two counts for both", func(l *traffic) {
			for h := range 10 {
				l.talk(fmt.Sprint("10.1.2.", 1+h), fmt.Sprint("172.16.5.", 1+h))
			}
		}, Config{}, "10.1.2.0/24 100%, 172.16.5.0/24 100%"},
		{"inner traffic counts once", func(l *traffic) {
			for h := range 10 {
				l.talk(fmt.Sprint("10.1.2.", 1+h), fmt.Sprint("10.1.2.", 100+h))
			}
			l.office("10.9.9.", 2, 5)
		}, Config{}, "10.1.2.0/24 50%, 10.9.9.0/24 50%"},
		{"four neighbours are one", func(l *traffic) {
			for n := range 4 {
				l.office(fmt.Sprintf("10.1.%d.", 8+n), 5, 5)
			}
		}, Config{}, "10.1.8.0/22 100%"},
		{"a campus is no longer than its networks", func(l *traffic) {
			for n := range 90 {
				l.office(fmt.Sprintf("10.20.%d.", n), 3, 2)
			}
		}, Config{}, "10.20.0.0/17 100%"},
		{"hosts spread over a site", func(l *traffic) {
			for _, n := range []int{3, 9, 44, 120, 250} {
				l.office(fmt.Sprintf("10.1.%d.", n), 1, 5)
			}
			l.office("10.1.77.", 15, 5)
		}, Config{}, "10.1.77.0/24 75%, 10.1.0.0/16 25%"},
		{"hosts spread over a block", func(l *traffic) {
			for _, n := range []string{"100.64.3.", "100.77.9.", "100.90.200.", "100.127.1."} {
				l.office(n, 1, 5)
			}
		}, Config{}, "100.64.0.0/10 100%"},
		{"small networks go up together", func(l *traffic) {
			l.office("10.5.5.", 50, 10)
			for n := range 10 {
				l.office(fmt.Sprintf("10.6.%d.", n*20), 2, 1)
			}
		}, Config{}, "10.5.5.0/24 96%, 10.6.0.0/16 4%"},
		{"below the least share", func(l *traffic) { l.office("10.5.5.", 50, 10); l.office("10.6.1.", 2, 1) }, Config{}, "10.5.5.0/24 100%"},
		{"the most that are wanted", func(l *traffic) {
			for _, n := range []int{0, 1, 64, 128, 129} {
				l.office(fmt.Sprintf("10.1.%d.", n), 5, 5)
			}
		}, Config{Max: 3}, "10.1.0.0/23 40%, 10.1.128.0/23 40%, 10.1.64.0/24 20%"},
		{"addresses that never answer are no hosts", func(l *traffic) {
			l.office("10.1.2.", 10, 5)
			for n := range 200 {
				*l = append(*l, Flow{Client: netip.MustParseAddr("10.1.2.10"), Server: netip.MustParseAddr(fmt.Sprintf("172.20.%d.1", n)), FromClient: 60})
			}
		}, Config{}, "10.1.2.0/24 100%"},
		{"unique local addresses", func(l *traffic) {
			l.talk("fd12:3456:789a:1::5", "2001:db8::1")
			for n := range 4 {
				l.talk(fmt.Sprintf("fd00:1:2:%d::5", n), "2001:db8::1")
			}
		}, Config{}, "fd00:1:2::/48 80%, fd12:3456:789a:1::/64 20%"},
		{"link-local is never divided", func(l *traffic) { l.talk("fe80::1", "ff02::fb"); l.talk("169.254.3.4", "224.0.0.251") }, Config{},
			"169.254.0.0/16 50%, fe80::/10 50%"},
		{"no network is made of these", func(l *traffic) {
			l.talk("0.0.0.0", "255.255.255.255")
			l.talk("::", "ff02::16")
			l.talk("240.0.0.1", "224.0.0.1")
		}, Config{}, ""},
		{"global addresses behind an uplink", func(l *traffic) {
			l.office("203.0.113.", 60, 3)
			for h := range 60 { // the servers of a content network: many, and their other side is one prefix
				l.talk(fmt.Sprint("203.0.113.", 10+h), fmt.Sprint("198.51.100.", 1+h))
			}
		}, Config{}, "203.0.113.0/24 100%"},
		{"an inner site of IPv6", func(l *traffic) {
			for n := range 5 {
				for h := range 5 {
					l.talk(fmt.Sprintf("2001:db8:7:%d::%d", n, h+1), fmt.Sprintf("2a%02x:%x::1", n, h))
				}
			}
		}, Config{}, "2001:db8:7::/56 100%"},
		{"a machine on the internet", func(l *traffic) { l.office("203.0.113.", 1, 8) }, Config{}, "203.0.113.10/32 100%"},
		{"a few addresses of a provider", func(l *traffic) { l.office("203.0.113.", 5, 3) }, Config{}, "203.0.113.8/29 100%"},
		{"neither side stands out", func(l *traffic) {
			for i := range 300 {
				l.talk(out(i), out(299-i))
			}
		}, Config{}, ""},
		{"half of the conversations", func(l *traffic) {
			for h := range 20 {
				*l = append(*l, Flow{Client: netip.MustParseAddr(fmt.Sprint("203.0.113.", h+1)), Server: netip.MustParseAddr(out(h)), FromClient: 60})
			}
		}, Config{}, ""},
		{"a sweep from outside", func(l *traffic) {
			for h := range 250 {
				*l = append(*l, Flow{Client: netip.MustParseAddr("198.51.100.9"), Server: netip.MustParseAddr(fmt.Sprint("203.0.113.", h+1)), FromClient: 60})
			}
		}, Config{}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var l traffic
			c.make(&l)
			r, err := Find(l.scan, c.cfg)
			if err != nil {
				t.Fatal(err)
			}
			if got := shown(r); got != c.want {
				t.Errorf("suggested %s, want %s", got, c.want)
			}
		})
	}
}

// What a local network holds is not suggested; a private address that it talks with is.
func TestLocal(t *testing.T) {
	var l traffic
	l.office("10.1.2.", 5, 5)             // has a local end
	l.talk("10.1.2.10", "192.168.3.4")    // and so has this, but the other end should be local too
	l.talk("172.16.1.1", "198.51.100.7")  // not matched
	l.talk("192.168.3.4", "198.51.100.7") // not matched
	l.talk("192.0.2.1", "198.51.100.7")   // global both, with no evidence
	local := netip.MustParsePrefix("10.1.2.0/24")
	for i := range l {
		l[i].ClientLocal, l[i].ServerLocal = local.Contains(l[i].Client), local.Contains(l[i].Server)
	}
	r, err := Find(l.scan, Config{})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := shown(r), "192.168.3.0/24 50%, 172.16.1.0/24 25%"; got != want {
		t.Errorf("suggested %s, want %s", got, want)
	}
	if r.Unmatched != 3300 || r.Private != 1100 || r.Explained != 2200 || r.Bytes != 29*1100 {
		t.Errorf("figures %+v", r)
	}
	p := r.Prefixes[0]
	if p.Unmatched != 1100 || p.Private != 1100 || p.Sent != 1000+100 || p.Received != 100+1000 || p.Client != 1 || p.Server != 1 || p.Role != "both" || p.Hosts != 1 {
		t.Errorf("192.168.3.0/24: %+v", p)
	}
	if r, _ = Find(l.scan, Config{All: true}); shown(r) != "10.1.2.0/24 90%, 192.168.3.0/24 7%, 172.16.1.0/24 3%" {
		t.Errorf("of all: %s", shown(r))
	}
}

// A flood from made-up addresses costs no memory, and hides neither an office nor a site.
func TestBounded(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var l traffic
	for i := range 40_000 {
		var a [4]byte
		binary.BigEndian.PutUint32(a[:], rng.Uint32())
		l = append(l, Flow{Client: netip.AddrFrom4(a), Server: netip.MustParseAddr("203.0.113.10"), FromClient: 60})
		if i%200 == 0 {
			l.office("10.1.2.", 10, 1)
			l.office("203.0.113.", 10, 2)
		}
	}
	c := newCollector(2000)
	most := 0
	l.scan(func(f *Flow) bool { c.add(f, false); most = max(most, len(c.entries)); return true })
	if most > 2000 {
		t.Errorf("%d entries, the bound is 2000", most)
	}
	r := find(l.scan, Config{}.withDefaults(), 2000)
	for _, want := range []string{"10.1.2.0/24", "203.0.113.0/24"} {
		if !slices.ContainsFunc(r.Prefixes, func(p Prefix) bool { return p.Prefix == netip.MustParsePrefix(want) }) {
			t.Errorf("%s is not suggested: %s", want, shown(r))
		}
	}
	if again := find(l.scan, Config{}.withDefaults(), 2000); shown(again) != shown(r) {
		t.Errorf("another time: %s, not %s", shown(again), shown(r))
	}
	if len(r.Prefixes) > 3 {
		t.Errorf("too much is suggested: %s", shown(r))
	}
}

// Whatever the traffic, no prefix is shorter than its block or the bounds of global space, and the sums hold.
func TestFindLaws(t *testing.T) {
	firsts := []string{"10.", "172.16.", "172.31.", "192.168.", "100.64.", "203.0.", "8.8.", "224.0.", "169.254.", "127.0."}
	address := func(t *rapid.T) netip.Addr {
		first := rapid.SampledFrom(firsts).Draw(t, "first")
		for strings.Count(first, ".") < 3 {
			first += fmt.Sprint(rapid.IntRange(0, 12).Draw(t, "byte")*20, ".")
		}
		return netip.MustParseAddr(first + fmt.Sprint(rapid.IntRange(0, 6).Draw(t, "host")))
	}
	rapid.Check(t, func(t *rapid.T) {
		var l traffic
		for range rapid.IntRange(0, 200).Draw(t, "flows") {
			l = append(l, Flow{Client: address(t), Server: address(t), ClientLocal: rapid.Bool().Draw(t, "local"),
				FromClient: rapid.Uint64Range(0, 1e6).Draw(t, "sent"), FromServer: rapid.Uint64Range(0, 1e6).Draw(t, "received")})
		}
		cfg := Config{MinShare: rapid.SampledFrom([]float64{0.001, 0.01, 0.2}).Draw(t, "least"), Max: rapid.IntRange(1, 20).Draw(t, "max"), All: rapid.Bool().Draw(t, "all")}
		r := find(l.scan, cfg, rapid.SampledFrom([]int{64, maxEntries}).Draw(t, "entries"))
		if r.Explained > r.Unmatched || r.Open() > r.Bytes || len(r.Prefixes) > cfg.Max {
			t.Fatalf("sums: %+v", r)
		}
		seen := map[netip.Prefix]bool{}
		for _, p := range r.Prefixes {
			class, block := classOf(p.Prefix.Addr())
			shortest := globalShortest4
			if block >= 0 {
				shortest = blocks[block].prefix.Bits()
			}
			switch {
			case class == none || class != p.Class || p.Prefix.Bits() < shortest || p.Prefix != p.Prefix.Masked() || seen[p.Prefix]:
				t.Fatalf("suggested %+v", p)
			case p.Share < cfg.MinShare || p.Share > 1 || p.Unmatched > r.Unmatched || p.Private > r.Private || p.Hosts < 1:
				t.Fatalf("figures of %+v", p)
			}
			seen[p.Prefix] = true
		}
	})
}

// The estimate of networks talked with is near the truth where the rules ask.
func TestPeers(t *testing.T) {
	for _, n := range []int{0, 1, 4, 8, 20, 100, 300} {
		var s peerSet
		for i := range n {
			s.add(netip.MustParseAddr(fmt.Sprintf("%d.%d.0.1", 20+i%100, 100+i/100)))
			s.add(netip.MustParseAddr(fmt.Sprintf("%d.%d.200.2", 20+i%100, 100+i/100)))
		}
		if got := s.count(); got < n*85/100 || got > n*115/100+1 {
			t.Errorf("%d networks: estimated %d", n, got)
		}
	}
}
