//go:build linux && (amd64 || arm64)

package bpf

import (
	"encoding/binary"
	"net/netip"
	"runtime"
	"testing"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// udpFrame is an Ethernet frame with a UDP datagram of IPv4, 128 bytes in all.
func udpFrame(src, dst [4]byte, sport, dport uint16) []byte {
	b := make([]byte, 128)
	copy(b, []byte{0, 0, 0x5e, 0, 0x53, 1, 0, 0, 0x5e, 0, 0x53, 2, 8, 0})
	ip := b[14:]
	ip[0], ip[8], ip[9] = 0x45, 64, 17
	binary.BigEndian.PutUint16(ip[2:], uint16(len(ip)))
	copy(ip[12:], src[:])
	copy(ip[16:], dst[:])
	binary.BigEndian.PutUint16(ip[20:], sport)
	binary.BigEndian.PutUint16(ip[22:], dport)
	binary.BigEndian.PutUint16(ip[24:], uint16(len(ip)-20))
	return b
}

// thousand is 1,000 networks: 10.n.m.0/24.
func thousand() []netip.Prefix {
	var list []netip.Prefix
	for i := range 1000 {
		list = append(list, netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i / 250), byte(i % 250), 0}), 24))
	}
	return list
}

// testRun gives frame to prog n times and reports the processor time of each in ns.
func testRun(b testing.TB, prog *ebpf.Program, frame []byte, n uint32) float64 {
	b.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	opts := &ebpf.RunOptions{Data: frame, Repeat: n}
	began := threadTime(b)
	if _, err := prog.Run(opts); err != nil {
		b.Fatal(err)
	}
	return float64(threadTime(b)-began) / float64(n)
}

// threadTime is the processor time of the calling thread, ns.
func threadTime(b testing.TB) int64 {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts); err != nil {
		b.Fatal(err)
	}
	return ts.Nano()
}
