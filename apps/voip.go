package apps

import "bytes"

var (
	sipMethods  = []string{"INVITE ", "REGISTER ", "OPTIONS ", "ACK ", "BYE ", "CANCEL ", "SUBSCRIBE ", "NOTIFY ", "MESSAGE ", "INFO ", "PRACK ", "UPDATE ", "REFER ", "PUBLISH "}
	rtspMethods = []string{"OPTIONS ", "DESCRIBE ", "SETUP ", "PLAY ", "PAUSE ", "TEARDOWN ", "ANNOUNCE ", "RECORD ", "GET_PARAMETER ", "SET_PARAMETER ", "REDIRECT "}
	mgcpVerbs   = []string{"CRCX ", "MDCX ", "DLCX ", "RQNT ", "NTFY ", "AUEP ", "AUCX ", "RSIP ", "EPCF "}
)

// afterMethod is the payload behind a method of list, or nil.
func afterMethod(b []byte, list []string) []byte {
	for _, m := range list {
		if hasPrefix(b, m) {
			return b[len(m):]
		}
	}
	return nil
}

// sip recognises SIP requests and responses (RFC 3261 section 7), over UDP and TCP.
func sip(p Packet) match {
	b := p.Payload
	if hasPrefix(b, "SIP/2.0 ") {
		if len(b) >= 11 && digits(b[8:11]) == 3 {
			return sure(idSIP)
		}
		return match{}
	}
	uri := afterMethod(b, sipMethods)
	if hasPrefixFold(uri, "SIP:") || hasPrefixFold(uri, "SIPS:") || hasPrefixFold(uri, "TEL:") {
		return sure(idSIP)
	}
	return match{}
}

// rtsp recognises RTSP requests and responses (RFC 7826 section 20.2) and on its ports media
// interleaved with them (section 14).
func rtsp(p Packet) match {
	b := p.Payload
	if hasPrefix(b, "RTSP/1.0 ") || hasPrefix(b, "RTSP/2.0 ") {
		return likely(idRTSP) // the request has the name
	}
	if b[0] == '$' && len(b) >= 16 && (p.on(554) || p.on(8554)) && b[4]>>6 == 2 {
		return likely(idRTSP)
	}
	uri := afterMethod(b, rtspMethods)
	switch {
	case hasPrefixFold(uri, "RTSP://"):
		host := uri[len("rtsp://"):]
		if i := bytes.IndexAny(host, "/ \r"); i >= 0 {
			return match{id: idRTSP, final: true, name: host[:i]}
		}
		return sure(idRTSP)
	case len(uri) > 1 && (uri[0] == '*' || uri[0] == '/') && contains(b, " RTSP/1.0\r\n", 512):
		return sure(idRTSP)
	}
	return match{}
}

// stun recognises STUN and TURN by the magic cookie (RFC 8489 section 5), and on their port the
// older form without it (RFC 3489), whose attributes must fill the message.
func stun(p Packet) match {
	b := p.Payload
	if len(b) < 20 || b[0]&0xc0 != 0 {
		return match{}
	}
	n := be16(b, 2)
	if n%4 != 0 || 20+n > len(b) || p.Proto == protoUDP && 20+n != len(b) {
		return match{}
	}
	if be32(b, 4) == 0x2112a442 {
		return sure(idSTUN)
	}
	if kind := be16(b, 0); !p.on(3478) || p.Proto != protoUDP || kind&0x0fff == 0 || kind&0x00ff > 2 || kind > 0x0112 {
		return match{}
	}
	for off := 20; off < len(b); off += 4 + be16(b, off+2) {
		if off+4 > len(b) || off+4+be16(b, off+2) > len(b) {
			return match{}
		}
	}
	return sure(idSTUN)
}

// rtcp recognises a compound RTCP packet (RFC 3550 section 6.1): sender or receiver report first, and
// lengths that fill the datagram.
func rtcp(p Packet) match {
	b := p.Payload
	if len(b) < 8 || b[1] != 200 && b[1] != 201 {
		return match{}
	}
	off := 0
	for off+4 <= len(b) {
		if b[off]>>6 != 2 || b[off+1] < 200 || b[off+1] > 207 {
			return match{}
		}
		off += 4 + 4*be16(b, off+2)
	}
	reports, header := int(b[0]&0x1f), 8
	if b[1] == 200 {
		header = 28
	}
	if off != len(b) || 4+4*be16(b, 2) < header+24*reports {
		return match{}
	}
	return sure(idRTCP)
}

// rtp recognises RTP (RFC 3550 section 5.1) without having seen its signalling, so only where more
// than the two fixed bits speaks for it: an audio format of RFC 3551 whose payload has a size that
// the format's frames give, MPEG transport streams, the header extension of RFC 8285, or RTP's own
// port. Never final.
func rtp(p Packet) match {
	b := p.Payload
	if len(b) < 12+10 || b[0]>>6 != 2 || p.SrcPort < 1024 || p.DstPort < 1024 || be32(b, 8) == 0 {
		return match{}
	}
	header := 12 + 4*int(b[0]&0x0f)
	if b[0]&0x10 != 0 { // header extension
		if header+4 > len(b) {
			return match{}
		}
		profile := be16(b, header)
		header += 4 + 4*be16(b, header+2)
		if header < len(b) && profile == 0xbede && b[0]&0x2f == 0 {
			return likely(idRTP)
		}
	}
	if header >= len(b) || b[0]&0x3f != 0 {
		return match{}
	}
	n, even := len(b)-header, p.SrcPort%2 == 0 && p.DstPort%2 == 0
	ok := false
	switch kind := b[1] & 0x7f; kind {
	case 0, 8, 9: // G.711 and G.722: 8 bytes a millisecond, 10 to 40 ms
		ok = even && n%80 == 0 && n <= 320
	case 3: // GSM full rate: frames of 33 bytes, which begin with d
		ok = even && n%33 == 0 && n <= 99 && b[header]>>4 == 0x0d
	case 33: // MPEG transport stream
		ok = n%188 == 0 && b[header] == 0x47
	default:
		ok = p.on(5004) && (kind <= 34 || kind >= 96)
	}
	if ok {
		return likely(idRTP)
	}
	return match{}
}

// mpegts recognises an MPEG transport stream alone in UDP: sync bytes at the start of two packets of
// 188 bytes or more.
func mpegts(p Packet) match {
	b := p.Payload
	if len(b) < 2*188 || len(b)%188 != 0 {
		return match{}
	}
	for i := 0; i < len(b); i += 188 {
		if b[i] != 0x47 || b[i+1]&0x80 != 0 || b[i+3]&0x30 == 0 {
			return match{}
		}
	}
	return sure(idMPEGTS)
}

// rtmp recognises RTMP's C0 and C1 or S0 and S1: version 3 and a chunk of 1,536 bytes that begins with
// a time and, but for Flash's own players and servers on port 1935, four zeros.
func rtmp(p Packet) match {
	b := p.Payload
	if len(b) >= 9 && b[0] == 3 && (p.on(1935) || len(b) >= 1200 && allZero(b[5:9])) {
		return sure(idRTMP)
	}
	return match{}
}

// iax recognises a full frame of IAX2 (RFC 5456 section 8.1) on its port.
func iax(p Packet) match {
	b := p.Payload
	if p.on(4569) && len(b) >= 12 && b[0]&0x80 != 0 && b[10] == 6 && b[11] >= 1 && b[11] <= 40 {
		return sure(idIAX)
	}
	return match{}
}

// skinny recognises Cisco's SCCP on its port: length, version and a message of at least 4 bytes.
func skinny(p Packet) match {
	b := p.Payload
	if p.on(2000) && len(b) >= 12 && le32(b, 0) >= 4 && int(le32(b, 0)) <= 8192 && le32(b, 4) <= 0x20 && le32(b, 8) <= 0x200 {
		return sure(idSkinny)
	}
	return match{}
}

// mgcp reports a command of MGCP (RFC 3435 section 3.2).
func mgcp(b []byte) bool {
	line, _, _ := cutLine(b)
	return hasAnyPrefix(b, mgcpVerbs) && contains(line, " MGCP 1.0", 256)
}
