package flows

import (
	"context"
	"errors"
	"io"
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/netmond/netmond/packet"
)

// blocks is a Source of prepared frames, cut as asked.
type blocks struct {
	frames []packet.Frame
	cut    func(left int) int
	err    error // instead of io.EOF
}

func (b *blocks) ReadBlock(blk *packet.Block) error {
	if len(b.frames) == 0 {
		if b.err != nil {
			return b.err
		}
		return io.EOF
	}
	n := b.cut(len(b.frames))
	blk.Frames = b.frames[:n]
	b.frames = b.frames[n:]
	return nil
}

func whole(left int) int { return left }

func framesAt(times ...int64) []packet.Frame {
	var frames []packet.Frame
	for i, at := range times {
		frames = append(frames, ipv4(17, ap("192.0.2.10:5000"), ap("203.0.113.5:53"), at, 0, 0, 0, make([]byte, i%7)))
	}
	return frames
}

func TestReplayTicks(t *testing.T) {
	const s, start = sec, testTime
	for _, tt := range []struct {
		name  string
		times []int64
		want  []int64
	}{
		{"none", nil, nil},
		{"within a second", []int64{start, start + s - 1}, nil},
		{"the first frame sets the clock", []int64{start + s/2, start + s - 1, start + s}, []int64{start + s}},
		{"each second once", []int64{start, start + s, start + s, start + 2*s + 5}, []int64{start + s, start + 2*s}},
		{"the minutes of a gap", []int64{start, start + 150*s + 7}, []int64{
			nextMinute(start), nextMinute(start) + 60*s, start + 150*s}},
		{"backwards", []int64{start, start + 2*s, start - 10*s, start + 2*s + 1, start + 3*s}, []int64{start + 2*s, start + 3*s}},
		{"before 1970", []int64{-5*s - 1, -5 * s, -1, 0}, []int64{-5 * s, -s, 0}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tbl := newTable(t, Config{MaxFlows: 64})
			var got []int64
			seen := 0
			err := tbl.Replay(t.Context(), &blocks{frames: framesAt(tt.times...), cut: whole}, func(now int64) error {
				got = append(got, now)
				snap := tbl.Snapshot()
				checkClosed(t, snap)
				for int(snap.Capture.Packets) > seen { // exactly the frames before this tick
					if at := tt.times[seen]; len(got) > 0 && at >= now && slices.Max(tt.times[:seen+1]) >= now {
						t.Errorf("the frame at %d was counted before the tick at %d", at, now)
					}
					seen++
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			diff(t, "ticks", tt.want, got)
			if n := tbl.Snapshot().Capture.Packets; n != uint64(len(tt.times)) {
				t.Errorf("%d packets, want %d", n, len(tt.times))
			}
		})
	}
}

func nextMinute(at int64) int64 { return at - at%minute + minute }

// A long gap ends with one tick after the minutes of its first day, and all gaps together cause no
// more than gapMinutes.
func TestReplayLongGaps(t *testing.T) {
	for _, tt := range []struct {
		name  string
		times []int64
		ticks int
		last  int64
	}{
		{"three days", []int64{testTime, testTime + 3*minutesADay*minute}, minutesADay + 1, testTime + 3*minutesADay*minute},
		{"at the ends of time", []int64{math.MinInt64, math.MinInt64 + 1, 0, math.MaxInt64, math.MaxInt64},
			2*minutesADay + 2, math.MaxInt64 / sec * sec},
	} {
		tbl := newTable(t, Config{MaxFlows: 64})
		ticks, last := 0, int64(math.MinInt64)
		err := tbl.Replay(t.Context(), &blocks{frames: framesAt(tt.times...), cut: whole}, func(now int64) error {
			if now <= last {
				t.Errorf("%s: tick at %d after %d", tt.name, now, last)
			}
			ticks, last = ticks+1, now
			return nil
		})
		if err != nil || ticks != tt.ticks || last != tt.last {
			t.Errorf("%s: %d ticks, last %d (%v), want %d, last %d", tt.name, ticks, last, err, tt.ticks, tt.last)
		}
	}
	var times []int64
	for i := range int64(200) {
		times = append(times, testTime+i*2*minutesADay*minute)
	}
	ticks := 0
	tbl := newTable(t, Config{MaxFlows: 64})
	if err := tbl.Replay(t.Context(), &blocks{frames: framesAt(times...), cut: whole}, func(int64) error { ticks++; return nil }); err != nil {
		t.Fatal(err)
	}
	if most := gapMinutes + 2*len(times); ticks > most {
		t.Errorf("%d ticks for 200 gaps of two days, at most %d wanted", ticks, most)
	}
}

// The results do not depend on how a source cuts its blocks.
func TestReplayBlocks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var times []int64
		now := testTime
		for range rapid.IntRange(0, 50).Draw(t, "frames") {
			now += rapid.Int64Range(-sec/2, 2*sec).Draw(t, "pause")
			times = append(times, now)
		}
		type result struct {
			Tick    int64
			Packets uint64
			Ended   [NumEndReasons]uint64
		}
		run := func(cut func(int) int) (results []result) {
			tbl := newTable(t2(t), Config{MaxFlows: 64, Seed: 1, IdleTimeout: time.Second})
			err := tbl.Replay(context.Background(), &blocks{frames: framesAt(times...), cut: cut}, func(now int64) error {
				s := tbl.Snapshot()
				results = append(results, result{now, s.Capture.Packets, s.Table.Ended})
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			return results
		}
		diff(t, "results", run(whole), run(func(left int) int { return rapid.IntRange(0, left).Draw(t, "block") }))
	})
}

func TestReplayEnds(t *testing.T) {
	frames := framesAt(testTime, testTime+sec, testTime+2*sec)
	broken, stop := errors.New("broken"), errors.New("stop")
	ctx, cancel := context.WithCancel(t.Context())
	for _, tt := range []struct {
		name    string
		src     *blocks
		onTick  func(int64) error
		want    error
		packets uint64
	}{
		{"end", &blocks{frames: frames, cut: whole}, nil, nil, 3},
		{"error of the source", &blocks{frames: frames, cut: whole, err: broken}, nil, broken, 3},
		{"error of onTick", &blocks{frames: frames, cut: whole}, func(int64) error { return stop }, stop, 1},
		{"cancelled by onTick", &blocks{frames: frames, cut: whole}, func(int64) error { cancel(); return nil }, context.Canceled, 1},
	} {
		tbl := newTable(t, Config{MaxFlows: 64})
		if err := tbl.Replay(ctx, tt.src, tt.onTick); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
		s := tbl.Snapshot()
		checkClosed(t, s)
		if s.Capture.Packets != tt.packets {
			t.Errorf("%s: %d packets, want %d", tt.name, s.Capture.Packets, tt.packets)
		}
		if n := len(tbl.workers); n != 0 {
			t.Errorf("%s: %d workers left", tt.name, n)
		}
	}
}
