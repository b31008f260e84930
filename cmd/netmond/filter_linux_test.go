package main

import (
	"testing"

	"github.com/netmond/netmond/internal/pcaptest"
)

// TestLiveFilter counts what a filter lets through, VLAN tags in, and nothing else.
func TestLiveFilter(t *testing.T) {
	d := startLive(t, "-m", "192.0.2.0/24=v4", "--filter", "udp port 53 or (vlan 7 and udp port 53)")
	dns := pcaptest.UDP("192.0.2.1:1000", "203.0.113.1:53", make([]byte, 100))
	web := pcaptest.UDP("192.0.2.1:1000", "203.0.113.1:80", make([]byte, 100))
	tagged := func(frame []byte, id byte) []byte {
		return append(append(append([]byte(nil), frame[:12]...), 0x81, 0, 0, id), frame[12:]...)
	}
	s := d.pair.A.Sender()
	const n = 50
	for _, frame := range [][]byte{web, tagged(web, 7), tagged(dns, 8), dns, tagged(dns, 7)} { // the counted ones last
		s.Repeat(frame, n)
	}
	got, drops := d.figures(2 * n)
	if want := uint64(n * (2*len(dns) + 4)); got.Capture.Packets != 2*n || got.Capture.Bytes != want || drops != 0 {
		t.Errorf("%d packets of %d bytes, %d dropped; want %d of %d", got.Capture.Packets, got.Capture.Bytes, drops, 2*n, want)
	}
	if kernel := d.metric(`netmond_capture_kernel_packets_total\{[^}]*\}`); kernel != 2*n {
		t.Errorf("the kernel counted %d frames, want those %d that passed the filter", kernel, 2*n)
	}
}
