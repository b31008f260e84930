package config

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"
)

// Size is a number of bytes, written as 64MiB, 1.5GB or a plain number.
type Size int64

// sizeUnits are the units of a Size. The decimal ones are powers of 1,000 (SI), those with an i powers
// of 1,024 (IEC 80000-13). String takes the first that divides.
var sizeUnits = []struct {
	name  string
	bytes int64
}{
	{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10},
	{"TB", 1e12}, {"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3}, {"KB", 1e3},
	{"B", 1},
}

// sizePattern is the form of a Size as text; of a unit's case only kB and KB are the same.
const sizePattern = `^[0-9]+(\.[0-9]+)?( ?(B|[kK]B|[MGT]B|[KMGT]iB))?$`

var (
	sizeForm   = regexp.MustCompile(sizePattern)
	sizeLetter = regexp.MustCompile(`^([0-9]+(?:\.[0-9]+)?) ?([kKMGT])$`)
)

const sizeExample = "64MiB"

// maxNumberText bounds the text of a number, for exact arithmetic on hostile digits is slow.
const maxNumberText = 40

// ParseSize reads a Size. Fractions have to come out as whole bytes.
func ParseSize(s string) (Size, error) {
	if m := sizeLetter.FindStringSubmatch(s); m != nil && len(s) <= maxNumberText {
		unit := m[2]
		return 0, fmt.Errorf("write %s%sB for powers of 1000 or %s%siB for powers of 1024", m[1], unit, m[1], strings.ToUpper(unit))
	}
	if !sizeForm.MatchString(s) || len(s) > maxNumberText {
		return 0, fmt.Errorf("want a size such as %s, 1.5GB or a number of bytes", sizeExample)
	}
	number, unit := s, int64(1)
	for _, u := range sizeUnits {
		if rest, ok := strings.CutSuffix(s, u.name); ok {
			number, unit = strings.TrimSuffix(rest, " "), u.bytes
			break
		}
	}
	n, err := exactly(number, unit)
	switch {
	case errors.Is(err, errFraction):
		return 0, errors.New("is not a whole number of bytes")
	case err != nil:
		return 0, fmt.Errorf("is more than %d bytes", int64(math.MaxInt64))
	}
	return Size(n), nil
}

// String is the size with the largest unit that shows it without a fraction.
func (s Size) String() string {
	for _, u := range sizeUnits {
		if s != 0 && u.bytes > 1 && int64(s)%u.bytes == 0 {
			return strconv.FormatInt(int64(s)/u.bytes, 10) + u.name
		}
	}
	return strconv.FormatInt(int64(s), 10)
}

var (
	errFraction = errors.New("not whole")
	errOverflow = errors.New("overflow")
)

// exactly is number times unit as an int64. number has the form of sizePattern, and its length is
// bounded.
func exactly(number string, unit int64) (int64, error) {
	r, ok := new(big.Rat).SetString(number)
	if !ok {
		return 0, errFraction
	}
	r.Mul(r, new(big.Rat).SetInt64(unit))
	switch {
	case !r.IsInt():
		return 0, errFraction
	case !r.Num().IsInt64():
		return 0, errOverflow
	}
	return r.Num().Int64(), nil
}
