package capture

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/netmond/netmond/internal/pcaptest"
	"github.com/netmond/netmond/packet"
)

// seeds are small files of every shape, and small ones of the corpus where it is there.
func seeds(f *testing.F, pattern string, made ...[]byte) {
	for _, m := range made {
		f.Add(m)
	}
	names, err := filepath.Glob(filepath.Join("..", "..", "shared", "pcaps", "*", pattern))
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range names {
		if st, err := os.Stat(name); err != nil || st.Size() > 2000 {
			continue
		}
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
}

// checkAny reads data, whatever it is, and checks what holds for every input: the frames lie within
// the file's bytes and limits, an error points into the file, reading in single bytes gives the
// same, and memory stays bounded by the bytes that are there.
func checkAny(t *testing.T, data []byte, plain bool) {
	type result struct {
		counts
		sum   uint64
		fault string
	}
	read := func(r io.Reader) (res result) {
		f := OpenFiles([]string{"-"}, r)
		var b packet.Block
		for {
			err := f.ReadBlock(&b)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil || len(b.Frames) == 0 || len(b.Frames) > maxBlockFrames {
				t.Fatalf("ReadBlock: %d frames, %v", len(b.Frames), err)
			}
			for i := range b.Frames {
				fr := &b.Frames[i]
				if len(fr.Data) > maxBlock || uint64(len(fr.Data)) > uint64(fr.WireLen) {
					t.Fatalf("frame of %d captured bytes, %d on the wire", len(fr.Data), fr.WireLen)
				}
				res.add(fr)
				res.sum = res.sum*31 + uint64(fr.Time) + uint64(fr.Link)<<8 + uint64(fr.Interface)
				for _, c := range fr.Data {
					res.sum = res.sum*31 + uint64(c)
				}
			}
		}
		for _, err := range f.Errors() {
			res.fault = err.Error()
			if err.Offset < 0 || plain && err.Offset > int64(len(data)) {
				t.Fatalf("error at byte %d of %d: %v", err.Offset, len(data), err)
			}
		}
		if plain && res.CapturedBytes > uint64(len(data)) {
			t.Fatalf("%d captured bytes in a file of %d", res.CapturedBytes, len(data))
		}
		f.Close()
		return res
	}
	var whole result
	n := allocated(func() { whole = read(bytes.NewReader(data)) })
	if plain && n > 4*bufferSize+8*uint64(len(data)) {
		t.Errorf("%d bytes were allocated for a file of %d", n, len(data))
	}
	if len(data) < 10_000 {
		if pieces := read(&oneByte{data}); pieces != whole {
			t.Errorf("read in single bytes: %+v, as a whole: %+v", pieces, whole)
		}
	}
}

type oneByte struct{ data []byte }

func (r *oneByte) Read(p []byte) (int, error) {
	if len(r.data) == 0 {
		return 0, io.EOF
	}
	p[0], r.data = r.data[0], r.data[1:]
	return 1, nil
}

func fuzzPackets() []pcaptest.Packet {
	return []pcaptest.Packet{{Time: 1e9, Data: bytesOf(30, 1)}, {Time: 5, Data: bytesOf(7, 2), WireLen: 99}}
}

func FuzzPcap(f *testing.F) {
	for _, o := range []pcaptest.PcapOptions{{Link: 1}, {BigEndian: true, Micro: true}, {Modified: true}, {Major: 2, Minor: 3}, {LinkBits: 0x24000000}} {
		var buf bytes.Buffer
		if err := pcaptest.WritePcap(&buf, o, fuzzPackets()...); err != nil {
			f.Fatal(err)
		}
		f.Add(buf.Bytes())
	}
	seeds(f, "*.pcap")
	f.Fuzz(func(t *testing.T, data []byte) {
		if compression(data) == "" {
			checkAny(t, data, true)
		}
	})
}

func FuzzPcapng(f *testing.F) {
	for _, bigEndian := range []bool{false, true} {
		b := pcaptest.NewPcapng(bigEndian)
		b.Interface(pcaptest.Interface{Link: 1, Resolution: 0x8a, Offset: -1, FCS: 4, Snaplen: 64})
		b.Simple(fuzzPackets()[0])
		b.Enhanced(fuzzPackets()[0], b.Option(2, []byte{0x80, 0, 0, 0}))
		b.Obsolete(fuzzPackets()[1])
		b.Block(5, bytesOf(12, 0))
		f.Add(append(b.Bytes(), pcaptest.Pcapng(fuzzPackets()...)...))
	}
	seeds(f, "*.pcapng")
	f.Fuzz(func(t *testing.T, data []byte) {
		if compression(data) == "" {
			checkAny(t, data, true)
		}
	})
}

// FuzzCompressed damages compressed files. What they hold is bounded by time only.
func FuzzCompressed(f *testing.F) {
	data := pcaptest.Pcap(fuzzPackets()...)
	f.Add(gzipped(data))
	f.Add(zstded(data))
	f.Add(append(gzipped(data[:40]), gzipped(data[40:])...))
	f.Add(append([]byte{0x50, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, 9}, zstded(pcaptest.Pcapng(fuzzPackets()...))...))
	f.Fuzz(func(t *testing.T, data []byte) {
		if compression(data) != "" {
			checkAny(t, data, false)
		}
	})
}
