package filter

import "net/netip"

// A protocol qualifier, direction or kind of address: the keyword, or "" for none.
type qualifiers struct {
	proto string // such as "tcp" or "link"
	dir   string // src, dst, or ("src or dst"), and ("src and dst"), addr1..addr4, ra, ta
	addr  string // host, net, port, portrange, proto, protochain, gateway
	// none stands where a bare address would have no qualifiers to take over, as after "tcp or".
	none bool
}

// A node is an expression that is true or false of a frame. Its children come first in the order of
// the text, which is the order of evaluation.
type node interface{ at() int }

// place is a byte offset in the expression.
type place int

func (p place) at() int { return int(p) }

// The nodes of the syntax tree.
type (
	// logical is x and y, or x or y.
	logical struct {
		place
		or   bool
		x, y node
	}
	negation struct {
		place
		x node
	}
	// abbreviation is a protocol that stands alone, such as "tcp".
	abbreviation struct {
		place
		proto string
	}
	// number is a number with its qualifiers: "port 80", "ether proto 0x88cc".
	number struct {
		place
		q qualifiers
		n uint32
	}
	// name is a word with its qualifiers: "port http", "host router".
	name struct {
		place
		q    qualifiers
		text string
		// What the name stands for; which is set depends on the qualifiers.
		addrs    []netip.Addr
		from, to uint16 // of a port or port range
		proto    uint32 // of a protocol
		only     string // for a port: the one transport that the service has, "" for any
	}
	// address4 is an IPv4 address or network, or a DECnet address.
	address4 struct {
		place
		q          qualifiers
		text       string
		addr, mask uint32
	}
	address6 struct {
		place
		q    qualifiers
		text string
		addr netip.Addr
		bits int
	}
	station struct { // an Ethernet address
		place
		q   qualifiers
		mac [6]byte
	}
	// relation compares two numbers.
	relation struct {
		place
		op   string // = != < <= > >=
		x, y arith
	}
	// cast is broadcast or multicast.
	cast struct {
		place
		proto     string
		multicast bool
	}
	// length is "less n" (at most n bytes) or "greater n" (at least n bytes).
	length struct {
		place
		greater bool
		n       uint32
	}
	// octet is "byte index op value".
	octet struct {
		place
		index, value uint32
		op           string
	}
	// direction is inbound or outbound.
	direction struct {
		place
		outbound bool
	}
	ifindex struct {
		place
		n uint32
	}
	// encapsulation is vlan, mpls, pppoed, pppoes or geneve: what comes after it in the text speaks
	// of what lies inside it in the frame.
	encapsulation struct {
		place
		kind   string
		given  bool // n is given
		n      uint32
		numPos int
	}
	// llcType is "llc", or with its kind: i, s, u, rr, ...
	llcType struct {
		place
		kind string
	}
	// wlanType is "type t", "type t subtype s" or "subtype s".
	wlanType struct {
		place
		value, mask uint32
	}
	// wlanDir is "dir d".
	wlanDir struct {
		place
		value uint32
	}
)

// An arith is an expression that has a value of 32 bits.
type arith interface{ at() int }

// The arithmetic nodes.
type (
	literal struct {
		place
		n uint32
	}
	frameLength struct{ place }
	// field is proto[index:size].
	field struct {
		place
		proto string
		index arith
		size  uint32
	}
	minus struct {
		place
		x arith
	}
	arithmetic struct {
		place
		op   string
		x, y arith
	}
)
