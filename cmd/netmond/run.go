package main

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"github.com/netmond/netmond/alerts"
	"github.com/netmond/netmond/capture"
	"github.com/netmond/netmond/config"
	"github.com/netmond/netmond/flows"
	"github.com/netmond/netmond/history"
	"github.com/netmond/netmond/localnets"
	"github.com/netmond/netmond/lua/engine"
	"github.com/netmond/netmond/metrics"
	"github.com/netmond/netmond/web"
)

// snapshotReuse is how long one snapshot serves further readers: scrapes and API calls that come
// together see the same figures.
const snapshotReuse = 200 * time.Millisecond

func addRun(app *kingpin.Application, commands map[string]func(context.Context) error, std streams, logger func() *slog.Logger) {
	cmd := app.Command("run", "Count the traffic of an interface (or of capture files) and serve it over HTTP.").Default()
	conf := addConfigFlags(cmd)
	files := cmd.Flag("read-file", "Count this capture file and serve the result. Repeatable; needs no privileges.").
		Short('r').PlaceHolder("FILE").Strings()
	commands[cmd.FullCommand()] = func(ctx context.Context) error {
		hangups, stop := watchHangups()
		defer stop()
		o, err := conf.load()
		if err != nil {
			return err
		}
		if err := o.chooseInterface(*files, std.err); err != nil {
			return err
		}
		s, err := o.setup(*files)
		if err != nil {
			return err
		}
		d := &daemon{pipeline: s.pipeline, log: logger(), std: std, conf: conf, options: o, hangups: hangups}
		return d.start(ctx, s, *files)
	}
}

// A setup is what a daemon is built from: all of it checked, and nothing of it begun that needs privileges,
// sockets or files that others may have open.
type setup struct {
	*pipeline
	live     *capture.LiveConfig // nil when files are read
	ifaces   []string            // to capture on
	patience time.Duration       // with which to wait for them
	kernel   *kernelConfig       // of the path in the kernel; set with live
	alerts   alerts.Config
	checks   *engine.Config // nil without checks
	web      web.Config
	metrics  metrics.Config
	history  history.Config
	needs    needs
}

// setup checks the options of a daemon that captures, or reads files when there are any. The error has all
// that is wrong.
func (o *options) setup(files []string) (*setup, error) {
	ifaces := o.interfaces()
	switch fromFile := o.Flag("capture", "interface") == ""; {
	case len(files) > 0 && fromFile:
		ifaces = nil // flags go before the file
	case len(ifaces) == 0 && len(files) == 0 && !o.dry, len(files) > 0 && len(ifaces) > 0:
		return nil, usageError{errors.New("give one of -i IFACE and -r FILE")}
	}
	s := &setup{alerts: o.alerting(), web: o.server(), metrics: o.exposition(), history: o.recording()}
	var own []netip.Prefix
	if len(files) == 0 {
		live := o.liveCapture(ifaces)
		own, s.live, s.ifaces = ownPrefixes(ifaces), &live, ifaces
		s.patience = time.Duration(config.Or(o.Capture.Wait, 0))
	}
	if config.Or(o.Scripts.Enabled, true) {
		checks := o.checking(strings.Join(append(files, ifaces...), ","))
		s.checks = &checks
	}
	o.checkKernelPath()
	places := o.places() // before a budget of memory is split: it is in what the process takes already
	s.pipeline = o.build(own, s.live != nil, o.rings(len(ifaces)))
	if err := o.err(); err != nil {
		return nil, err
	}
	if s.live != nil {
		s.kernel = o.kernelPath(len(ifaces))
		s.live.Filter = s.filter
	}
	if s.plan != nil && s.live != nil {
		s.live.RingBytes, s.live.Workers = int(s.plan.RingPerInterface), s.plan.Workers
	}
	s.history.Networks = len(s.registry.Networks())
	if s.plan != nil {
		s.history.MaxMemory = s.plan.History
	}
	s.places.Store(places)
	s.needs = o.needs(files)
	return s, nil
}

// start builds a daemon of s and runs it until ctx ends: the one place in which everything is wired.
func (d *daemon) start(ctx context.Context, s *setup, files []string) (err error) {
	if d.plan != nil {
		d.plan.apply(d.log, slog.LevelInfo)
	}
	if s.live != nil {
		if err = d.openCapture(s); err != nil {
			return withGrant(filterFault(err))
		}
		defer d.live.close()
		defer d.kernel.close()
		s.needs.bpf, d.patience = len(d.kernel) > 0, s.patience
	}
	networks := len(d.registry.Networks())
	if d.assumed {
		d.log.Info("no local networks given: counting the interface's own and all private, link-local and loopback space", "networks", networks)
	}
	if d.live != nil && d.filter != nil {
		d.log.Info("only frames that match a filter are captured; the kernel counts no others", "filter", d.filter.String())
	}
	for _, c := range d.sources() {
		d.log.Info("capturing", "interface", c.Interface, "path", c.Path, "because", c.Reason, "networks", networks, "workers", len(c.Workers),
			"ring_bytes", c.RingBytes, "max_flows", d.table.Snapshot().Table.Capacity)
	}
	if s.web.Listeners, err = web.Listen(s.web); err != nil {
		return err
	}
	defer s.web.Listeners.Close()
	d.oom = openOOMScore()
	if err := s.needs.give(d.log); err != nil {
		return err
	}
	d.reloads.now.LastSuccess = time.Now().UnixNano()
	clock := func() int64 { return d.wallClock() / int64(time.Second) }
	if d.keeper, err = d.openKeeper(s.alerts, d.log, clock, d.plan); err != nil {
		return err
	}
	d.started = time.Now()
	if d.history, err = openHistory(ctx, s.history, d.log); err != nil {
		return errorsFirst(err, d.closeChecks())
	}
	d.view = d.viewOf(metrics.Shared(snapshotReuse, d.takeView))
	if s.checks != nil {
		d.engine, err = d.newEngine(*s.checks)
	}
	var server *web.Server
	if err == nil {
		server, err = d.newServer(s.web, s.metrics)
	}
	if err == nil {
		d.greet(ctx, s.web.Listen)
		err = d.run(ctx, server, files)
	}
	return errorsFirst(err, d.history.Close(), d.closeChecks())
}

// A daemon is a running netmond.
type daemon struct {
	*pipeline
	log  *slog.Logger
	std  streams
	live liveCapture // empty when files are read
	// kernel counts some of the interfaces of live, whose sockets then stand by.
	kernel  kernelCapture
	because map[string]string // by interface: why it is not in kernel
	clock   *steadyClock      // of the capture
	// patience is how long to wait for interfaces that do not exist at the start; 0 for ever.
	patience time.Duration

	conf    *configFlags
	hangups <-chan os.Signal
	reloads reloads
	options *options // in force; guarded by reloads.mu once the daemon runs
	// generated is traffic on a clock of its own, of demo and top; nil in run.
	generated *generated

	view     func() metrics.View // shared by all readers
	oom      *oomScore           // for workers; nil where there is none
	keeper   alerts.Keeper
	feed     web.AlertFeed // of keeper
	history  *history.Store
	readings localnets.Readings // of record
	started  time.Time
	engine   *engine.Engine // nil without checks
	replayed atomic.Int64   // clock of the files read, ns since the Unix epoch; 0 for none
	// final is what readers see once the files are read: the clock goes on for the last checks, and no
	// figure must differ from those of netmond read.
	final atomic.Pointer[flows.Snapshot]

	inputErrors inputErrors
}

// run captures and serves until ctx ends or one of the two fails.
func (d *daemon) run(ctx context.Context, server *web.Server, files []string) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	wg.Go(func() { d.history.Run(ctx) }) // ends with ctx
	wg.Go(func() {                       // ends with ctx
		if err := server.Run(ctx); err != nil {
			cancel(err)
		}
	})
	if len(d.live) > 0 {
		wg.Go(func() { d.capture(ctx, cancel, server) }) // ends with ctx
		if d.engine != nil {
			wg.Go(func() { // ends with ctx
				if err := d.engine.Run(ctx); err != nil {
					cancel(err)
				}
			})
		}
	} else if d.generated != nil {
		wg.Go(func() { d.play(ctx, cancel, server) }) // ends with the traffic or ctx
	} else {
		wg.Go(func() { d.replay(ctx, cancel, server, files) }) // ends with the files or ctx
	}
	wg.Go(func() { d.reloadOnHangup(ctx) }) // ends with ctx
	<-ctx.Done()
	wg.Wait()
	s := d.table.Snapshot()
	d.log.Info("stopped", "packets", s.Capture.Packets, "bytes", s.Capture.Bytes, "flows", s.Table.Entries)
	if err := context.Cause(ctx); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// replay counts files; the daemon goes on serving the result.
func (d *daemon) replay(ctx context.Context, cancel context.CancelCauseFunc, server *web.Server, files []string) {
	start := time.Now()
	errs, err := d.readFiles(ctx, files, d.std, func(now int64) error {
		d.record(now)
		return d.runReplayedChecks(ctx, now)
	})
	s := d.table.Snapshot()
	d.recordEnd(s)
	d.final.Store(s)
	if end := lastMinute(s); err == nil && s.Capture.Packets > 0 && end > d.replayed.Load() {
		d.table.Tick(end)
		err = d.runReplayedChecks(ctx, end)
	}
	if err != nil {
		cancel(err)
		return
	}
	d.inputErrors.set(errs)
	d.log.Info("files read", "files", len(files), "packets", s.Capture.Packets, "bytes", s.Capture.Bytes,
		"errors", len(errs), "duration", time.Since(start))
	server.SetReady(true)
}
