package query

import (
	"fmt"
	"strings"
)

// A Query is a parsed filter. The zero Query matches everything. It never changes.
type Query struct {
	root     node
	required []Term
	// ASN and Country tell that the filter asks for autonomous systems and for countries.
	ASN, Country bool
}

// A Term is a term as written: a key, an operator (":", "=", "!=", ">" and so on) and a value.
type Term struct{ Key, Op, Value string }

// Required are terms of which each must hold, so that a store may look at less; Match has the last word.
func (q *Query) Required() []Term { return q.required }

// Resolve gives the ID of a local network by CIDR, alias or name.
type Resolve func(name string) (id int32, ok bool)

// Parse reads a filter of a kind of records. Its error is an *Error.
func Parse(kind Kind, filter string, resolve Resolve) (*Query, error) {
	tokens, err := lex(filter)
	if err != nil {
		return nil, err
	}
	p := &parser{filter: filter, kind: kind, resolve: resolve, tokens: tokens}
	if p.tokens[0].kind == tokenEnd {
		return &Query{}, nil
	}
	root, err := p.alternatives(0)
	if err != nil {
		return nil, err
	}
	if t := p.tokens[0]; t.kind != tokenEnd {
		return nil, p.fail(t.column, "a parenthesis is closed that was not opened")
	}
	p.query.root, p.query.required = root, required(tokens)
	return &p.query, nil
}

// required are the terms of a filter that is nothing but terms side by side.
func required(tokens []token) (terms []Term) {
	for i, t := range tokens {
		switch t.kind {
		case tokenOr, tokenOpen:
			return nil
		case tokenTerm:
			if t.key != "" && (i == 0 || tokens[i-1].kind != tokenNot) {
				terms = append(terms, Term{t.key, t.op, t.value})
			}
		}
	}
	return terms
}

// Match reports whether the filter holds for r.
func (q *Query) Match(r *Record) bool { return q.root == nil || q.root(r) }

// A node is a part of the filter that holds or not.
type node func(r *Record) bool

type parser struct {
	filter  string
	kind    Kind
	resolve Resolve
	tokens  []token
	query   Query // what becomes of it
}

func (p *parser) fail(column int, format string, args ...any) error {
	return &Error{p.filter, column, fmt.Sprintf(format, args...)}
}

func (p *parser) next() token {
	t := p.tokens[0]
	if t.kind != tokenEnd {
		p.tokens = p.tokens[1:]
	}
	return t
}

// maxDepth bounds how deep parentheses and negations are nested.
const maxDepth = 64

// alternatives reads terms with "or" between.
func (p *parser) alternatives(depth int) (node, error) {
	left, err := p.all(depth)
	for err == nil && p.tokens[0].kind == tokenOr {
		p.next()
		var right node
		if right, err = p.all(depth); err == nil {
			a := left
			left = func(r *Record) bool { return a(r) || right(r) }
		}
	}
	return left, err
}

// all reads terms that must all hold.
func (p *parser) all(depth int) (node, error) {
	left, err := p.single(depth)
	for err == nil {
		switch p.tokens[0].kind {
		case tokenAnd:
			p.next()
		case tokenTerm, tokenOpen, tokenNot:
		default:
			return left, nil
		}
		var right node
		if right, err = p.single(depth); err == nil {
			a := left
			left = func(r *Record) bool { return a(r) && right(r) }
		}
	}
	return nil, err
}

func (p *parser) single(depth int) (node, error) {
	t := p.next()
	if depth > maxDepth {
		return nil, p.fail(t.column, "nested deeper than %d", maxDepth)
	}
	switch t.kind {
	case tokenTerm:
		return p.term(&t)
	case tokenNot:
		n, err := p.single(depth + 1)
		return func(r *Record) bool { return !n(r) }, err
	case tokenOpen:
		n, err := p.alternatives(depth + 1)
		if err != nil {
			return nil, err
		}
		if end := p.next(); end.kind != tokenClose {
			return nil, p.fail(end.column, "the parenthesis of column %d is not closed", t.column)
		}
		return n, nil
	case tokenEnd:
		return nil, p.fail(t.column, "a term is missing")
	}
	return nil, p.fail(t.column, "a term is missing before this")
}

// term makes the node of one term.
func (p *parser) term(t *token) (node, error) {
	if t.key == "" {
		return word(t.value), nil
	}
	k, ok := keys[t.key]
	if !ok {
		return nil, p.fail(t.column, "there is no %q to filter by", t.key)
	}
	if k.kinds&p.kind == 0 {
		return nil, p.fail(t.column, "%s have no %q", p.kind, t.key)
	}
	n, err := k.make(p, t)
	if err != nil {
		return nil, p.fail(t.valueColumn, "%s%s%s: %v", t.key, t.op, t.value, err)
	}
	if t.op == "!=" && !k.number {
		return func(r *Record) bool { return !n(r) }, nil
	}
	return n, nil
}

// word looks for a text anywhere, without regard to case.
func word(text string) node {
	low := strings.ToLower(text)
	has := func(s string) bool { return s != "" && strings.Contains(strings.ToLower(s), low) }
	return func(r *Record) bool {
		for i := range r.Ends {
			if r.Ends[i].Addr.IsValid() && has(r.Ends[i].Addr.String()) {
				return true
			}
		}
		for _, list := range [][]string{r.Texts, r.Apps} {
			for _, s := range list {
				if has(s) {
					return true
				}
			}
		}
		return has(r.App) || has(r.Name) || has(r.Check) || has(r.Severity) || has(r.State)
	}
}
