package alerts

import (
	"errors"
	"fmt"
	"time"
)

// Config bounds a Store or a Mem. A zero number is not "no limit": start from DefaultConfig.
type Config struct {
	Dir string // data directory of a Store, made when missing; Mem has none

	// Working copy, in memory.

	MaxEngaged          int // engaged alerts
	MaxEngagedBytes     int // text of engaged alerts, bytes
	MaxValues           int // cached values
	MaxValuesPerNetwork int // cached values of one network
	MaxValueBytes       int // keys and values of the cache, bytes

	// Changes that wait for a commit, in memory; cached values wait in the working copy.

	MaxQueued      int           // alerts
	MaxQueuedBytes int           // text of queued alerts, bytes
	CommitWait     time.Duration // how long a call waits for its commit before it returns ErrQueued
	RetryMin       time.Duration // first pause after a commit failed; it doubles each time
	RetryMax       time.Duration // longest pause

	// Quotas: fresh engaged and recorded alerts in one minute of the clock. Releases are free, for each
	// follows an engagement.

	MaxPerCheckNetwork int // of one check on one network
	MaxPerCheck        int // of one check

	// Past alerts. Beyond a bound the oldest go until four fifths of it are left.

	MaxRows    int           // past alerts
	MaxDBBytes int64         // used pages of the database file, bytes
	MaxAge     time.Duration // since the alert became past, in whole seconds

	// Now is the clock for scores, quotas, ages and labels: seconds since the Unix epoch. It is called
	// from several goroutines. Nil is the system's clock.
	Now func() int64
	// Events, when set, is called for each change in its order: by a Store from one goroutine after the
	// commit, and by a Mem within the call. It must return soon, and must not call the Store or Mem.
	Events func(Event)
}

// DefaultConfig is what netmond uses unless told otherwise; Dir is empty.
func DefaultConfig() Config {
	return Config{
		MaxEngaged: 100_000, MaxEngagedBytes: 64 << 20,
		MaxValues: 1_000_000, MaxValuesPerNetwork: 10_000, MaxValueBytes: 256 << 20,
		MaxQueued: 10_000, MaxQueuedBytes: 16 << 20,
		CommitWait: 5 * time.Second, RetryMin: 100 * time.Millisecond, RetryMax: 10 * time.Second,
		MaxPerCheckNetwork: 100, MaxPerCheck: 20_000,
		MaxRows: 1_000_000, MaxDBBytes: 2 << 30, MaxAge: 90 * 24 * time.Hour,
	}
}

// Validate tells the first field that cannot be worked with.
func (c *Config) Validate() error {
	for _, f := range []struct {
		name  string
		value int64
		least int64
	}{
		{"max engaged", int64(c.MaxEngaged), 1},
		{"max engaged bytes", int64(c.MaxEngagedBytes), 1 << 20},
		{"max values", int64(c.MaxValues), 1},
		{"max values per network", int64(c.MaxValuesPerNetwork), 1},
		{"max value bytes", int64(c.MaxValueBytes), 1 << 20},
		{"max queued", int64(c.MaxQueued), 1},
		{"max queued bytes", int64(c.MaxQueuedBytes), 1 << 20},
		{"max per check and network", int64(c.MaxPerCheckNetwork), 1},
		{"max per check", int64(c.MaxPerCheck), 1},
		{"max rows", int64(c.MaxRows), 1},
		{"max database bytes", c.MaxDBBytes, 1 << 20},
	} {
		if f.value < f.least {
			return fmt.Errorf("alerts: %s: %d is below %d", f.name, f.value, f.least)
		}
	}
	switch {
	case c.CommitWait <= 0:
		return errors.New("alerts: commit wait: not above 0")
	case c.RetryMin <= 0 || c.RetryMax < c.RetryMin:
		return errors.New("alerts: retry: want 0 < least <= most")
	case c.MaxAge < time.Minute:
		return errors.New("alerts: max age: below one minute")
	}
	return nil
}

// clock is c.Now or the system's.
func (c *Config) clock() func() int64 {
	if c.Now != nil {
		return c.Now
	}
	return func() int64 { return time.Now().Unix() }
}
