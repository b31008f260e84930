package loadtest

import (
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/netmond/netmond/internal/netnstest"
	"github.com/netmond/netmond/internal/testneed"
)

var (
	live        = flag.Bool("live", false, "run the load test of the live path")
	kernel      = flag.Bool("kernel", false, "run the load test of counting in the kernel beside that with a packet socket")
	rounds      = flag.Int("rounds", 5, "times that each case runs; the medians count")
	only        = flag.String("cases", ".", "regular expression of the cases to run, matched on CASE/MONITOR")
	jsonFile    = flag.String("json", "", "also write results, rows and ratios to this file")
	netmondPath = flag.String("netmond", "", "the netmond to run; default: built from this tree")
	extra       = flag.String("netmond-args", "", "further arguments of netmond run")
)

// The loads. Sizes are of frames without FCS. Eleven rounds make every flow known, and spend the
// packets that protocol detection looks at.
const (
	loads10k = "10 k flows"
	loads1M  = "1 M flows"
	loadsMax = "10 k flows, most"
	max1M    = "1 M flows, most"
	load10N  = "10 networks"
	load10kN = "10 k networks"
	load1500 = "1,514 B, most"
)

// unchecked runs no checks: they run for each network, not for each packet.
func cases(netmond, unchecked Monitor) []Case {
	small := Traffic{Flows: 10_000, Networks: 1000, Size: 128}
	big := Traffic{Flows: 1_000_000, Networks: 1000, Size: 128}
	with := func(t Traffic, networks int) Traffic { t.Networks = networks; return t }
	full := small
	full.Size = maxSize
	var list []Case
	for _, m := range []Monitor{netmond, Tcpdump{}, Softflowd{}} {
		list = append(list, Case{Name: loads10k, Monitor: m, Traffic: small, Rate: 1_000_000, Warm: 11, WarmRate: 200_000, Packets: 2_000_000})
		warm := 0
		if m.Name() != "tcpdump" { // which keeps no flows
			warm = 11
		}
		if m.Name() == "softflowd" { // which would need a minute for more, and knows its flows after one
			warm = 1
		}
		list = append(list, Case{Name: loads1M, Monitor: m, Traffic: big, Rate: 1_000_000, Warm: warm, Packets: 2_000_000})
	}
	for _, m := range []Monitor{netmond, Tcpdump{}} {
		list = append(list,
			Case{Name: loadsMax, Monitor: m, Traffic: small, Warm: 11, WarmRate: 200_000, Packets: 3_000_000},
			Case{Name: max1M, Monitor: m, Traffic: big, Warm: 1, Packets: 3_000_000},
			Case{Name: load1500, Monitor: m, Traffic: full, Warm: 11, WarmRate: 200_000, Packets: 1_000_000})
	}
	for _, n := range []struct {
		name     string
		networks int
	}{{load10N, 10}, {load10kN, 10_000}} {
		list = append(list, Case{Name: n.name, Monitor: unchecked, Traffic: with(small, n.networks), Rate: 1_000_000, Warm: 11, WarmRate: 200_000, Packets: 2_000_000})
	}
	return list
}

// ratios are the figures that netmond promises, of the rows that there are.
func ratios(rows []Row) (list []Ratio) {
	find := func(name, monitor string) *Row {
		for i := range rows {
			if rows[i].Case == name && rows[i].Monitor == monitor {
				return &rows[i]
			}
		}
		return nil
	}
	cpu := func(figure, a, am, b, bm string, bound float64) {
		if x, y := find(a, am), find(b, bm); x != nil && y != nil {
			list = append(list, Ratio{Name: figure, Value: x.NsPerPacket / y.NsPerPacket, Bound: bound})
		}
	}
	cpu("CPU per packet / tcpdump, 10 k flows", loads10k, "netmond", loads10k, "tcpdump", 1.0)
	cpu("CPU per packet / softflowd, 10 k flows", loads10k, "netmond", loads10k, "softflowd", 0.2)
	cpu("CPU per packet / softflowd, 1 M flows", loads1M, "netmond", loads1M, "softflowd", 0.06)
	cpu("CPU per packet / tcpdump, 1 M flows", loads1M, "netmond", loads1M, "tcpdump", 1.3)
	cpu("CPU per packet, 1 M flows / 10 k flows", loads1M, "netmond", loads10k, "netmond", 2.2)
	cpu("CPU per packet, 10,000 networks / 10", load10kN, "netmond", load10N, "netmond", 1.1)
	for _, name := range []string{loadsMax, max1M, load1500} {
		if x, y := find(name, "netmond"), find(name, "tcpdump"); x != nil && y != nil {
			list = append(list, Ratio{
				Name: "packets received / tcpdump, " + name, Bound: 1, Least: true,
				Value: float64(x.Received) / float64(x.Offered) * x.OfferedRate / (float64(y.Received) / float64(y.Offered) * y.OfferedRate),
			})
		}
	}
	if r := find(loads1M, "netmond"); r != nil {
		list = append(list, Ratio{Name: "memory per flow, 1 M flows, the whole process, bytes", Value: float64(r.Memory) / float64(r.Flows), Bound: 180})
	}
	most := int64(0)
	for _, r := range rows {
		if r.Monitor == "netmond" {
			most = max(most, r.Most)
		}
	}
	list = append(list, Ratio{Name: "frames offered that netmond neither counted nor counts as lost, any run", Value: float64(most)})
	return list
}

// TestLive is the load test: `make bench-live`. It checks nothing but that it ran, for figures depend
// on the machine; the table says what is met.
func TestLive(t *testing.T) {
	if !*live {
		t.Skip("runs with -live")
	}
	testneed.Netns(t)
	for _, tool := range []string{"tcpdump", "softflowd", "softflowctl"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Fatal(err)
		}
	}
	buildNetmond(t)
	show(t, cases(&Netmond{Binary: *netmondPath, Extra: strings.Fields(*extra)},
		&Netmond{Binary: *netmondPath, Extra: append(strings.Fields(*extra), "--no-checks")}), ratios)
}

// TestLiveKernel is the part of `make bench-bpf` with whole daemons: one processor sends, and what is done with a
// frame until it is counted or lies in the packet socket's ring is done there too.
func TestLiveKernel(t *testing.T) {
	if !*kernel {
		t.Skip("runs with -kernel")
	}
	testneed.Netns(t)
	testneed.BPF(t)
	buildNetmond(t)
	small := Traffic{Flows: 10_000, Networks: 1000, Size: 128}
	args := append(strings.Fields(*extra), "--no-checks")
	var list []Case
	for _, m := range []*Netmond{
		{Binary: *netmondPath, Extra: args},
		{Binary: *netmondPath, Extra: append([]string{"--flow-detail", "off"}, args...), Drops: true},
		{Binary: *netmondPath, Extra: append([]string{"--flow-detail", "full"}, args...), Drops: true},
	} {
		name := loadsMax
		if m.Drops {
			name += ", flow detail " + m.Extra[1]
		}
		list = append(list, Case{Name: name, Monitor: m, Traffic: small, Warm: 11, WarmRate: 200_000, Packets: 8_000_000})
	}
	show(t, list, kernelRatios)
}

// kernelRatios compare packets counted by XDP with those counted by way of a packet socket.
func kernelRatios(rows []Row) (list []Ratio) {
	counted := func(r *Row) float64 { return float64(r.Received) / float64(r.Offered) * r.OfferedRate }
	var socket *Row
	for i := range rows {
		r := &rows[i]
		if r.Case == loadsMax {
			socket = r
			continue
		}
		if socket != nil {
			list = append(list, Ratio{Name: "packets/s counted / by a packet socket, " + r.Case, Value: counted(r) / counted(socket), Bound: 2, Least: true})
		}
		list = append(list, Ratio{Name: "frames offered that were neither counted nor counted as lost, any run, " + r.Case, Value: float64(r.Most)})
	}
	return list
}

// buildNetmond builds the netmond to run, unless one was given.
func buildNetmond(t *testing.T) {
	t.Helper()
	if *netmondPath != "" {
		return
	}
	*netmondPath = filepath.Join(t.TempDir(), "netmond")
	if out, err := exec.Command("go", "build", "-trimpath", "-o", *netmondPath, "../../cmd/netmond").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// show measures those of all that -cases names, and writes the tables.
func show(t *testing.T, all []Case, ratios func([]Row) []Ratio) {
	t.Helper()
	pattern, err := regexp.Compile(*only)
	if err != nil {
		t.Fatal(err)
	}
	var list []Case
	for _, c := range all {
		if pattern.MatchString(c.Name + "/" + c.Monitor.Name()) {
			list = append(list, c)
		}
	}
	results, err := Measure(t.Context(), list, *rounds,
		func() *netnstest.Pair { return netnstest.NewPair(t) },
		func(r Result) {
			t.Logf("%-18s %-10s offered %.2f M/s, received %d of %d, dropped %d, uncounted %d, %.0f ns/packet, %d MB",
				r.Case, r.Monitor, r.OfferedRate/1e6, r.Received, r.Offered, r.Dropped, r.Uncounted, r.NsPerPacket, r.Memory>>20)
		})
	if err != nil {
		t.Fatal(err)
	}
	rows := Rows(results)
	sums := ratios(rows)
	if err := WriteMarkdown(os.Stdout, rows, sums); err != nil {
		t.Fatal(err)
	}
	if *jsonFile != "" {
		out, err := json.MarshalIndent(map[string]any{"rows": rows, "ratios": sums, "results": results}, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(*jsonFile, append(out, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
