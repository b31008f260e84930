package flows

import (
	"sync"
	"time"

	"github.com/netmond/netmond/apps"
	"github.com/netmond/netmond/localnets"
	"github.com/netmond/netmond/packet"
)

// batchLen is the number of frames that go through the stages together. The packets of a batch that
// fall into one shard are looked up side by side, which hides the memory's latency: with 16 shards
// 2,048 frames are 128 a shard. A capture ring hands over half as many at a time; with 32 a shard a packet costs
// a tenth more at a million flows, with more than 64 no less. The metas take a fifth of a 1 MiB cache.
const batchLen = 2048

// counters are what is counted of frames beside the flows.
type counters struct {
	capture    CaptureCounts
	undecoded  [packet.NumReasons]localnets.Counts
	nonIP      localnets.Counts
	envelopes  uint64 // bytes
	ipv4, ipv6 localnets.Counts
	fragments  uint64
}

// A batch is the frames that go through the stages together, as far as no flow is concerned yet.
type batch struct {
	counters
	metas  [batchLen]packet.Meta
	hashes [batchLen]uint64 // of the metas that hold a flow key
	ip     []uint16         // numbers of those metas, in order of arrival
	order  [batchLen]uint16 // the same, sorted by shard, in order of arrival within each
	ends   []uint16         // by shard: end of its part of order
	newest int64            // largest time
}

// A hand is what counting a batch in some of the shards needs.
type hand struct {
	t *Table
	// By position in a shard's part of batch.order:
	found [batchLen]uint32 // 1 + number of the entry that the index suggests
	conns [batchLen]uint32 // its hot.conn
	sink  uint16           // keeps loads that only warm the cache
	out   outbox
	app   apps.Packet
	name  [apps.MaxServerName]byte
}

// A Worker owns its batch and its capture counters.
type Worker struct {
	t  *Table
	mu sync.Mutex // held during Process; guards all below
	batch
	hand
	totals []localnets.Total // of AddDrained

	laps     *Laps // nil but during ProcessTimed
	lapBegan time.Time
}

func newWorker(t *Table) *Worker { return &Worker{t: t, batch: newBatch(t), hand: hand{t: t}} }

func newBatch(t *Table) batch {
	return batch{ip: make([]uint16, 0, batchLen), ends: make([]uint16, len(t.shards))}
}

// Process counts all frames of b and keeps none of their bytes. Any number of workers may Process
// at once. It allocates nothing but slabs while the table fills.
func (w *Worker) Process(b *packet.Block) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for frames := b.Frames; len(frames) > 0; {
		n := min(len(frames), batchLen)
		w.decode(&w.t.cfg.Decoder, frames[:n])
		w.lap(StageDecode)
		w.count(frames[:n])
		frames = frames[n:]
	}
}

// decode fills metas and ip from frames and adds to the capture counters.
func (b *batch) decode(d *packet.Decoder, frames []packet.Frame) {
	for i := range frames {
		d.Decode(&frames[i], &b.metas[i])
	}
	b.account(frames)
}

// account adds frames, which metas are of, to the capture counters, and fills ip. The sums are kept out of
// the batch meanwhile, for each frame would wait for the stores of the one before it.
func (b *batch) account(frames []packet.Frame) {
	b.ip = b.ip[:0]
	if len(frames) == 0 {
		return
	}
	c := &b.capture
	if c.Packets == 0 {
		c.First, c.Last = frames[0].Time, frames[0].Time
	}
	first, last := c.First, c.Last
	var bytes, captured, cut uint64
	var ipBytes, bytes4, packets4 uint64
	ip, metas := b.ip[:batchLen], b.metas[:len(frames)]
	n := 0
	for i := range frames {
		f, m := &frames[i], &metas[i]
		first, last = min(first, f.Time), max(last, f.Time)
		size := len(f.Data)
		if f.VLANTPID != 0 {
			size += 4 // the kernel took the tag out of Data
		}
		bytes += uint64(f.WireLen)
		captured += uint64(size)
		if size < int(f.WireLen) {
			cut++
		}
		if m.Class != packet.ClassIP {
			b.accountOther(m)
			continue
		}
		ip[n] = uint16(i)
		n++
		ipBytes += uint64(m.WireLen)
		if m.Key.Is4() {
			packets4++
			bytes4 += uint64(m.WireLen)
		}
		if m.Envelope != 0 || m.Flags&packet.FlagFragment != 0 || m.Time > maxTime || m.Time < -maxTime {
			b.accountRare(m)
		}
	}
	b.ip = ip[:n]
	c.First, c.Last = first, last
	c.Packets += uint64(len(frames))
	c.Bytes += bytes
	c.CapturedBytes += captured
	c.TruncatedPackets += cut
	sum(&b.ipv4, localnets.Counts{Packets: packets4, Bytes: bytes4})
	sum(&b.ipv6, localnets.Counts{Packets: uint64(n) - packets4, Bytes: ipBytes - bytes4})
}

// accountRare adds what few frames of flows have, and bounds m's time.
func (b *batch) accountRare(m *packet.Meta) {
	b.envelopes += uint64(m.Envelope)
	if m.Flags&packet.FlagFragment != 0 {
		b.fragments++
	}
	m.Time = min(max(m.Time, -maxTime), maxTime)
}

// accountOther adds a frame that is of no flow.
func (b *batch) accountOther(m *packet.Meta) {
	b.envelopes += uint64(m.Envelope)
	if m.Class == packet.ClassNonIP {
		add(&b.nonIP, m.WireLen)
	} else {
		add(&b.undecoded[m.Reason], m.WireLen)
	}
}

func add(c *localnets.Counts, wireLen uint32) {
	c.Packets++
	c.Bytes += uint64(wireLen)
}

// count adds the batch that decode left to the flows.
func (w *Worker) count(frames []packet.Frame) {
	if len(w.ip) == 0 {
		return
	}
	w.hash(&w.t.hasher)
	w.lap(StageHash)
	w.sort(w.t.shardShift)
	w.lap(StageSort)
	w.t.advance(w.newest) // before a reader's fold finds the first packets: it takes them to the clock's time
	w.out.tbl = w.t.nets.Table()
	begin := uint16(0)
	for i, end := range w.ends {
		if end > begin {
			s := &w.t.shards[i]
			order := w.order[begin:end]
			s.mu.Lock()
			s.probe(&w.batch, &w.hand, order)
			w.lap(StageProbe)
			s.warm(&w.hand, len(order))
			w.lap(StageWarm)
			s.update(&w.batch, &w.hand, order, frames)
			s.mu.Unlock()
			w.lap(StageUpdate)
		}
		begin = end
	}
	w.out.send(w.t.nets, w.t.clock.Load())
	w.lap(StageFold)
}

// hash hashes the keys and finds the newest time.
func (b *batch) hash(h *hasher) {
	b.newest = -maxTime
	for _, i := range b.ip {
		m := &b.metas[i]
		b.hashes[i] = h.key(&m.Key)
		b.newest = max(b.newest, m.Time)
	}
}

// sort orders ip by shard: a counting sort, stable. A hash's bits above shift choose the shard.
func (b *batch) sort(shift uint) {
	ends := b.ends
	clear(ends)
	for _, i := range b.ip {
		ends[b.hashes[i]>>shift]++
	}
	sum := uint16(0)
	for i, n := range ends { // ends hold beginnings while the places are given out
		ends[i] = sum
		sum += n
	}
	for _, i := range b.ip {
		end := &ends[b.hashes[i]>>shift]
		b.order[*end] = i
		*end++
	}
}

// probe looks all of order up in the index, by hash alone. The look-ups do not depend on each other,
// so their cache misses overlap; the more so as the lines are asked for before the first branch that
// depends on one.
func (s *shard) probe(b *batch, h *hand, order []uint16) {
	sum := uint64(0)
	slots := s.index.slots
	for _, i := range order {
		home := s.index.home(uint32(b.hashes[i]))
		sum += slots[home] + slots[min(home+3, len(slots)-1)] // which may lie in the next line
	}
	h.sink += uint16(sum)
	for k, i := range order {
		h.found[k] = s.index.first(uint32(b.hashes[i]))
	}
}

// warm loads the cache lines that update will need, again side by side: the entries first, then the
// TCP states that those name.
func (s *shard) warm(h *hand, n int) {
	for k, found := range h.found[:n] {
		h.conns[k] = 0
		if found != 0 {
			h.conns[k] = s.hots.at(found - 1).conn
		}
	}
	sum := uint16(0)
	for _, conn := range h.conns[:n] {
		if conn != 0 {
			sum += s.conns.at(conn - 1).bits
		}
	}
	h.sink += sum
}

// update counts the packets of order in their flows.
func (s *shard) update(b *batch, h *hand, order []uint16, frames []packet.Frame) {
	for k, n := range order {
		m := &b.metas[n]
		i, first := h.found[k]-1, false
		// Whatever happened in the shard since probe: an entry with m's key is m's, for the key of a
		// free one is of no family.
		if h.found[k] == 0 || !same(&s.hots.at(i).key, &m.Key) {
			frag := uint32(b.hashes[n])
			var ok bool
			if i, ok = s.find(frag, &m.Key); !ok {
				if i, ok = s.admit(&h.out, frag, m); !ok {
					s.untrack(&h.out, m)
					continue
				}
				first = true
			}
		}
		s.count(h, i, s.hots.at(i), m, &frames[n], first)
	}
}
