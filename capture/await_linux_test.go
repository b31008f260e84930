package capture

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/netmond/netmond/internal/netnstest"
)

// TestLiveAwaits opens a capture before its interface exists: it takes the frames from when it does, is told
// from one that is down, and follows it as any other afterwards.
func TestLiveAwaits(t *testing.T) {
	for _, workers := range []int{1, 3} {
		pair := netnstest.NewPair(t)
		pair.Delete()
		cfg := groupOn(pair.B.Name, workers)
		cfg.Await = true
		var log lockedBuffer
		l := openLogged(t, pair.B.NS, cfg, &log)
		c := startCrew(t, l)
		if s := l.Stats(); !s.Awaited || s.Up || !errors.Is(l.Awaited(), ErrNoInterface) {
			t.Errorf("%d workers: %+v, %v, want an interface that is awaited", workers, s, l.Awaited())
		}
		began := time.Now()
		pair.Create()
		index := pair.B.Link().Attrs().Index
		c.await("the interface", func(s Stats) bool {
			return s.Up && !s.Awaited && (workers == 1 || members(l, index) == workers)
		})
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("%d workers: counting %v after it was made", workers, took)
		}
		if !pair.B.Promiscuous() || l.Awaited() != nil {
			t.Errorf("%d workers: promiscuous %v, awaited %v", workers, pair.B.Promiscuous(), l.Awaited())
		}
		c.sendFlows(pair, 40)
		if s := l.Stats(); s.Packets != 40 || s.Downs != 0 || s.Reopens != 0 {
			t.Errorf("%d workers: %+v, want 40 frames, no time down", workers, s)
		}
		pair.Delete()
		c.await("gone", func(s Stats) bool { return !s.Up && s.Downs == 1 && !s.Awaited })
		pair.Create()
		index = pair.B.Link().Attrs().Index
		c.await("back", func(s Stats) bool { return s.Up && s.Reopens == 1 && (workers == 1 || members(l, index) == workers) })
		c.sendFlows(pair, 40)
		if got := c.finish(); len(got) != 80 {
			t.Errorf("%d workers: %d frames of 80", workers, len(got))
		}
		if text := log.String(); strings.Count(text, "waiting for it") != 2 || strings.Count(text, "interface is there") != 1 {
			t.Errorf("%d workers: the log does not tell it:\n%s", workers, text)
		}
	}
}
