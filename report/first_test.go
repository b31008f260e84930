package report

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"
)

// Whatever the order in which rows come, the first ones are those of the whole list sorted.
func TestFirstIsTheSortedListsBeginning(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		all := make([]int, r.IntN(60))
		for i := range all {
			all[i] = r.IntN(40)
		}
		keep := r.IntN(12)
		f := First[int]{Keep: keep, Less: Ordered(func(a, b *int) int { return cmp.Compare(*a, *b) }, true, func(a, b *int) int { return 0 })}
		for i := range all {
			f.Add(&all[i])
		}
		want := slices.Clone(all)
		slices.SortFunc(want, func(a, b int) int { return cmp.Compare(b, a) })
		want = want[:min(keep, len(want))]
		if got := f.Sorted(); !slices.Equal(got, want) || f.Total != len(all) {
			t.Fatalf("first %d of %v: %v of %d, want %v", keep, all, got, f.Total, want)
		}
	}
}
