package packet

import "encoding/binary"

// IP protocol numbers that are read (IANA protocol-numbers).
const (
	protoHopByHop = 0
	protoICMP     = 1
	protoIPv4     = 4
	protoTCP      = 6
	protoUDP      = 17
	protoDCCP     = 33
	protoIPv6     = 41
	protoRouting  = 43
	protoFragment = 44
	protoGRE      = 47
	protoICMPv6   = 58
	protoNoNext   = 59
	protoDstOpts  = 60
	protoSCTP     = 132
	protoUDPLite  = 136
)

const (
	ipv4HeaderLen = 20
	ipv6HeaderLen = 40

	// maxExtensions bounds the extension headers of one IPv6 packet; behind more of them no
	// ports are looked for. A capture of 100 in a row is known.
	maxExtensions = 128
)

// ipv4 reads an IPv4 header (RFC 791 section 3.1). The addresses count as soon as the fixed part is
// captured and its header length is possible.
func (w *walk) ipv4(off int) {
	b := w.data[off:]
	if len(b) < ipv4HeaderLen {
		w.cutIP(b, 4)
		return
	}
	rest := w.end - off
	hdr := int(b[0]&0x0f) * 4
	if b[0]>>4 != 4 {
		w.fail(ReasonIPVersion)
		return
	}
	if hdr < ipv4HeaderLen || hdr > rest {
		w.fail(ReasonIPHeaderLength)
		return
	}
	// Segmentation offload leaves total length 0. A length beyond the frame is as good; one that the
	// header itself passes is nonsense, as are then the addresses.
	total := int(binary.BigEndian.Uint16(b[2:]))
	if total == 0 || total > rest {
		total = rest
	} else if total < hdr {
		w.fail(ReasonIPHeaderLength)
		return
	}
	if len(b) > total {
		b = b[:total]
	}
	m := w.m
	m.Class = ClassIP
	m.Key.Proto = b[9]
	frag := binary.BigEndian.Uint16(b[6:])
	if frag&0x3fff != 0 { // more fragments, or an offset
		m.Flags |= FlagFragment
	}
	w.ipOff, w.ipEnd, w.l4 = off, off+total, off+hdr
	w.opaque = frag&0x1fff != 0

	family := FamilyIPv4
	var sport, dport uint16
	if len(b) > hdr && !w.opaque {
		var ok bool
		if sport, dport, ok = w.transport(b[9], b[hdr:], total-hdr); !ok {
			family |= FlagPortless
		}
	} else {
		family |= FlagPortless
	}

	m.Key.Family = family
	m.ends4(b[12:20], sport, dport)
}

// ipv6 reads an IPv6 header (RFC 8200 section 3) and its extension headers.
func (w *walk) ipv6(off int) {
	b := w.data[off:]
	if len(b) < ipv6HeaderLen {
		w.cutIP(b, 6)
		return
	}
	if b[0]>>4 != 6 {
		w.fail(ReasonIPVersion)
		return
	}
	// Length 0 stands for a jumbogram (RFC 2675) or for segmentation offload, except where what
	// follows is too short for a transport header and so is padding.
	rest := w.end - off - ipv6HeaderLen
	payload := int(binary.BigEndian.Uint16(b[4:]))
	if payload > rest || payload == 0 && rest >= 8 {
		payload = rest
	}
	if len(b) > ipv6HeaderLen+payload {
		b = b[:ipv6HeaderLen+payload]
	}
	m := w.m
	m.Class = ClassIP
	w.ipOff, w.ipEnd = off, off+ipv6HeaderLen+payload
	w.opaque = false

	proto, hdr := b[6], ipv6HeaderLen
	switch proto {
	case protoTCP, protoUDP, protoICMPv6:
	default:
		proto, hdr = w.extensions(proto, b)
	}
	w.l4 = off + hdr
	m.Key.Proto = proto

	family := FamilyIPv6
	var sport, dport uint16
	if len(b) > hdr && !w.opaque {
		var ok bool
		if sport, dport, ok = w.transport(proto, b[hdr:], ipv6HeaderLen+payload-hdr); !ok {
			family |= FlagPortless
		}
	} else {
		family |= FlagPortless
	}

	m.Key.Family = family
	m.ends6(b[8:40], sport, dport)
}

// extensions steps over the extension headers of the IPv6 packet b, the first of which is proto.
// It gives the protocol and offset of what follows them: for a later fragment, of its data; where
// the chain is cut or too long, of the header that could not be read, with opaque set so
// that nothing is read there.
func (w *walk) extensions(proto uint8, b []byte) (uint8, int) {
	hdr := ipv6HeaderLen
	for range maxExtensions {
		switch proto {
		case protoHopByHop, protoRouting, protoDstOpts:
			if len(b)-hdr < 2 {
				w.opaque = true
				return proto, hdr
			}
			proto, hdr = b[hdr], hdr+int(b[hdr+1])*8+8
		case protoFragment:
			if len(b)-hdr < 8 {
				w.opaque = true
				return proto, hdr
			}
			field := binary.BigEndian.Uint16(b[hdr+2:])
			proto, hdr = b[hdr], hdr+8
			if field&0xfff9 != 0 { // more fragments, or an offset; an atomic fragment has neither
				w.m.Flags |= FlagFragment
			}
			if field&0xfff8 != 0 {
				w.opaque = true
				return proto, hdr
			}
		default:
			return proto, hdr
		}
	}
	w.opaque = isExtension(proto)
	return proto, hdr
}

func isExtension(proto uint8) bool {
	switch proto {
	case protoHopByHop, protoRouting, protoDstOpts, protoFragment:
		return true
	}
	return false
}

// anyIP reads an IP packet of either version.
func (w *walk) anyIP(off int) {
	b := w.data[off:]
	switch {
	case len(b) == 0:
		w.fail(ReasonTruncatedIP)
	case b[0]>>4 == 4:
		w.ipv4(off)
	case b[0]>>4 == 6:
		w.ipv6(off)
	default:
		w.fail(ReasonIPVersion)
	}
}

// cutIP fails for a header that is shorter than its fixed part.
func (w *walk) cutIP(b []byte, version uint8) {
	if len(b) > 0 && b[0]>>4 != version {
		w.fail(ReasonIPVersion)
		return
	}
	w.fail(ReasonTruncatedIP)
}

// transport reads the transport header at the start of b, which is not empty and of whose packet
// size bytes were on the wire (at least len(b)). ok says that ports were read.
func (w *walk) transport(proto uint8, b []byte, size int) (src, dst uint16, ok bool) {
	m := w.m
	var hdr int
	switch proto {
	case protoTCP:
		if len(b) >= 20 {
			m.Flags |= FlagTCP
			m.TCPFlags = b[13]
			m.Seq = binary.BigEndian.Uint32(b[4:])
			m.Ack = binary.BigEndian.Uint32(b[8:])
			m.Window = binary.BigEndian.Uint16(b[14:])
		}
		hdr = 20
		if len(b) > 12 {
			hdr = max(hdr, int(b[12]>>4)*4)
		}
	case protoUDP, protoUDPLite:
		hdr = 8
	case protoSCTP:
		hdr = 12
	case protoDCCP: // data offset in units of 4 bytes, RFC 4340 section 5.1
		hdr = 12
		if len(b) > 4 {
			hdr = max(hdr, int(b[4])*4)
		}
	case protoICMP, protoICMPv6:
		m.ICMPType = b[0]
		fallthrough
	default:
		w.payload(b, 0, size)
		return 0, 0, false
	}
	if len(b) < 4 {
		return 0, 0, false
	}
	w.payload(b, hdr, size)
	return binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:]), true
}

// payload notes that the transport header, at w.l4, has hdr bytes.
func (w *walk) payload(b []byte, hdr, size int) {
	if size > hdr {
		w.m.PayloadLen = uint32(size - hdr)
	}
	w.m.PayloadOff = uint32(w.l4 + min(hdr, len(b)))
	w.m.PayloadEnd = uint32(w.l4 + len(b))
}
