package history

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"
)

const (
	flushEvery = int64(10 * time.Second)
	// maxSpread is the longest time between two samples over which what happened is spread evenly; of a
	// longer one the beginning is a gap.
	maxSpread = int64(15 * time.Minute)
	maxAgeing = 6
)

// A Store records and answers. Add is for one goroutine; the others may be called from any.
type Store struct {
	cfg   Config
	log   *slog.Logger
	tiers []tier

	mu      sync.Mutex // guards what follows
	series  map[string]*series
	list    []*series // all of them, in the order in which they began
	order   []*series // of the last sample's networks; nil where there was no room for one
	ordered uint64    // generation of those
	samples uint64    // so far
	passed  []stretch // of the last sample, for its memory; so is ended
	ended   []ending
	last    int64  // time of the last one; 0 before
	oldest  int64  // time of the first point that was ever recorded, as far as it is kept; 0 before
	refused uint64 // series that found no place
	held    int64  // bytes of sealed chunks in memory

	// aged is the time from which the age of points is told. It follows the samples, but no faster than
	// maxAgeing times the time that they cover: a clock that jumps ahead and back costs little.
	aged    int64
	appsNow int64 // number of the minute under way; 0 before the first sample

	db      *database     // nil without a directory; its methods need no lock but flushing
	wake    chan struct{} // to Run: a flush is due
	flushed int64
	pending batch // of what is sealed and not in the file yet

	flushing sync.Mutex // one flush at a time
	status   Stats      // under mu
}

// A tier is a resolution at work.
type tier struct {
	Tier
	step  int64 // ns
	keep  int64 // steps
	chunk int   // points of a chunk
	// now is the number of the step under way; flushed the first step whose point is not in the file.
	now, flushed int64
	next         int64 // now after the sample that is taken in
	// spare are open chunks that were sealed, to be used again.
	spare [][]point
}

// Stats tell how the store is doing.
type Stats struct {
	Series        int    // recorded
	SeriesRefused uint64 // samples of series beyond the bound on memory
	MemoryBytes   int64
	MaxMemory     int64
	DiskBytes     int64 // used by the file; 0 without one
	MaxDisk       int64
	Shortened     uint64 // chunks that went before their time because of a bound
	Failing       bool   // the file does not take what is recorded
	Failures      uint64 // flushes that failed
	Dropped       uint64 // flushes that were given up because the file did not take them
	LastError     string
}

// Open makes a Store. A file that is damaged is set aside under a new name, which the log tells.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	s := &Store{cfg: cfg, log: cfg.Log, series: map[string]*series{}, wake: make(chan struct{}, 1)}
	points := cfg.chunkPoints()
	for i, t := range cfg.Tiers {
		s.tiers = append(s.tiers, tier{Tier: t, step: int64(t.Step), keep: int64(t.Keep / t.Step), chunk: points[i]})
	}
	s.status = Stats{MaxMemory: cfg.MaxMemory}
	if cfg.Dir == "" {
		return s, nil
	}
	s.status.MaxDisk = cfg.MaxDisk
	var err error
	if s.db, err = openDatabase(ctx, &cfg); err == nil {
		if s.oldest, err = s.db.oldest(ctx); err != nil {
			err = errors.Join(err, s.db.close())
		}
	}
	if err != nil {
		return nil, fmt.Errorf("history: %w", err)
	}
	return s, nil
}

// seriesOf finds or begins a series; nil when the bound on memory leaves no place. Under mu.
func (s *Store) seriesOf(name string) *series {
	if x := s.series[name]; x != nil {
		return x
	}
	if s.fits() == 0 {
		s.refused++
		return nil
	}
	x := &series{name: name, layout: layoutOf(name), tiers: make([]track, len(s.tiers))}
	s.series[name] = x
	s.list = append(s.list, x)
	if s.db != nil && s.samples == 1 {
		if err := s.restore(x); err != nil {
			s.log.Error("history before the start cannot be taken up", "series", name, "err", err)
		}
	}
	return x
}

// fits is how many more series the bound on memory allows; to make room it forgets those that are no
// longer in the samples and have nothing in memory. Under mu.
func (s *Store) fits() int64 {
	most := s.cfg.MaxMemory / s.openBytes()
	if int64(len(s.series)) < most {
		return most - int64(len(s.series))
	}
	s.list = slices.DeleteFunc(s.list, func(x *series) bool {
		gone := x.seen+1 < s.samples && !x.holds()
		if gone {
			delete(s.series, x.name)
		}
		return gone
	})
	return most - int64(len(s.series))
}

// holds reports whether the series has something in memory that is in no file.
func (x *series) holds() bool {
	for i := range x.tiers {
		if p := x.underWay(i); x.tiers[i].open != nil || len(x.tiers[i].sealed) > 0 || !p.absent() {
			return true
		}
	}
	for tier := range x.apps.kept {
		if len(x.apps.kept[tier]) > 0 || len(x.apps.sums[tier]) > 0 {
			return true
		}
	}
	return false
}

// openBytes is what a series takes for its open chunks and around them.
func (s *Store) openBytes() (n int64) {
	for i := range s.tiers {
		n += int64(s.tiers[i].chunk)*pointBytes + int64(NumFields*8+64)
	}
	return n + 1024
}

// Add records a sample. A time that is not after the last one adds to the step under way.
func (s *Store) Add(x *Sample) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := x.Time
	if now <= 0 {
		return
	}
	from := s.last
	switch {
	case s.last == 0:
		from = now - int64(s.tiers[0].Step)
		s.begin(now)
	case now < s.last-maxSpread:
		// The clock was set back: what is recorded of the time to come makes no sense any more.
		s.rewind(now)
		from = now - int64(s.tiers[0].Step)
	case now <= s.last:
		now = s.last
	case now-from > maxSpread:
		from = now - maxSpread
	}
	s.aged = min(now, s.aged+maxAgeing*(now-from))
	s.samples++
	s.last = now
	s.split(from, now)
	s.takeIn(x)
	s.moveOn()
	s.closeApps(x.Readings.Protocols, now)
	if s.db == nil {
		s.shrink()
	} else if now-s.flushed >= flushEvery {
		select {
		case s.wake <- struct{}{}:
		default: // Run has one to do already
		}
	}
}

// A stretch is a part of the time between two samples, within one step of the finest tier.
type stretch struct {
	ns uint64
	// Of what happened between the samples, from 0 to 1: what is given out before and after it.
	given, done float64
	ends        int // end of the steps in Store.ended that end with it
}

// An ending is the end of a step.
type ending struct {
	tier  int
	at    int64 // the step
	seals bool  // its chunk ends, too
}

// split divides the time between two samples into stretches. The first one has no time, and the steps that were
// under way before a pause that is left out. Under mu.
func (s *Store) split(from, now int64) {
	s.passed, s.ended = s.passed[:0], s.ended[:0]
	for i := range s.tiers {
		s.tiers[i].next = s.tiers[i].now
	}
	s.endSteps(from)
	s.passed = append(s.passed, stretch{ends: len(s.ended)})
	fine := s.tiers[0].step
	given := 0.0
	for at := from; ; {
		end, done := min((at/fine+1)*fine, now), 1.0
		if end < now {
			done = float64(end-from) / float64(now-from)
		}
		s.endSteps(end)
		s.passed = append(s.passed, stretch{uint64(end - at), given, done, len(s.ended)})
		if end == now {
			return
		}
		at, given = end, done
	}
}

// begin sets the tiers to a first sample's time.
func (s *Store) begin(now int64) {
	at := now - int64(s.tiers[0].Step)
	if s.oldest == 0 || at < s.oldest {
		s.oldest = at
	}
	if s.aged == 0 {
		s.aged = now
	}
	for i := range s.tiers {
		t := &s.tiers[i]
		t.now = at / t.step
		t.flushed = t.now
	}
	s.flushed = now
}

// endSteps notes the steps that end at or before now, the finest first.
func (s *Store) endSteps(now int64) {
	for i := range s.tiers {
		t := &s.tiers[i]
		if to := now / t.step; to > t.next {
			s.ended = append(s.ended, ending{i, t.next, t.next < to-to%int64(t.chunk)})
			t.next = to
		}
	}
}

// moveOn sets the tiers to the end of the stretches that all series have passed. Under mu.
func (s *Store) moveOn() {
	for i := range s.tiers {
		s.tiers[i].now = s.tiers[i].next
	}
	for _, e := range s.ended {
		if t := &s.tiers[e.tier]; e.seals && s.db == nil {
			s.expire(e.tier, s.aged/t.step-t.keep)
		}
	}
}

// takeIn takes all series through the stretches to the sample. Under mu.
func (s *Store) takeIn(x *Sample) {
	taken := 0
	take := func(to *series, r *reading) {
		to.seen = s.samples
		to.renew(r)
		s.pass(to, r)
		taken++
	}
	if to := s.seriesOf(Total); to != nil {
		r := x.totals()
		take(to, &r)
	}
	networks := x.Readings.Networks
	// Networks rarely change their places, and neither name nor look-up is cheap.
	same := len(s.order) == len(networks) && s.ordered == x.Nets.Generation
	for len(s.order) < len(networks) {
		s.order = append(s.order, nil)
	}
	s.order, s.ordered = s.order[:len(networks)], x.Nets.Generation
	for i := range networks {
		to := s.order[i]
		if to == nil || !same {
			if to = s.seriesOf(networks[i].Prefix.String()); to != nil {
				to.prefix = networks[i].Prefix
			}
			s.order[i] = to
		}
		if to != nil {
			r := x.network(&x.Readings.Values[i], to.name)
			take(to, &r)
		}
	}
	if taken < len(s.list) {
		for _, to := range s.list {
			if to.seen != s.samples {
				s.pass(to, nil)
			}
		}
	}
}

// pass takes a series through the stretches to r, which is nil for a series that the sample does not have.
func (s *Store) pass(x *series, r *reading) {
	at := x.total
	ended := 0
	for i := range s.passed {
		p := &s.passed[i]
		if r != nil && p.done > p.given {
			at.add(x.layout, &x.total, r, p)
			for f := x.layout.peaks; f < NumFields; f++ {
				to := &x.tiers[0].peaks[f-x.layout.peaks]
				*to = max(*to, r.values[f])
			}
		}
		for ; ended < p.ends; ended++ {
			s.end(x, &s.ended[ended], &at)
		}
	}
	x.total = at
}

// end ends the step under way of a series at now.
func (s *Store) end(x *series, e *ending, now *totals) {
	t, k := &s.tiers[e.tier], &x.tiers[e.tier]
	if p := k.point(x.layout, now, &k.peaks); !p.absent() {
		k.put(t, e.at, p)
		if e.tier == 0 {
			x.note(e.at, p)
		}
	}
	if k.peaks != (peaks{}) {
		if e.tier+1 < len(x.tiers) {
			x.tiers[e.tier+1].peaks.raise(&k.peaks)
		}
		k.peaks = peaks{}
	}
	k.since = *now
	if e.seals && k.open != nil {
		s.seal(x, e)
	}
}

// mantissaOf is the bits of sealed chunks with a step of ns.
func mantissaOf(step int64) int {
	if step >= int64(time.Minute) {
		return longMantissa
	}
	return mantissa
}

// put notes the point of a step in the open chunk.
func (k *track) put(t *tier, at int64, p point) {
	if k.open == nil {
		k.open = t.chunkOf()
	}
	k.open[at%int64(t.chunk)] = p
}

// chunkOf is a chunk without points.
func (t *tier) chunkOf() (c []point) {
	if last := len(t.spare) - 1; last >= 0 {
		c, t.spare = t.spare[last], t.spare[:last]
	} else {
		c = make([]point, t.chunk)
	}
	for i := range c {
		c[i] = noPoint
	}
	return c
}

// seal packs the open chunk of a series, whose last step may be e. Under mu.
func (s *Store) seal(x *series, e *ending) {
	t, k := &s.tiers[e.tier], &x.tiers[e.tier]
	c := chunk{e.at - e.at%int64(t.chunk), k.open}.trimmed()
	if len(c.points) > 0 {
		sc := sealedChunk{c.start, len(c.points), encode(c.points, mantissaOf(t.step))}
		if s.db != nil {
			s.pending.chunks = append(s.pending.chunks, pendingChunk{x, e.tier, sc})
		}
		k.sealed = append(k.sealed, sc)
		s.held += int64(len(sc.blob)) + sealedBytes
	}
	t.spare = append(t.spare, k.open)
	k.open = nil
}

// sealedBytes is what a sealed chunk takes beside its bytes.
const sealedBytes = 40

// expire drops what tier i holds in memory before step oldest. Under mu.
func (s *Store) expire(i int, oldest int64) (dropped int) {
	for _, x := range s.list {
		n := 0
		for n < len(x.tiers[i].sealed) && x.tiers[i].sealed[n].start+int64(x.tiers[i].sealed[n].count) <= oldest {
			s.held -= int64(len(x.tiers[i].sealed[n].blob)) + sealedBytes
			n++
		}
		if n > 0 {
			x.tiers[i].sealed = append([]sealedChunk(nil), x.tiers[i].sealed[n:]...)
			dropped += n
		}
	}
	return dropped
}

// shrink keeps the memory's bound without a file: the tier that holds most loses its oldest chunks.
func (s *Store) shrink() {
	room := s.cfg.MaxMemory - int64(len(s.series))*s.openBytes()
	for s.held > max(room, 0) {
		most, bytes, oldest := -1, int64(0), int64(0)
		for i := range s.tiers {
			sum, first := int64(0), int64(1)<<62
			for _, x := range s.list {
				for _, c := range x.tiers[i].sealed {
					sum += int64(len(c.blob)) + sealedBytes
					first = min(first, c.start+int64(c.count))
				}
			}
			if sum > bytes {
				most, bytes, oldest = i, sum, first
			}
		}
		if most < 0 {
			return
		}
		s.status.Shortened += uint64(s.expire(most, oldest))
	}
}

// rewind forgets the open chunks and all that lies after now. Under mu.
func (s *Store) rewind(now int64) {
	s.log.Warn("the clock was set back: history after it is dropped", "now", time.Unix(0, now).UTC(), "before", time.Unix(0, s.last).UTC())
	for i := range s.tiers {
		limit := (now - int64(s.tiers[0].Step)) / s.tiers[i].step
		for _, x := range s.list {
			k := &x.tiers[i]
			k.since, k.peaks, k.open = x.total, peaks{}, nil
			keep := x.tiers[i].sealed[:0]
			for _, c := range x.tiers[i].sealed {
				if c.start+int64(c.count) <= limit {
					keep = append(keep, c)
				} else {
					s.held -= int64(len(c.blob)) + sealedBytes
				}
			}
			x.tiers[i].sealed = keep
		}
		s.pending.rewind(s, i, limit)
	}
	for _, x := range s.list {
		x.apps.sums = [len(appTiers)][]AppBytes{}
	}
	s.appsNow = 0
	s.begin(now)
}

// Stats tell how the store is doing.
func (s *Store) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.status
	st.Series, st.SeriesRefused = len(s.series), s.refused
	st.MemoryBytes = s.held
	for _, x := range s.list {
		for i := range x.tiers {
			st.MemoryBytes += int64(len(x.tiers[i].open)) * pointBytes
		}
		st.MemoryBytes += int64(len(s.tiers)*(NumFields*8+64)) + 1024
	}
	return st
}
