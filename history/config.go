package history

import (
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// A Tier is a resolution: the series have a point each Step and reach back for Keep.
type Tier struct {
	Step, Keep time.Duration
}

// Config bounds a Store.
type Config struct {
	// Dir is the data directory, made when missing; empty keeps all in memory.
	Dir string
	// Tiers are the resolutions, finest first. Each step is a whole multiple of the one before and of
	// a second. Default: 1 s for 15 min, 10 s for 6 h, 1 min for 7 d, 15 min for 365 d.
	Tiers []Tier
	// MaxMemory bounds what the series take in memory, bytes. Default 64 MiB, 1 MiB at least.
	MaxMemory int64
	// MaxDisk bounds the file, bytes; at the bound the oldest points of the tier that takes most go.
	// Its log takes at most 8 MiB more. Default 512 MiB, 16 MiB at least.
	MaxDisk int64
	// Networks is how many networks there are at the start; it decides how the memory is shared out.
	Networks int
	Log      *slog.Logger
}

// DefaultConfig is the Config that stands when nothing else is asked for.
func DefaultConfig() Config {
	const day = 24 * time.Hour
	return Config{
		Tiers: []Tier{
			{time.Second, 15 * time.Minute}, {10 * time.Second, 6 * time.Hour},
			{time.Minute, 7 * day}, {15 * time.Minute, 365 * day},
		},
		MaxMemory: 64 << 20, MaxDisk: 512 << 20,
		Log: slog.New(slog.DiscardHandler),
	}
}

const (
	leastMemory = 1 << 20
	leastDisk   = 16 << 20
	maxTiers    = 8
)

// Validate reports all faults of c at once.
func (c *Config) Validate() error {
	var errs []error
	fault := func(format string, args ...any) { errs = append(errs, fmt.Errorf("history: "+format, args...)) }
	if len(c.Tiers) == 0 || len(c.Tiers) > maxTiers {
		fault("%d tiers: want 1 to %d", len(c.Tiers), maxTiers)
	}
	before := Tier{Step: time.Second}
	for i, t := range c.Tiers {
		switch {
		case t.Step < time.Second || t.Step%before.Step != 0 || i > 0 && t.Step == before.Step:
			fault("tier %d: step %v: want a multiple of %v", i+1, t.Step, before.Step)
		case t.Keep < t.Step:
			fault("tier %d: keeps %v, less than its step of %v", i+1, t.Keep, t.Step)
		case t.Keep/t.Step > 1<<20:
			fault("tier %d: %v in steps of %v are more than %d points", i+1, t.Keep, t.Step, 1<<20)
		default:
			before = t
		}
	}
	if c.MaxMemory < leastMemory {
		fault("memory of %d bytes: want %d at least", c.MaxMemory, leastMemory)
	}
	if c.Dir != "" && c.MaxDisk < leastDisk {
		fault("disk of %d bytes: want %d at least", c.MaxDisk, leastDisk)
	}
	if c.Networks < 0 {
		fault("%d networks", c.Networks)
	}
	return errors.Join(errs...)
}

// chunkPoints is how many points of each tier are collected in memory before they are packed: as many
// as half of the memory holds for all series, from 4 to most.
func (c *Config) chunkPoints() []int {
	const most = 240
	n := make([]int, len(c.Tiers))
	all := 0
	for i, t := range c.Tiers {
		n[i] = min(most, max(4, int(t.Keep/t.Step)/4))
		all += n[i]
	}
	series := int64(c.Networks) + 1
	for i := range n {
		if fits := c.MaxMemory / 2 / series / pointBytes; fits < int64(all) {
			n[i] = max(4, int(int64(n[i])*fits/int64(all)))
		}
	}
	return n
}

// pointBytes is the size of a point that is not packed yet.
const pointBytes = NumFields * 2
