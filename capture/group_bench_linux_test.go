package capture

import (
	"io"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/netmond/netmond/internal/netnstest"
	"github.com/netmond/netmond/packet"
)

// BenchmarkFanout is the kernel's cost of a frame, of 256 flows in turn, from the sender's call to the
// ring of the other end: without a capture, with one socket, and with two by each way to share. Readers
// empty the rings meanwhile.
func BenchmarkFanout(b *testing.B) {
	for _, bc := range []struct {
		name             string
		sockets, how     int
		floating, elseIf bool
	}{
		{name: "none"},
		{name: "one socket", sockets: 1},
		// Hash alone is 0, which stands for the default; nothing goes out here.
		{name: "hash", sockets: 2, how: unix.PACKET_FANOUT_HASH | unix.PACKET_FANOUT_FLAG_IGNORE_OUTGOING},
		{name: "hash, rollover", sockets: 2, how: fanoutHash},
		{name: "round robin", sockets: 2, how: fanoutRoundRobin},
		{name: "made again", sockets: 2, how: fanoutHash, floating: true},
		{name: "frames of another interface, made again", sockets: 2, how: fanoutHash, floating: true, elseIf: true},
	} {
		b.Run(bc.name, func(b *testing.B) {
			pair := netnstest.NewPair(b)
			var wg sync.WaitGroup
			if bc.sockets > 0 {
				cfg := groupOn(pair.B.Name, bc.sockets)
				cfg.RingBytes, cfg.fanout = bc.sockets<<23, bc.how
				if bc.elseIf {
					cfg.Interface = "lo"
				}
				var l *Live
				var err error
				pair.B.LoopbackUp()
				pair.B.Do(func() { l, err = OpenLive(cfg, slog.New(slog.DiscardHandler)) })
				if err != nil {
					b.Fatal(err)
				}
				defer l.Close()
				if bc.floating {
					floatAll(b, l, cfg.Interface)
				}
				for _, r := range l.Readers() {
					wg.Go(func() { // ends with Stop
						for block := new(packet.Block); r.ReadBlock(block) != io.EOF; {
						}
					})
				}
				defer wg.Wait()
				defer l.Stop()
				defer func() {
					b.ReportMetric(float64(l.Stats().KernelDrops)/float64(b.N), "drops/op")
				}()
			}
			var frames [256][]byte
			for i := range frames {
				frames[i] = udp4(i, false, 0)
			}
			sender := pair.A.Sender()
			for i := 0; b.Loop(); i++ {
				sender.Send(frames[i%len(frames)])
			}
		})
	}
}

// floatAll puts l's sockets on all interfaces, as after the interface was made again.
func floatAll(b *testing.B, l *Live, name string) {
	b.Helper()
	for _, r := range l.readers {
		l.mu.Lock()
		dev, err := lookup(r.ring.fd, name)
		if err == nil {
			l.group = fanoutGroup{}
			if r.number > 0 {
				l.group = fanoutGroup{id: groupID(b, l.readers[0].ring.fd), known: true}
			}
			err = r.followLocked(dev)
		}
		l.mu.Unlock()
		if err != nil {
			b.Fatal(err)
		}
	}
}

func groupID(b *testing.B, fd int) uint16 {
	b.Helper()
	id, err := unix.GetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_FANOUT)
	if err != nil {
		b.Fatal(err)
	}
	return uint16(id)
}

// TestLiveLatency sends single frames: each is handed over within 100 ms, with the default timeouts.
func TestLiveLatency(t *testing.T) {
	pair := netnstest.NewPair(t)
	cfg := groupOn(pair.B.Name, 2)
	l := openIn(t, pair.B.NS, cfg)
	var late []time.Duration
	var mu sync.Mutex // guards late
	var wg sync.WaitGroup
	for _, r := range l.Readers() {
		wg.Go(func() { // ends with Stop
			for block := new(packet.Block); r.ReadBlock(block) != io.EOF; {
				now := time.Now().UnixNano()
				for _, f := range block.Frames {
					mu.Lock()
					late = append(late, time.Duration(now-f.Time))
					mu.Unlock()
				}
			}
		})
	}
	sender := pair.A.Sender()
	const n = 50
	for i := range n {
		sender.Send(udp4(i, false, 0))
		time.Sleep(11 * time.Millisecond) // the low rate is what is tested
	}
	l.Stop()
	wg.Wait()
	slices.Sort(late)
	if len(late) != n || late[n/2] > 2*cfg.RetireTimeout+20*time.Millisecond {
		t.Errorf("%d frames of %d, handed over after %v", len(late), n, late)
	}
	// A machine that is busy with something else is slower, now and then.
	if late[n*9/10] > 100*time.Millisecond {
		t.Errorf("handed over after %v", late)
	}
	t.Logf("median %v, 90%% within %v, slowest %v", late[n/2], late[n*9/10], late[n-1])
}
