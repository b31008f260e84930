package packet

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func le16(v uint16) []byte { return binary.LittleEndian.AppendUint16(nil, v) }
func le32(v uint32) []byte { return binary.LittleEndian.AppendUint32(nil, v) }

func zeros(n int) []byte { return make([]byte, n) }

// pad makes b at least n bytes long.
func pad(b []byte, n int) []byte { return cat(b, zeros(max(0, n-len(b)))) }

// outcome is the part of a Meta that a wrapping decides.
type outcome struct {
	Class    Class
	Reason   Reason
	Family   uint8
	VLAN     uint16
	Src, Dst netip.AddrPort
	Flags    uint8
}

func outcomeOf(m *Meta) outcome {
	o := outcome{Class: m.Class, Reason: m.Reason, VLAN: m.VLAN, Flags: m.Flags}
	if m.Class == ClassIP {
		o.Family = m.Key.Family
		o.Src = netip.AddrPortFrom(m.Key.LoAddr(), m.Key.LoPort)
		o.Dst = netip.AddrPortFrom(m.Key.HiAddr(), m.Key.HiPort)
		if m.Dir == DirHiLo {
			o.Src, o.Dst = o.Dst, o.Src
		}
	}
	return o
}

var (
	isUDP4   = outcome{Class: ClassIP, Family: FamilyIPv4, Src: netip.AddrPortFrom(addr4A, 1000), Dst: netip.AddrPortFrom(addr4B, 53)}
	isUDP6   = outcome{Class: ClassIP, Family: FamilyIPv6, Src: netip.AddrPortFrom(addr6A, 1000), Dst: netip.AddrPortFrom(addr6B, 53)}
	isNonIP  = outcome{Class: ClassNonIP}
	compares = cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b })
)

func (o outcome) vlan(id uint16) outcome { o.VLAN = id; return o }

func (o outcome) broadcast() outcome { o.Flags |= FlagL2Broadcast; return o }

func undecoded(r Reason) outcome { return outcome{Class: ClassUndecoded, Reason: r} }

type frameCase struct {
	name string
	f    Frame
	want outcome
}

func runCases(t *testing.T, d *Decoder, cases []frameCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var m Meta
			d.Decode(&c.f, &m)
			if diff := cmp.Diff(c.want, outcomeOf(&m), compares); diff != "" {
				t.Errorf("Decode(%v %x) (-want +got):\n%s", c.f.Link, c.f.Data, diff)
			}
			checkMeta(t, d, &c.f, &m)
			checkCuts(t, &c.f)
		})
	}
}

// dot11 is a data frame: subtype bits, flags of the second byte, the header after the first three
// addresses and sequence control, body.
func dot11(fc0, fc1 byte, dst []byte, rest, body []byte) []byte {
	return cat([]byte{fc0, fc1, 0, 0}, dst, macA, macB, []byte{0, 0}, rest, body)
}

func radiotap(present uint32, fields, inner []byte) []byte {
	return cat([]byte{0, 0}, le16(uint16(8+len(fields))), le32(present), fields, inner)
}

func ppiHeader(dlt uint32, fields, inner []byte) []byte {
	return cat([]byte{0, 0}, le16(uint16(8+len(fields))), le32(dlt), fields, inner)
}

func nfAttr(order binary.AppendByteOrder, typ uint16, value []byte) []byte {
	b := order.AppendUint16(nil, uint16(4+len(value)))
	b = order.AppendUint16(b, typ)
	b = cat(b, value)
	return cat(b, zeros((4-len(b)%4)%4))
}

func sllHeader(packetType, device, proto uint16) []byte {
	return cat(be16(packetType), be16(device), be16(6), macA, zeros(2), be16(proto))
}

func sll2Header(packetType byte, device, proto uint16) []byte {
	return cat(be16(proto), zeros(2), be32(3), be16(device), []byte{packetType, 6}, macA, zeros(2))
}

func TestDecodeLinkTypes(t *testing.T) {
	llc6 := cat([]byte{0xaa, 0xaa, 0x03, 0, 0, 0}, be16(etherIPv6), udp6)
	runCases(t, &Decoder{}, []frameCase{
		{"ethernet ipv4", frame(LinkEthernet, eth(etherIPv4, udp4)), isUDP4},
		{"ethernet ipv6", frame(LinkEthernet, eth(etherIPv6, udp6)), isUDP6},
		{"ethernet broadcast", frame(LinkEthernet, bcast(etherIPv4, udp4)), isUDP4.broadcast()},
		{"ethernet padded", frame(LinkEthernet, pad(eth(etherIPv4, v4(protoUDP, udp(1000, 53, nil))), 60)), isUDP4},
		{"raw ipv4", frame(LinkRaw, udp4), isUDP4},
		{"raw ipv6", frame(LinkRaw, udp6), isUDP6},
		{"raw 12", frame(LinkRawBSD, udp4), isUDP4},
		{"raw 14", frame(LinkRawOpenBSD, udp6), isUDP6},
		{"ipv4", frame(LinkIPv4, udp4), isUDP4},
		{"ipv6", frame(LinkIPv6, udp6), isUDP6},
		{"null little-endian ipv4", frame(LinkNull, cat(le32(2), udp4)), isUDP4},
		{"null big-endian ipv4", frame(LinkNull, cat(be32(2), udp4)), isUDP4},
		{"null freebsd ipv6", frame(LinkNull, cat(le32(28), udp6)), isUDP6},
		{"null darwin ipv6", frame(LinkNull, cat(le32(30), udp6)), isUDP6},
		{"null netbsd big-endian ipv6", frame(LinkNull, cat(be32(24), udp6)), isUDP6},
		{"null other family", frame(LinkNull, cat(le32(7), udp6)), isNonIP},
		{"loop ipv4", frame(LinkLoop, cat(be32(2), udp4)), isUDP4},
		{"loop ipv6", frame(LinkLoop, cat(be32(24), udp6)), isUDP6},
		{"enc", frame(LinkEnc, cat(le32(2), zeros(8), udp4)), isUDP4},
		{"enc big-endian", frame(LinkEnc, cat(be32(24), zeros(8), udp6)), isUDP6},
		{"pflog", frame(LinkPFLOG, cat([]byte{61, 24}, zeros(62), udp6)), isUDP6},
		{"sll", frame(LinkLinuxSLL, cat(sllHeader(0, 1, etherIPv4), udp4)), isUDP4},
		{"sll broadcast", frame(LinkLinuxSLL, cat(sllHeader(1, 1, etherIPv4), udp4)), isUDP4.broadcast()},
		{"sll vlan", frame(LinkLinuxSLL, cat(sllHeader(0, 1, etherVLAN), tag(5, etherIPv6, udp6))), isUDP6.vlan(5)},
		{"sll llc", frame(LinkLinuxSLL, cat(sllHeader(0, 1, 4), llcIP)), isUDP4},
		{"sll arp", frame(LinkLinuxSLL, cat(sllHeader(0, 1, etherARP), arp)), isNonIP},
		{"sll netlink", frame(LinkLinuxSLL, cat(sllHeader(0, 824, etherIPv4), udp4)), isNonIP},
		{"sll can", frame(LinkLinuxSLL, cat(sllHeader(0, 280, 0x000c), zeros(16))), isNonIP},
		{"sll radiotap", frame(LinkLinuxSLL, cat(sllHeader(0, 803, 4), radiotap(0, nil, dot11(0x08, 0x02, macA, nil, llcIP)))), isUDP4},
		{"sll2", frame(LinkLinuxSLL2, cat(sll2Header(0, 1, etherIPv6), udp6)), isUDP6},
		{"sll2 broadcast", frame(LinkLinuxSLL2, cat(sll2Header(1, 1, etherIPv4), udp4)), isUDP4.broadcast()},
		{"sll2 arp", frame(LinkLinuxSLL2, cat(sll2Header(0, 1, etherARP), arp)), isNonIP},
		{"ppp", frame(LinkPPP, cat([]byte{0xff, 0x03, 0x00, 0x21}, udp4)), isUDP4},
		{"ppp without address", frame(LinkPPP, cat([]byte{0x00, 0x57}, udp6)), isUDP6},
		{"ppp one-byte protocol", frame(LinkPPP, cat([]byte{0xff, 0x03, 0x21}, udp4)), isUDP4},
		{"ppp lcp", frame(LinkPPP, []byte{0xff, 0x03, 0xc0, 0x21, 1, 1, 0, 4}), isNonIP},
		{"ppp mpls", frame(LinkPPP, cat([]byte{0x02, 0x81}, be32(16<<12|0x100|64), udp4)), isUDP4},
		{"ppp van jacobson", frame(LinkPPP, cat([]byte{0x00, 0x2d}, zeros(8))), undecoded(ReasonCompressedIP)},
		{"ppp multilink first", frame(LinkPPP, cat([]byte{0x00, 0x3d, 0xc0, 0, 0, 1, 0x00, 0x21}, udp4)), isUDP4},
		{"ppp multilink later", frame(LinkPPP, cat([]byte{0x00, 0x3d, 0x40, 0, 0, 1, 0x00, 0x21}, udp4)), isNonIP},
		{"ppp with direction", frame(LinkPPPWithDir, cat([]byte{1, 0xff, 0x03, 0x00, 0x21}, udp4)), isUDP4},
		{"ppp serial", frame(LinkPPPSerial, cat([]byte{0xff, 0x03, 0x00, 0x21}, udp4)), isUDP4},
		{"ppp serial cisco", frame(LinkPPPSerial, cat([]byte{0x0f, 0x00}, be16(etherIPv4), udp4)), isUDP4},
		{"ppp serial without address", frame(LinkPPPSerial, cat([]byte{0x21}, udp4)), isUDP4},
		{"pppoe", frame(LinkPPPEther, cat([]byte{0x11, 0, 0, 1}, be16(uint16(2+len(udp4))), []byte{0x00, 0x21}, udp4)), isUDP4},
		{"cisco hdlc", frame(LinkCiscoHDLC, cat([]byte{0x0f, 0}, be16(etherIPv4), udp4)), isUDP4},
		{"cisco hdlc slarp", frame(LinkCiscoHDLC, cat([]byte{0x8f, 0}, be16(0x8035), zeros(18))), isNonIP},
		{"cisco hdlc small protocol", frame(LinkCiscoHDLC, cat([]byte{0x8f, 0}, be16(4), llcIP)), isNonIP},
		{"frame relay cisco", frame(LinkFrameRelay, cat([]byte{0x18, 0x61}, be16(etherIPv4), udp4)), isUDP4},
		{"frame relay rfc 2427", frame(LinkFrameRelay, cat([]byte{0x18, 0x61, 0x03, 0xcc}, udp4)), isUDP4},
		{"frame relay padded", frame(LinkFrameRelay, cat([]byte{0x18, 0x61, 0x03, 0x00, 0x8e}, udp6)), isUDP6},
		{"frame relay snap", frame(LinkFrameRelay, cat([]byte{0x18, 0x61, 0x03, 0x00, 0x80, 0, 0, 0}, be16(etherIPv4), udp4)), isUDP4},
		{"frame relay bridged", frame(LinkFrameRelay, cat([]byte{0x18, 0x61, 0x03, 0x00, 0x80, 0x00, 0x80, 0xc2, 0, 7}, eth(etherIPv4, udp4))), isUDP4},
		{"frame relay long address", frame(LinkFrameRelay, cat([]byte{0x18, 0x60, 0x00, 0x01, 0x03, 0xcc}, udp4)), isUDP4},
		{"frame relay ppp", frame(LinkFrameRelay, cat([]byte{0x18, 0x61, 0x03, 0xcf, 0x00, 0x21}, udp4)), isUDP4},
		{"frame relay lmi", frame(LinkFrameRelay, []byte{0x00, 0x01, 0x03, 0x08, 0x00, 0x75}), isNonIP},
		{"frame relay one-byte address", frame(LinkFrameRelay, cat([]byte{0x19, 0x61, 0x03, 0xcc}, udp4)), undecoded(ReasonBadLink)},
		{"frame relay endless address", frame(LinkFrameRelay, zeros(20)), undecoded(ReasonBadLink)},
		{"atm rfc 1483", frame(LinkATMRFC1483, llc6), isUDP6},
		{"nflog ipv4", frame(LinkNFLOG, cat([]byte{2, 0, 0, 42}, nfAttr(binary.LittleEndian, 1, zeros(4)), nfAttr(binary.LittleEndian, 10, []byte("x\x00")), nfAttr(binary.LittleEndian, 9, udp4))), isUDP4},
		{"nflog big-endian ipv6", frame(LinkNFLOG, cat([]byte{10, 0, 0, 42}, nfAttr(binary.BigEndian, 1, zeros(4)), nfAttr(binary.BigEndian, 9, udp6))), isUDP6},
		{"nflog without packet", frame(LinkNFLOG, cat([]byte{2, 0, 0, 42}, nfAttr(binary.LittleEndian, 1, zeros(4)))), isNonIP},
		{"nflog bridge", frame(LinkNFLOG, cat([]byte{7, 0, 0, 42}, nfAttr(binary.LittleEndian, 9, udp4))), isNonIP},
		{"nflog zero length", frame(LinkNFLOG, cat([]byte{2, 0, 0, 42}, zeros(40))), undecoded(ReasonBadLink)},
		{"nflog many attributes", frame(LinkNFLOG, cat([]byte{2, 0, 0, 42}, manyAttrs(100))), undecoded(ReasonBadLink)},
		{"ipoib", frame(LinkIPoIB, cat(zeros(40), be16(etherIPv4), zeros(2), udp4)), isUDP4},
		{"ipoib arp", frame(LinkIPoIB, cat(zeros(40), be16(etherARP), zeros(2), arp)), isNonIP},
		{"slip", frame(LinkSLIP, cat(zeros(16), udp4)), isUDP4},
		{"mpacket express", frame(LinkMPacket, cat([]byte("UUUUUUU\xd5"), eth(etherIPv4, udp4))), isUDP4},
		{"mpacket first fragment", frame(LinkMPacket, cat([]byte("UUUUUUU\x4c"), eth(etherIPv4, udp4))), isUDP4},
		{"mpacket continuation", frame(LinkMPacket, cat([]byte("UUUUUU\x61\xe6"), zeros(60))), isNonIP},
		{"dsa", frame(LinkDSA, cat(macB, macA, []byte{0xc0, 0x0a, 0, 0}, be16(etherIPv4), udp4)), isUDP4},
		{"dsa tagged", frame(LinkDSA, cat(macX, macA, []byte{0xe0, 0x0a, 0x60, 0x07}, be16(etherIPv4), udp4)), isUDP4.vlan(7).broadcast()},
		{"edsa", frame(LinkEDSA, cat(macB, macA, be16(0xdada), zeros(2), []byte{0xe0, 0x0a, 0, 9}, be16(etherIPv6), udp6)), isUDP6.vlan(9)},
		{"broadcom", frame(LinkBroadcomTag, cat(macB, macA, []byte{0x20, 0, 0, 3}, be16(etherIPv4), udp4)), isUDP4},
		{"broadcom prepended", frame(LinkBroadcomPrepend, cat([]byte{0x20, 0, 0, 3}, eth(etherIPv4, udp4))), isUDP4},
		{"unknown", frame(231, eth(etherIPv4, udp4)), undecoded(ReasonUnknownLink)},
	})
}

func manyAttrs(n int) (b []byte) {
	for range n {
		b = cat(b, nfAttr(binary.LittleEndian, 1, zeros(4)))
	}
	return b
}

func TestDecodeWireless(t *testing.T) {
	plain := dot11(0x08, 0x02, macA, nil, llcIP)
	prism := cat(le32(0x44), le32(144), zeros(136))
	avs := cat(be32(0x80211001), be32(64), zeros(56))
	runCases(t, &Decoder{}, []frameCase{
		{"from access point", frame(LinkIEEE80211, plain), isUDP4},
		{"broadcast from access point", frame(LinkIEEE80211, dot11(0x08, 0x02, macX, nil, llcIP)), isUDP4.broadcast()},
		{"to access point", frame(LinkIEEE80211, dot11(0x08, 0x01, macA, nil, llcIP)), isUDP4},
		{"broadcast through access point", frame(LinkIEEE80211, cat([]byte{0x08, 0x01, 0, 0}, macA, macB, macX, zeros(2), llcIP)), isUDP4.broadcast()},
		{"four addresses", frame(LinkIEEE80211, dot11(0x08, 0x03, macA, macA, llcIP)), isUDP4},
		{"qos", frame(LinkIEEE80211, dot11(0x88, 0x02, macA, zeros(2), llcIP)), isUDP4},
		{"qos with ht control", frame(LinkIEEE80211, dot11(0x88, 0x82, macA, zeros(6), llcIP)), isUDP4},
		{"aggregate", frame(LinkIEEE80211, dot11(0x88, 0x02, macA, []byte{0x80, 0}, cat(macA, macB, be16(uint16(len(llcIP))), llcIP))), isUDP4},
		{"beacon", frame(LinkIEEE80211, pad([]byte{0x80, 0}, 60)), isNonIP},
		{"acknowledgment", frame(LinkIEEE80211, pad([]byte{0xd4, 0}, 10)), isNonIP},
		{"null data", frame(LinkIEEE80211, dot11(0x48, 0x01, macA, nil, nil)), isNonIP},
		{"protected", frame(LinkIEEE80211, dot11(0x08, 0x42, macA, nil, llcIP)), isNonIP},
		{"later fragment", frame(LinkIEEE80211, cat([]byte{0x08, 0x02, 0, 0}, macA, macA, macB, []byte{0x01, 0}, llcIP)), isNonIP},
		{"bad version", frame(LinkIEEE80211, cat([]byte{0x09, 0x02}, zeros(60))), undecoded(ReasonBadLink)},
		{"radiotap", frame(LinkRadiotap, radiotap(0, nil, plain)), isUDP4},
		{"radiotap padded header", frame(LinkRadiotap, radiotap(3, cat(zeros(8), []byte{0x20}), dot11(0x88, 0x02, macA, zeros(4), llcIP))), isUDP4},
		{"radiotap padded, more present words", frame(LinkRadiotap, radiotap(1<<31|2, cat(le32(0), []byte{0x20}), dot11(0x88, 0x02, macA, zeros(4), llcIP))), isUDP4},
		{"radiotap padded, timestamp aligned", frame(LinkRadiotap, radiotap(1<<31|3, cat(le32(0), zeros(12), []byte{0x20}), dot11(0x88, 0x02, macA, zeros(4), llcIP))), isUDP4},
		{"radiotap endless present words", frame(LinkRadiotap, radiotap(1<<31, cat(le32(1<<31), le32(1<<31)), plain)), undecoded(ReasonBadLink)},
		{"radiotap length beyond frame", frame(LinkRadiotap, []byte{0, 0, 0xff, 0, 0, 0, 0, 0, 0x08, 0x02}), undecoded(ReasonBadLink)},
		{"radiotap length too small", frame(LinkRadiotap, cat([]byte{0, 0, 4, 0}, zeros(60))), undecoded(ReasonBadLink)},
		{"radiotap version", frame(LinkRadiotap, cat([]byte{1, 0, 8, 0}, zeros(60))), undecoded(ReasonBadLink)},
		{"prism", frame(LinkPrism, cat(prism, plain)), isUDP4},
		{"prism link with avs", frame(LinkPrism, cat(avs, plain)), isUDP4},
		{"avs", frame(LinkAVS, cat(avs, plain)), isUDP4},
		{"avs length", frame(LinkAVS, cat(be32(0x80211001), be32(0xffffffff), zeros(60))), undecoded(ReasonBadLink)},
		{"ppi 802.11", frame(LinkPPI, ppiHeader(105, zeros(12), plain)), isUDP4},
		{"ppi ethernet", frame(LinkPPI, ppiHeader(1, zeros(8), eth(etherIPv6, udp6))), isUDP6},
		{"ppi unknown", frame(LinkPPI, ppiHeader(1<<20, nil, plain)), undecoded(ReasonUnknownLink)},
		{"ppi in ppi without end", frame(LinkPPI, cat(ppis(20), plain)), undecoded(ReasonTooManyLayers)},
	})
}

func ppis(n int) (b []byte) {
	for range n {
		b = cat(b, ppiHeader(192, nil, nil))
	}
	return b
}
