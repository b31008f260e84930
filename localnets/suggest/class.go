package suggest

import "net/netip"

// A Class is a kind of address space.
type Class string

// The classes.
const (
	Private     Class = "private"      // RFC 1918
	Shared      Class = "shared"       // RFC 6598: carriers' and overlays' own side
	UniqueLocal Class = "unique_local" // RFC 4193
	LinkLocal   Class = "link_local"   // RFC 3927, RFC 4291
	Loopback    Class = "loopback"
	Global      Class = "global"

	none Class = ""
)

// blocks are the address spaces that are local wherever they occur.
var blocks = []struct {
	prefix netip.Prefix
	class  Class
	whole  bool // never divided
}{
	{netip.MustParsePrefix("10.0.0.0/8"), Private, false},
	{netip.MustParsePrefix("172.16.0.0/12"), Private, false},
	{netip.MustParsePrefix("192.168.0.0/16"), Private, false},
	{netip.MustParsePrefix("100.64.0.0/10"), Shared, false},
	{netip.MustParsePrefix("fc00::/7"), UniqueLocal, false},
	{netip.MustParsePrefix("169.254.0.0/16"), LinkLocal, true},
	{netip.MustParsePrefix("fe80::/10"), LinkLocal, true},
	{netip.MustParsePrefix("127.0.0.0/8"), Loopback, true},
	{netip.MustParsePrefix("::1/128"), Loopback, true},
}

// unicast6 is the space of IPv6 that is given out (RFC 4291 section 2.5.4, IANA's registry).
var unicast6 = netip.MustParsePrefix("2000::/3")

// classOf is an address's class and, but for global addresses, its block's index; none for what no local
// network is made of: multicast, broadcast, unspecified and reserved addresses.
func classOf(a netip.Addr) (Class, int) {
	for i := range blocks {
		if blocks[i].prefix.Contains(a) {
			return blocks[i].class, i
		}
	}
	if a.Is4() {
		if first := a.As4()[0]; first >= 1 && first < 224 {
			return Global, -1
		}
		return none, -1
	}
	if unicast6.Contains(a) {
		return Global, -1
	}
	return none, -1
}

// inside reports whether addresses of a class are never out on the internet.
func (c Class) inside() bool { return c != Global && c != none }

// unitBits is the length of the smallest prefix that is suggested for an address of a class.
func unitBits(a netip.Addr, block int) int {
	switch {
	case block >= 0 && blocks[block].whole:
		return blocks[block].prefix.Bits()
	case a.Is4():
		return 24
	}
	return 64
}
