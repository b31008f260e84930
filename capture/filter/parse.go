package filter

import "fmt"

// An Expr is a parsed filter expression. It never changes.
type Expr struct {
	text string
	root node // nil for the empty expression, which all frames match
}

// String is the text of the expression.
func (e *Expr) String() string { return e.text }

// Parse reads a filter expression of the language of pcap-filter(7). Names of hosts are looked up in
// /etc/hosts, of services and protocols in the machine's files and then in tables of this package;
// nothing asks the network. The error is an *Error. What depends on the link type is found by Compile.
func Parse(expr string) (*Expr, error) {
	return parseWith(expr, systemNames{})
}

// maxDepth bounds how deeply parentheses and operators nest.
const maxDepth = 400

func parseWith(expr string, names resolver) (*Expr, error) {
	tokens, err := lex(expr)
	if err != nil {
		return nil, err
	}
	p := parser{lexer: lexer{expr: expr, tokens: tokens}, names: names}
	e := &Expr{text: expr}
	if p.peek().kind == tokEnd {
		return e, nil
	}
	root, err := p.parse()
	if err != nil {
		return nil, err
	}
	e.root = root
	return e, nil
}

type parser struct {
	lexer
	names resolver
	i     int // of the next token
	depth int
}

// An operand is what stands between "and", "or" and relations: one of its fields.
type operand struct {
	cond node
	q    qualifiers // of cond: what a bare address after it takes over
	num  arith
}

func (p *parser) parse() (node, error) {
	o, err := p.sequence(qualifiers{none: true})
	if err != nil {
		return nil, err
	}
	if t := p.peek(); t.kind != tokEnd {
		return nil, p.unexpected(t)
	}
	if o.cond == nil {
		return nil, p.fail(o.num.at(), "a number is not a condition: compare it, or say what it is (host, net, port, proto)")
	}
	return o.cond, nil
}

// sequence reads operands joined by "and" and "or", which bind equally and to the left. A single
// arithmetic operand is given back as such.
func (p *parser) sequence(inherit qualifiers) (operand, error) {
	if err := p.enter(); err != nil {
		return operand{}, err
	}
	defer p.leave()
	left, err := p.operand(inherit)
	if err != nil {
		return operand{}, err
	}
	for {
		t := p.peek()
		if !isOp(t, "and") && !isOp(t, "or") {
			return left, nil
		}
		if left, err = p.condition(left, inherit); err != nil {
			return operand{}, err
		}
		p.i++
		right, err := p.operand(left.q)
		if err != nil {
			return operand{}, err
		}
		if right, err = p.condition(right, left.q); err != nil {
			return operand{}, err
		}
		left = operand{cond: &logical{place(t.pos), t.text == "or", left.cond, right.cond}, q: right.q}
	}
}

// condition makes a bare number the address that it is after such as "port 80 or".
func (p *parser) condition(o operand, inherit qualifiers) (operand, error) {
	if o.cond != nil {
		return o, nil
	}
	n, ok := o.num.(*literal)
	if !ok {
		return operand{}, p.fail(o.num.at(), "a number is not a condition: compare it with =, !=, <, <=, > or >=")
	}
	if inherit.none {
		return operand{}, p.fail(n.at(), "a bare number: say what it is (host, net, port, proto), or compare it")
	}
	cond, err := p.numbered(n, inherit)
	return operand{cond: cond, q: inherit}, err
}

// operand reads one condition, or arithmetic without a relation.
func (p *parser) operand(inherit qualifiers) (operand, error) {
	t := p.peek()
	if isOp(t, "!") {
		if err := p.enter(); err != nil {
			return operand{}, err
		}
		defer p.leave()
		p.i++
		o, err := p.operand(inherit)
		if err != nil {
			return operand{}, err
		}
		if o, err = p.condition(o, inherit); err != nil {
			return operand{}, err
		}
		return operand{cond: &negation{place(t.pos), o.cond}, q: o.q}, nil
	}
	o, err := p.primary(inherit)
	if err != nil || o.num == nil {
		return o, err
	}
	left, err := p.arithmetic(o.num, 0)
	if err != nil {
		return operand{}, err
	}
	op := p.peek()
	if op.kind != tokOp || !relations[op.text] {
		return operand{num: left}, nil
	}
	p.i++
	right, err := p.value()
	if err != nil {
		return operand{}, err
	}
	return operand{cond: &relation{place(op.pos), op.text, left, right}, q: qualifiers{none: true}}, nil
}

var relations = map[string]bool{"=": true, "!=": true, "<": true, "<=": true, ">": true, ">=": true}

// precedence is how strongly an operator binds. As in libpcap's grammar % and ^ have none of their
// own: they take all that follows them, and bind to what stands right before them.
var precedence = map[string]int{"|": 1, "&": 2, "<<": 3, ">>": 3, "+": 4, "-": 4, "*": 5, "/": 5}

// arithmetic reads the operators after x that bind more strongly than above.
func (p *parser) arithmetic(x arith, above int) (arith, error) {
	for {
		t := p.peek()
		if t.kind != tokOp {
			return x, nil
		}
		level, loose := precedence[t.text], t.text == "%" || t.text == "^"
		if !loose && level <= above {
			return x, nil
		}
		if err := p.enter(); err != nil {
			return nil, err
		}
		p.i++
		y, err := p.factor()
		if err != nil {
			return nil, err
		}
		if loose {
			level = 0
		}
		if y, err = p.arithmetic(y, level); err != nil {
			return nil, err
		}
		p.leave()
		x = &arithmetic{place(t.pos), t.text, x, y}
	}
}

// value reads a whole arithmetic expression.
func (p *parser) value() (arith, error) {
	x, err := p.factor()
	if err != nil {
		return nil, err
	}
	return p.arithmetic(x, 0)
}

// factor reads a number, a field, a negated or parenthesised value.
func (p *parser) factor() (arith, error) {
	t := p.peek()
	o, err := p.primary(qualifiers{none: true})
	if err != nil {
		return nil, err
	}
	if o.num == nil {
		return nil, p.fail(t.pos, "a number must stand here, not a condition")
	}
	return o.num, nil
}

// primary reads a parenthesised expression or a single condition or number.
func (p *parser) primary(inherit qualifiers) (operand, error) {
	t := p.take()
	switch {
	case isOp(t, "("):
		o, err := p.sequence(inherit)
		if err != nil {
			return operand{}, err
		}
		if end := p.take(); !isOp(end, ")") {
			return operand{}, p.expected(end, ")")
		}
		return o, nil
	case isOp(t, "-"):
		if err := p.enter(); err != nil {
			return operand{}, err
		}
		defer p.leave()
		x, err := p.factor()
		if err != nil {
			return operand{}, err
		}
		return operand{num: &minus{place(t.pos), x}}, nil
	case t.kind == tokNumber:
		return operand{num: &literal{place(t.pos), t.num}}, nil
	case t.kind == tokKeyword && t.text == "len":
		return operand{num: &frameLength{place(t.pos)}}, nil
	case t.kind == tokKeyword:
		return p.keyword(t)
	case t.kind == tokEnd || t.kind == tokOp:
		return operand{}, p.unexpected(t)
	case inherit.none:
		return operand{}, p.fail(t.pos, "%q stands alone: say what it is (host, net, port, portrange or proto before it)", p.word(t))
	}
	p.i--
	cond, err := p.address(inherit)
	return operand{cond: cond, q: inherit}, err
}

// keyword reads what begins with keyword t, which is taken.
func (p *parser) keyword(t token) (operand, error) {
	if why, ok := foreignKeywords[t.text]; ok {
		return operand{}, p.fail(t.pos, "%q is for %s captures only, which netmond does not filter", t.text, why)
	}
	if protocols[t.text] {
		switch next := p.peek(); {
		case isOp(next, "["):
			f, err := p.field(t)
			return operand{num: f}, err
		case next.kind != tokKeyword:
			return operand{cond: &abbreviation{place(t.pos), t.text}, q: qualifiers{none: true}}, nil
		case next.text == "broadcast" || next.text == "multicast":
			p.i++
			return operand{cond: &cast{place(t.pos), t.text, next.text == "multicast"}, q: qualifiers{none: true}}, nil
		case next.text == "type" || next.text == "subtype" || next.text == "dir":
			p.i++
			return p.wlan(next)
		case !qualifies[next.text]:
			return operand{cond: &abbreviation{place(t.pos), t.text}, q: qualifiers{none: true}}, nil
		}
		return p.qualified(qualifiers{proto: t.text})
	}
	if qualifies[t.text] {
		p.i--
		return p.qualified(qualifiers{})
	}
	return p.other(t)
}

// protocols are the keywords that may qualify an address or stand alone.
var protocols = map[string]bool{
	"link": true, "arp": true, "rarp": true, "ip": true, "sctp": true, "tcp": true, "udp": true, "icmp": true,
	"igmp": true, "igrp": true, "pim": true, "vrrp": true, "carp": true, "radio": true, "ip6": true, "icmp6": true,
	"ah": true, "esp": true, "atalk": true, "aarp": true, "decnet": true, "lat": true, "sca": true, "moprc": true,
	"mopdl": true, "iso": true, "esis": true, "isis": true, "l1": true, "l2": true, "iih": true, "lsp": true,
	"snp": true, "csnp": true, "psnp": true, "clnp": true, "stp": true, "ipx": true, "netbeui": true,
}

// qualifies are the keywords that may stand between a protocol and an address.
var qualifies = map[string]bool{
	"src": true, "dst": true, "ra": true, "ta": true, "addr1": true, "addr2": true, "addr3": true, "addr4": true,
	"host": true, "net": true, "port": true, "portrange": true, "proto": true, "protochain": true, "gateway": true,
}

// qualified reads a direction, the kind of an address, and addresses.
func (p *parser) qualified(q qualifiers) (operand, error) {
	var err error
	if q.dir, err = p.dir(); err != nil {
		return operand{}, err
	}
	if t := p.peek(); t.kind == tokKeyword {
		switch t.text {
		case "host", "net", "port", "portrange":
			q.addr = t.text
			p.i++
		case "proto", "protochain", "gateway":
			if q.dir != "" {
				return operand{}, p.fail(t.pos, "%q takes no direction", t.text)
			}
			q.addr = t.text
			p.i++
		}
	}
	cond, err := p.addresses(q)
	return operand{cond: cond, q: q}, err
}

// dir reads src, dst, "src or dst", "src and dst" and the directions of 802.11.
func (p *parser) dir() (string, error) {
	t := p.peek()
	if t.kind != tokKeyword {
		return "", nil
	}
	switch t.text {
	case "ra", "ta", "addr1", "addr2", "addr3", "addr4":
		p.i++
		return t.text, nil
	case "src", "dst":
	default:
		return "", nil
	}
	p.i++
	join, other := p.peek(), p.tokens[min(p.i+1, len(p.tokens)-1)]
	if !isOp(join, "or") && !isOp(join, "and") || other.kind != tokKeyword || other.text != "src" && other.text != "dst" {
		return t.text, nil
	}
	if other.text == t.text {
		return "", p.fail(other.pos, "%q twice", t.text)
	}
	p.i += 2
	return join.text, nil
}

// addresses reads an address, or several in parentheses joined by "and" and "or", all with q.
func (p *parser) addresses(q qualifiers) (node, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.leave()
	switch t := p.peek(); {
	case isOp(t, "!"):
		p.i++
		x, err := p.addresses(q)
		return &negation{place(t.pos), x}, err
	case isOp(t, "("):
		p.i++
		x, err := p.addresses(q)
		if err != nil {
			return nil, err
		}
		for {
			t := p.take()
			if isOp(t, ")") {
				return x, nil
			}
			if !isOp(t, "and") && !isOp(t, "or") {
				return nil, p.expected(t, ")")
			}
			y, err := p.addresses(q)
			if err != nil {
				return nil, err
			}
			x = &logical{place(t.pos), t.text == "or", x, y}
		}
	}
	return p.address(q)
}

// field reads the rest of proto[index:size].
func (p *parser) field(proto token) (arith, error) {
	p.i++ // [
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.leave()
	index, err := p.value()
	if err != nil {
		return nil, err
	}
	f := &field{place(proto.pos), proto.text, index, 1}
	t := p.take()
	if isOp(t, ":") {
		size := p.take()
		if size.kind != tokNumber {
			return nil, p.expected(size, "the number of bytes")
		}
		if size.num != 1 && size.num != 2 && size.num != 4 {
			return nil, p.fail(size.pos, "data size must be 1, 2 or 4 bytes, not %d", size.num)
		}
		f.size = size.num
		t = p.take()
	}
	if !isOp(t, "]") {
		return nil, p.expected(t, "]")
	}
	return f, nil
}

func (p *parser) peek() token { return p.tokens[p.i] }

// take gives the next token and goes past it, unless it is the end.
func (p *parser) take() token {
	t := p.tokens[p.i]
	if t.kind != tokEnd {
		p.i++
	}
	return t
}

func isOp(t token, op string) bool { return t.kind == tokOp && t.text == op }

// enter and leave bound the depth of the tree, and of all that walks it.
func (p *parser) enter() error {
	if p.depth++; p.depth > maxDepth {
		return p.fail(p.peek().pos, "nested more than %d deep", maxDepth)
	}
	return nil
}

func (p *parser) leave() { p.depth-- }

// word is a token as it was written.
func (p *parser) word(t token) string {
	end := len(p.expr)
	for _, next := range p.tokens {
		if next.pos > t.pos {
			end = next.pos
			break
		}
	}
	for end > t.pos && p.expr[end-1] <= ' ' {
		end--
	}
	return p.expr[t.pos:end]
}

func (p *parser) unexpected(t token) error {
	if t.kind == tokEnd {
		return p.fail(t.pos, "the expression ends too early")
	}
	return p.fail(t.pos, "syntax error at %q", p.word(t))
}

func (p *parser) expected(t token, what string) error {
	if t.kind == tokEnd {
		return p.fail(t.pos, "the expression ends where %s should follow", quoted(what))
	}
	return p.fail(t.pos, "syntax error at %q: %s should stand here", p.word(t), quoted(what))
}

// quoted sets signs in quotes, not words.
func quoted(what string) string {
	if len(what) == 1 {
		return fmt.Sprintf("%q", what)
	}
	return what
}
