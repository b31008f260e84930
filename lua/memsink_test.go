package lua

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// Whatever is engaged and released in whatever order: each alert is engaged at most once, the events
// replay to the engaged alerts, and the views are their sums.
func TestMemSinkLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := NewMemSink()
		type held struct{ Alert }
		engaged := map[AlertKey]held{}
		draw := func() AlertKey {
			return AlertKey{
				Network:     rapid.SampledFrom([]string{"192.0.2.0/24", "2001:db8::/32"}).Draw(t, "network"),
				Periodicity: rapid.SampledFrom([]Periodicity{Minute, FiveMinutes}).Draw(t, "periodicity"),
				Key:         rapid.SampledFrom([]string{"1@", "1@x", "2@"}).Draw(t, "key"),
			}
		}
		now := int64(1000)
		t.Repeat(map[string]func(*rapid.T){
			"engage": func(t *rapid.T) {
				a := Alert{AlertKey: draw(), Score: rapid.IntRange(0, MaxScore).Draw(t, "score"), Time: now}
				_, was := engaged[a.AlertKey]
				fresh, err := s.Engage(a)
				if err != nil || fresh == was {
					t.Fatalf("Engage(%v) = %v, %v; engaged before: %v", a.AlertKey, fresh, err, was)
				}
				if fresh {
					engaged[a.AlertKey] = held{a}
				}
			},
			"release": func(t *rapid.T) {
				now++
				key := draw()
				want, was := engaged[key]
				got, ok, err := s.Release(key, now)
				want.End = now
				got.RowID, got.Status = 0, 0
				if err != nil || ok != was || ok && got != want.Alert {
					t.Fatalf("Release(%v) = %+v, %v, %v; want %+v, %v", key, got, ok, err, want, was)
				}
				delete(engaged, key)
			},
			"": func(t *rapid.T) {
				for _, network := range []string{"192.0.2.0/24", "2001:db8::/32"} {
					count, score := 0, 0.0
					for key, a := range engaged {
						if key.Network == network {
							count++
							score += float64(a.Score)
						}
					}
					if got := s.AlertView(network); got.Engaged != count || got.ScoreServer != score {
						t.Fatalf("view of %s is %+v, want %d engaged with score %v", network, got, count, score)
					}
					if _, total := s.Query(network, AlertFilter{Status: StatusEngaged}); total != count {
						t.Fatalf("query of %s gives %d, want %d", network, total, count)
					}
				}
			},
		})
		balance := map[AlertKey]int{}
		for _, e := range s.Events() {
			if e.Kind == AlertEngaged {
				balance[e.Alert.AlertKey]++
			} else {
				balance[e.Alert.AlertKey]--
			}
			if n := balance[e.Alert.AlertKey]; n < 0 || n > 1 {
				t.Fatalf("events of %v: %d engaged at a time", e.Alert.AlertKey, n)
			}
		}
		for key, n := range balance {
			if _, want := engaged[key]; (n == 1) != want {
				t.Fatalf("events leave %v at %d, engaged: %v", key, n, want)
			}
		}
	})
}

func TestMemSinkBounds(t *testing.T) {
	s := NewMemSink()
	var err error
	for i := 0; err == nil && i <= maxMemAlerts; i++ {
		_, err = s.Engage(Alert{AlertKey: AlertKey{"n", Minute, fmt.Sprint(i)}})
	}
	if !errors.Is(err, ErrSinkFull) {
		t.Errorf("after %d alerts: %v, want ErrSinkFull", maxMemAlerts, err)
	}
	if len(s.Events()) != maxMemAlerts || len(s.Events()) != 0 {
		t.Error("events are not drained")
	}
	for range 2*maxMemAlerts + 10 {
		if err := s.Record(Alert{AlertKey: AlertKey{Network: "n"}}); err != nil {
			s.Events()
		}
	}
	if _, total := s.Query("n", AlertFilter{}); total > maxMemAlerts || total < maxMemAlerts/2 {
		t.Errorf("%d past alerts, want at most %d", total, maxMemAlerts)
	}
	if err := s.SetCachedValue("n", 0, strings.Repeat("k", maxValueBytes+1), ""); err == nil {
		t.Error("a huge key was taken")
	}
}
