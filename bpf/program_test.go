//go:build linux && (amd64 || arm64)

package bpf

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/google/go-cmp/cmp"

	"github.com/netmond/netmond/localnets"
	"github.com/netmond/netmond/packet"
)

// A tallySink sums what it is given.
type tallySink struct {
	frames, payloads int
	flows            map[packet.Key]packet.Tally // both directions
	flowSum          packet.Tally
	samples          []packet.Sample
	keep             bool // samples
	totals           packet.Totals
	networks         map[[2]int32]packet.NetworkCounts
}

func newTallySink() *tallySink {
	return &tallySink{flows: map[packet.Key]packet.Tally{}, networks: map[[2]int32]packet.NetworkCounts{}}
}

func (s *tallySink) Process(b *packet.Block) { s.frames += len(b.Frames) }

func (s *tallySink) Classify(p []packet.Payload) { s.payloads += len(p) }

func (s *tallySink) AddDrained(t *packet.Totals, samples []packet.Sample) {
	for i := range t.Networks {
		n := &t.Networks[i]
		sum := s.networks[[2]int32{n.Src, n.Dst}]
		for l4 := range n.L4 {
			addTally(&sum.L4[l4], n.L4[l4])
		}
		addTally(&sum.Broadcast, n.Broadcast)
		s.networks[[2]int32{n.Src, n.Dst}] = sum
	}
	addTally(&s.totals.IPv4, t.IPv4)
	addTally(&s.totals.IPv6, t.IPv6)
	addTally(&s.totals.NonIP, t.NonIP)
	for i := range t.Undecoded {
		addTally(&s.totals.Undecoded[i], t.Undecoded[i])
	}
	s.totals.Fragments += t.Fragments
	for i := range samples {
		smp := &samples[i]
		n := s.flows[smp.Key]
		for dir := range 2 {
			gained := packet.Tally{Packets: smp.Packets[dir], Bytes: smp.Bytes[dir]}
			addTally(&n, gained)
			addTally(&s.flowSum, gained)
		}
		s.flows[smp.Key] = n
		if s.keep {
			s.samples = append(s.samples, *smp)
		}
	}
}

func (s *tallySink) network(src, dst int32) packet.Tally {
	var sum packet.Tally
	n := s.networks[[2]int32{src, dst}]
	for _, l4 := range n.L4 {
		addTally(&sum, l4)
	}
	return sum
}

func prefixes(list ...string) []netip.Prefix {
	var ps []netip.Prefix
	for _, s := range list {
		ps = append(ps, netip.MustParsePrefix(s))
	}
	return ps
}

func addr4(s string) [4]byte { return netip.MustParseAddr(s).As4() }

// TestMapFull holds that a full flow table costs no network a byte.
func TestMapFull(t *testing.T) {
	p := load(t, Config{Networks: prefixes("192.0.2.0/24"), MaxFlows: 64, ClockGiven: true, Detail: DetailFull})
	p.SetClock(testTime)
	sink := newTallySink()
	const n = 1000
	for i := range n {
		run(t, p.XDP(), udpFrame(addr4("192.0.2.1"), addr4("198.51.100.1"), uint16(i), 53))
	}
	p.Drain(sink)
	st := p.Stats()
	if want := (packet.Tally{Packets: n, Bytes: n * 128}); sink.totals.IPv4 != want || sink.network(0, packet.OutsideNetwork) != want {
		t.Errorf("%+v in all, %+v of the network, want %+v", sink.totals.IPv4, sink.network(0, packet.OutsideNetwork), want)
	}
	if sink.flowSum.Packets != 64 || st.MapFull.Packets != n-64 || st.MapFull.Bytes != (n-64)*128 || st.Flows != 64 {
		t.Errorf("%+v in flows, %+v without, %d flows", sink.flowSum, st.MapFull, st.Flows)
	}
}

// TestDetail holds that sampling tracks flows whole or not at all, and that no detail loses bytes.
func TestDetail(t *testing.T) {
	for _, c := range []struct {
		cfg         Config
		least, most int
	}{
		{Config{Detail: DetailFull}, 1000, 1000},
		{Config{Detail: DetailSampled, SampleRate: 4}, 180, 330},
		{Config{Detail: DetailOff}, 0, 0},
	} {
		t.Run(c.cfg.Detail.String(), func(t *testing.T) {
			c.cfg.Networks, c.cfg.MaxFlows, c.cfg.ClockGiven = prefixes("192.0.2.0/24"), 1<<12, true
			p := load(t, c.cfg)
			p.SetClock(testTime)
			sink := newTallySink()
			for range 3 {
				for i := range 1000 {
					run(t, p.XDP(), udpFrame(addr4("192.0.2.1"), addr4("198.51.100.1"), uint16(i), 53))
				}
			}
			p.Drain(sink)
			if sink.totals.IPv4 != (packet.Tally{Packets: 3000, Bytes: 3000 * 128}) {
				t.Errorf("%+v in all", sink.totals.IPv4)
			}
			if n := len(sink.flows); n < c.least || n > c.most {
				t.Errorf("%d flows tracked, want %d to %d", n, c.least, c.most)
			}
			for k, n := range sink.flows {
				if n.Packets != 3 {
					t.Fatalf("flow %v has %d packets of 3", k, n.Packets)
				}
			}
			if got := p.Stats().Unsampled.Packets + sink.flowSum.Packets; got != 3000 && c.cfg.Detail != DetailOff {
				t.Errorf("%d packets in flows or left out, want 3000", got)
			}
		})
	}
}

// TestAuto holds that a table that is too small has fewer flows tracked.
func TestAuto(t *testing.T) {
	p := load(t, Config{MaxFlows: 64, ClockGiven: true})
	p.SetClock(testTime)
	for i := range 200 {
		run(t, p.XDP(), udpFrame(addr4("192.0.2.1"), addr4("198.51.100.1"), uint16(i), 53))
	}
	p.Drain(newTallySink())
	if st := p.Stats(); st.SampleRate != 2 {
		t.Errorf("one flow in %d is tracked, want 2", st.SampleRate)
	}
}

// TestPairsOverflow holds that traffic between two networks for which there is no cell counts at both.
func TestPairsOverflow(t *testing.T) {
	var list []netip.Prefix
	for i := range 40 {
		list = append(list, netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, byte(i), 0}), 24))
	}
	p := load(t, Config{Networks: list, MaxPairs: 3, ClockGiven: true})
	p.SetClock(testTime)
	var nets []localnets.Network
	for i, pre := range list {
		nets = append(nets, localnets.Network{ID: int32(i), Prefix: pre, Name: pre.String()})
	}
	got, want := newCounter(t, nets, packet.Decoder{}), newCounter(t, nets, packet.Decoder{})
	sink := newTallySink()
	for round := range 2 {
		for i := range 40 {
			for j := range 40 {
				f := udpFrame([4]byte{10, 0, byte(i), 1}, [4]byte{10, 0, byte(j), 255}, 1000, 53)
				run(t, p.XDP(), f)
				want.worker.Process(&packet.Block{Frames: []packet.Frame{{Data: f, WireLen: 128, Time: testTime, Link: packet.LinkEthernet}}})
			}
		}
		if round == 1 {
			p.Drain(got.worker)
		}
	}
	_ = sink
	if n := p.Stats().PairsUsed; n != 4 {
		t.Errorf("%d pairs have cells, want 4: a power of two", n)
	}
	a, b := comparable(want.tbl.Snapshot(), true), comparable(got.tbl.Snapshot(), true)
	if b.Nets.MatrixOther.Packets == 0 {
		t.Error("all pairs have cells")
	}
	var sum packet.Tally
	for _, c := range b.Nets.Matrix {
		sum.Packets += c.Packets
	}
	if all := sum.Packets + b.Nets.MatrixOther.Packets; all != 2*40*39 {
		t.Errorf("%d packets between networks, want %d", all, 2*40*39)
	}
	a.Nets.Matrix, b.Nets.Matrix = nil, nil
	a.Nets.MatrixOther, b.Nets.MatrixOther = localnets.Counts{}, localnets.Counts{}
	if d := cmp.Diff(a, b, cmp.Comparer(func(x, y netip.Prefix) bool { return x == y })); d != "" {
		t.Errorf("snapshot (-decoder +program):\n%s", d)
	}
}

// TestReload holds that a flow is counted in the networks of the list in force, from the next packet on.
func TestReload(t *testing.T) {
	p := load(t, Config{Networks: prefixes("192.0.2.0/24"), ClockGiven: true})
	p.SetClock(testTime)
	sink := newTallySink()
	f := udpFrame(addr4("192.0.2.1"), addr4("198.51.100.1"), 1, 53)
	run(t, p.XDP(), f)
	if err := p.SetNetworks(prefixes("192.0.2.0/24", "192.0.2.0/28", "198.51.100.0/24"), []int32{0, 7, 5}, 2); err != nil {
		t.Fatal(err)
	}
	run(t, p.XDP(), f)
	run(t, p.XDP(), f)
	if err := p.SetNetworks(nil, nil, 3); err != nil {
		t.Fatal(err)
	}
	run(t, p.XDP(), f)
	p.Drain(sink)
	for _, c := range []struct {
		src, dst int32
		want     uint64
	}{{0, packet.OutsideNetwork, 1}, {7, 5, 2}, {packet.OutsideNetwork, packet.OutsideNetwork, 1}} {
		if got := sink.network(c.src, c.dst).Packets; got != c.want {
			t.Errorf("%d packets from network %d to %d, want %d", got, c.src, c.dst, c.want)
		}
	}
	if len(sink.flows) != 1 || sink.flowSum.Packets != 4 {
		t.Errorf("flows %v", sink.flows)
	}
	var many []netip.Prefix
	for i := range 300 {
		many = append(many, netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 0}), 24))
	}
	if err := p.SetNetworks(many, nil, 4); !errors.Is(err, ErrCapacity) {
		t.Errorf("300 networks where 256 were reserved: %v", err)
	}
}

// TestRingFull holds that frames that are neither parsed nor handed over are counted all the same.
func TestRingFull(t *testing.T) {
	p := load(t, Config{RingBytes: 1 << 16, ClockGiven: true})
	p.SetClock(testTime)
	f := udpFrame(addr4("192.0.2.1"), addr4("198.51.100.1"), 1, 53)
	binary.BigEndian.PutUint16(f[12:], 100) // LLC
	const n = 1000
	for range n {
		run(t, p.XDP(), f)
	}
	sink := newTallySink()
	p.Drain(sink)
	refused := sink.totals.Undecoded[packet.ReasonRingFull]
	if sink.frames == 0 || sink.frames+int(refused.Packets) != n || refused.Bytes != refused.Packets*128 {
		t.Errorf("%d frames handed over, %+v refused, want %d in all", sink.frames, refused, n)
	}
	st := p.Stats()
	if st.Handed[1].Packets != uint64(sink.frames) || st.Refused[1] != refused {
		t.Errorf("%+v", st)
	}
	sink = newTallySink()
	run(t, p.XDP(), f)
	p.Drain(sink)
	if sink.frames != 1 {
		t.Errorf("%d frames after the ring was emptied, want 1", sink.frames)
	}
}

// TestIdle holds that a flow leaves when its time has come, and comes back as another.
func TestIdle(t *testing.T) {
	p := load(t, Config{ClockGiven: true, MaxFlows: 1, Detail: DetailFull, IdleTimeout: 10 * time.Second})
	sink := newTallySink()
	sink.keep = true
	p.SetClock(testTime)
	a := udpFrame(addr4("192.0.2.1"), addr4("198.51.100.1"), 1, 53)
	b := udpFrame(addr4("192.0.2.1"), addr4("198.51.100.1"), 2, 53)
	run(t, p.XDP(), a)
	p.Drain(sink)
	run(t, p.XDP(), b) // no place
	p.SetClock(testTime + int64(20*time.Second))
	for range 4 { // once more looked at, retired, given back
		p.Drain(sink)
	}
	run(t, p.XDP(), b)
	p.Drain(sink)
	if st := p.Stats(); st.MapFull.Packets != 1 || st.FlowsRetired != 1 || len(sink.flows) != 2 || sink.flowSum.Packets != 2 {
		t.Errorf("%+v, flows %v", st, sink.flows)
	}
}

// benchProgram is the program that draws the source address of each frame from n.
func benchProgram(t testing.TB, cfg Config, n uint32) *Program {
	t.Helper()
	cfg.objects = func() (*ebpf.CollectionSpec, error) {
		spec, err := loadBench()
		if err == nil {
			err = spec.Variables["bench_flows"].Set(n)
		}
		return spec, err
	}
	return load(t, cfg)
}

// TestNothingIsLostUnderLoad takes flows out of the table while programs on all processors count in them,
// and changes the networks. In the end every packet is in a flow or counted as without one, and in a
// network.
func TestNothingIsLostUnderLoad(t *testing.T) {
	needLinux(t, 5, 18, "the programs for measurements")
	const flows, repeat = 3000, 20000
	p := benchProgram(t, Config{Networks: prefixes("11.0.0.0/24"), MaxFlows: 2048, Detail: DetailFull, PayloadPackets: 1}, flows)
	prog := p.coll.Programs["bench_load"]
	frame := udpFrame(addr4("11.0.0.1"), addr4("198.51.100.1"), 1, 53)
	var stop atomic.Bool
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for !stop.Load() {
				if _, err := prog.Run(&ebpf.RunOptions{Data: frame, Repeat: repeat}); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	sink := newTallySink()
	rnd := rand.New(rand.NewPCG(1, 2))
	rounds := 60
	if testing.Short() {
		rounds = 10
	}
	for i := range rounds {
		p.Drain(sink)
		if sink.flowSum.Packets > sink.totals.IPv4.Packets {
			t.Fatalf("%d packets in flows, %d in networks", sink.flowSum.Packets, sink.totals.IPv4.Packets)
		}
		p.mu.Lock()
		for range 300 {
			n := rnd.IntN(len(p.maps.flows))
			if f, seen := &p.maps.flows[n], &p.drain.seen[n]; seen.sent != [2]uint64{} && seen.bits&seenLimbo == 0 {
				p.retire(uint32(n), f, seen)
			}
		}
		p.mu.Unlock()
		if i%5 == 0 {
			list := prefixes("11.0.0.0/24", "11.0.4.0/22")[:1+i/5%2]
			if err := p.SetNetworks(list, nil, uint64(i)+2); err != nil {
				t.Fatal(err)
			}
		}
	}
	stop.Store(true)
	wg.Wait()
	p.Drain(sink)
	st := p.Stats()
	if st.FlowsRetired < 1000 || st.MapFull.Packets == 0 {
		t.Errorf("%d flows were retired, %d packets had none: too little to show anything", st.FlowsRetired, st.MapFull.Packets)
	}
	var sent uint64
	if err := p.coll.Variables["runs"].Get(&sent); err != nil {
		t.Fatal(err)
	}
	want := packet.Tally{Packets: sent, Bytes: sent * 128}
	if sink.totals.IPv4 != want {
		t.Errorf("networks have %+v, sent were %+v", sink.totals.IPv4, want)
	}
	inFlows := sink.flowSum
	addTally(&inFlows, st.MapFull)
	if inFlows != want {
		t.Errorf("flows have %+v, without one %+v, sent were %+v", sink.flowSum, st.MapFull, want)
	}
	var inNetworks packet.Tally
	for ends := range sink.networks {
		addTally(&inNetworks, sink.network(ends[0], ends[1]))
	}
	if inNetworks != want {
		t.Errorf("networks sum to %+v, sent were %+v", inNetworks, want)
	}
}

// TestMemory holds the bound that is stated: one million flows in 200 MB.
func TestMemory(t *testing.T) {
	c := Config{MaxFlows: 1_000_000}
	n, err := c.MemoryBytes()
	if err != nil {
		t.Fatal(err)
	}
	if n > 200e6 {
		t.Errorf("%d bytes for a million flows", n)
	}
	c.MaxFlows = 1000
	p := load(t, c)
	want, err := c.MemoryBytes()
	if err != nil {
		t.Fatal(err)
	}
	var sum uint64
	for _, m := range p.coll.Maps {
		info, err := m.Info()
		if err != nil {
			t.Fatal(err)
		}
		if b, ok := info.Memlock(); ok && m.Type() == ebpf.Array {
			sum += b
		}
	}
	got := want - uint64(p.cfg.RingBytes)
	if sum != 0 && (sum < got || sum > got+got/10+11*8192) {
		t.Errorf("the kernel says %d bytes of arrays, we say %d", sum, got)
	}
}

func TestConfig(t *testing.T) {
	for _, c := range []struct {
		cfg  Config
		want string
	}{
		{Config{MaxFlows: -1}, "flows -1: want 1 to 16777214"},
		{Config{RingBytes: 100000}, "ring bytes 100000: not a power of two"},
		{Config{Hook: HookTC, Drop: true}, "only XDP drops what it has counted"},
		{Config{Decoder: packet.Decoder{Decap: packet.DecapGRE}}, "decapsulation of gre: not supported by the eBPF path"},
		{Config{Detail: 9}, "flow detail 9: unknown"},
	} {
		if err := c.cfg.Validate(); err == nil || err.Error() != c.want {
			t.Errorf("%+v: %v, want %s", c.cfg, err, c.want)
		}
	}
	if err := DefaultConfig().Validate(); err != nil {
		t.Error(err)
	}
	for _, d := range []Detail{DetailAuto, DetailFull, DetailSampled, DetailOff} {
		if got, err := ParseDetail(d.String()); err != nil || got != d {
			t.Errorf("%v is read as %v, %v", d, got, err)
		}
	}
	if _, err := ParseDetail("some"); err == nil {
		t.Error("flow detail some is read")
	}
}
