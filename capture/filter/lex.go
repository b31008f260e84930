package filter

import (
	"fmt"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
)

type tokenKind uint8

const (
	tokEnd     tokenKind = iota
	tokOp                // text is the operator: ( ) ! and or = != < <= > >= << >> + - * / % & | ^ [ ] :
	tokNumber            // num
	tokQuad              // text is a dotted number of two to four parts
	tokIP6               // ip
	tokMAC               // mac
	tokStation           // text is the hexadecimal ARCNET address after $
	tokName              // text, the backslash of an escaped one gone
	tokKeyword           // text is the keyword's first spelling
)

// A token is a word of an expression.
type token struct {
	kind tokenKind
	pos  int // byte offset
	text string
	num  uint32
	ip   netip.Addr
	mac  [6]byte
}

// maxLength bounds an expression, in bytes. 10,000 hosts fit, whose program would not.
const maxLength = 1 << 18

// The words that begin with a letter or digit; of those that match, the longest wins, and of equally
// long ones the first.
var (
	macPattern = regexp.MustCompile(`^(?:[0-9A-Fa-f]{1,2}(?::[0-9A-Fa-f]{1,2}){5}|[0-9A-Fa-f]{1,2}(?:-[0-9A-Fa-f]{1,2}){5}|` +
		`[0-9A-Fa-f]{1,2}(?:\.[0-9A-Fa-f]{1,2}){5}|[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}|[0-9A-Fa-f]{12})`)
	quadPattern   = regexp.MustCompile(`^(?:[0-9]+|0[xX][0-9A-Fa-f]+)(?:\.(?:[0-9]+|0[xX][0-9A-Fa-f]+)){1,3}`)
	numberPattern = regexp.MustCompile(`^(?:0[xX][0-9A-Fa-f]+|[0-9]+)`)
	namePattern   = regexp.MustCompile(`^[A-Za-z0-9](?:[-_.A-Za-z0-9]*[.A-Za-z0-9])?`)
	ip6Pattern    = regexp.MustCompile(`^[0-9A-Fa-f:]*:[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*`)
)

// lex cuts an expression into tokens; the last is tokEnd.
func lex(expr string) ([]token, error) {
	if len(expr) > maxLength {
		return nil, &Error{Expr: expr[:excerptWidth], Column: 1, Msg: fmt.Sprintf("the expression is longer than %d bytes", maxLength)}
	}
	l := lexer{expr: expr}
	for {
		t, err := l.next()
		if err != nil {
			return nil, err
		}
		l.tokens = append(l.tokens, t)
		if t.kind == tokEnd {
			return l.tokens, nil
		}
	}
}

type lexer struct {
	expr   string
	at     int
	tokens []token
}

func (l *lexer) fail(pos int, format string, args ...any) error {
	return &Error{Expr: l.expr, Column: pos + 1, Msg: fmt.Sprintf(format, args...)}
}

// operators are the spellings of each, longer ones before those that they begin with.
var operators = []struct{ text, op string }{
	{"&&", "and"}, {"||", "or"}, {"!=", "!="}, {">=", ">="}, {"<=", "<="}, {"==", "="}, {"<<", "<<"}, {">>", ">>"},
	{"!", "!"}, {"=", "="}, {"<", "<"}, {">", ">"}, {"+", "+"}, {"-", "-"}, {"*", "*"}, {"/", "/"}, {"%", "%"},
	{"&", "&"}, {"|", "|"}, {"^", "^"}, {"(", "("}, {")", ")"}, {"[", "["}, {"]", "]"}, {":", ":"},
}

func (l *lexer) next() (token, error) {
	for l.at < len(l.expr) && strings.IndexByte(" \t\r\n", l.expr[l.at]) >= 0 {
		l.at++
	}
	rest := l.expr[l.at:]
	t := token{pos: l.at}
	if rest == "" {
		return t, nil
	}
	c := rest[0]
	switch {
	case alphanumeric(c), strings.HasPrefix(rest, "::"):
		return l.word(rest)
	case c == '\\':
		n := strings.IndexAny(rest[1:], " !()\n\t")
		if n < 0 {
			n = len(rest) - 1
		}
		if n == 0 {
			return t, l.fail(l.at, "a name must follow the backslash")
		}
		t.kind, t.text = tokName, rest[1:1+n]
		l.at += 1 + n
		return t, nil
	case c == '$':
		n := 1
		for n < len(rest) && n < 3 && strings.IndexByte("0123456789abcdefABCDEF", rest[n]) >= 0 {
			n++
		}
		if n == 1 {
			return t, l.fail(l.at, "a hexadecimal ARCNET address must follow the $")
		}
		t.kind, t.text = tokStation, rest[1:n]
		l.at += n
		return t, nil
	}
	for _, o := range operators {
		if strings.HasPrefix(rest, o.text) {
			t.kind, t.text = tokOp, o.op
			l.at += len(o.text)
			return t, nil
		}
	}
	r := []rune(rest[:min(len(rest), 4)])
	return t, l.fail(l.at, "unexpected character %q", r[0])
}

func alphanumeric(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// word reads an address, number, keyword or name.
func (l *lexer) word(rest string) (token, error) {
	t := token{pos: l.at}
	mac, quad := macPattern.FindString(rest), quadPattern.FindString(rest)
	number, name := numberPattern.FindString(rest), namePattern.FindString(rest)
	ip6 := ip6Prefix(rest)
	longest := max(len(mac), len(quad), len(number), len(name), len(ip6))
	l.at += longest
	t.text = rest[:longest]
	switch longest {
	case 0:
		return t, l.fail(t.pos, "not an IPv6 address")
	case len(mac):
		t.kind = tokMAC
		t.mac = parseMAC(mac)
	case len(number):
		n, err := strconv.ParseUint(number, 0, 32)
		if err != nil {
			return t, l.fail(t.pos, "%s is not a number of 32 bits (a leading 0 means octal, 0x hexadecimal)", number)
		}
		t.kind, t.num = tokNumber, uint32(n)
	case len(ip6):
		t.kind = tokIP6
		t.ip = netip.MustParseAddr(ip6) // ip6Prefix parsed it
	case len(quad):
		t.kind = tokQuad
	default:
		switch word := keyword(name); {
		case word == "and", word == "or":
			t.kind, t.text = tokOp, word
		case word == "not":
			t.kind, t.text = tokOp, "!"
		case word != "":
			t.kind, t.text = tokKeyword, word
		default:
			if n, ok := constants[name]; ok {
				t.kind, t.num = tokNumber, n
			} else {
				t.kind = tokName
			}
		}
	}
	return t, nil
}

// ip6Prefix is the longest IPv6 address that s begins with.
func ip6Prefix(s string) string {
	m := ip6Pattern.FindString(s[:min(len(s), 64)])
	for m != "" {
		if a, err := netip.ParseAddr(m); err == nil && a.Is6() {
			return m
		}
		m = m[:len(m)-1]
	}
	return ""
}

// parseMAC reads what macPattern matched.
func parseMAC(s string) [6]byte {
	var mac [6]byte
	sep := strings.IndexAny(s, ":-.")
	if sep < 0 || sep == 4 {
		s = strings.ReplaceAll(s, ".", "")
		for i := range mac {
			n, _ := strconv.ParseUint(s[2*i:2*i+2], 16, 8)
			mac[i] = byte(n)
		}
		return mac
	}
	for i, part := range strings.Split(s, s[sep:sep+1]) {
		n, _ := strconv.ParseUint(part, 16, 8)
		mac[i] = byte(n)
	}
	return mac
}
