package flows

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/goleak"

	"github.com/netmond/netmond/apps"
	"github.com/netmond/netmond/localnets"
	"github.com/netmond/netmond/packet"
)

// kept is a source whose frames all stay.
type kept struct {
	*blocks
	asked int
}

func (k *kept) Keep(n int) { k.asked = n }

// crewFrames are four seconds of n frames: TCP with gaps, retransmissions and ends, names, applications
// recognised late, and more hosts and pairs of networks than the bounds of TestCrew allow.
func crewFrames(n int) []packet.Frame {
	r := rand.New(rand.NewPCG(5, 6))
	var frames []packet.Frame
	for i := range n {
		at := testTime + int64(i)*4*sec/int64(n)
		if r.IntN(50) == 0 {
			at -= sec / 2
		}
		client := netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(r.IntN(256))}), uint16(1024+r.IntN(20)))
		server := netip.AddrPortFrom(netip.AddrFrom4([4]byte{[]byte{198, 203}[r.IntN(2)], 51, 100, byte(r.IntN(40))}), []uint16{53, 80, 4000}[r.IntN(3)])
		if r.IntN(2) == 0 {
			client, server = server, client
		}
		if r.IntN(3) > 0 {
			flags := []uint8{syn, syn | ack, ack, ack, ack | psh, ack | psh, fin | ack, rst}[r.IntN(8)]
			payload := [][]byte{nil, []byte("GET / HTTP/1.1\r\nHost: www.example.com\r\n\r\n"), make([]byte, 100)}[r.IntN(3)]
			frames = append(frames, ipv4(6, client, server, at, flags, uint32(r.IntN(5))*100, uint32(r.IntN(5))*100, payload))
		} else {
			frames = append(frames, ipv4(17, client, server, at, 0, 0, 0, make([]byte, r.IntN(60))))
		}
	}
	return frames
}

// TestCrew replays the same frames with one worker and with several: every figure of every second and
// every flow is the same, also where bounds decide by what came first.
func TestCrew(t *testing.T) {
	defer goleak.VerifyNone(t)
	frames := crewFrames(20_000)
	type result struct {
		Snapshots []*Snapshot
		Flows     map[packet.Key]Flow
	}
	replay := func(workers, maxFlows int, src Source) (res result) {
		nets, err := localnets.ParseList([]string{"192.0.2.0/25=a,192.0.2.128/26=b,192.0.2.192/26=c,198.51.100.0/28=d,198.51.100.16/28=e"})
		if err != nil {
			t.Fatal(err)
		}
		cfg := localnets.DefaultConfig()
		cfg.AppNames, cfg.MaxHosts, cfg.MaxMatrixCells = apps.Names(), 100, 4
		registry, err := localnets.New(cfg, nets)
		if err != nil {
			t.Fatal(err)
		}
		tbl, err := New(Config{MaxFlows: maxFlows, Seed: 1, Workers: workers, IdleTimeout: time.Second}, registry)
		if err != nil {
			t.Fatal(err)
		}
		err = tbl.Replay(t.Context(), src, func(int64) error {
			res.Snapshots = append(res.Snapshots, tbl.Snapshot())
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		s := tbl.Snapshot()
		checkClosed(t, s)
		checkShards(t, tbl)
		res.Snapshots, res.Flows = append(res.Snapshots, s), flowsOf(tbl)
		if len(tbl.workers) != 0 {
			t.Errorf("%d workers left", len(tbl.workers))
		}
		return res
	}
	cut := func(left int) int { return min(left, 700) }
	for _, maxFlows := range []int{300, 100_000} {
		want := replay(1, maxFlows, &blocks{frames: frames, cut: cut})
		if len(want.Snapshots) < 4 || want.Snapshots[3].Table.Entries == 0 {
			t.Fatalf("%d seconds", len(want.Snapshots))
		}
		for _, workers := range []int{2, 3, 8} {
			src := &kept{blocks: &blocks{frames: frames, cut: cut}}
			got := replay(workers, maxFlows, src)
			if src.asked != crewJobs {
				t.Errorf("%d workers: the source was asked to keep %d blocks", workers, src.asked)
			}
			if d := cmp.Diff(want, got, cmpopts.EquateComparable(netip.AddrPort{}, netip.Addr{}, netip.Prefix{})); d != "" {
				t.Errorf("%d flows at most, %d workers (-one +several):\n%s", maxFlows, workers, d[:min(len(d), 3000)])
			}
		}
	}
}

// TestCrewEnds ends replays by errors, and takes snapshots beside one.
func TestCrewEnds(t *testing.T) {
	defer goleak.VerifyNone(t)
	frames := crewFrames(20_000)
	broken, stop := errors.New("broken"), errors.New("stop")
	for _, tt := range []struct {
		name   string
		err    error
		onTick func(int64) error
		want   error
	}{
		{"error of the source", broken, nil, broken},
		{"error of onTick", nil, func(int64) error { return stop }, stop},
	} {
		tbl := newTable(t, Config{MaxFlows: 1000, Workers: 3})
		src := &kept{blocks: &blocks{frames: frames, cut: func(left int) int { return min(left, 512) }, err: tt.err}}
		if err := tbl.Replay(t.Context(), src, tt.onTick); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v", tt.name, err)
		}
		checkClosed(t, tbl.Snapshot())
	}

	tbl := newTable(t, Config{MaxFlows: 1000, Workers: 2})
	done, ctx := make(chan error), t.Context()
	go func() { // ends with the frames
		done <- tbl.Replay(ctx, &kept{blocks: &blocks{frames: frames, cut: func(left int) int { return min(left, 100) }}}, nil)
	}()
	for {
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			if s := tbl.Snapshot(); s.Capture.Packets != uint64(len(frames)) {
				t.Errorf("%d packets, want %d", s.Capture.Packets, len(frames))
			}
			return
		default:
			checkClosed(t, tbl.Snapshot())
		}
	}
}

// A panic while counting is the caller's, whoever of the crew it came to.
func TestCrewPanics(t *testing.T) {
	defer goleak.VerifyNone(t)
	tbl := newTable(t, Config{MaxFlows: 1000, Workers: 4, Seed: 1})
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	for i := range tbl.shards {
		tbl.shards[i].index.slots = nil
	}
	tbl.Replay(context.Background(), &kept{blocks: &blocks{frames: crewFrames(5000), cut: whole}}, nil)
}
