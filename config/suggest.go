package config

import (
	"strings"
	"unicode"
)

// nearest is the one of known that name was most likely meant to be, or "".
func nearest(name string, known []string) string {
	if len(name) > maxShown {
		return ""
	}
	best, least := "", 1+max(1, min(3, len(name)/3))
	plain := letters(name)
	for _, k := range known {
		if len(plain) > 3 && best == "" && strings.HasPrefix(letters(k), plain) { // promisc
			best = k
		}
		if plain != "" && letters(k) == plain { // ring-size, ringSize
			return k
		}
		if d := distance(strings.ToLower(name), k); d < least {
			best, least = k, d
		}
	}
	return best
}

// letters is s without what only separates its words, in lower case.
func letters(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, s)
}

// distance is the number of bytes to insert, delete, change or swap with their neighbour to get from a
// to b (optimal string alignment).
func distance(a, b string) int {
	before, row, next := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		next[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			next[j] = min(row[j]+1, next[j-1]+1, row[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				next[j] = min(next[j], before[j-2]+1)
			}
		}
		before, row, next = row, next, before
	}
	return row[len(b)]
}
