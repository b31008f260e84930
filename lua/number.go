package lua

import (
	"math"
	"strconv"
	"strings"

	glua "github.com/yuin/gopher-lua"
)

// formatNumber is n as Lua's tostring gives it: integral values up to 2^63 in full, as Lua 5.4 prints
// its integers, and others with 14 digits.
func formatNumber(n float64) string {
	switch {
	case n == math.Trunc(n) && math.Abs(n) < 1<<63:
		return strconv.FormatInt(int64(n), 10)
	case math.IsNaN(n):
		return "nan"
	case math.IsInf(n, 1):
		return "inf"
	case math.IsInf(n, -1):
		return "-inf"
	}
	return strconv.FormatFloat(n, 'g', 14, 64)
}

// parseNumber reads a Lua numeral with optional sign and surrounding space: decimal or hexadecimal,
// with fraction and exponent. Hexadecimal integers wrap around modulo 2^64 as in Lua 5.4.
func parseNumber(s string) (float64, bool) {
	s = strings.Trim(s, " \t\n\v\f\r")
	text, negative := s, false
	if text != "" && (text[0] == '-' || text[0] == '+') {
		negative = text[0] == '-'
		text = text[1:]
	}
	if text == "" || strings.IndexFunc(text, func(r rune) bool {
		return !(r >= '0' && r <= '9' || r >= 'a' && r <= 'f' || r >= 'A' && r <= 'F' ||
			r == '.' || r == 'x' || r == 'X' || r == 'p' || r == 'P' || r == '+' || r == '-')
	}) >= 0 { // no underscores, inf or nan
		return 0, false
	}
	var n float64
	if len(text) > 1 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X') {
		var ok bool
		if n, ok = parseHex(text[2:]); !ok {
			return 0, false
		}
	} else {
		var err error
		if n, err = strconv.ParseFloat(text, 64); err != nil && !math.IsInf(n, 0) {
			return 0, false
		}
	}
	if negative {
		n = -n
	}
	return n, true
}

func parseHex(text string) (float64, bool) {
	if strings.ContainsAny(text, ".pP") {
		if !strings.ContainsAny(text, "pP") {
			text += "p0"
		}
		n, err := strconv.ParseFloat("0x"+text, 64)
		return n, err == nil || math.IsInf(n, 0)
	}
	var u uint64
	for i := range len(text) {
		d := strings.IndexByte("0123456789abcdef", text[i]|0x20)
		if d < 0 {
			return 0, false
		}
		u = u<<4 | uint64(d)
	}
	if u < 1<<63 {
		return float64(u), text != ""
	}
	return float64(int64(u)), true
}

// toNumber reads a number, a string that holds one, or a traffic table (its byte total).
func toNumber(v glua.LValue) (float64, bool) {
	switch v := v.(type) {
	case glua.LNumber:
		return float64(v), true
	case glua.LString:
		return parseNumber(string(v))
	case *glua.LTable:
		if t := trafficOf(v); t != nil {
			return float64(t.total.Bytes), true
		}
	}
	return 0, false
}

// toInteger is toNumber for values with an integer representation.
func toInteger(v glua.LValue) (int64, bool) {
	n, ok := toNumber(v)
	if !ok || n != math.Trunc(n) || n < -(1<<63) || n >= 1<<64 {
		return 0, false
	}
	if n >= 1<<63 { // an unsigned 64-bit value
		return int64(uint64(n)), true
	}
	return int64(n), true
}

// The arg functions read argument i of a library function and raise Lua's usual error when it is
// missing or of another type.

func argNumber(l *glua.LState, i int) float64 {
	n, ok := toNumber(l.Get(i))
	if !ok {
		l.TypeError(i, glua.LTNumber)
	}
	return n
}

func argInt(l *glua.LState, i int) int64 {
	n := argNumber(l, i)
	if n != math.Trunc(n) || math.Abs(n) >= 1<<63 {
		l.ArgError(i, "number has no integer representation")
	}
	return int64(n)
}

func optInt(l *glua.LState, i int, fallback int64) int64 {
	if l.Get(i) == glua.LNil {
		return fallback
	}
	return argInt(l, i)
}

func argString(l *glua.LState, i int) string {
	switch v := l.Get(i).(type) {
	case glua.LString:
		return string(v)
	case glua.LNumber:
		return formatNumber(float64(v))
	}
	l.TypeError(i, glua.LTString)
	return ""
}

func optString(l *glua.LState, i int, fallback string) string {
	if l.Get(i) == glua.LNil {
		return fallback
	}
	return argString(l, i)
}

func argTable(l *glua.LState, i int) *glua.LTable {
	t, ok := l.Get(i).(*glua.LTable)
	if !ok {
		l.TypeError(i, glua.LTTable)
	}
	return t
}

// MaxString is the most bytes of a string that a script can make.
const MaxString = 16 << 20

func checkStringSize(l *glua.LState, n int) {
	if n > MaxString {
		l.RaiseError("string of %d bytes: the limit is %d", n, MaxString)
	}
}
