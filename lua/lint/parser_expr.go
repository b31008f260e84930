package lint

// binary operators by priority, left and right (Lua 5.4 manual, section 3.4.8).
var priorities = map[string][2]int{
	"or": {1, 1}, "and": {2, 2},
	"<": {3, 3}, ">": {3, 3}, "<=": {3, 3}, ">=": {3, 3}, "~=": {3, 3}, "==": {3, 3},
	"|": {4, 4}, "~": {5, 5}, "&": {6, 6}, "<<": {7, 7}, ">>": {7, 7},
	"..": {9, 8}, "+": {10, 10}, "-": {10, 10},
	"*": {11, 11}, "/": {11, 11}, "//": {11, 11}, "%": {11, 11},
	"^": {14, 13},
}

const unaryPriority = 12

func (p *parser) exprList() []*expr {
	list := []*expr{p.expr()}
	for p.accept(",") {
		list = append(list, p.expr())
	}
	return list
}

func (p *parser) expr() *expr { return p.subExpr(0) }

func (p *parser) subExpr(limit int) *expr {
	var e *expr
	pos := p.tok.pos
	switch {
	case p.tok.is("not"), p.tok.is("-"), p.tok.is("#"), p.tok.is("~"):
		p.advance()
		p.subExpr(unaryPriority)
		e = &expr{pos: pos}
	default:
		e = p.simple()
	}
	for p.tok.kind == tokenSymbol {
		op := p.tok.text
		priority, ok := priorities[op]
		if !ok || priority[0] <= limit {
			break
		}
		p.advance()
		p.subExpr(priority[1])
		left := e
		e = &expr{pos: pos}
		if op == "or" {
			e.kind, e.callee = exprOr, left
		}
	}
	return e
}

func (p *parser) simple() *expr {
	t := p.tok
	switch {
	case t.kind == tokenNumber || t.is("nil") || t.is("true") || t.is("false") || t.is("..."):
		p.advance()
		return &expr{pos: t.pos}
	case t.kind == tokenString:
		p.advance()
		if !t.exact {
			return &expr{pos: t.pos}
		}
		return &expr{kind: exprString, pos: t.pos, text: t.text}
	case t.is("{"):
		return p.table()
	case p.accept("function"):
		return p.functionBody(t.pos, false)
	}
	return p.suffixed()
}

// nameExpr reads a name and resolves it.
func (p *parser) nameExpr() *expr {
	n := p.name()
	return &expr{kind: exprName, pos: n.pos, text: n.text, base: p.lookup(n.text)}
}

// suffixed reads a name or parenthesis with its fields, indexes and calls.
func (p *parser) suffixed() *expr {
	var e *expr
	switch {
	case p.tok.kind == tokenName:
		e = p.nameExpr()
		p.read(e)
	case p.tok.is("("):
		pos := p.tok.pos
		p.advance()
		inner := p.expr()
		p.expect(")")
		e = inner
		if inner.kind == exprName || inner.kind == exprCall { // a value from here on
			e = &expr{kind: exprOr, pos: pos, callee: inner}
		}
	default:
		p.fail()
	}
	for {
		switch {
		case p.tok.is("."):
			p.advance()
			n := p.name()
			e = p.index(e, key{n.text, true, n.pos})
		case p.tok.is("["):
			p.advance()
			k := p.expr()
			p.expect("]")
			e = p.index(e, key{k.text, k.kind == exprString, k.pos})
		case p.tok.is(":"):
			p.advance()
			n := p.name()
			method := p.index(e, key{n.text, true, n.pos})
			e = p.call(method, p.args())
		case p.tok.is("("), p.tok.is("{"), p.tok.kind == tokenString:
			e = p.call(e, p.args())
		default:
			return e
		}
	}
}

func (p *parser) read(e *expr) {
	if e.base != nil {
		e.base.reads++
	}
	p.chunk.accesses = append(p.chunk.accesses, access{at: e})
}

// index is the field k of e. Of a name the path grows, of what was read before it.
func (p *parser) index(e *expr, k key) *expr {
	if e.kind == exprName {
		e.path = append(e.path, k)
		return e
	}
	// A field of another value: a name of its own whose base is that value.
	f := &expr{kind: exprField, pos: e.pos, callee: e, path: []key{k}}
	if e.kind == exprField {
		f.callee, f.path = e.callee, append(e.path[:len(e.path):len(e.path)], k)
	}
	p.chunk.accesses = append(p.chunk.accesses, access{at: f})
	return f
}

func (p *parser) call(callee *expr, args []*expr) *expr {
	e := &expr{kind: exprCall, pos: callee.pos, callee: callee, args: args}
	p.chunk.calls = append(p.chunk.calls, e)
	return e
}

func (p *parser) args() []*expr {
	switch {
	case p.tok.kind == tokenString, p.tok.is("{"):
		return []*expr{p.simple()}
	case p.accept("("):
		var list []*expr
		if !p.tok.is(")") {
			list = p.exprList()
		}
		p.expect(")")
		return list
	}
	p.fail()
	return nil
}

func (p *parser) table() *expr {
	t := &expr{kind: exprTable, pos: p.tok.pos}
	p.expect("{")
	for !p.tok.is("}") {
		var f field
		switch {
		case p.tok.is("["):
			p.advance()
			k := p.expr()
			p.expect("]")
			p.expect("=")
			f.key = key{k.text, k.kind == exprString, k.pos}
			f.value = p.expr()
		case p.tok.kind == tokenName && p.peek().is("="):
			f.key = key{p.tok.text, true, p.tok.pos}
			p.advance()
			p.advance()
			f.value = p.expr()
		default:
			f.value = p.expr()
		}
		if f.key.known {
			t.fields = append(t.fields, f)
		}
		if !p.accept(",") && !p.accept(";") {
			break
		}
	}
	p.expect("}")
	return t
}

func (p *parser) functionBody(pos position, method bool) *expr {
	e := &expr{kind: exprFunction, pos: pos}
	p.expect("(")
	p.open()
	if method {
		p.declare("self", pos, parameter, nil)
	}
	for !p.tok.is(")") {
		if p.accept("...") {
			break
		}
		n := p.name()
		e.params = append(e.params, p.declare(n.text, n.pos, parameter, nil))
		if !p.accept(",") {
			break
		}
	}
	p.expect(")")
	p.statements(false)
	p.close()
	p.expect("end")
	return e
}
