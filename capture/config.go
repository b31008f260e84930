package capture

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/netmond/netmond/capture/filter"
)

// LiveConfig says what a Live captures and how much memory the kernel may hold frames in.
type LiveConfig struct {
	// Interface is the name of the one interface to capture from. "any" is refused: a packet that
	// crosses two interfaces of a host would count twice.
	Interface string
	// Workers is the number of sockets that share the interface's frames by PACKET_FANOUT, each with
	// a ring and a Reader of its own; 1 to 64. Default 1, which 0 stands for too: one socket takes
	// them all. The kernel chooses by a hash that is the same for both directions of a flow, and takes
	// the next socket with room where the ring of that one is nearly full.
	Workers int
	// RingBytes is the size of all rings that the kernel writes frames to, locked memory outside
	// Go's heap; each worker has an equal part, of two blocks at least, in whole blocks. A multiple of
	// BlockBytes, or of MinBlockBytes by default. Default 64 MiB, which 0 stands for too; it holds 50 ms of a
	// full 10 Gbit/s link. Where the kernel has less, OpenLive halves a part (down to 2 MiB) and warns.
	RingBytes int
	// BlockBytes is the size of one block, the unit in which frames are handed over; a power of
	// two from the page size to 16 MiB. A frame that does not fit is cut, its wire length kept. Default 0
	// stands for an eighth of a worker's part of the ring, but MinBlockBytes to 8 MiB. The larger a block, the
	// fewer wake-ups at high rates, after each of which the caches are cold.
	BlockBytes int
	// RetireTimeout is how long the kernel holds back a block that is not full: a frame is seen at
	// most twice this after its arrival. 1 ms to 1 s. Default 40 ms, which 0 stands for too.
	RetireTimeout time.Duration
	// Snaplen is how many bytes of a frame the kernel copies to the ring; the wire length is kept, so
	// byte counts do not change. 0 is all, else 64 at least. Default 0. Of frames of 1,514 bytes a
	// core took 1.5 times as many with 96, which hides most of the payload from protocol detection.
	Snaplen int
	// Filter leaves frames out in the kernel, before they are copied; it is attached before the socket
	// is bound, so that no frame passes by it. What it leaves out is in no count, for the kernel keeps
	// none. nil is no filter.
	Filter *filter.Filter
	// Promiscuous asks the interface for frames addressed to other hosts, as a mirror port needs. It
	// is bound to the socket: the kernel ends it with the process. No effect on loopback. Default true.
	Promiscuous bool
	// IgnoreOutgoing leaves out the frames that this host sends; Linux 4.20. Default false: both
	// directions. On loopback, where each packet is sent and received, it is always on, so that each
	// counts once.
	IgnoreOutgoing bool
	// Await is to open the capture of an interface that does not exist yet, and to take its frames from when
	// it does. Default false: it is an error.
	Await bool
	// Standby opens the sockets and watches the interface, and takes no frame until Resume: for a capture
	// that stands in for another. It needs Workers 1.
	Standby bool

	// fanout overrides how the kernel shares out frames, for tests; 0 is by hash, with rollover.
	fanout int
}

const (
	defaultRingBytes     = 64 << 20
	defaultRetireTimeout = 40 * time.Millisecond

	largeBlockBytes = 8 << 20 // the largest by default
	blocksOfRing    = 8       // as many by default, or more

	minRingBytes  = 2 << 20 // what halving stops at
	maxBlockBytes = 16 << 20
	maxBlocks     = 1 << 19 // the kernel's list of blocks is one allocation, 4 MiB at most
	minSnaplen    = 64      // Ethernet, two VLAN tags, IPv6, TCP or UDP ports
	maxNameLen    = 15      // IFNAMSIZ-1

	// MinBlockBytes is the smallest block by default. It holds the largest segments (512 KiB) that Linux makes.
	MinBlockBytes = 1 << 20

	// MaxWorkers bounds LiveConfig.Workers. The kernel's bound is 256 sockets a group.
	MaxWorkers = 64
)

// DefaultLiveConfig is the LiveConfig that stands when nothing but the interface is asked for.
func DefaultLiveConfig() LiveConfig {
	return LiveConfig{
		Workers:       1,
		RingBytes:     defaultRingBytes,
		RetireTimeout: defaultRetireTimeout,
		Promiscuous:   true,
	}
}

// withDefaults is c with each zero that stands for a default replaced by it.
func (c LiveConfig) withDefaults() LiveConfig {
	if c.Workers == 0 {
		c.Workers = 1
	}
	if c.RingBytes == 0 {
		c.RingBytes = defaultRingBytes
	}
	if c.RetireTimeout == 0 {
		c.RetireTimeout = defaultRetireTimeout
	}
	return c
}

// blockBytes is the size of the blocks of a ring of size bytes.
func (c *LiveConfig) blockBytes(size int) int {
	if c.BlockBytes != 0 {
		return c.BlockBytes
	}
	block := MinBlockBytes
	for block < largeBlockBytes && 2*block*blocksOfRing <= size {
		block *= 2
	}
	return block
}

// Validate reports all faults of c at once.
func (c *LiveConfig) Validate() error {
	v := c.withDefaults()
	var errs []error
	fault := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }

	switch {
	case v.Interface == "":
		fault("capture interface: none is named")
	case v.Interface == "any":
		fault(`capture interface: "any" is not supported, a packet that crosses two interfaces would count twice; name one interface`)
	case len(v.Interface) > maxNameLen:
		fault("capture interface: %q is longer than the %d bytes of an interface name", v.Interface, maxNameLen)
	case strings.ContainsAny(v.Interface, "\x00/ \t\n"):
		fault("capture interface: %q is not an interface name", v.Interface)
	}

	page, block := os.Getpagesize(), cmp.Or(v.BlockBytes, MinBlockBytes)
	if block < page || block > maxBlockBytes || block&(block-1) != 0 {
		fault("capture block: %d bytes is not a power of two in %d..%d", block, page, maxBlockBytes)
	} else if n := v.RingBytes / block; n < 2 || n > maxBlocks || v.RingBytes%block != 0 {
		fault("capture ring: %d bytes is not a multiple of the block's %d bytes in 2..%d blocks", v.RingBytes, block, maxBlocks)
	}
	if v.Workers < 1 || v.Workers > MaxWorkers {
		fault("capture workers: %d is not in 1..%d", v.Workers, MaxWorkers)
	} else if least := 2 * block * v.Workers; v.Workers > 1 && v.RingBytes < least {
		fault("capture ring: %d bytes are not the %d that %d workers need at least, two blocks each", v.RingBytes, least, v.Workers)
	}
	if v.RetireTimeout < time.Millisecond || v.RetireTimeout > time.Second {
		fault("capture retire timeout: %v is not in 1ms..1s", v.RetireTimeout)
	}
	if v.Standby && v.Workers > 1 {
		fault("capture in standby: %d workers, one is possible", v.Workers)
	}
	if v.Snaplen != 0 && (v.Snaplen < minSnaplen || v.Snaplen > maxBlockBytes) {
		fault("capture snap length: %d is neither 0 (whole frames) nor in %d..%d", v.Snaplen, minSnaplen, maxBlockBytes)
	}
	return errors.Join(errs...)
}
