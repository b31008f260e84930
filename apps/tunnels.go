package apps

// vxlan recognises VXLAN (RFC 7348 section 5) on its assigned and its old Linux port.
func vxlan(p Packet) match {
	b := p.Payload
	if (p.DstPort == 4789 || p.DstPort == 8472) && len(b) >= 8+14 && b[0]&0x08 != 0 && b[0]&0x30 == 0 && b[7] == 0 {
		return sure(idVXLAN)
	}
	return match{}
}

// geneve recognises Geneve (RFC 8926 section 3.4) on its port: version 0 and reserved bits 0.
func geneve(p Packet) match {
	b := p.Payload
	if p.DstPort != 6081 || len(b) < 8 || b[0]>>6 != 0 || b[1]&0x3f != 0 || b[7] != 0 || 8+4*int(b[0]) > len(b) {
		return match{}
	}
	return sure(idGeneve)
}

// gtp recognises GTP on its ports: user plane, control plane (3GPP TS 29.281, 29.060, 29.274) and GTP'
// (TS 32.295).
func gtp(p Packet) match {
	b := p.Payload
	if len(b) < 8 {
		return match{}
	}
	version, n := b[0]>>5, be16(b, 2)
	switch {
	case p.on(2152):
		if version == 1 && b[0]&0x10 != 0 && 8+n <= len(b) {
			return sure(idGTPU)
		}
	case p.on(2123):
		if version == 1 && 8+n == len(b) || version == 2 && 4+n <= len(b) && n >= 4 {
			return sure(idGTPC)
		}
	case p.on(3386):
		if version <= 2 && b[0]&0x0e == 0x0e {
			return sure(idGTPPrime)
		}
	}
	return match{}
}

// pfcp recognises PFCP (3GPP TS 29.244 section 7.2) on its port.
func pfcp(p Packet) match {
	b := p.Payload
	if p.on(8805) && len(b) >= 8 && b[0]>>5 == 1 && 4+be16(b, 2) <= len(b) && be16(b, 2) >= 4 {
		return sure(idPFCP)
	}
	return match{}
}

// teredo recognises Teredo (RFC 4380 section 5.1.1): an IPv6 packet that fills the datagram, after the
// optional authentication and origin headers. Off its port the inner packet must have an address of
// Teredo's own prefix.
func teredo(p Packet) match {
	b := p.Payload
	if len(b) >= 13 && b[0] == 0 && b[1] == 1 { // authentication
		n := 13 + int(b[2]) + int(b[3])
		if n > len(b) {
			return match{}
		}
		b = b[n:]
	}
	if len(b) >= 8 && b[0] == 0 && b[1] == 0 { // origin
		b = b[8:]
	}
	if len(b) < 40 || b[0]>>4 != 6 || 40+be16(b, 4) != len(b) {
		return match{}
	}
	const prefix = 0x20010000
	if p.on(3544) || be32(b, 8) == prefix || be32(b, 24) == prefix {
		return sure(idTeredo)
	}
	return match{}
}
