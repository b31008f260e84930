package history

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestPack(t *testing.T) {
	for _, v := range []uint64{0, 1, 2047, 2048, 2049, 4095, 4096, 1<<32 - 1, 1 << 32, 1 << 63, math.MaxUint64 - 1<<52, math.MaxUint64} {
		checkPack(t, v)
	}
	for v := range uint64(2048) {
		if got := unpack(pack(v)); got != v {
			t.Fatalf("%d came back as %d", v, got)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.Uint64().Draw(t, "a"), rapid.Uint64().Draw(t, "b")
		checkPack(t, a)
		if a <= b && pack(a) > pack(b) {
			t.Fatalf("%d is packed above %d", a, b)
		}
	})
}

func checkPack(t interface{ Fatalf(string, ...any) }, v uint64) {
	p := pack(v)
	if p == absent {
		t.Fatalf("%d is packed as absent", v)
	}
	if got := unpack(p); math.Abs(float64(got)-float64(v)) > float64(v)/2048+0.5 {
		t.Fatalf("%d came back as %d", v, got)
	}
}

func TestLongMantissa(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.Uint64().Draw(t, "v")
		got, err := decode(encode([]point{{1, pack(v)}}, longMantissa))
		if err != nil {
			t.Fatal(err)
		}
		if back := float64(unpack(got[0][1])); math.Abs(back-float64(v)) > float64(v)*(1./256+1./2048) || v < 256 && back != float64(v) {
			t.Fatalf("%d came back as %.0f", v, back)
		}
	})
}

func drawPoints(t *rapid.T) []point {
	n := rapid.IntRange(0, 300).Draw(t, "n")
	points := make([]point, n)
	noisy := rapid.IntRange(0, NumFields).Draw(t, "noisy")
	for i := range points {
		if rapid.IntRange(0, 9).Draw(t, "gap") == 0 {
			points[i] = noPoint
			continue
		}
		for f := range noisy {
			points[i][f] = pack(rapid.Uint64().Draw(t, "v"))
		}
	}
	return points
}

func TestChunkRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawPoints(t)
		got, err := decode(encode(want, mantissa))
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != len(want) {
			t.Fatalf("%d points came back as %d", len(want), len(got))
		}
		for i := range want {
			if got[i] != want[i] {
				t.Fatalf("point %d: %v came back as %v", i, want[i], got[i])
			}
		}
	})
}

func TestFrameRoundTrip(t *testing.T) {
	points := [][]point{{{1, 2, 3}, noPoint}, {{4}, {5, 0, 0, 6}}}
	f := frame{count: 2, names: []string{"a", "b"}, points: points}
	got, err := decodeFrame(f.encode([]int64{7, 9}), 2)
	if err != nil {
		t.Fatal(err)
	}
	for i, id := range []int64{7, 9} {
		if len(got[id]) != 2 || got[id][0] != points[i][0] || got[id][1] != points[i][1] {
			t.Errorf("series %d: got %v, want %v", id, got[id], points[i])
		}
	}
	if _, err := decodeFrame(f.encode([]int64{7, 9}), 3); err == nil {
		t.Error("a frame of other length was read")
	}
}

// FuzzDecode: any bytes give points or an error, within bounds.
func FuzzDecode(f *testing.F) {
	f.Add(encode([]point{{1}, noPoint, {3000, 4}}, mantissa))
	f.Add(encode([]point{{1}, noPoint, {3000, 4}}, longMantissa))
	f.Add(encodeApps([]AppBytes{{"DNS", 1, 2, 3}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		if points, err := decode(b); err == nil && len(points) > maxChunk {
			t.Errorf("%d points", len(points))
		}
		if list, err := decodeApps(b); err == nil && len(list) > maxApps+1 {
			t.Errorf("%d protocols", len(list))
		}
		decodeFrame(b, 3)
	})
}
