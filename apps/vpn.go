package apps

// wireguard recognises the four message types by type, reserved zeros and size (WireGuard paper,
// section 5.4). Data, being padded, has a multiple of 16 and a counter that never gets large.
func wireguard(p Packet) match {
	b := p.Payload
	if len(b) < 32 || b[1] != 0 || b[2] != 0 || b[3] != 0 || be32(b, 4) == 0 {
		return match{}
	}
	switch {
	case b[0] == 1 && len(b) == 148, b[0] == 2 && len(b) == 92:
		return sure(idWireGuard)
	case b[0] == 3 && len(b) == 64, b[0] == 4 && len(b)%16 == 0 && b[13] == 0 && b[14] == 0 && b[15] == 0:
		return likely(idWireGuard)
	}
	return match{}
}

// ike recognises IKE versions 1 and 2 (RFC 7296 section 3.1), behind four zeros on port 4500 (RFC 3948),
// and on that port ESP in UDP and its keep-alives.
func ike(p Packet) match {
	b := p.Payload
	if p.on(4500) {
		switch {
		case len(b) == 1 && b[0] == 0xff, len(b) >= 28 && be32(b, 0) > 255:
			return likely(idIPSec)
		case len(b) < 4 || be32(b, 0) != 0:
			return match{}
		}
		b = b[4:]
	}
	if len(b) < 28 || int(be32(b, 24)) != len(b) || allZero(b[:8]) {
		return match{}
	}
	exchange := b[18]
	switch b[17] {
	case 0x10:
		if exchange <= 6 || exchange == 32 || exchange == 33 {
			return sure(idIPSec)
		}
	case 0x20, 0x21:
		if exchange >= 34 && exchange <= 43 {
			return sure(idIPSec)
		}
	}
	return match{}
}

// OpenVPN opcodes, in the upper five bits of a packet's first byte (OpenVPN protocol, wire format).
const (
	ovpnResetClientV2 = 7 << 3
	ovpnResetServerV2 = 8 << 3
	ovpnResetClientV3 = 10 << 3
)

// openvpn recognises the first packet of each side, a hard reset, in the three layouts that tls-auth,
// tls-crypt and neither give it; on OpenVPN's port any opcode.
func openvpn(p Packet) match { return openvpnMessage(p, p.Payload) }

// openvpnTCP recognises the same behind a 16-bit length.
func openvpnTCP(p Packet) match {
	b := p.Payload
	if len(b) < 2+14 || be16(b, 0) != len(b)-2 {
		return match{}
	}
	return openvpnMessage(p, b[2:])
}

func openvpnMessage(p Packet, b []byte) match {
	if len(b) < 14 {
		return match{}
	}
	switch b[0] {
	case ovpnResetClientV2, ovpnResetServerV2, ovpnResetClientV3:
		if openvpnReset(b) {
			return sure(idOpenVPN)
		}
	}
	if op := b[0] >> 3; p.on(1194) && op >= 1 && op <= 11 {
		return likely(idOpenVPN)
	}
	return match{}
}

// openvpnReset checks what follows opcode and session ID in a hard reset.
func openvpnReset(b []byte) bool {
	// tls-crypt: packet ID 1 and a time of day come in clear, then a tag of 32 bytes; version 3
	// appends the client's wrapped key.
	if len(b) >= 54 && be32(b, 9) == 1 && be32(b, 13) > 1_000_000_000 && (len(b) <= 54+4+8 || b[0] == ovpnResetClientV3) {
		return true
	}
	// tls-auth: an HMAC of the hash's size, packet ID and time. Without, neither.
	for _, mac := range [...]int{0, 16, 20, 28, 32, 48, 64} {
		off := 9
		if mac != 0 {
			off += mac + 8
			if off+5 > len(b) || be32(b, off-8) != 1 {
				continue
			}
		}
		// The acknowledgements (none in a client's reset; one and the peer's session in a
		// server's), then message packet ID 0, and nothing more but in newer versions a few flags.
		acks := int(b[off])
		if acks > 1 || acks == 1 && b[0] != ovpnResetServerV2 {
			continue
		}
		off++
		if acks == 1 {
			off += 4 + 8
		}
		if off+4 <= len(b) && be32(b, off) == 0 && len(b)-off-4 <= 8 {
			return true
		}
	}
	return false
}

// l2tp recognises L2TP version 2 (RFC 2661 section 3.1) on its port: a control message with its length.
func l2tp(p Packet) match {
	b := p.Payload
	const control, length, reserved = 0x80, 0x40, 0x34
	if !p.on(1701) || len(b) < 6 || b[1] != 2 || b[0]&reserved != 0 {
		return match{}
	}
	switch {
	case b[0]&control == 0:
		return likely(idL2TP)
	case b[0]&length != 0 && be16(b, 2) == len(b) && len(b) >= 12:
		return sure(idL2TP)
	}
	return match{}
}

// pptp recognises a control message (RFC 2637 section 1.4) by its magic cookie.
func pptp(p Packet) match {
	b := p.Payload
	if len(b) >= 12 && be32(b, 4) == 0x1a2b3c4d && be16(b, 2) <= 2 && be16(b, 0) >= 12 && be16(b, 0) <= 256 {
		return sure(idPPTP)
	}
	return match{}
}

// socks recognises a client's greeting: SOCKS 4 and 4a with a user name and, for 4a, a host; SOCKS 5
// (RFC 1928) with a list of methods; and on SOCKS's port the server's answer.
func socks(p Packet) match {
	b := p.Payload
	switch {
	case len(b) >= 9 && b[0] == 4 && (b[1] == 1 || b[1] == 2) && b[len(b)-1] == 0 && be16(b, 2) != 0:
		for _, c := range b[8 : len(b)-1] {
			if c != 0 && !isPrint(c) {
				return match{}
			}
		}
		if p.on(1080) || b[4] != 0 || b[5] == 0 && b[6] == 0 && len(b) > 10 {
			return sure(idSOCKS)
		}
	case len(b) >= 3 && b[0] == 5 && int(b[1]) == len(b)-2 && b[1] <= 8:
		// Methods: none, GSSAPI, user name, and private ones, each once and in rising order as
		// every known client sends them.
		for i, c := range b[2:] {
			if c > 9 && c < 0x80 || i > 0 && c <= b[1+i] || !p.on(1080) && c > 2 {
				return match{}
			}
		}
		return sure(idSOCKS)
	case len(b) == 2 && b[0] == 5 && p.SrcPort == 1080:
		return sure(idSOCKS)
	}
	return match{}
}
