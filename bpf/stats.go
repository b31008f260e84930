package bpf

import "github.com/netmond/netmond/packet"

// HandReasons name why frames are handed to user space, in the order of Stats.Handed.
var HandReasons = [numReasons]string{"short", "link", "tags", "mpls", "ppp", "ip_header", "extensions"}

// Stats is the state of a Program. Counters are since Load and only rise.
type Stats struct {
	Hook Hook
	// Handed are frames that the programs did not parse and gave to this process, which counts them, by
	// HandReasons; Refused those for which the ring had no room: counted in scope undecoded, with
	// packet.ReasonRingFull.
	Handed, Refused [numReasons]packet.Tally
	// MapFull are packets for which the flow table had no entry, Unsampled those of flows that Detail
	// leaves out (not with DetailOff, which leaves out all). Both are in their networks, as application
	// Unknown.
	MapFull, Unsampled packet.Tally
	// Payloads for the detectors of application protocols: shown, and without room in the ring.
	Payloads, PayloadsLost uint64
	// HealthFull are TCP events that are in their network and not in their flow, for want of a record;
	// Contended are TCP packets that were counted and whose health was not looked at, since another
	// processor held their connection.
	HealthFull, Contended uint64

	Flows, MaxFlows int // entries now
	Networks        int
	Generation      uint64
	PairsUsed       int
	SampleRate      int    // one flow in so many is tracked now; 0 none
	MemoryBytes     uint64 // of all maps
	RingBytes       uint64
	Drains          uint64
	DrainSeconds    float64 // processor time of the drains
	Samples         uint64  // that drains gave
	FlowsRetired    uint64
}
