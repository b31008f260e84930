package pcaptest

import (
	"fmt"
	"net"
	"net/netip"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

// An Option changes how a builder wraps its packet.
type Option func(*wrap)

type wrap struct {
	src, dst net.HardwareAddr
	vlans    []uint16
	rawIP    bool
	noPad    bool
	ttl      uint8
	id       uint16
}

// MAC is the documentation address 00-00-5E-00-53-xx (RFC 9542).
func MAC(x byte) net.HardwareAddr { return net.HardwareAddr{0x00, 0x00, 0x5e, 0x00, 0x53, x} }

// Broadcast is the link-layer broadcast address.
var Broadcast = net.HardwareAddr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}

// MACs sets the Ethernet addresses; without it they are MAC(1) and MAC(2).
func MACs(src, dst net.HardwareAddr) Option { return func(w *wrap) { w.src, w.dst = src, dst } }

// VLAN puts 802.1Q tags into the frame, the outermost first; all but the last have the 802.1ad TPID.
func VLAN(ids ...uint16) Option { return func(w *wrap) { w.vlans = ids } }

// RawIP leaves the Ethernet header out (LINKTYPE_RAW, 101).
func RawIP() Option { return func(w *wrap) { w.rawIP = true } }

// Unpadded leaves a short Ethernet frame below the 60 bytes that it has on the wire.
func Unpadded() Option { return func(w *wrap) { w.noPad = true } }

// TTL sets the IPv4 time to live or the IPv6 hop limit; without it it is 64.
func TTL(ttl uint8) Option { return func(w *wrap) { w.ttl = ttl } }

// ID sets the IP identification, IPv6 uses it in fragments.
func ID(id uint16) Option { return func(w *wrap) { w.id = id } }

// Frame serialises layers as they are, with lengths and checksums computed.
func Frame(l ...gopacket.SerializableLayer) []byte {
	buf := gopacket.NewSerializeBuffer()
	opts := gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}
	if err := gopacket.SerializeLayers(buf, opts, l...); err != nil {
		panic(fmt.Sprintf("pcaptest: %v", err))
	}
	return buf.Bytes()
}

// UDP is a datagram; src and dst are "address:port" ("[2001:db8::1]:53" for IPv6).
func UDP(src, dst string, payload []byte, opts ...Option) []byte {
	s, d := netip.MustParseAddrPort(src), netip.MustParseAddrPort(dst)
	udp := &layers.UDP{SrcPort: layers.UDPPort(s.Port()), DstPort: layers.UDPPort(d.Port())}
	return ip(s.Addr(), d.Addr(), layers.IPProtocolUDP, opts, udp, gopacket.Payload(payload))
}

// A Segment is what a TCP header says beside its ports.
type Segment struct {
	Flags    string // of S A F R P U E C: "SA" is a SYN-ACK
	Seq, Ack uint32
	Window   uint16 // 0 stands for 64240; ZeroWindow says zero
	Payload  []byte

	ZeroWindow bool
	Options    []layers.TCPOption
}

// TCP is a segment; src and dst are "address:port".
func TCP(src, dst string, seg Segment, opts ...Option) []byte {
	s, d := netip.MustParseAddrPort(src), netip.MustParseAddrPort(dst)
	tcp := &layers.TCP{
		SrcPort: layers.TCPPort(s.Port()), DstPort: layers.TCPPort(d.Port()),
		Seq: seg.Seq, Ack: seg.Ack, Window: seg.Window, Options: seg.Options,
	}
	if seg.Window == 0 && !seg.ZeroWindow {
		tcp.Window = 64240
	}
	for _, c := range seg.Flags {
		switch c {
		case 'S':
			tcp.SYN = true
		case 'A':
			tcp.ACK = true
		case 'F':
			tcp.FIN = true
		case 'R':
			tcp.RST = true
		case 'P':
			tcp.PSH = true
		case 'U':
			tcp.URG = true
		case 'E':
			tcp.ECE = true
		case 'C':
			tcp.CWR = true
		default:
			panic(fmt.Sprintf("pcaptest: TCP flag %q", c))
		}
	}
	return ip(s.Addr(), d.Addr(), layers.IPProtocolTCP, opts, tcp, gopacket.Payload(seg.Payload))
}

// ICMP is an ICMP or, between IPv6 addresses, an ICMPv6 message; body follows the checksum.
func ICMP(src, dst string, kind, code uint8, body []byte, opts ...Option) []byte {
	s, d := netip.MustParseAddr(src), netip.MustParseAddr(dst)
	if s.Is6() {
		l := &layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(kind, code)}
		return ip(s, d, layers.IPProtocolICMPv6, opts, l, gopacket.Payload(body))
	}
	l := &layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(kind, code)}
	if len(body) >= 4 { // gopacket holds the first four bytes in fields
		l.Id = uint16(body[0])<<8 | uint16(body[1])
		l.Seq = uint16(body[2])<<8 | uint16(body[3])
		body = body[4:]
	}
	return ip(s, d, layers.IPProtocolICMPv4, opts, l, gopacket.Payload(body))
}

// IP is a packet of any protocol around payload, between IPv4 or IPv6 addresses.
func IP(src, dst string, proto uint8, payload []byte, opts ...Option) []byte {
	return ip(netip.MustParseAddr(src), netip.MustParseAddr(dst), layers.IPProtocol(proto), opts, gopacket.Payload(payload))
}

// ARP asks, broadcast by default, who has target.
func ARP(sender, target string, opts ...Option) []byte {
	s, d := netip.MustParseAddr(sender).As4(), netip.MustParseAddr(target).As4()
	w := newWrap(opts)
	if w.dst.String() == MAC(2).String() {
		w.dst = Broadcast
	}
	return w.frame(layers.EthernetTypeARP, &layers.ARP{
		AddrType: layers.LinkTypeEthernet, Protocol: layers.EthernetTypeIPv4,
		HwAddressSize: 6, ProtAddressSize: 4, Operation: layers.ARPRequest,
		SourceHwAddress: w.src, SourceProtAddress: s[:],
		DstHwAddress: make([]byte, 6), DstProtAddress: d[:],
	})
}

// Fragments cuts payload, a transport header included, into IP fragments of at most size bytes of
// payload each; size is a multiple of 8.
func Fragments(src, dst string, proto uint8, payload []byte, size int, opts ...Option) [][]byte {
	if size <= 0 || size%8 != 0 {
		panic("pcaptest: fragment size is not a multiple of 8")
	}
	s, d := netip.MustParseAddr(src), netip.MustParseAddr(dst)
	w := newWrap(opts)
	var frames [][]byte
	for off := 0; off < len(payload); off += size {
		part, more := payload[off:min(off+size, len(payload))], off+size < len(payload)
		if s.Is6() {
			ip6 := w.ipv6(s, d, layers.IPProtocolIPv6Fragment)
			head := []byte{proto, 0, byte(off >> 8), byte(off), 0, 0, byte(w.id >> 8), byte(w.id)}
			if more {
				head[3] |= 1
			}
			frames = append(frames, w.frame(layers.EthernetTypeIPv6, ip6, gopacket.Payload(append(head, part...))))
			continue
		}
		ip4 := w.ipv4(s, d, layers.IPProtocol(proto))
		ip4.FragOffset = uint16(off / 8)
		if more {
			ip4.Flags = layers.IPv4MoreFragments
		}
		frames = append(frames, w.frame(layers.EthernetTypeIPv4, ip4, gopacket.Payload(part)))
	}
	return frames
}

func newWrap(opts []Option) *wrap {
	w := &wrap{src: MAC(1), dst: MAC(2), ttl: 64, id: 1}
	for _, o := range opts {
		o(w)
	}
	return w
}

func (w *wrap) ipv4(s, d netip.Addr, proto layers.IPProtocol) *layers.IPv4 {
	return &layers.IPv4{Version: 4, IHL: 5, TTL: w.ttl, Id: w.id, Protocol: proto, SrcIP: s.AsSlice(), DstIP: d.AsSlice()}
}

func (w *wrap) ipv6(s, d netip.Addr, next layers.IPProtocol) *layers.IPv6 {
	return &layers.IPv6{Version: 6, HopLimit: w.ttl, NextHeader: next, SrcIP: s.AsSlice(), DstIP: d.AsSlice()}
}

// ip puts an IP header before l and gives it to l's pseudo header checksum.
func ip(s, d netip.Addr, proto layers.IPProtocol, opts []Option, l ...gopacket.SerializableLayer) []byte {
	if s.Is4() != d.Is4() {
		panic(fmt.Sprintf("pcaptest: %v and %v are of two families", s, d))
	}
	w := newWrap(opts)
	var head interface {
		gopacket.SerializableLayer
		gopacket.NetworkLayer
	}
	kind := layers.EthernetTypeIPv4
	if s.Is6() {
		kind, head = layers.EthernetTypeIPv6, w.ipv6(s, d, proto)
	} else {
		head = w.ipv4(s, d, proto)
	}
	if c, ok := l[0].(interface {
		SetNetworkLayerForChecksum(gopacket.NetworkLayer) error
	}); ok {
		if err := c.SetNetworkLayerForChecksum(head); err != nil {
			panic(fmt.Sprintf("pcaptest: %v", err))
		}
	}
	return w.frame(kind, append([]gopacket.SerializableLayer{head}, l...)...)
}

// frame adds the Ethernet header, the tags and the padding that w asks for.
func (w *wrap) frame(kind layers.EthernetType, l ...gopacket.SerializableLayer) []byte {
	if w.rawIP {
		return Frame(l...)
	}
	body := Frame(l...)
	head := append(append([]byte{}, w.dst...), w.src...)
	for i, id := range w.vlans {
		tpid := layers.EthernetTypeQinQ
		if i == len(w.vlans)-1 {
			tpid = layers.EthernetTypeDot1Q
		}
		head = append(head, byte(tpid>>8), byte(tpid), byte(id>>8), byte(id))
	}
	data := append(append(head, byte(kind>>8), byte(kind)), body...)
	for !w.noPad && len(data) < 60 {
		data = append(data, 0)
	}
	return data
}
