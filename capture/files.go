package capture

import (
	"io"
	"io/fs"
	"os"
	"sync"
	"sync/atomic"

	"github.com/netmond/netmond/packet"
)

// maxBlockFrames is the most frames a block holds: as many as the flow table takes together, whose
// look-ups overlap. Half as many made reading a file of 100,000 flows a sixth slower.
const maxBlockFrames = 1024

// Files is a Source over capture files.
type Files struct {
	inputs  []*input
	heap    inputHeap // inputs that may still give frames, the next frame first
	frames  []packet.Frame
	kept    [][]packet.Frame // frames of the blocks before, the oldest first
	keep    int              // blocks whose frames stay valid beside the current one
	block   uint64           // number of the current block; an input pins its buffer while in.gave equals it
	started bool
	total   int64 // bytes on disk; 0 is unknown

	packets, bytes, truncated atomic.Uint64

	mu     sync.Mutex // guards closed and every input's file
	closed bool
}

// OpenFiles makes a Source of paths ("-" is stdin, once). It does not fail and does not wait: the
// first ReadBlock opens the files and reads their headers. A file that cannot be opened or read, at
// its start or later, ends there with an error in Errors, and the others go on. Frames of several
// files come in order of time, equal times in the order of paths; within a file the order stays as
// it is, even where times run backwards.
//
// Formats are pcap (2.x; micro- and nanoseconds, both byte orders, and the modified variant of
// magic 0xa1b2cd34) and pcapng, plain or compressed by gzip or zstd, told by their first bytes. The
// formats are those of draft-ietf-opsawg-pcap and draft-ietf-opsawg-pcapng.
//
// A frame's length is the original length that its record gives. Where the file says that frames
// end with their FCS (the FCS length of a pcap link type field, if_fcslen, epb_flags), the FCS is
// taken off. A record with more bytes than its original length is cut to it. Interface counts the
// interfaces of one file over all its sections, to 65,535 at most. Link types that the decoder does
// not know are handed over as any other, see UnknownLinks.
//
// A pcapng Simple Packet Block has no time: it gets that of the packet before it. At a file's start
// it gets the first time within the next 64 KiB, or else 0.
func OpenFiles(paths []string, stdin io.Reader) *Files {
	f := &Files{frames: make([]packet.Frame, 0, maxBlockFrames)}
	known, stdinUsed := true, false
	for i, path := range paths {
		in := &input{files: f, index: i, path: path}
		if path == "-" {
			in.stdin, in.stdinTwice = stdin, stdinUsed
			stdinUsed = true
		}
		if st, err := os.Stat(path); path != "-" && err == nil && st.Mode().IsRegular() {
			in.regular, in.size = true, st.Size()
			f.total += st.Size()
		} else if path == "-" || err == nil && st.Mode().Type()&(fs.ModeNamedPipe|fs.ModeCharDevice|fs.ModeSocket) != 0 {
			known = false
		}
		f.inputs = append(f.inputs, in)
	}
	if !known {
		f.total = 0
	}
	return f
}

// Keep makes the frames of a block valid until the n-th ReadBlock after it; without it, n is 1. Call it
// before the first ReadBlock.
func (f *Files) Keep(n int) { f.keep = n - 1 }

// ReadBlock gives frames of all files; io.EOF when all have ended. A block ends early where a file
// would have to move the frames it already gave.
func (f *Files) ReadBlock(b *packet.Block) error {
	b.Frames = nil
	f.block++
	if f.isClosed() {
		return ErrClosed
	}
	if !f.started {
		f.started = true
		f.start()
	}
	if f.keep > 0 {
		f.turn()
	}
	dst := f.frames[:0]
	for len(dst) < cap(dst) && len(f.heap) > 0 {
		in, before := f.heap[0], len(dst)
		var st state
		dst, st = in.fill(dst, f.heap.bound())
		if len(dst) > before {
			in.gave, in.stream.lent = f.block, true
		}
		if st == stateDry {
			if in.gave == f.block {
				break // its buffer holds frames of this block; what comes next is not known yet
			}
			in.stream.refill()
			continue
		}
		if st == stateEnded {
			in.finish()
			f.heap.pop()
			continue
		}
		f.heap.fixFirst()
	}
	if f.isClosed() {
		return ErrClosed // also what ended an input: its file was closed under it
	}
	if len(dst) == 0 {
		return io.EOF
	}
	f.count(dst)
	b.Frames = dst
	return nil
}

// turn leaves f.frames to the block that was handed over.
func (f *Files) turn() {
	old := f.frames
	if len(f.kept) < f.keep {
		f.frames = make([]packet.Frame, 0, maxBlockFrames)
	} else {
		f.frames = f.kept[0]
		f.kept = f.kept[:copy(f.kept, f.kept[1:])]
	}
	f.kept = append(f.kept, old)
}

// start opens every input and finds the time of its first frame.
func (f *Files) start() {
	many := len(f.inputs) > maxOpenFiles
	for _, in := range f.inputs {
		if f.isClosed() {
			return
		}
		park, size := many && in.regular, bufferSize
		if park {
			size = minBufferSize
		}
		if in.begin(size) && in.peek() {
			if park {
				in.park()
			}
			f.heap.push(in)
			continue
		}
		in.finish()
	}
}

func (f *Files) count(frames []packet.Frame) {
	var bytes, truncated uint64
	for i := range frames {
		bytes += uint64(frames[i].WireLen)
		if uint32(len(frames[i].Data)) < frames[i].WireLen {
			truncated++
		}
	}
	f.packets.Add(uint64(len(frames)))
	f.bytes.Add(bytes)
	f.truncated.Add(truncated)
}

// Stats counts the frames handed over so far.
func (f *Files) Stats() Stats {
	return Stats{
		Path:      "file",
		Packets:   f.packets.Load(),
		Bytes:     f.bytes.Load(),
		Truncated: f.truncated.Load(),
	}
}

// Errors lists what was wrong, one per file at most, in the order of paths. Valid after io.EOF.
func (f *Files) Errors() []*FileError {
	var errs []*FileError
	for _, in := range f.inputs {
		if in.err != nil {
			errs = append(errs, in.err)
		}
	}
	return errs
}

// An UnknownLink is a link type that the decoder does not know, in the file that holds frames of it.
type UnknownLink struct {
	File string
	Link packet.LinkType
}

// UnknownLinks lists, in the order of paths and then rising, the link types of frames handed over
// that the decoder does not know; it counts those frames as undecoded. Valid after io.EOF.
func (f *Files) UnknownLinks() []UnknownLink {
	var links []UnknownLink
	for _, in := range f.inputs {
		for _, l := range in.unknown.sorted() {
			links = append(links, UnknownLink{in.name(), l})
		}
	}
	return links
}

// Progress is the bytes read so far of the files on disk and their total size (compressed where
// they are); total 0 is unknown (standard input). It may be called from any goroutine.
func (f *Files) Progress() (read, total int64) {
	for _, in := range f.inputs {
		read += in.read.Load()
	}
	return read, f.total
}

// Close closes the files; a ReadBlock that waits for standard input still waits. It may be called
// twice and from any goroutine.
func (f *Files) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	for _, in := range f.inputs {
		if in.file != nil {
			in.file.Close() // opened to read: nothing to lose
			in.file = nil
		}
	}
	return nil
}

func (f *Files) isClosed() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.closed
}
