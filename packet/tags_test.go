package packet

import (
	"encoding/binary"
	"testing"
)

// label is an MPLS stack entry.
func label(l uint32, bottom bool, inner []byte) []byte {
	v := l<<12 | 64
	if bottom {
		v |= 0x100
	}
	return cat(be32(v), inner)
}

// vlans nests n tags; the IDs count up from 1, the outermost.
func vlans(n int, et uint16, inner []byte) (uint16, []byte) {
	for ; n > 0; n-- {
		inner = tag(uint16(n), et, inner)
		et = etherVLAN
	}
	return et, inner
}

func vlanFrame(n int, et uint16, inner []byte) Frame {
	return frame(LinkEthernet, eth(vlans(n, et, inner)))
}

func pppoeHeader(code byte, inner []byte) []byte {
	return cat([]byte{0x11, code, 0, 1}, be16(uint16(len(inner))), inner)
}

func TestDecodeTags(t *testing.T) {
	stripped := frame(LinkEthernet, eth(etherIPv4, udp4))
	stripped.VLANTPID, stripped.VLANTCI = etherVLAN, 0xe064
	stripped.WireLen += 4
	strippedOuter := vlanFrame(1, etherIPv4, udp4)
	strippedOuter.VLANTPID, strippedOuter.VLANTCI = etherQinQ, 200
	strippedOuter.WireLen += 4
	nsh := func(next byte, inner []byte) []byte {
		return cat([]byte{0x0f, 0xc2, 0x01, next}, be32(1<<8|255), inner)
	}
	runCases(t, &Decoder{}, []frameCase{
		{"802.1q", vlanFrame(1, etherIPv4, udp4), isUDP4.vlan(1)},
		{"802.1q priority only", frame(LinkEthernet, eth(etherVLAN, tag(0xe000, etherIPv4, udp4))), isUDP4},
		{"802.1ad", frame(LinkEthernet, eth(etherQinQ, tag(200, etherVLAN, tag(100, etherIPv6, udp6)))), isUDP6.vlan(200)},
		{"0x9100", frame(LinkEthernet, eth(etherQinQ9100, tag(300, etherVLAN, tag(100, etherIPv6, udp6)))), isUDP6.vlan(300)},
		{"0x9200", frame(LinkEthernet, eth(etherQinQ9200, tag(300, etherIPv4, udp4))), isUDP4.vlan(300)},
		{"three tags", vlanFrame(3, etherIPv4, udp4), isUDP4.vlan(1)},
		{"at the limit", vlanFrame(maxLayers-1, etherIPv4, udp4), isUDP4.vlan(1)},
		{"beyond the limit", vlanFrame(maxLayers, etherIPv4, udp4), undecoded(ReasonTooManyLayers).vlan(1)},
		{"tag taken out by the kernel", stripped, isUDP4.vlan(100)},
		{"outer tag taken out by the kernel", strippedOuter, isUDP4.vlan(200)},
		{"tagged llc", frame(LinkEthernet, eth(etherVLAN, tag(5, uint16(len(llcIP)), llcIP))), isUDP4.vlan(5)},
		{"arp", frame(LinkEthernet, bcast(etherARP, arp)), isNonIP.broadcast()},
		{"tagged arp", vlanFrame(2, etherARP, arp), isNonIP.vlan(1)},
		{"unknown ethertype", frame(LinkEthernet, eth(0x9999, zeros(46))), isNonIP},
		{"type between length and ethertype", frame(LinkEthernet, eth(0x05ff, zeros(46))), isNonIP},
		{"snap", frame(LinkEthernet, eth(uint16(len(llcIP)), llcIP)), isUDP4},
		{"snap 802.1h", frame(LinkEthernet, eth(60, cat([]byte{0xaa, 0xaa, 3, 0, 0, 0xf8}, be16(etherIPv6), udp6))), isUDP6},
		{"snap other organisation", frame(LinkEthernet, eth(60, cat([]byte{0xaa, 0xaa, 3, 0, 0, 0x0c}, be16(0x2000), zeros(40)))), isNonIP},
		{"snap not unnumbered", frame(LinkEthernet, eth(60, cat([]byte{0xaa, 0xaa, 0, 0, 0, 0, 0}, be16(etherIPv4), udp4))), isNonIP},
		{"llc ip", frame(LinkEthernet, eth(60, cat([]byte{0x06, 0x06, 0x03}, udp4))), isUDP4},
		{"llc ip not unnumbered", frame(LinkEthernet, eth(60, cat([]byte{0x06, 0x06, 0x00}, udp4))), isNonIP},
		{"stp", frame(LinkEthernet, eth(38, cat([]byte{0x42, 0x42, 0x03}, zeros(43)))), isNonIP},
		{"jumbo llc", frame(LinkEthernet, eth(etherJumboLLC, llcIP)), isUDP4},
		{"pppoe ipv4", frame(LinkEthernet, eth(etherPPPoE, pppoeHeader(0, cat(be16(0x21), udp4)))), isUDP4},
		{"pppoe one-byte protocol", frame(LinkEthernet, eth(etherPPPoE, pppoeHeader(0, cat([]byte{0x57}, udp6)))), isUDP6},
		{"pppoe in qinq", frame(LinkEthernet, eth(vlans(2, etherPPPoE, pppoeHeader(0, cat(be16(0x57), udp6))))), isUDP6.vlan(1)},
		{"pppoe lcp", frame(LinkEthernet, eth(etherPPPoE, pppoeHeader(0, cat(be16(0xc021), zeros(8))))), isNonIP},
		{"pppoe discovery", frame(LinkEthernet, eth(etherPPPoEDisc, pppoeHeader(9, zeros(8)))), isNonIP},
		{"pppoe session with a code", frame(LinkEthernet, eth(etherPPPoE, pppoeHeader(0xa7, cat(be16(0x21), udp4)))), isNonIP},
		{"ppp ethertype", frame(LinkEthernet, eth(etherPPP, cat(be16(0x21), udp4))), isUDP4},
		{"vntag", frame(LinkEthernet, eth(etherVNTag, cat(zeros(4), be16(etherVLAN), tag(11, etherIPv4, udp4)))), isUDP4.vlan(11)},
		{"etag", frame(LinkEthernet, eth(etherETag, cat(zeros(6), be16(etherIPv4), udp4))), isUDP4},
		{"cisco metadata", frame(LinkEthernet, eth(etherCMD, cat([]byte{1, 1, 0, 1, 0, 9}, be16(etherIPv4), udp4))), isUDP4},
		{"hsr", frame(LinkEthernet, eth(etherHSR, cat(zeros(4), be16(etherIPv4), udp4))), isUDP4},
		{"rtag", frame(LinkEthernet, eth(etherRTag, cat(zeros(4), be16(etherIPv4), udp4))), isUDP4},
		{"fabricpath", frame(LinkEthernet, eth(etherFabricPath, cat(zeros(2), eth(etherIPv4, udp4)))), isUDP4},
		{"fabricpath ip header in the check sequence", frame(LinkEthernet, eth(etherFabricPath, cat(zeros(2), bcast(etherIPv6, v6(99, nil))))), undecoded(ReasonTruncatedIP).broadcast()},
		{"fabricpath arp", frame(LinkEthernet, eth(etherFabricPath, cat(zeros(2), eth(etherARP, arp)))), isNonIP},
		{"802.1ah", frame(LinkEthernet, eth(etherQinQ, tag(70, etherPBB, cat(zeros(4), eth(etherVLAN, tag(7, etherIPv4, udp4)))))), isUDP4.vlan(70)},
		{"trill", frame(LinkEthernet, eth(etherTRILL, cat([]byte{0x00, 0x40, 0, 1, 0, 2}, zeros(4), eth(etherIPv4, udp4)))), isUDP4},
		{"nsh ipv4", frame(LinkEthernet, eth(etherNSH, nsh(1, udp4))), isUDP4},
		{"nsh ipv6", frame(LinkEthernet, eth(etherNSH, nsh(2, udp6))), isUDP6},
		{"nsh ethernet", frame(LinkEthernet, eth(etherNSH, nsh(3, eth(etherIPv6, udp6)))), isUDP6},
		{"nsh nsh", frame(LinkEthernet, eth(etherNSH, nsh(4, nsh(1, udp4)))), isUDP4},
		{"nsh mpls", frame(LinkEthernet, eth(etherNSH, nsh(5, label(16, true, udp4)))), isUDP4},
		{"nsh other", frame(LinkEthernet, eth(etherNSH, nsh(9, udp4))), isNonIP},
		{"nsh length", frame(LinkEthernet, eth(etherNSH, zeros(40))), undecoded(ReasonBadLink)},
		{"macsec integrity", frame(LinkEthernet, eth(etherMACsec, cat([]byte{0x20, 0}, be32(7), zeros(8), be16(etherIPv4), udp4, zeros(16)))), isUDP4},
		{"macsec integrity without sci", frame(LinkEthernet, eth(etherMACsec, cat([]byte{0x00, 0}, be32(7), be16(etherIPv6), udp6, zeros(16)))), isUDP6},
		{"macsec encrypted", frame(LinkEthernet, eth(etherMACsec, cat([]byte{0x2c, 0}, be32(7), zeros(60)))), isNonIP},
	})
}

func TestDecodeMPLS(t *testing.T) {
	mpls := func(inner []byte) Frame { return frame(LinkEthernet, eth(etherMPLS, inner)) }
	stack := func(n int) (b []byte) {
		for range n {
			b = cat(b, label(16, false, nil))
		}
		return b
	}
	lengthIsEtherType := setV4(udp4, func(p []byte) { binary.BigEndian.PutUint16(p[2:], etherIPv4) })
	many := zeros(0)
	for range 20 {
		many = cat(many, eth(etherMPLS, label(16, true, zeros(4))))
	}
	runCases(t, &Decoder{}, []frameCase{
		{"ipv4", mpls(label(29, true, udp4)), isUDP4},
		{"ipv6", mpls(label(2, true, udp6)), isUDP6},
		{"multicast ethertype", frame(LinkEthernet, eth(etherMPLSMulti, label(29, true, udp4))), isUDP4},
		{"three labels", mpls(cat(stack(2), label(29, true, udp4))), isUDP4},
		{"below vlan", frame(LinkEthernet, eth(vlans(1, etherMPLS, label(29, true, udp4)))), isUDP4.vlan(1)},
		{"ethernet with control word", mpls(label(29, true, cat(zeros(4), eth(etherIPv4, udp4)))), isUDP4},
		{"ethernet without control word", mpls(label(29, true, eth(etherIPv6, udp6))), isUDP6},
		{"tagged ethernet", mpls(label(29, true, cat(zeros(4), eth(etherVLAN, tag(9, etherIPv4, udp4))))), isUDP4.vlan(9)},
		{"ethernet without control word that looks like one with", mpls(label(29, true, cat([]byte{0x20, 0, 0x5e, 0, 0x53, 1}, macA, be16(etherIPv4), lengthIsEtherType))), isUDP4},
		{"802.3 with control word", mpls(label(29, true, cat(zeros(4), eth(uint16(len(llcIP)), llcIP)))), isUDP4},
		{"associated channel", mpls(label(13, true, cat([]byte{0x10, 0, 0, 7}, zeros(40)))), isNonIP},
		{"associated channel of ipv4", mpls(label(13, true, cat([]byte{0x10, 0, 0, 0x21}, udp4))), isUDP4},
		{"associated channel of ipv6", mpls(label(13, true, cat([]byte{0x10, 0, 0, 0x57}, udp6))), isUDP6},
		{"other pseudowire", mpls(label(29, true, cat(zeros(4), make([]byte, 40)))), isNonIP},
		{"short", mpls(label(29, true, []byte{0, 0, 0, 0})), isNonIP},
		{"no end of stack", mpls(stack(5)), undecoded(ReasonTruncatedLink)},
		{"no end of stack before the limit", mpls(stack(50)), undecoded(ReasonTooManyLayers)},
		{"pseudowires without end", frame(LinkEthernet, many), undecoded(ReasonTooManyLayers)},
		{"nothing after the stack", mpls(label(29, true, nil)), undecoded(ReasonTruncatedLink)},
	})
}
