package lua

import (
	"fmt"
)

// A Periodicity is how often a check runs. The numbers are ntopng's granularity IDs.
type Periodicity int8

// The periodicities.
const (
	Aperiodic Periodicity = iota
	Minute
	FiveMinutes
	Hour
	Day

	NumPeriodicities
)

var (
	periodicityNames   = [NumPeriodicities]string{"aperiodic", "min", "5mins", "hour", "day"}
	periodicitySeconds = [NumPeriodicities]int64{0, 60, 300, 3600, 86400}
)

// String is the hook's name: min, 5mins, hour or day.
func (p Periodicity) String() string {
	if p < 0 || p >= NumPeriodicities {
		return fmt.Sprintf("periodicity %d", int8(p))
	}
	return periodicityNames[p]
}

// Seconds is the period; 0 for Aperiodic.
func (p Periodicity) Seconds() int64 {
	if p < 0 || p >= NumPeriodicities {
		return 0
	}
	return periodicitySeconds[p]
}

// ParsePeriodicity reads a hook's name.
func ParsePeriodicity(name string) (Periodicity, bool) {
	for p, n := range periodicityNames {
		if n == name {
			return Periodicity(p), true
		}
	}
	return 0, false
}

// Due gives the periodicities whose period ended after prev and not later than now (ns since the
// Unix epoch), shortest first; days and hours are those of UTC. A period that ended several times is
// due once.
func Due(prev, now int64) []Periodicity {
	var due []Periodicity
	for p := Minute; p < NumPeriodicities; p++ {
		period := p.Seconds() * 1e9
		if floorDiv(now, period) > floorDiv(prev, period) {
			due = append(due, p)
		}
	}
	return due
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b != 0 && (a < 0) != (b < 0) {
		q--
	}
	return q
}

// An AlertKey names an engaged alert: there is at most one of each.
type AlertKey struct {
	Network     string // canonical CIDR
	Periodicity Periodicity
	Key         string // "<alert id>@<subtype>" unless the script chose another
}

// An Alert is one alert of a local network.
type Alert struct {
	AlertKey
	NetworkID   int32
	NetworkName string // as configured
	ID          int    // ntopng's number of the alert's type
	Subtype     string
	Score       int   // 0 to 250
	Time        int64 // engaged or recorded at, seconds since the Unix epoch
	End         int64 // released at; 0 while engaged
	JSON        string
	IP, Name    string // as given by the script, or empty
	Port        int
	Check       string // key of the check, or empty outside of one
}

// An AlertView is what stats tables show of a network's alerts.
type AlertView struct {
	Engaged                                int
	ScoreClient, ScoreServer               float64
	AlertedFlowsClient, AlertedFlowsServer uint64
}

// AlertSink is the alert engine behind the scripts' calls. A VM calls it from its own goroutine.
// Errors say why something was refused (a quota, a full store); the script gets nil and a warning.
type AlertSink interface {
	AlertWriter
	AlertReader
	ValueCache
}

// An AlertWriter changes alerts.
type AlertWriter interface {
	// Engage makes a engaged. Where its key is engaged already it changes nothing, and fresh is false.
	Engage(a Alert) (fresh bool, err error)
	// Release ends an engaged alert and gives it as it was, with End set; false when it is not engaged.
	Release(key AlertKey, end int64) (Alert, bool, error)
	// Record notes an alert that has no state.
	Record(a Alert) error
}

// An AlertReader answers about alerts.
type AlertReader interface {
	// Query lists the alerts of a network that f selects, and how many there are beside the page.
	Query(network string, f AlertFilter) (page []Alert, total int)
	// AlertView sums up the alerts of a network.
	AlertView(network string) AlertView
}

// A ValueCache keeps the small values that checks remember between runs, per network and namespace 0
// to 5.
type ValueCache interface {
	// CachedValue is empty for a key that was never set.
	CachedValue(network string, namespace int, key string) string
	SetCachedValue(network string, namespace int, key, value string) error
}

// Alert status as filters name it; the numbers are ntopng's.
type AlertStatus int8

// The values of AlertStatus.
const (
	StatusHistorical AlertStatus = iota
	StatusAcknowledged
	StatusEngaged
	StatusAny
)

// An AlertFilter selects alerts; nil fields select all.
type AlertFilter struct {
	Status      AlertStatus
	Periodicity *Periodicity
	ID          *int
	Severity    *Severity
	Page        int // from 1; 0 means 1
	PerPage     int // 0 means all
	OrderBy     string
	Descending  bool
}
