package lua

import "fmt"

// A Periodicity is how often a check runs. The numbers are ntopng's granularity IDs, which scripts use
// in positional calls and as namespaces of cached values. ntopng accepts 5 too, which names nothing.
// FiveSeconds is netmond's own and lies beyond ntopng's six, so that the two never mean the same.
type Periodicity int8

// The periodicities.
const (
	Aperiodic   Periodicity = 0
	Minute      Periodicity = 1
	FiveMinutes Periodicity = 2
	Hour        Periodicity = 3
	Day         Periodicity = 4
	FiveSeconds Periodicity = 7

	// NumPeriodicities is the length of an array with a Periodicity as index; not every number below
	// it is one.
	NumPeriodicities = 8
)

var (
	periodicityNames = [NumPeriodicities]string{
		Aperiodic: "aperiodic", Minute: "min", FiveMinutes: "5mins", Hour: "hour", Day: "day", FiveSeconds: "5sec",
	}
	periodicitySeconds = [NumPeriodicities]int64{Minute: 60, FiveMinutes: 300, Hour: 3600, Day: 86400, FiveSeconds: 5}
)

// Periodicities are those at which a check can have a hook, shortest first.
func Periodicities() []Periodicity {
	return []Periodicity{FiveSeconds, Minute, FiveMinutes, Hour, Day}
}

// String is the hook's name: 5sec, min, 5mins, hour or day.
func (p Periodicity) String() string {
	if p < 0 || p >= NumPeriodicities || periodicityNames[p] == "" {
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
		if n == name && n != "" {
			return Periodicity(p), true
		}
	}
	return 0, false
}

// periodicityNumber is the periodicity, and namespace of cached values, that a script's number means:
// 0 to 5 as in ntopng, whose array has six elements, or FiveSeconds.
func periodicityNumber(n float64) (Periodicity, bool) {
	if n >= 0 && n < 6 || n >= float64(FiveSeconds) && n < NumPeriodicities { // not NaN
		return Periodicity(n), true
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

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b != 0 && (a < 0) != (b < 0) {
		q--
	}
	return q
}
