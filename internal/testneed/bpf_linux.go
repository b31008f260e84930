package testneed

import (
	"runtime"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
)

// BPF says that the test loads programs into the kernel, which needs CAP_BPF, CAP_NET_ADMIN and
// CAP_PERFMON, and that package bpf has objects for this processor.
func BPF(t testing.TB) {
	t.Helper()
	if runtime.GOARCH != "amd64" && runtime.GOARCH != "arm64" {
		missing(t, "bpf", "no objects for "+runtime.GOARCH)
	}
	p, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Type: ebpf.XDP, License: "GPL",
		Instructions: asm.Instructions{asm.LoadImm(asm.R0, 2, asm.DWord), asm.Return()},
	})
	if err != nil {
		missing(t, "bpf", "load a program: "+err.Error())
	}
	p.Close()
}
