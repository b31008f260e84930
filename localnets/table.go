package localnets

import (
	"encoding/binary"
	"net/netip"

	"github.com/gaissmai/bart"
)

// A Match is what the prefix table knows of an address.
type Match struct {
	Net       int32 // slot of the network with the longest matching prefix, or NoNetwork
	Broadcast bool  // limited broadcast, or the directed broadcast address of Net
}

// A Table is the longest-prefix table of one generation of the network list. It never changes;
// any goroutine may use it.
type Table struct {
	generation uint64
	// Fast answers in 55 to 85 % of the time of bart's Table for 2 to 2.5 times its memory: 31 MB
	// for 65,536 scattered IPv6 host routes, 8 MB for as many random IPv4 prefixes.
	prefixes bart.Fast[int32] // slots
	ids      []int32          // by slot: the network's ID, or NoNetwork
	// broadcast holds, by slot, each network's directed broadcast address, or 0 for none: no network has
	// 0.0.0.0 as its last address.
	broadcast []uint32
}

const limitedBroadcast = 0xffffffff

// newTable makes the table of networks, whose prefixes are masked and whose IDs are their indexes. slots are
// theirs by ID, places the slots that there are.
func newTable(generation uint64, networks []Network, slots []int32, places int) *Table {
	t := &Table{generation: generation, ids: make([]int32, places), broadcast: make([]uint32, places)}
	for i := range t.ids {
		t.ids[i] = NoNetwork
	}
	for i := range networks {
		p, slot := networks[i].Prefix, slots[i]
		t.prefixes.Insert(p, slot)
		t.ids[slot], t.broadcast[slot] = int32(i), directedBroadcast(p)
	}
	return t
}

// ID is the ID of the network that has a slot, or NoNetwork.
func (t *Table) ID(slot int32) int32 {
	if slot < 0 || int(slot) >= len(t.ids) {
		return NoNetwork
	}
	return t.ids[slot]
}

// directedBroadcast is the last address of an IPv4 prefix with length 1 to 30, else 0: /31 has none
// (RFC 3021), nor has a single address; the last address of /0 is the limited broadcast.
func directedBroadcast(p netip.Prefix) uint32 {
	if !p.Addr().Is4() || p.Bits() < 1 || p.Bits() > 30 {
		return 0
	}
	a := p.Addr().As4()
	return binary.BigEndian.Uint32(a[:]) | (limitedBroadcast >> p.Bits())
}

// Generation numbers the tables of one Registry from 1.
func (t *Table) Generation() uint64 { return t.generation }

// Lookup finds addr, in 16 bytes with IPv4 held IPv4-mapped. It allocates nothing.
//
// Net is the plain longest match for every kind of address: multicast and broadcast addresses are in
// the network that covers them, where ntopng gives them none. Broadcast never changes Net. An IPv4
// prefix never matches an IPv6 address, an IPv4-mapped one (is4 false) included, nor the other way
// round.
func (t *Table) Lookup(addr *[16]byte, is4 bool) Match {
	if !is4 {
		if id, ok := t.prefixes.Lookup(netip.AddrFrom16(*addr)); ok {
			return Match{Net: id}
		}
		return Match{Net: NoNetwork}
	}
	a := [4]byte(addr[12:16])
	v4 := binary.BigEndian.Uint32(a[:])
	m := Match{Net: NoNetwork, Broadcast: v4 == limitedBroadcast}
	if id, ok := t.prefixes.Lookup(netip.AddrFrom4(a)); ok {
		m.Net = id
		if v4 != 0 && t.broadcast[id] == v4 {
			m.Broadcast = true
		}
	}
	return m
}
