package flows

import (
	"math"
	"net/netip"
	"testing"
	"time"

	"github.com/netmond/netmond/localnets"
	"github.com/netmond/netmond/packet"
)

const sec = int64(1e9)

func udp(port uint16, at int64) packet.Meta {
	return meta(17, netip.AddrPortFrom(netip.MustParseAddr("192.0.2.10"), port), ap("203.0.113.5:9999"), at)
}

func TestTimeouts(t *testing.T) {
	tcp := func(at int64, flags ...uint8) (metas []packet.Meta) {
		for i, f := range flags {
			m := step{server: i%2 == 1, flags: f, seq: 1}.meta()
			m.Time = at
			metas = append(metas, m)
		}
		return metas
	}
	for _, tt := range []struct {
		name    string
		cfg     Config
		metas   []packet.Meta
		ticks   int64 // one a second
		ended   [NumEndReasons]uint64
		entries int
		flows   uint64 // as the network counts them
	}{
		{name: "none by default", metas: []packet.Meta{udp(1, testTime)}, ticks: 100000, entries: 1, flows: 1},
		{name: "idle", cfg: Config{IdleTimeout: 30 * time.Second}, metas: []packet.Meta{udp(1, testTime)}, ticks: 30 + walkTicks + 1,
			ended: [NumEndReasons]uint64{EndIdle: 1}, flows: 1},
		{name: "not yet idle", cfg: Config{IdleTimeout: 30 * time.Second}, metas: []packet.Meta{udp(1, testTime)}, ticks: 30, entries: 1, flows: 1},
		{name: "idle before its next packet", cfg: Config{IdleTimeout: 30 * time.Second},
			metas: []packet.Meta{udp(1, testTime), udp(1, testTime+31*sec)}, ended: [NumEndReasons]uint64{EndIdle: 1}, entries: 1, flows: 2},
		{name: "active", cfg: Config{ActiveTimeout: time.Minute}, metas: []packet.Meta{udp(1, testTime)}, ticks: 60 + walkTicks + 1,
			ended: [NumEndReasons]uint64{EndActive: 1}, entries: 1, flows: 1},
		{name: "closed", cfg: Config{IdleTimeout: time.Hour, ClosedTimeout: 5 * time.Second}, metas: tcp(testTime, syn, rst), ticks: 5 + walkTicks + 1,
			ended: [NumEndReasons]uint64{EndOfFlow: 1}, flows: 1},
		{name: "open is not closed", cfg: Config{IdleTimeout: time.Hour, ClosedTimeout: 5 * time.Second}, metas: tcp(testTime, syn, syn|ack), ticks: 100, entries: 1, flows: 1},
		{name: "closed by its idle timeout", cfg: Config{IdleTimeout: 20 * time.Second}, metas: tcp(testTime, syn, rst), ticks: 20 + walkTicks + 1,
			ended: [NumEndReasons]uint64{EndIdle: 1}, flows: 1},
		{name: "a far future ages from now on", cfg: Config{IdleTimeout: 30 * time.Second}, metas: []packet.Meta{udp(1, maxTime)}, ticks: 30 + 2*walkTicks + 1,
			ended: [NumEndReasons]uint64{EndIdle: 1}, flows: 1},
		{name: "times backwards end nothing", cfg: Config{IdleTimeout: 30 * time.Second, ActiveTimeout: time.Minute},
			metas: []packet.Meta{udp(1, testTime), udp(1, testTime-100*sec), udp(1, testTime-1000*sec)}, entries: 1, flows: 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.cfg.MaxFlows = 64
			tbl := newTable(t, tt.cfg)
			addMetas(tbl.NewWorker(), tt.metas...)
			for i := range tt.ticks {
				tbl.Tick(testTime + (i+1)*sec)
			}
			s := tbl.Snapshot()
			checkClosed(t, s)
			checkFlows(t, tbl, s)
			checkShards(t, tbl)
			diff(t, "ended", tt.ended, s.Table.Ended)
			if s.Table.Entries != tt.entries {
				t.Errorf("%d entries, want %d", s.Table.Entries, tt.entries)
			}
			if got := s.Nets.Networks[0].Flows; got != tt.flows {
				t.Errorf("network counts %d flows, want %d", got, tt.flows)
			}
		})
	}
}

// Every flow that is due leaves within walkTicks ticks, and no tick walks more than its part.
func TestExpiryIsSpread(t *testing.T) {
	const flows = 10000
	tbl := newTable(t, Config{MaxFlows: 4 * flows, Shards: 4, IdleTimeout: 10 * time.Second})
	w := tbl.NewWorker()
	for i := range uint16(flows) {
		addMetas(w, udp(i+1, testTime))
	}
	before := flows
	for i := range int64(walkTicks) {
		tbl.Tick(testTime + 11*sec + i*sec)
		now := tbl.Snapshot().Table.Entries
		if gone := before - now; gone > flows/walkTicks+4*walkTicks {
			t.Errorf("tick %d ends %d flows of %d", i, gone, flows)
		}
		before = now
	}
	if before != 0 {
		t.Errorf("%d flows left after %d ticks", before, walkTicks)
	}
}

// One absurd tick, or frame, costs a few flows their record and no byte.
func TestAbsurdTimes(t *testing.T) {
	tbl := newTable(t, Config{MaxFlows: 4096, IdleTimeout: time.Minute})
	w := tbl.NewWorker()
	send := func(at int64) {
		for port := range uint16(1600) {
			addMetas(w, udp(port+1, at))
		}
	}
	send(testTime)
	tbl.Tick(math.MaxInt64)
	tbl.Tick(math.MinInt64)
	if n := tbl.Snapshot().Table.Entries; n < 1600*14/16-64 {
		t.Errorf("%d flows of 1600 left after an absurd tick", n)
	}
	tbl.Tick(testTime + sec)
	addMetas(w, udp(1, math.MaxInt64), udp(2, math.MinInt64))
	send(testTime + 2*sec)
	for i := range int64(2 * walkTicks) {
		tbl.Tick(testTime + 2*sec + i*sec)
	}
	s := tbl.Snapshot()
	checkClosed(t, s)
	checkFlows(t, tbl, s)
	if s.Table.Entries != 1600 || s.Capture.Packets != 3202 {
		t.Errorf("%d flows, %d packets; want 1600, 3202", s.Table.Entries, s.Capture.Packets)
	}
}

// A busy flow keeps its hosts from idling out: the walk touches them with the flow's last time.
func TestLiveFlowsKeepTheirHosts(t *testing.T) {
	nets, err := localnets.ParseList([]string{"192.0.2.0/24"})
	if err != nil {
		t.Fatal(err)
	}
	cfg := localnets.DefaultConfig()
	cfg.HostIdleTimeout = time.Minute
	reg, err := localnets.New(cfg, nets)
	if err != nil {
		t.Fatal(err)
	}
	tbl, err := New(Config{MaxFlows: 64}, reg)
	if err != nil {
		t.Fatal(err)
	}
	w := tbl.NewWorker()
	for i := range int64(300) {
		addMetas(w, udp(1, testTime+i*sec))
		tbl.Tick(testTime + i*sec)
		if n := tbl.Snapshot().Nets.Hosts; n != 1 {
			t.Fatalf("%d hosts after %d s of traffic", n, i)
		}
	}
	for i := range int64(200) {
		tbl.Tick(testTime + (300+i)*sec)
	}
	if n := tbl.Snapshot().Nets.Hosts; n != 0 {
		t.Errorf("%d hosts 200 s after the last packet", n)
	}
}

func TestEviction(t *testing.T) {
	settled := func(port uint16, at int64) []packet.Meta { return []packet.Meta{udp(port, at), udp(port, at)} }
	t.Run("one-packet flows first", func(t *testing.T) {
		tbl := newTable(t, Config{MaxFlows: 4, Shards: 1})
		w := tbl.NewWorker()
		addMetas(w, settled(1, testTime)...)
		addMetas(w, settled(2, testTime-3*sec)...)
		addMetas(w, udp(3, testTime+1), udp(4, testTime), udp(5, testTime+3*sec))
		checkPorts(t, tbl, 1, 2, 3, 5)
	})
	t.Run("then the longest idle", func(t *testing.T) {
		tbl := newTable(t, Config{MaxFlows: 3, Shards: 1})
		w := tbl.NewWorker()
		addMetas(w, settled(1, testTime+sec)...)
		addMetas(w, settled(2, testTime)...)
		addMetas(w, settled(3, testTime+2*sec)...)
		addMetas(w, udp(4, testTime+20*sec))
		checkPorts(t, tbl, 1, 3, 4)
	})
	t.Run("closed connections", func(t *testing.T) {
		tbl := newTable(t, Config{MaxFlows: 2, Shards: 1})
		w := tbl.NewWorker()
		for _, s := range open(step{at: 40, flags: ack, seq: 1001, len: 9}, step{at: 41, flags: rst}) {
			addMetas(w, s.meta())
		}
		addMetas(w, settled(2, testTime)...)
		addMetas(w, udp(4, testTime+sec))
		checkPorts(t, tbl, 2, 4)
	})
	t.Run("half-open connections", func(t *testing.T) {
		tbl := newTable(t, Config{MaxFlows: 2, Shards: 1})
		w := tbl.NewWorker()
		addMetas(w, open()[0].meta(), open()[1].meta(), open()[0].meta())
		addMetas(w, settled(2, testTime)...)
		addMetas(w, udp(4, testTime+3*sec))
		checkPorts(t, tbl, 2, 4)
	})
	t.Run("flows that wait for an answer stay, and none that has settled goes for them", func(t *testing.T) {
		tbl := newTable(t, Config{MaxFlows: 2, Shards: 1})
		w := tbl.NewWorker()
		addMetas(w, settled(1, testTime)...)
		addMetas(w, udp(2, testTime+20*sec), udp(3, testTime+21*sec))
		checkPorts(t, tbl, 1, 2)
		checkClosed(t, tbl.Snapshot())
	})
	t.Run("busy flows stay and the packet is untracked", func(t *testing.T) {
		tbl := newTable(t, Config{MaxFlows: 2, Shards: 1})
		w := tbl.NewWorker()
		addMetas(w, settled(1, testTime)...)
		addMetas(w, settled(2, testTime)...)
		addMetas(w, udp(3, testTime+sec), udp(3, testTime+sec))
		checkPorts(t, tbl, 1, 2)
		s := tbl.Snapshot()
		if want := (localnets.Counts{Packets: 2, Bytes: 200}); s.Table.Untracked != want {
			t.Errorf("untracked %+v, want %+v", s.Table.Untracked, want)
		}
		if got := s.Nets.Networks[0].Traffic[localnets.Egress]; got != (localnets.Counts{Packets: 6, Bytes: 600}) {
			t.Errorf("egress %+v, want all 6 packets", got)
		}
	})
}

func checkPorts(t *testing.T, tbl *Table, want ...uint16) {
	t.Helper()
	s := tbl.Snapshot()
	checkClosed(t, s)
	checkFlows(t, tbl, s)
	checkShards(t, tbl)
	got := map[uint16]bool{}
	for k := range flowsOf(tbl) {
		got[k.LoPort] = true
	}
	for _, p := range want {
		if !got[p] {
			t.Errorf("the flow of port %d is gone", p)
		}
	}
	if len(got) != len(want) {
		t.Errorf("ports %v, want %v", got, want)
	}
}
