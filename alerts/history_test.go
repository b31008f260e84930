package alerts_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/netmond/netmond/alerts"
)

// pastOf is how many past alerts s has.
func pastOf(s sink) int {
	_, n := s.Query(netA, alerts.Filter{})
	return n
}

// Narrower bounds on past alerts hold from the next look on; bad ones change nothing.
func TestSetHistory(t *testing.T) {
	each(t, func(c *alerts.Config) { c.MaxRows, c.MaxAge = 1000, 24*time.Hour }, func(t *testing.T, s sink, c *clock) {
		record := func(n int) {
			for i := range n {
				must(t, s.Record(alert(netA, strconv.Itoa(i))))
			}
		}
		record(40)
		c.Add(3600)
		record(10)
		for _, bad := range []struct {
			rows int
			age  time.Duration
		}{{0, time.Hour}, {10, time.Second}} {
			if err := s.SetHistory(bad.rows, bad.age); err == nil {
				t.Errorf("%d past alerts for %v: no error", bad.rows, bad.age)
			}
		}
		must(t, s.Trim())
		if n := pastOf(s); n != 50 {
			t.Errorf("%d past alerts, want 50", n)
		}
		must(t, s.SetHistory(1000, 30*time.Minute))
		record(1)
		must(t, s.Trim())
		if n := pastOf(s); n != 11 {
			t.Errorf("%d past alerts within half an hour, want 11", n)
		}
		must(t, s.SetHistory(10, 30*time.Minute))
		record(1)
		must(t, s.Trim())
		if n := pastOf(s); n > 10 {
			t.Errorf("%d past alerts, want 10 at most", n)
		}
	})
}
