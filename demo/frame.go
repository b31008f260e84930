package demo

import (
	"encoding/binary"

	"github.com/netmond/netmond/packet"
)

// Sizes of headers, bytes.
const (
	ethernetLen = 14
	tagLen      = 4
	ipv4Len     = 20
	ipv6Len     = 40
	tcpLen      = 20
	udpLen      = 8
	leastFrame  = 60 // Ethernet's minimum without FCS
	chunkSize   = 1 << 20
)

const (
	protoICMP = 1
	protoTCP  = 6
	protoUDP  = 17
)

// A wire collects the frames of one block. Its bytes are taken from chunks that are used again for the
// next block. Transport checksums are 0: of most frames only the headers exist in memory.
type wire struct {
	frames []packet.Frame
	chunks [][]byte
	chunk  int // in use
	used   int // bytes of it
	id     uint16
}

// reset forgets the frames; their bytes will be overwritten.
func (w *wire) reset() { w.frames, w.chunk, w.used = w.frames[:0], 0, 0 }

// take gives n bytes, all 0.
func (w *wire) take(n int) []byte {
	if len(w.chunks) == 0 || w.used+n > chunkSize {
		if len(w.chunks) > 0 {
			w.chunk++
		}
		if w.chunk == len(w.chunks) {
			w.chunks = append(w.chunks, make([]byte, chunkSize))
		}
		w.used = 0
	}
	buf := w.chunks[w.chunk][w.used:][:n:n]
	w.used += n
	clear(buf)
	return buf
}

// ip adds a frame from src to dst with room for a transport header of size header, the payload's first
// bytes, and length bytes of payload on the wire. It gives the place of the transport header.
func (w *wire) ip(at int64, src, dst *host, proto uint8, header int, payload []byte, length int) []byte {
	be := binary.BigEndian
	link, kind, network := ethernetLen, uint16(0x0800), ipv4Len
	if src.addr.Is6() {
		kind, network = 0x86dd, ipv6Len
	}
	vlan := max(src.vlan, dst.vlan)
	if vlan != 0 {
		link += tagLen
	}
	wireLen := max(link+network+header+length, leastFrame)
	buf := w.take(max(link+network+header+len(payload), min(wireLen, leastFrame)))
	station(buf[0:], dst)
	station(buf[6:], src)
	if vlan != 0 {
		be.PutUint16(buf[12:], 0x8100)
		be.PutUint16(buf[14:], vlan)
	}
	be.PutUint16(buf[link-2:], kind)
	h := buf[link:]
	if network == ipv4Len {
		w.id++
		h[0], h[8], h[9] = 0x45, 64, proto
		be.PutUint16(h[2:], uint16(ipv4Len+header+length))
		be.PutUint16(h[4:], w.id)
		s, d := src.addr.As4(), dst.addr.As4()
		copy(h[12:], s[:])
		copy(h[16:], d[:])
		be.PutUint16(h[10:], checksum(h[:ipv4Len]))
	} else {
		h[0], h[6], h[7] = 0x60, proto, 64
		be.PutUint16(h[4:], uint16(header+length))
		s, d := src.addr.As16(), dst.addr.As16()
		copy(h[8:], s[:])
		copy(h[24:], d[:])
	}
	copy(h[network+header:], payload)
	w.frames = append(w.frames, packet.Frame{Data: buf, Time: at, WireLen: uint32(wireLen), Link: packet.LinkEthernet})
	return h[network:]
}

// tcp adds a segment.
func (w *wire) tcp(at int64, src, dst *host, sport, dport uint16, seq, ack uint32, flags uint8, payload []byte, length int) {
	h := w.ip(at, src, dst, protoTCP, tcpLen, payload, length)
	be := binary.BigEndian
	be.PutUint16(h[0:], sport)
	be.PutUint16(h[2:], dport)
	be.PutUint32(h[4:], seq)
	be.PutUint32(h[8:], ack)
	h[12], h[13] = tcpLen/4<<4, flags
	be.PutUint16(h[14:], 64240)
}

// udp adds a datagram.
func (w *wire) udp(at int64, src, dst *host, sport, dport uint16, payload []byte, length int) {
	h := w.ip(at, src, dst, protoUDP, udpLen, payload, length)
	be := binary.BigEndian
	be.PutUint16(h[0:], sport)
	be.PutUint16(h[2:], dport)
	be.PutUint16(h[4:], uint16(udpLen+length))
}

// echo adds an ICMP echo request or its reply of 56 bytes.
func (w *wire) echo(at int64, src, dst *host, reply bool, seq uint16) {
	h := w.ip(at, src, dst, protoICMP, 8, nil, 56)
	if !reply {
		h[0] = 8
	}
	binary.BigEndian.PutUint16(h[6:], seq)
}

// arp adds a broadcast question who has dst (RFC 826).
func (w *wire) arp(at int64, src, dst *host) {
	buf := w.take(leastFrame)
	station(buf[0:], &everyone)
	station(buf[6:], src)
	copy(buf[12:], []byte{8, 6, 0, 1, 8, 0, 6, 4, 0, 1})
	station(buf[22:], src)
	s, d := src.addr.As4(), dst.addr.As4()
	copy(buf[28:], s[:])
	copy(buf[38:], d[:])
	w.frames = append(w.frames, packet.Frame{Data: buf, Time: at, WireLen: leastFrame, Link: packet.LinkEthernet})
}

// station writes the link-layer address of h.
func station(to []byte, h *host) {
	if h.mac == 0xff {
		copy(to, []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
		return
	}
	copy(to, []byte{0, 0, 0x5e, 0, 0x53, h.mac})
}

// checksum is the Internet checksum (RFC 1071) of an even number of bytes.
func checksum(b []byte) uint16 {
	var sum uint32
	for i := 0; i < len(b); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}
