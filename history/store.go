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
	changes []change  // of the last sample, for its memory
	samples uint64    // so far
	last    int64     // time of the last one; 0 before
	oldest  int64     // time of the first point that was ever recorded, as far as it is kept; 0 before
	refused uint64    // series that found no place
	held    int64     // bytes of sealed chunks in memory

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
	x := &series{
		name: name, layout: layoutOf(name), steps: make([]step, len(s.tiers)), open: make([][]point, len(s.tiers)),
		sealed: make([][]sealedChunk, len(s.tiers)),
	}
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
	for i := range x.open {
		if x.open[i] != nil || len(x.sealed[i]) > 0 || x.steps[i].touched {
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
	// The steps between are passed one by one of the finest tier, each with its share.
	all := s.readings(x)
	fine := s.tiers[0].step
	if len(all) == 0 {
		s.advance(now)
		return
	}
	given := 0.0 // of what happened
	for at := from; ; {
		end := min((at/fine+1)*fine, now)
		s.advance(at)
		done := 1.0
		if end < now {
			done = float64(end-from) / float64(now-from)
		}
		for i := range all {
			all[i].spend(uint64(end-at), given, done)
		}
		if end == now {
			break
		}
		at, given = end, done
	}
	s.advance(now)
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

// A change is what a series gained since the last sample.
type change struct {
	to   *series
	d    reading
	none bool // d is nothing at all: an idle network
}

// readings compares the sample with the last one. What it gives is good until the next call.
func (s *Store) readings(x *Sample) []change {
	all := s.changes[:0]
	note := func(to *series, r reading) {
		c := change{to: to, d: to.since(&r)}
		c.none = c.d == reading{}
		all = append(all, c)
		to.last, to.seen = r, s.samples
	}
	if to := s.seriesOf(Total); to != nil {
		note(to, x.totals())
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
			name := networks[i].Prefix.String()
			if to = s.seriesOf(name); to != nil {
				to.prefix = networks[i].Prefix
			}
			s.order[i] = to
		}
		if to != nil {
			note(to, x.network(&x.Readings.Values[i], to.name))
		}
	}
	s.changes = all
	return all
}

// spend gives out what happened from one part of the time to another, of 0 to 1; ns lie between. A round trip
// belongs to the time at which it was seen, about: the end.
func (c *change) spend(ns uint64, given, done float64) {
	st := &c.to.steps[0]
	st.touched = true
	st.weight += ns
	if !c.none {
		st.add(c.to.layout, &c.d, ns, given, done)
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

// advance closes the steps that end at or before now, the finest first. Under mu.
func (s *Store) advance(now int64) {
	for i := range s.tiers {
		t := &s.tiers[i]
		to := now / t.step
		if to <= t.now {
			continue
		}
		for _, x := range s.list {
			x.close(i, t)
		}
		if boundary := to - to%int64(t.chunk); t.now < boundary {
			s.seal(i, boundary)
		}
		t.now = to
	}
}

// close ends the step under way of tier i, and adds it to that of the next one.
func (x *series) close(i int, t *tier) {
	st := &x.steps[i]
	if !st.touched {
		return
	}
	p := st.point(x.layout)
	x.put(i, t, t.now, p)
	if i == 0 {
		x.note(t.now, p)
	}
	if i+1 < len(x.steps) {
		x.steps[i+1].merge(x.layout, st)
	}
	st.reset()
}

// mantissaOf is the bits of sealed chunks with a step of ns.
func mantissaOf(step int64) int {
	if step >= int64(time.Minute) {
		return longMantissa
	}
	return mantissa
}

// put notes the point of a step in the open chunk.
func (x *series) put(i int, t *tier, at int64, p point) {
	if x.open[i] == nil {
		x.open[i] = make([]point, t.chunk)
		for k := range x.open[i] {
			x.open[i][k] = noPoint
		}
	}
	x.open[i][at%int64(t.chunk)] = p
}

// seal packs the open chunks of tier i, all of whose steps lie before boundary. Under mu.
func (s *Store) seal(i int, boundary int64) {
	t := &s.tiers[i]
	start := t.now - t.now%int64(t.chunk)
	for _, x := range s.list {
		if x.open[i] == nil {
			continue
		}
		c := chunk{start, x.open[i]}.trimmed()
		if len(c.points) > 0 {
			sc := sealedChunk{c.start, len(c.points), encode(c.points, mantissaOf(t.step))}
			if s.db != nil {
				s.pending.chunks = append(s.pending.chunks, pendingChunk{x, i, sc})
			}
			x.sealed[i] = append(x.sealed[i], sc)
			s.held += int64(len(sc.blob)) + sealedBytes
		}
		x.open[i] = nil
	}
	if s.db == nil {
		s.expire(i, s.aged/t.step-t.keep)
	}
}

// sealedBytes is what a sealed chunk takes beside its bytes.
const sealedBytes = 40

// expire drops what tier i holds in memory before step oldest. Under mu.
func (s *Store) expire(i int, oldest int64) (dropped int) {
	for _, x := range s.list {
		n := 0
		for n < len(x.sealed[i]) && x.sealed[i][n].start+int64(x.sealed[i][n].count) <= oldest {
			s.held -= int64(len(x.sealed[i][n].blob)) + sealedBytes
			n++
		}
		if n > 0 {
			x.sealed[i] = append([]sealedChunk(nil), x.sealed[i][n:]...)
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
				for _, c := range x.sealed[i] {
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
			x.steps[i], x.open[i] = step{}, nil
			keep := x.sealed[i][:0]
			for _, c := range x.sealed[i] {
				if c.start+int64(c.count) <= limit {
					keep = append(keep, c)
				} else {
					s.held -= int64(len(c.blob)) + sealedBytes
				}
			}
			x.sealed[i] = keep
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
		for i := range x.open {
			st.MemoryBytes += int64(len(x.open[i])) * pointBytes
		}
		st.MemoryBytes += int64(len(s.tiers)*(NumFields*8+64)) + 1024
	}
	return st
}
