package apps

import (
	"encoding/binary"
	"encoding/hex"
	"strings"
)

// A sample is a packet as a protocol really sends it, and what Classify must say.
type sample struct {
	name         string
	want         ID
	proto        uint8
	sport, dport uint16 // 0, 0: ports that mean nothing, so the payload alone decides
	fromServer   bool
	data         []byte
	server       string
	notFinal     bool
}

func (s *sample) packet() Packet {
	p := Packet{Proto: s.proto, SrcPort: s.sport, DstPort: s.dport, FromClient: !s.fromServer, Payload: s.data}
	if p.SrcPort == 0 {
		p.SrcPort = 40001
	}
	if p.DstPort == 0 {
		p.DstPort = 40003
	}
	return p
}

// unhex reads hex digits; spaces are for the reader.
func unhex(s string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		panic(err)
	}
	return b
}

func zeros(n int) []byte { return make([]byte, n) }

func cat(parts ...any) []byte {
	var b []byte
	for _, p := range parts {
		switch p := p.(type) {
		case string:
			b = append(b, p...)
		case []byte:
			b = append(b, p...)
		case int:
			b = append(b, byte(p))
		}
	}
	return b
}

func u16(n int) []byte { return binary.BigEndian.AppendUint16(nil, uint16(n)) }
func u32(n int) []byte { return binary.BigEndian.AppendUint32(nil, uint32(n)) }
func l16(n int) []byte { return binary.LittleEndian.AppendUint16(nil, uint16(n)) }
func l32(n int) []byte { return binary.LittleEndian.AppendUint32(nil, uint32(n)) }

// counting is n bytes that look like ciphertext: no zeros in a row, no text.
func counting(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(0x80 + i*37%113)
	}
	return b
}

// clientHello is a handshake message with a server_name extension between two others.
func clientHello(host string) []byte {
	var ext []byte
	ext = cat(ext, u16(0x0a0a), u16(0))
	if host != "" {
		n := len(host)
		ext = cat(ext, u16(0), u16(n+5), u16(n+3), 0, u16(n), host)
	}
	ext = cat(ext, u16(43), u16(3), 2, u16(0x304))
	body := cat(u16(0x303), counting(32), 32, counting(32), u16(4), u16(0x1301), u16(0x1302), 1, 0, u16(len(ext)), ext)
	return cat(1, 0, u16(len(body)), body)
}

func tlsRecord(kind int, data []byte) []byte { return cat(kind, u16(0x301), u16(len(data)), data) }

// dtlsHello is a DTLS 1.2 record with a ClientHello that has an empty cookie.
func dtlsHello(host string) []byte {
	h := clientHello(host)
	const sessionEnd = 4 + 2 + 32 + 1 + 32
	body := cat(u16(0xfefd), h[6:sessionEnd], 0, h[sessionEnd:])
	n := cat(0, u16(len(body)))
	msg := cat(1, n, u16(0), zeros(3), n, body)
	return cat(22, u16(0xfefd), zeros(8), u16(len(msg)), msg)
}

// dnsQuery is a question of type A for name.
func dnsQuery(name string, flags int) []byte {
	b := cat(u16(0x1234), u16(flags), u16(1), zeros(6))
	for label := range strings.SplitSeq(name, ".") {
		b = cat(b, len(label), label)
	}
	return cat(b, 0, u16(1), u16(1))
}

// netbiosName is a first-level encoded name with its length and end.
const netbiosName = "\x20FHEPFCELEHFCEPFFFACACACACACACABN\x00"

// ber is a BER or DER element with a one- or two-byte length.
func ber(tag int, parts ...any) []byte {
	v := cat(parts...)
	if len(v) < 128 {
		return cat(tag, len(v), v)
	}
	return cat(tag, 0x81, len(v), v)
}

// googleHello is a Google QUIC Q043 packet with a CHLO.
func googleHello(host string) []byte {
	tags := cat("PAD\x00", l32(4), "SNI\x00", l32(4+len(host)), "VER\x00", l32(8+len(host)))
	return cat(0x09, counting(8), "Q043", 1, counting(12), 0xa0, 1, u16(1200), "CHLO", l16(3), l16(0), tags, "----", host, "Q043", zeros(900))
}

func radiusRequest() []byte {
	attr := cat(1, 6, "user", 4, 6, u32(0xc0000201))
	return cat(1, 7, u16(20+len(attr)), counting(16), attr)
}

func dhcpDiscover() []byte {
	return cat(1, 1, 6, 0, counting(4), zeros(20), unhex("00005e005301"), zeros(10+192), unhex("63825363 350101 ff"))
}

func enipRequest(cmd, session int, data []byte) []byte {
	return cat(l16(cmd), l16(len(data)), l32(session), zeros(4), counting(8), zeros(4), data)
}
