package loadtest

import (
	"log/slog"
	"testing"
	"time"

	"github.com/netmond/netmond/capture"
	"github.com/netmond/netmond/internal/netnstest"
	"github.com/netmond/netmond/packet"
)

// generator makes a pair whose B end takes what the Generator at its A end sends.
func generator(t testing.TB, tr Traffic) (*netnstest.Pair, *Generator) {
	t.Helper()
	pair := netnstest.NewPair(t)
	pass, err := Receive(pair.B)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pass.Close() })
	g, err := NewGenerator(pair.A, tr, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { g.Close() })
	return pair, g
}

// TestGenerator captures three rounds and holds them against what Traffic promises.
func TestGenerator(t *testing.T) {
	tr := Traffic{Flows: 1000, Networks: 30, Size: 128}
	pair, g := generator(t, tr)
	var live *capture.Live
	pair.B.Do(func() {
		cfg := capture.DefaultLiveConfig()
		cfg.Interface, cfg.RingBytes = pair.B.Name, 8<<20
		var err error
		if live, err = capture.OpenLive(cfg, slog.New(slog.DiscardHandler)); err != nil {
			t.Fatal(err)
		}
	})
	defer live.Close()
	const rounds = 3
	if _, err := g.Send(t.Context(), rounds*tr.Flows, 0); err != nil {
		t.Fatal(err)
	}
	if sent, err := g.Sent(); err != nil || sent != uint64(rounds*tr.Flows) {
		t.Fatalf("%d frames sent, %v", sent, err)
	}
	live.Stop()
	type direction struct {
		packets int
		next    uint32
	}
	seen := map[packet.Key]*[2]direction{}
	nets := map[packet.Addr]bool{}
	tcp, frames := 0, 0
	var dec packet.Decoder
	var m packet.Meta
	var b packet.Block
	for live.Readers()[0].ReadBlock(&b) == nil {
		for i := range b.Frames {
			f := &b.Frames[i]
			frames++
			dec.Decode(f, &m)
			if m.Class != packet.ClassIP || int(m.WireLen) != tr.Size || !m.Key.HasPorts() {
				t.Fatalf("frame %d: %+v of % x", frames, m, f.Data)
			}
			d := seen[m.Key]
			if d == nil {
				d = new([2]direction)
				seen[m.Key] = d
				net := m.Key.Lo
				net[15] = 0
				nets[net] = true
			}
			if m.Key.Proto == 6 {
				tcp++
				if m.Seq != d[m.Dir].next || m.Ack != d[1-m.Dir].next {
					t.Fatalf("frame %d: seq %d ack %d, want %d and %d", frames, m.Seq, m.Ack, d[m.Dir].next, d[1-m.Dir].next)
				}
				d[m.Dir].next += m.PayloadLen
			}
			d[m.Dir].packets++
		}
	}
	if frames != rounds*tr.Flows || len(seen) != tr.Flows || len(nets) != tr.Networks || tcp != frames*7/10 {
		t.Errorf("%d frames, %d of them TCP, in %d flows and %d networks; want %d, %d, %d and %d",
			frames, tcp, len(seen), len(nets), rounds*tr.Flows, rounds*tr.Flows*7/10, tr.Flows, tr.Networks)
	}
	for k, d := range seen {
		if d[0].packets+d[1].packets != rounds || d[0].packets == 0 || d[1].packets == 0 {
			t.Fatalf("flow %v: %d and %d packets", k, d[0].packets, d[1].packets)
		}
	}
}

// TestGeneratorPaces sends at a rate that any machine keeps.
func TestGeneratorPaces(t *testing.T) {
	_, g := generator(t, Traffic{Flows: 10, Networks: 1, Size: 60})
	took, err := g.Send(t.Context(), 5000, 50_000)
	if err != nil {
		t.Fatal(err)
	}
	if took < 90*time.Millisecond { // later is the machine's matter
		t.Errorf("5,000 frames at 50,000 a second took %v", took)
	}
}

// TestGeneratorFloods counts at the other end what arrives at full speed.
func TestGeneratorFloods(t *testing.T) {
	pair, g := generator(t, Traffic{Flows: 1000, Networks: 30, Size: 128})
	const n = 500_000
	took, err := g.Send(t.Context(), n, 0)
	if err != nil {
		t.Fatal(err)
	}
	got := pair.B.Link().Attrs().Statistics
	t.Logf("%.1f M frames a second, %d arrived, %d dropped", n/took.Seconds()/1e6, got.RxPackets, got.RxDropped)
	if got.RxPackets > n || got.RxPackets < n/2 {
		t.Errorf("%d of %d frames arrived", got.RxPackets, n)
	}
}

func TestTrafficValidate(t *testing.T) {
	for _, tr := range []Traffic{
		{Flows: 0, Networks: 1, Size: 60}, {Flows: 1, Networks: 0, Size: 60}, {Flows: 1, Networks: 1, Size: 59},
		{Flows: 1, Networks: 1, Size: 1515}, {Flows: 1, Networks: 1<<16 + 1, Size: 60}, {Flows: 20_000_000, Networks: 1, Size: 60},
	} {
		if tr.validate() == nil {
			t.Errorf("%+v passes", tr)
		}
	}
	for _, flows := range []int{1, 2, 3, 10, 1000, 9973, 1 << 20} {
		tr := Traffic{Flows: flows, Networks: 1, Size: 60}
		if s := tr.step(); gcd(s, flows) != 1 || s > max(flows, 1) {
			t.Errorf("%d flows: step %d", flows, s)
		}
	}
}
