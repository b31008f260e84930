package capture

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/netmond/netmond/internal/pcaptest"
	"github.com/netmond/netmond/packet"
)

// slowMerge takes, one by one, the earliest of the files' next packets.
func slowMerge(files [][]pcaptest.Packet) (out []pcaptest.Packet) {
	for {
		first := -1
		for i, f := range files {
			if len(f) > 0 && (first < 0 || f[0].Time < files[first][0].Time) {
				first = i
			}
		}
		if first < 0 {
			return out
		}
		out = append(out, files[first][0])
		files[first] = files[first][1:]
	}
}

// TestMergeLikeSlow compares the merge with the plain loop, for files whose times may repeat and run
// backwards and whose sizes need several windows. Frames are read when their block is whole, so that
// one whose bytes were moved too early differs.
func TestMergeLikeSlow(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 6).Draw(t, "files")
		var paths []string
		var files [][]pcaptest.Packet
		serial := uint32(0)
		for i := range n {
			count := rapid.IntRange(0, 400).Draw(t, "packets")
			size := rapid.SampledFrom([]int{4, 60, 1500, 9000}).Draw(t, "size")
			step := rapid.SampledFrom([]int64{0, 1, 1000}).Draw(t, "step")
			back := rapid.IntRange(0, 50).Draw(t, "back")
			var packets []pcaptest.Packet
			at := rapid.Int64Range(0, 5000).Draw(t, "start")
			for j := range count {
				data := make([]byte, size)
				binary.LittleEndian.PutUint32(data, serial)
				serial++
				packets = append(packets, pcaptest.Packet{Time: at, Data: data})
				if at += step; back != 0 && j%back == back-1 {
					at = max(0, at-3*step)
				}
			}
			data := pcaptest.Pcap(packets...)
			switch i % 3 {
			case 1:
				data = pcaptest.Pcapng(packets...)
			case 2:
				data = gzipped(data)
			}
			path := filepath.Join(dir, fmt.Sprint(i))
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
			paths, files = append(paths, path), append(files, packets)
		}
		type fact struct {
			Serial uint32
			Time   int64
		}
		var want, got []fact
		for _, p := range slowMerge(slices.Clone(files)) {
			want = append(want, fact{binary.LittleEndian.Uint32(p.Data), p.Time})
		}
		f := OpenFiles(paths, nil)
		defer f.Close()
		var b packet.Block
		for f.ReadBlock(&b) == nil {
			if len(b.Frames) == 0 || len(b.Frames) > maxBlockFrames {
				t.Fatalf("block of %d frames", len(b.Frames))
			}
			for i := range b.Frames {
				got = append(got, fact{binary.LittleEndian.Uint32(b.Frames[i].Data), b.Frames[i].Time})
			}
		}
		if len(f.Errors()) != 0 || !slices.Equal(want, got) {
			t.Fatalf("errors %v, frames (-slow +merged):\n%.2000s", f.Errors(), cmp.Diff(want, got))
		}
	})
}

// TestMergeExtremeTimes: the first and last times of 64 bits merge like any other.
func TestMergeExtremeTimes(t *testing.T) {
	file := func(name string, offsets ...int64) string {
		b := pcaptest.NewPcapng(false)
		for i, o := range offsets {
			b.Interface(pcaptest.Interface{Link: 1, Offset: o})
			b.Enhanced(pcaptest.Packet{Interface: i, Data: []byte(name)})
		}
		return pcaptest.File(t, name, b.Bytes())
	}
	const low, high = -1 << 63, 1<<63 - 1 // seconds, which saturate
	f := OpenFiles([]string{file("a", low, high, low), file("b", low, 0, high), file("c", low)}, nil)
	var got bytes.Buffer
	if _, errs := readAll(t, f, func(fr *packet.Frame) { got.Write(fr.Data) }); len(errs) != 0 {
		t.Errorf("errors %v", errs)
	}
	if want := "abcbaab"; got.String() != want {
		t.Errorf("order %s, want %s", &got, want)
	}
}
