package capture

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/netmond/netmond/packet"
)

// A Reader takes the frames of one of a Live's sockets.
type Reader struct {
	l      *Live
	number int
	opened time.Time

	// ring is nil when its memory and its socket are given back, and another one where it joined an
	// interface made again. Both are done under reading and the Live's mu; so either keeps it. The
	// reader owns its blocks, mu its socket.
	ring *ring

	reading  sync.Mutex // held by ReadBlock; guards what follows
	frames   []packet.Frame
	broken   error     // what ReadBlock gives from now on
	checked  time.Time // when the interface was last looked at
	drainEnd time.Time // set when the reader has seen that it is stopped

	packets, bytes, truncated, losing atomic.Uint64
	lastPoll                          atomic.Int64 // ns since opened, monotonic

	wake   int // eventfd that is readable when the reader must look up from its wait; lives as ring does
	waiter *waiter

	// Guarded by the Live's mu:
	kernel    kernelTotals
	ringBytes uint64
	downs     uint64        // of the Live's downs, those whose pending error this socket has shown
	behind    time.Duration // until the next attempt to follow the interface; 0 when it has
	missed    string        // why the last attempt failed, when it did
}

// kernelTotals are the kernel's counts of all sockets that a reader has had.
type kernelTotals struct{ packets, drops, freezes uint64 }

func newReader(l *Live, number int, ring *ring, now time.Time) (*Reader, error) {
	wake, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("open eventfd: %w", err)
	}
	waiter, err := newWaiter()
	if err != nil {
		unix.Close(wake)
		return nil, err
	}
	return &Reader{
		l: l, number: number, ring: ring, wake: wake, waiter: waiter, opened: now, checked: now, ringBytes: uint64(len(ring.mem)),
	}, nil
}

// ReadBlock gives the next frames of a ring block, in order of arrival, or none: after a second without
// any, or when the interface goes down. b.Frames and their Data are valid until the next call, which
// gives the block back to the kernel when all its frames were given. Errors: ErrClosed after Close; io.EOF
// after Stop, when the ring is empty; any other is final. One goroutine at a time.
func (r *Reader) ReadBlock(b *packet.Block) error {
	r.reading.Lock()
	defer r.reading.Unlock()
	b.Frames = nil
	if r.ring == nil {
		return ErrClosed
	}
	if r.ring.lent && r.ring.parser.more() && r.hand(b) {
		return nil
	}
	r.ring.giveBack()
	for {
		is := r.situation()
		if is.closed {
			if err := r.release(); err != nil {
				r.l.log.Error("close the capture ring", "err", err)
			}
			return ErrClosed
		}
		if r.broken != nil {
			return r.broken
		}
		block, status := r.ring.take()
		if now := time.Now(); r.due(&is, now, block != nil, status) {
			r.check(now, nil)
		}
		if block != nil {
			if r.take(b, block, status) {
				return nil
			}
			continue
		}
		if is.stopped && r.drained() {
			r.broken = io.EOF
			continue
		}
		woken, err := r.wait(&is)
		if err != nil {
			r.broken = err
			continue
		}
		if !woken {
			return nil
		}
	}
}

// due reports whether the interface and the kernel's counts are to be looked at: after the period;
// when frames come from an interface that is known as down; and early, when the kernel has marked the
// block as one that frames were lost beside.
func (r *Reader) due(is *situation, now time.Time, taken bool, status uint32) bool {
	age := now.Sub(r.checked)
	return age >= is.period || taken && is.down || status&unix.TP_STATUS_LOSING != 0 && age >= lossPeriod
}

// take begins block, which the ring has lent, and gives its first frames to b; false when there are none.
func (r *Reader) take(b *packet.Block, block []byte, status uint32) bool {
	if status&unix.TP_STATUS_LOSING != 0 {
		r.losing.Add(1)
	}
	r.polled()
	if r.broken = r.ring.parser.begin(block); r.broken == nil && r.hand(b) {
		return true
	}
	r.ring.giveBack()
	return false
}

// hand gives the next frames of the block to b; false when there are none.
func (r *Reader) hand(b *packet.Block) bool {
	var sum tally
	r.frames, sum, r.broken = r.ring.parser.parse(r.frames[:0])
	if len(r.frames) == 0 {
		return false
	}
	r.packets.Add(uint64(len(r.frames)))
	r.bytes.Add(sum.bytes)
	r.truncated.Add(sum.truncated)
	b.Frames = r.frames
	return true
}

// polled notes that the reader looks for frames.
func (r *Reader) polled() { r.lastPoll.Store(int64(time.Since(r.opened))) }

// wait sleeps until the kernel hands over a block, or Stop or Close is called: woken. Otherwise the
// time has passed, or the interface went down.
func (r *Reader) wait(is *situation) (woken bool, err error) {
	timeout := min(pollTimeout, is.period)
	if is.stopped {
		timeout = r.l.cfg.RetireTimeout
	}
	fds := []unix.PollFd{
		{Fd: int32(r.wake), Events: unix.POLLIN}, {Fd: int32(r.ring.fd), Events: unix.POLLIN}, {Fd: int32(is.sentinel)},
	}
	n, err := r.waiter.poll(fds, timeout)
	r.polled()
	switch {
	case err != nil:
		return false, fmt.Errorf("poll interface %s: %w", r.l.cfg.Interface, err)
	case n == 0:
		return is.stopped, nil // a drain goes on until it is done
	}
	if fds[0].Revents != 0 {
		var count [8]byte
		if _, err := unix.Read(r.wake, count[:]); err != nil && !errors.Is(err, unix.EAGAIN) {
			return false, fmt.Errorf("read eventfd: %w", err)
		}
	}
	if fds[2].Revents != 0 {
		r.check(time.Now(), nil) // takes the sentinel's error
		return false, nil
	}
	switch {
	case fds[1].Revents == 0:
	case fds[1].Revents&^unix.POLLIN != 0:
		cause := r.ring.pendingError()
		if cause != nil && !errors.Is(cause, unix.ENETDOWN) {
			return false, fmt.Errorf("capture from interface %s: %w", r.l.cfg.Interface, cause)
		}
		r.check(time.Now(), cause)
		if cause == nil {
			r.pause()
		}
		return false, nil // the caller may want to know of it
	default:
		if !r.ring.ready() {
			r.pause()
		}
	}
	return true, nil
}

// pause waits a little where poll reports what is not there, which would otherwise keep a processor
// busy. Stop and Close end it.
func (r *Reader) pause() {
	fds := []unix.PollFd{{Fd: int32(r.wake), Events: unix.POLLIN}}
	unix.Poll(fds, int(r.l.cfg.RetireTimeout.Milliseconds())) // a signal may shorten it
}
