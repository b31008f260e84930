package alerts_test

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/netmond/netmond/alerts"
)

// A sink is what Store and Mem have in common.
type sink interface {
	alerts.Keeper
	Trim() error
}

type memSink struct{ *alerts.Mem }

func (memSink) Trim() error { return nil } // within each change

type storeSink struct{ *alerts.Store }

func (s storeSink) Trim() error { return s.Store.Tend() }

const (
	netA = "192.0.2.0/24"
	netB = "2001:db8::/32"
)

// A clock is set by its test, in seconds.
type clock struct{ atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.Store(1_700_000_000)
	return c
}

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

func config(c *clock) alerts.Config {
	cfg := alerts.DefaultConfig()
	cfg.Now = c.Load
	cfg.RetryMin, cfg.RetryMax = time.Millisecond, 5*time.Millisecond
	return cfg
}

func openStore(t testing.TB, cfg alerts.Config) *alerts.Store {
	t.Helper()
	s, err := alerts.Open(cfg, quiet())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// each runs f as a subtest on a Mem and on a Store.
func each(t *testing.T, change func(*alerts.Config), f func(t *testing.T, s sink, c *clock)) {
	for _, name := range []string{"mem", "store"} {
		t.Run(name, func(t *testing.T) {
			c := newClock()
			cfg := config(c)
			if change != nil {
				change(&cfg)
			}
			if name == "mem" {
				f(t, memSink{alerts.NewMem(cfg)}, c)
				return
			}
			cfg.Dir = t.TempDir()
			f(t, storeSink{openStore(t, cfg)}, c)
		})
	}
}

func alert(network, key string) alerts.Alert {
	return alerts.Alert{Key: alerts.Key{Network: network, Periodicity: alerts.Minute, Key: key},
		NetworkID: 3, NetworkName: "lan", ID: 4153, Category: 3, Subtype: "sub", Score: 100, Time: 1_700_000_000,
		Description: "Flow flood", JSON: `{"victim":"192.0.2.7"}`, IP: "192.0.2.7", Name: "host", Port: 53, Check: "flood"}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// waitFor polls the condition, which another goroutine makes true.
func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(20 * time.Second)
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited 20 s for %s", what)
		}
	}
}

var engagedOnly = alerts.Filter{Status: alerts.StatusEngaged}

func keys(list []alerts.Alert) []string {
	names := []string{}
	for _, a := range list {
		names = append(names, a.Key.Key)
	}
	return names
}

func TestLifeOfAnAlert(t *testing.T) {
	each(t, nil, func(t *testing.T, s sink, c *clock) {
		a := alert(netA, "k")
		a.Score, a.RowID, a.Status, a.Label = 60, 99, alerts.StatusAcknowledged, "mine"
		for i, want := range []bool{true, false, false} {
			if fresh, err := s.Engage(a); fresh != want || err != nil {
				t.Fatalf("engage %d: %v, %v", i, fresh, err)
			}
		}
		want := a
		want.RowID, want.Status, want.Label, want.Counter = 1, alerts.StatusEngaged, "", 3
		page, total := s.Query(netA, engagedOnly)
		if diff := cmp.Diff([]alerts.Alert{want}, page); diff != "" || total != 1 {
			t.Fatalf("engaged, total %d (-want +got):\n%s", total, diff)
		}
		other := a
		other.Periodicity = alerts.FiveMinutes // another alert
		if fresh, _ := s.Engage(other); !fresh {
			t.Error("the same key at 5mins is not an alert of its own")
		}
		if _, total := s.Query(netB, alerts.Filter{Status: alerts.StatusAny}); total != 0 {
			t.Error("alerts on the wrong network")
		}
		got, ok, err := s.Release(a.Key, a.Time-50)
		want.RowID, want.Status, want.End = 3, alerts.StatusHistorical, a.Time
		if diff := cmp.Diff(want, got); diff != "" || !ok || err != nil {
			t.Fatalf("release: %v %v (-want +got):\n%s", ok, err, diff)
		}
		if _, ok, err := s.Release(a.Key, 0); ok || err != nil {
			t.Errorf("second release: %v %v", ok, err)
		}
		page, _ = s.Query(netA, alerts.Filter{})
		if diff := cmp.Diff([]alerts.Alert{want}, page); diff != "" {
			t.Errorf("past (-want +got):\n%s", diff)
		}
		must(t, s.Record(a))
		page, total = s.Query("", alerts.Filter{Status: alerts.StatusAny, OrderBy: "row_id", Descending: true})
		if diff := cmp.Diff([]int64{4, 3, 2}, rows(page)); diff != "" || total != 3 {
			t.Errorf("any, total %d (-want +got):\n%s", total, diff)
		}
	})
}

func rows(list []alerts.Alert) (ids []int64) {
	for _, a := range list {
		ids = append(ids, a.RowID)
	}
	return ids
}

func TestScoreFadesOver60Seconds(t *testing.T) {
	each(t, nil, func(t *testing.T, s sink, c *clock) {
		for key, score := range map[string]int{"a": 100, "b": 60} {
			a := alert(netA, key)
			a.Score = score
			if _, err := s.Engage(a); err != nil {
				t.Fatal(err)
			}
		}
		check := func(engaged int, score float64) {
			t.Helper()
			v := s.AlertView(netA)
			if v.Engaged != engaged || math.Abs(v.ScoreServer-score) > 1e-9 || v.ScoreClient != 0 {
				t.Fatalf("at %d: %+v, want %d engaged and score %v", c.Load()-1_700_000_000, v, engaged, score)
			}
		}
		check(2, 160)
		_, _, err := s.Release(alert(netA, "a").Key, c.Load())
		must(t, err)
		check(1, 160)
		c.Add(15)
		check(1, 60+75)
		_, _, err = s.Release(alert(netA, "b").Key, c.Load())
		must(t, err)
		c.Add(15)
		check(0, 50+45)
		c.Add(30)
		check(0, 15)
		c.Add(-1000) // a clock that went back holds nothing for ever
		check(0, 60)
		c.Add(60)
		check(0, 0)
	})
}

func TestCachedValues(t *testing.T) {
	each(t, func(c *alerts.Config) { c.MaxValues, c.MaxValuesPerNetwork = 4, 3 }, func(t *testing.T, s sink, c *clock) {
		if got := s.CachedValue(netA, 1, "k"); got != "" {
			t.Errorf("unset value %q", got)
		}
		hostile := "'\"<b>\x00\xff\xc0é%_\n"
		for ns := range 3 {
			must(t, s.SetCachedValue(netA, ns, "k"+hostile, fmt.Sprint(hostile, ns)))
		}
		for ns := range 3 {
			if got := s.CachedValue(netA, ns, "k"+hostile); got != fmt.Sprint(hostile, ns) {
				t.Errorf("namespace %d: %q", ns, got)
			}
		}
		must(t, s.SetCachedValue(netA, 0, "k"+hostile, ""))
		if got := s.CachedValue(netA, 0, "k"+hostile); got != "" {
			t.Errorf("emptied: %q", got)
		}
		long := strings.Repeat("x", alerts.MaxLong+1)
		for _, bad := range []struct {
			ns         int
			key, value string
			want       error
			text       string
		}{
			{-1, "k", "v", alerts.ErrInvalid, "namespace"},
			{6, "k", "v", alerts.ErrInvalid, "namespace"},
			{8, "k", "v", alerts.ErrInvalid, "namespace"},
			{0, "k", long, alerts.ErrTooLarge, "cached value of 65537 bytes"},
			{0, long[:1025], "v", alerts.ErrTooLarge, "key of a cached value"},
			{5, "k", "v", alerts.ErrFull, "3 cached values"}, // of the network
		} {
			err := s.SetCachedValue(netA, bad.ns, bad.key, bad.value)
			if !errors.Is(err, bad.want) || !strings.Contains(err.Error(), bad.text) {
				t.Errorf("set %d %.9q %.9q: %v, want %v with %q", bad.ns, bad.key, bad.value, err, bad.want, bad.text)
			}
		}
		must(t, s.SetCachedValue(netB, 0, "k", "v"))
		if err := s.SetCachedValue(netB, 1, "k", "v"); !errors.Is(err, alerts.ErrFull) {
			t.Errorf("fifth value: %v", err)
		}
		must(t, s.SetCachedValue(netB, 0, "k", "w")) // one that is there may change
	})
}

func TestRefusals(t *testing.T) {
	each(t, func(c *alerts.Config) { c.MaxEngaged = 2 }, func(t *testing.T, s sink, c *clock) {
		for _, tt := range []struct {
			name   string
			change func(*alerts.Alert)
			want   error
		}{
			{"periodicity", func(a *alerts.Alert) { a.Periodicity = 6 }, alerts.ErrInvalid},
			{"score", func(a *alerts.Alert) { a.Score = 251 }, alerts.ErrInvalid},
			{"empty network", func(a *alerts.Alert) { a.Network = "" }, alerts.ErrInvalid},
			{"key", func(a *alerts.Alert) { a.Key.Key = strings.Repeat("x", 1025) }, alerts.ErrTooLarge},
			{"subtype", func(a *alerts.Alert) { a.Subtype = strings.Repeat("x", 1025) }, alerts.ErrTooLarge},
			{"json", func(a *alerts.Alert) { a.JSON = strings.Repeat("x", 1<<20) }, alerts.ErrTooLarge},
			{"description", func(a *alerts.Alert) { a.Description = strings.Repeat("x", 1<<16+1) }, alerts.ErrTooLarge},
		} {
			a := alert(netA, "k")
			tt.change(&a)
			fresh, err := s.Engage(a)
			if fresh || !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.name) {
				t.Errorf("engage with bad %s: %v, %v", tt.name, fresh, err)
			}
			if err := s.Record(a); !errors.Is(err, tt.want) {
				t.Errorf("record with bad %s: %v", tt.name, err)
			}
		}
		for i, want := range []error{nil, nil, alerts.ErrFull} {
			if _, err := s.Engage(alert(netA, fmt.Sprint(i))); !errors.Is(err, want) {
				t.Errorf("engage %d: %v", i, err)
			}
		}
		if _, total := s.Query("", alerts.Filter{Status: alerts.StatusAny}); total != 2 {
			t.Errorf("%d alerts, want the 2 that were not refused", total)
		}
	})
}

func TestQuotas(t *testing.T) {
	each(t, func(c *alerts.Config) { c.MaxPerCheckNetwork, c.MaxPerCheck = 2, 3 }, func(t *testing.T, s sink, c *clock) {
		c.Store(1_700_000_040) // a minute's beginning
		try := func(network, check string, want error) {
			t.Helper()
			a := alert(network, "k")
			a.Check = check
			if err := s.Record(a); !errors.Is(err, want) {
				t.Errorf("%s on %s: %v, want %v", check, network, err, want)
			}
		}
		try(netA, "one", nil)
		try(netA, "one", nil)
		try(netA, "one", alerts.ErrQuota) // check and network
		try(netB, "one", nil)
		try(netB, "one", alerts.ErrQuota) // check
		try(netA, "two", nil)             // another is not hurt
		c.Add(59)
		try(netA, "one", alerts.ErrQuota)
		c.Add(1)
		try(netA, "one", nil)
	})
}

func TestHostileTextComesBackAsSent(t *testing.T) {
	each(t, nil, func(t *testing.T, s sink, c *clock) {
		for i, text := range []string{"\x00", "a\x00b", "\xff\xfe", "'; DROP TABLE engaged; --", `"<script>&`, "é\u202e\U0001f600",
			"%s%n", "\ufeffx", strings.Repeat("ж", 500)} {
			a := alert(netA, fmt.Sprint(i)+text)
			a.NetworkName, a.Subtype, a.JSON, a.Description, a.IP, a.Name, a.Check = text, text, text, text, text, text, text
			_, err := s.Engage(a)
			must(t, err)
			_, _, err = s.Release(a.Key, a.Time)
			must(t, err)
			page, _ := s.Query(netA, alerts.Filter{OrderBy: "row_id", Descending: true, PerPage: 1,
				Where: []alerts.Term{{Field: alerts.BySubtype, Text: text}, {Field: alerts.ByCheck, Op: alerts.In, Text: text}}})
			if len(page) != 1 {
				t.Errorf("%q is not found", text)
				continue
			}
			if diff := cmp.Diff(a, page[0], cmpopts.IgnoreFields(alerts.Alert{}, "RowID", "Counter", "End")); diff != "" {
				t.Errorf("%q (-want +got):\n%s", text, diff)
			}
		}
	})
}

func TestReleaseOrphans(t *testing.T) {
	each(t, nil, func(t *testing.T, s sink, c *clock) {
		for _, x := range []struct{ network, key, check string }{
			{netA, "stays", "kept"}, {netA, "goes", "gone"}, {netA, "nobody", ""}, {netB, "net", "kept"}, {netB, "net2", ""},
		} {
			a := alert(x.network, x.key)
			a.Check = x.check
			_, err := s.Engage(a)
			must(t, err)
			must(t, s.SetCachedValue(x.network, 1, x.key, "v"))
		}
		list, err := s.ReleaseOrphans(func(a *alerts.Alert) bool { return a.Check == "kept" }, []string{netA}, 1_700_000_100)
		must(t, err)
		if diff := cmp.Diff([]string{"goes", "net", "net2"}, keys(list)); diff != "" {
			t.Errorf("released (-want +got):\n%s", diff)
		}
		page, _ := s.Query("", engagedOnly)
		if diff := cmp.Diff([]string{"nobody", "stays"}, keys(page)); diff != "" {
			t.Errorf("engaged (-want +got):\n%s", diff)
		}
		page, _ = s.Query("", alerts.Filter{OrderBy: "row_id"})
		if diff := cmp.Diff(list, page); diff != "" {
			t.Errorf("past (-want +got):\n%s", diff)
		}
		if got := s.CachedValue(netB, 1, "net"); got != "" {
			t.Errorf("value of a removed network: %q", got)
		}
		if got := s.CachedValue(netA, 1, "goes"); got != "v" {
			t.Errorf("value of a network that stays: %q", got)
		}
	})
}

func TestAcknowledgeAndDelete(t *testing.T) {
	each(t, nil, func(t *testing.T, s sink, c *clock) {
		for i := range 6 {
			a := alert(netA, fmt.Sprint(i))
			a.Score = 50 * (i%3 + 1)
			must(t, s.Record(a))
		}
		_, err := s.Engage(alert(netA, "engaged"))
		must(t, err)
		c.Add(5)
		strong := alerts.Filter{Status: alerts.StatusAny, Where: []alerts.Term{{Field: alerts.ByScore, Op: alerts.Gte, Number: 100}}}
		if n, err := s.Acknowledge(netA, strong, "seen"); n != 4 || err != nil {
			t.Fatalf("acknowledged %d, %v", n, err)
		}
		page, total := s.Query(netA, alerts.Filter{Status: alerts.StatusAcknowledged, OrderBy: "row_id"})
		if diff := cmp.Diff([]string{"1", "2", "4", "5"}, keys(page)); diff != "" || total != 4 {
			t.Errorf("acknowledged, total %d (-want +got):\n%s", total, diff)
		}
		if a := page[0]; a.Label != "seen" || a.LabelTime != c.Load() || a.Status != alerts.StatusAcknowledged {
			t.Errorf("%+v", a)
		}
		if _, total := s.Query(netA, alerts.Filter{}); total != 2 {
			t.Errorf("%d historical, want 2", total)
		}
		if n, err := s.Delete(netA, alerts.Filter{Status: alerts.StatusAcknowledged, RowIDs: []int64{2, 3, 4}}); n != 2 || err != nil {
			t.Errorf("deleted %d, %v", n, err)
		}
		if n, err := s.Delete(netA, alerts.Filter{Match: func(a *alerts.Alert) bool { return a.Score > 200 }}); n != 0 || err != nil {
			t.Errorf("deleted %d that do not match, %v", n, err)
		}
		if n, err := s.Delete(netA, alerts.Filter{Text: "flood"}); n != 2 || err != nil {
			t.Errorf("deleted by text %d, %v", n, err)
		}
		if n, err := s.Delete(netB, alerts.Filter{Status: alerts.StatusAny}); n != 0 || err != nil {
			t.Errorf("deleted %d of another network, %v", n, err)
		}
		page, _ = s.Query("", alerts.Filter{Status: alerts.StatusAny, OrderBy: "row_id"})
		if diff := cmp.Diff([]string{"4", "5", "engaged"}, keys(page)); diff != "" {
			t.Errorf("left (-want +got):\n%s", diff)
		}
		if _, err := s.Delete(netA, engagedOnly); !errors.Is(err, alerts.ErrInvalid) {
			t.Errorf("delete of engaged alerts: %v", err)
		}
		if _, err := s.Acknowledge(netA, alerts.Filter{}, strings.Repeat("x", 1025)); !errors.Is(err, alerts.ErrTooLarge) {
			t.Errorf("long label: %v", err)
		}
	})
}

func TestTrimByNumberAndAge(t *testing.T) {
	each(t, func(c *alerts.Config) { c.MaxRows, c.MaxAge = 100, time.Hour; c.MaxPerCheckNetwork = 1000 },
		func(t *testing.T, s sink, c *clock) {
			fill := func(from, to int) {
				for i := from; i < to; i++ {
					must(t, s.Record(alert(netA, fmt.Sprint(i))))
				}
				must(t, s.Trim())
			}
			first := func() (string, int) {
				page, total := s.Query(netA, alerts.Filter{OrderBy: "row_id", PerPage: 1, Text: "flood"})
				return strings.Join(keys(page), ""), total
			}
			fill(0, 100)
			if key, n := first(); n != 100 || key != "0" {
				t.Fatalf("%d rows from %s, want all 100", n, key)
			}
			fill(100, 101)
			if key, n := first(); n != 80 || key != "21" {
				t.Fatalf("%d rows from %s, want the last 80", n, key)
			}
			c.Add(1800)
			fill(101, 103)
			c.Add(1801)
			fill(103, 104)
			if key, n := first(); n != 3 || key != "101" {
				t.Fatalf("%d rows from %s, want the 3 of the last hour", n, key)
			}
		})
}

func TestApplyIsOneRun(t *testing.T) {
	each(t, nil, func(t *testing.T, s sink, c *clock) {
		a := alert(netA, "k")
		bad := a
		bad.Score = -1
		released := a
		released.End = a.Time + 9
		got := s.Apply([]alerts.Op{
			{Kind: alerts.OpEngage, Alert: a}, {Kind: alerts.OpEngage, Alert: a}, {Kind: alerts.OpEngage, Alert: bad},
			{Kind: alerts.OpSet, Value: alerts.Value{Network: netA, Namespace: 1, Key: "k", Value: "1"}},
			{Kind: alerts.OpSet, Value: alerts.Value{Network: netA, Namespace: 1, Key: "k", Value: "2"}},
			{Kind: alerts.OpRelease, Alert: released}, {Kind: alerts.OpRelease, Alert: released}, {Kind: alerts.OpRecord, Alert: a},
		})
		var changed []bool
		for i, r := range got {
			changed = append(changed, r.Changed)
			if (r.Err != nil) != (i == 2) {
				t.Errorf("op %d: %v", i, r.Err)
			}
		}
		if diff := cmp.Diff([]bool{true, false, false, true, true, true, false, true}, changed); diff != "" {
			t.Errorf("changed (-want +got):\n%s", diff)
		}
		if a := got[5].Alert; a.End != released.End || a.Counter != 2 || a.RowID != 2 {
			t.Errorf("released %+v", a)
		}
		if v := s.CachedValue(netA, 1, "k"); v != "2" {
			t.Errorf("value %q", v)
		}
	})
}
