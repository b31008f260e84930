package suggest

import (
	"math/bits"
	"net/netip"
	"slices"
)

// A group is a prefix that may be suggested.
type group struct {
	prefix netip.Prefix
	class  Class
	block  int // of blocks; -1 for global space
	units  int // of its /24s (/64s) with hosts
	tally
	single []netip.Addr // hosts, as long as the group is one unit of global space
}

// units sorts the entries into groups of the smallest prefixes that are suggested. An entry that went up into
// a shorter prefix is a group of its own, of what is not told apart.
func (c *collector) units() []group {
	byPrefix := map[netip.Prefix]*group{}
	for p, t := range c.entries {
		class, block := classOf(p.Addr())
		at := truncate(p, unitBits(p.Addr(), block))
		g := byPrefix[at]
		if g == nil {
			g = &group{prefix: at, class: class, block: block}
			byPrefix[at] = g
		}
		one := *t
		if p.IsSingleIP() {
			one.settle()
			if class == Global && one.hosts > 0 {
				g.single = append(g.single, p.Addr())
			}
		}
		g.tally.add(&one)
	}
	list := make([]group, 0, len(byPrefix))
	for _, g := range byPrefix {
		if g.hosts > 0 && g.prefix.Bits() >= g.shortestOf() {
			g.units = 1
			list = append(list, *g)
		}
	}
	sortGroups(list)
	return list
}

// sortGroups orders groups by prefix, the holding one before what it holds.
func sortGroups(list []group) {
	slices.SortFunc(list, func(a, b group) int { return comparePrefix(a.prefix, b.prefix) })
}

// within is the part of a sorted list that lies in p.
func within(list []group, p netip.Prefix) []group {
	from, _ := slices.BinarySearchFunc(list, p, func(g group, p netip.Prefix) int { return comparePrefix(g.prefix, p) })
	to := from
	for to < len(list) && p.Contains(list[to].prefix.Addr()) {
		to++
	}
	return list[from:to]
}

// join makes one group of a sorted list, with the prefix given.
func join(list []group, p netip.Prefix) group {
	g := group{prefix: p, class: list[0].class, block: list[0].block}
	for i := range list {
		g.tally.add(&list[i].tally)
		g.units += list[i].units
	}
	return g
}

// covering is the longest prefix that holds two others.
func covering(a, b netip.Prefix) netip.Prefix {
	x, y := a.Addr().As16(), b.Addr().As16()
	n := 0
	for i := range x {
		if d := x[i] ^ y[i]; d != 0 {
			n += bits.LeadingZeros8(d)
			break
		}
		n += 8
	}
	if a.Addr().Is4() {
		n -= 96
	}
	return truncate(a, min(n, a.Bits(), b.Bits()))
}

// shortestOf is the shortest length that a group may be merged to.
func (g *group) shortestOf() int {
	switch {
	case g.block >= 0:
		return blocks[g.block].prefix.Bits()
	case g.prefix.Addr().Is4():
		return globalShortest4
	}
	return globalShortest6
}

// dense reports whether n units are enough for a prefix to stand for them.
func dense(p netip.Prefix, n int) bool {
	if n < spreadUnits {
		return false
	}
	if p.Addr().Is4() {
		return n*spreadPart >= 1<<(24-min(p.Bits(), 24))
	}
	return p.Bits() >= 48 // a site (RFC 6177); no prefix of IPv6 is ever full
}

// mergeDense puts prefixes that are dense with units in their place: the shortest there is, and then no
// longer than the units need.
func mergeDense(list []group) []group {
	var out []group
	for i := 0; i < len(list); {
		g := &list[i]
		merged := false
		for n := g.shortestOf(); n < g.prefix.Bits() && !merged; n++ {
			p := truncate(g.prefix, n)
			in := within(list[i:], p)
			units := 0
			for k := range in {
				units += in[k].units
			}
			if merged = dense(p, units); merged {
				out = append(out, join(in, needed(in)))
				i += len(in)
			}
		}
		if !merged {
			out = append(out, *g)
			i++
		}
	}
	return out
}

// needed is the prefix that a dense part of a sorted list needs: of IPv6, what providers delegate (RFC 6177).
func needed(in []group) netip.Prefix {
	p := in[0].prefix
	for i := range in {
		p = covering(p, in[i].prefix)
	}
	if p.Addr().Is4() {
		return p
	}
	if p.Bits() >= 56 && in[0].class == Global {
		return truncate(p, 56)
	}
	return truncate(p, 48)
}

// levels are the lengths at which private space is divided by custom: networks, sites, and the block.
func levels(block int) []int {
	b := blocks[block].prefix
	if b.Addr().Is4() && b.Bits() < 16 {
		return []int{16, b.Bits()}
	}
	if b.Addr().Is4() || b.Bits() >= 48 {
		return []int{b.Bits()}
	}
	return []int{48, b.Bits()}
}

// mergeThin puts a site, or the block, in the place of the /24s in it with a host or so each: the hosts are
// spread, and the /24s are nothing that anybody made.
func mergeThin(list []group) []group {
	return climb(list, func(g *group) bool { return g.units == 1 && g.hosts < thinHosts },
		func(in []group) bool { return len(in) >= spreadUnits })
}

// mergeSmall lets what is too small by itself go up to its site, and then to the block.
func mergeSmall(list []group, least float64) []group {
	small := func(g *group) bool { return float64(g.bytes()) < least }
	return climb(list, small, func(in []group) bool {
		sum := uint64(0)
		for i := range in {
			sum += in[i].bytes()
		}
		return len(in) > 1 && float64(sum) >= least
	})
}

// climb joins those groups of a site, and then of a block, that are movable, where enough are there. What is
// not movable stays, and is more specific.
func climb(list []group, movable func(*group) bool, enough func([]group) bool) []group {
	for b := range blocks {
		for _, n := range levels(b) {
			var in, out []group
			flush := func() {
				if enough(in) {
					in = []group{join(in, truncate(in[0].prefix, n))}
				}
				out = append(out, in...)
				in = nil
			}
			for i := range list {
				g := &list[i]
				if g.block != b || !movable(g) || g.prefix.Bits() <= n {
					out = append(out, *g)
					continue
				}
				if len(in) > 0 && truncate(in[0].prefix, n) != truncate(g.prefix, n) {
					flush()
				}
				in = append(in, *g)
			}
			flush()
			list = joinEqual(out)
		}
	}
	return list
}

// joinEqual joins groups of one prefix.
func joinEqual(list []group) []group {
	sortGroups(list)
	out := list[:0]
	for i := range list {
		if n := len(out); n > 0 && out[n-1].prefix == list[i].prefix {
			out[n-1].tally.add(&list[i].tally)
			out[n-1].units += list[i].units
			continue
		}
		out = append(out, list[i])
	}
	return out
}

// mergeTo merges neighbours of private space, the nearest first, until there are no more than most.
func mergeTo(list []group, most int) []group {
	for n := 63; n >= 7 && len(list) > most; n-- {
		for i := 0; i+1 < len(list) && len(list) > most; i++ {
			a, b := &list[i], &list[i+1]
			if a.block != b.block || n < blocks[a.block].prefix.Bits() {
				continue
			}
			p := covering(a.prefix, b.prefix)
			if p.Bits() < n {
				continue
			}
			in := within(list[i:], p) // a and b, and what else lies in the prefix
			list = slices.Replace(list, i, i+len(in), join(in, p))
			i--
		}
	}
	return list
}
