package filter

import (
	"fmt"

	"github.com/netmond/netmond/packet"
)

// Numbers of protocols that lowering speaks of.
const (
	etherIP     = 0x0800
	etherARP    = 0x0806
	etherDECnet = 0x6003
	etherMOPDL  = 0x6001
	etherMOPRC  = 0x6002
	etherLAT    = 0x6004
	etherSCA    = 0x6007
	etherTEB    = 0x6558 // transparent Ethernet bridging
	etherRARP   = 0x8035
	etherATalk  = 0x809b
	etherAARP   = 0x80f3
	etherVLAN   = 0x8100
	etherIPX    = 0x8137
	etherIP6    = 0x86dd
	etherMPLS   = 0x8847
	etherPPPoED = 0x8863
	etherPPPoES = 0x8864
	etherQinQ   = 0x88a8
	etherOldQ   = 0x9100

	llcSTP     = 0x42
	llcIPX     = 0xe0
	llcNetBEUI = 0xf0
	llcISO     = 0xfe
	llcIP      = 0x06

	protoICMP     = 1
	protoIGMP     = 2
	protoTCP      = 6
	protoIGRP     = 9
	protoUDP      = 17
	protoFragment = 44
	protoESP      = 50
	protoAH       = 51
	protoICMP6    = 58
	protoNone     = 59
	protoPIM      = 103
	protoVRRP     = 112
	protoSCTP     = 132

	// maxLength8023 is the greatest value that is a length, and not an EtherType, in an Ethernet header.
	maxLength8023 = 1500
)

// An offset is a place in the frame: base + k.
type offset struct {
	base value // noValue for the beginning of the frame
	k    uint32
}

// layout is where the headers begin that the expression speaks of next. An encapsulation moves it for
// what comes later in the text.
type layout struct {
	link    packet.LinkType
	family  linkFamily
	header  offset // of the link layer
	kind    offset // of the field that says what the link layer carries
	payload offset // after the link layer's header
	network uint32 // from payload to the network layer, where there is a SNAP header
	noSNAP  uint32 // the same where there is none
	labels  int    // MPLS labels gone past
	inner   bool   // inside a Geneve tunnel: there may be no link layer
}

// lowering turns the syntax tree into conditions, in the order of the text.
type lowering struct {
	expr   *Expr
	target Target
	values values
	at     layout
	tagged bool // the kernel has taken a VLAN tag off the frame, whose EtherType and tag it keeps
	slots  int
	// checked are what the fields of a protocol need of a frame, under the layout at hand.
	checked map[string]*condition
	before  []*condition // sets that come before all else
	err     error        // the first
}

func (l *lowering) fail(n interface{ at() int }, format string, args ...any) *condition {
	if l.err == nil {
		l.err = &Error{Expr: l.expr.text, Column: n.at() + 1, Msg: fmt.Sprintf(format, args...)}
	}
	return never
}

// lower gives the condition of an expression for a target.
func lower(e *Expr, target Target) (*condition, *values, error) {
	l := lowering{expr: e, target: target}
	if !target.Live || target.Link != packet.LinkEthernet {
		c := l.whole()
		return c, &l.values, l.err
	}
	// A tag that the kernel took off moves everything after it. So there are two conditions in one:
	// for frames with a tag taken off, and for those as they were on the wire.
	present := l.values.compare(testEqual, l.values.aux(auxVLANPresent), l.values.number(0))
	plain := l.whole()
	if l.err != nil {
		return nil, nil, l.err
	}
	l.tagged = true
	tagged := l.whole()
	return anyOf(allOf(present, plain), allOf(not(present), tagged)), &l.values, l.err
}

// whole lowers the expression from the outermost layout on.
func (l *lowering) whole() *condition {
	l.before, l.checked = nil, nil
	gate := l.start()
	if l.err != nil {
		return never
	}
	if l.expr.root == nil {
		return always
	}
	c := l.node(l.expr.root)
	return allOf(append(l.before, gate, c)...)
}

// newSlot makes a slot that set fills before all else.
func (l *lowering) newSlot(v value) value {
	l.slots++
	l.before = append(l.before, assign(l.slots, v, always))
	return l.values.slot(l.slots)
}

func (l *lowering) node(n node) *condition {
	if l.err != nil {
		return never
	}
	switch n := n.(type) {
	case *logical:
		x := l.node(n.x)
		y := l.node(n.y)
		if n.or {
			return &condition{kind: condOr, x: x, y: y}
		}
		return &condition{kind: condAnd, x: x, y: y}
	case *negation:
		return not(l.node(n.x))
	case *abbreviation:
		return l.abbreviation(n, n.proto)
	case *number:
		switch n.q.addr {
		case "proto":
			return l.protocol(n, n.n, n.q.proto)
		case "protochain":
			return l.chain(n, n.n, n.q.proto)
		}
		return l.ports(n, n.q, uint16(n.n), uint16(n.n))
	case *name:
		return l.named(n)
	case *address4:
		if n.q.proto == "decnet" {
			return l.decnetHost(n)
		}
		return l.host4(n, n.q, n.addr, n.mask)
	case *address6:
		return l.host6(n, n.q, n.addr.As16(), n.bits)
	case *station:
		return l.station(n, n.q.dir, n.mac)
	case *relation:
		return l.relation(n)
	case *cast:
		if n.multicast {
			return l.multicast(n)
		}
		return l.broadcast(n)
	case *length:
		if n.greater {
			return l.compare(testGreaterEqual, l.wireLength(), n.n)
		}
		return not(l.compare(testGreater, l.wireLength(), n.n))
	case *octet:
		return l.octet(n)
	case *direction:
		return l.direction(n)
	case *ifindex:
		return l.interfaceIndex(n)
	case *encapsulation:
		return l.encapsulation(n)
	case *llcType:
		return l.llc(n)
	case *wlanType:
		if !l.wlanFields() {
			return l.fail(n, "802.11 types are in 802.11 captures only, not in %v", l.target.Link)
		}
		return l.masked(l.at.header, 0, 1, n.value, n.mask)
	case *wlanDir:
		if !l.wlanFields() {
			return l.fail(n, "802.11 directions are in 802.11 captures only, not in %v", l.target.Link)
		}
		return l.masked(l.at.header, 1, 1, n.value, 3)
	}
	panic(fmt.Sprintf("filter: node of type %T", n))
}

// load is size bytes at from + k. Offsets are of the frame on the wire.
func (l *lowering) load(from offset, k uint32, size uint8) value {
	at := from.k + k
	v := &l.values
	if !l.tagged {
		return v.load(from.base, at, size)
	}
	if from.base != noValue {
		if at >= 16 {
			return v.load(from.base, at-4, size)
		}
		return v.load(v.op('-', from.base, v.number(4)), at, size)
	}
	switch {
	case at+uint32(size) <= 12:
		return v.load(noValue, at, size)
	case at >= 16:
		return v.load(noValue, at-4, size)
	case at == 12 && size == 2:
		return v.aux(auxVLANProto)
	case at == 14 && size == 2:
		return v.aux(auxVLANTag)
	}
	sum := v.number(0)
	for i := range uint32(size) {
		sum = v.op('|', v.op('l', sum, v.number(8)), l.tagByte(at+i))
	}
	return sum
}

// tagByte is the byte at wire offset at, of a frame whose tag the kernel took off.
func (l *lowering) tagByte(at uint32) value {
	v := &l.values
	switch at {
	case 12:
		return v.op('r', v.aux(auxVLANProto), v.number(8))
	case 13:
		return v.op('&', v.aux(auxVLANProto), v.number(0xff))
	case 14:
		return v.op('r', v.aux(auxVLANTag), v.number(8))
	case 15:
		return v.op('&', v.aux(auxVLANTag), v.number(0xff))
	}
	if at > 15 {
		at -= 4
	}
	return v.load(noValue, at, 1)
}

// wireLength is the frame's length on the wire.
func (l *lowering) wireLength() value {
	if l.tagged {
		return l.values.op('+', l.values.length(), l.values.number(4))
	}
	return l.values.length()
}

func (l *lowering) compare(op testOp, x value, n uint32) *condition {
	return l.values.compare(op, x, l.values.number(n))
}

// equals is true when the size bytes at from + k are n.
func (l *lowering) equals(from offset, k uint32, size uint8, n uint32) *condition {
	return l.compare(testEqual, l.load(from, k, size), n)
}

// masked is true when those of the size bytes' bits that mask has are those of n.
func (l *lowering) masked(from offset, k uint32, size uint8, n, mask uint32) *condition {
	full := uint32(1)<<(8*uint(size)-1)<<1 - 1
	if mask&full == full {
		return l.equals(from, k, size, n)
	}
	return l.compare(testEqual, l.values.op('&', l.load(from, k, size), l.values.number(mask)), n)
}

// bytes is true when the bytes at from + k are these; the last are looked at first.
func (l *lowering) bytes(from offset, k uint32, want []byte) *condition {
	var all []*condition
	for n := len(want); n > 0; {
		size := 4
		if n < 4 {
			size = 2
		}
		if n < 2 {
			size = 1
		}
		n -= size
		var x uint32
		for _, b := range want[n : n+size] {
			x = x<<8 | uint32(b)
		}
		all = append(all, l.equals(from, k+uint32(n), uint8(size), x))
	}
	return allOf(all...)
}

// net is where the network layer's header begins.
func (l *lowering) net() offset { return offset{l.at.payload.base, l.at.payload.k + l.at.network} }

// transport4 is where the header after an IPv4 header begins.
func (l *lowering) transport4() offset {
	v := &l.values
	net := l.net()
	ihl := v.op('l', v.op('&', l.load(net, 0, 1), v.number(15)), v.number(2))
	if net.base == noValue {
		return offset{ihl, net.k}
	}
	return offset{v.op('+', ihl, net.base), net.k}
}
