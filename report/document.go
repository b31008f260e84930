package report

// Document is the JSON of a report, field for field as docs/read.schema.json has it. WriteJSON
// writes it piece by piece; decoders of the JSON may use it whole.
type Document struct {
	Time             *string           `json:"time"` // RFC 3339; nil before any traffic
	Capture          Capture           `json:"capture"`
	Filter           *Filter           `json:"filter,omitempty"` // nil without a filter
	IP               IP                `json:"ip"`
	Scopes           Scopes            `json:"scopes"`
	UndecodedReasons map[string]Counts `json:"undecoded_reasons"` // those that occurred
	Flows            Flows             `json:"flows"`
	Hosts            Hosts             `json:"hosts"`
	Networks         []Network         `json:"networks"` // in order of configuration
	Matrix           []MatrixCell      `json:"matrix"`   // most bytes first
	MatrixOther      Counts            `json:"matrix_other"`
	Top              *Top              `json:"top,omitempty"` // nil where nothing was asked for
	Errors           []InputError      `json:"errors"`
}

// Counts is a number of packets and their bytes on the wire.
type Counts struct {
	Packets uint64 `json:"packets"`
	Bytes   uint64 `json:"bytes"`
}

// Capture is all that was captured; the scopes sum to it.
type Capture struct {
	Packets          uint64  `json:"packets"`
	Bytes            uint64  `json:"bytes"`
	CapturedBytes    uint64  `json:"captured_bytes"`
	TruncatedPackets uint64  `json:"truncated_packets"`
	First            *string `json:"first"` // RFC 3339 with ns, UTC; nil without packets
	Last             *string `json:"last"`
}

// Filter is what a filter kept out: none of it is in Capture or any other count.
type Filter struct {
	Expression string `json:"expression"` // as it was given
	Filtered   Counts `json:"filtered"`   // frames that do not match
}

// IP tells frames by the version of the IP header that counted.
type IP struct {
	IPv4      Counts `json:"ipv4"`
	IPv6      Counts `json:"ipv6"`
	Fragments uint64 `json:"fragments"`
}

// Scopes are the parts that captured traffic is divided into.
type Scopes struct {
	Inbound       Counts `json:"inbound"`
	Outbound      Counts `json:"outbound"`
	Internal      Counts `json:"internal"`
	Transit       Counts `json:"transit"`
	Encapsulation Counts `json:"encapsulation"`
	NonIP         Counts `json:"non_ip"`
	Undecoded     Counts `json:"undecoded"`
}

// Directions are the parts of a network's traffic.
type Directions struct {
	Ingress Counts `json:"ingress"`
	Egress  Counts `json:"egress"`
	Inner   Counts `json:"inner"`
}

// Network is one configured network.
type Network struct {
	ID    int32  `json:"id"`
	CIDR  string `json:"cidr"` // canonical
	Name  string `json:"name"` // the CIDR as configured
	Alias string `json:"alias"`
	Directions
	Broadcast   Directions            `json:"broadcast"`
	Hosts       int                   `json:"hosts"`
	HostsCapped bool                  `json:"hosts_capped"`
	HostsSeen   uint64                `json:"hosts_seen"`
	Flows       uint64                `json:"flows"`
	FlowsActive int64                 `json:"flows_active"`
	FlowsClient uint64                `json:"flows_client"`
	FlowsServer uint64                `json:"flows_server"`
	LastSeen    *string               `json:"last_seen"`
	Protocols   map[string]Directions `json:"protocols"`
	L4          L4                    `json:"l4"`
	TCP         TCPDirections         `json:"tcp"`
	RTT         *RTT                  `json:"rtt"` // nil without samples
	Throughput  Throughput            `json:"throughput"`
}

// L4 is a network's traffic by transport class.
type L4 struct {
	TCP   Directions `json:"tcp"`
	UDP   Directions `json:"udp"`
	SCTP  Directions `json:"sctp"`
	ICMP  Directions `json:"icmp"`
	Other Directions `json:"other"`
}

// TCPDirections is the health of TCP by direction.
type TCPDirections struct {
	Ingress TCP `json:"ingress"`
	Egress  TCP `json:"egress"`
	Inner   TCP `json:"inner"`
}

// TCP counts TCP packets by what they show.
type TCP struct {
	Packets         uint64 `json:"packets"`
	Retransmissions uint64 `json:"retransmissions"`
	OutOfOrder      uint64 `json:"out_of_order"`
	Lost            uint64 `json:"lost"`
	KeepAlive       uint64 `json:"keep_alive"`
	ZeroWindow      uint64 `json:"zero_window"`
	SYN             uint64 `json:"syn"`
	SYNACK          uint64 `json:"syn_ack"`
}

// RTT is a network's round-trip times in milliseconds; each is nil without samples of its kind.
type RTT struct {
	EWMA          *int64   `json:"ewma_ms"`
	Server        *float64 `json:"server_ms"`
	ServerSamples uint64   `json:"server_samples"`
	Client        *float64 `json:"client_ms"`
	ClientSamples uint64   `json:"client_samples"`
	Ack           *float64 `json:"ack_ms"`
	AckSamples    uint64   `json:"ack_samples"`
	Min           *float64 `json:"min_ms"`
	Max           *float64 `json:"max_ms"`
}

// Throughput is a network's rate over the last complete interval.
type Throughput struct {
	BytesPerSecond   float64 `json:"bytes_per_second"`
	PacketsPerSecond float64 `json:"packets_per_second"`
	BytesTrend       string  `json:"bytes_trend"`
	PacketsTrend     string  `json:"packets_trend"`
}

// MatrixCell is the traffic from one network to another.
type MatrixCell struct {
	Src   string `json:"src"` // CIDR
	Dst   string `json:"dst"`
	SrcID int32  `json:"src_id"`
	DstID int32  `json:"dst_id"`
	Counts
}

// Flows is the state of the flow table. TCP to Other are flows begun and sum to Total.
type Flows struct {
	Total     uint64 `json:"total"`
	TCP       uint64 `json:"tcp"`
	UDP       uint64 `json:"udp"`
	SCTP      uint64 `json:"sctp"`
	ICMP      uint64 `json:"icmp"`
	Other     uint64 `json:"other"`
	Active    int    `json:"active"`
	Capacity  int    `json:"capacity"`
	Ended     Ended  `json:"ended"`
	Untracked Counts `json:"untracked"`
}

// Ended counts flows that left the table by reason (IPFIX flowEndReason, and half_open: not gone beyond a
// first packet or a half-open handshake when the table filled up).
type Ended struct {
	IdleTimeout     uint64 `json:"idle_timeout"`
	ActiveTimeout   uint64 `json:"active_timeout"`
	EndOfFlow       uint64 `json:"end_of_flow"`
	ForcedEnd       uint64 `json:"forced_end"`
	LackOfResources uint64 `json:"lack_of_resources"`
	HalfOpen        uint64 `json:"half_open"`
}

// Hosts are the hosts of all local networks.
type Hosts struct {
	Active  int    `json:"active"`
	Refused uint64 `json:"refused"` // attempts to tell apart one more than the bound
}
