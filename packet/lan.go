package packet

import (
	"encoding/binary"
	"math/bits"
)

// otherLAN reads the link types of local networks that are not Ethernet and lead to an LLC header.
func (w *walk) otherLAN(l LinkType, off int) {
	switch l {
	case LinkTokenRing:
		w.tokenRing(off)
	case LinkFDDI: // frame control and two addresses (ANSI X3.139)
		if !w.need(off, 13) {
			return
		}
		w.destination(w.data[off+1:])
		if w.data[off]&0xf0 != 0x50 { // no LLC frame
			w.nonIP()
			return
		}
		w.llc(off + 13)
	case LinkIPOverFC: // two network addresses of 8 bytes (RFC 2625 section 3.2)
		if w.need(off, 16) {
			w.destination(w.data[off+2:])
			w.llc(off + 16)
		}
	case LinkSunATM: // kind, virtual path, virtual channel
		if !w.need(off, 4) {
			return
		}
		switch w.data[off] & 0x0f {
		case 1: // LAN emulation: 2 bytes of client identifier, then Ethernet
			w.nested(off + 6)
		case 2:
			w.llc(off + 4)
		default:
			w.nonIP()
		}
	case LinkFireWire: // two addresses of 8 bytes and an EtherType (RFC 2734)
		if w.need(off, 18) {
			w.pureEtherType(binary.BigEndian.Uint16(w.data[off+16:]), off+18)
		}
	}
}

// tokenRing reads an IEEE 802.5 frame: access control, frame control, two addresses, and routing
// information where the source address is marked as a group's.
func (w *walk) tokenRing(off int) {
	if !w.need(off, 14) {
		return
	}
	b := w.data[off:]
	w.destination(b[2:])
	if b[1]&0xc0 != 0x40 { // no LLC frame
		w.nonIP()
		return
	}
	off += 14
	if b[8]&0x80 != 0 {
		if !w.need(off, 1) {
			return
		}
		n := int(w.data[off] & 0x1f)
		if n < 2 {
			w.fail(ReasonBadLink)
			return
		}
		off += n
		if !w.need(off, 0) {
			return
		}
	}
	w.llc(off)
}

// pktap reads Apple's packet metadata: its length, the kind of record and the link type of the frame
// behind it, in the byte order of the capturing host.
func (w *walk) pktap(off int) {
	if !w.need(off, 12) {
		return
	}
	b := w.data[off:]
	length, kind, link := binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint32(b[4:]), binary.LittleEndian.Uint32(b[8:])
	if length > 0xffff {
		length, kind, link = bits.ReverseBytes32(length), bits.ReverseBytes32(kind), bits.ReverseBytes32(link)
	}
	n, ok := w.headerLen(off, uint64(length), 12)
	switch {
	case !ok:
	case kind != 1: // no packet
		w.nonIP()
	case link > 0xffff:
		w.fail(ReasonUnknownLink)
	default:
		w.link(LinkType(link), off+n)
	}
}
