package lua

import (
	"strings"

	"github.com/yuin/gopher-lua/ast"
)

// priorities of the binary operators, left and right (Lua 5.4 manual, section 3.4.8).
var priorities = map[string][2]int{
	"or": {1, 1}, "and": {2, 2},
	"<": {3, 3}, ">": {3, 3}, "<=": {3, 3}, ">=": {3, 3}, "~=": {3, 3}, "==": {3, 3},
	"|": {4, 4}, "~": {5, 5}, "&": {6, 6}, "<<": {7, 7}, ">>": {7, 7},
	"..": {9, 8}, "+": {10, 10}, "-": {10, 10},
	"*": {11, 11}, "/": {11, 11}, "//": {11, 11}, "%": {11, 11},
	"^": {14, 13},
}

const unaryPriority = 12

func (p *parser) exprList() []ast.Expr {
	list := []ast.Expr{p.expr()}
	for p.accept(",") {
		list = append(list, p.expr())
	}
	return list
}

func (p *parser) expr() ast.Expr { return p.subExpr(0) }

// subExpr reads an expression whose binary operators bind tighter than limit.
func (p *parser) subExpr(limit int) ast.Expr {
	p.enter()
	defer p.leave()
	e := p.unaryExpr()
	for n := 0; p.tok.kind == tokenSymbol; n++ {
		op := p.tok.text
		priority, ok := priorities[op]
		if !ok || priority[0] <= limit {
			break
		}
		if n > maxChain {
			p.fail("more than %d operators in a row", maxChain)
		}
		line := p.tok.line
		p.advance()
		if op == ".." {
			e = p.concat(line, e)
			continue
		}
		e = p.binary(op, line, e, p.subExpr(priority[1]))
	}
	return e
}

// concat reads the rest of a row of concatenations and makes calls of at most 50 operands of it.
func (p *parser) concat(line int, first ast.Expr) ast.Expr {
	operands := []ast.Expr{first, p.subExpr(9)}
	for p.tok.is("..") {
		if len(operands) > maxChain {
			p.fail("more than %d concatenations in a row", maxChain)
		}
		p.advance()
		operands = append(operands, p.subExpr(9))
	}
	const group = 50
	for len(operands) > group { // concatenation is right associative
		cut := len(operands) - group
		operands = append(operands[:cut:cut], p.operatorCall(opConcat, line, operands[cut:]...))
	}
	return p.operatorCall(opConcat, line, operands...)
}

func (p *parser) unaryExpr() ast.Expr {
	line := p.tok.line
	var e ast.Expr
	switch {
	case p.accept("not"):
		e = &ast.UnaryNotOpExpr{Expr: p.subExpr(unaryPriority)}
	case p.accept("-"):
		e = &ast.UnaryMinusOpExpr{Expr: p.subExpr(unaryPriority)}
	case p.accept("#"):
		e = &ast.UnaryLenOpExpr{Expr: p.subExpr(unaryPriority)}
	case p.accept("~"):
		return p.operatorCall(opBnot, line, p.subExpr(unaryPriority))
	default:
		return p.simpleExpr()
	}
	e.SetLine(line)
	return e
}

// binary makes the tree of one operator.
func (p *parser) binary(op string, line int, lhs, rhs ast.Expr) ast.Expr {
	var e ast.Expr
	switch op {
	case "or", "and":
		e = &ast.LogicalOpExpr{Operator: op, Lhs: lhs, Rhs: rhs}
	case "==", "~=":
		e = &ast.RelationalOpExpr{Operator: op, Lhs: lhs, Rhs: rhs}
	case "<", ">", "<=", ">=":
		if !neverTable(lhs) || !neverTable(rhs) {
			return p.operatorCall(comparisons[op], line, lhs, rhs)
		}
		e = &ast.RelationalOpExpr{Operator: op, Lhs: lhs, Rhs: rhs}
	case "+", "-", "*", "/", "%", "^":
		e = &ast.ArithmeticOpExpr{Operator: op, Lhs: lhs, Rhs: rhs}
	default:
		return p.operatorCall(integerOperators[op], line, lhs, rhs)
	}
	e.SetLine(line)
	return e
}

// neverTable reports that e's value is not a table, so that the interpreter's own comparison serves.
func neverTable(e ast.Expr) bool {
	switch e.(type) {
	case *ast.NumberExpr, *ast.StringExpr, *ast.UnaryLenOpExpr:
		return true
	}
	return false
}

// operatorCall calls one of the operator functions. Each returns exactly one value, so a call needs no
// adjustment; the interpreter's compiler gets adjusted calls wrong when their target is the last
// parameter.
func (p *parser) operatorCall(op operator, line int, args ...ast.Expr) ast.Expr {
	fn := &ast.StringExpr{Value: op.marker()}
	fn.SetLine(line)
	p.constant("s" + fn.Value)
	e := &ast.FuncCallExpr{Func: fn, Args: args}
	e.SetLine(line)
	return e
}

func isOperatorCall(e *ast.FuncCallExpr) bool {
	s, ok := e.Func.(*ast.StringExpr)
	return ok && strings.HasPrefix(s.Value, markerPrefix)
}

func (p *parser) simpleExpr() ast.Expr {
	t := p.tok
	var e ast.Expr
	switch t.kind {
	case tokenNumber:
		e = p.numberExpr(t.number)
	case tokenString:
		e = p.stringExpr(t.text)
	case tokenSymbol:
		switch t.text {
		case "nil":
			e = &ast.NilExpr{}
		case "true":
			e = &ast.TrueExpr{}
		case "false":
			e = &ast.FalseExpr{}
		case "...":
			if !p.fn.vararg {
				p.fail("cannot use '...' outside a vararg function")
			}
			e = &ast.Comma3Expr{}
		case "{":
			return p.table()
		case "function":
			p.advance()
			return p.functionBody(t.line, false)
		}
	}
	if e == nil {
		return p.suffixedExpr()
	}
	e.SetLine(t.line)
	p.advance()
	return e
}

func (p *parser) stringExpr(s string) ast.Expr {
	if strings.HasPrefix(s, markerPrefix) {
		p.fail("string literal begins with reserved bytes")
	}
	p.constant("s" + s)
	return &ast.StringExpr{Value: s}
}

// suffixedExpr reads a name or parenthesis followed by fields, indexes and calls.
func (p *parser) suffixedExpr() ast.Expr {
	line := p.tok.line
	var e ast.Expr
	switch {
	case p.tok.kind == tokenName:
		e = &ast.IdentExpr{Value: p.name()}
		e.SetLine(line)
	case p.accept("("):
		p.enter()
		e = p.expr()
		p.closing(")", "(", line)
		p.leave()
		switch inner := e.(type) {
		case *ast.FuncCallExpr:
			if !isOperatorCall(inner) {
				e = p.operatorCall(opFirst, line, e)
			}
		case *ast.Comma3Expr:
			e = p.operatorCall(opFirst, line, e)
		case *ast.IdentExpr, *ast.AttrGetExpr:
			if p.tok.is("=") {
				p.fail("cannot assign to an expression in parentheses")
			}
		}
	default:
		p.fail("unexpected %s", &p.tok)
	}
	for n := 0; ; n++ {
		if n > maxChain {
			p.fail("more than %d calls or indexes in a row", maxChain)
		}
		line := p.tok.line
		switch {
		case p.tok.is("."):
			p.advance()
			key := &ast.StringExpr{Value: p.name()}
			key.SetLine(line)
			e = &ast.AttrGetExpr{Object: e, Key: key}
		case p.tok.is("["):
			p.advance()
			key := p.expr()
			p.closing("]", "[", line)
			e = &ast.AttrGetExpr{Object: e, Key: key}
		case p.tok.is(":"):
			p.advance()
			method := p.name()
			e = &ast.FuncCallExpr{Receiver: e, Method: method, Args: p.callArgs()}
		case p.tok.is("(") || p.tok.is("{") || p.tok.kind == tokenString:
			e = &ast.FuncCallExpr{Func: e, Args: p.callArgs()}
		default:
			return e
		}
		e.SetLine(line)
	}
}

func (p *parser) callArgs() []ast.Expr {
	line := p.tok.line
	switch {
	case p.tok.kind == tokenString:
		s := p.stringExpr(p.tok.text)
		s.SetLine(line)
		p.advance()
		return []ast.Expr{s}
	case p.tok.is("{"):
		return []ast.Expr{p.table()}
	case p.accept("("):
		args := []ast.Expr{}
		if !p.tok.is(")") {
			args = p.exprList()
		}
		p.closing(")", "(", line)
		return args
	}
	p.fail("function arguments expected near %s", &p.tok)
	return nil
}

func (p *parser) table() ast.Expr {
	p.enter()
	defer p.leave()
	t := &ast.TableExpr{Fields: []*ast.Field{}}
	line := p.tok.line
	t.SetLine(line)
	p.expect("{")
	for !p.tok.is("}") {
		f := &ast.Field{}
		switch {
		case p.tok.is("["):
			at := p.tok.line
			p.advance()
			f.Key = p.expr()
			p.closing("]", "[", at)
			p.expect("=")
			f.Value = p.expr()
		case p.tok.kind == tokenName && p.peek().is("="):
			key := &ast.StringExpr{}
			key.SetLine(p.tok.line)
			key.Value = p.name()
			p.advance()
			f.Key, f.Value = key, p.expr()
		default:
			f.Value = p.expr()
		}
		t.Fields = append(t.Fields, f)
		if !p.accept(",") && !p.accept(";") {
			break
		}
	}
	p.closing("}", "{", line)
	return t
}
