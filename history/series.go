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

	total totals // until the last sample
	seen  uint64 // number of the sample that it was last in

	tiers  []track // by tier
	apps   appSeries
	recent [recentPoints]recentPoint // of the finest tier
}

// A track is a series at one resolution.
type track struct {
	// What happened in the step under way is the difference to since, of all tiers alike. Peaks are carried to the
	// next tier when a step ends.
	since  totals
	peaks  peaks
	open   []point // of the chunk under way; nil without any
	sealed []sealedChunk
}

// totals only rise: how much lies between two of them is what happened between.
type totals struct {
	weight uint64 // ns that samples covered
	rtt    uint64 // samples of RTT
	// sums are the counters of Sums as they were read; of Means, value times weight; of RTT, ns; of Peaks, 0.
	sums [NumFields]uint64
}

// peaks are the largest values of the Peaks.
type peaks [maxPeaks]uint64

const maxPeaks = 2

func (p *peaks) raise(by *peaks) {
	for i := range p {
		p[i] = max(p[i], by[i])
	}
}

// A sealedChunk is a packed chunk that is kept in memory: for good without a file, else until it is
// written.
type sealedChunk struct {
	start int64
	count int
	blob  []byte
}

// renew sees to counters of r that fell: they began anew, and what they had before stays in the steps under way.
func (x *series) renew(r *reading) {
	anew := func(total func(*totals) *uint64) {
		old := *total(&x.total)
		*total(&x.total) = 0
		for i := range x.tiers {
			*total(&x.tiers[i].since) -= old // may pass zero; the difference stays
		}
	}
	for f := range x.layout.sums {
		if r.values[f] < x.total.sums[f] {
			anew(func(t *totals) *uint64 { return &t.sums[f] })
		}
	}
	if x.layout.rtt && (r.rttSum < x.total.sums[RTT] || r.rttSamples < x.total.rtt) {
		anew(func(t *totals) *uint64 { return &t.sums[RTT] })
		anew(func(t *totals) *uint64 { return &t.rtt })
	}
}

// add brings t from the end of the stretch before p to that of p, when it was from at the last sample and r is
// read at the next one. A round trip belongs to the time at which it was seen, about: the end.
func (t *totals) add(l *layout, from *totals, r *reading, p *stretch) {
	t.weight += p.ns
	for f := l.sums; f < l.means; f++ {
		t.sums[f] += r.values[f] * (p.ns / meanUnit)
	}
	if p.done < 1 {
		for f := range l.sums {
			if gained := r.values[f] - from.sums[f]; gained != 0 {
				t.sums[f] = from.sums[f] + min(uint64(float64(gained)*p.done), gained)
			}
		}
		return
	}
	copy(t.sums[:l.sums], r.values[:])
	if l.rtt {
		t.sums[RTT], t.rtt = r.rttSum, r.rttSamples
	}
}

// underWay is the point of the step under way of tier i, as far as it is.
func (x *series) underWay(i int) point {
	p := x.tiers[i].peaks
	for k := range i {
		p.raise(&x.tiers[k].peaks)
	}
	return x.tiers[i].point(x.layout, &x.total, &p)
}

// meanUnit is the resolution of the weights of means, ns: sums of hosts and flows over a year of it
// stay far from 64 bits.
const meanUnit = 1e6

// point is the packed values of what happened until now.
func (k *track) point(l *layout, now *totals, highest *peaks) (p point) {
	if *now == k.since && *highest == (peaks{}) {
		return noPoint
	}
	for f := range l.sums {
		p[f] = pack(now.sums[f] - k.since.sums[f])
	}
	weight := (now.weight - k.since.weight) / meanUnit
	for f := l.sums; f < l.means; f++ {
		p[f] = pack((now.sums[f] - k.since.sums[f] + weight/2) / max(weight, 1))
	}
	if samples := now.rtt - k.since.rtt; l.rtt && samples > 0 {
		p[RTT] = pack((now.sums[RTT] - k.since.sums[RTT]) / 1000 / samples)
	}
	for f := l.peaks; f < NumFields; f++ {
		p[f] = pack(highest[f-l.peaks])
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
