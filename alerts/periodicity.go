package alerts

import "fmt"

// A Periodicity is how often a check runs. The numbers are ntopng's granularity IDs, which scripts use
// in positional calls and as namespaces of cached values. FiveSeconds is netmond's own and lies beyond
// ntopng's six, so that the two never mean the same.
type Periodicity int8

// The periodicities.
const (
	Aperiodic   Periodicity = 0
	Minute      Periodicity = 1
	FiveMinutes Periodicity = 2
	Hour        Periodicity = 3
	Day         Periodicity = 4
	unnamed     Periodicity = 5 // ntopng takes it for alerts and cached values, but nothing runs at it
	FiveSeconds Periodicity = 7

	// NumPeriodicities is the length of an array with a Periodicity as index; not every number below
	// it is one.
	NumPeriodicities = 8
)

// Periodicities are those at which a check can run, shortest first.
func Periodicities() []Periodicity {
	return []Periodicity{FiveSeconds, Minute, FiveMinutes, Hour, Day}
}

// String is the hook's name: 5sec, min, 5mins, hour or day.
func (p Periodicity) String() string {
	switch p {
	case Aperiodic:
		return "aperiodic"
	case Minute:
		return "min"
	case FiveMinutes:
		return "5mins"
	case Hour:
		return "hour"
	case Day:
		return "day"
	case FiveSeconds:
		return "5sec"
	}
	return fmt.Sprintf("periodicity %d", int8(p))
}

// Seconds is the period; 0 for Aperiodic and for a number that is no periodicity.
func (p Periodicity) Seconds() int64 {
	switch p {
	case FiveSeconds:
		return 5
	case Minute:
		return 60
	case FiveMinutes:
		return 300
	case Hour:
		return 3600
	case Day:
		return 86400
	}
	return 0
}

// Valid reports whether an alert can have p: 0 to 5 as in ntopng, whose array has six elements, or
// FiveSeconds.
func (p Periodicity) Valid() bool { return p >= 0 && p <= unnamed || p == FiveSeconds }

// ParsePeriodicity reads a hook's name, or aperiodic.
func ParsePeriodicity(name string) (Periodicity, bool) {
	for p := range Periodicity(NumPeriodicities) {
		if p.Valid() && p != unnamed && p.String() == name {
			return p, true
		}
	}
	return 0, false
}

// Due gives the periodicities whose period ended after prev and not later than now (ns since the
// Unix epoch), shortest first; days and hours are those of UTC. A period that ended several times is
// due once.
func Due(prev, now int64) []Periodicity {
	var due []Periodicity
	for _, p := range Periodicities() {
		period := p.Seconds() * 1e9
		if floorDiv(now, period) > floorDiv(prev, period) {
			due = append(due, p)
		}
	}
	return due
}

// floorDiv rounds down, also before the epoch.
func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b != 0 && (a < 0) != (b < 0) {
		q--
	}
	return q
}
