package report

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/netmond/netmond/internal/snaptest"
	"github.com/netmond/netmond/localnets"
)

func seriesSum(list []uint64) (sum uint64) {
	for _, n := range list {
		sum += n
	}
	return sum
}

// Whatever the times of the samples, points sum to the counters, their number is bounded, and what came in one
// step stands at that step.
func TestSeriesSumsToTheCounters(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for round := range 60 {
		rec := NewRecorder(1)
		rec.most = 20 + r.IntN(30)
		s := snaptest.Many(1)
		s.Nets.Networks[0].Traffic = [3]localnets.Counts{}
		s.Nets.Scopes = [localnets.NumScopes]localnets.Counts{}
		s.Capture.Bytes = 0
		now := int64(r.Uint64N(1 << 61))
		if round%2 == 0 {
			now = -now // before 1970
		}
		first := now
		atLast := uint64(0)
		for range 300 {
			if rec.Due(now) {
				rec.Sample(s, now)
				atLast = 0
			}
			n := r.Uint64N(1500)
			s.Capture.Bytes += n
			s.Nets.Scopes[localnets.ScopeInbound].Bytes += n
			s.Nets.Networks[0].Traffic[localnets.Ingress].Bytes += n
			atLast += n
			now += int64(r.ExpFloat64() * float64(int64(1)<<(r.IntN(50))))
			if now < first { // overflow
				break
			}
		}
		series := rec.Series(s)
		got := series.Network(0, IngressBytes)
		if seriesSum(got) != s.Capture.Bytes || seriesSum(series.Total(InboundBytes)) != s.Capture.Bytes || series.Points > rec.most {
			t.Fatalf("%d of %d bytes in %d points (at most %d)", seriesSum(got), s.Capture.Bytes, series.Points, rec.most)
		}
		if got[len(got)-1] < atLast {
			t.Errorf("the last step has %d bytes, %d came in it", got[len(got)-1], atLast)
		}
		if series.Start > first || first-series.Start >= int64(series.Step) {
			t.Errorf("it begins at %d, in steps of %v; the first frame is of %d", series.Start, series.Step, first)
		}
	}
}

func TestStepsDivideEachOther(t *testing.T) {
	for step := time.Millisecond; step < 100_000*time.Hour; {
		next := nextStep(step)
		if next <= step || next%step != 0 || next/step > 5 {
			t.Errorf("%v after %v", next, step)
		}
		step = next
	}
}

func TestSeriesOfNothing(t *testing.T) {
	if s := NewRecorder(3).Series(snaptest.Empty()); s != nil {
		t.Errorf("series of nothing: %+v", s)
	}
}

func TestFigures(t *testing.T) {
	rates := make([]float64, 100)
	for i := range rates {
		rates[i] = float64(100 - i)
	}
	if f := FiguresOf(rates); f != (Figures{1, 50.5, 95, 100}) {
		t.Errorf("%+v", f)
	}
	if f := FiguresOf([]float64{7}); f != (Figures{7, 7, 7, 7}) {
		t.Errorf("%+v", f)
	}
}
