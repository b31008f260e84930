package bpf

import "github.com/netmond/netmond/packet"

// The structures of types.h, field for field; a test compares them by the objects' BTF. The programs
// write while they are read here: fields that may change are loaded one by one, atomically.

const (
	numReasons  = 7 // enum reason
	numIlls     = 5 // enum ill
	sentShift   = 37
	timeShift   = 20
	bucketSlots = 8

	// Cells, networks.h.
	cellTransitV4   = 0
	cellTransitV6   = 2
	cellNetworks    = 4
	cellsPerNetwork = 6

	kindUncounted = 0
	kindSample    = 1
)

// Bits of flow.Bits.
const (
	fClientHi = 0x0080
	fClosed   = 0x0100
	fSettled  = 0x0200
	fGap      = 0x0400 // shifted left by the direction
)

type counts struct{ Packets, Bytes uint64 }

type cell struct {
	Last, First                                               uint64
	L4                                                        [packet.NumTransports]counts
	Broadcast                                                 counts
	AckRTT, AckSamples                                        uint64 // microseconds
	NoHeader                                                  uint64
	SYN, SYNACK                                               uint64
	Retransmissions, OutOfOrder, Lost, KeepAlives, ZeroWindow uint64
}

type cpuCounts struct {
	Last, First          uint64
	NonIP                counts
	Handed, Refused      [8]counts
	MapFull, Unsampled   counts
	Fragments            uint64
	Contended            uint64
	TroubleFull          uint64
	Samples, SamplesLost uint64
	Jiffies, Time        uint64
	Spare                uint32
	_                    uint32
}

type flow struct {
	Key      packet.Key
	Sent     [2]uint64
	Last     uint32
	Route    uint32
	First    uint32
	Slot     uint32
	Bits     uint16
	Flags    [2]uint8
	Samples  uint8
	Stop     uint8
	Reopens  uint16
	Lock     uint32
	Trouble  uint32
	Next     [2]uint32
	TimedEnd [2]uint32
	TimedAt  [2]uint32
	MSS      [2]uint16
	ISN      uint32
	Server   uint32 // round trips of the handshake, microseconds
	Client   uint32
}

type gap struct{ Lo, Hi, Missing, At uint32 }

type trouble struct {
	Gap        [2]gap
	Counts     [2][numIlls]uint32
	RTTSamples [2]uint32
	RTTSum     [2]uint64
	Flow       uint32
	_          uint32
}

type bucket struct{ Slot [bucketSlots]uint64 }

type control struct {
	Table       uint32 // generation << 1 | half
	MaxSamples  uint32
	Track       uint64
	Clock       uint64
	Zero        uint64
	_           [4]uint64
	FlowHead    uint64
	_           [7]uint64
	FlowTail    uint64
	_           [7]uint64
	TroubleHead uint64
	_           [7]uint64
	TroubleTail uint64
	_           [7]uint64
}

type record struct {
	Time     uint64
	WireLen  uint32
	CapLen   uint32
	VLANTPID uint16
	VLANTCI  uint16
	Kind     uint8
	Reason   uint8
	Client   uint8
	_        uint8
	Flow     uint32
	_        uint32
}
