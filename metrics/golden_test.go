package metrics

import (
	"bytes"
	"flag"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"

	"github.com/netmond/netmond/capture"
	"github.com/netmond/netmond/internal/snaptest"
	"github.com/netmond/netmond/internal/testneed"
)

var update = flag.Bool("update", false, "write the golden files and docs/metrics.md")

func sources() []capture.Stats {
	return []capture.Stats{{
		Interface: "mirror0", Path: "afpacket", Packets: 14_495, Bytes: 12_549_629, KernelPackets: 14_502, KernelDrops: 7,
		RingFreezes: 1, Losing: 2, Truncated: 3, Up: true, Downs: 1, Reopens: 1,
		LastPoll: 1_772_355_695_500_000_000, RingBytes: 64 << 20,
	}}
}

func fixed(v View) func() View { return func() View { return v } }

func registry(t testing.TB, c prometheus.Collector) *prometheus.Registry {
	t.Helper()
	r := prometheus.NewPedanticRegistry()
	if err := r.Register(c); err != nil {
		t.Fatal(err)
	}
	return r
}

func gather(t testing.TB, c prometheus.Collector) []*dto.MetricFamily {
	t.Helper()
	mfs, err := registry(t, c).Gather()
	if err != nil {
		t.Fatal(err)
	}
	return mfs
}

// text is the exposition of what a test can foresee: all but the scrape's own duration.
func text(t testing.TB, mfs []*dto.MetricFamily) []byte {
	t.Helper()
	var b bytes.Buffer
	for _, mf := range mfs {
		if mf.GetName() == families[collectorDuration].name {
			continue
		}
		if _, err := expfmt.MetricFamilyToText(&b, mf); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got; -update accepts it):\n%s", file, diff)
	}
}

func TestGolden(t *testing.T) {
	c := NewCollector(Config{}, fixed(View{Snapshot: snaptest.Office(), Sources: sources()}))
	golden(t, "testdata/office.prom", text(t, gather(t, c)))
}

func TestLint(t *testing.T) {
	c := NewCollector(Config{}, fixed(View{Snapshot: snaptest.Office(), Sources: sources()}))
	problems, err := testutil.CollectAndLint(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// hostile is a view whose every text tries to break the exposition.
func hostile() View {
	s := snaptest.Office()
	for i, alias := range []string{
		"\"} 1\nnetmond_fake_total 7\n", "\xff\xfe\x00", strings.Repeat("ü", 300), `back\slash`,
	} {
		s.Nets.Networks[i].Alias = alias
	}
	src := sources()
	src[0].Interface = "eth\n\"\xff"
	return View{Snapshot: s, Sources: src}
}

func TestHostileNames(t *testing.T) {
	mfs := gather(t, NewCollector(Config{}, fixed(hostile())))
	exposition := text(t, mfs)
	parser := expfmt.NewTextParser(mfsScheme)
	again, err := parser.TextToMetricFamilies(bytes.NewReader(exposition))
	if err != nil {
		t.Fatalf("the exposition does not parse: %v", err)
	}
	if again["netmond_fake_total"] != nil {
		t.Error("a network's name made a metric")
	}
	if got, want := len(again[families[networkInfo].name].GetMetric()), 4; got != want {
		t.Errorf("%d networks, want %d", got, want)
	}
}

func TestPromtool(t *testing.T) {
	promtool := testneed.Command(t, "prometheus", "promtool")
	for name, v := range map[string]View{
		"office":  {Snapshot: snaptest.Office(), Sources: sources()},
		"hostile": hostile(),
		"empty":   {Snapshot: snaptest.Empty()},
		"nothing": {},
	} {
		cmd := exec.Command(promtool, "check", "metrics")
		cmd.Stdin = bytes.NewReader(text(t, gather(t, NewCollector(Config{}, fixed(v)))))
		if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("%s: promtool check metrics: %v\n%s", name, err, out)
		}
	}
}

// docs is docs/metrics.md.
func docs(w io.Writer) {
	io.WriteString(w, docsHead)
	group := ""
	for i := range families {
		f := &families[i]
		if g := groupOf(f.name); g != group {
			group = g
			io.WriteString(w, "\n## "+g+"\n\n| metric | type | labels | meaning |\n|---|---|---|---|\n")
		}
		labels := make([]string, len(f.labels))
		for j, l := range f.labels {
			labels[j] = "`" + l + "`"
		}
		io.WriteString(w, "| `"+f.name+"` | "+f.kind.String()+" | "+strings.Join(labels, ", ")+" | "+f.help+" |\n")
	}
	io.WriteString(w, docsTail)
}

func groupOf(name string) string {
	for _, g := range []struct{ prefix, title string }{
		{"netmond_network", "Local networks"},
		{"netmond_hosts", "Hosts"},
		{"netmond_flow_table_", "Flow table"},
		{"netmond_capture_", "Capture"},
		{"netmond_collector_", "The scrape itself"},
	} {
		if strings.HasPrefix(name, g.prefix) {
			return g.title
		}
	}
	return "All traffic"
}

func TestDocs(t *testing.T) {
	var b bytes.Buffer
	docs(&b)
	golden(t, "../docs/metrics.md", b.Bytes())
}

func TestFamiliesAreWhole(t *testing.T) {
	seen := map[string]bool{}
	for i, f := range families {
		if f.name == "" || f.help == "" || seen[f.name] {
			t.Errorf("family %d is empty or stands twice: %+v", i, f)
		}
		seen[f.name] = true
		if isCounter := strings.HasSuffix(f.name, "_total"); isCounter != (f.kind == counter) {
			t.Errorf("%s is a %v", f.name, f.kind)
		}
	}
	// Every family is emitted when there is something to emit it for.
	emitted := map[string]bool{}
	for _, mf := range gather(t, NewCollector(Config{}, fixed(View{Snapshot: snaptest.Office(), Sources: sources()}))) {
		emitted[mf.GetName()] = true
	}
	if diff := cmp.Diff(seen, emitted); diff != "" {
		t.Errorf("families and metrics (-families +metrics):\n%s", diff)
	}
}
