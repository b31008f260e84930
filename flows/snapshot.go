package flows

import (
	"github.com/netmond/netmond/localnets"
	"github.com/netmond/netmond/packet"
)

// An EndReason says why a flow left the table, with the numbers of IPFIX flowEndReason (RFC 5102
// section 5.11.3).
type EndReason uint8

// End reasons.
const (
	EndIdle      EndReason = 1
	EndActive    EndReason = 2
	EndOfFlow    EndReason = 3
	EndForced    EndReason = 4
	EndResources EndReason = 5 // evicted at the bound

	NumEndReasons EndReason = 6
)

// A Snapshot is everything that was counted, at one moment at which the accounting closes: the
// scopes of Nets sum to Capture.
type Snapshot struct {
	Nets    *localnets.Snapshot // all scopes filled
	Capture CaptureCounts
	// Undecoded is indexed by packet.Reason.
	Undecoded  [packet.NumReasons]localnets.Counts
	IPv4, IPv6 localnets.Counts // frames by the IP version of their counted header, wire bytes of Meta.WireLen
	Fragments  uint64           // IP fragments, first ones included
	Table      TableStats
}

// CaptureCounts are the frames that workers were given.
type CaptureCounts struct {
	Packets, Bytes   uint64 // wire bytes
	CapturedBytes    uint64
	TruncatedPackets uint64 // captured shorter than on the wire
	First, Last      int64  // smallest and largest capture time, ns; 0 without packets
}

// TableStats is the state of the flow table.
type TableStats struct {
	Capacity, Entries int
	// Started counts flows begun by their transport class (localnets.L4 order); a flow whose ports
	// are not known counts as L4Other unless its protocol is ICMP.
	Started [localnets.NumL4]uint64
	Ended   [NumEndReasons]uint64
	// Untracked are packets that found no place in the table; their bytes are in their networks.
	Untracked   localnets.Counts
	MemoryBytes uint64 // held by slots, entries and names
}
