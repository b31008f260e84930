package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/exporter-toolkit/web/kingpinflag"

	"github.com/netmond/netmond/alerts"
	"github.com/netmond/netmond/config"
	"github.com/netmond/netmond/demo"
	"github.com/netmond/netmond/flows"
	"github.com/netmond/netmond/metrics"
	"github.com/netmond/netmond/web"
)

// maxDemoSpeed is as fast as the demo may go: an hour in six seconds.
const maxDemoSpeed = 600

// demoFlows bounds the flow table of the demo: the flood fills it half.
const demoFlows = 1 << 18

func addDemo(app *kingpin.Application, commands map[string]func(context.Context) error, std streams, logger func() *slog.Logger) {
	cmd := app.Command("demo", "Show netmond on the made-up traffic of an office: networks, attacks, alerts and a backup, through everything that true traffic goes through. Needs no privileges and no files.")
	cfg := demo.DefaultConfig()
	speed := cmd.Flag("speed", "How many times faster than real time the office's day goes by; 1 is real time.").Default("60").Float64()
	start := cmd.Flag("start", "Time of day at which it begins (UTC), as 20:25 for the backup.").Default("08:30").PlaceHolder("HH:MM").String()
	cmd.Flag("seed", "Chooses hosts, sizes and moments: the same seed gives the same frames.").Default("1").Uint64Var(&cfg.Seed)
	cmd.Flag("duration", "End of the traffic, in the office's time; what was counted goes on being served. Default: none.").DurationVar(&cfg.Duration)
	listen := kingpinflag.AddFlags(cmd, defaultListen)

	commands[cmd.FullCommand()] = func(ctx context.Context) error {
		if !(*speed > 0 && *speed <= maxDemoSpeed) {
			return usageError{fmt.Errorf("--speed %v: want above 0 to %d", *speed, maxDemoSpeed)}
		}
		t, err := time.Parse("15:04", *start)
		if err != nil {
			return usageError{fmt.Errorf("--start %q: want a time of day such as 20:25", *start)}
		}
		cfg.Start = cfg.Start.Truncate(24 * time.Hour).Add(time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute)
		src, err := demo.New(cfg)
		if err != nil {
			return usageError{err}
		}
		d, err := newDemo(ctx, logger(), std, cfg)
		if err != nil {
			return err
		}
		d.generated = &generated{src: newPacer(ctx, src, *speed), name: "demo"}
		server, err := d.newServer(web.Config{Listen: listen}, metrics.Config{})
		if err == nil {
			err = demoGuide(std.out, cfg.Start, *speed, (*listen.WebListenAddresses)[0])
		}
		if err == nil {
			err = d.run(ctx, server, nil)
		}
		return errorsFirst(err, d.history.Close(), d.closeChecks())
	}
}

// newDemo wires a daemon for the office: all of it in memory.
func newDemo(ctx context.Context, log *slog.Logger, std streams, cfg demo.Config) (*daemon, error) {
	o := virtualOptions(&options{Config: (*config.Config)(nil).With(&config.Config{}), lists: []string{demo.Networks}}, demoFlows)
	d := &daemon{log: log, std: std}
	if d.pipeline = o.build(nil, false, ringDemand{}); d.pipeline == nil {
		return nil, o.err()
	}
	d.replayed.Store(cfg.Start.UnixNano())
	return d, d.openVirtual(ctx, o, "demo")
}

// virtualOptions gives o the timeouts of a live capture where none are set, on a clock that is not the
// wall's.
func virtualOptions(o *options, maxFlows int64) *options {
	a := &o.Accounting
	for key, d := range map[**config.Duration]time.Duration{
		&a.IdleTimeout: liveIdleTimeout, &a.ActiveTimeout: liveActiveTimeout, &a.ClosedTimeout: liveClosedTimeout,
		&a.HalfOpenTimeout: liveHalfOpenTimeout, &a.HostIdleTimeout: liveHostIdleTimeout,
	} {
		if *key == nil {
			v := config.Duration(d)
			*key = &v
		}
	}
	if a.MaxFlows == nil {
		a.MaxFlows = &maxFlows
	}
	if a.MaxHosts == nil {
		hosts := int64(1 << 16)
		a.MaxHosts = &hosts
	}
	return o
}

// openVirtual opens what a daemon keeps, in memory, and its checks.
func (d *daemon) openVirtual(ctx context.Context, o *options, name string) (err error) {
	d.options = o
	log := d.log
	d.log = slog.New(slog.DiscardHandler) // what a command that keeps nothing need not be told
	defer func() { d.log = log }()
	keep := alerts.DefaultConfig()
	keep.Now = func() int64 { return d.wallClock() / int64(time.Second) }
	keep.Events = d.alertEvents(log)
	d.keeper = alerts.NewMem(keep)
	d.started = time.Now()
	recording := o.recording()
	recording.Networks = len(d.registry.Networks())
	if d.history, err = openHistory(ctx, recording, d.log); err != nil {
		return errors.Join(err, d.keeper.Close())
	}
	d.view = d.viewOf(metrics.Shared(snapshotReuse, d.takeView))
	if d.engine, err = d.newEngine(o.checking(name)); err != nil {
		return errors.Join(err, d.history.Close(), d.keeper.Close())
	}
	return nil
}

// generated is traffic that comes neither from an interface nor at once from files.
type generated struct {
	src   flows.Source
	name  string        // what stands for the interface
	ended chan struct{} // closed at the end of the traffic, if not nil
}

// play counts generated traffic on its own clock, and runs the checks that become due.
func (d *daemon) play(ctx context.Context, cancel context.CancelCauseFunc, server *web.Server) {
	server.SetReady(true)
	err := d.table.Replay(ctx, d.generated.src, func(now int64) error {
		d.record(now)
		return d.runReplayedChecks(ctx, now)
	})
	if err != nil {
		cancel(err)
		return
	}
	s := d.table.Snapshot()
	d.recordEnd(s)
	d.log.Info("the traffic has ended", "packets", s.Capture.Packets, "bytes", s.Capture.Bytes)
	if d.generated.ended != nil {
		close(d.generated.ended)
	}
}

// demoGuide says where to look, and what will happen when.
func demoGuide(w io.Writer, start time.Time, speed float64, address string) error {
	minute := time.Duration(float64(time.Minute) / speed)
	_, err := fmt.Fprintf(w, "netmond demo: http://%s/ (or: netmond top --url http://%s)\n\n"+
		"The office's clock starts at %s UTC; a minute there takes %s here.\n\n", shownAddress(address), shownAddress(address), start.Format("Monday 15:04"), brief(minute))
	if err != nil {
		return err
	}
	events := demo.Events()
	for range events {
		// In order of their coming.
		next := 0
		for i := range events {
			if events[i].Next(start).Before(events[next].Next(start)) {
				next = i
			}
		}
		e := events[next]
		events = append(events[:next], events[next+1:]...)
		at := e.Next(start)
		text := fmt.Sprintf("  in %-7s %s  %s, for %s", brief(time.Duration(float64(at.Sub(start))/speed)), at.Format("Mon 15:04"), e.Title, brief(time.Duration(float64(e.Lasts)/speed)))
		for i, c := range e.Checks {
			if i == 0 {
				text += "\n" + strings.Repeat(" ", 23) + "alerts: "
			} else {
				text += ", "
			}
			text += c
		}
		if _, err := fmt.Fprintln(w, text); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintln(w, "\nCtrl-C ends it.")
	return err
}

// brief is a duration in its two largest units.
func brief(d time.Duration) string {
	switch {
	case d >= time.Hour:
		return fmt.Sprintf("%dh%02dm", d/time.Hour, d%time.Hour/time.Minute)
	case d >= time.Minute:
		return fmt.Sprintf("%dm%02ds", d/time.Minute, d%time.Minute/time.Second)
	case d >= 10*time.Second:
		return fmt.Sprintf("%ds", d/time.Second)
	}
	return d.Round(10 * time.Millisecond).String()
}
