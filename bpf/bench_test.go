//go:build linux && (amd64 || arm64)

package bpf

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"

	"github.com/netmond/netmond/internal/netnstest"
	"github.com/netmond/netmond/localnets"
	"github.com/netmond/netmond/packet"
)

// The benchmarks measure in full with NETMOND_BENCH_BPF=1 (make bench-bpf). Without it they do a
// thousandth of the work, so that they stay alive.
var full = os.Getenv("NETMOND_BENCH_BPF") != ""

func scaled(n int) int {
	if full {
		return n
	}
	return max(n/1000, 1)
}

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

// tcpFrame is udpFrame with a TCP segment in the middle of a connection.
func tcpFrame(src, dst [4]byte, sport, dport uint16) []byte {
	b := udpFrame(src, dst, sport, dport)
	ip := b[14:]
	ip[9] = 6
	copy(ip[24:], []byte{0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x10, 0xff, 0xff})
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
func testRun(b testing.TB, prog *ebpf.Program, frame []byte, n int) float64 {
	b.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	began := threadTime()
	if _, err := prog.Run(&ebpf.RunOptions{Data: frame, Repeat: uint32(n)}); err != nil {
		b.Fatal(err)
	}
	return float64(threadTime()-began) / float64(n)
}

func median(list []float64) float64 {
	slices.Sort(list)
	return list[len(list)/2]
}

const rounds = 9

// show gives the median of 9 rounds in place of the time of the benchmark itself, which the first
// round makes to fit.
func show(b *testing.B, values []float64, unit string) {
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(values), unit)
}

// BenchmarkHit is the cost of a packet of a flow that is in the table, less that of a program that does
// nothing but draw the flow: interleaved.
func BenchmarkHit(b *testing.B) {
	for _, c := range []struct {
		name   string
		frame  []byte
		detail Detail
		flows  int
	}{
		{"networks only", udpFrame([4]byte{}, addr4("10.1.2.3"), 1000, 53), DetailOff, 1_000_000},
		{"UDP", udpFrame([4]byte{}, addr4("10.1.2.3"), 1000, 53), DetailFull, 1},
		{"UDP", udpFrame([4]byte{}, addr4("10.1.2.3"), 1000, 53), DetailFull, 10_000},
		{"UDP", udpFrame([4]byte{}, addr4("10.1.2.3"), 1000, 53), DetailFull, 100_000},
		{"UDP", udpFrame([4]byte{}, addr4("10.1.2.3"), 1000, 53), DetailFull, 1_000_000},
		{"TCP", tcpFrame([4]byte{}, addr4("10.1.2.3"), 1000, 443), DetailFull, 1},
		{"TCP", tcpFrame([4]byte{}, addr4("10.1.2.3"), 1000, 443), DetailFull, 10_000},
	} {
		b.Run(fmt.Sprintf("%s/flows=%d", c.name, c.flows), func(b *testing.B) {
			cfg := Config{Networks: thousand(), Detail: c.detail, PayloadPackets: 1} // the default table
			if c.flows > defaultMaxFlows && c.detail != DetailOff {
				cfg.MaxFlows = 1 << 20
			}
			if !full {
				cfg.MaxFlows = 1 << 12
			}
			flows := scaled(c.flows)
			p := benchProgram(b, cfg, uint32(flows))
			count, empty := p.coll.Programs["bench_count"], p.coll.Programs["bench_empty"]
			testRun(b, count, c.frame, 12*flows) // each comes, and shows its payload
			for b.Loop() {
				var net []float64
				for range rounds {
					base := testRun(b, empty, c.frame, scaled(1_000_000))
					net = append(net, testRun(b, count, c.frame, scaled(1_000_000))-base)
				}
				show(b, net, "ns/packet")
			}
		})
	}
}

// BenchmarkDrain is the processor time of a drain into the flow table when every flow had packets, and
// when none had.
func BenchmarkDrain(b *testing.B) {
	for _, flows := range []int{100_000, 1_000_000} {
		b.Run(fmt.Sprintf("flows=%d", flows), func(b *testing.B) {
			flows := scaled(flows)
			nets := thousand()
			p := benchProgram(b, Config{Networks: nets, Detail: DetailFull, MaxFlows: max(flows, 1024), PayloadPackets: 1}, uint32(flows))
			var list []localnets.Network
			for i, pre := range nets {
				list = append(list, localnets.Network{ID: int32(i), Prefix: pre, Name: pre.String()})
			}
			c := newSizedCounter(b, list, packet.Decoder{}, 1<<21)
			frame := udpFrame([4]byte{}, addr4("10.1.2.3"), 1000, 53)
			count := p.coll.Programs["bench_count"]
			drain := func() float64 {
				runtime.LockOSThread()
				defer runtime.UnlockOSThread()
				began := threadTime()
				p.Drain(c.worker)
				return float64(threadTime()-began) / 1e6
			}
			testRun(b, count, frame, 12*flows)
			drain()
			for b.Loop() {
				var busy, idle, gained []float64
				for range rounds {
					testRun(b, count, frame, 4*flows)
					before := p.drain.sampled
					busy = append(busy, drain())
					gained = append(gained, float64(p.drain.sampled-before))
					drain() // looks again at those that had packets
					idle = append(idle, drain())
				}
				show(b, busy, "ms")
				b.ReportMetric(median(idle), "ms-idle")
				b.ReportMetric(median(gained), "samples")
			}
		})
	}
}

// BenchmarkLive is the rate of frames that an interface takes, one core, 1,000 networks, each frame
// dropped after it was counted, beside that of a program that only drops: interleaved.
func BenchmarkLive(b *testing.B) {
	for _, c := range []struct {
		detail Detail
		flows  int
	}{{DetailOff, 1_000_000}, {DetailFull, 10_000}} {
		b.Run(fmt.Sprintf("%v/flows=%d", c.detail, c.flows), func(b *testing.B) {
			pair := netnstest.NewPair(b)
			index := uint32(pair.A.Link().Attrs().Index)
			cfg := Config{Networks: thousand(), Detail: c.detail, Drop: true, PayloadPackets: 1}
			if !full {
				cfg.MaxFlows = 1 << 12
			}
			p := load(b, cfg)
			gen := sender(b, uint32(scaled(c.flows)), index)
			frame := udpFrame([4]byte{}, addr4("10.1.2.3"), 1000, 53)
			sink := newTallySink()
			rate := func(prog *ebpf.Program, n int) float64 {
				var l link.Link
				var took time.Duration
				pair.B.Do(func() {
					var err error
					if l, err = link.AttachXDP(link.XDPOptions{Program: prog, Interface: pair.B.Link().Attrs().Index, Flags: link.XDPDriverMode}); err != nil {
						b.Fatal(err)
					}
				})
				defer l.Close()
				pair.A.Do(func() {
					began := time.Now()
					if _, err := gen.Run(&ebpf.RunOptions{Data: frame, Repeat: uint32(n), Flags: unix.BPF_F_TEST_XDP_LIVE_FRAMES}); err != nil {
						b.Fatal(err)
					}
					took = time.Since(began)
				})
				return float64(n) / took.Seconds() / 1e6
			}
			const batch = 64 // live frames go in batches of it
			frames := (scaled(4_000_000) + batch - 1) / batch * batch
			rate(p.XDP(), (scaled(12*c.flows)+batch-1)/batch*batch)
			p.Drain(sink)
			for b.Loop() {
				var share, ours []float64
				for range rounds {
					limit := rate(p.Empty(), frames)
					before := sink.totals.IPv4.Packets
					ours = append(ours, rate(p.XDP(), frames))
					share = append(share, ours[len(ours)-1]/limit)
					p.Drain(sink)
					if got := sink.totals.IPv4.Packets - before; got != uint64(frames) {
						b.Errorf("%d packets counted, %d sent", got, frames)
					}
				}
				show(b, ours, "Mpackets/s")
				b.ReportMetric(median(share), "of-empty")
			}
		})
	}
}

// sender loads the generator of live frames.
func sender(b testing.TB, flows, ifindex uint32) *ebpf.Program {
	b.Helper()
	spec, err := loadBench()
	if err != nil {
		b.Fatal(err)
	}
	for name := range spec.Programs {
		if name != "bench_send" {
			delete(spec.Programs, name)
		}
	}
	for name, v := range map[string]uint32{"bench_flows": flows, "bench_ifindex": ifindex} {
		if err := spec.Variables[name].Set(v); err != nil {
			b.Fatal(err)
		}
	}
	c, err := ebpf.NewCollection(spec)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(c.Close)
	return c.Programs["bench_send"]
}
