package netnstest

import (
	"net"
	"net/netip"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// A Pair is two namespaces joined by a cable: the veth pair nma, nmb. Both ends are up; neither has
// an address, and nothing is sent but by the test.
type Pair struct {
	A, B *Port
}

// A Port is one end of a Pair. What is sent on it arrives at the other end.
type Port struct {
	*NS
	Name string // of the interface, in NS
	MAC  net.HardwareAddr

	peer *Port
}

// NewPair makes two namespaces and the cable. They end with t.
func NewPair(t testing.TB) *Pair {
	t.Helper()
	p := &Pair{
		A: &Port{NS: New(t), Name: "nma", MAC: net.HardwareAddr{0x00, 0x00, 0x5e, 0x00, 0x53, 0x0a}},
		B: &Port{NS: New(t), Name: "nmb", MAC: net.HardwareAddr{0x00, 0x00, 0x5e, 0x00, 0x53, 0x0b}},
	}
	p.A.peer, p.B.peer = p.B, p.A
	p.Create()
	return p
}

// Create makes the cable again after Delete.
func (p *Pair) Create() {
	p.A.t.Helper()
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.HardwareAddr = p.A.Name, p.A.MAC
	// One queue at each end, so that frames arrive in the order in which they were sent.
	attrs.NumTxQueues, attrs.NumRxQueues = 1, 1
	p.A.must("add veth pair", p.A.links.LinkAdd(&netlink.Veth{
		LinkAttrs: attrs, PeerName: p.B.Name, PeerHardwareAddr: p.B.MAC, PeerNamespace: netlink.NsFd(p.B.handle),
		PeerNumTxQueues: 1, PeerNumRxQueues: 1,
	}))
	p.A.Up()
	p.B.Up()
}

// Delete removes both ends of the cable. The namespaces stay.
func (p *Pair) Delete() {
	p.A.t.Helper()
	p.A.must("delete veth pair", p.A.links.LinkDel(p.A.Link()))
}

// Link is the interface as it is now; its statistics are those of one moment.
func (p *Port) Link() netlink.Link {
	p.t.Helper()
	link, err := p.links.LinkByName(p.Name)
	p.must("find "+p.Name, err)
	return link
}

// Up sets the interface up.
func (p *Port) Up() {
	p.t.Helper()
	p.must("set "+p.Name+" up", p.links.LinkSetUp(p.Link()))
}

// Down sets the interface down.
func (p *Port) Down() {
	p.t.Helper()
	p.must("set "+p.Name+" down", p.links.LinkSetDown(p.Link()))
}

// Promiscuous reports whether anyone in the system holds the interface in promiscuous mode.
func (p *Port) Promiscuous() bool {
	p.t.Helper()
	return p.Link().Attrs().Promisc != 0
}

// AddAddr gives the interface an address, and a permanent neighbour entry of it to the other end, so
// that neither end asks for it on the wire. With an IPv6 address IPv6 comes on at both ends, and
// the kernel sends multicast reports of its own will.
func (p *Port) AddAddr(prefix netip.Prefix) {
	p.t.Helper()
	flags := 0
	if prefix.Addr().Is6() {
		flags = unix.IFA_F_NODAD // of use at once
		for _, end := range []*Port{p, p.peer} {
			conf := "ipv6/conf/" + end.Name
			end.Sysctl(conf+"/addr_gen_mode", "1") // no link-local address
			end.Sysctl(conf+"/disable_ipv6", "0")
		}
	}
	ip := net.IP(prefix.Addr().AsSlice())
	p.must("add address", p.links.AddrAdd(p.Link(), &netlink.Addr{
		IPNet: &net.IPNet{IP: ip, Mask: net.CIDRMask(prefix.Bits(), prefix.Addr().BitLen())}, Flags: flags,
	}))
	p.must("add neighbour", p.peer.links.NeighSet(&netlink.Neigh{
		LinkIndex: p.peer.Link().Attrs().Index, State: netlink.NUD_PERMANENT, IP: ip, HardwareAddr: p.MAC,
	}))
}

// LoopbackUp sets the namespace's loopback interface up.
func (n *NS) LoopbackUp() {
	n.t.Helper()
	lo, err := n.links.LinkByName("lo")
	n.must("find lo", err)
	n.must("set lo up", n.links.LinkSetUp(lo))
}

func (n *NS) must(what string, err error) {
	n.t.Helper()
	if err != nil {
		n.t.Fatalf("%s: %v", what, err)
	}
}
