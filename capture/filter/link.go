package filter

import "github.com/netmond/netmond/packet"

// A linkFamily is a way in which a link layer says what it carries.
type linkFamily uint8

const (
	familyNone     linkFamily = iota
	familyEthernet            // EtherType, or a length and LLC
	familyHDLC                // Cisco HDLC: EtherType
	familyPPP                 // PPP protocol number
	familyRaw                 // nothing: the first bits of an IP header
	familyIPv4                // nothing but IPv4
	familyIPv6
	familyLoop   // a word that holds an address family
	familyCooked // Linux cooked: EtherType, or 4 and LLC
	familyWLAN   // 802.11, then LLC
	familyLLC
)

// start sets the layout of the target's link type. What it gives must hold of every frame that matches.
func (l *lowering) start() *condition {
	zero := func(k uint32) offset { return offset{noValue, k} }
	l.at = layout{link: l.target.Link, header: zero(0), kind: zero(0), payload: zero(0)}
	set := func(f linkFamily, kind, payload uint32) *condition {
		l.at.family, l.at.kind.k, l.at.payload.k = f, kind, payload
		return always
	}
	switch l.target.Link {
	case packet.LinkEthernet:
		l.at.noSNAP = 3
		return set(familyEthernet, 12, 14)
	case packet.LinkCiscoHDLC:
		return set(familyHDLC, 2, 4)
	case packet.LinkPPP, packet.LinkPPPSerial:
		return set(familyPPP, 2, 4)
	case packet.LinkPPPEther:
		return set(familyPPP, 6, 8)
	case packet.LinkRaw, packet.LinkRawBSD, packet.LinkRawOpenBSD:
		return set(familyRaw, 0, 0)
	case packet.LinkSLIP:
		return set(familyRaw, 0, 16)
	case packet.LinkIPv4:
		return set(familyIPv4, 0, 0)
	case packet.LinkIPv6:
		return set(familyIPv6, 0, 0)
	case packet.LinkNull, packet.LinkLoop:
		return set(familyLoop, 0, 4)
	case packet.LinkEnc:
		return set(familyLoop, 0, 12)
	case packet.LinkLinuxSLL:
		return set(familyCooked, 14, 16)
	case packet.LinkLinuxSLL2:
		return set(familyCooked, 0, 20)
	case packet.LinkATMRFC1483:
		l.at.network, l.at.noSNAP = 8, 3
		return set(familyLLC, 0, 0)
	case packet.LinkIEEE80211, packet.LinkPrism, packet.LinkAVS, packet.LinkRadiotap, packet.LinkPPI:
		l.at.family, l.at.network, l.at.noSNAP = familyWLAN, 8, 3
		return l.startWLAN()
	}
	return l.fail(place(0), "frames of link type %v cannot be filtered", l.target.Link)
}

// startWLAN finds the header of 802.11 behind what a capture puts before it, and the end of a data
// frame's header.
func (l *lowering) startWLAN() *condition {
	v := &l.values
	gate := always
	raw := offset{noValue, 0}
	prefix := noValue
	switch l.target.Link {
	case packet.LinkPrism:
		// 144 bytes, or an AVS header under the same link type.
		l.slots++
		avs := l.masked(raw, 0, 4, 0x80211000, 0xfffff000)
		l.before = append(l.before, anyOf(
			allOf(avs, assign(l.slots, l.load(raw, 4, 4), always)),
			assign(l.slots, v.number(144), always)))
		prefix = v.slot(l.slots)
	case packet.LinkAVS:
		prefix = l.newSlot(l.load(raw, 4, 4))
	case packet.LinkRadiotap, packet.LinkPPI: // 16 bits, least significant byte first
		prefix = l.newSlot(v.op('|', v.op('l', l.load(raw, 3, 1), v.number(8)), l.load(raw, 2, 1)))
	}
	if l.target.Link == packet.LinkPPI {
		gate = l.equals(raw, 4, 4, 105<<24) // 802.11, least significant byte first
	}
	l.at.header = offset{prefix, 0}
	// 24 bytes, and in some data frames 2 of quality of service.
	end := v.number(24)
	if prefix != noValue {
		end = v.op('+', prefix, end)
	}
	fc := l.load(l.at.header, 0, 1)
	qos := allOf(l.compare(testBits, fc, 0x08), not(l.compare(testBits, fc, 0x04)), l.compare(testBits, fc, 0x80))
	l.slots++
	l.before = append(l.before, anyOf(
		allOf(qos, assign(l.slots, v.op('+', end, v.number(2)), always)),
		assign(l.slots, end, always)))
	end = v.slot(l.slots)
	if l.target.Link == packet.LinkRadiotap {
		end = l.newSlot(l.padded(end))
	}
	l.at.payload = offset{end, 0}
	return gate
}

// padded rounds the end of the 802.11 header up to a multiple of 4 where radiotap's flags say that the
// header is padded so.
func (l *lowering) padded(end value) value {
	v := &l.values
	raw := offset{noValue, 0}
	present := l.load(raw, 4, 4) // a bit mask, least significant byte first
	bit := func(x value, n uint32) value { return v.op('&', v.op('r', x, v.number(n)), v.number(1)) }
	// The flags are the byte after the 8 bytes of a time stamp, if that is present.
	flags := l.load(offset{v.op('l', bit(present, 24), v.number(3)), 8}, 0, 1)
	pad := v.op('&', v.op('&', bit(present, 25), bit(flags, 5)), v.op('^', bit(present, 7), v.number(1)))
	return v.op('+', end, v.op('*', pad, v.op('&', v.op('-', v.number(0), end), v.number(3))))
}

// carries is true when the link layer carries the protocol: an EtherType, or an LLC service access
// point, which are below 1501.
func (l *lowering) carries(n interface{ at() int }, proto uint32) *condition {
	if l.at.labels > 0 {
		return l.labelled(n, proto)
	}
	switch l.at.family {
	case familyEthernet:
		return l.etherCarries(proto)
	case familyHDLC:
		if proto == llcISO {
			proto = proto<<8 | proto
		}
		return l.equals(l.at.kind, 0, 2, proto)
	case familyPPP:
		return l.equals(l.at.kind, 0, 2, pppNumber(proto))
	case familyRaw:
		switch proto {
		case etherIP:
			return l.masked(l.at.payload, 0, 1, 0x40, 0xf0)
		case etherIP6:
			return l.masked(l.at.payload, 0, 1, 0x60, 0xf0)
		}
		return never
	case familyIPv4:
		return constantly(proto == etherIP)
	case familyIPv6:
		return constantly(proto == etherIP6)
	case familyLoop:
		return l.loopCarries(proto)
	case familyCooked:
		return l.cookedCarries(proto)
	case familyWLAN:
		return allOf(l.wlanData(), l.llcCarries(proto))
	}
	return l.llcCarries(proto)
}

func constantly(yes bool) *condition {
	if yes {
		return always
	}
	return never
}

// isLength is true when the Ethernet header has a length, so that LLC follows.
func (l *lowering) isLength() *condition {
	return not(l.compare(testGreater, l.load(l.at.kind, 0, 2), maxLength8023))
}

func (l *lowering) etherCarries(proto uint32) *condition {
	switch {
	case proto == llcISO, proto == llcNetBEUI, proto == llcIP:
		return allOf(l.isLength(), l.equals(l.at.payload, 0, 2, proto<<8|proto))
	case proto == llcIPX:
		return anyOf(l.equals(l.at.kind, 0, 2, etherIPX), allOf(l.isLength(), l.ipxLLC()))
	case proto == etherATalk:
		return anyOf(l.equals(l.at.kind, 0, 2, proto), allOf(l.isLength(), l.snap(0x080007, proto)))
	case proto == etherAARP:
		return anyOf(l.equals(l.at.kind, 0, 2, proto), allOf(l.isLength(), l.snap(0, proto)))
	case proto <= maxLength8023:
		return allOf(l.isLength(), l.equals(l.at.payload, 0, 1, proto))
	}
	return l.equals(l.at.kind, 0, 2, proto)
}

// ipxLLC is true of the three ways in which IPX follows an 802.3 header.
func (l *lowering) ipxLLC() *condition {
	return anyOf(l.snap(0, etherIPX), l.equals(l.at.payload, 0, 1, llcIPX), l.equals(l.at.payload, 0, 2, 0xffff))
}

// snap is true when a SNAP header with this organisation and protocol is the payload.
func (l *lowering) snap(org, proto uint32) *condition {
	return l.bytes(l.at.payload, 0, []byte{0xaa, 0xaa, 3, byte(org >> 16), byte(org >> 8), byte(org), byte(proto >> 8), byte(proto)})
}

// llcCarries is true when the payload is LLC with the protocol.
func (l *lowering) llcCarries(proto uint32) *condition {
	switch {
	case proto == llcISO, proto == llcNetBEUI, proto == llcIP:
		return l.equals(l.at.payload, 0, 2, proto<<8|proto)
	case proto == llcIPX:
		return l.equals(l.at.payload, 0, 1, proto)
	case proto == etherATalk:
		return l.snap(0x080007, proto)
	case proto <= maxLength8023:
		return l.equals(l.at.payload, 0, 1, proto)
	}
	return l.equals(l.at.payload, 6, 2, proto) // SNAP is not looked for
}

// Protocol fields of Linux cooked headers that are no EtherTypes.
const (
	cooked8023 = 1 // Novell's: IPX without LLC
	cooked8022 = 4 // LLC
)

func (l *lowering) cookedCarries(proto uint32) *condition {
	llc := l.equals(l.at.kind, 0, 2, cooked8022)
	switch {
	case proto == llcISO, proto == llcNetBEUI, proto == llcIP:
		return allOf(llc, l.equals(l.at.payload, 0, 2, proto<<8|proto))
	case proto == llcIPX:
		return anyOf(
			l.equals(l.at.kind, 0, 2, etherIPX),
			l.equals(l.at.kind, 0, 2, cooked8023),
			allOf(llc, anyOf(l.equals(l.at.payload, 0, 1, llcIPX), l.snap(0, etherIPX))))
	case proto == etherATalk:
		return anyOf(l.equals(l.at.kind, 0, 2, proto), allOf(llc, l.snap(0x080007, proto)))
	case proto == etherAARP:
		return anyOf(l.equals(l.at.kind, 0, 2, proto), allOf(llc, l.snap(0, proto)))
	case proto <= maxLength8023:
		return allOf(llc, l.equals(l.at.payload, 0, 1, proto))
	}
	return l.equals(l.at.kind, 0, 2, proto)
}

// loopCarries looks at the address family. IPv4 is 2 everywhere; IPv6 is 10 on Linux, 24 on NetBSD and
// OpenBSD, 28 on FreeBSD, 30 on macOS: all have the bit 8, which 2 has not. The word is in the byte
// order of the capturing host, which no frame tells, or in network byte order, so the family is its
// first byte or its last.
func (l *lowering) loopCarries(proto uint32) *condition {
	family := l.load(l.at.header, 0, 4)
	if l.at.link != packet.LinkLoop {
		family = l.values.op('|', l.load(l.at.header, 0, 1), l.load(l.at.header, 3, 1))
	}
	switch proto {
	case etherIP:
		return l.compare(testEqual, family, 2)
	case etherIP6:
		return l.compare(testBits, family, 8)
	}
	return never
}

// pppNumber is the PPP protocol number that carries what an EtherType or LLC access point names.
func pppNumber(proto uint32) uint32 {
	switch proto {
	case etherIP:
		return 0x0021
	case etherIP6:
		return 0x0057
	case etherDECnet:
		return 0x0027
	case etherATalk:
		return 0x0029
	case 0x0600: // XNS
		return 0x0025
	case llcISO:
		return 0x0023
	case llcSTP:
		return 0x0031
	case llcIPX:
		return 0x002b
	}
	return proto
}

// wlanData is true of data frames.
func (l *lowering) wlanData() *condition {
	fc := l.load(l.at.header, 0, 1)
	return allOf(not(l.compare(testBits, fc, 0x04)), l.compare(testBits, fc, 0x08))
}

// wlanFields reports whether the fields of 802.11 can be asked for: as in libpcap not behind PPI.
func (l *lowering) wlanFields() bool {
	return l.at.family == familyWLAN && l.target.Link != packet.LinkPPI
}
