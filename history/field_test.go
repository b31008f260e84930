package history

import "testing"

func TestLayouts(t *testing.T) {
	for _, l := range []*layout{&networkLayout, &totalLayout} {
		if n := NumFields - l.peaks; n > maxPeaks {
			t.Errorf("%s: %d peaks, there is room for %d", l.fields[0].Name, n, maxPeaks)
		}
		for f, info := range l.fields {
			kind := Peak
			switch {
			case f < l.sums:
				kind = Sum
			case f < l.peaks:
				kind = Mean
			}
			if info.Kind != kind {
				t.Errorf("%s: %s has kind %d, its layout says %d", l.fields[0].Name, info.Name, info.Kind, kind)
			}
			if weighted := l.rtt && f == l.means; (f >= l.means && f < l.peaks) != weighted || weighted && Field(f) != RTT {
				t.Errorf("%s: %s: the layout's round trip is wrong", l.fields[0].Name, info.Name)
			}
		}
	}
}
