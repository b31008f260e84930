package alerts

import (
	"errors"
	"fmt"
)

// Errors that callers tell apart; what a sink returns wraps one of them.
var (
	// ErrQueued: the change was made and waits in memory, for the store is failing or slow. It will be
	// written as soon as that is possible; until then a crash loses it.
	ErrQueued = errors.New("kept in memory, not on disk yet")
	// ErrFailing: the store is failing and the queue is full; nothing was changed.
	ErrFailing = errors.New("alert store is failing, change dropped")
	// ErrQuota: the check changed too many alerts in this minute; nothing was changed.
	ErrQuota = errors.New("alert quota reached")
	// ErrFull: too many engaged alerts or cached values; nothing was changed.
	ErrFull = errors.New("too many alerts or cached values")
	// ErrTooLarge: a text is beyond its limit; nothing was changed.
	ErrTooLarge = errors.New("too large")
	// ErrInvalid: a field has no meaning; nothing was changed.
	ErrInvalid = errors.New("invalid")
	// ErrClosed: the store was closed.
	ErrClosed = errors.New("alert store is closed")
	// ErrNewerSchema: a later version of netmond wrote the database; it was left as it is.
	ErrNewerSchema = errors.New("alert database has a newer format")
	// ErrInUse: another process has the data directory.
	ErrInUse = errors.New("alert database is in use by another process")
)

// Limits of texts in bytes.
const (
	MaxShort = 1 << 10  // keys, subtype, names, check, label
	MaxLong  = 64 << 10 // json, description, cached value
)

// A text is one field with its limit.
type text struct {
	name  string
	value string
	limit int
}

func checkTexts(texts ...text) error {
	for _, t := range texts {
		if len(t.value) > t.limit {
			return fmt.Errorf("%s of %d bytes, at most %d: %w", t.name, len(t.value), t.limit, ErrTooLarge)
		}
	}
	return nil
}

// check refuses what cannot be stored.
func (k *Key) check() error {
	if !k.Periodicity.Valid() {
		return fmt.Errorf("periodicity %d: %w", k.Periodicity, ErrInvalid)
	}
	if k.Network == "" {
		return fmt.Errorf("empty network: %w", ErrInvalid)
	}
	return checkTexts(text{"network", k.Network, MaxShort}, text{"key", k.Key, MaxShort})
}

// check refuses what cannot be stored.
func (a *Alert) check() error {
	if err := a.Key.check(); err != nil {
		return err
	}
	if a.Score < 0 || a.Score > MaxScore {
		return fmt.Errorf("score %d, want 0 to %d: %w", a.Score, MaxScore, ErrInvalid)
	}
	return checkTexts(
		text{"network name", a.NetworkName, MaxShort}, text{"subtype", a.Subtype, MaxShort},
		text{"ip", a.IP, MaxShort}, text{"name", a.Name, MaxShort}, text{"check", a.Check, MaxShort},
		text{"description", a.Description, MaxLong}, text{"json", a.JSON, MaxLong})
}

// bytes is about what a weighs in memory: its texts and 256 for the rest.
func (a *Alert) bytes() int {
	return 256 + len(a.Network) + len(a.Key.Key) + len(a.NetworkName) + len(a.Subtype) + len(a.Description) +
		len(a.JSON) + len(a.IP) + len(a.Name) + len(a.Check) + len(a.Label)
}

// check refuses what cannot be stored.
func (v *Value) check() error {
	if !goodNamespace(v.Namespace) {
		return fmt.Errorf("namespace %d, want a periodicity's number: %w", v.Namespace, ErrInvalid)
	}
	if v.Network == "" {
		return fmt.Errorf("empty network: %w", ErrInvalid)
	}
	return checkTexts(text{"network", v.Network, MaxShort}, text{"key of a cached value", v.Key, MaxShort},
		text{"cached value", v.Value, MaxLong})
}
