//go:build linux && (amd64 || arm64)

package bpf

import (
	"fmt"
	"math"
	"net/netip"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/netmond/netmond/packet"
)

// A Sink takes what the programs counted. A worker of the flow table is one. Nothing that it is given
// is valid after the call.
type Sink interface {
	// Process counts frames that the programs did not.
	Process(*packet.Block)
	// Classify shows payloads of counted frames to the detectors, and sets what became of them.
	Classify([]packet.Payload)
	// AddDrained adds totals, and gives parts of them to flows. Both become visible together.
	AddDrained(*packet.Totals, []packet.Sample)
}

const (
	// chunk bounds the samples that are handed over at once: 7 MB of them. The totals are read again
	// for each chunk.
	chunk = 1 << 15
	// frameBatch bounds the frames that are handed over at once.
	frameBatch = 256
)

// drainState is what the last drain saw: counters only rise, and differences are handed on.
type drainState struct {
	cells  []cell // summed over the CPUs
	sum    cpuCounts
	is6    []bool // of networks, by slot
	seen   []flowSeen
	health []healthSeen // by trouble record
	limbo  []uint32     // out of the index; not yet free

	samples  []packet.Sample
	totals   packet.Totals
	frames   []packet.Frame
	payloads []packet.Payload
	entries  []uint32 // flow entries of payloads

	drains, retired, sampled uint64
	took                     time.Duration
	rate                     int
	calm                     int
	lastFull                 uint64
}

// flowSeen is what was handed on of one flow entry.
type flowSeen struct {
	sent    [2]uint64
	rttSum  [2]uint32
	rtts    [2]uint16
	reopens uint16
	bits    uint8
}

const (
	seenAgain  = 1 << iota // to be looked at in the next drain even without a packet
	seenClosed             // its connection has ended
	seenLimbo              // out of the index
)

type healthSeen [2][numIlls]uint32

func (d *drainState) init(p *Program) {
	d.cells = make([]cell, len(p.maps.cells)/p.cpus)
	d.seen = make([]flowSeen, len(p.maps.flows))
	d.health = make([]healthSeen, len(p.maps.troubles))
}

// learn notes the families of networks by slot. A slot may change its family between two lists, when what
// was counted in it is drained: SetNetworks says when.
func (d *drainState) learn(prefixes []netip.Prefix, slots []int32) {
	if slots == nil {
		slots = indexes(len(prefixes))
	}
	for i, p := range prefixes {
		for int(slots[i]) >= len(d.is6) {
			d.is6 = append(d.is6, false)
		}
		d.is6[slots[i]] = p.Addr().Is6()
	}
}

// Drain hands everything over that was counted since the last one: once a second, and before a
// snapshot. Its cost is bounded by MaxFlows, RingBytes and the number of networks.
func (p *Program) Drain(sink Sink) {
	p.mu.Lock()
	defer p.mu.Unlock()
	runtime.LockOSThread() // whose processor time is measured
	defer runtime.UnlockOSThread()
	began := threadTime()
	now := p.clock()
	p.drainFrames(sink)
	p.release(sink, now)
	p.drainFlows(sink, now)
	p.flush(sink, now)
	d := &p.drain
	d.drains++
	took := threadTime() - began
	d.took += took
	p.adapt(took)
	p.stats.Store(p.statsLocked())
}

// threadTime is the processor time that the thread has taken.
func threadTime() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts); err != nil {
		return 0 // it cannot fail
	}
	return time.Duration(ts.Nano())
}

// An instant is one moment on the programs' clock.
type instant struct {
	clock  int64 // ns, as the programs see it
	offset int64 // to ns since the Unix epoch
}

func (p *Program) clock() instant {
	if p.cfg.ClockGiven {
		return instant{clock: int64(atomic.LoadUint64(&p.maps.control[0].Clock))}
	}
	var mono unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &mono); err != nil {
		return instant{} // it cannot fail
	}
	return instant{clock: mono.Nano(), offset: time.Now().UnixNano() - mono.Nano()}
}

// age is how long ago a flow's time was, in the flows' unit; negative for the future.
func (now instant) age(t uint32) int32 { return int32(uint32(uint64(now.clock)>>timeShift) - t) }

// wall is a flow's time since the Unix epoch, ns.
func (now instant) wall(t uint32) int64 {
	return (now.clock>>timeShift-int64(now.age(t)))<<timeShift + now.offset
}

func (now instant) micros() uint32 { return uint32(now.clock / 1000) }

// drainFlows makes samples of all flows that gained something, and takes those that are due out of the
// index.
func (p *Program) drainFlows(sink Sink, now instant) {
	d := &p.drain
	c := &p.maps.control[0]
	used := min(atomic.LoadUint64(&c.FlowHead), uint64(len(p.maps.flows)))
	idle, closed := p.timeouts()
	for i := range p.maps.flows[:used] {
		f, seen := &p.maps.flows[i], &d.seen[i]
		sent := [2]uint64{atomic.LoadUint64(&f.Sent[0]), atomic.LoadUint64(&f.Sent[1])}
		if sent == seen.sent && seen.bits&seenAgain == 0 {
			if sent == [2]uint64{} || seen.bits&seenLimbo != 0 {
				continue
			}
			age := now.age(atomic.LoadUint32(&f.Last))
			if age > idle || age > closed && seen.bits&seenClosed != 0 {
				p.retire(uint32(i), f, seen)
			}
			continue
		}
		p.sample(uint32(i), f, now, false)
		if len(d.samples) == chunk {
			p.flush(sink, now)
		}
	}
}

// timeouts are those of the configuration in the flows' unit, shorter when the table is nearly full:
// what has been idle longest makes room.
func (p *Program) timeouts() (idle, closed int32) {
	unit := func(t time.Duration) int32 {
		if t == 0 {
			return math.MaxInt32
		}
		return int32(min(int64(t)>>timeShift+1, math.MaxInt32))
	}
	idle, closed = unit(p.cfg.IdleTimeout), unit(p.cfg.ClosedTimeout)
	if p.cfg.IdleTimeout == 0 {
		return idle, closed
	}
	const least = int32(int64(5*time.Second) >> timeShift)
	switch free := p.free(); {
	case free*50 < len(p.maps.flows):
		idle = min(idle, least)
	case free*10 < len(p.maps.flows):
		idle = min(idle, max(idle/4, least))
	}
	return idle, min(closed, idle)
}

// free is the number of flow entries that wait for a flow.
func (p *Program) free() int {
	c := &p.maps.control[0]
	return int(c.FlowTail - atomic.LoadUint64(&c.FlowHead))
}

// retire takes a flow out of the index, so that no program finds it any more. Programs that have found
// it may still count in it: release comes when they have ended.
func (p *Program) retire(i uint32, f *flow, seen *flowSeen) {
	slot := atomic.LoadUint32(&f.Slot)
	if slot == 0 {
		return // being published
	}
	at := &p.maps.buckets[(slot-1)/bucketSlots].Slot[(slot-1)%bucketSlots]
	atomic.StoreUint64(at, 0)
	seen.bits |= seenLimbo
	p.drain.limbo = append(p.drain.limbo, i)
}

// release reads the flows that the last drain retired a last time, and gives their entries back.
func (p *Program) release(sink Sink, now instant) {
	d := &p.drain
	if len(d.limbo) == 0 {
		return
	}
	p.barrier.wait()
	c := &p.maps.control[0]
	for _, i := range d.limbo {
		f := &p.maps.flows[i]
		p.sample(i, f, now, true)
		if n := f.Trouble; n != 0 && int(n) <= len(p.maps.troubles) {
			p.maps.troubles[n-1] = trouble{}
			d.health[n-1] = healthSeen{}
			tail := c.TroubleTail
			p.maps.freeTroubles[tail&uint64(len(p.maps.freeTroubles)-1)] = uint64(n - 1)
			atomic.StoreUint64(&c.TroubleTail, tail+1)
		}
		*f = flow{}
		d.seen[i] = flowSeen{}
		tail := c.FlowTail
		p.maps.freeFlows[tail&uint64(len(p.maps.freeFlows)-1)] = uint64(i)
		atomic.StoreUint64(&c.FlowTail, tail+1)
		if len(d.samples) == chunk {
			p.flush(sink, now)
		}
	}
	d.retired += uint64(len(d.limbo))
	d.limbo = d.limbo[:0]
}

// sample appends what flow entry i gained. final says that no program holds it any more.
func (p *Program) sample(i uint32, f *flow, now instant, final bool) {
	d := &p.drain
	seen := &d.seen[i]
	d.samples = append(d.samples, packet.Sample{})
	s := &d.samples[len(d.samples)-1]
	changed := false
	for dir := range f.Sent {
		sent := atomic.LoadUint64(&f.Sent[dir])
		gained := sent - seen.sent[dir]
		s.Packets[dir], s.Bytes[dir] = gained>>sentShift, gained&(1<<sentShift-1)
		changed = changed || gained != 0
		seen.sent[dir] = sent
	}
	s.Key = f.Key
	s.First, s.Last = now.wall(f.First), now.wall(atomic.LoadUint32(&f.Last))
	seen.bits &^= seenAgain
	bits := p.connection(s, f, seen, now, final)
	if bits&fClientHi != 0 {
		s.Client = packet.DirHiLo
	}
	seen.bits &^= seenClosed
	if bits&fClosed != 0 {
		s.Closed = true
		seen.bits |= seenClosed
	}
	s.Settled = bits&fSettled != 0
	if changed {
		// Counted before the connection is followed: a look at it may have come too early.
		seen.bits |= seenAgain
	} else if !s.Gained() {
		d.samples = d.samples[:len(d.samples)-1]
	}
}

// flush reads the totals, after the flows that are in samples, and hands both over.
func (p *Program) flush(sink Sink, now instant) {
	p.readTotals(now)
	p.drain.sampled += uint64(len(p.drain.samples))
	sink.AddDrained(&p.drain.totals, p.drain.samples)
	p.drain.samples = p.drain.samples[:0]
}

// Stats gives the state as of the last drain. Any goroutine may call it.
func (p *Program) Stats() Stats { return *p.stats.Load() }

func (p *Program) statsLocked() *Stats {
	d := &p.drain
	s := &Stats{
		Hook: p.cfg.Hook, MapFull: tally(d.sum.MapFull), Unsampled: tally(d.sum.Unsampled),
		Payloads: d.sum.Samples, PayloadsLost: d.sum.SamplesLost,
		HealthFull: d.sum.TroubleFull, Contended: d.sum.Contended,
		Flows: len(p.maps.flows) - p.free(), MaxFlows: len(p.maps.flows),
		Networks: p.networks, Generation: p.generation, SampleRate: d.rate,
		MemoryBytes: p.maps.bytes + uint64(p.cfg.RingBytes), RingBytes: uint64(p.cfg.RingBytes),
		Drains: d.drains, DrainSeconds: d.took.Seconds(), Samples: d.sampled, FlowsRetired: d.retired,
	}
	for i := range s.Handed {
		s.Handed[i], s.Refused[i] = tally(d.sum.Handed[i]), tally(d.sum.Refused[i])
	}
	for i := range p.maps.pairs {
		if atomic.LoadUint64(&p.maps.pairs[i]) != 0 {
			s.PairsUsed++
		}
	}
	return s
}

func tally(c counts) packet.Tally { return packet.Tally(c) }

// String describes the memory that is taken, for the log at the start.
func (s *Stats) String() string {
	return fmt.Sprintf("%d flows at most, %d networks, %.1f MB", s.MaxFlows, s.Networks, float64(s.MemoryBytes)/1e6)
}
