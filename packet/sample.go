package packet

// A Tally is a number of packets and their wire bytes.
type Tally struct {
	Packets, Bytes uint64
}

// NumTransports is the length of arrays by transport class: TCP, UDP, SCTP, ICMP and ICMPv6, other.
const NumTransports = 5

// Places of a packet's end in NetworkCounts.
const (
	OutsideNetwork int32 = -1 // in no local network
	// OtherNetwork is a local network that is not told apart: what was sent to it stands in one
	// NetworkCounts, with its sender, and what was received from it in another, with its receiver.
	OtherNetwork int32 = -2
)

// NetworkCounts is what was sent from one local network to another, or from or to outside, and was
// summed before it came here: by a program in the kernel.
type NetworkCounts struct {
	Src, Dst  int32 // slots of networks, OutsideNetwork or OtherNetwork
	L4        [NumTransports]Tally
	Broadcast Tally // part of L4 with a broadcast destination
	// TCP packets with a readable header, and of them.
	TCPPackets, SYN, SYNACK uint64
	Health                  Health // of flows without detail
	AckRTT                  int64  // ns, sum of AckRTTSamples round trips of data to its acknowledgement
	AckRTTSamples           uint64
}

// Health counts TCP packets of one direction by what they show.
type Health struct {
	Retransmissions, OutOfOrder, Lost, KeepAlives, ZeroWindows uint64
}

// Totals is everything that was counted outside of flows since the last Totals. Its sums are exact
// whatever became of the flows' detail.
type Totals struct {
	Networks   []NetworkCounts
	IPv4, IPv6 Tally // the packets of Networks
	NonIP      Tally
	Undecoded  [NumReasons]Tally
	Fragments  uint64
	// Smallest and largest capture time, ns since the Unix epoch; both 0 without packets.
	First, Last int64
}

// A Sample is what one flow gained since its last Sample, summed before it came here. Arrays are by
// direction along Key. The packets are in some Totals already.
type Sample struct {
	Key         Key
	Client      uint8 // direction of the client's packets
	First, Last int64 // capture times of the flow's first and last packet, ns since the Unix epoch
	Packets     [2]uint64
	Bytes       [2]uint64

	// Of a TCP connection as it is now.
	TCPFlags        [2]uint8 // all flags seen
	Closed, Settled bool     // ended or reset; went beyond a half-open handshake

	Reopened uint32 // connections that began between the same ports
	Health   [2]Health
	// Round trips of handshakes: SYN to SYN-ACK, SYN-ACK to ACK. ns, sums of so many samples.
	ServerRTT, ClientRTT               int64
	ServerRTTSamples, ClientRTTSamples uint32
}

// Gained reports whether s holds anything.
func (s *Sample) Gained() bool {
	return s.Packets[0]|s.Packets[1] != 0 || s.Reopened != 0 || s.Health != [2]Health{} ||
		s.ServerRTTSamples|s.ClientRTTSamples != 0
}

// A Payload is a frame of a flow that was counted before it came here, to be shown to the detectors of
// application protocols.
type Payload struct {
	Frame  Frame
	Client uint8 // direction of the client's packets

	// What became of it.
	Key  Key
	Done bool // no further payload of this flow is wanted
}
