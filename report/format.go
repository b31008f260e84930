package report

import (
	"fmt"
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Bytes is n with an SI unit (1 kB = 1,000 B) in three figures: "999 B", "1.20 kB", "12.0 MB".
func Bytes(n uint64) string { return siBytes(n) }

func siBytes(n uint64) string {
	if n < 1000 {
		return strconv.FormatUint(n, 10) + " B"
	}
	return si(float64(n), "B")
}

// si is v, not negative, with an SI prefix before unit, in three figures.
func si(v float64, unit string) string {
	prefixes := [...]string{"", "k", "M", "G", "T", "P", "E"}
	i := 0
	// 999.5 would be printed as 1000.
	for v >= 999.5 && i < len(prefixes)-1 {
		v /= 1000
		i++
	}
	digits := 0
	switch {
	case v == 0:
	case v < 9.995:
		digits = 2
	case v < 99.95:
		digits = 1
	}
	return fmt.Sprintf("%.*f %s%s", digits, v, prefixes[i], unit)
}

// grouped is n with a comma after each group of three figures.
func grouped(n uint64) string {
	s := strconv.FormatUint(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// plural is n things.
func plural(n uint64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return grouped(n) + " " + many
}

// duration is ns for a person: two units at most.
func duration(ns uint64) string {
	const second = 1_000_000_000
	s := ns / second
	if ns%second >= second/2 {
		s++
	}
	switch {
	case ns < 1000:
		return fmt.Sprintf("%d ns", ns)
	case ns < 999_500:
		return fmt.Sprintf("%.3g µs", float64(ns)/1e3)
	case ns < 999_500_000:
		return fmt.Sprintf("%.3g ms", float64(ns)/1e6)
	case ns < 59_950_000_000:
		return fmt.Sprintf("%.1f s", float64(ns)/1e9)
	case s < 3600:
		return fmt.Sprintf("%d min %d s", s/60, s%60)
	case s < 86400:
		return fmt.Sprintf("%d h %d min", s/3600, s%3600/60)
	default:
		return fmt.Sprintf("%s d %d h", grouped(s/86400), s%86400/3600)
	}
}

// percent is part of whole with one decimal; "<0.1%" when there is some and it would round to none.
func percent(part, whole uint64) string {
	if whole == 0 || part == 0 {
		return "0.0%"
	}
	p := 100 * float64(part) / float64(whole)
	if p < 0.05 {
		return "<0.1%"
	}
	return fmt.Sprintf("%.1f%%", p)
}

// shares gives each part's share of their sum in tenths of a percent, rounded so that the shares
// add up to 1000 (largest remainder); all 0 when the sum is.
func shares(parts []uint64) []int {
	out := make([]int, len(parts))
	var whole, carry uint64
	for _, p := range parts {
		var c uint64
		whole, c = bits.Add64(whole, p, 0)
		carry |= c
	}
	switch {
	case carry != 0: // over 2^64 in all: the low bits do not show
		small := make([]uint64, len(parts))
		for i, p := range parts {
			small[i] = p >> 16
		}
		return shares(small)
	case whole == 0:
		return out
	}
	left := 1000
	remainders := make([]uint64, len(parts))
	order := make([]int, len(parts))
	for i, p := range parts {
		hi, lo := bits.Mul64(p, 1000)
		q, rem := bits.Div64(hi, lo, whole) // hi < whole, since p <= whole and 1000 < 2^64
		out[i], remainders[i], order[i] = int(q), rem, i
		left -= int(q)
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case remainders[a] > remainders[b]:
			return -1
		case remainders[a] < remainders[b]:
			return 1
		}
		return 0
	})
	for _, i := range order[:left] {
		out[i]++
	}
	return out
}

// printable is s with everything that could steer a terminal written as an escape.
func printable(s string) string {
	clean := true
	for _, r := range s {
		if r == utf8.RuneError || !strconv.IsPrint(r) {
			clean = false
			break
		}
	}
	if clean {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		if strconv.IsPrint(r) && (r != utf8.RuneError || size > 1) {
			b.WriteString(s[:size])
		} else {
			q := strconv.QuoteToASCII(s[:size])
			b.WriteString(q[1 : len(q)-1])
		}
		s = s[size:]
	}
	return b.String()
}

// fit is s in at most width columns, the last an ellipsis when some was cut.
func fit(s string, width int) string {
	if utf8.RuneCountInString(s) <= width {
		return s
	}
	if width < 1 {
		return ""
	}
	runes := []rune(s)
	return string(runes[:width-1]) + "…"
}

// pad fills s with spaces to width, on the left when right-aligned.
func pad(s string, width int, right bool) string {
	n := width - utf8.RuneCountInString(s)
	if n <= 0 {
		return s
	}
	if right {
		return strings.Repeat(" ", n) + s
	}
	return s + strings.Repeat(" ", n)
}

// BitRate is a rate of bytes a second, not negative, as bits a second for a person.
func BitRate(bytes float64) string { return si(8*bytes, "bit/s") }

// Printable is s with everything that could steer a terminal written as an escape.
func Printable(s string) string { return printable(s) }
