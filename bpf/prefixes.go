package bpf

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
)

// The prefix table of the programs (networks.h): nodes of 256 children, by 8 bits of the address each.
// IPv4 takes 16 bits in the first step (256 nodes side by side), then 8 and 8. IPv6 takes 16, then
// nodes that skip the bits which all prefixes below have in common, so that a look-up takes about as
// many steps as there are different lengths in use, and not 14.

// node is struct node of types.h.
type node struct {
	Child    [256]uint32
	Want     [2]uint64 // upper and lower half
	Mask     [2]uint64
	Fallback uint32
	Shift    uint32
	_        [3]uint64
}

const (
	childNode = 1 << 31
	rootV4    = 0
	rootV6    = 256
	roots     = 512
)

// A prefixTable is what one half of the maps nodes and broadcasts holds.
type prefixTable struct {
	nodes      []node
	broadcasts []uint64 // 0 none
}

// checkPrefixes refuses what the table could not tell apart.
func checkPrefixes(prefixes []netip.Prefix) error {
	seen := make(map[netip.Prefix]int, len(prefixes))
	for i, p := range prefixes {
		switch {
		case !p.IsValid():
			return fmt.Errorf("network %d has no valid prefix", i)
		case p != p.Masked():
			return fmt.Errorf("network %v has host bits set", p)
		case p.Addr().Is4In6():
			return fmt.Errorf("network %v is an IPv4-mapped prefix; give it as IPv4", p)
		}
		if first, dup := seen[p]; dup {
			return fmt.Errorf("network %v is both %d and %d", p, first, i)
		}
		seen[p] = i
	}
	return nil
}

// newPrefixTable builds the table of prefixes with their slots; nil stands for their indexes.
func newPrefixTable(prefixes []netip.Prefix, slots []int32) *prefixTable {
	if slots == nil {
		slots = indexes(len(prefixes))
	}
	t := &prefixTable{nodes: make([]node, roots), broadcasts: make([]uint64, places(slots))}
	var v4, v6 []entry
	for i, p := range prefixes {
		e := entry{leaf: uint32(slots[i]) + 1, bits: p.Bits()}
		if p.Addr().Is4() {
			a := p.Addr().As4()
			addr := binary.BigEndian.Uint32(a[:])
			e.addr = [2]uint64{uint64(addr) << 32, 0}
			v4 = append(v4, e)
			if p.Bits() >= 1 && p.Bits() <= 30 {
				t.broadcasts[slots[i]] = uint64(addr | 0xffffffff>>p.Bits())
			}
			continue
		}
		a := p.Addr().As16()
		e.addr = [2]uint64{binary.BigEndian.Uint64(a[:8]), binary.BigEndian.Uint64(a[8:])}
		v6 = append(v6, e)
	}
	t.root(rootV4, v4, false)
	t.root(rootV6, v6, true)
	return t
}

func indexes(n int) []int32 {
	list := make([]int32, n)
	for i := range list {
		list[i] = int32(i)
	}
	return list
}

// places is one more than the largest slot.
func places(slots []int32) int {
	n := int32(0)
	for _, s := range slots {
		n = max(n, s+1)
	}
	return int(n)
}

// checkSlots refuses slots that are not one of its own for each prefix.
func checkSlots(prefixes []netip.Prefix, slots []int32) error {
	if slots == nil {
		return nil
	}
	if len(slots) != len(prefixes) {
		return fmt.Errorf("%d networks and %d slots", len(prefixes), len(slots))
	}
	seen := make(map[int32]bool, len(slots))
	for i, s := range slots {
		if s < 0 || s >= maxNetworks || seen[s] {
			return fmt.Errorf("network %v in slot %d: taken, or not in 0..%d", prefixes[i], s, maxNetworks-1)
		}
		seen[s] = true
	}
	return nil
}

// An entry is a prefix in the upper bits of addr.
type entry struct {
	addr [2]uint64
	bits int
	leaf uint32 // 1 + slot
}

// octet is byte n of e's address.
func (e *entry) octet(n int) int {
	return int(e.addr[n/8] >> (56 - 8*(n%8)) & 0xff)
}

// root fills the 256 nodes from base on, the first 16 bits, and builds what is below them.
func (t *prefixTable) root(base int, list []entry, skip bool) {
	slices.SortStableFunc(list, func(a, b entry) int { return cmp.Compare(a.bits, b.bits) })
	below := map[int][]entry{}
	var order []int
	for _, e := range list {
		first := e.octet(0)<<8 | e.octet(1)
		if e.bits > 16 {
			if below[first] == nil {
				order = append(order, first)
			}
			below[first] = append(below[first], e)
			continue
		}
		for i := first; i < first+1<<(16-e.bits); i++ { // ascending lengths: the longer paint over
			t.nodes[base+i>>8].Child[i&0xff] = e.leaf
		}
	}
	for _, i := range order {
		child := t.build(below[i], 16, t.nodes[base+i>>8].Child[i&0xff], skip)
		t.nodes[base+i>>8].Child[i&0xff] = child
	}
}

// build makes the node for list, ascending by length: prefixes that have their first depth bits in
// common and more of them than that. fallback stands for addresses that match none.
func (t *prefixTable) build(list []entry, depth int, fallback uint32, skip bool) uint32 {
	at := depth
	if skip {
		at = min(common(list), list[0].bits-1) &^ 7
	}
	number := len(t.nodes)
	t.nodes = append(t.nodes, node{})
	n := node{Fallback: fallback, Shift: uint32(120 - at)}
	n.Mask = between(depth, at)
	n.Want = [2]uint64{list[0].addr[0] & n.Mask[0], list[0].addr[1] & n.Mask[1]}
	for i := range n.Child {
		n.Child[i] = fallback
	}
	below := map[int][]entry{}
	var order []int
	for _, e := range list {
		first := e.octet(at / 8)
		if e.bits > at+8 {
			if below[first] == nil {
				order = append(order, first)
			}
			below[first] = append(below[first], e)
			continue
		}
		for i := first; i < first+1<<(at+8-e.bits); i++ {
			n.Child[i] = e.leaf
		}
	}
	for _, i := range order {
		n.Child[i] = t.build(below[i], at+8, n.Child[i], skip)
	}
	t.nodes[number] = n
	return childNode | uint32(number)
}

// common is how many leading bits all addresses of list share.
func common(list []entry) int {
	var differ [2]uint64
	for _, e := range list[1:] {
		differ[0] |= e.addr[0] ^ list[0].addr[0]
		differ[1] |= e.addr[1] ^ list[0].addr[1]
	}
	for n := range 128 {
		if differ[n/64]>>(63-n%64)&1 != 0 {
			return n
		}
	}
	return 128
}

// between has the bits from (included) to (excluded) set, counted from the top of the 128.
func between(from, to int) (mask [2]uint64) {
	for n := from; n < to; n++ {
		mask[n/64] |= 1 << (63 - n%64)
	}
	return mask
}

// lookup walks the table as the programs do, and gives the slot or OutsideNetwork.
func (t *prefixTable) lookup(a netip.Addr) int32 {
	var addr [2]uint64
	base := rootV6
	if a.Is4() {
		b := a.As4()
		addr[0], base = uint64(binary.BigEndian.Uint32(b[:]))<<32, rootV4
	} else {
		b := a.As16()
		addr = [2]uint64{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])}
	}
	child := t.nodes[base+int(addr[0]>>56)].Child[addr[0]>>48&0xff]
	for child&childNode != 0 {
		n := &t.nodes[child&^childNode]
		if (addr[0]^n.Want[0])&n.Mask[0]|(addr[1]^n.Want[1])&n.Mask[1] != 0 {
			child = n.Fallback
			break
		}
		if n.Shift >= 64 {
			child = n.Child[addr[0]>>(n.Shift-64)&0xff]
		} else {
			child = n.Child[addr[1]>>n.Shift&0xff]
		}
	}
	return int32(child) - 1
}
