package capture

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/netmond/netmond/packet"
)

const (
	pollTimeout = 250 * time.Millisecond // ReadBlock's longest wait
	// checkPeriod bounds the age of the kernel's counts, which are 32 bit and wrap, and of what is
	// known of the interface.
	checkPeriod = time.Second
	minBackoff  = 100 * time.Millisecond // between looks for an interface that has vanished
	maxBackoff  = time.Second
)

// Live is a Source over one interface: a packet socket with a TPACKET_V3 ring that the kernel writes
// frames to. It outlives the interface: while that is down or gone ReadBlock gives no frames, and it
// goes on by itself when an interface of that name is up again. The network namespace is that of the
// OpenLive call.
//
// Frames handed over + Stats.KernelDrops = Stats.KernelPackets whenever the ring holds no frame. To
// end without losing any: Stop, ReadBlock until io.EOF, Close.
type Live struct {
	cfg LiveConfig
	log *slog.Logger

	// ring is nil when its memory and its socket are given back, which is done under reading and mu
	// both; so either keeps it. The reader owns its blocks, mu its socket.
	ring *ring

	reading  sync.Mutex // held by ReadBlock; guards what follows
	frames   []packet.Frame
	broken   error         // what ReadBlock gives from now on
	checked  time.Time     // when the interface was last looked at
	backoff  time.Duration // until the next look, while it is gone
	drainEnd time.Time     // set when the reader has seen that it is stopped

	packets, bytes, truncated, losing atomic.Uint64
	lastPoll                          atomic.Int64

	wake int // eventfd that is readable when the reader must look up from poll; lives as ring does

	mu       sync.Mutex // guards what follows
	stopped  bool       // no frame comes in any more
	closed   bool
	up       bool
	gone     bool   // not up because there is no such interface, or none that can be opened
	missed   string // why the last look found none, when that was not that it does not exist
	downAt   time.Time
	kernel   Stats // the kernel's counts, Downs, Reopens
	statsErr error // the first failure to read the kernel's counts, logged once
}

// OpenLive captures from cfg.Interface until Close. Errors wrap ErrNoInterface, ErrPermission,
// ErrUnsupported or a unix.Errno (ENOMEM: no memory for the ring). An interface that is down is waited for.
func OpenLive(cfg LiveConfig, log *slog.Logger) (*Live, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	log = log.With("interface", cfg.Interface)
	// A wrong name is told also to a user who may not capture.
	if _, err := net.InterfaceByName(cfg.Interface); err != nil {
		return nil, noInterface(cfg.Interface)
	}
	r, err := openRing(&cfg)
	if err != nil {
		return nil, err
	}
	dev, err := find(r.fd, cfg.Interface)
	if err == nil {
		err = r.attach(dev, &cfg)
	}
	if err != nil {
		return nil, errors.Join(err, r.close())
	}
	wake, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open eventfd: %w", err), r.close())
	}
	now := time.Now()
	l := &Live{
		cfg: cfg, log: log, ring: r, wake: wake, up: dev.up, downAt: now, checked: now,
		kernel: Stats{Interface: cfg.Interface, Path: "afpacket", RingBytes: uint64(len(r.mem))},
	}
	l.lastPoll.Store(now.UnixNano())
	if len(r.mem) < cfg.RingBytes {
		log.Warn("little memory: capture ring is smaller than configured", "want_bytes", cfg.RingBytes, "got_bytes", len(r.mem))
	}
	if !dev.up {
		log.Warn("interface is down, waiting for it")
	}
	return l, nil
}

// ReadBlock gives the frames of one ring block, in order of arrival, or none: after 250 ms without
// any, or when the interface goes down. b.Frames and their Data are valid until the next call, which
// gives the block back to the kernel. Errors: ErrClosed after Close; io.EOF after Stop, when the ring
// is empty; any other is final.
func (l *Live) ReadBlock(b *packet.Block) error {
	l.reading.Lock()
	defer l.reading.Unlock()
	b.Frames = nil
	if l.ring == nil {
		return ErrClosed
	}
	l.ring.giveBack()
	for {
		is := l.situation()
		if is.closed {
			if err := l.release(); err != nil {
				l.log.Error("close the capture ring", "err", err)
			}
			return ErrClosed
		}
		if l.broken != nil {
			return l.broken
		}
		// Frames while the interface is known as down say that it no longer is.
		block, status := l.ring.take()
		if now := time.Now(); now.Sub(l.checked) >= is.period || block != nil && is.down {
			l.check(now, nil)
		}
		if block != nil {
			if l.hand(b, block, status) {
				return nil
			}
			continue
		}
		if is.stopped && l.drained() {
			l.broken = io.EOF
			continue
		}
		woken, err := l.wait(&is)
		if err != nil {
			l.broken = err
			continue
		}
		if !woken {
			return nil
		}
	}
}

// hand gives the frames of block to b; false when there are none.
func (l *Live) hand(b *packet.Block, block []byte, status uint32) bool {
	var sum tally
	l.frames, sum, l.broken = l.ring.parser.parse(block, l.frames[:0])
	if status&unix.TP_STATUS_LOSING != 0 {
		l.losing.Add(1)
	}
	l.lastPoll.Store(time.Now().UnixNano())
	if len(l.frames) == 0 {
		l.ring.giveBack()
		return false
	}
	l.packets.Add(uint64(len(l.frames)))
	l.bytes.Add(sum.bytes)
	l.truncated.Add(sum.truncated)
	b.Frames = l.frames
	return true
}

// wait sleeps until the kernel hands over a block, or Stop or Close is called: woken. Otherwise the
// time has passed, or the interface went down.
func (l *Live) wait(is *situation) (woken bool, err error) {
	timeout := min(pollTimeout, is.period)
	if is.stopped {
		timeout = l.cfg.RetireTimeout
	}
	fds := []unix.PollFd{{Fd: int32(l.wake), Events: unix.POLLIN}, {Fd: int32(l.ring.fd), Events: unix.POLLIN}}
	n, err := unix.Poll(fds, int(timeout.Milliseconds()))
	l.lastPoll.Store(time.Now().UnixNano())
	switch {
	case errors.Is(err, unix.EINTR):
		return true, nil
	case err != nil:
		return false, fmt.Errorf("poll interface %s: %w", l.cfg.Interface, err)
	case n == 0:
		return is.stopped, nil // a drain goes on until it is done
	}
	if fds[0].Revents != 0 {
		var count [8]byte
		if _, err := unix.Read(l.wake, count[:]); err != nil && !errors.Is(err, unix.EAGAIN) {
			return false, fmt.Errorf("read eventfd: %w", err)
		}
	}
	switch {
	case fds[1].Revents == 0:
	case fds[1].Revents&^unix.POLLIN != 0:
		cause := l.ring.pendingError()
		if cause != nil && !errors.Is(cause, unix.ENETDOWN) {
			return false, fmt.Errorf("capture from interface %s: %w", l.cfg.Interface, cause)
		}
		l.check(time.Now(), cause)
		if cause == nil {
			l.pause()
		}
		return false, nil // the caller may want to know of it
	default:
		if !l.ring.ready() {
			l.pause()
		}
	}
	return true, nil
}

// pause waits a little where poll reports what is not there, which would otherwise keep a processor
// busy. Stop and Close end it.
func (l *Live) pause() {
	fds := []unix.PollFd{{Fd: int32(l.wake), Events: unix.POLLIN}}
	unix.Poll(fds, int(l.cfg.RetireTimeout.Milliseconds())) // a signal may shorten it
}

// A situation is what a turn of ReadBlock depends on.
type situation struct {
	stopped, closed, down bool
	period                time.Duration // from one look at the interface to the next
}

func (l *Live) situation() situation {
	l.mu.Lock()
	defer l.mu.Unlock()
	is := situation{stopped: l.stopped, closed: l.closed, down: !l.up, period: checkPeriod}
	switch {
	case l.gone:
		is.period = l.backoff
	case !l.up:
		is.period = pollTimeout
	}
	return is
}

// Stats gives the counters, those of the kernel read now. Any goroutine may call it, at any time.
func (l *Live) Stats() Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.readKernelLocked()
	s := l.kernel
	s.Up = l.up && !l.closed
	s.Packets = l.packets.Load()
	s.Bytes = l.bytes.Load()
	s.Truncated = l.truncated.Load()
	s.Losing = l.losing.Load()
	s.LastPoll = l.lastPoll.Load()
	return s
}

// readKernelLocked adds what the kernel has counted since the last time; under mu.
func (l *Live) readKernelLocked() {
	if l.ring == nil {
		return
	}
	s, err := l.ring.kernelCounts()
	if err != nil {
		if l.statsErr == nil {
			l.log.Error("kernel drop counts are not known", "err", err)
			l.statsErr = err
		}
		return
	}
	l.kernel.KernelPackets += uint64(s.Packets)
	l.kernel.KernelDrops += uint64(s.Drops)
	l.kernel.RingFreezes += uint64(s.Freeze_q_cnt)
}
