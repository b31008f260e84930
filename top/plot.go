package top

import (
	"math"
	"strings"
)

// Flip turns what Plot or PlotASCII drew upside down: it then hangs from a line above.
func Flip(rows []string) []string {
	out := make([]string, len(rows))
	for i, row := range rows {
		out[len(rows)-1-i] = strings.Map(flipRune, row)
	}
	return out
}

// flipRune mirrors the dots of a braille cell, and the fillings of PlotASCII.
func flipRune(r rune) rune {
	switch {
	case r == '.':
		return '\''
	case r < 0x2800 || r > 0x28ff:
		return r
	}
	dots := r - 0x2800
	flipped := rune(0)
	for _, pair := range [][2]rune{{0x01, 0x40}, {0x02, 0x04}, {0x08, 0x80}, {0x10, 0x20}} {
		if dots&pair[0] != 0 {
			flipped |= pair[1]
		}
		if dots&pair[1] != 0 {
			flipped |= pair[0]
		}
	}
	return 0x2800 | flipped
}

// PlotASCII is Plot without braille: one column of text for each value, with the fillings ".", ":" and "#".
func PlotASCII(values []float64, width, rows int, most float64) []string {
	if len(values) > width {
		values = values[len(values)-width:]
	}
	if most <= 0 {
		for _, v := range values {
			if v > most { // NaN is not
				most = v
			}
		}
	}
	const fillings = " .:#"
	out := make([]string, rows)
	for row := range rows {
		line := []byte(strings.Repeat(" ", width))
		for i, v := range values {
			if math.IsNaN(v) || v <= 0 || most <= 0 {
				continue
			}
			level := max(1, int(math.Round(v/most*float64(3*rows))))
			line[width-len(values)+i] = fillings[min(3, max(0, level-3*(rows-1-row)))]
		}
		out[row] = string(line)
	}
	return out
}
