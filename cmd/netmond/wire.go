package main

import (
	"fmt"
	"log/slog"
	"net/netip"
	"sync/atomic"

	"github.com/netmond/netmond/capture"
	"github.com/netmond/netmond/capture/filter"
	"github.com/netmond/netmond/config"
	"github.com/netmond/netmond/flows"
	"github.com/netmond/netmond/geoip"
	"github.com/netmond/netmond/localnets"
	"github.com/netmond/netmond/report"
)

// A pipeline is the stages from frames to counters, wired together.
type pipeline struct {
	// assumed says that no networks were configured and the default list stands in.
	assumed  bool
	registry *localnets.Registry
	table    *flows.Table
	plan     *memoryPlan                      // nil without a budget
	filter   *filter.Filter                   // nil without one
	places   atomic.Pointer[geoip.DB]         // of remote addresses; nil until a daemon opens it
	filtered atomic.Pointer[capture.Filtered] // set when files are read through filter
	recorder *report.Recorder                 // of what files are read; nil without one
}

// build wires packet, flows, apps and localnets. own are the prefixes of the capture interfaces; live chooses
// the defaults of a live capture; rings are what a memory budget has to hold for it. It notes what is wrong
// in o and then gives nil.
func (o *options) build(own []netip.Prefix, live bool, rings ringDemand) *pipeline {
	p := &pipeline{filter: o.filter()}
	var networks []localnets.Network
	networks, p.assumed = o.networks(own)
	nets, table := o.localNetworks(live), o.flowTable(live)
	if budget := config.Or(o.Accounting.Memory, 0); budget != 0 && networks != nil {
		var err error
		if p.plan, err = planMemory(int64(budget)-o.kernelBudget(), o.demand(len(networks), live, rings)); err != nil {
			o.wrong(err, "accounting", "memory")
		} else {
			p.plan.outside = outsideHeap()
			nets.MaxHosts, nets.MaxMatrixCells, table.MaxFlows = p.plan.MaxHosts, p.plan.MaxCells, p.plan.MaxFlows
		}
	}
	if len(o.faults) > 0 {
		return nil
	}
	var err error
	if p.registry, err = localnets.New(nets, networks); err != nil {
		o.wrong(err, "networks")
		return nil
	}
	if p.table, err = flows.New(table, p.registry); err != nil {
		o.wrong(err, "accounting")
		return nil
	}
	return p
}

// demand is what a memory budget has to hold.
func (o *options) demand(networks int, live bool, rings ringDemand) memoryDemand {
	return memoryDemand{
		resident: residentBytes(), live: live, networks: networks, ringDemand: rings,
		maxFlows: int(config.Or(o.Accounting.MaxFlows, 0)),
		maxHosts: int(config.Or(o.Accounting.MaxHosts, 0)),
	}
}

// buildForFiles is the pipeline of a command that reads files. The log has the split of the memory at the
// level debug.
func (c *configFlags) buildForFiles(log *slog.Logger) (*options, *pipeline, error) {
	o, err := c.load()
	if err != nil {
		return nil, nil, err
	}
	p := o.build(nil, false, ringDemand{})
	if err := o.err(); err != nil {
		return nil, nil, err
	}
	if p.plan != nil {
		p.plan.apply(log, slog.LevelDebug)
	}
	return o, p, nil
}

// networkCount is shown in messages.
func networkCount(n int) string {
	if n == 1 {
		return "1 network"
	}
	return fmt.Sprintf("%d networks", n)
}
