package filter

import (
	"net/netip"

	"github.com/netmond/netmond/packet"
)

// ends joins what dir asks for of a packet's two ends.
func ends(dir string, src, dst func() *condition) *condition {
	switch dir {
	case "src":
		return src()
	case "dst":
		return dst()
	case "and":
		return allOf(src(), dst())
	}
	return anyOf(src(), dst())
}

func (l *lowering) named(n *name) *condition {
	switch n.q.addr {
	case "port", "portrange":
		if n.only != "" {
			q := n.q
			q.proto = n.only
			return l.ports(n, q, n.from, n.to)
		}
		return l.ports(n, n.q, n.from, n.to)
	case "proto":
		return l.protocol(n, n.proto, n.q.proto)
	case "protochain":
		return l.chain(n, n.proto, n.q.proto)
	}
	var any []*condition
	for _, a := range n.addrs {
		any = append(any, l.hostAddr(n, n.q, a))
	}
	return anyOf(any...)
}

func (l *lowering) hostAddr(n node, q qualifiers, a netip.Addr) *condition {
	if a.Is4() {
		b := a.As4()
		return l.host4(n, q, uint32(b[0])<<24|uint32(b[1])<<16|uint32(b[2])<<8|uint32(b[3]), 0xffffffff)
	}
	return l.host6(n, q, a.As16(), 128)
}

// host4 is true of packets to or from an IPv4 network.
func (l *lowering) host4(n node, q qualifiers, addr, mask uint32) *condition {
	in := func(proto, src, dst uint32) *condition {
		end := func(k uint32) func() *condition {
			return func() *condition {
				return allOf(l.carries(n, proto), l.masked(l.net(), k, 4, addr, mask))
			}
		}
		return ends(q.dir, end(src), end(dst))
	}
	switch q.proto {
	case "ip":
		return in(etherIP, 12, 16)
	case "arp":
		return in(etherARP, 14, 24)
	case "rarp":
		return in(etherRARP, 14, 24)
	}
	ip := in(etherIP, 12, 16)
	if l.at.labels > 0 {
		return ip
	}
	return anyOf(ip, in(etherARP, 14, 24), in(etherRARP, 14, 24))
}

// host6 is true of packets to or from an IPv6 network of this many bits.
func (l *lowering) host6(n node, q qualifiers, addr [16]byte, bits int) *condition {
	end := func(k uint32) func() *condition {
		return func() *condition {
			all := []*condition{l.carries(n, etherIP6)}
			for i := range 4 {
				var word, mask uint32
				for j := range 4 {
					word = word<<8 | uint32(addr[4*i+j])
				}
				switch here := bits - 32*i; {
				case here >= 32:
					mask = 0xffffffff
				case here > 0:
					mask = ^(0xffffffff >> here)
				}
				all = append(all, l.masked(l.net(), k+uint32(4*i), 4, word, mask))
			}
			return allOf(all...)
		}
	}
	return ends(q.dir, end(8), end(24))
}

// decnetHost is true of DECnet routing packets to or from a node: in a long or short header, after
// padding or not.
func (l *lowering) decnetHost(n *address4) *condition {
	addr := n.addr&0xff<<8 | n.addr>>8 // least significant byte first
	at := func(short, long uint32) *condition {
		field := func(k uint32) *condition { return l.equals(l.net(), k, 2, addr) }
		return anyOf(
			allOf(l.masked(l.net(), 2, 1, 0x02, 0x07), field(2+1+short)),
			allOf(l.masked(l.net(), 2, 2, 0x8102, 0xff07), field(2+1+1+short)),
			allOf(l.masked(l.net(), 2, 1, 0x06, 0x07), field(2+1+long)),
			allOf(l.masked(l.net(), 2, 2, 0x8106, 0xff07), field(2+1+1+long)))
	}
	// Header after the 2 bytes of length and the flags: short has destination, source; long has 2 bytes,
	// the destination with 4 bytes of prefix, 2 bytes, the source with its prefix.
	dst := func() *condition { return allOf(l.carries(n, etherDECnet), at(0, 6)) }
	src := func() *condition { return allOf(l.carries(n, etherDECnet), at(2, 14)) }
	return ends(n.q.dir, src, dst)
}

// ports is true of packets with a port in from..to, of one transport or of TCP, UDP and SCTP.
func (l *lowering) ports(n node, q qualifiers, from, to uint16) *condition {
	switch q.dir {
	case "", "src", "dst", "or", "and":
	default:
		return l.fail(n, "'%s' is for 802.11 addresses only", q.dir)
	}
	if from > to {
		from, to = to, from
	}
	var transports []uint32
	switch q.proto {
	case "tcp":
		transports = []uint32{protoTCP}
	case "udp":
		transports = []uint32{protoUDP}
	case "sctp":
		transports = []uint32{protoSCTP}
	default:
		transports = []uint32{protoSCTP, protoTCP, protoUDP}
	}
	in := func(at offset) *condition {
		port := func(k uint32) func() *condition {
			return func() *condition {
				x := l.load(at, k, 2)
				if from == to {
					return l.compare(testEqual, x, uint32(from))
				}
				return allOf(l.compare(testGreaterEqual, x, uint32(from)), not(l.compare(testGreater, x, uint32(to))))
			}
		}
		return ends(q.dir, port(0), port(2))
	}
	of := func(next uint32, rest *condition) *condition {
		var any []*condition
		for _, t := range transports {
			any = append(any, allOf(l.equals(l.net(), next, 1, t), rest))
		}
		return anyOf(any...)
	}
	net := l.net()
	six := allOf(l.carries(n, etherIP6), of(6, in(offset{net.base, net.k + 40})))
	four := allOf(l.carries(n, etherIP), of(9, allOf(l.unfragmented(), in(l.transport4()))))
	return anyOf(six, four)
}

// unfragmented is true of IPv4 packets that begin with the transport's header.
func (l *lowering) unfragmented() *condition {
	return not(l.compare(testBits, l.load(l.net(), 6, 2), 0x1fff))
}

// station is true of frames to or from an Ethernet address.
func (l *lowering) station(n node, dir string, mac [6]byte) *condition {
	switch l.at.family {
	case familyEthernet:
		switch dir {
		case "", "src", "dst", "or", "and":
		default:
			return l.fail(n, "'%s' is for 802.11 captures only", dir)
		}
		src := func() *condition { return l.bytes(l.at.header, 6, mac[:]) }
		dst := func() *condition { return l.bytes(l.at.header, 0, mac[:]) }
		return allOf(l.hasLink(), ends(dir, src, dst))
	case familyWLAN:
		return l.wlanStation(dir, mac)
	}
	return l.fail(n, "frames of link type %v have no Ethernet addresses", l.at.link)
}

// hasLink is true of frames that have a link layer header where the layout says so.
func (l *lowering) hasLink() *condition {
	if !l.at.inner {
		return always
	}
	return not(l.values.compare(testEqual, l.at.header.base, l.at.payload.base))
}

// wlanStation is true of 802.11 frames with an address as sender, receiver, or in one of four fields.
func (l *lowering) wlanStation(dir string, mac [6]byte) *condition {
	field := func(k uint32) *condition { return l.bytes(l.at.header, k, mac[:]) }
	fc, ds := l.load(l.at.header, 0, 1), l.load(l.at.header, 1, 1)
	control := l.compare(testBits, fc, 0x04)
	data := l.compare(testBits, fc, 0x08)
	fromDS, toDS := l.compare(testBits, ds, 0x02), l.compare(testBits, ds, 0x01)
	// choose is a if c holds, else b.
	choose := func(c, a, b *condition) *condition { return anyOf(allOf(c, a), allOf(not(c), b)) }
	source := func() *condition {
		return allOf(not(control), choose(data,
			choose(fromDS, choose(toDS, field(24), field(16)), field(10)),
			field(10)))
	}
	destination := func() *condition {
		return allOf(not(control), choose(data, choose(toDS, field(16), field(4)), field(4)))
	}
	switch dir {
	case "addr1":
		return field(4)
	case "addr2": // not of clear-to-send and acknowledgement
		return allOf(not(l.shortControl()), field(10))
	case "addr3":
		return allOf(not(control), field(16))
	case "addr4":
		return allOf(fromDS, toDS, field(24))
	case "ra":
		return allOf(data, field(4))
	case "ta":
		return allOf(data, field(10))
	}
	return ends(dir, source, destination)
}

// shortControl is true of the control frames of 802.11 that have one address alone.
func (l *lowering) shortControl() *condition {
	kind := func(v uint32) *condition { return l.masked(l.at.header, 0, 1, v, 0xfc) }
	return anyOf(kind(0xc4), kind(0xd4))
}

func (l *lowering) broadcast(n *cast) *condition {
	switch n.proto {
	case "", "link":
		all := [6]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
		switch l.at.family {
		case familyEthernet, familyWLAN:
			return l.station(n, "dst", all)
		}
		return l.fail(n, "frames of link type %v have no broadcast address", l.at.link)
	case "ip":
		return l.fail(n, "'ip broadcast' needs the mask of the network, which is not known: name the address, such as dst host 192.0.2.255")
	}
	return l.fail(n, "broadcasts are of the link layer, not of %q", n.proto)
}

func (l *lowering) multicast(n *cast) *condition {
	switch n.proto {
	case "", "link":
		switch l.at.family {
		case familyEthernet:
			return allOf(l.hasLink(), l.compare(testBits, l.load(l.at.header, 0, 1), 1))
		case familyWLAN:
			fc, ds := l.load(l.at.header, 0, 1), l.load(l.at.header, 1, 1)
			toDS := allOf(l.compare(testBits, fc, 0x08), l.compare(testBits, ds, 0x01))
			group := func(k uint32) *condition { return l.compare(testBits, l.load(l.at.header, k, 1), 1) }
			return allOf(not(l.compare(testBits, fc, 0x04)), anyOf(allOf(toDS, group(16)), allOf(not(toDS), group(4))))
		}
		return l.fail(n, "frames of link type %v have no multicast addresses", l.at.link)
	case "ip":
		return allOf(l.carries(n, etherIP), l.compare(testGreaterEqual, l.load(l.net(), 16, 1), 224))
	case "ip6":
		return allOf(l.carries(n, etherIP6), l.equals(l.net(), 24, 1, 255))
	}
	return l.fail(n, "multicasts are of the link layer, ip and ip6, not of %q", n.proto)
}

// packetOutgoing is the type of frames that this host sent (linux/if_packet.h).
const packetOutgoing = 4

func (l *lowering) direction(n *direction) *condition {
	var out *condition
	raw := offset{noValue, 0}
	switch {
	case l.target.Live:
		out = l.compare(testEqual, l.values.aux(auxPacketType), packetOutgoing)
	case l.target.Link == packet.LinkLinuxSLL:
		out = l.equals(raw, 0, 2, packetOutgoing)
	case l.target.Link == packet.LinkLinuxSLL2:
		out = l.equals(raw, 10, 1, packetOutgoing)
	default:
		return l.fail(n, "frames of link type %v in a file do not tell their direction", l.target.Link)
	}
	if n.outbound {
		return out
	}
	return not(out)
}

func (l *lowering) interfaceIndex(n *ifindex) *condition {
	switch {
	case l.target.Live:
		return l.compare(testEqual, l.values.aux(auxInterface), n.n)
	case l.target.Link == packet.LinkLinuxSLL2:
		return l.equals(offset{noValue, 0}, 4, 4, n.n)
	}
	return l.fail(n, "frames of link type %v in a file do not tell their interface", l.target.Link)
}
