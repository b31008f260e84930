package main

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	versioncollector "github.com/prometheus/client_golang/prometheus/collectors/version"

	"github.com/netmond/netmond/metrics"
	"github.com/netmond/netmond/report"
	"github.com/netmond/netmond/web"
)

// takeView is what all readers see of one moment.
func (d *daemon) takeView() metrics.View {
	v := metrics.View{Snapshot: d.final.Load(), Network: d.keeper.AlertView}
	d.kernel.drain()
	if v.Snapshot == nil {
		v.Snapshot = d.table.Snapshot()
	}
	v.Filtered = d.filteredOut()
	v.Sources, v.Kernel = d.sources(), d.kernel.stats()
	kept := d.keeper.Stats()
	v.Alerts = &kept
	if d.engine != nil {
		v.Checks = d.engine.Status()
		status := d.engine.EngineStatus()
		v.Engine = &status
	}
	return v
}

// viewOf is shared, but that what a reload changed is seen at once: a view of before it serves nobody after
// it.
func (d *daemon) viewOf(shared func() metrics.View) func() metrics.View {
	return func() metrics.View {
		v := shared()
		reloads := d.reloads.stats()
		v.Reloads = &reloads
		if d.final.Load() == nil && v.Snapshot.Nets.Generation != d.registry.Table().Generation() {
			fresh := d.takeView()
			fresh.Reloads = v.Reloads
			return fresh
		}
		return v
	}
}

// newServer wires the readers: all of them see the same snapshot.
func (d *daemon) newServer(cfg web.Config, exposition metrics.Config) (*web.Server, error) {
	others := prometheus.NewRegistry()
	others.MustRegister(
		versioncollector.NewCollector("netmond"),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "netmond_log_lines_dropped_total",
			Help: "Log lines that were not written because their destination did not take them in time.",
		}, func() float64 { return float64(d.std.log.dropped.Load()) }),
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	deps := web.Deps{
		Log:     d.log,
		Metrics: metrics.NewExposer(metrics.NewCollector(exposition, d.view), others),
		Report:  func() *report.Report { return d.withFilter(report.New(d.view().Snapshot, d.inputErrors.get())) },
		Network: d.networkOf,
		Alerts:  d.keeper, AlertFeed: &d.feed,
		Reload:   d.reload,
		NotReady: d.awaited,
	}
	if d.engine != nil {
		deps.Checks, deps.Scripts = d.engine, d.script
	}
	d.showHistory(&deps)
	return web.New(cfg, deps)
}

// inputErrors is what was wrong with the files of run -r.
type inputErrors struct {
	mu   sync.Mutex // guards list
	list []report.InputError
}

func (e *inputErrors) set(list []report.InputError) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.list = list
}

func (e *inputErrors) get() []report.InputError {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.list
}
