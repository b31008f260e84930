package flows

import (
	"context"

	"github.com/netmond/netmond/packet"
)

// A Source gives blocks of frames. ReadBlock replaces b.Frames; io.EOF ends the stream.
type Source interface {
	ReadBlock(b *packet.Block) error
}

// Replay reads src to its end through one worker on the source's own clock: before the first frame
// whose time lies at or after the next whole second of the largest time seen so far, Tick is called
// with that second (one call for a gap of any length: the last whole second not after the frame),
// then onTick with the same time, if not nil. An error of onTick or ctx ends the replay. Frames
// whose time runs backwards never move the clock; a first frame sets it.
func (t *Table) Replay(ctx context.Context, src Source, onTick func(now int64) error) error {
	return nil
}
