//go:build linux && (amd64 || arm64)

package bpf

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"

	"github.com/netmond/netmond/internal/testneed"
)

// notReached is what drawTC returns where it does not get to the program that it draws flows for.
const notReached = 77

// drawTC makes a tc program that draws the source address of a frame of IPv4 from flows addresses, as
// bench_empty does, and goes on with target.
func drawTC(b testing.TB, target *ebpf.Program, attach ebpf.AttachType, flows uint32) *ebpf.Program {
	b.Helper()
	newMap := func(spec *ebpf.MapSpec) *ebpf.Map {
		m, err := ebpf.NewMap(spec)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { m.Close() })
		return m
	}
	drawn := newMap(&ebpf.MapSpec{Type: ebpf.Array, KeySize: 4, ValueSize: 8, MaxEntries: 1})
	next := newMap(&ebpf.MapSpec{Type: ebpf.ProgramArray, KeySize: 4, ValueSize: 4, MaxEntries: 1})
	// Offsets in struct __sk_buff (include/uapi/linux/bpf.h).
	const data, dataEnd = 76, 80
	prog, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Type: ebpf.SchedCLS, AttachType: attach, License: "Dual BSD/GPL",
		Instructions: asm.Instructions{
			asm.Mov.Reg(asm.R6, asm.R1),
			asm.LoadMem(asm.R7, asm.R1, data, asm.Word),
			asm.LoadMem(asm.R8, asm.R1, dataEnd, asm.Word),
			asm.Mov.Reg(asm.R0, asm.R7),
			asm.Add.Imm(asm.R0, 34),
			asm.JGT.Reg(asm.R0, asm.R8, "out"),
			asm.LoadMapValue(asm.R9, drawn.FD(), 0),
			asm.LoadMem(asm.R1, asm.R9, 0, asm.Word),
			asm.Mul.Imm32(asm.R1, 1664525),
			asm.Add.Imm32(asm.R1, 1013904223),
			asm.StoreMem(asm.R9, 0, asm.R1, asm.Word),
			asm.LoadImm(asm.R2, int64(flows), asm.DWord),
			asm.Mul.Reg(asm.R1, asm.R2),
			asm.RSh.Imm(asm.R1, 32),
			asm.Add.Imm32(asm.R1, 0x0b000000),
			asm.HostTo(asm.BE, asm.R1, asm.Word),
			asm.StoreMem(asm.R7, 26, asm.R1, asm.Word),
			asm.Mov.Reg(asm.R1, asm.R6),
			asm.LoadMapPtr(asm.R2, next.FD()),
			asm.Mov.Imm(asm.R3, 0),
			asm.FnTailCall.Call(),
			asm.Mov.Imm(asm.R0, notReached).WithSymbol("out"),
			asm.Return(),
		},
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { prog.Close() })
	if err := next.Put(uint32(0), target); err != nil {
		b.Fatal(err)
	}
	ret, err := prog.Run(&ebpf.RunOptions{Data: udpFrame([4]byte{}, addr4("10.1.2.3"), 1000, 53), Repeat: 1})
	if err != nil || ret == notReached {
		b.Fatalf("the program is not reached: %d, %v", ret, err)
	}
	return prog
}

// loadPeer loads a tc program of another project's object file, with the settings that the file has. Where
// name is empty it is the only one, or the only one whose name has ingress in it.
func loadPeer(b testing.TB, file, name string) (*ebpf.Program, ebpf.AttachType) {
	b.Helper()
	spec, err := ebpf.LoadCollectionSpec(file)
	if err != nil {
		b.Fatal(err)
	}
	var all, ingress []string
	for n, p := range spec.Programs {
		if p.Type == ebpf.SchedCLS {
			if all = append(all, n); strings.Contains(n, "ingress") {
				ingress = append(ingress, n)
			}
		}
	}
	switch {
	case name != "":
	case len(all) == 1:
		name = all[0]
	case len(ingress) == 1:
		name = ingress[0]
	default:
		b.Fatalf("%s: which of %q? (NETMOND_PEER=FILE:PROGRAM)", file, all)
	}
	if spec.Programs[name] == nil {
		b.Fatalf("%s: no program %s, but %q", file, name, all)
	}
	for n := range spec.Programs {
		if n != name {
			delete(spec.Programs, n)
		}
	}
	for _, m := range spec.Maps {
		m.Pinning = ebpf.PinNone // it leaves nothing behind
	}
	c, err := ebpf.NewCollection(spec)
	if err != nil {
		b.Fatalf("%s: %v", file, err)
	}
	b.Cleanup(c.Close)
	return c.Programs[name], spec.Programs[name].AttachType
}

// BenchmarkPeer is the cost of a packet in our tc program and in that of another project, for flows that
// both know, each less a tc program that does nothing: in turns. NETMOND_PEER is the object file, with
// :PROGRAM where it holds several.
func BenchmarkPeer(b *testing.B) {
	file, name, _ := strings.Cut(os.Getenv("NETMOND_PEER"), ":")
	if file == "" {
		b.Skip("no other project's object file: NETMOND_PEER is not set")
	}
	frame := udpFrame([4]byte{}, addr4("10.1.2.3"), 1000, 53)
	for _, flows := range []int{1, 10_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprintf("flows=%d", flows), func(b *testing.B) {
			flows := scaled(flows)
			cfg := Config{Networks: thousand(), Hook: HookTC, Detail: DetailFull, PayloadPackets: 1, MaxFlows: max(flows, defaultMaxFlows)}
			ours := load(b, cfg)
			ingress, _ := ours.TCX()
			peer, attach := loadPeer(b, file, name)
			a := drawTC(b, ingress, ebpf.AttachTCXIngress, uint32(flows))
			other := drawTC(b, peer, attach, uint32(flows))
			empty := drawTC(b, ours.Empty(), ebpf.AttachTCXIngress, uint32(flows))
			testRun(b, a, frame, 12*flows)
			testRun(b, other, frame, 12*flows)
			for b.Loop() {
				var mine, theirs, ratio []float64
				for range rounds {
					base := testRun(b, empty, frame, scaled(1_000_000))
					mine = append(mine, testRun(b, a, frame, scaled(1_000_000))-base)
					theirs = append(theirs, testRun(b, other, frame, scaled(1_000_000))-base)
					ratio = append(ratio, mine[len(mine)-1]/theirs[len(theirs)-1])
				}
				show(b, mine, "ns/packet")
				b.ReportMetric(median(theirs), "ns/packet-peer")
				b.ReportMetric(median(ratio), "of-peer")
			}
		})
	}
}

// TestPeer has our own object be the other project's, and looks whether flows are drawn.
func TestPeer(t *testing.T) {
	testneed.BPF(t)
	needLinux(t, 6, 6, "tcx")
	arch := map[string]string{"amd64": "x86", "arm64": "arm64"}[runtime.GOARCH]
	peer, attach := loadPeer(t, "tc_"+arch+"_bpfel.o", "netmond_empty") // which no settings are needed for
	drawTC(t, peer, attach, 1)

	const flows = 8
	p := load(t, Config{Networks: thousand(), Hook: HookTC, Detail: DetailFull, MaxFlows: 1024})
	ingress, _ := p.TCX()
	prog := drawTC(t, ingress, ebpf.AttachTCXIngress, flows)
	testRun(t, prog, udpFrame([4]byte{}, addr4("10.1.2.3"), 1000, 53), 1000)
	sink := newTallySink()
	p.Drain(sink)
	if n := sink.totals.IPv4.Packets; n != 1001 || len(sink.flows) != flows {
		t.Errorf("%d packets of %d flows, want 1001 of %d", n, len(sink.flows), flows)
	}
}
