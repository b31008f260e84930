package lua

import (
	"strings"

	glua "github.com/yuin/gopher-lua"
)

// stringLib is Lua 5.4's string library with bounded size and time, but for dump, pack and unpack.
func (v *VM) stringLib() map[string]glua.LGFunction {
	return map[string]glua.LGFunction{
		"byte": stringByte, "char": stringChar, "find": v.stringFind, "format": v.stringFormat,
		"gmatch": v.stringGmatch, "gsub": v.stringGsub, "len": stringLen, "lower": stringLower,
		"match": v.stringMatch, "rep": stringRep, "reverse": stringReverse, "sub": stringSub, "upper": stringUpper,
	}
}

// startIndex turns a Lua position (from 1, negative from the end) into an offset, at least 0.
func startIndex(i int64, length int) int {
	switch {
	case i > 0:
		return int(min(i-1, int64(length)+1))
	case i == 0 || i < -int64(length):
		return 0
	}
	return length + int(i)
}

// endIndex turns a Lua end position into an exclusive offset.
func endIndex(i int64, length int) int {
	switch {
	case i > int64(length):
		return length
	case i >= 0:
		return int(i)
	case i < -int64(length):
		return 0
	}
	return length + int(i) + 1
}

// maxResults bounds the values that one call returns.
const maxResults = 8000

func stringByte(l *glua.LState) int {
	s := argString(l, 1)
	from := optInt(l, 2, 1)
	start, end := startIndex(from, len(s)), endIndex(optInt(l, 3, from), len(s))
	if start >= end {
		return 0
	}
	if end-start > maxResults {
		l.RaiseError("string slice too long")
	}
	for _, c := range []byte(s[start:end]) {
		l.Push(glua.LNumber(c))
	}
	return end - start
}

func stringChar(l *glua.LState) int {
	b := make([]byte, l.GetTop())
	for i := range b {
		n := argInt(l, i+1)
		if n < 0 || n > 255 {
			l.ArgError(i+1, "value out of range")
		}
		b[i] = byte(n)
	}
	l.Push(glua.LString(b))
	return 1
}

func stringLen(l *glua.LState) int {
	l.Push(glua.LNumber(len(argString(l, 1))))
	return 1
}

// mapBytes changes each byte of argument 1: case is ASCII's, and other bytes stay as they are.
func mapBytes(l *glua.LState, fn func(byte) byte) int {
	b := []byte(argString(l, 1))
	for i, c := range b {
		b[i] = fn(c)
	}
	l.Push(glua.LString(b))
	return 1
}

func stringLower(l *glua.LState) int {
	return mapBytes(l, func(c byte) byte {
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		return c
	})
}

func stringUpper(l *glua.LState) int {
	return mapBytes(l, func(c byte) byte {
		if 'a' <= c && c <= 'z' {
			c &^= 0x20
		}
		return c
	})
}

func stringReverse(l *glua.LState) int {
	b := []byte(argString(l, 1))
	for i, j := 0, len(b)-1; i < j; i, j = i+1, j-1 {
		b[i], b[j] = b[j], b[i]
	}
	l.Push(glua.LString(b))
	return 1
}

func stringRep(l *glua.LState) int {
	s, n, sep := argString(l, 1), argInt(l, 2), optString(l, 3, "")
	unit := len(s) + len(sep)
	if n <= 0 || unit == 0 {
		l.Push(glua.LString(""))
		return 1
	}
	if n > MaxString || n*int64(unit)-int64(len(sep)) > MaxString {
		l.RaiseError("resulting string too large: the limit is %d bytes", MaxString)
	}
	if sep == "" {
		l.Push(glua.LString(strings.Repeat(s, int(n))))
		return 1
	}
	l.Push(glua.LString(strings.Repeat(s+sep, int(n-1)) + s))
	return 1
}

func stringSub(l *glua.LState) int {
	s := argString(l, 1)
	start, end := startIndex(argInt(l, 2), len(s)), endIndex(optInt(l, 3, -1), len(s))
	if start >= end {
		l.Push(glua.LString(""))
	} else {
		l.Push(glua.LString(s[start:end]))
	}
	return 1
}

// matching runs fn with a matcher whose errors become Lua errors.
func (v *VM) matching(l *glua.LState, src, pat string, fn func(m *matcher) int) int {
	m := &matcher{src: src, pat: pat, stopped: v.stopped}
	var failed error
	n := func() (n int) {
		defer func() {
			switch r := recover().(type) {
			case nil:
			case patternError:
				failed = r.error
			default:
				panic(r)
			}
		}()
		return fn(m)
	}()
	if failed != nil {
		l.RaiseError("%s", failed.Error())
	}
	return n
}

func (v *VM) stringFind(l *glua.LState) int { return v.findOrMatch(l, true) }

func (v *VM) stringMatch(l *glua.LState) int { return v.findOrMatch(l, false) }

func (v *VM) findOrMatch(l *glua.LState, find bool) int {
	s, pat := argString(l, 1), argString(l, 2)
	init := startIndex(optInt(l, 3, 1), len(s))
	if init > len(s) {
		l.Push(glua.LNil)
		return 1
	}
	if find && (glua.LVAsBool(l.Get(4)) || !strings.ContainsAny(pat, "^$*+?.([%-")) {
		i := strings.Index(s[init:], pat)
		if i < 0 {
			l.Push(glua.LNil)
			return 1
		}
		l.Push(glua.LNumber(init + i + 1))
		l.Push(glua.LNumber(init + i + len(pat)))
		return 2
	}
	return v.matching(l, s, pat, func(m *matcher) int {
		start, end := m.find(init)
		switch {
		case start < 0:
			l.Push(glua.LNil)
			return 1
		case find:
			l.Push(glua.LNumber(start + 1))
			l.Push(glua.LNumber(end))
			if m.level == 0 {
				return 2
			}
			return 2 + m.pushCaptures(l, start, end)
		}
		return m.pushCaptures(l, start, end)
	})
}

// stringGmatch returns one closure that holds the whole state, so that it can be stored.
func (v *VM) stringGmatch(l *glua.LState) int {
	s, pat := argString(l, 1), argString(l, 2)
	pos := startIndex(optInt(l, 3, 1), len(s))
	lastEnd := -1
	l.Push(l.NewFunction(func(l *glua.LState) int {
		return v.matching(l, s, pat, func(m *matcher) int {
			for ; pos <= len(s); pos++ {
				m.step(1)
				if e := m.attempt(pos, 0); e >= 0 && e != lastEnd {
					start := pos
					pos, lastEnd = e, e
					return m.pushCaptures(l, start, e)
				}
			}
			l.Push(glua.LNil)
			return 1
		})
	}))
	return 1
}

func (v *VM) stringGsub(l *glua.LState) int {
	s, pat := argString(l, 1), argString(l, 2)
	repl := l.Get(3)
	switch repl.Type() {
	case glua.LTString, glua.LTNumber, glua.LTTable, glua.LTFunction:
	default:
		l.ArgError(3, "string/function/table expected, got "+repl.Type().String())
	}
	limit := optInt(l, 4, int64(len(s))+1)
	anchor := strings.HasPrefix(pat, "^")
	p := 0
	if anchor {
		p = 1
	}
	return v.matching(l, s, pat, func(m *matcher) int {
		var out []byte
		count, pos, lastEnd := int64(0), 0, -1
		for count < limit {
			m.step(1)
			e := m.attempt(pos, p)
			switch {
			case e >= 0 && e != lastEnd:
				count++
				out = v.appendReplacement(l, m, out, repl, pos, e)
				pos, lastEnd = e, e
			case pos < len(s):
				out = append(out, s[pos])
				pos++
			default:
				pos++
			}
			checkStringSize(l, len(out))
			if pos > len(s) || anchor {
				break
			}
		}
		if pos < len(s) {
			out = append(out, s[pos:]...)
		}
		l.Push(glua.LString(out))
		l.Push(glua.LNumber(count))
		return 2
	})
}

// appendReplacement appends what replaces the match s to e.
func (v *VM) appendReplacement(l *glua.LState, m *matcher, out []byte, repl glua.LValue, s, e int) []byte {
	var value glua.LValue
	switch r := repl.(type) {
	case *glua.LTable:
		value = l.GetTable(r, m.capture(0, s, e))
	case *glua.LFunction:
		// The callback may run other patterns, but on matchers of its own.
		l.Push(r)
		n := m.pushCaptures(l, s, e)
		l.Call(n, 1)
		value = l.Get(-1)
		l.Pop(1)
	default:
		text, _ := concatText(repl)
		return appendTemplate(m, out, text, s, e)
	}
	if glua.LVIsFalse(value) {
		return append(out, m.src[s:e]...)
	}
	text, ok := concatText(value)
	if !ok {
		l.RaiseError("invalid replacement value (a %s)", value.Type())
	}
	return append(out, text...)
}

// appendTemplate expands %0 to %9 and %% of a replacement string.
func appendTemplate(m *matcher, out []byte, text string, s, e int) []byte {
	for i := 0; i < len(text); i++ {
		if text[i] != '%' {
			out = append(out, text[i])
			continue
		}
		i++
		switch {
		case i < len(text) && text[i] == '%':
			out = append(out, '%')
		case i < len(text) && text[i] == '0':
			out = append(out, m.src[s:e]...)
		case i < len(text) && isDigit(text[i]):
			value, _ := concatText(m.capture(int(text[i]-'1'), s, e))
			out = append(out, value...)
		default:
			m.fail("invalid use of '%%' in replacement string")
		}
	}
	return out
}
