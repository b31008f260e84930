//go:build linux && (amd64 || arm64)

package bpf

import (
	"encoding/binary"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// Of the generic netlink family netdev (include/uapi/linux/netdev.h), Linux 6.3.
const (
	netdevGet         = 1
	netdevIfindex     = 1
	netdevXDPFeatures = 3
	xdpActBasic       = 1
)

// A genlHeader is struct genlmsghdr: command, version, and two bytes that this family wants to be 0. The one of
// package nl has two bytes of what lies behind it in memory.
type genlHeader [4]byte

func (h genlHeader) Len() int          { return len(h) }
func (h genlHeader) Serialize() []byte { return h[:] }

// NativeXDP reports what the kernel says of the driver: whether it has native XDP. known is false before
// Linux 6.3.
func (i *Interface) NativeXDP() (native, known bool) {
	family, err := netlink.GenlFamilyGet("netdev")
	if err != nil {
		return false, false
	}
	req := nl.NewNetlinkRequest(int(family.ID), 0)
	req.AddData(genlHeader{netdevGet, 1})
	req.AddData(nl.NewRtAttr(netdevIfindex, nl.Uint32Attr(uint32(i.Index))))
	replies, err := req.Execute(unix.NETLINK_GENERIC, 0)
	if err != nil || len(replies) == 0 || len(replies[0]) < nl.SizeofGenlmsg {
		return false, false
	}
	attrs, err := nl.ParseRouteAttr(replies[0][nl.SizeofGenlmsg:])
	if err != nil {
		return false, false
	}
	for _, a := range attrs {
		if a.Attr.Type == netdevXDPFeatures && len(a.Value) >= 8 {
			return binary.NativeEndian.Uint64(a.Value)&xdpActBasic != 0, true
		}
	}
	return false, false
}
