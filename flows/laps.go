package flows

import (
	"fmt"
	"time"

	"github.com/netmond/netmond/packet"
)

// A Stage is a step of Process.
type Stage uint8

// The stages, in their order.
const (
	StageDecode Stage = iota // headers to keys, and the capture counters
	StageHash
	StageSort   // by shard
	StageProbe  // look-up in the index
	StageWarm   // loading what update needs into the cache
	StageUpdate // counting in the flow, new flows, TCP health, application protocol
	StageFold   // handing counts over to the networks

	NumStages
)

var stageNames = [NumStages]string{"decode", "hash", "sort", "probe", "warm", "update", "fold"}

// String is the stage's name.
func (s Stage) String() string {
	if s >= NumStages {
		return fmt.Sprintf("stage %d", uint8(s))
	}
	return stageNames[s]
}

// Laps sum up what the stages took. Reading the clock is in them: three times a shard and batch, about
// 2 ns a packet.
type Laps struct {
	Packets uint64
	Time    [NumStages]time.Duration
}

// ProcessTimed is Process, with the time that each stage took added to laps, which is the caller's.
func (w *Worker) ProcessTimed(b *packet.Block, laps *Laps) {
	w.laps, w.lapBegan = laps, time.Now()
	w.Process(b)
	w.laps = nil
	laps.Packets += uint64(len(b.Frames))
}

// lap ends a stage when somebody wants to know.
func (w *Worker) lap(s Stage) {
	if w.laps == nil {
		return
	}
	now := time.Now()
	w.laps.Time[s] += now.Sub(w.lapBegan)
	w.lapBegan = now
}
