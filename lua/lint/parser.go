package lint

// A parser reads tokens of source that the interpreter has accepted. It resolves local names as it
// goes. It stops at the first token that it does not expect.
type parser struct {
	lx    *lexer
	tok   token
	ahead token
	has   bool
	scope []map[string]*variable // open blocks, the innermost last; functions see all around them
	chunk chunk
}

// stop is the parser's panic: source that the interpreter would not have accepted.
type stop struct{ at position }

// parse reads src; ok is false where it is not Lua.
func parse(src string) (c *chunk, at position, ok bool) {
	p := &parser{lx: newLexer(src)}
	defer func() {
		if r := recover(); r != nil {
			s, mine := r.(stop)
			if !mine {
				panic(r)
			}
			c, at, ok = nil, s.at, false
		}
	}()
	p.advance()
	p.block(true)
	if p.tok.kind != tokenEOF {
		p.fail()
	}
	return &p.chunk, position{}, true
}

func (p *parser) fail() { panic(stop{p.tok.pos}) }

func (p *parser) advance() {
	if p.has {
		p.tok, p.has = p.ahead, false
		return
	}
	p.tok = p.lx.next()
}

func (p *parser) peek() *token {
	if !p.has {
		p.ahead, p.has = p.lx.next(), true
	}
	return &p.ahead
}

func (p *parser) accept(symbol string) bool {
	if !p.tok.is(symbol) {
		return false
	}
	p.advance()
	return true
}

func (p *parser) expect(symbol string) {
	if !p.accept(symbol) {
		p.fail()
	}
}

func (p *parser) name() token {
	t := p.tok
	if t.kind != tokenName {
		p.fail()
	}
	p.advance()
	return t
}

func (p *parser) open()  { p.scope = append(p.scope, map[string]*variable{}) }
func (p *parser) close() { p.scope = p.scope[:len(p.scope)-1] }

// declare makes a local variable of the innermost block.
func (p *parser) declare(name string, pos position, kind variableKind, value *expr) *variable {
	v := &variable{name: name, pos: pos, kind: kind, value: value}
	p.chunk.variables = append(p.chunk.variables, v)
	p.scope[len(p.scope)-1][name] = v
	return v
}

func (p *parser) lookup(name string) *variable {
	for i := len(p.scope) - 1; i >= 0; i-- {
		if v := p.scope[i][name]; v != nil {
			return v
		}
	}
	return nil
}

func (p *parser) blockEnds() bool {
	return p.tok.kind == tokenEOF || p.tok.is("else") || p.tok.is("elseif") || p.tok.is("end") || p.tok.is("until")
}

// block reads statements; top says that it is the file's own.
func (p *parser) block(top bool) {
	p.open()
	p.statements(top)
	p.close()
}

func (p *parser) statements(top bool) {
	for !p.blockEnds() {
		if p.accept("return") {
			var list []*expr
			if !p.blockEnds() && !p.tok.is(";") {
				list = p.exprList()
			}
			p.accept(";")
			if top && len(list) > 0 {
				p.chunk.returned = list[0]
			}
			return
		}
		p.statement()
	}
}

func (p *parser) statement() {
	switch {
	case p.accept(";"), p.accept("break"):
	case p.accept("if"):
		for {
			p.expr()
			p.expect("then")
			p.block(false)
			if !p.accept("elseif") {
				break
			}
		}
		if p.accept("else") {
			p.block(false)
		}
		p.expect("end")
	case p.accept("while"):
		p.expr()
		p.expect("do")
		p.block(false)
		p.expect("end")
	case p.accept("do"):
		p.block(false)
		p.expect("end")
	case p.accept("for"):
		p.forStatement()
	case p.accept("repeat"):
		p.open() // the condition sees the block's locals
		p.statements(false)
		p.expect("until")
		p.expr()
		p.close()
	case p.accept("function"):
		p.functionStatement()
	case p.accept("local"):
		p.localStatement()
	case p.accept("::"):
		p.name()
		p.expect("::")
	case p.accept("goto"):
		p.name()
	default:
		p.exprStatement()
	}
}

func (p *parser) forStatement() {
	names := []token{p.name()}
	for p.accept(",") {
		names = append(names, p.name())
	}
	if !p.accept("=") {
		p.expect("in")
	}
	p.exprList()
	p.expect("do")
	p.open()
	for _, n := range names {
		p.declare(n.text, n.pos, loopVariable, nil)
	}
	p.statements(false)
	p.close()
	p.expect("end")
}

func (p *parser) functionStatement() {
	to := p.nameExpr()
	method := false
	for p.tok.is(".") || p.tok.is(":") {
		method = p.tok.is(":")
		p.advance()
		n := p.name()
		to.path = append(to.path, key{n.text, true, n.pos})
	}
	p.write(to, p.functionBody(to.pos, method))
}

func (p *parser) localStatement() {
	if p.accept("function") {
		n := p.name()
		v := p.declare(n.text, n.pos, localFunction, nil)
		v.value = p.functionBody(n.pos, false)
		return
	}
	var names []token
	for {
		names = append(names, p.name())
		if p.accept("<") {
			p.name()
			p.expect(">")
		}
		if !p.accept(",") {
			break
		}
	}
	var values []*expr
	if p.accept("=") {
		values = p.exprList()
	}
	for i, n := range names {
		var value *expr
		if i < len(values) {
			value = values[i]
		}
		p.declare(n.text, n.pos, plainLocal, value)
	}
}

func (p *parser) exprStatement() {
	first := p.suffixed()
	if !p.tok.is("=") && !p.tok.is(",") {
		if first.kind != exprCall {
			p.fail()
		}
		return
	}
	targets := []*expr{first}
	for p.accept(",") {
		targets = append(targets, p.suffixed())
	}
	p.expect("=")
	values := p.exprList()
	for i, to := range targets {
		var value *expr
		if i < len(values) {
			value = values[i]
		}
		p.write(to, value)
	}
}

// write notes an assignment. What stands before the last field is read.
func (p *parser) write(to, value *expr) {
	if to.kind != exprName {
		return
	}
	p.unread(to)
	if to.base != nil && len(to.path) == 0 {
		to.base.assigns++
	} else if to.base != nil {
		to.base.reads++
	}
	p.chunk.accesses = append(p.chunk.accesses, access{to, true})
	p.chunk.writes = append(p.chunk.writes, write{to, value})
}

// unread takes the note back that suffixed made when it took the target of an assignment for a value.
func (p *parser) unread(e *expr) {
	for i := len(p.chunk.accesses) - 1; i >= 0; i-- {
		if a := p.chunk.accesses[i]; a.at == e && !a.write {
			p.chunk.accesses = append(p.chunk.accesses[:i], p.chunk.accesses[i+1:]...)
			if e.base != nil {
				e.base.reads--
			}
			return
		}
	}
}
