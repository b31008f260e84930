package lua

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A SyntaxError is why a script does not load.
type SyntaxError struct {
	File         string
	Line, Column int // from 1; Column counts bytes
	Message      string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Message)
}

// Token kinds. Keywords and operators are tokenSymbol with their text.
type tokenKind uint8

const (
	tokenEOF tokenKind = iota
	tokenName
	tokenString
	tokenNumber
	tokenSymbol
)

type token struct {
	kind      tokenKind
	text      string // name, symbol, or a string's value
	number    float64
	line, col int
}

// is reports whether t is the given keyword or operator.
func (t *token) is(symbol string) bool { return t.kind == tokenSymbol && t.text == symbol }

// String is t as an error message shows it.
func (t *token) String() string {
	switch t.kind {
	case tokenEOF:
		return "end of file"
	case tokenString:
		return "string"
	case tokenNumber:
		return formatNumber(t.number)
	}
	return "'" + t.text + "'"
}

var keywords = map[string]bool{
	"and": true, "break": true, "do": true, "else": true, "elseif": true, "end": true, "false": true,
	"for": true, "function": true, "goto": true, "if": true, "in": true, "local": true, "nil": true,
	"not": true, "or": true, "repeat": true, "return": true, "then": true, "true": true,
	"until": true, "while": true,
}

// symbols are the operators, longest first within a first letter.
var symbols = []string{
	"...", "..", "==", "~=", "<=", ">=", "<<", ">>", "//", "::",
	"+", "-", "*", "/", "%", "^", "#", "&", "~", "|", "<", ">", "=", "(", ")", "{", "}", "[", "]", ";", ":", ",", ".",
}

// A lexer cuts Lua 5.4 source text into tokens.
type lexer struct {
	file string
	src  string
	pos  int
	line int
	bol  int // offset of the current line's first byte
}

func newLexer(file, src string) *lexer {
	lx := &lexer{file: file, src: src, line: 1}
	if strings.HasPrefix(src, "\xef\xbb\xbf") {
		lx.pos, lx.bol = 3, 3
	}
	if strings.HasPrefix(src[lx.pos:], "#") { // a script's first line may name its interpreter
		for lx.pos < len(src) && src[lx.pos] != '\n' {
			lx.pos++
		}
	}
	return lx
}

// A lexer and its parser leave by panic; Compile recovers it.
func (lx *lexer) fail(line, col int, format string, args ...any) {
	panic(&SyntaxError{File: lx.file, Line: line, Column: col, Message: fmt.Sprintf(format, args...)})
}

func (lx *lexer) failHere(format string, args ...any) {
	lx.fail(lx.line, lx.pos-lx.bol+1, format, args...)
}

// peek is the byte at offset i from the current one, 0 at the end.
func (lx *lexer) peek(i int) byte {
	if lx.pos+i < len(lx.src) {
		return lx.src[lx.pos+i]
	}
	return 0
}

// newline steps over a line end of one or two bytes.
func (lx *lexer) newline() {
	c := lx.src[lx.pos]
	lx.pos++
	if d := lx.peek(0); (d == '\n' || d == '\r') && d != c {
		lx.pos++
	}
	lx.line++
	lx.bol = lx.pos
}

func (lx *lexer) skipSpace() {
	for lx.pos < len(lx.src) {
		switch c := lx.src[lx.pos]; {
		case c == '\n' || c == '\r':
			lx.newline()
		case c == ' ' || c == '\t' || c == '\v' || c == '\f':
			lx.pos++
		case c == '-' && lx.peek(1) == '-':
			lx.pos += 2
			if lx.peek(0) == '[' {
				if level := lx.longLevel(); level >= 0 {
					lx.longString(level, "comment")
					continue
				}
			}
			for lx.pos < len(lx.src) && lx.src[lx.pos] != '\n' && lx.src[lx.pos] != '\r' {
				lx.pos++
			}
		default:
			return
		}
	}
}

// longLevel is the number of equal signs of the long bracket that opens here, or -1.
func (lx *lexer) longLevel() int {
	n := 1
	for lx.peek(n) == '=' {
		n++
	}
	if lx.peek(n) == '[' {
		return n - 1
	}
	return -1
}

func (lx *lexer) longString(level int, what string) string {
	line, col := lx.line, lx.pos-lx.bol+1
	lx.pos += level + 2
	if c := lx.peek(0); c == '\n' || c == '\r' {
		lx.newline()
	}
	closing := "]" + strings.Repeat("=", level) + "]"
	var b strings.Builder
	for lx.pos < len(lx.src) {
		switch c := lx.src[lx.pos]; c {
		case ']':
			if strings.HasPrefix(lx.src[lx.pos:], closing) {
				lx.pos += len(closing)
				return b.String()
			}
			b.WriteByte(c)
			lx.pos++
		case '\n', '\r':
			lx.newline()
			b.WriteByte('\n')
		default:
			b.WriteByte(c)
			lx.pos++
		}
	}
	lx.fail(line, col, "unfinished long %s", what)
	return ""
}

func isNameByte(c byte, first bool) bool {
	return c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || !first && '0' <= c && c <= '9'
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// next reads one token.
func (lx *lexer) next() token {
	lx.skipSpace()
	t := token{line: lx.line, col: lx.pos - lx.bol + 1}
	if lx.pos >= len(lx.src) {
		return t
	}
	c := lx.src[lx.pos]
	switch {
	case isNameByte(c, true):
		start := lx.pos
		for lx.pos < len(lx.src) && isNameByte(lx.src[lx.pos], false) {
			lx.pos++
		}
		t.kind, t.text = tokenName, lx.src[start:lx.pos]
		if keywords[t.text] {
			t.kind = tokenSymbol
		}
		return t
	case isDigit(c) || c == '.' && isDigit(lx.peek(1)):
		t.kind, t.number = tokenNumber, lx.scanNumber()
		return t
	case c == '"' || c == '\'':
		t.kind, t.text = tokenString, lx.shortString(c)
		return t
	case c == '[':
		if level := lx.longLevel(); level >= 0 {
			t.kind, t.text = tokenString, lx.longString(level, "string")
			return t
		}
	}
	for _, s := range symbols {
		if strings.HasPrefix(lx.src[lx.pos:], s) {
			lx.pos += len(s)
			t.kind, t.text = tokenSymbol, s
			return t
		}
	}
	if c == '!' && lx.peek(1) == '=' {
		lx.failHere("unexpected '!=': Lua writes '~='")
	}
	r, _ := utf8.DecodeRuneInString(lx.src[lx.pos:])
	lx.failHere("unexpected symbol %q", r)
	return t
}

// scanNumber reads a numeral; every number is a float64.
func (lx *lexer) scanNumber() float64 {
	start := lx.pos
	exponents := "eE"
	if lx.src[lx.pos] == '0' && (lx.peek(1) == 'x' || lx.peek(1) == 'X') {
		exponents = "pP"
		lx.pos += 2
	}
	for lx.pos < len(lx.src) {
		c := lx.src[lx.pos]
		switch {
		case strings.IndexByte(exponents, c) >= 0:
			lx.pos++
			if d := lx.peek(0); d == '+' || d == '-' {
				lx.pos++
			}
			continue
		case isNameByte(c, false) || c == '.':
			lx.pos++
			continue
		}
		break
	}
	text := lx.src[start:lx.pos]
	n, ok := parseNumber(text)
	if !ok {
		lx.pos = start
		if text[0] == '.' && lx.pos > 0 && isNameByte(lx.src[lx.pos-1], false) {
			lx.failHere(`malformed number '%s': a key that begins with a digit is written ["%s"]`, text, text[1:])
		}
		lx.failHere("malformed number '%s'", text)
	}
	return n
}

// shortString reads a quoted string with the escapes of Lua 5.4.
func (lx *lexer) shortString(quote byte) string {
	line, col := lx.line, lx.pos-lx.bol+1
	lx.pos++
	var b strings.Builder
	for {
		if lx.pos >= len(lx.src) {
			lx.fail(line, col, "unfinished string")
		}
		switch c := lx.src[lx.pos]; c {
		case quote:
			lx.pos++
			return b.String()
		case '\n', '\r':
			lx.fail(line, col, "unfinished string")
		case '\\':
			lx.escape(&b)
		default:
			b.WriteByte(c)
			lx.pos++
		}
	}
}

var simpleEscapes = map[byte]byte{
	'a': '\a', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t', 'v': '\v',
	'\\': '\\', '"': '"', '\'': '\'',
}

// escape reads what follows a backslash (Lua 5.4 manual, section 3.1).
func (lx *lexer) escape(b *strings.Builder) {
	lx.pos++
	c := lx.peek(0)
	if e, ok := simpleEscapes[c]; ok {
		b.WriteByte(e)
		lx.pos++
		return
	}
	switch {
	case c == '\n' || c == '\r':
		lx.newline()
		b.WriteByte('\n')
	case c == 'x':
		if lx.pos+3 > len(lx.src) {
			lx.failHere("hexadecimal digit expected")
		}
		n, err := strconv.ParseUint(lx.src[lx.pos+1:lx.pos+3], 16, 8)
		if err != nil {
			lx.failHere("hexadecimal digit expected")
		}
		b.WriteByte(byte(n))
		lx.pos += 3
	case c == 'z':
		lx.pos++
		for lx.pos < len(lx.src) {
			switch d := lx.src[lx.pos]; d {
			case '\n', '\r':
				lx.newline()
				continue
			case ' ', '\t', '\v', '\f':
				lx.pos++
				continue
			}
			break
		}
	case c == 'u':
		end := strings.IndexByte(lx.src[lx.pos:min(lx.pos+12, len(lx.src))], '}')
		if lx.peek(1) != '{' || end < 0 {
			lx.failHere(`\u{XXX} expected`)
		}
		n, err := strconv.ParseUint(lx.src[lx.pos+2:lx.pos+end], 16, 31)
		if err != nil {
			lx.failHere("UTF-8 value too large or not hexadecimal")
		}
		b.WriteString(encodeUTF8(uint32(n)))
		lx.pos += end + 1
	case isDigit(c):
		n := 0
		for i := 0; i < 3 && isDigit(lx.peek(0)); i++ {
			n = n*10 + int(lx.peek(0)-'0')
			lx.pos++
		}
		if n > 255 {
			lx.failHere("decimal escape too large")
		}
		b.WriteByte(byte(n))
	default:
		lx.failHere(`invalid escape sequence '\%c'`, c)
	}
}
