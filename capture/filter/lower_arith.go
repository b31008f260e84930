package filter

import (
	"github.com/netmond/netmond/packet"
)

// A computed is an arithmetic expression, and what must hold of a frame for it to make sense.
type computed struct {
	v     value
	valid *condition // nil for always
}

// relation compares two numbers, of packets that have both. (Within arithmetic, only what the leftmost
// field needs is looked at, as in libpcap.)
func (l *lowering) relation(n *relation) *condition {
	x := l.arith(n.x)
	y := l.arith(n.y)
	if l.err != nil {
		return never
	}
	var c *condition
	v := &l.values
	switch n.op {
	case "=", "!=":
		c = v.compare(testEqual, x.v, y.v)
	case ">", "<=":
		c = v.compare(testGreater, x.v, y.v)
	case ">=", "<":
		c = v.compare(testGreaterEqual, x.v, y.v)
	}
	if n.op == "!=" || n.op[0] == '<' {
		c = not(c)
	}
	return allOf(x.valid, y.valid, c)
}

func (l *lowering) arith(a arith) computed {
	v := &l.values
	if l.err != nil {
		return computed{v: v.number(0)}
	}
	switch n := a.(type) {
	case *literal:
		return computed{v: v.number(n.n)}
	case *frameLength:
		return computed{v: l.wireLength()}
	case *minus:
		x := l.arith(n.x)
		return computed{v.op('-', v.number(0), x.v), x.valid}
	case *field:
		return l.field(n)
	}
	n := a.(*arithmetic)
	x, y := l.arith(n.x), l.arith(n.y)
	if l.err != nil {
		return computed{v: v.number(0)}
	}
	op := n.op[0]
	if k, ok := v.constant(y.v); ok {
		what := ""
		switch {
		case op == '/' && k == 0:
			what = "division by zero"
		case op == '%' && k == 0:
			what = "modulus by zero"
		case len(n.op) == 2 && k > 31:
			what = "shift by more than 31 bits"
		}
		if what != "" {
			l.fail(n, "%s", what)
			return computed{v: v.number(0)}
		}
	}
	switch n.op {
	case "<<":
		op = 'l'
	case ">>":
		op = 'r'
	}
	return computed{v.op(op, x.v, y.v), x.valid}
}

// field is proto[index:size].
func (l *lowering) field(n *field) computed {
	index := l.arith(n.index)
	if l.err != nil {
		return computed{v: index.v}
	}
	v, size := &l.values, uint8(n.size)
	at := func(from offset, needs func() *condition) computed {
		if k, ok := v.constant(index.v); ok && k < beyond {
			from.k += k
		} else if from.base == noValue {
			from.base = index.v
		} else {
			from.base = v.op('+', from.base, index.v)
		}
		valid := l.checked[n.proto]
		if valid == nil {
			if l.checked == nil {
				l.checked = map[string]*condition{}
			}
			valid = needs()
			l.checked[n.proto] = valid
		}
		if index.valid != nil && index.valid != valid {
			valid = allOf(index.valid, valid)
		}
		return computed{l.load(from, 0, size), valid}
	}
	nothing := func() *condition { return always }
	switch n.proto {
	case "radio":
		switch l.target.Link {
		case packet.LinkRadiotap, packet.LinkAVS, packet.LinkPrism:
			return at(offset{noValue, 0}, nothing)
		}
		l.fail(n, "frames of link type %v have no radio header", l.target.Link)
		return index
	case "link":
		return at(l.at.header, nothing)
	case "tcp", "udp", "sctp", "icmp", "igmp", "igrp", "pim", "vrrp", "carp":
		// libpcap looks only into IPv4 for these, and not into later fragments.
		return at(l.transport4(), func() *condition {
			return allOf(l.carries(n, etherIP), l.abbreviation(n, n.proto), l.unfragmented())
		})
	case "icmp6":
		net := l.net()
		return at(offset{net.base, net.k + 40}, func() *condition {
			return allOf(l.carries(n, etherIP6), l.equals(net, 6, 1, protoICMP6))
		})
	case "ip", "ip6", "arp", "rarp", "atalk", "decnet", "lat", "sca", "moprc", "mopdl":
		return at(l.net(), func() *condition { return l.abbreviation(n, n.proto) })
	}
	l.fail(n, "bytes of %q cannot be addressed", n.proto)
	return index
}
