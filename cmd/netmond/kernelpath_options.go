package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/netmond/netmond/bpf"
	"github.com/netmond/netmond/capture/filter"
	"github.com/netmond/netmond/config"
)

// The values of capture.path beside the names of bpf's modes.
const (
	pathAuto     = "auto"
	pathAFPacket = "afpacket"
)

// A kernelConfig says whether and how frames are counted in the kernel.
type kernelConfig struct {
	path                string // of the configuration
	mirror, drop, force bool
	ingressOnly         bool
	budget              int64      // bytes for the programs' maps of one interface; 0 without a bound
	programs            bpf.Config // but hook and networks
	filter              *filter.Filter
	cannot              error // why the programs cannot count what is asked for
}

// kernelWanted reports whether the configuration asks for the kernel path, or lets it be chosen.
func (o *options) kernelWanted() bool {
	switch config.Or(o.Capture.Path, pathAuto) {
	case pathAFPacket:
		return false
	case pathAuto:
		return config.Or(o.Capture.MirrorPort, false)
	}
	return true
}

// checkKernelPath notes which keys of the kernel path do not go together.
func (o *options) checkKernelPath() {
	c := &o.Capture
	path, drop := config.Or(c.Path, pathAuto), config.Or(c.XDPAction, "pass") == "drop"
	if drop && !config.Or(c.MirrorPort, false) {
		o.wrong(errors.New("drop needs mirror_port (--mirror-port): nothing else would see the interface's frames"), "capture", "xdp_action")
	}
	if drop && (path == pathAFPacket || path == bpf.ModeTC.String()) {
		o.wrong(fmt.Errorf("drop needs XDP: path %s only counts", path), "capture", "xdp_action")
	}
}

// kernelPath is the configuration of the programs for each of n interfaces. The options have no fault.
func (o *options) kernelPath(n int) *kernelConfig {
	c, table := &o.Capture, o.flowTable(true)
	k := &kernelConfig{
		path: config.Or(c.Path, pathAuto), mirror: config.Or(c.MirrorPort, false), force: config.Or(c.ForceDrop, false),
		drop: config.Or(c.XDPAction, "pass") == "drop", ingressOnly: config.Or(c.IgnoreOutgoing, false),
		budget: o.kernelBudget() / int64(max(n, 1)),
	}
	k.programs = bpf.Config{
		MaxFlows: max(table.MaxFlows/max(n, 1), leastFlows), SampleRate: int(config.Or(c.FlowSampleRate, 0)),
		IdleTimeout: table.IdleTimeout, ClosedTimeout: table.ClosedTimeout, Decoder: table.Decoder,
	}
	k.programs.MaxFlows = min(k.programs.MaxFlows, 1<<24-2)
	k.programs.Detail, _ = bpf.ParseDetail(config.Or(c.FlowDetail, bpf.DetailAuto.String())) // one of the key's words
	switch {
	case table.Decoder.Decap != 0:
		k.cannot = errors.New("the programs do not look into tunnels (accounting.decap)")
	case config.Or(c.Filter, "") != "":
		k.filter = o.filter()
	}
	return k
}

// kernelBudget is the part of a memory budget that the programs' maps get: a quarter.
func (o *options) kernelBudget() int64 {
	if !o.kernelWanted() {
		return 0
	}
	return int64(config.Or(o.Accounting.Memory, 0)) / 4
}

// fit lowers the number of flows until the maps fit the budget.
func (k *kernelConfig) fit(c *bpf.Config) error {
	for k.budget > 0 {
		n, err := c.MemoryBytes()
		if err != nil {
			return err
		}
		if int64(n) <= k.budget {
			return nil
		}
		if c.MaxFlows <= leastFlows {
			return fmt.Errorf("the maps of the programs take %v, a quarter of the memory budget is %v for each interface", size(n), size(k.budget))
		}
		c.MaxFlows = max(c.MaxFlows/2, leastFlows)
	}
	return nil
}

// modes are the ways to try on an interface, in order, and what speaks against the others.
func (k *kernelConfig) modes(i *bpf.Interface) (try []bpf.Mode, against []string) {
	switch {
	case k.path == pathAFPacket:
		return nil, []string{"as configured"}
	case k.path == pathAuto && !k.mirror:
		return nil, []string{"not said to be a mirror port (--mirror-port)"}
	case k.cannot != nil:
		return nil, []string{k.cannot.Error()}
	case i.Loopback:
		return nil, []string{"loopback"}
	case !i.Ethernet:
		return nil, []string{"its frames are not Ethernet"}
	}
	if k.path != pathAuto {
		for m := range bpf.NumModes {
			if m.String() == k.path {
				try = append(try, m)
			}
		}
		return try, nil
	}
	xdp := ""
	switch {
	case len(i.XDP) > 0:
		xdp = describeAttached(i.XDP) + " is attached"
	case i.VLANOffload:
		xdp = "the interface takes VLAN tags off, which XDP would miss (ethtool -K " + i.Name + " rxvlan off)"
	}
	if xdp != "" {
		return []bpf.Mode{bpf.ModeTC}, []string{"xdp: " + xdp}
	}
	if k.drop {
		return []bpf.Mode{bpf.ModeXDP, bpf.ModeXDPGeneric, bpf.ModeTC}, nil
	}
	return []bpf.Mode{bpf.ModeXDP, bpf.ModeTC, bpf.ModeXDPGeneric}, nil
}

// describe tells how frames would be counted, before any interface is looked at.
func (k *kernelConfig) describe() string {
	what := k.path
	switch {
	case k.path == pathAFPacket:
		return what
	case k.cannot != nil:
		return fmt.Sprintf("%s, for %v", pathAFPacket, k.cannot)
	case k.path == pathAuto && !k.mirror:
		return pathAFPacket + ", for no mirror_port is set"
	case k.path == pathAuto:
		what = "the first of xdp, tc and xdp-generic that works"
		if k.drop {
			what = "the first of xdp, xdp-generic and tc that works"
		}
	}
	if k.drop {
		what += ", frames are dropped after that"
	}
	return fmt.Sprintf("%s, else %s; flow detail %v", what, pathAFPacket, k.programs.Detail)
}

// describeAttached names programs.
func describeAttached(list []bpf.Attached) string {
	var words []string
	for _, a := range list {
		s := fmt.Sprintf("program %d", a.ID)
		if a.Name != "" {
			s = fmt.Sprintf("program %d (%s)", a.ID, a.Name)
		}
		if strings.HasPrefix(a.Name, "xdp_dispatcher") {
			s += ", the dispatcher of libxdp,"
		}
		if a.Mode != "" {
			s = a.Mode + " XDP " + s
		}
		words = append(words, s)
	}
	return strings.Join(words, ", ")
}

// mayDrop refuses to cut this machine off from a network.
func (k *kernelConfig) mayDrop(i *bpf.Interface) error {
	switch {
	case !k.drop || k.force:
		return nil
	case i.DefaultRoute:
		return usageError{fmt.Errorf("xdp_action drop on %s: the default route leaves by it, and this machine would be cut off; --force does it all the same", i.Name)}
	case len(i.Addresses) > 0:
		return usageError{fmt.Errorf("xdp_action drop on %s: it has the address %s, and this machine would be cut off from that network; --force does it all the same", i.Name, i.Addresses[0])}
	}
	return nil
}
