package localnets

// A Scope is a part of the captured traffic; every byte is in exactly one.
type Scope uint8

// The scopes. Internal holds traffic with both ends in local networks, the same or two.
// Encapsulation holds the envelope bytes that decapsulation took off and no packets: the frame is
// counted where its inner packet is.
const (
	ScopeInbound Scope = iota
	ScopeOutbound
	ScopeInternal
	ScopeTransit
	ScopeEncapsulation
	ScopeNonIP
	ScopeUndecoded

	NumScopes
)

var scopeNames = [NumScopes]string{"inbound", "outbound", "internal", "transit", "encapsulation", "non_ip", "undecoded"}

// String is the scope's metric label and JSON key.
func (s Scope) String() string { return scopeNames[s] }

// A Direction is one of the three directions of a local network's traffic.
type Direction uint8

// Ingress comes from outside the network, Egress leaves it, Inner stays within it.
const (
	Ingress Direction = iota
	Egress
	Inner

	NumDirections
)

var directionNames = [NumDirections]string{"ingress", "egress", "inner"}

// String is the direction's metric label.
func (d Direction) String() string { return directionNames[d] }

// A Snapshot is a consistent copy of all counters; it never changes and shares nothing with the
// Registry. Totals are since the start of the process.
type Snapshot struct {
	Time       int64 // capture clock of the snapshot, ns since the Unix epoch; 0 before any traffic or Tick
	Generation uint64
	// Scopes holds the four scopes that deltas decide (inbound, outbound, internal, transit); the
	// other elements are zero here and are filled by the flow table's snapshot.
	Scopes   [NumScopes]Counts
	Networks []NetworkStats // all configured networks, idle ones too, in ID order
	// Removed is the traffic that was counted for networks which a reload took away since. With it the sums
	// close: the egress of all networks and of Removed is what the scope outbound and the matrix hold, and
	// so on.
	Removed     [NumDirections]Counts
	Matrix      []Cell // pairs of two different networks with traffic, most bytes first
	MatrixOther Counts // traffic between networks that the bounded matrix did not tell apart

	Hosts        int    // hosts now told apart
	HostsRefused uint64 // hosts not told apart because of MaxHosts (attempts, cumulative)
}

// A Cell is the traffic from one local network to another, as seen from the sender.
type Cell struct {
	Src, Dst int32 // network IDs, never equal
	Counts
}

// A ProtocolCounts is the part of one application protocol.
type ProtocolCounts struct {
	Name        string
	ByDirection [NumDirections]Counts
}

// NetworkStats is one network's counters. Indexes of arrays are Direction and L4.
type NetworkStats struct {
	Network

	Traffic   [NumDirections]Counts
	L4        [NumDirections][NumL4]Counts
	Protocols []ProtocolCounts      // those with traffic, by bytes descending, then by name; sums to Traffic
	Broadcast [NumDirections]Counts // part of Traffic with a broadcast destination
	TCP       [NumDirections]TCPCounts

	Hosts       int    // hosts of this network now told apart
	HostsCapped bool   // some were refused: Hosts is a lower bound
	NewHosts    uint64 // hosts that appeared, cumulative
	Flows       uint64 // flows begun with an end in this network, cumulative (once per network)
	FlowsActive int64  // of those, still in the flow table
	FlowsClient uint64 // flows begun by a host of this network
	FlowsServer uint64 // flows begun to a host of this network
	LastSeen    int64  // capture time of the last fold that held traffic of this network; 0 never

	RTT RTT

	// Rates over the last complete interval between ticks of at least 5 s, in units per second, and
	// their trend against the interval before.
	ThroughputBytes, ThroughputPackets           float64
	ThroughputBytesTrend, ThroughputPacketsTrend Trend

	// Minute holds what happened in the last complete minute of the clock; CurrentMinute the
	// minute that is running.
	Minute, CurrentMinute MinuteCounters
}

// A Trend compares an interval with the one before; the numbers are ntopng's.
type Trend uint8

// Trends.
const (
	TrendUnknown Trend = iota
	TrendUp
	TrendDown
	TrendStable
)

// MinuteCounters are the counters behind flood and scan checks, over one minute of the clock.
type MinuteCounters struct {
	SYNReceived    uint64 // SYNs to hosts of the network
	SYNACKSent     uint64 // SYN-ACKs from hosts of the network
	SYNPeak        uint64 // most SYNs received within one fold interval of about a second
	NewFlowsServer uint64 // new flows to hosts of the network
	NewFlowsPeak   uint64 // most of them within one fold interval of about a second
	NewHosts       uint64
}

// RTT is a network's round-trip times. Handshake samples follow ntopng: SYN to SYN-ACK is credited
// to the server's network, SYN-ACK to ACK to the client's; over 5 s is dropped.
type RTT struct {
	// EWMAMillis is ntopng's round_trip_time: integer milliseconds, (15 x sample + 85 x old) / 100,
	// the first sample as is; 0 is none. Samples go in between two ticks or snapshots together, by
	// Delta.RTTTime.
	EWMAMillis int64

	// Sums and counts, so that readers can form means: ns and samples.
	ServerSum, ClientSum, AckSum             int64
	ServerSamples, ClientSamples, AckSamples uint64
	Min, Max                                 int64 // of all handshake samples, ns; 0 without samples
}

// BytesSent is what hosts of the network sent: egress + inner.
func (n *NetworkStats) BytesSent() uint64 {
	return n.Traffic[Egress].Bytes + n.Traffic[Inner].Bytes
}

// BytesReceived is what hosts of the network received: ingress + inner.
func (n *NetworkStats) BytesReceived() uint64 {
	return n.Traffic[Ingress].Bytes + n.Traffic[Inner].Bytes
}
