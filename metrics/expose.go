package metrics

import (
	"bufio"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"
)

// An Exposer writes a collector's metrics, and those of others, without gathering all those that every network
// has: of 10,000 networks they are 780,000 series, which take 500 MB and seconds as values of the library.
type Exposer struct {
	collector *Collector
	others    prometheus.Gatherer
}

// NewExposer makes an Exposer of c and of others, which have no family in common.
func NewExposer(c *Collector, others prometheus.Gatherer) *Exposer { return &Exposer{c, others} }

// Expose writes all metrics and those of more, sorted by name, byte for byte what the library writes of them
// when they are gathered. only chooses families by name; nil for all. The error is of gathering, and what could
// be gathered is written; that of w stays with it.
func (x *Exposer) Expose(w *bufio.Writer, format expfmt.Format, more prometheus.Gatherer, only func(name string) bool) error {
	start := time.Now()
	v := x.collector.view()
	r := prometheus.NewRegistry()
	r.MustRegister(momentary{x.collector, &v, start})
	type part struct {
		name  string
		write func()
	}
	var parts []part
	enc := expfmt.NewEncoder(w, format)
	var errs prometheus.MultiError
	for _, g := range []prometheus.Gatherer{r, x.others, more} {
		mfs, err := g.Gather()
		errs.Append(err)
		for _, mf := range mfs {
			parts = append(parts, part{mf.GetName(), func() { enc.Encode(mf) }}) // its error is that of w
		}
	}
	var each perNetwork = &oneByOne{enc}
	if isText(format) {
		each = &lineWriter{w: w, open: format.FormatType() == expfmt.TypeOpenMetrics}
	}
	if list := rows(&v); len(list) > 0 {
		parts = append(parts, part{families[networkInfo].name, func() { each.info(list) }})
		for i := range networkFamilies {
			if f := &networkFamilies[i]; !f.ofAlerts || v.Alerts != nil && v.Network != nil {
				parts = append(parts, part{families[f.id].name, func() { each.family(f, list) }})
			}
		}
	}
	slices.SortFunc(parts, func(a, b part) int { return strings.Compare(a.name, b.name) })
	for _, p := range parts {
		if only == nil || only(p.name) {
			p.write()
		}
	}
	if end, ok := enc.(expfmt.Closer); ok {
		end.Close() // as above
	}
	return errs.MaybeUnwrap()
}

// perNetwork writes the families that every network has.
type perNetwork interface {
	info(list []row)
	family(f *networkFamily, list []row)
}

// oneByOne has the library write one family after the other, in any format.
type oneByOne struct{ expfmt.Encoder }

func (o *oneByOne) info(list []row) {
	o.encode(networkInfo, func(e *emitter, n *row) { e.networkInfo(n) }, list)
}

func (o *oneByOne) family(f *networkFamily, list []row) {
	o.encode(f.id, func(e *emitter, n *row) { e.networkFamily(f, n) }, list)
}

func (o *oneByOne) encode(id familyID, emit func(*emitter, *row), list []row) {
	r := prometheus.NewRegistry()
	c := &single{desc: families[id].desc(), emit: func(ch chan<- prometheus.Metric) {
		var descs [numFamilies]*prometheus.Desc
		descs[id] = families[id].desc()
		e := &emitter{descs: &descs, ch: ch}
		for i := range list {
			emit(e, &list[i])
		}
	}}
	r.MustRegister(c)
	mfs, _ := r.Gather() // all that it can refuse is a label that is no UTF-8, and there is none
	for _, mf := range mfs {
		o.Encode(mf) // its error is that of the writer
	}
}

// single collects one family.
type single struct {
	desc *prometheus.Desc
	emit func(chan<- prometheus.Metric)
}

// Describe implements prometheus.Collector.
func (s *single) Describe(ch chan<- *prometheus.Desc) { ch <- s.desc }

// Collect implements prometheus.Collector.
func (s *single) Collect(ch chan<- prometheus.Metric) { s.emit(ch) }

// momentary collects what a collector has of one view, but for the families that every network has.
type momentary struct {
	*Collector
	v     *View
	start time.Time
}

// Collect implements prometheus.Collector.
func (m momentary) Collect(ch chan<- prometheus.Metric) {
	m.collect(&emitter{descs: &m.descs, ch: ch}, m.v, m.start)
}
