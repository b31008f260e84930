package capture

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/pcapgo"

	"github.com/netmond/netmond/internal/pcaptest"
	"github.com/netmond/netmond/packet"
)

// benchPackets is traffic of 64-byte frames or of the simple IMIX (7 of 64, 4 of 594, 1 of 1518).
func benchPackets(n int, imix bool) []pcaptest.Packet {
	sizes := []int{60}
	if imix {
		sizes = []int{60, 60, 60, 60, 60, 60, 60, 590, 590, 590, 590, 1514}
	}
	packets := make([]pcaptest.Packet, n)
	for i := range packets {
		packets[i] = pcaptest.Packet{Time: int64(i) * 1000, Data: make([]byte, sizes[i%len(sizes)])}
	}
	return packets
}

// BenchmarkReadBlock reads files from the page cache, next to pcapgo's zero-copy readers on the same
// files: compare only figures of one run.
func BenchmarkReadBlock(b *testing.B) {
	const packets = 200_000
	for _, traffic := range []string{"64B", "imix"} {
		made := benchPackets(packets, traffic == "imix")
		for _, format := range []string{"pcap", "pcapng"} {
			data := pcaptest.Pcap(made...)
			if format == "pcapng" {
				data = pcaptest.Pcapng(made...)
			}
			path := pcaptest.File(b, "in", data)
			run := func(name string, read func() int) {
				b.Run(fmt.Sprintf("traffic=%s/format=%s/reader=%s", traffic, format, name), func(b *testing.B) {
					b.ReportAllocs()
					for b.Loop() {
						if n := read(); n != packets {
							b.Fatalf("read %d packets of %d", n, packets)
						}
					}
					b.ReportMetric(float64(packets)*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mpps")
				})
			}
			run("netmond", func() int {
				f := OpenFiles([]string{path}, nil)
				defer f.Close()
				return drainFiles(f)
			})
			run("netmond-memory", func() int { return drainFiles(OpenFiles([]string{"-"}, bytes.NewReader(data))) })
			run("pcapgo-memory", func() int { return drainPcapgo(b, format, bytes.NewReader(data)) })
		}
	}
}

func drainFiles(f *Files) int {
	var block packet.Block
	n := 0
	for f.ReadBlock(&block) == nil {
		n += len(block.Frames)
	}
	return n
}

func drainPcapgo(b *testing.B, format string, r io.Reader) int {
	var next func() ([]byte, gopacket.CaptureInfo, error)
	var err error
	if format == "pcap" {
		var pr *pcapgo.Reader
		pr, err = pcapgo.NewReader(r)
		next = pr.ZeroCopyReadPacketData
	} else {
		var pr *pcapgo.NgReader
		pr, err = pcapgo.NewNgReader(r, pcapgo.DefaultNgReaderOptions)
		next = pr.ZeroCopyReadPacketData
	}
	if err != nil {
		b.Fatal(err)
	}
	for n := 0; ; n++ {
		if _, _, err := next(); err != nil {
			if !errors.Is(err, io.EOF) {
				b.Fatal(err)
			}
			return n
		}
	}
}

// BenchmarkMerge interleaves files packet by packet, the worst case of the merge.
func BenchmarkMerge(b *testing.B) {
	for _, files := range []int{1, 2, 8, 64} {
		b.Run(fmt.Sprintf("files=%d", files), func(b *testing.B) {
			const packets = 200_000
			var paths []string
			for i := range files {
				made := benchPackets(packets/files, false)
				for j := range made {
					made[j].Time = int64(j*files+i) * 1000
				}
				paths = append(paths, pcaptest.File(b, "in", pcaptest.Pcap(made...)))
			}
			b.ReportAllocs()
			for b.Loop() {
				f := OpenFiles(paths, nil)
				if n := drainFiles(f); n != packets/files*files {
					b.Fatalf("read %d packets", n)
				}
				f.Close()
			}
			b.ReportMetric(float64(packets)*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mpps")
		})
	}
}
