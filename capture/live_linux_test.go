package capture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/sys/unix"

	"github.com/netmond/netmond/internal/netnstest"
	"github.com/netmond/netmond/packet"
)

// patience is when a test gives up what it waits for.
const patience = 20 * time.Second

// liveOn is a configuration with a ring of 2 MiB, enough for what tests send.
func liveOn(name string) LiveConfig {
	cfg := DefaultLiveConfig()
	cfg.Interface, cfg.RingBytes, cfg.BlockBytes = name, 2<<20, 1<<18
	return cfg
}

// openIn opens cfg in the namespace ns. The log goes to the test's.
func openIn(t *testing.T, ns *netnstest.NS, cfg LiveConfig) *Live {
	t.Helper()
	return openLogged(t, ns, cfg, t.Output())
}

func openLogged(t *testing.T, ns *netnstest.NS, cfg LiveConfig, log io.Writer) *Live {
	t.Helper()
	var l *Live
	var err error
	ns.Do(func() { l, err = OpenLive(cfg, slog.New(slog.NewTextHandler(log, nil))) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { shut(t, l) })
	return l
}

// ReadBlock reads a Live that has one worker.
func (l *Live) ReadBlock(b *packet.Block) error { return l.readers[0].ReadBlock(b) }

// shut closes l as a reader does that has no more use for its frames.
func shut(t *testing.T, l *Live) {
	t.Helper()
	if err := l.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	for _, r := range l.Readers() {
		if err := r.ReadBlock(new(packet.Block)); !errors.Is(err, ErrClosed) {
			t.Errorf("ReadBlock after Close: %v, want ErrClosed", err)
		}
	}
}

// readUntil reads blocks until done, which it asks first and after each. It gives copies of the frames.
func readUntil(t *testing.T, l *Live, done func(got []packet.Frame) bool) []packet.Frame {
	t.Helper()
	var got []packet.Frame
	var b packet.Block
	for end := time.Now().Add(patience); !done(got); {
		if err := l.ReadBlock(&b); err != nil {
			t.Fatalf("ReadBlock after %d frames: %v", len(got), err)
		}
		for _, f := range b.Frames {
			f.Data = bytes.Clone(f.Data)
			got = append(got, f)
		}
		if time.Now().After(end) {
			t.Fatalf("gave up waiting, with %d frames and %+v", len(got), l.Stats())
		}
	}
	return got
}

// drain stops l and gives copies of all frames that it still holds.
func drain(t *testing.T, l *Live) []packet.Frame {
	t.Helper()
	l.Stop()
	var got []packet.Frame
	var b packet.Block
	for {
		switch err := l.ReadBlock(&b); {
		case errors.Is(err, io.EOF):
			checkSum(t, l.Stats(), len(got))
			return got
		case err != nil:
			t.Fatalf("ReadBlock after Stop: %v", err)
		}
		for _, f := range b.Frames {
			f.Data = bytes.Clone(f.Data)
			got = append(got, f)
		}
	}
}

// checkSum holds that no frame is unaccounted for once the ring is empty; least frames were read.
func checkSum(t *testing.T, s Stats, least int) {
	t.Helper()
	if s.Packets+s.KernelDrops != s.KernelPackets || s.Packets < uint64(least) {
		t.Errorf("handed over %d (%d at least) + dropped %d is not what the kernel counted: %d", s.Packets, least, s.KernelDrops, s.KernelPackets)
	}
}

var macA, macB = net.HardwareAddr{0, 0, 0x5e, 0, 0x53, 0x0a}, net.HardwareAddr{0, 0, 0x5e, 0, 0x53, 0x0b}

// ether is a frame from macA to macB of n bytes in all. What stands in place of the EtherType is
// given, then comes a pattern that depends on seed.
func ether(n, seed int, types ...byte) []byte {
	f := slices.Concat(macB, macA, types)
	for i := len(f); i < n; i++ {
		f = append(f, byte(i+seed))
	}
	return f
}

func TestLiveFrames(t *testing.T) {
	pair := netnstest.NewPair(t)
	type sent struct {
		name      string
		frame     []byte
		tpid, tci uint16 // of the tag that is not in Data
	}
	frames := []sent{
		{"smallest", ether(14, 1, 0x08, 0x00), 0, 0},
		{"IPv4", ether(60, 2, 0x08, 0x00), 0, 0},
		{"IPv6", ether(74, 3, 0x86, 0xdd), 0, 0},
		{"ARP", ether(42, 4, 0x08, 0x06), 0, 0},
		{"full size", ether(1514, 5, 0x08, 0x00), 0, 0},
		{"LLC", ether(60, 6, 0x00, 0x2e), 0, 0},
		{"MPLS", ether(70, 7, 0x88, 0x47), 0, 0},
		{"802.1Q, 142 bytes", ether(142, 8, 0x81, 0x00, 0x60, 0x64, 0x08, 0x00), 0x8100, 0x6064},
		{"802.1ad, 802.1Q", ether(150, 9, 0x88, 0xa8, 0x00, 0xc8, 0x81, 0x00, 0x00, 0x64, 0x08, 0x00), 0x88a8, 200},
		{"802.1Q twice", ether(150, 10, 0x81, 0x00, 0x00, 0xc8, 0x81, 0x00, 0x00, 0x64, 0x86, 0xdd), 0x8100, 200},
		{"VLAN 0", ether(64, 11, 0x81, 0x00, 0x00, 0x00, 0x08, 0x00), 0x8100, 0},
	}
	before := time.Now()
	l := openIn(t, pair.B.NS, liveOn(pair.B.Name))
	sender := pair.A.Sender()
	var want []packet.Frame
	for _, s := range frames {
		sender.Send(s.frame)
		data := s.frame
		if s.tpid != 0 {
			data = slices.Concat(data[:12], data[16:])
		}
		want = append(want, packet.Frame{
			Data: data, WireLen: uint32(len(s.frame)), VLANTPID: s.tpid, VLANTCI: s.tci, Link: linkEthernet,
		})
	}
	got := readUntil(t, l, func(got []packet.Frame) bool { return len(got) >= len(want) })
	after := time.Now()
	got = append(got, drain(t, l)...)
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(packet.Frame{}, "Time")); diff != "" {
		t.Errorf("frames (-sent +captured):\n%s", diff)
	}
	for i, f := range got {
		if f.Time < before.UnixNano() || f.Time > after.UnixNano() {
			t.Errorf("%s: time %v is not in %v..%v", frames[i].name, time.Unix(0, f.Time), before, after)
		}
	}
	s := l.Stats()
	var sum uint64
	for _, s := range frames {
		sum += uint64(len(s.frame))
	}
	if s.Bytes != sum || s.Packets != uint64(len(frames)) || s.KernelDrops != 0 || s.Truncated != 0 || !s.Up {
		t.Errorf("stats %+v, want %d frames of %d bytes, none dropped or cut, up", s, len(frames), sum)
	}
	if s.Interface != pair.B.Name || s.Path != "afpacket" || s.RingBytes != 2<<20 || s.LastPoll < before.UnixNano() {
		t.Errorf("stats %+v, want interface %s, path afpacket, ring of 2 MiB, a poll", s, pair.B.Name)
	}
}

func TestLiveSnaplen(t *testing.T) {
	pair := netnstest.NewPair(t)
	cfg := liveOn(pair.B.Name)
	cfg.Snaplen = 64
	l := openIn(t, pair.B.NS, cfg)
	frames := [][]byte{ether(60, 1, 0x08, 0x00), ether(1514, 2, 0x08, 0x00), ether(142, 3, 0x81, 0, 0, 100, 0x08, 0)}
	pair.A.Sender().Send(frames...)
	got := drain(t, l)
	want := []packet.Frame{
		{Data: frames[0], WireLen: 60, Link: linkEthernet},
		{Data: frames[1][:64], WireLen: 1514, Link: linkEthernet},
		{Data: slices.Concat(frames[2][:12], frames[2][16:68]), WireLen: 142, VLANTPID: 0x8100, VLANTCI: 100, Link: linkEthernet},
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(packet.Frame{}, "Time")); diff != "" {
		t.Errorf("frames (-want +captured):\n%s", diff)
	}
	if s := l.Stats(); s.Bytes != 60+1514+142 || s.Truncated != 2 {
		t.Errorf("%d bytes, %d cut, want %d and 2", s.Bytes, s.Truncated, 60+1514+142)
	}
}

// TestLiveDirections sees what a host sends, and leaves it out when asked to.
func TestLiveDirections(t *testing.T) {
	for _, ignore := range []bool{false, true} {
		t.Run(fmt.Sprintf("ignore outgoing %v", ignore), func(t *testing.T) {
			pair := netnstest.NewPair(t)
			cfg := liveOn(pair.B.Name)
			cfg.IgnoreOutgoing = ignore
			l := openIn(t, pair.B.NS, cfg)
			in, out := ether(100, 1, 0x08, 0x00), ether(142, 2, 0x81, 0, 0, 100, 0x08, 0)
			pair.A.Sender().Send(in)
			pair.B.Sender().Send(out)
			want := [][]byte{in}
			if !ignore {
				want = append(want, out)
			}
			var got [][]byte
			for _, f := range drain(t, l) {
				got = append(got, f.Data)
				if int(f.WireLen) != len(f.Data) {
					t.Errorf("wire length %d of a frame of %d bytes", f.WireLen, len(f.Data))
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("frames (-want +captured):\n%s", diff)
			}
		})
	}
}

// TestLiveLoopback counts each packet once, though the kernel taps it twice.
func TestLiveLoopback(t *testing.T) {
	ns := netnstest.New(t)
	ns.LoopbackUp()
	l := openIn(t, ns, liveOn("lo"))
	const n = 50
	ns.Do(func() {
		to, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		defer to.Close()
		from, err := net.DialUDP("udp4", nil, to.LocalAddr().(*net.UDPAddr))
		if err != nil {
			t.Fatal(err)
		}
		defer from.Close()
		for i := range n {
			if _, err := from.Write([]byte{byte(i)}); err != nil {
				t.Fatal(err)
			}
		}
	})
	got := drain(t, l)
	if len(got) != n {
		t.Fatalf("%d frames of %d packets", len(got), n)
	}
	for i, f := range got {
		const payload = 14 + 20 + 8
		if f.Link != linkEthernet || len(f.Data) != payload+1 || f.Data[payload] != byte(i) {
			t.Errorf("frame %d: %+v", i, f)
		}
	}
}

// TestLiveRawIP reads an interface without link-layer header.
func TestLiveRawIP(t *testing.T) {
	ns := netnstest.New(t)
	tun := newTun(t, ns, "nmt")
	l := openIn(t, ns, liveOn("nmt"))
	ip := make([]byte, 40)
	ip[0] = 0x45
	binary.BigEndian.PutUint16(ip[2:], 40)
	copy(ip[12:], []byte{192, 0, 2, 1, 198, 51, 100, 1})
	if _, err := unix.Write(tun, ip); err != nil {
		t.Fatal(err)
	}
	want := []packet.Frame{{Data: ip, WireLen: 40, Link: linkRawIP}}
	if diff := cmp.Diff(want, drain(t, l), cmpopts.IgnoreFields(packet.Frame{}, "Time")); diff != "" {
		t.Errorf("frames (-want +captured):\n%s", diff)
	}
}

// newTun makes an interface for IP packets, which is up; what is written to its descriptor arrives.
func newTun(t *testing.T, ns *netnstest.NS, name string) int {
	t.Helper()
	var fd int
	var err error
	ns.Do(func() {
		if fd, err = unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC, 0); err != nil {
			t.Skipf("needs a tun device: %v", err)
		}
		req, _ := unix.NewIfreq(name)
		req.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
		if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, req); err != nil {
			t.Fatalf("make %s: %v", name, err)
		}
		sock, err := newLinkReader()
		if err != nil {
			t.Fatal(err)
		}
		defer sock.close()
		req, _ = unix.NewIfreq(name)
		req.SetUint16(unix.IFF_UP)
		if err := unix.IoctlIfreq(sock.fd, unix.SIOCSIFFLAGS, req); err != nil {
			t.Fatalf("set %s up: %v", name, err)
		}
	})
	t.Cleanup(func() { unix.Close(fd) })
	return fd
}

func TestLiveInterfaces(t *testing.T) {
	pair := netnstest.NewPair(t)
	pair.A.AddAddr(netip.MustParsePrefix("192.0.2.1/24"))
	newTun(t, pair.A.NS, "nmt")
	var got []InterfaceInfo
	var err error
	pair.A.Do(func() { got, err = Interfaces() })
	if err != nil {
		t.Fatal(err)
	}
	for i := range got {
		if got[i].Name == "nmt" {
			got[i].Addrs = nil // a link-local one, where IPv6 came on
		}
	}
	want := []InterfaceInfo{
		{Name: "lo", Loopback: true, Link: linkEthernet, Capturable: true},
		{Name: "nma", Up: true, Link: linkEthernet, Capturable: true, Addrs: []netip.Prefix{netip.MustParsePrefix("192.0.2.1/24")}},
		{Name: "nmt", Up: true, Link: linkRawIP, Capturable: true},
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateComparable(netip.Prefix{})); diff != "" {
		t.Errorf("interfaces (-want +got):\n%s", diff)
	}
}

func TestLiveMissingInterface(t *testing.T) {
	pair := netnstest.NewPair(t)
	begin := time.Now()
	var err error
	pair.A.Do(func() { _, err = OpenLive(liveOn("nmx"), slog.New(slog.DiscardHandler)) })
	if !errors.Is(err, ErrNoInterface) {
		t.Fatalf("%v, want ErrNoInterface", err)
	}
	if took := time.Since(begin); took > time.Second {
		t.Errorf("the error took %v", took)
	}
	if want := "no such interface: nmx; present are lo, nma"; err.Error() != want {
		t.Errorf("%q, want %q", err, want)
	}
}

func TestLiveUnsupportedLink(t *testing.T) {
	for _, hatype := range []uint16{unix.ARPHRD_CAN, unix.ARPHRD_NETLINK, unix.ARPHRD_INFINIBAND} {
		if link, ok := linkOf(hatype); ok || link != linkUnknown {
			t.Errorf("ARPHRD %d: link type %d, %v", hatype, link, ok)
		}
	}
	ns := netnstest.New(t)
	tun := newTun(t, ns, "nmt")
	var err error
	ns.Do(func() {
		// A link type can be set while the interface is down.
		sock, e := newLinkReader()
		if e != nil {
			t.Fatal(e)
		}
		defer sock.close()
		req, _ := unix.NewIfreq("nmt")
		if e := unix.IoctlIfreq(sock.fd, unix.SIOCSIFFLAGS, req); e != nil {
			t.Fatal(e)
		}
		if e := unix.IoctlSetInt(tun, unix.TUNSETLINK, unix.ARPHRD_CAN); e != nil {
			t.Fatal(e)
		}
		_, err = OpenLive(liveOn("nmt"), slog.New(slog.DiscardHandler))
	})
	if !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), "interface nmt: link type ARPHRD 280") {
		t.Errorf("%v, want ErrUnsupported that names interface and type", err)
	}
}
