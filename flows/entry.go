package flows

import (
	"github.com/netmond/netmond/localnets"
	"github.com/netmond/netmond/packet"
)

// hot is the part of a flow that each of its packets touches: one cache line.
type hot struct {
	key      packet.Key
	last     int64     // largest capture time
	newBytes [2]uint32 // wire bytes not yet folded, by direction along the key
	conn     uint32    // 1 + number of the TCP state, 0 none; the free list's link
	// newPackets are packets not yet folded. 255 are enough: the packet that would overflow them
	// folds the entry first, which costs each packet of a heavy flow less than a nanosecond.
	newPackets [2]uint8
	bits       uint8
	budget     uint8 // packets with payload that apps may still look at
}

func (e *hot) link() *uint32 { return &e.conn }

// Bits of hot.bits.
const (
	bitUsed      uint8 = 1 << iota // the entry holds a flow
	bitDirty                       // something is not folded
	bitClientHi                    // the client is Key.Hi
	bitAnnounced                   // the networks know that the flow began
	bitClosed                      // the TCP connection has ended or was reset
	bitSettled                     // more than a first packet or a half-open handshake
	bitNoMove                      // folded bytes are not all in these networks: an app's bytes cannot be moved
)

// client is the direction of the packets that the client sends.
func (e *hot) client() uint8 {
	if e.bits&bitClientHi != 0 {
		return packet.DirHiLo
	}
	return packet.DirLoHi
}

func (e *hot) setClient(dir uint8) {
	e.bits &^= bitClientHi
	if dir == packet.DirHiLo {
		e.bits |= bitClientHi
	}
}

// ports are those of the server and of the client.
func (e *hot) ports() (server, client uint16) {
	if e.client() == packet.DirLoHi {
		return e.key.HiPort, e.key.LoPort
	}
	return e.key.LoPort, e.key.HiPort
}

// cold is the part of a flow that its start, the fold and the first payload packets touch.
type cold struct {
	first   int64     // smallest capture time of the record
	bytes   [2]uint64 // folded wire bytes of the record
	packets [2]uint32 // folded packets of the record, lower 32 bits
	high    [2]uint16 // their upper 16 bits
	nets    [2]int32  // slots of the networks of Key.Lo and Key.Hi
	gen     uint32    // generation of the prefix table that nets are of
	name    uint32    // 1 + number of the server name, 0 none
	app     uint16
	bits    uint8
}

// Bits of cold.bits.
const (
	coldBroadcastLo uint8 = 1 << iota // Key.Lo is a broadcast address
	coldBroadcastHi
	coldGuessed // app is by port only
)

func (c *cold) broadcast(dir uint8) bool { return c.bits&(coldBroadcastLo<<dir) != 0 }

func (c *cold) folded(dir uint8) localnets.Counts {
	return localnets.Counts{Packets: uint64(c.high[dir])<<32 | uint64(c.packets[dir]), Bytes: c.bytes[dir]}
}

func (c *cold) setFolded(dir uint8, n localnets.Counts) {
	c.packets[dir], c.high[dir], c.bytes[dir] = uint32(n.Packets), uint16(n.Packets>>32), n.Bytes
}

// resolve finds the networks of both ends and reports whether they are others than before.
func (c *cold) resolve(tbl *localnets.Table, k *packet.Key) bool {
	lo, hi := tbl.Lookup(&k.Lo, k.Is4()), tbl.Lookup(&k.Hi, k.Is4())
	changed := c.nets != [2]int32{lo.Net, hi.Net}
	c.nets = [2]int32{lo.Net, hi.Net}
	c.gen = uint32(tbl.Generation())
	c.bits &^= coldBroadcastLo | coldBroadcastHi
	if lo.Broadcast {
		c.bits |= coldBroadcastLo
	}
	if hi.Broadcast {
		c.bits |= coldBroadcastHi
	}
	return changed
}

// startedClass is the transport class that TableStats.Started counts a flow in.
func startedClass(k *packet.Key) localnets.L4 {
	l4 := localnets.L4Of(k.Proto)
	if !k.HasPorts() && l4 != localnets.L4ICMP {
		return localnets.L4Other
	}
	return l4
}
