package packet

import "testing"

// seeds adds the frames of the table tests, which hold every wrapping.
func seeds(f *testing.F, add func(fr Frame)) {
	for _, link := range []LinkType{LinkRaw, LinkEthernet} {
		for _, b := range [][]byte{udp4, udp6, tcp4, tcp6, v6(protoFragment, fragHeader(protoUDP, 0, true, udp(1, 2, body)))} {
			if link == LinkEthernet {
				et := uint16(etherIPv4)
				if b[0]>>4 == 6 {
					et = etherIPv6
				}
				b = eth(et, b)
			}
			add(frame(link, b))
		}
	}
	for _, c := range tunnelCases() {
		add(c.f)
	}
	add(frame(LinkEthernet, eth(etherVLAN, tag(5, uint16(len(llcIP)), llcIP))))
	add(frame(LinkEthernet, eth(etherMPLS, label(29, true, cat(zeros(4), eth(etherIPv4, udp4))))))
	add(frame(LinkEthernet, eth(etherPPPoE, pppoeHeader(0, cat(be16(0x21), udp4)))))
	add(frame(LinkRadiotap, radiotap(3, cat(zeros(8), []byte{0x20}), dot11(0x88, 0x02, macA, zeros(4), llcIP))))
	add(frame(LinkPPI, ppiHeader(105, zeros(12), dot11(0x08, 0x02, macA, nil, llcIP))))
	add(frame(LinkNFLOG, cat([]byte{2, 0, 0, 42}, manyAttrs(2))))
	add(frame(LinkLinuxSLL, cat(sllHeader(0, 1, etherIPv4), udp4)))
	add(frame(LinkLinuxSLL2, cat(sll2Header(0, 1, etherIPv6), udp6)))
	add(frame(LinkFrameRelay, cat([]byte{0x18, 0x61, 0x03, 0x00, 0x8e}, udp6)))
	add(frame(LinkPPPSerial, cat([]byte{0x0f, 0x00}, be16(etherIPv4), udp4)))
}

// knownLinks are the link types of a fuzzing input, by its first byte.
var knownLinks = func() (links []LinkType) {
	for l := range LinkType(1 << 10) {
		if l.Known() {
			links = append(links, l)
		}
	}
	return append(links, 231)
}()

func FuzzDecode(f *testing.F) {
	seeds(f, func(fr Frame) {
		f.Add(uint16(fr.Link), fr.WireLen, uint16(0), uint16(0), uint8(20), fr.Data)
		f.Add(uint16(fr.Link), uint32(9000), uint16(0x8100), uint16(7), uint8(70), fr.Data)
	})
	f.Fuzz(func(t *testing.T, link uint16, wireLen uint32, tpid, tci uint16, cut uint8, data []byte) {
		fr := Frame{Data: data, Link: LinkType(link), WireLen: wireLen, VLANTPID: tpid, VLANTCI: tci, Time: -1}
		if !fr.Link.Known() {
			fr.Link = knownLinks[int(link)%len(knownLinks)]
		}
		var m Meta
		for _, d := range []Decoder{{}, {KeyVLAN: true}, {Decap: DecapAll}, {Decap: Decap(tci)}} {
			d.Decode(&fr, &m)
			checkMeta(t, &d, &fr, &m)
		}
		if int(wireLen) >= len(data)+4 && int(cut) < len(data) {
			var d Decoder
			d.Decode(&fr, &m)
			checkCut(t, &fr, &m, int(cut))
		}
	})
}

func FuzzDecodeOracle(f *testing.F) {
	seeds(f, func(fr Frame) { f.Add(uint16(fr.Link), fr.Data) })
	f.Fuzz(func(t *testing.T, link uint16, data []byte) {
		switch LinkType(link) {
		case LinkEthernet, LinkRaw, LinkNull, LinkLinuxSLL, LinkLinuxSLL2, LinkPPP:
			fr := frame(LinkType(link), data)
			compare(t, &fr, true)
		}
	})
}
