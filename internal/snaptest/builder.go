package snaptest

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/netmond/netmond/flows"
	"github.com/netmond/netmond/localnets"
	"github.com/netmond/netmond/packet"
)

// A Builder adds traffic to a snapshot.
type Builder struct {
	s      *flows.Snapshot
	matrix map[[2]int32]localnets.Counts
	apps   []map[string]*localnets.ProtocolCounts // by network
}

// New starts a snapshot with networks; their IDs are their indexes.
func New(networks ...localnets.Network) *Builder {
	b := &Builder{
		s:      &flows.Snapshot{Nets: &localnets.Snapshot{Generation: 1}},
		matrix: map[[2]int32]localnets.Counts{},
		apps:   make([]map[string]*localnets.ProtocolCounts, len(networks)),
	}
	for i, n := range networks {
		n.ID = int32(i)
		b.s.Nets.Networks = append(b.s.Nets.Networks, localnets.NetworkStats{Network: n})
		b.apps[i] = map[string]*localnets.ProtocolCounts{}
	}
	return b
}

// Network makes a network as the list parser would.
func Network(cidr, alias string) localnets.Network {
	return localnets.Network{Prefix: netip.MustParsePrefix(cidr).Masked(), Name: cidr, Alias: alias}
}

// An IP is traffic from one network to another (localnets.NoNetwork is outside).
type IP struct {
	Src, Dst  int32
	L4        localnets.L4
	App       string
	Broadcast bool
	localnets.Counts
}

// IP adds traffic.
func (b *Builder) IP(t IP) *Builder {
	scope := localnets.ScopeTransit
	switch {
	case t.Src >= 0 && t.Dst >= 0:
		scope = localnets.ScopeInternal
	case t.Src >= 0:
		scope = localnets.ScopeOutbound
	case t.Dst >= 0:
		scope = localnets.ScopeInbound
	}
	b.scope(scope, t.Counts)
	add(&b.s.IPv4, t.Counts)
	switch {
	case t.Src >= 0 && t.Src == t.Dst:
		b.network(t.Src, localnets.Inner, t)
	default:
		if t.Src >= 0 {
			b.network(t.Src, localnets.Egress, t)
		}
		if t.Dst >= 0 {
			b.network(t.Dst, localnets.Ingress, t)
		}
		if scope == localnets.ScopeInternal {
			c := b.matrix[[2]int32{t.Src, t.Dst}]
			add(&c, t.Counts)
			b.matrix[[2]int32{t.Src, t.Dst}] = c
		}
	}
	return b
}

// Other adds traffic of a scope without networks.
func (b *Builder) Other(scope localnets.Scope, c localnets.Counts) *Builder {
	b.scope(scope, c)
	return b
}

// Undecoded adds frames that could not be decoded.
func (b *Builder) Undecoded(r packet.Reason, c localnets.Counts) *Builder {
	b.scope(localnets.ScopeUndecoded, c)
	add(&b.s.Undecoded[r], c)
	return b
}

// Snapshot gives what was added; fields that traffic does not decide may be set in it. The builder
// must not be used after.
func (b *Builder) Snapshot() *flows.Snapshot {
	for i := range b.apps {
		n := &b.s.Nets.Networks[i]
		for _, p := range b.apps[i] {
			n.Protocols = append(n.Protocols, *p)
		}
		slices.SortFunc(n.Protocols, func(x, y localnets.ProtocolCounts) int {
			return cmp.Or(cmp.Compare(total(y), total(x)), cmp.Compare(x.Name, y.Name))
		})
	}
	for pair, c := range b.matrix {
		b.s.Nets.Matrix = append(b.s.Nets.Matrix, localnets.Cell{Src: pair[0], Dst: pair[1], Counts: c})
	}
	slices.SortFunc(b.s.Nets.Matrix, func(x, y localnets.Cell) int {
		return cmp.Or(cmp.Compare(y.Bytes, x.Bytes), cmp.Compare(x.Src, y.Src), cmp.Compare(x.Dst, y.Dst))
	})
	return b.s
}

func (b *Builder) scope(scope localnets.Scope, c localnets.Counts) {
	add(&b.s.Nets.Scopes[scope], c)
	b.s.Capture.Packets += c.Packets
	b.s.Capture.Bytes += c.Bytes
	b.s.Capture.CapturedBytes += c.Bytes
}

func (b *Builder) network(id int32, d localnets.Direction, t IP) {
	n := &b.s.Nets.Networks[id]
	add(&n.Traffic[d], t.Counts)
	add(&n.L4[d][t.L4], t.Counts)
	if t.Broadcast {
		add(&n.Broadcast[d], t.Counts)
	}
	p := b.apps[id][t.App]
	if p == nil {
		p = &localnets.ProtocolCounts{Name: t.App}
		b.apps[id][t.App] = p
	}
	add(&p.ByDirection[d], t.Counts)
}

func add(to *localnets.Counts, c localnets.Counts) {
	to.Packets += c.Packets
	to.Bytes += c.Bytes
}

func total(p localnets.ProtocolCounts) uint64 {
	var sum uint64
	for _, c := range p.ByDirection {
		sum += c.Bytes
	}
	return sum
}
