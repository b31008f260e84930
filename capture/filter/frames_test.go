package filter_test

import (
	"bytes"
	"encoding/binary"
	"slices"

	"github.com/netmond/netmond/packet"
)

// cat joins byte slices, bytes and strings.
func cat(parts ...any) []byte {
	var b []byte
	for _, p := range parts {
		switch p := p.(type) {
		case int:
			b = append(b, byte(p))
		case uint16:
			b = binary.BigEndian.AppendUint16(b, p)
		case uint32:
			b = binary.BigEndian.AppendUint32(b, p)
		case string:
			b = append(b, p...)
		case []byte:
			b = append(b, p...)
		default:
			panic("cat: not bytes")
		}
	}
	return b
}

var (
	mac1  = []byte{0, 0, 0x5e, 0, 0x53, 1}
	mac2  = []byte{0, 0, 0x5e, 0, 0x53, 2}
	group = []byte{1, 0, 0x5e, 0, 0, 5}
	all   = []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	addr1 = []byte{192, 0, 2, 1}
	addr2 = []byte{192, 0, 2, 2}
	addr3 = []byte{198, 51, 100, 7}
	six1  = cat("\x20\x01\x0d\xb8", make([]byte, 11), 1)
	six2  = cat("\x20\x01\x0d\xb8", make([]byte, 11), 2)
	six3  = cat("\x20\x01\x0d\xb8\x00\x00\x00\x01", make([]byte, 7), 9)
	six4  = cat("\xff\x02", make([]byte, 13), 1)
)

func ip4(proto int, fragment uint16, options []byte, src, dst, payload []byte) []byte {
	return cat(0x45+len(options)/4, 0, uint16(20+len(options)+len(payload)), uint16(7), fragment, 64, proto, uint16(0), src, dst, options, payload)
}

func ip6(next int, src, dst, payload []byte) []byte {
	return cat(0x60, 0, uint16(0), uint16(len(payload)), next, 64, src, dst, payload)
}

func tcp(src, dst uint16, flags int, payload string) []byte {
	return cat(src, dst, uint32(5000), uint32(0), 0x50, flags, uint16(1000), uint16(0), uint16(0), payload)
}

func udp(src, dst uint16, payload []byte) []byte {
	return cat(src, dst, uint16(8+len(payload)), uint16(0), payload)
}

func arp(op uint16, src, dst []byte) []byte {
	return cat(uint16(1), uint16(0x0800), 6, 4, op, mac1, src, mac2, dst)
}

// A body is what a link layer carries: by EtherType, or LLC when kind is 0.
type body struct {
	kind uint16
	data []byte
}

// bodies are packets of every kind that the expressions speak of.
func bodies() []body {
	four := func(b []byte) body { return body{0x0800, b} }
	six := func(b []byte) body { return body{0x86dd, b} }
	geneve := func(proto uint16, options, inner []byte) []byte {
		return udp(40000, 6081, cat(len(options)/4, 0, proto, uint32(7<<8), options, inner))
	}
	inner := cat(mac1, mac2, uint16(0x0800), ip4(6, 0, nil, addr1, addr2, tcp(80, 1024, 2, "x")))
	innerTag := cat(all, mac1, uint16(0x8100), uint16(7), uint16(0x0800), ip4(1, 0, nil, addr1, addr2, cat(8, 0, uint16(0), uint32(1))))
	list := []body{
		four(ip4(6, 0, nil, addr1, addr2, tcp(1024, 80, 2, "GET / HTTP"))),
		four(ip4(6, 0x4000, nil, addr2, addr1, tcp(443, 2000, 0x12, ""))),
		four(ip4(6, 0, cat(1, 1, 1, 1, 1, 1, 1, 0), addr1, addr3, tcp(20, 21, 0x11, "abc"))),
		four(ip4(6, 0x2000, nil, addr1, addr2, tcp(80, 80, 0x10, "")[:16])),
		four(ip4(6, 185, nil, addr1, addr2, tcp(80, 80, 0x10, ""))),
		four(ip4(17, 0, nil, addr2, addr3, udp(53, 1025, []byte("dns")))),
		four(ip4(17, 0, cat(1, 1, 1, 0), addr3, addr1, udp(53, 53, nil))),
		four(ip4(17, 0, nil, addr1, []byte{224, 0, 0, 251}, udp(67, 68, nil))),
		four(ip4(17, 0, nil, addr1, addr1, udp(1500, 22, nil))),
		four(ip4(132, 0, nil, addr1, addr2, cat(uint16(5000), uint16(80), uint32(1), uint32(2)))),
		four(ip4(1, 0, nil, addr1, addr2, cat(8, 0, uint16(0), uint32(1)))),
		four(ip4(1, 0, nil, addr2, addr1, cat(3, 1, uint16(0), uint32(1)))),
		four(ip4(2, 0, cat(0x94, 4, 0, 0), addr1, []byte{224, 0, 0, 22}, cat(0x16, 0, uint16(0), uint32(0)))),
		four(ip4(47, 0, nil, addr1, addr2, cat(uint32(0x0800)))),
		four(ip4(50, 0, nil, addr1, addr2, cat(uint32(1), uint32(2)))),
		four(ip4(51, 0, nil, addr1, addr2, cat(6, 4, uint16(0), uint32(1), uint32(2), uint32(3), uint32(4), uint32(5), tcp(80, 81, 2, "")))),
		four(ip4(103, 0, nil, addr1, addr2, cat(0x20, 0, uint16(0)))),
		four(ip4(112, 0, nil, addr1, addr2, cat(0x21, 1, uint16(0)))),
		four(ip4(9, 0, nil, addr1, addr2, cat(1, 2, 3, 4))),
		four(ip4(17, 0, nil, addr1, addr2, geneve(0x6558, nil, inner))),
		four(ip4(17, 0, cat(1, 1, 1, 1), addr1, addr2, geneve(0x6558, cat(uint32(9), uint32(10)), innerTag))),
		four(ip4(17, 0, nil, addr1, addr2, geneve(0x0800, cat(uint32(9)), ip4(6, 0, nil, addr1, addr2, tcp(80, 80, 2, ""))))),
		four(ip4(17, 0, nil, addr1, addr2, geneve(0x0806, nil, arp(1, addr1, addr2)))),
		four(ip4(17, 0, nil, addr1, addr2, geneve(0x6558, nil, cat(all, mac1, uint16(0x0806), arp(1, addr1, addr2))))),
		four(ip4(17, 0, nil, addr1, addr2, geneve(0x6558, nil, cat(mac1, mac2, uint16(0x0800), ip4(17, 0, nil, addr1, addr2, geneve(0x0800, nil, ip4(1, 0, nil, addr1, addr2, nil))))))),
		four(ip4(17, 0, nil, addr1, addr2, udp(4, 6081, cat(0x40, 0, uint16(0x0800), uint32(7<<8))))),
		six(ip6(17, six1, six2, geneve(0x6558, cat(uint32(3)), inner))),
		six(ip6(17, six1, six2, geneve(0x86dd, nil, ip6(58, six1, six2, cat(128, 0))))),
		six(ip6(6, six1, six2, tcp(80, 1024, 0x12, "x"))),
		six(ip6(17, six2, six4, udp(53, 53, nil))),
		six(ip6(17, six3, six1, udp(1234, 443, nil))),
		six(ip6(58, six1, six2, cat(128, 0, uint16(0), uint32(1)))),
		six(ip6(58, six2, six4, cat(135, 0, uint16(0), uint32(1)))),
		six(ip6(132, six1, six2, cat(uint16(5000), uint16(5001)))),
		six(ip6(0, six1, six2, cat(6, 0, 1, 4, uint32(0), tcp(80, 22, 2, "")))),
		six(ip6(44, six1, six2, cat(17, 0, uint16(1), uint32(1), udp(53, 53, nil)))),
		six(ip6(44, six1, six2, cat(6, 0, uint16(8), uint32(1), tcp(80, 80, 2, "")))),
		six(ip6(43, six1, six2, cat(60, 2, make([]byte, 22), 6, 0, make([]byte, 6), tcp(80, 80, 2, "")))),
		six(ip6(0, six1, six2, cat(51, 0, make([]byte, 6), 17, 4, make([]byte, 22), udp(53, 80, nil)))),
		six(ip6(59, six1, six2, nil)),
		six(ip6(0, six1, six2, cat(59, 0, make([]byte, 6)))),
		six(ip6(51, six1, six2, cat(58, 2, make([]byte, 14), 128, 0))),
		{0x0806, arp(1, addr1, addr2)},
		{0x0806, arp(2, addr2, addr3)},
		{0x8035, arp(3, addr1, addr1)},
		{0x88cc, cat(2, 7, 4, mac1)},
		{0x809b, cat("appletalk data")},
		{0x80f3, cat("aarp")},
		{0x8137, cat("ipx ipx ipx")},
		{0x6003, cat(uint16(20), 0x06, 0, 0, make([]byte, 4), uint16(0x0204), 0, 0, make([]byte, 4), uint16(0x0304), 0, 0)},
		{0x6003, cat(uint16(10), 0x02, uint16(0x0204), uint16(0x0305), 0)},
		{0x6003, cat(uint16(10), 0x81, 0x02, uint16(0x0306), uint16(0x0204), 0)},
		{0x6003, cat(uint16(20), 0x81, 0x06, 0, 0, make([]byte, 4), uint16(0x0704), 0, 0, make([]byte, 4), uint16(0x0204), 0, 0)},
		{0x6001, cat("mopdl")}, {0x6002, cat("moprc")}, {0x6004, cat("lat")}, {0x6007, cat("sca")},
		{0x8847, cat(uint32(100<<12|0x140), ip4(6, 0, nil, addr1, addr2, tcp(80, 80, 2, "")))},
		{0x8847, cat(uint32(100<<12|0x40), uint32(200<<12|0x140), ip4(6, 0, nil, addr1, addr2, tcp(80, 80, 2, "")))},
		{0x8847, cat(uint32(100<<12|0x40), uint32(200<<12|0x40), uint32(300<<12|0x140), ip4(6, 0, cat(1, 1, 1, 1), addr1, addr2, tcp(80, 80, 2, "")))},
		{0x8847, cat(uint32(5<<12|0x140), ip6(6, six1, six2, tcp(80, 80, 2, "")))},
		{0x8848, cat(uint32(5<<12|0x140), ip6(6, six1, six2, tcp(80, 80, 2, "")))},
		{0x8863, cat(0x11, 9, uint16(0), uint16(4), uint32(0x01010000))},
		{0x8864, cat(0x11, 0, uint16(9), uint16(50), uint16(0x0021), ip4(6, 0, nil, addr1, addr2, tcp(80, 80, 2, "")))},
		{0x8864, cat(0x11, 0, uint16(8), uint16(50), uint16(0x0021), ip4(1, 0, cat(1, 1, 1, 1), addr1, addr2, cat(8, 0)))},
		{0x8864, cat(0x11, 0, uint16(9), uint16(50), uint16(0x0057), ip6(6, six1, six2, tcp(80, 80, 2, "")))},
		{0x8864, cat(0x11, 0, uint16(9), uint16(50), uint16(0x0281), uint32(100<<12|0x140), ip4(6, 0, nil, addr1, addr2, tcp(80, 80, 2, "")))},
		{0, cat(0x42, 0x42, 3, uint32(0), uint32(0))},
		{0, cat(0xe0, 0xe0, 3, "ipx")},
		{0, cat(0xff, 0xff, "ipx")},
		{0, cat(0xf0, 0xf0, 3, "netbeui")},
		{0, cat(0x06, 0x06, 3, ip4(6, 0, nil, addr1, addr2, tcp(80, 80, 2, "")))},
		{0, cat(0xaa, 0xaa, 3, 0, 0, 0, uint16(0x0800), ip4(6, 0, nil, addr1, addr2, tcp(80, 80, 2, "")))},
		{0, cat(0xaa, 0xaa, 3, 0, 0, 0, uint16(0x8137), "ipx")},
		{0, cat(0xaa, 0xaa, 3, 8, 0, 7, uint16(0x809b), "atalk")},
		{0, cat(0xaa, 0xaa, 3, 0, 0, 0, uint16(0x80f3), "aarp")},
		{0, cat(0x04, 0x04, 0x00, 0x01, "i")}, {0, cat(0x04, 0x04, 0x01, 0x01, "rr")}, {0, cat(0x04, 0x04, 0x05, 0x01, "rnr")},
		{0, cat(0x04, 0x04, 0xbf, "xid")},
	}
	for _, nlp := range []int{0x81, 0x82, 0x83} {
		list = append(list, body{0, cat(0xfe, 0xfe, 3, nlp, "clnp or es-is")})
	}
	for _, pdu := range []int{15, 16, 17, 18, 20, 24, 25, 26, 27} {
		list = append(list, body{0, cat(0xfe, 0xfe, 3, 0x83, 27, 1, 0, pdu, 1, 0, 0)})
	}
	for _, tpid := range []uint16{0x8100, 0x88a8, 0x9100} {
		for _, b := range slices.Clone(list[:1]) {
			list = append(list, body{tpid, cat(uint16(0x2007), b.kind, b.data)})
		}
	}
	for _, b := range []body{list[2], list[10], list[28], list[42], {0x8847, list[56].data}, {0x8864, list[62].data}, list[19]} {
		list = append(list,
			body{0x8100, cat(uint16(7), b.kind, b.data)},
			body{0x8100, cat(uint16(0x6008), b.kind, b.data)},
			body{0x88a8, cat(uint16(7), uint16(0x8100), uint16(8), b.kind, b.data)})
	}
	return append(list, body{0x8100, cat(uint16(7), uint16(8), 0x42, 0x42, 3)})
}

// carried wraps b for a link type; nil where the link cannot carry it.
func carried(link packet.LinkType, b body) [][]byte {
	ether := func(dst []byte) []byte {
		if b.kind == 0 {
			return cat(dst, mac1, uint16(len(b.data)), b.data)
		}
		return cat(dst, mac1, b.kind, b.data)
	}
	llc := b.data
	if b.kind != 0 {
		llc = cat(0xaa, 0xaa, 3, 0, 0, 0, b.kind, b.data)
	}
	ppp := map[uint16]uint16{0x0800: 0x21, 0x86dd: 0x57, 0x8847: 0x281, 0x6003: 0x27, 0x809b: 0x29, 0x8137: 0x2b, 0: 0x23}
	family := map[uint16]uint32{0x0800: 2, 0x86dd: 10}
	ip := b.kind == 0x0800 || b.kind == 0x86dd
	switch link {
	case packet.LinkEthernet:
		return [][]byte{ether(mac2), ether(group), ether(all)}
	case packet.LinkRaw, packet.LinkIPv4, packet.LinkIPv6:
		if ip {
			return [][]byte{b.data}
		}
	case packet.LinkSLIP:
		if ip {
			return [][]byte{cat(make([]byte, 16), b.data), cat(b.data[:16], b.data)}
		}
	case packet.LinkNull:
		if f := family[b.kind]; f != 0 {
			return [][]byte{cat(int(f), 0, 0, 0, b.data)}
		}
	case packet.LinkLoop:
		if f := family[b.kind]; f != 0 {
			return [][]byte{cat(f, b.data)}
		}
	case packet.LinkEnc:
		if f := family[b.kind]; f != 0 {
			return [][]byte{cat(int(f), 0, 0, 0, make([]byte, 8), b.data)}
		}
	case packet.LinkLinuxSLL, packet.LinkLinuxSLL2:
		kind := b.kind
		if kind == 0 {
			kind = 4
			if bytes.HasPrefix(b.data, []byte{0xff, 0xff}) {
				kind = 1
			}
		}
		if link == packet.LinkLinuxSLL {
			return [][]byte{cat(uint16(0), uint16(1), uint16(6), mac1, uint16(0), kind, b.data), cat(uint16(4), uint16(1), uint16(6), mac1, uint16(0), kind, b.data)}
		}
		return [][]byte{cat(kind, uint16(0), uint32(3), uint16(1), 0, 6, mac1, uint16(0), b.data), cat(kind, uint16(0), uint32(4), uint16(1), 4, 6, mac1, uint16(0), b.data)}
	case packet.LinkPPP, packet.LinkPPPSerial:
		if p, ok := ppp[b.kind]; ok {
			return [][]byte{cat(0xff, 3, p, b.data)}
		}
	case packet.LinkPPPEther:
		if p, ok := ppp[b.kind]; ok {
			return [][]byte{cat(0x11, 0, uint16(9), uint16(len(b.data)+2), p, b.data)}
		}
	case packet.LinkCiscoHDLC:
		if b.kind == 0 {
			return [][]byte{cat(0x0f, 0, uint16(0xfefe), 3, b.data[3:])}
		}
		return [][]byte{cat(0x0f, 0, b.kind, b.data)}
	case packet.LinkATMRFC1483:
		return [][]byte{llc}
	case packet.LinkIEEE80211, packet.LinkRadiotap, packet.LinkPPI, packet.LinkPrism, packet.LinkAVS:
		return wirelessFrames(link, llc)
	}
	return nil
}

// wirelessFrames puts data and other frames of 802.11 behind the headers that captures have.
func wirelessFrames(link packet.LinkType, llc []byte) [][]byte {
	var frames [][]byte
	for _, fc := range [][2]int{{0x08, 1}, {0x08, 2}, {0x88, 0}, {0x88, 3}, {0x80, 0}, {0xb4, 0}, {0xc4, 0}, {0x48, 0}} {
		f := cat(fc[0], fc[1], uint16(0), mac2, mac1, group, uint16(0))
		if fc[0] == 0x88 {
			f = cat(f, 0, 0)
		}
		f = cat(f, llc)
		switch link {
		case packet.LinkIEEE80211:
			frames = append(frames, f)
		case packet.LinkRadiotap:
			frames = append(frames,
				cat(0, 0, 8, 0, 0, 0, 0, 0, f),
				cat(0, 0, 9, 0, 2, 0, 0, 0, 0x00, f),
				cat(0, 0, 12, 0, 2, 0, 0, 0, 0x20, 0, 0, 0, f),
				cat(0, 0, 20, 0, 3, 0, 0, 0, make([]byte, 8), 0x20, 0, 0, 0, f[:min(len(f), 26)], 0, 0, f[min(len(f), 26):]))
		case packet.LinkPPI:
			frames = append(frames, cat(0, 0, 8, 0, 105, 0, 0, 0, f), cat(0, 0, 12, 0, 105, 0, 0, 0, uint32(0), f), cat(0, 0, 8, 0, 1, 0, 0, 0, f))
		case packet.LinkPrism:
			frames = append(frames, cat(uint32(0x44), make([]byte, 140), f), cat(uint32(0x80211001), uint32(64), make([]byte, 56), f))
		case packet.LinkAVS:
			frames = append(frames, cat(uint32(0x80211001), uint32(64), make([]byte, 56), f))
		}
	}
	return frames
}
