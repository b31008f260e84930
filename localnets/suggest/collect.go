package suggest

import (
	"cmp"
	"math"
	"math/bits"
	"net/netip"
	"slices"
)

// A Flow is what is known of a flow.
type Flow struct {
	Client, Server           netip.Addr
	ClientLocal, ServerLocal bool   // a local network has that end
	FromClient, FromServer   uint64 // bytes
}

// maxEntries bounds the prefixes that are told apart, at about 200 bytes each. At the bound the half with the
// fewest bytes goes up into shorter prefixes.
const maxEntries = 1 << 16

// A tally is what was seen of a prefix, or of one address.
type tally struct {
	sent, received  uint64 // bytes of open traffic
	hosts           int    // that sent
	silent          int    // addresses that were sent to and did not send
	clients, server uint64 // flows, by the role of the prefix's end
	peers           peerSet
}

func (t *tally) bytes() uint64 { return t.sent + t.received }

func (t *tally) add(o *tally) {
	t.sent += o.sent
	t.received += o.received
	t.hosts += o.hosts
	t.silent += o.silent
	t.clients += o.clients
	t.server += o.server
	t.peers.merge(&o.peers)
}

// settle makes the tally of an address that of a host or a silent address.
func (t *tally) settle() {
	if t.sent > 0 {
		t.hosts = 1
	} else {
		t.silent = 1
	}
}

// A collector sums flows up by address. An address that went into a shorter prefix and comes again counts as
// another host there.
type collector struct {
	entries map[netip.Prefix]*tally
	max     int
	// open counts the bytes of flows that no local network has an end of, and private those of flows between
	// a local network and an address that is private and in none.
	open, private uint64
	global        uint64 // of open: between two global addresses
	bytes         uint64
	flows         int
}

func newCollector(max int) *collector {
	return &collector{entries: map[netip.Prefix]*tally{}, max: max}
}

// A side says which ends of a flow could be local and are not.
type side struct {
	client, server  bool
	open, private   bool // the flow counts as such
	betweenPublic   bool
	bytes           uint64
	classes         [2]Class
	clientA, serveA netip.Addr
}

// look decides on the ends of a flow: one that is private explains the flow, so that a global one opposite
// is outside.
func look(f *Flow, all bool) side {
	s := side{bytes: f.FromClient + f.FromServer, clientA: f.Client.WithZone(""), serveA: f.Server.WithZone("")}
	s.classes[0], _ = classOf(s.clientA)
	s.classes[1], _ = classOf(s.serveA)
	clientLocal, serverLocal := f.ClientLocal && !all, f.ServerLocal && !all
	c, v := s.classes[0], s.classes[1]
	switch {
	case clientLocal && serverLocal:
	case clientLocal:
		s.server, s.private = v.inside(), v.inside()
	case serverLocal:
		s.client, s.private = c.inside(), c.inside()
	default:
		s.open = true
		s.client, s.server = c.inside(), v.inside()
		if !s.client && !s.server {
			s.client, s.server = c == Global, v == Global
			s.betweenPublic = s.client || s.server
		}
	}
	return s
}

func (c *collector) add(f *Flow, all bool) {
	s := look(f, all)
	c.flows++
	c.bytes += s.bytes
	switch {
	case s.open:
		c.open += s.bytes
	case s.private:
		c.private += s.bytes
	}
	if s.betweenPublic {
		c.global += s.bytes
	}
	if s.client {
		c.end(s.clientA, s.serveA, f.FromClient, f.FromServer).clients++
	}
	if s.server {
		c.end(s.serveA, s.clientA, f.FromServer, f.FromClient).server++
	}
}

// end counts one end of a flow.
func (c *collector) end(addr, peer netip.Addr, sent, received uint64) *tally {
	key := netip.PrefixFrom(addr, addr.BitLen())
	t := c.entries[key]
	if t == nil {
		if len(c.entries) >= c.max {
			c.shrink()
		}
		t = &tally{}
		c.entries[key] = t
	}
	t.sent += sent
	t.received += received
	t.peers.add(peer)
	return t
}

// shorter is the prefix that p goes up into, in the block that holds it; false where there is none.
func shorter(p netip.Prefix) (netip.Prefix, bool) {
	levels, end := []int{64, 48, 32, 16}, 16
	if p.Addr().Is4() {
		levels, end = []int{24, 16, 8}, 8
	}
	if _, block := classOf(p.Addr()); block >= 0 {
		end = blocks[block].prefix.Bits()
	}
	for _, n := range append(levels, end) {
		if n = max(n, end); n < p.Bits() {
			return truncate(p, n), true
		}
	}
	return p, false
}

// shrink takes the entries with the fewest bytes up, half of them at a time and those with as many bytes as the
// last of these, until half of the bound is left: at the shortest lengths there are fewer prefixes than that.
func (c *collector) shrink() {
	type move struct {
		from, to netip.Prefix
		t        *tally
	}
	var moves []move
	var sizes []uint64
	for len(c.entries) > c.max/2 {
		moves, sizes = moves[:0], sizes[:0]
		for p, t := range c.entries {
			if up, ok := shorter(p); ok {
				moves = append(moves, move{p, up, t})
				sizes = append(sizes, t.bytes())
			}
		}
		if len(moves) == 0 {
			return
		}
		slices.Sort(sizes)
		most := sizes[len(sizes)/2]
		moves = slices.DeleteFunc(moves, func(m move) bool { return m.t.bytes() > most })
		for _, m := range moves { // all of them first: one may go where another is
			delete(c.entries, m.from)
		}
		for _, m := range moves {
			if m.from.IsSingleIP() {
				m.t.settle()
			}
			c.into(m.to, m.t)
		}
	}
}

// into adds t to the entry of a prefix.
func (c *collector) into(p netip.Prefix, t *tally) {
	if to := c.entries[p]; to != nil {
		to.add(t)
		return
	}
	c.entries[p] = t
}

// truncate is the prefix of n bits that holds p.
func truncate(p netip.Prefix, n int) netip.Prefix {
	return netip.PrefixFrom(p.Addr(), min(n, p.Bits())).Masked()
}

// comparePrefix orders by address, then the shorter prefix first.
func comparePrefix(a, b netip.Prefix) int {
	return cmp.Or(a.Addr().Compare(b.Addr()), cmp.Compare(a.Bits(), b.Bits()))
}

// A peerSet estimates how many networks (a /16 of IPv4, a /32 of IPv6) a prefix talked with: one bit of 256
// for each, chosen by hash (linear counting, Whang and others 1990).
type peerSet [4]uint64

func (s *peerSet) add(peer netip.Addr) {
	b := peer.As16()
	n := 4
	if peer.Is4() {
		b[0], b[1], b[2], b[3] = 0xff, 0xff, b[12], b[13] // no IPv6 unicast address begins so
	}
	h := uint64(0)
	for _, v := range b[:n] {
		h = (h ^ uint64(v)) * 0x9e3779b97f4a7c15
		h ^= h >> 29
	}
	s[h>>62] |= 1 << (h >> 56 & 63)
}

func (s *peerSet) merge(o *peerSet) {
	for i, v := range o {
		s[i] |= v
	}
}

// count is the estimate, 1420 at the most.
func (s *peerSet) count() int {
	zero := 256
	for _, v := range s {
		zero -= bits.OnesCount64(v)
	}
	return int(math.Round(256 * math.Log(256/float64(max(zero, 1)))))
}
