package history

import (
	"math"
	"net/netip"
)

// A series is what is recorded of one network, or of all traffic. Store.mu guards it.
type series struct {
	name   string
	prefix netip.Prefix // of a network, once it was in a sample
	layout *layout

	last reading // of the last sample
	seen uint64  // number of the sample that it was last in

	tiers  []track // by tier
	apps   appSeries
	recent [recentPoints]recentPoint // of the finest tier
}

// A track is a series at one resolution.
type track struct {
	// step is under way. What it holds is added to that of the next tier when it ends, not before.
	step   step
	open   []point // of the chunk under way; nil without any
	sealed []sealedChunk
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
	for f := range s.layout.sums {
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

// add puts the part of d that falls into p to the step.
func (st *step) add(l *layout, d *reading, p *stretch) {
	st.some = true
	for f := range l.sums {
		if v := d.values[f]; v != 0 {
			st.sums[f] += until(v, p.done) - until(v, p.given)
		}
	}
	for f := l.sums; f < l.means; f++ {
		st.sums[f] += d.values[f] * (p.ns / meanUnit)
	}
	for f := l.peaks; f < NumFields; f++ {
		st.sums[f] = max(st.sums[f], d.values[f])
	}
	if p.done == 1 && l.rtt {
		st.sums[RTT] += d.rttSum / 1000
		st.rtt += d.rttSamples
	}
}

// until is the part of v, from 0 to 1.
func until(v uint64, part float64) uint64 {
	switch part {
	case 0:
		return 0
	case 1:
		return v
	}
	return min(uint64(float64(v)*part), v)
}

// merge adds a finer step that has ended, or that is under way.
func (st *step) merge(l *layout, fine *step) {
	st.touched = st.touched || fine.touched
	st.weight += fine.weight
	if !fine.some {
		return
	}
	st.some = true
	for f := range l.peaks {
		st.sums[f] += fine.sums[f]
	}
	for f := l.peaks; f < NumFields; f++ {
		st.sums[f] = max(st.sums[f], fine.sums[f])
	}
	st.rtt += fine.rtt
}

func (st *step) reset() {
	if st.some {
		*st = step{}
	}
	st.touched, st.weight = false, 0
}

// underWay is the step under way of tier i with what finer ones hold of it.
func (x *series) underWay(i int) step {
	st := x.tiers[i].step
	for k := range i {
		st.merge(x.layout, &x.tiers[k].step)
	}
	return st
}

// meanUnit is the resolution of the weights of means, ns: sums of hosts and flows over a year of it
// stay far from 64 bits.
const meanUnit = 1e6

// point is the step's packed values.
func (st *step) point(l *layout) point {
	if !st.touched {
		return noPoint
	}
	var p point
	if !st.some {
		return p
	}
	for f := range l.sums {
		p[f] = pack(st.sums[f])
	}
	weight := st.weight / meanUnit
	for f := l.sums; f < l.means; f++ {
		p[f] = pack((st.sums[f] + weight/2) / max(weight, 1))
	}
	if l.rtt {
		p[RTT] = pack(st.sums[RTT] / max(st.rtt, 1))
	}
	for f := l.peaks; f < NumFields; f++ {
		p[f] = pack(st.sums[f])
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
	for _, x := range s.list {
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
			info := &x.layout.fields[f]
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
