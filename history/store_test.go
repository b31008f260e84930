package history

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/netmond/netmond/localnets"
)

// near says that got is want but for packing.
func near(got, want float64) bool { return math.Abs(got-want) <= want*(1./256+1./2048) }

func TestTiersAgree(t *testing.T) {
	for _, dir := range []string{"", t.TempDir()} {
		cfg := DefaultConfig()
		cfg.Dir = dir
		f := newFeed(t, cfg, office)
		var in uint64
		for i := range 3600 {
			f.score = uint64(i % 700)
			f.add(noon.Add(time.Duration(i+1)*time.Second), uint64(i), 1500)
			in += uint64(i)
			if i%10 == 9 {
				if err := f.s.Flush(ctx); err != nil {
					t.Fatal(err)
				}
			}
		}
		end := noon.Add(time.Hour)
		for _, step := range []time.Duration{10 * time.Second, time.Minute, 15 * time.Minute} {
			if got := f.sum(t, office, IngressBytes, noon, end, step); !near(got.Sum, float64(in)) || got.Points != int(time.Hour/step) {
				t.Errorf("dir %q, step %v: %v bytes in %d points, want %d in %d", dir, step, got.Sum, got.Points, in, time.Hour/step)
			}
			if got := f.sum(t, office, Score, noon, end, step); got.Max != 699 {
				t.Errorf("dir %q, step %v: highest score %v, want 699", dir, step, got.Max)
			}
			if got := f.sum(t, office, EgressBytes, noon, end, step); !near(got.P95, 1500) || !near(got.Min, 1500) || !near(got.Mean, 1500) {
				t.Errorf("dir %q, step %v: egress %+v, want 1500/s throughout", dir, step, got)
			}
		}
		if got := f.sum(t, Total, TotalBytes, noon, end, time.Minute); !near(got.Sum, float64(in)+3600*1500) {
			t.Errorf("dir %q: total %v", dir, got.Sum)
		}
		// The finest tier keeps a quarter of an hour, exactly.
		last := f.sum(t, office, IngressBytes, end.Add(-10*time.Second), end, time.Second)
		for k, v := range last.Values {
			if want := float64(3590 + k); !near(v, want) {
				t.Errorf("dir %q: second %d: %v, want %v", dir, k, v, want)
			}
		}
		f.s.Rates(func(network netip.Prefix, v *[NumFields]float64) {
			if network.String() == office && (!near(v[IngressBytes], 3597) || !near(v[EgressBytes], 1500)) {
				t.Errorf("dir %q: rates %v, want 3597 in and 1500 out", dir, v)
			}
		})
		if err := f.s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestSampleTimesDoNotMatter(t *testing.T) {
	// Samples at odd times: 1,000 bytes a second come out as such.
	f := newFeed(t, DefaultConfig(), office)
	at, given := noon, uint64(0)
	f.add(at, 0, 0)
	for i := range 400 {
		at = at.Add(time.Duration(300+(i*977)%1900) * time.Millisecond)
		due := uint64(at.Sub(noon).Milliseconds())
		f.add(at, due-given, 0)
		given = due
	}
	got := f.sum(t, office, IngressBytes, noon, at.Truncate(time.Second), time.Second)
	for k, v := range got.Values {
		if math.Abs(v-1000) > 1.5 {
			t.Fatalf("second %d: %v bytes, want 1000", k, v)
		}
	}
	if got.Points < 300 {
		t.Fatalf("%d points", got.Points)
	}
}

// TestPlacesChange has networks that change their places with a reload, come and go.
func TestPlacesChange(t *testing.T) {
	const branch, lab = "198.51.100.0/24", "203.0.113.0/24"
	f := newFeed(t, DefaultConfig(), office, branch)
	second := func(i int) time.Time { return noon.Add(time.Duration(i) * time.Second) }
	f.r.Values[0].Traffic[localnets.Ingress].Bytes, f.r.Values[1].Traffic[localnets.Ingress].Bytes = 1_000_000, 2_000_000
	f.add(second(0), 0, 0)
	f.r.Values[0].Traffic[localnets.Ingress].Bytes += 100
	f.r.Values[1].Traffic[localnets.Ingress].Bytes += 200
	f.add(second(1), 0, 0)
	before := f.r.Values
	f.have(branch, lab, office)
	f.r.Values[0], f.r.Values[2] = before[1], before[0]
	f.r.Values[0].Traffic[localnets.Ingress].Bytes += 20
	f.r.Values[1].Traffic[localnets.Ingress].Bytes += 3
	f.r.Values[2].Traffic[localnets.Ingress].Bytes += 10
	f.add(second(2), 0, 0)
	f.have(office)
	f.r.Values[0] = before[0]
	f.r.Values[0].Traffic[localnets.Ingress].Bytes += 15
	f.add(second(3), 0, 0)
	for series, want := range map[string]float64{office: 115, branch: 220, lab: 3} {
		if got := f.sum(t, series, IngressBytes, noon, second(3), time.Second).Sum; got != want {
			t.Errorf("%s: %v bytes, want %v", series, got, want)
		}
	}
}

// TestRoundTrips has a measurement in one second of three: the others say nothing of the round trip.
func TestRoundTrips(t *testing.T) {
	f := newFeed(t, DefaultConfig(), office)
	for i := range 61 {
		if i > 0 && i%3 == 0 {
			r := &f.r.Values[0]
			r.RTTSum, r.RTTSamples = r.RTTSum+300_000, r.RTTSamples+1
		}
		f.add(noon.Add(time.Duration(i)*time.Second), 100, 0)
	}
	got := f.sum(t, office, RTT, noon, noon.Add(time.Minute), time.Second)
	if got.Min != 300 || got.Max != 300 || got.Mean != 300 || got.P95 != 300 || got.Points != 20 {
		t.Errorf("min %v, max %v, mean %v, 95th %v of %d points: want 300 µs of 20", got.Min, got.Max, got.Mean, got.P95, got.Points)
	}
	for i, v := range got.Values {
		if measured := v == 300; measured == math.IsNaN(v) || measured != (i%3 == 2) {
			t.Errorf("second %d: %v", i, v)
		}
	}
	f.s.Rates(func(network netip.Prefix, v *[NumFields]float64) {
		if network.String() == office && v[RTT] != 300 {
			t.Errorf("the last seconds: %v, want 300 µs", v[RTT])
		}
	})
}

func TestGaps(t *testing.T) {
	f := newFeed(t, DefaultConfig(), office)
	f.add(noon.Add(time.Second), 100, 0)
	f.add(noon.Add(2*time.Second), 100, 0)
	late := noon.Add(time.Hour) // nothing was seen for long: the amount lies in the last quarter of it
	f.add(late, 900_000, 0)
	f.add(late.Add(time.Minute), 0, 0)
	got := f.sum(t, office, IngressBytes, noon, late.Add(time.Minute), time.Minute)
	if !near(got.Sum, 900_200) || !math.IsNaN(got.Values[10]) || !near(got.Values[50], 1000) {
		t.Errorf("sum %v, minute 10 %v, minute 50 %v: want 900200, NaN, 1000", got.Sum, got.Values[10], got.Values[50])
	}
	if _, err := f.s.Range(ctx, Request{Series: "198.51.100.0/24", To: 1, MaxPoints: 1}); !errors.As(err, new(*UnknownSeriesError)) {
		t.Errorf("unknown network: %v", err)
	}
}

func TestRestart(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Dir = t.TempDir()
	const before, after = 1234, 600 // seconds
	f := newFeed(t, cfg, office, "198.51.100.0/24")
	for i := range before {
		f.apps(uint64(i+1)*100, 7)
		f.add(noon.Add(time.Duration(i+1)*time.Second), 1000, 0)
		if i%10 == 9 {
			if err := f.s.Flush(ctx); err != nil {
				t.Fatal(err)
			}
		}
	}
	// Killed: nothing is closed, and the file goes on as it is.
	copyDir(t, cfg.Dir, cfg.Dir+"-2")
	cfg.Dir += "-2"
	g := newFeed(t, cfg, office, "198.51.100.0/24")
	for i := range after {
		g.apps(uint64(i+1)*100, 7)
		g.add(noon.Add(time.Duration(before+i+1)*time.Second), 1000, 0)
	}
	end := noon.Add((before + after) * time.Second)
	want := float64(before+after) * 1000
	for _, step := range []time.Duration{time.Second, 10 * time.Second, time.Minute} {
		from := noon
		if step == time.Second {
			from = end.Add(-15 * time.Minute)
			want = 900_000
		} else {
			want = float64(before+after) * 1000
		}
		got := g.sum(t, office, IngressBytes, from, end, step)
		if lost := want - got.Sum; lost > 70_000 || lost < -1000 { // 10 s, and the step under way at the end
			t.Errorf("step %v: %v bytes, want about %v", step, got.Sum, want)
		}
	}
	// The quarter of an hour in which the process ended and the next began has both its parts.
	if got := g.sum(t, office, IngressBytes, noon.Add(15*time.Minute), noon.Add(30*time.Minute), 15*time.Minute); got.Points != 1 || got.Sum < 880_000 || got.Sum > 901_000 {
		t.Errorf("quarter of an hour over a restart: %v bytes in %d points, want 900000 less 10 s", got.Sum, got.Points)
	}
	apps, err := g.s.Apps(ctx, office, noon.UnixNano(), end.UnixNano())
	if err != nil {
		t.Fatal(err)
	}
	if len(apps.Total) != 2 || apps.Total[0].Name != "TLS" || apps.Total[0].Ingress < 160_000 || len(apps.Steps) < 26 {
		t.Errorf("protocols over a restart: %d steps, total %+v", len(apps.Steps), apps.Total)
	}
	if err := g.s.Close(); err != nil {
		t.Fatal(err)
	}
}

// apps sets the protocols of the first network.
func (f *feed) apps(tls, dns uint64) {
	f.r.Protocols[0] = []localnets.ProtocolCounts{
		{Name: "TLS", ByDirection: [localnets.NumDirections]localnets.Counts{{Bytes: tls}}},
		{Name: "DNS", ByDirection: [localnets.NumDirections]localnets.Counts{{Bytes: dns}}},
	}
}

func copyDir(t *testing.T, from, to string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}

func TestClockSetBack(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Dir = t.TempDir()
	f := newFeed(t, cfg, office)
	for i := range 600 {
		f.add(noon.Add(time.Duration(i+1)*time.Second), 1000, 0)
	}
	// A year ahead and back: what was before stays.
	f.add(noon.AddDate(1, 0, 0), 1000, 0)
	if err := f.s.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	for i := range 600 {
		f.add(noon.Add(time.Duration(601+i)*time.Second), 1000, 0)
	}
	if err := f.s.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	got := f.sum(t, office, IngressBytes, noon, noon.Add(20*time.Minute), 10*time.Second)
	if got.Sum < 1_190_000 || got.Sum > 1_202_000 {
		t.Errorf("%v bytes in %d points, want 1200000", got.Sum, got.Points)
	}
	if err := f.s.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestMemoryBound(t *testing.T) {
	if testing.Short() {
		t.Skip("records for days: not with -short")
	}
	cfg := DefaultConfig()
	cfg.MaxMemory = leastMemory
	cfg.Networks = 40
	var cidrs []string
	for i := range 40 {
		cidrs = append(cidrs, fmt.Sprintf("10.0.%d.0/24", i))
	}
	f := newFeed(t, cfg, cidrs...)
	for i := range 20_000 {
		f.add(noon.Add(time.Duration(i)*time.Second), uint64(i*i%100_003), uint64(i*7919%50_021))
	}
	st := f.s.Stats()
	if st.MemoryBytes > cfg.MaxMemory || st.Shortened == 0 || st.SeriesRefused != 0 {
		t.Errorf("%+v: want at most %d bytes, chunks shortened and no series refused", st, cfg.MaxMemory)
	}
	// More networks than fit are counted as refused, and the others go on.
	for i := range 5000 {
		cidrs = append(cidrs, prefixOf(40+i).String())
	}
	f.have(cidrs...)
	f.add(noon.Add(30_000*time.Second), 1000, 0)
	if st := f.s.Stats(); st.SeriesRefused == 0 || st.MemoryBytes > cfg.MaxMemory {
		t.Errorf("%+v: want series refused, within %d bytes", st, cfg.MaxMemory)
	}
}

func TestDiskBound(t *testing.T) {
	if testing.Short() {
		t.Skip("records for days: not with -short")
	}
	cfg := DefaultConfig()
	cfg.Dir, cfg.MaxDisk, cfg.Networks = t.TempDir(), leastDisk, 300
	cfg.Tiers = []Tier{{time.Minute, 30 * 24 * time.Hour}, {time.Hour, 365 * 24 * time.Hour}}
	var cidrs []string
	for i := range 300 {
		cidrs = append(cidrs, prefixOf(i).String())
	}
	f := newFeed(t, cfg, cidrs...)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 5000 {
		for k := range f.r.Values {
			n := &f.r.Values[k]
			for d := range n.Traffic {
				n.Traffic[d].Bytes += r.Uint64N(1 << 40)
				n.Traffic[d].Packets += r.Uint64N(1 << 30)
				n.TCPPackets += r.Uint64N(1 << 20)
				n.Retransmissions += r.Uint64N(1 << 20)
			}
		}
		f.add(noon.Add(time.Duration(i)*time.Minute), 0, 0)
		if i%20 == 19 {
			if err := f.s.Flush(ctx); err != nil {
				t.Fatal(err)
			}
		}
	}
	st := f.s.Stats()
	if st.DiskBytes > cfg.MaxDisk || st.Shortened == 0 || st.Failing {
		t.Errorf("%+v: want at most %d bytes on disk, and some shortened", st, cfg.MaxDisk)
	}
	if err := f.s.Close(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(cfg.Dir, databaseName))
	if err != nil || info.Size() > cfg.MaxDisk {
		t.Errorf("file of %d bytes (%v), want at most %d", info.Size(), err, cfg.MaxDisk)
	}
}

func TestDamagedFile(t *testing.T) {
	for name, body := range map[string]string{
		"foreign": strings.Repeat("not a database at all. ", 1000), "short": "SQLite format 3",
	} {
		t.Run(name, func(t *testing.T) {
			cfg := DefaultConfig()
			cfg.Dir = t.TempDir()
			var log strings.Builder
			cfg.Log = slog.New(slog.NewTextHandler(&log, nil))
			if err := os.WriteFile(filepath.Join(cfg.Dir, databaseName), []byte(body), 0o600); err != nil {
				t.Fatal(err)
			}
			f := newFeed(t, cfg, office)
			f.add(noon, 1, 1)
			if err := f.s.Close(); err != nil {
				t.Fatal(err)
			}
			aside, _ := filepath.Glob(filepath.Join(cfg.Dir, databaseName+".damaged-*"))
			if len(aside) != 1 || !strings.Contains(log.String(), "set aside") {
				t.Errorf("set aside: %v, log %q", aside, &log)
			}
		})
	}
}

func TestFailingDisk(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Dir = t.TempDir()
	f := newFeed(t, cfg, office)
	f.add(noon, 1, 1)
	if err := f.s.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	f.s.db.write.Close()
	for i := range 2000 {
		f.add(noon.Add(time.Duration(i+1)*time.Second), 1000, 0)
	}
	if err := f.s.Flush(ctx); err == nil {
		t.Fatal("a flush to a closed file gave no error")
	}
	if st := f.s.Stats(); !st.Failing || st.Failures == 0 || st.LastError == "" {
		t.Errorf("%+v: want it to say that it fails", st)
	}
	if got := f.sum(t, office, IngressBytes, noon, noon.Add(2000*time.Second), 10*time.Second); got.Sum < 1_980_000 {
		t.Errorf("%v bytes are still there, want 2000000", got.Sum)
	}
	f.s.db.read.Close()
}
