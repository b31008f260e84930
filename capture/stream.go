package capture

import (
	"errors"
	"fmt"
	"io"
)

const (
	// bufferSize is the window through which a file is read, sized to stay in a second-level cache with
	// the frames in it; minBufferSize is that of a small file.
	bufferSize    = 512 << 10
	minBufferSize = 64 << 10
	// maxRecord is the longest captured frame that is read. libpcap's own limit is 262,144 bytes;
	// what a file claims costs nothing here, for the buffer grows only as the bytes arrive.
	maxRecord = 16 << 20
	// maxBlock is the longest pcapng block that is looked into: a frame and its options.
	maxBlock = maxRecord + 64<<10
)

// state says why a fill stopped.
type state uint8

const (
	stateFull  state = iota // dst has no room; a frame is ready
	stateLater              // the frame that is ready lies after the bound
	stateDry                // stream.refill must be called first, which makes the frames given invalid
	stateEnded              // no more frames; stream.fault says whether that is as it should be
)

// A stream is a window on a file's bytes after decompression. Frames point into buf until refill.
type stream struct {
	src  io.Reader
	buf  []byte
	r, w int   // buf[r:w] are the bytes read and not consumed
	base int64 // offset of buf[0] in the file
	want int   // bytes from r on that the next refill has to bring, if the file has them
	err  error // why src gives no more bytes: io.EOF, or a fault

	// kept are the windows before buf, the oldest first, whose frames are still in use: refill goes
	// over to a new one while there are fewer than keep, then back to the oldest.
	kept [][]byte
	keep int
	lent bool // frames of buf were handed over

	fault   error // why the input ended before its time; nil at a clean end
	faultAt int64 // offset of the record or block at fault
}

// offset is the place of the next byte in the file.
func (s *stream) offset() int64 { return s.base + int64(s.r) }

// short says that n bytes are needed and fewer are there. It reports whether the file has no more;
// where it may have, the next refill brings them.
func (s *stream) short(n int) (ended bool) {
	s.want = n
	return s.err != nil
}

// turn leaves buf to the frames that were handed over, and goes on in another window.
func (s *stream) turn() {
	s.lent = false
	old := s.buf
	if len(s.kept) < s.keep {
		s.buf = make([]byte, len(old))
	} else {
		s.buf = s.kept[0]
		s.kept = s.kept[:copy(s.kept, s.kept[1:])]
	}
	s.kept = append(s.kept, old)
	if len(s.buf) < len(old) { // it grew since: blocks must end where they do in one window
		s.buf = make([]byte, len(old))
	}
	s.base += int64(s.r)
	s.w = copy(s.buf, old[s.r:s.w])
	s.r = 0
}

// refill moves the unread bytes to the front and reads until want bytes are there or the file ends.
func (s *stream) refill() {
	if s.lent && s.keep > 0 {
		s.turn()
	}
	if s.r > 0 {
		s.base += int64(s.r)
		s.w = copy(s.buf, s.buf[s.r:s.w])
		s.r = 0
	}
	for idle := 0; s.w < s.want && s.err == nil; {
		if s.w == len(s.buf) {
			grown := make([]byte, min(2*len(s.buf), max(s.want, minBufferSize)))
			copy(grown, s.buf)
			s.buf = grown
		}
		n, err := s.src.Read(s.buf[s.w:])
		s.w += n
		if idle++; n > 0 {
			idle = 0
		}
		switch {
		case err != nil:
			s.err = err
		case idle == 100:
			s.err = io.ErrNoProgress
		}
	}
}

// fail ends the input at a fault of the record or block at offset at.
func (s *stream) fail(at int64, format string, args ...any) state {
	s.fault, s.faultAt = fmt.Errorf(format, args...), at
	return stateEnded
}

// cut ends the input inside a record or block that began at offset at. A file that simply ends
// there is described by format; a read error or damaged compression says more and comes instead.
func (s *stream) cut(at int64, format string, args ...any) state {
	if !errors.Is(s.err, io.EOF) {
		s.fault, s.faultAt = s.err, at
		return stateEnded
	}
	return s.fail(at, format, args...)
}

// end ends the input where a record or block may end: cleanly if the file does.
func (s *stream) end() state {
	if !errors.Is(s.err, io.EOF) {
		s.fault, s.faultAt = s.err, s.offset()
	}
	return stateEnded
}
