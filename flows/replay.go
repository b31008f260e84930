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

const (
	second = int64(1e9)
	minute = 60 * second
	never  = math.MaxInt64

	// gapMinutes bounds the extra ticks that timestamps can cause: a capture with absurd ones must
	// not take longer than its frames.
	gapMinutes  = 100_000
	minutesADay = 24 * 60
)

// Replay reads src to its end through one worker on the source's own clock: before the first frame
// whose time lies at or after the next whole second of the largest time seen so far, Tick is called
// with the last whole second not after the frame, then onTick with the same time, if not nil. In a
// gap both are called first for each whole minute in it, so that a schedule of minutes misses none:
// for the first day of the gap, and for gapMinutes in the whole replay; beyond, one tick ends the gap.
// An error of onTick or ctx ends the replay. Frames whose time runs backwards never move the clock;
// a first frame sets it.
//
// Ticks depend on the frames alone and not on the source's blocks, so that a replay gives the same
// results every time.
func (t *Table) Replay(ctx context.Context, src Source, onTick func(now int64) error) error {
	w := t.NewWorker()
	defer t.retire(w)
	var block, part packet.Block
	started, next, gap := false, int64(0), gapMinutes
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := src.ReadBlock(&block); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
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
			w.Process(&part)
			begin = i
			if err := t.tickTo(ctx, next, floorSecond(now), &gap, onTick); err != nil {
				return err
			}
			next = nextSecond(now)
		}
		part.Frames = block.Frames[begin:]
		w.Process(&part)
	}
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
