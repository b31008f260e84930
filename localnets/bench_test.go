package localnets_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/netmond/netmond/localnets"
)

func BenchmarkApply(b *testing.B) {
	for _, n := range []int{10, 1000, 10_000, 65_536} {
		b.Run(fmt.Sprintf("networks=%d", n), func(b *testing.B) {
			r, deltas := busy(b, n, 10)
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				end := min(i+64, len(deltas))
				r.Apply(start, deltas[i:end])
				if i = end; i == len(deltas) {
					i = 0
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/64, "ns/delta")
		})
	}
}

func BenchmarkSnapshot(b *testing.B) {
	for _, bb := range []struct {
		networks int
		idle     bool
	}{{1000, false}, {10_000, false}, {10_000, true}, {65_536, true}} {
		b.Run(fmt.Sprintf("networks=%d/idle=%v", bb.networks, bb.idle), func(b *testing.B) {
			r := newRegistry(b, manyNets(bb.networks))
			if !bb.idle {
				r, _ = busy(b, bb.networks, 10)
			}
			b.ReportAllocs()
			for b.Loop() {
				r.Snapshot()
			}
		})
	}
}

func BenchmarkRead(b *testing.B) {
	for _, networks := range []int{1000, 10_000} {
		b.Run(fmt.Sprintf("networks=%d", networks), func(b *testing.B) {
			r, _ := busy(b, networks, 10)
			var readings localnets.Readings
			b.ReportAllocs()
			for b.Loop() {
				r.Read(&readings, false)
			}
		})
	}
}

func BenchmarkTick(b *testing.B) {
	r, _ := busy(b, 10_000, 10)
	now := start
	for b.Loop() {
		now += 60e9 // closes an interval of rates and a minute each time
		r.Tick(now)
	}
}

func BenchmarkLookupName(b *testing.B) {
	s := newRegistry(b, manyNets(10_000)).Snapshot()
	for _, name := range []string{"10.19.135.0/24", "no such alias", "10.19.135.1"} {
		b.Run(strings.ReplaceAll(name, "/", "_"), func(b *testing.B) {
			for b.Loop() {
				s.LookupName(name)
			}
		})
	}
}
