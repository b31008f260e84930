package alerts

import "fmt"

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

// String is the hook's name: min, 5mins, hour or day.
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
	}
	return fmt.Sprintf("periodicity %d", int8(p))
}

// Seconds is the period; 0 for Aperiodic and for a number that is no periodicity.
func (p Periodicity) Seconds() int64 {
	switch p {
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

// Valid reports whether p is one of the periodicities.
func (p Periodicity) Valid() bool { return p >= 0 && p < NumPeriodicities }

// ParsePeriodicity reads a hook's name.
func ParsePeriodicity(name string) (Periodicity, bool) {
	for p := range NumPeriodicities {
		if p.String() == name {
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
	for p := Minute; p < NumPeriodicities; p++ {
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
