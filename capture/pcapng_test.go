package capture

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/big"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/netmond/netmond/internal/pcaptest"
	"github.com/netmond/netmond/packet"
)

func both(t *testing.T, test func(t *testing.T, big bool)) {
	t.Run("little", func(t *testing.T) { test(t, false) })
	t.Run("big", func(t *testing.T) { test(t, true) })
}

// TestPcapngBlocks has every kind of packet block in two sections of different byte orders, with
// blocks between them that are passed over.
func TestPcapngBlocks(t *testing.T) {
	both(t, func(t *testing.T, bigEndian bool) {
		a := pcaptest.NewPcapng(bigEndian)
		a.Block(4, bytesOf(40, 1)) // names
		a.Interface(pcaptest.Interface{Link: 1, Snaplen: 64, Resolution: 6})
		a.Interface(pcaptest.Interface{Link: 113})
		a.Simple(pcaptest.Packet{Data: bytesOf(64, 1), WireLen: 1000}) // cut by the snaplen of interface 0
		a.Enhanced(pcaptest.Packet{Time: 5e6, Data: bytesOf(61, 2)})
		a.Block(0x0bad, bytesOf(3*bufferSize, 1)) // longer than the window
		a.Obsolete(pcaptest.Packet{Time: 6e9, Data: bytesOf(10, 3), WireLen: 99, Interface: 1})
		a.Simple(pcaptest.Packet{Data: bytesOf(7, 4)})
		a.Block(0x40000bad, bytesOf(24, 1)) // custom
		b := pcaptest.NewPcapng(!bigEndian)
		b.Block(10, bytesOf(12, 1)) // secrets
		b.Interface(pcaptest.Interface{Link: 101, Offset: -7})
		b.Enhanced(pcaptest.Packet{Time: 1, Data: bytesOf(20, 5)}, b.Option(1, []byte("comment")), b.Option(0, nil))
		want := []packet.Frame{
			{Link: 1, Interface: 0, Time: 5e9, WireLen: 1000, Data: bytesOf(64, 1)}, // time of the next
			{Link: 1, Interface: 0, Time: 5e9, WireLen: 61, Data: bytesOf(61, 2)},
			{Link: 113, Interface: 1, Time: 6e9, WireLen: 99, Data: bytesOf(10, 3)},
			{Link: 1, Interface: 0, Time: 6e9, WireLen: 7, Data: bytesOf(7, 4)},
			{Link: 101, Interface: 2, Time: 1 - 7e9, WireLen: 20, Data: bytesOf(20, 5)},
		}
		got, fault := readFrames(t, slices.Concat(a.Bytes(), b.Bytes()))
		if diff := cmp.Diff(want, got); diff != "" || fault != nil {
			t.Errorf("error %v, frames (-want +got):\n%s", fault, diff)
		}
	})
}

func TestPcapngWithoutTimes(t *testing.T) {
	b := pcaptest.NewPcapng(false)
	b.Interface(pcaptest.Interface{Link: 1})
	for range 3 {
		b.Simple(pcaptest.Packet{Data: bytesOf(60, 1)})
	}
	got, fault := readFrames(t, b.Bytes())
	if fault != nil || len(got) != 3 || got[0].Time != 0 || got[2].Time != 0 {
		t.Errorf("%d frames, error %v: %v", len(got), fault, got)
	}
}

func TestPcapngFCS(t *testing.T) {
	flags := func(b *pcaptest.PcapngBuilder, fcs byte) []byte {
		v := []byte{fcs << 5, fcs >> 3, 0, 0}
		return b.Option(2, v)
	}
	for name, tc := range map[string]struct {
		declared, packet byte // 0: not said
		wire, captured   int
	}{
		"not said":              {0, 0, 100, 80},
		"interface, bytes":      {4, 0, 96, 80},
		"interface, bits":       {32, 0, 96, 80},
		"packet":                {0, 2, 98, 80},
		"packet over interface": {2, 4, 96, 80},
	} {
		t.Run(name, func(t *testing.T) {
			b := pcaptest.NewPcapng(false)
			b.Interface(pcaptest.Interface{Link: 1, FCS: tc.declared})
			p := pcaptest.Packet{Data: bytesOf(80, 1), WireLen: 100}
			comment := b.Option(1, []byte("five!"))
			b.Enhanced(p, comment, flags(b, tc.packet), b.Option(0, nil))
			p.WireLen = 80
			b.Obsolete(p, flags(b, tc.packet))
			got, fault := readFrames(t, b.Bytes())
			if fault != nil || len(got) != 2 {
				t.Fatalf("%d frames, error %v", len(got), fault)
			}
			if int(got[0].WireLen) != tc.wire || len(got[0].Data) != tc.captured {
				t.Errorf("wire %d captured %d, want %d and %d", got[0].WireLen, len(got[0].Data), tc.wire, tc.captured)
			}
			if fcs := 100 - tc.wire; int(got[1].WireLen) != 80-fcs || len(got[1].Data) != 80-fcs {
				t.Errorf("whole frame: wire %d captured %d, want both %d", got[1].WireLen, len(got[1].Data), 80-fcs)
			}
		})
	}
	t.Run("nonsense in a packet's options", func(t *testing.T) {
		b := pcaptest.NewPcapng(false)
		b.Interface(pcaptest.Interface{Link: 1})
		b.Enhanced(pcaptest.Packet{Data: bytesOf(60, 1)}, []byte{9, 0, 0xff, 0xff})
		if got, fault := readFrames(t, b.Bytes()); fault != nil || len(got) != 1 {
			t.Errorf("%d frames, error %v: the packet itself is whole", len(got), fault)
		}
	})
}

// TestPcapngRefused has one fault each, in the second frame's place.
func TestPcapngRefused(t *testing.T) {
	u32 := func(b []byte, at int, v uint32) { binary.LittleEndian.PutUint32(b[at:], v) }
	for name, tc := range map[string]struct {
		add  func(b *pcaptest.PcapngBuilder, at int)
		text string
	}{
		"block length 0":   {func(b *pcaptest.PcapngBuilder, at int) { b.Append(6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0) }, "which is no block length"},
		"block length odd": {func(b *pcaptest.PcapngBuilder, at int) { b.Append(6, 0, 0, 0, 33, 0, 0, 0, 0, 0, 0, 0) }, "which is no block length"},
		"cut header":       {func(b *pcaptest.PcapngBuilder, at int) { b.Append(6, 0, 0, 0, 33) }, "block header is cut: the file ends after 5 bytes"},
		"lengths differ": {func(b *pcaptest.PcapngBuilder, at int) {
			b.Simple(pcaptest.Packet{Data: bytesOf(4, 1)})
			u32(b.Bytes(), at+16, 24)
		}, "begins with a length of 20 and ends with 24"},
		"lengths differ, other": {func(b *pcaptest.PcapngBuilder, at int) { b.Block(99, bytesOf(8, 1)); u32(b.Bytes(), at+16, 24) }, "begins with a length of 20 and ends with 24"},
		"captured over block": {func(b *pcaptest.PcapngBuilder, at int) {
			b.Enhanced(pcaptest.Packet{Data: bytesOf(4, 1)})
			u32(b.Bytes(), at+20, 65536)
		}, "room for 4 bytes claims 65536 captured"},
		"simple over block":    {func(b *pcaptest.PcapngBuilder, at int) { b.Simple(pcaptest.Packet{Data: bytesOf(4, 1), WireLen: 60}) }, "room for 4 bytes claims 60 captured"},
		"captured 4 GiB":       {func(b *pcaptest.PcapngBuilder, at int) { b.Enhanced(pcaptest.Packet{}); u32(b.Bytes(), at+20, 1<<32-1) }, "room for 0 bytes claims 4294967295 captured"},
		"unknown interface":    {func(b *pcaptest.PcapngBuilder, at int) { b.Enhanced(pcaptest.Packet{Interface: 3}) }, "packet of interface 3, of which the section has 1"},
		"interface 4294967295": {func(b *pcaptest.PcapngBuilder, at int) { b.Enhanced(pcaptest.Packet{Interface: 1<<32 - 1}) }, "packet of interface 4294967295"},
		"short packet":         {func(b *pcaptest.PcapngBuilder, at int) { b.Block(6, bytesOf(16, 0)) }, "too short for its own fields"},
		"short simple packet":  {func(b *pcaptest.PcapngBuilder, at int) { b.Block(3, nil) }, "too short for its own fields"},
		"short section":        {func(b *pcaptest.PcapngBuilder, at int) { b.Block(blockSection, []byte{0x4d, 0x3c, 0x2b, 0x1a}) }, "section header of 16 bytes is too short"},
		"section order":        {func(b *pcaptest.PcapngBuilder, at int) { b.Block(blockSection, bytesOf(16, 1)) }, "byte-order magic 01 01 01 01"},
		"section version": {func(b *pcaptest.PcapngBuilder, at int) {
			b.Block(blockSection, []byte{0x4d, 0x3c, 0x2b, 0x1a, 2, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0})
		}, "pcapng version 2.1 is not supported"},
		"section option": {func(b *pcaptest.PcapngBuilder, at int) {
			b.Block(blockSection, []byte{0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0x30, 0x30})
		}, "option 2 claims 12336 bytes where the block has 0 left"},
		"short interface": {func(b *pcaptest.PcapngBuilder, at int) { b.Block(1, bytesOf(4, 0)) }, "interface description of 16 bytes is too short"},
		"interface options": {func(b *pcaptest.PcapngBuilder, at int) {
			b.Block(1, append(bytesOf(8, 0), b.Option(9, []byte{6, 6})...))
		}, "interface option 9 has 2 bytes instead of 1"},
		"unknown block cut": {func(b *pcaptest.PcapngBuilder, at int) { b.Append(99, 0, 0, 0, 40, 0, 0, 0, 1, 2, 3, 4, 5) }, "block of 40 bytes is cut: the file ends after 13"},
	} {
		t.Run(name, func(t *testing.T) {
			b := pcaptest.NewPcapng(false)
			b.Interface(pcaptest.Interface{Link: 1})
			b.Enhanced(pcaptest.Packet{Data: bytesOf(60, 1)})
			at := len(b.Bytes())
			tc.add(b, at)
			frames, fault := readFrames(t, b.Bytes())
			checkFault(t, fault, int64(at), tc.text)
			if len(frames) != 1 {
				t.Errorf("%d frames before the fault, want 1", len(frames))
			}
		})
	}
}

func TestPcapngManyInterfaces(t *testing.T) {
	b := pcaptest.NewPcapng(false)
	for range maxInterfaces {
		b.Interface(pcaptest.Interface{Link: 1})
	}
	b.Enhanced(pcaptest.Packet{Interface: maxInterfaces - 1, Data: bytesOf(60, 1)})
	c := pcaptest.NewPcapng(false)
	c.Interface(pcaptest.Interface{Link: 1})
	c.Enhanced(pcaptest.Packet{Data: bytesOf(60, 1)})
	got, fault := readFrames(t, slices.Concat(b.Bytes(), c.Bytes()))
	if fault != nil || len(got) != 2 || got[0].Interface != math.MaxUint16 || got[1].Interface != math.MaxUint16 {
		t.Errorf("error %v, frames %v: want both of interface 65535, where the index stops", fault, got)
	}
	at := len(b.Bytes())
	b.Interface(pcaptest.Interface{Link: 1})
	_, fault = readFrames(t, b.Bytes())
	checkFault(t, fault, int64(at), "more than 65536 interfaces")
}

func TestNGClock(t *testing.T) {
	for _, tc := range []struct {
		resolution byte
		offset     int64
		value      uint64
		want       int64
	}{
		{6, 0, 1767225600123456, 1767225600123456000},
		{9, 0, 1767225600123456789, 1767225600123456789},
		{0, 0, 1767225600, 1767225600e9},
		{3, 1000, 5, 1000e9 + 5e6},
		{12, 0, 1767225600123456789, 1767225600123456},
		{28, 0, math.MaxUint64, 1},
		{29, 0, math.MaxUint64, 0},
		{127, 0, math.MaxUint64, 0},
		{0x80 | 10, 0, 1536, 1.5e9},
		{0x80, 0, 3, 3e9},
		{0x80 | 32, 0, 1767225600 << 32, 1767225600e9},
		{0x80 | 127, 0, math.MaxUint64, 0},
		{6, -1, 0, -1e9},
		{6, 0, math.MaxUint64, math.MaxInt64},
		{0, math.MinInt64, math.MaxUint64, -1},
		{6, math.MinInt64, 0, math.MinInt64},
		{9, math.MaxInt64, 1, math.MaxInt64},
	} {
		c := newNGClock(tc.resolution, tc.offset)
		if got := c.time(tc.value); got != tc.want {
			t.Errorf("resolution %#x offset %d value %d: %d, want %d", tc.resolution, tc.offset, tc.value, got, tc.want)
		}
	}
}

// TestNGClockLikeBig compares with arithmetic that has no width.
func TestNGClockLikeBig(t *testing.T) {
	clamp := func(v *big.Int) *big.Int {
		switch {
		case v.Cmp(big.NewInt(math.MaxInt64)) > 0:
			return big.NewInt(math.MaxInt64)
		case v.Cmp(big.NewInt(math.MinInt64)) < 0:
			return big.NewInt(math.MinInt64)
		}
		return v
	}
	rapid.Check(t, func(t *rapid.T) {
		resolution := rapid.Byte().Draw(t, "resolution")
		offset := rapid.Int64().Draw(t, "offset")
		value := rapid.Uint64().Draw(t, "value")
		base := int64(10)
		if resolution&0x80 != 0 {
			base = 2
		}
		want := new(big.Int).Mul(new(big.Int).SetUint64(value), big.NewInt(1e9))
		want.Quo(want, new(big.Int).Exp(big.NewInt(base), big.NewInt(int64(resolution&0x7f)), nil))
		want = clamp(want)
		want.Add(want, clamp(new(big.Int).Mul(big.NewInt(offset), big.NewInt(1e9))))
		c := newNGClock(resolution, offset)
		if got := c.time(value); got != clamp(want).Int64() {
			t.Errorf("resolution %#x offset %d value %d: %d, want %d", resolution, offset, value, got, clamp(want))
		}
	})
}

// TestPcapngOffsetOrder: if_tsoffset is one 64-bit number in the section's byte order.
func TestPcapngOffsetOrder(t *testing.T) {
	both(t, func(t *testing.T, bigEndian bool) {
		var buf bytes.Buffer
		o := pcaptest.PcapngOptions{BigEndian: bigEndian, Interfaces: []pcaptest.Interface{{Link: 1, Offset: 1 << 33}}}
		if err := pcaptest.WritePcapng(&buf, o, pcaptest.Packet{Time: 1<<33*1e9 + 42, Data: bytesOf(1, 1)}); err != nil {
			t.Fatal(err)
		}
		got, fault := readFrames(t, buf.Bytes())
		if fault != nil || len(got) != 1 || got[0].Time != 1<<33*1e9+42 {
			t.Errorf("error %v, frames %v", fault, got)
		}
	})
}
