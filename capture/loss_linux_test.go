package capture

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"math"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/netmond/netmond/internal/netnstest"
	"github.com/netmond/netmond/internal/testneed"
	"github.com/netmond/netmond/packet"
)

// TestLiveOverflow sends more than a small ring holds while its reader does not read: what is not
// captured is in the drop count, to the frame.
func TestLiveOverflow(t *testing.T) {
	pair := netnstest.NewPair(t)
	cfg := liveOn(pair.B.Name)
	cfg.RingBytes, cfg.BlockBytes = 1<<15, 1<<14
	l := openIn(t, pair.B.NS, cfg)
	sender := pair.A.Sender()
	const burst = 3000
	var last Stats
	sent := 0
	for round := range 3 { // the ring recovers
		sender.Repeat(ether(200, round, 0x08, 0x00), burst)
		sent += burst
		// What the ring holds; the rest of the round's frames found it full.
		readUntil(t, l, func([]packet.Frame) bool {
			s := l.Stats()
			return s.KernelPackets == uint64(sent) && s.Packets+s.KernelDrops == s.KernelPackets
		})
		s := l.Stats()
		if s.KernelDrops <= last.KernelDrops || s.Packets <= last.Packets || s.RingFreezes <= last.RingFreezes {
			t.Errorf("round %d: %+v, want more of frames, drops and freezes than %+v", round, s, last)
		}
		last = s
	}
	drain(t, l)
	dropped := pair.A.Link().Attrs().Statistics.TxDropped // before they reached the other end
	if s := l.Stats(); s.Packets+s.KernelDrops+dropped != uint64(sent) || s.Bytes != 200*s.Packets {
		t.Errorf("captured %d (%d bytes) + dropped %d is not what was sent: %d", s.Packets, s.Bytes, s.KernelDrops, sent)
	}
}

// TestLiveLosing sees the kernel's mark on a block that follows a loss.
func TestLiveLosing(t *testing.T) {
	pair := netnstest.NewPair(t)
	cfg := liveOn(pair.B.Name)
	cfg.RingBytes, cfg.BlockBytes = 1<<15, 1<<14
	l := openIn(t, pair.B.NS, cfg)
	sender := pair.A.Sender()
	sender.Repeat(ether(200, 0, 0x08, 0x00), 1000)
	var b packet.Block
	for l.readers[0].losing.Load() == 0 { // until the kernel's counts are read, which takes the mark off
		if err := l.ReadBlock(&b); err != nil {
			t.Fatal(err)
		}
		sender.Repeat(ether(200, 0, 0x08, 0x00), 10)
	}
	drain(t, l)
	if s := l.Stats(); s.Losing == 0 || s.KernelDrops == 0 {
		t.Errorf("%+v, want blocks marked as losing", s)
	}
}

// TestLiveBytesOfLargeSegments compares with the interface's own counters while the stack sends
// segments of 64 KiB.
func TestLiveBytesOfLargeSegments(t *testing.T) {
	pair := netnstest.NewPair(t)
	pair.A.AddAddr(netip.MustParsePrefix("192.0.2.1/24"))
	pair.B.AddAddr(netip.MustParsePrefix("192.0.2.2/24"))
	cfg := liveOn(pair.B.Name)
	cfg.RingBytes, cfg.BlockBytes = 32<<20, 1<<20
	l := openIn(t, pair.B.NS, cfg)

	var listener, conn net.Conn
	var accept net.Listener
	var err error
	pair.B.Do(func() { accept, err = net.Listen("tcp4", "192.0.2.2:0") })
	if err != nil {
		t.Fatal(err)
	}
	defer accept.Close()
	pair.A.Do(func() { conn, err = net.Dial("tcp4", accept.Addr().String()) })
	if err != nil {
		t.Fatal(err)
	}
	if listener, err = accept.Accept(); err != nil {
		t.Fatal(err)
	}
	defer listener.Close()

	var largest, cut int
	count := func(frames []packet.Frame) {
		for _, f := range frames {
			largest = max(largest, len(f.Data))
			if len(f.Data) != int(f.WireLen) {
				cut++
			}
		}
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		defer conn.Close()
		chunk := make([]byte, 1<<18)
		for range 80 { // 20 MiB
			if _, err := conn.Write(chunk); err != nil {
				t.Errorf("send: %v", err)
				return
			}
		}
	})
	wg.Go(func() {
		defer l.Stop()
		if n, err := io.Copy(io.Discard, listener); err != nil || n != 20<<20 {
			t.Errorf("received %d bytes, %v", n, err)
		}
	})
	var b packet.Block
	for {
		if err := l.ReadBlock(&b); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		count(b.Frames)
	}
	wg.Wait()
	s := l.Stats()
	checkSum(t, s, 1)
	ifs := pair.B.Link().Attrs().Statistics
	want := float64(ifs.RxBytes + ifs.TxBytes)
	if got := float64(s.Bytes); s.KernelDrops != 0 || math.Abs(got-want) > want/1000 {
		t.Errorf("captured %v bytes, dropped %d frames; the interface counted %v bytes", got, s.KernelDrops, want)
	}
	if largest < 16<<10 || cut != 0 {
		t.Errorf("largest frame %d bytes, %d cut; want segments of many frames, whole", largest, cut)
	}
	t.Logf("%d frames, %v bytes of %v, largest %d", s.Packets, s.Bytes, want, largest)
}

func TestLiveTwoInstances(t *testing.T) {
	pair := netnstest.NewPair(t)
	one, two := openIn(t, pair.B.NS, liveOn(pair.B.Name)), openIn(t, pair.B.NS, liveOn(pair.B.Name))
	pair.A.Sender().Repeat(ether(100, 1, 0x08, 0x00), 500)
	if a, b := len(drain(t, one)), len(drain(t, two)); a != 500 || b != 500 {
		t.Errorf("%d and %d of 500 frames", a, b)
	}
}

// TestAllocate asks for less memory as long as there is too little.
func TestAllocate(t *testing.T) {
	other := errors.New("another error")
	tests := map[string]struct {
		want, least, have int
		err               error
		tried             []int
		got               int
	}{
		"at once":           {64, 2, 64, nil, []int{64}, 64},
		"by halves":         {64, 2, 20, nil, []int{64, 32, 16}, 16},
		"down to the least": {64, 2, 3, nil, []int{64, 32, 16, 8, 4, 2}, 2},
		"not below":         {64, 4, 3, unix.ENOMEM, []int{64, 32, 16, 8, 4}, 0},
		"odd numbers":       {7, 2, 3, nil, []int{7, 3}, 3},
		"less than least":   {2, 8, 1, unix.ENOMEM, []int{2}, 0},
		"not another error": {64, 2, -1, other, []int{64}, 0},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			var tried []int
			got, err := allocate(tc.want, tc.least, func(blocks int) error {
				tried = append(tried, blocks)
				switch {
				case tc.have < 0:
					return other
				case blocks > tc.have:
					return unix.ENOMEM
				}
				return nil
			})
			if got != tc.got || !errors.Is(err, tc.err) || (err == nil) != (tc.err == nil) {
				t.Errorf("got %d, %v, want %d, %v", got, err, tc.got, tc.err)
			}
			if diff := cmp.Diff(tc.tried, tried); diff != "" {
				t.Errorf("tried (-want +got):\n%s", diff)
			}
		})
	}
}

// TestLiveWithoutCapability opens on a thread that has given CAP_NET_RAW away, and ends with it.
func TestLiveWithoutCapability(t *testing.T) {
	testneed.Root(t)
	fault := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // for good
		if err := dropNetRaw(); err != nil {
			fault <- err
			return
		}
		_, err := OpenLive(liveOn("lo"), slog.New(slog.DiscardHandler))
		fault <- err
	}()
	select {
	case err := <-fault:
		if !errors.Is(err, ErrPermission) || !strings.Contains(err.Error(), "CAP_NET_RAW") || !strings.Contains(err.Error(), "files need none") {
			t.Errorf("%v, want ErrPermission that names the capability and the way out", err)
		}
	case <-time.After(patience):
		t.Fatal("no answer")
	}
}

// dropNetRaw gives CAP_NET_RAW of the calling thread away.
func dropNetRaw() error {
	hdr := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var caps [2]unix.CapUserData
	if err := unix.Capget(&hdr, &caps[0]); err != nil {
		return err
	}
	const bit = 1 << unix.CAP_NET_RAW
	caps[0].Effective &^= bit
	caps[0].Permitted &^= bit
	caps[0].Inheritable &^= bit
	return unix.Capset(&hdr, &caps[0])
}

// TestLiveLittleMemory opens rings in a child process that has little address space left.
func TestLiveLittleMemory(t *testing.T) {
	const want = 64 << 20
	if left := os.Getenv("NETMOND_TEST_LEFT_BYTES"); left != "" {
		openWithin(t, left, want)
		return
	}
	tests := map[string]struct{ left, want string }{
		// A ring of half the size fits, with something left for the runtime.
		"some":   {"41943040", `msg="little memory: capture ring is smaller than configured" interface=lo want_bytes=67108864 got_bytes=`},
		"hardly": {"1048576", "error: capture ring of 67108864 bytes in blocks of 262144: cannot allocate memory"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			ns := netnstest.New(t)
			cmd := exec.Command(os.Args[0], "-test.run=^TestLiveLittleMemory$", "-test.v")
			cmd.Env = append(os.Environ(), "NETMOND_TEST_LEFT_BYTES="+tc.left)
			var out bytes.Buffer
			cmd.Stdout, cmd.Stderr = &out, &out
			if err := ns.Start(cmd); err != nil {
				t.Fatal(err)
			}
			if err := cmd.Wait(); err != nil || !strings.Contains(out.String(), tc.want) {
				t.Errorf("%v, want %q in the output:\n%s", err, tc.want, &out)
			}
		})
	}
}

// openWithin opens a ring of want bytes on loopback with left bytes of address space, and prints what
// came of it.
func openWithin(t *testing.T, left string, want int) {
	extra, err := strconv.ParseUint(left, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	settle(t)
	statm, err := os.ReadFile("/proc/self/statm") // its first field is the address space in pages
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.ParseUint(strings.Fields(string(statm))[0], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	var before unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_AS, &before); err != nil {
		t.Fatal(err)
	}
	limit := unix.Rlimit{Cur: pages*uint64(os.Getpagesize()) + extra, Max: before.Max}
	if err := unix.Setrlimit(unix.RLIMIT_AS, &limit); err != nil {
		t.Fatal(err)
	}
	cfg := liveOn("lo")
	cfg.RingBytes = want
	l, err := OpenLive(cfg, slog.New(slog.NewTextHandler(t.Output(), nil)))
	if e := unix.Setrlimit(unix.RLIMIT_AS, &before); e != nil {
		t.Fatal(e)
	}
	if err != nil {
		t.Logf("error: %v", err)
		return
	}
	if got := l.Stats().RingBytes; got >= uint64(want) || got < minRingBytes {
		t.Errorf("ring of %d bytes with %s left", got, left)
	}
	shut(t, l)
}

// settle makes the runtime take beforehand what it might want while address space is short, for it ends
// the process when it gets none: heap, with the tables of its spans; threads, each with a store of its
// own; and whatever a first OpenLive makes.
func settle(t *testing.T) {
	t.Helper()
	cfg := liveOn("lo")
	cfg.RingBytes = minRingBytes
	l, err := OpenLive(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	shut(t, l)

	debug.SetGCPercent(-1)
	var threads sync.WaitGroup
	all := make(chan struct{})
	for range 8 {
		threads.Add(1)
		go func() { // ends when all of them have a thread
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			small := make([][]byte, 4096)
			for i := range small {
				small[i] = make([]byte, 1<<(i%11)) // of every size class that the ring's code asks for
			}
			threads.Done()
			<-all
			runtime.KeepAlive(small)
		}()
	}
	threads.Wait()
	close(all)
	runtime.GC()
	runtime.GOMAXPROCS(1)
}
