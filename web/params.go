package web

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/netmond/netmond/geoip"
	"github.com/netmond/netmond/report"
	"github.com/netmond/netmond/web/query"
)

// params are the parameters of a request, each taken once; err is the first that was wrong.
type params struct {
	values url.Values
	err    error
}

// paramsOf reads the parameters of a request that may have those named.
func paramsOf(r *http.Request, known ...string) *params {
	p := &params{}
	if p.values, p.err = parseQuery(r.URL.RawQuery); p.err != nil {
		return p
	}
	for name, values := range p.values {
		switch {
		case !slices.Contains(known, name):
			p.err = fmt.Errorf("there is no parameter %.40q; known are %s", name, strings.Join(known, ", "))
		case len(values) != 1:
			p.err = fmt.Errorf("parameter %s is given %d times", name, len(values))
		}
	}
	return p
}

// fail notes what is wrong with a parameter.
func (p *params) fail(name string, err error) {
	if p.err == nil {
		p.err = fmt.Errorf("parameter %s: %w", name, err)
	}
}

func (p *params) has(name string) bool { return p.values.Has(name) }

func (p *params) text(name string) string { return p.values.Get(name) }

// number is a parameter from 1 to most, or the default.
func (p *params) number(name string, otherwise, most int) int {
	if !p.has(name) {
		return otherwise
	}
	n, err := parseNumber(p.text(name), most)
	if err != nil {
		p.fail(name, err)
	}
	return n
}

// word is a parameter that is one of words, or the first of them.
func (p *params) word(name string, words ...string) string {
	if !p.has(name) {
		return words[0]
	}
	if w := p.text(name); slices.Contains(words, w) {
		return w
	}
	p.fail(name, fmt.Errorf("want one of %s", strings.Join(words, ", ")))
	return words[0]
}

// A listing is the part of a list that is wanted.
type listing struct {
	sort          string
	descending    bool
	page, perPage int
}

// maxListed bounds how far into a list the pages reach: the rows before a page are sorted too.
const maxListed = 10_000

// listing reads sort, order, page and per_page; the first of sorts is the default.
func (p *params) listing(sorts ...string) listing {
	l := listing{
		sort: p.word("sort", sorts...), descending: p.word("order", "desc", "asc") == "desc",
		page: p.number("page", 1, 1<<30), perPage: p.number("per_page", defaultPerPage, maxPerPage),
	}
	if p.err == nil && l.page*l.perPage > maxListed {
		p.fail("page", fmt.Errorf("lists reach to row %d; narrow the filter or sort otherwise", maxListed))
	}
	return l
}

// bounds are the rows of the page among total.
func (l *listing) bounds(total int) (from, to int) {
	return min((l.page-1)*l.perPage, total), min(l.page*l.perPage, total)
}

// filter parses the parameter filter.
func (s *Server) filter(p *params, kind query.Kind) *query.Query {
	q, err := query.Parse(kind, p.text("filter"), s.networkID)
	if err != nil {
		p.fail("filter", err)
		return q
	}
	asn, country := s.places().Has()
	switch {
	case q.ASN && !asn:
		p.fail("filter", errNoASN)
	case q.Country && !country:
		p.fail("filter", errNoCountry)
	}
	return q
}

var (
	errNoASN     = errors.New("no database of autonomous systems is configured (geoip.asn)")
	errNoCountry = errors.New("no database of countries is configured (geoip.country)")
)

// places are the databases of remote addresses, never nil.
func (s *Server) places() *geoip.DB {
	if s.deps.Places != nil {
		if db := s.deps.Places(); db != nil {
			return db
		}
	}
	return new(geoip.DB)
}

// networkID finds a network of the present snapshot.
func (s *Server) networkID(name string) (int32, bool) {
	if n := s.deps.Snapshot().Nets.LookupName(name); n != nil {
		return n.ID, true
	}
	return 0, false
}

// badRequest answers what was wrong with the parameters; false when nothing was.
func (p *params) badRequest(w http.ResponseWriter) bool {
	if p.err == nil {
		return false
	}
	column := 0
	var e *query.Error
	if errors.As(p.err, &e) {
		column = e.Column
	}
	writeProblemAt(w, http.StatusBadRequest, p.err.Error(), column)
	return true
}

// page is the page of a sorted list.
func page[T any](t *report.First[T], l *listing) []T {
	rows := t.Sorted()
	from, to := l.bounds(len(rows))
	return rows[from:to]
}
