package capture

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// check looks at the interface, follows it when it was made again, and notes and logs each change. A
// cause says that the socket lost it meanwhile, even if it is up again. It also reads the kernel's
// counts, so that they never wrap unread.
func (r *Reader) check(now time.Time, cause error) {
	l := r.l
	l.mu.Lock()
	defer l.mu.Unlock()
	r.checked = now
	r.readKernelLocked()
	if l.stopped {
		return
	}
	l.noteLossLocked(now)
	if cause != nil {
		l.lostLocked(r, now)
	}
	dev, ok := l.lookLocked(r.ring.fd, now)
	if !ok {
		return
	}
	r.keepUpLocked(dev)
	l.gone, l.backoff, l.missed = false, 0, ""
	if dev.up && l.attachedLocked(dev.index) {
		l.setUpLocked(now)
	} else {
		l.setDownLocked(now)
	}
}

// lookLocked finds the interface and has the sentinel follow it; false when there is none to capture
// from. Under mu.
func (l *Live) lookLocked(fd int, now time.Time) (iface, bool) {
	if l.sentinel.lost() != nil && l.floatingLocked() {
		l.setDownLocked(now) // the readers' sockets are not told
	}
	bound, err := l.sentinel.bound()
	if err != nil {
		bound = -1
	}
	dev, err := lookup(fd, l.cfg.Interface)
	if errors.Is(err, unix.ENODEV) {
		// Renamed while it is open: its frames still come.
		if name := nameOf(fd, bound); name != "" {
			dev, err = lookup(fd, name)
		}
	}
	if err == nil && dev.index != bound {
		l.setDownLocked(now)
		err = l.moveLocked(dev)
	}
	if err != nil {
		l.setDownLocked(now)
		l.missLocked(err)
		return iface{}, false
	}
	return dev, true
}

// moveLocked turns to dev, which has the name that another interface had; under mu.
func (l *Live) moveLocked(dev iface) error {
	if _, ok := linkOf(dev.hatype); !ok {
		return fmt.Errorf("link type ARPHRD %d %w", dev.hatype, ErrUnsupported)
	}
	if err := l.sentinel.follow(dev, &l.cfg); err != nil {
		return err
	}
	if l.group.index != 0 {
		l.group = fanoutGroup{} // bound to the one before
	}
	l.nic.read(dev.index, true)
	for _, r := range l.readers {
		if r.ring != nil {
			r.ring.index, r.behind = 0, 0
			r.signalLocked() // to follow
		}
	}
	if l.awaited {
		l.awaited = false
		l.log.Info("interface is there", "after", time.Since(l.downAt).Round(time.Millisecond))
		return nil
	}
	l.reopens++
	return nil
}

// keepUpLocked has r's ring take the frames of dev, if it does not yet; under reading and the Live's mu.
func (r *Reader) keepUpLocked(dev iface) {
	if r.ring.index == dev.index {
		r.behind, r.missed = 0, ""
		return
	}
	err := r.followLocked(dev)
	switch {
	case err != nil:
		r.behind = min(max(2*r.behind, minBackoff), maxBackoff)
		if why := err.Error(); why != r.missed {
			r.missed = why
			r.l.log.Warn("interface cannot be opened, trying again", "worker", r.number, "err", err)
		}
	case r.ring.index != dev.index:
		r.behind = r.l.cfg.RetireTimeout // its old frames first, or the interface is not up
	default:
		r.behind, r.missed = 0, ""
	}
}

// attachedLocked reports whether a ring takes the frames of the interface with this index; under mu.
func (l *Live) attachedLocked(index int) bool {
	for _, r := range l.readers {
		if r.ring != nil && r.ring.index == index {
			return true
		}
	}
	return false
}

// floatingLocked reports whether a socket is bound to all interfaces; under mu.
func (l *Live) floatingLocked() bool {
	for _, r := range l.readers {
		if r.ring != nil && r.ring.floating {
			return true
		}
	}
	return false
}

// lostLocked notes that r's socket tells that the interface went down. Each socket tells of each time,
// which counts once; under mu.
func (l *Live) lostLocked(r *Reader, now time.Time) {
	if r.downs == l.downs {
		l.setDownLocked(now)
	}
	r.downs = l.downs
}

// missLocked notes that there is no interface to capture from, and looks again later; under mu.
func (l *Live) missLocked(cause error) {
	l.gone = true
	l.backoff = min(max(2*l.backoff, minBackoff), maxBackoff)
	if why := cause.Error(); !errors.Is(cause, unix.ENODEV) && why != l.missed {
		l.missed = why
		l.log.Warn("interface cannot be opened, trying again", "err", cause)
	}
}

// setDownLocked notes that no frames come; under mu.
func (l *Live) setDownLocked(now time.Time) {
	if !l.up {
		return
	}
	l.up, l.downAt = false, now
	l.downs++
	l.log.Warn("interface is down or gone, waiting for it")
}

// setUpLocked notes that frames come again; under mu.
func (l *Live) setUpLocked(now time.Time) {
	if l.up {
		return
	}
	l.up = true
	l.log.Info("interface is up again", "down_for", now.Sub(l.downAt).Round(time.Millisecond), "reopens", l.reopens)
}
