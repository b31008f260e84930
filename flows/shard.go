package flows

import (
	"sync"
	"unsafe"

	"github.com/netmond/netmond/localnets"
	"github.com/netmond/netmond/packet"
)

// A shard is one part of the table; a flow's key decides which, so both of its directions are in it.
type shard struct {
	mu sync.Mutex // guards all below; nothing else is locked while it is held

	hasher  *hasher
	index   index
	hots    pool[hot, *hot]
	colds   slabs[cold] // by the same numbers as hots
	conns   pool[conn, *conn]
	healths pool[health, *health]
	names   pool[name, *name]

	// dirty lists entries that got bitDirty, some twice, some no longer in use. A list that is full
	// sets missed, and the next fold looks at all entries.
	dirty  []uint32
	missed bool

	hand uint32 // where the next eviction looks
	// After a sample without an entry to evict, skip attempts are not made; futile is how many the last
	// time.
	futile, skip uint32
	walk         uint32 // where the next tick looks for flows that are due
	spill        spill  // of the packet in hand
	sink         uint16 // keeps loads that only warm the cache

	started      [localnets.NumL4]uint64
	ended        [NumEndReasons]uint64
	untracked    localnets.Counts
	namesRefused uint64

	_ [64]byte // shards share no cache line
}

// Rare things have pools smaller than the shard, so that a flood cannot make them dear.
func rareLimit(capacity uint32) uint32  { return max(capacity/4, 1) }
func dirtyLimit(capacity uint32) uint32 { return max(capacity/8, 1) }

func (s *shard) init(capacity uint32, h *hasher, a *arena) {
	s.hasher = h
	s.index = newIndex(capacity)
	s.hots = newPool[hot](capacity, a)
	s.conns = newPool[conn](capacity, a)
	s.healths = newPool[health](rareLimit(capacity), a)
	s.names = newPool[name](rareLimit(capacity), a)
	s.colds = newSlabs[cold](capacity, a)
	s.dirty = make([]uint32, 0, dirtyLimit(capacity))
}

// prefault takes the memory that a full shard needs, but for what not all flows have: of the TCP states half.
func (s *shard) prefault() {
	s.index.prefault(s.hots.arena)
	s.hots.prefault(s.hots.limit)
	s.conns.prefault(s.conns.limit / 2)
	for len(s.colds.s) < len(s.hots.s) {
		s.colds.grow()
		touchPages(s.colds.s[len(s.colds.s)-1])
	}
}

func (s *shard) memory() uint64 {
	return s.index.memory() + s.hots.memory() + s.colds.memory() + s.conns.memory() + s.healths.memory() +
		s.names.memory() + uint64(cap(s.dirty))*4
}

// shardBound is the most that memory gives for a shard of capacity entries.
func shardBound(capacity uint32) uint64 {
	return uint64(slotsFor(capacity))*8 + uint64(dirtyLimit(capacity))*4 +
		poolBound(capacity, unsafe.Sizeof(hot{})+unsafe.Sizeof(cold{})+unsafe.Sizeof(conn{})) +
		poolBound(rareLimit(capacity), unsafe.Sizeof(health{})+unsafe.Sizeof(name{}))
}

// find is the entry of key k, whose hash ends in frag.
func (s *shard) find(frag uint32, k *packet.Key) (uint32, bool) {
	slots := s.index.slots
	for i := s.index.home(frag); slots[i] != 0; {
		if uint32(slots[i]>>32) == frag {
			n := uint32(slots[i]) - 1
			if same(&s.hots.at(n).key, k) {
				return n, true
			}
		}
		if i++; i == len(slots) {
			i = 0
		}
	}
	return 0, false
}

// admit makes an entry for the flow that m begins, or gives false when the shard is full of flows
// that are worth more.
func (s *shard) admit(o *outbox, frag uint32, m *packet.Meta) (uint32, bool) {
	i, ok := s.hots.get()
	if !ok {
		if !s.evict(o, m.Time) {
			return 0, false
		}
		i, _ = s.hots.get()
	}
	if len(s.colds.s) < len(s.hots.s) {
		s.colds.grow()
	}
	s.index.insert(frag, i)
	s.begin(o, i, m)
	return i, true
}

// begin fills the free entry i with the flow that m begins. m is not yet counted.
func (s *shard) begin(o *outbox, i uint32, m *packet.Meta) {
	e, c := s.hots.at(i), s.colds.at(i)
	*e = hot{key: m.Key, last: m.Time, bits: bitUsed, budget: appBudget(&m.Key)}
	*c = cold{first: m.Time}
	c.resolve(o.tbl, &e.key)
	if m.Key.Proto == protoTCP && m.Key.HasPorts() {
		n, _ := s.conns.get() // as many as entries: never exhausted
		e.conn = n + 1
	}
	c.bits |= coldGuessed
	e.setClient(m.Dir & 1)
	c.app = guess(e)
	s.started[startedClass(&m.Key)]++
	o.touch(e, c, m.Time)
}

const (
	protoTCP = 6
	protoUDP = 17
)

// setClient makes direction dir the client's, and with it the ports' guess at the application as
// long as nothing was folded under another.
func (s *shard) setClient(i uint32, e *hot, dir uint8) {
	if e.client() == dir {
		return
	}
	e.setClient(dir)
	c := s.colds.at(i)
	if c.bits&coldGuessed != 0 && c.folded(0) == (localnets.Counts{}) && c.folded(1) == (localnets.Counts{}) {
		c.app = guess(e)
	}
}

// end takes the flow of entry i out of the table.
func (s *shard) end(o *outbox, i uint32, why EndReason) {
	e := s.hots.at(i)
	s.close(o, i, e, why)
	s.index.remove(uint32(s.hasher.key(&e.key)), i)
	s.hots.put(i)
}

// restart ends the flow of entry i and begins that of m, which has the same key, in its place.
func (s *shard) restart(o *outbox, i uint32, m *packet.Meta, why EndReason) {
	e := s.hots.at(i)
	dirty := e.bits & bitDirty
	s.close(o, i, e, why)
	s.begin(o, i, m)
	e.bits |= dirty // it stays in the dirty list
}

// close folds the flow of entry i for the last time and gives back what it holds.
func (s *shard) close(o *outbox, i uint32, e *hot, why EndReason) {
	if e.conn != 0 {
		c := s.conns.at(e.conn - 1)
		s.settle(c, 0, true, 0)
		s.settle(c, 1, true, 0)
	}
	s.emit(o, i, e, 1)
	s.ended[why]++
	if e.conn != 0 {
		c := s.conns.at(e.conn - 1)
		if c.health != 0 {
			s.healths.put(c.health - 1)
		}
		s.conns.put(e.conn - 1)
	}
	s.freeName(s.colds.at(i).name)
	e.conn, e.bits = 0, 0
}

const (
	// evictSample entries in a row are compared to find the one to evict; the hand goes round the
	// shard, so that each has its turn.
	evictSample = 8
	// evictBusy keeps flows that have settled and sent within 5 s: to give up one of them for a new
	// one gains nothing.
	evictBusy = int64(5e9)
	// evictFresh keeps flows of a first packet or a half-open handshake for as long as an answer may
	// take. In a flood of more new flows than the table holds in that time each would be evicted before
	// its answer comes; some are left untracked instead, at a fifth of the cost.
	evictFresh = int64(2e9)
	// maxFutile bounds the new flows that are left untracked without a sample, after samples that held
	// nothing to evict.
	maxFutile = 64
)

// evict frees the entry that is worth least among a sample: one whose connection is over or that
// never went beyond a first packet or a half-open handshake, the longest idle first; failing that,
// the longest idle one, unless some are fresh or all are busy at now.
func (s *shard) evict(o *outbox, now int64) bool {
	if s.skip > 0 {
		s.skip--
		return false
	}
	const stale, idle, fresh, busy = 0, 1, 2, 3
	best, bestRank, bestLast, waiting := uint32(0), busy, int64(0), false
	for range min(evictSample, s.hots.next) {
		if s.hand >= s.hots.next {
			s.hand = 0
		}
		e := s.hots.at(s.hand)
		rank := busy
		switch {
		case e.bits&bitUsed == 0:
		case e.bits&bitClosed != 0:
			rank = stale
		case e.bits&bitSettled == 0:
			if rank = stale; now-e.last < evictFresh {
				rank, waiting = fresh, true
			}
		case now-e.last > evictBusy:
			rank = idle
		}
		if rank < bestRank || rank == bestRank && e.last < bestLast {
			best, bestRank, bestLast = s.hand, rank, e.last
		}
		s.hand++
	}
	if bestRank > idle || bestRank == idle && waiting {
		s.futile = min(2*s.futile+1, maxFutile)
		s.skip = s.futile
		return false
	}
	s.futile = 0
	s.end(o, best, EndResources)
	return true
}

// mark notes that entry i has something to fold.
func (s *shard) mark(i uint32, e *hot) {
	e.bits |= bitDirty
	if len(s.dirty) == cap(s.dirty) {
		s.missed = true
		return
	}
	s.dirty = append(s.dirty, i)
}
