//go:build linux && (amd64 || arm64)

package main

import (
	"bytes"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/netmond/netmond/internal/netnstest"
	"github.com/netmond/netmond/internal/pcaptest"
	"github.com/netmond/netmond/internal/testneed"
)

// TestLiveKernelSegments moves TCP with segmentation offload: frames of up to 64 kB count with all their bytes
// in both directions, as the packet path counts them.
func TestLiveKernelSegments(t *testing.T) {
	testneed.BPF(t)
	pair := netnstest.NewPair(t)
	pair.B.LoopbackUp()
	pair.A.AddAddr(netip.MustParsePrefix("192.0.2.1/24"))
	pair.B.AddAddr(netip.MustParsePrefix("192.0.2.2/24"))
	kernel := startOnPair(t, pair, 19991, "-m", "192.0.2.1/32,192.0.2.2/32", "--capture-path", "tc")
	packets := startOnPair(t, pair, 19992, "-m", "192.0.2.1/32,192.0.2.2/32", "--capture-path", "afpacket")
	var listener net.Listener
	var err error
	pair.B.Do(func() { listener, err = net.Listen("tcp", "192.0.2.2:7000") })
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	received := make(chan int64, 1)
	go func() { // ends with the connection
		c, err := listener.Accept()
		if err != nil {
			received <- 0
			return
		}
		n, _ := new(bytes.Buffer).ReadFrom(c)
		c.Close()
		received <- n
	}()
	var conn net.Conn
	pair.A.Do(func() { conn, err = net.Dial("tcp", "192.0.2.2:7000") })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write(make([]byte, 4<<20)); err != nil {
		t.Fatal(err)
	}
	conn.Close()
	if n := <-received; n != 4<<20 {
		t.Fatalf("%d bytes arrived", n)
	}
	// The end of the connection is on its way.
	var a, b readJSON
	for range 100 {
		a, _ = kernel.figures(1)
		b, _ = packets.figures(1)
		if a.Capture.Packets == b.Capture.Packets && a.Networks[0].Egress.Bytes > 4<<20 {
			break
		}
		time.Sleep(50 * time.Millisecond) // other processes: there is no event to wait for
	}
	if a.Capture.Packets != b.Capture.Packets || a.Capture.Bytes != b.Capture.Bytes {
		t.Errorf("tc: %d packets, %d bytes; packet socket: %d, %d", a.Capture.Packets, a.Capture.Bytes, b.Capture.Packets, b.Capture.Bytes)
	}
	if a.Capture.Bytes/a.Capture.Packets < 1514 {
		t.Errorf("%d bytes in %d packets: no large frame among them", a.Capture.Bytes, a.Capture.Packets)
	}
}

// TestLiveKernelJumbo: frames that lie in several buffers count with all their bytes under XDP.
func TestLiveKernelJumbo(t *testing.T) {
	testneed.BPF(t)
	pair := netnstest.NewPair(t)
	pair.B.LoopbackUp()
	for _, p := range []*netnstest.Port{pair.A, pair.B} {
		var err error
		p.Do(func() { err = netlink.LinkSetMTU(p.Link(), 9000) })
		if err != nil {
			t.Fatal(err)
		}
	}
	d := startOnPair(t, pair, 19991, "-m", "192.0.2.0/24", "--mirror-port", "--capture-path", "xdp")
	if n := d.metric(`netmond_capture_path_info\{[^}]*path="xdp"[^}]*\}`); n != 1 {
		t.Fatal("the path is not xdp")
	}
	var sent counts
	sender := pair.A.Sender()
	for _, payload := range []int{100, 1400, 4000, 8900} {
		f := pcaptest.UDP("192.0.2.1:1000", "203.0.113.1:53", make([]byte, payload))
		sender.Repeat(f, 50)
		sent.Packets += 50
		sent.Bytes += 50 * uint64(len(f))
	}
	got, drops := d.figures(sent.Packets)
	checkClosed(t, got)
	if egress := got.Networks[0].Egress; drops != 0 || egress.Packets != sent.Packets || egress.Bytes != sent.Bytes {
		t.Errorf("%d packets, %d bytes, %d drops; sent %+v", egress.Packets, egress.Bytes, drops, sent)
	}
}
