package packet

import (
	"encoding/binary"
	"net/netip"
	"slices"
)

// Frames are built from the inside out: eth(0x0800, v4(17, udp(1, 2, "x"))).

var (
	addr4A = netip.MustParseAddr("192.0.2.1")
	addr4B = netip.MustParseAddr("198.51.100.7")
	addr6A = netip.MustParseAddr("2001:db8::1")
	addr6B = netip.MustParseAddr("2001:db8:1::7")

	macA = []byte{0x00, 0x00, 0x5e, 0x00, 0x53, 0x01}
	macB = []byte{0x00, 0x00, 0x5e, 0x00, 0x53, 0x02}
	macX = []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
)

// frame is data as captured whole.
func frame(link LinkType, data []byte) Frame {
	return Frame{Data: data, WireLen: uint32(len(data)), Link: link}
}

func be16(v uint16) []byte { return binary.BigEndian.AppendUint16(nil, v) }
func be32(v uint32) []byte { return binary.BigEndian.AppendUint32(nil, v) }

func cat(parts ...[]byte) []byte { return slices.Concat(parts...) }

func eth(et uint16, inner []byte) []byte { return cat(macB, macA, be16(et), inner) }

func bcast(et uint16, inner []byte) []byte { return cat(macX, macA, be16(et), inner) }

// tag is what follows a VLAN EtherType: tag control information, EtherType, inner.
func tag(tci, et uint16, inner []byte) []byte { return cat(be16(tci), be16(et), inner) }

// v4 goes from addr4A to addr4B, v4Back the other way.
func v4(proto uint8, inner []byte) []byte { return v4Addr(addr4A, addr4B, proto, nil, inner) }

func v4Back(proto uint8, inner []byte) []byte { return v4Addr(addr4B, addr4A, proto, nil, inner) }

func v4Addr(src, dst netip.Addr, proto uint8, options, inner []byte) []byte {
	b := make([]byte, 20)
	b[0] = 0x45 + byte(len(options)/4)
	binary.BigEndian.PutUint16(b[2:], uint16(20+len(options)+len(inner)))
	b[8], b[9] = 64, proto
	copy(b[12:], src.AsSlice())
	copy(b[16:], dst.AsSlice())
	return cat(b, options, inner)
}

func v6(next uint8, inner []byte) []byte { return v6Addr(addr6A, addr6B, next, inner) }

func v6Addr(src, dst netip.Addr, next uint8, inner []byte) []byte {
	b := make([]byte, 40)
	b[0] = 0x60
	binary.BigEndian.PutUint16(b[4:], uint16(len(inner)))
	b[6], b[7] = next, 64
	copy(b[8:], src.AsSlice())
	copy(b[24:], dst.AsSlice())
	return cat(b, inner)
}

// ext is an IPv6 extension header of (words+1)*8 bytes.
func ext(next uint8, words int, inner []byte) []byte {
	return cat([]byte{next, byte(words)}, make([]byte, 6+8*words), inner)
}

// fragHeader is an IPv6 fragment header; offset in bytes, a multiple of 8.
func fragHeader(next uint8, offset int, more bool, inner []byte) []byte {
	field := uint16(offset)
	if more {
		field |= 1
	}
	return cat([]byte{next, 0}, be16(field), be32(0x01020304), inner)
}

// setV4 edits an IPv4 packet in a copy.
func setV4(p []byte, edit func(p []byte)) []byte {
	p = slices.Clone(p)
	edit(p)
	return p
}

func udp(src, dst uint16, body []byte) []byte {
	return cat(be16(src), be16(dst), be16(uint16(8+len(body))), be16(0), body)
}

// tcp is a segment with seq 0x01020304, ack 0x05060708, flags SYN and ACK, window 0x1234.
func tcp(src, dst uint16, options, body []byte) []byte {
	return cat(be16(src), be16(dst), be32(0x01020304), be32(0x05060708),
		[]byte{byte(5+len(options)/4) << 4, TCPSyn | TCPAck}, be16(0x1234), be32(0), options, body)
}

func sctp(src, dst uint16, body []byte) []byte {
	return cat(be16(src), be16(dst), make([]byte, 8), body)
}

var (
	body  = []byte("payload!")
	udp4  = v4(protoUDP, udp(1000, 53, body))
	udp6  = v6(protoUDP, udp(1000, 53, body))
	tcp4  = v4(protoTCP, tcp(1000, 443, nil, body))
	tcp6  = v6(protoTCP, tcp(1000, 443, nil, body))
	arp   = cat([]byte{0, 1, 8, 0, 6, 4, 0, 1}, macA, addr4A.AsSlice(), make([]byte, 6), addr4B.AsSlice())
	llcIP = cat([]byte{0xaa, 0xaa, 0x03, 0, 0, 0}, be16(etherIPv4), udp4)
)
