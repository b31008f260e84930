package capture

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/netmond/netmond/internal/pcaptest"
	"github.com/netmond/netmond/packet"
)

var _ Source = (*Files)(nil)

func TestFilesErrors(t *testing.T) {
	dir := t.TempDir()
	good := pcaptest.File(t, "good.pcap", pcaptest.Pcap(pcaptest.Packet{Data: bytesOf(60, 1)}))
	cut := pcaptest.File(t, "cut.pcap", pcaptest.Pcap(pcaptest.Packet{Data: bytesOf(60, 1)}, pcaptest.Packet{Data: bytesOf(60, 1)})[:24+76+20])
	missing := filepath.Join(dir, "missing.pcap")
	zip := pcaptest.File(t, "z.pcap", []byte("PK\x03\x04rest"))
	ends := pcaptest.File(t, "ends", []byte{0x0a, 0x0d})
	c, errs := readAll(t, OpenFiles([]string{good, dir, cut, missing, "-", zip, "-", ends, good}, strings.NewReader("")), nil)
	if c.Packets != 3 {
		t.Errorf("%d packets, want those of the good files and before the cut: 3", c.Packets)
	}
	want := []string{
		dir + ": is a directory",
		cut + ": at byte 100: record of 60 bytes is cut: the file ends after 4",
		missing + ": no such file or directory",
		"standard input: empty file: no capture header",
		zip + ": not a pcap or pcapng file: it begins with 50 4b 03 04 (a zip archive)",
		"standard input: standard input is named twice",
		ends + ": file header is cut: the file ends after 2 bytes",
	}
	var got []string
	for _, err := range errs {
		got = append(got, err.Error())
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("errors (-want +got):\n%s", diff)
	}
	if !errors.Is(errs[2], os.ErrNotExist) {
		t.Errorf("%v is not os.ErrNotExist", errs[2])
	}
}

func TestUnreadableFile(t *testing.T) {
	path := pcaptest.File(t, "in.pcap", pcaptest.Pcap())
	if err := os.Chmod(path, 0); err != nil {
		t.Fatal(err)
	}
	if file, err := os.Open(path); err == nil {
		file.Close()
		t.Skip("this user reads files of any mode")
	}
	_, errs := readAll(t, OpenFiles([]string{path}, nil), nil)
	if len(errs) != 1 || errs[0].Error() != path+": permission denied" {
		t.Errorf("errors %v", errs)
	}
}

func TestNoFiles(t *testing.T) {
	if c, errs := readAll(t, OpenFiles(nil, nil), nil); c.Packets != 0 || len(errs) != 0 {
		t.Errorf("%d packets, errors %v", c.Packets, errs)
	}
	if _, errs := readAll(t, OpenFiles([]string{"-"}, nil), nil); len(errs) != 1 {
		t.Errorf("errors %v, want one: there is no standard input", errs)
	}
}

func TestProgress(t *testing.T) {
	data := pcaptest.Pcap(noisyPackets(4000, 500)...)
	path := pcaptest.File(t, "in.pcap", data)
	bad := pcaptest.File(t, "bad.pcap", bytesOf(1000, 0xff))
	f := OpenFiles([]string{path, bad}, nil)
	total := int64(len(data) + 1000)
	if read, all := f.Progress(); read != 0 || all != total {
		t.Errorf("progress %d of %d before the first block, want 0 of %d", read, all, total)
	}
	var b packet.Block
	if err := f.ReadBlock(&b); err != nil {
		t.Fatal(err)
	}
	if read, _ := f.Progress(); read <= 0 || read >= total {
		t.Errorf("progress %d after the first block of %d bytes", read, total)
	}
	var last int64
	for f.ReadBlock(&b) == nil {
		read, _ := f.Progress()
		if read < last || read > total {
			t.Fatalf("progress went from %d to %d of %d", last, read, total)
		}
		last = read
	}
	if read, _ := f.Progress(); read != total {
		t.Errorf("progress %d at the end, want %d", read, total)
	}
	if _, all := OpenFiles([]string{path, "-"}, bytes.NewReader(nil)).Progress(); all != 0 {
		t.Errorf("total %d with standard input, want 0", all)
	}
}

// TestStdinInPieces reads input that comes in any portions, and gives what has come without waiting
// for more.
func TestStdinInPieces(t *testing.T) {
	packets := noisyPackets(200, 90)
	for format, data := range map[string][]byte{"pcap": pcaptest.Pcap(packets...), "pcapng": pcaptest.Pcapng(packets...), "gzip": gzipped(pcaptest.Pcap(packets...))} {
		for name, r := range map[string]io.Reader{
			"bytes":    iotest.OneByteReader(bytes.NewReader(data)),
			"halves":   iotest.HalfReader(bytes.NewReader(data)),
			"data+EOF": iotest.DataErrReader(bytes.NewReader(data)),
		} {
			if c, errs := readAll(t, OpenFiles([]string{"-"}, r), nil); c.Packets != 200 || c.Bytes != 200*90 || len(errs) != 0 {
				t.Errorf("%s, %s: %+v, errors %v", format, name, c, errs)
			}
		}
	}
	r, w := io.Pipe()
	var wrote sync.WaitGroup
	wrote.Go(func() { // ends with the last write, which the reader below awaits
		w.Write(pcaptest.Pcap(packets[:2]...))
		w.Write(pcaptest.Pcap(packets[2:3]...)[pcapHeaderLen:])
		w.Close()
	})
	f := OpenFiles([]string{"-"}, r)
	var sizes []int
	var b packet.Block
	for f.ReadBlock(&b) == nil {
		sizes = append(sizes, len(b.Frames))
	}
	wrote.Wait()
	if diff := cmp.Diff([]int{2, 1}, sizes); diff != "" {
		t.Errorf("frames in blocks (-want +got):\n%s", diff)
	}
}

func TestClose(t *testing.T) {
	path := pcaptest.File(t, "in.pcap", pcaptest.Pcap(noisyPackets(4000, 500)...))
	f := OpenFiles([]string{path, path}, nil)
	var b packet.Block
	if err := f.ReadBlock(&b); err != nil || len(b.Frames) == 0 {
		t.Fatalf("%d frames, %v", len(b.Frames), err)
	}
	var wg sync.WaitGroup
	wg.Go(func() { f.Close() }) // ends by itself
	var err error
	for err == nil {
		err = f.ReadBlock(&b)
		f.Stats()
		f.Progress()
	}
	wg.Wait()
	if !errors.Is(err, ErrClosed) && !errors.Is(err, io.EOF) {
		t.Errorf("ReadBlock beside Close: %v", err)
	}
	if err := f.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
	if err := f.ReadBlock(&b); !errors.Is(err, ErrClosed) || b.Frames != nil {
		t.Errorf("ReadBlock after Close: %v, %d frames", err, len(b.Frames))
	}
	f = OpenFiles([]string{path}, nil)
	f.Close()
	if err := f.ReadBlock(&b); !errors.Is(err, ErrClosed) {
		t.Errorf("ReadBlock after an early Close: %v", err)
	}
}

func TestUnknownLinks(t *testing.T) {
	write := func(link packet.LinkType, packets ...pcaptest.Packet) string {
		var buf bytes.Buffer
		if err := pcaptest.WritePcap(&buf, pcaptest.PcapOptions{Link: link}, packets...); err != nil {
			t.Fatal(err)
		}
		return pcaptest.File(t, "in.pcap", buf.Bytes())
	}
	frame := pcaptest.Packet{Data: bytesOf(60, 1)}
	var ng bytes.Buffer
	o := pcaptest.PcapngOptions{Interfaces: []pcaptest.Interface{{Link: 60001}, {Link: 1}, {Link: 60002}}}
	if err := pcaptest.WritePcapng(&ng, o, pcaptest.Packet{Interface: 1}, pcaptest.Packet{Interface: 2}, pcaptest.Packet{Interface: 2}); err != nil {
		t.Fatal(err)
	}
	two, many := write(60003, frame, frame), pcaptest.File(t, "in", ng.Bytes())
	f := OpenFiles([]string{write(1, frame), two, write(60004), many}, nil)
	if c, errs := readAll(t, f, nil); c.Packets != 6 || len(errs) != 0 {
		t.Errorf("%d packets, errors %v", c.Packets, errs)
	}
	if diff := cmp.Diff([]UnknownLink{{two, 60003}, {many, 60002}}, f.UnknownLinks()); diff != "" {
		t.Errorf("unknown link types with frames (-want +got):\n%s", diff)
	}
}

// TestManyFiles reads more files than are kept open: their order is that of time all the same.
func TestManyFiles(t *testing.T) {
	const files = 3 * maxOpenFiles
	var paths []string
	for i := range files {
		var packets []pcaptest.Packet
		for j := range 5 {
			packets = append(packets, pcaptest.Packet{Time: int64(i*3+j) * 1e9, Data: []byte{byte(i), byte(j)}})
		}
		data := pcaptest.Pcap(packets...)
		if i%3 == 1 {
			data = gzipped(data)
		}
		path := filepath.Join(t.TempDir(), fmt.Sprintf("%03d.pcap", i))
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	slices.Reverse(paths)
	f := OpenFiles(paths, nil)
	last, open := int64(-1), 0
	c, errs := readAll(t, f, func(fr *packet.Frame) {
		if fr.Time < last {
			t.Errorf("frame at %d after %d", fr.Time, last)
		}
		last = fr.Time
		n := 0
		for _, in := range f.inputs {
			if in.file != nil {
				n++
			}
		}
		open = max(open, n)
	})
	if c.Packets != 5*files || len(errs) != 0 {
		t.Errorf("%d packets, errors %v", c.Packets, errs)
	}
	if open > 3 { // two overlap in time, and one more may have begun
		t.Errorf("%d files were open at a time", open)
	}
	if read, total := f.Progress(); read != total {
		t.Errorf("progress %d of %d at the end", read, total)
	}
}

// TestManyFilesGone: a file that vanishes between the first look and its turn is one error.
func TestManyFilesGone(t *testing.T) {
	var paths []string
	for i := range maxOpenFiles + 1 {
		packets := noisyPackets(1000, 100)
		for j := range packets {
			packets[j].Time += int64(i) * 1e12
		}
		paths = append(paths, pcaptest.File(t, "in.pcap", pcaptest.Pcap(packets...)))
	}
	f := OpenFiles(paths, nil)
	var b packet.Block
	if err := f.ReadBlock(&b); err != nil {
		t.Fatal(err)
	}
	gone := paths[maxOpenFiles]
	if err := os.Remove(gone); err != nil {
		t.Fatal(err)
	}
	packets := len(b.Frames)
	for f.ReadBlock(&b) == nil {
		packets += len(b.Frames)
	}
	errs := f.Errors()
	if len(errs) != 1 || errs[0].File != gone || packets != maxOpenFiles*1000 {
		t.Errorf("%d packets, errors %v", packets, errs)
	}
}

// TestReadBlockAllocates nothing once it runs.
func TestReadBlockAllocates(t *testing.T) {
	packets := noisyPackets(60_000, 100)
	data := pcaptest.Pcap(packets...)
	for name, paths := range map[string][]string{
		"pcap":   {pcaptest.File(t, "a", data)},
		"pcapng": {pcaptest.File(t, "a", pcaptest.Pcapng(packets...))},
		"two":    {pcaptest.File(t, "a", data), pcaptest.File(t, "b", data)},
	} {
		f := OpenFiles(paths, nil)
		var b packet.Block
		frames := 0
		if n := testing.AllocsPerRun(40, func() {
			if err := f.ReadBlock(&b); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			frames += len(b.Frames)
		}); n != 0 {
			t.Errorf("%s: %v allocations a block", name, n)
		}
		if frames < 30_000 {
			t.Errorf("%s: only %d frames were read", name, frames)
		}
		f.Close()
	}
}

// TestKeep holds blocks of several files and formats until Keep's number of further ones was read: their
// frames are those that a second reader sees.
func TestKeep(t *testing.T) {
	small, big := noisyPackets(20_000, 60), noisyPackets(3000, 1400)
	for name, paths := range map[string][]string{
		"small":      {pcaptest.File(t, "a", pcaptest.Pcap(small...))},
		"big":        {pcaptest.File(t, "b", pcaptest.Pcap(big...))},
		"pcapng":     {pcaptest.File(t, "c", pcaptest.Pcapng(big...))},
		"interlaced": {pcaptest.File(t, "d", pcaptest.Pcap(small...)), pcaptest.File(t, "e", pcaptest.Pcapng(big...))},
	} {
		for _, n := range []int{1, 2, 4} {
			kept, plain := OpenFiles(paths, nil), OpenFiles(paths, nil)
			kept.Keep(n)
			type copied struct {
				held []packet.Frame
				want []packet.Frame
			}
			var blocks []copied
			for {
				var b, p packet.Block
				err := kept.ReadBlock(&b)
				if plainErr := plain.ReadBlock(&p); err != plainErr || len(b.Frames) != len(p.Frames) {
					t.Fatalf("%s, keep %d: block of %d frames, %v; without %d, %v", name, n, len(b.Frames), err, len(p.Frames), plainErr)
				}
				if err != nil {
					break
				}
				c := copied{held: b.Frames}
				for _, f := range p.Frames {
					f.Data = bytes.Clone(f.Data)
					c.want = append(c.want, f)
				}
				blocks = append(blocks, c)
				for _, c := range blocks { // this one and the n-1 before it
					for i := range c.want {
						if !bytes.Equal(c.want[i].Data, c.held[i].Data) {
							t.Fatalf("%s, keep %d: frame %d changed", name, n, i)
						}
					}
				}
				if len(blocks) == n {
					blocks = blocks[1:]
				}
			}
			kept.Close()
			plain.Close()
		}
	}
}
