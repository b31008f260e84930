package apps

// An ID is an application protocol. IDs are dense from 0 and mean something only within one build;
// names are stable.
type ID uint16

// Unknown is the protocol of a flow that nothing recognised.
const Unknown ID = 0

// names holds each protocol's nDPI spelling, indexed by ID.
var names = []string{"Unknown"}

// String is the protocol's name as nDPI spells it.
func (id ID) String() string {
	if int(id) < len(names) {
		return names[id]
	}
	return names[Unknown]
}

// Names returns all names indexed by ID; the caller must not change it.
func Names() []string { return names }

// A Packet is what Classify may look at: one packet of a flow, seen from its sender.
type Packet struct {
	Proto            uint8  // IP protocol number
	SrcPort, DstPort uint16 // 0 when portless
	FromClient       bool   // the sender opened the flow
	Payload          []byte // captured transport payload; not kept
}

// A Result is the outcome of looking at one packet.
type Result struct {
	ID ID // Unknown: this packet told nothing
	// Final means that no later packet can better the answer. When the flow table's packet budget
	// is spent without a final answer, the best ID so far stands, else ByPort decides.
	Final bool
	// Server is the server name that the packet shows (TLS SNI, HTTP Host, QUIC SNI, DNS question):
	// bytes in dst's array, lower case, printable ASCII, at most MaxServerName long, or empty.
	Server []byte
}

// MaxServerName bounds a server name in bytes (a DNS name has at most 253).
const MaxServerName = 253

// Classify looks at p. dst is scratch space for Result.Server with capacity MaxServerName or more;
// nothing else is written. It never panics, whatever the payload, and its work is bounded by the
// payload's length.
func Classify(p *Packet, dst []byte) Result { return Result{} }

// ByPort is the protocol that well-known ports (or, for portless protocols such as ICMP, IGMP,
// OSPF, GRE or ESP, the IP protocol number) suggest, or Unknown.
func ByPort(proto uint8, serverPort, clientPort uint16) ID { return Unknown }
