package flows

import (
	"github.com/netmond/netmond/localnets"
	"github.com/netmond/netmond/packet"
)

// A Table is the flow table with its workers.
type Table struct{}

// New makes a Table that folds into nets.
func New(cfg Config, nets *localnets.Registry) (*Table, error) { return &Table{}, nil }

// NewWorker adds a worker. Each belongs to one goroutine.
func (t *Table) NewWorker() *Worker { return &Worker{} }

// A Worker owns its batch and its capture counters.
type Worker struct{}

// Process counts all frames of b and keeps none of their bytes. Any number of workers may Process
// at once.
func (w *Worker) Process(b *packet.Block) {}

// Tick folds, ends flows that are due at now, and passes now on to the networks' clock. Call it
// about once a second: with capture time for files, with the time of day of the capture live.
func (t *Table) Tick(now int64) {}

// Snapshot folds and copies everything, with all workers between two blocks.
func (t *Table) Snapshot() *Snapshot { return &Snapshot{} }
