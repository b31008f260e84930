package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/netmond/netmond/capture"
	"github.com/netmond/netmond/flows"
	"github.com/netmond/netmond/internal/pcaptest"
	"github.com/netmond/netmond/localnets"
	"github.com/netmond/netmond/packet"
)

const (
	benchPackets = 2_000_000
	benchFlows   = 100_000
)

// benchCapture writes a capture of 2 M packets in 100,000 two-way flows drawn at random, 1,000 a
// millisecond, cut at 96 bytes with wire lengths from 60 to 1514: half TLS over TCP, which is known at
// once, and half UDP that no detector knows, which costs a flow's whole budget of them.
func benchCapture(b *testing.B) string {
	b.Helper()
	var header bytes.Buffer
	if err := pcaptest.WritePcap(&header, pcaptest.PcapOptions{Link: 1}); err != nil {
		b.Fatal(err)
	}
	file, err := os.Create(filepath.Join(b.TempDir(), "bench.pcap"))
	if err != nil {
		b.Fatal(err)
	}
	defer file.Close()
	tls := append([]byte{22, 3, 1, 5, 110, 1, 0, 5, 106, 3, 3}, make([]byte, 1389)...)
	tcp := pcaptest.TCP("10.0.0.1:1024", "203.0.113.1:443", pcaptest.Segment{Payload: tls})[:96]
	udp := pcaptest.UDP("10.0.0.1:1024", "203.0.113.1:4000", make([]byte, 1400))[:96]
	r := rand.New(rand.NewPCG(1, 2))
	out := header.Bytes()
	record := make([]byte, 16+96)
	seq := make([][2]uint32, benchFlows)
	sizes := []uint32{60, 60, 60, 590, 590, 1514} // about the Internet mix
	for i := range benchPackets {
		flow := r.Uint32N(benchFlows)
		frame := record[16:]
		copy(frame, tcp)
		if flow%2 == 1 {
			copy(frame, udp)
		}
		wire, dir := sizes[r.IntN(len(sizes))], 0
		local, remote := [4]byte{10, byte(flow >> 16), byte(flow >> 8), byte(flow)}, [4]byte{203, 0, 113, byte(flow % 200)}
		if r.Uint32N(2) == 0 { // the other direction
			local, remote, dir = remote, local, 1
			p := binary.BigEndian.Uint32(frame[34:])
			binary.BigEndian.PutUint32(frame[34:], p<<16|p>>16)
		}
		copy(frame[26:], local[:])
		copy(frame[30:], remote[:])
		if flow%2 == 0 { // an undisturbed stream
			binary.BigEndian.PutUint32(frame[38:], seq[flow][dir])
			binary.BigEndian.PutUint32(frame[42:], seq[flow][1-dir])
			seq[flow][dir] += wire - 54
		}
		binary.BigEndian.PutUint16(frame[16:], uint16(wire-14)) // IPv4 total length
		le := binary.LittleEndian
		le.PutUint32(record[0:], 1_800_000_000+uint32(i/1_000_000))
		le.PutUint32(record[4:], uint32(i%1_000_000))
		le.PutUint32(record[8:], min(wire, 96))
		le.PutUint32(record[12:], wire)
		out = append(out, record[:16+min(wire, 96)]...)
		if len(out) > 1<<20 {
			if _, err := file.Write(out); err != nil {
				b.Fatal(err)
			}
			out = out[:0]
		}
	}
	if _, err := file.Write(out); err != nil {
		b.Fatal(err)
	}
	return file.Name()
}

// BenchmarkReadFile reads 2 M packets with 100,000 flows from the page cache, with the stages apart:
// frames alone, frames decoded, and the whole of netmond read (1,000 networks) with one worker and two.
func BenchmarkReadFile(b *testing.B) {
	path := benchCapture(b)
	var nets []string
	for i := range 1000 {
		nets = append(nets, benchNet(i))
	}
	each := func(b *testing.B, f func(*capture.Files)) {
		b.ReportAllocs()
		for b.Loop() {
			src := capture.OpenFiles([]string{path}, nil)
			f(src)
			if errs := src.Errors(); len(errs) > 0 {
				b.Fatal(errs[0])
			}
			src.Close()
		}
		b.ReportMetric(float64(benchPackets)*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mpps")
		b.ReportMetric(b.Elapsed().Seconds()*1e9/float64(benchPackets)/float64(b.N), "ns/packet")
	}
	blocks := func(b *testing.B, src *capture.Files, use func(*packet.Block)) {
		var block packet.Block
		for {
			err := src.ReadBlock(&block)
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				b.Fatal(err)
			}
			use(&block)
		}
	}
	b.Run("frames", func(b *testing.B) {
		each(b, func(src *capture.Files) { blocks(b, src, func(*packet.Block) {}) })
	})
	b.Run("decoded", func(b *testing.B) {
		var d packet.Decoder
		var m packet.Meta
		each(b, func(src *capture.Files) {
			blocks(b, src, func(block *packet.Block) {
				for i := range block.Frames {
					d.Decode(&block.Frames[i], &m)
				}
			})
		})
	})
	for _, workers := range []int{1, 2} { // as many processors are needed: -cpu 2
		b.Run(fmt.Sprintf("whole/workers=%d", workers), func(b *testing.B) {
			each(b, func(src *capture.Files) {
				list, err := localnets.ParseList(nets)
				if err != nil {
					b.Fatal(err)
				}
				registry, err := localnets.New(localnets.DefaultConfig(), list)
				if err != nil {
					b.Fatal(err)
				}
				cfg := flows.DefaultConfig()
				cfg.Workers = workers
				table, err := flows.New(cfg, registry)
				if err != nil {
					b.Fatal(err)
				}
				if err := table.Replay(b.Context(), src, nil); err != nil {
					b.Fatal(err)
				}
				if s := table.Snapshot(); s.Capture.Packets != benchPackets || s.Table.Entries < benchFlows*99/100 {
					b.Fatalf("%d packets, %d flows", s.Capture.Packets, s.Table.Entries)
				}
			})
		})
	}
}

// benchNet is the i-th of the /22 networks that hold the benchmark's local hosts, then others.
func benchNet(i int) string {
	first := 10
	if i >= 512 {
		first = 172
	}
	return fmt.Sprintf("%d.%d.%d.0/22", first, i*4>>8, i*4&0xff)
}
