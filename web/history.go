package web

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/netmond/netmond/history"
)

// History is what the networks did over time; a history.Store is one.
type History interface {
	Range(ctx context.Context, q history.Request) (*history.Series, error)
	Apps(ctx context.Context, series string, from, to int64) (*history.AppSeries, error)
	Rates(fn func(network netip.Prefix, values *[history.NumFields]float64))
	Stats() history.Stats
}

const (
	defaultPoints = 600
	maxPoints     = 5000
	defaultRange  = 15 * time.Minute
)

type historyJSON struct {
	Network    string                 `json:"network"`    // CIDR; empty for the totals
	Start      int64                  `json:"start"`      // s since the Unix epoch
	Step       int64                  `json:"step"`       // s
	Resolution int64                  `json:"resolution"` // s, of the points that min to sum are of
	Points     int                    `json:"points"`
	Fields     map[string]historyPart `json:"fields"`
}

type historyPart struct {
	Unit     string     `json:"unit"`
	Values   []*float64 `json:"values"` // null where nothing was recorded
	Min      *float64   `json:"min"`
	Max      *float64   `json:"max"`
	Mean     *float64   `json:"mean"`
	P95      *float64   `json:"p95"`
	Sum      *float64   `json:"sum"`      // of what has a rate: the amount
	Recorded int        `json:"recorded"` // points that were recorded
}

// span reads from and to: seconds since 1970, RFC 3339, or a time back such as -15m.
func (p *params) span(now int64) (from, to int64) {
	to = p.instant("to", now, now)
	from = p.instant("from", now, to-int64(defaultRange))
	if p.err == nil && from >= to {
		p.fail("from", errors.New("it has to be before to"))
	}
	return max(from, 0), to
}

func (p *params) instant(name string, now, otherwise int64) int64 {
	text := p.text(name)
	if text == "" {
		return otherwise
	}
	if strings.HasPrefix(text, "-") {
		back, err := parseBack(text[1:])
		if err != nil {
			p.fail(name, err)
		}
		return now - int64(back)
	}
	t, err := parseTime(text)
	if err == nil && (t < 0 || t > math.MaxInt64/int64(time.Second)) {
		err = errors.New("out of range")
	}
	if err != nil {
		p.fail(name, fmt.Errorf("%w, or a time back such as -15m", err))
	}
	return t * int64(time.Second)
}

// parseBack is time.ParseDuration with days.
func parseBack(s string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := parseNumber(days, 36_500)
		return time.Duration(n) * 24 * time.Hour, err
	}
	d, err := time.ParseDuration(s)
	if err != nil || d <= 0 {
		return 0, errors.New("want a time back such as -15m, -6h or -7d")
	}
	return d, nil
}

// seriesOf is the series that the parameter network names; false when an answer was given.
func (s *Server) seriesOf(w http.ResponseWriter, p *params) (string, bool) {
	name := p.text("network")
	if name == "" {
		return history.Total, true
	}
	if n := s.deps.Snapshot().Nets.LookupName(name); n != nil {
		return n.Prefix.String(), true
	}
	noNetwork(w, name)
	return "", false
}

// now is the clock of what is recorded: capture time for files, the time of day live.
func (s *Server) now() int64 {
	if t := s.deps.Snapshot().Nets.Time; t > 0 {
		return t
	}
	return time.Now().UnixNano()
}

// rangeOf answers series of a network or the totals.
func (s *Server) rangeOf(w http.ResponseWriter, r *http.Request) {
	p := paramsOf(r, "network", "from", "to", "points", "fields", "step")
	from, to := p.span(s.now())
	q := history.Request{From: from, To: to, MaxPoints: p.number("points", defaultPoints, maxPoints)}
	q.Step = time.Duration(p.number("step", 1, 366*86400)) * time.Second
	if p.badRequest(w) {
		return
	}
	var ok bool
	if q.Series, ok = s.seriesOf(w, p); !ok {
		return
	}
	if names := p.text("fields"); names != "" {
		for name := range strings.SplitSeq(names, ",") {
			f, ok := history.LookupField(q.Series, name)
			if !ok {
				p.fail("fields", fmt.Errorf("there is no field %.40q", name))
			}
			q.Fields = append(q.Fields, f)
		}
	}
	if p.badRequest(w) {
		return
	}
	series, err := s.deps.History.Range(r.Context(), q)
	if unknown := new(history.UnknownSeriesError); errors.As(err, &unknown) {
		series, err = nothingYet(&q), nil // it is there, and its first second is not over
	}
	if err != nil {
		s.historyProblem(w, err)
		return
	}
	answer := historyJSON{
		Network: q.Series, Step: int64(series.Step / time.Second), Resolution: int64(series.Resolution / time.Second),
		Points: len(series.Times), Fields: map[string]historyPart{},
	}
	if len(series.Times) > 0 {
		answer.Start = series.Times[0] / int64(time.Second)
	}
	for i := range series.Fields {
		f := &series.Fields[i]
		part := historyPart{
			Unit: f.Unit, Values: make([]*float64, len(f.Values)), Min: number(f.Min), Max: number(f.Max), Mean: number(f.Mean),
			P95: number(f.P95), Sum: number(f.Sum), Recorded: f.Points,
		}
		for k, v := range f.Values {
			part.Values[k] = number(v)
		}
		answer.Fields[f.Name] = part
	}
	s.writeJSON(w, r, answer)
}

// nothingYet is the answer to q before anything was recorded.
func nothingYet(q *history.Request) *history.Series {
	nan := math.NaN()
	s := &history.Series{Name: q.Series, Step: time.Second, Resolution: time.Second}
	for f, info := range history.Fields(q.Series) {
		if f := history.Field(f); len(q.Fields) == 0 || slices.Contains(q.Fields, f) {
			s.Fields = append(s.Fields, history.FieldSeries{Field: f, FieldInfo: info, Min: nan, Max: nan, Mean: nan, P95: nan, Sum: nan})
		}
	}
	return s
}

// number is v, or nil where there is none; five digits are more than was recorded.
func number(v float64) *float64 {
	if math.IsNaN(v) {
		return nil
	}
	if v != 0 && math.Abs(v) < 1e15 {
		scale := math.Pow(10, 5-math.Ceil(math.Log10(math.Abs(v))))
		if scale > 1 {
			v = math.Round(v*scale) / scale
		} else {
			v = math.Round(v)
		}
	}
	return &v
}

func (s *Server) historyProblem(w http.ResponseWriter, err error) {
	var unknown *history.UnknownSeriesError
	switch {
	case errors.As(err, &unknown):
		writeProblem(w, http.StatusNotFound, "Nothing is recorded of it yet.")
	case errors.Is(err, context.Canceled):
	default:
		s.deps.Log.Warn("history cannot be read", "err", err)
		writeProblem(w, http.StatusServiceUnavailable, "The history cannot be read; netmond's log says why.")
	}
}

type appsJSON struct {
	Network string        `json:"network"`
	Step    int64         `json:"step"`  // s
	Steps   []appStepJSON `json:"steps"` // those with traffic
	Total   []appJSON     `json:"total"` // most bytes first
}

type appStepJSON struct {
	Time int64     `json:"time"` // s since the Unix epoch
	Apps []appJSON `json:"apps"`
}

type appJSON struct {
	Name    string `json:"name"`
	Ingress uint64 `json:"ingress"` // bytes
	Egress  uint64 `json:"egress"`
	Inner   uint64 `json:"inner"`
}

func toAppsJSON(list []history.AppBytes) []appJSON {
	out := make([]appJSON, len(list))
	for i, a := range list {
		out[i] = appJSON(a)
	}
	return out
}

// appsOf answers the application protocols of a network over time.
func (s *Server) appsOf(w http.ResponseWriter, r *http.Request) {
	p := paramsOf(r, "network", "from", "to")
	from, to := p.span(s.now())
	if !p.has("network") {
		p.fail("network", errors.New("want a local network's CIDR, alias or name"))
	}
	if p.badRequest(w) {
		return
	}
	name, ok := s.seriesOf(w, p)
	if !ok {
		return
	}
	series, err := s.deps.History.Apps(r.Context(), name, from, to)
	if err != nil {
		s.historyProblem(w, err)
		return
	}
	answer := appsJSON{Network: name, Step: int64(series.Step / time.Second), Steps: []appStepJSON{}, Total: toAppsJSON(series.Total)}
	for _, st := range series.Steps {
		answer.Steps = append(answer.Steps, appStepJSON{st.Time / int64(time.Second), toAppsJSON(st.Apps)})
	}
	s.writeJSON(w, r, answer)
}
