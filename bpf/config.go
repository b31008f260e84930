package bpf

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/cilium/ebpf"
	"golang.org/x/net/bpf"

	"github.com/netmond/netmond/packet"
)

// ErrUnsupported is wrapped by every error that means that this system, or what was asked for, is
// beyond the programs; the caller goes on with AF_PACKET and tells which path is in use.
var ErrUnsupported = errors.New("not supported by the eBPF path")

// ErrCapacity is wrapped by SetNetworks when the list has outgrown what was reserved at Load: load
// anew.
var ErrCapacity = errors.New("more than was reserved")

// A Hook is where in the kernel the programs run.
type Hook uint8

// Hooks.
const (
	HookXDP Hook = iota // at the driver, frames received only
	HookTC              // traffic control, both directions
)

// String is the hook's name: xdp, tc.
func (h Hook) String() string {
	if h == HookTC {
		return "tc"
	}
	return "xdp"
}

// A Detail says which flows are tracked. Networks are exact with each.
type Detail uint8

// Details.
const (
	DetailAuto    Detail = iota // all, or a part of them when the table or the processor is too small
	DetailFull                  // all that find a place
	DetailSampled               // one in SampleRate, chosen by a hash of the key
	DetailOff                   // none: the fastest
)

var detailNames = [...]string{"auto", "full", "sampled", "off"}

// String is the detail's name in the configuration.
func (d Detail) String() string {
	if int(d) < len(detailNames) {
		return detailNames[d]
	}
	return "invalid"
}

// ParseDetail reads a name that String gives.
func ParseDetail(name string) (Detail, error) {
	for d, n := range detailNames {
		if n == name {
			return Detail(d), nil
		}
	}
	return 0, fmt.Errorf("flow detail %q: want auto, full, sampled or off", name)
}

// Config is what Load needs to know.
type Config struct {
	Hook Hook
	// Networks are the local networks; a network's index is its ID. They must be masked, and no two
	// alike.
	Networks []netip.Prefix
	// Generation numbers the list. Default 1.
	Generation uint64
	// MaxNetworks is how many networks SetNetworks may give later without loading anew. Default twice
	// as many as now, at least 256; memory for them is taken at once, about 1.2 kB a network and CPU.
	MaxNetworks int
	// MaxPairs bounds the pairs of networks whose traffic with each other is told apart. Traffic of
	// further pairs is exact in each network, and without a cell in the matrix. Default: all pairs, at
	// most 6,144.
	MaxPairs int
	// MaxFlows bounds the flows that are tracked at a time. Default 262,144, at most 16,777,214.
	// Memory for them is taken at once: MemoryBytes.
	MaxFlows int
	// Detail and, for DetailSampled, the number of flows of which one is tracked. Default 16.
	Detail     Detail
	SampleRate int
	// PayloadPackets is how many packets with payload of each flow are shown to the detectors of
	// application protocols. Default 10, as in package flows.
	PayloadPackets int
	// RingBytes is the size of the ring for frames and payloads, a power of two and a multiple of the
	// page size. Default 8 MiB.
	RingBytes int
	// IdleTimeout takes a flow without packets out of the kernel, ClosedTimeout one whose TCP
	// connection has ended or was reset; 0 is never. Give those of the flow table.
	IdleTimeout, ClosedTimeout time.Duration
	// Drop makes an XDP program drop each frame that it has counted. For an interface that is nothing
	// but the end of a mirror port.
	Drop bool
	// Filter is a program in classic BPF: frames that it refuses are not counted. For XDP it finds VLAN tags
	// in the bytes, for tc the outermost beside them, as on a packet socket. nil counts all.
	Filter []bpf.RawInstruction
	// Decoder is how frames are decoded. Tunnels cannot be looked into: Decap must be 0.
	Decoder packet.Decoder
	// ClockGiven makes SetClock the only source of time. For frames that are replayed through
	// BPF_PROG_TEST_RUN with the times of a capture.
	ClockGiven bool

	objects func() (*ebpf.CollectionSpec, error) // in place of the hook's, for measurements
}

const (
	defaultMaxFlows       = 1 << 18
	maxMaxFlows           = 1<<24 - 2
	minNetworks           = 256
	maxNetworks           = 1 << 16
	defaultMaxPairs       = 6144
	maxMaxPairs           = 1 << 17
	defaultSampleRate     = 16
	defaultPayloadPackets = 10
	defaultRingBytes      = 8 << 20
)

// DefaultConfig is a Config without networks.
func DefaultConfig() Config { return Config{}.withDefaults() }

func (c Config) withDefaults() Config {
	if c.Generation == 0 {
		c.Generation = 1
	}
	if c.MaxNetworks == 0 {
		c.MaxNetworks = min(max(2*len(c.Networks), minNetworks), maxNetworks)
	}
	if c.MaxPairs == 0 {
		n := c.MaxNetworks
		c.MaxPairs = min(n*(n-1)/2, defaultMaxPairs)
	}
	if c.MaxFlows == 0 {
		c.MaxFlows = defaultMaxFlows
	}
	if c.SampleRate == 0 {
		c.SampleRate = defaultSampleRate
	}
	if c.PayloadPackets == 0 {
		c.PayloadPackets = defaultPayloadPackets
	}
	if c.RingBytes == 0 {
		c.RingBytes = defaultRingBytes
	}
	return c
}

// Validate reports everything that is wrong with c; a zero field stands for its default.
func (c Config) Validate() error {
	c = c.withDefaults()
	var errs []error
	within := func(what string, n, lo, hi int) {
		if n < lo || n > hi {
			errs = append(errs, fmt.Errorf("%s %d: want %d to %d", what, n, lo, hi))
		}
	}
	within("networks", c.MaxNetworks, 1, maxNetworks)
	within("networks in the list", len(c.Networks), 0, c.MaxNetworks)
	within("pairs of networks", c.MaxPairs, 0, maxMaxPairs)
	within("flows", c.MaxFlows, 1, maxMaxFlows)
	within("sample rate", c.SampleRate, 1, 1<<20)
	within("payload packets", c.PayloadPackets, 0, 255)
	within("ring bytes", c.RingBytes, 1<<16, 1<<30)
	if c.RingBytes&(c.RingBytes-1) != 0 {
		errs = append(errs, fmt.Errorf("ring bytes %d: not a power of two", c.RingBytes))
	}
	if c.Detail > DetailOff {
		errs = append(errs, fmt.Errorf("flow detail %d: unknown", c.Detail))
	}
	if c.IdleTimeout < 0 || c.ClosedTimeout < 0 {
		errs = append(errs, errors.New("negative timeout"))
	}
	if c.Drop && c.Hook != HookXDP {
		errs = append(errs, errors.New("only XDP drops what it has counted"))
	}
	if c.Decoder.Decap != 0 {
		errs = append(errs, fmt.Errorf("decapsulation of %v: %w", c.Decoder.Decap, ErrUnsupported))
	}
	return errors.Join(errs...)
}
