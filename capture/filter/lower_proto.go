package filter

// abbreviation is a protocol that stands alone.
func (l *lowering) abbreviation(n interface{ at() int }, proto string) *condition {
	switch proto {
	case "link":
		return l.fail(n, "the link layer stands alone: say which address, protocol or byte of it")
	case "radio":
		return l.fail(n, "'radio' is no protocol: compare a byte of the radio header, such as radio[0]")
	}
	if p, ok := linkProtocols[proto]; ok {
		return l.carries(n, p)
	}
	if p, ok := transports[proto]; ok {
		return l.protocol(n, p.number, p.over)
	}
	if p, ok := isoProtocols[proto]; ok {
		return l.protocol(n, p, "iso")
	}
	// IS-IS PDU types.
	var any []*condition
	for _, pdu := range isisTypes[proto] {
		any = append(any, l.isis(n, pdu))
	}
	return anyOf(any...)
}

var linkProtocols = map[string]uint32{
	"ip": etherIP, "ip6": etherIP6, "arp": etherARP, "rarp": etherRARP, "atalk": etherATalk, "aarp": etherAARP,
	"decnet": etherDECnet, "sca": etherSCA, "lat": etherLAT, "moprc": etherMOPRC, "mopdl": etherMOPDL,
	"iso": llcISO, "stp": llcSTP, "ipx": llcIPX, "netbeui": llcNetBEUI,
}

// transports are the protocols over IP: ip, ip6 or both.
var transports = map[string]struct {
	number uint32
	over   string
}{
	"tcp": {protoTCP, ""}, "udp": {protoUDP, ""}, "sctp": {protoSCTP, ""}, "icmp": {protoICMP, "ip"},
	"igmp": {protoIGMP, "ip"}, "igrp": {protoIGRP, "ip"}, "pim": {protoPIM, ""}, "vrrp": {protoVRRP, "ip"},
	"carp": {protoVRRP, "ip"}, "icmp6": {protoICMP6, "ip6"}, "ah": {protoAH, ""}, "esp": {protoESP, ""},
}

const (
	isisL1Hello, isisL2Hello, isisPtPHello = 15, 16, 17
	isisL1LSP, isisL2LSP                   = 18, 20
	isisL1CSNP, isisL2CSNP                 = 24, 25
	isisL1PSNP, isisL2PSNP                 = 26, 27
)

// isisTypes are in the order in which libpcap looks at them.
var isisTypes = map[string][]uint32{
	"l1":   {isisL1PSNP, isisL1CSNP, isisL1LSP, isisL1Hello, isisPtPHello},
	"l2":   {isisL2PSNP, isisL2CSNP, isisL2LSP, isisL2Hello, isisPtPHello},
	"iih":  {isisPtPHello, isisL2Hello, isisL1Hello},
	"lsp":  {isisL2LSP, isisL1LSP},
	"snp":  {isisL2PSNP, isisL1PSNP, isisL2CSNP, isisL1CSNP},
	"csnp": {isisL2CSNP, isisL1CSNP},
	"psnp": {isisL2PSNP, isisL1PSNP},
}

// isis is true of IS-IS packets of one type.
func (l *lowering) isis(n interface{ at() int }, pdu uint32) *condition {
	return allOf(l.protocol(n, isoProtocols["isis"], "iso"), l.equals(l.noSNAP(), 4, 1, pdu))
}

// noSNAP is where the network layer begins if LLC is not followed by SNAP.
func (l *lowering) noSNAP() offset {
	return offset{l.at.payload.base, l.at.payload.k + l.at.noSNAP}
}

// protocol is true of packets of protocol number in over: "", ip, ip6, link, iso or isis.
func (l *lowering) protocol(n interface{ at() int }, number uint32, over string) *condition {
	switch over {
	case "":
		return anyOf(l.protocol(n, number, "ip"), l.protocol(n, number, "ip6"))
	case "link":
		return l.carries(n, number)
	case "ip":
		return allOf(l.carries(n, etherIP), l.equals(l.net(), 9, 1, number))
	case "ip6":
		// Also behind a fragment header that comes first.
		return allOf(l.carries(n, etherIP6), anyOf(
			l.equals(l.net(), 6, 1, number),
			allOf(l.equals(l.net(), 6, 1, protoFragment), l.equals(l.net(), 40, 1, number))))
	case "iso":
		at := l.noSNAP()
		if l.at.family == familyHDLC {
			return allOf(l.carries(n, llcISO), l.equals(at, 1, 1, number))
		}
		return allOf(l.carries(n, llcISO), l.equals(at, 0, 1, number))
	case "isis":
		return l.isis(n, number)
	case "arp", "rarp":
		return l.fail(n, "%q carries no other protocol", over)
	}
	return l.fail(n, "'%s proto' means nothing: use ip, ip6, ether, iso or isis", over)
}

// maxChain bounds how many headers protochain goes past. The machine has no loops; no packet seen in
// practice has half as many.
const maxChain = 8

// chain is true of packets with the protocol anywhere in their chain of headers.
func (l *lowering) chain(n interface{ at() int }, number uint32, over string) *condition {
	switch over {
	case "":
		return anyOf(l.chain(n, number, "ip"), l.chain(n, number, "ip6"))
	case "ip", "ip6":
	default:
		return l.fail(n, "'%s protochain' means nothing: use ip or ip6", over)
	}
	if l.at.payload.base != noValue {
		return l.fail(n, "'protochain' does not work behind headers of variable length")
	}
	v, net := &l.values, l.net()
	var cond []*condition
	var next, at value // the protocol, and where its header begins, counted from net
	l.slots += 2
	nextSlot, atSlot := l.slots-1, l.slots
	six := over == "ip6"
	if six {
		cond = append(cond, l.carries(n, etherIP6))
		next, at = l.load(net, 6, 1), v.number(40)
	} else {
		cond = append(cond, l.carries(n, etherIP))
		next = l.load(net, 9, 1)
		at = l.transport4().base
	}
	cond = append(cond, assign(nextSlot, next, always), assign(atSlot, at, always))
	is := func(x value, p uint32) *condition { return l.compare(testEqual, x, p) }
	var step func(i, nextSlot, atSlot int) *condition
	step = func(i, nextSlot, atSlot int) *condition {
		next, at := v.slot(nextSlot), v.slot(atSlot)
		if i == maxChain {
			return is(next, number)
		}
		l.slots += 2
		nextSlot, atSlot = l.slots-1, l.slots
		header := offset{at, net.k}
		past := func(unit, more uint32) *condition {
			size := v.op('*', v.op('+', l.load(header, 1, 1), v.number(more)), v.number(unit))
			return allOf(assign(nextSlot, l.load(header, 0, 1), always), assign(atSlot, v.op('+', size, at), always))
		}
		goesOn := allOf(is(next, protoAH), past(4, 2))
		if six {
			goesOn = anyOf(
				allOf(anyOf(is(next, 0), is(next, 60), is(next, 43), is(next, protoFragment)), past(8, 1)),
				goesOn)
		}
		return anyOf(is(next, number), allOf(not(is(next, protoNone)), goesOn, step(i+1, nextSlot, atSlot)))
	}
	cond = append(cond, step(0, nextSlot, atSlot))
	return allOf(cond...)
}

// llc is true of frames with an LLC header, of one kind if it is given.
func (l *lowering) llc(n *llcType) *condition {
	var any *condition
	switch l.at.family {
	case familyEthernet:
		// Not Novell's frames, which have none.
		any = allOf(l.isLength(), not(l.equals(l.at.payload, 0, 2, 0xffff)))
	case familyWLAN:
		any = l.wlanData()
	case familyLLC:
		any = always
	default:
		return l.fail(n, "'llc' is not for link type %v", l.at.link)
	}
	if n.kind == "" {
		return any
	}
	kind := llcKinds[n.kind]
	return allOf(any, l.masked(l.at.payload, 2, 1, kind.value, kind.mask))
}

// octet is "byte index op value".
func (l *lowering) octet(n *octet) *condition {
	x := l.load(l.at.header, n.index, 1)
	switch n.op {
	case "=":
		return l.compare(testEqual, x, n.value)
	case "<":
		return not(l.compare(testGreaterEqual, x, n.value))
	case ">":
		return l.compare(testGreater, x, n.value)
	case "&":
		return l.compare(testBits, x, n.value)
	}
	return not(l.compare(testEqual, l.values.op('|', x, l.values.number(n.value)), 0))
}
