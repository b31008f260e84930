package apps

// TLS record types (RFC 8446 section 5.1).
const (
	tlsChangeCipherSpec = 20
	tlsAlert            = 21
	tlsHandshake        = 22
	tlsApplicationData  = 23

	tlsClientHello = 1
)

// tls recognises a TLS record of SSL 3.0 to TLS 1.3 (RFC 8446 section 5.1) at the payload's start.
// Only a ClientHello is final: after another record the ClientHello may still come, when packets
// were reordered.
func tls(p Packet) match {
	b := p.Payload
	if len(b) < 6 || b[1] != 3 || b[2] > 4 {
		return match{}
	}
	n := be16(b, 3)
	if n == 0 || n > 1<<14+2048 {
		return match{}
	}
	switch b[0] {
	case tlsHandshake:
		return tlsHandshakeRecord(p, n)
	case tlsChangeCipherSpec:
		if n != 1 || b[5] != 1 {
			return match{}
		}
	case tlsAlert:
		// Two bytes in clear, level and description; or encrypted.
		if n != 2 && (n < minEncrypted || n > 64) || n == 2 && (b[5] != 1 && b[5] != 2) {
			return match{}
		}
	case tlsApplicationData:
		if b[2] == 0 || n < minEncrypted {
			return match{}
		}
	default:
		return match{}
	}
	if !tlsFollows(b, 5+n) {
		return match{}
	}
	return likely(tlsID(p))
}

// minEncrypted is the least size of an encrypted fragment: a byte and a tag of 16.
const minEncrypted = 17

// tlsFollows reports whether the record up to end is the whole segment, is followed by another of the
// same version, or goes on in the next segment after a full-sized one.
func tlsFollows(b []byte, end int) bool {
	const fullSized = 512 // less than any path MTU in use
	switch rest := b[min(len(b), end):]; {
	case len(b) < end:
		return len(b) >= fullSized
	case len(rest) >= 3:
		return rest[0] >= tlsChangeCipherSpec && rest[0] <= tlsApplicationData && rest[1] == 3 && rest[2] == b[2]
	}
	return true
}

// tlsHandshakeRecord checks the handshake message at the start of a record of n bytes.
func tlsHandshakeRecord(p Packet, n int) match {
	b := p.Payload
	switch b[5] {
	case tlsClientHello:
		if n < 4+38 || len(b) >= 9 && be24(b, 6) < 38 || len(b) >= 10 && b[9] != 3 {
			return match{}
		}
		m := sure(tlsID(p))
		if len(b) > 9 {
			hello := b[9:min(len(b), 5+n, 9+be24(b, 6))]
			m.name, _ = clientHelloName(hello, false)
		}
		return m
	case 0, 2, 4, 8, 11, 12, 13, 14, 15, 16, 20, 22: // the message types of RFC 8446 and RFC 5246
		if len(b) >= 9 && be24(b, 6) > 1<<17 || b[5] == 2 && len(b) >= 10 && b[9] != 3 {
			return match{}
		}
		return likely(tlsID(p))
	}
	// An encrypted handshake message has no type to check; the record must be all there and
	// follow the version that handshakes use.
	if len(b) >= 5+n && n >= 32 && b[2] >= 1 && len(b) == 5+n {
		return likely(tlsID(p))
	}
	return match{}
}

// tlsID is the protocol inside TLS where the port alone tells it, as nDPI has it.
func tlsID(p Packet) ID {
	for _, port := range [2]uint16{p.DstPort, p.SrcPort} {
		switch port {
		case 465:
			return idSMTPS
		case 853:
			return idDoT
		case 990:
			return idFTPS
		case 993:
			return idIMAPS
		case 995:
			return idPOPS
		}
	}
	return idTLS
}

// clientHelloName finds the host_name of the server_name extension (RFC 6066 section 3) in the body
// of a ClientHello, its message header taken off; the body may be cut anywhere. whole reports that
// the extensions were seen to their end, so that no name means that there is none.
func clientHelloName(b []byte, dtls bool) (name []byte, whole bool) {
	off := 2 + 32 // legacy_version, random
	// session_id, in DTLS the cookie (RFC 6347 section 4.2.1), cipher_suites, compression_methods
	for i, size := range [...]int{1, 1, 2, 1} {
		if i == 1 && !dtls {
			continue
		}
		if off+size > len(b) {
			return nil, false
		}
		if size == 1 {
			off += 1 + int(b[off])
		} else {
			off += 2 + be16(b, off)
		}
	}
	if off == len(b) {
		return nil, true // no extensions at all
	}
	if off+2 > len(b) {
		return nil, false
	}
	end := off + 2 + be16(b, off)
	whole = end <= len(b)
	end = min(end, len(b))
	for off += 2; off+4 <= end; {
		kind, n := be16(b, off), be16(b, off+2)
		off += 4
		if off+n > end {
			return nil, false
		}
		if kind == 0 {
			return serverNameExtension(b[off : off+n]), true
		}
		off += n
	}
	return nil, whole
}

// serverNameExtension is the first host_name in the data of a server_name extension, or nil.
func serverNameExtension(b []byte) []byte {
	if len(b) < 5 || be16(b, 0) > len(b)-2 || b[2] != 0 {
		return nil
	}
	n := be16(b, 3)
	if n == 0 || n > len(b)-5 {
		return nil
	}
	return b[5 : 5+n]
}

// sslv2 recognises the version 2 ClientHello that old clients send to offer TLS (RFC 5246 appendix E.2).
func sslv2(p Packet) match {
	b := p.Payload
	if len(b) < 11 || b[0]&0x80 == 0 || b[2] != 1 {
		return match{}
	}
	version := be16(b, 3)
	if version != 2 && (version < 0x300 || version > 0x303) {
		return match{}
	}
	ciphers, session, challenge := be16(b, 5), be16(b, 7), be16(b, 9)
	if ciphers == 0 || ciphers%3 != 0 || session != 0 && session != 16 || challenge < 16 || challenge > 32 ||
		9+ciphers+session+challenge != be16(b, 0)&0x7fff {
		return match{}
	}
	return sure(tlsID(p))
}

// dtls recognises a DTLS 1.0 or 1.2 record (RFC 6347 section 4.1); DTLS 1.3 begins with one too.
func dtls(p Packet) match {
	b := p.Payload
	const header = 13
	if len(b) < header+1 || b[1] != 0xfe || b[2] != 0xff && b[2] != 0xfd {
		return match{}
	}
	n := be16(b, 11)
	if n == 0 || header+n > len(b) {
		return match{}
	}
	switch b[0] {
	case tlsHandshake:
		// In epoch 0 the message header is in clear: type, length 3, seq 2, fragment offset 3 and
		// length 3.
		if epoch := be16(b, 3); epoch != 0 || n < 12 {
			break
		}
		m := b[header : header+n]
		if be24(m, 6)+be24(m, 9) > be24(m, 1) {
			return match{}
		}
		if m[0] == tlsClientHello && be24(m, 6) == 0 {
			name, whole := clientHelloName(m[12:], true)
			return match{id: idDTLS, name: name, final: name != nil || whole}
		}
	case tlsChangeCipherSpec, tlsAlert, tlsApplicationData:
	default:
		return match{}
	}
	return likely(idDTLS)
}
