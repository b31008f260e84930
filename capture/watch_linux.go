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
func (l *Live) check(now time.Time, cause error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.checked = now
	l.readKernelLocked()
	if l.stopped {
		return
	}
	if cause != nil {
		l.setDownLocked(now)
	}
	bound, err := l.ring.bound()
	if err != nil {
		bound = -1
	}
	dev, err := lookup(l.ring.fd, l.cfg.Interface)
	if errors.Is(err, unix.ENODEV) {
		// Renamed while it is open: its frames still come.
		if name := nameOf(l.ring.fd, bound); name != "" {
			dev, err = lookup(l.ring.fd, name)
		}
	}
	switch {
	case err != nil:
		l.setDownLocked(now)
		l.missLocked(err)
		return
	case dev.index != bound:
		l.setDownLocked(now)
		if err := l.followLocked(dev, bound); err != nil {
			l.missLocked(err)
			return
		}
	}
	l.gone, l.backoff, l.missed = false, 0, ""
	if dev.up {
		l.setUpLocked(now)
	} else {
		l.setDownLocked(now)
	}
}

// followLocked binds to dev, which has the name that another interface had; under mu.
func (l *Live) followLocked(dev iface, old int) error {
	if _, ok := linkOf(dev.hatype); !ok {
		return fmt.Errorf("link type ARPHRD %d %w", dev.hatype, ErrUnsupported)
	}
	if old > 0 && l.cfg.Promiscuous { // the other one is still there, under another name
		l.ring.promiscuous(unix.PACKET_DROP_MEMBERSHIP, old) // fails where it was loopback
	}
	if err := l.ring.attach(dev, &l.cfg); err != nil {
		return err
	}
	l.kernel.Reopens++
	return nil
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
	l.kernel.Downs++
	l.log.Warn("interface is down or gone, waiting for it")
}

// setUpLocked notes that frames come again; under mu.
func (l *Live) setUpLocked(now time.Time) {
	if l.up {
		return
	}
	l.up = true
	l.log.Info("interface is up again", "down_for", now.Sub(l.downAt).Round(time.Millisecond), "reopens", l.kernel.Reopens)
}
