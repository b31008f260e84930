package alerts

import (
	"context"
	"time"
)

// Bounds of the writer.
const (
	maxTransaction = 20_000      // changes in one transaction
	tendEvery      = time.Second // between looks at sizes and ages
)

// A change is what an Op does to the file.
type change struct {
	seq    uint64
	kind   OpKind
	alert  Alert        // of OpRelease and OpRecord the past alert
	cached *cachedValue // of OpSet
	value  Value        // of OpSet as the writer took it; of opForget its network
	stored int64        // when it was made, seconds since the Unix epoch
}

// A task is work of the writer between two commits.
type task struct {
	run  func(ctx context.Context) error
	done chan error
}

// writerStats are figures of the writer and of queries.
type writerStats struct {
	commits, errors uint64
	seconds         float64
	setAside        uint64
	trimmed         uint64
	queryErrors     uint64
	rows            int
	usedBytes       int64
}

// run is the writer: it alone changes the file. It ends when stop is closed.
func (s *Store) run() {
	defer close(s.done)
	ctx := context.Background()
	tend := time.NewTicker(tendEvery)
	defer tend.Stop()
	retry := time.NewTimer(0)
	defer retry.Stop()
	pause := time.Duration(0) // of the last failure; 0 when there is none
	flush := func() {
		switch err := s.flush(ctx); {
		case err == nil:
			pause = 0
		default:
			pause = min(max(2*pause, s.cfg.RetryMin), s.cfg.RetryMax)
			retry.Reset(pause)
		}
	}
	for {
		select {
		case <-s.kick:
			if pause > 0 {
				s.tell(false)
				continue
			}
			flush()
		case <-retry.C:
			flush()
		case t := <-s.tasks:
			if pause == 0 {
				flush()
			}
			if pause > 0 {
				t.done <- ErrFailing
				continue
			}
			t.done <- t.run(ctx)
		case <-tend.C:
			if s.damage.Swap(false) {
				if err := s.rebuild(ctx, errDamaged); err != nil {
					s.fail(err)
					flush()
				}
			}
			if pause == 0 {
				s.tend(ctx)
			}
		case <-s.stop:
			flush()
			return
		}
	}
}

// flush commits all that waits. It returns the error that keeps it from that.
func (s *Store) flush(ctx context.Context) error {
	for {
		batch := s.take()
		if len(batch) == 0 && s.db != nil && !s.isFailing() {
			return nil
		}
		begin := time.Now()
		var err error
		if s.db != nil {
			err = s.db.transact(ctx, func() error { return s.store(ctx, batch) })
		}
		if s.db == nil || damaged(err) {
			if err = s.rebuild(ctx, err); err == nil {
				continue // the batch again, into the new file
			}
		}
		if err != nil {
			s.fail(err)
			s.tell(false)
			return err
		}
		s.committed(batch, time.Since(begin))
	}
}

func (s *Store) isFailing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fault.failing
}

// take gives the changes for the next transaction, with the values as they are now. They stay in the
// queue until they are committed.
func (s *Store) take() []change {
	s.mu.Lock()
	defer s.mu.Unlock()
	batch := s.queue[:min(len(s.queue), maxTransaction)]
	for i := range batch {
		if c := &batch[i]; c.kind == OpSet {
			c.value = c.cached.Value
			c.cached.queued = false
		}
	}
	return batch
}

// store writes a batch within a transaction; without one, the file's version again, to see whether the
// disk works.
func (s *Store) store(ctx context.Context, batch []change) (err error) {
	st := &s.db.inserts
	if len(batch) == 0 {
		return s.db.probe(ctx)
	}
	for i := range batch {
		c := &batch[i]
		switch c.kind {
		case OpEngage:
			err = st.storeEngaged(ctx, &c.alert)
		case OpRelease:
			if _, err = st.release.ExecContext(ctx, c.alert.Network, int(c.alert.Periodicity), c.alert.Key.Key); err == nil {
				err = st.storePast(ctx, &c.alert, c.stored)
			}
		case OpRecord:
			err = st.storePast(ctx, &c.alert, c.stored)
		case OpSet:
			err = st.storeValue(ctx, &c.value)
		case opForget:
			_, err = st.forget.ExecContext(ctx, c.value.Network)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// committed takes a batch out of the queue, lets its callers go and gives its events.
func (s *Store) committed(batch []change, took time.Duration) {
	s.mu.Lock()
	if s.fault.failing && len(s.queue)-len(batch) < maxTransaction { // the rest goes with the next one
		s.recoveredLocked()
	}
	for i := range batch {
		if c := &batch[i]; c.kind < OpSet {
			s.pending--
			s.pendLen -= c.alert.bytes()
			if c.kind != OpEngage {
				s.stats.rows++
			}
		}
	}
	if len(batch) > 0 {
		s.durable = batch[len(batch)-1].seq
	}
	s.stats.commits++
	s.stats.seconds += took.Seconds()
	s.queue = s.queue[len(batch):]
	if len(s.queue) == 0 {
		s.queue = nil
	}
	s.progressLocked()
	s.mu.Unlock()
	s.give(batch, true)
	clear(batch) // the texts go; the array is still the queue's
}

// fail notes why nothing can be written; values that were taken wait again.
func (s *Store) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range min(len(s.queue), maxTransaction) {
		if c := &s.queue[i]; c.kind == OpSet && !c.cached.queued {
			c.cached.queued = true
			c.cached.seq = c.seq
		}
	}
	first := !s.fault.failing
	s.fault = fault{true, err, s.state.now()}
	s.stats.errors++
	s.progressLocked()
	if first {
		s.log.Error("alert store cannot be written, changes wait in memory", "queued", len(s.queue), "err", err)
	}
}

// recoveredLocked notes that the store works again; s.mu is held.
func (s *Store) recoveredLocked() {
	s.fault.failing = false
	s.log.Info("alert store works again", "dropped", s.state.counts.refused[refusedFailing])
}

// tell gives the events of all that waits, while the store is failing.
func (s *Store) tell(durable bool) {
	if s.cfg.Events == nil {
		return
	}
	s.mu.Lock()
	waiting := s.queue[:len(s.queue):len(s.queue)]
	s.mu.Unlock()
	s.give(waiting, durable)
}

// give calls the hook for the changes of which it does not know.
func (s *Store) give(list []change, durable bool) {
	for i := range list {
		c := &list[i]
		if s.cfg.Events == nil || c.seq <= s.told {
			continue
		}
		s.told = c.seq
		switch c.kind {
		case OpEngage:
			s.cfg.Events(Event{Engaged, c.alert, durable})
		case OpRelease:
			s.cfg.Events(Event{Released, c.alert, durable})
		case OpRecord:
			s.cfg.Events(Event{Recorded, c.alert, durable})
		}
	}
}
