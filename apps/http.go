package apps

import "bytes"

// httpMethods are those of RFC 9110, RFC 5789 and WebDAV (RFC 4918, RFC 3253, RFC 5323).
var httpMethods = []string{
	"GET ", "POST ", "HEAD ", "PUT ", "DELETE ", "OPTIONS ", "CONNECT ", "PATCH ", "TRACE ", "PROPFIND ",
	"PROPPATCH ", "MKCOL ", "COPY ", "MOVE ", "LOCK ", "UNLOCK ", "REPORT ", "SEARCH ", "MERGE ", "SUBSCRIBE ",
	"UNSUBSCRIBE ", "NOTIFY ",
}

// http recognises HTTP/1.x requests and responses (RFC 9112), the HTTP/2 preface and the PROXY
// protocol's text form. A request gives its Host.
func http(p Packet) match {
	b := p.Payload
	if hasPrefix(b, "HTTP/1.") {
		if len(b) >= 12 && (b[7] == '0' || b[7] == '1') && b[8] == ' ' && digits(b[9:12]) == 3 {
			return likely(idHTTP) // the request, and with it the name, may come late
		}
		return match{}
	}
	if hasPrefix(b, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") {
		return sure(idHTTP2)
	}
	if hasPrefix(b, "PROXY TCP") || hasPrefix(b, "PROXY UNKNOWN\r\n") {
		return sure(idHAProxy)
	}
	if !hasAnyPrefix(b, httpMethods) {
		return match{}
	}
	line, headers, whole := cutLine(b)
	target := line[bytes.IndexByte(line, ' ')+1:]
	if whole {
		i := bytes.LastIndexByte(target, ' ')
		if i < 0 || !hasPrefix(target[i+1:], "HTTP/1.") {
			return match{}
		}
		target = target[:i]
	}
	if len(target) == 0 || !printable(target) {
		return match{}
	}
	return httpRequest(line, target, headers, whole)
}

// httpRequest looks at a request whose first line is known to be sound as far as it was captured.
func httpRequest(line, target, headers []byte, whole bool) match {
	if hasPrefix(line, "CONNECT ") {
		if !whole {
			return match{} // nothing but a word so far
		}
		return match{id: idHTTPConnect, final: true, name: target}
	}
	m := likely(idHTTP)
	switch {
	case hasPrefixFold(target, "HTTP://"):
		host := uriHost(target[len("http://"):])
		if whole || len(host) < len(target)-len("http://") {
			m.name = host
		}
		m.id = idHTTPProxy
	case whole && target[0] == '*' && len(target) == 1:
	case target[0] != '/':
		return match{}
	}
	for range 256 {
		var h []byte
		h, headers, whole = cutLine(headers)
		if len(h) == 0 {
			// The end of all headers, or of what was captured: only the former is final.
			m.final = m.final || whole
			break
		}
		switch {
		case hasPrefixFold(h, "HOST:"):
			if whole && m.name == nil {
				m.name = bytes.TrimSpace(h[len("host:"):])
			}
			m.final = whole
		case hasPrefixFold(h, "UPGRADE:") && hasPrefixFold(bytes.TrimSpace(h[len("upgrade:"):]), "WEBSOCKET"):
			m.id = idWebSocket
		case hasPrefixFold(h, "CONTENT-TYPE:") && hasPrefixFold(bytes.TrimSpace(h[len("content-type:"):]), "APPLICATION/IPP"):
			m.id = idIPP
		}
	}
	return m
}

// uriHost is the host and port at the start of an absolute URI's rest.
func uriHost(b []byte) []byte {
	if i := bytes.IndexAny(b, "/?#"); i >= 0 {
		b = b[:i]
	}
	return b
}

// http2 recognises a server's first HTTP/2 frame, SETTINGS on stream 0 (RFC 9113 section 6.5), which is
// all that is seen when the client's preface was not captured.
func http2(p Packet) match {
	b := p.Payload
	if len(b) < 9 || b[3] != 4 || b[4] != 0 || be32(b, 5) != 0 {
		return match{}
	}
	n := be24(b, 0)
	if n == 0 || n%6 != 0 || n > 6*32 || len(b) < 9+n {
		return match{}
	}
	for off := 9; off < 9+n; off += 6 {
		if id := be16(b, off); id == 0 || id > 0x10 {
			return match{}
		}
	}
	return sure(idHTTP2)
}

// haproxy recognises the PROXY protocol's binary form (its version 2).
func haproxy(p Packet) match {
	b := p.Payload
	if hasPrefix(b, "\r\n\r\n\x00\r\nQUIT\n") && len(b) >= 16 && b[12]>>4 == 2 {
		return sure(idHAProxy)
	}
	return match{}
}

// ssdp recognises UPnP discovery: HTTP-like requests over UDP, and their answers from port 1900.
func ssdp(p Packet) match {
	b := p.Payload
	if hasPrefix(b, "M-SEARCH * HTTP/1.1\r\n") || hasPrefix(b, "NOTIFY * HTTP/1.1\r\n") ||
		hasPrefix(b, "HTTP/1.1 200 OK\r\n") && (p.on(1900) || contains(b, "\r\nST:", 512)) {
		return sure(idSSDP)
	}
	return match{}
}
