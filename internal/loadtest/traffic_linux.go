package loadtest

import (
	"encoding/binary"
	"fmt"
	"net/netip"
)

// Traffic is what a Generator sends: two-way IPv4 flows between hosts of local networks and the
// world, each once a round, in an order that no cache foresees. Seven flows in ten are TLS over TCP,
// undisturbed streams; the rest is UDP that no protocol detector knows. Round after round a flow's
// packets alternate between its directions.
type Traffic struct {
	Flows    int // 1 to 100 M
	Networks int // local networks that the flows are spread over, 1 to 65,536; see Network
	Size     int // bytes of a frame, FCS out, 60 to 1,514
}

const (
	minSize, maxSize = 60, 1514
	maxFlows         = 100_000_000

	hostsANetwork = 250
	portsAHost    = 60_000
	firstPort     = 1024
	portTLS       = 443
	portUnknown   = 4000 // of a UDP protocol that no detector knows
	ethernet      = 14
	tcpPayload    = ethernet + 20 + 20
)

func (t Traffic) validate() error {
	switch {
	case t.Flows < 1 || t.Flows > maxFlows:
		return fmt.Errorf("traffic of %d flows: want 1 to %d", t.Flows, maxFlows)
	case t.Networks < 1 || t.Networks > 1<<16:
		return fmt.Errorf("traffic of %d networks: want 1 to %d", t.Networks, 1<<16)
	case t.Size < minSize || t.Size > maxSize:
		return fmt.Errorf("traffic of frames of %d bytes: want %d to %d", t.Size, minSize, maxSize)
	case t.Flows > t.Networks*hostsANetwork*portsAHost:
		return fmt.Errorf("traffic of %d flows: more than %d networks have ports for", t.Flows, t.Networks)
	}
	return nil
}

// Network is local network i, a /24 of 10.0.0.0/8. Flow f belongs to network f modulo Networks.
func Network(i int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 0}), 24)
}

// step is the distance between the flows of two frames in a row: about the golden section of Flows,
// and without a common divisor, so that a round meets each flow once.
func (t Traffic) step() int {
	s := max(int(float64(t.Flows)*0.618), 1)
	for gcd(s, t.Flows) != 1 {
		s++
	}
	return s
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// template is a frame to be filled in: addressed to a station that is neither end's, as on a mirror
// port, so that the receiving stack drops it when all who listen have had it.
func (t Traffic) template() []byte {
	b := make([]byte, t.Size)
	copy(b, []byte{0, 0, 0x5e, 0, 0x53, 0xfe, 0, 0, 0x5e, 0, 0x53, 0x0a, 0x08, 0, 0x45})
	binary.BigEndian.PutUint16(b[16:], uint16(t.Size-ethernet))
	b[20] = 0x40 // do not fragment
	b[22] = 64   // time to live
	return b
}
