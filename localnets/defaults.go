package localnets

import "net/netip"

// privateSpace is the address space that is local wherever netmond runs.
var privateSpace = []netip.Prefix{
	netip.MustParsePrefix("10.0.0.0/8"),     // RFC 1918
	netip.MustParsePrefix("172.16.0.0/12"),  // RFC 1918
	netip.MustParsePrefix("192.168.0.0/16"), // RFC 1918
	netip.MustParsePrefix("100.64.0.0/10"),  // RFC 6598: carriers' and overlays' own side, never routed globally
	netip.MustParsePrefix("169.254.0.0/16"), // RFC 3927 link-local
	netip.MustParsePrefix("127.0.0.0/8"),    // RFC 1122 loopback
	netip.MustParsePrefix("fc00::/7"),       // RFC 4193 unique local
	netip.MustParsePrefix("fe80::/10"),      // RFC 4291 link-local
	netip.MustParsePrefix("::1/128"),        // RFC 4291 loopback
}

// DefaultNetworks is the list used when none is configured: own, the prefixes of the capture
// interface's addresses, then private, shared, link-local and loopback space. Each occurs once. Of
// own, what is invalid, all of IPv4 or of IPv6, or a single address inside another prefix of own is
// left out.
func DefaultNetworks(own []netip.Prefix) []Network {
	var list []netip.Prefix
	for _, p := range own {
		if p.Addr().Is4In6() && p.Bits() >= mappedBits {
			p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-mappedBits)
		}
		p = netip.PrefixFrom(p.Addr().WithZone(""), p.Bits()).Masked()
		if p.IsValid() && p.Bits() > 0 {
			list = append(list, p)
		}
	}
	list = append(list[:len(list):len(list)], privateSpace...)
	ownLen := len(list) - len(privateSpace)

	var networks []Network
	seen := make(map[netip.Prefix]bool, len(list))
	for i, p := range list {
		if seen[p] || i < ownLen && p.IsSingleIP() && insideOther(p, list[:ownLen]) {
			continue
		}
		seen[p] = true
		networks = append(networks, Network{ID: int32(len(networks)), Prefix: p, Name: p.String()})
	}
	return networks
}

// insideOther reports whether a larger prefix of list holds the single address p.
func insideOther(p netip.Prefix, list []netip.Prefix) bool {
	for _, q := range list {
		if q.Bits() < p.Bits() && q.Contains(p.Addr()) {
			return true
		}
	}
	return false
}
