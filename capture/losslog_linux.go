package capture

import "time"

const (
	// lossPeriod is the least time between two looks that blocks marked as losing bring about.
	lossPeriod = 100 * time.Millisecond
	// lossQuiet is how long no frame must be lost for a loss to be over: it bounds the log to two lines in
	// this time.
	lossQuiet = 30 * time.Second
)

// A lossLog tells the log when frames begin to be lost and when that is over.
type lossLog struct {
	ring, nic  uint64 // counts at the last look
	began      time.Time
	last       time.Time // when the last loss was seen
	beganRing  uint64    // counts before it began
	beganNIC   uint64
	inProgress bool
}

// A lossEvent is what a look at the counts found.
type lossEvent uint8

const (
	lossNone lossEvent = iota
	lossBegins
	lossEnds
)

// look compares the counts with those of the last look.
func (l *lossLog) look(now time.Time, ring, nic uint64) lossEvent {
	more := ring > l.ring || nic > l.nic
	event := lossNone
	switch {
	case more && !l.inProgress:
		l.inProgress, l.began, l.beganRing, l.beganNIC = true, now, l.ring, l.nic
		event = lossBegins
	case !more && l.inProgress && now.Sub(l.last) >= lossQuiet:
		l.inProgress = false
		event = lossEnds
	}
	if more {
		l.last = now
	}
	l.ring, l.nic = ring, nic
	return event
}

// noteLossLocked looks at the counts of lost frames; under mu.
func (l *Live) noteLossLocked(now time.Time) {
	if now.Sub(l.nic.looked) >= nicPeriod { // else another reader or Stats did
		l.readNICLocked(false)
	}
	var drops uint64
	for _, r := range l.readers {
		drops += r.kernel.drops
	}
	ll := &l.loss
	nic := l.nic.lost()
	switch ll.look(now, drops, nic) {
	case lossBegins:
		l.log.Warn("frames are being lost", "ring", drops-ll.beganRing, "nic", nic-ll.beganNIC)
	case lossEnds:
		l.log.Info("no more frames are lost", "ring", drops-ll.beganRing, "nic", nic-ll.beganNIC,
			"lasted", ll.last.Sub(ll.began).Round(time.Millisecond))
	}
}
