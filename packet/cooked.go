package packet

import "encoding/binary"

// rawIP reads an IP packet without link layer.
func (w *walk) rawIP(l LinkType, off int) {
	switch l {
	case LinkIPv4:
		w.ipv4(off)
	case LinkIPv6:
		w.ipv6(off)
	default:
		w.anyIP(off)
	}
}

// loopback reads an address family of 4 bytes, then IP. The byte order is that of the capturing
// host, told by the family being small. AF_INET6 differs between systems.
func (w *walk) loopback(off int) {
	if !w.need(off, 4) {
		return
	}
	family := binary.LittleEndian.Uint32(w.data[off:])
	if family > 0xffff {
		family = binary.BigEndian.Uint32(w.data[off:])
	}
	w.family(family, off+4)
}

// family reads the packet of a socket address family.
func (w *walk) family(af uint32, off int) {
	switch af {
	case 2:
		w.ipv4(off)
	case 24, 28, 30: // NetBSD and OpenBSD, FreeBSD, Darwin
		w.ipv6(off)
	case 10, 23: // Linux and Windows; on other systems these are CCITT and IPX
		if w.end > off && !w.need(off, 1) {
			return
		}
		if w.end > off && w.data[off]>>4 != 6 {
			w.nonIP()
			return
		}
		w.ipv6(off)
	default:
		w.nonIP()
	}
}

// sll reads a Linux cooked header, version 1.
func (w *walk) sll(off int) {
	if !w.need(off, 16) {
		return
	}
	b := w.data[off:]
	w.cooked(binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:]), binary.BigEndian.Uint16(b[14:]), off+16)
}

// sll2 reads a Linux cooked header, version 2.
func (w *walk) sll2(off int) {
	if !w.need(off, 20) {
		return
	}
	b := w.data[off:]
	w.cooked(uint16(b[10]), binary.BigEndian.Uint16(b[8:]), binary.BigEndian.Uint16(b), off+20)
}

// cooked reads what follows a Linux cooked header. What its protocol field means depends on the
// device (ARPHRD_ value).
func (w *walk) cooked(packetType, device, proto uint16, off int) {
	if packetType == 1 {
		w.m.Flags |= FlagL2Broadcast
	}
	switch {
	case device == 803 && proto < minEtherType: // ARPHRD_IEEE80211_RADIOTAP, as the radio gave it
		w.link(LinkRadiotap, off)
	case device == 824: // ARPHRD_NETLINK
		w.nonIP()
	case proto == 4: // ETH_P_802_2
		w.llc(off)
	default:
		w.pureEtherType(proto, off)
	}
}

// maxNFLOGAttrs is more than twice the number of attributes that Linux knows.
const maxNFLOGAttrs = 64

// nflog reads a netfilter log packet: address family, then attributes in the byte order of the
// capturing host, one of which is the packet.
func (w *walk) nflog(off int) {
	if !w.need(off, 4) {
		return
	}
	family := w.data[off]
	off += 4
	for range maxNFLOGAttrs {
		if off >= w.end {
			w.nonIP() // the log entry has no packet
			return
		}
		if !w.need(off, 4) {
			return
		}
		b := w.data[off:]
		n, typ := int(binary.LittleEndian.Uint16(b)), binary.LittleEndian.Uint16(b[2:])
		if n < 4 || typ > 0xff {
			n, typ = int(binary.BigEndian.Uint16(b)), binary.BigEndian.Uint16(b[2:])
		}
		if n < 4 {
			w.fail(ReasonBadLink)
			return
		}
		if typ == 9 { // NFULA_PAYLOAD
			w.end = min(w.end, off+n)
			w.data = w.data[:min(len(w.data), w.end)]
			w.family(uint32(family), off+4)
			return
		}
		off += (n + 3) &^ 3
	}
	w.fail(ReasonBadLink)
}

// pflog reads a pf log header: its length, which pads to 4, and the address family.
func (w *walk) pflog(off int) {
	if !w.need(off, 2) {
		return
	}
	family := w.data[off+1]
	if n, ok := w.headerLen(off, (uint64(w.data[off])+3)&^3, 4); ok {
		w.family(uint32(family), off+n)
	}
}

// enc reads a 12-byte header whose first 4 are the address family, in either byte order.
func (w *walk) enc(off int) {
	if !w.need(off, 12) {
		return
	}
	family := binary.LittleEndian.Uint32(w.data[off:])
	if family > 0xffff {
		family = binary.BigEndian.Uint32(w.data[off:])
	}
	w.family(family, off+12)
}

// ipoib reads a 40-byte global route header, then an EtherType and 2 reserved bytes (RFC 4391
// section 6).
func (w *walk) ipoib(off int) {
	if w.need(off, 44) {
		w.pureEtherType(binary.BigEndian.Uint16(w.data[off+40:]), off+44)
	}
}

// slip reads a 16-byte pseudo-header: direction, and the compressed header as it was on the line.
// The IP packet after it is the decompressed one.
func (w *walk) slip(off int) {
	if w.need(off, 16) {
		w.anyIP(off + 16)
	}
}
