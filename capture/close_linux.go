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
func (r *Reader) drained() bool {
	now := time.Now()
	if r.drainEnd.IsZero() {
		r.drainEnd = now.Add(drainTimeout)
	}
	r.l.mu.Lock()
	left := r.leftLocked()
	r.l.mu.Unlock()
	if left == 0 {
		return true
	}
	if now.Before(r.drainEnd) {
		return false
	}
	r.l.log.Warn("capture ring not drained in time", "worker", r.number, "frames_left", left)
	return true
}

// leftLocked is the number of frames that the kernel has counted and that were neither dropped nor
// handed over; under the Live's mu.
func (r *Reader) leftLocked() uint64 {
	r.readKernelLocked()
	return r.kernel.packets - r.kernel.drops - r.packets.Load()
}

// Stop ends the intake of frames and the promiscuous mode; the readers give what their rings hold and
// then io.EOF. It may be called by any goroutine, and more than once.
func (l *Live) Stop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stopLocked()
}

// stopLocked does Stop under mu.
func (l *Live) stopLocked() {
	if l.stopped {
		return
	}
	for _, r := range l.readers {
		if r.ring == nil {
			continue
		}
		if err := r.ring.shut(); err != nil {
			l.log.Error("capture does not stop", "err", err)
		}
	}
	l.readNICLocked(true)
	// Other processors may still run the old filters.
	if err := l.sentinel.barrier(); err != nil {
		l.log.Error("capture does not stop", "err", err)
	}
	if err := l.closeSocketsLocked(); err != nil {
		l.log.Error("close sockets beside the capture rings", "err", err)
	}
	l.stopped = true
	for _, r := range l.readers {
		r.readKernelLocked()
		r.signalLocked()
	}
}

// closeSocketsLocked closes the sockets that hold no frames; under mu.
func (l *Live) closeSocketsLocked() error {
	var errs []error
	if l.sentinel != nil {
		errs = append(errs, l.sentinel.close())
		l.sentinel = nil
	}
	for _, fd := range l.spares {
		errs = append(errs, unix.Close(fd))
	}
	l.spares = nil
	if l.nic != nil {
		l.nic.close()
	}
	return errors.Join(errs...)
}

// signalLocked wakes the reader; under the Live's mu.
func (r *Reader) signalLocked() {
	if r.ring == nil {
		return
	}
	if _, err := unix.Write(r.wake, binary.NativeEndian.AppendUint64(nil, 1)); err != nil && !errors.Is(err, unix.EAGAIN) {
		r.l.log.Error("wake the reader", "err", err)
	}
}

// Close ends the capture and waits for each ReadBlock that is under way. Frames that a reader has been
// given stay readable until its next ReadBlock, which gives ErrClosed and frees the ring; it must come.
// Frames left in the rings are lost (Stop comes first where they matter). Stats go on to answer. It
// may be called by any goroutine, and more than once.
func (l *Live) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil
	}
	l.closed = true
	l.stopLocked()
	for _, r := range l.readers {
		r.signalLocked()
	}
	l.mu.Unlock()

	var errs []error
	for _, r := range l.readers {
		errs = append(errs, r.close())
	}
	return errors.Join(errs...)
}

// close frees the ring unless its frames are in use.
func (r *Reader) close() error {
	r.reading.Lock() // ReadBlock returns at once
	defer r.reading.Unlock()
	if r.ring != nil && !r.ring.lent {
		return r.release()
	}
	return nil
}

// release gives ring and descriptors back; under reading, with no frame lent.
func (r *Reader) release() error {
	r.l.mu.Lock()
	defer r.l.mu.Unlock()
	r.readKernelLocked()
	return r.closeLocked()
}

// closeLocked does release under reading and the Live's mu.
func (r *Reader) closeLocked() error {
	err := errors.Join(r.waiter.close(), r.ring.close(), unix.Close(r.wake))
	r.ring, r.frames = nil, nil
	return err
}
