//go:build linux && (amd64 || arm64)

package bpf

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Inspect looks at an interface of the thread's network namespace. It needs no privilege but for the names
// of programs and for those of tcx.
func Inspect(name string) (*Interface, error) {
	handle, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("netlink socket: %w", err)
	}
	defer handle.Close()
	l, err := handle.LinkByName(name)
	if err != nil {
		return nil, fmt.Errorf("interface %s: %w", name, err)
	}
	attrs := l.Attrs()
	i := &Interface{
		Name: attrs.Name, Index: attrs.Index, Driver: driver(l), MTU: attrs.MTU,
		Ethernet: attrs.EncapType == "ether", Loopback: attrs.Flags&net.FlagLoopback != 0, Up: attrs.Flags&net.FlagUp != 0,
	}
	if x := attrs.Xdp; x != nil && x.Attached {
		i.XDP = append(i.XDP, Attached{ID: x.ProgId, Name: programName(x.ProgId), Mode: xdpMode(x.AttachMode)})
	}
	i.Ingress = queryTCX(i.Index, ebpf.AttachTCXIngress)
	i.Egress = queryTCX(i.Index, ebpf.AttachTCXEgress)
	if err := i.offloads(); err != nil {
		return nil, err
	}
	addrs, err := handle.AddrList(l, netlink.FAMILY_ALL)
	if err != nil {
		return nil, fmt.Errorf("addresses of %s: %w", name, err)
	}
	for _, a := range addrs {
		if !a.IP.IsLinkLocalUnicast() || a.IP.To4() != nil {
			i.Addresses = append(i.Addresses, a.IPNet.String())
		}
	}
	routes, err := handle.RouteList(nil, netlink.FAMILY_ALL)
	if err != nil {
		return nil, fmt.Errorf("routes: %w", err)
	}
	for _, r := range routes {
		i.DefaultRoute = i.DefaultRoute || leaves(&r, i.Index) && (r.Dst == nil || isAll(r.Dst))
	}
	return i, nil
}

// leaves reports whether r leads out of the interface with this index.
func leaves(r *netlink.Route, index int) bool {
	for _, hop := range r.MultiPath {
		if hop.LinkIndex == index {
			return true
		}
	}
	return r.LinkIndex == index
}

func isAll(n *net.IPNet) bool {
	ones, _ := n.Mask.Size()
	return ones == 0
}

// driver names what drives l.
func driver(l netlink.Link) string {
	if path, err := os.Readlink(filepath.Join("/sys/class/net", l.Attrs().Name, "device/driver")); err == nil && l.Type() == "device" {
		return filepath.Base(path)
	}
	return l.Type()
}

// xdpMode names IFLA_XDP_ATTACHED (include/uapi/linux/if_link.h).
func xdpMode(mode uint32) string {
	switch mode {
	case 1:
		return "native"
	case 2:
		return "generic"
	case 3:
		return "offloaded"
	}
	return "native and generic"
}

// programName is the name of the program with this ID; empty where it may not be read (CAP_SYS_ADMIN).
func programName(id uint32) string {
	p, err := ebpf.NewProgramFromID(ebpf.ProgramID(id))
	if err != nil {
		return ""
	}
	defer p.Close()
	info, err := p.Info()
	if err != nil {
		return ""
	}
	return info.Name
}

// queryTCX lists the tcx programs; none where the kernel does not know tcx or may not be asked.
func queryTCX(index int, at ebpf.AttachType) (list []Attached) {
	res, err := link.QueryPrograms(link.QueryOptions{Target: index, Attach: at})
	if err != nil {
		return nil
	}
	for _, p := range res.Programs {
		list = append(list, Attached{ID: uint32(p.ID), Name: programName(uint32(p.ID))})
	}
	return list
}

// Commands and flags of ethtool (include/uapi/linux/ethtool.h).
const (
	ethtoolGetFlags = 0x25
	ethtoolGetGRO   = 0x2b
	flagRxVLAN      = 1 << 8
	flagLRO         = 1 << 15
)

// offloads asks what the receiver does to frames. An interface that cannot be asked does nothing.
func (i *Interface) offloads() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("socket to ask for offloads: %w", err)
	}
	defer unix.Close(fd)
	flags := ethtool(fd, i.Name, ethtoolGetFlags)
	i.VLANOffload, i.LRO = flags&flagRxVLAN != 0, flags&flagLRO != 0
	i.GRO = ethtool(fd, i.Name, ethtoolGetGRO) != 0
	return nil
}

// ethtool asks for one number (struct ethtool_value); 0 where there is none.
func ethtool(fd int, name string, cmd uint32) uint32 {
	value := struct{ cmd, data uint32 }{cmd: cmd}
	req := struct {
		name [unix.IFNAMSIZ]byte
		data unsafe.Pointer
		_    [16]byte
	}{data: unsafe.Pointer(&value)}
	copy(req.name[:unix.IFNAMSIZ-1], name)
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&req))); errno != 0 {
		return 0
	}
	return value.data
}
