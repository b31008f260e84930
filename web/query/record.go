package query

import "net/netip"

// A Kind is what is filtered.
type Kind uint8

// The kinds.
const (
	Flows Kind = 1 << iota
	Hosts
	Alerts
)

// String is the kind in words.
func (k Kind) String() string {
	switch k {
	case Flows:
		return "flows"
	case Hosts:
		return "hosts"
	case Alerts:
		return "alerts"
	}
	return "nothing"
}

// NoNetwork is the network of an end that lies in none.
const NoNetwork int32 = -1

// An End is an endpoint: of a flow the client, then the server; a host and an alert have one.
type End struct {
	Addr    netip.Addr // invalid where there is none
	Port    uint16
	Network int32 // ID of its local network, or NoNetwork
}

// A Number is a figure that terms compare.
type Number uint8

// The numbers. Times are seconds.
const (
	Bytes Number = iota
	Packets
	BytesSent
	BytesReceived
	Duration
	Age
	RTT
	Retransmissions
	OutOfOrder
	Lost
	FlowCount
	Score

	NumNumbers
)

// A Record is a flow, host or alert as a Query looks at it. The caller fills what its kind has.
type Record struct {
	Ends    []End
	Proto   uint8
	VLAN    uint16
	App     string   // of a flow
	Apps    []string // of a host
	Name    string   // server name, or a name of the alert
	State   string
	Numbers [NumNumbers]float64

	// AS and Country tell where an address is: number and name of its autonomous system, code of its country; zero
	// values where they are unknown. nil where nobody can tell. They are called when a filter asks.
	AS      func(netip.Addr) (number uint32, name string)
	Country func(netip.Addr) string

	Check, Severity, Status string
	Texts                   []string // what else a word is looked for in
}
