package packet

import (
	"net/netip"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

// mixes are the frames that both decoders are timed on.
var mixes = []struct {
	name   string
	frames []Frame
}{
	{"plain", mixFrames(func(i int, et uint16, ip []byte) []byte { return eth(et, ip) })},
	// One in eight with an 802.1Q tag, one in eight with QinQ.
	{"tagged", mixFrames(func(i int, et uint16, ip []byte) []byte {
		switch i / 4 % 8 {
		case 3:
			return eth(etherVLAN, tag(100, et, ip))
		case 6:
			return eth(etherQinQ, tag(200, etherVLAN, tag(100, et, ip)))
		}
		return eth(et, ip)
	})},
}

// mixFrames gives 256 frames: IPv4 and IPv6, TCP and UDP in all combinations, 64 bytes of payload.
func mixFrames(wrap func(i int, et uint16, ip []byte) []byte) []Frame {
	frames := make([]Frame, 256)
	for i := range frames {
		src4 := netip.AddrFrom4([4]byte{192, 0, 2, byte(i/4 + 1)})
		src6 := netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 15: byte(i/4 + 1)})
		l4, proto := tcp(uint16(40000+i), 443, nil, make([]byte, 64)), uint8(protoTCP)
		if i&2 != 0 {
			l4, proto = udp(uint16(40000+i), 9, make([]byte, 64)), protoUDP
		}
		if i&1 == 0 {
			frames[i] = frame(LinkEthernet, wrap(i, etherIPv4, v4Addr(src4, addr4B, proto, nil, l4)))
		} else {
			frames[i] = frame(LinkEthernet, wrap(i, etherIPv6, v6Addr(src6, addr6B, proto, l4)))
		}
	}
	return frames
}

// BenchmarkDecode and BenchmarkDecodingLayerParser run on the same frames, so that one run of both
// gives their ratio.
func BenchmarkDecode(b *testing.B) {
	for _, mix := range mixes {
		b.Run(mix.name, func(b *testing.B) {
			var d Decoder
			var m Meta
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				d.Decode(&mix.frames[i&255], &m)
				i++
			}
			if m.Class != ClassIP || !m.Key.HasPorts() {
				b.Fatalf("the last frame decodes to %+v", m)
			}
		})
	}
}

func BenchmarkDecodingLayerParser(b *testing.B) {
	for _, mix := range mixes {
		b.Run(mix.name, func(b *testing.B) {
			var (
				eth   layers.Ethernet
				dot1q layers.Dot1Q
				v4    layers.IPv4
				v6    layers.IPv6
				tcp   layers.TCP
				udp   layers.UDP
				body  gopacket.Payload
			)
			p := gopacket.NewDecodingLayerParser(layers.LayerTypeEthernet, &eth, &dot1q, &v4, &v6, &tcp, &udp, &body)
			p.IgnoreUnsupported = true
			decoded := make([]gopacket.LayerType, 0, 8)
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				if err := p.DecodeLayers(mix.frames[i&255].Data, &decoded); err != nil {
					b.Fatal(err)
				}
				i++
			}
			if len(decoded) < 3 {
				b.Fatalf("the last frame decodes to %v", decoded)
			}
		})
	}
}
