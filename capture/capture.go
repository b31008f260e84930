package capture

import (
	"fmt"
	"time"

	"github.com/netmond/netmond/packet"
)

// A Source gives blocks of frames. ReadBlock replaces b.Frames and makes the frames of the call
// before invalid; it may give none (a live source whose poll timeout passed). Errors: io.EOF when a
// file source is done, ErrClosed after Close; any other is final. One goroutine at a time; Close and
// Stats may come from another.
type Source interface {
	ReadBlock(b *packet.Block) error
	Stats() Stats
	Close() error
}

// Stats are a live source's counters; all are cumulative over reopened sockets and never fall.
type Stats struct {
	Interface     string
	Path          string // "afpacket", "xdp", "xdp-generic" or "tc"; or "file" with only Packets, Bytes and Truncated set
	Reason        string // why Path, for people; may be empty
	Packets       uint64 // frames handed over
	Bytes         uint64 // their wire bytes
	KernelPackets uint64 // tp_packets: frames that passed the socket filter, dropped ones included
	KernelDrops   uint64 // tp_drops: frames that found the ring full
	RingFreezes   uint64 // tp_freeze_q_cnt
	Losing        uint64 // blocks marked TP_STATUS_LOSING
	Truncated     uint64 // frames captured shorter than on the wire
	Filtered      uint64 // frames of files that a filter refused, in no other count; the kernel counts none
	FilteredBytes uint64 // their wire bytes
	// NICDrops are the frames that the interface lost before any socket saw them, since the capture
	// began: those that its driver counts in rx_missed_errors, rx_fifo_errors or rx_over_errors (the
	// largest of the three, which overlap) or under names of its own (ethtool -S), whichever are more,
	// and in rx_dropped, but for captured frames with VLAN tags that the kernel counts there. The
	// driver's own are up to 5 s old until Stop.
	NICDrops  uint64
	Up        bool
	Awaited   bool   // the interface has not existed since the capture began (LiveConfig.Await)
	Downs     uint64 // times the interface went down or vanished
	Reopens   uint64 // times an interface made again was followed
	LastPoll  int64  // time of day at which the slowest worker last looked for frames, ns since the Unix epoch
	RingBytes uint64
	// Workers are the parts of the sockets that share the interface, in order.
	Workers []WorkerStats
}

// WorkerStats are the part of one socket and its reader in Stats.
type WorkerStats struct {
	Packets       uint64
	KernelPackets uint64
	KernelDrops   uint64
	// PollAge is how long ago the reader last looked for frames, by a clock that does not see the
	// time being set. More than a second is a reader that does not read.
	PollAge time.Duration
}

// A FileError says where a capture file stopped making sense.
type FileError struct {
	File   string
	Offset int64 // byte offset in the file, after decompression, of the record or block at fault
	Err    error
}

func (e *FileError) Error() string {
	if e.Offset == 0 { // the file as a whole
		return fmt.Sprintf("%s: %v", e.File, e.Err)
	}
	return fmt.Sprintf("%s: at byte %d: %v", e.File, e.Offset, e.Err)
}

func (e *FileError) Unwrap() error { return e.Err }
