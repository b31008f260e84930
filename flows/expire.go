package flows

const (
	// walkTicks is the number of ticks in which every flow is looked at once: one that is due leaves
	// within so many ticks, and no tick has to walk the whole table.
	walkTicks = 16
	// walkChunk bounds the entries that are looked at under one hold of a shard's lock.
	walkChunk = 512
	// walkUntimed is what is walked of a shard when no timeout is set and nothing can be due: the walk
	// only keeps the hosts of live flows from idling out.
	walkUntimed = 64
	// maxFuture is how far past the clock a flow's last time may lie. One frame with an absurd time
	// would keep its flow for good; such a flow ages from the tick that finds it.
	maxFuture = int64(60e9)
)

// Tick folds, ends flows that are due at now, and passes now on to the networks' clock. Call it
// about once a second: with capture time for files, with the time of day of the capture live.
//
// A flow that is due leaves within 16 ticks, or before its next packet is counted, whichever comes
// first (the active timeout by ticks alone). A tick with an absurd time ends at most the sixteenth
// of the flows that it looks at, and no sum changes: what follows on them is counted in new flows.
func (t *Table) Tick(now int64) {
	now = min(max(now, -maxTime), maxTime)
	t.foldMu.Lock()
	defer t.foldMu.Unlock()
	t.setClock(now)
	t.fold(t.clock.Load())
	for i := range t.shards {
		t.expire(&t.shards[i], now)
	}
	t.nets.Tick(now)
}

// expire walks the next part of s.
func (t *Table) expire(s *shard, now int64) {
	for left := -1; left != 0; {
		t.out.tbl = t.nets.Table()
		s.mu.Lock()
		if left < 0 {
			left = int(s.hots.next+walkTicks-1) / walkTicks
			if t.idle == never && t.active == never && t.closed == never && t.halfOpen == never {
				left = min(left, walkUntimed)
			}
		}
		n := min(left, walkChunk)
		for range n {
			if s.walk >= s.hots.next {
				s.walk = 0
			}
			if e := s.hots.at(s.walk); e.bits&bitUsed != 0 {
				t.visit(s, s.walk, e, now)
			}
			s.walk++
		}
		left -= n
		s.mu.Unlock()
		t.out.send(t.nets, now)
	}
}

// visit ends or renews the flow of entry i if it is due, and keeps its hosts from idling out.
func (t *Table) visit(s *shard, i uint32, e *hot, now int64) {
	if e.last > now+maxFuture {
		e.last = now
	}
	if why := t.due(e, now); why != 0 {
		s.end(&t.out, i, why)
		return
	}
	if t.dueEarly(s, e, now) {
		s.end(&t.out, i, EndHalfOpen)
		return
	}
	if t.active != never {
		if c := s.colds.at(i); now-c.first > t.active && e.last >= c.first { // else the record is empty
			s.renew(&t.out, i, e, now)
		}
	}
	if now-e.last < 2*walkTicks*second { // it may have had packets since the last visit
		t.out.touch(e, s.colds.at(i), e.last)
	}
}

// renew ends the record of entry i and begins the next one of the same flow. The networks see one
// flow throughout.
func (s *shard) renew(o *outbox, i uint32, e *hot, now int64) {
	s.emit(o, i, e, 0)
	c := s.colds.at(i)
	c.first = now
	c.bytes, c.packets, c.high = [2]uint64{}, [2]uint32{}, [2]uint16{}
	s.ended[EndActive]++
	s.started[startedClass(&e.key)]++
}
