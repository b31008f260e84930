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

// newServer wires the readers: all of them see the same snapshot.
func (d *daemon) newServer(cfg web.Config, matrixSeries int) (*web.Server, error) {
	view := metrics.Shared(snapshotReuse, func() metrics.View {
		v := metrics.View{Snapshot: d.table.Snapshot()}
		if d.live != nil {
			v.Sources = []capture.Stats{d.live.Stats()}
		}
		return v
	})
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		metrics.NewCollector(metrics.Config{MatrixSeries: matrixSeries}, view),
		versioncollector.NewCollector("netmond"),
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return web.New(cfg, web.Deps{
		Log:      d.log,
		Gatherer: registry,
		Report:   func() *report.Report { return report.New(view().Snapshot, d.inputErrors.get()) },
	})
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
