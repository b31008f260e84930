package top

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// scaled is v with three digits and the prefix of a power of 1,000.
func scaled(v float64) string {
	prefixes := []string{"", "k", "M", "G", "T", "P"}
	i := 0
	for v >= 999.5 && i < len(prefixes)-1 {
		v /= 1000
		i++
	}
	digits := 2
	switch {
	case i == 0 || v >= 99.95:
		digits = 0
	case v >= 9.995:
		digits = 1
	}
	return strconv.FormatFloat(v, 'f', digits, 64) + prefixes[i]
}

// rate is a rate of v bytes a second in bits or bytes.
func rate(v float64, bits bool) string {
	if bits {
		return scaled(v*8) + "b/s"
	}
	return scaled(v) + "B/s"
}

// cell is a rate where room is short: without "/s".
func cell(v float64, bits bool) string { return strings.TrimSuffix(rate(v, bits), "/s") }

func size(v uint64) string { return scaled(float64(v)) + "B" }

// clean is s without what could move the cursor or colour the screen: texts come from the wire.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
}

// fit is s in exactly width columns; what is too long ends in an ellipsis. right aligns to the right.
func fit(s string, width int, right bool) string {
	n := utf8.RuneCountInString(s)
	switch {
	case width <= 0:
		return ""
	case n > width && width == 1:
		return "…"
	case n > width:
		return string([]rune(s)[:width-1]) + "…"
	case right:
		return strings.Repeat(" ", width-n) + s
	}
	return s + strings.Repeat(" ", width-n)
}
