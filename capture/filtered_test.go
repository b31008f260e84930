package capture

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/netmond/netmond/capture/filter"
	"github.com/netmond/netmond/internal/pcaptest"
	"github.com/netmond/netmond/packet"
)

// blocksOf is a Source of blocks.
type blocksOf struct {
	blocks [][]packet.Frame
	closed bool
}

func (s *blocksOf) ReadBlock(b *packet.Block) error {
	if len(s.blocks) == 0 {
		return io.EOF
	}
	b.Frames, s.blocks = s.blocks[0], s.blocks[1:]
	return nil
}

func (s *blocksOf) Stats() Stats { return Stats{Path: "file"} }
func (s *blocksOf) Close() error { s.closed = true; return nil }

func frameOf(link packet.LinkType, wire int, data ...byte) packet.Frame {
	return packet.Frame{Data: data, WireLen: uint32(wire), Link: link}
}

func TestFiltered(t *testing.T) {
	etherIP := append(make([]byte, 12), 8, 0)
	etherARP := append(make([]byte, 12), 8, 6)
	src := &blocksOf{blocks: [][]packet.Frame{
		{frameOf(packet.LinkEthernet, 60, etherARP...), frameOf(packet.LinkEthernet, 70, etherIP...)},
		{frameOf(packet.LinkEthernet, 80, etherARP...)}, // none of it is left
		{frameOf(packet.LinkRaw, 20, 0x45), frameOf(packet.LinkRaw, 1, 0x60), frameOf(packet.LinkEthernet, 14, etherIP...), frameOf(packet.LinkIPv6, 40, 0x60)},
	}}
	f, err := filter.Load("ip")
	if err != nil {
		t.Fatal(err)
	}
	s := NewFiltered(src, f)
	var got []uint32
	var b packet.Block
	for err = nil; err == nil; err = s.ReadBlock(&b) {
		for _, frame := range b.Frames {
			got = append(got, frame.WireLen)
		}
	}
	if !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	if want := []uint32{70, 20, 14}; !slices.Equal(got, want) {
		t.Errorf("frames of %v bytes, want %v", got, want)
	}
	want := Stats{Path: "file", Packets: 3, Bytes: 104, Truncated: 2, Filtered: 4, FilteredBytes: 60 + 80 + 1 + 40}
	if diff := cmp.Diff(want, s.Stats()); diff != "" {
		t.Errorf("stats (-want +got):\n%s", diff)
	}
	if s.Close(); !src.closed {
		t.Error("the source is not closed")
	}
}

// A link type that the filter does not know ends the reading: its frames are neither in nor out.
func TestFilteredLinkType(t *testing.T) {
	f, err := filter.Load("vlan")
	if err != nil {
		t.Fatal(err)
	}
	for link, want := range map[packet.LinkType]string{packet.LinkRaw: "have no VLAN tags", packet.LinkNFLOG: "cannot be filtered"} {
		s := NewFiltered(&blocksOf{blocks: [][]packet.Frame{{frameOf(link, 20, 0x45)}}}, f)
		var b packet.Block
		err := s.ReadBlock(&b)
		var fault *filter.Error
		if !errors.As(err, &fault) || !strings.Contains(err.Error(), want) || len(b.Frames) != 0 {
			t.Errorf("%v: got %v and %d frames, want %s", link, err, len(b.Frames), want)
		}
	}
}

// Filtering allocates nothing per frame.
func TestFilteredAllocates(t *testing.T) {
	f, err := filter.Load("udp port 53")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "x.pcap")
	packets := make([]pcaptest.Packet, 2000)
	for i := range packets {
		packets[i] = pcaptest.Packet{Data: append(make([]byte, 12), 8, 0, 0x45)}
	}
	out, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := pcaptest.WritePcap(out, pcaptest.PcapOptions{Link: packet.LinkEthernet}, packets...); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	s := NewFiltered(OpenFiles([]string{file}, nil), f)
	defer s.Close()
	var b packet.Block
	if err := s.ReadBlock(&b); !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	if got := s.Stats(); got.Filtered != 2000 || got.FilteredBytes != 2000*15 || got.Packets != 0 {
		t.Errorf("stats %+v, want 2,000 frames filtered", got)
	}
	frames := slices.Repeat([]packet.Frame{frameOf(packet.LinkEthernet, 15, packets[0].Data...)}, 512)
	if n := testing.AllocsPerRun(50, func() {
		if _, err := s.keep(frames); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations for 512 frames", n)
	}
}
