package alerts

import (
	"context"
	"time"
)

// A Key names an engaged alert: there is at most one of each.
type Key struct {
	Network     string // canonical CIDR
	Periodicity Periodicity
	Key         string // "<alert id>@<subtype>" unless the script chose another
}

// An Alert is one alert of a local network. It is a value: nobody changes the one that another holds.
type Alert struct {
	Key
	NetworkID   int32
	NetworkName string // as configured
	ID          int    // ntopng's number of the alert's type
	Category    int    // ntopng's number of the check's category
	Subtype     string
	Score       int    // 0 to MaxScore
	Time        int64  // engaged or recorded at, seconds since the Unix epoch
	End         int64  // released at; 0 while engaged; Time of a recorded one
	Description string // one sentence for a reader, or empty
	JSON        string // the alert type's parameters
	IP, Name    string // as given by the script, or empty
	Port        int
	Check       string // key of the check, or empty outside of one

	// What the sink adds; what a caller sets here is ignored.

	RowID     int64  // unique and growing, also over restarts; a release gives a new one
	Status    Status // StatusHistorical, StatusAcknowledged or StatusEngaged
	Counter   int64  // how often it was engaged while it was, from 1; a restart starts at 1 again
	Label     string // of the user, with the acknowledgement
	LabelTime int64  // seconds since the Unix epoch; 0 without a label
}

// Severity follows from the score.
func (a *Alert) Severity() Severity { return SeverityOf(a.Score) }

// A Status is where an alert stands, also as filters name it; the numbers are ntopng's.
type Status int8

// The values of Status.
const (
	StatusHistorical   Status = iota // past and not acknowledged
	StatusAcknowledged               // past and acknowledged
	StatusEngaged
	StatusAny // in filters only
)

// String is ntopng's word.
func (s Status) String() string {
	switch s {
	case StatusHistorical:
		return "historical"
	case StatusAcknowledged:
		return "acknowledged"
	case StatusEngaged:
		return "engaged"
	case StatusAny:
		return "any"
	}
	return "unknown"
}

// ParseStatus reads ntopng's word.
func ParseStatus(name string) (Status, bool) {
	for s := StatusHistorical; s <= StatusAny; s++ {
		if s.String() == name {
			return s, true
		}
	}
	return 0, false
}

// A View is what stats tables show of a network's alerts. A network's own alerts weigh on it as the
// server, that is the victim; a released alert's score goes down to nothing evenly over 60 s.
type View struct {
	Engaged                                int
	ScoreClient, ScoreServer               float64
	AlertedFlowsClient, AlertedFlowsServer uint64
}

// A Sink is the alert engine behind the scripts' calls. Errors say why something was refused (a
// quota, a limit, a full store); the script gets nil and a warning. ErrQueued alone is no refusal.
type Sink interface {
	Writer
	Reader
	ValueCache
}

// A Keeper is a Sink with what its owner needs besides: a Store or a Mem.
type Keeper interface {
	Sink
	// Apply makes many changes that share a commit, in their order, and gives a result for each.
	Apply(ops []Op) []Result
	// AlertViews has the views that are not zero, by network.
	AlertViews() map[string]View
	// Find is Query with the reason why it gives nothing.
	Find(ctx context.Context, network string, f Filter) (page []Alert, total int, err error)
	// Acknowledge labels, and Delete forgets, the past alerts that f selects, and says how many.
	Acknowledge(network string, f Filter, label string) (int, error)
	Delete(network string, f Filter) (int, error)
	// ReleaseOrphans releases the engaged alerts that nobody owns and those of networks that are not
	// listed.
	ReleaseOrphans(owned func(*Alert) bool, networks []string, end int64) ([]Alert, error)
	// SetHistory changes the bounds on past alerts, Config.MaxRows and Config.MaxAge.
	SetHistory(maxRows int, maxAge time.Duration) error
	Stats() Stats
	Close() error
}

// A Writer changes alerts.
type Writer interface {
	// Engage makes a engaged. Where its key is engaged already it changes nothing, and fresh is false.
	Engage(a Alert) (fresh bool, err error)
	// Release ends an engaged alert and gives it as it was, with End set, which is not before its Time;
	// false when it is not engaged.
	Release(key Key, end int64) (Alert, bool, error)
	// Record notes an alert that has no state.
	Record(a Alert) error
}

// A Reader answers about alerts.
type Reader interface {
	// Query lists the alerts of a network that f selects, and how many there are beside the page. An
	// empty network means all of them.
	Query(network string, f Filter) (page []Alert, total int)
	// AlertView sums up the alerts of a network.
	AlertView(network string) View
}

// A ValueCache keeps the small values that checks remember between runs, per network and namespace,
// which is the number of a valid Periodicity.
type ValueCache interface {
	// CachedValue is empty for a key that was never set.
	CachedValue(network string, namespace int, key string) string
	SetCachedValue(network string, namespace int, key, value string) error
}

// goodNamespace reports whether cached values can be kept under a number: that of a Periodicity.
func goodNamespace(n int) bool { return n >= 0 && n < NumPeriodicities && Periodicity(n).Valid() }

// An EventKind says what happened to an alert.
type EventKind uint8

// The kinds of events.
const (
	Engaged EventKind = iota
	Released
	Recorded
)

// String is ntopng's word for the action.
func (k EventKind) String() string {
	switch k {
	case Engaged:
		return "engage"
	case Released:
		return "release"
	case Recorded:
		return "store"
	}
	return "unknown"
}

// An Event is a change of an alert.
type Event struct {
	Kind    EventKind
	Alert   Alert
	Durable bool // false when it was queued because the store is failing; it is not told again later
}
