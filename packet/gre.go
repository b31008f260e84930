package packet

import "encoding/binary"

// gre reads a GRE header of version 0 (RFC 2784, with the fields of RFC 2890) or 1 (PPTP,
// RFC 2637). Routing entries (RFC 1701) are not followed.
func (w *walk) gre(kinds Decap) content {
	off := w.l4
	b := w.data[off:]
	if len(b) < 4 {
		return content{}
	}
	flags, proto := binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
	n := 4
	for _, bit := range [...]uint16{0x8000, 0x2000, 0x1000} { // checksum, key, sequence
		if flags&bit != 0 {
			n += 4
		}
	}
	if flags&7 == 1 && proto == etherPPP && flags&0xc000 == 0 {
		if flags&0x0080 != 0 { // acknowledgment
			n += 4
		}
		if kinds&DecapGRE == 0 || len(b) <= n { // without payload it is an acknowledgment alone
			return content{}
		}
		return content{shape: shapePPP, off: off + n}
	}
	if flags&0x4007 != 0 || len(b) < n {
		return content{}
	}
	switch proto {
	case 0x88be, 0x22eb:
		if kinds&DecapERSPAN == 0 {
			return content{}
		}
		return w.erspan(off+n, proto, flags&0x1000 != 0)
	case etherTEB:
		if kinds&DecapGRE == 0 {
			return content{}
		}
		return content{shape: shapeLink, proto: uint16(LinkEthernet), off: off + n}
	}
	if kinds&DecapGRE == 0 {
		return content{}
	}
	return content{shape: shapeEtherType, proto: proto, off: off + n}
}

// erspan reads the header of ERSPAN type II or III (draft-foschiano-erspan); type I, which is
// without sequence number, has none.
func (w *walk) erspan(off int, proto uint16, sequence bool) content {
	b := w.data[off:]
	switch {
	case proto == 0x88be && !sequence:
		return content{shape: shapeLink, proto: uint16(LinkEthernet), off: off}
	case proto == 0x88be && len(b) >= 8 && b[0]>>4 == 1:
		return content{shape: shapeLink, proto: uint16(LinkEthernet), off: off + 8}
	case proto == 0x22eb && len(b) >= 12 && b[0]>>4 == 2:
		n := 12
		if b[11]&1 != 0 {
			n += 8 // platform-specific subheader
		}
		switch b[10] >> 2 & 0x1f { // frame type
		case 0:
			return content{shape: shapeLink, proto: uint16(LinkEthernet), off: off + n}
		case 2:
			return content{shape: shapeIP, off: off + n}
		}
	}
	return content{}
}
