package capture

import (
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
	"pgregory.net/rapid"

	"github.com/netmond/netmond/packet"
)

// A ringFrame is a frame as the kernel writes it to a block.
type ringFrame struct {
	data      []byte
	wire      uint32 // 0: len(data)
	sec, nsec uint32
	status    uint32
	tci       uint32
	tpid      uint16
	hatype    uint16
}

// makeBlock lays frames out as the kernel does, in a block of size bytes.
func makeBlock(size int, frames ...ringFrame) []byte {
	ne := binary.NativeEndian
	b := make([]byte, size)
	ne.PutUint32(b[blkStatus:], unix.TP_STATUS_USER)
	ne.PutUint32(b[blkFrames:], uint32(len(frames)))
	ne.PutUint32(b[blkFirst:], blkHdrLen)
	off := blkHdrLen
	for i, f := range frames {
		const mac = 82 // with the IP header on a multiple of 16
		h := b[off:]
		wire := f.wire
		if wire == 0 {
			wire = uint32(len(f.data))
		}
		ne.PutUint32(h[frmSec:], f.sec)
		ne.PutUint32(h[frmNsec:], f.nsec)
		ne.PutUint32(h[frmSnap:], uint32(len(f.data)))
		ne.PutUint32(h[frmLen:], wire)
		ne.PutUint32(h[frmStatus:], f.status|unix.TP_STATUS_USER)
		ne.PutUint16(h[frmMac:], mac)
		ne.PutUint32(h[frmTCI:], f.tci)
		ne.PutUint16(h[frmTPID:], f.tpid)
		ne.PutUint16(h[frmHatype:], f.hatype)
		copy(h[mac:], f.data)
		next := (mac + len(f.data) + 15) &^ 15
		if i+1 < len(frames) {
			ne.PutUint32(h[frmNext:], uint32(next))
		}
		off += next
	}
	return b
}

// parseAll gives all frames of block that can be read, part by part.
func parseAll(p *blockParser, block []byte, frames []packet.Frame) ([]packet.Frame, tally, error) {
	var sum tally
	err := p.begin(block)
	for err == nil && p.more() {
		var part tally
		frames, part, err = p.parse(frames)
		sum.bytes += part.bytes
		sum.truncated += part.truncated
	}
	return frames, sum, err
}

func TestParseBlock(t *testing.T) {
	data := []byte("a frame")
	const vlan, tpid = unix.TP_STATUS_VLAN_VALID, unix.TP_STATUS_VLAN_TPID_VALID
	block := makeBlock(4096,
		ringFrame{data: data, hatype: unix.ARPHRD_ETHER, sec: 1, nsec: 2},
		ringFrame{data: data, hatype: unix.ARPHRD_LOOPBACK, sec: 1<<32 - 1, nsec: 999_999_999},
		ringFrame{data: data, hatype: unix.ARPHRD_NONE, wire: 1 << 19},
		ringFrame{data: data, hatype: unix.ARPHRD_ETHER, status: vlan | tpid, tci: 0x2005, tpid: 0x88a8},
		ringFrame{data: data, hatype: unix.ARPHRD_ETHER, status: vlan, tci: 5, tpid: 0x88a8},
		ringFrame{data: data, hatype: unix.ARPHRD_ETHER, tci: 5, tpid: 0x8100},
		ringFrame{data: nil, hatype: unix.ARPHRD_CAN},
	)
	want := []packet.Frame{
		{Data: data, WireLen: 7, Link: linkEthernet, Time: 1_000_000_002},
		{Data: data, WireLen: 7, Link: linkEthernet, Time: (1<<32-1)*1e9 + 999_999_999},
		{Data: data, WireLen: 1 << 19, Link: linkRawIP},
		{Data: data, WireLen: 11, Link: linkEthernet, VLANTPID: 0x88a8, VLANTCI: 0x2005},
		{Data: data, WireLen: 11, Link: linkEthernet, VLANTPID: 0x8100, VLANTCI: 5},
		{Data: data, WireLen: 7, Link: linkEthernet},
		{Data: []byte{}, WireLen: 0, Link: linkUnknown},
	}
	var p blockParser
	got, sum, err := parseAll(&p, block, nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("frames (-want +got):\n%s", diff)
	}
	if want := (tally{bytes: 5*7 + 1<<19 + 2*4, truncated: 1}); sum != want {
		t.Errorf("tally %+v, want %+v", sum, want)
	}
	for i, f := range got {
		if cap(f.Data) != len(f.Data) {
			t.Errorf("frame %d: an append to Data would write to the ring: cap %d, len %d", i, cap(f.Data), len(f.Data))
		}
	}
}

// TestParseParts reads a block of several parts.
func TestParseParts(t *testing.T) {
	const n = 2*partLen + 3
	frames := make([]ringFrame, n)
	for i := range frames {
		frames[i] = ringFrame{data: []byte{byte(i), byte(i >> 8)}}
	}
	var p blockParser
	if err := p.begin(makeBlock(blkHdrLen+n*128, frames...)); err != nil {
		t.Fatal(err)
	}
	at := 0
	for _, want := range []int{partLen, partLen, 3} {
		if !p.more() {
			t.Fatalf("the block ends after %d frames", at)
		}
		part, sum, err := p.parse(nil)
		if err != nil || len(part) != want || sum.bytes != uint64(2*want) {
			t.Fatalf("after %d frames: %d frames, %d bytes, %v; want %d frames", at, len(part), sum.bytes, err, want)
		}
		for _, f := range part {
			if got := int(f.Data[0]) | int(f.Data[1])<<8; got != at {
				t.Fatalf("frame %d in place of %d", got, at)
			}
			at++
		}
	}
	if p.more() {
		t.Errorf("the block goes on after its %d frames", n)
	}
}

func TestParseCorruptBlock(t *testing.T) {
	ne := binary.NativeEndian
	at := func(off int, v uint32) func([]byte) []byte {
		return func(b []byte) []byte { ne.PutUint32(b[off:], v); return b }
	}
	const first = blkHdrLen
	tests := map[string]struct {
		spoil  func([]byte) []byte
		frames int
		want   string
	}{
		"no header":                {func(b []byte) []byte { return b[:blkHdrLen-1] }, 0, "has no header"},
		"first frame in header":    {at(blkFirst, blkHdrLen-1), 0, "frame 1 of 3 at offset 47"},
		"first frame beyond block": {at(blkFirst, 4096-frmHdrLen+1), 0, "frame 1 of 3 at offset 4029"},
		"offset near 2^32":         {at(blkFirst, 1<<32-1), 0, "frame 1 of 3 at offset 4294967295"},
		"next is zero":             {at(first+frmNext, 0), 1, "frame 2 of 3 follows after 0 bytes"},
		"next in own header":       {at(first+frmNext, frmHdrLen-1), 1, "frame 2 of 3 follows after 67 bytes"},
		"next beyond block":        {at(first+frmNext, 4096), 1, "frame 2 of 3 at offset 4144"},
		"length beyond block":      {at(first+frmSnap, 4096), 0, "frame 1 of 3 ends at offset"},
		"length near 2^32":         {at(first+frmSnap, 1<<32-1), 0, "frame 1 of 3 ends at offset"},
		"more frames than linked":  {at(blkFrames, 1<<32-1), 3, "frame 4 of 4294967295 follows after 0 bytes"},
		"header beyond block": {func(b []byte) []byte {
			ne.PutUint16(b[first+frmMac:], 1<<16-1)
			return b
		}, 0, "frame 1 of 3 ends at offset"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			f := ringFrame{data: []byte("a frame"), hatype: unix.ARPHRD_ETHER}
			var p blockParser
			got, _, err := parseAll(&p, tc.spoil(makeBlock(4096, f, f, f)), nil)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want %q", err, tc.want)
			}
			if p.more() {
				t.Error("the block goes on after the fault")
			}
			if len(got) != tc.frames {
				t.Errorf("%d frames before the fault, want %d", len(got), tc.frames)
			}
		})
	}
}

// checkParse parses a block of any bytes and holds the laws that are true of all: it ends, reads
// nothing outside, and gives frames in order that do not overlap.
func checkParse(t interface{ Fatalf(string, ...any) }, block []byte) {
	// What follows the block in memory belongs to the next one.
	mem := append(slices.Clone(block), make([]byte, 256)...)
	var p blockParser
	frames, sum, err := parseAll(&p, mem[:len(block):len(block)], nil)
	if most := len(block) / frmHdrLen; len(frames) > most {
		t.Fatalf("%d frames in a block with room for %d", len(frames), most)
	}
	var bytes uint64
	for i := range frames {
		bytes += uint64(frames[i].WireLen)
	}
	if bytes != sum.bytes {
		t.Fatalf("tally of %d bytes, frames have %d", sum.bytes, bytes)
	}
	if n := 0; err == nil && len(block) >= blkHdrLen {
		n = int(binary.NativeEndian.Uint32(block[blkFrames:]))
		if n != len(frames) {
			t.Fatalf("%d frames without an error, the block says %d", len(frames), n)
		}
	}
}

func FuzzParseBlock(f *testing.F) {
	a := ringFrame{data: []byte("a frame"), hatype: unix.ARPHRD_ETHER, status: unix.TP_STATUS_VLAN_VALID}
	f.Add(makeBlock(512, a, a, a))
	f.Add(makeBlock(256))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, block []byte) { checkParse(t, block) })
}

// TestParseAnyBlock spoils whole words of a good block, which random bytes would rarely come near.
func TestParseAnyBlock(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		frames := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) ringFrame {
			return ringFrame{data: make([]byte, rapid.IntRange(0, 200).Draw(t, "len"))}
		}), 0, 12).Draw(t, "frames")
		block := makeBlock(4096, frames...)
		for range rapid.IntRange(0, 6).Draw(t, "faults") {
			off := 4 * rapid.IntRange(0, len(block)/4-1).Draw(t, "offset")
			v := rapid.OneOf(rapid.Uint32(), rapid.Uint32Range(0, 4200)).Draw(t, "value")
			binary.NativeEndian.PutUint32(block[off:], v)
		}
		checkParse(t, block[:rapid.IntRange(0, len(block)).Draw(t, "size")])
	})
}

// TestRingTakesTurns reads a ring in memory of its own, past its end, as the kernel would fill it.
func TestRingTakesTurns(t *testing.T) {
	const size, blocks = 4096, 3
	r := &ring{mem: make([]byte, size*blocks), block: size}
	for i := range 2*blocks + 1 {
		if block, _ := r.take(); block != nil || r.ready() {
			t.Fatalf("turn %d: a block that the kernel has not handed over", i)
		}
		r.giveBack() // none is lent: nothing happens
		slot := r.mem[i%blocks*size:][:size]
		copy(slot, makeBlock(size, ringFrame{data: []byte{byte(i)}}))
		block, _ := r.take()
		if block == nil || &block[0] != &slot[0] || len(block) != size || cap(block) != size {
			t.Fatalf("turn %d: not the block that the kernel handed over", i)
		}
		r.giveBack()
		if status := binary.NativeEndian.Uint32(slot[blkStatus:]); status != unix.TP_STATUS_KERNEL {
			t.Fatalf("turn %d: status %#x after the return of the block", i, status)
		}
	}
}

// benchBlock is a full block of frames of n bytes, and how many there are.
func benchBlock(n int) ([]byte, int) {
	f := ringFrame{data: make([]byte, n), hatype: unix.ARPHRD_ETHER, sec: 1}
	frames := slices.Repeat([]ringFrame{f}, (MinBlockBytes-blkHdrLen)/((82+n+15)&^15))
	return makeBlock(MinBlockBytes, frames...), len(frames)
}

func TestParseAllocatesNothing(t *testing.T) {
	block, n := benchBlock(128)
	var p blockParser
	frames := make([]packet.Frame, 0, n)
	if got := testing.AllocsPerRun(10, func() { frames, _, _ = parseAll(&p, block, frames[:0]) }); got != 0 {
		t.Errorf("%v allocations a block, want 0", got)
	}
	if len(frames) != n {
		t.Errorf("%d frames, want %d", len(frames), n)
	}
}

func BenchmarkParseBlock(b *testing.B) {
	for name, size := range map[string]int{"bytes=64": 64, "bytes=128": 128, "bytes=1514": 1514} {
		b.Run(name, func(b *testing.B) {
			block, n := benchBlock(size)
			var p blockParser
			frames := make([]packet.Frame, 0, n)
			b.ReportAllocs()
			for b.Loop() {
				frames, _, _ = parseAll(&p, block, frames[:0])
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/frame")
		})
	}
}
