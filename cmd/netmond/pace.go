package main

import (
	"context"
	"time"

	"github.com/netmond/netmond/flows"
	"github.com/netmond/netmond/packet"
)

// A pacer gives the frames of a source no sooner than their times say, at a multiple of real time. A
// source that cannot keep up is not hurried afterwards: what it is late beyond a second is forgiven.
type pacer struct {
	ctx   context.Context
	src   flows.Source
	speed float64 // seconds of capture time in a second; above 0

	block  packet.Block
	began  bool
	start  time.Time // when the frame of time origin was due
	origin int64     // ns since the Unix epoch
}

// Of a pacer: how long it waits at least, so that a block is worth the work, and the lateness forgiven.
const (
	paceQuantum  = 10 * time.Millisecond
	paceLateness = time.Second
)

func newPacer(ctx context.Context, src flows.Source, speed float64) *pacer {
	return &pacer{ctx: ctx, src: src, speed: speed}
}

// ReadBlock implements flows.Source. It ends with the context's error.
func (p *pacer) ReadBlock(b *packet.Block) error {
	for len(p.block.Frames) == 0 {
		if err := p.src.ReadBlock(&p.block); err != nil {
			return err
		}
	}
	if !p.began {
		p.began, p.start, p.origin = true, time.Now(), p.block.Frames[0].Time
	}
	for {
		now := p.clock(time.Now())
		n := 0
		for n < len(p.block.Frames) && p.block.Frames[n].Time <= now {
			n++
		}
		if n > 0 {
			b.Frames = p.block.Frames[:n]
			p.block.Frames = p.block.Frames[n:]
			return p.ctx.Err()
		}
		wait := time.Duration(float64(p.block.Frames[0].Time-now) / p.speed)
		if err := sleep(p.ctx, min(max(wait, paceQuantum), time.Second)); err != nil {
			return err
		}
	}
}

// clock is the capture time that is due at t.
func (p *pacer) clock(t time.Time) int64 {
	now := p.origin + int64(float64(t.Sub(p.start))*p.speed)
	if len(p.block.Frames) > 0 {
		late := time.Duration(float64(now-p.block.Frames[0].Time) / p.speed)
		if late > paceLateness {
			p.start = p.start.Add(late - paceLateness)
			now = p.origin + int64(float64(t.Sub(p.start))*p.speed)
		}
	}
	return now
}

// sleep waits for d, or for the end of ctx, whose error it then gives.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
