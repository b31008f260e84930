package metrics

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/netmond/netmond/flows"
	"github.com/netmond/netmond/internal/snaptest"
	"github.com/netmond/netmond/localnets"
	"github.com/netmond/netmond/report"
)

// figures are all samples of a scrape by name and labels; a summary gives name_sum and name_count.
func figures(t testing.TB, c prometheus.Collector) map[string]float64 {
	t.Helper()
	m := map[string]float64{}
	for _, mf := range gather(t, c) {
		for _, s := range mf.GetMetric() {
			labels := ""
			for _, l := range s.GetLabel() {
				labels += "," + l.GetName() + "=" + l.GetValue()
			}
			switch mf.GetType() {
			case dto.MetricType_SUMMARY:
				m[mf.GetName()+"_sum"+labels] = s.GetSummary().GetSampleSum()
				m[mf.GetName()+"_count"+labels] = float64(s.GetSummary().GetSampleCount())
			case dto.MetricType_COUNTER:
				m[mf.GetName()+labels] = s.GetCounter().GetValue()
			default:
				m[mf.GetName()+labels] = s.GetGauge().GetValue()
			}
		}
	}
	return m
}

// One truth: each figure of the JSON report that has a metric equals it.
func TestFiguresEqualTheReport(t *testing.T) {
	for name, s := range map[string]*flows.Snapshot{
		"office": snaptest.Office(), "empty": snaptest.Empty(), "many": snaptest.Many(40),
	} {
		t.Run(name, func(t *testing.T) {
			got := figures(t, NewCollector(Config{MatrixSeries: 10_000}, fixed(View{Snapshot: s, Sources: sources()})))
			var b bytes.Buffer
			if err := report.New(s, nil).WriteJSON(&b); err != nil {
				t.Fatal(err)
			}
			var doc report.Document
			if err := json.Unmarshal(b.Bytes(), &doc); err != nil {
				t.Fatal(err)
			}
			compared := map[string]bool{}
			check := func(key string, want float64) {
				t.Helper()
				compared[key] = true
				if v, ok := got[key]; !ok || math.Abs(v-want) > 1e-9*math.Abs(want) {
					t.Errorf("%s: metric %v (there: %v), report %v", key, v, ok, want)
				}
			}
			both := func(prefix, labels string, c report.Counts) {
				t.Helper()
				check(prefix+"_bytes_total"+labels, float64(c.Bytes))
				check(prefix+"_packets_total"+labels, float64(c.Packets))
			}
			sc := doc.Scopes
			for scope, c := range map[string]report.Counts{
				"inbound": sc.Inbound, "outbound": sc.Outbound, "internal": sc.Internal, "transit": sc.Transit,
				"encapsulation": sc.Encapsulation, "non_ip": sc.NonIP, "undecoded": sc.Undecoded,
			} {
				both("netmond_traffic", ",scope="+scope, c)
			}
			both("netmond_processed", "", report.Counts{Packets: doc.Capture.Packets, Bytes: doc.Capture.Bytes})
			check("netmond_processed_captured_bytes_total", float64(doc.Capture.CapturedBytes))
			check("netmond_processed_truncated_packets_total", float64(doc.Capture.TruncatedPackets))
			for reason, c := range doc.UndecodedReasons {
				both("netmond_undecoded", ",reason="+reason, c)
			}
			both("netmond_ip", ",version=4", doc.IP.IPv4)
			both("netmond_ip", ",version=6", doc.IP.IPv6)
			check("netmond_ip_fragments_total", float64(doc.IP.Fragments))
			check("netmond_networks", float64(len(doc.Networks)))
			for _, n := range doc.Networks {
				checkNetwork(check, both, &n)
			}
			for _, c := range doc.Matrix {
				both("netmond_network_matrix", ",dst="+c.Dst+",src="+c.Src, c.Counts)
			}
			both("netmond_network_matrix", ",dst=other,src=other", doc.MatrixOther)
			check("netmond_hosts", float64(doc.Hosts.Active))
			check("netmond_hosts_refused_total", float64(doc.Hosts.Refused))
			f := doc.Flows
			check("netmond_flow_table_entries", float64(f.Active))
			check("netmond_flow_table_capacity", float64(f.Capacity))
			for p, v := range map[string]uint64{"tcp": f.TCP, "udp": f.UDP, "sctp": f.SCTP, "icmp": f.ICMP, "other": f.Other} {
				check("netmond_flow_table_started_total,protocol="+p, float64(v))
			}
			for r, v := range map[string]uint64{
				"idle_timeout": f.Ended.IdleTimeout, "active_timeout": f.Ended.ActiveTimeout, "end_of_flow": f.Ended.EndOfFlow,
				"forced_end": f.Ended.ForcedEnd, "lack_of_resources": f.Ended.LackOfResources, "half_open": f.Ended.HalfOpen,
			} {
				check("netmond_flow_table_ended_total,reason="+r, float64(v))
			}
			check("netmond_flow_table_evictions_total", float64(f.Ended.LackOfResources))
			both("netmond_flow_table_untracked", "", f.Untracked)
			if len(compared) < 100 {
				t.Errorf("only %d figures were compared", len(compared))
			}
		})
	}
}

func checkNetwork(check func(string, float64), both func(string, string, report.Counts), n *report.Network) {
	net := ",network=" + n.CIDR
	for l4, parts := range map[string]report.Directions{
		"tcp": n.L4.TCP, "udp": n.L4.UDP, "sctp": n.L4.SCTP, "icmp": n.L4.ICMP, "other": n.L4.Other,
	} {
		both("netmond_network", ",direction=ingress"+net+",protocol="+l4, parts.Ingress)
		both("netmond_network", ",direction=egress"+net+",protocol="+l4, parts.Egress)
		both("netmond_network", ",direction=inner"+net+",protocol="+l4, parts.Inner)
	}
	both("netmond_network_broadcast", ",direction=ingress"+net, n.Broadcast.Ingress)
	both("netmond_network_broadcast", ",direction=egress"+net, n.Broadcast.Egress)
	both("netmond_network_broadcast", ",direction=inner"+net, n.Broadcast.Inner)
	for dir, tcp := range map[string]report.TCP{"ingress": n.TCP.Ingress, "egress": n.TCP.Egress, "inner": n.TCP.Inner} {
		for what, v := range map[string]uint64{
			"packets": tcp.Packets, "retransmissions": tcp.Retransmissions, "out_of_order": tcp.OutOfOrder, "lost": tcp.Lost,
			"keep_alives": tcp.KeepAlive, "zero_windows": tcp.ZeroWindow, "syn": tcp.SYN, "syn_ack": tcp.SYNACK,
		} {
			check("netmond_network_tcp_"+what+"_total,direction="+dir+net, float64(v))
		}
	}
	check("netmond_network_hosts"+net, float64(n.Hosts))
	check("netmond_network_hosts_seen_total"+net, float64(n.HostsSeen))
	check("netmond_network_flows"+net, float64(n.FlowsActive))
	check("netmond_network_flows_started_total"+net, float64(n.Flows))
	check("netmond_network_client_flows_started_total"+net, float64(n.FlowsClient))
	check("netmond_network_server_flows_started_total"+net, float64(n.FlowsServer))
	rtt := n.RTT
	if rtt == nil {
		rtt = &report.RTT{}
	}
	for side, r := range map[string]struct {
		mean    *float64
		samples uint64
	}{
		"server": {rtt.Server, rtt.ServerSamples}, "client": {rtt.Client, rtt.ClientSamples}, "ack": {rtt.Ack, rtt.AckSamples},
	} {
		check("netmond_network_rtt_seconds_count"+net+",side="+side, float64(r.samples))
		if r.mean != nil {
			check("netmond_network_rtt_seconds_sum"+net+",side="+side, *r.mean/1000*float64(r.samples))
		}
	}
}

// Configuration alone decides how many series there are.
func TestSeriesDependOnConfigurationOnly(t *testing.T) {
	busy, idle := snaptest.Office(), snaptest.Empty()
	a := figures(t, NewCollector(Config{}, fixed(View{Snapshot: busy, Sources: sources()})))
	b := figures(t, NewCollector(Config{}, fixed(View{Snapshot: idle, Sources: sources()})))
	for key := range a {
		if _, ok := b[key]; !ok {
			t.Errorf("%s exists only with traffic", key)
		}
	}
	for key := range b {
		if _, ok := a[key]; !ok {
			t.Errorf("%s exists only without traffic", key)
		}
	}
	per := func(n int) int {
		return len(figures(t, NewCollector(Config{MatrixSeries: -1}, fixed(View{Snapshot: snaptest.Many(n)}))))
	}
	one, eleven := per(1), per(11)
	each := (eleven - one) / 10
	if got, want := per(101), one+100*each; got != want {
		t.Errorf("101 networks have %d series, want %d at %d a network", got, want, each)
	}
	t.Logf("%d series, and %d a network", one-each, each)
}

func TestMatrixBound(t *testing.T) {
	s := snaptest.Many(60) // 60 cells of 3,540 pairs; the last network's is the largest
	c := NewCollector(Config{MatrixSeries: 10}, func() View { return View{Snapshot: s} })
	prefix := "netmond_network_matrix_bytes_total,dst="
	series := func() map[string]float64 {
		m := map[string]float64{}
		for key, v := range figures(t, c) {
			if len(key) > len(prefix) && key[:len(prefix)] == prefix {
				m[key] = v
			}
		}
		return m
	}
	sum := func(m map[string]float64) (sum float64) {
		for _, v := range m {
			sum += v
		}
		return sum
	}
	total := func() (sum float64) {
		for _, c := range s.Nets.Matrix {
			sum += float64(c.Bytes)
		}
		return sum + float64(s.Nets.MatrixOther.Bytes)
	}
	first := series()
	if len(first) != 11 {
		t.Fatalf("%d series, want 10 pairs and other: %v", len(first), first)
	}
	busiest := s.Nets.Matrix[0]
	key := fmt.Sprintf("%s%v,src=%v", prefix, s.Nets.Networks[busiest.Dst].Prefix, s.Nets.Networks[busiest.Src].Prefix)
	if first[key] != float64(busiest.Bytes) || busiest.Bytes == 0 {
		t.Errorf("the busiest pair %s has %v, want %d", key, first[key], busiest.Bytes)
	}
	if sum(first) != total() {
		t.Errorf("the matrix sums to %v, want %v", sum(first), total())
	}
	// Another pair becomes the busiest by far.
	s = snaptest.Many(60)
	last := len(s.Nets.Matrix) - 1
	s.Nets.Matrix[last].Bytes += 1 << 30
	s.Nets.Matrix[0], s.Nets.Matrix[last] = s.Nets.Matrix[last], s.Nets.Matrix[0]
	second := series()
	if sum(second) != total() {
		t.Errorf("the matrix sums to %v, want %v", sum(second), total())
	}
	for key, v := range first {
		if now, ok := second[key]; !ok || now < v {
			t.Errorf("%s was %v, is %v (there: %v)", key, v, now, ok)
		}
	}
	if len(second) != len(first) {
		t.Errorf("%d series, had %d", len(second), len(first))
	}
}

func TestMatrixForgetsRemovedNetworks(t *testing.T) {
	s := snaptest.Many(8)
	c := NewCollector(Config{MatrixSeries: 100}, func() View { return View{Snapshot: s} })
	figures(t, c)
	s = snaptest.Many(3)
	n := 0
	for key := range figures(t, c) {
		if len(key) > 30 && key[:30] == "netmond_network_matrix_bytes_t" {
			n++
		}
	}
	if n != 3*2+1 {
		t.Errorf("%d series of 3 networks, want 7", n)
	}
}

func TestNoSnapshotYet(t *testing.T) {
	got := figures(t, NewCollector(Config{}, fixed(View{})))
	if v, ok := got["netmond_collector_success"]; !ok || v != 0 {
		t.Errorf("success %v (there: %v), want 0", v, ok)
	}
	if len(got) != 2 {
		t.Errorf("series %v, want success and duration only", got)
	}
}

func TestBigCounters(t *testing.T) {
	s := snaptest.Empty()
	s.Nets.Networks[0].L4[localnets.Ingress][localnets.L4TCP].Bytes = 1 << 53
	got := figures(t, NewCollector(Config{}, fixed(View{Snapshot: s})))
	if v := got["netmond_network_bytes_total,direction=ingress,network=192.0.2.0/24,protocol=tcp"]; v != 1<<53 {
		t.Errorf("2^53 bytes are shown as %v", v)
	}
}

func TestSharedViews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var takes atomic.Int32
		view := Shared(200*time.Millisecond, func() View {
			takes.Add(1)
			time.Sleep(time.Second) // of the bubble: a slow snapshot
			return View{Snapshot: snaptest.Empty()}
		})
		together := func() {
			var wg sync.WaitGroup
			for range 50 {
				wg.Go(func() {
					if view().Snapshot == nil {
						t.Error("no snapshot")
					}
				})
			}
			wg.Wait()
		}
		for i, step := range []struct {
			wait time.Duration
			want int32
		}{
			{0, 1}, {199 * time.Millisecond, 1}, {time.Millisecond, 2}, {time.Hour, 3},
		} {
			time.Sleep(step.wait)
			together()
			if got := takes.Load(); got != step.want {
				t.Errorf("step %d: %d snapshots taken, want %d", i, got, step.want)
			}
		}
	})
}

func TestParallelCollects(t *testing.T) {
	r := registry(t, NewCollector(Config{MatrixSeries: 5}, fixed(View{Snapshot: snaptest.Many(20), Sources: sources()})))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, err := r.Gather(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func BenchmarkGather(b *testing.B) {
	for _, n := range []int{10, 1000, 10_000} {
		b.Run(fmt.Sprintf("networks=%d", n), func(b *testing.B) {
			r := prometheus.NewRegistry()
			r.MustRegister(NewCollector(Config{}, fixed(View{Snapshot: snaptest.Many(n)})))
			b.ReportAllocs()
			series := 0
			for b.Loop() {
				mfs, err := r.Gather()
				if err != nil {
					b.Fatal(err)
				}
				series = 0
				for _, mf := range mfs {
					series += len(mf.GetMetric())
				}
			}
			b.ReportMetric(float64(series), "series")
		})
	}
}
