package lint

import (
	"iter"
	"strings"
)

// suggest is "; did you mean X?" with the nearest of names, or "".
func suggest(name string, names iter.Seq[string]) string {
	if n := nearest(name, names); n != "" {
		return "; did you mean " + n + "?"
	}
	return ""
}

// nearest is the one of names that is most like name, or "" when none is like it.
func nearest(name string, names iter.Seq[string]) string {
	best, least := "", max(len(name)/3, 1)+1
	for n := range names {
		d := distance(strings.ToLower(name), strings.ToLower(n), least)
		if d < least || d == least && best != "" && n < best {
			best, least = n, d
		}
	}
	return best
}

// distance is the number of letters to insert, delete, replace or swap between a and b; more than most
// is not told apart.
func distance(a, b string, most int) int {
	if len(a) > 64 || len(b) > 64 || len(a)-len(b) > most || len(b)-len(a) > most {
		return most + 1
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(last[j+1]+1, row[j]+1, last[j]+cost)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
