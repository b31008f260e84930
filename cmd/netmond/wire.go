package main

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/alecthomas/units"

	"github.com/netmond/netmond/apps"
	"github.com/netmond/netmond/flows"
	"github.com/netmond/netmond/localnets"
	"github.com/netmond/netmond/packet"
)

// flagGroup is what the flags shared by several commands hang on.
type flagGroup interface {
	Flag(name, help string) *kingpin.FlagClause
}

// accounting holds the flags that decide how traffic is counted; run, read and check share them.
type accounting struct {
	networks                               *[]string
	decap                                  *string
	flowVLAN                               *bool
	maxFlows, maxHosts                     *int
	idle, active, closed, hostIdle         *time.Duration
	idleSet, activeSet, closedSet, hostSet bool
	maxFlowsSet, maxHostsSet               bool
	memory                                 *units.Base2Bytes
}

// Timeouts of a live capture. A file is one observation: nothing idles out of it unless asked.
const (
	liveIdleTimeout     = time.Minute
	liveActiveTimeout   = 30 * time.Minute
	liveClosedTimeout   = 5 * time.Second
	liveHostIdleTimeout = 5 * time.Minute
)

// Flows tracked unless a flag says otherwise. Live, the memory for them is taken at the start: first
// touches under load lose packets.
const (
	liveMaxFlows = 1 << 18
	fileMaxFlows = 1 << 20
)

func addAccountingFlags(cmd flagGroup) *accounting {
	a := &accounting{}
	a.networks = cmd.Flag("local-networks", "Local networks as CIDR or CIDR=alias, comma separated, or a file of them. Repeatable. Default: the capture interface's own networks and all private, link-local and loopback space.").
		Short('m').PlaceHolder("LIST").Strings()
	a.decap = cmd.Flag("decap", "Tunnels to look through, comma separated, or all: the inner packet counts. Default: none, the outermost IP header counts. Known: "+decapKinds()+".").
		PlaceHolder("LIST").String()
	a.flowVLAN = cmd.Flag("flow-vlan", "Keep flows of different outer VLANs apart.").Bool()
	a.maxFlows = cmd.Flag("max-flows", fmt.Sprintf("Most flows tracked at a time; beyond it the idlest is evicted and counted, and no byte of any network is lost (live default %d, which takes 60 MB at start; capture files: %d, taken as they come).", liveMaxFlows, fileMaxFlows)).
		PlaceHolder("N").IsSetByUser(&a.maxFlowsSet).Int()
	a.maxHosts = cmd.Flag("max-hosts", "Most local hosts told apart at a time.").Default("1048576").IsSetByUser(&a.maxHostsSet).Int()
	a.memory = cmd.Flag("memory", "Budget of resident memory, such as 256MiB: sizes the ring, the flow table, hosts and alerts, unless their own flags do. Script workers are not in it. Default: none.").
		PlaceHolder("SIZE").Bytes()
	timeout := func(name, help string, live time.Duration, set *bool) *time.Duration {
		return cmd.Flag(name, fmt.Sprintf("%s (live default %v; capture files: never).", help, live)).
			PlaceHolder("DURATION").IsSetByUser(set).Duration()
	}
	a.idle = timeout("idle-timeout", "End a flow after this time without packets", liveIdleTimeout, &a.idleSet)
	a.active = timeout("active-timeout", "End and restart the record of a flow that lasts this long", liveActiveTimeout, &a.activeSet)
	a.closed = timeout("closed-timeout", "End a TCP flow this long after it was closed or reset", liveClosedTimeout, &a.closedSet)
	a.hostIdle = timeout("host-idle-timeout", "Count a host as gone after this time without traffic", liveHostIdleTimeout, &a.hostSet)
	return a
}

// decapKinds lists the tunnels that --decap knows.
func decapKinds() string {
	var names []string
	for kind := packet.Decap(1); kind&packet.DecapAll != 0; kind <<= 1 {
		names = append(names, kind.String())
	}
	return strings.Join(names, ", ")
}

// A pipeline is the stages from frames to counters, wired together.
type pipeline struct {
	networks []localnets.Network
	// assumed says that no networks were configured and the default list stands in.
	assumed  bool
	registry *localnets.Registry
	table    *flows.Table
	plan     *memoryPlan // nil without a budget
}

// build wires packet, flows, apps and localnets. own are the prefixes of the capture interface; live
// chooses the timeouts that stand when no flag sets them. rings are what a memory budget has to hold for
// the capture.
func (a *accounting) build(own []netip.Prefix, live bool, rings ringDemand) (*pipeline, error) {
	if !a.maxFlowsSet {
		*a.maxFlows = fileMaxFlows
		if live {
			*a.maxFlows = liveMaxFlows
		}
	}
	for flag, n := range map[string]int{"max-flows": *a.maxFlows, "max-hosts": *a.maxHosts} {
		if n < 1 {
			return nil, usageError{fmt.Errorf("--%s %d: want 1 at least", flag, n)}
		}
	}
	p := &pipeline{}
	if len(*a.networks) > 0 {
		var err error
		if p.networks, err = localnets.ParseList(*a.networks); err != nil {
			return nil, usageError{err}
		}
	} else {
		p.networks, p.assumed = localnets.DefaultNetworks(own), true
	}
	if *a.memory != 0 {
		if err := a.budget(p, live, rings); err != nil {
			return nil, usageError{fmt.Errorf("--memory: %w", err)}
		}
	}
	decap, err := packet.ParseDecap(*a.decap)
	if err != nil {
		return nil, usageError{fmt.Errorf("--decap: %w", err)}
	}
	timeout := func(v *time.Duration, set bool, liveDefault time.Duration) time.Duration {
		if !set && live {
			return liveDefault
		}
		return *v
	}
	nets := localnets.DefaultConfig()
	nets.MaxHosts = *a.maxHosts
	nets.HostIdleTimeout = timeout(a.hostIdle, a.hostSet, liveHostIdleTimeout)
	nets.AppNames = apps.Names()
	if p.registry, err = localnets.New(nets, p.networks); err != nil {
		return nil, usageError{err}
	}
	cfg := flows.DefaultConfig()
	cfg.MaxFlows = *a.maxFlows
	cfg.IdleTimeout = timeout(a.idle, a.idleSet, liveIdleTimeout)
	cfg.ActiveTimeout = timeout(a.active, a.activeSet, liveActiveTimeout)
	cfg.ClosedTimeout = timeout(a.closed, a.closedSet, liveClosedTimeout)
	cfg.Prefault = live
	cfg.Decoder = packet.Decoder{KeyVLAN: *a.flowVLAN, Decap: decap}
	if p.table, err = flows.New(cfg, p.registry); err != nil {
		return nil, usageError{err}
	}
	return p, nil
}

// budget plans the memory, and sets the bounds that no flag sets.
func (a *accounting) budget(p *pipeline, live bool, rings ringDemand) (err error) {
	demand := memoryDemand{resident: residentBytes(), live: live, ringDemand: rings, networks: len(p.networks)}
	if a.maxFlowsSet {
		demand.maxFlows = *a.maxFlows
	}
	if a.maxHostsSet {
		demand.maxHosts = *a.maxHosts
	}
	if p.plan, err = planMemory(int64(*a.memory), demand); err != nil {
		return err
	}
	*a.maxFlows, *a.maxHosts = p.plan.MaxFlows, p.plan.MaxHosts
	return nil
}
