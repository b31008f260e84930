package flows

import (
	"sync"
	"time"

	"github.com/netmond/netmond/apps"
	"github.com/netmond/netmond/localnets"
	"github.com/netmond/netmond/packet"
)

// batchLen is the number of frames that go through the stages together. The packets of a batch that
// fall into one shard are looked up side by side, which hides the memory's latency: with 64 shards
// 2,048 frames are 32 a shard. Half of it costs about a tenth more at 100,000 flows, a quarter of it
// four tenths; twice as many gain nothing (BenchmarkProcess). The metas then take a fifth of a 1 MiB cache.
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

// A Worker owns its batch and its capture counters.
type Worker struct {
	t  *Table
	mu sync.Mutex // held during Process; guards all below

	counters
	metas [batchLen]packet.Meta
	ip    []uint16 // numbers of the metas that hold a flow key, in order of arrival
	// By position in ip:
	hashes [batchLen]uint64
	order  [batchLen]uint16 // positions in ip, sorted by shard, in order of arrival within each
	ends   []uint16         // by shard: end of its part of order
	// By position in a shard's part of order:
	found [batchLen]uint32 // 1 + number of the entry that the index suggests
	conns [batchLen]uint32 // its hot.conn
	sink  uint16           // keeps loads that only warm the cache

	newest int64 // largest time of the batch
	out    outbox
	totals []localnets.Total // of AddDrained

	laps     *Laps // nil but during ProcessTimed
	lapBegan time.Time
	app      apps.Packet
	name     [apps.MaxServerName]byte
}

func newWorker(t *Table) *Worker {
	return &Worker{t: t, ip: make([]uint16, 0, batchLen), ends: make([]uint16, len(t.shards))}
}

// Process counts all frames of b and keeps none of their bytes. Any number of workers may Process
// at once. It allocates nothing but slabs while the table fills.
func (w *Worker) Process(b *packet.Block) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for frames := b.Frames; len(frames) > 0; {
		n := min(len(frames), batchLen)
		w.decode(frames[:n])
		w.lap(StageDecode)
		w.count(frames[:n])
		frames = frames[n:]
	}
}

// decode fills metas and ip from frames and adds to the capture counters.
func (w *Worker) decode(frames []packet.Frame) {
	w.ip = w.ip[:0]
	for i := range frames {
		w.t.cfg.Decoder.Decode(&frames[i], &w.metas[i])
		w.account(i, &frames[i])
	}
}

// account adds frame i of the batch, decoded, to the capture counters.
func (w *Worker) account(i int, f *packet.Frame) {
	m := &w.metas[i]
	c := &w.capture
	if c.Packets == 0 {
		c.First, c.Last = f.Time, f.Time
	}
	c.First, c.Last = min(c.First, f.Time), max(c.Last, f.Time)
	c.Packets++
	c.Bytes += uint64(f.WireLen)
	captured := len(f.Data)
	if f.VLANTPID != 0 {
		captured += 4 // the kernel took the tag out of Data
	}
	c.CapturedBytes += uint64(captured)
	if captured < int(f.WireLen) {
		c.TruncatedPackets++
	}
	w.envelopes += uint64(m.Envelope)
	switch m.Class {
	case packet.ClassIP:
		w.ip = append(w.ip, uint16(i))
		m.Time = min(max(m.Time, -maxTime), maxTime)
		if m.Key.Is4() {
			add(&w.ipv4, m.WireLen)
		} else {
			add(&w.ipv6, m.WireLen)
		}
		if m.Flags&packet.FlagFragment != 0 {
			w.fragments++
		}
	case packet.ClassNonIP:
		add(&w.nonIP, m.WireLen)
	default:
		add(&w.undecoded[m.Reason], m.WireLen)
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
	w.hash()
	w.lap(StageHash)
	w.sort(len(w.ip))
	w.lap(StageSort)
	w.out.tbl = w.t.nets.Table()
	begin := uint16(0)
	for i, end := range w.ends {
		if end > begin {
			s := &w.t.shards[i]
			order := w.order[begin:end]
			s.mu.Lock()
			s.probe(w, order)
			w.lap(StageProbe)
			s.warm(w, len(order))
			w.lap(StageWarm)
			s.update(w, order, frames)
			s.mu.Unlock()
			w.lap(StageUpdate)
		}
		begin = end
	}
	w.t.advance(w.newest)
	w.out.send(w.t.nets, w.t.clock.Load())
	w.lap(StageFold)
}

// hash hashes the keys and finds the newest time.
func (w *Worker) hash() {
	w.newest = -maxTime
	for j, i := range w.ip {
		m := &w.metas[i]
		w.hashes[j] = w.t.hasher.key(&m.Key)
		w.newest = max(w.newest, m.Time)
	}
}

// sort orders n hashed keys by shard: a counting sort, stable.
func (w *Worker) sort(n int) {
	shift := w.t.shardShift
	ends := w.ends
	clear(ends)
	hashes := w.hashes[:n]
	for _, h := range hashes {
		ends[h>>shift]++
	}
	sum := uint16(0)
	for i, n := range ends { // ends hold beginnings while the places are given out
		ends[i] = sum
		sum += n
	}
	for j, h := range hashes {
		w.order[ends[h>>shift]] = uint16(j)
		ends[h>>shift]++
	}
}

// probe looks all of order up in the index, by hash alone. The look-ups do not depend on each other,
// so their cache misses overlap.
func (s *shard) probe(w *Worker, order []uint16) {
	for k, j := range order {
		w.found[k] = s.index.first(uint32(w.hashes[j]))
	}
}

// warm loads the cache lines that update will need, again side by side: the entries first, then the
// TCP states that those name.
func (s *shard) warm(w *Worker, n int) {
	for k, found := range w.found[:n] {
		w.conns[k] = 0
		if found != 0 {
			w.conns[k] = s.hots.at(found - 1).conn
		}
	}
	sum := uint16(0)
	for _, conn := range w.conns[:n] {
		if conn != 0 {
			sum += s.conns.at(conn - 1).bits
		}
	}
	w.sink += sum
}

// update counts the packets of order in their flows.
func (s *shard) update(w *Worker, order []uint16, frames []packet.Frame) {
	for k, j := range order {
		n := w.ip[j]
		m := &w.metas[n]
		i, first := w.found[k]-1, false
		// Whatever happened in the shard since probe: an entry with m's key in use is m's.
		if w.found[k] == 0 || !s.holds(i, m) {
			frag := uint32(w.hashes[j])
			var ok bool
			if i, ok = s.find(frag, &m.Key); !ok {
				if i, ok = s.admit(&w.out, frag, m); !ok {
					s.untrack(&w.out, m)
					continue
				}
				first = true
			}
		}
		s.count(w, i, s.hots.at(i), m, &frames[n], first)
	}
}

func (s *shard) holds(i uint32, m *packet.Meta) bool {
	e := s.hots.at(i)
	return same(&e.key, &m.Key) && e.bits&bitUsed != 0
}
