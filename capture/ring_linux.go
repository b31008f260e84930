package capture

import (
	"encoding/binary"
	"fmt"
	"slices"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/netmond/netmond/packet"
)

// Layout of a block and of a frame in it, for TPACKET_V3 (include/uapi/linux/if_packet.h, packet_mmap
// in the kernel's documentation). Integers are in host order.
const (
	blkStatus = 8  // tpacket_hdr_v1.block_status, u32
	blkFrames = 12 // num_pkts, u32
	blkFirst  = 16 // offset_to_first_pkt, u32
	blkHdrLen = 48 // sizeof(struct tpacket_block_desc)

	frmNext   = 0                          // tpacket3_hdr.tp_next_offset, u32, from this frame's start
	frmSec    = 4                          // u32
	frmNsec   = 8                          // u32
	frmSnap   = 12                         // bytes in the ring, u32
	frmLen    = 16                         // bytes on the wire, u32
	frmStatus = 20                         // u32
	frmMac    = 24                         // where the link-layer header is, u16, from this frame's start
	frmTCI    = 32                         // u32
	frmTPID   = 36                         // u16
	frmHatype = unix.SizeofTpacket3Hdr + 8 // sockaddr_ll.sll_hatype, u16
	frmHdrLen = unix.SizeofTpacket3Hdr + unix.SizeofSockaddrLinklayer
)

const (
	vlanTagLen = 4
	tpidCVLAN  = 0x8100 // 802.1Q, and what the kernel means where it gives no TPID
)

// A tally sums the frames of one block.
type tally struct {
	bytes     uint64 // on the wire
	truncated uint64 // frames that the ring holds less of than was on the wire
}

// partLen is the most frames that parse gives at a time. What they need in memory, 256 bytes of a block each
// for small ones, stays in a core's own cache until they are decoded and counted; a whole block of 1 MiB does not.
const partLen = 1024

// framesAhead is how far ahead the headers of a frame are asked for, on the guess that frames are of one length.
// Where each lies is known from the one before it alone, so that without a guess each waits for memory that
// another core has written: 10 of 86 ns a packet with frames of 128 bytes.
const framesAhead = 16

// A blockParser turns blocks into frames, part by part. It remembers the last hardware type and its link type:
// an interface made again under its old name may be of another type, and frames of both may be in one block.
type blockParser struct {
	block []byte
	n     uint32 // frames of block
	done  uint32 // those of them that parse has given
	off   uint64 // where the next one lies

	hatype uint16
	link   packet.LinkType
}

// begin makes block the one that parse reads.
func (p *blockParser) begin(block []byte) error {
	p.block, p.n, p.done = block, 0, 0
	if len(block) < blkHdrLen {
		return fmt.Errorf("ring block of %d bytes has no header", len(block))
	}
	p.n, p.off = binary.NativeEndian.Uint32(block[blkFrames:]), uint64(binary.NativeEndian.Uint32(block[blkFirst:]))
	return nil
}

// more reports whether parse would give frames of the block.
func (p *blockParser) more() bool { return p.done < p.n }

// parse appends the next frames of the block to frames, partLen at most. Data is a part of the block. The
// kernel wrote the block, yet no offset in it is trusted: at one that leaves the block or does not move on, parse
// gives the frames before it and an error, and the block is at its end.
func (p *blockParser) parse(frames []packet.Frame) ([]packet.Frame, tally, error) {
	var sum tally
	ne := binary.NativeEndian
	block, off, size := p.block, p.off, uint64(len(p.block))
	last := min(p.n, p.done+partLen)
	bad := func(format string, args ...any) error {
		args = append([]any{size, p.done + 1, p.n}, args...)
		p.n = p.done
		return fmt.Errorf("ring block of %d bytes: frame %d of %d "+format, args...)
	}
	frames = slices.Grow(frames, min(int(last-p.done), len(block)/frmHdrLen))
	for ; p.done < last; p.done++ {
		if off < blkHdrLen || off+frmHdrLen > size {
			return frames, sum, bad("at offset %d", off)
		}
		h := block[off : off+frmHdrLen]
		start := off + uint64(ne.Uint16(h[frmMac:]))
		end := start + uint64(ne.Uint32(h[frmSnap:]))
		if end > size {
			return frames, sum, bad("ends at offset %d", end)
		}
		if hatype := ne.Uint16(h[frmHatype:]); hatype != p.hatype {
			p.hatype = hatype
			p.link, _ = linkOf(hatype)
		}
		wire := ne.Uint32(h[frmLen:])
		if uint64(wire) > end-start {
			sum.truncated++
		}
		// Field by field in place: a composite literal is built elsewhere and copied by wider loads, which
		// wait for its stores.
		frames = append(frames, packet.Frame{})
		frame := &frames[len(frames)-1]
		frame.Data = block[start:end:end]
		frame.Time = int64(ne.Uint32(h[frmSec:]))*1e9 + int64(ne.Uint32(h[frmNsec:]))
		frame.WireLen = wire
		frame.Link = p.link
		if status := ne.Uint32(h[frmStatus:]); status&unix.TP_STATUS_VLAN_VALID != 0 {
			frame.WireLen += vlanTagLen
			frame.VLANTCI = uint16(ne.Uint32(h[frmTCI:]))
			frame.VLANTPID = tpidCVLAN
			if tpid := ne.Uint16(h[frmTPID:]); status&unix.TP_STATUS_VLAN_TPID_VALID != 0 && tpid != 0 {
				frame.VLANTPID = tpid
			}
		}
		sum.bytes += uint64(frame.WireLen)

		next := uint64(ne.Uint32(h[frmNext:])) // 0 in the last frame
		if next < frmHdrLen && p.done+1 < p.n {
			p.done++
			return frames, sum, bad("follows after %d bytes", next)
		}
		if guess := off + next*framesAhead; guess < size {
			prefetch(unsafe.Pointer(&block[guess]))
		}
		off += next
	}
	p.off = off
	return frames, sum, nil
}

// A ring is one packet socket and the memory it shares with the kernel.
type ring struct {
	fd       int
	index    int  // of the interface that its frames come from; 0 for none, or for one that has changed
	joined   bool // in a fanout group, for good: the kernel lets it neither out nor be bound again
	floating bool // to be bound to all interfaces: the filter takes the frames of one

	mem    []byte // blocks, one after the other; nil when there was no memory for them
	block  int    // bytes of one
	next   int    // index of the block that is read next
	lent   bool   // block next is with the reader, not the kernel
	parser blockParser
}

// status is where the kernel and the reader pass block i to each other.
func (r *ring) status(i int) *uint32 {
	return (*uint32)(unsafe.Pointer(&r.mem[i*r.block+blkStatus]))
}

// ready reports whether take would lend a block.
func (r *ring) ready() bool {
	return r.mem != nil && atomic.LoadUint32(r.status(r.next))&unix.TP_STATUS_USER != 0
}

// take lends the next block, if the kernel has handed it over, and its status; else nil. The load is
// what makes the kernel's writes to the block visible.
func (r *ring) take() ([]byte, uint32) {
	if r.mem == nil {
		return nil, 0
	}
	status := atomic.LoadUint32(r.status(r.next))
	if status&unix.TP_STATUS_USER == 0 {
		return nil, 0
	}
	r.lent = true
	return r.mem[r.next*r.block:][:r.block:r.block], status
}

// giveBack returns the block that take lent, if any. Its frames must not be read from here on.
func (r *ring) giveBack() {
	if !r.lent {
		return
	}
	atomic.StoreUint32(r.status(r.next), unix.TP_STATUS_KERNEL)
	r.lent = false
	r.next++
	if r.next*r.block == len(r.mem) {
		r.next = 0
	}
}
