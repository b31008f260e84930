package main

import (
	"bufio"
	"errors"
	"net/netip"
	"runtime"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"

	"github.com/netmond/netmond/apps"
	"github.com/netmond/netmond/flows"
	"github.com/netmond/netmond/localnets"
	"github.com/netmond/netmond/metrics"
	"github.com/netmond/netmond/report"
)

// planned are n networks, each a /24, with counters.
func planned(t *testing.T, n int, cells int) *localnets.Registry {
	t.Helper()
	nets := make([]localnets.Network, n)
	for i := range nets {
		p := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 0}), 24)
		nets[i] = localnets.Network{ID: int32(i), Prefix: p, Name: p.String(), Alias: "a network of the measurement"}
	}
	cfg := localnets.DefaultConfig()
	cfg.AppNames, cfg.MaxMatrixCells = apps.Names(), cells
	r, err := localnets.New(cfg, nets)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// A gauging writer notes the most memory that is reachable while something is written to it.
type gauging struct {
	writes int
	most   int64
}

func (g *gauging) Write(b []byte) (int, error) {
	if g.writes++; g.writes%50 == 0 {
		g.most = max(g.most, heapBytes())
	}
	return len(b), nil
}

// readAll does what the dearest readers do at once, an API call and then scrapes, and gives the memory that is reachable
// then with what is kept.
func readAll(t *testing.T, table *flows.Table) (kept any, most int64) {
	t.Helper()
	var g gauging
	snapshot := table.Snapshot()
	r := report.New(snapshot, nil)
	if err := r.WriteJSON(&g); err != nil { // as it is sent: nothing of the text is kept
		t.Fatal(err)
	}
	x := metrics.NewExposer(metrics.NewCollector(metrics.Config{MatrixSeries: metrics.DefaultMatrixSeries}, func() metrics.View {
		return metrics.View{Snapshot: table.Snapshot()}
	}), prometheus.NewRegistry())
	for _, format := range []expfmt.FormatType{expfmt.TypeTextPlain, expfmt.TypeProtoDelim} {
		w := bufio.NewWriter(&g)
		if err := errors.Join(x.Expose(w, expfmt.NewFormat(format), prometheus.NewRegistry(), nil), w.Flush()); err != nil {
			t.Fatal(err)
		}
	}
	kept = []any{snapshot, r}
	most = max(g.most, heapBytes())
	runtime.KeepAlive(kept)
	return kept, most
}

// TestMemoryPerNetwork measures what the plan gives to a network: with every application and transport
// in use, and scraped.
func TestMemoryPerNetwork(t *testing.T) {
	const n = 500
	before := heapBytes()
	r := planned(t, n, 1)
	table, err := flows.New(flows.Config{MaxFlows: 64}, r)
	if err != nil {
		t.Fatal(err)
	}
	one := localnets.Counts{Packets: 1, Bytes: 1 << 40}
	var deltas []localnets.Delta
	for id := range int32(n) {
		for app := range apps.Names() {
			for l4 := range localnets.NumL4 {
				deltas = append(deltas,
					localnets.Delta{Src: id, Dst: localnets.NoNetwork, App: uint16(app), L4: l4, Counts: one, NewFlows: 1},
					localnets.Delta{Src: localnets.NoNetwork, Dst: id, App: uint16(app), L4: l4, Counts: one},
					localnets.Delta{Src: id, Dst: id, App: uint16(app), L4: l4, Counts: one})
			}
		}
		r.Apply(1e18, deltas)
		deltas = deltas[:0]
	}
	kept, most := readAll(t, table)
	per := (float64(most) - float64(before)) / n
	t.Logf("%.0f bytes a network, planned %d", per, networkBytes)
	if per > networkBytes {
		t.Errorf("a network takes %.0f bytes, the plan has %d", per, networkBytes)
	}
	runtime.KeepAlive(kept)
	runtime.KeepAlive(table)
}

// TestMemoryOfMatrix measures what the plan gives to a pair of networks.
func TestMemoryOfMatrix(t *testing.T) {
	const nets, cells = 300, 65_536
	r := planned(t, nets, cells)
	table, err := flows.New(flows.Config{MaxFlows: 64}, r)
	if err != nil {
		t.Fatal(err)
	}
	one := localnets.Counts{Packets: 1, Bytes: 1 << 40}
	for id := range int32(nets) { // so that the networks' own counters are there
		r.Apply(1e18, []localnets.Delta{{Src: id, Dst: (id + 1) % nets, Counts: one}})
	}
	kept, _ := readAll(t, table)
	before := heapBytes()
	for src := range int32(nets) {
		var deltas []localnets.Delta
		for dst := range int32(nets) {
			deltas = append(deltas, localnets.Delta{Src: src, Dst: dst, Counts: one})
		}
		r.Apply(1e18, deltas)
	}
	more, most := readAll(t, table)
	per := (float64(most) - float64(before)) / cells
	t.Logf("%.0f bytes a pair, planned %d", per, cellBytes)
	if per > cellBytes {
		t.Errorf("a pair takes %.0f bytes, the plan has %d", per, cellBytes)
	}
	runtime.KeepAlive([]any{kept, more})
	runtime.KeepAlive(table)
}

// heapBytes is the memory of what is reachable.
func heapBytes() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
