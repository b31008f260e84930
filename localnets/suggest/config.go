package suggest

import (
	"errors"
	"fmt"
)

// Config says what is suggested. The zero value of a number is its default.
type Config struct {
	// All looks at all traffic, as if there were no local networks.
	All bool
	// MinShare is the least part of the open traffic (Result.Open) that a prefix must have, 0 to 1.
	// Default 0.01.
	MinShare float64
	// Max bounds the prefixes. Private space is merged into shorter prefixes to keep it; of global ones
	// those with the fewest bytes are left out. Default 32.
	Max int
}

// Bounds of Config.
const (
	DefaultMinShare = 0.01
	DefaultMax      = 32
	MostMax         = 1000
)

func (c Config) withDefaults() Config {
	if c.MinShare == 0 {
		c.MinShare = DefaultMinShare
	}
	if c.Max == 0 {
		c.Max = DefaultMax
	}
	return c
}

// Validate checks the configuration.
func (c Config) Validate() error {
	switch {
	case !(c.MinShare >= 0 && c.MinShare <= 1):
		return errors.New("the least share is a part of 1")
	case c.Max < 0 || c.Max > MostMax:
		return fmt.Errorf("want 1 to %d prefixes", MostMax)
	}
	return nil
}

// The rules. Those for prefixes of the internet are meant to find the inner side of an uplink's mirror port,
// and to say nothing where neither side stands out.
const (
	// spreadUnits /24s (/64s of IPv6) of a prefix must have hosts before it stands for them, and of IPv4 one
	// in spreadPart of those that it holds.
	spreadUnits = 4
	spreadPart  = 4
	// thinHosts a /24 are so few that spreadUnits of such /24s are taken for hosts that are spread over the
	// /16 or the block.
	thinHosts = 2
	// globalHosts senders of a global prefix must have talked with globalPeers other networks (a /16, or
	// /32 of IPv6).
	globalHosts = 4
	globalPeers = 8
	// vantageShare of the traffic between global addresses has an end in the prefix of the machine or the
	// site where it was captured, however few its hosts are. It talked with vantagePeers networks.
	vantageShare = 0.9
	vantagePeers = 4
	// shortest prefixes of global space.
	globalShortest4 = 16
	globalShortest6 = 48
	// tightBits is the length from which a global IPv4 prefix is just what covers its hosts: a /29 from a
	// provider is no /24.
	tightBits = 28
)
