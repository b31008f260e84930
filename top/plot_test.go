package top

import (
	"math"
	"slices"
	"testing"
)

func TestPlotASCII(t *testing.T) {
	got := PlotASCII([]float64{0, 1, 3, 4, 6, math.NaN()}, 8, 2, 0)
	if want := []string{"     .# ", "   .### "}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if got := Flip(got); !slices.Equal(got, []string{"   '### ", "     '# "}) {
		t.Errorf("flipped: %q", got)
	}
	if got := PlotASCII([]float64{9, 9, 1, 2}, 2, 1, 2); !slices.Equal(got, []string{":#"}) {
		t.Errorf("the last values: %q", got)
	}
}

func TestFlip(t *testing.T) {
	got := Flip(Plot([]float64{1, 8}, 1, 2, 0))
	if want := []string{"⢹", "⢸"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	for r := rune(0x2800); r <= 0x28ff; r++ {
		if flipRune(flipRune(r)) != r {
			t.Errorf("%c flipped twice is %c", r, flipRune(flipRune(r)))
		}
	}
}
