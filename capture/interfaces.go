package capture

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/netmond/netmond/packet"
)

var (
	// ErrClosed is what ReadBlock gives after Close.
	ErrClosed = errors.New("capture closed")
	// ErrNoInterface is wrapped where the interface to capture from does not exist.
	ErrNoInterface = errors.New("no such interface")
	// ErrPermission is wrapped where the process lacks a capability for live capture.
	ErrPermission = errors.New("not permitted")
	// ErrUnsupported is wrapped where the system, its kernel or the interface's link type does not
	// allow live capture. Capture files can be read all the same.
	ErrUnsupported = errors.New("not supported")
)

// InterfaceInfo is what netmond knows of a network interface before it captures from it.
type InterfaceInfo struct {
	Name     string
	Up       bool // administratively; says nothing of a cable
	Loopback bool
	// Link is the link type of its frames, valid with Capturable: OpenLive can read the interface.
	Link       packet.LinkType
	Capturable bool
	Addrs      []netip.Prefix // addresses with the length of their network, in order
}

// Interfaces lists the interfaces of this host by name. It needs no privilege.
func Interfaces() ([]InterfaceInfo, error) {
	ifs, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("list interfaces: %w", err)
	}
	links, err := newLinkReader()
	if err != nil {
		return nil, err
	}
	defer links.close()

	infos := make([]InterfaceInfo, 0, len(ifs))
	for i := range ifs {
		addrs, err := ifs[i].Addrs()
		if err != nil {
			return nil, fmt.Errorf("addresses of interface %s: %w", ifs[i].Name, err)
		}
		info := InterfaceInfo{
			Name:     ifs[i].Name,
			Up:       ifs[i].Flags&net.FlagUp != 0,
			Loopback: ifs[i].Flags&net.FlagLoopback != 0,
			Addrs:    prefixes(addrs),
		}
		info.Link, info.Capturable = links.link(info.Name)
		infos = append(infos, info)
	}
	slices.SortFunc(infos, func(a, b InterfaceInfo) int { return strings.Compare(a.Name, b.Name) })
	return infos, nil
}

// prefixes converts what package net gives for the addresses of an interface.
func prefixes(addrs []net.Addr) []netip.Prefix {
	var list []netip.Prefix
	for _, a := range addrs {
		n, ok := a.(*net.IPNet)
		if !ok {
			continue
		}
		addr, ok := netip.AddrFromSlice(n.IP)
		ones, bits := n.Mask.Size()
		if !ok || bits == 0 {
			continue
		}
		if bits == 32 {
			addr = addr.Unmap() // package net may hold IPv4 in 16 bytes
		}
		if p := netip.PrefixFrom(addr, ones); p.IsValid() {
			list = append(list, p)
		}
	}
	slices.SortFunc(list, netip.Prefix.Compare)
	return list
}

// noInterface is the error for an interface that does not exist; it lists those that do.
func noInterface(name string) error {
	const most = 32
	ifs, err := net.Interfaces()
	if err != nil || len(ifs) == 0 {
		return fmt.Errorf("%w: %s", ErrNoInterface, name)
	}
	names := make([]string, len(ifs))
	for i := range ifs {
		names[i] = ifs[i].Name
	}
	slices.Sort(names)
	more := ""
	if n := len(names) - most; n > 0 {
		names, more = names[:most], fmt.Sprintf(" and %d more", n)
	}
	return fmt.Errorf("%w: %s; present are %s%s", ErrNoInterface, name, strings.Join(names, ", "), more)
}
