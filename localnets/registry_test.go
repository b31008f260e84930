package localnets_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/netmond/netmond/localnets"
)

const (
	in    = localnets.Ingress
	out   = localnets.Egress
	inner = localnets.Inner
)

func delta(src, dst int32, packets, bytes uint64) localnets.Delta {
	return localnets.Delta{Src: src, Dst: dst, L4: localnets.L4UDP, Counts: localnets.Counts{Packets: packets, Bytes: bytes}}
}

// The table of cases of the accounting rules, one case a row.
func TestApplyCases(t *testing.T) {
	one := localnets.Counts{Packets: 1, Bytes: 100}
	type traffic [localnets.NumDirections]localnets.Counts
	for _, tt := range []struct {
		name     string
		src, dst int32
		scope    localnets.Scope
		want     [2]traffic // of networks 0 and 1
		cells    []localnets.Cell
	}{
		{"within one network", 0, 0, localnets.ScopeInternal, [2]traffic{{inner: one}, {}}, nil},
		{"between two networks", 0, 1, localnets.ScopeInternal, [2]traffic{{out: one}, {in: one}}, []localnets.Cell{{Src: 0, Dst: 1, Counts: one}}},
		{"leaving", 0, localnets.NoNetwork, localnets.ScopeOutbound, [2]traffic{{out: one}, {}}, nil},
		{"entering", localnets.NoNetwork, 1, localnets.ScopeInbound, [2]traffic{{}, {in: one}}, nil},
		{"passing by", localnets.NoNetwork, localnets.NoNetwork, localnets.ScopeTransit, [2]traffic{}, nil},
		{"IDs that no network has", 2, math.MinInt32, localnets.ScopeTransit, [2]traffic{}, nil},
		{"one ID that no network has", 0, math.MaxInt32, localnets.ScopeOutbound, [2]traffic{{out: one}, {}}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRegistry(t, nets("10.0.0.0/8", "192.0.2.0/24"))
			d := delta(tt.src, tt.dst, 1, 100)
			d.DstBroadcast = true
			d.TCP = localnets.TCPCounts{Packets: 1, Lost: 2}
			r.Apply(start, []localnets.Delta{d})
			s := r.Snapshot()
			var scopes [localnets.NumScopes]localnets.Counts
			scopes[tt.scope] = one
			if s.Scopes != scopes {
				t.Errorf("scopes %v, want all in %v", s.Scopes, tt.scope)
			}
			if diff := cmp.Diff(tt.cells, s.Matrix); diff != "" {
				t.Errorf("matrix (-want +got):\n%s", diff)
			}
			for i, want := range tt.want {
				n := &s.Networks[i]
				if n.Traffic != want || n.Broadcast != want {
					t.Errorf("network %d: traffic %v, broadcast %v, want %v", i, n.Traffic, n.Broadcast, want)
				}
				for dir, c := range want {
					if n.L4[dir][localnets.L4UDP] != c || n.TCP[dir].Packets != c.Packets || n.TCP[dir].Lost != 2*c.Packets {
						t.Errorf("network %d %v: L4 %v, TCP %+v, want %v", i, localnets.Direction(dir), n.L4[dir], n.TCP[dir], c)
					}
				}
				if seen := want != (traffic{}); seen != (n.LastSeen == start) || !seen && n.LastSeen != 0 {
					t.Errorf("network %d: last seen %d", i, n.LastSeen)
				}
			}
		})
	}
}

// Fault 30: counters pass 2^32 without wrapping.
func TestApplyLarge(t *testing.T) {
	r := newRegistry(t, nets("10.0.0.0/8", "192.0.2.0/24"))
	near := delta(0, 1, math.MaxUint32, math.MaxUint32)
	near.DstBroadcast = true
	near.TCP = localnets.TCPCounts{Packets: math.MaxUint32, SYN: math.MaxUint32}
	near.NewFlows = math.MaxUint32
	r.Apply(start, []localnets.Delta{near, near, delta(0, 1, 1, 1<<62)})
	s := r.Snapshot()
	want := localnets.Counts{Packets: 2*math.MaxUint32 + 1, Bytes: 2*math.MaxUint32 + 1<<62}
	for name, got := range map[string]localnets.Counts{
		"egress":   s.Networks[0].Traffic[out],
		"ingress":  s.Networks[1].Traffic[in],
		"L4":       s.Networks[0].L4[out][localnets.L4UDP],
		"protocol": s.Networks[0].Protocols[0].ByDirection[out],
		"cell":     s.Matrix[0].Counts,
		"scope":    s.Scopes[localnets.ScopeInternal],
	} {
		if got != want {
			t.Errorf("%s %v, want %v", name, got, want)
		}
	}
	n := s.Networks[1]
	const twice = 2 * math.MaxUint32
	if n.Broadcast[in].Packets != twice || n.TCP[in].SYN != twice || n.FlowsServer != twice || n.FlowsActive != twice ||
		n.CurrentMinute.SYNPeak != twice || n.CurrentMinute.NewFlowsServer != twice {
		t.Errorf("network 1: %+v", n)
	}
}

func TestApplyMove(t *testing.T) {
	cfg := localnets.DefaultConfig()
	cfg.AppNames = []string{"Unknown", "DNS", "TLS"}
	r, err := localnets.New(cfg, nets("10.0.0.0/8", "192.0.2.0/24"))
	if err != nil {
		t.Fatal(err)
	}
	move := delta(0, 1, 3, 300)
	move.Move, move.FromApp, move.App = true, 0, 2
	r.Apply(start, []localnets.Delta{delta(0, 1, 3, 300)})
	r.Apply(start+1, []localnets.Delta{move})
	s := r.Snapshot()
	moved := localnets.Counts{Packets: 3, Bytes: 300}
	want := []localnets.ProtocolCounts{{Name: "TLS", ByDirection: [localnets.NumDirections]localnets.Counts{out: moved}}}
	if diff := cmp.Diff(want, s.Networks[0].Protocols); diff != "" {
		t.Errorf("protocols (-want +got):\n%s", diff)
	}
	if s.Networks[1].Protocols[0].ByDirection[in] != moved || s.Networks[0].Traffic[out] != moved || s.Networks[0].LastSeen != start {
		t.Errorf("after a move: %+v", s.Networks)
	}
	r.Apply(start+2, []localnets.Delta{move}) // nothing left to move
	if diff := cmp.Diff(s.Networks, r.Snapshot().Networks, cmpSnapshot); diff != "" {
		t.Errorf("an empty move changed (-before +after):\n%s", diff)
	}
}

func TestProtocolOrder(t *testing.T) {
	cfg := localnets.DefaultConfig()
	cfg.AppNames = []string{"Unknown", "B", "A", "C"}
	r, err := localnets.New(cfg, nets("10.0.0.0/8"))
	if err != nil {
		t.Fatal(err)
	}
	for app, bytes := range []uint64{10, 20, 20, 30} {
		d := delta(0, -1, 1, bytes)
		d.App = uint16(app)
		r.Apply(start, []localnets.Delta{d})
	}
	var got []string
	for _, p := range r.Snapshot().Networks[0].Protocols {
		got = append(got, p.Name)
	}
	if want := "C A B Unknown"; strings.Join(got, " ") != want {
		t.Errorf("order %v, want %v", got, want)
	}
}

// The moving average depends on the times of the samples, not on the order in which a fold brings them.
func TestRTTOrder(t *testing.T) {
	const ms = int64(time.Millisecond)
	deltas := []localnets.Delta{
		{Src: 1, Dst: 0, ServerRTT: 400 * ms, ClientRTT: 50 * ms, RTTTime: start},
		{Src: 1, Dst: 0, ServerRTT: 10 * ms, RTTTime: start + 1},
		{Src: 1, Dst: 0, ServerRTT: 90 * ms, RTTTime: start + 1},
		{Src: 0, Dst: 0, ServerRTT: 200 * ms, ClientRTT: 30 * ms, RTTTime: start + 2},
	}
	want := int64(0)
	for _, sample := range []int64{400, 10, 90, 200, 30} { // of network 0, by time, server, length
		if want == 0 {
			want = sample
		} else {
			want = (15*sample + 85*want) / 100
		}
	}
	for range 20 {
		rand.Shuffle(len(deltas), func(i, j int) { deltas[i], deltas[j] = deltas[j], deltas[i] })
		for _, parts := range []int{1, 2, len(deltas)} { // Apply may get them in parts
			r := newRegistry(t, nets("10.0.0.0/8", "192.0.2.0/24"))
			for part := range slices.Chunk(deltas, (len(deltas)+parts-1)/parts) {
				r.Apply(start, part)
			}
			s := r.Snapshot()
			if got := s.Networks[0].RTT.EWMAMillis; got != want {
				t.Fatalf("moving average %d ms, want %d, of %+v", got, want, deltas)
			}
			if got := s.Networks[1].RTT.EWMAMillis; got != 50 {
				t.Fatalf("moving average %d ms of the clients, want 50", got)
			}
		}
	}
}

// A sample that waits goes to the network that it was taken of, also when a reload removes that one and
// another gets its place.
func TestRTTAcrossReload(t *testing.T) {
	const ms = int64(time.Millisecond)
	r := newRegistry(t, nets("10.0.0.0/8", "192.0.2.0/24"))
	r.Apply(start, []localnets.Delta{{Src: 0, Dst: 1, ServerRTT: 100 * ms, ClientRTT: 7 * ms, RTTTime: start}})
	for _, list := range [][]string{{"10.0.0.0/8"}, {"10.0.0.0/8", "198.51.100.0/24"}} {
		u, err := r.Prepare(nets(list...))
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Swap(u); err != nil {
			t.Fatal(err)
		}
		r.Settle(u)
	}
	s := r.Snapshot()
	if a, b := s.Networks[0].RTT.EWMAMillis, s.Networks[1].RTT.EWMAMillis; a != 7 || b != 0 {
		t.Errorf("moving averages %d and %d ms, want 7 and 0", a, b)
	}
}

func TestRTT(t *testing.T) {
	r := newRegistry(t, nets("10.0.0.0/8", "192.0.2.0/24"))
	const ms = int64(time.Millisecond)
	r.Apply(start, []localnets.Delta{
		{Src: 0, Dst: 1, ServerRTT: 100*ms + 999_999, ClientRTT: 3 * ms},
		{Src: 0, Dst: 1, ServerRTT: 20 * ms, RTTTime: 1},
		{Src: 0, Dst: 1, ServerRTT: 5001 * ms, ClientRTT: -1},
		{Src: 0, Dst: 1, AckRTT: 9 * ms, AckRTTSamples: 3},
	})
	s := r.Snapshot()
	want := localnets.RTT{
		EWMAMillis: 88, // 100, then (15 x 20 + 85 x 100) / 100
		ServerSum:  120*ms + 999_999, ServerSamples: 2,
		AckSum: 9 * ms, AckSamples: 3,
		Min: 20 * ms, Max: 100*ms + 999_999,
	}
	if diff := cmp.Diff(want, s.Networks[1].RTT); diff != "" {
		t.Errorf("server's network (-want +got):\n%s", diff)
	}
	want = localnets.RTT{EWMAMillis: 3, ClientSum: 3 * ms, ClientSamples: 1, Min: 3 * ms, Max: 3 * ms}
	if diff := cmp.Diff(want, s.Networks[0].RTT); diff != "" {
		t.Errorf("client's network (-want +got):\n%s", diff)
	}
}

func TestRates(t *testing.T) {
	r := newRegistry(t, nets("10.0.0.0/8", "192.0.2.0/24"))
	type rate struct {
		bytes, packets float64
		trend          localnets.Trend
	}
	second := int64(time.Second)
	now := start
	check := func(what string, want rate) {
		t.Helper()
		n := r.Snapshot().Networks[0]
		if got := (rate{n.ThroughputBytes, n.ThroughputPackets, n.ThroughputBytesTrend}); got != want || n.ThroughputPacketsTrend != want.trend {
			t.Errorf("%s: %+v and packets %v, want %+v", what, got, n.ThroughputPacketsTrend, want)
		}
	}
	run := func(seconds int64, packets, bytes uint64) { // by ticks of a second
		for range seconds {
			r.Apply(now, []localnets.Delta{delta(0, -1, packets, bytes)})
			now += second
			r.Tick(now)
		}
	}
	r.Apply(now, []localnets.Delta{delta(0, -1, 99, 9900)}) // before the first tick
	r.Tick(now)
	run(4, 2, 200)
	check("before an interval is over", rate{})
	run(1, 2, 200)
	check("first interval", rate{200, 2, localnets.TrendUnknown})
	run(5, 3, 300)
	check("more", rate{300, 3, localnets.TrendUp})
	run(5, 3, 300)
	check("as much", rate{300, 3, localnets.TrendStable})
	run(5, 1, 100)
	check("less", rate{100, 1, localnets.TrendDown})
	r.Apply(now, []localnets.Delta{delta(0, -1, 10, 1000)})
	now += 100 * second
	r.Tick(now)
	check("a gap counts as long as it was", rate{10, 0.1, localnets.TrendDown})
	r.Tick(now)
	r.Tick(now - 50*second)
	check("ticks that do not go forward", rate{10, 0.1, localnets.TrendDown})
	if n := r.Snapshot().Networks[1]; n.ThroughputBytes != 0 || n.ThroughputBytesTrend != localnets.TrendStable {
		t.Errorf("idle network: %v, trend %v; want 0, stable", n.ThroughputBytes, n.ThroughputBytesTrend)
	}
}

func TestMinutes(t *testing.T) {
	second := int64(time.Second)
	for _, tt := range []struct {
		name  string
		begin int64 // 10 s before a minute's end
	}{
		{"2026", start},
		{"before 1970", time.Date(1969, 12, 31, 23, 58, 50, 0, time.UTC).UnixNano()},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRegistry(t, nets("10.0.0.0/8", "192.0.2.0/24"))
			syn := func(at int64, syns, flows uint64) {
				d := delta(1, 0, syns, 60*syns)
				d.TCP = localnets.TCPCounts{Packets: syns, SYN: syns, SYNACK: 1}
				d.NewFlows = uint32(flows)
				r.Apply(at, []localnets.Delta{d})
			}
			check := func(what string, minute, current localnets.MinuteCounters) {
				t.Helper()
				n := r.Snapshot().Networks[0]
				if diff := cmp.Diff([]localnets.MinuteCounters{minute, current}, []localnets.MinuteCounters{n.Minute, n.CurrentMinute}); diff != "" {
					t.Errorf("%s, last and running minute (-want +got):\n%s", what, diff)
				}
			}
			// The first fold of all comes with the tick at the boundary, as in a file that begins
			// within the last second of a minute.
			boundary := tt.begin + 10*second
			r.TouchHosts([]localnets.HostTouch{v4(1, boundary)})
			syn(boundary, 4, 1)
			syn(boundary, 1, 1)
			r.Tick(boundary)
			first := localnets.MinuteCounters{SYNReceived: 5, SYNPeak: 5, NewFlowsServer: 2, NewFlowsPeak: 2, NewHosts: 1}
			check("at the boundary", first, localnets.MinuteCounters{})

			r.Tick(boundary + second)
			syn(boundary+2*second, 2, 3)
			r.Tick(boundary + 2*second)
			syn(boundary+3*second, 3, 1)
			r.TouchHosts([]localnets.HostTouch{v4(1, boundary), v4(2, boundary)})
			second2 := localnets.MinuteCounters{SYNReceived: 5, SYNPeak: 3, NewFlowsServer: 4, NewFlowsPeak: 3, NewHosts: 1}
			check("within a minute", first, second2)
			r.Tick(boundary + 60*second)
			check("the next boundary", second2, localnets.MinuteCounters{})
			if got := r.Snapshot().Networks[1].Minute.SYNACKSent; got != 2 {
				t.Errorf("SYN-ACKs sent %d, want 2", got)
			}
			syn(boundary+61*second, 1, 0)
			r.Tick(boundary + 200*second)
			check("after a gap of minutes the last one was empty", localnets.MinuteCounters{}, localnets.MinuteCounters{})
		})
	}
}

func TestLookupName(t *testing.T) {
	list := nets("10.0.0.0/8 10.9.9.9/8 HQ", "10.1.0.0/16 10.1.0.0/255.255.0.0 HQ", "10.1.2.0/24 10.1.2.0/24 10.0.0.0/8",
		"192.0.2.1/32 192.0.2.1 10.1.2.0", "2001:db8::/32 2001:DB8::/32 a/b", "fe80::/10")
	s := newRegistry(t, list).Snapshot()
	for name, want := range map[string]int32{
		"10.0.0.0/8":            0, // canonical before another's alias
		"10.9.9.9/8":            0,
		"10.3.4.5/8":            0,
		"10.0.0.0/255.0.0.0":    0,
		"::ffff:10.0.0.0/104":   0,
		"10.1.0.0/255.255.0.0":  1,
		"HQ":                    0, // the first of two
		"a/b":                   4,
		"10.1.2.0":              3, // an alias before an address
		"10.1.2.1":              2,
		"10.1.3.1":              1,
		"10.200.0.1":            0,
		"::ffff:10.1.2.1":       2,
		"192.0.2.1":             3,
		"192.0.2.1/32":          3,
		"2001:db8::/32":         4,
		"2001:DB8::/32":         4,
		"2001:db8::1":           4,
		"fe80::1":               5,
		"fe80::1%eth0":          -1,
		"198.51.100.1":          -1,
		"198.51.100.0/24":       -1,
		"10.1.0.0/17":           -1,
		"":                      -1,
		"hq":                    -1,
		strings.Repeat("/", 99): -1,
	} {
		got := int32(-1)
		if n := s.LookupName(name); n != nil {
			got = n.ID
		}
		if got != want {
			t.Errorf("LookupName(%q) = %d, want %d", name, got, want)
		}
	}
	if n := s.NetworkByID(4); n != &s.Networks[4] {
		t.Errorf("NetworkByID(4) = %+v", n)
	}
	for _, id := range []int32{localnets.NoNetwork, 6, math.MinInt32, math.MaxInt32} {
		if n := s.NetworkByID(id); n != nil {
			t.Errorf("NetworkByID(%d) = %+v, want nil", id, n)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	wrongID := nets("10.0.0.0/8", "192.0.2.0/24")
	wrongID[1].ID = 0
	for _, tt := range []struct {
		name string
		cfg  localnets.Config
		list []localnets.Network
		want string
	}{
		{"IDs that are no indexes", localnets.Config{}, wrongID, "network 192.0.2.0/24 at index 1 has ID 0"},
		{"no prefix", localnets.Config{}, []localnets.Network{{Name: "x"}}, `network 0 ("x") has no valid prefix`},
		{"host bits", localnets.Config{}, nets("10.0.0.1/8"), "network 10.0.0.1/8 has host bits set"},
		{"mapped", localnets.Config{}, nets("::ffff:10.0.0.0/104"), "network ::ffff:10.0.0.0/104 is an IPv4-mapped prefix; give it as IPv4"},
		{"twice", localnets.Config{}, nets("10.0.0.0/8", "10.0.0.0/8"), "network 10.0.0.0/8 is both 0 and 1"},
		{"hosts", localnets.Config{MaxHosts: -1}, nil, "hosts to tell apart: -1 is not in 0..268435456"},
		{"cells", localnets.Config{MaxMatrixCells: 1 << 30}, nil, "matrix cells: 1073741824 is not in 0..67108864"},
		{"timeout", localnets.Config{HostIdleTimeout: time.Millisecond}, nil, "host idle timeout: 1ms is neither 0 (never) nor at least 1s"},
		{"nameless application", localnets.Config{AppNames: []string{""}}, nil, "application name 0: empty"},
		{"applications of one name", localnets.Config{AppNames: []string{"A", "B", "A"}}, nil, `application name 2: "A" is also the name of 0`},
		{"too many applications", localnets.Config{AppNames: make([]string, 65537)}, nil, "application names: 65537 are more than a Delta can tell apart"},
		{"all faults at once", localnets.Config{MaxHosts: -1, MaxMatrixCells: -1}, nil, "matrix cells: -1"},
	} {
		if _, err := localnets.New(tt.cfg, tt.list); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want %q in it", tt.name, err, tt.want)
		}
	}
	if err := localnets.DefaultConfig().Validate(); err != nil {
		t.Error(err)
	}
}

// A snapshot neither changes afterwards nor lets its reader change the registry.
func TestSnapshotSharesNothing(t *testing.T) {
	r := newRegistry(t, nets("10.0.0.0/8", "192.0.2.0/24"))
	r.Apply(start, []localnets.Delta{delta(0, 1, 1, 100)})
	before, kept := r.Snapshot(), r.Snapshot()
	r.Apply(start, []localnets.Delta{delta(0, 1, 1, 100)})
	if diff := cmp.Diff(kept, before, cmpSnapshot); diff != "" {
		t.Errorf("changed by later traffic (-before +after):\n%s", diff)
	}
	want := r.Snapshot()
	spoilt := r.Snapshot()
	spoilt.Networks[0].Protocols[0].ByDirection[out].Bytes = 7
	spoilt.Matrix[0].Bytes = 7
	spoilt.Networks[0].Name = "x"
	_ = append(spoilt.Networks[0].Protocols, localnets.ProtocolCounts{Name: "x"}) // must not reach network 1
	if spoilt.Networks[1].Protocols[0].Name != "Unknown" {
		t.Error("appending to one network's protocols wrote into another's")
	}
	if diff := cmp.Diff(want, r.Snapshot(), cmpSnapshot); diff != "" {
		t.Errorf("changed by a reader (-want +got):\n%s", diff)
	}
}

// Writers, tickers and readers together: sums close in each snapshot, and nothing is lost.
func TestConcurrent(t *testing.T) {
	const writers, rounds = 4, 300
	r := withHosts(t, 500, time.Second, nets("10.0.0.0/8", "192.0.2.0/24", "2001:db8::/32"))
	var work, reading sync.WaitGroup
	done := make(chan struct{})
	for w := range writers {
		work.Go(func() {
			for i := range rounds {
				at := start + int64(i)*int64(time.Second)/10
				r.Apply(at, []localnets.Delta{delta(0, 1, 1, 100), delta(int32(w%3), -1, 1, 10), delta(-1, -1, 1, 1)})
				r.TouchHosts([]localnets.HostTouch{v4(uint32(i*writers+w), at), v6(uint64(i), 2, at)})
				r.Tick(at)
				k, is4 := v4(1, 0).Addr, true
				r.Table().Lookup(&k, is4)
			}
		})
	}
	for range 2 {
		reading.Go(func() {
			for {
				s := r.Snapshot()
				var scopes, egress localnets.Counts
				for _, c := range s.Scopes {
					add(&scopes, c)
				}
				hosts := 0
				for i := range s.Networks {
					add(&egress, s.Networks[i].Traffic[out])
					hosts += s.Networks[i].Hosts
				}
				if scopes.Packets != egress.Packets+s.Scopes[localnets.ScopeTransit].Packets || hosts != s.Hosts {
					t.Errorf("scopes %v, egress %v, transit %v; hosts %d of %d", scopes, egress, s.Scopes[localnets.ScopeTransit], hosts, s.Hosts)
					return
				}
				select {
				case <-done:
					return
				default:
					runtime.Gosched()
				}
			}
		})
	}
	work.Wait()
	close(done)
	reading.Wait()
	var scopes localnets.Counts
	for _, c := range r.Snapshot().Scopes {
		add(&scopes, c)
	}
	if want := (localnets.Counts{Packets: 3 * writers * rounds, Bytes: 111 * writers * rounds}); scopes != want {
		t.Errorf("scopes sum to %v, want %v", scopes, want)
	}
}

// busy is a registry of n networks, each with apps applications and a cell to its neighbour.
func busy(tb testing.TB, n, apps int) (*localnets.Registry, []localnets.Delta) {
	cfg := localnets.DefaultConfig()
	cfg.AppNames = nil
	for i := range apps {
		cfg.AppNames = append(cfg.AppNames, fmt.Sprintf("App%d", i))
	}
	r, err := localnets.New(cfg, manyNets(n))
	if err != nil {
		tb.Fatal(err)
	}
	var deltas []localnets.Delta
	for i := range n {
		for a := range apps {
			d := delta(int32(i), int32((i+1)%n), 1, uint64(100+a))
			d.App = uint16(a)
			if a%2 == 0 {
				d.L4, d.TCP = localnets.L4TCP, localnets.TCPCounts{Packets: 1}
			}
			if a%3 == 0 {
				d.Dst = localnets.NoNetwork
			}
			deltas = append(deltas, d)
		}
	}
	rand.New(rand.NewPCG(1, 1)).Shuffle(len(deltas), func(i, j int) { deltas[i], deltas[j] = deltas[j], deltas[i] })
	r.Apply(start, deltas)
	return r, deltas
}

func TestApplyAllocs(t *testing.T) {
	r, deltas := busy(t, 10, 10)
	if n := testing.AllocsPerRun(100, func() { r.Apply(start, deltas) }); n != 0 {
		t.Errorf("Apply to networks and applications in use allocates %v times", n)
	}
}

// A snapshot takes a few large allocations, whatever the number of networks.
func TestSnapshotAllocs(t *testing.T) {
	r, _ := busy(t, 1000, 10)
	if n := testing.AllocsPerRun(20, func() { r.Snapshot() }); n > 6 {
		t.Errorf("a snapshot of 1,000 networks allocates %v times, want 6 at most", n)
	}
}

// TestFoldBeforeTheClock: a reader may have the first packets folded before anything told the time.
func TestFoldBeforeTheClock(t *testing.T) {
	r := newRegistry(t, nets("10.0.0.0/8"))
	d := delta(localnets.NoNetwork, 0, 3, 180)
	d.TCP = localnets.TCPCounts{Packets: 3, SYN: 3}
	r.Apply(math.MinInt64, []localnets.Delta{d})
	boundary := start + 10*int64(time.Second)
	for i := range int64(3) {
		r.Apply(boundary+i*int64(time.Minute), []localnets.Delta{d})
		r.Tick(boundary + i*int64(time.Minute))
	}
	s := r.Snapshot()
	n := s.Networks[0]
	if n.Minute.SYNReceived != 3 || n.TCP[localnets.Ingress].SYN != 12 || s.Time != boundary+2*int64(time.Minute) {
		t.Errorf("last minute %+v, %d SYNs, time %d: the minutes do not run", n.Minute, n.TCP[localnets.Ingress].SYN, s.Time)
	}
}
