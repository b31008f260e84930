package flows

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/netmond/netmond/packet"
)

// model is TCP health of one direction written for reading: it keeps every octet it has seen and
// every one that is missing in sets.
type model struct {
	base    uint32 // offsets below are from here, so that nothing wraps
	next    int
	missing map[int]bool
	since   float64 // when missing became non-empty, ms
	largest int
	got     sick
}

const modelWindow = 3.0 // ms, without a handshake

func (o *model) settle(at float64) {
	if len(o.missing) > 0 && at-o.since > modelWindow {
		o.got.Lost += uint32((len(o.missing) + o.largest - 1) / o.largest)
		o.missing = map[int]bool{}
	}
}

func (o *model) segment(s step) {
	begin := int(int32(s.seq - o.base))
	end := begin + int(s.len)
	o.settle(s.at)
	o.largest = max(o.largest, int(s.len))
	if s.zero {
		o.got.ZeroWindows++
	}
	late := 0
	for i := begin; i < end; i++ {
		if o.missing[i] {
			delete(o.missing, i)
			late++
		}
	}
	switch {
	case s.len <= 1 && begin == o.next-1:
		o.got.KeepAlives++
		return
	case s.len == 0 || begin == o.next:
	case begin > o.next:
		if len(o.missing) == 0 {
			o.since = s.at
		}
		for i := o.next; i < begin; i++ {
			o.missing[i] = true
		}
	case late > 0:
		o.got.OutOfOrder++
	case begin < o.next && !(begin == o.next-1 && s.len > 1):
		o.got.Retransmissions++
	}
	o.next = max(o.next, end)
}

// TestTCPModel sends one direction's segments in order, lost, late within the reorder window and
// again after it, from any sequence number, and compares with the model.
func TestTCPModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		base := rapid.Uint32().Draw(t, "base")
		at, next := 0.0, base
		first := step{server: true, at: at, flags: ack, seq: next, len: uint32(rapid.IntRange(2, 50).Draw(t, "len"))}
		next += first.len
		sent := []step{first}
		var held []step // delayed segments, to be sent within the window
		var past []step // what may be sent again
		var gapSince float64
		for range rapid.IntRange(1, 60).Draw(t, "segments") {
			at += rapid.SampledFrom([]float64{0.01, 0.1, 0.5}).Draw(t, "pause")
			data := step{server: true, at: at, flags: ack, seq: next, len: uint32(rapid.IntRange(2, 50).Draw(t, "len"))}
			// A held segment leaves while the window of the gap before it is open.
			if len(held) > 0 && at-gapSince > 1 {
				for _, h := range held {
					h.at = at
					sent = append(sent, h)
				}
				held = nil
				continue
			}
			switch rapid.SampledFrom([]string{"data", "data", "lose", "hold", "again", "keep-alive", "zero", "rest"}).Draw(t, "kind") {
			case "data":
				past, sent, next = append(past, data), append(sent, data), next+data.len
			case "lose":
				if len(held) == 0 {
					past, next = append(past, data), next+data.len
					gapSince = at
				}
			case "hold":
				if len(held) == 0 {
					gapSince = at
				}
				held, next = append(held, data), next+data.len
			case "again":
				if len(held) == 0 && len(past) > 0 {
					at += 2 * modelWindow // no gap is open any more
					s := rapid.SampledFrom(past).Draw(t, "again")
					s.at = at
					sent = append(sent, s)
				}
			case "keep-alive":
				if len(held) == 0 && sent[len(sent)-1].seq+sent[len(sent)-1].len == next {
					sent = append(sent, step{server: true, at: at, flags: ack, seq: next - 1, len: uint32(rapid.IntRange(0, 1).Draw(t, "probe"))})
				}
			case "zero":
				sent = append(sent, step{server: true, at: at, flags: ack, seq: first.seq, zero: true})
			case "rest":
				at += 2 * modelWindow
				held = nil // they are lost after all
			}
		}
		want := model{base: base, next: int(first.len), missing: map[int]bool{}, largest: int(first.len)}
		for _, s := range sent[1:] {
			want.segment(s)
		}
		end := testTime + int64(1e12)
		want.settle(1e6)

		tbl := newTable(t2(t), Config{MaxFlows: 64, Seed: 1})
		w := tbl.NewWorker()
		fold := rapid.SampledFrom([]int{1, 3, 1000}).Draw(t, "fold every")
		for i, s := range sent {
			addMetas(w, s.meta())
			if i%fold == fold-1 {
				tbl.Snapshot()
			}
		}
		tbl.Tick(end)
		for _, f := range flowsOf(tbl) {
			if got := sickOf(f.FromClient); got != want.got {
				t.Fatalf("got  %+v\nwant %+v\nsegments %+v", got, want.got, sent)
			}
			if got, want := f.FromClient.Packets, uint64(len(sent)); got != want {
				t.Fatalf("%d packets, want %d", got, want)
			}
		}
	})
}

// TestGapFill compares the gap's arithmetic with a set of numbers.
func TestGapFill(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lo := rapid.Uint32().Draw(t, "lo")
		n := rapid.IntRange(1, 20).Draw(t, "n")
		g := gap{lo: lo, hi: lo + uint32(n), missing: uint32(n)}
		missing := make([]bool, n)
		for i := range missing {
			missing[i] = true
		}
		// From both edges inwards: the order in which late segments of one gap arrive.
		from, to := 0, n
		for from < to {
			size := rapid.IntRange(1, to-from).Draw(t, "size")
			begin := from
			if rapid.Bool().Draw(t, "upper") {
				begin = to - size
				to = begin
			} else {
				from += size
			}
			for i := begin; i < begin+size; i++ {
				missing[i] = false
			}
			if !g.fill(lo+uint32(begin), lo+uint32(begin+size)) {
				t.Fatalf("[%d,%d) of %d was missing", begin, begin+size, n)
			}
			if again := g; again.fill(lo+uint32(begin), lo+uint32(begin+size)) {
				t.Fatalf("[%d,%d) of %d was missing twice", begin, begin+size, n)
			}
			left := 0
			for _, m := range missing {
				if m {
					left++
				}
			}
			if int(g.missing) != left {
				t.Fatalf("%d missing, want %d", g.missing, left)
			}
		}
		if g.fill(lo, lo+uint32(n)) {
			t.Fatal("a filled gap takes more")
		}
	})
}

// t2 gives newTable what it needs of a rapid.T: newRegistry never fails on its fixed list.
func t2(*rapid.T) testing.TB { return noFail{} }

type noFail struct{ testing.TB }

func (noFail) Helper()           {}
func (noFail) Fatal(args ...any) { panic(args) }

// TestSequenceGarbage feeds any headers at all: nothing panics, no sum is lost, and health counts
// stay below what the packets can cause.
func TestSequenceGarbage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tbl := newTable(t2(t), Config{MaxFlows: 8, Shards: 1, Seed: 1})
		w := tbl.NewWorker()
		n := rapid.IntRange(1, 100).Draw(t, "packets")
		for range n {
			s := step{
				server: rapid.Bool().Draw(t, "server"), flags: rapid.Uint8().Draw(t, "flags"),
				seq: rapid.SampledFrom([]uint32{0, 1, 2, 1 << 30, 1<<31 - 1, 1 << 31, 1<<32 - 1}).Draw(t, "seq"),
				ack: rapid.SampledFrom([]uint32{0, 1, 2, 1 << 30, 1 << 31, 1<<32 - 1}).Draw(t, "ack"),
				len: rapid.SampledFrom([]uint32{0, 1, 2, 1460, 1 << 16, 1<<32 - 1}).Draw(t, "len"), zero: rapid.Bool().Draw(t, "zero"),
			}
			m := s.meta()
			m.Time = rapid.SampledFrom([]int64{testTime, testTime + ms, -1 << 63, 1<<63 - 1, 0}).Draw(t, "time")
			m.Time = min(max(m.Time, -maxTime), maxTime)
			addMetas(w, m)
		}
		snap := tbl.Snapshot()
		checkClosed(t, snap)
		checkFlows(t, tbl, snap)
		if snap.Capture.Packets != uint64(n) {
			t.Fatalf("%d packets, want %d", snap.Capture.Packets, n)
		}
		for _, f := range flowsOf(tbl) {
			for _, d := range []FlowDirection{f.FromClient, f.FromServer} {
				counts := []uint32{d.Retransmissions, d.OutOfOrder, d.KeepAlives, d.ZeroWindows}
				if uint64(slices.Max(counts)) > d.Packets || uint64(d.Lost) > d.Packets*maxLostPerGap {
					t.Fatalf("%+v of %d packets", sickOf(d), d.Packets)
				}
			}
			if f.FromClient.TCPFlags&packet.TCPSyn == 0 && f.ServerRTT != 0 {
				t.Fatal("a round trip without a SYN")
			}
		}
	})
}
