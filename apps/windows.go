package apps

// smbHeader finds an SMB header at b's start: SMB 1 by its own marker, SMB 2 and 3 by theirs or those
// of an encrypted or compressed message ([MS-SMB2] section 2.2).
func smbHeader(b []byte) ID {
	if len(b) < 4 || string(b[1:4]) != "SMB" {
		return Unknown
	}
	switch b[0] {
	case 0xff:
		return idSMBv1
	case 0xfe, 0xfd, 0xfc:
		return idSMBv23
	}
	return Unknown
}

// smb recognises SMB over TCP, behind the 4-byte header of NetBIOS sessions (RFC 1002 section 4.3.1) or
// direct hosting. An SMB 1 negotiation may end in SMB 2 and is not final.
func smb(p Packet) match {
	b := p.Payload
	if len(b) < 8 || b[0] != 0 {
		return match{}
	}
	switch smbHeader(b[4:]) {
	case idSMBv23:
		return sure(idSMBv23)
	case idSMBv1:
		const negotiate = 0x72
		return match{id: idSMBv1, final: len(b) > 8 && b[8] != negotiate}
	}
	return match{}
}

// netbios recognises NetBIOS's name service (RFC 1002 section 4.2) and, on its port, the datagram service
// (section 4.4). SMB mailslots in datagrams count as SMBv1, as in nDPI.
func netbios(p Packet) match {
	b := p.Payload
	if p.on(138) {
		return netbiosDatagram(b)
	}
	// A name of 32 letters A to P, in a question or in a node's answer.
	if len(b) < 12+34 || be16(b, 4) > 1 || be16(b, 6) > 1 || be16(b, 4)+be16(b, 6) == 0 || !encodedName(b[12:]) {
		return match{}
	}
	return sure(idNetBIOS)
}

func netbiosDatagram(b []byte) match {
	// The header's own source port is 0 from some senders; then the name must be sound.
	if len(b) < 14 || b[0] < 0x10 || b[0] > 0x16 || be16(b, 8) != 138 && !encodedName(b[14:]) {
		return match{}
	}
	// After the header of 14 bytes come two encoded names, in most cases without scope.
	if len(b) >= 14+34+34+4 && smbHeader(b[14+34+34:]) == idSMBv1 {
		return sure(idSMBv1)
	}
	return sure(idNetBIOS)
}

// encodedName reports a first-level encoded NetBIOS name (RFC 1001 section 14.1).
func encodedName(b []byte) bool {
	if len(b) < 33 || b[0] != 32 {
		return false
	}
	for _, c := range b[1:33] {
		if c < 'A' || c > 'P' {
			return false
		}
	}
	return true
}

// netbiosSession recognises the session service's own packets (RFC 1002 section 4.3) on its port.
func netbiosSession(p Packet) match {
	b := p.Payload
	if !p.on(139) || len(b) < 4 || b[1]&^1 != 0 {
		return match{}
	}
	switch n := be16(b, 2); b[0] {
	case 0x81:
		if len(b) >= 4+33 && encodedName(b[4:]) {
			return likely(idNetBIOS)
		}
	case 0x82, 0x85:
		if n == 0 && len(b) == 4 {
			return likely(idNetBIOS)
		}
	case 0x83:
		if n == 1 && len(b) == 5 {
			return likely(idNetBIOS)
		}
	}
	return match{}
}

// dcerpc recognises connection-oriented DCE/RPC, version 5 (C706 section 12.6), little or big endian.
func dcerpc(p Packet) match {
	b := p.Payload
	if len(b) < 16 || b[0] != 5 || b[1] > 1 || b[2] > 19 || b[4]&^0x10 != 0 || b[5] > 3 || b[6] != 0 || b[7] != 0 {
		return match{}
	}
	n := be16(b, 8)
	if b[4] == 0x10 {
		n = le16(b, 8)
	}
	if n < 16 || n > 0x4000 || n > len(b) && !p.on(135) && len(b) < 512 {
		return match{}
	}
	return sure(idDCERPC)
}

// kerberosTCP recognises a Kerberos message behind its 4-byte length (RFC 4120 section 7.2.2).
func kerberosTCP(p Packet) match {
	b := p.Payload
	if len(b) < 4+12 || be32(b, 0) > 1<<20 || int(be32(b, 0)) < len(b)-4 {
		return match{}
	}
	if kerberos(b[4:], int(be32(b, 0))) {
		return sure(idKerberos)
	}
	return match{}
}

// kerberosUDP recognises a Kerberos message alone in its datagram.
func kerberosUDP(p Packet) match {
	if kerberos(p.Payload, len(p.Payload)) {
		return sure(idKerberos)
	}
	return match{}
}

// kerberos checks the DER of a message of size bytes, b being its captured start: an application
// tag, a sequence, and in it the field pvno, which is 5 (RFC 4120 section 5).
func kerberos(b []byte, size int) bool {
	if len(b) < 12 {
		return false
	}
	switch b[0] {
	case 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f, 0x74, 0x75, 0x76, 0x7e:
	default:
		return false
	}
	n, off, ok := berLen(b, 1)
	if !ok || off+n != size || off >= len(b) || b[off] != 0x30 {
		return false
	}
	_, off, ok = berLen(b, off+1)
	// [0] or [1] EXPLICIT INTEGER 5
	return ok && off+5 <= len(b) && (b[off] == 0xa0 || b[off] == 0xa1) && string(b[off+1:off+5]) == "\x03\x02\x01\x05"
}

// ldap recognises an LDAP message (RFC 4511 section 4.1.1), over UDP too, as domain controllers use it.
func ldap(p Packet) match {
	b := p.Payload
	if len(b) < 7 || b[0] != 0x30 {
		return match{}
	}
	n, off, ok := berLen(b, 1)
	if !ok || off+2 > len(b) || b[off] != 0x02 || off+n > len(b) && !p.on(389) && !p.on(3268) {
		return match{}
	}
	id, off, ok := berLen(b, off+1)
	if !ok || id < 1 || id > 4 || off+id >= len(b) {
		return match{}
	}
	switch b[off+id] {
	case 0x60, 0x61, 0x42, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x4a, 0x50, 0x6e, 0x6f, 0x73, 0x77, 0x78:
		inner, next, ok := berLen(b, off+id+1)
		if ok && next+inner <= off+n+2 && inner <= n {
			return sure(idLDAP)
		}
	}
	return match{}
}
