package flows

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/netmond/netmond/packet"
)

// Config sets the bounds and timeouts of a Table.
type Config struct {
	// MaxFlows bounds the flows in the table, over all shards. Default 1,048,576, at most 2^30. The
	// memory for them is allocated as they come, never beyond the bound (MemoryBound); Prefault
	// takes at once what as many flows need, with TCP states for half of them. Of tables that may take
	// more than 8 MiB, entries come from huge pages outside the Go heap where the system has them.
	MaxFlows int
	Prefault bool
	// Shards is a power of two, at most 4,096 and at most MaxFlows. Default 16, or fewer where that
	// leaves a shard less than 64 flows.
	Shards int
	// IdleTimeout ends a flow without packets (IPFIX flowIdleTimeout), ActiveTimeout one that lasts
	// (flowActiveTimeout: its record ends and a new one begins, keeping its TCP state),
	// ClosedTimeout one whose TCP connection has ended or was reset. 0 is never: the default, and
	// what capture files use.
	IdleTimeout, ActiveTimeout, ClosedTimeout time.Duration
	// HalfOpenTimeout ends a flow that never went beyond a first packet or a half-open handshake, after
	// this time without packets, in a shard that is more than three quarters full: so a flood ages
	// before it pushes out what is worth more. Such flows are also the first to be evicted. 0 is never.
	HalfOpenTimeout time.Duration
	// Workers count the frames of a Replay. Default 1, at most 64. More than one take what is left of the
	// processors by the one that reads, and change no result.
	Workers int
	// Decoder holds the choices of decoding.
	Decoder packet.Decoder
	// Seed makes the hash reproducible in tests; 0 draws a random one.
	Seed uint64
}

const (
	defaultMaxFlows = 1 << 20
	maxMaxFlows     = 1 << 30
	defaultShards   = 16
	maxShards       = 4096
	maxWorkers      = 64
	minPerShard     = 64 // flows a shard has at least when the number of shards is ours to choose
)

// DefaultConfig is the configuration that capture files use: no flow times out. Shards is left to be
// chosen by MaxFlows.
func DefaultConfig() Config { return Config{MaxFlows: defaultMaxFlows} }

// withDefaults replaces zero values by their defaults.
func (c Config) withDefaults() Config {
	if c.MaxFlows == 0 {
		c.MaxFlows = defaultMaxFlows
	}
	if c.Workers == 0 {
		c.Workers = 1
	}
	if c.Shards == 0 {
		c.Shards = defaultShards
		for c.Shards > 1 && c.MaxFlows/c.Shards < minPerShard {
			c.Shards /= 2
		}
	}
	return c
}

// Validate reports everything that is wrong with c; a zero field stands for its default.
func (c Config) Validate() error {
	c = c.withDefaults()
	var errs []error
	if c.MaxFlows < 1 || c.MaxFlows > maxMaxFlows {
		errs = append(errs, fmt.Errorf("max flows %d: want 1 to %d", c.MaxFlows, maxMaxFlows))
	}
	if c.Shards < 1 || c.Shards > maxShards || c.Shards&(c.Shards-1) != 0 {
		errs = append(errs, fmt.Errorf("shards %d: want a power of two from 1 to %d", c.Shards, maxShards))
	} else if c.MaxFlows >= 1 && c.Shards > c.MaxFlows {
		errs = append(errs, fmt.Errorf("shards %d: more than max flows %d", c.Shards, c.MaxFlows))
	}
	if c.Workers < 1 || c.Workers > maxWorkers {
		errs = append(errs, fmt.Errorf("workers %d: want 1 to %d", c.Workers, maxWorkers))
	}
	for _, t := range []struct {
		name string
		d    time.Duration
	}{{"idle", c.IdleTimeout}, {"active", c.ActiveTimeout}, {"closed", c.ClosedTimeout}, {"half-open", c.HalfOpenTimeout}} {
		if t.d < 0 {
			errs = append(errs, fmt.Errorf("%s timeout %v: negative", t.name, t.d))
		}
	}
	return errors.Join(errs...)
}

// MemoryBound is the most that a Table of this configuration ever reports as
// TableStats.MemoryBytes. It is reached only when every flow is TCP, a quarter of them are in
// trouble and as many show server names.
func (c Config) MemoryBound() uint64 {
	c = c.withDefaults()
	if c.Validate() != nil {
		return 0
	}
	var sum uint64
	for i := range c.Shards {
		sum += shardBound(shardCapacity(c.MaxFlows, c.Shards, i))
	}
	return sum
}

// shardCapacity shares max out so that the shards' capacities sum to it.
func shardCapacity(max, shards, i int) uint32 {
	n := max / shards
	if i < max%shards {
		n++
	}
	return uint32(n)
}

// nanos is a timeout as a comparable age; never for 0.
func nanos(d time.Duration) int64 {
	if d == 0 {
		return math.MaxInt64
	}
	return int64(d)
}
