package query

import (
	"fmt"
	"strings"
)

// An Error says what is wrong with a filter, and where.
type Error struct {
	Filter string
	Column int // from 1, in characters
	Reason string
}

func (e *Error) Error() string { return fmt.Sprintf("filter, column %d: %s", e.Column, e.Reason) }

type tokenKind uint8

const (
	tokenEnd tokenKind = iota
	tokenOpen
	tokenClose
	tokenNot // "not", or "-" before a term
	tokenOr
	tokenAnd
	tokenTerm
)

// A token is a part of a filter. A term has its key, its operator (":" or a comparison) and its value;
// a word has only its value.
type token struct {
	kind           tokenKind
	column         int // of the token
	valueColumn    int
	key, op, value string
	quoted         bool
}

// maxFilter bounds a filter, bytes.
const maxFilter = 4096

// lex splits a filter into tokens.
func lex(filter string) ([]token, error) {
	if len(filter) > maxFilter {
		return nil, &Error{filter, maxFilter + 1, fmt.Sprintf("longer than %d bytes", maxFilter)}
	}
	text := []rune(filter)
	var tokens []token
	for i := 0; ; {
		for i < len(text) && (text[i] == ' ' || text[i] == '\t' || text[i] == '\n') {
			i++
		}
		t := token{column: i + 1}
		if i == len(text) {
			return append(tokens, t), nil
		}
		switch c := text[i]; {
		case c == '(':
			t.kind = tokenOpen
			i++
		case c == ')':
			t.kind = tokenClose
			i++
		case (c == '-' || c == '!') && i+1 < len(text) && text[i+1] != ' ':
			t.kind = tokenNot
			i++
		default:
			var err error
			if i, err = lexTerm(filter, text, i, &t); err != nil {
				return nil, err
			}
		}
		tokens = append(tokens, t)
	}
}

// lexTerm reads a term or word that begins at i, and gives the position after it.
func lexTerm(filter string, text []rune, i int, t *token) (int, error) {
	t.kind = tokenTerm
	start := i
	for i < len(text) && (text[i] == '_' || text[i] >= 'a' && text[i] <= 'z' || text[i] >= 'A' && text[i] <= 'Z') {
		i++
	}
	if i > start && i < len(text) {
		if op := operator(text[i:]); op != "" {
			t.key, t.op = strings.ToLower(string(text[start:i])), op
			i += len(op)
			start = i
		}
	}
	t.valueColumn = start + 1
	if t.key == "" {
		i = start
	}
	if i < len(text) && text[i] == '"' {
		end := i + 1
		for end < len(text) && text[end] != '"' {
			end++
		}
		if end == len(text) {
			return 0, &Error{filter, i + 1, "quote without an end"}
		}
		t.value, t.quoted = string(text[i+1:end]), true
		return end + 1, nil
	}
	for i < len(text) && !strings.ContainsRune(" \t\n()\"", text[i]) {
		i++
	}
	t.value = string(text[start:i])
	if t.key == "" {
		switch strings.ToLower(t.value) {
		case "and":
			t.kind = tokenAnd
		case "or":
			t.kind = tokenOr
		case "not":
			t.kind = tokenNot
		}
	} else if t.value == "" {
		return 0, &Error{filter, i + 1, fmt.Sprintf("%s%s without a value", t.key, t.op)}
	}
	if i == start && t.key == "" {
		return 0, &Error{filter, i + 1, fmt.Sprintf("character %q makes no sense here", text[i])}
	}
	return i, nil
}

// operator is the operator that text begins with, or "".
func operator(text []rune) string {
	for _, op := range []string{":", ">=", "<=", "!=", ">", "<", "="} {
		if strings.HasPrefix(string(text[:min(len(text), 2)]), op) {
			return op
		}
	}
	return ""
}
