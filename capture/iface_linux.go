package capture

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/netmond/netmond/packet"
)

// The link types that interfaces give frames of (https://www.tcpdump.org/linktypes.html).
const (
	linkEthernet   packet.LinkType = 1
	linkRawIP      packet.LinkType = 101
	linkCiscoHDLC  packet.LinkType = 104
	linkIEEE80211  packet.LinkType = 105
	linkFrameRelay packet.LinkType = 107
	linkRadiotap   packet.LinkType = 127
	linkUnknown    packet.LinkType = 0xffff // unassigned: its frames are counted as undecoded
)

// linkOf is the link type of frames that a packet socket of type SOCK_RAW gives from an interface of
// the hardware type hatype (ARPHRD_ in include/uapi/linux/if_arp.h).
func linkOf(hatype uint16) (packet.LinkType, bool) {
	switch hatype {
	case unix.ARPHRD_ETHER, unix.ARPHRD_EETHER, unix.ARPHRD_LOOPBACK:
		return linkEthernet, true
	case unix.ARPHRD_NONE, unix.ARPHRD_VOID, unix.ARPHRD_RAWIP, unix.ARPHRD_6LOWPAN,
		unix.ARPHRD_TUNNEL, unix.ARPHRD_TUNNEL6, unix.ARPHRD_SIT, unix.ARPHRD_IPGRE, unix.ARPHRD_IP6GRE,
		unix.ARPHRD_SLIP, unix.ARPHRD_CSLIP, unix.ARPHRD_SLIP6, unix.ARPHRD_CSLIP6,
		unix.ARPHRD_PPP: // ppp_generic.c takes the PPP header off before the packet is tapped
		return linkRawIP, true
	case unix.ARPHRD_CISCO:
		return linkCiscoHDLC, true
	case unix.ARPHRD_FRAD:
		return linkFrameRelay, true
	case unix.ARPHRD_IEEE80211:
		return linkIEEE80211, true
	case unix.ARPHRD_IEEE80211_RADIOTAP:
		return linkRadiotap, true
	}
	return linkUnknown, false
}

// iface is an interface at one moment.
type iface struct {
	index  int
	hatype uint16
	up     bool // IFF_UP, which is what a packet socket's frames depend on
}

// lookup asks for the interface with this name in the network namespace of socket fd. Its error is
// unix.ENODEV where there is none.
func lookup(fd int, name string) (iface, error) {
	req, err := unix.NewIfreq(name)
	if err != nil {
		return iface{}, unix.ENODEV // a name too long for any
	}
	var dev iface
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFINDEX, req); err != nil {
		return iface{}, err
	}
	dev.index = int(req.Uint32())
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFFLAGS, req); err != nil {
		return iface{}, err
	}
	dev.up = req.Uint16()&unix.IFF_UP != 0
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFHWADDR, req); err != nil {
		return iface{}, err
	}
	dev.hatype = req.Uint16() // sa_family of ifr_hwaddr
	return dev, nil
}

// nameOf is the present name of the interface with this index, "" when there is none.
func nameOf(fd, index int) string {
	req, err := unix.NewIfreq("")
	if err != nil || index <= 0 {
		return ""
	}
	req.SetUint32(uint32(index))
	if unix.IoctlIfreq(fd, unix.SIOCGIFNAME, req) != nil {
		return ""
	}
	return req.Name()
}

// find is lookup, with errors for people.
func find(fd int, name string) (iface, error) {
	dev, err := lookup(fd, name)
	switch {
	case errors.Is(err, unix.ENODEV):
		return iface{}, noInterface(name)
	case err != nil:
		return iface{}, fmt.Errorf("look up interface %s: %w", name, err)
	}
	if _, ok := linkOf(dev.hatype); !ok {
		return iface{}, fmt.Errorf("interface %s: link type ARPHRD %d %w", name, dev.hatype, ErrUnsupported)
	}
	return dev, nil
}

// A linkReader tells the link types of interfaces.
type linkReader struct{ fd int }

func newLinkReader() (linkReader, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return linkReader{}, fmt.Errorf("open socket to ask for interfaces: %w", err)
	}
	return linkReader{fd}, nil
}

func (r linkReader) close() { unix.Close(r.fd) }

func (r linkReader) link(name string) (packet.LinkType, bool) {
	dev, err := lookup(r.fd, name)
	if err != nil {
		return 0, false
	}
	link, ok := linkOf(dev.hatype)
	if !ok {
		return 0, false
	}
	return link, true
}
