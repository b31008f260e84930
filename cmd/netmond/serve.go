package main

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	versioncollector "github.com/prometheus/client_golang/prometheus/collectors/version"

	"github.com/netmond/netmond/capture"
	"github.com/netmond/netmond/metrics"
	"github.com/netmond/netmond/report"
	"github.com/netmond/netmond/web"
)

// takeView is what all readers see of one moment.
func (d *daemon) takeView() metrics.View {
	v := metrics.View{Snapshot: d.final.Load(), Network: d.keeper.AlertView}
	if v.Snapshot == nil {
		v.Snapshot = d.table.Snapshot()
	}
	if d.live != nil {
		v.Sources = []capture.Stats{d.live.Stats()}
	}
	kept := d.keeper.Stats()
	v.Alerts = &kept
	if d.engine != nil {
		v.Checks = d.engine.Status()
		status := d.engine.EngineStatus()
		v.Engine = &status
	}
	return v
}

// newServer wires the readers: all of them see the same snapshot.
func (d *daemon) newServer(cfg web.Config, matrixSeries int) (*web.Server, error) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		metrics.NewCollector(metrics.Config{MatrixSeries: matrixSeries}, d.view),
		versioncollector.NewCollector("netmond"),
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	deps := web.Deps{
		Log:      d.log,
		Gatherer: registry,
		Report:   func() *report.Report { return report.New(d.view().Snapshot, d.inputErrors.get()) },
		Network:  d.networkOf,
		Alerts:   d.keeper,
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
