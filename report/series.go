package report

import (
	"math"
	"slices"
	"sync"
	"time"

	"github.com/netmond/netmond/flows"
	"github.com/netmond/netmond/localnets"
)

// A SeriesField is an amount that is recorded over time, of the totals or of a network.
type SeriesField int

// The fields of the totals.
const (
	InboundBytes SeriesField = iota
	OutboundBytes
	InternalBytes
	TransitBytes
	EncapsulationBytes
	NonIPBytes
	UndecodedBytes
	TotalBytes
	TotalPackets
)

// The fields of a network.
const (
	IngressBytes SeriesField = iota
	EgressBytes
	InnerBytes
	IngressPackets
	EgressPackets
	InnerPackets
	TCPPackets
	Retransmissions
	OutOfOrder
	Lost

	numSeriesFields
)

// Names and units of the fields, as /api/v1/history has them.
var (
	totalSeries = [numSeriesFields][2]string{
		{"inbound_bytes", "bytes/s"}, {"outbound_bytes", "bytes/s"}, {"internal_bytes", "bytes/s"}, {"transit_bytes", "bytes/s"}, {"encapsulation_bytes", "bytes/s"},
		{"non_ip_bytes", "bytes/s"}, {"undecoded_bytes", "bytes/s"}, {"bytes", "bytes/s"}, {"packets", "packets/s"},
	}
	networkSeries = [numSeriesFields][2]string{
		{"ingress_bytes", "bytes/s"}, {"egress_bytes", "bytes/s"}, {"inner_bytes", "bytes/s"}, {"ingress_packets", "packets/s"}, {"egress_packets", "packets/s"},
		{"inner_packets", "packets/s"}, {"tcp_packets", "packets/s"}, {"tcp_retransmissions", "packets/s"}, {"tcp_out_of_order", "packets/s"}, {"tcp_lost", "packets/s"},
	}
)

const (
	// maxSeriesPoints is what the page asks for, maxRecorded bounds the points of all networks
	// (88 bytes each), minSeriesPoints is what a graph needs however many networks there are.
	maxSeriesPoints = 600
	maxRecorded     = 1 << 19
	minSeriesPoints = 120
)

// nextStep is the step after a step: each divides the next, so that points can be joined.
func nextStep(step time.Duration) time.Duration {
	const day = 24 * time.Hour
	steps := []time.Duration{
		time.Millisecond, 2 * time.Millisecond, 10 * time.Millisecond, 20 * time.Millisecond, 100 * time.Millisecond, 200 * time.Millisecond,
		time.Second, 2 * time.Second, 10 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute,
		time.Hour, 2 * time.Hour, 6 * time.Hour, 12 * time.Hour, day,
	}
	if i := slices.Index(steps, step); i >= 0 && i+1 < len(steps) {
		return steps[i+1]
	}
	return 2 * step
}

// A Recorder records amounts over capture time in steps that grow with the time that was captured, so that
// there are always enough and never too many. One goroutine calls Due and Sample; any may call Series.
type Recorder struct {
	most int // points

	next int64 // capture time at which the step under way ends; of the goroutine that samples

	mu       sync.Mutex // guards what follows
	step     int64      // ns
	first    int64      // number of the first step: its time is first * step
	now      int64      // number of the step under way
	started  bool
	ended    bool
	total    track
	networks []track // by ID
}

// A track is one series: its points in order, without those in which nothing happened.
type track struct {
	last   [numSeriesFields]uint64 // counters at the last sample
	points []trackPoint
}

type trackPoint struct {
	at int64 // number of the step
	v  [numSeriesFields]uint64
}

// NewRecorder makes a Recorder for so many networks.
func NewRecorder(networks int) *Recorder {
	return &Recorder{
		most: max(minSeriesPoints, min(maxSeriesPoints, maxRecorded/(networks+1))), next: math.MinInt64,
		step: int64(time.Millisecond), networks: make([]track, networks),
	}
}

// Due reports whether a frame of this capture time begins another step. Then Sample must be called before the
// frame is counted.
func (r *Recorder) Due(t int64) bool { return t >= r.next }

// Sample ends the step under way, whose frames and those before are counted in s, and begins that of t, for
// which Due is true. The first Sample may have no s.
func (r *Recorder) Sample(s *flows.Snapshot, t int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended {
		r.next = math.MaxInt64
		return
	}
	if r.started {
		r.take(s)
	}
	r.now = floorDiv(t, r.step)
	if !r.started {
		r.started, r.first = true, r.now
	}
	for r.now-r.first >= int64(r.most) {
		r.widen()
	}
	if r.next = math.MaxInt64; r.now < math.MaxInt64/r.step {
		r.next = (r.now + 1) * r.step
	}
}

// take adds what was counted since the last sample to the step under way.
func (r *Recorder) take(s *flows.Snapshot) {
	var v [numSeriesFields]uint64
	for scope, c := range s.Nets.Scopes {
		v[scope] = c.Bytes // the fields have the scopes' order
	}
	v[TotalBytes], v[TotalPackets] = s.Capture.Bytes, s.Capture.Packets
	r.total.take(r.now, &v)
	for i := range min(len(r.networks), len(s.Nets.Networks)) {
		n := &s.Nets.Networks[i]
		v = [numSeriesFields]uint64{
			n.Traffic[localnets.Ingress].Bytes, n.Traffic[localnets.Egress].Bytes, n.Traffic[localnets.Inner].Bytes,
			n.Traffic[localnets.Ingress].Packets, n.Traffic[localnets.Egress].Packets, n.Traffic[localnets.Inner].Packets,
		}
		for d := range n.TCP {
			t := &n.TCP[d]
			v[TCPPackets] += t.Packets
			v[Retransmissions] += t.Retransmissions
			v[OutOfOrder] += t.OutOfOrder
			v[Lost] += t.Lost
		}
		r.networks[i].take(r.now, &v)
	}
}

func (k *track) take(at int64, v *[numSeriesFields]uint64) {
	if *v == k.last {
		return
	}
	if n := len(k.points); n == 0 || k.points[n-1].at != at {
		k.points = append(k.points, trackPoint{at: at})
	}
	p := &k.points[len(k.points)-1]
	for f := range v {
		p.v[f] += v[f] - k.last[f]
	}
	k.last = *v
}

// widen makes the steps longer.
func (r *Recorder) widen() {
	wide := int64(nextStep(time.Duration(r.step)))
	by := wide / r.step
	for i := range r.networks {
		r.networks[i].join(by)
	}
	r.total.join(by)
	r.first, r.now, r.step = floorDiv(r.first, by), floorDiv(r.now, by), wide
}

func (k *track) join(by int64) {
	out := k.points[:0]
	for _, p := range k.points {
		p.at = floorDiv(p.at, by)
		if n := len(out); n > 0 && out[n-1].at == p.at {
			for f := range p.v {
				out[n-1].v[f] += p.v[f]
			}
			continue
		}
		out = append(out, p)
	}
	k.points = out
}

// floorDiv rounds towards the past.
func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// Series ends the recording with all that was counted and gives it; nil when nothing was.
func (r *Recorder) Series(s *flows.Snapshot) *Series {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.ended && r.started {
		r.take(s)
	}
	r.ended = true
	if len(r.total.points) == 0 {
		return nil
	}
	return &Series{
		Start: r.first * r.step, Step: time.Duration(r.step), Points: int(r.now - r.first + 1),
		first: r.first, total: &r.total, networks: r.networks,
	}
}

// Series are amounts over capture time, of all traffic and of each network. The points of a field sum exactly
// to its counter.
type Series struct {
	Start  int64         // capture time of the first step, ns since the Unix epoch
	Step   time.Duration // at least 1 ms
	Points int

	first    int64
	total    *track
	networks []track
}

// Total is a field of all traffic, by step.
func (s *Series) Total(f SeriesField) []uint64 { return s.values(s.total, f) }

// Network is a field of the network with the ID id, by step.
func (s *Series) Network(id int32, f SeriesField) []uint64 { return s.values(&s.networks[id], f) }

func (s *Series) values(k *track, f SeriesField) []uint64 {
	out := make([]uint64, s.Points)
	for i := range k.points {
		out[k.points[i].at-s.first] = k.points[i].v[f]
	}
	return out
}

// Rates are amounts by step as amounts a second.
func (s *Series) Rates(amounts []uint64) []float64 {
	out := make([]float64, len(amounts))
	for i, n := range amounts {
		out[i] = float64(n) / s.Step.Seconds()
	}
	return out
}

// Figures sum up rates.
type Figures struct {
	Min, Mean, P95, Max float64
}

// FiguresOf are the figures of rates, of which there is one at least; P95 is by nearest rank.
func FiguresOf(rates []float64) (f Figures) {
	sorted := slices.Sorted(slices.Values(rates))
	for _, v := range sorted {
		f.Mean += v
	}
	n := len(sorted)
	f.Mean /= float64(n)
	f.Min, f.Max = sorted[0], sorted[n-1]
	f.P95 = sorted[max((n*95+99)/100-1, 0)]
	return f
}
