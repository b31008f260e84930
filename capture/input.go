package capture

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"sync/atomic"

	"github.com/netmond/netmond/packet"
)

// maxOpenFiles is up to how many files all stay open. Of more, each is closed again once the time
// of its first frame is known, until its turn comes: the thousand files of a rotated capture need
// one buffer at a time.
const maxOpenFiles = 64

// rawBufferSize is the buffer below a decompressor.
const rawBufferSize = 64 << 10

// An input is one file of a Files.
type input struct {
	files      *Files
	index      int // place in paths
	path       string
	stdin      io.Reader // for path "-"
	stdinTwice bool
	regular    bool
	size       int64        // of a regular file
	read       atomic.Int64 // bytes taken from the file, before decompression

	file   *os.File // guarded by files.mu; nil for stdin and when not open
	stream stream
	ng     *pcapng // the format: one of both
	pcap   *pcap
	parked bool

	next    int64  // time of the frame that is ready, set by fill
	gave    uint64 // last block that holds frames of this input
	unknown linkSet
	err     *FileError
}

// fill appends frames to dst, up to its capacity, until a frame lies after bound. Where it returns
// stateFull or stateLater, in.next is set.
func (in *input) fill(dst []packet.Frame, bound int64) ([]packet.Frame, state) {
	if in.parked && !in.unpark() {
		return dst, stateEnded
	}
	if in.ng != nil {
		return in.ng.fill(in, dst, bound)
	}
	before := len(dst)
	dst, st := in.pcap.fill(in, dst, bound)
	if len(dst) > before && !in.pcap.given {
		in.pcap.given = true
		in.unknown.note(in.pcap.link)
	}
	return dst, st
}

// peek finds the first frame; false when there is none.
func (in *input) peek() bool {
	for {
		switch _, st := in.fill(nil, math.MinInt64); st {
		case stateDry:
			in.stream.refill()
		case stateEnded:
			return false
		default:
			return true
		}
	}
}

// begin opens the file and reads its header, through a window of at most size bytes. False, with
// stream.fault set, when it cannot.
func (in *input) begin(size int) bool {
	r, err := in.open()
	if err != nil {
		in.stream.fail(0, "%w", plain(err))
		return false
	}
	src, err := decompressed(bufio.NewReaderSize(r, rawBufferSize))
	if err != nil {
		in.stream.fail(0, "%w", plain(err))
		return false
	}
	if _, packed := src.(*decompressor); in.regular && !packed {
		size = int(min(max(in.size+1, minBufferSize), int64(size)))
	}
	in.stream = stream{src: src, buf: make([]byte, size), keep: in.files.keep}
	return in.header()
}

// open gives the bytes of the file as they are on disk.
func (in *input) open() (io.Reader, error) {
	if in.path == "-" {
		switch {
		case in.stdinTwice:
			return nil, errors.New("standard input is named twice")
		case in.stdin == nil:
			return nil, errors.New("no standard input")
		}
		return &counter{in.stdin, &in.read}, nil
	}
	file, err := os.Open(in.path)
	if err != nil {
		return nil, err
	}
	if st, err := file.Stat(); err != nil || st.IsDir() {
		file.Close()
		if err == nil {
			err = errors.New("is a directory")
		}
		return nil, err
	}
	in.files.mu.Lock()
	defer in.files.mu.Unlock()
	if in.files.closed {
		file.Close()
		return nil, ErrClosed
	}
	in.file = file
	return &counter{file, &in.read}, nil
}

// header tells the format by the first bytes and reads a pcap header.
func (in *input) header() bool {
	s := &in.stream
	s.want = 4
	s.refill()
	if s.w == 0 && errors.Is(s.err, io.EOF) {
		s.fail(0, "empty file: no capture header")
		return false
	}
	if s.w < 4 {
		s.cut(0, "file header is cut: the file ends after %d bytes", s.w)
		return false
	}
	magic := s.buf[:4]
	if binary.BigEndian.Uint32(magic) == blockSection {
		in.ng = &pcapng{}
		return true
	}
	if p := newPcap(magic); p != nil {
		in.pcap = p
		return p.header(s)
	}
	if kind := compression(magic); kind != "" {
		s.fail(0, "%s data inside compressed data: compressed more than once", kind)
		return false
	}
	s.fail(0, "not a pcap or pcapng file: it begins with %s", seen(magic))
	return false
}

// finish closes the file and keeps what was wrong.
func (in *input) finish() {
	s := &in.stream
	if s.fault != nil && !errors.Is(s.fault, ErrClosed) {
		in.err = &FileError{File: in.name(), Offset: s.faultAt, Err: plain(s.fault)}
	}
	in.release()
	if in.regular {
		in.read.Store(in.size) // a file given up is done with too
	}
}

// release closes the file and lets its buffer go.
func (in *input) release() {
	in.files.mu.Lock()
	defer in.files.mu.Unlock()
	if in.file != nil {
		in.file.Close() // opened to read: nothing to lose
		in.file = nil
	}
	in.stream, in.ng, in.pcap = stream{}, nil, nil
}

// park closes the file until its first frame is due.
func (in *input) park() {
	in.release()
	in.read.Store(0)
	in.parked = true
}

func (in *input) unpark() bool {
	in.parked = false
	return in.begin(bufferSize)
}

func (in *input) name() string {
	if in.path == "-" {
		return "standard input"
	}
	return in.path
}

// plain drops the path from an error of package os, for a FileError names the file already.
func plain(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		if path.Op == "open" {
			return path.Err
		}
		return fmt.Errorf("%s: %w", path.Op, path.Err)
	}
	return err
}

// foreign are first bytes of files that people take for captures.
var foreign = []struct{ magic, what string }{
	{"BZh", "bzip2, decompress it first"},
	{"\xfd7zX", "xz, decompress it first"},
	{"\x04\x22\x4d\x18", "lz4, decompress it first"},
	{"PK\x03\x04", "a zip archive"},
	{"snoo", "snoop, which editcap converts"},
	{"XCP\x00", "Sniffer, which editcap converts"},
	{"TRSN", "Sniffer, which editcap converts"},
	{"\x12\xcb\xe2\xa1", "netsniff-ng's own pcap variant, which editcap converts"},
	{"\xa1\xe2\xcb\x12", "netsniff-ng's own pcap variant, which editcap converts"},
}

// seen describes a file's first bytes.
func seen(b []byte) string {
	for _, f := range foreign {
		if len(b) >= len(f.magic) && string(b[:len(f.magic)]) == f.magic {
			return fmt.Sprintf("% x (%s)", b, f.what)
		}
	}
	for _, c := range b {
		if (c < ' ' || c > '~') && c != '\n' && c != '\r' && c != '\t' {
			return fmt.Sprintf("% x", b)
		}
	}
	return fmt.Sprintf("the text %q", b)
}

// A counter counts what is read through it.
type counter struct {
	r io.Reader
	n *atomic.Int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n.Add(int64(n))
	return n, err
}
