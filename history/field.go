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
	// Sparse fields have steps without a measurement, which are kept as 0 and given as NaN.
	Sparse bool
}

var networkFields = [NumFields]FieldInfo{
	IngressBytes:    {"ingress_bytes", "bytes/s", Sum, false},
	EgressBytes:     {"egress_bytes", "bytes/s", Sum, false},
	InnerBytes:      {"inner_bytes", "bytes/s", Sum, false},
	IngressPackets:  {"ingress_packets", "packets/s", Sum, false},
	EgressPackets:   {"egress_packets", "packets/s", Sum, false},
	InnerPackets:    {"inner_packets", "packets/s", Sum, false},
	NewFlows:        {"new_flows", "flows/s", Sum, false},
	TCPPackets:      {"tcp_packets", "packets/s", Sum, false},
	Retransmissions: {"tcp_retransmissions", "packets/s", Sum, false},
	OutOfOrder:      {"tcp_out_of_order", "packets/s", Sum, false},
	Lost:            {"tcp_lost", "packets/s", Sum, false},
	Hosts:           {"hosts", "hosts", Mean, false},
	Flows:           {"flows", "flows", Mean, false},
	RTT:             {"rtt", "us", Mean, true},
	Score:           {"score", "", Peak, false},
	EngagedAlerts:   {"engaged_alerts", "alerts", Peak, false},
}

var totalFields = [NumFields]FieldInfo{
	TotalBytes:         {"bytes", "bytes/s", Sum, false},
	TotalPackets:       {"packets", "packets/s", Sum, false},
	InboundBytes:       {"inbound_bytes", "bytes/s", Sum, false},
	OutboundBytes:      {"outbound_bytes", "bytes/s", Sum, false},
	InternalBytes:      {"internal_bytes", "bytes/s", Sum, false},
	TransitBytes:       {"transit_bytes", "bytes/s", Sum, false},
	EncapsulationBytes: {"encapsulation_bytes", "bytes/s", Sum, false},
	NonIPBytes:         {"non_ip_bytes", "bytes/s", Sum, false},
	UndecodedBytes:     {"undecoded_bytes", "bytes/s", Sum, false},
	UndecodedPackets:   {"undecoded_packets", "packets/s", Sum, false},
	LostPackets:        {"lost_packets", "packets/s", Sum, false},
	UntrackedPackets:   {"untracked_packets", "packets/s", Sum, false},
	TotalNewFlows:      {"new_flows", "flows/s", Sum, false},
	TotalHosts:         {"hosts", "hosts", Mean, false},
	TotalFlows:         {"flows", "flows", Mean, false},
	TotalEngagedAlerts: {"engaged_alerts", "alerts", Peak, false},
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

// A layout is how the fields of a series lie: the Sums are first, the Peaks last, and between them the Means, of
// which the last may be RTT, whose weight is its samples.
type layout struct {
	fields *[NumFields]FieldInfo
	sums   int // end of the Sums
	means  int // end of the Means but RTT
	peaks  int // beginning of the Peaks
	rtt    bool
}

var (
	networkLayout = layout{&networkFields, int(Hosts), int(RTT), int(Score), true}
	totalLayout   = layout{&totalFields, int(TotalHosts), int(TotalEngagedAlerts), int(TotalEngagedAlerts), false}
)

func layoutOf(series string) *layout {
	if series == Total {
		return &totalLayout
	}
	return &networkLayout
}
