package capture

import (
	"bytes"
	"errors"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"github.com/netmond/netmond/internal/netnstest"
	"github.com/netmond/netmond/packet"
)

// awaitUp reads until the state of the interface is as wanted.
func awaitUp(t *testing.T, l *Live, up bool) {
	t.Helper()
	readUntil(t, l, func([]packet.Frame) bool { return l.Stats().Up == up })
}

// expect sends n frames to B and reads just them.
func expect(t *testing.T, l *Live, pair *netnstest.Pair, n int) {
	t.Helper()
	s := pair.A.Sender()
	s.Repeat(ether(100, n, 0x08, 0x00), n)
	got := readUntil(t, l, func(got []packet.Frame) bool { return len(got) >= n })
	if len(got) != n {
		t.Errorf("%d frames of %d", len(got), n)
	}
}

// use is the processor time of the calling thread, for a goroutine that keeps to it.
func use(t *testing.T) time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_THREAD, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// checkIdle reads for a second without traffic and holds that it takes hardly any processor time.
func checkIdle(t *testing.T, l *Live) {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	begin, before := time.Now(), use(t)
	calls := 0
	readUntil(t, l, func([]packet.Frame) bool { calls++; return time.Since(begin) > time.Second })
	if used := use(t) - before; used > 20*time.Millisecond || calls > 20 {
		t.Errorf("%v of processor time in %d calls, in %v without traffic", used, calls, time.Since(begin))
	}
}

func TestLiveIdle(t *testing.T) {
	pair := netnstest.NewPair(t)
	l := openIn(t, pair.B.NS, liveOn(pair.B.Name))
	checkIdle(t, l)
	first := l.Stats().LastPoll
	checkIdle(t, l)
	if last := l.Stats().LastPoll; last-first < int64(time.Second/2) {
		t.Errorf("time of the last poll moved by %v in a second", time.Duration(last-first))
	}
}

func TestLiveDownAndUp(t *testing.T) {
	pair := netnstest.NewPair(t)
	var log bytes.Buffer
	l := openLogged(t, pair.B.NS, liveOn(pair.B.Name), &log)
	expect(t, l, pair, 5)
	pair.B.Down()
	awaitUp(t, l, false)
	checkIdle(t, l)
	begin := time.Now()
	pair.B.Up()
	awaitUp(t, l, true)
	expect(t, l, pair, 7)
	if took := time.Since(begin); took > 2*time.Second {
		t.Errorf("frames came again after %v", took)
	}
	drain(t, l)
	if s := l.Stats(); s.Packets != 12 || s.Downs != 1 || s.Reopens != 0 {
		t.Errorf("%+v, want 12 frames, one down, no reopening", s)
	}
	if down, up := strings.Count(log.String(), "is down"), strings.Count(log.String(), "is up again"); down != 1 || up != 1 {
		t.Errorf("%d and %d lines for one way down and up:\n%s", down, up, log.String())
	}
}

// TestLiveShortFlap is down and up between two reads.
func TestLiveShortFlap(t *testing.T) {
	pair := netnstest.NewPair(t)
	l := openIn(t, pair.B.NS, liveOn(pair.B.Name))
	pair.B.Down()
	pair.B.Up()
	readUntil(t, l, func([]packet.Frame) bool { return l.Stats().Downs == 1 })
	if !l.Stats().Up {
		t.Error("not up after it came up again")
	}
	expect(t, l, pair, 3)
}

func TestLiveStartsDown(t *testing.T) {
	pair := netnstest.NewPair(t)
	pair.B.Down()
	l := openIn(t, pair.B.NS, liveOn(pair.B.Name))
	if s := l.Stats(); s.Up || s.Downs != 0 {
		t.Errorf("%+v, want not up, and no down counted", s)
	}
	checkIdle(t, l)
	l.readers[0].checked = time.Now() // no look at the interface is due
	pair.B.Up()
	expect(t, l, pair, 3)
	if !l.Stats().Up {
		t.Error("frames came, yet it is not known as up")
	}
}

func TestLiveDeletedAndMadeAgain(t *testing.T) {
	pair := netnstest.NewPair(t)
	var log bytes.Buffer
	l := openLogged(t, pair.B.NS, liveOn(pair.B.Name), &log)
	expect(t, l, pair, 5)

	pair.Delete()
	awaitUp(t, l, false)
	checkIdle(t, l)
	begin := time.Now()
	pair.Create()
	awaitUp(t, l, true)
	if took := time.Since(begin); took > 2*time.Second {
		t.Errorf("up again after %v", took)
	}
	expect(t, l, pair, 7)
	if !pair.B.Promiscuous() {
		t.Error("the new interface is not promiscuous")
	}
	if down, up := strings.Count(log.String(), "gone"), strings.Count(log.String(), "is up again"); down != 1 || up != 1 {
		t.Errorf("%d and %d lines for one loss and return:\n%s", down, up, log.String())
	}

	pair.Delete() // and again, this time between two reads
	pair.Create()
	readUntil(t, l, func([]packet.Frame) bool { s := l.Stats(); return s.Up && s.Downs == 2 })
	expect(t, l, pair, 9)
	drain(t, l)
	if s := l.Stats(); s.Packets != 21 || s.Reopens != 2 {
		t.Errorf("%+v, want 21 frames and two times reopened", s)
	}
}

// TestLiveSameIndexAgain makes an interface that has name and index of the one that was deleted, but
// is another.
func TestLiveSameIndexAgain(t *testing.T) {
	pair := netnstest.NewPair(t)
	l := openIn(t, pair.B.NS, liveOn(pair.B.Name))
	index := pair.B.Link().Attrs().Index
	pair.Delete()
	pair.B.Do(func() {
		attrs := netlink.NewLinkAttrs()
		attrs.Name, attrs.Index = pair.B.Name, index
		if err := netlink.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: "nmp"}); err != nil {
			t.Fatal(err)
		}
	})
	pair.B.Up()
	readUntil(t, l, func([]packet.Frame) bool { s := l.Stats(); return s.Up && s.Reopens == 1 })
	if !pair.B.Promiscuous() {
		t.Error("not promiscuous")
	}
}

// TestLiveRenamed goes on with an interface that was renamed, until another has its name.
func TestLiveRenamed(t *testing.T) {
	pair := netnstest.NewPair(t)
	l := openIn(t, pair.B.NS, liveOn(pair.B.Name))
	expect(t, l, pair, 2)
	pair.B.Down()
	pair.B.Do(func() {
		if err := netlink.LinkSetName(pair.B.Link(), "nmr"); err != nil {
			t.Fatal(err)
		}
	})
	old := pair.B.Name
	pair.B.Name = "nmr"
	awaitUp(t, l, false)
	pair.B.Up()
	awaitUp(t, l, true)
	expect(t, l, pair, 3)
	if s := l.Stats(); s.Reopens != 0 {
		t.Errorf("%+v, want no reopening for a change of name", s)
	}
	pair.B.Do(func() {
		attrs := netlink.NewLinkAttrs()
		attrs.Name = old
		if err := netlink.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: "nmp"}); err != nil {
			t.Fatal(err)
		}
	})
	readUntil(t, l, func([]packet.Frame) bool { return l.Stats().Reopens == 1 })
	if pair.B.Promiscuous() {
		t.Error("the interface that is no longer captured from is promiscuous")
	}
}

// TestLiveManyFlaps leaves no descriptor and no goroutine behind.
func TestLiveManyFlaps(t *testing.T) {
	flaps := 100
	if testing.Short() {
		flaps = 10
	}
	pair := netnstest.NewPair(t)
	open := goleak.IgnoreCurrent()
	l := openIn(t, pair.B.NS, liveOn(pair.B.Name))
	before := descriptors(t)
	want := uint64(0)
	for range flaps {
		pair.B.Down()
		awaitUp(t, l, false)
		pair.B.Up()
		pair.A.Sender().Repeat(ether(100, 0, 0x08, 0x00), 3)
		want += 3
		awaitUp(t, l, true)
	}
	drain(t, l)
	if s := l.Stats(); s.Downs != uint64(flaps) || s.Packets != want {
		t.Errorf("%+v, want %d downs and %d frames", s, flaps, want)
	}
	// One of each Sender; sentinel, netlink and the queues' counts are closed by Stop.
	if after := descriptors(t); after != before+flaps-3 {
		t.Errorf("%d descriptors, %d before, %d of them the test's", after, before, flaps)
	}
	shut(t, l)
	if after := descriptors(t); after != before+flaps-6 {
		t.Errorf("%d descriptors after Close, want %d", after, before+flaps-6)
	}
	goleak.VerifyNone(t, open)
}

func descriptors(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

func TestLivePromiscuousEndsWithSocket(t *testing.T) {
	pair := netnstest.NewPair(t)
	cfg := liveOn(pair.B.Name)
	cfg.Promiscuous = false
	plain := openIn(t, pair.B.NS, cfg)
	if pair.B.Promiscuous() {
		t.Error("promiscuous though not asked for")
	}
	ends := map[string]func(*Live){
		"Stop":                     (*Live).Stop,
		"Close":                    func(l *Live) { shut(t, l) },
		"Close with frames in use": func(l *Live) { expect(t, l, pair, 1); l.Close() },
	}
	for name, end := range ends {
		l := openIn(t, pair.B.NS, liveOn(pair.B.Name))
		if !pair.B.Promiscuous() {
			t.Errorf("%s: not promiscuous before", name)
		}
		end(l)
		if pair.B.Promiscuous() {
			t.Errorf("%s: still promiscuous", name)
		}
	}
	shut(t, plain)
}

// TestLiveClose closes under readers at work, from several goroutines.
func TestLiveClose(t *testing.T) {
	pair := netnstest.NewPair(t)
	sender := pair.A.Sender()
	for range 20 {
		l := openIn(t, pair.B.NS, liveOn(pair.B.Name))
		began := make(chan struct{})
		sum := 0
		var wg sync.WaitGroup
		wg.Go(func() {
			defer close(began)
			var b packet.Block
			for first := true; ; first = false {
				err := l.ReadBlock(&b)
				if first {
					began <- struct{}{}
				}
				if errors.Is(err, ErrClosed) {
					return
				}
				if err != nil {
					t.Errorf("ReadBlock: %v", err)
					return
				}
				for _, f := range b.Frames { // in memory that goes away with the ring
					for _, c := range f.Data {
						sum += int(c)
					}
				}
			}
		})
		sender.Repeat(ether(1000, 0, 0x08, 0x00), 100)
		<-began
		begin := time.Now()
		for range 3 {
			wg.Go(func() {
				l.Stats()
				if err := l.Close(); err != nil {
					t.Errorf("Close: %v", err)
				}
			})
		}
		wg.Wait()
		if took := time.Since(begin); took > time.Second {
			t.Errorf("Close took %v", took)
		}
		if s := l.Stats(); s.Up || s.KernelPackets < s.Packets {
			t.Errorf("after Close: %+v", s)
		}
	}
}

// TestLiveCloseKeepsFramesInUse reads frames after Close, until the ReadBlock that ends their life.
func TestLiveCloseKeepsFramesInUse(t *testing.T) {
	pair := netnstest.NewPair(t)
	l := openIn(t, pair.B.NS, liveOn(pair.B.Name))
	before := descriptors(t)
	frame := ether(100, 1, 0x08, 0x00)
	pair.A.Sender().Send(frame)
	var b packet.Block
	for len(b.Frames) == 0 {
		if err := l.ReadBlock(&b); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if got := b.Frames[0].Data; !bytes.Equal(got, frame) {
		t.Errorf("frame after Close: %x, want %x", got, frame)
	}
	for range 2 {
		if err := l.ReadBlock(&b); !errors.Is(err, ErrClosed) || len(b.Frames) != 0 {
			t.Errorf("ReadBlock after Close: %d frames, %v, want ErrClosed", len(b.Frames), err)
		}
	}
	if s := l.Stats(); s.Packets != 1 || s.KernelPackets != 1 {
		t.Errorf("stats after Close %+v, want 1 frame", s)
	}
	// The Sender's; ring, eventfd, epoll, sentinel, netlink and the queues' counts are closed.
	if after := descriptors(t); after != before+1-6 {
		t.Errorf("%d descriptors, want %d", after, before-5)
	}
}

// TestLiveWakesReader ends a wait without frames at once.
func TestLiveWakesReader(t *testing.T) {
	pair := netnstest.NewPair(t)
	const rounds = 10
	for name, end := range map[string]func(*Live){"Stop": (*Live).Stop, "Close": func(l *Live) { l.Close() }} {
		var took time.Duration
		for range rounds {
			l := openIn(t, pair.B.NS, liveOn(pair.B.Name))
			done := make(chan struct{})
			go func() { // ends with the ring
				defer close(done)
				for b := new(packet.Block); l.ReadBlock(b) == nil; {
				}
			}()
			for l.readers[0].reading.TryLock() { // until ReadBlock has begun
				l.readers[0].reading.Unlock()
				runtime.Gosched()
			}
			begin := time.Now()
			end(l)
			<-done
			took += time.Since(begin)
			shut(t, l)
		}
		if took > rounds*pollTimeout/2 {
			t.Errorf("%s: %d readers looked up after %v in all", name, rounds, took)
		}
	}
}

// TestLiveStopKeepsFrames hands over what came before Stop, and nothing of what came after.
func TestLiveStopKeepsFrames(t *testing.T) {
	pair := netnstest.NewPair(t)
	l := openIn(t, pair.B.NS, liveOn(pair.B.Name))
	sender := pair.A.Sender()
	sender.Repeat(ether(100, 0, 0x08, 0x00), 10)
	l.Stop()
	l.Stop()
	sender.Repeat(ether(100, 0, 0x08, 0x00), 10) // too late
	sender.Repeat(ether(100, 0, 0x90, 0x00), 10) // also of the protocol that Stop binds to
	if got := len(drain(t, l)); got != 10 {
		t.Errorf("%d frames, want the 10 before Stop", got)
	}
	if s := l.Stats(); s.KernelPackets != 10 {
		t.Errorf("the kernel counted %d frames, want 10", s.KernelPackets)
	}
}
