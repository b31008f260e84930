package history

import (
	"math"
	"net/netip"
)

// A series is what is recorded of one network, or of all traffic. Store.mu guards it.
type series struct {
	name   string
	prefix netip.Prefix // of a network, once it was in a sample
	fields *[NumFields]FieldInfo

	last  reading // of the last sample
	known bool    // last is set
	seen  uint64  // number of the sample that it was last in

	steps  []step    // by tier: the step under way
	open   [][]point // by tier: the points of the chunk under way
	sealed [][]sealedChunk
	apps   appSeries
	recent [recentPoints]recentPoint // of the finest tier
}

// A step sums up what happens within one step of a tier.
type step struct {
	sums    [NumFields]uint64 // of a Mean: value times weight
	weight  uint64            // ns that samples covered
	rtt     uint64            // samples of RTT, in parts of 1/rttParts
	touched bool
	some    bool // sums may have something
}

// A sealedChunk is a packed chunk that is kept in memory: for good without a file, else until it is
// written.
type sealedChunk struct {
	start int64
	count int
	blob  []byte
}

// since is what happened between the last reading and r: of Sums the increase, of the others r's
// value. A counter that fell began anew.
func (s *series) since(r *reading) (d reading) {
	d = *r
	for f, info := range s.fields {
		if info.Kind != Sum {
			continue
		}
		if before := s.last.values[f]; r.values[f] >= before {
			d.values[f] = r.values[f] - before
		}
	}
	if r.rttSamples >= s.last.rttSamples && r.rttSum >= s.last.rttSum {
		d.rttSamples -= s.last.rttSamples
		d.rttSum -= s.last.rttSum
	}
	return d
}

// add puts the part of d that falls into ns of all its time to the step.
func (st *step) add(fields *[NumFields]FieldInfo, d *reading, part [NumFields]uint64, ns uint64, rtt bool) {
	st.touched, st.some = true, true
	st.weight += ns
	for f, info := range fields {
		switch {
		case rtt && Field(f) == RTT:
		case info.Kind == Sum:
			st.sums[f] += part[f]
		case info.Kind == Mean:
			st.sums[f] += d.values[f] * (ns / meanUnit)
		default:
			st.sums[f] = max(st.sums[f], d.values[f])
		}
	}
}

// idle adds ns in which nothing was and nothing happened.
func (st *step) idle(ns uint64) {
	st.touched = true
	st.weight += ns
}

// meanUnit is the resolution of the weights of means, ns: sums of hosts and flows over a year of it
// stay far from 64 bits.
const meanUnit = 1e6

// point is the step's packed values.
func (st *step) point(fields *[NumFields]FieldInfo, network bool) point {
	if !st.touched {
		return noPoint
	}
	var p point
	if !st.some {
		return p
	}
	for f, info := range fields {
		v := st.sums[f]
		switch {
		case network && Field(f) == RTT:
			if st.rtt > 0 {
				v /= st.rtt
			}
		case info.Kind == Mean:
			v = (v + st.weight/meanUnit/2) / max(st.weight/meanUnit, 1)
		}
		p[f] = pack(v)
	}
	return p
}

// recentPoints is how many of the last seconds Rates looks at.
const recentPoints = 5

// note keeps the last points of the finest tier at hand.
func (x *series) note(at int64, p point) {
	x.recent[at%recentPoints] = recentPoint{at, p}
}

type recentPoint struct {
	at int64
	point
}

// Rates calls fn with each network's values over the last seconds that are recorded, as Range gives them; the zero prefix
// is all traffic together. fn must not keep values.
func (s *Store) Rates(fn func(network netip.Prefix, values *[NumFields]float64)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var values [NumFields]float64
	t := &s.tiers[0]
	step := t.Step.Seconds()
	var points []*point // of the last seconds
	for _, x := range s.series {
		points = points[:0]
		idle := true
		for i := range x.recent {
			r := &x.recent[i]
			if r.absent() || r.at < t.now-recentPoints || r.at >= t.now || r.at == 0 {
				continue
			}
			points = append(points, &r.point)
			idle = idle && r.point == point{}
		}
		if len(points) == 0 {
			continue
		}
		for f := range values {
			info := &x.fields[f]
			v, measured := 0.0, 0
			for _, p := range points {
				if idle {
					break
				}
				u := float64(unpack(p[f]))
				if info.Kind == Peak {
					v = max(v, u)
					continue
				}
				v += u
				if u > 0 {
					measured++
				}
			}
			switch {
			case info.Sparse && measured == 0:
				v = math.NaN()
			case info.Sparse:
				v /= float64(measured)
			case info.Kind == Sum:
				v /= float64(len(points)) * step
			case info.Kind == Mean:
				v /= float64(len(points))
			}
			values[f] = v
		}
		fn(x.prefix, &values)
	}
}
