package web

import (
	"net/http"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
)

// stats are the server's own metrics; docs/metrics.md lists them.
type stats struct {
	open             prometheus.Gauge
	closed           *prometheus.CounterVec
	evicted, refused prometheus.Counter
	requests         *prometheus.CounterVec
}

func newStats() stats {
	s := stats{
		open: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "netmond_http_connections", Help: "Connections of the HTTP server that are open.",
		}),
		closed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "netmond_http_connections_closed_total",
			Help: "Connections closed at the bound on connections.",
		}, []string{"reason"}),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "netmond_http_requests_total", Help: "HTTP requests answered.",
		}, []string{"path", "code"}),
	}
	s.evicted = s.closed.WithLabelValues("evicted")
	s.refused = s.closed.WithLabelValues("refused")
	return s
}

func (s *stats) Describe(ch chan<- *prometheus.Desc) {
	s.open.Describe(ch)
	s.closed.Describe(ch)
	s.requests.Describe(ch)
}

func (s *stats) Collect(ch chan<- prometheus.Metric) {
	s.open.Collect(ch)
	s.closed.Collect(ch)
	s.requests.Collect(ch)
}

// count counts the answers of h under path, one of the fixed paths or "other".
func (s *stats) count(path string, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := &codeWriter{ResponseWriter: w, code: http.StatusOK}
		defer func() { s.requests.WithLabelValues(path, strconv.Itoa(c.code)).Inc() }()
		h.ServeHTTP(c, r)
	})
}

// codeWriter notes the status code.
type codeWriter struct {
	http.ResponseWriter
	code  int
	wrote bool
}

func (c *codeWriter) WriteHeader(code int) {
	if !c.wrote {
		c.code, c.wrote = code, code >= 200
	}
	c.ResponseWriter.WriteHeader(code)
}

func (c *codeWriter) Write(b []byte) (int, error) {
	c.wrote = true
	return c.ResponseWriter.Write(b)
}

// Unwrap is for http.ResponseController.
func (c *codeWriter) Unwrap() http.ResponseWriter { return c.ResponseWriter }
