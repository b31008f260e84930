package apps

// dhcp recognises BOOTP and DHCP (RFC 2131 section 2) by the options' magic cookie, and on their ports by
// the fixed fields, for captures that cut the packet before it.
func dhcp(p Packet) match {
	b := p.Payload
	if len(b) < 28 || b[0] != 1 && b[0] != 2 || b[2] > 16 || b[3] > 16 {
		return match{}
	}
	if len(b) >= 240 && be32(b, 236) == 0x63825363 || len(b) < 240 && (p.on(67) && p.on(68) || p.SrcPort == 67 && p.DstPort == 67) {
		return sure(idDHCP)
	}
	return match{}
}

// dhcpv6 recognises DHCPv6 (RFC 8415 sections 8 and 9) on its ports: a message type and options that
// fill the datagram.
func dhcpv6(p Packet) match {
	b := p.Payload
	if !p.on(546) && !p.on(547) || len(b) < 4 || b[0] < 1 || b[0] > 36 {
		return match{}
	}
	off := 4
	if b[0] == 12 || b[0] == 13 { // relay messages: hop count, link and peer address
		off = 34
	}
	for off+4 <= len(b) {
		off += 4 + be16(b, off+2)
	}
	if off != len(b) {
		return match{}
	}
	return sure(idDHCPv6)
}

// ntp recognises NTP (RFC 5905 section 7.3) on its port, control and private messages (modes 6 and 7)
// too.
func ntp(p Packet) match {
	b := p.Payload
	if !p.on(123) || len(b) < 8 {
		return match{}
	}
	version, mode := b[0]>>3&7, b[0]&7
	if version < 1 || version > 4 || mode == 0 {
		return match{}
	}
	if mode <= 5 && (len(b) < 48 || b[1] > 16) || mode == 6 && len(b) < 12 {
		return match{}
	}
	return sure(idNTP)
}

// snmp recognises SNMP versions 1, 2c (RFC 3416, RFC 1157) and 3 (RFC 3412): a BER sequence over the whole
// datagram, the version, and a community or the header of version 3.
func snmp(p Packet) match {
	b := p.Payload
	if len(b) < 12 || b[0] != 0x30 {
		return match{}
	}
	n, off, ok := berLen(b, 1)
	if !ok || off+n != len(b) && !(p.on(161) || p.on(162)) || off+5 > len(b) || b[off] != 2 || b[off+1] != 1 {
		return match{}
	}
	version := b[off+2]
	_, next, ok := berLen(b, off+4)
	if !ok || next > len(b) {
		return match{}
	}
	switch tag := b[off+3]; {
	case version <= 1 && tag == 4:
		n, _, _ := berLen(b, off+4)
		if next+n < len(b) && b[next+n]&0xf0 != 0xa0 { // the PDU
			return match{}
		}
		return sure(idSNMP)
	case version == 3 && tag == 0x30 && next < len(b) && b[next] == 2: // msgGlobalData, msgID
		return sure(idSNMP)
	}
	return match{}
}

// syslog recognises a message of RFC 5424 or RFC 3164: the priority in angle brackets, at most 191, then
// printable text.
func syslog(p Packet) match {
	b := p.Payload
	n := 0
	if len(b) > 4 && b[0] == '<' {
		n = digits(b[1:min(len(b), 5)])
	}
	if n == 0 || n > 3 || b[1+n] != '>' {
		return match{}
	}
	pri := 0
	for _, c := range b[1 : 1+n] {
		pri = 10*pri + int(c-'0')
	}
	text := b[2+n : min(len(b), 2+n+16)]
	if pri > 191 || len(text) < 4 || !printable(text) {
		return match{}
	}
	return sure(idSyslog)
}

// tftp recognises requests (RFC 1350 section 5): a file name and a mode. Later packets go between ports
// of their own and have nothing to recognise them by.
func tftp(p Packet) match {
	b := p.Payload
	if len(b) < 9 || b[0] != 0 || b[1] != 1 && b[1] != 2 {
		if p.on(69) && len(b) >= 4 && b[0] == 0 && b[1] >= 3 && b[1] <= 6 {
			return sure(idTFTP)
		}
		return match{}
	}
	for i, c := range b[2:] {
		if c == 0 && i > 0 {
			mode := b[2+i+1:]
			for _, m := range [...]string{"OCTET\x00", "NETASCII\x00", "MAIL\x00"} {
				if hasPrefixFold(mode, m) {
					return sure(idTFTP)
				}
			}
			return match{}
		}
		if !isPrint(c) {
			return match{}
		}
	}
	return match{}
}

// radius recognises RADIUS (RFC 2865 section 3): code, the datagram's length and attributes that fill it.
func radius(p Packet) match {
	b := p.Payload
	if len(b) < 20 || be16(b, 2) != len(b) || b[0] == 0 || b[0] > 5 && b[0] != 11 && (b[0] < 12 || b[0] > 13) && (b[0] < 40 || b[0] > 45) {
		return match{}
	}
	off := 20
	for off+2 <= len(b) {
		if b[off+1] < 2 {
			return match{}
		}
		off += int(b[off+1])
	}
	if off != len(b) || len(b) == 20 && !p.on(1812) && !p.on(1813) && !p.on(1645) && !p.on(1646) && !p.on(3799) {
		return match{}
	}
	return sure(idRADIUS)
}

// diameter recognises a Diameter message (RFC 6733 section 3) and its first AVP.
func diameter(p Packet) match {
	b := p.Payload
	if len(b) < 28 || b[0] != 1 || b[4]&0x0f != 0 {
		return match{}
	}
	n, avp := be24(b, 1), be24(b, 25)
	if n%4 != 0 || n < 28 || n > 1<<16 || avp < 8 || avp > n-20 || be32(b, 20) == 0 || be32(b, 20) > 4000 || b[24]&0x1f != 0 {
		return match{}
	}
	if n != len(b) && !p.on(3868) {
		return match{}
	}
	return sure(idDiameter)
}

// bgp recognises a message by its marker of ones (RFC 4271 section 4.1).
func bgp(p Packet) match {
	b := p.Payload
	if len(b) < 19 || be16(b, 16) < 19 || be16(b, 16) > 4096 || b[18] < 1 || b[18] > 5 {
		return match{}
	}
	for _, c := range b[:16] {
		if c != 0xff {
			return match{}
		}
	}
	return sure(idBGP)
}

// rpc recognises ONC RPC (RFC 5531 section 9) over UDP, rpcTCP behind a record mark.
func rpc(p Packet) match { return rpcMessage(p, p.Payload) }

func rpcTCP(p Packet) match {
	b := p.Payload
	if len(b) < 4+24 || b[0]&0x80 == 0 || be32(b, 0)&0x7fff_ffff < 24 {
		return match{}
	}
	return rpcMessage(p, b[4:])
}

// rpcMessage recognises a call of version 2 to a program that Sun assigned, and on NFS's and the
// port mapper's ports a reply.
func rpcMessage(p Packet, b []byte) match {
	if len(b) < 24 {
		return match{}
	}
	switch kind := be32(b, 4); {
	case kind == 0 && be32(b, 8) == 2 && be32(b, 16) <= 10:
		switch prog := be32(b, 12); {
		case prog == 100003 || prog == 100005 || prog == 100227:
			return sure(idNFS)
		case prog >= 100000 && prog < 101000:
			return sure(idRPC)
		}
	case kind == 1 && be32(b, 8) <= 1 && be32(b, 12) <= 6:
		switch {
		case p.SrcPort == 2049:
			return likely(idNFS)
		case p.SrcPort == 111:
			return likely(idRPC)
		}
	}
	return match{}
}

// slp recognises the Service Location Protocol, version 2 (RFC 2608 section 8), on its port.
func slp(p Packet) match {
	b := p.Payload
	if p.on(427) && len(b) >= 14 && b[0] == 2 && b[1] >= 1 && b[1] <= 11 && be24(b, 2) == len(b) {
		return sure(idSLP)
	}
	return match{}
}

// natpmp recognises NAT-PMP (RFC 6886 section 3) on its port.
func natpmp(p Packet) match {
	b := p.Payload
	if !p.on(5351) || len(b) < 2 || b[0] != 0 || b[1]&0x7f > 2 {
		return match{}
	}
	switch len(b) {
	case 2, 8, 12, 16:
		return sure(idNATPMP)
	}
	return match{}
}

// xdmcp recognises X display manager control on its port: version 1, an opcode, the length.
func xdmcp(p Packet) match {
	b := p.Payload
	if p.on(177) && len(b) >= 6 && be16(b, 0) == 1 && be16(b, 2) >= 1 && be16(b, 2) <= 13 && be16(b, 4) == len(b)-6 {
		return sure(idXDMCP)
	}
	return match{}
}
