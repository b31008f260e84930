package metrics

import (
	"bufio"
	"cmp"
	"math"
	"mime"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/common/expfmt"
)

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

// A lineWriter writes families in Prometheus' text format, or in OpenMetrics (open). Decision 0008 has why.
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
