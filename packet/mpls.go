package packet

import "encoding/binary"

// mpls reads a label stack (RFC 3032) at off and what follows it. The labels do not say what that
// is: the first nibble does (RFC 4928), and an Ethernet pseudowire, with or without control word
// (RFC 4448), is known by its EtherType.
func (w *walk) mpls(off int) {
	for {
		if !w.need(off, 4) || !w.enter() {
			return
		}
		bottom := w.data[off+2]&1 != 0
		off += 4
		if bottom {
			break
		}
	}
	if !w.need(off, 1) {
		return
	}
	switch w.data[off] >> 4 {
	case 4:
		w.ipv4(off)
		return
	case 6:
		w.ipv6(off)
		return
	case 1:
		w.channel(off)
		return
	}
	// Both places are looked at whole, or none, so that a cut never turns one into the other.
	const look = 4 + etherHeaderLen + 2
	if w.end-off < look {
		w.nonIP()
		return
	}
	if !w.need(off, look) {
		return
	}
	switch {
	case w.data[off]>>4 == 0 && plausibleEthernet(w.data[off+4:]):
		w.nested(off + 4)
	case plausibleEthernet(w.data[off:]):
		w.nested(off)
	default:
		w.nonIP()
	}
}

// channel reads the header of an associated channel (RFC 5586 section 2.1). Some types announce an IP
// packet (RFC 4385 section 6).
func (w *walk) channel(off int) {
	if !w.need(off, 4) {
		return
	}
	switch binary.BigEndian.Uint16(w.data[off+2:]) {
	case 0x0021:
		w.ipv4(off + 4)
	case 0x0057:
		w.ipv6(off + 4)
	default:
		w.nonIP()
	}
}

// plausibleEthernet reports whether b, of 16 bytes or more, looks like an Ethernet frame that
// matters here: one with a usual EtherType, or an 802.3 length and a usual LLC header.
func plausibleEthernet(b []byte) bool {
	switch et := binary.BigEndian.Uint16(b[12:]); et {
	case etherIPv4, etherIPv6, etherARP, etherVLAN, etherQinQ, etherMPLS, etherMPLSMulti, etherPPPoE,
		etherPPPoEDisc, etherLLDP, etherMACsec, etherPBB:
		return true
	default:
		if et < 3 || et > maxEtherLength {
			return false
		}
		sap := binary.BigEndian.Uint16(b[14:])
		return sap == 0xaaaa || sap == 0x4242 || sap == 0xfefe
	}
}
