package flows

import (
	"math"
	"sync"

	"github.com/netmond/netmond/localnets"
	"github.com/netmond/netmond/packet"
)

// A crew counts the batches of one replay with several goroutines, and leaves the table exactly as
// one would: every shard sees its packets in the order of the frames, and what the shards hand to the
// networks is sent in the order in which a Worker sends it.
//
// A batch is prepared by one goroutine (decoded, hashed, sorted), each part of the shards counts it in
// the order of the batches, and when all parts have, it is sent, again in the order of the batches.
// Whoever has nothing to do takes the oldest work that is ready, of the parts that are his own first, whose
// entries are in his cache. The caller of put is one of the crew: number 0.
type crew struct {
	t       *Table
	workers int
	parts   int // of the shards; part n is worker n mod workers' own

	mu   sync.Mutex // guards all below, but not what a taken job works on
	work *sync.Cond // something became ready, or the crew ends
	ring []*job
	// Numbers of batches since the start, each in ring at its remainder: those from sent to put are
	// there, those from prepare on are not prepared.
	sent, prepare, put uint64
	counted            []uint64 // by part: the next batch that it counts
	busy               []bool   // by part: somebody counts in it
	sending, ended     bool
	failed             any // a panic of one of the crew, for the caller

	helpers sync.WaitGroup
}

// A job is one batch on its way.
type job struct {
	batch
	frames   []packet.Frame
	tbl      *localnets.Table // in force
	prepared bool
	left     int // parts that have not counted it
	hands    []hand
}

const (
	// crewJobs are under way at a time; a source keeps as many blocks.
	crewJobs = 8
	// partsEach is how many parts of the shards there are for each of the crew: more than one, for
	// parts do not take equally long.
	partsEach = 2
)

// newCrew starts workers-1 goroutines, which end with close.
func newCrew(t *Table, workers int) *crew {
	c := &crew{t: t, workers: workers, parts: min(workers*partsEach, len(t.shards))}
	c.work = sync.NewCond(&c.mu)
	c.counted, c.busy = make([]uint64, c.parts), make([]bool, c.parts)
	for range crewJobs {
		j := &job{batch: newBatch(t), hands: make([]hand, c.parts)}
		for i := range j.hands {
			j.hands[i].t = t
		}
		c.ring = append(c.ring, j)
	}
	for i := 1; i < workers; i++ {
		c.helpers.Go(func() { c.help(i) })
	}
	return c
}

func (c *crew) job(n uint64) *job { return c.ring[n%crewJobs] }

// help works until close, as worker number self.
func (c *crew) help(self int) {
	defer func() {
		if p := recover(); p != nil { // the caller's to have, as with one worker
			c.mu.Lock()
			defer c.mu.Unlock()
			c.failed = p
			c.work.Broadcast()
		}
	}()
	c.mu.Lock()
	defer c.mu.Unlock()
	for !c.ended {
		if !c.step(self) {
			c.work.Wait()
		}
	}
}

// room waits until a batch can be put, working meanwhile.
func (c *crew) room() { c.until(func() bool { return c.put-c.sent < crewJobs }) }

// drain waits until all batches are sent, working meanwhile.
func (c *crew) drain() { c.until(func() bool { return c.put == c.sent }) }

func (c *crew) until(done func() bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for !done() {
		if c.failed != nil {
			panic(c.failed)
		}
		if !c.step(0) {
			c.work.Wait()
		}
	}
}

// add puts a batch of at most batchLen frames, for which room was waited for. The frames stay as they
// are until the batch is sent.
func (c *crew) add(frames []packet.Frame) {
	c.mu.Lock()
	defer c.mu.Unlock()
	j := c.job(c.put)
	j.frames, j.tbl, j.prepared, j.left = frames, c.t.nets.Table(), false, c.parts
	c.put++
	c.work.Signal()
}

// close ends the goroutines. What was put and not drained is not counted.
func (c *crew) close() {
	c.mu.Lock()
	c.ended = true
	c.work.Broadcast()
	c.mu.Unlock()
	c.helpers.Wait()
}

// step does one piece of work as worker number self, and reports false when none is ready. c.mu is held, and
// given up while working.
func (c *crew) step(self int) bool {
	if j := c.job(c.sent); !c.sending && c.sent < c.put && j.prepared && j.left == 0 {
		c.sending = true
		c.outside(func() { c.send(j) })
		c.sending = false
		c.sent++
		c.work.Broadcast()
		return true
	}
	if part := c.ready(self); part >= 0 && (part%c.workers == self || c.prepare == c.put) {
		j := c.job(c.counted[part])
		c.busy[part] = true
		c.outside(func() { c.count(j, part) })
		c.busy[part] = false
		c.counted[part]++
		j.left--
		if j.left == 0 || c.counted[part] < c.put {
			c.work.Signal()
		}
		return true
	}
	if c.prepare < c.put {
		j := c.job(c.prepare)
		c.prepare++
		c.outside(func() {
			j.decode(&c.t.cfg.Decoder, j.frames)
			j.hash(&c.t.hasher)
			j.sort(c.t.shardShift)
		})
		j.prepared = true
		c.work.Broadcast()
		return true
	}
	return false
}

// ready is the part that has the oldest batch to count, one of self's own where there is any; -1 for none.
func (c *crew) ready(self int) int {
	part := -1
	for i, n := range c.counted {
		if c.busy[i] || n == c.put || !c.job(n).prepared {
			continue
		}
		if part >= 0 {
			own, best := i%c.workers == self, part%c.workers == self
			if best && !own || best == own && n >= c.counted[part] {
				continue
			}
		}
		part = i
	}
	return part
}

// outside runs f without c.mu.
func (c *crew) outside(f func()) {
	c.mu.Unlock()
	defer c.mu.Lock()
	f()
}

// count counts j in one part of the shards.
func (c *crew) count(j *job, part int) {
	h := &j.hands[part]
	h.out.tbl = j.tbl
	if c.t.clock.Load() == math.MinInt64 {
		c.t.advance(j.newest) // as Worker.count does for every batch; later ones must wait for their send
	}
	first, last := part*len(c.t.shards)/c.parts, (part+1)*len(c.t.shards)/c.parts
	begin := uint16(0)
	if first > 0 {
		begin = j.ends[first-1]
	}
	for i := first; i < last; i++ {
		if end := j.ends[i]; end > begin {
			s := &c.t.shards[i]
			order := j.order[begin:end]
			s.mu.Lock()
			s.probe(&j.batch, h, order)
			s.warm(h, len(order))
			s.update(&j.batch, h, order, j.frames)
			s.mu.Unlock()
			begin = end
		}
	}
}

// send hands over what j gave, as Worker.count does: all usual deltas, the others, then all touches, in the
// order of the shards.
func (c *crew) send(j *job) {
	if len(j.ip) == 0 {
		return
	}
	c.t.advance(j.newest)
	now := c.t.clock.Load()
	for i := range j.hands {
		j.hands[i].out.sendUsual(c.t.nets, now)
	}
	for i := range j.hands {
		j.hands[i].out.sendDeltas(c.t.nets, now)
	}
	for i := range j.hands {
		j.hands[i].out.sendTouches(c.t.nets)
	}
}

// take moves the capture counters of all batches to c. No batch is under way.
func (c *crew) take(to *counters) {
	for _, j := range c.ring {
		to.add(&j.counters)
		j.counters = counters{}
	}
}
