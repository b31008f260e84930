package packet

import (
	"fmt"
	"strings"
)

// Decap is a set of tunnel kinds that are looked through. The packet inside then gives the key and
// its length the bytes; the rest of the frame is Meta.Envelope. Tunnels in tunnels are followed to
// the layer limit. The inner length is that of the frame inside from its link-layer header on, or
// of the IP packet where the tunnel holds no link-layer header.
//
// An inner frame that is not IP makes the whole ClassNonIP, with an Envelope. Where what is inside
// cannot be decoded (cut, nonsense, no known protocol, or a later fragment of the tunnel's packet)
// the tunnel's own packet stays the one that counts, with the Envelope that it had, which is 0
// unless it was in a tunnel itself. Of a tunnel packet in fragments only the first is looked into.
//
// Meta.VLAN is that of the inner Ethernet frame; a tunnel of bare IP packets leaves the outer one.
type Decap uint16

// Tunnel kinds.
const (
	DecapGRE    Decap = 1 << iota // RFC 2784, 2890, 2637: IP, Ethernet, MPLS or PPP in GRE
	DecapERSPAN                   // mirrored frames in GRE, types I, II and III
	DecapVXLAN                    // RFC 7348 on UDP ports 4789 and 8472, and VXLAN-GPE on 4790
	DecapGeneve                   // RFC 8926, UDP port 6081
	DecapGTP                      // user plane of GTPv1 (3GPP TS 29.281), UDP port 2152
	DecapIPIP                     // IPv4 or IPv6 directly in IPv4 or IPv6
	DecapTeredo                   // RFC 4380, UDP port 3544
	DecapTZSP                     // TaZmen Sniffer Protocol, UDP port 37008

	// DecapAll is every kind.
	DecapAll Decap = 1<<iota - 1
)

// decapNames are in the order of the bits.
var decapNames = [...]string{"gre", "erspan", "vxlan", "geneve", "gtp", "ipip", "teredo", "tzsp"}

// ParseDecap reads kinds, each a name or a comma-separated list of names: gre, erspan, vxlan,
// geneve, gtp, ipip, teredo, tzsp, all, none. Case and spaces around a name do not matter. An
// unknown name is an error that lists those known.
func ParseDecap(kinds ...string) (Decap, error) {
	var d Decap
	for _, list := range kinds {
		for name := range strings.SplitSeq(list, ",") {
			bit, ok := decapByName(strings.ToLower(strings.TrimSpace(name)))
			if !ok {
				return 0, fmt.Errorf("unknown tunnel kind %q: known are %s, all, none", name, strings.Join(decapNames[:], ", "))
			}
			d |= bit
		}
	}
	return d, nil
}

func decapByName(name string) (Decap, bool) {
	switch name {
	case "", "none":
		return 0, true
	case "all":
		return DecapAll, true
	}
	for i, n := range decapNames {
		if n == name {
			return 1 << i, true
		}
	}
	return 0, false
}

// String is the list of names that ParseDecap reads back to d: "none", "all" or, say, "gre,vxlan".
func (d Decap) String() string {
	switch d & DecapAll {
	case 0:
		return "none"
	case DecapAll:
		return "all"
	}
	var names []string
	for i, n := range decapNames {
		if d&(1<<i) != 0 {
			names = append(names, n)
		}
	}
	return strings.Join(names, ",")
}
