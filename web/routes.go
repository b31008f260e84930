package web

import (
	"bufio"
	"compress/gzip"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"
)

// maxScrapes bounds the scrapes answered at once; further ones are told to come again (503).
const maxScrapes = 64

// routes makes the handler of all paths. Paths match exactly: there is no file system behind them,
// and nothing cleans "..".
func (s *Server) routes(gatherer prometheus.Gatherer) (http.Handler, error) {
	landing, policy, err := landingPage()
	if err != nil {
		return nil, err
	}
	metrics := promhttp.HandlerFor(gatherer, promhttp.HandlerOpts{
		ErrorLog:            slog.NewLogLogger(s.deps.Log.With("handler", "metrics").Handler(), slog.LevelError),
		ErrorHandling:       promhttp.ContinueOnError, // one bad series must not hide the others
		MaxRequestsInFlight: maxScrapes,
		CoalesceGather:      true,
		EnableOpenMetrics:   true,
	})
	paths := map[string]http.Handler{
		"/":                http.HandlerFunc(landing),
		"/metrics":         metrics,
		"/-/healthy":       http.HandlerFunc(s.healthy),
		"/-/ready":         http.HandlerFunc(s.readiness),
		"/api/v1/networks": http.HandlerFunc(s.networks),
	}
	for path, h := range paths {
		paths[path] = s.stats.count(path, s.checked(policy, methods(h)))
	}
	unknown := s.stats.count("other", s.checked(policy, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		writeProblem(w, http.StatusNotFound, "There is nothing under this path.")
	})))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := paths[r.URL.Path]
		if h == nil {
			h = unknown
		}
		h.ServeHTTP(w, r)
	}), nil
}

// checked refuses foreign Host headers and request bodies, and sets the headers of every answer.
func (s *Server) checked(policy string, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Content-Security-Policy", policy)
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("X-Frame-Options", "DENY")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("Cross-Origin-Resource-Policy", "same-origin")
		header.Set("Cache-Control", "no-store")
		if !s.hosts.allow(r) {
			writeProblem(w, http.StatusForbidden, "The Host header names no host of this server; --web.allowed-host adds one.")
			return
		}
		if r.ContentLength != 0 {
			header.Set("Connection", "close") // the body is not read
			writeProblem(w, http.StatusRequestEntityTooLarge, "No request here has a body.")
			return
		}
		h.ServeHTTP(w, r)
	})
}

// methods answers GET and HEAD.
func methods(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			writeProblem(w, http.StatusMethodNotAllowed, "")
			return
		}
		h.ServeHTTP(w, r)
	})
}

func (s *Server) healthy(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	io.WriteString(w, "netmond is healthy.\n")
}

func (s *Server) readiness(w http.ResponseWriter, r *http.Request) {
	if !s.ready.Load() {
		writeProblem(w, http.StatusServiceUnavailable, "netmond is not counting yet.")
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	io.WriteString(w, "netmond is ready.\n")
}

// networks answers the report of a fresh snapshot. It is written while it is made, so that many
// networks cost no memory; a client that stops reading is cut off by the answer's timeout.
func (s *Server) networks(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Type", "application/json")
	header.Set("Vary", "Accept-Encoding")
	zipped := acceptsGzip(r)
	if zipped {
		header.Set("Content-Encoding", "gzip")
	}
	if r.Method == http.MethodHead {
		return
	}
	var out io.Writer = w
	var zip *gzip.Writer
	if zipped {
		zip = gzip.NewWriter(w)
		out = zip
	}
	buffered := bufio.NewWriterSize(out, 64<<10)
	err := s.deps.Report().WriteJSON(buffered)
	if err == nil {
		err = buffered.Flush()
	}
	if err == nil && zip != nil {
		err = zip.Close()
	}
	if err != nil { // the client must not take the part for the whole
		s.deps.Log.Debug("report not sent", "err", err)
		panic(http.ErrAbortHandler)
	}
}

// acceptsGzip reports whether gzip is in Accept-Encoding with no weight of 0 (RFC 9110 section 12.5.3).
func acceptsGzip(r *http.Request) bool {
	for _, part := range strings.Split(r.Header.Get("Accept-Encoding"), ",") {
		name, params, _ := strings.Cut(part, ";")
		if !strings.EqualFold(strings.TrimSpace(name), "gzip") {
			continue
		}
		q, ok := strings.CutPrefix(strings.ReplaceAll(strings.ToLower(params), " ", ""), "q=")
		return !ok || strings.Trim(q, "0.") != ""
	}
	return false
}

// joined is the families of gatherers that have no family in common. prometheus.Gatherers would
// check each series once more.
type joined []prometheus.Gatherer

// Gather implements prometheus.Gatherer.
func (j joined) Gather() ([]*dto.MetricFamily, error) {
	var all []*dto.MetricFamily
	var errs prometheus.MultiError
	for _, g := range j {
		mfs, err := g.Gather()
		all = append(all, mfs...)
		errs.Append(err)
	}
	slices.SortFunc(all, func(a, b *dto.MetricFamily) int { return strings.Compare(a.GetName(), b.GetName()) })
	return all, errs.MaybeUnwrap()
}
