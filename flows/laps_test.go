package flows

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/netmond/netmond/internal/pcaptest"
	"github.com/netmond/netmond/packet"
)

// TestProcessTimed counts what Process counts, and times each stage once it has something to do.
func TestProcessTimed(t *testing.T) {
	block := &packet.Block{}
	for i := range 5000 {
		f := pcaptest.UDP("192.0.2.1:1000", "203.0.113.1:53", make([]byte, i%100))
		block.Frames = append(block.Frames, packet.Frame{Data: f, WireLen: uint32(len(f)), Time: testTime + int64(i)*ms, Link: packet.LinkEthernet})
	}
	plain, timed := newTable(t, Config{Seed: 1}), newTable(t, Config{Seed: 1})
	plain.NewWorker().Process(block)
	var laps Laps
	w := timed.NewWorker()
	w.ProcessTimed(block, &laps)
	if diff := cmp.Diff(flowsOf(plain), flowsOf(timed), cmpopts.EquateComparable(netip.Addr{}, netip.AddrPort{})); diff != "" {
		t.Errorf("flows (-Process +ProcessTimed):\n%s", diff)
	}
	if laps.Packets != 5000 {
		t.Errorf("%d packets", laps.Packets)
	}
	for s, d := range laps.Time {
		if d <= 0 {
			t.Errorf("stage %v took %v", Stage(s), d)
		}
	}
	before := laps
	w.Process(block)
	if laps != before {
		t.Error("Process goes on timing")
	}
}
