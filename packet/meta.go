package packet

import "net/netip"

// Addr is an IP address in 16 bytes; IPv4 is held IPv4-mapped (::ffff:a.b.c.d), told from a true
// IPv4-mapped IPv6 address by the Family beside it.
type Addr = [16]byte

// Families of a Key; FlagPortless is or-ed in where the frame holds no ports.
const (
	FamilyIPv4 uint8 = 4
	FamilyIPv6 uint8 = 6

	// FlagPortless marks a key whose transport has ports that this frame does not show (a later
	// fragment, a cut header) or has none at all, so that it never merges with real port 0.
	FlagPortless uint8 = 0x80

	familyMask uint8 = 0x0f
)

// A Key identifies a flow in both directions: Lo is the endpoint with the lower address, or the
// lower port where the addresses are equal. 40 bytes, no padding, no pointers.
type Key struct {
	Lo, Hi         Addr
	LoPort, HiPort uint16
	VLAN           uint16 // 0 unless the decoder is set to keep VLANs apart
	Proto          uint8  // IP protocol number of the transport header
	Family         uint8  // FamilyIPv4 or FamilyIPv6, with FlagPortless
}

// Is4 reports whether the key's addresses are IPv4.
func (k *Key) Is4() bool { return k.Family&familyMask == FamilyIPv4 }

// HasPorts reports whether LoPort and HiPort were read from a transport header.
func (k *Key) HasPorts() bool { return k.Family&FlagPortless == 0 }

// LoAddr and HiAddr give the endpoints for display.
func (k *Key) LoAddr() netip.Addr { return NetipAddr(k.Lo, k.Is4()) }

// HiAddr is the endpoint that is not LoAddr.
func (k *Key) HiAddr() netip.Addr { return NetipAddr(k.Hi, k.Is4()) }

// NetipAddr converts a; with is4 the result is an IPv4 address.
func NetipAddr(a Addr, is4 bool) netip.Addr {
	if is4 {
		return netip.AddrFrom4([4]byte(a[12:]))
	}
	return netip.AddrFrom16(a)
}

// A Class says which part of the accounting a frame belongs to.
type Class uint8

// Every frame has exactly one class.
const (
	ClassUndecoded Class = iota // an expected header is cut or nonsense; Meta.Reason says which
	ClassNonIP                  // decoded as far as needed to know that no IP header follows
	ClassIP                     // Meta.Key is valid
)

// Directions of a frame along its Key.
const (
	DirLoHi uint8 = 0 // the source is Key.Lo
	DirHiLo uint8 = 1 // the source is Key.Hi
)

// TCP flag bits as on the wire (RFC 9293 section 3.1; ECE and CWR of RFC 3168).
const (
	TCPFin uint8 = 1 << iota
	TCPSyn
	TCPRst
	TCPPsh
	TCPAck
	TCPUrg
	TCPEce
	TCPCwr
)

// Bits of Meta.Flags.
const (
	FlagFragment     uint8 = 1 << iota // the IP packet is one of several fragments
	FlagL2Broadcast                    // the frame's link-layer destination is the broadcast address
	FlagTCP                            // a whole fixed TCP header was read: flags, Seq, Ack, Window valid
	FlagDecapsulated                   // Key is of an inner packet
)

// Meta is what later stages know of one frame. It holds no pointers; offsets are into Frame.Data.
type Meta struct {
	Key     Key    // valid for ClassIP
	Time    int64  // Frame.Time
	WireLen uint32 // bytes to count for this frame: Frame.WireLen, or the inner frame's when decapsulated
	// Envelope is the part of Frame.WireLen that decapsulation took off, else 0;
	// WireLen + Envelope is always Frame.WireLen.
	Envelope uint32

	// PayloadLen is the transport payload by the IP length fields; where those are 0 or
	// contradict the frame, by WireLen. Valid with ports.
	PayloadLen uint32
	// Frame.Data[PayloadOff:PayloadEnd] is the captured part of the transport payload.
	PayloadOff, PayloadEnd uint32

	Seq, Ack uint32 // TCP, host order; valid with FlagTCP
	Window   uint16 // TCP window field, unscaled; valid with FlagTCP

	VLAN     uint16 // outermost 802.1Q/802.1ad VLAN ID, 0 when untagged or priority-tagged
	Class    Class
	Reason   Reason // ReasonNone unless ClassUndecoded
	Dir      uint8  // DirLoHi or DirHiLo
	TCPFlags uint8  // valid with FlagTCP
	Flags    uint8
	ICMPType uint8 // ICMP or ICMPv6 type; valid where Proto is one of them and PayloadEnd > PayloadOff
}
