package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/alecthomas/units"
	"github.com/prometheus/exporter-toolkit/web/kingpinflag"

	"github.com/netmond/netmond/alerts"
	"github.com/netmond/netmond/capture"
	"github.com/netmond/netmond/flows"
	"github.com/netmond/netmond/history"
	"github.com/netmond/netmond/lua/engine"
	"github.com/netmond/netmond/metrics"
	"github.com/netmond/netmond/packet"
	"github.com/netmond/netmond/web"
)

// snapshotReuse is how long one snapshot serves further readers: scrapes and API calls that come
// together see the same figures.
const snapshotReuse = 200 * time.Millisecond

func addRun(app *kingpin.Application, commands map[string]func(context.Context) error, std streams, logger func() *slog.Logger) {
	cmd := app.Command("run", "Count the traffic of an interface (or of capture files) and serve it over HTTP.").Default()
	acc := addAccountingFlags(cmd)
	iface := cmd.Flag("interface", "Interface to capture on: the one that the mirror port feeds. Needs CAP_NET_RAW. Default: the only one with traffic and no address, else that of the default route.").
		Short('i').PlaceHolder("IFACE").String()
	files := cmd.Flag("read-file", "Count this capture file and serve the result. Repeatable; needs no privileges.").
		Short('r').PlaceHolder("FILE").Strings()
	live := capture.DefaultLiveConfig()
	var ringSet bool
	ring := cmd.Flag("ring-size", "Memory of the capture ring.").Default("64MiB").IsSetByUser(&ringSet).Bytes()
	cmd.Flag("snaplen", "Bytes captured of each frame; 0 is all. The wire length always counts.").
		Default(fmt.Sprint(live.Snaplen)).IntVar(&live.Snaplen)
	cmd.Flag("promiscuous", "See frames for other stations.").Default("true").BoolVar(&live.Promiscuous)
	cmd.Flag("ignore-outgoing", "Do not see frames that this machine sends.").BoolVar(&live.IgnoreOutgoing)
	chk := addCheckingFlags(cmd)
	listen := kingpinflag.AddFlags(cmd, defaultListen)
	allowedHosts := cmd.Flag("web.allowed-host", "Host header to accept besides the listen addresses. Repeatable.").Strings()
	matrixSeries := cmd.Flag("metrics.matrix-series", "Pairs of networks with a series of their own in /metrics; the rest is summed as other.").
		Default("1000").Int()

	commands[cmd.FullCommand()] = func(ctx context.Context) error {
		var err error
		if *iface, err = input(*iface, *files, std.err); err != nil {
			return err
		}
		log := logger()
		d := &daemon{log: log, std: std}
		var own []netip.Prefix
		if *iface != "" {
			own = ownPrefixes(*iface)
		}
		wantedRing := int64(0)
		if ringSet {
			wantedRing = int64(*ring)
		}
		if d.pipeline, err = acc.build(own, *iface != "", wantedRing); err != nil {
			return err
		}
		if d.plan != nil {
			*ring = units.Base2Bytes(d.plan.Ring)
			d.plan.apply(log)
		}
		if *iface != "" {
			live.Interface, live.RingBytes = *iface, int(*ring)
			src, err := capture.OpenLive(live, log)
			if err != nil {
				return withGrant(err)
			}
			defer src.Close()
			d.live = src
		}
		if d.assumed {
			log.Info("no local networks given: counting the interface's own and all private, link-local and loopback space", "networks", len(d.networks))
		}
		if d.live != nil {
			log.Info("capturing", "interface", *iface, "path", "afpacket", "networks", len(d.networks),
				"ring_bytes", d.live.Stats().RingBytes, "max_flows", *acc.maxFlows)
		}
		clock := func() int64 { return d.wallClock() / int64(time.Second) }
		if d.keeper, err = chk.openKeeper(log, clock, d.plan); err != nil {
			return err
		}
		d.started = time.Now()
		if d.history, err = d.openHistory(ctx, *chk.dataDir); err != nil {
			return err
		}
		d.view = metrics.Shared(snapshotReuse, d.takeView)
		if *chk.enabled {
			d.engine, err = chk.newEngine(d, strings.Join(append(*files, *iface), ","))
		}
		var server *web.Server
		if err == nil {
			server, err = d.newServer(web.Config{Listen: listen, AllowedHosts: *allowedHosts}, *matrixSeries)
		}
		if err == nil {
			d.greet(ctx, (*listen.WebListenAddresses)[0])
			err = d.run(ctx, server, *files)
		}
		return errorsFirst(err, d.history.Close(), d.closeChecks())
	}
}

// ownPrefixes are the networks of the interface's own addresses.
func ownPrefixes(iface string) []netip.Prefix {
	list, err := capture.Interfaces()
	if err != nil {
		return nil
	}
	for _, i := range list {
		if i.Name == iface {
			return i.Addrs
		}
	}
	return nil
}

// A daemon is a running netmond.
type daemon struct {
	*pipeline
	log  *slog.Logger
	std  streams
	live *capture.Live // nil when files are read
	// generated is traffic on a clock of its own, of demo and top; nil in run.
	generated *generated

	view     func() metrics.View // shared by all readers
	keeper   alerts.Keeper
	history  *history.Store
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
	if d.live != nil {
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
		d.record(d.table.Snapshot(), now)
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

// capture counts the interface's frames until ctx ends, then what the ring still holds.
func (d *daemon) capture(ctx context.Context, cancel context.CancelCauseFunc, server *web.Server) {
	clock := newSteadyClock()
	ticks := make(chan struct{})
	go func() { // ends with ctx; waited for through ticks
		defer close(ticks)
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
	}()
	stop := context.AfterFunc(ctx, d.live.Stop)
	defer stop()
	server.SetReady(true)
	worker := d.table.NewWorker()
	var block packet.Block
	for {
		err := d.live.ReadBlock(&block)
		if err == nil {
			clock.correct(&block)
			worker.Process(&block)
			continue
		}
		if !errors.Is(err, io.EOF) && !errors.Is(err, capture.ErrClosed) {
			cancel(fmt.Errorf("capture: %w", err))
		}
		break
	}
	<-ticks
	d.table.Tick(clock.now())
}
