package flows

import (
	"math"

	"github.com/netmond/netmond/localnets"
)

// An ill is a kind of event of a TCP direction.
type ill uint8

const (
	retransmission ill = iota
	outOfOrder
	keepAlive
	zeroWindow

	numIlls
)

// health is what is wrong with a TCP connection. Few connections have one. Arrays are by direction
// along the key.
type health struct {
	gap    [2]gap
	lost   [2]uint32 // packets, not folded
	folded [2][numIlls + 1]uint32
	counts [2][numIlls]uint8 // not folded; as many as packets at most, so no more than 255
}

func (h *health) link() *uint32 { return &h.lost[0] }

const foldedLost = numIlls // index of lost packets in health.folded

// A gap is what is missing of a direction's sequence space. Gaps that open while one is open are
// merged into it; what was received between them no longer counts as missing, but an early copy of
// it would pass for a late segment.
type gap struct {
	lo, hi  uint32 // from the first missing number to after the last
	missing uint32 // 0: no gap
	at      uint32 // time of the segment that opened it, microseconds
}

// fill takes [begin, end) out of the gap and reports whether any of it may have been missing.
func (g *gap) fill(begin, end uint32) bool {
	if g.missing == 0 {
		return false
	}
	if int32(begin-g.lo) < 0 {
		begin = g.lo
	}
	if int32(end-g.hi) > 0 {
		end = g.hi
	}
	n := int32(end - begin)
	if n <= 0 {
		return false
	}
	g.missing -= min(g.missing, uint32(n))
	if begin == g.lo {
		g.lo = end
	} else if end == g.hi {
		g.hi = begin
	}
	if g.lo == g.hi {
		g.missing = 0
	}
	return true
}

// openGap notes that [next, seq) of direction dir is missing. next moves on by the caller.
func (s *shard) openGap(c *conn, dir uint8, seq, now uint32) {
	next := c.seq[dir].next
	h := s.record(c)
	if h == nil {
		s.spill.any = true
		s.spill.tcp[dir].Lost += uint64(c.packets(dir, seq-next))
		return
	}
	g := &h.gap[dir]
	if g.missing == 0 {
		*g = gap{lo: next, hi: seq, missing: seq - next, at: now}
		return
	}
	g.missing += seq - next
	g.hi = seq
}

// packets estimates how many packets of direction dir held n octets, n > 0.
func (c *conn) packets(dir uint8, n uint32) uint32 {
	size := uint32(c.mss[dir])
	if size == 0 {
		size = defaultMSS
	}
	return min((n-1)/size+1, maxLostPerGap)
}

// settle closes the gap of direction dir if its reorder window has passed at now (or with always)
// and counts as lost what it still misses.
func (s *shard) settle(c *conn, dir uint8, always bool, now uint32) {
	if c.health == 0 {
		return
	}
	h := s.healths.at(c.health - 1)
	g := &h.gap[dir]
	if g.missing == 0 || !always && !passed(now-g.at, c.reorder()) {
		return
	}
	h.lost[dir] += c.packets(dir, g.missing)
	*g = gap{}
}

// passed reports whether an age is over the window. A time before the gap's is none.
func passed(age, window uint32) bool { return age > window && age < math.MaxInt32 }

// waiting reports whether a gap of c is open.
func (s *shard) waiting(c *conn) bool {
	if c.health == 0 {
		return false
	}
	h := s.healths.at(c.health - 1)
	return h.gap[0].missing|h.gap[1].missing != 0
}

// record is c's health record, made if need be; nil when the pool is exhausted.
func (s *shard) record(c *conn) *health {
	if c.health == 0 {
		n, ok := s.healths.get()
		if !ok {
			return nil
		}
		c.health = n + 1
	}
	return s.healths.at(c.health - 1)
}

// ill counts an event. Without a place for a record the event goes to the networks only: see spill.
func (s *shard) ill(c *conn, dir uint8, what ill) {
	if h := s.record(c); h != nil {
		h.counts[dir][what]++
		return
	}
	s.spill.add(dir, what)
}

// A spill holds the events of the one packet in hand that found no health record.
type spill struct {
	any bool
	tcp [2]localnets.TCPCounts
}

func (p *spill) add(dir uint8, what ill) {
	p.any = true
	addIll(&p.tcp[dir], what, 1)
}

func addIll(t *localnets.TCPCounts, what ill, n uint64) {
	switch what {
	case retransmission:
		t.Retransmissions += n
	case outOfOrder:
		t.OutOfOrder += n
	case keepAlive:
		t.KeepAlives += n
	case zeroWindow:
		t.ZeroWindows += n
	}
}

// saturating adds in 32 bits: a flow's detail stops at the top instead of starting over.
func saturating(a *uint32, n uint32) {
	if *a > math.MaxUint32-n {
		*a = math.MaxUint32
		return
	}
	*a += n
}
