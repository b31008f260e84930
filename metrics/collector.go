package metrics

import (
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/netmond/netmond/localnets"
)

// Config sets the bounds of a collector.
type Config struct {
	// MatrixSeries is how many pairs of networks get series of their own. Where all pairs fit, each
	// has them from the start; otherwise the busiest get them as they are seen, and keep them. 0 is
	// DefaultMatrixSeries, negative none: all is summed as other.
	MatrixSeries int
}

// DefaultMatrixSeries is the pairs of networks with series of their own unless configured: all pairs
// of 32 networks.
const DefaultMatrixSeries = 1000

// A Collector makes metrics of one View per Collect. Scrapes may collect at once.
type Collector struct {
	view   func() View
	descs  [numFamilies]*prometheus.Desc
	matrix matrix
}

// NewCollector makes a Collector of the views that view returns, which is called once per scrape
// from any goroutine; see Shared.
func NewCollector(cfg Config, view func() View) *Collector {
	limit := cfg.MatrixSeries
	if limit == 0 {
		limit = DefaultMatrixSeries
	}
	c := &Collector{view: view, matrix: matrix{limit: max(limit, 0), own: map[pair]bool{}}}
	for i := range families {
		c.descs[i] = families[i].desc()
	}
	return c
}

// Describe implements prometheus.Collector.
func (c *Collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range c.descs {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (c *Collector) Collect(ch chan<- prometheus.Metric) {
	start := time.Now()
	v := c.view()
	e := &emitter{descs: &c.descs, ch: ch}
	c.collect(e, &v, start)
	e.networks(rows(&v), v.Alerts != nil && v.Network != nil)
}

// collect gives all of v but what networks gives. start is when v was asked for.
func (c *Collector) collect(e *emitter, v *View, start time.Time) {
	if v.Filtered != nil {
		e.counts(filteredBytes, filteredPackets, *v.Filtered)
	}
	for i := range v.Sources {
		e.source(&v.Sources[i])
	}
	for i := range v.Kernel {
		e.kernel(&v.Kernel[i])
	}
	success := 0.0
	if v.Snapshot != nil {
		e.snapshot(v.Snapshot)
		c.matrix.emit(e, v.Snapshot.Nets)
		success = 1
	}
	e.reloads(v.Reloads)
	e.alerts(v)
	e.checks(v)
	e.value(collectorSuccess, success)
	e.value(collectorDuration, time.Since(start).Seconds())
}

// An emitter turns figures into metrics.
type emitter struct {
	descs *[numFamilies]*prometheus.Desc
	ch    chan<- prometheus.Metric
}

func (e *emitter) value(id familyID, v float64, labels ...string) {
	t := prometheus.GaugeValue
	if families[id].kind == counter {
		t = prometheus.CounterValue
	}
	m, err := prometheus.NewConstMetric(e.descs[id], t, v, labels...)
	if err != nil { // the number of labels is wrong, or a label is no UTF-8: neither can be
		m = prometheus.NewInvalidMetric(e.descs[id], err)
	}
	e.ch <- m
}

func (e *emitter) count(id familyID, v uint64, labels ...string) {
	e.value(id, float64(v), labels...)
}

func (e *emitter) counts(bytes, packets familyID, c localnets.Counts, labels ...string) {
	e.count(bytes, c.Bytes, labels...)
	e.count(packets, c.Packets, labels...)
}

// summary gives a sum and the number of its samples.
func (e *emitter) summary(id familyID, sum float64, samples uint64, labels ...string) {
	m, err := prometheus.NewConstSummary(e.descs[id], samples, sum, nil, labels...)
	if err != nil { // as in value
		m = prometheus.NewInvalidMetric(e.descs[id], err)
	}
	e.ch <- m
}

// clean makes a label value valid: the exposition is UTF-8, and escapes the rest itself.
func clean(s string) string { return strings.ToValidUTF8(s, "\ufffd") }

// unixSeconds is ns since the epoch in seconds; 0 stays 0.
func unixSeconds(ns int64) float64 { return float64(ns) / 1e9 }

func boolean(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
