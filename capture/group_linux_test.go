package capture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"github.com/netmond/netmond/internal/netnstest"
	"github.com/netmond/netmond/packet"
)

// groupOn is a configuration of several workers with rings of 1 MiB each.
func groupOn(name string, workers int) LiveConfig {
	cfg := liveOn(name)
	cfg.Workers, cfg.RingBytes, cfg.BlockBytes = workers, workers<<20, 1<<17
	return cfg
}

// A crew reads a Live with a goroutine for each worker, and keeps what frames said.
type crew struct {
	t    *testing.T
	l    *Live
	wg   sync.WaitGroup
	errs []error

	mu     sync.Mutex // guards what follows
	frames [][]string // data by worker
}

func startCrew(t *testing.T, l *Live) *crew {
	c := &crew{t: t, l: l, frames: make([][]string, len(l.Readers())), errs: make([]error, len(l.Readers()))}
	for i, r := range l.Readers() {
		c.wg.Go(func() { // ends with Stop or Close
			var b packet.Block
			for {
				if c.errs[i] = r.ReadBlock(&b); c.errs[i] != nil {
					return
				}
				c.mu.Lock()
				for _, f := range b.Frames {
					c.frames[i] = append(c.frames[i], string(f.Data))
				}
				c.mu.Unlock()
			}
		})
	}
	return c
}

// got is the number of frames that each worker has had.
func (c *crew) got() (each []int, sum int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, f := range c.frames {
		each, sum = append(each, len(f)), sum+len(f)
	}
	return each, sum
}

// await waits until the state that the crew brings about is as wanted.
func (c *crew) await(what string, done func(Stats) bool) {
	c.t.Helper()
	for end := time.Now().Add(patience); !done(c.l.Stats()); {
		if time.Now().After(end) {
			each, _ := c.got()
			c.t.Fatalf("%s: gave up waiting, with %v frames and %+v", what, each, c.l.Stats())
		}
		time.Sleep(time.Millisecond) // the kernel tells nobody but the readers
	}
}

// finish stops the capture, has everything read, and holds that no frame is unaccounted for.
func (c *crew) finish() []string {
	c.t.Helper()
	c.l.Stop()
	c.wg.Wait()
	for i, err := range c.errs {
		if !errors.Is(err, io.EOF) {
			c.t.Errorf("worker %d ended with %v, want io.EOF", i, err)
		}
	}
	_, n := c.got()
	s := c.l.Stats()
	checkSum(c.t, s, n)
	var packets, kernel, drops uint64
	for _, w := range s.Workers {
		if w.Packets+w.KernelDrops != w.KernelPackets {
			c.t.Errorf("a worker's frames do not add up: %+v", w)
		}
		packets, kernel, drops = packets+w.Packets, kernel+w.KernelPackets, drops+w.KernelDrops
	}
	if packets != s.Packets || kernel != s.KernelPackets || drops != s.KernelDrops || packets != uint64(n) {
		c.t.Errorf("workers %+v do not sum to %+v", s.Workers, s)
	}
	return slices.Concat(c.frames...)
}

// udp4 is a frame of the i-th flow, or back of it; number tells it from all others.
func udp4(flow int, back bool, number uint32) []byte {
	f := ether(60, 0, 0x08, 0x00)
	ip := f[14:]
	copy(ip, []byte{0x45, 0, 0, 46, 0, 0, 0, 0, 64, 17, 0, 0})
	src := []byte{192, 0, 2, byte(flow)}
	dst := []byte{198, 51, 100, byte(flow >> 8)}
	sport, dport := uint16(10000+flow), uint16(53)
	if back {
		src, dst, sport, dport = dst, src, dport, sport
	}
	copy(ip[12:], src)
	copy(ip[16:], dst)
	binary.BigEndian.PutUint16(ip[20:], sport)
	binary.BigEndian.PutUint16(ip[22:], dport)
	binary.BigEndian.PutUint16(ip[24:], 26)
	binary.BigEndian.PutUint32(ip[28:], number)
	return f
}

// checkOnce holds that each frame sent is there once.
func checkOnce(t *testing.T, sent, got []string) {
	t.Helper()
	slices.Sort(sent)
	slices.Sort(got)
	if !slices.Equal(sent, got) {
		t.Errorf("%d frames sent, %d captured, and not the same ones", len(sent), len(got))
	}
}

// TestGroupSharesFrames holds that each frame goes to one worker, by hash with all of a flow to the same.
func TestGroupSharesFrames(t *testing.T) {
	for name, how := range map[string]int{"hash": 0, "round robin": fanoutRoundRobin} {
		t.Run(name, func(t *testing.T) {
			pair := netnstest.NewPair(t)
			cfg := groupOn(pair.B.Name, 3)
			cfg.fanout = how
			c := startCrew(t, openIn(t, pair.B.NS, cfg))
			in, out := pair.A.Sender(), pair.B.Sender()
			const flows, rounds = 64, 8
			var sent []string
			for n := range uint32(rounds * flows) {
				flow := int(n) % flows
				f, b := udp4(flow, false, 2*n), udp4(flow, true, 2*n+1)
				in.Send(f)
				out.Send(b)
				sent = append(sent, string(f), string(b))
			}
			all := c.finish()
			checkOnce(t, sent, all)
			worker := map[int]map[int]bool{}
			for i, frames := range c.frames {
				if len(frames) == 0 {
					t.Errorf("worker %d has had none of %d flows", i, flows)
				}
				for _, f := range frames {
					number := binary.BigEndian.Uint32([]byte(f)[42:])
					flow := int(number/2) % flows
					if worker[flow] == nil {
						worker[flow] = map[int]bool{}
					}
					worker[flow][i] = true
				}
			}
			split := 0
			for _, w := range worker {
				if len(w) > 1 {
					split++
				}
			}
			if how == 0 && split != 0 {
				t.Errorf("%d of %d flows were split between workers", split, flows)
			}
			if how != 0 && split == 0 {
				t.Error("no flow was split between workers: the test shows nothing")
			}
		})
	}
}

// TestGroupOpensUnderTraffic opens groups while frames come: none is seen twice, and none of those that
// come after the first is lost.
func TestGroupOpensUnderTraffic(t *testing.T) {
	pair := netnstest.NewPair(t)
	sender := pair.A.Sender()
	for range 10 {
		stop, done := make(chan struct{}), make(chan struct{})
		var sent uint32
		go func() { // ends with stop
			defer close(done)
			for ; ; sent++ {
				select {
				case <-stop:
					return
				default:
					sender.Send(udp4(int(sent%97), false, sent))
				}
			}
		}()
		l := openIn(t, pair.B.NS, groupOn(pair.B.Name, 4))
		c := startCrew(t, l)
		c.await("frames", func(s Stats) bool { return s.Packets >= 200 })
		close(stop)
		<-done
		seen := map[uint32]int{}
		first := uint32(1<<32 - 1)
		for _, f := range c.finish() {
			n := binary.BigEndian.Uint32([]byte(f)[42:])
			seen[n]++
			first = min(first, n)
		}
		missing := 0
		for n, times := range seen {
			if times > 1 {
				t.Errorf("frame %d was captured %d times", n, times)
			}
		}
		// The filters open one after the other: a few frames of the members that are last.
		settled := first + (sent-first)/2
		for n := settled; n < sent; n++ {
			if seen[n] == 0 {
				missing++
			}
		}
		if drops := l.Stats().KernelDrops; uint64(missing) != drops {
			t.Errorf("%d of the frames since %d are missing, %d were dropped", missing, settled, drops)
		}
		shut(t, l)
	}
}

// TestGroupsDoNotMix opens two groups on one interface, as two instances do: both have all frames.
func TestGroupsDoNotMix(t *testing.T) {
	pair := netnstest.NewPair(t)
	one := startCrew(t, openIn(t, pair.B.NS, groupOn(pair.B.Name, 2)))
	two := startCrew(t, openIn(t, pair.B.NS, groupOn(pair.B.Name, 3)))
	if one.l.group.id == two.l.group.id {
		t.Errorf("both have group %d", one.l.group.id)
	}
	var sent []string
	sender := pair.A.Sender()
	for n := range uint32(300) {
		f := udp4(int(n), false, n)
		sender.Send(f)
		sent = append(sent, string(f))
	}
	checkOnce(t, slices.Clone(sent), one.finish())
	checkOnce(t, sent, two.finish())
}

// TestGroupDirections leaves out what the host sends when asked to, and on loopback.
func TestGroupDirections(t *testing.T) {
	pair := netnstest.NewPair(t)
	cfg := groupOn(pair.B.Name, 2)
	cfg.IgnoreOutgoing = true
	c := startCrew(t, openIn(t, pair.B.NS, cfg))
	var want []string
	in, out := pair.A.Sender(), pair.B.Sender()
	for n := range uint32(50) {
		in.Send(udp4(int(n), false, n))
		out.Send(udp4(int(n), true, n))
		want = append(want, string(udp4(int(n), false, n)))
	}
	checkOnce(t, want, c.finish())
}

// TestGroupFilter leaves out what the host sends and what comes from other interfaces by filter alone,
// as on kernels whose groups have no option for it.
func TestGroupFilter(t *testing.T) {
	pair := netnstest.NewPair(t)
	cfg := liveOn(pair.B.Name)
	l := openIn(t, pair.B.NS, cfg)
	index := pair.B.Link().Attrs().Index
	in, out := udp4(1, false, 1), udp4(1, true, 2)
	cfg.Snaplen = 64
	for name, tc := range map[string]struct {
		ring   ring
		ignore bool
		index  int
		want   [][]byte
	}{
		"all":                 {want: [][]byte{in, out}, index: index},
		"not outgoing":        {want: [][]byte{in}, index: index, ignore: true},
		"of this interface":   {want: [][]byte{in, out}, index: index, ring: ring{floating: true}},
		"of another":          {index: index + 1, ring: ring{floating: true}},
		"this, not outgoing":  {want: [][]byte{in}, index: index, ignore: true, ring: ring{floating: true}},
		"other, not outgoing": {index: index + 1, ignore: true, ring: ring{floating: true}},
	} {
		cfg.IgnoreOutgoing = tc.ignore
		tc.ring.fd = l.readers[0].ring.fd
		if err := tc.ring.admit(iface{index: tc.index, hatype: unix.ARPHRD_ETHER}, &cfg); err != nil {
			t.Fatal(err)
		}
		before := l.Stats().KernelPackets
		pair.A.Sender().Send(in)
		pair.B.Sender().Send(out)
		n := int(l.Stats().KernelPackets - before)
		if n != len(tc.want) {
			t.Errorf("%s: the kernel counted %d frames, want %d", name, n, len(tc.want))
			continue
		}
		var got [][]byte
		for _, f := range readUntil(t, l, func(got []packet.Frame) bool { return len(got) >= n }) {
			got = append(got, f.Data)
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s: frames (-want +got):\n%s", name, diff)
		}
	}
}

// setOffload sets an offload of the interface on or off.
func setOffload(t *testing.T, port *netnstest.Port, command, on uint32) {
	t.Helper()
	port.Do(func() {
		sock, err := newLinkReader()
		if err != nil {
			t.Fatal(err)
		}
		defer sock.close()
		value := struct{ command, data uint32 }{command, on} // struct ethtool_value
		var req struct {
			name [unix.IFNAMSIZ]byte
			data unsafe.Pointer
			_    [24 - unsafe.Sizeof(uintptr(0))]byte
		}
		copy(req.name[:], port.Name)
		req.data = unsafe.Pointer(&value)
		if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(sock.fd), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&req))); errno != 0 {
			t.Fatalf("set offload %#x: %v", command, errno)
		}
	})
}

var discard = slog.New(slog.DiscardHandler)

// TestGroupOverflow fills the rings of workers that do not read: captured + dropped is what was sent.
func TestGroupOverflow(t *testing.T) {
	pair := netnstest.NewPair(t)
	cfg := groupOn(pair.B.Name, 2)
	cfg.RingBytes, cfg.BlockBytes = 1<<16, 1<<14
	l := openIn(t, pair.B.NS, cfg)
	sender := pair.A.Sender()
	const burst = 4000
	for n := range uint32(burst) {
		sender.Send(udp4(int(n), false, n))
	}
	c := startCrew(t, l)
	got := len(c.finish())
	s := l.Stats()
	dropped := pair.A.Link().Attrs().Statistics.TxDropped // before they reached the other end
	if uint64(got)+s.KernelDrops+dropped != burst || s.KernelDrops == 0 {
		t.Errorf("%d captured + %d dropped of %d sent", got, s.KernelDrops, burst)
	}
	for i, w := range s.Workers {
		if w.KernelDrops == 0 || w.Packets == 0 {
			t.Errorf("worker %d: %+v, want frames and drops in each", i, w)
		}
	}
}

// TestGroupRollsOver sends one flow, all of it by hash to one worker: when that one does not read, the
// other takes what its ring does not hold.
func TestGroupRollsOver(t *testing.T) {
	pair := netnstest.NewPair(t)
	cfg := groupOn(pair.B.Name, 2)
	cfg.RingBytes, cfg.BlockBytes = 4<<16, 1<<15
	l := openIn(t, pair.B.NS, cfg)
	sender := pair.A.Sender()
	const n = 1000 // of 128 bytes in the ring, more than three quarters of one
	var sent []string
	for i := range uint32(n) {
		f := udp4(1, false, i)
		sender.Send(f)
		sent = append(sent, string(f))
	}
	c := startCrew(t, l)
	checkOnce(t, sent, c.finish())
	if s := l.Stats(); s.KernelDrops != 0 || s.Workers[0].Packets == 0 || s.Workers[1].Packets == 0 {
		t.Errorf("%+v, want no drops and frames in both rings", s)
	}
}

// TestGroupStopKeepsFrames hands over what came before Stop, and nothing of what came after.
func TestGroupStopKeepsFrames(t *testing.T) {
	pair := netnstest.NewPair(t)
	l := openIn(t, pair.B.NS, groupOn(pair.B.Name, 3))
	sender := pair.A.Sender()
	var sent []string
	for n := range uint32(100) {
		f := udp4(int(n), false, n)
		sender.Send(f)
		sent = append(sent, string(f))
	}
	if !pair.B.Promiscuous() {
		t.Error("not promiscuous")
	}
	l.Stop()
	if pair.B.Promiscuous() {
		t.Error("promiscuous after Stop")
	}
	for n := range uint32(100) {
		sender.Send(udp4(int(n), false, 1000+n)) // too late
	}
	checkOnce(t, sent, startCrew(t, l).finish())
	if s := l.Stats(); s.KernelPackets != 100 {
		t.Errorf("the kernel counted %d frames, want 100", s.KernelPackets)
	}
}

// sendFlows sends n frames of n flows and waits until the crew has them.
func (c *crew) sendFlows(pair *netnstest.Pair, n int) {
	c.t.Helper()
	_, before := c.got()
	sender := pair.A.Sender()
	for i := range n {
		sender.Send(udp4(i, false, uint32(before+i)))
	}
	c.await("frames", func(s Stats) bool { return s.Packets >= uint64(before+n) })
	if _, after := c.got(); after > before+n {
		c.t.Errorf("%d frames of %d", after-before, n)
	}
}

// members is the number of the Live's sockets that take frames of the interface.
func members(l *Live, index int) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range l.readers {
		if r.ring != nil && r.ring.joined && r.ring.index == index {
			n++
		}
	}
	return n
}

// TestGroupManyFlaps leaves no descriptor and no goroutine behind, and counts each flap once.
func TestGroupManyFlaps(t *testing.T) {
	flaps := 100
	if testing.Short() {
		flaps = 10
	}
	pair := netnstest.NewPair(t)
	open := goleak.IgnoreCurrent()
	var log lockedBuffer
	before := descriptors(t)
	l := openLogged(t, pair.B.NS, groupOn(pair.B.Name, 3), &log)
	opened := descriptors(t)
	c := startCrew(t, l)
	for i := range flaps {
		pair.B.Down()
		c.await("down", func(s Stats) bool { return !s.Up && s.Downs == uint64(i+1) })
		pair.B.Up()
		c.sendFlows(pair, 20)
		c.await("up", func(s Stats) bool { return s.Up })
	}
	if now := descriptors(t); now != opened+flaps { // one of each Sender
		t.Errorf("%d descriptors, %d before, %d of them the test's", now, opened, flaps)
	}
	if got := c.finish(); len(got) != 20*flaps {
		t.Errorf("%d frames of %d", len(got), 20*flaps)
	}
	if s := l.Stats(); s.Downs != uint64(flaps) || s.Reopens != 0 {
		t.Errorf("%+v, want %d downs and no reopening", s, flaps)
	}
	if down, up := strings.Count(log.String(), "is down"), strings.Count(log.String(), "is up again"); down != flaps || up != flaps {
		t.Errorf("%d and %d lines for %d flaps", down, up, flaps)
	}
	shut(t, l)
	if after := descriptors(t); after != before+flaps {
		t.Errorf("%d descriptors after Close, %d before", after, before)
	}
	goleak.VerifyNone(t, open)
}

// TestGroupInterfaceMadeAgain deletes the interface and makes it again, with frames in the rings: they
// are handed over, and all workers join on the new one.
func TestGroupInterfaceMadeAgain(t *testing.T) {
	pair := netnstest.NewPair(t)
	l := openIn(t, pair.B.NS, groupOn(pair.B.Name, 3))
	opened := descriptors(t)
	sender := pair.A.Sender()
	for n := range uint32(60) {
		sender.Send(udp4(int(n), false, n))
	}
	pair.Delete()
	pair.Create()
	c := startCrew(t, l)
	c.await("frames of the old rings", func(s Stats) bool { return s.Packets == 60 })
	const again = 5
	for round := 1; ; round++ {
		index := pair.B.Link().Attrs().Index
		c.await("all workers", func(s Stats) bool { return s.Up && s.Reopens == uint64(round) && members(l, index) == 3 })
		if !pair.B.Promiscuous() {
			t.Error("the new interface is not promiscuous")
		}
		before := l.Stats().Workers
		c.sendFlows(pair, 60)
		for i, w := range l.Stats().Workers {
			if w.Packets == before[i].Packets {
				t.Errorf("round %d: worker %d had none of 60 flows", round, i)
			}
		}
		if round == again {
			break
		}
		pair.Delete()
		c.await("gone", func(s Stats) bool { return !s.Up })
		pair.Create()
	}
	if now := descriptors(t); now != opened-3+1+again { // the spares took the rings' places; Senders
		t.Errorf("%d descriptors, %d before and %d of Senders", now, opened, 1+again)
	}
	if got := c.finish(); len(got) != 60*(1+again) {
		t.Errorf("%d frames of %d", len(got), 60*(1+again))
	}
	if s := l.Stats(); s.Downs != again || s.Reopens != again {
		t.Errorf("%+v, want %d of downs and reopenings", s, again)
	}
}

// TestGroupWithoutPrivilege follows an interface that is made again, many times, in threads that may
// open no packet socket; other interfaces' frames stay out.
func TestGroupWithoutPrivilege(t *testing.T) {
	pair := netnstest.NewPair(t)
	pair.B.LoopbackUp()
	l := openIn(t, pair.B.NS, groupOn(pair.B.Name, 2))
	opened := descriptors(t)
	c := &crew{t: t, l: l, frames: make([][]string, 2), errs: make([]error, 2)}
	for i, r := range l.Readers() {
		c.wg.Go(func() { // ends with Stop
			runtime.LockOSThread() // for good: the thread ends with the goroutine
			if c.errs[i] = dropNetRaw(); c.errs[i] != nil {
				return
			}
			if _, err := packetSocket(); !errors.Is(err, ErrPermission) {
				c.errs[i] = fmt.Errorf("a packet socket without the privilege: %w", err)
				return
			}
			var b packet.Block
			for {
				if c.errs[i] = r.ReadBlock(&b); c.errs[i] != nil {
					return
				}
				c.mu.Lock()
				for _, f := range b.Frames {
					c.frames[i] = append(c.frames[i], string(f.Data))
				}
				c.mu.Unlock()
			}
		})
	}
	c.sendFlows(pair, 40)
	const again = 6
	for round := 1; round <= again; round++ {
		pair.Delete()
		c.await("gone", func(s Stats) bool { return !s.Up })
		pair.Create()
		index := pair.B.Link().Attrs().Index
		c.await("all workers", func(s Stats) bool { return s.Up && s.Reopens == uint64(round) && members(l, index) == 2 })
		if !pair.B.Promiscuous() {
			t.Error("the new interface is not promiscuous")
		}
		pingLoopback(t, pair.B.NS) // of no interest
		before := l.Stats().Workers
		c.sendFlows(pair, 40)
		for i, w := range l.Stats().Workers {
			if w.Packets == before[i].Packets {
				t.Errorf("round %d: worker %d had none of 40 flows", round, i)
			}
		}
	}
	// Down and up again too, though these sockets are not told.
	pair.B.Down()
	c.await("down", func(s Stats) bool { return !s.Up })
	pair.B.Up()
	c.await("up", func(s Stats) bool { return s.Up })
	c.sendFlows(pair, 40)
	if now := descriptors(t); now != opened-2+again+2 { // the spares took the rings' places; Senders
		t.Errorf("%d descriptors, %d before", now, opened)
	}
	if got := c.finish(); len(got) != 40*(again+2) {
		t.Errorf("%d frames of %d", len(got), 40*(again+2))
	}
}

// pingLoopback sends a datagram over the namespace's loopback interface.
func pingLoopback(t *testing.T, ns *netnstest.NS) {
	t.Helper()
	ns.Do(func() {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fd)
		if err := unix.Sendto(fd, []byte("x"), 0, &unix.SockaddrInet4{Port: 9, Addr: [4]byte{127, 0, 0, 1}}); err != nil {
			t.Fatal(err)
		}
	})
}

// TestGroupStartsDown joins when the interface comes up.
func TestGroupStartsDown(t *testing.T) {
	pair := netnstest.NewPair(t)
	pair.B.Down()
	l := openIn(t, pair.B.NS, groupOn(pair.B.Name, 2))
	c := startCrew(t, l)
	pair.B.Up()
	c.await("up", func(s Stats) bool { return s.Up && members(l, pair.B.Link().Attrs().Index) == 2 })
	c.sendFlows(pair, 40)
	c.finish()
	if s := l.Stats(); s.Downs != 0 {
		t.Errorf("%d downs of an interface that only came up", s.Downs)
	}
}

// TestGroupChangesUnderTraffic changes MTU and offloads while frames come: none is lost.
func TestGroupChangesUnderTraffic(t *testing.T) {
	for _, workers := range []int{1, 2} {
		pair := netnstest.NewPair(t)
		l := openIn(t, pair.B.NS, groupOn(pair.B.Name, workers))
		c := startCrew(t, l)
		sender := pair.A.Sender()
		var sent []string
		send := func(n int) {
			for range n {
				f := udp4(len(sent), false, uint32(len(sent)))
				sender.Send(f)
				sent = append(sent, string(f))
			}
		}
		index := pair.B.Link().Attrs().Index
		for _, mtu := range []int{9000, 576, 65535, 1500} {
			send(50)
			pair.B.Do(func() {
				link, err := netlink.LinkByIndex(index)
				if err == nil {
					err = netlink.LinkSetMTU(link, mtu)
				}
				if err != nil {
					t.Fatal(err)
				}
			})
			send(50)
			for _, set := range []uint32{unix.ETHTOOL_SGRO, unix.ETHTOOL_STSO, unix.ETHTOOL_SRXCSUM, unix.ETHTOOL_SGSO} {
				for _, on := range []uint32{0, 1} {
					setOffload(t, pair.B, set, on)
					send(10)
				}
			}
		}
		checkOnce(t, sent, c.finish())
		if s := l.Stats(); s.Downs != 0 || s.KernelDrops != 0 {
			t.Errorf("%d workers: %+v, want no downs, no drops", workers, s)
		}
	}
}

// TestGroupStalledWorker shows a worker that does not read in its own age of the last poll.
func TestGroupStalledWorker(t *testing.T) {
	pair := netnstest.NewPair(t)
	l := openIn(t, pair.B.NS, groupOn(pair.B.Name, 2))
	var wg sync.WaitGroup
	wg.Go(func() { // ends with Stop
		for b := new(packet.Block); l.readers[0].ReadBlock(b) == nil; {
		}
	})
	stalledFor := time.Now()
	for end := stalledFor.Add(patience); ; {
		s := l.Stats()
		age := s.Workers[1].PollAge
		if age > time.Since(l.readers[1].opened) {
			t.Fatalf("age %v of a reader opened %v ago", age, time.Since(l.readers[1].opened))
		}
		if last := time.Since(time.Unix(0, s.LastPoll)); last < age || last > age+time.Second {
			t.Fatalf("last poll %v ago, want that of the slowest worker: %v", last, age)
		}
		if age > 4*pollTimeout {
			if other := s.Workers[0].PollAge; other > 2*pollTimeout {
				t.Errorf("the worker that reads is %v old", other)
			}
			break
		}
		if time.Now().After(end) {
			t.Fatalf("%+v after %v", s.Workers, patience)
		}
		time.Sleep(pollTimeout / 10) // the age is what is tested
	}
	l.Stop()
	wg.Wait()
}

// TestGroupClose closes under readers at work.
func TestGroupClose(t *testing.T) {
	pair := netnstest.NewPair(t)
	open := goleak.IgnoreCurrent()
	sender := pair.A.Sender()
	before := descriptors(t)
	for range 10 {
		l := openIn(t, pair.B.NS, groupOn(pair.B.Name, 3))
		c := startCrew(t, l)
		for n := range uint32(50) {
			sender.Send(udp4(int(n), false, n))
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		c.wg.Wait()
		for _, err := range c.errs {
			if !errors.Is(err, ErrClosed) && !errors.Is(err, io.EOF) {
				t.Errorf("reader ended with %v", err)
			}
		}
		shut(t, l)
	}
	if after := descriptors(t); after != before {
		t.Errorf("%d descriptors, %d before", after, before)
	}
	goleak.VerifyNone(t, open)
}

// TestOpenLiveFails leaves nothing open.
func TestOpenLiveFails(t *testing.T) {
	ns := netnstest.New(t)
	ns.LoopbackUp()
	before := descriptors(t)
	cfg := groupOn("lo", 2)
	cfg.fanout = 99 // no such way
	var err error
	ns.Do(func() { _, err = OpenLive(cfg, discard) })
	if err == nil || !strings.Contains(err.Error(), "share the frames of lo") {
		t.Errorf("%v, want the failure to share", err)
	}
	if after := descriptors(t); after != before {
		t.Errorf("%d descriptors, %d before", after, before)
	}
}

// lockedBuffer is a log that several goroutines write.
type lockedBuffer struct {
	mu sync.Mutex // guards b
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// TestLossLog tells of the begin and the end of a loss, once each.
func TestLossLog(t *testing.T) {
	start := time.Unix(1e9, 0)
	steps := []struct {
		at        time.Duration
		ring, nic uint64
		want      lossEvent
	}{
		{0, 0, 0, lossNone},
		{time.Second, 5, 0, lossBegins},
		{2 * time.Second, 5, 0, lossNone},
		{3 * time.Second, 5, 7, lossNone}, // goes on elsewhere
		{lossQuiet, 5, 7, lossNone},
		{3*time.Second + lossQuiet, 5, 7, lossEnds},
		{4*time.Second + lossQuiet, 5, 7, lossNone},
		{100 * time.Second, 5, 8, lossBegins},
	}
	var l lossLog
	var got, want []lossEvent
	for _, s := range steps {
		got = append(got, l.look(start.Add(s.at), s.ring, s.nic))
		want = append(want, s.want)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	if l.beganRing != 5 || l.beganNIC != 7 {
		t.Errorf("the second loss began at %d, %d, want 5, 7", l.beganRing, l.beganNIC)
	}
}

// TestNICLost sums what kernel and driver count, without counting twice, over drivers that start again.
func TestNICLost(t *testing.T) {
	s := netlink.LinkStatistics64{RxMissedErrors: 5, RxFifoErrors: 5, RxOverErrors: 2, RxErrors: 9, TxDropped: 9, RxDropped: 3}
	if got := noRoom(&s); got != 5 {
		t.Errorf("no room for %d, want 5", got)
	}
	c := nicCounter{queues: os.Stdin} // not read
	for i, n := range []struct {
		index                   int
		room, own, drops, queue uint64
		want                    uint64
	}{
		{1, 100, 50, 9, 70, 0}, {1, 104, 50, 9, 70, 4}, {1, 104, 54, 9, 70, 4}, // the same four
		{1, 2, 60, 9, 70, 10}, {1, 9, 60, 9, 70, 11}, // the kernel's count began again
		{1, 9, 60, 19, 70, 11}, {1, 9, 60, 19, 73, 14}, {1, 9, 60, 19, 99, 21}, // ten dropped, three of them and more at full queues
		{2, 900, 7, 1, 99, 21}, {2, 901, 10, 1, 99, 24}, // another interface
	} {
		c.turn(n.index)
		c.tagged = true
		c.room.note(n.room)
		c.own.note(n.own)
		c.drops.note(n.drops)
		c.queue.note(n.queue)
		if got := c.lost(); got != n.want {
			t.Errorf("look %d: lost %d, want %d", i, got, n.want)
		}
	}
	c.tagged = false // no frame has a tag: all that was dropped is lost
	c.drops.note(5)
	if got := c.lost(); got != 28 {
		t.Errorf("lost %d, want 28", got)
	}
	const softnet = "00a1 0000000a 0 0 0 0 0 0 0 0 0 0 0\n00b1 00000010 0 0 0 0 0 0 0 0 0 0 0\n"
	if sum, ok := sumDropped(softnet); !ok || sum != 26 {
		t.Errorf("%d, %v, want 26", sum, ok)
	}
	if _, ok := sumDropped("x\n"); ok {
		t.Error("a line without a second column is taken")
	}
}

// TestLiveTaggedIsNotLost captures frames of a VLAN that no interface is for: the kernel counts them as dropped.
func TestLiveTaggedIsNotLost(t *testing.T) {
	pair := netnstest.NewPair(t)
	l := openIn(t, pair.B.NS, liveOn(pair.B.Name))
	pair.A.Sender().Repeat(ether(100, 1, 0x81, 0x00, 0, 7, 0x08, 0x00), 50)
	if got := drain(t, l); len(got) != 50 {
		t.Errorf("%d frames, want 50", len(got))
	}
	if dropped := pair.B.Link().Attrs().Statistics.RxDropped; dropped != 50 {
		t.Logf("the kernel counts %d as dropped, not 50", dropped)
	}
	if s := l.Stats(); s.NICDrops != 0 {
		t.Errorf("%d lost, want none", s.NICDrops)
	}
}

// TestLiveNICDrops counts what the interface loses before a socket sees it: a tun device drops what is
// no IP packet.
func TestLiveNICDrops(t *testing.T) {
	ns := netnstest.New(t)
	tun := newTun(t, ns, "nmt")
	var log lockedBuffer
	l := openLogged(t, ns, liveOn("nmt"), &log)
	const n = 7
	for range n {
		if _, err := unix.Write(tun, make([]byte, 40)); err == nil {
			t.Skip("the device takes what is no IP packet")
		}
	}
	if s := l.Stats(); s.NICDrops != n || s.KernelDrops != 0 {
		t.Errorf("%d lost by the interface and %d by the ring, want %d and 0", s.NICDrops, s.KernelDrops, n)
	}
	readUntil(t, l, func([]packet.Frame) bool { return strings.Contains(log.String(), "frames are being lost") })
	if !strings.Contains(log.String(), "nic=7") {
		t.Errorf("the log does not tell the cause:\n%s", log.String())
	}
	drain(t, l)
	if s := l.Stats(); s.NICDrops != n {
		t.Errorf("%d lost after Stop, want %d", s.NICDrops, n)
	}
}
