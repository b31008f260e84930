package capture

import (
	"errors"
	"fmt"

	"github.com/netmond/netmond/capture/filter"
)

// SetFilter has f decide which frames come in from now on, nil all of them. Each socket changes from one
// program to the other between two frames, one socket after the other; frames that are in the rings stay. It
// needs no privilege. After an error the filter is the one before. Any goroutine may call it.
func (l *Live) SetFilter(f *filter.Filter) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	before := l.cfg.Filter
	l.cfg.Filter = f
	if l.stopped || l.standby {
		return nil // attach has it when frames are wanted
	}
	if err := l.refilterLocked(); err != nil {
		l.cfg.Filter = before
		return errors.Join(err, l.refilterLocked())
	}
	return nil
}

// refilterLocked attaches the configured filter to all sockets; under mu.
func (l *Live) refilterLocked() error {
	var dev iface
	index, err := l.sentinel.bound()
	if err == nil && index > 0 {
		dev, err = lookup(l.sentinel.fd, nameOf(l.sentinel.fd, index))
	}
	if err != nil {
		dev = iface{} // there is none now
	}
	if dev.index != 0 {
		if _, err := l.cfg.intake(dev); err != nil { // before any socket changes
			return fmt.Errorf("set the capture filter of %s: %w", l.cfg.Interface, err)
		}
	}
	for _, r := range l.readers {
		var err error
		switch {
		case r.ring == nil:
		case dev.index != 0 && r.ring.index == dev.index:
			err = r.ring.admit(dev, &l.cfg)
		case l.cfg.Workers == 1 && l.cfg.Filter == nil:
			// It has no interface now, and attach leaves alone what needs no filter.
			err = setFilter(r.ring.fd, l.cfg.whole())
		}
		if err != nil {
			return err
		}
	}
	return nil
}
