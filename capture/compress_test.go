package capture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"go.uber.org/goleak"

	"github.com/netmond/netmond/internal/pcaptest"
	"github.com/netmond/netmond/packet"
)

func gzipped(data []byte) []byte {
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	if _, err := w.Write(data); err != nil {
		panic(err)
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return buf.Bytes()
}

func zstded(data []byte, opts ...zstd.EOption) []byte {
	var buf bytes.Buffer
	w, err := zstd.NewWriter(&buf, append(opts, zstd.WithEncoderConcurrency(1))...)
	if err != nil {
		panic(err)
	}
	if _, err := w.Write(data); err != nil {
		panic(err)
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return buf.Bytes()
}

// noisyPackets do not compress, so that a cut or flipped byte lies inside frames.
func noisyPackets(n, size int) []pcaptest.Packet {
	r := rand.New(rand.NewPCG(1, 2))
	packets := make([]pcaptest.Packet, n)
	for i := range packets {
		data := make([]byte, size)
		for j := range data {
			data[j] = byte(r.Uint32())
		}
		packets[i] = pcaptest.Packet{Time: int64(i) * 1e6, Data: data}
	}
	return packets
}

func TestCompressed(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	packets := noisyPackets(3000, 500)
	halves := func(data []byte) ([]byte, []byte) { return data[:len(data)/2], data[len(data)/2:] }
	for format, data := range map[string][]byte{"pcap": pcaptest.Pcap(packets...), "pcapng": pcaptest.Pcapng(packets...)} {
		a, b := halves(data)
		for name, packed := range map[string][]byte{
			"gzip":              gzipped(data),
			"gzip, two members": append(gzipped(a), gzipped(b)...),
			"zstd":              zstded(data),
			"zstd, two frames":  append(zstded(a), zstded(b)...),
			"zstd, skippable":   append([]byte{0x5a, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4}, zstded(data)...),
			"zstd, window 8 MB": zstded(data, zstd.WithWindowSize(8<<20)),
		} {
			t.Run(format+" "+name, func(t *testing.T) {
				path := pcaptest.File(t, "named.otherwise", packed)
				f := OpenFiles([]string{path}, nil)
				i := 0
				c, errs := readAll(t, f, func(fr *packet.Frame) {
					if !bytes.Equal(fr.Data, packets[i].Data) {
						t.Fatalf("frame %d differs", i)
					}
					i++
				})
				if len(errs) != 0 || c.Packets != uint64(len(packets)) {
					t.Errorf("%d packets, errors %v", c.Packets, errs)
				}
				if read, total := f.Progress(); read != total || total != int64(len(packed)) {
					t.Errorf("progress %d of %d at the end of %d bytes", read, total, len(packed))
				}
			})
		}
	}
}

func TestCompressedDamaged(t *testing.T) {
	const recordLen = recordHeaderLen + 500
	data := pcaptest.Pcap(noisyPackets(3000, 500)...)
	gz, zs := gzipped(data), zstded(data)
	flipped := func(b []byte, at int) []byte {
		b = bytes.Clone(b)
		b[at] ^= 0x55
		return b
	}
	for name, tc := range map[string]struct {
		data []byte
		some bool // frames come before the fault
		text string
	}{
		"gzip cut":              {gz[:len(gz)/2], true, "the gzip data is cut"},
		"gzip cut in header":    {gz[:5], false, "the gzip data is cut"},
		"gzip cut in trailer":   {gz[:len(gz)-3], true, "the gzip data is cut"},
		"gzip checksum":         {flipped(gz, len(gz)-7), true, "the gzip data is damaged: gzip: invalid checksum"},
		"gzip trailing garbage": {append(bytes.Clone(gz), "garbage garbage"...), true, "the gzip data is damaged: gzip: invalid header"},
		"gzip bad method":       {flipped(gz, 2), false, "the gzip data is damaged"},
		"zstd cut":              {zs[:len(zs)/2], true, "the zstd data is cut"},
		"zstd cut in header":    {zs[:5], false, "the zstd data is cut"},
		"zstd damaged":          {flipped(zs, len(zs)-1), true, "the zstd data is damaged"},
		"zstd window":           {[]byte{0x28, 0xb5, 0x2f, 0xfd, 0, 0xa0, 1, 0, 0}, false, "the zstd data needs a window of more than 128 MiB"},
		"gzip in gzip":          {gzipped(gz), false, "gzip data inside compressed data"},
		"zstd in gzip":          {gzipped(zs), false, "zstd data inside compressed data"},
		"gzip of nothing":       {gzipped(nil), false, "empty file"},
		"gzip of text":          {gzipped([]byte("hello, world")), false, `not a pcap or pcapng file: it begins with the text "hell"`},
	} {
		t.Run(name, func(t *testing.T) {
			frames, fault := readFrames(t, tc.data)
			if fault == nil || !strings.Contains(fault.Err.Error(), tc.text) {
				t.Fatalf("error %v, want %q", fault, tc.text)
			}
			if (len(frames) > 0) != tc.some {
				t.Errorf("%d frames before the fault", len(frames))
			}
			// The offset is that of the first record that could not be read, in decompressed bytes.
			if want := int64(pcapHeaderLen + len(frames)*recordLen); tc.some && fault.Offset != want {
				t.Errorf("offset %d after %d frames, want %d", fault.Offset, len(frames), want)
			}
		})
	}
}

// TestCompressedBomb: a small file of many bytes is streamed, not held.
func TestCompressedBomb(t *testing.T) {
	const megabytes = 256
	var buf bytes.Buffer
	w, err := zstd.NewWriter(&buf, zstd.WithEncoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	write := func(b []byte) {
		if _, err := w.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	write(pcaptest.NewPcapng(false).Bytes())
	length := binary.LittleEndian.AppendUint32(nil, 12+1<<20)
	for range megabytes { // blocks of a type that is passed over
		write(append([]byte{99, 0, 0, 0}, length...))
		write(make([]byte, 1<<20))
		write(length)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	var errs []*FileError
	n := allocated(func() { _, errs = readAll(t, OpenFiles([]string{"-"}, bytes.NewReader(buf.Bytes())), nil) })
	if len(errs) != 0 {
		t.Errorf("errors %v", errs)
	}
	if n > 32<<20 {
		t.Errorf("%d MB were allocated for %d bytes of zstd that hold %d MB", n>>20, buf.Len(), megabytes)
	}
}

// failingFile gives some bytes and then an error of the file below.
type failingFile struct{ data *bytes.Reader }

var errDisk = &os.PathError{Op: "read", Path: "x", Err: errors.New("input/output error")}

func (f *failingFile) Read(p []byte) (int, error) {
	if f.data.Len() == 0 {
		return 0, errDisk
	}
	return f.data.Read(p)
}

func TestReadErrors(t *testing.T) {
	data := pcaptest.Pcap(noisyPackets(100, 500)...)
	for name, b := range map[string][]byte{
		"plain, in a record":   data[:24+516*50+100],
		"plain, between two":   data[:24+516*50],
		"gzip":                 gzipped(data)[:30000],
		"zstd":                 zstded(data)[:20000],
		"in the header":        data[:10],
		"before the first one": nil,
	} {
		t.Run(name, func(t *testing.T) {
			_, errs := readAll(t, OpenFiles([]string{"-"}, &failingFile{bytes.NewReader(b)}), nil)
			if want := "read: input/output error"; len(errs) != 1 || errs[0].Err.Error() != want {
				t.Errorf("errors %v, want %q", errs, want)
			}
		})
	}
	t.Run("no progress", func(t *testing.T) {
		_, errs := readAll(t, OpenFiles([]string{"-"}, neverReader{}), nil)
		if len(errs) != 1 || !strings.Contains(fmt.Sprint(errs[0]), "multiple Read calls return no data") {
			t.Errorf("errors %v", errs)
		}
	})
}

type neverReader struct{}

func (neverReader) Read([]byte) (int, error) { return 0, nil }
