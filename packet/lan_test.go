package packet

import "testing"

func pktapHeader(be func(uint32) []byte, kind, link uint32, inner []byte) []byte {
	return cat(be(108), be(kind), be(link), zeros(96), inner)
}

func TestDecodeOtherLANs(t *testing.T) {
	runCases(t, &Decoder{}, []frameCase{
		{"token ring", frame(LinkTokenRing, cat([]byte{0x10, 0x40}, macB, macA, llcIP)), isUDP4},
		{"token ring broadcast", frame(LinkTokenRing, cat([]byte{0x10, 0x40}, macX, macA, llcIP)), isUDP4.broadcast()},
		{"token ring routed", frame(LinkTokenRing, cat([]byte{0x10, 0x40}, macB, []byte{0x80}, macA[1:], []byte{0x06, 0x30}, zeros(4), llcIP)), isUDP4},
		{"token ring routing length", frame(LinkTokenRing, cat([]byte{0x10, 0x40}, macB, []byte{0x80}, macA[1:], zeros(20))), undecoded(ReasonBadLink)},
		{"token ring management", frame(LinkTokenRing, cat([]byte{0x10, 0x00}, macB, macA, llcIP)), isNonIP},
		{"fddi", frame(LinkFDDI, cat([]byte{0x50}, macB, macA, llcIP)), isUDP4},
		{"fddi management", frame(LinkFDDI, cat([]byte{0x41}, macB, macA, llcIP)), isNonIP},
		{"ip over fibre channel", frame(LinkIPOverFC, cat(zeros(2), macX, zeros(2), macA, llcIP)), isUDP4.broadcast()},
		{"sunatm llc", frame(LinkSunATM, cat([]byte{0x82, 0, 0, 5}, llcIP)), isUDP4},
		{"sunatm lan emulation", frame(LinkSunATM, cat([]byte{0x81, 0, 0, 5, 0, 1}, eth(etherIPv6, udp6))), isUDP6},
		{"sunatm signalling", frame(LinkSunATM, cat([]byte{0x86, 0, 0, 5}, zeros(40))), isNonIP},
		{"firewire", frame(LinkFireWire, cat(zeros(16), be16(etherIPv6), udp6)), isUDP6},
		{"firewire arp", frame(LinkFireWire, cat(zeros(16), be16(etherARP), arp)), isNonIP},
		{"pktap ethernet", frame(LinkPKTAP, pktapHeader(le32, 1, 1, eth(etherIPv4, udp4))), isUDP4},
		{"pktap big-endian raw", frame(LinkPKTAP, pktapHeader(be32, 1, 12, udp6)), isUDP6},
		{"pktap null", frame(LinkPKTAP, pktapHeader(le32, 1, 0, cat(le32(30), udp6))), isUDP6},
		{"pktap without packet", frame(LinkPKTAP, pktapHeader(le32, 0, 1, zeros(40))), isNonIP},
		{"pktap length", frame(LinkPKTAP, cat(le32(4), le32(1), le32(1), zeros(40))), undecoded(ReasonBadLink)},
		{"pktap unknown link", frame(LinkPKTAP, pktapHeader(le32, 1, 1<<20, zeros(40))), undecoded(ReasonUnknownLink)},
		{"pppd", frame(LinkPPPD, cat([]byte{1, 0x03, 0x00, 0x21}, udp4)), isUDP4},
		{"pppd without control", frame(LinkPPPD, cat([]byte{0, 0x00, 0x57}, udp6)), isUDP6},
		{"cisco hdlc with direction", frame(LinkCiscoHDLCWithDir, cat([]byte{1, 0x0f, 0}, be16(etherIPv4), udp4)), isUDP4},
		{"frame relay with direction", frame(LinkFrameRelayWithDir, cat([]byte{0, 0x18, 0x61, 0x03, 0xcc}, udp4)), isUDP4},
	})
}

// TestDecodeLLC holds what tshark 4.0 and the RFCs say of LLC headers and of the 802.3 length.
func TestDecodeLLC(t *testing.T) {
	snap := func(oui []byte, pid uint16, inner []byte) []byte {
		return cat([]byte{0xaa, 0xaa, 0x03}, oui, be16(pid), inner)
	}
	lan := func(b []byte) Frame { return frame(LinkEthernet, eth(uint16(len(b)), b)) }
	bridged := []byte{0x00, 0x80, 0xc2}
	runCases(t, &Decoder{}, []frameCase{
		{"length 0", frame(LinkEthernet, eth(0, llcIP)), isNonIP},
		{"length of the LLC header alone", frame(LinkEthernet, eth(3, llcIP)), undecoded(ReasonTruncatedLink)},
		{"length within the IP header", frame(LinkEthernet, eth(20, llcIP)), undecoded(ReasonTruncatedIP)},
		{"length within the payload", frame(LinkEthernet, eth(8+28, llcIP)), isUDP4},
		{"length beyond the frame", frame(LinkEthernet, eth(1500, llcIP)), isUDP4},
		{"no length", frame(LinkEthernet, eth(1501, llcIP)), isNonIP},
		{"tagged length within the IP header", frame(LinkEthernet, eth(etherVLAN, tag(5, 20, llcIP))), undecoded(ReasonTruncatedIP).vlan(5)},
		{"ip service access point", lan(cat([]byte{0x06, 0x06, 0x03}, udp4)), isUDP4},
		{"ip service access point, response", lan(cat([]byte{0x06, 0x07, 0x03}, udp4)), isUDP4},
		{"ip service access point, not unnumbered", lan(cat([]byte{0x06, 0x06, 0xbf}, udp4)), isNonIP},
		{"group service access point", lan(cat([]byte{0x07, 0x06, 0x03}, udp4)), isNonIP},
		{"bridged", lan(snap(bridged, 7, cat(zeros(2), eth(etherIPv4, udp4)))), isUDP4},
		{"atm bridged", frame(LinkATMRFC1483, snap(bridged, 1, cat(zeros(2), eth(etherIPv6, udp6), zeros(4)))), isUDP6},
		{"atm routed", frame(LinkATMRFC1483, cat([]byte{0xfe, 0xfe, 0x03, 0xcc}, udp4)), isUDP4},
		{"atm ppp", frame(LinkATMRFC1483, cat([]byte{0xfe, 0xfe, 0x03, 0xcf, 0x00, 0x21}, udp4)), isUDP4},
		{"is-is", lan(cat([]byte{0xfe, 0xfe, 0x03, 0x83}, zeros(40))), isNonIP},
		{"bridged frame in an EtherType", frame(LinkEthernet, eth(etherTEB, eth(etherIPv4, udp4))), isUDP4},
	})
}

// TestDecodeFamilies is of address families that are IPv6 on some systems only.
func TestDecodeFamilies(t *testing.T) {
	runCases(t, &Decoder{}, []frameCase{
		{"linux ipv6", frame(LinkNull, cat(le32(10), udp6)), isUDP6},
		{"windows ipv6", frame(LinkNull, cat(le32(23), udp6)), isUDP6},
		{"ipx", frame(LinkNull, cat(le32(23), []byte{0xff, 0xff}, zeros(40))), isNonIP},
		{"nothing behind it", frame(LinkNull, le32(10)), undecoded(ReasonTruncatedIP)},
		{"cooked ip of a radio", frame(LinkLinuxSLL, cat(sllHeader(0, 803, etherIPv4), udp4)), isUDP4},
	})
}
