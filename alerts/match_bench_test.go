package alerts_test

import (
	"fmt"
	"log/slog"
	"testing"

	"github.com/netmond/netmond/alerts"
)

// BenchmarkFindMatch selects alerts of a full file by a function, a page of them.
func BenchmarkFindMatch(b *testing.B) {
	for _, rows := range []int{10_000, 100_000} {
		cfg := alerts.DefaultConfig()
		cfg.Dir = b.TempDir()
		cfg.MaxPerCheck, cfg.MaxPerCheckNetwork = 1<<30, 1<<30
		s, err := alerts.Open(cfg, slog.New(slog.DiscardHandler))
		if err != nil {
			b.Fatal(err)
		}
		for i := 0; i < rows; {
			var ops []alerts.Op
			for range 5000 {
				a := alert(netA, fmt.Sprint(i))
				a.Score = i % 200
				a.Time = int64(1000 + i)
				ops = append(ops, alerts.Op{Kind: alerts.OpRecord, Alert: a})
				i++
			}
			s.Apply(ops)
		}
		b.Run(fmt.Sprint("rows=", rows), func(b *testing.B) {
			for b.Loop() {
				_, total, err := s.Find(b.Context(), "", alerts.Filter{Status: alerts.StatusAny, OrderBy: "time", Descending: true, PerPage: 50, Page: 1, Match: func(a *alerts.Alert) bool { return a.Score > 50 }})
				if err != nil || total == 0 {
					b.Fatal(total, err)
				}
			}
		})
		s.Close()
	}
}
