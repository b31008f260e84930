package capture

import (
	"fmt"
	"sync/atomic"

	"github.com/netmond/netmond/capture/filter"
	"github.com/netmond/netmond/packet"
)

// Filtered is a Source that hands over those frames of another that a filter matches, and counts the
// rest. It is for capture files: a live source has its filter in the kernel (LiveConfig.Filter).
type Filtered struct {
	src      Source
	filter   *filter.Filter
	link     packet.LinkType // of program
	program  *filter.Program // nil before the first frame
	programs map[packet.LinkType]*filter.Program

	packets, bytes, truncated, refused, refusedBytes atomic.Uint64
}

// NewFiltered puts f behind src, which it owns from here on.
func NewFiltered(src Source, f *filter.Filter) *Filtered {
	return &Filtered{src: src, filter: f, programs: map[packet.LinkType]*filter.Program{}}
}

// ReadBlock gives the frames of the next block of the source that match, at least one. A frame of a
// link type that the filter cannot be compiled for ends the source with that error; of one that no
// frame can match the frames are counted as filtered.
func (f *Filtered) ReadBlock(b *packet.Block) error {
	for {
		if err := f.src.ReadBlock(b); err != nil {
			return err
		}
		kept, err := f.keep(b.Frames)
		if err != nil {
			b.Frames = nil
			return err
		}
		if b.Frames = kept; len(kept) > 0 {
			return nil
		}
	}
}

// keep moves the frames that match to the front.
func (f *Filtered) keep(frames []packet.Frame) ([]packet.Frame, error) {
	kept := 0
	var bytes, truncated, refusedBytes uint64
	for i := range frames {
		frame := &frames[i]
		if f.program == nil || frame.Link != f.link {
			if err := f.use(frame.Link); err != nil {
				return nil, err
			}
		}
		if !f.program.Match(frame) {
			refusedBytes += uint64(frame.WireLen)
			continue
		}
		bytes += uint64(frame.WireLen)
		if uint32(len(frame.Data)) < frame.WireLen {
			truncated++
		}
		if kept != i {
			frames[kept] = *frame
		}
		kept++
	}
	f.packets.Add(uint64(kept))
	f.bytes.Add(bytes)
	f.truncated.Add(truncated)
	f.refused.Add(uint64(len(frames) - kept))
	f.refusedBytes.Add(refusedBytes)
	return frames[:kept], nil
}

// use makes the program for link the one in use.
func (f *Filtered) use(link packet.LinkType) error {
	p, ok := f.programs[link]
	if !ok {
		var err error
		p, err = f.filter.Program(filter.Target{Link: link})
		switch {
		case filter.MatchesNothing(err):
			p = filter.Refuse()
		case err != nil:
			return fmt.Errorf("frames of link type %v: %w", link, err)
		}
		f.programs[link] = p
	}
	f.link, f.program = link, p
	return nil
}

// Stats are the source's, with the frames that match as those handed over.
func (f *Filtered) Stats() Stats {
	s := f.src.Stats()
	s.Packets, s.Bytes, s.Truncated = f.packets.Load(), f.bytes.Load(), f.truncated.Load()
	s.Filtered, s.FilteredBytes = f.refused.Load(), f.refusedBytes.Load()
	return s
}

// Close closes the source.
func (f *Filtered) Close() error { return f.src.Close() }
