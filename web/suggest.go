package web

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/netmond/netmond/flows"
	"github.com/netmond/netmond/localnets/suggest"
	"github.com/netmond/netmond/report"
)

// suggest finds the prefixes that the traffic without a local network belongs to, by the flows in the table.
func (s *Server) suggest(w http.ResponseWriter, r *http.Request) {
	p := paramsOf(r, "min_share", "max", "all")
	cfg := suggest.Config{Max: p.number("max", suggest.DefaultMax, suggest.MostMax), MinShare: suggest.DefaultMinShare}
	if p.has("min_share") {
		var err error
		if cfg.MinShare, err = strconv.ParseFloat(p.text("min_share"), 64); err != nil || !(cfg.MinShare > 0 && cfg.MinShare <= 1) {
			p.fail("min_share", errors.New("want a number above 0, at most 1"))
		}
	}
	switch p.word("all", "auto", "true", "false") {
	case "auto":
		cfg.All = s.deps.AssumedNetworks != nil && s.deps.AssumedNetworks()
	case "true":
		cfg.All = true
	}
	if p.badRequest(w) {
		return
	}
	whole := true
	answer, err := report.Suggest(func(fn func(*flows.Flow) bool) {
		whole = whole && s.scan(r.Context(), fn)
	}, s.deps.Snapshot().Nets, cfg)
	switch {
	case !whole: // the client has gone
	case err != nil: // checked above
		writeProblem(w, http.StatusBadRequest, err.Error())
	default:
		s.writeJSON(w, r, answer)
	}
}
