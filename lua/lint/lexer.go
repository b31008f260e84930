package lint

import "strings"

// A position is a place in the source, both from 1; the column counts bytes.
type position struct{ line, col int }

type tokenKind uint8

const (
	tokenEOF tokenKind = iota
	tokenName
	tokenString
	tokenNumber
	tokenSymbol // operators and keywords
)

type token struct {
	kind tokenKind
	text string // of a string: its value
	// exact says that text is a string's value: it has no escapes.
	exact bool
	pos   position
}

func (t *token) is(symbol string) bool { return t.kind == tokenSymbol && t.text == symbol }

var keywords = map[string]bool{
	"and": true, "break": true, "do": true, "else": true, "elseif": true, "end": true, "false": true,
	"for": true, "function": true, "goto": true, "if": true, "in": true, "local": true, "nil": true,
	"not": true, "or": true, "repeat": true, "return": true, "then": true, "true": true,
	"until": true, "while": true,
}

// longSymbols are the operators of more than one byte, the longer first.
var longSymbols = []string{"...", "..", "==", "~=", "<=", ">=", "<<", ">>", "//", "::"}

// A lexer cuts source that the interpreter's parser accepts into tokens; of other source it makes
// tokens too, without meaning.
type lexer struct {
	src  string
	pos  int
	line int
	bol  int
}

func newLexer(src string) *lexer {
	lx := &lexer{src: src, line: 1}
	if strings.HasPrefix(src, bom) {
		lx.pos, lx.bol = len(bom), len(bom)
	}
	if strings.HasPrefix(src[lx.pos:], "#") {
		lx.skipLine()
	}
	return lx
}

const bom = "\xef\xbb\xbf"

func (lx *lexer) skipLine() {
	for lx.pos < len(lx.src) && lx.src[lx.pos] != '\n' && lx.src[lx.pos] != '\r' {
		lx.pos++
	}
}

func (lx *lexer) newline() {
	c := lx.src[lx.pos]
	lx.pos++
	if lx.pos < len(lx.src) {
		if d := lx.src[lx.pos]; (d == '\n' || d == '\r') && d != c {
			lx.pos++
		}
	}
	lx.line++
	lx.bol = lx.pos
}

// next is the next token; at the end it is tokenEOF for ever.
func (lx *lexer) next() token {
	lx.space()
	t := token{pos: position{lx.line, lx.pos - lx.bol + 1}}
	if lx.pos >= len(lx.src) {
		return t
	}
	begin := lx.pos
	c := lx.src[lx.pos]
	switch {
	case nameByte(c, true):
		for lx.pos < len(lx.src) && nameByte(lx.src[lx.pos], false) {
			lx.pos++
		}
		t.kind, t.text = tokenName, lx.src[begin:lx.pos]
		if keywords[t.text] {
			t.kind = tokenSymbol
		}
	case digit(c) || c == '.' && lx.pos+1 < len(lx.src) && digit(lx.src[lx.pos+1]):
		lx.number()
		t.kind, t.text = tokenNumber, lx.src[begin:lx.pos]
	case c == '"' || c == '\'':
		t.kind = tokenString
		t.text, t.exact = lx.quoted(c)
	case c == '[' && lx.longLevel() >= 0:
		t.kind, t.exact = tokenString, true
		t.text = lx.long(lx.longLevel())
	default:
		t.kind, t.text = tokenSymbol, lx.symbol()
		lx.pos += len(t.text)
	}
	return t
}

func (lx *lexer) symbol() string {
	for _, s := range longSymbols {
		if strings.HasPrefix(lx.src[lx.pos:], s) {
			return s
		}
	}
	return lx.src[lx.pos : lx.pos+1]
}

func (lx *lexer) space() {
	for lx.pos < len(lx.src) {
		switch c := lx.src[lx.pos]; {
		case c == '\n' || c == '\r':
			lx.newline()
		case c == ' ' || c == '\t' || c == '\v' || c == '\f':
			lx.pos++
		case strings.HasPrefix(lx.src[lx.pos:], "--"):
			lx.pos += 2
			if level := lx.longLevel(); level >= 0 {
				lx.long(level)
			} else {
				lx.skipLine()
			}
		default:
			return
		}
	}
}

// longLevel is the number of equal signs of the long bracket that opens here, or -1.
func (lx *lexer) longLevel() int {
	rest, ok := strings.CutPrefix(lx.src[lx.pos:], "[")
	if !ok {
		return -1
	}
	level := len(rest) - len(strings.TrimLeft(rest, "="))
	if !strings.HasPrefix(rest[level:], "[") {
		return -1
	}
	return level
}

// long steps over a long bracket and gives what it holds.
func (lx *lexer) long(level int) string {
	lx.pos += level + 2
	begin := lx.pos
	closing := "]" + strings.Repeat("=", level) + "]"
	end := strings.Index(lx.src[lx.pos:], closing)
	if end < 0 {
		end = len(lx.src) - lx.pos
		closing = ""
	}
	stop := lx.pos + end
	for lx.pos < stop {
		if c := lx.src[lx.pos]; c == '\n' || c == '\r' {
			lx.newline()
			continue
		}
		lx.pos++
	}
	lx.pos = stop + len(closing)
	return lx.src[begin:stop]
}

func (lx *lexer) quoted(quote byte) (text string, exact bool) {
	lx.pos++
	begin, exact := lx.pos, true
	for lx.pos < len(lx.src) && lx.src[lx.pos] != quote {
		switch c := lx.src[lx.pos]; {
		case c == '\\':
			exact = false
			lx.escape()
		case c == '\n' || c == '\r': // the interpreter refuses it
			return lx.src[begin:lx.pos], false
		default:
			lx.pos++
		}
	}
	text = lx.src[begin:min(lx.pos, len(lx.src))]
	lx.pos = min(lx.pos+1, len(lx.src))
	return text, exact
}

// escape steps over a backslash and what belongs to it as far as line ends are concerned.
func (lx *lexer) escape() {
	lx.pos++
	if lx.pos >= len(lx.src) {
		return
	}
	switch lx.src[lx.pos] {
	case '\n', '\r':
		lx.newline()
	case 'z':
		lx.pos++
		for lx.pos < len(lx.src) && strings.IndexByte(" \t\v\f\n\r", lx.src[lx.pos]) >= 0 {
			if c := lx.src[lx.pos]; c == '\n' || c == '\r' {
				lx.newline()
				continue
			}
			lx.pos++
		}
	default:
		lx.pos++
	}
}

// number steps over a numeral: digits, letters and points, and a sign after an exponent.
func (lx *lexer) number() {
	exponent := "eE"
	if rest := lx.src[lx.pos:]; strings.HasPrefix(rest, "0x") || strings.HasPrefix(rest, "0X") {
		exponent = "pP"
	}
	for lx.pos < len(lx.src) {
		c := lx.src[lx.pos]
		switch {
		case (c == '+' || c == '-') && strings.IndexByte(exponent, lx.src[lx.pos-1]) >= 0:
		case c == '.' || nameByte(c, false):
		default:
			return
		}
		lx.pos++
	}
}

func digit(c byte) bool { return '0' <= c && c <= '9' }

func nameByte(c byte, first bool) bool {
	return c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || !first && digit(c)
}
