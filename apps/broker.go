package apps

// mqtt recognises CONNECT (MQTT 3.1, 3.1.1 and 5) on any port and CONNACK on MQTT's.
func mqtt(p Packet) match {
	b := p.Payload
	if len(b) < 4 {
		return match{}
	}
	if b[0] == 0x20 && p.SrcPort == 1883 && int(b[1]) == len(b)-2 && b[2] <= 1 {
		return sure(idMQTT)
	}
	if b[0] != 0x10 {
		return match{}
	}
	off, n := 1, 0
	for shift := 0; ; shift += 7 { // remaining length: 7 bits a byte, least significant first
		if off == len(b) || shift > 21 {
			return match{}
		}
		c := b[off]
		off++
		n |= int(c&0x7f) << shift
		if c < 0x80 {
			break
		}
	}
	if n < 10 || n < len(b)-off && n < 12 {
		return match{}
	}
	rest := b[off:]
	if hasPrefix(rest, "\x00\x04MQTT") && len(rest) > 6 && rest[6] >= 3 && rest[6] <= 5 || hasPrefix(rest, "\x00\x06MQIsdp\x03") {
		return sure(idMQTT)
	}
	return match{}
}

// amqp recognises the protocol header of AMQP 0-9-1 and 1.0, which either side may send.
func amqp(p Packet) match {
	b := p.Payload
	if hasPrefix(b, "AMQP") && len(b) >= 8 && b[4] <= 3 && b[5] <= 1 && b[6] <= 9 && b[7] <= 10 {
		return sure(idAMQP)
	}
	return match{}
}

// broker recognises message brokers with text protocols: NATS, STOMP and XMPP.
func broker(p Packet) match {
	b := p.Payload
	switch {
	case hasPrefix(b, "INFO {") && contains(b, "server_id", 256), hasPrefix(b, "CONNECT {"):
		return sure(idNATS)
	case hasPrefix(b, "CONNECT\n"), hasPrefix(b, "CONNECT\r\n"), hasPrefix(b, "STOMP\n"), hasPrefix(b, "STOMP\r\n"):
		if contains(b, "accept-version:", 512) || contains(b, "host:", 512) || contains(b, "login:", 512) {
			return sure(idSTOMP)
		}
	case hasPrefix(b, "CONNECTED\n") && contains(b, "version:", 512):
		return sure(idSTOMP)
	case hasPrefix(b, "<?xml"), hasPrefix(b, "<stream:stream"):
		if contains(b, "<stream:stream", 128) {
			return sure(idJabber)
		}
	}
	return match{}
}

// zeromq recognises ZMTP's greeting: a signature of ff, eight bytes and 7f (ZMTP 3.1 section 2.2).
func zeromq(p Packet) match {
	b := p.Payload
	if len(b) >= 10 && b[0] == 0xff && b[9] == 0x7f && allZero(b[1:8]) && b[8] <= 1 {
		return sure(idZeroMQ)
	}
	return match{}
}

// ajp recognises Apache JServ 1.3: a forward request of a web server, or the container's answer.
func ajp(p Packet) match {
	b := p.Payload
	if len(b) < 5 || be16(b, 2) < 1 || be16(b, 2) > 8188 {
		return match{}
	}
	n, port := be16(b, 2), p.on(8009)
	switch {
	case b[0] == 0x12 && b[1] == 0x34 && (b[4] == 2 || b[4] == 10 && n == 1) && (port || n == len(b)-4),
		b[0] == 'A' && b[1] == 'B' && (port || n == len(b)-4 && (b[4] == 9 && n == 1 || b[4] == 4 && n >= 8)):
		return sure(idAJP)
	}
	return match{}
}

// fastcgi recognises FCGI_BEGIN_REQUEST (FastCGI specification section 5.1).
func fastcgi(p Packet) match {
	b := p.Payload
	if len(b) >= 16 && b[0] == 1 && b[1] == 1 && be16(b, 4) == 8 && b[8] == 0 && b[9] >= 1 && b[9] <= 3 && b[10] <= 1 && allZero(b[11:16]) {
		return sure(idFastCGI)
	}
	return match{}
}

// smpp recognises the bind operations of SMPP 3.4 and their answers.
func smpp(p Packet) match {
	b := p.Payload
	if len(b) < 17 || int(be32(b, 0)) != len(b) || be32(b, 8) > 0xff {
		return match{}
	}
	switch be32(b, 4) &^ 0x8000_0000 {
	case 1, 2, 9:
		return sure(idSMPP)
	}
	return match{}
}

// corba recognises GIOP (OMG CORBA part 2, section 9.4.1).
func corba(b []byte) bool {
	return hasPrefix(b, "GIOP") && len(b) >= 12 && b[4] == 1 && b[5] <= 3 && b[7] <= 7
}

// rtps recognises DDS's wire protocol (OMG DDSI-RTPS section 9.4.4).
func rtps(b []byte) bool {
	return (hasPrefix(b, "RTPS") || hasPrefix(b, "RTPX")) && len(b) >= 20 && b[4] <= 2 && b[4] > 0
}
