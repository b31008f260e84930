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
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"

	"github.com/netmond/netmond/alerts"
	"github.com/netmond/netmond/bpf"
	"github.com/netmond/netmond/capture"
	"github.com/netmond/netmond/internal/snaptest"
	"github.com/netmond/netmond/internal/testneed"
	"github.com/netmond/netmond/localnets"
	"github.com/netmond/netmond/lua/engine"
	"github.com/netmond/netmond/packet"
)

var update = flag.Bool("update", false, "write the golden files and docs/metrics.md")

func sources() []capture.Stats {
	return []capture.Stats{{
		Interface: "mirror0", Path: "afpacket", Reason: "as configured", Packets: 14_495, Bytes: 12_549_629, KernelPackets: 14_502, KernelDrops: 7,
		RingFreezes: 1, Losing: 2, Truncated: 3, Up: true, Downs: 1, Reopens: 1,
		LastPoll: 1_772_355_695_500_000_000, RingBytes: 64 << 20, NICDrops: 11,
		Workers: []capture.WorkerStats{
			{Packets: 10_000, KernelPackets: 10_000, PollAge: 150 * time.Millisecond},
			{Packets: 4_495, KernelPackets: 4_502, KernelDrops: 7, PollAge: 2 * time.Second},
		},
	}}
}

// kernelSource is what programs in the kernel would add.
func kernelSource() KernelSource {
	k := KernelSource{
		Interface: "eth1", Mode: "xdp", Attached: true, Reattaches: map[string]uint64{"detached": 2, "interface": 1}, Fallbacks: 1, Gap: 750 * time.Millisecond,
		Stats: bpf.Stats{
			MapFull: packet.Tally{Packets: 7, Bytes: 900}, Unsampled: packet.Tally{Packets: 3, Bytes: 300}, Payloads: 50, PayloadsLost: 4,
			HealthFull: 5, Contended: 6, Flows: 1000, MaxFlows: 262_144, SampleRate: 2, MemoryBytes: 62_200_384, Drains: 90, DrainSeconds: 0.25,
		},
	}
	k.Stats.Handed[1], k.Stats.Refused[1] = packet.Tally{Packets: 11, Bytes: 700}, packet.Tally{Packets: 1, Bytes: 64}
	return k
}

// office is a view with something of everything.
func office() View {
	return View{
		Snapshot: snaptest.Office(), Sources: sources(), Kernel: []KernelSource{kernelSource()},
		Reloads: &Reloads{Succeeded: 3, Failed: 1, LastFailed: true, LastSuccess: 1_772_355_000_000_000_000},
		Alerts: &alerts.Stats{
			Engaged:   map[string][alerts.NumSeverities]int{"192.0.2.0/24": {alerts.SeverityWarning: 2}, "2001:db8::/32": {alerts.SeverityWarning: 1, alerts.SeverityError: 3}},
			NumValues: 17, Rows: 120, Engages: 126, Releases: 120, Records: 4, Values: 900,
			Refused: map[string]uint64{"quota": 5, "failing": 0}, Failing: true, Queued: 6,
			Commits: 80, CommitErrors: 2, CommitSeconds: 0.5, QueryErrors: 1, SetAside: 1, Trimmed: 33, FileBytes: 409_600,
		},
		Network: func(cidr string) alerts.View {
			if cidr != "192.0.2.0/24" {
				return alerts.View{}
			}
			return alerts.View{Engaged: 2, ScoreClient: 100, ScoreServer: 12.5}
		},
		Checks: []engine.CheckStatus{
			{
				Key: "ingress_volume", File: "ingress_volume.lua", Shipped: true, Style: "reference", Enabled: true, State: engine.StateOK,
				Runs: [engine.NumOutcomes]uint64{engine.OK: 40, engine.Failed: 1}, Durations: [...]uint64{30, 6, 4, 0, 0, 1},
				Spent: 1500 * time.Millisecond, LastRun: 1_772_355_660_000_000_000, LastSuccess: 1_772_355_660_000_000_000,
				Engaged: 9, Released: 7, Recorded: 1,
			},
			{
				Key: "mine", File: "/etc/netmond/scripts/mine.lua", State: engine.StateBackedOff,
				Runs:    [engine.NumOutcomes]uint64{engine.Timeout: 3, engine.Skipped: 9},
				Refused: 2, Queued: 3, Misused: 4, PrintDropped: 5,
			},
		},
		Filtered: &localnets.Counts{Packets: 11, Bytes: 1100},
		Engine: &engine.EngineStatus{
			Restarts: [engine.NumOutcomes]uint64{engine.Timeout: 3, engine.Crashed: 1},
			Recycled: 2, Late: 4, Missed: 5, Refused: 6, Reloads: 7,
		},
	}
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
	c := NewCollector(Config{}, fixed(office()))
	golden(t, "testdata/office.prom", text(t, gather(t, c)))
}

func TestLint(t *testing.T) {
	c := NewCollector(Config{}, fixed(office()))
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
	v := office()
	v.Snapshot, v.Sources = s, src
	v.Sources[0].Reason, v.Kernel[0].Interface = "program 7 (\"}\n\xff)", "eth\n\"\xff"
	v.Checks[1].File, v.Checks[1].Style = "\xff\"\n", "}\x00"
	return v
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
		"office":  office(),
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
		{"netmond_network_score", "Alerts"},
		{"netmond_network_alerts", "Alerts"},
		{"netmond_alerts_", "Alerts"},
		{"netmond_check_", "Checks"},
		{"netmond_script_", "Checks"},
		{"netmond_network", "Local networks"},
		{"netmond_hosts", "Hosts"},
		{"netmond_flow_table_", "Flow table"},
		{"netmond_capture_", "Capture"},
		{"netmond_config_", "Configuration"},
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
	for _, mf := range gather(t, NewCollector(Config{}, fixed(office()))) {
		emitted[mf.GetName()] = true
	}
	if diff := cmp.Diff(seen, emitted); diff != "" {
		t.Errorf("families and metrics (-families +metrics):\n%s", diff)
	}
}
