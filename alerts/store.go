package alerts

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

// A Store is a Sink on a SQLite file, alerts.db in the data directory. Several goroutines may use it;
// one process at a time may have the directory.
type Store struct {
	cfg  Config
	log  *slog.Logger
	lock *os.File

	mu       sync.Mutex // guards all up to the next comment; never held during disk work
	state    state
	queue    []change      // not committed yet, in their order; seq goes up by one
	pending  int           // alert changes in queue
	pendLen  int           // bytes of their texts
	seq      uint64        // of the last change
	durable  uint64        // of the last committed change
	progress chan struct{} // closed, and another made, when durable or failing changes
	fault    fault
	stats    writerStats
	closed   bool

	// Of the writer's goroutine alone, see run.
	db     *database // nil after a rebuild that went wrong
	broken error     // why the file has to be set aside; nil when it need not
	told   uint64    // seq of the last change whose event was given
	trim   trimmer

	kick  chan struct{} // holds one token when there is work
	tasks chan task
	stop  chan struct{} // closed by Close
	done  chan struct{} // closed when the writer has ended

	readers atomic.Pointer[database] // db, for queries; swapped by a rebuild
	reading sync.RWMutex             // held by queries, so that a rebuild closes nothing in use
	damage  atomic.Bool              // a query met a damaged page
}

var _ Keeper = (*Store)(nil)

// fault is what is known of a failing disk.
type fault struct {
	failing bool
	err     error // the last one, also after the recovery
	at      int64 // its time, seconds since the Unix epoch
}

// Open opens the database below cfg.Dir, which is made when it is missing, and loads the engaged alerts
// and the cached values. A file that is damaged, cut, or not ours is renamed to
// alerts.db.damaged-<time>, with a warning in the log, and a new one is begun; the engaged alerts and
// cached values go over to it when they can still be read. Errors: ErrNewerSchema, ErrInUse, and those
// of the disk. Close ends what Open starts.
func Open(cfg Config, log *slog.Logger) (*Store, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.Dir == "" {
		return nil, fmt.Errorf("alerts: empty data directory: %w", ErrInvalid)
	}
	dir, err := filepath.Abs(cfg.Dir)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("alerts: data directory: %w", err)
	}
	s := &Store{cfg: cfg, log: log, progress: make(chan struct{}), kick: make(chan struct{}, 1),
		tasks: make(chan task), stop: make(chan struct{}), done: make(chan struct{})}
	s.cfg.Dir = dir
	s.state = newState(&s.cfg)
	if s.lock, err = os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return nil, fmt.Errorf("alerts: %w", err)
	}
	if err := lockFile(s.lock); err != nil {
		s.lock.Close()
		return nil, fmt.Errorf("alerts: lock %s: %w", s.lock.Name(), err)
	}
	if err := s.start(context.Background(), filepath.Join(dir, databaseName)); err != nil {
		s.lock.Close()
		return nil, fmt.Errorf("alerts: open %s: %w", filepath.Join(dir, databaseName), err)
	}
	go s.run() // ends when stop is closed; Close waits for it
	return s, nil
}

// Close writes what waits, once, and closes the file. What could not be written is lost, and told by
// the error. It may be called twice.
func (s *Store) Close() error {
	s.mu.Lock()
	first := !s.closed
	s.closed = true
	s.mu.Unlock()
	if first {
		close(s.stop)
	}
	<-s.done
	if !first {
		return nil
	}
	s.mu.Lock()
	lost, why := len(s.queue), s.fault.err
	s.mu.Unlock()
	s.reading.Lock() // queries have ended
	var err error
	if s.db != nil {
		err = s.db.close()
		s.readers.Store(nil)
	}
	s.reading.Unlock()
	if e := s.lock.Close(); err == nil {
		err = e
	}
	if lost > 0 {
		return fmt.Errorf("alerts: %d changes not written: %w", lost, why)
	}
	return err
}

// Apply makes the changes in their order and waits once for all. Up to 20,000 of them are written in
// one transaction, unless the queue is full in between. The results stand for the ops.
func (s *Store) Apply(ops []Op) []Result {
	results := make([]Result, len(ops))
	seqs := make([]uint64, len(ops))
	last := uint64(0)
	s.mu.Lock()
	for i := range ops {
		if err := s.roomLocked(&ops[i]); err != nil {
			results[i].Err = s.state.refuse(err)
			continue
		}
		results[i], seqs[i] = s.applyLocked(&ops[i])
		last = max(last, seqs[i])
	}
	s.mu.Unlock()
	durable, err := s.await(last)
	if err != nil {
		for i, seq := range seqs {
			if seq > durable {
				results[i].Err = err
			}
		}
	}
	return results
}

// roomLocked waits until the queue has room for op, if it needs any; s.mu is held, but not while it
// waits. A failing store makes no room.
func (s *Store) roomLocked(op *Op) error {
	var deadline *time.Timer
	for {
		if s.closed {
			return ErrClosed
		}
		if op.Kind == OpSet || op.Kind == opForget || op.Kind == OpRelease && s.state.find(op.Alert.Key) == nil ||
			op.Kind == OpEngage && s.state.find(op.Alert.Key) != nil {
			return nil
		}
		size := op.Alert.bytes()
		if op.Kind == OpRelease {
			size = s.state.find(op.Alert.Key).alert.bytes()
		}
		if s.pending < s.cfg.MaxQueued && s.pendLen+size <= s.cfg.MaxQueuedBytes {
			return nil
		}
		if s.fault.failing {
			return fmt.Errorf("%d changes wait (%w): %w", s.pending, s.fault.err, ErrFailing)
		}
		if deadline == nil {
			deadline = time.NewTimer(s.cfg.CommitWait)
			defer deadline.Stop()
		}
		progress := s.progress
		s.mu.Unlock()
		s.wake()
		select {
		case <-progress:
			s.mu.Lock()
		case <-deadline.C:
			s.mu.Lock()
			s.slowLocked()
		}
	}
}

// applyLocked makes one change in the working copy and queues it; seq is the number of the change that
// the caller has to wait for. s.mu is held.
func (s *Store) applyLocked(op *Op) (r Result, seq uint64) {
	switch op.Kind {
	case OpEngage:
		var e *engagedAlert
		if e, r.Changed, r.Err = s.state.engage(op.Alert); e == nil {
			return r, 0
		}
		if r.Changed {
			e.seq = s.addLocked(change{kind: OpEngage, alert: e.alert})
		}
		r.Alert, seq = e.alert, e.seq
	case OpRelease:
		if r.Alert, r.Changed = s.state.release(op.Alert.Key, op.Alert.End); r.Changed {
			seq = s.addLocked(change{kind: OpRelease, alert: r.Alert})
		}
	case OpRecord:
		if r.Alert, r.Err = s.state.record(op.Alert); r.Err == nil {
			r.Changed = true
			seq = s.addLocked(change{kind: OpRecord, alert: r.Alert})
		}
	case OpSet:
		var c *cachedValue
		if c, r.Changed, r.Err = s.state.set(op.Value); c == nil {
			return r, 0
		}
		if r.Changed && !c.queued {
			c.queued = true
			c.seq = s.addLocked(change{kind: OpSet, cached: c})
		}
		seq = c.seq
	case opForget:
		if r.Changed = s.state.forget(op.Value.Network); r.Changed {
			seq = s.addLocked(change{kind: opForget, value: op.Value})
		}
	}
	return r, seq
}

// addLocked queues a change; s.mu is held.
func (s *Store) addLocked(c change) uint64 {
	s.seq++
	c.seq = s.seq
	c.stored = s.state.now()
	if c.kind < OpSet {
		s.pending++
		s.pendLen += c.alert.bytes()
	}
	s.queue = append(s.queue, c)
	return c.seq
}

// wake tells the writer that there is work.
func (s *Store) wake() {
	select {
	case s.kick <- struct{}{}:
	default:
	}
}

// await returns when the change seq is durable, or ErrQueued when that does not happen soon; durable is
// the last change that is.
func (s *Store) await(seq uint64) (durable uint64, err error) {
	var deadline *time.Timer
	for {
		s.mu.Lock()
		durable, fault, progress := s.durable, s.fault, s.progress
		s.mu.Unlock()
		if durable >= seq {
			return durable, nil
		}
		s.wake() // also while failing: events are due
		if fault.failing {
			return durable, fmt.Errorf("%w: %w", ErrQueued, fault.err)
		}
		if deadline == nil {
			deadline = time.NewTimer(s.cfg.CommitWait)
			defer deadline.Stop()
		}
		select {
		case <-progress:
		case <-s.done:
			s.mu.Lock()
			durable = s.durable
			s.mu.Unlock()
			if durable >= seq {
				return durable, nil
			}
			return durable, fmt.Errorf("%w: %w", ErrQueued, ErrClosed)
		case <-deadline.C:
			s.mu.Lock()
			s.slowLocked()
			s.mu.Unlock()
		}
	}
}

// slowLocked notes that a commit takes too long, unless it is known that the store fails; s.mu is held.
// The commit ends it, so that there must be one to come.
func (s *Store) slowLocked() {
	if !s.fault.failing && len(s.queue) > 0 {
		s.fault = fault{true, fmt.Errorf("no commit for %v", s.cfg.CommitWait), s.state.now()}
		s.progressLocked()
		s.log.Error("alert store is slow, changes wait in memory", "queued", len(s.queue), "err", s.fault.err)
	}
}

// progressLocked lets those who wait look again; s.mu is held.
func (s *Store) progressLocked() {
	close(s.progress)
	s.progress = make(chan struct{})
}

// Engage implements Writer. ErrQueued: it is engaged, but not on disk yet.
func (s *Store) Engage(a Alert) (fresh bool, err error) {
	r := s.Apply([]Op{{Kind: OpEngage, Alert: a}})[0]
	return r.Changed, r.Err
}

// Release implements Writer. ErrQueued: it is released, but not on disk yet.
func (s *Store) Release(key Key, end int64) (Alert, bool, error) {
	r := s.Apply([]Op{{Kind: OpRelease, Alert: Alert{Key: key, End: end}}})[0]
	return r.Alert, r.Changed, r.Err
}

// Record implements Writer. ErrQueued: it is recorded, but not on disk yet.
func (s *Store) Record(a Alert) error {
	return s.Apply([]Op{{Kind: OpRecord, Alert: a}})[0].Err
}

// CachedValue implements ValueCache.
func (s *Store) CachedValue(network string, namespace int, key string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.value(network, namespace, key)
}

// SetCachedValue implements ValueCache. ErrQueued: it is cached, but not on disk yet.
func (s *Store) SetCachedValue(network string, namespace int, key, value string) error {
	return s.Apply([]Op{{Kind: OpSet, Value: Value{network, namespace, key, value}}})[0].Err
}

// AlertView implements Reader.
func (s *Store) AlertView(network string) View {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.view(network)
}

// AlertViews implements Keeper.
func (s *Store) AlertViews() map[string]View {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.views()
}

// ReleaseOrphans releases the engaged alerts that owned says nobody decides about any more, of which it
// is asked for those of a check, and all alerts of networks that are not listed, whose cached values it
// drops too. A nil owned is always false; it must not call back. It gives the released alerts.
func (s *Store) ReleaseOrphans(owned func(*Alert) bool, networks []string, end int64) ([]Alert, error) {
	s.mu.Lock()
	ops := s.state.orphans(owned, networks, end)
	s.mu.Unlock()
	return released(ops, s.Apply(ops))
}
