package history

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"time"
)

// A Series is what Range answers: the same number of values for each field as there are times.
type Series struct {
	Name string
	// Step is the time between two points, a multiple of Resolution, that of the tier they come from.
	Step, Resolution time.Duration
	Times            []int64 // beginnings of the steps, ns since the Unix epoch
	Fields           []FieldSeries
}

// A FieldSeries is one field of a Series.
type FieldSeries struct {
	Field Field
	FieldInfo
	// Values are per second for a Sum, else the mean or peak; NaN where nothing was recorded.
	Values []float64
	// Of the tier's own points between the two times, which Values may sum up further: NaN without any.
	Min, Max, Mean, P95 float64
	Sum                 float64 // of a Sum: the amount, in units without "/s"; else NaN
	Points              int     // points that were recorded
}

// A Request says what Range gives.
type Request struct {
	Series    string  // Total, or a network's CIDR
	Fields    []Field // empty for all
	From, To  int64   // ns since the Unix epoch; From is in, To is not
	MaxPoints int     // 1 at least
	// Step asks for a tier of this step at least; 0 for the finest that reaches back to From and has
	// not many more points than are wanted.
	Step time.Duration
}

// maxQueryPoints bounds the points of a tier that one request may need.
const maxQueryPoints = 1 << 20

// UnknownSeriesError says that nothing was ever recorded under a name.
type UnknownSeriesError struct{ Series string }

func (e *UnknownSeriesError) Error() string { return fmt.Sprintf("no history of %q", e.Series) }

// Range answers a request. Errors: *UnknownSeriesError, the context's, and those of the file.
func (s *Store) Range(ctx context.Context, q Request) (*Series, error) {
	if q.To <= q.From || q.MaxPoints < 1 || q.From < 0 {
		return nil, fmt.Errorf("history of %q from %d to %d in %d points: nothing is asked for", q.Series, q.From, q.To, q.MaxPoints)
	}
	i, now, oldest := s.choose(&q)
	t := &s.tiers[i]
	// Neither before the first point that there is nor after the last one are there any to go through.
	from := max(q.From, min(oldest, q.To-1)) / t.step
	to := (max(min(q.To, now), q.From+1, oldest+1) + t.step - 1) / t.step
	to = max(to, from+1)
	if to-from > maxQueryPoints {
		from = to - maxQueryPoints
	}
	points, err := s.points(ctx, q.Series, i, from, to)
	if err != nil {
		return nil, err
	}
	group := (to - from + int64(q.MaxPoints) - 1) / int64(q.MaxPoints)
	group = max(group, 1)
	first := from - from%group // so that a range that moves on keeps its steps
	out := &Series{Name: q.Series, Resolution: t.Step, Step: t.Step * time.Duration(group)}
	for at := first; at < to; at += group {
		out.Times = append(out.Times, at*t.step)
	}
	fields := q.Fields
	if len(fields) == 0 {
		for f := range Field(NumFields) {
			fields = append(fields, f)
		}
	}
	for _, f := range fields {
		out.Fields = append(out.Fields, summarize(f, Fields(q.Series)[f], points, int(first-from), int(group), len(out.Times), t.Step.Seconds()))
	}
	return out, nil
}

// choose picks the tier of a request; now is the time of the last sample.
func (s *Store) choose(q *Request) (tier int, now, oldest int64) {
	s.mu.Lock()
	now, oldest = s.last, s.oldest
	s.mu.Unlock()
	from, to := max(q.From, oldest), min(q.To, max(now, q.From+1))
	best := len(s.tiers) - 1
	for i := len(s.tiers) - 1; i >= 0; i-- {
		t := &s.tiers[i]
		reaches := from >= now-int64(t.Keep)-t.step
		few := (to-from)/t.step <= int64(q.MaxPoints)*16
		if t.Step >= q.Step && reaches && few {
			best = i
		}
	}
	return best, now, oldest
}

// points collects a series' points of tier i from step from to step to.
func (s *Store) points(ctx context.Context, name string, i int, from, to int64) ([]point, error) {
	points := slices.Repeat([]point{noPoint}, int(to-from))
	put := func(start int64, list []point) {
		for k := range list {
			if at := start + int64(k) - from; at >= 0 && at < int64(len(points)) && !list[k].absent() {
				points[at] = list[k]
			}
		}
	}
	// The memory first: what a flush moves to the file meanwhile is then read twice, and not missed.
	known, err := s.pointsInMemory(name, i, put)
	if err != nil {
		return nil, err
	}
	if s.db != nil {
		id, ok, err := s.db.seriesID(ctx, name)
		if err != nil {
			return nil, fmt.Errorf("history of %q: %w", name, err)
		}
		if known = known || ok; ok {
			list, _, err := s.db.chunks(ctx, s.db.read, s.seconds(i), id, from, to)
			if err != nil {
				return nil, fmt.Errorf("history of %q: %w", name, err)
			}
			for _, c := range list {
				put(c.start, c.points)
			}
		}
	}
	if !known {
		return nil, &UnknownSeriesError{name}
	}
	return points, nil
}

// pointsInMemory gives the points that are in no chunk of the file; false when there is no such series.
func (s *Store) pointsInMemory(name string, i int, put func(int64, []point)) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	x := s.series[name]
	if x == nil {
		return false, nil
	}
	for _, c := range x.tiers[i].sealed {
		list, err := decode(c.blob)
		if err != nil {
			return true, fmt.Errorf("history of %q: %w", name, err)
		}
		put(c.start, list)
	}
	t := &s.tiers[i]
	if x.tiers[i].open != nil {
		put(t.now-t.now%int64(t.chunk), x.tiers[i].open)
	}
	if i > 0 { // the step under way, as far as it is
		put(t.now, []point{x.underWay(i)})
	}
	return true, nil
}

// summarize makes a field's values of groups of points, and its figures of all of them. The first
// group begins at point first, which may be before the first one.
func summarize(f Field, info FieldInfo, points []point, first, group, times int, step float64) FieldSeries {
	nan := math.NaN()
	out := FieldSeries{Field: f, FieldInfo: info, Values: make([]float64, times), Min: nan, Max: nan, Mean: nan, P95: nan, Sum: nan}
	scale := 1.0
	if info.Kind == Sum {
		scale = 1 / step
	}
	all := make([]float64, 0, len(points))
	for k := range out.Values {
		n, sum, peak := 0, 0.0, 0.0
		for at := max(first+k*group, 0); at < min(first+(k+1)*group, len(points)); at++ {
			if points[at].absent() {
				continue
			}
			v := float64(unpack(points[at][f])) * scale
			if info.Sparse && v == 0 {
				continue
			}
			all = append(all, v)
			n, sum, peak = n+1, sum+v, max(peak, v)
		}
		switch {
		case n == 0:
			out.Values[k] = nan
		case info.Kind == Peak:
			out.Values[k] = peak
		default:
			out.Values[k] = sum / float64(n)
		}
	}
	out.Points = len(all)
	if len(all) == 0 {
		return out
	}
	sum := 0.0
	for _, v := range all {
		sum += v
	}
	out.Mean = sum / float64(len(all))
	if info.Kind == Sum {
		out.Sum = sum * step
	}
	slices.Sort(all)
	out.Min, out.Max = all[0], all[len(all)-1]
	out.P95 = all[max(int(math.Ceil(float64(len(all))*0.95))-1, 0)] // nearest rank
	return out
}

// An AppSeries is the application protocols of a network over time.
type AppSeries struct {
	Name  string
	Step  time.Duration
	Steps []AppPoint // those with traffic, in order
	Total []AppBytes // over all steps, most bytes first
}

// An AppPoint is one step of an AppSeries, most bytes first.
type AppPoint struct {
	Time int64 // beginning of the step, ns since the Unix epoch
	Apps []AppBytes
}

// Apps gives a network's application protocols from one time to another, ns since the Unix epoch. What
// the minute under way brought is not in it.
func (s *Store) Apps(ctx context.Context, name string, from, to int64) (*AppSeries, error) {
	s.mu.Lock()
	now, since := s.last, max(from, s.oldest)
	s.mu.Unlock()
	tier := len(appTiers) - 1
	for i := len(appTiers) - 1; i >= 0; i-- {
		if since >= now-int64(appTiers[i].Keep)-int64(appTiers[i].Step) {
			tier = i
		}
	}
	step := int64(appTiers[tier].Step)
	first, end := from/step, (to+step-1)/step
	steps := map[int64][]AppBytes{}
	known, err := s.appsInMemory(name, tier, first, end, steps)
	if err == nil && s.db != nil {
		var id int64
		var ok bool
		if id, ok, err = s.db.seriesID(ctx, name); err == nil && ok {
			known = true
			err = s.db.apps(ctx, s.db.read, step/int64(time.Second), id, first, end, steps)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("history of %q: %w", name, err)
	}
	if !known {
		return nil, &UnknownSeriesError{name}
	}
	out := &AppSeries{Name: name, Step: appTiers[tier].Step}
	for start, list := range steps {
		out.Steps = append(out.Steps, AppPoint{start * step, list})
		for i := range list {
			out.Total = addApp(out.Total, &list[i])
		}
	}
	slices.SortFunc(out.Steps, func(a, b AppPoint) int { return cmp.Compare(a.Time, b.Time) })
	slices.SortStableFunc(out.Total, func(a, b AppBytes) int { return cmp.Compare(b.total(), a.total()) })
	return out, nil
}

// appsInMemory gives the steps that are in no file; false when there is no such series.
func (s *Store) appsInMemory(name string, tier int, first, end int64, steps map[int64][]AppBytes) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	x := s.series[name]
	if x == nil {
		return false, nil
	}
	for _, k := range x.apps.kept[tier] {
		if k.start < first || k.start >= end {
			continue
		}
		list, err := decodeApps(k.blob)
		if err != nil {
			return true, err
		}
		steps[k.start] = list
	}
	if sums := x.apps.sums[tier]; tier > 0 && len(sums) > 0 {
		if at := s.appsNow * int64(appTiers[0].Step) / int64(appTiers[tier].Step); at >= first && at < end {
			steps[at] = busiest(sums)
		}
	}
	return true, nil
}
