package history

// A Field is a column of a series. Networks and the totals have different fields with the same numbers.
type Field uint8

// NumFields is how many fields every series has.
const NumFields = 16

// The fields of a network.
const (
	IngressBytes Field = iota
	EgressBytes
	InnerBytes
	IngressPackets
	EgressPackets
	InnerPackets
	NewFlows
	TCPPackets
	Retransmissions
	OutOfOrder
	Lost
	Hosts
	Flows
	RTT
	Score
	EngagedAlerts
)

// The fields of the totals.
const (
	TotalBytes Field = iota
	TotalPackets
	InboundBytes
	OutboundBytes
	InternalBytes
	TransitBytes
	EncapsulationBytes
	NonIPBytes
	UndecodedBytes
	UndecodedPackets
	LostPackets
	UntrackedPackets
	TotalNewFlows
	TotalHosts
	TotalFlows
	TotalEngagedAlerts
)

// A Kind says how a field's points add up over time.
type Kind uint8

// The kinds: a Sum is an amount within a step, shown per second; of a Mean the average over a step is
// kept, of a Peak the largest value.
const (
	Sum Kind = iota
	Mean
	Peak
)

// A FieldInfo describes a field.
type FieldInfo struct {
	Name string // as the API has it
	Unit string // of a point as it is given to readers
	Kind Kind
}

var networkFields = [NumFields]FieldInfo{
	IngressBytes:    {"ingress_bytes", "bytes/s", Sum},
	EgressBytes:     {"egress_bytes", "bytes/s", Sum},
	InnerBytes:      {"inner_bytes", "bytes/s", Sum},
	IngressPackets:  {"ingress_packets", "packets/s", Sum},
	EgressPackets:   {"egress_packets", "packets/s", Sum},
	InnerPackets:    {"inner_packets", "packets/s", Sum},
	NewFlows:        {"new_flows", "flows/s", Sum},
	TCPPackets:      {"tcp_packets", "packets/s", Sum},
	Retransmissions: {"tcp_retransmissions", "packets/s", Sum},
	OutOfOrder:      {"tcp_out_of_order", "packets/s", Sum},
	Lost:            {"tcp_lost", "packets/s", Sum},
	Hosts:           {"hosts", "hosts", Mean},
	Flows:           {"flows", "flows", Mean},
	RTT:             {"rtt", "us", Mean},
	Score:           {"score", "", Peak},
	EngagedAlerts:   {"engaged_alerts", "alerts", Peak},
}

var totalFields = [NumFields]FieldInfo{
	TotalBytes:         {"bytes", "bytes/s", Sum},
	TotalPackets:       {"packets", "packets/s", Sum},
	InboundBytes:       {"inbound_bytes", "bytes/s", Sum},
	OutboundBytes:      {"outbound_bytes", "bytes/s", Sum},
	InternalBytes:      {"internal_bytes", "bytes/s", Sum},
	TransitBytes:       {"transit_bytes", "bytes/s", Sum},
	EncapsulationBytes: {"encapsulation_bytes", "bytes/s", Sum},
	NonIPBytes:         {"non_ip_bytes", "bytes/s", Sum},
	UndecodedBytes:     {"undecoded_bytes", "bytes/s", Sum},
	UndecodedPackets:   {"undecoded_packets", "packets/s", Sum},
	LostPackets:        {"lost_packets", "packets/s", Sum},
	UntrackedPackets:   {"untracked_packets", "packets/s", Sum},
	TotalNewFlows:      {"new_flows", "flows/s", Sum},
	TotalHosts:         {"hosts", "hosts", Mean},
	TotalFlows:         {"flows", "flows", Mean},
	TotalEngagedAlerts: {"engaged_alerts", "alerts", Peak},
}

// Fields lists the fields of a network, or of the totals for the series Total.
func Fields(series string) *[NumFields]FieldInfo {
	if series == Total {
		return &totalFields
	}
	return &networkFields
}

// LookupField finds a field of a series by its name.
func LookupField(series, name string) (Field, bool) {
	for f, info := range Fields(series) {
		if info.Name == name {
			return Field(f), true
		}
	}
	return 0, false
}
