package packet

import "testing"

// TestDecodeAllocatesNothing covers the plain path and the deepest one.
func TestDecodeAllocatesNothing(t *testing.T) {
	frames := []Frame{
		mixes[1].frames[0], vlanFrame(10, etherIPv6, udp6),
		in(portVXLAN, vxlanHeader(eth(etherIPv4, v4Back(protoGRE, greHeader(0, etherIPv4, nil, inner4))))),
		frame(LinkRadiotap, radiotap(0, nil, dot11(0x88, 0x02, macA, zeros(2), llcIP))),
		frame(LinkEthernet, eth(etherMPLS, label(29, true, cat(zeros(4), eth(etherIPv4, udp4))))),
		frame(231, zeros(64)),
	}
	d := Decoder{Decap: DecapAll, KeyVLAN: true}
	var m Meta
	for i := range frames {
		if n := testing.AllocsPerRun(100, func() { d.Decode(&frames[i], &m) }); n != 0 {
			t.Errorf("Decode(%v %x) allocates %v times, want 0", frames[i].Link, frames[i].Data, n)
		}
	}
}
