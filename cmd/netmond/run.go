package main

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/alecthomas/units"
	"github.com/prometheus/exporter-toolkit/web/kingpinflag"

	"github.com/netmond/netmond/alerts"
	"github.com/netmond/netmond/flows"
	"github.com/netmond/netmond/lua/engine"
	"github.com/netmond/netmond/metrics"
	"github.com/netmond/netmond/web"
)

// snapshotReuse is how long one snapshot serves further readers: scrapes and API calls that come
// together see the same figures.
const snapshotReuse = 200 * time.Millisecond

func addRun(app *kingpin.Application, commands map[string]func(context.Context) error, std streams, logger func() *slog.Logger) {
	cmd := app.Command("run", "Count the traffic of an interface (or of capture files) and serve it over HTTP.").Default()
	acc := addAccountingFlags(cmd)
	capt := addCapturingFlags(cmd)
	files := cmd.Flag("read-file", "Count this capture file and serve the result. Repeatable; needs no privileges.").
		Short('r').PlaceHolder("FILE").Strings()
	chk := addCheckingFlags(cmd)
	listen := kingpinflag.AddFlags(cmd, "127.0.0.1:19991")
	allowedHosts := cmd.Flag("web.allowed-host", "Host header to accept besides the listen addresses. Repeatable.").Strings()
	matrixSeries := cmd.Flag("metrics.matrix-series", "Pairs of networks with a series of their own in /metrics; the rest is summed as other.").
		Default("1000").Int()

	commands[cmd.FullCommand()] = func(ctx context.Context) error {
		interfaces, err := capt.names()
		if err == nil {
			err = oneInput(interfaces, *files)
		}
		if err == nil {
			err = capt.chooseWorkers(len(interfaces), cores())
		}
		if err != nil {
			return err
		}
		log := logger()
		d := &daemon{log: log, std: std}
		if d.pipeline, err = acc.build(ownPrefixes(interfaces), len(interfaces) > 0, capt.demand(len(interfaces))); err != nil {
			return err
		}
		if d.plan != nil {
			*capt.ring, *capt.workers = units.Base2Bytes(d.plan.RingPerInterface), d.plan.Workers
			d.plan.apply(log)
		}
		if d.live, err = capt.open(interfaces, log); err != nil {
			return err
		}
		defer d.live.close()
		if d.assumed {
			log.Info("no local networks given: counting the interface's own and all private, link-local and loopback space", "networks", len(d.networks))
		}
		for _, s := range d.live.stats() {
			log.Info("capturing", "interface", s.Interface, "path", s.Path, "networks", len(d.networks),
				"workers", len(s.Workers), "ring_bytes", s.RingBytes, "max_flows", *acc.maxFlows)
		}
		clock := func() int64 { return d.wallClock() / int64(time.Second) }
		if d.keeper, err = chk.openKeeper(log, clock, d.plan); err != nil {
			return err
		}
		d.view = metrics.Shared(snapshotReuse, d.takeView)
		if *chk.enabled {
			d.engine, err = chk.newEngine(d, strings.Join(append(interfaces, *files...), ","))
		}
		var server *web.Server
		if err == nil {
			server, err = d.newServer(web.Config{Listen: listen, AllowedHosts: *allowedHosts}, *matrixSeries)
		}
		if err == nil {
			err = d.run(ctx, server, *files)
		}
		return errorsFirst(err, d.closeChecks())
	}
}

// A daemon is a running netmond.
type daemon struct {
	*pipeline
	log  *slog.Logger
	std  streams
	live liveCapture // empty when files are read

	view     func() metrics.View // shared by all readers
	keeper   alerts.Keeper
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
	wg.Go(func() { // ends with ctx
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
	} else {
		wg.Go(func() { d.replay(ctx, cancel, server, files) }) // ends with the files or ctx
	}
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
	errs, err := d.readFiles(ctx, files, d.std, func(now int64) error { return d.runReplayedChecks(ctx, now) })
	s := d.table.Snapshot()
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
