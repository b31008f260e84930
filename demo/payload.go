package demo

import "encoding/binary"

// First payloads, by which the application is recognised.
var (
	sshBanner    = []byte("SSH-2.0-OpenSSH_9.6\r\n")
	smbNegotiate = []byte{0, 0, 0, 0x44, 0xfe, 'S', 'M', 'B', 0x40, 0}
	smtpBanner   = []byte("220 mail.example.com ESMTP\r\n")
	smtpHello    = []byte("EHLO desk.example.com\r\n")
	imapBanner   = []byte("* OK [CAPABILITY IMAP4rev1] ready\r\n")
	imapLogin    = []byte("a1 CAPABILITY\r\n")
	httpGet      = []byte("GET / HTTP/1.1\r\nHost: updates.example.org\r\nAccept: */*\r\n\r\n")
	httpOK       = []byte("HTTP/1.1 200 OK\r\nServer: example\r\nContent-Type: application/octet-stream\r\n\r\n")
	tlsServer    = []byte{22, 3, 3, 0, 122, 2, 0, 0, 118, 3, 3}
	ntpAsk       = append([]byte{0x23}, make([]byte, 47)...)
	ntpAnswer    = append([]byte{0x24, 2}, make([]byte, 46)...)
	rtpHead      = []byte{0x80, 0, 0, 1, 0, 0, 0, 160, 0xde, 0xad, 0xbe, 0xef}
	mdnsAsk      = []byte{0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 4, '_', 'i', 'p', 'p', 4, '_', 't', 'c', 'p', 5, 'l', 'o', 'c', 'a', 'l', 0, 0, 12, 0, 1}
)

// hellos are the ClientHello of each of sites.
var hellos = func() [][]byte {
	list := make([][]byte, len(sites))
	for i, s := range sites {
		list[i] = clientHello(s)
	}
	return list
}()

// clientHello is a TLS record with a ClientHello (RFC 8446 section 4.1.2) that names the server (RFC
// 6066 section 3).
func clientHello(server string) []byte {
	be := binary.BigEndian
	entry := append(be.AppendUint16([]byte{0}, uint16(len(server))), server...)
	list := append(be.AppendUint16(nil, uint16(len(entry))), entry...)
	ext := append(be.AppendUint16([]byte{0, 0}, uint16(len(list))), list...)
	body := append([]byte{3, 3}, make([]byte, 32)...) // version, random
	body = append(body, 0, 0, 2, 0x13, 0x01, 1, 0)    // no session, one suite, no compression
	body = append(be.AppendUint16(body, uint16(len(ext))), ext...)
	hello := append([]byte{1, 0}, be.AppendUint16(nil, uint16(len(body)))...)
	hello = append(hello, body...)
	return append(be.AppendUint16([]byte{22, 3, 1}, uint16(len(hello))), hello...)
}

// question is a DNS query for an address of name; id tells it from others.
func question(id uint16, name string) []byte {
	q := binary.BigEndian.AppendUint16(nil, id)
	q = append(q, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0) // recursion desired, one question
	for label := 0; label < len(name); {
		end := label
		for end < len(name) && name[end] != '.' {
			end++
		}
		q = append(append(q, byte(end-label)), name[label:end]...)
		label = end + 1
	}
	return append(q, 0, 0, 1, 0, 1)
}

// answer turns a DNS query into its answer with an address of the documentation.
func answer(q []byte) []byte {
	a := append([]byte(nil), q...)
	a[2], a[3], a[7] = 0x81, 0x80, 1 // a response, recursion available, one answer
	return append(a, 0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 0x2c, 0, 4, 203, 0, 113, 80)
}
