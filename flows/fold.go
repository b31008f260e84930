package flows

import (
	"runtime"

	"github.com/netmond/netmond/localnets"
)

// An outbox collects, under a shard's lock, what the networks get once the lock is released.
type outbox struct {
	tbl     *localnets.Table // in force since the last reading
	usual   []localnets.Usual
	deltas  []localnets.Delta
	touches []localnets.HostTouch
}

// add appends an empty delta and gives it; valid until the next call.
func (o *outbox) add() *localnets.Delta {
	o.deltas = append(o.deltas, localnets.Delta{})
	return &o.deltas[len(o.deltas)-1]
}

// touch notes the ends of e that lie in local networks as seen at time.
func (o *outbox) touch(e *hot, c *cold, time int64) {
	is4 := e.key.Is4()
	if n := c.nets[0]; n != localnets.NoNetwork {
		o.touches = append(o.touches, localnets.HostTouch{Addr: e.key.Lo, Is4: is4, Net: n, Time: time})
	}
	if n := c.nets[1]; n != localnets.NoNetwork {
		o.touches = append(o.touches, localnets.HostTouch{Addr: e.key.Hi, Is4: is4, Net: n, Time: time})
	}
}

// send hands everything over. No shard's lock is held.
func (o *outbox) send(nets *localnets.Registry, now int64) {
	o.sendUsual(nets, now)
	o.sendDeltas(nets, now)
	o.sendTouches(nets)
}

func (o *outbox) sendUsual(nets *localnets.Registry, now int64) {
	if len(o.usual) > 0 {
		nets.ApplyUsual(now, o.usual)
		o.usual = o.usual[:0]
	}
}

func (o *outbox) sendDeltas(nets *localnets.Registry, now int64) {
	if len(o.deltas) > 0 {
		nets.Apply(now, o.deltas)
		o.deltas = o.deltas[:0]
	}
}

func (o *outbox) sendTouches(nets *localnets.Registry) {
	if len(o.touches) > 0 {
		nets.TouchHosts(o.touches)
		o.touches = o.touches[:0]
	}
}

// emit folds what entry i has gained into up to two deltas. ended is 1 when the flow leaves the
// networks' counts. The dirty bit stays.
func (s *shard) emit(o *outbox, i uint32, e *hot, ended uint32) {
	c := s.colds.at(i)
	if c.gen != uint32(o.tbl.Generation()) {
		s.reresolve(o, i, e)
	}
	client := e.client()
	for dir := range uint8(2) {
		starts := dir == client && e.bits&bitAnnounced == 0
		if e.newPackets[dir] == 0 && !starts && (ended == 0 || dir != client) && (e.conn == 0 || !s.conns.at(e.conn-1).pending(dir)) {
			continue
		}
		if !starts && ended == 0 && s.emitUsual(o, e, c, dir) {
			continue
		}
		d := o.add()
		d.Src, d.Dst = c.nets[dir], c.nets[dir^1]
		d.L4, d.App = localnets.L4Of(e.key.Proto), c.app
		d.DstBroadcast = c.broadcast(dir ^ 1)
		d.Counts = localnets.Counts{Packets: uint64(e.newPackets[dir]), Bytes: uint64(e.newBytes[dir])}
		if starts {
			d.NewFlows = 1
		}
		if dir == client {
			d.EndedFlows = ended
		}
		if e.conn != 0 {
			s.emitTCP(d, e, dir)
		}
		c.fold(e, dir)
	}
	e.bits |= bitAnnounced
}

// fold moves the packets of direction dir that e has gained to those that are folded.
func (c *cold) fold(e *hot, dir uint8) {
	n := c.folded(dir)
	n.Packets += uint64(e.newPackets[dir])
	n.Bytes += uint64(e.newBytes[dir])
	c.setFolded(dir, n)
	e.newPackets[dir], e.newBytes[dir] = 0, 0
}

// emitUsual folds what direction dir has gained into a Usual, if that says it all.
func (s *shard) emitUsual(o *outbox, e *hot, c *cold, dir uint8) bool {
	if e.newPackets[dir] == 0 || c.broadcast(dir^1) {
		return false
	}
	var k *conn
	switch {
	case e.conn != 0:
		k = s.conns.at(e.conn - 1)
		if k.health != 0 || k.noHeader[dir]|k.syns[dir] != 0 || k.bits&(connServerRTT|connClientRTT) != 0 {
			return false
		}
	case e.key.Proto != protoUDP:
		return false
	}
	// Field by field in place: a literal is built elsewhere and copied by wider loads, which wait for its stores.
	o.usual = append(o.usual, localnets.Usual{})
	u := &o.usual[len(o.usual)-1]
	u.Src, u.Dst = c.nets[dir], c.nets[dir^1]
	u.Packets, u.Bytes = uint32(e.newPackets[dir]), e.newBytes[dir]
	u.App, u.L4 = c.app, localnets.L4UDP
	if k != nil {
		u.L4, u.AckRTT, u.AckRTTSamples = localnets.L4TCP, k.seq[dir].ackSum, k.samples[dir]
		k.samples[dir], k.seq[dir].ackSum = 0, 0
	}
	c.fold(e, dir)
	return true
}

// pending reports whether direction dir may have gained something without a packet of its own.
func (c *conn) pending(dir uint8) bool {
	return c.health != 0 || c.samples[dir] != 0 || c.bits&(connServerRTT|connClientRTT) != 0 || c.syns[dir] != 0
}

// emitTCP fills in the TCP part of d, the delta of direction dir.
func (s *shard) emitTCP(d *localnets.Delta, e *hot, dir uint8) {
	c := s.conns.at(e.conn - 1)
	t := &d.TCP
	t.Packets = d.Counts.Packets - min(uint64(c.noHeader[dir]), d.Counts.Packets)
	t.SYN, t.SYNACK = uint64(c.syns[dir]&0x0f), uint64(c.syns[dir]>>4)
	d.AckRTT, d.AckRTTSamples = int64(c.seq[dir].ackSum)*1000, uint32(c.samples[dir])
	c.noHeader[dir], c.syns[dir], c.samples[dir], c.seq[dir].ackSum = 0, 0, 0, 0
	if dir == e.client() {
		if c.bits&connServerRTT != 0 {
			d.ServerRTT = int64(c.serverRTT) * 1000
		}
		if c.bits&connClientRTT != 0 {
			d.ClientRTT = int64(c.clientRTT) * 1000
		}
		d.RTTTime = e.last
		c.bits &^= connServerRTT | connClientRTT
	}
	if c.health == 0 {
		return
	}
	h := s.healths.at(c.health - 1)
	for what := range numIlls {
		n := h.counts[dir][what]
		addIll(t, what, uint64(n))
		saturating(&h.folded[dir][what], uint32(n))
	}
	t.Lost += uint64(h.lost[dir])
	saturating(&h.folded[dir][foldedLost], h.lost[dir])
	h.counts[dir], h.lost[dir] = [numIlls]uint8{}, 0
}

// emitSpill sends the events of the packet in hand that found no health record.
func (s *shard) emitSpill(o *outbox, i uint32, e *hot) {
	c := s.colds.at(i)
	if c.gen != uint32(o.tbl.Generation()) {
		s.reresolve(o, i, e)
	}
	for dir := range uint8(2) {
		if s.spill.tcp[dir] == (localnets.TCPCounts{}) {
			continue
		}
		d := o.add()
		d.Src, d.Dst = c.nets[dir], c.nets[dir^1]
		d.L4, d.App = localnets.L4TCP, c.app
		d.TCP = s.spill.tcp[dir]
	}
	s.spill = spill{}
}

// reresolve finds the networks of entry i in a newer prefix table. A network that had an end of the flow
// and has none now loses it, one that had none and has one gains it; what is not folded yet goes to the
// new ones, and what is stays with the old.
func (s *shard) reresolve(o *outbox, i uint32, e *hot) {
	c := s.colds.at(i)
	old, client, touched := c.nets, e.client(), len(o.touches)
	if !c.resolve(o.tbl, &e.key) {
		return
	}
	e.bits |= bitNoMove
	o.touch(e, c, e.last)
	for k := touched; k < len(o.touches); k++ {
		o.touches[k].Rehomed = true
	}
	if e.bits&bitAnnounced == 0 {
		return // it begins for the new ones with the next fold
	}
	change := localnets.Delta{L4: localnets.L4Of(e.key.Proto), App: c.app}
	end, begin := change, change
	end.Src, end.Dst, end.EndedFlows = ends(old, c.nets, client)
	begin.Src, begin.Dst, begin.NewFlows = ends(c.nets, old, client)
	begin.Rehomed = true
	if end.EndedFlows != 0 {
		o.deltas = append(o.deltas, end)
	}
	if begin.NewFlows != 0 {
		o.deltas = append(o.deltas, begin)
	}
}

// ends gives those of nets that are not among others, for a delta from client to server, and 1 when there
// is one.
func ends(nets, others [2]int32, client uint8) (src, dst int32, n uint32) {
	only := func(net int32) int32 {
		if net == localnets.NoNetwork || net == others[0] || net == others[1] {
			return localnets.NoNetwork
		}
		n = 1
		return net
	}
	return only(nets[client]), only(nets[client^1]), n
}

// foldChunk bounds the entries that a fold looks at under one hold of a shard's lock, and with them
// the memory of its deltas.
const foldChunk = 512

// A foldCursor is how far the fold of one shard has come.
type foldCursor struct {
	started bool
	all     bool // look at all entries: the dirty list was full
	pos, n  uint32
}

// pipedFold is the least number of dirty entries that a fold shares with another goroutine.
const pipedFold = 2 * foldChunk

// fold sends everything that is not folded, of all shards, to the networks. t.foldMu is held.
// Entries that workers dirty meanwhile may wait for the next fold.
func (t *Table) fold(now int64) {
	if t.cfg.Workers == 1 || t.dirty() < pipedFold {
		t.drain(now, func() *outbox { return &t.out }, func(o *outbox) { o.send(t.nets, now) })
		return
	}
	// The workers of a replay wait meanwhile. One goroutine drains, this one sends, in the same order.
	free, full := make(chan *outbox, len(t.piped)), make(chan *outbox, len(t.piped))
	for i := range t.piped {
		free <- &t.piped[i]
	}
	go func() { // ends when all is drained
		defer close(full)
		t.drain(now, func() *outbox { return <-free }, func(o *outbox) { full <- o })
	}()
	for o := range full {
		o.send(t.nets, now)
		free <- o
	}
}

// dirty is how many entries a fold has to look at.
func (t *Table) dirty() (n int) {
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		if n += len(s.dirty); s.missed {
			n += int(s.hots.next)
		}
		s.mu.Unlock()
	}
	return n
}

// foldSlice is how many parts a fold drains before it lets others run, some 2 ms if they are full. Without, where
// there is one processor, it gave it up now and then with a shard locked, and the workers waited for that shard
// until the fold was over.
const foldSlice = 32

// drain empties the shards one after the other, each part into an outbox of its own that box gives and full
// takes.
func (t *Table) drain(now int64, box func() *outbox, full func(*outbox)) {
	parts := 0
	for i := range t.shards {
		s := &t.shards[i]
		var cur foldCursor
		for done := false; !done; {
			o := box()
			o.tbl = t.nets.Table()
			s.mu.Lock()
			done = s.drain(o, &cur, now)
			s.mu.Unlock()
			full(o)
			if parts++; parts%foldSlice == 0 {
				runtime.Gosched()
			}
		}
	}
}

// drain folds the next entries after cur and reports whether the shard is done.
func (s *shard) drain(o *outbox, cur *foldCursor, now int64) bool {
	if !cur.started {
		cur.started, cur.all = true, s.missed
		if cur.all {
			cur.n, s.missed, s.dirty = s.hots.next, false, s.dirty[:0]
		} else {
			cur.n = uint32(len(s.dirty))
		}
	}
	var chunk [foldChunk]uint32
	dirty := chunk[:0]
	for end := min(cur.pos+foldChunk, cur.n); cur.pos < end; cur.pos++ {
		i := cur.pos
		if !cur.all {
			i = s.dirty[i]
		}
		if s.hots.at(i).bits&(bitUsed|bitDirty) == bitUsed|bitDirty {
			dirty = append(dirty, i)
		}
	}
	s.warmFold(dirty)
	for _, i := range dirty {
		if e := s.hots.at(i); e.bits&bitDirty != 0 { // it may be listed twice
			s.foldEntry(o, i, e, now)
		}
	}
	if cur.pos < cur.n {
		return false
	}
	if !cur.all {
		s.dirty = s.dirty[:copy(s.dirty, s.dirty[cur.n:])]
	}
	return true
}

// warmFold loads what foldEntry will need of all entries, side by side, as warm does for packets.
func (s *shard) warmFold(dirty []uint32) {
	sum := uint16(0)
	for _, i := range dirty {
		sum += s.colds.at(i).app
		if conn := s.hots.at(i).conn; conn != 0 {
			sum += s.conns.at(conn - 1).bits
		}
	}
	s.sink += sum
}

func (s *shard) foldEntry(o *outbox, i uint32, e *hot, now int64) {
	e.bits &^= bitDirty
	if e.conn == 0 {
		s.emit(o, i, e, 0)
		return
	}
	c := s.conns.at(e.conn - 1)
	s.settle(c, 0, false, micros(now))
	s.settle(c, 1, false, micros(now))
	s.emit(o, i, e, 0)
	if s.waiting(c) {
		s.mark(i, e) // its gap counts when the reorder window has passed
	}
}
