package metrics

import (
	"maps"
	"slices"

	"github.com/netmond/netmond/bpf"
	"github.com/netmond/netmond/localnets"
)

// kernel emits the state of the programs that count an interface's frames.
func (e *emitter) kernel(k *KernelSource) {
	name, s := clean(k.Interface), &k.Stats
	e.value(kernelAttached, boolean(k.Attached), name, k.Mode)
	for _, reason := range slices.Sorted(maps.Keys(k.Reattaches)) {
		e.count(kernelReattaches, k.Reattaches[reason], name, reason)
	}
	e.count(kernelFallbacks, k.Fallbacks, name)
	e.value(kernelGap, k.Gap.Seconds(), name)
	e.value(kernelFlows, float64(s.Flows), name)
	e.value(kernelFlowCapacity, float64(s.MaxFlows), name)
	e.value(kernelMemory, float64(s.MemoryBytes), name)
	e.value(kernelSampleRate, float64(s.SampleRate), name)
	e.counts(kernelMapFullBytes, kernelMapFullPackets, localnets.Counts(s.MapFull), name)
	e.counts(kernelUnsampledBytes, kernelUnsampledPackets, localnets.Counts(s.Unsampled), name)
	for i, reason := range bpf.HandReasons {
		e.count(kernelHandedPackets, s.Handed[i].Packets, name, reason)
		e.count(kernelRefusedPackets, s.Refused[i].Packets, name, reason)
	}
	e.count(kernelPayloads, s.Payloads, name)
	e.count(kernelPayloadsLost, s.PayloadsLost, name)
	e.count(kernelHealthFull, s.HealthFull, name)
	e.count(kernelContended, s.Contended, name)
	e.count(kernelDrains, s.Drains, name)
	e.value(kernelDrainSeconds, s.DrainSeconds, name)
}
