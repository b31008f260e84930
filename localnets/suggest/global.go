package suggest

import (
	"cmp"
	"net/netip"
	"slices"
)

// tighten makes a unit of a few neighbouring addresses the prefix that covers just them.
func (g *group) tighten() {
	if len(g.single) == 0 || !g.prefix.Addr().Is4() || len(g.single) < g.hosts {
		return
	}
	slices.SortFunc(g.single, netip.Addr.Compare)
	first, last := g.single[0], g.single[len(g.single)-1]
	if p := covering(netip.PrefixFrom(first, 32), netip.PrefixFrom(last, 32)); p.Bits() >= tightBits {
		g.prefix = p
	}
}

// stands reports whether the evidence says that a global prefix is on the inner side.
func (g *group) stands(between uint64) bool {
	if g.sent == 0 || g.received == 0 {
		return false // half of a conversation says nothing of sides
	}
	peers := g.peers.count()
	return g.hosts >= globalHosts && peers >= globalPeers ||
		peers >= vantagePeers && float64(g.bytes()) >= vantageShare*float64(between)
}

// globals are the global prefixes that stand out, best first: those that talked with the most networks.
func globals(list []group, between uint64) []group {
	list = mergeDense(list)
	list = slices.DeleteFunc(list, func(g group) bool { return !g.stands(between) })
	for i := range list {
		list[i].tighten()
	}
	slices.SortStableFunc(list, func(a, b group) int {
		return cmp.Or(cmp.Compare(b.peers.count(), a.peers.count()), cmp.Compare(b.bytes(), a.bytes()))
	})
	return list
}

// explained keeps those of list, best first, that explain least bytes between global addresses which none
// before them does: the servers that an inner prefix talks with are its other side.
func explained(scan Scan, list []group, all bool, least float64) []group {
	if len(list) == 0 {
		return nil
	}
	bytes := make([]uint64, len(list))
	find := finder(list)
	scan(func(f *Flow) bool {
		s := look(f, all)
		if !s.betweenPublic {
			return true
		}
		at := len(list)
		for _, a := range [...]netip.Addr{s.clientA, s.serveA} {
			if i := find(a); i >= 0 {
				at = min(at, i)
			}
		}
		if at < len(list) {
			bytes[at] += s.bytes
		}
		return true
	})
	i := -1
	return slices.DeleteFunc(list, func(group) bool { i++; return float64(bytes[i]) < least })
}

// finder gives the index of the longest prefix of list that holds an address, or -1.
func finder(list []group) func(netip.Addr) int {
	index := make(map[netip.Prefix]int, len(list))
	var lengths [2][]int // of IPv6 and IPv4, longest first
	for i := range list {
		p := list[i].prefix
		index[p] = i
		v := 0
		if p.Addr().Is4() {
			v = 1
		}
		if !slices.Contains(lengths[v], p.Bits()) {
			lengths[v] = append(lengths[v], p.Bits())
		}
	}
	for v := range lengths {
		slices.SortFunc(lengths[v], func(a, b int) int { return cmp.Compare(b, a) })
	}
	return func(a netip.Addr) int {
		v := 0
		if a.Is4() {
			v = 1
		}
		for _, n := range lengths[v] {
			p, err := a.Prefix(n)
			if i, ok := index[p]; err == nil && ok {
				return i
			}
		}
		return -1
	}
}
