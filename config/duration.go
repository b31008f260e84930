package config

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Duration is a span of time, 0 or longer, written as 90s, 1h30m, 1d or 1w; a day has 24 hours.
type Duration time.Duration

// durationUnits are the units of a Duration; those that Go knows, and days and weeks.
var durationUnits = []struct {
	name string
	span time.Duration
}{
	{"w", 7 * 24 * time.Hour}, {"d", 24 * time.Hour}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second},
	{"ms", time.Millisecond}, {"us", time.Microsecond}, {"µs", time.Microsecond}, {"ns", time.Nanosecond},
}

// durationPattern is the form of a Duration as text.
const durationPattern = `^(0|([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h|d|w))+)$`

var (
	durationForm   = regexp.MustCompile(durationPattern)
	durationPart   = regexp.MustCompile(`([0-9.]+)([a-zµ]+)`)
	durationNumber = regexp.MustCompile(`^[0-9]+(\.[0-9]+)?$`)
)

const durationExample = "90s"

// ParseDuration reads a Duration: 0, or numbers with units, which are added. Parts of a nanosecond are
// refused.
func ParseDuration(s string) (Duration, error) {
	long := len(s) > maxNumberText
	switch {
	case !long && s != "0" && durationNumber.MatchString(s):
		return 0, fmt.Errorf("has no unit: write %ss for seconds", s)
	case !long && len(s) > 1 && s[0] == '-' && durationForm.MatchString(s[1:]):
		return 0, errors.New("is negative")
	case long || !durationForm.MatchString(s):
		return 0, fmt.Errorf("want a duration such as %s, 1h30m, 1d or 1w", durationExample)
	}
	var sum int64
	for _, part := range durationPart.FindAllStringSubmatch(s, -1) {
		n, err := exactly(part[1], int64(spanOf(part[2])))
		switch {
		case errors.Is(err, errFraction):
			return 0, errors.New("is finer than a nanosecond")
		case err != nil || n > math.MaxInt64-sum:
			return 0, fmt.Errorf("is longer than %v", Duration(math.MaxInt64).rounded())
		}
		sum += n
	}
	return Duration(sum), nil
}

func spanOf(unit string) time.Duration {
	for _, u := range durationUnits {
		if u.name == unit {
			return u.span
		}
	}
	return 0
}

// rounded is d in whole days.
func (d Duration) rounded() Duration {
	const day = Duration(24 * time.Hour)
	return d / day * day
}

// String is the duration in the form that ParseDuration reads: days and shorter units, or weeks alone.
func (d Duration) String() string {
	const day, week = 24 * time.Hour, 7 * 24 * time.Hour
	switch span := time.Duration(d); {
	case span <= 0:
		return "0"
	case span%week == 0:
		return strconv.FormatInt(int64(span/week), 10) + "w"
	case span < time.Second:
		return strings.Replace(span.String(), "µ", "u", 1)
	}
	var b strings.Builder
	rest := time.Duration(d)
	for _, u := range durationUnits[1:] { // from days
		if n := rest / u.span; n > 0 {
			b.WriteString(strconv.FormatInt(int64(n), 10) + u.name)
			rest %= u.span
		}
	}
	return b.String()
}

// Std is d for package time.
func (d Duration) Std() time.Duration { return time.Duration(d) }
