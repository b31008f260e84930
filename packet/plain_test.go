package packet

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestPlain says which frames are decoded in one go. That they decode to what a walk gives, checkMeta holds
// for these and for all other tests' frames.
func TestPlain(t *testing.T) {
	segment, datagram := tcp(443, 50000, nil, body), udp(53, 50000, append(slices.Clone(body), body...))
	tests := map[string]struct {
		f    Frame
		want bool
	}{
		"TCP over IPv4":              {frame(LinkEthernet, eth(etherIPv4, v4(protoTCP, segment))), true},
		"the other direction":        {frame(LinkEthernet, eth(etherIPv4, v4Back(protoTCP, segment))), true},
		"TCP with options":           {frame(LinkEthernet, eth(etherIPv4, v4(protoTCP, tcp(1, 2, make([]byte, 12), body)))), true},
		"UDP over IPv4":              {frame(LinkEthernet, eth(etherIPv4, v4(protoUDP, datagram))), true},
		"TCP over IPv6":              {frame(LinkEthernet, eth(etherIPv6, v6(protoTCP, segment))), true},
		"UDP over IPv6":              {frame(LinkEthernet, eth(etherIPv6, v6(protoUDP, datagram))), true},
		"to the broadcast address":   {frame(LinkEthernet, bcast(etherIPv4, v4(protoUDP, datagram))), true},
		"padded":                     {frame(LinkEthernet, append(eth(etherIPv4, v4(protoTCP, segment)), 0, 0, 0)), true},
		"cut in the payload":         {Frame{Data: eth(etherIPv4, v4(protoTCP, segment))[:58], WireLen: 62, Link: LinkEthernet}, true},
		"tag that the kernel took":   {Frame{Data: eth(etherIPv4, v4(protoTCP, segment)), WireLen: 66, Link: LinkEthernet, VLANTPID: etherVLAN, VLANTCI: 0x2005}, true},
		"wire length below data's":   {Frame{Data: eth(etherIPv4, v4(protoTCP, segment)), WireLen: 20, Link: LinkEthernet}, true},
		"TCP header beyond it all":   {frame(LinkEthernet, eth(etherIPv4, v4(protoTCP, setV4(segment, func(p []byte) { p[12] = 0xf0 })))), true},
		"tag in the frame":           {frame(LinkEthernet, eth(etherVLAN, tag(5, etherIPv4, v4(protoTCP, segment)))), false},
		"IPv4 options":               {frame(LinkEthernet, eth(etherIPv4, v4Addr(addr4A, addr4B, protoTCP, make([]byte, 4), segment))), false},
		"first fragment":             {frame(LinkEthernet, eth(etherIPv4, setV4(v4(protoTCP, segment), func(p []byte) { p[6] = 0x20 }))), false},
		"later fragment":             {frame(LinkEthernet, eth(etherIPv4, setV4(v4(protoTCP, segment), func(p []byte) { p[7] = 1 }))), false},
		"total length 0":             {frame(LinkEthernet, eth(etherIPv4, setV4(v4(protoTCP, segment), func(p []byte) { p[2], p[3] = 0, 0 }))), false},
		"total length too large":     {frame(LinkEthernet, eth(etherIPv4, setV4(v4(protoTCP, segment), func(p []byte) { p[2] = 9 }))), false},
		"version 6 as IPv4":          {frame(LinkEthernet, eth(etherIPv4, setV4(v4(protoTCP, segment), func(p []byte) { p[0] = 0x65 }))), false},
		"IPv6 payload length 0":      {frame(LinkEthernet, eth(etherIPv6, setV4(v6(protoTCP, segment), func(p []byte) { p[4], p[5] = 0, 0 }))), false},
		"IPv6 extension":             {frame(LinkEthernet, eth(etherIPv6, v6(protoHopByHop, ext(protoTCP, 0, segment)))), false},
		"ICMP":                       {frame(LinkEthernet, eth(etherIPv4, v4(protoICMP, make([]byte, 40)))), false},
		"cut in the TCP header":      {Frame{Data: eth(etherIPv6, v6(protoTCP, segment))[:70], WireLen: 82, Link: LinkEthernet}, false},
		"shorter than TCP over IPv4": {frame(LinkEthernet, eth(etherIPv4, v4(protoUDP, udp(1, 2, nil)))), false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			var m Meta
			if got := m.plain(&tc.f); got != tc.want {
				t.Errorf("decoded in one go: %v, want %v", got, tc.want)
			}
			for _, d := range []Decoder{{}, {KeyVLAN: true}} {
				d.Decode(&tc.f, &m)
				checkMeta(t, &d, &tc.f, &m)
			}
		})
	}
}

// TestPlainSpoiled changes bytes, lengths and cuts of frames that decode in one go.
func TestPlainSpoiled(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	frames := mixes[0].frames
	m := Meta{Key: Key{VLAN: 9}, Envelope: 9, Seq: 9, Ack: 9, Window: 9, Reason: 9, TCPFlags: 9, ICMPType: 9, PayloadLen: 9}
	for range 200_000 {
		f := frames[r.IntN(len(frames))]
		f.Data = slices.Clone(f.Data)
		for range r.IntN(3) {
			f.Data[r.IntN(min(len(f.Data), 80))] = byte(r.Uint32())
		}
		f.Data = f.Data[:len(f.Data)-r.IntN(2)*r.IntN(len(f.Data))]
		f.WireLen = uint32(max(0, len(f.Data)+r.IntN(3)*(r.IntN(40)-20)))
		if r.IntN(4) == 0 {
			f.VLANTPID, f.VLANTCI = etherVLAN, uint16(r.Uint32())
		}
		d := Decoder{KeyVLAN: r.IntN(2) == 0}
		d.Decode(&f, &m)
		checkMeta(t, &d, &f, &m)
		if t.Failed() {
			return
		}
	}
}
