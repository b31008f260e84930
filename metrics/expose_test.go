package metrics

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"

	"github.com/netmond/netmond/internal/snaptest"
	"github.com/netmond/netmond/localnets"
)

// foreseen is all families but those whose figures are of the scrape itself.
func foreseen(name string) bool { return name != families[collectorDuration].name }

// expose is what an Exposer writes, and what the library writes of what it gathers.
func expose(t testing.TB, v View, format expfmt.Format, only func(string) bool) (got, want []byte) {
	t.Helper()
	others, more := prometheus.NewRegistry(), prometheus.NewRegistry()
	others.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "netmond_network_of_others", Help: "x"}, func() float64 { return 1 }))
	more.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "zero_total", Help: "y"}, func() float64 { return 0 }))
	c := NewCollector(Config{}, fixed(v))
	x := NewExposer(c, others)
	var a, b bytes.Buffer
	w := bufio.NewWriter(&a)
	if err := x.Expose(w, format, more, only); err != nil {
		t.Fatal(err)
	}
	w.Flush()
	mfs, err := prometheus.Gatherers{registry(t, c), others, more}.Gather()
	if err != nil {
		t.Fatal(err)
	}
	enc := expfmt.NewEncoder(&b, format)
	for _, mf := range mfs {
		if only(mf.GetName()) {
			if err := enc.Encode(mf); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := enc.(expfmt.Closer).Close(); err != nil {
		t.Fatal(err)
	}
	return a.Bytes(), b.Bytes()
}

// wild is a view with values of all sizes, and networks whose order by text is not that by number.
func wild() View {
	v := office()
	v.Snapshot = snaptest.Many(40)
	for i := range v.Snapshot.Nets.Networks {
		n := &v.Snapshot.Nets.Networks[i]
		for d := range n.L4 {
			for l4 := range n.L4[d] {
				n.L4[d][l4] = localnets.Counts{Packets: uint64(1) << (i + d), Bytes: uint64(math.Pow(10, float64(i)/2)) - uint64(l4)}
			}
			n.TCP[d].Lost = 999_990 + uint64(i)
		}
		n.FlowsActive, n.LastSeen = -1-int64(i), int64(i)*1_234_567_891
		n.RTT.AckSum, n.RTT.AckSamples = int64(i)*1_000_000_007, 1<<60+uint64(i)
	}
	return v
}

func TestExposeIsTheLibrarys(t *testing.T) {
	for name, v := range map[string]View{
		"office": office(), "hostile": hostile(), "wild": wild(), "empty": {Snapshot: snaptest.Empty()}, "nothing": {},
		"no alerts": {Snapshot: snaptest.Office()},
	} {
		for _, format := range []expfmt.Format{
			expfmt.NewFormat(expfmt.TypeTextPlain), expfmt.NewFormat(expfmt.TypeOpenMetrics), expfmt.FmtOpenMetrics_0_0_1,
			expfmt.FmtOpenMetrics_2_0_0, expfmt.NewFormat(expfmt.TypeProtoDelim),
		} {
			got, want := expose(t, v, format, foreseen)
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("%s, %s (-library +exposer):\n%s", name, format, diff)
			}
		}
	}
	got, want := expose(t, office(), expfmt.NewFormat(expfmt.TypeTextPlain), func(name string) bool {
		return name == families[networkBytes].name || name == families[processedBytes].name
	})
	if diff := cmp.Diff(string(want), string(got)); diff != "" || bytes.Count(got, []byte("# TYPE")) != 2 {
		t.Errorf("two families (-library +exposer):\n%s", diff)
	}
}

// A gatherer that fails is told, and hides nothing.
func TestExposeWithABrokenGatherer(t *testing.T) {
	broken := prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) { return nil, fmt.Errorf("broken") })
	x := NewExposer(NewCollector(Config{}, fixed(office())), prometheus.NewRegistry())
	var b bytes.Buffer
	w := bufio.NewWriter(&b)
	if err := x.Expose(w, expfmt.NewFormat(expfmt.TypeTextPlain), broken, nil); err == nil {
		t.Error("no error")
	}
	w.Flush()
	for _, name := range []string{families[networkBytes].name, families[processedBytes].name} {
		if !bytes.Contains(b.Bytes(), []byte("\n"+name)) {
			t.Errorf("%s is missing", name)
		}
	}
}

func BenchmarkExpose(b *testing.B) {
	for _, n := range []int{10, 1000, 10_000} {
		b.Run(fmt.Sprintf("networks=%d", n), func(b *testing.B) {
			x := NewExposer(NewCollector(Config{}, fixed(View{Snapshot: snaptest.Many(n)})), prometheus.NewRegistry())
			b.ReportAllocs()
			for b.Loop() {
				w := bufio.NewWriterSize(io.Discard, 64<<10)
				if err := x.Expose(w, expfmt.NewFormat(expfmt.TypeTextPlain), prometheus.NewRegistry(), nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
