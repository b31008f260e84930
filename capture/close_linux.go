package capture

import (
	"encoding/binary"
	"errors"
	"time"

	"golang.org/x/sys/unix"
)

// drainTimeout ends the reading of a stopped ring; it takes two retire timeouts, 2 s at most.
const drainTimeout = 5 * time.Second

// drained reports whether a stopped ring has been read to its end: every frame that the kernel
// counted has been handed over or was dropped.
func (l *Live) drained() bool {
	now := time.Now()
	if l.drainEnd.IsZero() {
		l.drainEnd = now.Add(drainTimeout)
	}
	s := l.Stats()
	left := s.KernelPackets - s.KernelDrops - s.Packets
	if left == 0 {
		return true
	}
	if now.Before(l.drainEnd) {
		return false
	}
	l.log.Warn("capture ring not drained in time", "frames_left", left)
	return true
}

// Stop ends the intake of frames and the promiscuous mode; ReadBlock gives what the ring holds and
// then io.EOF. It may be called by any goroutine, and more than once.
func (l *Live) Stop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stopLocked()
}

// stopLocked does Stop under mu.
func (l *Live) stopLocked() {
	if l.stopped || l.ring == nil {
		return
	}
	if err := l.ring.quiesce(&l.cfg); err != nil {
		l.log.Error("capture does not stop", "err", err)
	}
	l.stopped = true
	l.readKernelLocked()
	l.signalLocked()
}

// signalLocked wakes the reader; under mu.
func (l *Live) signalLocked() {
	if _, err := unix.Write(l.wake, binary.NativeEndian.AppendUint64(nil, 1)); err != nil && !errors.Is(err, unix.EAGAIN) {
		l.log.Error("wake the reader", "err", err)
	}
}

// Close ends the capture and waits for a ReadBlock that is under way. Frames that the reader has been
// given stay readable until its next ReadBlock, which gives ErrClosed and frees the ring; it must come.
// Frames left in the ring are lost (Stop comes first where they matter). Stats go on to answer. It
// may be called by any goroutine, and more than once.
func (l *Live) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil
	}
	l.closed = true
	l.stopLocked()
	l.signalLocked()
	l.mu.Unlock()

	l.reading.Lock() // ReadBlock returns at once
	defer l.reading.Unlock()
	if l.ring != nil && !l.ring.lent {
		return l.release()
	}
	return nil
}

// release gives ring and descriptors back; under reading, with no frame lent.
func (l *Live) release() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.readKernelLocked()
	err := errors.Join(l.ring.close(), unix.Close(l.wake))
	l.ring, l.frames = nil, nil
	return err
}
