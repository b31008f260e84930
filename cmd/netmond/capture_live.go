package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/netmond/netmond/capture"
	"github.com/netmond/netmond/capture/filter"
	"github.com/netmond/netmond/flows"
	"github.com/netmond/netmond/metrics"
	"github.com/netmond/netmond/packet"
	"github.com/netmond/netmond/web"
)

// A liveCapture is all interfaces that are captured from.
type liveCapture []*capture.Live

// openCapture opens the interfaces, each with the same configuration. None stays open after an error.
func (d *daemon) openCapture(s *setup) error {
	d.clock, d.because = newSteadyClock(), map[string]string{}
	for _, name := range s.ifaces {
		if err := d.openInterface(s, name); err != nil {
			return errors.Join(err, d.kernel.close(), d.live.close())
		}
	}
	return nil
}

func (d *daemon) openInterface(s *setup, name string) error {
	k, why, err := s.kernel.open(name, d.pipeline, d.clock, d.log)
	if err != nil {
		return err
	}
	cfg := *s.live
	cfg.Interface = name
	if k != nil {
		d.kernel = append(d.kernel, k)
		cfg.Standby, cfg.Workers = true, 1
	}
	d.because[name] = why
	l, err := capture.OpenLive(cfg, d.log)
	if err != nil {
		return err
	}
	d.live = append(d.live, l)
	if k != nil {
		k.live = l
	}
	return nil
}

// sources are the counters of each interface, whichever way its frames come.
func (d *daemon) sources() []capture.Stats {
	list := d.live.stats()
	for i := range list {
		list[i].Reason = d.because[list[i].Interface]
		if list[i].Awaited {
			list[i].Reason = "waiting for the interface, which does not exist yet"
		}
		for _, k := range d.kernel {
			if k.name == list[i].Interface {
				k.overlay(&list[i])
			}
		}
	}
	return list
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
	clock := d.clock
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
				d.record(now)
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
	for _, k := range d.kernel {
		workers.Go(func() { k.run(ctx) }) // ends with ctx
	}
	workers.Go(func() { d.awaitInterfaces(ctx, cancel) }) // ends with ctx or its time
	server.SetReady(true)
	workers.Wait()
	ticks.Wait()
	d.table.Tick(clock.now())
	d.logLosses()
}

// awaitInterfaces ends the daemon when an interface has not come in the time that is given for it.
func (d *daemon) awaitInterfaces(ctx context.Context, cancel context.CancelCauseFunc) {
	if d.patience <= 0 || sleep(ctx, d.patience) != nil {
		return
	}
	for _, l := range d.live {
		if err := l.Awaited(); err != nil {
			cancel(fmt.Errorf("capture: waited %v: %w", d.patience, err))
		}
	}
}

// awaited tells of the interfaces that have not existed yet; "" when there are none.
func (d *daemon) awaited() string {
	var names []string
	for _, s := range d.live.stats() {
		if s.Awaited {
			names = append(names, s.Interface)
		}
	}
	if names == nil {
		return ""
	}
	return "waiting for an interface that does not exist: " + strings.Join(names, ", ")
}

// setFilter has f decide which frames of all interfaces come in. After an error all have the one before.
func (d *daemon) setFilter(f *filter.Filter) error {
	for i, l := range d.live {
		if err := l.SetFilter(f); err != nil {
			errs := []error{err}
			for _, l := range d.live[:i] {
				errs = append(errs, l.SetFilter(d.filter))
			}
			return errors.Join(errs...)
		}
	}
	d.filter = f
	return nil
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
	v := metrics.View{Snapshot: d.table.Snapshot(), Sources: d.sources()}
	for _, s := range v.Sources {
		log := d.log.Info
		if s.KernelDrops+s.NICDrops > 0 {
			log = d.log.Warn
		}
		log("capture ended", "interface", s.Interface, "packets", s.Packets, "lost", s.KernelDrops+s.NICDrops,
			"ring", s.KernelDrops, "nic", s.NICDrops)
	}
	l := lost(&v)
	by := l.ByCause
	if by[metrics.LostUndecoded]+by[metrics.LostUntracked] > 0 {
		d.log.Info("packets that count without all detail", "undecoded", by[metrics.LostUndecoded], "untracked", by[metrics.LostUntracked])
	}
	d.log.Info("packets lost, for whatever cause", "lost", l.Packets, "of", v.Snapshot.Capture.Packets+by[metrics.LostRing]+by[metrics.LostNIC])
}
