package alerts_test

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/netmond/netmond/alerts"
)

func TestRestartKeepsAll(t *testing.T) {
	cfg := config(newClock())
	cfg.Dir = filepath.Join(t.TempDir(), "new", "dir")
	s := openStore(t, cfg)
	for i := range 3 {
		_, err := s.Engage(alert(netA, fmt.Sprint(i)))
		must(t, err)
		must(t, s.SetCachedValue(netA, i, "k", fmt.Sprint(i)))
	}
	_, _, err := s.Release(alert(netA, "1").Key, 1_700_000_009)
	must(t, err)
	_, err = s.Acknowledge("", alerts.Filter{}, "label")
	must(t, err)
	all := alerts.Filter{Status: alerts.StatusAny, OrderBy: "row_id"}
	want, _ := s.Query("", all)
	if len(want) != 3 {
		t.Fatalf("%d alerts", len(want))
	}
	must(t, s.Close())
	must(t, s.Close())
	if _, err := s.Engage(alert(netA, "x")); !errors.Is(err, alerts.ErrClosed) {
		t.Errorf("engage after close: %v", err)
	}
	if _, err := s.Delete("", alerts.Filter{}); !errors.Is(err, alerts.ErrClosed) {
		t.Errorf("delete after close: %v", err)
	}
	if page, _ := s.Query(netA, engagedOnly); len(page) != 2 {
		t.Errorf("%d engaged in memory after close", len(page))
	}

	s = openStore(t, cfg)
	got, _ := s.Query("", all)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("alerts (-before +after):\n%s", diff)
	}
	for i := range 3 {
		if v := s.CachedValue(netA, i, "k"); v != fmt.Sprint(i) {
			t.Errorf("value %d: %q", i, v)
		}
	}
	fresh, err := s.Engage(alert(netA, "2"))
	if fresh || err != nil {
		t.Errorf("engage of an engaged one: %v, %v", fresh, err)
	}
	for name, mode := range map[string]os.FileMode{"": os.ModeDir | 0o700, "alerts.db": 0o600, "alerts.db-wal": 0o600} {
		if st, err := os.Stat(filepath.Join(cfg.Dir, name)); runtime.GOOS != "windows" && (err != nil || st.Mode() != mode) {
			t.Errorf("%q: %v, %v; want %v", name, st.Mode(), err, mode)
		}
	}
}

// TestNothingIsLeftRunning also holds for a Close while others call.
func TestNothingIsLeftRunning(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	cfg := config(newClock())
	cfg.Dir, cfg.MaxPerCheckNetwork = t.TempDir(), 1<<30
	s, err := alerts.Open(cfg, quiet())
	must(t, err)
	var group sync.WaitGroup
	stored := make([]int, 4)
	for worker := range stored {
		group.Go(func() {
			for {
				err := s.Record(alert(netA, "k"))
				if err != nil {
					if !errors.Is(err, alerts.ErrClosed) {
						t.Errorf("record: %v", err)
					}
					return
				}
				stored[worker]++
			}
		})
	}
	waitFor(t, "work", func() bool { return s.Stats().Commits > 10 })
	must(t, s.Close())
	group.Wait()
	s, err = alerts.Open(cfg, quiet())
	must(t, err)
	defer s.Close()
	sum := 0
	for _, n := range stored {
		sum += n
	}
	// Up to one of each worker was written, but told so only by ErrClosed.
	if rows := s.Stats().Rows; rows < sum || rows > sum+len(stored) {
		t.Errorf("%d rows for %d acknowledged", rows, sum)
	}
}

// TestConcurrentUse is for the race detector, and for the sharing of commits.
func TestConcurrentUse(t *testing.T) {
	cfg := config(newClock())
	cfg.Dir, cfg.MaxPerCheckNetwork = t.TempDir(), 1<<30
	var order []int64
	cfg.Events = func(e alerts.Event) { order = append(order, e.Alert.RowID) }
	s := openStore(t, cfg)
	const workers, rounds = 16, 25
	var group sync.WaitGroup
	for w := range workers {
		group.Go(func() {
			for i := range rounds {
				a := alert(netA, fmt.Sprint(w, "-", i))
				if fresh, err := s.Engage(a); !fresh || err != nil {
					t.Errorf("engage: %v, %v", fresh, err)
				}
				if err := s.SetCachedValue(netA, w%6, fmt.Sprint(w), fmt.Sprint(i)); err != nil {
					t.Error(err)
				}
				// The same key from all: one engages it.
				if _, err := s.Engage(alert(netB, fmt.Sprint(i))); err != nil {
					t.Error(err)
				}
				if _, ok, err := s.Release(a.Key, a.Time); !ok || err != nil {
					t.Errorf("release: %v, %v", ok, err)
				}
				page, total := s.Query(netA, alerts.Filter{Status: alerts.StatusAny, PerPage: 5, Page: i, Descending: true})
				if len(page) > 5 || total < i {
					t.Errorf("%d of %d alerts", len(page), total)
				}
				s.AlertView(netA)
				s.Stats()
				if i%10 == 0 {
					if _, err := s.Acknowledge(netA, alerts.Filter{}, "l"); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	group.Wait()
	st := s.Stats()
	if st.Rows != workers*rounds || st.Engages != workers*rounds+rounds || s.AlertView(netB).Engaged != rounds {
		t.Errorf("%+v", st)
	}
	must(t, s.Close())
	for i := 1; i < len(order); i++ {
		if order[i] <= order[i-1] {
			t.Fatalf("event of row %d after row %d", order[i], order[i-1])
		}
	}
	if len(order) != 2*workers*rounds+rounds {
		t.Errorf("%d events", len(order))
	}
}

// TestCommitsAreShared lets 50 callers wait behind a lock: one or two commits serve them all.
func TestCommitsAreShared(t *testing.T) {
	cfg := config(newClock())
	cfg.Dir = t.TempDir()
	s := openStore(t, cfg)
	unlock := lockDatabase(t, cfg.Dir)
	var group sync.WaitGroup
	for i := range 50 {
		group.Go(func() {
			if _, err := s.Engage(alert(netA, fmt.Sprint(i))); err != nil {
				t.Error(err)
			}
		})
	}
	waitFor(t, "all to wait", func() bool { return s.Stats().Queued == 50 })
	unlock()
	group.Wait()
	if st := s.Stats(); st.Commits > 2 || st.Engages != 50 {
		t.Errorf("%d commits for %d changes", st.Commits, st.Engages)
	}
}

// lockDatabase takes SQLite's write lock.
func lockDatabase(t *testing.T, dir string) (unlock func()) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(dir, "alerts.db"))
	must(t, err)
	conn, err := db.Conn(t.Context())
	must(t, err)
	_, err = conn.ExecContext(t.Context(), "BEGIN IMMEDIATE")
	must(t, err)
	return func() {
		t.Helper()
		_, err := conn.ExecContext(t.Context(), "ROLLBACK")
		must(t, errors.Join(err, conn.Close(), db.Close()))
	}
}

func TestStats(t *testing.T) {
	cfg := config(newClock())
	cfg.Dir, cfg.MaxPerCheckNetwork = t.TempDir(), 2
	s, mem := openStore(t, cfg), alerts.NewMem(cfg)
	for _, s := range []alerts.Keeper{s, mem} {
		for _, score := range []int{10, 100, 200} {
			a := alert(netA, fmt.Sprint(score))
			a.Score = score
			s.Engage(a)
		}
		s.Release(alert(netA, "10").Key, 0)
		must(t, s.SetCachedValue(netB, 1, "k", "v"))
		must(t, s.SetCachedValue(netB, 1, "k", "v")) // the same: not written
		s.SetCachedValue(netB, 9, "k", "v")
	}
	must(t, s.Tend())
	got := s.Stats()
	if got.CommitSeconds <= 0 || got.FileBytes < 4096 || got.UsedBytes < 4096 {
		t.Errorf("%+v", got)
	}
	got.CommitSeconds, got.FileBytes, got.UsedBytes = 0, 0, 0
	want := alerts.Stats{
		Engaged: map[string][alerts.NumSeverities]int{netA: {alerts.SeverityError: 1}}, NumValues: 1, Rows: 1,
		Engages: 2, Releases: 1, Values: 1, Commits: 4,
		Refused: map[string]uint64{"quota": 1, "too_large": 0, "invalid": 1, "full": 0, "failing": 0, "closed": 0},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	want.Commits = 0
	if diff := cmp.Diff(want, mem.Stats()); diff != "" {
		t.Errorf("in memory (-want +got):\n%s", diff)
	}
}

// TestSizeStaysBounded stores far more than the file may hold.
func TestSizeStaysBounded(t *testing.T) {
	cfg := config(newClock())
	cfg.Dir, cfg.MaxDBBytes, cfg.MaxPerCheckNetwork = t.TempDir(), 4<<20, 1<<30
	s := openStore(t, cfg)
	text := strings.Repeat("0123456789 abcdefgh ", 800)
	stored := 0
	for round := range 12 {
		ops := make([]alerts.Op, 100)
		for i := range ops {
			a := alert(netA, fmt.Sprint(round, "-", i))
			a.JSON = text + fmt.Sprint(round, "x", i)
			ops[i] = alerts.Op{Kind: alerts.OpRecord, Alert: a}
		}
		for _, r := range s.Apply(ops) {
			must(t, r.Err)
		}
		stored += len(ops) * len(text)
		must(t, s.Tend())
		st := s.Stats()
		if st.UsedBytes > cfg.MaxDBBytes {
			t.Errorf("round %d: %d bytes used", round, st.UsedBytes)
		}
	}
	must(t, s.Exec("PRAGMA wal_checkpoint(TRUNCATE)"))
	if st := s.Stats(); st.FileBytes > 2*cfg.MaxDBBytes || st.Trimmed == 0 || stored < 4*int(cfg.MaxDBBytes) {
		t.Errorf("%d bytes stored: %+v", stored, st)
	}
	words, err := s.Number("SELECT count(*) FROM network_alert_words WHERE network_alert_words MATCH 'abcdefgh'")
	must(t, err)
	if rows := s.Stats().Rows; int(words) != rows {
		t.Errorf("%d rows in the index, %d in the table", words, rows)
	}
	page, _ := s.Query(netA, alerts.Filter{OrderBy: "row_id", Descending: true, PerPage: 1, Text: "11x99"})
	if len(page) != 1 {
		t.Error("the last alert is gone")
	}
	// With nearly all deleted, the file system gets its space back.
	_, err = s.Delete("", alerts.Filter{})
	must(t, err)
	must(t, s.Tend())
	must(t, s.Exec("PRAGMA wal_checkpoint(TRUNCATE)"))
	if st := s.Stats(); st.Rows != 0 || st.FileBytes > cfg.MaxDBBytes+1<<20 {
		t.Errorf("after deleting all: %+v", st)
	}
}

func TestConfigIsChecked(t *testing.T) {
	for name, change := range map[string]func(*alerts.Config){
		"max engaged":        func(c *alerts.Config) { c.MaxEngaged = 0 },
		"max queued bytes":   func(c *alerts.Config) { c.MaxQueuedBytes = 1000 },
		"max database bytes": func(c *alerts.Config) { c.MaxDBBytes = -1 },
		"commit wait":        func(c *alerts.Config) { c.CommitWait = 0 },
		"retry":              func(c *alerts.Config) { c.RetryMax = c.RetryMin - 1 },
		"max age":            func(c *alerts.Config) { c.MaxAge = time.Second },
		"data directory":     func(c *alerts.Config) { c.Dir = "" },
	} {
		cfg := alerts.DefaultConfig()
		cfg.Dir = t.TempDir()
		change(&cfg)
		if _, err := alerts.Open(cfg, quiet()); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	cfg := alerts.DefaultConfig()
	cfg.Dir = filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(cfg.Dir, nil, 0o600))
	if _, err := alerts.Open(cfg, quiet()); err == nil || !strings.Contains(err.Error(), cfg.Dir) {
		t.Errorf("a file as directory: %v", err)
	}
}

func TestSeverityAndPeriodicity(t *testing.T) {
	for score, want := range map[int]alerts.Severity{-1: 0, 0: 0, 1: 2, 9: 2, 10: 3, 49: 3, 50: 4, 99: 4, 100: 5, 199: 5, 200: 6, 249: 6, 250: 8} {
		if got := alerts.SeverityOf(score); got != want {
			t.Errorf("score %d: %v, want %v", score, got, want)
		}
	}
	for s := alerts.SeverityNone; s < alerts.NumSeverities; s++ {
		if got, ok := alerts.ParseSeverity(s.String()); got != s || !ok {
			t.Errorf("severity %v", s)
		}
		if back := alerts.SeverityOf(s.Score()); s > alerts.SeverityDebug && back != s && s != alerts.SeverityAlert {
			t.Errorf("severity %v has a score of %v", s, back)
		}
	}
	for _, tt := range []struct {
		prev, now int64
		want      []alerts.Periodicity
	}{
		{0, 59e9, []alerts.Periodicity{alerts.FiveSeconds}},
		{59e9, 60e9, []alerts.Periodicity{alerts.FiveSeconds, alerts.Minute}},
		{0, 86400e9, []alerts.Periodicity{alerts.FiveSeconds, alerts.Minute, alerts.FiveMinutes, alerts.Hour, alerts.Day}},
		{299e9, 301e9, []alerts.Periodicity{alerts.FiveSeconds, alerts.Minute, alerts.FiveMinutes}},
		{-1, 0, []alerts.Periodicity{alerts.FiveSeconds, alerts.Minute, alerts.FiveMinutes, alerts.Hour, alerts.Day}},
		{100e9, 50e9, nil},
		{1e9, 4e9, nil},
	} {
		if diff := cmp.Diff(tt.want, alerts.Due(tt.prev, tt.now)); diff != "" {
			t.Errorf("due from %d to %d (-want +got):\n%s", tt.prev, tt.now, diff)
		}
	}
	for _, p := range append(alerts.Periodicities(), alerts.Aperiodic) {
		if got, ok := alerts.ParsePeriodicity(p.String()); got != p || !ok || !p.Valid() {
			t.Errorf("periodicity %v", p)
		}
	}
	for _, n := range []alerts.Periodicity{-1, 5, 6, 8} {
		if _, ok := alerts.ParsePeriodicity(n.String()); ok || n.Valid() != (n == 5) {
			t.Errorf("periodicity %d: parsed %v, valid %v", n, ok, n.Valid())
		}
	}
	if alerts.Hour.Seconds() != 3600 || alerts.Periodicity(-1).Seconds() != 0 {
		t.Error("periodicity")
	}
}
