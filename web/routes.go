package web

import (
	"bufio"
	"compress/gzip"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
)

// routes makes the handler of all paths. Paths match exactly: there is no file system behind them,
// and nothing cleans "..".
func (s *Server) routes(own prometheus.Gatherer) (http.Handler, error) {
	routes, err := pageRoutes()
	if err != nil {
		return nil, err
	}
	maps.Copy(routes, map[string]route{
		"/metrics":             {get: s.metrics(own)},
		"/-/healthy":           {get: s.healthy},
		"/-/ready":             {get: s.readiness},
		"/api/v1/networks":     {get: s.networks},
		"/api/v1/openapi.yaml": {get: contract},
	})
	if s.deps.Snapshot != nil {
		routes["/api/v1/networks/summary"] = route{get: s.summary}
		routes["/api/v1/networks/suggest"] = route{get: s.suggest}
		routes["/api/v1/network"] = route{get: s.network}
		routes["/api/v1/matrix"] = route{get: s.matrix}
		routes["/api/v1/remotes"] = route{get: s.remotes}
		routes["/api/v1/flows"] = route{get: s.listFlows}
		routes["/api/v1/hosts"] = route{get: s.listHosts}
		routes["/api/v1/live"] = route{get: s.live}
		if s.deps.Status != nil {
			routes["/api/v1/capture"] = route{get: s.capture}
		}
		if s.deps.History != nil {
			routes["/api/v1/history"] = route{get: s.rangeOf}
			routes["/api/v1/history/protocols"] = route{get: s.appsOf}
		}
	}
	if s.deps.Config != nil {
		routes["/api/v1/config"] = route{get: s.config}
	}
	if s.deps.Alerts != nil {
		routes["/api/v1/alerts"] = route{get: s.alerts}
		routes["/api/v1/alerts/acknowledge"] = route{post: s.acknowledge, body: maxAlertBody}
		routes["/api/v1/alerts/delete"] = route{post: s.deleteAlerts, body: maxAlertBody}
	}
	if s.deps.Reload != nil {
		routes["/-/reload"] = route{post: s.reload}
	}
	if s.deps.Checks != nil {
		routes["/api/v1/checks"] = route{get: s.checks}
		routes["/api/v1/checks/source"] = route{get: s.checkSource}
	}
	paths := make(map[string]http.Handler, len(routes))
	for path, r := range routes {
		paths[path] = s.stats.count(path, s.checked(r))
	}
	unknown := s.stats.count("other", s.checked(route{get: notFound, post: notFound}))
	scripts := unknown
	if s.deps.Scripts != nil {
		scripts = s.stats.count(scriptsPath, s.checked(route{get: s.script, post: s.script, body: maxScriptBody}))
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := paths[r.URL.Path]
		switch {
		case h != nil:
		case strings.HasPrefix(r.URL.Path, scriptsPath):
			h = scripts
		default:
			h = unknown
		}
		h.ServeHTTP(w, r)
	}), nil
}

func notFound(w http.ResponseWriter, r *http.Request) {
	writeProblem(w, http.StatusNotFound, "There is nothing under this path.")
}

// A route is what one path answers: to GET and HEAD, which change nothing, and to POST. A nil one is not
// allowed.
type route struct {
	get, post http.HandlerFunc
	body      int64 // most bytes of a POST's body
}

// ServeHTTP implements http.Handler.
func (rt route) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h, allow := rt.get, "GET, HEAD"
	if rt.post != nil {
		if allow = "POST"; rt.get != nil {
			allow = "GET, HEAD, POST"
		}
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead:
	case http.MethodPost:
		h = rt.post
	default:
		h = nil
	}
	if h == nil {
		w.Header().Set("Allow", allow)
		writeProblem(w, http.StatusMethodNotAllowed, "")
		return
	}
	h(w, r)
}

// sameOrigin tells requests that a page of another site made its visitor's browser send.
var sameOrigin = http.NewCrossOriginProtection()

// checked refuses foreign Host headers, bodies that are not wanted and requests of other sites' pages
// that would change something, and sets the headers of every answer.
func (s *Server) checked(h route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Content-Security-Policy", pagePolicy)
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("X-Frame-Options", "DENY")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("Cross-Origin-Resource-Policy", "same-origin")
		header.Set("Cache-Control", "no-store")
		if !s.hosts.allow(r) {
			writeProblem(w, http.StatusForbidden, "The Host header names no host of this server; --web.allowed-host adds one.")
			return
		}
		most := int64(0)
		if r.Method == http.MethodPost {
			most = h.body
			if sameOrigin.Check(r) != nil {
				writeProblem(w, http.StatusForbidden, "A page of another site sent this request.")
				return
			}
		}
		if r.ContentLength > most || r.ContentLength < 0 && most == 0 {
			header.Set("Connection", "close") // the body is not read
			writeProblem(w, http.StatusRequestEntityTooLarge, fmt.Sprintf("The body of this request may have %d bytes.", most))
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, most)
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
	if s.deps.NotReady != nil {
		if why := s.deps.NotReady(); why != "" {
			writeProblem(w, http.StatusServiceUnavailable, "netmond is not counting yet: "+why+".")
			return
		}
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	io.WriteString(w, "netmond is ready.\n")
}

// reload reads the configuration again. What is wrong with it is the problem's detail.
func (s *Server) reload(w http.ResponseWriter, r *http.Request) {
	if r.URL.RawQuery != "" {
		writeProblem(w, http.StatusBadRequest, "A reload takes no parameters.")
		return
	}
	if err := s.deps.Reload(); err != nil {
		writeProblem(w, http.StatusUnprocessableEntity, "The configuration was not reloaded; the one before stays in force.\n"+err.Error())
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	io.WriteString(w, "The configuration was reloaded.\n")
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
		zip = newZip(w)
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
