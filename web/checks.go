package web

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strconv"
	"time"

	"github.com/netmond/netmond/lua/engine"
)

// Checks tells of the checks that run; an engine.Engine is one.
type Checks interface {
	Status() []engine.CheckStatus
	EngineStatus() engine.EngineStatus
	// Source is the text of a check's file; an error wraps fs.ErrNotExist where there is no such check.
	Source(check string) (string, error)
}

// checkJSON is a check as the API shows it.
type checkJSON struct {
	Check        string            `json:"check"`
	File         string            `json:"file"`
	Shipped      bool              `json:"shipped"`
	Style        string            `json:"style"`
	Hooks        []string          `json:"hooks"`
	Enabled      bool              `json:"enabled"`
	State        string            `json:"state"`
	Until        *string           `json:"until"`
	LoadError    string            `json:"load_error"`
	LastError    string            `json:"last_error"`
	Runs         map[string]uint64 `json:"runs"`
	Failures     int               `json:"failures"`
	LastRun      *string           `json:"last_run"`
	LastSuccess  *string           `json:"last_success"`
	LastSeconds  float64           `json:"last_seconds"`
	TotalSeconds float64           `json:"total_seconds"`
	Engaged      uint64            `json:"alerts_engaged"`
	Released     uint64            `json:"alerts_released"`
	Recorded     uint64            `json:"alerts_recorded"`
	Refused      uint64            `json:"changes_refused"`
	Queued       uint64            `json:"changes_queued"`
	Misused      uint64            `json:"wrong_api_calls"`
	PrintDropped uint64            `json:"print_bytes_dropped"`
}

// checksJSON is the answer of /api/v1/checks.
type checksJSON struct {
	Checks []checkJSON `json:"checks"`
	Engine engineJSON  `json:"engine"`
}

type engineJSON struct {
	WorkersLost   map[string]uint64 `json:"workers_lost"`
	Recycled      uint64            `json:"workers_recycled"`
	LateRuns      uint64            `json:"late_runs"`
	MissedPeriods uint64            `json:"missed_periods"`
	RefusedFiles  uint64            `json:"refused_files"`
	Reloads       uint64            `json:"reloads"`
}

// nanoseconds is a time (ns since the Unix epoch) as RFC 3339 to the millisecond; nil for 0.
func nanoseconds(t int64) *string {
	if t == 0 {
		return nil
	}
	s := time.Unix(0, t).UTC().Format("2006-01-02T15:04:05.000Z")
	return &s
}

func toCheckJSON(c *engine.CheckStatus) checkJSON {
	j := checkJSON{
		Check: c.Key, File: c.File, Shipped: c.Shipped, Style: c.Style, Hooks: make([]string, len(c.Hooks)),
		Enabled: c.Enabled, State: c.State.String(), Until: nanoseconds(c.Until), LoadError: c.LoadErr, LastError: c.LastErr,
		Runs: make(map[string]uint64), Failures: c.Failures, LastRun: nanoseconds(c.LastRun), LastSuccess: nanoseconds(c.LastSuccess),
		LastSeconds: c.LastDuration.Seconds(), TotalSeconds: c.Spent.Seconds(),
		Engaged: c.Engaged, Released: c.Released, Recorded: c.Recorded, Refused: c.Refused, Queued: c.Queued,
		Misused: c.Misused, PrintDropped: c.PrintDropped,
	}
	for i, p := range c.Hooks {
		j.Hooks[i] = p.String()
	}
	for o, n := range c.Runs {
		j.Runs[engine.Outcome(o).String()] = n
	}
	return j
}

// checks lists the checks.
func (s *Server) checks(w http.ResponseWriter, r *http.Request) {
	if r.URL.RawQuery != "" {
		writeProblem(w, http.StatusBadRequest, "This list takes no parameters.")
		return
	}
	list, e := s.deps.Checks.Status(), s.deps.Checks.EngineStatus()
	answer := checksJSON{Checks: make([]checkJSON, len(list)), Engine: engineJSON{
		WorkersLost: make(map[string]uint64), Recycled: e.Recycled, LateRuns: e.Late, MissedPeriods: e.Missed,
		RefusedFiles: e.Refused, Reloads: e.Reloads,
	}}
	for i := range list {
		answer.Checks[i] = toCheckJSON(&list[i])
	}
	for o, n := range e.Restarts {
		if o := engine.Outcome(o); o != engine.OK && o != engine.Skipped {
			answer.Engine.WorkersLost[o.String()] = n
		}
	}
	s.writeJSON(w, r, answer)
}

// checkSource answers the text of a check's file.
func (s *Server) checkSource(w http.ResponseWriter, r *http.Request) {
	p := paramsOf(r, "check")
	if !p.has("check") {
		p.fail("check", errors.New("want the name of a check"))
	}
	if p.badRequest(w) {
		return
	}
	name := p.text("check")
	text, err := s.deps.Checks.Source(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		writeProblem(w, http.StatusNotFound, fmt.Sprintf("There is no check %.80q.", name))
		return
	case err != nil:
		s.deps.Log.Warn("check cannot be read", "check", name, "error", err)
		writeProblem(w, http.StatusServiceUnavailable, "The check's file cannot be read; netmond's log says why.")
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(len(text)))
	io.WriteString(w, text) // an error means that the client has gone
}
