package main

import (
	"encoding/binary"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/netmond/netmond/capture"
	"github.com/netmond/netmond/internal/pcaptest"
	"github.com/netmond/netmond/internal/testneed"
	"github.com/netmond/netmond/packet"
)

// wireSums are what the decoder makes of frames that are sent to a daemon, by itself.
type wireSums struct {
	d       *liveDaemon
	decoder packet.Decoder
	sent    uint64
	bytes   uint64
	scopes  map[string]counts // "ip", which the daemon has by version, non_ip, undecoded and encapsulation
	reasons map[string]counts
}

func newWireSums(d *liveDaemon, decap packet.Decap) *wireSums {
	return &wireSums{d: d, decoder: packet.Decoder{Decap: decap}, scopes: map[string]counts{}, reasons: map[string]counts{}}
}

// send sends frames and notes what becomes of each.
func (w *wireSums) send(frames ...[]byte) {
	w.d.t.Helper()
	sender := w.d.pair.A.Sender()
	for _, f := range frames {
		sender.Send(f)
		var m packet.Meta
		frame := packet.Frame{Data: f, WireLen: uint32(len(f)), Link: packet.LinkEthernet}
		w.decoder.Decode(&frame, &m)
		add := func(sums map[string]counts, key string) {
			c := sums[key]
			c.Packets, c.Bytes = c.Packets+1, c.Bytes+uint64(len(f))
			sums[key] = c
		}
		switch m.Class {
		case packet.ClassIP:
			add(w.scopes, "ip")
		case packet.ClassNonIP:
			add(w.scopes, "non_ip")
		default:
			add(w.scopes, "undecoded")
			add(w.reasons, m.Reason.String())
		}
		w.sent++
		w.bytes += uint64(len(f))
	}
}

// check compares with the daemon's figures, when it has all of them.
func (w *wireSums) check(what string) readJSON {
	t := w.d.t
	t.Helper()
	got, drops := w.d.figures(w.sent)
	checkClosed(t, got)
	if drops != 0 || got.Capture.Packets != w.sent || got.Capture.Bytes != w.bytes {
		t.Errorf("%s: %d packets of %d bytes, %d dropped, sent %d of %d", what, got.Capture.Packets, got.Capture.Bytes, drops, w.sent, w.bytes)
	}
	for _, scope := range []string{"non_ip", "undecoded"} {
		if got.Scopes[scope] != w.scopes[scope] {
			t.Errorf("%s: %s %+v, want %+v", what, scope, got.Scopes[scope], w.scopes[scope])
		}
	}
	maps.DeleteFunc(got.Reasons, func(_ string, c counts) bool { return c.Packets == 0 })
	if diff := cmp.Diff(w.reasons, got.Reasons); diff != "" {
		t.Errorf("%s: reasons (-want +got):\n%s", what, diff)
	}
	if nic := w.d.metric(`netmond_lost_packets_total\{cause="nic"[^}]*\}`); nic != 0 {
		t.Errorf("%s: %d packets lost by the interface, which were all captured", what, nic)
	}
	if log := w.d.log(); strings.Contains(log, "panic") {
		t.Errorf("%s: %s", what, log)
	}
	return got
}

// ethernetFrames are the frames of a capture that can be sent on Ethernet. The kernel itself drops those whose
// VLAN tag is cut.
func ethernetFrames(t *testing.T, file string) (frames [][]byte) {
	t.Helper()
	src := capture.OpenFiles([]string{file}, nil)
	defer src.Close()
	var b packet.Block
	for {
		err := src.ReadBlock(&b)
		for _, f := range b.Frames {
			n := len(f.Data)
			if f.Link != packet.LinkEthernet || n < 14 || n > 1514 {
				continue
			}
			if kind := binary.BigEndian.Uint16(f.Data[12:]); n < 18 && (kind == 0x8100 || kind == 0x88a8) {
				continue
			}
			frames = append(frames, slices.Clone(f.Data))
		}
		if err != nil {
			if !errors.Is(err, io.EOF) {
				t.Logf("%s: %v", filepath.Base(file), err)
			}
			return frames
		}
	}
}

// TestLiveMalformedFrames sends the frames of the corpus' malformed captures over a wire, file by file and then
// all of them at once: each has its reason, and the daemon lives.
func TestLiveMalformedFrames(t *testing.T) {
	dir := filepath.Join(testneed.Shared(t), "pcaps")
	var files []string
	for _, folder := range []string{"malformed", "ipfrag"} {
		list, err := filepath.Glob(filepath.Join(dir, folder, "*.pcap*"))
		if err != nil || len(list) == 0 {
			t.Fatalf("no captures in %s: %v", folder, err)
		}
		files = append(files, list...)
	}
	files = append(files, filepath.Join(dir, "encap", "too_many_layers.pcap"))
	if _, err := os.Stat(files[len(files)-1]); err != nil {
		files = files[:len(files)-1]
	}
	d := startLive(t, "-m", "192.0.2.0/24", "--ring-size", "32MiB", "--no-checks")
	w := newWireSums(d, 0)
	var all [][]byte
	for _, file := range files {
		frames := ethernetFrames(t, file)
		all = append(all, frames...)
		for part := range slices.Chunk(frames, 5000) { // the ring holds them
			w.send(part...)
			w.check(filepath.Base(file))
		}
	}
	for part := range slices.Chunk(all, 5000) {
		w.send(part...)
		w.check("all files at once")
	}
	if w.scopes["undecoded"].Packets == 0 || len(w.reasons) < 3 {
		t.Errorf("%d frames with reasons %v show nothing", w.sent, w.reasons)
	}
}

// ip4 is an IPv4 header for a payload.
func ip4(proto byte, payload []byte) []byte {
	h := []byte{0x45, 0, 0, 0, 0, 0, 0, 0, 64, proto, 0, 0, 192, 0, 2, 1, 203, 0, 113, 1}
	binary.BigEndian.PutUint16(h[2:], uint16(20+len(payload)))
	return append(h, payload...)
}

// TestLiveNesting sends tunnels in tunnels, chains of extension headers, and labels and tags with no end: the
// daemon stops at its limits, with a reason where nothing could be counted, and each byte is in a scope.
func TestLiveNesting(t *testing.T) {
	ether := func(kind uint16, payload []byte) []byte {
		return append(binary.BigEndian.AppendUint16([]byte{0, 0, 0x5e, 0, 0x53, 2, 0, 0, 0x5e, 0, 0x53, 1}, kind), payload...)
	}
	tunnels := ip4(17, []byte{0, 1, 0, 2, 0, 8, 0, 0})
	for range 20 {
		tunnels = ip4(4, tunnels)
	}
	chain := []byte{17, 0, 0, 0, 0, 0, 0, 0} // the last extension header of 50, before UDP
	for range 49 {
		chain = append([]byte{60, 0, 0, 0, 0, 0, 0, 0}, chain...)
	}
	chain = append(chain, 0, 1, 0, 2, 0, 8, 0, 0)
	v6 := append([]byte{0x60, 0, 0, 0, byte(len(chain) >> 8), byte(len(chain)), 60, 64}, make([]byte, 32)...)
	v6[8], v6[24] = 0x20, 0x20
	var labels, tags []byte
	for range 300 {
		labels = append(labels, 0, 1, 0, 64) // no bottom of the stack
		tags = append(tags, 0, 7, 0x81, 0)
	}
	frames := [][]byte{
		ether(0x0800, tunnels), ether(0x86dd, append(v6, chain...)), ether(0x8847, labels), ether(0x8847, labels[:400]),
		ether(0x8100, tags), ether(0x8100, tags[:40]),
	}
	for _, tt := range []struct {
		flag  string
		decap packet.Decap
	}{{"none", 0}, {"all", packet.DecapAll}} {
		d := startLive(t, "-m", "192.0.2.0/24", "--decap", tt.flag, "--no-checks")
		w := newWireSums(d, tt.decap)
		for range 20 {
			w.send(frames...)
		}
		w.check("decap " + tt.flag)
		if len(w.reasons) == 0 {
			t.Errorf("decap %s: no frame has a reason", tt.flag)
		}
	}
}

// TestLiveLengthFields sends datagrams whose length fields say nothing, less and more than there is: the frames'
// lengths count.
func TestLiveLengthFields(t *testing.T) {
	d := startLive(t, "-m", "192.0.2.0/24", "-m", "2001:db8:1::/48", "--no-checks")
	w := newWireSums(d, 0)
	v4 := pcaptest.UDP("192.0.2.1:1000", "203.0.113.1:53", make([]byte, 400))
	v6 := pcaptest.UDP("[2001:db8:1::1]:1000", "[2001:db8:2::1]:53", make([]byte, 400))
	var want [2]counts
	for _, length := range []uint16{0, 28, 100, 427, 429, 1500, 65535} {
		for i, whole := range [][]byte{v4, v6} {
			f := slices.Clone(whole)
			binary.BigEndian.PutUint16(f[14+[]int{2, 4}[i]:], length)
			w.send(f)
			want[i].Packets++
			want[i].Bytes += uint64(len(f))
		}
	}
	got := w.check("length fields")
	for _, n := range got.Networks {
		i := 0
		if strings.Contains(n.CIDR, ":") {
			i = 1
		}
		if n.Egress != want[i] {
			t.Errorf("%s: egress %+v, want %+v", n.CIDR, n.Egress, want[i])
		}
	}
}
