package packet

import (
	"encoding/binary"
	"math"
	"math/bits"
)

const (
	tcpHeaderLen = 20 // without options

	plainIPv4 = etherHeaderLen + ipv4HeaderLen
	plainIPv6 = etherHeaderLen + ipv6HeaderLen
)

// plain decodes what nearly all traffic consists of, at half of what a walk costs: Ethernet with no tag
// but one that the kernel took out, IPv4 without options or fragments or IPv6 without extension headers, and
// TCP or UDP with its fixed header captured. It fills m as a walk does. For any other frame it gives false,
// and m is to be filled anew.
func (m *Meta) plain(f *Frame) bool {
	data := f.Data
	if len(data) < plainIPv4+tcpHeaderLen {
		return false
	}
	vlan, end := uint16(0), int(min(f.WireLen, math.MaxInt32))
	if f.VLANTPID != 0 {
		vlan, end = f.VLANTCI&0x0fff, end-vlanTagLen
	}
	end = max(end, len(data))
	var l4, last int // where the transport header begins, and where the IP packet ends on the wire
	var proto uint8
	et := binary.BigEndian.Uint16(data[12:])
	switch et {
	case etherIPv4:
		l4, last, proto = plainIPv4, etherHeaderLen+int(binary.BigEndian.Uint16(data[16:])), data[23]
		if data[14] != 4<<4|ipv4HeaderLen/4 || binary.BigEndian.Uint16(data[20:])&0x3fff != 0 {
			return false
		}
	case etherIPv6:
		l4, last, proto = plainIPv6, plainIPv6+int(binary.BigEndian.Uint16(data[18:])), data[20]
		if data[14]>>4 != 6 {
			return false
		}
	default:
		return false
	}
	size := last - l4
	captured := min(len(data), last) - l4
	if last > end || captured < udpHeaderLen {
		return false
	}
	b := data[l4 : l4+captured]
	hdr, flags := udpHeaderLen, uint8(0)
	switch proto {
	case protoTCP:
		if len(b) < tcpHeaderLen {
			return false
		}
		hdr, flags = max(int(b[12]>>4)*4, tcpHeaderLen), FlagTCP
		m.TCPFlags = b[13]
		m.Seq, m.Ack = binary.BigEndian.Uint32(b[4:]), binary.BigEndian.Uint32(b[8:])
		m.Window = binary.BigEndian.Uint16(b[14:])
	case protoUDP:
		m.TCPFlags, m.Seq, m.Ack, m.Window = 0, 0, 0, 0
	default:
		return false
	}
	m.PayloadLen = uint32(max(size-hdr, 0))
	m.PayloadOff, m.PayloadEnd = uint32(l4+min(hdr, captured)), uint32(l4+captured)
	if broadcast(data) {
		flags |= FlagL2Broadcast
	}
	m.Time, m.WireLen, m.Envelope = f.Time, f.WireLen, 0
	m.VLAN, m.Class, m.Reason, m.Flags, m.ICMPType = vlan, ClassIP, ReasonNone, flags, 0
	m.Key.VLAN, m.Key.Proto = 0, proto
	sport, dport := binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
	if et == etherIPv4 {
		m.Key.Family = FamilyIPv4
		m.ends4(data[26:34], sport, dport)
	} else {
		m.Key.Family = FamilyIPv6
		m.ends6(data[22:54], sport, dport)
	}
	return true
}

// ends4 makes addresses and ports of the key, and the direction, of an IPv4 packet whose two addresses b
// holds. It does without a branch: which end is the lower one nobody can foretell.
func (m *Meta) ends4(b []byte, sport, dport uint16) {
	lo := uint64(binary.BigEndian.Uint32(b))<<16 | uint64(sport)
	hi := uint64(binary.BigEndian.Uint32(b[4:]))<<16 | uint64(dport)
	_, swapped := bits.Sub64(hi, lo, 0)
	swap := (lo ^ hi) & -swapped
	lo, hi = lo^swap, hi^swap
	m.Dir = uint8(swapped)
	k := &m.Key
	// ::ffff:a.b.c.d
	binary.BigEndian.PutUint64(k.Lo[:], 0)
	binary.BigEndian.PutUint64(k.Lo[8:], 0xffff<<32|lo>>16)
	binary.BigEndian.PutUint64(k.Hi[:], 0)
	binary.BigEndian.PutUint64(k.Hi[8:], 0xffff<<32|hi>>16)
	k.LoPort, k.HiPort = uint16(lo), uint16(hi)
}

// ends6 is ends4 for IPv6.
func (m *Meta) ends6(b []byte, sport, dport uint16) {
	b = b[:32]
	lo1, lo0, lp := binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:]), uint64(sport)
	hi1, hi0, hp := binary.BigEndian.Uint64(b[16:]), binary.BigEndian.Uint64(b[24:]), uint64(dport)
	_, swapped := bits.Sub64(hp, lp, 0)
	_, swapped = bits.Sub64(hi0, lo0, swapped)
	_, swapped = bits.Sub64(hi1, lo1, swapped)
	x1, x0, xp := (lo1^hi1)&-swapped, (lo0^hi0)&-swapped, (lp^hp)&-swapped
	m.Dir = uint8(swapped)
	k := &m.Key
	binary.BigEndian.PutUint64(k.Lo[:], lo1^x1)
	binary.BigEndian.PutUint64(k.Lo[8:], lo0^x0)
	binary.BigEndian.PutUint64(k.Hi[:], hi1^x1)
	binary.BigEndian.PutUint64(k.Hi[8:], hi0^x0)
	k.LoPort, k.HiPort = uint16(lp^xp), uint16(hp^xp)
}
