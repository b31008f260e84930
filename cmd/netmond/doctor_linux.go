package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/netmond/netmond/bpf"
	"github.com/netmond/netmond/capture"
	"github.com/netmond/netmond/sandbox"
)

// examine looks at this machine and at the interfaces with these names, or all Ethernet ones. What it opens
// and attaches to find out is gone when it returns.
func examine(names []string) (*diagnosis, error) {
	d := &diagnosis{System: system()}
	caps := effectiveCapabilities()
	for _, c := range []struct {
		cap sandbox.Capability
		why string
	}{
		{sandbox.CapNetRaw, "packet sockets: the path afpacket, and the stand-in of the others"},
		{sandbox.CapBPF, "loading programs: xdp, xdp-generic, tc (Linux 5.8; before, CAP_SYS_ADMIN)"},
		{sandbox.CapNetAdmin, "programs of the network"},
		{sandbox.CapPerfmon, "programs that compute with pointers"},
	} {
		d.Capabilities = append(d.Capabilities, capabilityState{Name: c.cap.String(), Have: caps&(1<<c.cap) != 0, For: c.why})
	}
	if len(names) == 0 {
		list, err := capture.Interfaces()
		if err != nil {
			return nil, err
		}
		for _, i := range list {
			if in, err := bpf.Inspect(i.Name); err != nil || in.Ethernet && !in.Loopback {
				names = append(names, i.Name)
			}
		}
	}
	programs := map[bpf.Hook]*bpf.Program{}
	loads := map[bpf.Hook]error{}
	for _, hook := range []bpf.Hook{bpf.HookXDP, bpf.HookTC} {
		p, err := bpf.Load(bpf.Config{Hook: hook, MaxFlows: leastFlows}, slog.New(slog.DiscardHandler))
		if loads[hook] = err; err == nil {
			programs[hook] = p
			defer p.Close()
		}
	}
	for _, name := range names {
		h, err := examineInterface(name, programs, loads)
		if err != nil {
			return nil, err
		}
		for _, p := range h.Paths {
			d.Works = d.Works || p.Works
		}
		d.Interfaces = append(d.Interfaces, *h)
	}
	d.Features = features(programs, loads)
	d.advise(caps)
	return d, nil
}

func system() string {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return "Linux " + runtime.GOARCH
	}
	return "Linux " + unix.ByteSliceToString(u.Release[:]) + " " + runtime.GOARCH
}

// effectiveCapabilities are those of this process, a bit each.
func effectiveCapabilities() (bits uint64) {
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for lines := bufio.NewScanner(bytes.NewReader(b)); lines.Scan(); {
		if hex, ok := strings.CutPrefix(lines.Text(), "CapEff:"); ok {
			bits, _ = strconv.ParseUint(strings.TrimSpace(hex), 16, 64) // the kernel's own writing
		}
	}
	return bits
}

func features(programs map[bpf.Hook]*bpf.Program, loads map[bpf.Hook]error) []feature {
	note := func(err error) string {
		if err == nil {
			return ""
		}
		return err.Error()
	}
	_, btf := os.Stat("/sys/kernel/btf/vmlinux")
	var lock unix.Rlimit
	unix.Getrlimit(unix.RLIMIT_MEMLOCK, &lock)
	locked := "unlimited"
	if lock.Cur != unix.RLIM_INFINITY {
		locked = fmt.Sprintf("%d KiB", lock.Cur>>10)
	}
	list := []feature{
		{Name: "XDP programs load", Have: loads[bpf.HookXDP] == nil, Needs: bpf.ModeXDP.Needs(), Note: note(loads[bpf.HookXDP])},
		{Name: "XDP frames in several buffers", Needs: "Linux 5.18", Have: programs[bpf.HookXDP] != nil && programs[bpf.HookXDP].HasFrags()},
		{Name: "tc programs load", Have: loads[bpf.HookTC] == nil, Needs: "Linux 5.15, on arm64 5.18", Note: note(loads[bpf.HookTC])},
		{Name: "BTF of the kernel", Have: btf == nil, Needs: "Linux 5.2", Note: "not needed by netmond"},
		{Name: "maps without memlock limit", Have: true, Needs: "Linux 5.11", Note: "before it the limit counts, now " + locked},
	}
	if b, err := os.ReadFile("/proc/sys/net/core/bpf_jit_enable"); err == nil {
		list = append(list, feature{Name: "JIT compiler of programs", Have: strings.TrimSpace(string(b)) != "0", Needs: "Linux 3.0", Note: "net.core.bpf_jit_enable; without it programs run several times slower"})
	}
	if b, err := os.ReadFile("/sys/kernel/security/lockdown"); err == nil && strings.Contains(string(b), "[confidentiality]") {
		list = append(list, feature{Name: "no lockdown of BPF", Needs: "any", Note: "lockdown=confidentiality keeps programs from reading kernel memory"})
	}
	list[4].Have = atLeast(5, 11)
	return list
}

// atLeast reports whether the kernel is of this version or newer.
func atLeast(major, minor int) bool {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return false
	}
	var a, b int
	if _, err := fmt.Sscanf(unix.ByteSliceToString(u.Release[:]), "%d.%d", &a, &b); err != nil {
		return false
	}
	return a > major || a == major && b >= minor
}

// examineInterface tries the paths on an interface. Native XDP is not attached, for drivers reset their
// hardware then: the kernel is asked for the driver's features.
func examineInterface(name string, programs map[bpf.Hook]*bpf.Program, loads map[bpf.Hook]error) (*interfaceHealth, error) {
	i, err := bpf.Inspect(name)
	if errors.Is(err, bpf.ErrUnsupported) {
		i, err = &bpf.Interface{Name: name, Ethernet: true}, nil
	}
	if err != nil {
		return nil, err
	}
	h := &interfaceHealth{Name: name, Driver: i.Driver, Up: i.Up, MTU: i.MTU, Others: []string{}, Notes: []string{}}
	live := capture.DefaultLiveConfig()
	live.Interface, live.Standby, live.Workers, live.Promiscuous, live.RingBytes = name, true, 1, false, leastRing
	afpacket := pathHealth{Path: pathAFPacket, Works: true, How: "tried"}
	if l, err := capture.OpenLive(live, slog.New(slog.DiscardHandler)); err != nil {
		afpacket.Works, afpacket.Why = false, err.Error()
	} else {
		l.Close()
	}
	h.Paths = append(h.Paths, afpacket)
	for m := range bpf.NumModes {
		h.Paths = append(h.Paths, examineMode(i, m, programs[m.Hook()], loads[m.Hook()]))
	}
	if len(i.XDP) > 0 {
		h.Others = append(h.Others, describeAttached(i.XDP))
	}
	for _, list := range [][]bpf.Attached{i.Ingress, i.Egress} {
		if len(list) > 0 {
			h.Others = append(h.Others, "tcx "+describeAttached(list))
		}
	}
	if i.VLANOffload {
		h.Notes = append(h.Notes, "takes VLAN tags off frames: XDP misses them (ethtool -K "+name+" rxvlan off); afpacket and tc add them back")
	}
	if i.GRO || i.LRO {
		h.Notes = append(h.Notes, "GRO or LRO puts TCP segments together: afpacket and tc count such a frame as one packet with all its bytes; for packets as on the wire: ethtool -K "+name+" gro off lro off")
	}
	h.Auto = pathAFPacket
	try, _ := (&kernelConfig{path: pathAuto, mirror: true}).modes(i)
	for _, m := range try {
		if h.Paths[1+int(m)].Works {
			h.Auto = m.String()
			break
		}
	}
	return h, nil
}

func examineMode(i *bpf.Interface, m bpf.Mode, p *bpf.Program, load error) pathHealth {
	h := pathHealth{Path: m.String(), How: "tried"}
	fails := func(why string) pathHealth {
		h.Why = why
		return h
	}
	switch {
	case load != nil:
		return fails(load.Error())
	case !i.Ethernet:
		return fails("its frames are not Ethernet")
	case m != bpf.ModeTC && len(i.XDP) > 0:
		return fails(describeAttached(i.XDP) + " is attached")
	case m == bpf.ModeXDP:
		h.How = "the kernel's word on the driver"
		native, known := i.NativeXDP()
		if !known {
			return fails("not known before Linux 6.3 without attaching it: netmond run --capture-path xdp tries")
		}
		if h.Works = native; !native {
			h.Why = "the driver has no native XDP"
		}
		return h
	}
	a, err := p.Attach(i.Index, m, true)
	if err != nil {
		return fails(err.Error())
	}
	h.Works = true
	if err := a.Close(); err != nil {
		return fails(err.Error())
	}
	return h
}

// advise gives the lines that grant what is missing.
func (d *diagnosis) advise(caps uint64) {
	all := true
	for _, c := range d.Capabilities {
		all = all && c.Have
	}
	d.Advice = []string{}
	if all {
		return
	}
	self, err := os.Executable()
	if err != nil {
		self = "netmond"
	}
	if caps&(1<<sandbox.CapNetRaw) == 0 {
		d.Advice = append(d.Advice, "afpacket: sudo setcap cap_net_raw+ep "+self)
	}
	d.Advice = append(d.Advice,
		"all paths: sudo setcap cap_net_raw,cap_net_admin,cap_bpf,cap_perfmon+ep "+self,
		"systemd: AmbientCapabilities=CAP_NET_RAW CAP_NET_ADMIN CAP_BPF CAP_PERFMON\n         CapabilityBoundingSet=CAP_NET_RAW CAP_NET_ADMIN CAP_BPF CAP_PERFMON\n         SystemCallFilter=bpf\n         LimitMEMLOCK=infinity")
}
