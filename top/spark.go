package top

import "math"

// brailleLeft and brailleRight are the dots of a column of a braille cell (Unicode chapter 21.1), filled
// from below up to the index.
var (
	brailleLeft  = [5]rune{0, 0x40, 0x44, 0x46, 0x47}
	brailleRight = [5]rune{0, 0x80, 0xa0, 0xb0, 0xb8}
)

// Spark draws values, the last of them at the right, as width cells of braille with two columns of four
// dots each; most is the value of four dots, or 0 for the largest there is. NaN and what is missing is
// blank; any value above 0 has a dot.
func Spark(values []float64, width int, most float64) string {
	rows := Plot(values, width, 1, most)
	return rows[0]
}

// Plot is Spark over rows lines of text, the first of which is the highest: 4 dots a row.
func Plot(values []float64, width, rows int, most float64) []string {
	if n := 2 * width; len(values) > n {
		values = values[len(values)-n:]
	}
	if most <= 0 {
		for _, v := range values {
			if v > most { // NaN is not
				most = v
			}
		}
	}
	out := make([]string, rows)
	blank := 2*width - len(values)
	level := func(column, row int) int {
		i := column - blank
		if i < 0 || math.IsNaN(values[i]) || values[i] <= 0 || most <= 0 {
			return 0
		}
		dots := max(1, int(math.Round(values[i]/most*float64(4*rows))))
		return min(4, max(0, dots-4*(rows-1-row)))
	}
	for row := range rows {
		line := make([]rune, width)
		for cell := range width {
			if line[cell] = 0x2800 | brailleLeft[level(2*cell, row)] | brailleRight[level(2*cell+1, row)]; line[cell] == 0x2800 {
				line[cell] = ' '
			}
		}
		out[row] = string(line)
	}
	return out
}

// numbers are values with NaN for what is missing.
func numbers(values []*float64) []float64 {
	out := make([]float64, len(values))
	for i, v := range values {
		if out[i] = math.NaN(); v != nil {
			out[i] = *v
		}
	}
	return out
}
