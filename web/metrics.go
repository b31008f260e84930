package web

import (
	"bufio"
	"compress/gzip"
	"io"
	"net/http"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"
)

// maxScrapes bounds the scrapes answered at once; further ones are told to come again (503).
const maxScrapes = 64

// An Exposer writes metrics, and those of more, which has no family in common with them. only chooses families by
// name; nil for all. The error is of gathering, and what could be gathered is written.
type Exposer interface {
	Expose(w *bufio.Writer, format expfmt.Format, more prometheus.Gatherer, only func(name string) bool) error
}

// metrics answers scrapes. own has the server's metrics.
func (s *Server) metrics(own prometheus.Gatherer) http.HandlerFunc {
	running := make(chan struct{}, maxScrapes)
	return func(w http.ResponseWriter, r *http.Request) {
		select {
		case running <- struct{}{}:
			defer func() { <-running }()
		default:
			writeProblem(w, http.StatusServiceUnavailable, "Too many scrapes are answered at the moment.")
			return
		}
		format := expfmt.NegotiateAccept(r.Header, expfmt.DefaultOpenMetricsAcceptedFormats()...)
		header := w.Header()
		header.Set("Content-Type", string(format))
		header.Add("Vary", "Accept")
		header.Add("Vary", "Accept-Encoding")
		if err := s.expose(w, r, format, own); err != nil { // one bad series must not hide the others
			s.deps.Log.Error("gathering metrics", "err", err)
		}
	}
}

// expose writes the metrics while they are made, so that many networks cost no memory; a client that stops reading
// is cut off by the answer's timeout.
func (s *Server) expose(w http.ResponseWriter, r *http.Request, format expfmt.Format, own prometheus.Gatherer) error {
	var out io.Writer = w
	var zip *gzip.Writer
	if acceptsGzip(r) {
		w.Header().Set("Content-Encoding", "gzip")
		zip = newZip(w)
		out = zip
	}
	if r.Method == http.MethodHead {
		return nil
	}
	var only func(name string) bool
	if names := r.URL.Query()["name[]"]; len(names) > 0 {
		only = func(name string) bool { return slices.Contains(names, name) }
	}
	buffered := bufio.NewWriterSize(out, 64<<10)
	failed := s.deps.Metrics.Expose(buffered, format, own, only)
	err := buffered.Flush()
	if err == nil && zip != nil {
		err = zip.Close()
	}
	if err != nil { // the client must not take the part for the whole
		s.deps.Log.Debug("metrics not sent", "err", err)
		panic(http.ErrAbortHandler)
	}
	return failed
}
