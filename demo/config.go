package demo

import (
	"errors"
	"time"
)

// Config says which traffic is made.
type Config struct {
	// Seed chooses hosts, sizes and moments. Default 1.
	Seed uint64
	// Start is the capture time of the first frame, to the second. Default Monday, 5 January 2026, 08:30
	// UTC: ten minutes before the first event.
	Start time.Time
	// Duration is how long the traffic lasts, in capture time. 0 is without end.
	Duration time.Duration
}

// DefaultConfig is an endless week that begins on a Monday morning.
func DefaultConfig() Config {
	return Config{Seed: 1, Start: time.Date(2026, 1, 5, 8, 30, 0, 0, time.UTC)}
}

// Validate checks the configuration.
func (c Config) Validate() error {
	if c.Start.IsZero() || c.Start.Year() < 1970 || c.Start.Year() > 2200 {
		return errors.New("demo: the start lies outside 1970 to 2200")
	}
	if c.Duration < 0 {
		return errors.New("demo: the duration is negative")
	}
	return nil
}
