package lua

import (
	glua "github.com/yuin/gopher-lua"
)

// utf8Lib is Lua 5.4's utf8 library, which also knows code points up to 2^31.
func utf8Lib() map[string]glua.LGFunction {
	return map[string]glua.LGFunction{
		"char": utf8Char, "codepoint": utf8Codepoint, "codes": utf8Codes, "len": utf8Len, "offset": utf8Offset,
	}
}

// encodeUTF8 is the UTF-8 form of n < 2^31, six bytes at most (RFC 2279).
func encodeUTF8(n uint32) string {
	if n < 0x80 {
		return string([]byte{byte(n)})
	}
	var b [6]byte
	i := len(b)
	limit := uint32(0x3f) // what fits in the first byte
	for n > limit {
		i--
		b[i] = byte(0x80 | n&0x3f)
		n >>= 6
		limit >>= 1
	}
	i--
	b[i] = byte(^limit<<1 | n)
	return string(b[i:])
}

// decodeUTF8 reads the code point at the start of s; size 0 for an invalid sequence. strict refuses
// surrogates and values above 10FFFF.
func decodeUTF8(s string, strict bool) (n uint32, size int) {
	if s == "" {
		return 0, 0
	}
	c := s[0]
	if c < 0x80 {
		return uint32(c), 1
	}
	limits := [...]uint32{0, 0x80, 0x800, 0x10000, 0x200000, 0x4000000}
	for lead := c; lead&0x40 != 0; lead <<= 1 {
		size++
		if size >= len(s) || size > 5 || s[size]&0xc0 != 0x80 {
			return 0, 0
		}
		n = n<<6 | uint32(s[size]&0x3f)
	}
	if size == 0 || size > 5 {
		return 0, 0
	}
	n |= uint32(c&(0x3f>>size)) << (6 * size)
	if n < limits[size] || strict && (n > 0x10ffff || n >= 0xd800 && n <= 0xdfff) {
		return 0, 0
	}
	return n, size + 1
}

func isContinuation(s string, i int) bool { return i < len(s) && s[i]&0xc0 == 0x80 }

func utf8Char(l *glua.LState) int {
	var b []byte
	for i := 1; i <= l.GetTop(); i++ {
		n := argInt(l, i)
		if n < 0 || n > 0x7fffffff {
			l.ArgError(i, "value out of range")
		}
		b = append(b, encodeUTF8(uint32(n))...)
	}
	l.Push(glua.LString(b))
	return 1
}

func utf8Codepoint(l *glua.LState) int {
	s := argString(l, 1)
	from := optInt(l, 2, 1)
	start, end := startIndex(from, len(s)), endIndex(optInt(l, 3, from), len(s))
	strict := !glua.LVAsBool(l.Get(4))
	count := 0
	for start < end {
		n, size := decodeUTF8(s[start:], strict)
		if size == 0 {
			l.RaiseError("invalid UTF-8 code")
		}
		if count++; count > maxResults {
			l.RaiseError("string slice too long")
		}
		l.Push(glua.LNumber(n))
		start += size
	}
	return count
}

func utf8Codes(l *glua.LState) int {
	argString(l, 1)
	strict := !glua.LVAsBool(l.Get(2))
	l.Push(l.NewFunction(func(l *glua.LState) int {
		s, i := argString(l, 1), int(max(argInt(l, 2), 0))
		for isContinuation(s, i) { // step over the rest of the character at i
			i++
		}
		if i >= len(s) {
			return 0
		}
		n, size := decodeUTF8(s[i:], strict)
		if size == 0 || isContinuation(s, i+size) {
			l.RaiseError("invalid UTF-8 code")
		}
		l.Push(glua.LNumber(i + 1))
		l.Push(glua.LNumber(n))
		return 2
	}))
	l.Push(l.Get(1))
	l.Push(glua.LNumber(0))
	return 3
}

func utf8Len(l *glua.LState) int {
	s := argString(l, 1)
	start, end := startIndex(optInt(l, 2, 1), len(s)), endIndex(optInt(l, 3, -1), len(s))
	strict := !glua.LVAsBool(l.Get(4))
	count := 0
	for start < end {
		_, size := decodeUTF8(s[start:], strict)
		if size == 0 {
			l.Push(glua.LNil)
			l.Push(glua.LNumber(start + 1))
			return 2
		}
		start += size
		count++
	}
	l.Push(glua.LNumber(count))
	return 1
}

func utf8Offset(l *glua.LState) int {
	s, n := argString(l, 1), argInt(l, 2)
	fallback := int64(1)
	if n <= 0 {
		fallback = int64(len(s)) + 1
	}
	from := optInt(l, 3, fallback)
	if from < 0 {
		from += int64(len(s)) + 1
	}
	if from < 1 || from > int64(len(s))+1 {
		l.ArgError(3, "position out of bounds")
	}
	i := int(from - 1)
	if n == 0 {
		for i > 0 && isContinuation(s, i) {
			i--
		}
		l.Push(glua.LNumber(i + 1))
		return 1
	}
	if isContinuation(s, i) {
		l.RaiseError("initial position is a continuation byte")
	}
	for ; n < 0 && i > 0; n++ {
		i--
		for i > 0 && isContinuation(s, i) {
			i--
		}
	}
	for n--; n > 0 && i < len(s); n-- {
		i++
		for isContinuation(s, i) {
			i++
		}
	}
	if n == 0 || n == -1 { // -1: a negative count that was used up
		l.Push(glua.LNumber(i + 1))
	} else {
		l.Push(glua.LNil)
	}
	return 1
}
