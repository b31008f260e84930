package main

import (
	"github.com/netmond/netmond/flows"
	"github.com/netmond/netmond/packet"
	"github.com/netmond/netmond/report"
)

// A stepper is a Source that cuts the blocks of another where a recorder's steps end, and takes a snapshot for
// it there, when all frames before are counted.
type stepper struct {
	src      flows.Source
	recorder *report.Recorder
	snapshot func() *flows.Snapshot

	block packet.Block // of src
	rest  []packet.Frame
	due   bool // the step ends before rest, and what is before is counted
}

// newStepper puts a recorder behind src, which stays a flows.Keeper if it is one.
func newStepper(src flows.Source, recorder *report.Recorder, snapshot func() *flows.Snapshot) flows.Source {
	s := &stepper{src: src, recorder: recorder, snapshot: snapshot}
	if k, ok := src.(flows.Keeper); ok {
		return &keepingStepper{s, k}
	}
	return s
}

// ReadBlock implements flows.Source. Before a step ends it gives an empty block, upon which a Replay counts
// what is under way.
func (s *stepper) ReadBlock(b *packet.Block) error {
	b.Frames = nil
	if s.due {
		s.recorder.Sample(s.snapshot(), s.rest[0].Time)
		s.due = false
	}
	if len(s.rest) == 0 {
		if err := s.src.ReadBlock(&s.block); err != nil {
			return err
		}
		s.rest = s.block.Frames
	}
	n := 0
	for n < len(s.rest) && !s.recorder.Due(s.rest[n].Time) {
		n++
	}
	b.Frames, s.rest = s.rest[:n:n], s.rest[n:]
	s.due = n == 0 && len(s.rest) > 0
	return nil
}

// A keepingStepper has the frames of its blocks kept: those that it cuts a block into last as long as the
// block, for each of them counts as one.
type keepingStepper struct {
	*stepper
	keeper flows.Keeper
}

// Keep implements flows.Keeper.
func (s *keepingStepper) Keep(blocks int) { s.keeper.Keep(blocks) }
