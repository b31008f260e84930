package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/netmond/netmond/capture"
	"github.com/netmond/netmond/flows"
	"github.com/netmond/netmond/packet"
	"github.com/netmond/netmond/web"
)

// A liveCapture is all interfaces that are captured from.
type liveCapture []*capture.Live

// openLive opens the interfaces, each with the same configuration. None stays open after an error.
func openLive(cfg capture.LiveConfig, names []string, log *slog.Logger) (liveCapture, error) {
	var lives liveCapture
	for _, name := range names {
		cfg.Interface = name
		l, err := capture.OpenLive(cfg, log)
		if err != nil {
			return nil, errors.Join(err, lives.close())
		}
		lives = append(lives, l)
	}
	return lives, nil
}

// names are the interfaces' names.
func (c liveCapture) names() []string {
	list := make([]string, len(c))
	for i, s := range c.stats() {
		list[i] = s.Interface
	}
	return list
}

// stats are the counters of each interface.
func (c liveCapture) stats() []capture.Stats {
	list := make([]capture.Stats, len(c))
	for i, l := range c {
		list[i] = l.Stats()
	}
	return list
}

// stop ends the intake of frames of all interfaces.
func (c liveCapture) stop() {
	for _, l := range c {
		l.Stop()
	}
}

func (c liveCapture) close() error {
	var errs []error
	for _, l := range c {
		errs = append(errs, l.Close())
	}
	return errors.Join(errs...)
}

// capture counts the interfaces' frames until ctx ends, then what the rings still hold.
func (d *daemon) capture(ctx context.Context, cancel context.CancelCauseFunc, server *web.Server) {
	clock := newSteadyClock()
	var ticks, workers sync.WaitGroup
	ticks.Go(func() { // ends with ctx
		ticker := time.NewTicker(time.Second)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				now := clock.now()
				d.table.Tick(now)
				d.record(d.view().Snapshot, now)
			}
		}
	})
	stop := context.AfterFunc(ctx, d.live.stop)
	defer stop()
	for _, l := range d.live {
		for _, r := range l.Readers() {
			workers.Go(func() { // ends with the reader's frames
				if err := countFrames(r, d.table.NewWorker(), clock); err != nil {
					cancel(fmt.Errorf("capture: %w", err))
				}
			})
		}
	}
	server.SetReady(true)
	workers.Wait()
	ticks.Wait()
	d.table.Tick(clock.now())
	d.logLosses()
}

// countFrames counts the reader's frames until there are no more.
func countFrames(r *capture.Reader, w *flows.Worker, clock *steadyClock) error {
	var block packet.Block
	for {
		switch err := r.ReadBlock(&block); {
		case err == nil:
			clock.correct(&block)
			w.Process(&block)
		case errors.Is(err, io.EOF), errors.Is(err, capture.ErrClosed):
			return nil
		default:
			return err
		}
	}
}

// logLosses tells at the end what was not captured, and what was not decoded or has no flow.
func (d *daemon) logLosses() {
	for _, s := range d.live.stats() {
		log := d.log.Info
		if s.KernelDrops+s.NICDrops > 0 {
			log = d.log.Warn
		}
		log("capture ended", "interface", s.Interface, "packets", s.Packets, "lost", s.KernelDrops+s.NICDrops,
			"ring", s.KernelDrops, "nic", s.NICDrops)
	}
	s := d.table.Snapshot()
	var undecoded uint64
	for _, c := range s.Undecoded {
		undecoded += c.Packets
	}
	if undecoded+s.Table.Untracked.Packets > 0 {
		d.log.Info("packets that count without all detail", "undecoded", undecoded, "untracked", s.Table.Untracked.Packets)
	}
}
