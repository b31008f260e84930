package packet

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// ipOutcome is what IP and transport headers decide.
type ipOutcome struct {
	Class          Class
	Reason         Reason
	Proto          uint8
	Ports          [2]uint16 // source, destination
	HasPorts       bool
	Fragment, TCP  bool
	PayloadLen     uint32
	Payload        string // the captured part
	ICMPType       uint8
	Seq, Ack       uint32
	Window         uint16
	TCPFlags       uint8
	SrcLast, Dlast byte // last bytes of the addresses
}

func decodeIP(f *Frame) ipOutcome {
	var d Decoder
	var m Meta
	d.Decode(f, &m)
	o := ipOutcome{
		Class: m.Class, Reason: m.Reason, Proto: m.Key.Proto, HasPorts: m.Class == ClassIP && m.Key.HasPorts(),
		Fragment: m.Flags&FlagFragment != 0, TCP: m.Flags&FlagTCP != 0,
		PayloadLen: m.PayloadLen, Payload: string(f.Data[m.PayloadOff:m.PayloadEnd]), ICMPType: m.ICMPType,
		Seq: m.Seq, Ack: m.Ack, Window: m.Window, TCPFlags: m.TCPFlags,
	}
	o.Ports = [2]uint16{m.Key.LoPort, m.Key.HiPort}
	o.SrcLast, o.Dlast = m.Key.Lo[15], m.Key.Hi[15]
	if m.Dir == DirHiLo {
		o.Ports[0], o.Ports[1] = o.Ports[1], o.Ports[0]
		o.SrcLast, o.Dlast = o.Dlast, o.SrcLast
	}
	return o
}

type ipCase struct {
	name string
	f    Frame
	want ipOutcome
}

func runIPCases(t *testing.T, cases []ipCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if c.want.Class == ClassIP {
				c.want.SrcLast, c.want.Dlast = 1, 7
			}
			if diff := cmp.Diff(c.want, decodeIP(&c.f)); diff != "" {
				t.Errorf("Decode(%x) (-want +got):\n%s", c.f.Data, diff)
			}
			var d Decoder
			var m Meta
			d.Decode(&c.f, &m)
			checkMeta(t, &d, &c.f, &m)
			checkCuts(t, &c.f)
		})
	}
}

func raw(p []byte) Frame { return frame(LinkRaw, p) }

// cut keeps the first n captured bytes of a frame.
func cut(f Frame, n int) Frame {
	f.Data = f.Data[:n]
	return f
}

// udpBody is the outcome of a whole UDP datagram from port 1000 to 53 that holds body.
var udpBody = ipOutcome{Class: ClassIP, Proto: protoUDP, Ports: [2]uint16{1000, 53}, HasPorts: true, PayloadLen: 8, Payload: "payload!"}

func (o ipOutcome) with(edit func(o *ipOutcome)) ipOutcome { edit(&o); return o }

func portless(proto uint8) ipOutcome { return ipOutcome{Class: ClassIP, Proto: proto} }

func refused(r Reason) ipOutcome { return ipOutcome{Class: ClassUndecoded, Reason: r} }

func TestDecodeIPv4(t *testing.T) {
	options := v4Addr(addr4A, addr4B, protoUDP, zeros(40), udp(1000, 53, body))
	set16 := func(off int, v uint16) []byte {
		return setV4(udp4, func(p []byte) { binary.BigEndian.PutUint16(p[off:], v) })
	}
	long := udpBody.with(func(o *ipOutcome) { o.PayloadLen, o.Payload = 12, "payload!\x00\x00\x00\x00" })
	big := frame(LinkRaw, set16(2, 0))
	big.WireLen = 80000
	// The 4 bytes of a tag that the kernel took out are no part of the packet.
	stripped := frame(LinkEthernet, eth(etherIPv4, set16(2, 0)))
	stripped.VLANTPID, stripped.WireLen = etherVLAN, stripped.WireLen+4
	runIPCases(t, []ipCase{
		{"whole", raw(udp4), udpBody},
		{"total length 0 with a tag taken out", stripped, udpBody},
		{"40 bytes of options", raw(options), udpBody},
		{"options cut", cut(raw(options), 24), portless(protoUDP)},
		{"padding is not payload", raw(cat(udp4, zeros(4))), udpBody},
		{"total length 0", raw(cat(set16(2, 0), zeros(4))), long},
		{"total length 0 of a frame beyond 64 KiB", big, udpBody.with(func(o *ipOutcome) { o.PayloadLen = 80000 - 28 })},
		{"total length too large", raw(cat(set16(2, 9000), zeros(4))), long},
		{"total length below the header", raw(cat(set16(2, 19), zeros(4))), refused(ReasonIPHeaderLength)},
		{"total length of the header alone", raw(set16(2, 20)), portless(protoUDP)},
		{"header length 4", raw(setV4(udp4, func(p []byte) { p[0] = 0x44 })), refused(ReasonIPHeaderLength)},
		{"header length beyond the frame", raw(setV4(udp4[:24], func(p []byte) { p[0] = 0x4f })), refused(ReasonIPHeaderLength)},
		{"version 6", raw(setV4(udp6, func(p []byte) { p[0] = 0x40 })), refused(ReasonIPHeaderLength)},
		{"version 5", frame(LinkIPv4, setV4(udp4, func(p []byte) { p[0] = 0x55 })), refused(ReasonIPVersion)},
		{"raw, version 0", raw(setV4(udp4, func(p []byte) { p[0] = 0 })), refused(ReasonIPVersion)},
		{"cut fixed part", cut(raw(udp4), 19), refused(ReasonTruncatedIP)},
		{"cut fixed part of a wrong version", cut(frame(LinkIPv4, udp6), 19), refused(ReasonIPVersion)},
		{"empty", raw(nil), refused(ReasonTruncatedIP)},
		{"first fragment", raw(set16(6, 0x2000)), udpBody.with(func(o *ipOutcome) { o.Fragment = true })},
		{"later fragment", raw(set16(6, 0x2001)), portless(protoUDP).with(func(o *ipOutcome) { o.Fragment = true })},
		{"last fragment", raw(set16(6, 0x1fff)), portless(protoUDP).with(func(o *ipOutcome) { o.Fragment = true })},
		{"do not fragment", raw(set16(6, 0x4000)), udpBody},
	})
}

func TestDecodeIPv6(t *testing.T) {
	whole := udp(1000, 53, body)
	exts := func(n int, next uint8, inner []byte) (uint8, []byte) {
		for ; n > 0; n-- {
			inner = ext(next, 0, inner)
			next = protoDstOpts
		}
		return next, inner
	}
	plen := func(p []byte, n uint16) []byte {
		return setV4(p, func(p []byte) { binary.BigEndian.PutUint16(p[4:], n) })
	}
	long := udpBody.with(func(o *ipOutcome) { o.PayloadLen, o.Payload = 12, "payload!\x00\x00\x00\x00" })
	jumbo := frame(LinkRaw, plen(v6(protoHopByHop, ext(protoUDP, 0, whole)), 0))
	jumbo.WireLen = 100000
	fragment := func(o *ipOutcome) { o.Fragment = true }
	runIPCases(t, []ipCase{
		{"whole", raw(udp6), udpBody},
		{"padding is not payload", raw(cat(udp6, zeros(4))), udpBody},
		{"payload length 0, as offload leaves it", raw(cat(plen(udp6, 0), zeros(4))), long},
		{"payload length 0 with padding", raw(cat(v6(protoUDP, nil), zeros(6))), portless(protoUDP)},
		{"payload length too large", raw(cat(plen(udp6, 9000), zeros(4))), long},
		{"jumbogram", jumbo, udpBody.with(func(o *ipOutcome) { o.PayloadLen = 100000 - 56 })},
		{"hop-by-hop, routing, destination", raw(v6(protoHopByHop, ext(protoRouting, 0, ext(protoDstOpts, 2, ext(protoUDP, 0, whole))))), udpBody},
		{"at the bound of headers", raw(v6(exts(maxExtensions, protoUDP, whole))), udpBody},
		{"beyond the bound of headers", raw(v6(exts(maxExtensions+1, protoUDP, whole))), portless(protoDstOpts)},
		{"extension header cut", cut(raw(v6(protoDstOpts, ext(protoUDP, 0, whole))), 41), portless(protoDstOpts)},
		{"extension header longer than the packet", raw(v6(protoDstOpts, setV4(ext(protoUDP, 0, whole), func(p []byte) { p[1] = 200 }))), portless(protoUDP)},
		{"atomic fragment", raw(v6(protoFragment, fragHeader(protoUDP, 0, false, whole))), udpBody},
		{"first fragment", raw(v6(protoFragment, fragHeader(protoUDP, 0, true, whole))), udpBody.with(fragment)},
		{"later fragment", raw(v6(protoFragment, fragHeader(protoUDP, 1232, true, whole))), portless(protoUDP).with(fragment)},
		{"last fragment of extended packet", raw(v6(protoDstOpts, ext(protoFragment, 0, fragHeader(protoDstOpts, 8, false, whole)))), portless(protoDstOpts).with(fragment)},
		{"fragment header cut", cut(raw(v6(protoFragment, fragHeader(protoUDP, 8, true, whole))), 47), portless(protoFragment)},
		{"no next header", raw(v6(protoNoNext, nil)), portless(protoNoNext)},
		{"authentication header is not stepped over", raw(v6(51, ext(protoUDP, 0, whole))), portless(51).with(func(o *ipOutcome) { o.PayloadLen, o.Payload = 24, string(ext(protoUDP, 0, whole)) })},
		{"mobility is not stepped over", raw(v6(135, ext(protoNoNext, 0, nil))), portless(135).with(func(o *ipOutcome) { o.PayloadLen, o.Payload = 8, string(ext(protoNoNext, 0, nil)) })},
		{"version 0", frame(LinkIPv6, setV4(udp6, func(p []byte) { p[0] = 0 })), refused(ReasonIPVersion)},
		{"cut fixed part", cut(raw(udp6), 39), refused(ReasonTruncatedIP)},
	})
}

func TestDecodeTransport(t *testing.T) {
	tcpBody := ipOutcome{Class: ClassIP, Proto: protoTCP, Ports: [2]uint16{1000, 443}, HasPorts: true, TCP: true,
		PayloadLen: 8, Payload: "payload!", Seq: 0x01020304, Ack: 0x05060708, Window: 0x1234, TCPFlags: TCPSyn | TCPAck}
	doff := func(v byte) []byte { return setV4(tcp4, func(p []byte) { p[32] = v << 4 }) }
	noTCP := func(o *ipOutcome) {
		o.TCP, o.Seq, o.Ack, o.Window, o.TCPFlags, o.Payload = false, 0, 0, 0, 0, ""
	}
	dccp := cat(be16(1000), be16(53), []byte{4}, zeros(11), body)
	gre := cat(zeros(4), body)
	runIPCases(t, []ipCase{
		{"tcp over ipv4", raw(tcp4), tcpBody},
		{"tcp over ipv6", raw(tcp6), tcpBody},
		{"tcp options", raw(v4(protoTCP, tcp(1000, 443, zeros(40), body))), tcpBody},
		{"tcp data offset too small", raw(doff(4)), tcpBody},
		{"tcp data offset beyond the packet", raw(doff(15)), tcpBody.with(func(o *ipOutcome) { o.PayloadLen, o.Payload = 0, "" })},
		{"tcp payload cut", cut(raw(tcp4), 43), tcpBody.with(func(o *ipOutcome) { o.Payload = "pay" })},
		{"tcp header cut behind the ports", cut(raw(tcp4), 39), tcpBody.with(noTCP)},
		{"tcp options cut", cut(raw(v4(protoTCP, tcp(1000, 443, zeros(12), body))), 45), tcpBody.with(func(o *ipOutcome) { o.Payload = "" })},
		{"tcp ports alone", cut(raw(tcp4), 24), tcpBody.with(noTCP)},
		{"tcp ports cut", cut(raw(tcp4), 23), portless(protoTCP)},
		{"tcp packet ends in the ports", raw(v4(protoTCP, []byte{1, 2})), portless(protoTCP)},
		{"udp header cut", cut(raw(udp4), 25), udpBody.with(func(o *ipOutcome) { o.Payload = "" })},
		{"udp without payload", raw(v4(protoUDP, udp(1000, 53, nil))), udpBody.with(func(o *ipOutcome) { o.PayloadLen, o.Payload = 0, "" })},
		{"udp-lite", raw(v6(protoUDPLite, udp(1000, 53, body))), udpBody.with(func(o *ipOutcome) { o.Proto = protoUDPLite })},
		{"sctp", raw(v4(protoSCTP, sctp(1000, 53, body))), udpBody.with(func(o *ipOutcome) { o.Proto = protoSCTP })},
		{"dccp", raw(v4(protoDCCP, dccp)), udpBody.with(func(o *ipOutcome) { o.Proto = protoDCCP })},
		{"real port 0", raw(v4(protoUDP, udp(0, 0, body))), udpBody.with(func(o *ipOutcome) { o.Ports = [2]uint16{} })},
		{"icmp", raw(v4(protoICMP, cat([]byte{8, 0}, zeros(6)))), portless(protoICMP).with(func(o *ipOutcome) {
			o.ICMPType, o.PayloadLen, o.Payload = 8, 8, string(cat([]byte{8, 0}, zeros(6)))
		})},
		{"icmpv6", raw(v6(protoICMPv6, cat([]byte{128, 0}, zeros(6)))), portless(protoICMPv6).with(func(o *ipOutcome) {
			o.ICMPType, o.PayloadLen, o.Payload = 128, 8, string(cat([]byte{128, 0}, zeros(6)))
		})},
		{"icmp cut", cut(raw(v4(protoICMP, []byte{8, 0, 0, 0})), 20), portless(protoICMP)},
		{"gre", raw(v4(protoGRE, gre)), portless(protoGRE).with(func(o *ipOutcome) { o.PayloadLen, o.Payload = 12, string(gre) })},
	})
}

func TestKeyIsCanonical(t *testing.T) {
	decode := func(f Frame) Meta {
		var d Decoder
		var m Meta
		d.Decode(&f, &m)
		checkMeta(t, &d, &f, &m)
		return m
	}
	for _, c := range []struct {
		name      string
		one, back Frame
	}{
		{"ipv4", raw(v4(protoUDP, udp(1000, 53, body))), raw(v4Back(protoUDP, udp(53, 1000, body)))},
		{"ipv6 differing low", raw(v6Addr(addr6A, addr6A.Next(), protoTCP, tcp(9, 8, nil, nil))), raw(v6Addr(addr6A.Next(), addr6A, protoTCP, tcp(8, 9, nil, nil)))},
		{"ipv6 differing high", raw(v6Addr(addr6A, addr6B, protoTCP, tcp(9, 8, nil, nil))), raw(v6Addr(addr6B, addr6A, protoTCP, tcp(8, 9, nil, nil)))},
		{"equal ipv4 addresses", raw(v4Addr(addr4A, addr4A, protoUDP, nil, udp(5, 6, nil))), raw(v4Addr(addr4A, addr4A, protoUDP, nil, udp(6, 5, nil)))},
		{"equal ipv6 addresses", raw(v6Addr(addr6A, addr6A, protoUDP, udp(5, 6, nil))), raw(v6Addr(addr6A, addr6A, protoUDP, udp(6, 5, nil)))},
	} {
		t.Run(c.name, func(t *testing.T) {
			one, back := decode(c.one), decode(c.back)
			if one.Key != back.Key {
				t.Errorf("keys of the two directions differ: %+v and %+v", one.Key, back.Key)
			}
			if one.Dir == back.Dir {
				t.Errorf("both directions have Dir %d", one.Dir)
			}
		})
	}

	// An IPv4 address and the same bytes as IPv6 are two flows, and so are ports 0 and no ports.
	mapped4 := netip.MustParseAddr("::ffff:192.0.2.1")
	mapped7 := netip.MustParseAddr("::ffff:198.51.100.7")
	four, six := decode(raw(udp4)), decode(raw(v6Addr(mapped4, mapped7, protoUDP, udp(1000, 53, body))))
	if four.Key.Lo != six.Key.Lo || four.Key == six.Key {
		t.Errorf("IPv4 %+v and IPv4-mapped IPv6 %+v: want equal bytes and unequal keys", four.Key, six.Key)
	}
	zero, none := decode(raw(v4(protoUDP, udp(0, 0, nil)))), decode(raw(v4(protoUDP, nil)))
	if zero.Key == none.Key {
		t.Errorf("a datagram with ports 0 and one that shows none have the same key %+v", zero.Key)
	}
	if got := four.Key.LoAddr(); got != addr4A {
		t.Errorf("LoAddr = %v, want %v", got, addr4A)
	}
}

func TestKeyVLAN(t *testing.T) {
	one, two := vlanFrame(1, etherIPv4, udp4), frame(LinkEthernet, eth(etherVLAN, tag(2, etherIPv4, udp4)))
	for _, keep := range []bool{false, true} {
		d := Decoder{KeyVLAN: keep}
		var a, b Meta
		d.Decode(&one, &a)
		d.Decode(&two, &b)
		checkMeta(t, &d, &one, &a)
		checkMeta(t, &d, &two, &b)
		if (a.Key != b.Key) != keep {
			t.Errorf("KeyVLAN %v: keys in VLAN 1 and 2 are %+v and %+v", keep, a.Key, b.Key)
		}
	}
}
