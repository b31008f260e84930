package flows

import "github.com/netmond/netmond/localnets"

// Reload puts networks in force, whose IDs must be their indexes, and tells what changed; an error changes
// nothing. Any goroutine may call it while workers run.
//
// Every packet counts by one of the two lists: those of blocks that were begun before stay where the old
// one counts them, and the flows in flight count by the new one from the next block on. While the lists
// are swapped all workers stand between two blocks, for the time that it takes to fold what is left; the
// new prefix table is made before, and flows and hosts are given to their new networks after, a part of a
// shard at a time.
func (t *Table) Reload(networks []localnets.Network) (localnets.Change, error) {
	t.reloadMu.Lock()
	defer t.reloadMu.Unlock()
	u, err := t.nets.Prepare(networks)
	if err != nil {
		return localnets.Change{}, err
	}
	if u.Change.Empty() {
		return u.Change, nil
	}
	t.foldMu.Lock()
	defer t.foldMu.Unlock()
	t.fold(t.clock.Load())
	if err := t.swap(u); err != nil {
		return localnets.Change{}, err
	}
	for i := range t.shards {
		t.rehome(&t.shards[i])
	}
	t.nets.Settle(u)
	return u.Change, nil
}

// swap puts u in force between two blocks, with nothing left to fold. t.foldMu is held.
func (t *Table) swap(u *localnets.Update) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.waiting.Add(1)
	for _, w := range t.workers {
		w.mu.Lock()
		defer w.mu.Unlock()
	}
	t.waiting.Add(-1)
	t.fold(t.clock.Load())
	return t.nets.Swap(u)
}

// rehome finds the networks of all flows of s in the table now in force. Flows that begin meanwhile have
// theirs from it. t.foldMu is held.
func (t *Table) rehome(s *shard) {
	now := t.clock.Load()
	t.out.tbl = t.nets.Table()
	generation := uint32(t.out.tbl.Generation())
	for pos, more := uint32(0), true; more; {
		s.mu.Lock()
		end := min(pos+walkChunk, s.hots.next)
		for ; pos < end; pos++ {
			if e := s.hots.at(pos); e.bits&bitUsed != 0 && s.colds.at(pos).gen != generation {
				s.reresolve(&t.out, pos, e)
			}
		}
		more = pos < s.hots.next
		s.mu.Unlock()
		t.out.send(t.nets, now)
	}
}
