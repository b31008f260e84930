package metrics

import (
	"strconv"

	"github.com/netmond/netmond/capture"
	"github.com/netmond/netmond/flows"
	"github.com/netmond/netmond/localnets"
	"github.com/netmond/netmond/packet"
)

func (e *emitter) snapshot(s *flows.Snapshot) {
	for i, c := range s.Nets.Scopes {
		e.counts(trafficBytes, trafficPackets, c, localnets.Scope(i).String())
	}
	e.count(processedBytes, s.Capture.Bytes)
	e.count(processedPackets, s.Capture.Packets)
	e.count(processedCapturedBytes, s.Capture.CapturedBytes)
	e.count(processedTruncated, s.Capture.TruncatedPackets)
	for r := packet.ReasonNone + 1; r < packet.NumReasons; r++ {
		e.counts(undecodedBytes, undecodedPackets, s.Undecoded[r], r.String())
	}
	e.count(lostPackets, s.Nets.Scopes[localnets.ScopeUndecoded].Packets, "", LostUndecoded)
	e.count(lostPackets, s.Table.Untracked.Packets, "", LostUntracked)
	e.counts(ipBytes, ipPackets, s.IPv4, "4")
	e.counts(ipBytes, ipPackets, s.IPv6, "6")
	e.count(ipFragments, s.Fragments)
	e.value(snapshotTime, unixSeconds(s.Nets.Time))

	e.value(networks, float64(len(s.Nets.Networks)))
	for d := range localnets.NumDirections {
		e.counts(removedBytes, removedPackets, s.Nets.Removed[d], d.String())
	}
	e.value(hosts, float64(s.Nets.Hosts))
	e.count(hostsRefused, s.Nets.HostsRefused)
	e.table(&s.Table)
}

func (e *emitter) table(t *flows.TableStats) {
	e.value(flowTableEntries, float64(t.Entries))
	e.value(flowTableCapacity, float64(t.Capacity))
	e.count(flowTableMemory, t.MemoryBytes)
	for l4 := range localnets.NumL4 {
		e.count(flowTableStarted, t.Started[l4], l4.String())
	}
	for r := flows.EndIdle; r < flows.NumEndReasons; r++ {
		e.count(flowTableEnded, t.Ended[r], r.String())
	}
	e.count(flowTableEvictions, t.Ended[flows.EndResources])
	e.counts(flowTableUntrackedBytes, flowTableUntrackedPackets, t.Untracked)
}

func (e *emitter) source(s *capture.Stats) {
	name := clean(s.Interface)
	e.value(captureInfo, 1, name, clean(s.Path))
	e.value(capturePathInfo, 1, name, clean(s.Path), clean(s.Reason))
	e.value(captureUp, boolean(s.Up), name)
	e.value(captureAwaited, boolean(s.Awaited), name)
	e.count(capturePackets, s.Packets, name)
	e.count(captureBytes, s.Bytes, name)
	e.count(captureDrops, s.KernelDrops, name, "ring_full")
	e.count(lostPackets, s.KernelDrops, name, LostRing)
	e.count(lostPackets, s.NICDrops, name, LostNIC)
	e.count(captureKernelPackets, s.KernelPackets, name)
	e.count(captureTruncated, s.Truncated, name)
	e.count(captureRingFreezes, s.RingFreezes, name)
	e.count(captureLosingBlocks, s.Losing, name)
	e.count(captureDowns, s.Downs, name)
	e.count(captureReopens, s.Reopens, name)
	e.value(captureLastPoll, unixSeconds(s.LastPoll), name)
	for i, w := range s.Workers {
		worker := strconv.Itoa(i)
		e.value(captureLastPollAge, w.PollAge.Seconds(), name, worker)
		e.count(captureWorkerPackets, w.Packets, name, worker)
		e.count(captureWorkerDrops, w.KernelDrops, name, worker)
	}
	e.count(captureRingBytes, s.RingBytes, name)
}
