package report

import (
	"cmp"
	"slices"
)

// First keeps the first rows of a list by Less, Keep of them, and counts all.
type First[T any] struct {
	Less  func(a, b *T) bool
	Keep  int
	Total int // rows added

	rows []T // from the Keep-th on: the first Keep are sorted, what follows goes before the last of these
}

// Add takes a copy of v if it is among the first. The rows are sorted now and then, which costs less than
// a heap for lists that are longer than what is kept.
func (f *First[T]) Add(v *T) {
	f.Total++
	if f.Keep <= 0 {
		return
	}
	if len(f.rows) >= 2*f.Keep {
		f.cut()
	}
	if len(f.rows) < f.Keep || f.Less(v, &f.rows[f.Keep-1]) {
		f.rows = append(f.rows, *v)
		if len(f.rows) == f.Keep {
			f.cut()
		}
	}
}

// cut sorts the rows and drops those beyond the first.
func (f *First[T]) cut() {
	slices.SortFunc(f.rows, func(a, b T) int {
		switch {
		case f.Less(&a, &b):
			return -1
		case f.Less(&b, &a):
			return 1
		}
		return 0
	})
	f.rows = f.rows[:min(len(f.rows), f.Keep)]
}

// Sorted are the first rows, in order.
func (f *First[T]) Sorted() []T {
	f.cut()
	return f.rows
}

// Ordered makes Less of an order; rows that are equal in it go by tie.
func Ordered[T any](by func(a, b *T) int, descending bool, tie func(a, b *T) int) func(a, b *T) bool {
	return func(a, b *T) bool {
		c := by(a, b)
		if descending {
			c = -c
		}
		return cmp.Or(c, tie(a, b)) < 0
	}
}
