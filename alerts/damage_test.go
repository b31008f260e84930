package alerts_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/netmond/netmond/alerts"
)

// soundFile makes a data directory whose file was closed cleanly: 40 engaged and 400 past alerts, and
// 40 values.
func soundFile(t *testing.T, dir string) alerts.Config {
	t.Helper()
	cfg := config(newClock())
	cfg.Dir, cfg.MaxPerCheckNetwork = dir, 1000
	s, err := alerts.Open(cfg, quiet())
	must(t, err)
	var ops []alerts.Op
	for i := range 400 {
		ops = append(ops, alerts.Op{Kind: alerts.OpRecord, Alert: alert(netA, fmt.Sprint("past-", i))})
		if i < 40 {
			ops = append(ops, alerts.Op{Kind: alerts.OpEngage, Alert: alert(netA, fmt.Sprint("engaged-", i))},
				alerts.Op{Kind: alerts.OpSet, Value: alerts.Value{Network: netA, Namespace: 1, Key: fmt.Sprint(i), Value: "v"}})
		}
	}
	for i, r := range s.Apply(ops) {
		if r.Err != nil {
			t.Fatal(i, r.Err)
		}
	}
	must(t, s.Close())
	return cfg
}

// setAside lists the damaged files, logs left out.
func setAside(t *testing.T, dir string) []string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(dir, "alerts.db.damaged-*"))
	must(t, err)
	names := list[:0]
	for _, name := range list {
		if !strings.HasSuffix(name, "-wal") && !strings.HasSuffix(name, "-shm") {
			names = append(names, name)
		}
	}
	return names
}

func TestForeignFilesAreSetAside(t *testing.T) {
	random := make([]byte, 100_000)
	rng := rand.New(rand.NewPCG(3, 4))
	for i := range random {
		random[i] = byte(rng.Uint32())
	}
	other := filepath.Join(t.TempDir(), "other.db")
	db, err := sql.Open("sqlite", other)
	must(t, err)
	_, err = db.Exec("CREATE TABLE wine (year INTEGER); INSERT INTO wine VALUES (1982)")
	must(t, err)
	must(t, db.Close())
	otherBytes, err := os.ReadFile(other)
	must(t, err)
	for name, body := range map[string][]byte{
		"random bytes":     random,
		"text":             []byte(strings.Repeat("not a database\n", 1000)),
		"one byte":         {'S'},
		"header alone":     []byte("SQLite format 3\x00"),
		"another database": otherBytes,
		"zeros":            make([]byte, 8192),
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			cfg := config(newClock())
			cfg.Dir = t.TempDir()
			must(t, os.WriteFile(filepath.Join(cfg.Dir, "alerts.db"), body, 0o600))
			s, err := alerts.Open(cfg, slog.New(slog.NewTextHandler(&log, nil)))
			must(t, err)
			defer s.Close()
			_, err = s.Engage(alert(netA, "k"))
			must(t, err)
			files := setAside(t, cfg.Dir)
			if len(files) != 1 || s.Stats().SetAside != 1 || !strings.Contains(log.String(), "set aside") || !strings.Contains(log.String(), files[0]) {
				t.Fatalf("set aside %q, %d; log: %s", files, s.Stats().SetAside, log.String())
			}
			kept, err := os.ReadFile(files[0])
			must(t, err)
			if name != "another database" && !bytes.Equal(kept, body) {
				t.Error("the file that was set aside has changed")
			}
		})
	}
	t.Run("empty file", func(t *testing.T) {
		cfg := config(newClock())
		cfg.Dir = t.TempDir()
		must(t, os.WriteFile(filepath.Join(cfg.Dir, "alerts.db"), nil, 0o600))
		openStore(t, cfg)
		if files := setAside(t, cfg.Dir); len(files) != 0 {
			t.Errorf("set aside %q", files)
		}
	})
}

// TestCutAndFlippedFiles opens the file cut at each of many places and with bits flipped: it opens, or
// says that it is too new; it answers; what was engaged and cached is all there or the file was set aside.
func TestCutAndFlippedFiles(t *testing.T) {
	cfg := soundFile(t, t.TempDir())
	sound, err := os.ReadFile(filepath.Join(cfg.Dir, "alerts.db"))
	must(t, err)
	rng := rand.New(rand.NewPCG(5, 6))
	outcome := map[string]int{}
	try := func(t *testing.T, name string, body []byte) {
		cfg := cfg
		cfg.Dir = t.TempDir()
		must(t, os.WriteFile(filepath.Join(cfg.Dir, "alerts.db"), body, 0o600))
		s, err := alerts.Open(cfg, quiet())
		if errors.Is(err, alerts.ErrNewerSchema) {
			outcome["newer"]++
			return
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		defer s.Close()
		all := alerts.Filter{Status: alerts.StatusAny}
		_, _, err = s.Find(context.Background(), "", all)
		if err == nil {
			_, _, err = s.Find(context.Background(), "", alerts.Filter{Text: "flood", Severity: ptr(alerts.SeverityError)})
		}
		if err != nil { // damage that the opening did not see: the writer sets the file aside soon
			waitFor(t, "the damaged file to be set aside", func() bool { return s.Stats().SetAside == 1 })
			if _, _, err := s.Find(context.Background(), "", all); err != nil {
				t.Errorf("%s: query after that: %v", name, err)
			}
			outcome["set aside after a query"]++
		}
		if _, err := s.Engage(alert(netB, "new")); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		engaged := s.AlertView(netA).Engaged
		switch aside := len(setAside(t, cfg.Dir)); {
		case aside == 0 && engaged != 40:
			outcome["sound, but other rows"]++ // a bit of an engaged row's own content
			if engaged < 39 {
				t.Errorf("%s: %d engaged, and nothing set aside", name, engaged)
			}
		case aside == 0:
			outcome["sound"]++
		case engaged == 40:
			outcome["set aside, engaged carried over"]++
		default:
			outcome["set aside"]++
		}
	}
	n := 60
	if testing.Short() {
		n = 15
	}
	for range n {
		end := rng.IntN(len(sound))
		try(t, fmt.Sprint("cut at ", end), sound[:end])
	}
	for range 2 * n {
		body := bytes.Clone(sound)
		at := rng.IntN(len(body))
		if rng.IntN(4) == 0 {
			at = rng.IntN(4096) // the first page more often
		}
		body[at] ^= 1 << rng.IntN(8)
		try(t, fmt.Sprint("flipped at ", at), body)
	}
	for range n {
		body := bytes.Clone(sound)
		at := rng.IntN(len(body)/512) * 512
		for i := range 512 {
			body[at+i] = byte(rng.Uint32())
		}
		try(t, fmt.Sprint("sector at ", at), body)
	}
	t.Log(outcome)
	if outcome["set aside"]+outcome["set aside, engaged carried over"] == 0 {
		t.Error("no damage was found, so this test shows nothing")
	}
}

// TestCutLog cuts the write-ahead log, as a crash of the machine may: what is whole in it counts.
func TestCutLog(t *testing.T) {
	cfg := config(newClock())
	cfg.Dir = t.TempDir()
	s := openStore(t, cfg)
	for i := range 20 {
		_, err := s.Engage(alert(netA, fmt.Sprint(i)))
		must(t, err)
	}
	file, err := os.ReadFile(filepath.Join(cfg.Dir, "alerts.db"))
	must(t, err)
	wal, err := os.ReadFile(filepath.Join(cfg.Dir, "alerts.db-wal"))
	must(t, err)
	last := -1
	for end := 0; end <= len(wal); end += 2048 {
		cfg.Dir = t.TempDir()
		must(t, os.WriteFile(filepath.Join(cfg.Dir, "alerts.db"), file, 0o600))
		must(t, os.WriteFile(filepath.Join(cfg.Dir, "alerts.db-wal"), wal[:end], 0o600))
		cut := openStore(t, cfg)
		n := cut.AlertView(netA).Engaged
		if n < last || cut.Stats().SetAside != 0 {
			t.Fatalf("log of %d bytes: %d engaged after %d, set aside %d", end, n, last, cut.Stats().SetAside)
		}
		last = n
		must(t, cut.Close())
	}
	if last < 19 { // the last step may end in the last transaction
		t.Errorf("whole log: %d engaged", last)
	}
}

func TestNewerSchemaIsLeftAlone(t *testing.T) {
	cfg := soundFile(t, t.TempDir())
	s := openStore(t, cfg)
	must(t, s.Exec("PRAGMA user_version = 7"))
	must(t, s.Close())
	_, err := alerts.Open(cfg, quiet())
	if !errors.Is(err, alerts.ErrNewerSchema) || !strings.Contains(err.Error(), "version 7") || !strings.Contains(err.Error(), "knows 1") {
		t.Errorf("open: %v", err)
	}
	if files := setAside(t, cfg.Dir); len(files) != 0 {
		t.Errorf("set aside %q", files)
	}
}

// TestDamageWhileRunning overwrites the file under an open store: the engaged alerts and the values
// survive in a new file.
func TestDamageWhileRunning(t *testing.T) {
	cfg := soundFile(t, t.TempDir())
	s := openStore(t, cfg)
	before, _ := s.Query("", engagedOnly)
	must(t, s.Exec("PRAGMA wal_checkpoint(TRUNCATE)"))
	file := filepath.Join(cfg.Dir, "alerts.db")
	st, err := os.Stat(file)
	must(t, err)
	f, err := os.OpenFile(file, os.O_WRONLY, 0)
	must(t, err)
	_, err = f.WriteAt(bytes.Repeat([]byte{0xa5}, int(st.Size())), 0)
	must(t, err)
	must(t, f.Close())
	// Caches may hide it for a while; a table that was not read yet does not.
	// The writer takes up what a reader met when it tends the file, once a second.
	deadline := time.Now().Add(20 * time.Second)
	for i := 0; s.Stats().SetAside == 0; i++ {
		if time.Now().After(deadline) {
			t.Fatal("the damage goes unnoticed")
		}
		s.Query("", alerts.Filter{Text: fmt.Sprint(i)})
		if err := s.SetCachedValue(netB, 0, "k", fmt.Sprint(i)); err != nil && !errors.Is(err, alerts.ErrQueued) {
			t.Fatal(err)
		}
	}
	waitFor(t, "recovery", func() bool { return !s.Stats().Failing })
	_, err = s.Engage(alert(netB, "after"))
	must(t, err)
	must(t, s.Close())
	s = openStore(t, cfg)
	after, _ := s.Query(netA, engagedOnly)
	if diff := cmp.Diff(before, after); diff != "" || s.AlertView(netB).Engaged != 1 {
		t.Errorf("engaged (-before +after):\n%s", diff)
	}
	for i := range 40 {
		if got := s.CachedValue(netA, 1, fmt.Sprint(i)); got != "v" {
			t.Fatalf("value %d: %q", i, got)
		}
	}
	if n := len(setAside(t, cfg.Dir)); n != 1 {
		t.Errorf("%d files set aside", n)
	}
	must(t, s.Record(alert(netA, "k")))
	if page, _ := s.Query(netA, alerts.Filter{}); len(page) != 1 || page[0].RowID <= before[len(before)-1].RowID {
		t.Errorf("row numbers begin anew: %+v", page)
	}
}

// TestCrashBetweenRenames: the file was set aside, and the new one has not got its name.
func TestCrashBetweenRenames(t *testing.T) {
	cfg := soundFile(t, t.TempDir())
	must(t, os.Rename(filepath.Join(cfg.Dir, "alerts.db"), filepath.Join(cfg.Dir, "alerts.db.new")))
	if n := openStore(t, cfg).AlertView(netA).Engaged; n != 40 {
		t.Errorf("%d engaged, want 40", n)
	}
}

// TestTamperedRows: rows that no sink would have taken are left out.
func TestTamperedRows(t *testing.T) {
	cfg := soundFile(t, t.TempDir())
	s := openStore(t, cfg)
	must(t, s.Exec("UPDATE engaged SET periodicity = 99 WHERE alert_key = 'engaged-1'"))
	must(t, s.Exec("UPDATE engaged SET score = -5 WHERE alert_key = 'engaged-2'"))
	must(t, s.Exec("UPDATE cached_values SET namespace = 9 WHERE value_key = '3'"))
	must(t, s.Close())
	s = openStore(t, cfg)
	if n, values := s.AlertView(netA).Engaged, s.Stats().NumValues; n != 38 || values != 39 {
		t.Errorf("%d engaged and %d values, want 38 and 39", n, values)
	}
}

func TestOneProcessAtATime(t *testing.T) {
	cfg := config(newClock())
	cfg.Dir = t.TempDir()
	s := openStore(t, cfg)
	if _, err := alerts.Open(cfg, quiet()); !errors.Is(err, alerts.ErrInUse) {
		t.Errorf("second open: %v", err)
	}
	must(t, s.Close())
	must(t, openStore(t, cfg).Close())
}

// TestSlowCommit has another connection hold SQLite's write lock: callers are not kept for longer than
// CommitWait, and all is written when the lock goes.
func TestSlowCommit(t *testing.T) {
	cfg := config(newClock())
	cfg.Dir, cfg.CommitWait = t.TempDir(), 20*time.Millisecond
	s := openStore(t, cfg)
	unlock := lockDatabase(t, cfg.Dir)
	fresh, err := s.Engage(alert(netA, "k"))
	if !fresh || !errors.Is(err, alerts.ErrQueued) || !s.Stats().Failing {
		t.Errorf("engage: %v, %v; %+v", fresh, err, s.Stats())
	}
	unlock()
	waitFor(t, "the commit", func() bool { st := s.Stats(); return !st.Failing && st.Queued == 0 })
	must(t, s.Close())
	if n := openStore(t, cfg).AlertView(netA).Engaged; n != 1 {
		t.Errorf("%d engaged, want 1", n)
	}
}
