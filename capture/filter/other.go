package filter

import "strings"

// other reads the conditions that begin with a keyword of their own, which is taken.
func (p *parser) other(t token) (operand, error) {
	at := place(t.pos)
	done := func(n node) (operand, error) {
		return operand{cond: n, q: qualifiers{none: true}}, nil
	}
	switch t.text {
	case "broadcast", "multicast":
		return done(&cast{at, "", t.text == "multicast"})
	case "less", "greater":
		n, err := p.number("a length in bytes")
		if err != nil {
			return operand{}, err
		}
		return done(&length{at, t.text == "greater", n.num})
	case "byte":
		return p.octet(t)
	case "inbound", "outbound":
		return done(&direction{at, t.text == "outbound"})
	case "ifindex":
		n, err := p.number("the index of an interface")
		if err != nil {
			return operand{}, err
		}
		return done(&ifindex{at, n.num})
	case "vlan", "mpls", "pppoed", "pppoes", "geneve":
		e := &encapsulation{place: at, kind: t.text}
		if t.text == "pppoed" {
			return done(e)
		}
		n, ok, err := p.optionalNumber()
		if err != nil {
			return operand{}, err
		}
		if ok {
			if limit := limits[t.text]; n.num > limit.most {
				return operand{}, p.fail(n.pos, "%s %d is greater than %d", limit.what, n.num, limit.most)
			}
			e.given, e.n, e.numPos = true, n.num, n.pos
		}
		return done(e)
	case "llc":
		return p.llc(t)
	case "type", "subtype", "dir":
		return p.wlan(t)
	}
	return operand{}, p.unexpected(t)
}

var limits = map[string]struct {
	what string
	most uint32
}{
	"vlan":   {"VLAN", 0xfff},
	"mpls":   {"MPLS label", 0xfffff},
	"pppoes": {"PPPoE session", 0xffff},
	"geneve": {"Geneve network", 0xffffff},
}

// number reads a number, in parentheses or not.
func (p *parser) number(what string) (token, error) {
	n, ok, err := p.optionalNumber()
	if err == nil && !ok {
		err = p.expected(p.peek(), what)
	}
	return n, err
}

// optionalNumber reads a number if one follows. A parenthesis that holds anything else is left alone.
func (p *parser) optionalNumber() (n token, ok bool, err error) {
	start, open := p.i, 0
	for isOp(p.peek(), "(") {
		p.i++
		open++
	}
	n = p.take()
	if n.kind != tokNumber {
		p.i = start
		return n, false, nil
	}
	for ; open > 0; open-- {
		if end := p.take(); !isOp(end, ")") {
			return n, false, p.expected(end, ")")
		}
	}
	return n, true, nil
}

// octet reads the rest of "byte index op value".
func (p *parser) octet(t token) (operand, error) {
	index := p.take()
	if index.kind != tokNumber {
		return operand{}, p.expected(index, "the index of a byte")
	}
	op := p.take()
	if op.kind != tokOp || !strings.Contains("= < > & |", op.text) {
		return operand{}, p.expected(op, "one of = < > & |")
	}
	value := p.take()
	if value.kind != tokNumber {
		return operand{}, p.expected(value, "a number")
	}
	return operand{cond: &octet{place(t.pos), index.num, value.num, op.text}, q: qualifiers{none: true}}, nil
}

// llcKinds are the names after "llc": the control field's value and the bits of it that count.
var llcKinds = map[string]struct{ value, mask uint32 }{
	"i": {0, 0x01}, "s": {1, 0x03}, "u": {3, 0x03},
	"rr": {0x01, 0x0f}, "rnr": {0x05, 0x0f}, "rej": {0x09, 0x0f},
	"ui": {0x03, 0xef}, "ua": {0x63, 0xef}, "disc": {0x43, 0xef}, "sabme": {0x6f, 0xef}, "test": {0xe3, 0xef},
	"xid": {0xaf, 0xef}, "frmr": {0x87, 0xef}, "dm": {0x0f, 0xef},
}

// llc reads an optional kind.
func (p *parser) llc(t token) (operand, error) {
	n := &llcType{place: place(t.pos)}
	next := p.peek()
	if next.kind == tokName || next.kind == tokKeyword && next.text == "rnr" {
		if _, ok := llcKinds[next.text]; !ok {
			return operand{}, p.fail(next.pos, "unknown kind of LLC frame %q", p.word(next))
		}
		n.kind = next.text
		p.i++
	}
	return operand{cond: n, q: qualifiers{none: true}}, nil
}

// wlanTypes and wlanSubtypes are names for bits of the frame control field of 802.11.
var (
	wlanTypes = map[string]uint32{
		"mgt": 0x00, "management": 0x00, "ctl": 0x04, "control": 0x04, "data": 0x08,
	}
	wlanSubtypes = map[string]struct{ kind, value uint32 }{
		"assocreq": {0, 0x00}, "assoc-req": {0, 0x00}, "assocresp": {0, 0x10}, "assoc-resp": {0, 0x10},
		"reassocreq": {0, 0x20}, "reassoc-req": {0, 0x20}, "reassocresp": {0, 0x30}, "reassoc-resp": {0, 0x30},
		"probereq": {0, 0x40}, "probe-req": {0, 0x40}, "proberesp": {0, 0x50}, "probe-resp": {0, 0x50},
		"beacon": {0, 0x80}, "atim": {0, 0x90}, "disassoc": {0, 0xa0}, "disassociation": {0, 0xa0},
		"auth": {0, 0xb0}, "authentication": {0, 0xb0}, "deauth": {0, 0xc0}, "deauthentication": {0, 0xc0},
		"ps-poll": {4, 0xa0}, "rts": {4, 0xb0}, "cts": {4, 0xc0}, "ack": {4, 0xd0}, "cf-end": {4, 0xe0}, "cf-end-ack": {4, 0xf0},
		"data": {8, 0x00}, "data-cf-ack": {8, 0x10}, "data-cf-poll": {8, 0x20}, "data-cf-ack-poll": {8, 0x30},
		"null": {8, 0x40}, "cf-ack": {8, 0x50}, "cf-poll": {8, 0x60}, "cf-ack-poll": {8, 0x70},
		"qos-data": {8, 0x80}, "qos-data-cf-ack": {8, 0x90}, "qos-data-cf-poll": {8, 0xa0}, "qos-data-cf-ack-poll": {8, 0xb0},
		"qos": {8, 0xc0}, "qos-cf-poll": {8, 0xe0}, "qos-cf-ack-poll": {8, 0xf0},
	}
	wlanDirs = map[string]uint32{"nods": 0, "tods": 1, "fromds": 2, "dstods": 3}
)

// wlan reads "type t", "type t subtype s", "subtype s" or "dir d", whose keyword t is taken.
func (p *parser) wlan(t token) (operand, error) {
	done := func(n node) (operand, error) {
		return operand{cond: n, q: qualifiers{none: true}}, nil
	}
	v := p.take()
	if v.kind == tokEnd {
		return operand{}, p.expected(v, "a value")
	}
	word := p.word(v)
	if v.kind == tokName {
		word = v.text
	}
	switch t.text {
	case "dir":
		d, ok := wlanDirs[word]
		if v.kind == tokNumber {
			d, ok = v.num, true
		}
		if !ok {
			return operand{}, p.fail(v.pos, "unknown 802.11 direction %q", word)
		}
		return done(&wlanDir{place(t.pos), d})
	case "subtype":
		s, ok := wlanSubtypes[word]
		n := &wlanType{place(t.pos), s.kind | s.value, 0xfc}
		if v.kind == tokNumber {
			return operand{}, p.fail(v.pos, "the number of an 802.11 subtype needs its type: type data subtype %d", v.num)
		}
		if !ok {
			return operand{}, p.fail(v.pos, "unknown 802.11 type %q", word)
		}
		return done(n)
	}
	kind, ok := wlanTypes[word]
	if v.kind == tokNumber {
		// As libpcap: the number is of the bits where they stand.
		kind, ok = v.num, v.num&^0x0c == 0
	}
	if !ok {
		return operand{}, p.fail(v.pos, "unknown 802.11 type %q", word)
	}
	n := &wlanType{place(t.pos), kind, 0x0c}
	if next := p.peek(); next.kind == tokKeyword && next.text == "subtype" {
		p.i++
		v := p.take()
		if v.kind == tokEnd {
			return operand{}, p.expected(v, "a subtype")
		}
		word := p.word(v)
		s, ok := wlanSubtypes[word]
		switch {
		case v.kind == tokNumber && v.num&^0xf0 == 0:
			s.kind, s.value = kind, v.num
		case !ok || s.kind != kind:
			return operand{}, p.fail(v.pos, "unknown 802.11 subtype %q of this type", word)
		}
		n.value, n.mask = kind|s.value, 0xfc
	}
	return done(n)
}
