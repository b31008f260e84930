package flows

import (
	"time"

	"github.com/netmond/netmond/packet"
)

// Config sets the bounds and timeouts of a Table.
type Config struct {
	// MaxFlows bounds the flows in the table, over all shards. Default 1,048,576. The memory for
	// them is allocated as they come, never beyond the bound; Prefault takes it all at once.
	MaxFlows int
	Prefault bool
	// Shards is a power of two. Default 64.
	Shards int
	// IdleTimeout ends a flow without packets (IPFIX flowIdleTimeout), ActiveTimeout one that lasts
	// (flowActiveTimeout: its record ends and a new one begins, keeping its TCP state),
	// ClosedTimeout one whose TCP connection has ended or was reset. 0 is never: the default, and
	// what capture files use.
	IdleTimeout, ActiveTimeout, ClosedTimeout time.Duration
	// Decoder holds the choices of decoding.
	Decoder packet.Decoder
	// Seed makes the hash reproducible in tests; 0 draws a random one.
	Seed uint64
}
