package capture

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/netmond/netmond/internal/pcaptest"
	"github.com/netmond/netmond/packet"
)

// readFrames reads data as standard input; the frames are copies.
func readFrames(t testing.TB, data []byte) (frames []packet.Frame, fault *FileError) {
	t.Helper()
	_, errs := readAll(t, OpenFiles([]string{"-"}, bytes.NewReader(data)), func(f *packet.Frame) {
		frames = append(frames, cloned(f))
	})
	if len(errs) > 0 {
		fault = errs[0]
	}
	return frames, fault
}

func cloned(f *packet.Frame) packet.Frame {
	c := *f
	c.Data = append([]byte{}, f.Data...)
	return c
}

// checkFault fails t unless fault is at offset at and says text.
func checkFault(t testing.TB, fault *FileError, at int64, text string) {
	t.Helper()
	switch {
	case fault == nil:
		t.Errorf("no error, want one at byte %d that says %q", at, text)
	case fault.Offset != at || !strings.Contains(fault.Err.Error(), text):
		t.Errorf("error %q at byte %d, want %q at byte %d", fault.Err, fault.Offset, text, at)
	}
}

const second2026 = 1767225600 * int64(1e9)

func bytesOf(n int, fill byte) []byte { return bytes.Repeat([]byte{fill}, n) }

func TestPcapVariants(t *testing.T) {
	packets := []pcaptest.Packet{
		{Time: second2026 + 123456789, Data: bytesOf(60, 1)},
		{Time: second2026 - 5e9 + 1000, Data: bytesOf(96, 2), WireLen: 1514},
		{Time: 0, Data: nil, WireLen: 0},
		{Time: (1<<32-1)*1e9 + 999999000, Data: bytesOf(80_000, 3)}, // year 2106, longer than its snaplen
	}
	for _, o := range []pcaptest.PcapOptions{
		{},
		{BigEndian: true},
		{Micro: true},
		{Micro: true, BigEndian: true},
		{Modified: true},
		{Modified: true, BigEndian: true},
		{Minor: 5, Major: 2},
	} {
		o.Link, o.Snaplen = pcaptest.LinkRaw, 65535
		t.Run(fmt.Sprintf("%+v", o), func(t *testing.T) {
			var buf bytes.Buffer
			if err := pcaptest.WritePcap(&buf, o, packets...); err != nil {
				t.Fatal(err)
			}
			var want []packet.Frame
			for _, p := range packets {
				f := packet.Frame{Data: append([]byte{}, p.Data...), Time: p.Time, WireLen: max(p.WireLen, uint32(len(p.Data))), Link: 101}
				if o.Micro || o.Modified {
					f.Time -= f.Time % 1000
				}
				want = append(want, f)
			}
			got, fault := readFrames(t, buf.Bytes())
			if diff := cmp.Diff(want, got, cmp.Comparer(bytes.Equal)); diff != "" || fault != nil {
				t.Errorf("error %v, frames (-want +got):\n%.2000s", fault, diff)
			}
		})
	}
}

// pcapRecord is a file of one record with the given fields and data.
func pcapRecord(o pcaptest.PcapOptions, first, second uint32, data []byte) []byte {
	var buf bytes.Buffer
	if err := pcaptest.WritePcap(&buf, o, pcaptest.Packet{Data: data}); err != nil {
		panic(err)
	}
	b := buf.Bytes()
	binary.LittleEndian.PutUint32(b[pcapHeaderLen+8:], first)
	binary.LittleEndian.PutUint32(b[pcapHeaderLen+12:], second)
	return b
}

func TestPcapLengths(t *testing.T) {
	const fcs4 = linkFCSKnown | 2<<linkFCSShift
	for name, tc := range map[string]struct {
		o              pcaptest.PcapOptions
		first, second  uint32
		wire, captured int
	}{
		"2.4":                          {first: 60, second: 1514, wire: 1514, captured: 60},
		"2.4 captured beyond original": {first: 60, second: 20, wire: 20, captured: 20},
		"2.3 straight":                 {o: pcaptest.PcapOptions{Major: 2, Minor: 3}, first: 60, second: 1514, wire: 1514, captured: 60},
		"2.3 interchanged":             {o: pcaptest.PcapOptions{Major: 2, Minor: 3}, first: 1514, second: 60, wire: 1514, captured: 60},
		"2.2 interchanged":             {o: pcaptest.PcapOptions{Major: 2, Minor: 2}, first: 1514, second: 60, wire: 1514, captured: 60},
		"FCS in the data":              {o: pcaptest.PcapOptions{LinkBits: fcs4}, first: 60, second: 60, wire: 56, captured: 56},
		"FCS cut off":                  {o: pcaptest.PcapOptions{LinkBits: fcs4}, first: 60, second: 100, wire: 96, captured: 60},
		"half the FCS in the data":     {o: pcaptest.PcapOptions{LinkBits: fcs4}, first: 60, second: 62, wire: 58, captured: 58},
		"FCS longer than the frame":    {o: pcaptest.PcapOptions{LinkBits: fcs4}, first: 60, second: 3, wire: 3, captured: 3},
		"FCS length not known":         {o: pcaptest.PcapOptions{LinkBits: 2 << linkFCSShift}, first: 60, second: 60, wire: 60, captured: 60},
	} {
		t.Run(name, func(t *testing.T) {
			got, fault := readFrames(t, pcapRecord(tc.o, tc.first, tc.second, bytesOf(60, 7)))
			if fault != nil || len(got) != 1 {
				t.Fatalf("%d frames, error %v", len(got), fault)
			}
			if int(got[0].WireLen) != tc.wire || len(got[0].Data) != tc.captured {
				t.Errorf("wire %d captured %d, want %d and %d", got[0].WireLen, len(got[0].Data), tc.wire, tc.captured)
			}
		})
	}
}

func TestPcapRefused(t *testing.T) {
	whole := pcaptest.Pcap(pcaptest.Packet{Data: bytesOf(60, 1)}, pcaptest.Packet{Data: bytesOf(300, 1)})
	second := int64(pcapHeaderLen + recordHeaderLen + 60)
	claim := func(n uint32) []byte {
		b := bytes.Clone(whole)
		binary.LittleEndian.PutUint32(b[second+8:], n)
		return b
	}
	version := func(major, minor uint16) []byte {
		return pcapRecord(pcaptest.PcapOptions{Major: major, Minor: minor}, 60, 60, bytesOf(60, 1))
	}
	for name, tc := range map[string]struct {
		data   []byte
		frames int
		at     int64
		text   string
	}{
		"empty":             {nil, 0, 0, "empty file: no capture header"},
		"three bytes":       {whole[:3], 0, 0, "file header is cut: the file ends after 3 bytes"},
		"cut file header":   {whole[:13], 0, 0, "pcap file header is cut: the file ends after 13 of its 24 bytes"},
		"version 1.4":       {version(1, 4), 0, 0, "pcap version 1.4 is not supported"},
		"version 543.0":     {version(543, 0), 0, 0, "pcap version 543.0 is not supported"},
		"reserved bits":     {pcapRecord(pcaptest.PcapOptions{LinkBits: 0x300000}, 60, 60, bytesOf(60, 1)), 0, 0, "reserved bits 0x300000"},
		"cut record header": {whole[:second+15], 1, second, "record header is cut: the file ends after 15 of its 16 bytes"},
		"cut record":        {whole[:second+16+299], 1, second, "record of 300 bytes is cut: the file ends after 299"},
		"record of 1 MiB":   {claim(1 << 20), 1, second, "record of 1048576 bytes is cut: the file ends after 300"},
		"record of 4 GiB":   {claim(1<<32 - 1), 1, second, "record claims 4294967295 captured bytes, more than the limit of 16777216"},
		"text":              {[]byte("<!DOCTYPE html>"), 0, 0, `not a pcap or pcapng file: it begins with the text "<!DO"`},
		"binary":            {bytesOf(40, 0xff), 0, 0, "it begins with ff ff ff ff"},
		"xz":                {[]byte("\xfd7zXZ\x00"), 0, 0, "xz, decompress it first"},
	} {
		t.Run(name, func(t *testing.T) {
			frames, fault := readFrames(t, tc.data)
			checkFault(t, fault, tc.at, tc.text)
			if len(frames) != tc.frames {
				t.Errorf("%d frames before the fault, want %d", len(frames), tc.frames)
			}
		})
	}
}

// allocated is how many bytes f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// TestClaimsAllocateNothing: what a length field claims costs no memory, only bytes that are there.
func TestClaimsAllocateNothing(t *testing.T) {
	ng := pcaptest.NewPcapng(false)
	ng.Interface(pcaptest.Interface{Link: 1})
	start := len(ng.Bytes())
	ng.Enhanced(pcaptest.Packet{Data: bytesOf(60, 1)})
	block := func(kind, length uint32) []byte {
		b := bytes.Clone(ng.Bytes())
		binary.LittleEndian.PutUint32(b[start:], kind)
		binary.LittleEndian.PutUint32(b[start+4:], length)
		return b
	}
	for name, tc := range map[string]struct {
		data []byte
		text string
	}{
		"pcap, 4 GiB":            {pcapRecord(pcaptest.PcapOptions{}, 1<<32-1, 60, bytesOf(60, 1)), "more than the limit"},
		"pcap, 184 MB":           {pcapRecord(pcaptest.PcapOptions{}, 184811648, 60, bytesOf(60, 1)), "more than the limit"},
		"pcap, the limit":        {pcapRecord(pcaptest.PcapOptions{}, maxRecord, 60, bytesOf(60, 1)), "is cut: the file ends after 60"},
		"pcapng packet, 4 GiB":   {block(6, 1<<32-4), "more than the limit"},
		"pcapng packet, limit":   {block(6, maxBlock), "is cut: the file ends after 92"},
		"pcapng unknown, 4 GiB":  {block(0xbad, 1<<32-4), "is cut: the file ends after 92"},
		"pcapng section, 4 GiB":  {block(blockSection, 1<<32-4), "byte-order magic"},
		"pcapng interface, 1 GB": {block(1, 1<<30), "more than the limit"},
	} {
		t.Run(name, func(t *testing.T) {
			var fault *FileError
			n := allocated(func() { _, fault = readFrames(t, tc.data) })
			if fault == nil || !strings.Contains(fault.Error(), tc.text) {
				t.Errorf("error %v, want %q", fault, tc.text)
			}
			if n > 2*bufferSize {
				t.Errorf("%d bytes were allocated for a file of %d", n, len(tc.data))
			}
		})
	}
}

func TestLargeRecords(t *testing.T) {
	packets := []pcaptest.Packet{{Data: bytesOf(100, 1)}, {Data: bytesOf(maxRecord, 2)}, {Data: bytesOf(3*bufferSize, 3)}, {Data: bytesOf(100, 4)}}
	for name, data := range map[string][]byte{"pcap": pcaptest.Pcap(packets...), "pcapng": pcaptest.Pcapng(packets...)} {
		frames, fault := readFrames(t, data)
		if fault != nil || len(frames) != len(packets) {
			t.Fatalf("%s: %d frames, error %v", name, len(frames), fault)
		}
		for i, f := range frames {
			if !bytes.Equal(f.Data, packets[i].Data) {
				t.Errorf("%s: frame %d of %d bytes differs from its record of %d", name, i, len(f.Data), len(packets[i].Data))
			}
		}
	}
}

// TestCutAnywhere cuts files at every length: the frames before the cut come, and the error points
// at the record or block that is cut.
func TestCutAnywhere(t *testing.T) {
	packets := []pcaptest.Packet{{Data: bytesOf(60, 1)}, {Data: bytesOf(33, 2)}, {Data: nil}, {Data: bytesOf(71, 4)}}
	ng := pcaptest.NewPcapng(true)
	ng.Interface(pcaptest.Interface{Link: 1})
	ngStarts, ngFrames := []int{0, 28}, []int{0, 0}
	for i, p := range packets {
		ngStarts, ngFrames = append(ngStarts, len(ng.Bytes())), append(ngFrames, i)
		ng.Enhanced(p)
		ngStarts, ngFrames = append(ngStarts, len(ng.Bytes())), append(ngFrames, i+1)
		ng.Block(5, bytesOf(24, 9)) // interface statistics
	}
	starts, frames := []int{0}, []int{0}
	at := pcapHeaderLen
	for i, p := range packets {
		starts, frames = append(starts, at), append(frames, i)
		at += recordHeaderLen + len(p.Data)
	}
	for _, tc := range []struct {
		name   string
		data   []byte
		starts []int // of records or blocks
		frames []int // before each
	}{
		{"pcap", pcaptest.Pcap(packets...), starts, frames},
		{"pcapng", ng.Bytes(), ngStarts, ngFrames},
	} {
		for n := range len(tc.data) {
			got, fault := readFrames(t, tc.data[:n])
			at, whole, clean := 0, 0, false
			for i, start := range tc.starts {
				if start <= n {
					at, whole, clean = start, tc.frames[i], start == n && n > 0
				}
			}
			if clean {
				if fault != nil {
					t.Errorf("%s cut to %d bytes, a boundary: %v", tc.name, n, fault)
				}
			} else if fault == nil || fault.Offset != int64(at) {
				t.Errorf("%s cut to %d bytes: error %v, want one at byte %d", tc.name, n, fault, at)
			}
			if len(got) != whole {
				t.Errorf("%s cut to %d bytes: %d frames, want %d", tc.name, n, len(got), whole)
			}
		}
	}
}
