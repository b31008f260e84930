package packet

import "encoding/binary"

// serial reads the link types of serial lines.
func (w *walk) serial(l LinkType, off int) {
	switch l {
	case LinkPPP:
		w.ppp(off)
	case LinkPPPWithDir:
		if w.need(off, 1) {
			w.ppp(off + 1)
		}
	case LinkPPPEther:
		w.pppoe(off)
	case LinkPPPD: // the direction takes the place of the address
		if !w.need(off, 2) {
			return
		}
		if w.data[off+1] == 0x03 {
			off++
		}
		w.pppProtocol(off + 1)
	case LinkCiscoHDLC:
		w.ciscoHDLC(off)
	case LinkCiscoHDLCWithDir:
		w.ciscoHDLC(off + 1)
	case LinkFrameRelay:
		w.frameRelay(off)
	case LinkFrameRelayWithDir:
		w.frameRelay(off + 1)
	case LinkPPPSerial:
		if !w.need(off, 2) {
			return
		}
		switch w.data[off] {
		case 0x0f, 0x8f:
			w.ciscoHDLC(off)
		case 0xff:
			w.pppProtocol(off + 2) // address and control, whatever the latter says
		default:
			w.pppProtocol(off)
		}
	}
}

// pppoe reads a PPPoE header (RFC 2516 section 4), of which only sessions hold IP.
func (w *walk) pppoe(off int) {
	if !w.need(off, 2) {
		return
	}
	if w.data[off+1] != 0 { // code: a discovery packet
		w.nonIP()
		return
	}
	if w.need(off, 6) {
		w.ppp(off + 6)
	}
}

// ppp reads a PPP frame (RFC 1662 section 3.1), whose address and control may be left out.
func (w *walk) ppp(off int) {
	if !w.need(off, 1) {
		return
	}
	if w.data[off] == 0xff {
		if !w.need(off, 2) {
			return
		}
		if w.data[off+1] == 0x03 {
			off += 2
		}
	}
	w.pppProtocol(off)
}

// pppProtocol reads a PPP protocol field, of one byte where that is odd (RFC 1661 section 6.5),
// and what follows.
func (w *walk) pppProtocol(off int) {
	for w.enter() {
		if !w.need(off, 1) {
			return
		}
		proto := uint16(w.data[off])
		if off++; proto&1 == 0 {
			if !w.need(off, 1) {
				return
			}
			proto = proto<<8 | uint16(w.data[off])
			off++
		}
		switch proto {
		case 0x0021:
			w.ipv4(off)
		case 0x0057:
			w.ipv6(off)
		case 0x0281, 0x0283:
			w.mpls(off)
		case 0x0003, 0x0005, 0x002d, 0x002f, 0x0061, 0x0063, 0x0065, 0x0067, 0x0069:
			w.fail(ReasonCompressedIP) // ROHC, Van Jacobson, RFC 2507 and 2508
		case 0x003d: // multilink (RFC 1990 section 3): only a first fragment shows the packet's head
			if !w.need(off, 4) {
				return
			}
			if w.data[off]&0x80 != 0 {
				off += 4
				continue
			}
			w.nonIP()
		default:
			w.nonIP()
		}
		return
	}
}

// ciscoHDLC reads address, control and an EtherType.
func (w *walk) ciscoHDLC(off int) {
	if w.need(off, 4) {
		w.pureEtherType(binary.BigEndian.Uint16(w.data[off+2:]), off+4)
	}
}

// frameRelay reads a Q.922 address of 2 to 4 bytes, then RFC 2427 encapsulation or Cisco's, which
// is an EtherType.
func (w *walk) frameRelay(off int) {
	for n := 1; ; n++ {
		if !w.need(off, 1) {
			return
		}
		last := w.data[off]&1 != 0
		off++
		if last && n >= 2 {
			break
		}
		if last || n == 4 {
			w.fail(ReasonBadLink)
			return
		}
	}
	if !w.need(off, 2) {
		return
	}
	if w.data[off] != 0x03 {
		w.pureEtherType(binary.BigEndian.Uint16(w.data[off:]), off+2)
		return
	}
	off++
	if w.data[off] == 0 { // padding to an even length
		off++
	}
	w.networkLayer(off)
}
