package filter

import "github.com/netmond/netmond/packet"

// encapsulation is true of frames that are wrapped so, and moves the layout for what comes later in the
// text to what lies inside.
func (l *lowering) encapsulation(n *encapsulation) *condition {
	l.checked = nil
	switch n.kind {
	case "vlan":
		return l.vlan(n)
	case "mpls":
		return l.mpls(n)
	case "pppoed":
		return l.carries(n, etherPPPoED)
	case "pppoes":
		return l.pppoe(n)
	}
	return l.geneve(n)
}

func (l *lowering) vlan(n *encapsulation) *condition {
	if l.at.labels > 0 {
		return l.fail(n, "no VLAN tag can follow an MPLS label")
	}
	if l.at.family != familyEthernet && !l.wlanFields() {
		return l.fail(n, "frames of link type %v have no VLAN tags", l.at.link)
	}
	c := allOf(l.hasLink(), anyOf(l.carries(n, etherVLAN), l.carries(n, etherQinQ), l.carries(n, etherOldQ)))
	if n.given {
		c = allOf(c, l.masked(l.net(), 0, 2, n.n, 0x0fff))
	}
	l.at.payload.k += 4
	l.at.kind.k += 4
	return c
}

// pppMPLS is the PPP protocol number of MPLS.
const pppMPLS = 0x0281

func (l *lowering) mpls(n *encapsulation) *condition {
	var c *condition
	switch {
	case l.at.labels > 0:
		// The label before is not the last of the stack.
		before := l.net()
		before.k -= 4
		c = l.masked(before, 2, 1, 0, 0x01)
	case l.at.family == familyEthernet, l.at.family == familyHDLC:
		c = l.carries(n, etherMPLS)
	case l.at.family == familyPPP && l.at.link == packet.LinkPPP:
		c = l.carries(n, pppMPLS)
	default:
		return l.fail(n, "frames of link type %v have no MPLS labels", l.at.link)
	}
	if n.given {
		c = allOf(c, l.masked(l.net(), 0, 4, n.n<<12, 0xfffff000))
	}
	l.at.network += 4
	l.at.noSNAP += 4
	l.at.labels++
	return c
}

// labelled is true when the label before is the last, and the packet's first bits are of the protocol.
func (l *lowering) labelled(n interface{ at() int }, proto uint32) *condition {
	var version uint32
	switch proto {
	case etherIP:
		version = 0x40
	case etherIP6:
		version = 0x60
	default:
		return l.fail(n, "only ip and ip6 can be told after 'mpls'")
	}
	last := l.net()
	last.k -= 2
	return allOf(l.masked(last, 0, 1, 1, 1), l.masked(l.net(), 0, 1, version, 0xf0))
}

func (l *lowering) pppoe(n *encapsulation) *condition {
	c := l.carries(n, etherPPPoES)
	if n.given {
		c = allOf(c, l.masked(l.net(), 0, 4, n.n, 0xffff))
	}
	// From here on the link layer is PPP, behind 6 bytes of PPPoE.
	l.at.link, l.at.family = packet.LinkPPP, familyPPP
	l.at.header = l.net()
	l.at.header.k += 6
	l.at.kind = l.at.header
	l.at.payload = l.at.header
	l.at.payload.k += 2
	l.at.network, l.at.noSNAP = 0, 0
	return c
}

const genevePort = 6081

func (l *lowering) geneve(n *encapsulation) *condition {
	v, net := &l.values, l.net()
	// Four numbers that are known only for frames that match; where others can be looked at, they are 0.
	l.slots += 3
	headerSlot, kindSlot, payloadSlot := l.slots-2, l.slots-1, l.slots
	l.slots++
	tunnelSlot := l.slots
	for slot := headerSlot; slot <= tunnelSlot; slot++ {
		l.before = append(l.before, assign(slot, v.number(0), always))
	}
	over := func(udp offset, before *condition) *condition {
		all := []*condition{
			before,
			l.compare(testEqual, l.load(udp, 2, 2), genevePort),
			l.masked(udp, 8, 1, 0, 0xc0), // version 0
		}
		if n.given {
			all = append(all, l.masked(udp, 8+4, 4, n.n<<8, 0xffffff00))
		}
		at := v.number(udp.k + 8)
		if udp.base != noValue {
			at = v.op('+', udp.base, at)
		}
		return allOf(append(all, assign(tunnelSlot, at, always))...)
	}
	four := over(l.transport4(), allOf(l.carries(n, etherIP), l.equals(net, 9, 1, protoUDP), l.unfragmented()))
	six := over(offset{net.base, net.k + 40}, allOf(l.carries(n, etherIP6), l.equals(net, 6, 1, protoUDP)))

	tunnel := offset{v.slot(tunnelSlot), 0}
	options := v.op('l', v.op('&', l.load(tunnel, 0, 1), v.number(0x3f)), v.number(2))
	header := v.op('+', v.op('+', options, v.number(8)), tunnel.base)
	start := v.slot(headerSlot)
	inside := anyOf(
		allOf(l.equals(tunnel, 2, 2, etherTEB),
			assign(kindSlot, v.op('+', start, v.number(12)), always),
			assign(payloadSlot, v.op('+', start, v.number(14)), always)),
		allOf(assign(kindSlot, v.op('+', tunnel.base, v.number(2)), always),
			assign(payloadSlot, start, always)))
	l.at = layout{
		link: packet.LinkEthernet, family: familyEthernet, inner: true, noSNAP: 3,
		header:  offset{start, 0},
		kind:    offset{v.slot(kindSlot), 0},
		payload: offset{v.slot(payloadSlot), 0},
	}
	return allOf(anyOf(four, six), present(v, l.load(tunnel, 2, 2)), assign(headerSlot, header, always), inside)
}
