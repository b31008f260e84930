package localnets

// L4 is the transport class that per-network counters distinguish.
type L4 uint8

// The transport classes; ICMP holds ICMP and ICMPv6.
const (
	L4TCP L4 = iota
	L4UDP
	L4SCTP
	L4ICMP
	L4Other

	NumL4
)

var l4Names = [NumL4]string{"tcp", "udp", "sctp", "icmp", "other"}

// String is the class's metric label.
func (l L4) String() string { return l4Names[l] }

// L4Of is the class of an IP protocol number.
func L4Of(proto uint8) L4 {
	switch proto {
	case 6:
		return L4TCP
	case 17:
		return L4UDP
	case 132:
		return L4SCTP
	case 1, 58:
		return L4ICMP
	}
	return L4Other
}

// Counts is a number of packets and their wire bytes.
type Counts struct {
	Packets, Bytes uint64
}

// TCPCounts are TCP packets of one direction by what they show about the path's health. All are
// packets, cumulative in totals and a difference in a Delta.
type TCPCounts struct {
	Packets         uint64 // all TCP packets with a readable header: the base of any share
	Retransmissions uint64
	OutOfOrder      uint64
	Lost            uint64 // packets missing in gaps of the sequence space
	KeepAlives      uint64
	ZeroWindows     uint64
	SYN             uint64 // SYN without ACK
	SYNACK          uint64
}

// A Delta is what one flow added in one direction since it was last folded. Src and Dst are the
// networks of that direction's sender and receiver.
type Delta struct {
	Src, Dst     int32 // slots of networks (Match.Net), or NoNetwork
	L4           L4
	App          uint16
	DstBroadcast bool // the destination is 255.255.255.255 or its network's directed broadcast
	Counts       Counts
	TCP          TCPCounts

	// Move is not traffic: Counts were folded earlier under application FromApp and now belong to
	// App. Totals do not change.
	Move    bool
	FromApp uint16

	// NewFlows counts flows that began; set only in the client-to-server direction, so Src is the
	// client's network and Dst the server's.
	NewFlows uint32
	// Rehomed says that NewFlows came to Src and Dst with a reload of the networks: they began earlier, in
	// other networks or in none, and are not new in the running minute.
	Rehomed bool
	// EndedFlows counts flows that left the table (timeout, eviction, end), likewise.
	EndedFlows uint32

	// ServerRTT is SYN to SYN-ACK, credited to the server's network; ClientRTT is SYN-ACK to ACK,
	// credited to the client's. ns, 0 for none; set only in the client-to-server direction, at most
	// once per flow.
	ServerRTT, ClientRTT int64
	// RTTTime puts the handshakes' round trips in order for RTT.EWMAMillis: the capture time of the flow's
	// last packet, ns. Set where one of them is.
	RTTTime int64
	// AckRTT is the sum of AckRTTSamples samples (ns) of data to its acknowledgement, where data
	// went Src to Dst: the round trip between the tap and Dst.
	AckRTT        int64
	AckRTTSamples uint32
}

// A HostTouch says that an address of a local network was seen.
type HostTouch struct {
	Addr [16]byte // IPv4 held IPv4-mapped
	Is4  bool
	Net  int32 // its network's slot
	Time int64 // capture time, ns
	// Rehomed says that the network has the address since a reload: it is not new in the running minute.
	Rehomed bool
}
