package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/netmond/netmond/alerts"
	"github.com/netmond/netmond/localnets"
	"github.com/netmond/netmond/lua"
	"github.com/netmond/netmond/lua/checks"
	"github.com/netmond/netmond/lua/engine"
)

// openKeeper opens where alerts are kept, by the clock now (s since the Unix epoch). plan may be nil.
func (d *daemon) openKeeper(cfg alerts.Config, log *slog.Logger, now func() int64, plan *memoryPlan) (alerts.Keeper, error) {
	if plan != nil {
		plan.alerting(&cfg)
	}
	cfg.Now = now
	cfg.Events = d.alertEvents(log)
	if cfg.Dir == "" {
		log.Warn("alerts are lost at the end: there is no data directory (data_dir, --data-dir)")
		return alerts.NewMem(cfg), nil
	}
	return alerts.Open(cfg, log)
}

// alertEvents tells the log and the page of each change of an alert.
func (d *daemon) alertEvents(log *slog.Logger) func(alerts.Event) {
	lines := &alertLog{log: log}
	return func(e alerts.Event) {
		lines.event(e)
		d.feed.Add(e)
	}
}

// newEngine makes the engine that runs the checks on the daemon's snapshots.
func (d *daemon) newEngine(cfg engine.Config) (*engine.Engine, error) {
	cfg.Spawn = d.oom.spawn
	return engine.New(cfg, engine.Deps{
		Log:      d.log,
		Snapshot: func() *localnets.Snapshot { return d.view().Snapshot.Nets },
		Store:    d.keeper,
		Shipped:  checks.FS,
		OnReload: d.releaseOrphans,
	})
}

// releaseOrphans releases the alerts that no check will ever release: those of checks that are gone,
// disabled or without a hook for them, and those of networks that are not configured any more.
func (d *daemon) releaseOrphans() {
	networks := d.registry.Networks()
	cidrs := make([]string, len(networks))
	for i := range networks {
		cidrs[i] = networks[i].Prefix.String()
	}
	released, err := d.keeper.ReleaseOrphans(d.engine.Owner(networks), cidrs, d.wallClock()/int64(time.Second))
	if len(released) > 0 {
		d.log.Info("released alerts whose check or network is gone", "alerts", len(released))
	}
	if err != nil {
		d.log.Error("alerts of gone checks and networks could not be released", "error", err)
	}
}

// wallClock is the time that checks see, ns since the Unix epoch: of the capture when files are read.
func (d *daemon) wallClock() int64 {
	if t := d.replayed.Load(); t != 0 {
		return t
	}
	return time.Now().UnixNano()
}

// networkOf finds a configured network by CIDR, alias or name.
func (d *daemon) networkOf(name string) (string, bool) {
	if p, err := netip.ParsePrefix(name); err == nil {
		name = p.Masked().String()
	}
	networks := d.registry.Networks()
	for i := range networks {
		n := &networks[i]
		if cidr := n.Prefix.String(); name == cidr || name != "" && (name == n.Alias || name == n.Name) {
			return cidr, true
		}
	}
	return "", false
}

// script answers a request for a REST script.
func (d *daemon) script(ctx context.Context, name string, req lua.Request) (*lua.Answer, error) {
	return d.engine.Request(ctx, name, req, d.view().Snapshot.Nets, d.replayed.Load())
}

// runReplayedChecks runs what became due up to now (ns since the Unix epoch) of a capture file.
func (d *daemon) runReplayedChecks(ctx context.Context, now int64) error {
	d.replayed.Store(now)
	if d.engine == nil {
		return nil
	}
	return d.engine.RunDue(ctx, now, d.table.Snapshot().Nets)
}

// closeChecks ends the workers, and writes what is left to write.
func (d *daemon) closeChecks() error {
	var errs []error
	if d.engine != nil {
		errs = append(errs, d.engine.Close())
	}
	if err := d.keeper.Close(); err != nil {
		errs = append(errs, fmt.Errorf("alerts: %w", err))
	}
	return errors.Join(errs...)
}

// An alertLog writes alerts to the log, up to a bound: the alerts themselves are kept elsewhere.
type alertLog struct {
	log *slog.Logger

	mu      sync.Mutex // guards what follows
	since   time.Time  // of the minute
	lines   int
	skipped int
}

// alertLinesPerMinute bounds the log.
const alertLinesPerMinute = 120

// event is called for each change of an alert.
func (l *alertLog) event(e alerts.Event) {
	if !l.admit(time.Now()) {
		return
	}
	a := &e.Alert
	l.log.Info("alert", "change", e.Kind, "network", a.Network, "name", a.NetworkName, "check", a.Check, "alert_id", a.ID,
		"subtype", a.Subtype, "periodicity", a.Periodicity, "severity", a.Severity(), "score", a.Score,
		"description", strings.ToValidUTF8(a.Description, "\ufffd"))
}

// admit reports whether there is room for a line, and tells of those for which there was none.
func (l *alertLog) admit(now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Sub(l.since) >= time.Minute {
		if l.skipped > 0 {
			l.log.Warn("changes of alerts that were not logged", "changes", l.skipped)
		}
		l.since, l.lines, l.skipped = now, 0, 0
	}
	if l.lines == alertLinesPerMinute {
		l.skipped++
		return false
	}
	l.lines++
	return true
}
