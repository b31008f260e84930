package alerts_test

import (
	"flag"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/netmond/netmond/alerts"
)

var manyRows = flag.Int("alert-rows", 100_000, "past alerts of TestManyRows; 1000000 before a release")

// fillRows stores n past alerts of 1,000 networks, a quarter of them acknowledged in the end.
func fillRows(t testing.TB, s *alerts.Store, n int) {
	t.Helper()
	ops := make([]alerts.Op, 0, 10_000)
	for i := range n {
		a := alert(fmt.Sprintf("10.%d.%d.0/24", i%1000/250, i%250), fmt.Sprint(i))
		a.ID, a.Score, a.Time, a.Check = 4150+i%20, i%251, 1_600_000_000+int64(i)*7, fmt.Sprint("check", i%10)
		a.Description = fmt.Sprintf("Flow flood victim: %d flows in a minute, threshold %d", i%977, i%13)
		a.JSON = fmt.Sprintf(`{"victim":"10.%d.%d.%d","value":%d,"threshold":32768,"alert_generation":{"script_key":"flow_flood_victim","subdir":"network"}}`, i%1000/250, i%250, i%241, i)
		ops = append(ops, alerts.Op{Kind: alerts.OpRecord, Alert: a})
		if len(ops) == cap(ops) || i == n-1 {
			for _, r := range s.Apply(ops) {
				must(t, r.Err)
			}
			ops = ops[:0]
		}
	}
}

// TestManyRows asks a large file what the web page and the scripts ask, each five times; the median
// counts, so that a busy machine decides nothing.
func TestManyRows(t *testing.T) {
	n := *manyRows
	if testing.Short() {
		n = min(n, 10_000)
	}
	cfg := config(newClock())
	cfg.Dir, cfg.MaxPerCheckNetwork, cfg.MaxPerCheck, cfg.MaxRows = t.TempDir(), 1<<30, 1<<30, 2_000_000
	cfg.CommitWait = time.Minute // the race detector makes batches slow
	s := openStore(t, cfg)
	begin := time.Now()
	fillRows(t, s, n)
	t.Logf("%d rows stored in %v, %d bytes", n, time.Since(begin).Round(time.Millisecond), s.Stats().FileBytes)
	newest := alerts.Filter{Status: alerts.StatusAny, Descending: true, PerPage: 50}
	with := func(change func(f *alerts.Filter)) alerts.Filter {
		f := newest
		change(&f)
		return f
	}
	last := 1_600_000_000 + int64(n)*7
	for _, tt := range []struct {
		name    string
		network string
		filter  alerts.Filter
	}{
		{"newest", "", newest},
		{"historical", "", alerts.Filter{Descending: true, PerPage: 50}},
		{"newest of a network", "10.1.7.0/24", newest},
		{"last hour", "", with(func(f *alerts.Filter) { f.Begin = last - 3600 })},
		{"highest score", "", with(func(f *alerts.Filter) { f.OrderBy = "score" })},
		{"most severe", "", with(func(f *alerts.Filter) { f.OrderBy = "severity" })},
		{"one severity", "", with(func(f *alerts.Filter) { f.Severity = ptr(alerts.SeverityEmergency) })},
		{"one type", "", with(func(f *alerts.Filter) { f.ID = ptr(4153) })},
		{"one type and severity of a network", "10.1.7.0/24", with(func(f *alerts.Filter) { f.ID = ptr(4167); f.Severity = ptr(alerts.SeverityCritical) })},
		{"text, rare", "", with(func(f *alerts.Filter) { f.Text = fmt.Sprint(n - 1) })},
		{"text, an address", "", with(func(f *alerts.Filter) { f.Text = "10.1.7.16" })},
		{"text, a beginning", "", with(func(f *alerts.Filter) { f.Text = "10.1.7.*" })},
		{"text in the last day", "", with(func(f *alerts.Filter) { f.Text = "976"; f.Begin = last - 86400 })},
		{"rows", "", with(func(f *alerts.Filter) { f.RowIDs = []int64{5, 500, 5000} })},
	} {
		var times []time.Duration
		var total int
		for range 5 {
			begin := time.Now()
			page, sum, err := s.Find(t.Context(), tt.network, tt.filter)
			times = append(times, time.Since(begin))
			must(t, err)
			if len(page) == 0 {
				t.Errorf("%s: nothing found", tt.name)
			}
			total = sum
		}
		slices.Sort(times)
		t.Logf("%-36s %8d found, %7.1f ms", tt.name, total, float64(times[2].Microseconds())/1000)
		if times[2] > 100*time.Millisecond {
			t.Errorf("%s: %v", tt.name, times[2])
		}
	}
	// A word of every alert has no bound but Find's own: all of them have to be put in order.
	begin = time.Now()
	_, total, err := s.Find(t.Context(), "", with(func(f *alerts.Filter) { f.Text = "flow" }))
	if total != n || err != nil {
		t.Errorf("a word of all: %d, %v", total, err)
	}
	t.Logf("a word of all alerts found in %v", time.Since(begin))
	must(t, s.Close())
	begin = time.Now()
	s = openStore(t, cfg)
	t.Logf("opened in %v", time.Since(begin))
	begin = time.Now()
	if deleted, err := s.Delete("", alerts.Filter{Status: alerts.StatusAny, Severity: ptr(alerts.SeverityEmergency)}); err != nil || deleted == 0 {
		t.Errorf("deleted %d, %v", deleted, err)
	}
	t.Logf("deleted one severity in %v", time.Since(begin))
}

// run is a minute's end of n networks: a cached value each, and 100 alerts.
func run(n, minute int) []alerts.Op {
	ops := make([]alerts.Op, 0, n+100)
	for i := range n {
		cidr := fmt.Sprintf("10.%d.%d.0/24", i/256, i%256)
		ops = append(ops, alerts.Op{Kind: alerts.OpSet, Value: alerts.Value{Network: cidr, Namespace: 1, Key: "ingress:1", Value: fmt.Sprint(minute*1_000_000 + i)}})
		if i < 100 {
			a := alert(cidr, fmt.Sprint("4136@", minute))
			a.Time += int64(minute * 60)
			ops = append(ops, alerts.Op{Kind: alerts.OpEngage, Alert: a})
		}
	}
	return ops
}

func BenchmarkApply(b *testing.B) {
	for _, networks := range []int{100, 10_000} {
		b.Run(fmt.Sprintf("networks=%d", networks), func(b *testing.B) {
			c := newClock()
			cfg := config(c)
			cfg.Dir = b.TempDir()
			s := openStore(b, cfg)
			minute := 0
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				minute++
				c.Add(60)
				ops := run(networks, minute)
				b.StartTimer()
				for _, r := range s.Apply(ops) {
					if r.Err != nil {
						b.Fatal(r.Err)
					}
				}
			}
		})
	}
}

func BenchmarkEngageRelease(b *testing.B) {
	cfg := config(newClock())
	cfg.Dir, cfg.MaxPerCheckNetwork, cfg.MaxPerCheck = b.TempDir(), 1<<30, 1<<30
	s := openStore(b, cfg)
	a := alert(netA, "k")
	for b.Loop() {
		_, err := s.Engage(a)
		must(b, err)
		_, _, err = s.Release(a.Key, a.Time)
		must(b, err)
	}
}

// BenchmarkAlertView is asked once for each network and run.
func BenchmarkAlertView(b *testing.B) {
	m := alerts.NewMem(config(newClock()))
	_, err := m.Engage(alert(netA, "k"))
	must(b, err)
	b.ReportAllocs()
	for b.Loop() {
		m.AlertView(netA)
	}
}
