package lua

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	glua "github.com/yuin/gopher-lua"
)

// A baseline is what a network's row of the matrix held when a script reset it, by the canonical CIDR of
// the other network. It is the script's, not the VM's: the shared store has it too, so that it outlives a
// worker process and a changed settings file, as long as the counters do.

func (v *VM) baselineKey(cidr string) SharedKey {
	return SharedKey{Kind: sharedBaseline, Name: v.owner, Field: cidr}
}

// baseline is that of a network, by its canonical CIDR; nil when the script reset nothing.
func (v *VM) baseline(cidr string) map[string]intranetCounts {
	base, known := v.baselines[cidr]
	if known {
		return base
	}
	if text, ok := v.opts.Shared.Load(v.baselineKey(cidr), 0); ok {
		base = parseBaseline(text)
	}
	v.keepBaseline(cidr, base)
	return base
}

func (v *VM) keepBaseline(cidr string, base map[string]intranetCounts) {
	if v.baselines == nil {
		v.baselines = make(map[string]map[string]intranetCounts)
	}
	v.baselines[cidr] = base
}

// setBaseline takes another. Where the shared store refuses it, it is the VM's alone, and that is a warning.
func (v *VM) setBaseline(l *glua.LState, cidr string, base map[string]intranetCounts) {
	v.keepBaseline(cidr, base)
	if err := v.opts.Shared.Store(v.owner, v.baselineKey(cidr), formatBaseline(base), 0, 0); err != nil {
		v.warn(l, "network.resetTrafficBetweenNets: the reset lasts until the worker ends: "+err.Error())
	}
}

// formatBaseline is a line for each other network: CIDR, bytes sent, bytes received.
func formatBaseline(base map[string]intranetCounts) string {
	var b strings.Builder
	for _, cidr := range slices.Sorted(maps.Keys(base)) {
		fmt.Fprintf(&b, "%s %d %d\n", cidr, base[cidr].sent, base[cidr].received)
	}
	return b.String()
}

func parseBaseline(text string) map[string]intranetCounts {
	base := make(map[string]intranetCounts)
	for line := range strings.Lines(text) {
		var cidr string
		var c intranetCounts
		if _, err := fmt.Sscan(line, &cidr, &c.sent, &c.received); err == nil {
			base[cidr] = c
		}
	}
	return base
}
