//go:build linux && (amd64 || arm64)

package bpf

import (
	"log/slog"
	"net/netip"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/features"

	"github.com/netmond/netmond/apps"
	"github.com/netmond/netmond/flows"
	"github.com/netmond/netmond/internal/testneed"
	"github.com/netmond/netmond/localnets"
	"github.com/netmond/netmond/packet"
)

// testTime is the capture time at which tests begin: 2023-11-14T22:13:20Z.
const testTime = int64(1_700_000_000e9)

// load loads cfg's programs for the length of a test.
func load(t testing.TB, cfg Config) *Program {
	t.Helper()
	testneed.BPF(t)
	p, err := Load(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// needLinux skips t on a kernel that is older than what needs at least so new a one.
func needLinux(t testing.TB, major, minor uint32, what string) {
	t.Helper()
	code, err := features.LinuxVersionCode()
	if err != nil {
		t.Fatal(err)
	}
	if code>>16 < major || code>>16 == major && code>>8&0xff < minor {
		t.Skipf("%s: Linux %d.%d", what, major, minor)
	}
}

// anyXDP is the program for frames in several buffers, or before Linux 5.18 the other.
func (p *Program) anyXDP() *ebpf.Program {
	if prog := p.XDPFrags(); prog != nil {
		return prog
	}
	return p.XDP()
}

// counter is the flow table behind a path.
type counter struct {
	reg    *localnets.Registry
	tbl    *flows.Table
	worker *flows.Worker
}

func newCounter(t testing.TB, networks []localnets.Network, dec packet.Decoder) *counter {
	t.Helper()
	return newSizedCounter(t, networks, dec, 1<<17)
}

func newSizedCounter(t testing.TB, networks []localnets.Network, dec packet.Decoder, maxFlows int) *counter {
	t.Helper()
	cfg := localnets.DefaultConfig()
	cfg.AppNames = apps.Names()
	reg, err := localnets.New(cfg, networks)
	if err != nil {
		t.Fatal(err)
	}
	tbl, err := flows.New(flows.Config{MaxFlows: maxFlows, Decoder: dec, Seed: 1}, reg)
	if err != nil {
		t.Fatal(err)
	}
	return &counter{reg: reg, tbl: tbl, worker: tbl.NewWorker()}
}

func prefixesOf(networks []localnets.Network) []netip.Prefix {
	var list []netip.Prefix
	for _, n := range networks {
		list = append(list, n.Prefix)
	}
	return list
}

// run gives frame to the program once.
func run(t testing.TB, prog *ebpf.Program, frame []byte) {
	t.Helper()
	ret, err := prog.Run(&ebpf.RunOptions{Data: frame, Repeat: 1})
	if err != nil {
		t.Fatalf("test run of %d bytes: %v", len(frame), err)
	}
	if prog.Type() == ebpf.XDP && ret != xdpPass || prog.Type() == ebpf.SchedCLS && int32(ret) != -1 {
		t.Fatalf("program returned %d", int32(ret))
	}
}
