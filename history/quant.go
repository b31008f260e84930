package history

import "math/bits"

// A packed value is a floating-point number without sign: 6 bits of exponent over mantissa bits.
// Values below twice the mantissa's range are exact, all others within half of its last bit; the order
// is that of the values.

const (
	// mantissa is the bits of points in memory: values to 2,047 are exact, others within 0.05 %.
	mantissa = 10
	// longMantissa is that of the sealed chunks of steps from a minute on, which are most of what is
	// kept: values to 255 are exact, others within 0.4 %. With 10 bits, a year of networks that are busy
	// all the time takes near twice the space (BenchmarkYear).
	longMantissa = 7
)

// absent is no value: it is above all that pack gives.
const absent = 0xffff

// pack rounds v to the nearest packed value.
func pack(v uint64) uint16 { return packTo(v, mantissa) }

// unpack gives the value back.
func unpack(p uint16) uint64 { return unpackFrom(p, mantissa) }

func packTo(v uint64, mantissa int) uint16 {
	one := uint64(1) << mantissa
	if v < 2*one {
		return uint16(v)
	}
	most := uint16((64-mantissa)<<mantissa) | uint16(one-1)
	e := bits.Len64(v) - mantissa - 1
	half := uint64(1) << (e - 1)
	if v > 1<<64-1-half {
		return most
	}
	m := (v + half) >> e
	if m == 2*one { // rounded up to the next power of two
		m, e = one, e+1
	}
	return min(uint16((e+1)<<mantissa|int(m-one)), most)
}

func unpackFrom(p uint16, mantissa int) uint64 {
	e := int(p >> mantissa)
	if e < 2 {
		return uint64(p)
	}
	one := uint64(1) << mantissa
	return (uint64(p)&(one-1) + one) << (e - 1)
}
