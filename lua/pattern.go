package lua

import (
	"errors"
	"fmt"
	"strings"

	glua "github.com/yuin/gopher-lua"
)

// Bounds of one call of find, match, gmatch's iterator or gsub.
const (
	maxCaptures     = 32
	maxPatternDepth = 200        // nested attempts, as in C Lua
	maxPatternSteps = 20_000_000 // bytes compared: about 0.2 s; the same for every machine
	patternPoll     = 1 << 14    // steps between looks at the deadline
)

// Lengths of captures that have none yet.
const (
	captureOpen     = -1
	capturePosition = -2
)

// A matcher runs a Lua pattern (Lua 5.4 manual, section 6.4.1) over a string by backtracking. It
// leaves by panic(patternError) for a malformed pattern and when a bound is reached.
type matcher struct {
	src, pat string
	steps    int
	depth    int
	stopped  func() error // the run's deadline; nil for none

	level    int
	captures [maxCaptures]struct{ start, length int }
}

type patternError struct{ error }

func (m *matcher) fail(format string, args ...any) {
	panic(patternError{fmt.Errorf(format, args...)})
}

var errTooComplex = errors.New("pattern too complex")

func (m *matcher) step(n int) {
	before := m.steps
	m.steps += n
	if m.steps > maxPatternSteps {
		panic(patternError{fmt.Errorf("%w: more than %d steps", errTooComplex, maxPatternSteps)})
	}
	if before/patternPoll != m.steps/patternPoll && m.stopped != nil {
		if err := m.stopped(); err != nil {
			panic(patternError{err})
		}
	}
}

// attempt matches the pattern from offset p against the source from s and gives the end, or -1.
func (m *matcher) attempt(s, p int) int {
	m.level, m.depth = 0, 0
	return m.match(s, p)
}

func (m *matcher) match(s, p int) int {
	if m.depth++; m.depth > maxPatternDepth {
		panic(patternError{errTooComplex})
	}
	defer func() { m.depth-- }()
	for p < len(m.pat) {
		m.step(1)
		switch m.pat[p] {
		case '(':
			if p+1 < len(m.pat) && m.pat[p+1] == ')' {
				return m.startCapture(s, p+2, capturePosition)
			}
			return m.startCapture(s, p+1, captureOpen)
		case ')':
			return m.endCapture(s, p+1)
		case '$':
			if p+1 == len(m.pat) {
				if s == len(m.src) {
					return s
				}
				return -1
			}
		case '%':
			if p+1 < len(m.pat) {
				switch c := m.pat[p+1]; {
				case c == 'b':
					if s = m.matchBalance(s, p+2); s < 0 {
						return -1
					}
					p += 4
					continue
				case c == 'f':
					p += 2
					if p >= len(m.pat) || m.pat[p] != '[' {
						m.fail("missing '[' after '%%f' in pattern")
					}
					end := m.classEnd(p)
					var before, here byte
					if s > 0 {
						before = m.src[s-1]
					}
					if s < len(m.src) {
						here = m.src[s]
					}
					if m.matchSet(before, p, end-1) || !m.matchSet(here, p, end-1) {
						return -1
					}
					p = end
					continue
				case isDigit(c):
					if s = m.matchCapture(s, c); s < 0 {
						return -1
					}
					p += 2
					continue
				}
			}
		}
		end := m.classEnd(p)
		var suffix byte
		if end < len(m.pat) {
			suffix = m.pat[end]
		}
		switch suffix {
		case '?':
			if m.matchSingle(s, p, end) {
				if r := m.match(s+1, end+1); r >= 0 {
					return r
				}
			}
			p = end + 1
		case '*':
			return m.maxExpand(s, p, end)
		case '+':
			if !m.matchSingle(s, p, end) {
				return -1
			}
			return m.maxExpand(s+1, p, end)
		case '-':
			return m.minExpand(s, p, end)
		default:
			if !m.matchSingle(s, p, end) {
				return -1
			}
			s++
			p = end
		}
	}
	return s
}

// classEnd is the offset after the single character class at p.
func (m *matcher) classEnd(p int) int {
	c := m.pat[p]
	p++
	switch c {
	case '%':
		if p >= len(m.pat) {
			m.fail("malformed pattern (ends with '%%')")
		}
		return p + 1
	case '[':
		if p < len(m.pat) && m.pat[p] == '^' {
			p++
		}
		for first := true; ; first = false {
			if p >= len(m.pat) {
				m.fail("malformed pattern (missing ']')")
			}
			c := m.pat[p]
			p++
			if c == ']' && !first {
				return p
			}
			if c == '%' {
				if p >= len(m.pat) {
					m.fail("malformed pattern (missing ']')")
				}
				p++
			}
		}
	}
	return p
}

// matchSingle reports whether the byte at s is in the class pat[p:end].
func (m *matcher) matchSingle(s, p, end int) bool {
	if s >= len(m.src) {
		return false
	}
	c := m.src[s]
	switch m.pat[p] {
	case '.':
		return true
	case '%':
		return matchClass(c, m.pat[p+1])
	case '[':
		return m.matchSet(c, p, end-1)
	}
	return m.pat[p] == c
}

// matchSet reports whether c is in the set that opens at p and whose ']' is at end.
func (m *matcher) matchSet(c byte, p, end int) bool {
	m.step((end - p) / 8)
	in := true
	p++
	if m.pat[p] == '^' {
		in = false
		p++
	}
	for ; p < end; p++ {
		switch {
		case m.pat[p] == '%':
			p++
			if matchClass(c, m.pat[p]) {
				return in
			}
		case p+2 < end && m.pat[p+1] == '-':
			if m.pat[p] <= c && c <= m.pat[p+2] {
				return in
			}
			p += 2
		case m.pat[p] == c:
			return in
		}
	}
	return !in
}

// matchClass is the test of %class; an upper case letter negates it. Only ASCII has classes.
func matchClass(c, class byte) bool {
	var in bool
	lower := class | 0x20
	switch lower {
	case 'a':
		in = isLetter(c)
	case 'c':
		in = c < ' ' || c == 0x7f
	case 'd':
		in = isDigit(c)
	case 'g':
		in = c > ' ' && c < 0x7f
	case 'l':
		in = 'a' <= c && c <= 'z'
	case 'p':
		in = c > ' ' && c < 0x7f && !isLetter(c) && !isDigit(c)
	case 's':
		in = c == ' ' || c >= '\t' && c <= '\r'
	case 'u':
		in = 'A' <= c && c <= 'Z'
	case 'w':
		in = isLetter(c) || isDigit(c)
	case 'x':
		in = isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'f'
	default:
		return class == c
	}
	if !isLetter(class) {
		return class == c
	}
	return in == (class == lower)
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// maxExpand matches the class as often as it can, then less.
func (m *matcher) maxExpand(s, p, end int) int {
	n := 0
	for m.matchSingle(s+n, p, end) {
		n++
		m.step(1)
	}
	if end+1 == len(m.pat) {
		return s + n
	}
	for ; n >= 0; n-- {
		if r := m.match(s+n, end+1); r >= 0 {
			return r
		}
	}
	return -1
}

// minExpand matches the class as rarely as it can, then more.
func (m *matcher) minExpand(s, p, end int) int {
	for {
		if r := m.match(s, end+1); r >= 0 {
			return r
		}
		if !m.matchSingle(s, p, end) {
			return -1
		}
		s++
	}
}

func (m *matcher) startCapture(s, p, length int) int {
	if m.level >= maxCaptures {
		m.fail("too many captures")
	}
	m.captures[m.level].start, m.captures[m.level].length = s, length
	m.level++
	r := m.match(s, p)
	if r < 0 {
		m.level--
	}
	return r
}

func (m *matcher) endCapture(s, p int) int {
	for i := m.level - 1; i >= 0; i-- {
		if m.captures[i].length == captureOpen {
			m.captures[i].length = s - m.captures[i].start
			r := m.match(s, p)
			if r < 0 {
				m.captures[i].length = captureOpen
			}
			return r
		}
	}
	m.fail("invalid pattern capture")
	return -1
}

// matchBalance is %bxy with x and y at p.
func (m *matcher) matchBalance(s, p int) int {
	if p+1 >= len(m.pat) {
		m.fail("malformed pattern (missing arguments to '%%b')")
	}
	if s >= len(m.src) || m.src[s] != m.pat[p] {
		return -1
	}
	open, closing, depth := m.pat[p], m.pat[p+1], 1
	for i := s + 1; i < len(m.src); i++ {
		m.step(1)
		switch m.src[i] {
		case closing:
			if depth--; depth == 0 {
				return i + 1
			}
		case open:
			depth++
		}
	}
	return -1
}

// matchCapture is %1 to %9.
func (m *matcher) matchCapture(s int, digit byte) int {
	i := int(digit) - '1'
	if i < 0 || i >= m.level || m.captures[i].length == captureOpen {
		m.fail("invalid capture index %%%d in pattern", i+1)
	}
	text := m.src[m.captures[i].start:]
	if m.captures[i].length >= 0 {
		text = text[:m.captures[i].length]
	} else {
		text = ""
	}
	m.step(len(text))
	if strings.HasPrefix(m.src[s:], text) {
		return s + len(text)
	}
	return -1
}

// capture is the value of capture i, or the whole match s to e when the pattern has none.
func (m *matcher) capture(i, s, e int) glua.LValue {
	if i >= m.level {
		if i != 0 {
			m.fail("invalid capture index %%%d", i+1)
		}
		return glua.LString(m.src[s:e])
	}
	c := m.captures[i]
	switch c.length {
	case capturePosition:
		return glua.LNumber(c.start + 1)
	case captureOpen:
		m.fail("unfinished capture")
	}
	return glua.LString(m.src[c.start : c.start+c.length])
}

// pushCaptures pushes all captures, or the whole match, and gives their number.
func (m *matcher) pushCaptures(l *glua.LState, s, e int) int {
	n := max(m.level, 1)
	for i := range n {
		l.Push(m.capture(i, s, e))
	}
	return n
}

// find looks for the pattern from offset init on. It gives the match's bounds, or -1.
func (m *matcher) find(init int) (start, end int) {
	p := 0
	anchor := strings.HasPrefix(m.pat, "^")
	if anchor {
		p = 1
	}
	for s := init; ; s++ {
		m.step(1)
		if e := m.attempt(s, p); e >= 0 {
			return s, e
		}
		if anchor || s >= len(m.src) {
			return -1, -1
		}
	}
}
