package capture

import (
	"math"
	"math/bits"
)

// An ngClock turns an interface's time stamps into ns since the Unix epoch: value * mul / div, or
// value * 10^9 / 2^shift, plus offset. Times that 64 bits of ns do not hold (beyond 2262) saturate.
type ngClock struct {
	mul, div uint64
	shift    uint // with power2
	power2   bool
	offset   int64 // ns
}

// newNGClock reads if_tsresol, which is a negative power of 2 with its top bit set and else of 10,
// and if_tsoffset in seconds.
func newNGClock(resolution byte, offset int64) ngClock {
	c := ngClock{mul: 1, div: 1, offset: saturatingSeconds(offset)}
	exponent := uint(resolution & 0x7f)
	switch {
	case resolution&0x80 != 0:
		c.power2, c.shift = true, exponent
	case exponent <= 9:
		for range 9 - exponent {
			c.mul *= 10
		}
	case exponent <= 9+19:
		for range exponent - 9 {
			c.div *= 10
		}
	default:
		c.mul = 0 // every 64-bit value is less than a nanosecond
	}
	return c
}

// time converts one time stamp.
func (c *ngClock) time(v uint64) int64 {
	var hi, lo uint64
	if c.power2 {
		hi, lo = bits.Mul64(v, 1e9)
		switch {
		case c.shift >= 64:
			hi, lo = 0, hi>>(c.shift-64)
		default: // a shift of 64 gives 0
			lo = lo>>c.shift | hi<<(64-c.shift)
			hi >>= c.shift
		}
	} else {
		hi, lo = bits.Mul64(v, c.mul)
		if c.div != 1 {
			lo /= c.div // mul is 1 here: hi is 0
		}
	}
	if hi != 0 || lo > math.MaxInt64 {
		lo = math.MaxInt64
	}
	sum := int64(lo) + c.offset
	if c.offset > 0 && sum < 0 {
		return math.MaxInt64
	}
	return sum
}

// second is one in ns.
const second = int64(1e9)

// saturatingSeconds is s in ns.
func saturatingSeconds(s int64) int64 {
	switch {
	case s > math.MaxInt64/second:
		return math.MaxInt64
	case s < math.MinInt64/second:
		return math.MinInt64
	}
	return s * second
}
