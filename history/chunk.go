package history

import (
	"encoding/binary"
	"errors"
	"slices"
)

// A point is the packed values of one step; its first field is absent where nothing was recorded.
type point [NumFields]uint16

func (p *point) absent() bool { return p[0] == absent }

var noPoint = point{absent}

// A chunk is points of one series and tier in a row.
type chunk struct {
	start  int64 // number of the first step since the Unix epoch
	points []point
}

// trimmed is c without absent points at its ends.
func (c chunk) trimmed() chunk {
	for len(c.points) > 0 && c.points[0].absent() {
		c.start, c.points = c.start+1, c.points[1:]
	}
	for len(c.points) > 0 && c.points[len(c.points)-1].absent() {
		c.points = c.points[:len(c.points)-1]
	}
	return c
}

// maxChunk is the most points of an encoded chunk.
const maxChunk = 1024

// Columns of an encoded chunk.
const (
	columnConstant = iota // one value
	columnDeltas          // differences, the first one to 0, in a Rice code
)

// encode packs points: the mantissa's bits, runs of present and absent points, then column by column of
// those present.
func encode(points []point, mant int) []byte {
	b := make([]byte, 0, 64+len(points)*8)
	b = append(b, byte(mant))
	b = binary.AppendUvarint(b, uint64(len(points)))
	present := make([]point, 0, len(points))
	for i := 0; i < len(points); {
		from := i
		for i < len(points) && points[i].absent() == points[from].absent() {
			if !points[i].absent() {
				p := points[i]
				if mant != mantissa {
					for f := range p {
						p[f] = packTo(unpack(p[f]), mant)
					}
				}
				present = append(present, p)
			}
			i++
		}
		run := uint64(i-from) << 1
		if !points[from].absent() {
			run |= 1
		}
		b = binary.AppendUvarint(b, run)
	}
	deltas := make([]uint32, len(present))
	for f := range NumFields {
		constant := true
		for _, p := range present {
			constant = constant && p[f] == present[0][f]
		}
		switch {
		case len(present) == 0:
		case constant:
			b = append(b, columnConstant)
			b = binary.AppendUvarint(b, uint64(present[0][f]))
		default:
			b = append(b, columnDeltas)
			before := int32(0)
			for i, p := range present {
				d := int32(p[f]) - before
				deltas[i] = uint32(d<<1 ^ d>>31) // small numbers for small differences of either sign
				before = int32(p[f])
			}
			b = appendRice(b, deltas)
		}
	}
	return b
}

var errChunk = errors.New("points cannot be read")

// decode gives back what encode packed.
func decode(b []byte) ([]point, error) {
	r := &reader{b: b}
	mant := int(r.byte())
	n := r.uvarint()
	if n > maxChunk || mant != mantissa && mant != longMantissa {
		return nil, errChunk
	}
	points := make([]point, 0, n)
	var present []int
	for uint64(len(points)) < n && !r.bad {
		run := r.uvarint()
		if run>>1 == 0 || run>>1 > n-uint64(len(points)) {
			return nil, errChunk
		}
		for range run >> 1 {
			if run&1 != 0 {
				present = append(present, len(points))
			}
			points = append(points, noPoint)
		}
	}
	for f := 0; f < NumFields && len(present) > 0 && !r.bad; f++ {
		switch r.byte() {
		case columnConstant:
			v := r.uvarint()
			for _, i := range present {
				points[i][f] = uint16(v)
			}
		case columnDeltas:
			v := int32(0)
			for k, d := range r.rice(len(present)) {
				v += int32(d>>1) ^ -int32(d&1)
				points[present[k]][f] = uint16(v)
			}
		default:
			return nil, errChunk
		}
	}
	if mant != mantissa {
		for _, i := range present {
			for f := range points[i] {
				points[i][f] = pack(unpackFrom(points[i][f], mant))
			}
		}
	}
	if r.bad || len(r.b) != 0 || slices.ContainsFunc(present, func(i int) bool { return points[i].absent() }) {
		return nil, errChunk
	}
	return points, nil
}

// A reader takes numbers off bytes; bad says that they ended or made no sense.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	return v &^ r.took(n)
}

func (r *reader) byte() byte {
	if len(r.b) == 0 {
		r.bad = true
		return 0
	}
	b := r.b[0]
	r.b = r.b[1:]
	return b
}

func (r *reader) bytes(n uint64) []byte {
	if n > uint64(len(r.b)) {
		r.bad = true
		return nil
	}
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

// took steps over n bytes; where n is none it gives a mask of ones.
func (r *reader) took(n int) uint64 {
	if n <= 0 {
		r.bad, r.b = true, nil
		return ^uint64(0)
	}
	r.b = r.b[n:]
	return 0
}
