package capture

import (
	"encoding/json"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"github.com/netmond/netmond/internal/testneed"
	"github.com/netmond/netmond/packet"
)

// counts are the figures of a capture that the reader alone decides.
type counts struct {
	Packets       uint64 `json:"packets"`
	Bytes         uint64 `json:"bytes"`
	CapturedBytes uint64 `json:"captured_bytes"`
	Truncated     uint64 `json:"truncated_packets"`
}

func (c *counts) add(f *packet.Frame) {
	c.Packets++
	c.Bytes += uint64(f.WireLen)
	c.CapturedBytes += uint64(len(f.Data))
	if uint32(len(f.Data)) < f.WireLen {
		c.Truncated++
	}
}

// readAll reads f to its end and hands every frame to each.
func readAll(t testing.TB, f *Files, each func(*packet.Frame)) (counts, []*FileError) {
	t.Helper()
	var c counts
	var b packet.Block
	for {
		err := f.ReadBlock(&b)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("ReadBlock: %v", err)
		}
		if len(b.Frames) == 0 {
			t.Fatal("ReadBlock gave neither frames nor an error")
		}
		for i := range b.Frames {
			c.add(&b.Frames[i])
			if each != nil {
				each(&b.Frames[i])
			}
		}
	}
	if s := f.Stats(); s.Packets != c.Packets || s.Bytes != c.Bytes || s.Truncated != c.Truncated {
		t.Errorf("Stats say %+v, the frames %+v", s, c)
	}
	if err := f.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	return c, f.Errors()
}

type expectation struct {
	counts
	Tier         string `json:"tier"`
	ReaderStatus int    `json:"reader_status"`
}

func corpus(t testing.TB) (dir string, want map[string]expectation, names []string) {
	t.Helper()
	dir = filepath.Join(testneed.Shared(t), "pcaps")
	data, err := os.ReadFile(filepath.Join(dir, "expected.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &want); err != nil {
		t.Fatal(err)
	}
	for name := range want {
		names = append(names, name)
	}
	slices.Sort(names)
	return dir, want, names
}

// TestCorpusCounts reads every file of the corpus. Damaged files too have the figures of the
// reference reader up to the damage, and an error where it had one; the exceptions are listed.
func TestCorpusCounts(t *testing.T) {
	dir, want, names := corpus(t)
	differs := map[string]expectation{
		// The reference reader takes an empty file for a good one.
		"formats/zero_bytes.pcap": {ReaderStatus: 1},
		// It refuses this link type as a whole; whether frames can be decoded is not the reader's matter.
		"links/dsa_tagged.pcap": {counts: counts{8, 722, 722, 0}},
		// It takes an original length of 3,599,899,676 for 2,147,483,647.
		"malformed/pcpp_cf-5755755617189888.pcap": {counts: counts{2, 3599899676 + 262144, 65575, 2}, ReaderStatus: 1},
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			w := want[name]
			if d, ok := differs[name]; ok {
				w = d
			}
			got, errs := readAll(t, OpenFiles([]string{filepath.Join(dir, name)}, nil), nil)
			if len(errs) > 0 {
				t.Logf("%v", errs[0])
			}
			if diff := cmp.Diff(w.counts, got); diff != "" {
				t.Errorf("counts (-want +got):\n%s", diff)
			}
			if (w.ReaderStatus != 0) != (len(errs) != 0) {
				t.Errorf("errors %v where the reference reader's status is %d", errs, w.ReaderStatus)
			}
		})
	}
}

// TestCorpusMerged reads the whole corpus as one input: the sums are those of the files.
func TestCorpusMerged(t *testing.T) {
	dir, _, names := corpus(t)
	var paths []string
	var want counts
	for _, name := range names {
		path := filepath.Join(dir, name)
		paths = append(paths, path)
		c, _ := readAll(t, OpenFiles([]string{path}, nil), nil)
		want.Packets += c.Packets
		want.Bytes += c.Bytes
		want.CapturedBytes += c.CapturedBytes
		want.Truncated += c.Truncated
	}
	for _, n := range []int{3, maxOpenFiles, len(paths)} { // the last parks its files
		var sum counts
		for some := range slices.Chunk(paths, n) {
			c, _ := readAll(t, OpenFiles(some, nil), nil)
			sum.Packets += c.Packets
			sum.Bytes += c.Bytes
			sum.CapturedBytes += c.CapturedBytes
			sum.Truncated += c.Truncated
		}
		if diff := cmp.Diff(want, sum); diff != "" {
			t.Errorf("%d files at a time (-want +got):\n%s", n, diff)
		}
	}
}

type frameFacts struct {
	Time           int64
	Wire, Captured int
	Link           packet.LinkType
	First, Last    byte
}

func facts(data []byte, at int64, wire int, link packet.LinkType) frameFacts {
	f := frameFacts{Time: at, Wire: wire, Captured: len(data), Link: link}
	if len(data) > 0 {
		f.First, f.Last = data[0], data[len(data)-1]
	}
	return f
}

// oracle reads path with gopacket's pcapgo; ok is false where pcapgo refuses part of it.
func oracle(t *testing.T, path string) (frames []frameFacts, ok bool) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var next func() ([]byte, gopacket.CaptureInfo, packet.LinkType, error)
	if r, err := pcapgo.NewReader(file); err == nil {
		next = func() ([]byte, gopacket.CaptureInfo, packet.LinkType, error) {
			data, ci, err := r.ReadPacketData()
			return data, ci, packet.LinkType(r.LinkType()), err
		}
	} else {
		if _, err := file.Seek(0, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		r, err := pcapgo.NewNgReader(file, pcapgo.NgReaderOptions{WantMixedLinkType: true, SkipUnknownVersion: true})
		if err != nil {
			return nil, false
		}
		next = func() ([]byte, gopacket.CaptureInfo, packet.LinkType, error) {
			data, ci, err := r.ReadPacketData()
			var link layers.LinkType
			if len(ci.AncillaryData) > 0 {
				link, _ = ci.AncillaryData[0].(layers.LinkType)
			}
			return data, ci, packet.LinkType(link), err
		}
	}
	for {
		data, ci, link, err := next()
		if err != nil {
			return frames, errors.Is(err, io.EOF)
		}
		frames = append(frames, facts(data, nanoseconds(ci.Timestamp), ci.Length, link))
	}
}

// noTime stands for a Simple Packet Block's time in pcapgo.
const noTime = math.MinInt64

func nanoseconds(t time.Time) int64 {
	if t.IsZero() {
		return noTime
	}
	return t.Unix()*1e9 + int64(t.Nanosecond())
}

// TestCorpusLikePcapgo compares frame by frame with gopacket's reader, where that reads the file.
func TestCorpusLikePcapgo(t *testing.T) {
	dir, _, names := corpus(t)
	read := 0
	for _, name := range names {
		path := filepath.Join(dir, name)
		want, ok := oracle(t, path)
		if !ok {
			continue
		}
		read++
		var got []frameFacts
		readAll(t, OpenFiles([]string{path}, nil), func(f *packet.Frame) {
			got = append(got, facts(f.Data, f.Time, int(f.WireLen), f.Link))
			if n := len(got); n <= len(want) && want[n-1].Time == noTime {
				got[n-1].Time = noTime // ours is that of a neighbour
			}
		})
		if !slices.Equal(want, got) {
			t.Errorf("%s (-pcapgo +got):\n%.2000s", name, cmp.Diff(want, got))
		}
	}
	t.Logf("pcapgo reads %d of %d files", read, len(names))
	if read < 90 {
		t.Errorf("pcapgo read %d files only: the comparison says little", read)
	}
}
