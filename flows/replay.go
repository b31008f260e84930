package flows

import (
	"context"
	"errors"
	"io"
	"math"

	"github.com/netmond/netmond/packet"
)

// A Source gives blocks of frames. ReadBlock replaces b.Frames; io.EOF ends the stream.
type Source interface {
	ReadBlock(b *packet.Block) error
}

// A Keeper is a Source that can keep the frames of its blocks: after Keep(n), before the first
// ReadBlock, they stay valid until the n-th ReadBlock that follows.
type Keeper interface {
	Source
	Keep(blocks int)
}

const (
	second = int64(1e9)
	minute = 60 * second
	never  = math.MaxInt64

	// gapMinutes bounds the extra ticks that timestamps can cause: a capture with absurd ones must
	// not take longer than its frames.
	gapMinutes  = 100_000
	minutesADay = 24 * 60
)

// Replay reads src to its end on the source's own clock: before the first frame
// whose time lies at or after the next whole second of the largest time seen so far, Tick is called
// with the last whole second not after the frame, then onTick with the same time, if not nil. In a
// gap both are called first for each whole minute in it, so that a schedule of minutes misses none:
// for the first day of the gap, and for gapMinutes in the whole replay; beyond, one tick ends the gap.
// An error of onTick or ctx ends the replay. Frames whose time runs backwards never move the clock;
// a first frame sets it.
//
// Ticks depend on the frames alone and not on the source's blocks, so that a replay gives the same
// results every time. Config.Workers goroutines count them where src is a Keeper, else one does; that
// changes no result, and ticks find all frames before them counted.
func (t *Table) Replay(ctx context.Context, src Source, onTick func(now int64) error) error {
	var c counter
	if k, ok := src.(Keeper); ok && t.cfg.Workers > 1 {
		k.Keep(crewJobs)
		c = newTeam(t)
	} else {
		c = &loner{w: t.NewWorker()}
	}
	defer c.end()
	var block, part packet.Block
	started, next, gap := false, int64(0), gapMinutes
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		c.room()
		if err := src.ReadBlock(&block); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		if len(block.Frames) == 0 {
			c.drain() // nothing under way stands for this block, whose place the source counts
		}
		begin := 0
		for i := range block.Frames {
			now := block.Frames[i].Time
			if !started {
				started, next = true, nextSecond(now)
				continue
			}
			if now < next || next == never {
				continue
			}
			part.Frames = block.Frames[begin:i]
			c.count(&part)
			c.drain()
			begin = i
			if err := t.tickTo(ctx, next, floorSecond(now), &gap, onTick); err != nil {
				return err
			}
			next = nextSecond(now)
		}
		part.Frames = block.Frames[begin:]
		c.count(&part)
	}
}

// A counter counts the frames of a replay.
type counter interface {
	// room waits until a block may be read.
	room()
	// count counts the frames of b, now or before the next drain.
	count(b *packet.Block)
	drain()
	end()
}

// A loner counts them itself.
type loner struct{ w *Worker }

func (l *loner) room()                 {}
func (l *loner) count(b *packet.Block) { l.w.Process(b) }
func (l *loner) drain()                {}
func (l *loner) end()                  { l.w.t.retire(l.w) }

// A team has a crew count them.
type team struct {
	t *Table
	// w stands for the crew before the table: it holds the crew's counts, and its mutex is held while a
	// batch is under way.
	w    *Worker
	crew *crew
	held bool
}

func newTeam(t *Table) *team { return &team{t: t, w: t.NewWorker(), crew: newCrew(t, t.cfg.Workers)} }

func (m *team) room() {
	if m.t.waiting.Load() > 0 { // a snapshot
		m.drain()
	}
	m.crew.room()
}

func (m *team) count(b *packet.Block) {
	for frames := b.Frames; len(frames) > 0; {
		n := min(len(frames), batchLen)
		if !m.held {
			m.w.mu.Lock()
			m.held = true
		}
		m.crew.room()
		m.crew.add(frames[:n])
		frames = frames[n:]
	}
}

func (m *team) drain() {
	if !m.held {
		return
	}
	m.crew.drain()
	m.crew.take(&m.w.counters)
	m.held = false
	m.w.mu.Unlock()
}

func (m *team) end() {
	if p := recover(); p != nil { // the crew's, or the source's: nothing is consistent any more
		m.crew.close()
		panic(p)
	}
	m.drain()
	m.crew.close()
	m.t.retire(m.w)
}

// tickTo ticks at the whole minutes from the second from on that lie before to, then at to. gap is
// what is left of gapMinutes.
func (t *Table) tickTo(ctx context.Context, from, to int64, gap *int, onTick func(now int64) error) error {
	tick := func(now int64) error {
		t.Tick(now)
		if onTick != nil {
			if err := onTick(now); err != nil {
				return err
			}
		}
		return ctx.Err()
	}
	m := from / minute * minute
	if m < from {
		m += minute
	}
	for i := 0; m < to && i < minutesADay && *gap > 0; i++ {
		if err := tick(m); err != nil {
			return err
		}
		if i > 0 {
			*gap--
		}
		m += minute
	}
	return tick(to)
}

// floorSecond is the last whole second not after now, before 1970 too.
func floorSecond(now int64) int64 {
	s := now / second * second
	if s > now && s >= math.MinInt64+second {
		s -= second // the division rounds towards zero
	}
	return s
}

// nextSecond is the first whole second after now, or never where there is none.
func nextSecond(now int64) int64 {
	s := floorSecond(now)
	if s > never-second {
		return never
	}
	return s + second
}
