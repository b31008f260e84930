package capture

import (
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// pollTimeout is ReadBlock's longest wait. Each wait that ends keeps the Go runtime's monitor awake for
	// some milliseconds: with a quarter of a second, idling cost half as much again.
	pollTimeout = time.Second
	// downPeriod is between looks at an interface that is down: none tells that it is up again but its frames.
	downPeriod = 250 * time.Millisecond
	// checkPeriod bounds the age of the kernel's counts, which are 32 bit and wrap, and of what is
	// known of the interface.
	checkPeriod = time.Second
	minBackoff  = 100 * time.Millisecond // between looks for an interface that has vanished
	maxBackoff  = time.Second
)

// Live captures from one interface: packet sockets, each with a TPACKET_V3 ring that the kernel writes
// frames to and a Reader. It outlives the interface: while that is down or gone the readers give no
// frames, and they go on by themselves when an interface of that name is up again. The network
// namespace is that of the OpenLive call.
//
// Frames handed over + Stats.KernelDrops = Stats.KernelPackets whenever the rings hold no frame. To
// end without losing any: Stop, each reader's ReadBlock until io.EOF, Close.
type Live struct {
	cfg     LiveConfig
	log     *slog.Logger
	readers []*Reader

	mu      sync.Mutex // guards what follows, and the sockets of the readers' rings
	stopped bool       // no frame comes in any more
	standby bool       // no frame comes in for now
	closed  bool
	up      bool
	awaited bool          // there has been no such interface yet
	gone    bool          // not up because there is no such interface, or none that can be opened
	missed  string        // why the last look found none, when that was not that it does not exist
	backoff time.Duration // until the next look, while it is gone
	downAt  time.Time
	downs   uint64
	reopens uint64

	sentinel *sentinel
	group    fanoutGroup
	spares   []int // packet sockets that are bound to nothing yet, one for each reader; see replaceLocked
	nic      *nicCounter
	loss     lossLog
	statsErr error // the first failure to read the kernel's counts, logged once
}

// OpenLive captures from cfg.Interface until Close. Errors wrap ErrNoInterface, ErrPermission,
// ErrUnsupported or a unix.Errno (ENOMEM: no memory for a ring). An interface that is down is waited for.
func OpenLive(cfg LiveConfig, log *slog.Logger) (*Live, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	log = log.With("interface", cfg.Interface)
	// A wrong name is told also to a user who may not capture.
	if _, err := net.InterfaceByName(cfg.Interface); err != nil && !cfg.Await {
		return nil, noInterface(cfg.Interface)
	}
	l := &Live{cfg: cfg, log: log, standby: cfg.Standby}
	if err := l.open(); err != nil {
		return nil, errors.Join(err, l.abandon())
	}
	var got int
	for _, r := range l.readers {
		got += len(r.ring.mem)
	}
	if want := l.ringBytes() * cfg.Workers; got < want {
		log.Warn("little memory: capture ring is smaller than configured", "want_bytes", want, "got_bytes", got)
	}
	switch {
	case l.awaited:
		log.Warn("interface does not exist, waiting for it")
	case !l.up:
		log.Warn("interface is down, waiting for it")
	}
	return l, nil
}

// open opens all sockets and attaches them. What it leaves after an error is for abandon.
func (l *Live) open() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	for i := range l.cfg.Workers {
		ring, err := openRing(&l.cfg, l.ringBytes())
		if err != nil {
			return err
		}
		r, err := newReader(l, i, ring, now)
		if err != nil {
			return errors.Join(err, ring.close())
		}
		l.readers = append(l.readers, r)
	}
	if l.cfg.Workers > 1 {
		for range l.cfg.Workers {
			fd, err := packetSocket()
			if err != nil {
				return err
			}
			l.spares = append(l.spares, fd)
		}
	}
	fd := l.readers[0].ring.fd
	dev, err := find(fd, l.cfg.Interface)
	l.awaited = l.cfg.Await && errors.Is(err, ErrNoInterface)
	if err != nil && !l.awaited {
		return err
	}
	if l.sentinel, err = openSentinel(); err != nil {
		return err
	}
	if l.awaited {
		l.nic, l.downAt = openNIC(l.sentinel.fd, l.log), now
		l.missLocked(unix.ENODEV)
		return nil // the readers look for it
	}
	if err := l.sentinel.follow(dev, &l.cfg); err != nil {
		return err
	}
	l.nic = openNIC(l.sentinel.fd, l.log)
	l.nic.read(dev.index, true)
	l.up, l.downAt = dev.up, now
	for _, r := range l.readers {
		if err := l.attachLocked(r, dev); err != nil {
			return err
		}
	}
	return nil
}

// ringBytes is the size of one worker's ring.
func (l *Live) ringBytes() int {
	part := l.cfg.RingBytes / l.cfg.Workers
	block := l.cfg.blockBytes(part)
	return part / block * block
}

// abandon gives back what a failed open has opened.
func (l *Live) abandon() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	errs := []error{l.closeSocketsLocked()}
	for _, r := range l.readers {
		errs = append(errs, r.closeLocked())
	}
	return errors.Join(errs...)
}

// Readers are the readers of the interface's frames, one for each worker; all of them must be read.
// The list does not change.
func (l *Live) Readers() []*Reader { return l.readers }

// A situation is what a turn of ReadBlock depends on.
type situation struct {
	stopped, closed, down bool
	period                time.Duration // from one look at the interface to the next
	sentinel              int           // descriptor to watch beside the ring's; -1 for none
}

func (r *Reader) situation() situation {
	l := r.l
	l.mu.Lock()
	defer l.mu.Unlock()
	is := situation{stopped: l.stopped, closed: l.closed, down: !l.up, period: checkPeriod, sentinel: -1}
	if r.ring.floating && l.sentinel != nil {
		is.sentinel = l.sentinel.fd // the ring's socket is not told when the interface goes
	}
	switch {
	case l.gone:
		is.period = l.backoff
	case r.behind > 0:
		is.period = r.behind
	case r.ring.index == 0:
		is.period = l.cfg.RetireTimeout
	case !l.up:
		is.period = downPeriod
	}
	return is
}

// Stats gives the counters, those of the kernel read now. Any goroutine may call it, at any time.
func (l *Live) Stats() Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	l.readNICLocked(false)
	s := Stats{
		Interface: l.cfg.Interface, Path: "afpacket", NICDrops: l.nic.lost(), Up: l.up && !l.closed, Awaited: l.awaited,
		Downs: l.downs, Reopens: l.reopens, Workers: make([]WorkerStats, len(l.readers)),
	}
	oldest := time.Duration(0)
	for i, r := range l.readers {
		r.readKernelLocked()
		w := &s.Workers[i]
		w.Packets = r.packets.Load()
		w.KernelPackets, w.KernelDrops = r.kernel.packets, r.kernel.drops
		w.PollAge = max(0, now.Sub(r.opened)-time.Duration(r.lastPoll.Load()))
		oldest = max(oldest, w.PollAge)
		s.Packets += w.Packets
		s.KernelPackets += w.KernelPackets
		s.KernelDrops += w.KernelDrops
		s.RingFreezes += r.kernel.freezes
		s.Bytes += r.bytes.Load()
		s.Truncated += r.truncated.Load()
		s.Losing += r.losing.Load()
		s.RingBytes += r.ringBytes
	}
	s.LastPoll = now.Add(-oldest).UnixNano()
	return s
}

// Awaited is the error that there is no such interface, which lists those present, until there has been one;
// then nil. Any goroutine may call it.
func (l *Live) Awaited() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.awaited {
		return noInterface(l.cfg.Interface)
	}
	return nil
}

// readKernelLocked adds what the kernel has counted since the last time; under the Live's mu.
func (r *Reader) readKernelLocked() {
	if r.ring == nil {
		return
	}
	s, err := r.ring.kernelCounts()
	if err != nil {
		if r.l.statsErr == nil {
			r.l.log.Error("kernel drop counts are not known", "err", err)
			r.l.statsErr = err
		}
		return
	}
	r.kernel.packets += uint64(s.Packets)
	r.kernel.drops += uint64(s.Drops)
	r.kernel.freezes += uint64(s.Freeze_q_cnt)
}

// readNICLocked reads what the interface itself has lost, its driver's own counts too if now; under mu.
func (l *Live) readNICLocked(now bool) {
	if l.sentinel == nil {
		return // stopped: the count stands
	}
	if index, err := l.sentinel.bound(); err == nil && index > 0 {
		l.nic.read(index, now)
	}
}
