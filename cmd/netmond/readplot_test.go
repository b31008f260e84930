package main

import (
	"bytes"
	"io"
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/netmond/netmond/config"
	"github.com/netmond/netmond/flows"
	"github.com/netmond/netmond/internal/testneed"
	"github.com/netmond/netmond/localnets"
	"github.com/netmond/netmond/report"
)

// recorded reads a file with so many workers, with a recorder or without.
func recorded(t *testing.T, networks, file string, workers int64, record bool) (*flows.Snapshot, *report.Series) {
	t.Helper()
	o := &options{Config: (*config.Config)(nil).With(&config.Config{})}
	if networks != "" {
		o.lists = []string{networks}
	}
	o.Accounting.ReadWorkers = &workers
	p := o.build(nil, false, ringDemand{})
	if err := o.err(); err != nil {
		t.Fatal(err)
	}
	if record {
		p.recorder = report.NewRecorder(len(p.registry.Networks()))
	}
	if _, err := p.readFiles(t.Context(), []string{file}, streams{err: io.Discard}, nil); err != nil {
		t.Fatal(err)
	}
	s := p.table.Snapshot()
	if !record {
		return s, nil
	}
	return s, p.recorder.Series(s)
}

func total(list []uint64) (sum uint64) {
	for _, n := range list {
		sum += n
	}
	return sum
}

// checkSteps holds the steps against the counters, and the counters against those of a reading that records
// nothing.
func checkSteps(t *testing.T, networks, file string) {
	t.Helper()
	plain, _ := recorded(t, networks, file, 1, false)
	for _, workers := range []int64{1, 2} {
		s, series := recorded(t, networks, file, workers, true)
		if s.Capture != plain.Capture || s.Undecoded != plain.Undecoded || s.Table.Started != plain.Table.Started {
			t.Errorf("%s: recording changes what is counted: %+v, want %+v", file, s.Capture, plain.Capture)
		}
		// Averages over time and peaks depend on when they were looked at.
		same := cmp.Options{cmp.Comparer(func(a, b localnets.Network) bool { return a == b }),
			cmpopts.IgnoreFields(localnets.RTT{}, "EWMAMillis"), cmpopts.IgnoreFields(localnets.NetworkStats{}, "LastSeen"), cmpopts.IgnoreFields(localnets.MinuteCounters{}, "SYNPeak", "NewFlowsPeak"),
			cmpopts.IgnoreFields(localnets.Snapshot{}, "Generation")}
		if diff := cmp.Diff(plain.Nets, s.Nets, same); diff != "" {
			t.Errorf("%s, %d workers: recording changes what is counted (-plain +recorded):\n%s", file, workers, diff)
		}
		if series == nil {
			if s.Capture.Packets > 0 {
				t.Errorf("%s: no series", file)
			}
			continue
		}
		for scope := range localnets.NumScopes {
			if got, want := total(series.Total(report.SeriesField(scope))), s.Nets.Scopes[scope].Bytes; got != want {
				t.Errorf("%s: %s sums to %d, want %d", file, scope, got, want)
			}
		}
		if got := total(series.Total(report.TotalBytes)); got != s.Capture.Bytes {
			t.Errorf("%s: %d bytes, want %d", file, got, s.Capture.Bytes)
		}
		for i := range s.Nets.Networks {
			n := &s.Nets.Networks[i]
			for d, f := range map[localnets.Direction]report.SeriesField{localnets.Ingress: report.IngressBytes, localnets.Egress: report.EgressBytes, localnets.Inner: report.InnerBytes} {
				if got := total(series.Network(n.ID, f)); got != n.Traffic[d].Bytes {
					t.Errorf("%s: %s %s sums to %d, want %d", file, n.Prefix, d, got, n.Traffic[d].Bytes)
				}
			}
		}
	}
}

func TestStepsSumToTheTotals(t *testing.T) {
	checkSteps(t, sampleNetworks, "testdata/office.pcap")
	_, series := recorded(t, sampleNetworks, "testdata/office.pcap", 2, true)
	if series.Step != time.Second || series.Points != 129 {
		t.Errorf("%d steps of %v for two minutes", series.Points, series.Step)
	}
}

func TestStepsOfCorpus(t *testing.T) {
	root := filepath.Join(testneed.Shared(t), "pcaps")
	read := 0
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Dir(file) == root || filepath.Base(filepath.Dir(file)) == "load" {
			return err
		}
		read++
		checkSteps(t, "", file)
		return nil
	})
	if err != nil || read < 100 {
		t.Errorf("read %d files, error %v", read, err)
	}
}

// What a graph draws sums to the steps, and a column is wide enough for all of them.
func TestCondense(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 1000 {
		bytes := make([]uint64, 1+r.IntN(3000))
		for i := range bytes {
			bytes[i] = r.Uint64N(1 << 40)
		}
		columns := 1 + r.IntN(400)
		values, steps, each := condense(bytes, columns)
		if total(values) != total(bytes) || len(values)*each > columns || steps*len(values) < len(bytes) {
			t.Fatalf("%d steps in %d columns: %d values of %d steps, %d columns each; %d bytes, want %d", len(bytes), columns, len(values), steps, each, total(values), total(bytes))
		}
	}
}

func TestPlotFits(t *testing.T) {
	for _, locale := range []string{"C", "en_US.UTF-8"} {
		t.Setenv("LC_ALL", locale)
		for _, columns := range []string{"40", "60", "80", "133", "250"} {
			t.Setenv("COLUMNS", columns)
			var out, errw bytes.Buffer
			if code := run(t.Context(), []string{"read", "--plot", "-m", sampleNetworks + ",203.0.113.0/24", "testdata/office.pcap"}, nil, &out, &errw); code != 0 {
				t.Fatalf("exit code %d: %s", code, errw.String())
			}
			_, plots, ok := strings.Cut(out.String(), "All traffic: inbound above")
			if !ok || !strings.Contains(plots, "outbound avg") || !strings.Contains(plots, "203.0.113.0/24") {
				t.Fatalf("%s: no plot in\n%s", locale, out.String())
			}
			width := map[string]int{"40": 40, "60": 60, "80": 80, "133": 133, "250": 250}[columns]
			for line := range strings.Lines(out.String()) {
				if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > width {
					t.Errorf("%s: %d columns: %q", locale, n, line)
				}
			}
			if strings.Contains(plots, "\x1b") {
				t.Errorf("%s: the plot can steer a terminal", locale)
			}
			for _, c := range plots {
				if locale == "C" && c > 126 {
					t.Fatalf("%q in a plot that is to be plain text:\n%s", c, plots)
				}
			}
		}
	}
}

func TestPlainText(t *testing.T) {
	for _, c := range []struct {
		env  map[string]string
		goos string
		want bool
	}{
		{map[string]string{"TERM": "xterm-256color", "LANG": "de_DE.UTF-8"}, "linux", false},
		{map[string]string{"TERM": "xterm-256color", "LANG": "de_DE.UTF-8", "LC_ALL": "C"}, "linux", true},
		{map[string]string{"LC_CTYPE": "C.utf8"}, "linux", false},
		{map[string]string{}, "linux", true},
		{map[string]string{"TERM": "linux", "LANG": "C.UTF-8"}, "linux", true},
		{map[string]string{"TERM": "dumb", "LANG": "C.UTF-8"}, "linux", true},
		{map[string]string{}, "windows", false},
	} {
		if got := plainText(func(name string) string { return c.env[name] }, c.goos); got != c.want {
			t.Errorf("%v on %s: %v", c.env, c.goos, got)
		}
	}
}
