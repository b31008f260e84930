package packet

import "encoding/binary"

// nested reads an Ethernet frame inside the link layer, at off.
func (w *walk) nested(off int) {
	if off > len(w.data) {
		w.fail(ReasonTruncatedLink)
		return
	}
	if w.enter() {
		w.ethernet(off)
	}
}

// fabricPath reads the Ethernet frame after a forwarding tag and TTL. Like Wireshark, which stands as
// the reference here, it takes the last 4 bytes on the wire for a frame check sequence, so that an
// IP header that reaches into them is cut. Lengths are not touched, as capturing hosts mostly strip
// that sequence.
func (w *walk) fabricPath(off int) {
	end := w.end // the inner frame's own length may take away from it
	w.nested(off + 2)
	if w.m.Class != ClassIP {
		return
	}
	fixed := ipv6HeaderLen
	if w.m.Key.Is4() {
		fixed = ipv4HeaderLen
	}
	if w.ipOff+fixed > end-4 {
		*w.m = Meta{Time: w.m.Time, WireLen: w.m.WireLen, VLAN: w.m.VLAN, Flags: w.m.Flags & FlagL2Broadcast}
		w.fail(ReasonTruncatedIP)
	}
}

// trill reads a TRILL header (RFC 6325 section 3): 6 bytes, and options in units of 4.
func (w *walk) trill(off int) {
	if !w.need(off, 6) {
		return
	}
	options := int(binary.BigEndian.Uint16(w.data[off:])>>6) & 0x1f
	w.nested(off + 6 + 4*options)
}

// nsh reads a network service header (RFC 8300 section 2.2): its length in units of 4 bytes and
// the kind of packet that follows.
func (w *walk) nsh(off int) {
	if !w.need(off, 4) {
		return
	}
	n := int(w.data[off+1]&0x3f) * 4
	if n < 8 {
		w.fail(ReasonBadLink)
		return
	}
	next := w.data[off+3]
	if !w.need(off, n) {
		return
	}
	w.nextProtocol(next, off+n)
}

// nextProtocol reads what a next-protocol value of NSH or VXLAN-GPE announces at off (RFC 8300
// section 11.2.5).
func (w *walk) nextProtocol(next uint8, off int) {
	switch next {
	case 1:
		w.ipv4(off)
	case 2:
		w.ipv6(off)
	case 3:
		w.nested(off)
	case 4:
		w.etherType(etherNSH, off)
	case 5:
		w.mpls(off)
	default:
		w.nonIP()
	}
}

// switchTag reads the link types of Ethernet switch chips and of mPackets.
func (w *walk) switchTag(l LinkType, off int) {
	switch l {
	case LinkBroadcomPrepend:
		if w.need(off, 4) {
			w.ethernet(off + 4)
		}
	case LinkMPacket:
		// Preamble and start delimiter: express frame or first fragment of a preemptable one
		// (IEEE 802.3br section 99.3). Any other mPacket has no header of a frame.
		if !w.need(off, 8) {
			return
		}
		switch w.data[off+7] {
		case 0xd5, 0xe6, 0x4c, 0x7f, 0xb3:
			w.ethernet(off + 8)
		default:
			w.nonIP()
		}
	default:
		n := 4
		if l == LinkEDSA {
			n = 8 // EtherType and 2 reserved bytes come before the tag
		}
		if !w.need(off, etherHeaderLen+n) {
			return
		}
		b := w.data[off:]
		w.destination(b)
		if l != LinkBroadcomTag && b[12+n-4]&0x20 != 0 {
			// The tag took the place of an 802.1Q tag and holds its VLAN.
			w.tag(binary.BigEndian.Uint16(b[12+n-2:]))
		}
		w.etherType(binary.BigEndian.Uint16(b[12+n:]), off+etherHeaderLen+n)
	}
}
