package capture

import (
	"errors"
	"fmt"
)

// Resume has frames come in. Interfaces that are made again later are followed as ever.
func (l *Live) Resume() error { return l.setStandby(false) }

// Pause is back to standby: when it returns no frame comes in any more; those in the ring are still given.
func (l *Live) Pause() error { return l.setStandby(true) }

func (l *Live) setStandby(standby bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cfg.Workers > 1 || !l.cfg.Standby {
		return errors.New("capture was not opened for standby")
	}
	if l.stopped || l.standby == standby {
		return nil
	}
	l.standby = standby
	r := l.readers[0]
	if r.ring == nil || r.ring.index == 0 {
		return nil // attached when there is an interface
	}
	bound, err := boundTo(r.ring.fd)
	if err != nil || bound <= 0 {
		return err // it is gone; the next one is attached as is wanted now
	}
	name := nameOf(r.ring.fd, bound)
	dev, err := lookup(r.ring.fd, name)
	if err != nil {
		return nil // it has just gone
	}
	// A change of protocol waits until no processor delivers a frame by the old one.
	if err := r.ring.attach(dev, &l.cfg, standby); err != nil {
		return fmt.Errorf("capture of %s: %w", l.cfg.Interface, err)
	}
	return nil
}
