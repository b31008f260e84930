package flows

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/netmond/netmond/localnets"
)

// A Table is the flow table with its workers.
type Table struct {
	cfg          Config
	nets         *localnets.Registry
	hasher       hasher
	shards       []shard
	shardShift   uint  // a hash's bits above it choose the shard
	idle, closed int64 // timeouts in ns; never is the largest
	soonest      int64 // the shorter of the two: no packet that comes sooner finds its flow due
	active       int64
	halfOpen     int64

	// clock is the time of folds: the largest capture time, at most maxAhead past the last Tick once
	// there was one, so that a frame with an absurd time does not carry it away.
	clock, clockLimit atomic.Int64

	reloadMu sync.Mutex // one reload at a time. Taken before foldMu

	foldMu sync.Mutex // guards out and piped; one fold at a time. Taken before mu
	out    outbox
	piped  [4]outbox // of a fold by two goroutines

	waiting atomic.Int32 // snapshots and reloads that wait for workers

	mu      sync.Mutex // guards workers and gone; taken before a worker's mutex
	workers []*Worker
	gone    counters // of workers that are done
}

const (
	maxAhead = int64(10e9)
	// maxTime bounds the times that flows are kept with, so that no difference of two overflows.
	maxTime = int64(1) << 61
)

// New makes a Table that folds into nets. With Config.Prefault it takes all its memory here.
func New(cfg Config, nets *localnets.Registry) (*Table, error) {
	if nets == nil {
		return nil, errors.New("flow table: no local networks to fold into")
	}
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("flow table: %w", err)
	}
	cfg = cfg.withDefaults()
	seed := cfg.Seed
	if seed == 0 {
		var b [8]byte
		rand.Read(b[:]) // never fails
		seed = binary.LittleEndian.Uint64(b[:])
	}
	t := &Table{
		cfg: cfg, nets: nets, hasher: newHasher(seed), shards: make([]shard, cfg.Shards),
		shardShift: uint(64 - bits.TrailingZeros(uint(cfg.Shards))),
		idle:       nanos(cfg.IdleTimeout), closed: nanos(cfg.ClosedTimeout), active: nanos(cfg.ActiveTimeout),
		halfOpen: nanos(cfg.HalfOpenTimeout),
	}
	t.soonest = min(t.idle, t.closed)
	t.clock.Store(math.MinInt64)
	t.clockLimit.Store(math.MaxInt64)
	memory := newArena(cfg.MemoryBound())
	for i := range t.shards {
		t.shards[i].init(shardCapacity(cfg.MaxFlows, cfg.Shards, i), &t.hasher, memory)
		if cfg.Prefault {
			t.shards[i].prefault()
		}
	}
	return t, nil
}

// NewWorker adds a worker. Each belongs to one goroutine.
func (t *Table) NewWorker() *Worker {
	w := newWorker(t)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.workers = append(t.workers, w)
	return w
}

// retire drops w, whose last block is processed, and keeps its counts.
func (t *Table) retire(w *Worker) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.workers = slices.DeleteFunc(t.workers, func(other *Worker) bool { return other == w })
	t.gone.add(&w.counters)
}

// advance moves the clock to time, if that is later.
func (t *Table) advance(time int64) {
	time = min(time, t.clockLimit.Load())
	for {
		old := t.clock.Load()
		if time <= old || t.clock.CompareAndSwap(old, time) {
			return
		}
	}
}

// setClock takes the time of a Tick.
func (t *Table) setClock(now int64) {
	t.clockLimit.Store(now + maxAhead)
	if c := t.clock.Load(); c < now || c > now+maxAhead {
		t.clock.Store(now)
	}
}

// dueEarly reports whether the flow of an entry of s, which is filling up, ends before its idle timeout:
// it never went beyond a first packet or a half-open handshake.
func (t *Table) dueEarly(s *shard, e *hot, now int64) bool {
	return e.bits&(bitSettled|bitClosed) == 0 && now-e.last > t.halfOpen && s.hots.used > s.hots.limit/4*3
}

// due is the reason for which a flow ends without packets until now, or 0.
func (t *Table) due(e *hot, now int64) EndReason {
	age := now - e.last
	switch {
	case e.bits&bitClosed != 0 && age > t.closed:
		return EndOfFlow
	case age > t.idle:
		return EndIdle
	}
	return 0
}
