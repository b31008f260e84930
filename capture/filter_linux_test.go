package capture

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"

	"github.com/netmond/netmond/capture/filter"
	"github.com/netmond/netmond/internal/netnstest"
	"github.com/netmond/netmond/packet"
)

// datagram is an IPv4 header and UDP or TCP ports, from 192.0.2.1 to 192.0.2.2.
func datagram(proto byte, src, dst byte, options int) []byte {
	p := []byte{0x45 + byte(options), 0, 0, byte(28 + 4*options), 0, 0, 0, 0, 64, proto, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2}
	p = append(p, bytes.Repeat([]byte{1}, 4*options)...)
	return append(p, 0, src, 0, dst, 0, 8, 0, 0)
}

// filterFrames are frames with and without VLAN tags.
func filterFrames() [][]byte {
	heads := [][]byte{
		slices.Concat(macB, macA),
		slices.Concat(macB, macA, []byte{0x81, 0, 0, 100}),
		slices.Concat(macB, macA, []byte{0x81, 0, 0x60, 7}),
		slices.Concat(macB, macA, []byte{0x88, 0xa8, 0, 200, 0x81, 0, 0, 100}),
		slices.Concat(macB, macA, []byte{0x81, 0, 0, 200, 0x81, 0, 0, 7}),
		slices.Concat([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, macA),
	}
	six := append([]byte{0x60, 0, 0, 0, 0, 8, 17, 64}, make([]byte, 32)...)
	bodies := [][]byte{
		slices.Concat([]byte{8, 0}, datagram(17, 1, 53, 0)), slices.Concat([]byte{8, 0}, datagram(6, 80, 2, 3)),
		slices.Concat([]byte{8, 0}, datagram(1, 0, 0, 0)), slices.Concat([]byte{0x86, 0xdd}, six, []byte{0, 53, 0, 9, 0, 8, 0, 0}),
		slices.Concat([]byte{8, 6}, make([]byte, 28)), slices.Concat([]byte{0x88, 0x47, 0, 6, 0x41, 64}, datagram(17, 9, 53, 0)),
		slices.Concat([]byte{0, 30, 0x42, 0x42, 3}, make([]byte, 27)), slices.Concat([]byte{8, 0}, datagram(17, 22, 53, 0), make([]byte, 400)),
	}
	var frames [][]byte
	for _, h := range heads {
		for _, b := range bodies {
			frames = append(frames, slices.Concat(h, b))
		}
	}
	return frames
}

// TestLiveFilter sends frames with and without VLAN tags and holds that the kernel lets through those
// that a file's filter lets through, and cuts them.
func TestLiveFilter(t *testing.T) {
	pair := netnstest.NewPair(t)
	frames := filterFrames()
	for _, expr := range []string{
		"ip", "udp port 53", "not ip", "vlan", "not vlan", "vlan 100", "vlan and ip", "vlan and udp port 53", "vlan 200 and vlan 100",
		"vlan and vlan and tcp", "udp or vlan and udp", "mpls or ip", "vlan and mpls and ip", "arp", "stp or vlan and stp",
		"greater 60", "less 60", "len = 46", "ether[12:2] = 0x8100", "ether[14:2] & 0xfff = 7", "ether[16:2] = 0x0800", "broadcast",
		"tcp[0:2] = 80 or vlan and tcp[0:2] = 80", "ip6 or (vlan and ip6)", "host 192.0.2.1 and not port 22",
	} {
		t.Run(expr, func(t *testing.T) {
			f, err := filter.Load(expr)
			if err != nil {
				t.Fatal(err)
			}
			inFile, err := f.Program(filter.Target{Link: packet.LinkEthernet})
			if err != nil {
				t.Fatal(err)
			}
			cfg := liveOn(pair.B.Name)
			cfg.Filter, cfg.Snaplen = f, 96
			l := openIn(t, pair.B.NS, cfg)
			pair.A.Sender().Send(frames...)
			var want, got [][]byte
			var wantBytes uint64
			for _, data := range frames {
				if inFile.Match(&packet.Frame{Data: data, WireLen: uint32(len(data))}) {
					want = append(want, data)
					wantBytes += uint64(len(data))
				}
			}
			for _, f := range drain(t, l) {
				if len(f.Data) > 96 {
					t.Errorf("%d bytes of a frame, the snap length is 96", len(f.Data))
				}
				got = append(got, onWire(&f))
			}
			short := slices.Clone(want)
			for i, data := range short {
				n := 96
				if data[12] == 0x81 || data[12] == 0x88 && data[13] == 0xa8 {
					n += 4 // the tag is not in what is cut
				}
				short[i] = data[:min(len(data), n)]
			}
			if diff := cmp.Diff(short, got); diff != "" {
				t.Errorf("%d frames, want %d (-want +captured):\n%s", len(got), len(want), diff)
			}
			if len(want) == 0 || len(want) == len(frames) {
				t.Errorf("the filter matches %d of %d frames: it shows nothing", len(want), len(frames))
			}
			if s := l.Stats(); s.Packets != uint64(len(want)) || s.Bytes != wantBytes || s.KernelPackets != s.Packets {
				t.Errorf("stats %+v, want %d frames of %d bytes", s, len(want), wantBytes)
			}
		})
	}
}

// onWire puts a tag that the kernel took off back.
func onWire(f *packet.Frame) []byte {
	if f.VLANTPID == 0 {
		return f.Data
	}
	tag := []byte{byte(f.VLANTPID >> 8), byte(f.VLANTPID), byte(f.VLANTCI >> 8), byte(f.VLANTCI)}
	return slices.Concat(f.Data[:12], tag, f.Data[12:])
}

// A program that tcpdump made is attached too, and cut to the snap length.
func TestLiveFilterProgram(t *testing.T) {
	pair := netnstest.NewPair(t)
	file := t.TempDir() + "/arp.ddd"
	if err := os.WriteFile(file, []byte("4\n40 0 0 12\n21 0 1 2054\n6 0 0 262144\n6 0 0 0\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := filter.Load("@" + file)
	if err != nil {
		t.Fatal(err)
	}
	cfg := liveOn(pair.B.Name)
	cfg.Filter, cfg.Snaplen = f, 64
	l := openIn(t, pair.B.NS, cfg)
	pair.A.Sender().Send(ether(100, 1, 0x08, 0x06), ether(100, 2, 0x08, 0x00), ether(60, 3, 0x08, 0x06))
	got := drain(t, l)
	if len(got) != 2 || len(got[0].Data) != 64 || got[0].WireLen != 100 || len(got[1].Data) != 60 {
		t.Errorf("got %d frames: %+v; want two of ARP, of 64 and 60 bytes", len(got), got)
	}
}

// TestLiveFilterFollowsTheLinkType makes the interface again with another link type: the filter is
// compiled for that.
func TestLiveFilterFollowsTheLinkType(t *testing.T) {
	if _, err := os.Stat("/dev/net/tun"); err != nil {
		t.Skip("needs the device /dev/net/tun: ", err)
	}
	pair := netnstest.NewPair(t)
	f, err := filter.Load("udp port 53 and greater 20")
	if err != nil {
		t.Fatal(err)
	}
	cfg := liveOn(pair.B.Name)
	cfg.Filter = f
	l := openIn(t, pair.B.NS, cfg)
	dns, web := datagram(17, 1, 53, 0), datagram(17, 1, 80, 0)
	pair.A.Sender().Send(slices.Concat(macB, macA, []byte{8, 0}, dns), slices.Concat(macB, macA, []byte{8, 0}, web))
	got := readUntil(t, l, func(got []packet.Frame) bool { return len(got) > 0 })
	if len(got) != 1 || got[0].Link != packet.LinkEthernet || !bytes.HasSuffix(got[0].Data, dns) {
		t.Fatalf("on Ethernet got %+v, want the one to port 53", got)
	}

	pair.Delete()
	awaitUp(t, l, false)
	tun := &netlink.Tuntap{LinkAttrs: netlink.LinkAttrs{Name: pair.B.Name}, Mode: netlink.TUNTAP_MODE_TUN, Queues: 1, Flags: netlink.TUNTAP_NO_PI}
	pair.B.NS.Do(func() {
		if err = netlink.LinkAdd(tun); err == nil {
			err = netlink.LinkSetUp(tun)
		}
	})
	if err != nil {
		t.Fatalf("make a tun interface: %v", err)
	}
	defer tun.Fds[0].Close()
	awaitUp(t, l, true)
	for _, p := range [][]byte{web, dns, web} {
		if _, err := tun.Fds[0].Write(p); err != nil {
			t.Fatal(err)
		}
	}
	got = drain(t, l)
	if len(got) != 1 || got[0].Link != packet.LinkRaw || !bytes.Equal(got[0].Data, dns) {
		t.Errorf("on raw IP got %+v, want the one to port 53", got)
	}
}

// What the link type of the interface does not have is told when it is opened.
func TestLiveFilterFault(t *testing.T) {
	pair := netnstest.NewPair(t)
	for expr, want := range map[string]string{"tcp and arp": "can match", "wlan addr1 00:00:5e:00:53:01": "802.11 captures only"} {
		f, err := filter.Load(expr)
		if err != nil {
			t.Fatal(err)
		}
		cfg := liveOn(pair.B.Name)
		cfg.Filter = f
		pair.B.NS.Do(func() { _, err = OpenLive(cfg, slog.New(slog.DiscardHandler)) })
		var fault *filter.Error
		if !errors.As(err, &fault) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", expr, err, want)
		}
	}
}

// Frames that the kernel filters are in no count, and Stop replaces the filter like any other.
func TestLiveFilterStops(t *testing.T) {
	pair := netnstest.NewPair(t)
	f, err := filter.Load("arp")
	if err != nil {
		t.Fatal(err)
	}
	cfg := liveOn(pair.B.Name)
	cfg.Filter = f
	l := openIn(t, pair.B.NS, cfg)
	s := pair.A.Sender()
	s.Repeat(ether(100, 1, 0x08, 0x06), 10)
	s.Repeat(ether(100, 1, 0x08, 0x00), 10)
	l.Stop()
	s.Repeat(ether(100, 1, 0x08, 0x06), 10)
	n := 0
	var b packet.Block
	for {
		if err := l.ReadBlock(&b); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		n += len(b.Frames)
	}
	if got := l.Stats(); n != 10 || got.KernelPackets != 10 || got.KernelDrops != 0 {
		t.Errorf("%d frames, stats %+v, want the 10 from before the stop", n, got)
	}
}
