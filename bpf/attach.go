package bpf

import "errors"

// ErrBusy is wrapped where another program holds the place: netmond replaces none.
var ErrBusy = errors.New("another program is attached")

// A Mode is a way to attach programs to an interface.
type Mode uint8

// Modes.
const (
	ModeXDP        Mode = iota // in the driver, before the kernel makes a packet: received frames
	ModeXDPGeneric             // the same programs in the kernel's own receive path
	ModeTC                     // traffic control (tcx), both directions
	NumModes
)

// String is the mode's name in the configuration.
func (m Mode) String() string {
	if int(m) < len(modeNames) {
		return modeNames[m]
	}
	return "invalid"
}

var modeNames = [NumModes]string{"xdp", "xdp-generic", "tc"}

// Hook is the hook of the mode's programs.
func (m Mode) Hook() Hook {
	if m == ModeTC {
		return HookTC
	}
	return HookXDP
}

// Needs is the least kernel of the mode, for people.
func (m Mode) Needs() string {
	if m == ModeTC {
		return "Linux 6.6 (tcx; what older kernels offer outlives a killed process)"
	}
	return "Linux 5.15, on arm64 5.18"
}

// An Interface is what matters of a network interface for the choice of a mode.
type Interface struct {
	Name     string
	Index    int
	Driver   string // kind of a virtual interface or the name of the driver; may be empty
	Ethernet bool   // its frames begin with an Ethernet header
	Loopback bool
	Up       bool
	MTU      int
	XDP      []Attached // programs of others and of ours, by BPF and by netlink
	Ingress  []Attached // of tcx
	Egress   []Attached
	// Of the receiver. VLAN tags that the hardware takes off are not in what XDP sees; GRO and LRO put
	// packets together before tc sees them.
	VLANOffload, GRO, LRO bool
	// Addresses of the host on the interface, without IPv6 link-local ones; DefaultRoute that packets to
	// anywhere leave by it.
	Addresses    []string
	DefaultRoute bool
}

// Attached is a program on an interface.
type Attached struct {
	ID   uint32
	Name string // empty where it may not be read
	Mode string // of XDP: native, generic, offloaded
}
