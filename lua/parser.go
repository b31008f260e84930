package lua

import (
	"strconv"

	"github.com/yuin/gopher-lua/ast"
)

// Bounds of one chunk. They keep the parser's and the compiler's recursion on the Go stack, and the
// compiler's searches (linear in names and constants), within milliseconds.
const (
	maxNesting   = 600     // parser levels; a table or parenthesis takes two or three of them
	maxChain     = 1000    // operators, calls, indexes or elseifs in a row
	maxConstants = 10_000  // different literals and names of one function
	maxLabels    = 100     // of one function
	maxTokens    = 300_000 // of one chunk: about 0.3 s of parsing and compiling
	maxFunctions = 5000    // of one chunk: the compiler takes 8 kB for each
)

// A parser reads Lua 5.4 into the syntax tree of the interpreter, which knows Lua 5.1 with goto. What
// the interpreter lacks becomes a call of an operator function (ops.go): the integer and bit
// operators, comparison and concatenation (for metamethods between a table and a number, and a bound
// on the length of strings).
type parser struct {
	lx     *lexer
	tok    token // current
	ahead  token // the one after it, when hasAhead
	has    bool
	depth  int
	funcs  int
	tokens int
	fn     *parserFunc
}

// parserFunc is what is counted per function.
type parserFunc struct {
	parent    *parserFunc
	constants map[string]struct{}
	labels    int
	vararg    bool
	scopes    []map[string]bool // per open block: its local names, and whether each is <const>
}

func (p *parser) advance() {
	if p.has {
		p.tok, p.has = p.ahead, false
		return
	}
	p.tok = p.read()
}

func (p *parser) read() token {
	t := p.lx.next()
	if p.tokens++; p.tokens > maxTokens {
		p.lx.fail(t.line, t.col, "more than %d tokens", maxTokens)
	}
	return t
}

func (p *parser) peek() *token {
	if !p.has {
		p.ahead, p.has = p.read(), true
	}
	return &p.ahead
}

func (p *parser) fail(format string, args ...any) {
	p.lx.fail(p.tok.line, p.tok.col, format, args...)
}

func (p *parser) enter() {
	if p.depth++; p.depth > maxNesting {
		p.fail("more than %d levels of nesting", maxNesting)
	}
}

func (p *parser) leave() { p.depth-- }

// constant counts a literal or name of the current function.
func (p *parser) constant(key string) {
	p.fn.constants[key] = struct{}{}
	if len(p.fn.constants) > maxConstants {
		p.fail("function has more than %d constants", maxConstants)
	}
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
		p.fail("'%s' expected near %s", symbol, &p.tok)
	}
}

// closing expects the end of what open, a keyword or bracket at line, began.
func (p *parser) closing(symbol, open string, line int) {
	if p.tok.is(symbol) {
		p.advance()
		return
	}
	if line == p.tok.line {
		p.fail("'%s' expected near %s", symbol, &p.tok)
	}
	p.fail("'%s' expected (to close '%s' at line %d) near %s", symbol, open, line, &p.tok)
}

func (p *parser) name() string {
	if p.tok.kind != tokenName {
		p.fail("name expected near %s", &p.tok)
	}
	n := p.tok.text
	p.constant("s" + n)
	p.advance()
	return n
}

func (p *parser) openFunc(vararg bool) {
	if p.funcs++; p.funcs > maxFunctions {
		p.fail("more than %d functions", maxFunctions)
	}
	p.fn = &parserFunc{parent: p.fn, constants: make(map[string]struct{}), vararg: vararg}
}

func (p *parser) closeFunc() { p.fn = p.fn.parent }

// chunk reads the whole source.
func (p *parser) chunk() []ast.Stmt {
	p.openFunc(true)
	p.advance()
	stmts := p.block()
	if p.tok.kind != tokenEOF {
		p.fail("end of file expected near %s", &p.tok)
	}
	return stmts
}

func (p *parser) blockEnds() bool {
	if p.tok.kind == tokenEOF {
		return true
	}
	if p.tok.kind != tokenSymbol {
		return false
	}
	switch p.tok.text {
	case "else", "elseif", "end", "until":
		return true
	}
	return false
}

// block reads statements up to the block's end; names are local to it from the start.
func (p *parser) block(names ...string) []ast.Stmt {
	p.enter()
	scope := map[string]bool{}
	for _, n := range names {
		scope[n] = false
	}
	p.fn.scopes = append(p.fn.scopes, scope)
	stmts := []ast.Stmt{}
	for !p.blockEnds() {
		if p.tok.is("return") {
			stmts = append(stmts, p.returnStmt())
			break
		}
		if s := p.statement(); s != nil {
			stmts = append(stmts, s)
		}
	}
	p.fn.scopes = p.fn.scopes[:len(p.fn.scopes)-1]
	p.leave()
	return stmts
}

func (p *parser) returnStmt() ast.Stmt {
	s := &ast.ReturnStmt{}
	s.SetLine(p.tok.line)
	p.advance()
	if !p.blockEnds() && !p.tok.is(";") {
		s.Exprs = p.exprList()
	}
	s.SetLastLine(p.tok.line)
	p.accept(";")
	if !p.blockEnds() {
		p.fail("'return' must be the last statement of its block")
	}
	return s
}

// statement reads one statement; nil for an empty one.
func (p *parser) statement() ast.Stmt {
	line := p.tok.line
	if p.tok.kind != tokenSymbol {
		return p.exprStmt()
	}
	var s ast.Stmt
	switch p.tok.text {
	case ";":
		p.advance()
		return nil
	case "if":
		s = p.ifStmt()
	case "while":
		p.advance()
		w := &ast.WhileStmt{Condition: p.expr()}
		p.expect("do")
		w.Stmts = p.block()
		s = w
		w.SetLastLine(p.tok.line)
		p.closing("end", "while", line)
	case "do":
		p.advance()
		d := &ast.DoBlockStmt{Stmts: p.block()}
		s = d
		d.SetLastLine(p.tok.line)
		p.closing("end", "do", line)
	case "for":
		s = p.forStmt()
	case "repeat":
		p.advance()
		r := &ast.RepeatStmt{Stmts: p.block()}
		p.closing("until", "repeat", line)
		r.Condition = p.expr()
		r.SetLastLine(r.Condition.Line())
		s = r
	case "function":
		s = p.functionStmt()
	case "local":
		p.advance()
		if p.accept("function") {
			name := p.name()
			p.declare(name, false)
			f := p.functionBody(line, false)
			l := &ast.LocalAssignStmt{Names: []string{name}, Exprs: []ast.Expr{f}}
			l.SetLastLine(f.LastLine())
			s = l
		} else {
			s = p.localStmt()
		}
	case "::":
		p.advance()
		if p.fn.labels++; p.fn.labels > maxLabels {
			p.fail("function has more than %d labels", maxLabels)
		}
		s = &ast.LabelStmt{Name: p.name()}
		p.expect("::")
	case "goto":
		p.advance()
		s = &ast.GotoStmt{Label: p.name()}
	case "break":
		p.advance()
		s = &ast.BreakStmt{}
	default:
		return p.exprStmt()
	}
	s.SetLine(line)
	return s
}

func (p *parser) ifStmt() ast.Stmt {
	line := p.tok.line
	var first, last *ast.IfStmt
	for n := 0; ; n++ {
		if n > maxChain {
			p.fail("more than %d elseif", maxChain)
		}
		s := &ast.IfStmt{}
		s.SetLine(p.tok.line)
		p.advance()
		s.Condition = p.expr()
		p.expect("then")
		s.Then = p.block()
		if last == nil {
			first = s
		} else {
			last.Else = []ast.Stmt{s}
		}
		last = s
		if !p.tok.is("elseif") {
			break
		}
	}
	if p.accept("else") {
		last.Else = p.block()
	}
	first.SetLastLine(p.tok.line)
	p.closing("end", "if", line)
	return first
}

func (p *parser) forStmt() ast.Stmt {
	line := p.tok.line
	p.advance()
	names := []string{p.name()}
	if p.accept("=") {
		f := &ast.NumberForStmt{Name: names[0], Init: p.expr()}
		p.expect(",")
		f.Limit = p.expr()
		if p.accept(",") {
			f.Step = p.expr()
		}
		p.expect("do")
		f.Stmts = p.block(names...)
		f.SetLastLine(p.tok.line)
		p.closing("end", "for", line)
		return f
	}
	for p.accept(",") {
		names = append(names, p.name())
	}
	p.expect("in")
	f := &ast.GenericForStmt{Names: names, Exprs: p.exprList()}
	p.expect("do")
	f.Stmts = p.block(names...)
	f.SetLastLine(p.tok.line)
	p.closing("end", "for", line)
	return f
}

func (p *parser) functionStmt() ast.Stmt {
	line := p.tok.line
	p.advance()
	ident := &ast.IdentExpr{Value: p.name()}
	ident.SetLine(line)
	fn := &ast.FuncName{Func: ident}
	for n := 0; p.tok.is(".") || p.tok.is(":"); n++ {
		if n > maxChain {
			p.fail("more than %d fields in a row", maxChain)
		}
		method := p.tok.is(":")
		p.advance()
		key := &ast.StringExpr{Value: p.name()}
		key.SetLine(line)
		if method {
			fn = &ast.FuncName{Receiver: fn.Func, Method: key.Value}
			break
		}
		get := &ast.AttrGetExpr{Object: fn.Func, Key: key}
		get.SetLine(line)
		fn.Func = get
	}
	s := &ast.FuncDefStmt{Name: fn, Func: p.functionBody(line, fn.Receiver != nil)}
	s.SetLastLine(s.Func.LastLine())
	return s
}

// localStmt reads the names, attributes and values after local.
func (p *parser) localStmt() ast.Stmt {
	s := &ast.LocalAssignStmt{Exprs: []ast.Expr{}}
	constants := map[string]bool{}
	for {
		n := p.name()
		s.Names = append(s.Names, n)
		constants[n] = false
		if p.accept("<") {
			switch attribute := p.name(); attribute {
			case "const":
				constants[n] = true
			case "close":
				p.fail("to-be-closed variables are not supported: close '%s' by hand", n)
			default:
				p.fail("unknown attribute '%s'", attribute)
			}
			p.expect(">")
		}
		if !p.accept(",") {
			break
		}
	}
	if p.accept("=") {
		s.Exprs = p.exprList()
	}
	for n, isConst := range constants {
		p.declare(n, isConst)
	}
	return s
}

// declare notes a local name of the innermost block.
func (p *parser) declare(name string, isConst bool) {
	p.fn.scopes[len(p.fn.scopes)-1][name] = isConst
}

// checkAssign refuses to assign to a local variable declared <const>.
func (p *parser) checkAssign(e ast.Expr, t *token) {
	id, ok := e.(*ast.IdentExpr)
	if !ok {
		return
	}
	for fn := p.fn; fn != nil; fn = fn.parent {
		for i := len(fn.scopes) - 1; i >= 0; i-- {
			if isConst, declared := fn.scopes[i][id.Value]; declared {
				if isConst {
					p.lx.fail(t.line, t.col, "attempt to assign to const variable '%s'", id.Value)
				}
				return
			}
		}
	}
}

// exprStmt reads a call or an assignment.
func (p *parser) exprStmt() ast.Stmt {
	start := p.tok
	e := p.suffixedExpr()
	if !p.tok.is("=") && !p.tok.is(",") {
		call, ok := e.(*ast.FuncCallExpr)
		if !ok || isOperatorCall(call) {
			p.lx.fail(start.line, start.col, "statement expected near %s", &start)
		}
		s := &ast.FuncCallStmt{Expr: call}
		s.SetLine(e.Line())
		return s
	}
	s := &ast.AssignStmt{Lhs: []ast.Expr{e}}
	s.SetLine(e.Line())
	p.checkAssign(e, &start)
	for p.accept(",") {
		t := p.tok
		lhs := p.suffixedExpr()
		p.checkAssign(lhs, &t)
		s.Lhs = append(s.Lhs, lhs)
	}
	for _, lhs := range s.Lhs {
		switch lhs.(type) {
		case *ast.IdentExpr, *ast.AttrGetExpr:
		default:
			p.lx.fail(start.line, start.col, "cannot assign to this expression")
		}
	}
	p.expect("=")
	s.Rhs = p.exprList()
	return s
}

// functionBody reads parameters and block; method adds self.
func (p *parser) functionBody(line int, method bool) *ast.FunctionExpr {
	p.enter()
	defer p.leave()
	f := &ast.FunctionExpr{ParList: &ast.ParList{Names: []string{}}}
	f.SetLine(line)
	p.openFunc(false)
	p.expect("(")
	for !p.tok.is(")") {
		if p.accept("...") {
			f.ParList.HasVargs, p.fn.vararg = true, true
			break
		}
		f.ParList.Names = append(f.ParList.Names, p.name())
		if !p.accept(",") {
			break
		}
		if p.tok.is(")") {
			p.fail("name expected near ')'")
		}
	}
	p.expect(")")
	locals := f.ParList.Names
	if method {
		locals = append([]string{"self"}, locals...)
	}
	f.Stmts = p.block(locals...)
	f.SetLastLine(p.tok.line)
	p.closing("end", "function", line)
	p.closeFunc()
	return f
}

// numberExpr is n as the interpreter's parser would read it back: its own reading of numerals takes
// a leading zero for octal.
func (p *parser) numberExpr(n float64) ast.Expr {
	text := strconv.FormatFloat(n, 'g', -1, 64)
	p.constant("n" + text)
	return &ast.NumberExpr{Value: text}
}
