package capture

import (
	"testing"

	"github.com/netmond/netmond/internal/netnstest"
	"github.com/netmond/netmond/packet"
)

// TestLiveStandby takes in the frames between Resume and Pause and no others, also those of an interface that was
// made again in standby.
func TestLiveStandby(t *testing.T) {
	pair := netnstest.NewPair(t)
	cfg := liveOn(pair.B.Name)
	cfg.Standby, cfg.Workers = true, 1
	l := openIn(t, pair.B.NS, cfg)
	send := func(first byte, n int) {
		t.Helper()
		frame := append(append(append([]byte{}, pair.B.MAC...), pair.A.MAC...), 0x88, 0xb5, first, 0, 0, 0)
		pair.A.Sender().Repeat(frame, n)
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	if !pair.B.Promiscuous() {
		t.Error("standby does not hold the promiscuous mode")
	}
	send(1, 10)
	must(l.Resume())
	send(2, 20)
	must(l.Pause())
	must(l.Pause())
	send(3, 40)
	count := func(n int) func([]packet.Frame) bool {
		return func(got []packet.Frame) bool { return len(got) >= n }
	}
	for i, f := range readUntil(t, l, count(20)) {
		if f.Data[14] != 2 {
			t.Errorf("frame %d is of phase %d", i, f.Data[14])
		}
	}

	pair.Delete()
	readUntil(t, l, func([]packet.Frame) bool { return !l.Stats().Up })
	pair.Create()
	readUntil(t, l, func([]packet.Frame) bool { return l.Stats().Up })
	send(4, 10)
	must(l.Resume())
	send(5, 20)
	got := readUntil(t, l, count(20))
	got = append(got, drain(t, l)...)
	for i, f := range got {
		if f.Data[14] != 5 {
			t.Errorf("frame %d is of phase %d", i, f.Data[14])
		}
	}
	if len(got) != 20 {
		t.Errorf("%d frames, want 20", len(got))
	}
}

// TestStandbyRefusals: only what was opened for it stands by, with one worker.
func TestStandbyRefusals(t *testing.T) {
	cfg := liveOn("eth1")
	cfg.Standby, cfg.Workers = true, 2
	if cfg.Validate() == nil {
		t.Error("two workers in standby are allowed")
	}
	pair := netnstest.NewPair(t)
	if openIn(t, pair.B.NS, liveOn(pair.B.Name)).Pause() == nil {
		t.Error("a capture that was not opened for standby was paused")
	}
}
