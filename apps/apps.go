package apps

// An ID is an application protocol. IDs are dense from 0 and mean something only within one build;
// names are stable.
type ID uint16

// Unknown is the protocol of a flow that nothing recognised.
const Unknown ID = 0

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

// IP protocol numbers that carry ports.
const (
	protoTCP  = 6
	protoUDP  = 17
	protoSCTP = 132
)

// Classify looks at p. dst is scratch space for Result.Server with capacity MaxServerName or more;
// nothing else is written. It never panics, whatever the payload, and its work is bounded by the
// payload's length. It allocates nothing, except for a QUIC client's Initial packets, whose keys cost
// about 50 small allocations (4 kB) each, for at most 4 in a datagram.
func Classify(p *Packet, dst []byte) Result {
	switch p.Proto {
	case protoTCP, protoUDP:
	default:
		id := byProto(p.Proto)
		return Result{ID: id, Final: id != Unknown}
	}
	if len(p.Payload) == 0 {
		return Result{}
	}
	m := detect(*p)
	r := Result{ID: m.id, Final: m.final}
	switch {
	case m.name == nil:
		if m.id == idQUIC && p.FromClient {
			r.Server, r.Final = quicServer(p.Payload, dst)
		}
	case m.wire:
		r.Server = appendWireName(dst, m.name)
	default:
		r.Server = appendHost(dst, m.name)
	}
	return r
}

// ByPort is the protocol that well-known ports (or, for portless protocols such as ICMP, IGMP,
// OSPF, GRE or ESP, the IP protocol number) suggest, or Unknown.
//
// The server's port decides. The client's is asked only when the server's says nothing and the
// flow looks as if its first packet was missed, so that client and server are the wrong way round:
// a system port (below 1024), or any known port opposite an ephemeral one.
func ByPort(proto uint8, serverPort, clientPort uint16) ID {
	var ports map[uint16]ID
	switch proto {
	case protoTCP:
		ports = tcpPorts
	case protoUDP:
		ports = udpPorts
	default:
		return byProto(proto)
	}
	if id := ports[serverPort]; id != Unknown {
		return id
	}
	const firstEphemeral = 32768 // Linux; IANA's range begins at 49152
	if clientPort < 1024 || serverPort >= firstEphemeral {
		return ports[clientPort]
	}
	return Unknown
}
