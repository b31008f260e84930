package apps

// dns recognises DNS, multicast DNS and LLMNR over UDP, which share a message format, by a sound
// header and first question (RFC 1035 section 4.1). The port tells them apart. On other ports only a
// plain query with nothing behind it is taken.
func dns(p Packet) match {
	b := p.Payload
	switch {
	case p.on(137): // NetBIOS names look alike
	case p.on(53):
		if name, ok := dnsMessage(b, false); ok {
			return match{id: idDNS, final: true, wire: true, name: name}
		}
	case p.on(5353):
		if _, ok := dnsMessage(b, true); ok {
			return sure(idMDNS)
		}
	case p.on(5355):
		if name, ok := dnsMessage(b, false); ok {
			return match{id: idLLMNR, final: true, wire: true, name: name}
		}
	default:
		if len(b) < 12 || encodedName(b[12:]) || be16(b, 2)&^0x0130 != 0 || be16(b, 4) != 1 || be16(b, 6) != 0 || be16(b, 8) != 0 || be16(b, 10) > 1 {
			return match{}
		}
		end, ok := wireName(b, 12)
		if !ok || end+4 > len(b) || be16(b, end+2) != 1 || be16(b, end) == 0 ||
			be16(b, 10) == 0 && end+4 != len(b) {
			return match{}
		}
		return match{id: idDNS, final: true, wire: true, name: b[12:end]}
	}
	return match{}
}

// dnsTCP recognises DNS over TCP: a message behind its 16-bit length (RFC 1035 section 4.2.2).
func dnsTCP(p Packet) match {
	b := p.Payload
	if !p.on(53) || len(b) < 2+12 || be16(b, 0) < 12 {
		return match{}
	}
	name, ok := dnsMessage(b[2:min(len(b), 2+be16(b, 0))], false)
	if !ok {
		return match{}
	}
	return match{id: idDNS, final: true, wire: true, name: name}
}

// dnsMessage checks a DNS message and gives the name of its first question in wire format, nil when
// there is none. Multicast DNS puts several questions and known answers in a query.
func dnsMessage(b []byte, multicast bool) (name []byte, ok bool) {
	if len(b) < 12 {
		return nil, false
	}
	flags, questions, answers := be16(b, 2), be16(b, 4), be16(b, 6)
	if opcode := flags >> 11 & 15; opcode > 6 || opcode == 3 || flags&0x0040 != 0 {
		return nil, false
	}
	response := flags&0x8000 != 0
	switch {
	case multicast:
		if questions > 256 || answers > 256 || questions+answers+be16(b, 8) == 0 {
			return nil, false
		}
	case !response:
		if questions != 1 || answers > 1 || be16(b, 10) > 4 {
			return nil, false
		}
	case questions > 1:
		return nil, false
	}
	if questions == 0 {
		// An answer without its question: an error, a zone transfer's later message, or mDNS.
		_, ok := wireName(b, 12)
		return nil, flags&15 != 0 || ok && answers > 0
	}
	end, ok := wireName(b, 12)
	if !ok || end+4 > len(b) {
		return nil, false
	}
	if class := be16(b, end+2) &^ 0x8000; be16(b, end) == 0 || class == 0 || class > 4 && class < 254 || class > 255 {
		return nil, false
	}
	return b[12:end], true
}

// wireName checks an uncompressed domain name at off and gives the offset behind it.
func wireName(b []byte, off int) (end int, ok bool) {
	for start := off; off < len(b) && off-start < 255; {
		n := int(b[off])
		if n == 0 {
			return off + 1, true
		}
		if n > 63 {
			return 0, false
		}
		off += 1 + n
	}
	return 0, false
}
