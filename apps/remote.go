package apps

// ssh recognises the identification string (RFC 4253 section 4.2).
func ssh(p Packet) match {
	if hasPrefix(p.Payload, "SSH-2.0-") || hasPrefix(p.Payload, "SSH-1.") {
		return sure(idSSH)
	}
	return match{}
}

// telnet recognises option negotiation (RFC 854, RFC 855): two commands in a row, one on Telnet's port.
func telnet(p Packet) match {
	b := p.Payload
	n := 0
	for len(b) >= 3 && b[0] == 255 && b[1] >= 251 && b[1] <= 254 && (b[2] <= 50 || b[2] == 255) {
		b = b[3:]
		n++
	}
	if n >= 2 || n == 1 && p.on(23) {
		return sure(idTelnet)
	}
	return match{}
}

// tpkt recognises what runs over TPKT (RFC 1006): RDP, S7 and H.225 call signalling.
func tpkt(p Packet) match {
	b := p.Payload
	if len(b) < 7 || b[0] != 3 || b[1] != 0 || be16(b, 2) < 7 {
		return match{}
	}
	n, header := be16(b, 2), int(b[4])
	const connectRequest, connectConfirm, data = 0xe0, 0xd0, 0xf0
	switch {
	case b[5] == connectRequest || b[5] == connectConfirm:
		if header != n-5 || b[5] == connectRequest && (b[6] != 0 || len(b) > 7 && b[7] != 0) {
			return match{}
		}
		switch {
		case p.on(3389), contains(b, "Cookie: mstshash=", 64), n == len(b) && n >= 19 && rdpNegotiation(b[n-8:]):
			return sure(idRDP)
		case p.on(102):
			return likely(idS7Comm) // or another user of ISO transport; the first data packet tells
		}
	case b[5] == data && header == 2 && b[6] == 0x80 && len(b) > 7:
		switch {
		case b[7] == 0x32 && len(b) > 8 && (b[8] >= 1 && b[8] <= 3 || b[8] == 7):
			return sure(idS7Comm)
		case b[7] == 0x72 && p.on(102):
			return sure(idS7CommPlus)
		case p.on(3389):
			return sure(idRDP)
		}
	case b[4] == 8 && b[5] == 2 && len(b) > 8 && p.on(1720): // Q.931, call reference of 2 bytes
		return sure(idH323)
	}
	return match{}
}

// rdpNegotiation reports an RDP negotiation request, response or failure ([MS-RDPBCGR] section 2.2.1.1.1).
func rdpNegotiation(b []byte) bool {
	return b[0] >= 1 && b[0] <= 3 && b[2] == 8 && b[3] == 0 && allZero(b[5:8])
}

// vnc recognises the version that both sides send first (RFC 6143 section 7.1.1).
func vnc(p Packet) match {
	b := p.Payload
	if hasPrefix(b, "RFB 00") && len(b) >= 12 && b[7] == '.' && b[11] == '\n' && digits(b[8:11]) == 3 {
		return sure(idVNC)
	}
	return match{}
}

// citrix recognises ICA's greeting, and that of its session reliability.
func citrix(p Packet) match {
	if hasPrefix(p.Payload, "\x7f\x7fICA\x00") || hasPrefix(p.Payload, "\x1aCGP/01") {
		return sure(idCitrix)
	}
	return match{}
}

// teamviewer recognises TeamViewer's packet marker on its port.
func teamviewer(p Packet) match {
	b := p.Payload
	if p.on(5938) && len(b) >= 4 && (b[0] == 0x17 && b[1] == 0x24 || b[0] == 0x11 && b[1] == 0x30) {
		return sure(idTeamViewer)
	}
	return match{}
}

// afp recognises a Data Stream Interface header on AFP's port.
func afp(p Packet) match {
	b := p.Payload
	if p.on(548) && len(b) >= 16 && b[0] <= 1 && b[1] >= 1 && b[1] <= 8 && be32(b, 12) == 0 {
		return sure(idAFP)
	}
	return match{}
}

// textTCP recognises further protocols whose first line is telling.
func textTCP(p Packet) match {
	b := p.Payload
	switch {
	case hasPrefix(b, "@RSYNCD: "):
		return sure(idRSYNC)
	case gitRequest(b):
		return sure(idGit)
	case hasPrefix(b, "GNUTELLA CONNECT/"), hasPrefix(b, "GNUTELLA/0."):
		return sure(idGnutella)
	case hasPrefix(b, "# munin node at "):
		return sure(idMunin)
	case ircLine(p):
		return sure(idIRC)
	case hasPrefix(b, "MEGACO/"), hasPrefix(b, "!/1 ["):
		return sure(idMegaco)
	case corba(b):
		return sure(idCorba)
	case p.on(43) && p.FromClient && len(textLine(b)) > 0:
		return sure(idWhois)
	case p.on(514) || p.on(601) || p.on(6514):
		return syslog(p)
	}
	return match{}
}

// gitRequest reports the first pkt-line of git's own protocol: four hex digits and the service.
func gitRequest(b []byte) bool {
	if len(b) < 20 {
		return false
	}
	for _, c := range b[:4] {
		if !isDigit(c) && (c < 'a' || c > 'f') {
			return false
		}
	}
	b = b[4:]
	return hasPrefix(b, "git-upload-pack ") || hasPrefix(b, "git-receive-pack ") || hasPrefix(b, "git-upload-archive ")
}

// ircLine reports a client's registration or a server's notice (RFC 2812 section 3.1).
func ircLine(p Packet) bool {
	b := p.Payload
	switch {
	case hasPrefix(b, "NOTICE AUTH :"), hasPrefix(b, "CAP LS"), hasPrefix(b, ":") && contains(b, " NOTICE ", 128) && contains(b, " :***", 160):
		return len(textLine(b)) > 0
	case hasPrefix(b, "NICK "):
		return contains(b, "\nUSER ", 256) || p.DstPort >= 6660 && p.DstPort <= 6669
	case hasPrefix(b, "USER "), hasPrefix(b, "PASS "):
		return contains(b, "\nNICK ", 256)
	}
	return false
}
