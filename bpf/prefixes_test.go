package bpf

import (
	"net/netip"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/netmond/netmond/packet"
)

// drawPrefix draws prefixes that meet often: few bits vary, and every length occurs.
func drawPrefix(t *rapid.T) netip.Prefix {
	addr := drawAddr(t)
	return netip.PrefixFrom(addr, rapid.IntRange(0, addr.BitLen()).Draw(t, "bits")).Masked()
}

func drawAddr(t *rapid.T) netip.Addr {
	octet := rapid.SampledFrom([]byte{0, 1, 2, 0x0a, 0x7f, 0x80, 0xc0, 0xfe, 0xff})
	if rapid.Bool().Draw(t, "v4") {
		var a [4]byte
		for i := range a {
			a[i] = octet.Draw(t, "octet")
		}
		return netip.AddrFrom4(a)
	}
	a := [16]byte{0x20, 0x01, 0x0d, 0xb8}
	for i := rapid.IntRange(0, 15).Draw(t, "from"); i < 16; i++ {
		a[i] = octet.Draw(t, "octet")
	}
	if addr := netip.AddrFrom16(a); !addr.Is4In6() {
		return addr
	}
	return netip.AddrFrom16([16]byte{0x20, 0x01})
}

// TestPrefixTable compares the table with a walk over all prefixes.
func TestPrefixTable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var list []netip.Prefix
		for _, p := range rapid.SliceOfN(rapid.Custom(drawPrefix), 0, 40).Draw(t, "prefixes") {
			if !slices.Contains(list, p) {
				list = append(list, p)
			}
		}
		if err := checkPrefixes(list); err != nil {
			t.Fatal(err)
		}
		slots := indexes(len(list))
		slots = rapid.Permutation(slots).Draw(t, "slots")
		table := newPrefixTable(list, slots)
		addrs := rapid.SliceOfN(rapid.Custom(drawAddr), 1, 40).Draw(t, "addresses")
		for _, p := range list {
			addrs = append(addrs, p.Addr()) // the first of each
		}
		for _, a := range addrs {
			want, bits := packet.OutsideNetwork, -1
			for i, p := range list {
				if p.Contains(a) && p.Bits() > bits {
					want, bits = slots[i], p.Bits()
				}
			}
			if got := table.lookup(a); got != want {
				t.Fatalf("%v is in slot %d of %v, want %d", a, got, list, want)
			}
		}
	})
}

// TestPrefixTableSize holds what docs/ebpf.md says of its memory.
func TestPrefixTableSize(t *testing.T) {
	var v4, v6 []netip.Prefix
	for i := range 1000 {
		v4 = append(v4, netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i / 250), byte(i % 250), 0}), 24))
		v6 = append(v6, netip.PrefixFrom(netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 0, 1, byte(i >> 8), byte(i)}), 64))
	}
	for name, c := range map[string]struct {
		list []netip.Prefix
		most int
	}{"IPv4": {v4, 4}, "IPv6": {v6, 5}} {
		if n := len(newPrefixTable(c.list, nil).nodes) - roots; n > c.most {
			t.Errorf("1,000 %s networks side by side take %d nodes, want %d at most", name, n, c.most)
		}
	}
}

func TestPrefixErrors(t *testing.T) {
	for _, c := range []struct {
		list []netip.Prefix
		want string
	}{
		{[]netip.Prefix{{}}, "network 0 has no valid prefix"},
		{[]netip.Prefix{netip.MustParsePrefix("192.0.2.1/24")}, "network 192.0.2.1/24 has host bits set"},
		{[]netip.Prefix{netip.MustParsePrefix("::ffff:192.0.2.0/120")}, "network ::ffff:192.0.2.0/120 is an IPv4-mapped prefix; give it as IPv4"},
		{[]netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("192.0.2.0/24")}, "network 192.0.2.0/24 is both 0 and 1"},
	} {
		if err := checkPrefixes(c.list); err == nil || err.Error() != c.want {
			t.Errorf("%v: %v, want %s", c.list, err, c.want)
		}
	}
}
