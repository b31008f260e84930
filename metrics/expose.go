package metrics

import (
	"bufio"
	"cmp"
	"math"
	"mime"
	"slices"
	"strconv"
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

// isText reports whether a lineWriter writes a format.
func isText(format expfmt.Format) bool {
	switch format.FormatType() {
	case expfmt.TypeTextPlain:
		return true
	case expfmt.TypeOpenMetrics:
		_, params, err := mime.ParseMediaType(string(format))
		return err == nil && (params["version"] == expfmt.OpenMetricsVersion_1_0_0 || params["version"] == expfmt.OpenMetricsVersion_0_0_1)
	}
	return false
}

// A lineWriter writes families in Prometheus' text format, or in OpenMetrics (open).
type lineWriter struct {
	w    *bufio.Writer
	open bool
}

var (
	helpEscaper  = strings.NewReplacer(`\`, `\\`, "\n", `\n`)
	labelEscaper = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)
)

func (l *lineWriter) head(id familyID) {
	f := &families[id]
	name, help := f.name, helpEscaper.Replace(f.help)
	if l.open {
		help = labelEscaper.Replace(f.help)
		if f.kind == counter {
			name = strings.TrimSuffix(name, "_total")
		}
	}
	l.w.WriteString("# HELP " + name + " " + help + "\n# TYPE " + name + " " + f.kind.String() + "\n")
}

func (l *lineWriter) info(list []row) {
	l.head(networkInfo)
	type labels struct{ name, id, cidr string }
	all := make([]labels, len(list))
	for i := range list {
		name, id := list[i].info()
		all[i] = labels{name, id, list[i].cidr}
	}
	slices.SortFunc(all, func(a, b labels) int { return cmp.Compare(a.id, b.id) })
	one := l.appendValue(nil, 1)
	for _, n := range all {
		l.w.WriteString(families[networkInfo].name + `{id="` + n.id + `",name="` + labelEscaper.Replace(n.name) + `",network="` + n.cidr + `"} `)
		l.w.Write(one)
		l.w.WriteByte('\n')
	}
}

func (l *lineWriter) family(f *networkFamily, list []row) {
	l.head(f.id)
	ends := make([]string, len(f.after.values))
	for i, v := range f.after.values {
		if ends[i] = `"} `; f.after != noDimension {
			ends[i] = `",` + f.after.label + `="` + v + `"} `
		}
	}
	suffixes := []string{""}
	if f.samples != nil {
		suffixes = []string{"_sum", "_count"}
	}
	for _, before := range f.before.sorted {
		labels := `{network="`
		if f.before != noDimension {
			labels = `{` + f.before.label + `="` + f.before.values[before] + `",network="`
		}
		begins := make([]string, len(suffixes))
		for i, s := range suffixes {
			begins[i] = families[f.id].name + s + labels
		}
		for i := range list {
			n := &list[i]
			for _, after := range f.after.sorted {
				for k, begin := range begins {
					b := append(l.w.AvailableBuffer(), begin...)
					b = append(b, n.cidr...)
					b = append(b, ends[after]...)
					switch {
					case k == 0:
						b = l.appendValue(b, f.value(n, before, after))
					case l.open:
						b = strconv.AppendUint(b, f.samples(n, before, after), 10)
					default:
						b = l.appendValue(b, float64(f.samples(n, before, after)))
					}
					l.w.Write(append(b, '\n'))
				}
			}
		}
	}
}

// appendValue writes v as the library does. Most values are small whole numbers, which need no search for the
// shortest form.
func (l *lineWriter) appendValue(b []byte, v float64) []byte {
	const exact = 1_000_000 // from here on there is an exponent
	before := len(b)
	switch {
	case v >= 0 && v < exact && v == math.Trunc(v):
		b = strconv.AppendUint(b, uint64(v), 10)
	case math.IsNaN(v) || math.IsInf(v, 0):
		return strconv.AppendFloat(b, v, 'f', -1, 64)
	default:
		b = strconv.AppendFloat(b, v, 'g', -1, 64)
	}
	if l.open && !slices.ContainsFunc(b[before:], func(c byte) bool { return c == 'e' || c == '.' }) {
		b = append(b, ".0"...)
	}
	return b
}
