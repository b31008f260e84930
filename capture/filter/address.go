package filter

import (
	"net/netip"
	"strconv"
	"strings"
)

// address reads one address, network, port, protocol or name, which q says how to take.
func (p *parser) address(q qualifiers) (node, error) {
	t := p.take()
	switch t.kind {
	case tokNumber:
		return p.numbered(&literal{place(t.pos), t.num}, q)
	case tokQuad:
		return p.quad(t, q)
	case tokIP6:
		return p.six(t, q)
	case tokMAC:
		if q.proto != "link" || q.addr != "" && q.addr != "host" {
			return nil, p.fail(t.pos, `an Ethernet address needs "ether" before it: ether host %s`, t.text)
		}
		return &station{place(t.pos), q, t.mac}, nil
	case tokStation:
		return nil, p.fail(t.pos, "addresses with $ are for ARCNET captures only, which netmond does not filter")
	case tokName:
		return p.named(t, q)
	case tokKeyword:
		if q.addr == "proto" || q.addr == "protochain" || q.addr == "port" {
			return nil, p.fail(t.pos, `%q is a keyword: write \%s for the name`, t.text, p.word(t))
		}
	}
	return nil, p.expected(t, "an address, number or name")
}

// numbered takes a plain number as what q asks for.
func (p *parser) numbered(l *literal, q qualifiers) (node, error) {
	switch q.addr {
	case "port", "portrange":
		if err := p.portProto(l.at(), q); err != nil {
			return nil, err
		}
		if l.n > 0xffff {
			return nil, p.fail(l.at(), "port %d is greater than 65535", l.n)
		}
	case "gateway":
		return nil, p.fail(l.at(), "'gateway' needs a name")
	case "proto", "protochain":
	default:
		return p.ip4(l.at(), strconv.FormatUint(uint64(l.n), 10), q, l.n, 32, q.addr == "net")
	}
	return &number{l.place, q, l.n}, nil
}

// portProto refuses what is no transport before "port".
func (p *parser) portProto(pos int, q qualifiers) error {
	switch q.proto {
	case "", "tcp", "udp", "sctp":
		return nil
	}
	return p.fail(pos, "ports are of tcp, udp and sctp, not of %q", q.proto)
}

// quad reads a dotted IPv4 address or network, with or without a mask.
func (p *parser) quad(t token, q qualifiers) (node, error) {
	if q.proto == "decnet" && (q.addr == "" || q.addr == "host") {
		return p.decnet(t, q)
	}
	value, bits, ok := dotted(t.text)
	if !ok {
		return nil, p.fail(t.pos, "%s is not an IPv4 address", t.text)
	}
	next := p.peek()
	switch {
	case isOp(next, "/"):
		p.i++
		length := p.take()
		if length.kind != tokNumber {
			return nil, p.expected(length, "the number of bits of the network")
		}
		if err := p.network(t, q); err != nil {
			return nil, err
		}
		if length.num > 32 {
			return nil, p.fail(length.pos, "an IPv4 network has at most 32 bits, not %d", length.num)
		}
		mask := uint32(0xffffffff)
		if length.num < 32 {
			mask = ^(mask >> length.num)
		}
		addr := value << (32 - bits)
		if addr&^mask != 0 {
			return nil, p.fail(t.pos, "%s/%d has bits beyond the network", t.text, length.num)
		}
		return &address4{place(t.pos), q, t.text, addr, mask}, p.ip4Proto(t.pos, t.text, q)
	case next.kind == tokKeyword && next.text == "mask":
		p.i++
		m := p.take()
		if m.kind != tokQuad {
			return nil, p.expected(m, "a dotted mask")
		}
		if err := p.network(t, q); err != nil {
			return nil, err
		}
		mask, maskBits, ok := dotted(m.text)
		if !ok {
			return nil, p.fail(m.pos, "%s is not an IPv4 mask", m.text)
		}
		addr := value << (32 - bits)
		mask <<= 32 - maskBits
		if addr&^mask != 0 {
			return nil, p.fail(t.pos, "%s has bits beyond the mask %s", t.text, m.text)
		}
		return &address4{place(t.pos), q, t.text, addr, mask}, p.ip4Proto(t.pos, t.text, q)
	}
	switch q.addr {
	case "port", "portrange", "proto", "protochain", "gateway":
		return nil, p.fail(t.pos, "%s is an IPv4 address, which '%s' does not take", t.text, q.addr)
	}
	return p.ip4(t.pos, t.text, q, value, bits, false)
}

// network refuses a mask where no network is asked for.
func (p *parser) network(t token, q qualifiers) error {
	if q.addr != "net" {
		return p.fail(t.pos, "a mask is for networks only: net %s", p.word(t))
	}
	return nil
}

// ip4 is an address whose first bits are given. promote shifts a plain number to where a network
// begins: "net 10" is 10.0.0.0/8.
func (p *parser) ip4(pos int, text string, q qualifiers, value uint32, bits int, promote bool) (node, error) {
	if err := p.ip4Proto(pos, text, q); err != nil {
		return nil, err
	}
	mask := uint32(0xffffffff)
	if promote {
		for value != 0 && value&0xff000000 == 0 {
			value <<= 8
			mask <<= 8
		}
	} else {
		value <<= 32 - bits
		mask <<= 32 - bits
	}
	return &address4{place(pos), q, text, value, mask}, nil
}

// ip4Proto refuses protocols that have no IPv4 addresses.
func (p *parser) ip4Proto(pos int, text string, q qualifiers) error {
	switch q.proto {
	case "", "ip", "arp", "rarp":
	case "link":
		return p.fail(pos, "%s is no link-layer address", text)
	case "decnet":
		return p.fail(pos, "%s is no DECnet address, which is area.node", text)
	default:
		return p.fail(pos, "%q has no IPv4 addresses: use ip, arp or rarp", q.proto)
	}
	return p.ipDir(pos, q)
}

// ipDir refuses the directions of 802.11.
func (p *parser) ipDir(pos int, q qualifiers) error {
	switch q.dir {
	case "", "src", "dst", "or", "and":
		return nil
	}
	return p.fail(pos, "'%s' is for 802.11 addresses only", q.dir)
}

// dotted reads one to four decimal, octal or hexadecimal parts of 8 bits.
func dotted(s string) (value uint32, bits int, ok bool) {
	for part := range strings.SplitSeq(s, ".") {
		n, err := strconv.ParseUint(part, 10, 8)
		if err != nil {
			return 0, 0, false
		}
		value = value<<8 | uint32(n)
		bits += 8
	}
	return value, bits, bits <= 32
}

// decnet reads area.node.
func (p *parser) decnet(t token, q qualifiers) (node, error) {
	area, rest, _ := strings.Cut(t.text, ".")
	a, errA := strconv.ParseUint(area, 10, 8)
	n, errN := strconv.ParseUint(rest, 10, 16)
	if errA != nil || errN != nil || a > 63 || n > 1023 {
		return nil, p.fail(t.pos, "%s is no DECnet address, which is area.node up to 63.1023", t.text)
	}
	return &address4{place(t.pos), q, t.text, uint32(a)<<10 | uint32(n), 0}, nil
}

// six reads an IPv6 address or network.
func (p *parser) six(t token, q qualifiers) (node, error) {
	bits := 128
	if isOp(p.peek(), "/") {
		p.i++
		length := p.take()
		if length.kind != tokNumber {
			return nil, p.expected(length, "the number of bits of the network")
		}
		if length.num > 128 {
			return nil, p.fail(length.pos, "an IPv6 network has at most 128 bits, not %d", length.num)
		}
		bits = int(length.num)
	}
	switch q.addr {
	case "net":
	case "", "host":
		if bits != 128 {
			return nil, p.fail(t.pos, "a mask is for networks only: net %s/%d", t.text, bits)
		}
	default:
		return nil, p.fail(t.pos, "%s is an IPv6 address, which '%s' does not take", t.text, q.addr)
	}
	if netip.PrefixFrom(t.ip, bits).Masked().Addr() != t.ip {
		return nil, p.fail(t.pos, "%s/%d has bits beyond the network", t.text, bits)
	}
	if q.proto != "" && q.proto != "ip6" {
		return nil, p.fail(t.pos, "%q has no IPv6 addresses: use ip6", q.proto)
	}
	return &address6{place(t.pos), q, t.text, t.ip, bits}, p.ipDir(t.pos, q)
}

// named looks a name up as what q asks for.
func (p *parser) named(t token, q qualifiers) (node, error) {
	n := &name{place: place(t.pos), q: q, text: t.text}
	switch q.addr {
	case "net":
		return nil, p.fail(t.pos, "unknown network %q: names of networks are not looked up, write its address", t.text)
	case "", "host":
		switch q.proto {
		case "link":
			return nil, p.fail(t.pos, "unknown Ethernet host %q: write its address", t.text)
		case "", "ip", "ip6", "arp", "rarp":
		default:
			return nil, p.fail(t.pos, "%q has no hosts: use ip, ip6, arp, rarp or ether", q.proto)
		}
		if err := p.ipDir(t.pos, q); err != nil {
			return nil, err
		}
		for _, a := range p.names.host(t.text) {
			if a.Is4() && q.proto != "ip6" || a.Is6() && (q.proto == "" || q.proto == "ip6") {
				n.addrs = append(n.addrs, a)
			}
		}
		if len(n.addrs) == 0 {
			return nil, p.fail(t.pos, "unknown host %q: it is not in the hosts file, and the DNS is not asked", t.text)
		}
	case "port":
		if err := p.portProto(t.pos, q); err != nil {
			return nil, err
		}
		port, only, ok := p.names.port(t.text, q.proto)
		switch {
		case !ok:
			return nil, p.fail(t.pos, "unknown port %q", t.text)
		case only != "" && q.proto != "" && only != q.proto:
			return nil, p.fail(t.pos, "port %q is of %s, not of %s", t.text, only, q.proto)
		}
		n.from, n.to, n.only = port, port, only
	case "portrange":
		if err := p.portProto(t.pos, q); err != nil {
			return nil, err
		}
		from, to, ok := p.portRange(t.text, q.proto)
		if !ok {
			return nil, p.fail(t.pos, "unknown port in range %q", t.text)
		}
		n.from, n.to = min(from, to), max(from, to)
	case "gateway":
		return nil, p.fail(t.pos, "'gateway' needs the Ethernet address of a name, which is not looked up: write ether host ADDRESS and not host NAME")
	default: // proto, protochain
		proto, ok := p.names.protocol(t.text, q.proto)
		if !ok {
			kind := q.proto
			if kind == "" {
				kind = "ip"
			}
			return nil, p.fail(t.pos, "unknown %s protocol %q", kind, t.text)
		}
		n.proto = proto
	}
	return n, nil
}

// portRange reads two ports, numbers or names, with a hyphen between them; names may have some too.
func (p *parser) portRange(s, proto string) (from, to uint16, ok bool) {
	port := func(s string) (uint16, bool) {
		if n, err := strconv.ParseUint(s, 10, 16); err == nil {
			return uint16(n), true
		}
		n, _, ok := p.names.port(s, proto)
		return n, ok
	}
	for i := range len(s) {
		if s[i] != '-' {
			continue
		}
		a, okA := port(s[:i])
		b, okB := port(s[i+1:])
		if okA && okB {
			return a, b, true
		}
	}
	from, ok = port(s)
	return from, from, ok
}
