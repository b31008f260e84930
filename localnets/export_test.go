package localnets

import "unsafe"

// HostMemory is the bytes that the tables of hosts hold.
func (r *Registry) HostMemory() int {
	n := 0
	for i := range r.hosts.shards {
		n += len(r.hosts.shards[i].tab) * int(unsafe.Sizeof(hostSlot{}))
	}
	return n
}

// The sizes that comments state.
const (
	HostSlotSize  = unsafe.Sizeof(hostSlot{})
	HostShardSize = unsafe.Sizeof(hostShard{})
	CountersSize  = unsafe.Sizeof(counters{})
	AppCountsSize = unsafe.Sizeof(appCounts{})
)

// HostSweepSlots bounds the slots that one Tick examines.
const HostSweepSlots = hostSweepSlots
