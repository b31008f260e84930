package alerts_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/netmond/netmond/alerts"
	"github.com/netmond/netmond/internal/testneed"
)

const limitEnv = "NETMOND_TEST_ALERT_LIMIT"

// smallDisk mounts a file system of 2 MB that the test alone uses.
func smallDisk(t *testing.T) string {
	t.Helper()
	testneed.Root(t)
	dir := t.TempDir()
	must(t, unix.Mount("netmond-test", dir, "tmpfs", unix.MS_NODEV|unix.MS_NOSUID, "size=2m"))
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func TestFullDisk(t *testing.T) {
	dir := smallDisk(t)
	ballast := filepath.Join(dir, "ballast")
	var events, early atomic.Int64
	cfg := config(newClock())
	cfg.Dir, cfg.MaxQueued, cfg.MaxPerCheckNetwork, cfg.MaxPerCheck = dir, 50, 1<<30, 1<<30
	cfg.Events = func(e alerts.Event) {
		events.Add(1)
		if !e.Durable {
			early.Add(1)
		}
	}
	var log syncBuffer
	s, err := alerts.Open(cfg, slog.New(slog.NewTextHandler(&log, nil)))
	must(t, err)
	defer s.Close()
	must(t, s.SetCachedValue(netA, 0, "before", "1"))
	fresh, err := s.Engage(alert(netA, "before"))
	must(t, err)
	if !fresh {
		t.Fatal("not fresh")
	}
	fillUp(t, ballast)

	accepted := []string{}
	dropped := 0
	for i := 0; dropped < 5; i++ {
		a := alert(netA, fmt.Sprintf("full-%03d", i))
		a.JSON = strings.Repeat("x", 4000)
		fresh, err := s.Engage(a)
		switch {
		case errors.Is(err, alerts.ErrFailing):
			dropped++
			if fresh {
				t.Errorf("%s is dropped and fresh", a.Key.Key)
			}
		case err == nil || errors.Is(err, alerts.ErrQueued):
			if !fresh {
				t.Errorf("%s is not fresh", a.Key.Key)
			}
			accepted = append(accepted, a.Key.Key)
		default:
			t.Fatal(err)
		}
		if i > 10_000 {
			t.Fatal("the disk does not fill up")
		}
	}
	// All that was not dropped shows at once, and the counting of values goes on.
	if _, total := s.Query(netA, engagedOnly); total != len(accepted)+1 {
		t.Errorf("%d engaged, want %d", total, len(accepted)+1)
	}
	if err := s.SetCachedValue(netA, 0, "before", "2"); !errors.Is(err, alerts.ErrQueued) || s.CachedValue(netA, 0, "before") != "2" {
		t.Errorf("value: %v", err)
	}
	if _, ok, err := s.Release(alert(netA, "before").Key, 0); ok || !errors.Is(err, alerts.ErrFailing) {
		t.Errorf("release with a full queue: %v %v", ok, err)
	}
	if s.AlertView(netA).Engaged != len(accepted)+1 {
		t.Error("the release that was dropped did something")
	}
	if _, err := s.Acknowledge(netA, alerts.Filter{}, "l"); !errors.Is(err, alerts.ErrFailing) {
		t.Errorf("acknowledge: %v", err)
	}
	st := s.Stats()
	if !st.Failing || st.LastError == "" || st.LastErrorAt == 0 || st.Queued != 50 || st.Refused["failing"] != 6 || st.CommitErrors == 0 {
		t.Errorf("while full: %+v", st)
	}
	waitFor(t, "events of what is queued", func() bool { return events.Load() == int64(len(accepted)+1) })
	if early.Load() == 0 {
		t.Error("no event says that its alert is not durable")
	}

	must(t, os.Remove(ballast))
	waitFor(t, "the queue to be written", func() bool { st := s.Stats(); return !st.Failing && st.Queued == 0 })
	if n := strings.Count(log.String(), "cannot be written"); n != 1 || !strings.Contains(log.String(), "works again") {
		t.Errorf("log:\n%s", log.String())
	}
	if _, err := s.Engage(alert(netB, "after")); err != nil {
		t.Errorf("after the recovery: %v", err)
	}
	// The caller goes on before the event is given.
	waitFor(t, "the event of the alert after it", func() bool { return events.Load() >= int64(len(accepted)+2) })
	if events.Load() != int64(len(accepted)+2) {
		t.Errorf("%d events for %d alerts", events.Load(), len(accepted)+2)
	}
	must(t, s.Close())
	s = openStore(t, cfg)
	if got := counted(s, netA, engagedOnly); len(got) != len(accepted)+1 {
		t.Errorf("%d engaged after a restart, want %d", len(got), len(accepted)+1)
	}
	if got := s.CachedValue(netA, 0, "before"); got != "2" {
		t.Errorf("value after a restart %q", got)
	}
}

// fillUp leaves no byte on the disk.
func fillUp(t *testing.T, name string) {
	t.Helper()
	f, err := os.Create(name)
	must(t, err)
	defer f.Close()
	for block := 64 << 10; block > 0; {
		if _, err := f.Write(make([]byte, block)); errors.Is(err, unix.ENOSPC) {
			block /= 2
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

// syncBuffer is a log that may be read while it is written.
type syncBuffer struct {
	text atomic.Pointer[string]
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	for {
		old := b.text.Load()
		next := string(p)
		if old != nil {
			next = *old + next
		}
		if b.text.CompareAndSwap(old, &next) {
			return len(p), nil
		}
	}
}

func (b *syncBuffer) String() string {
	if p := b.text.Load(); p != nil {
		return *p
	}
	return ""
}

func TestReadOnlyDisk(t *testing.T) {
	dir := smallDisk(t)
	cfg := config(newClock())
	cfg.Dir = dir
	s := openStore(t, cfg)
	_, err := s.Engage(alert(netA, "k"))
	must(t, err)
	must(t, s.Close())
	must(t, unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, "size=2m"))
	if _, err := alerts.Open(cfg, quiet()); !errors.Is(err, unix.EROFS) || !strings.Contains(err.Error(), dir) {
		t.Errorf("open on a read-only disk: %v", err)
	}
	must(t, unix.Mount("", dir, "", unix.MS_REMOUNT, "size=2m"))
	s = openStore(t, cfg)
	if s.AlertView(netA).Engaged != 1 || s.Stats().SetAside != 0 {
		t.Errorf("after the disk is writable again: %+v", s.Stats())
	}
}

// TestWriteErrors has another process run into write errors (EFBIG, by its limit on file sizes), which
// needs no root.
func TestWriteErrors(t *testing.T) {
	exe, err := os.Executable()
	must(t, err)
	child := exec.Command(exe)
	child.Env = append(os.Environ(), limitEnv+"="+t.TempDir())
	out, err := child.CombinedOutput()
	if err != nil || !bytes.HasPrefix(out, []byte("good")) {
		t.Fatalf("%v: %s", err, out)
	}
}

// limited is that process.
func limited(dir string) {
	die := func(what ...any) {
		fmt.Println(what...)
		os.Exit(1)
	}
	signal.Ignore(unix.SIGXFSZ)
	cfg := stormConfig(dir)
	cfg.RetryMin, cfg.RetryMax = time.Millisecond, 2*time.Millisecond
	s, err := alerts.Open(cfg, slog.New(slog.NewTextHandler(io.Discard, nil)))
	if err != nil {
		die(err)
	}
	if _, err := s.Engage(alert(netA, "before")); err != nil {
		die(err)
	}
	var old unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_FSIZE, &old); err != nil {
		die(err)
	}
	small := unix.Rlimit{Cur: 4096, Max: old.Max}
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &small); err != nil {
		die(err)
	}
	for i := range 20 {
		fresh, err := s.Engage(alert(netA, fmt.Sprint(i)))
		if !fresh || !errors.Is(err, alerts.ErrQueued) {
			die("while writes go wrong:", fresh, err)
		}
	}
	if st := s.Stats(); !st.Failing || st.Queued != 20 || st.SetAside != 0 {
		die("while writes go wrong:", st)
	}
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &old); err != nil {
		die(err)
	}
	for end := time.Now().Add(20 * time.Second); s.Stats().Failing; {
		if time.Now().After(end) {
			die("no recovery")
		}
		time.Sleep(time.Millisecond) // of a process that only waits
	}
	if err := s.Close(); err != nil {
		die(err)
	}
	if s, err = alerts.Open(cfg, quiet()); err != nil {
		die(err)
	}
	if n := s.AlertView(netA).Engaged; n != 21 {
		die("after the recovery:", n)
	}
	fmt.Println("good")
	os.Exit(0)
}
