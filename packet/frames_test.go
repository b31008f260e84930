package packet

import (
	"bytes"
	"encoding/binary"
	"io"
	"os"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
)

// readFrames gives the frames of a capture file up to its first damage; refused tells that the
// reading library takes no part of it.
func readFrames(t testing.TB, path string) (frames []Frame, refused bool) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	add := func(b []byte, ci gopacket.CaptureInfo, link layers.LinkType) {
		frames = append(frames, Frame{
			Data: b, Time: ci.Timestamp.UnixNano(), WireLen: uint32(ci.Length), Link: LinkType(link),
		})
	}
	if len(data) >= 4 && binary.BigEndian.Uint32(data) == 0x0a0d0d0a {
		r, err := pcapgo.NewNgReader(bytes.NewReader(data), pcapgo.NgReaderOptions{WantMixedLinkType: true})
		if err != nil {
			return nil, true
		}
		for {
			b, ci, err := r.ReadPacketData()
			if err != nil {
				return frames, err != io.EOF && len(frames) == 0
			}
			add(b, ci, ci.AncillaryData[0].(layers.LinkType))
		}
	}
	r, err := pcapgo.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, true
	}
	for {
		b, ci, err := r.ReadPacketData()
		if err != nil {
			return frames, err != io.EOF && len(frames) == 0
		}
		add(b, ci, r.LinkType())
	}
}
