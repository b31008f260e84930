package web

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/netmond/netmond/internal/snaptest"
	"github.com/netmond/netmond/report"
)

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

// newServer makes a server with the Office report and one metric; change may be nil.
func newServer(t testing.TB, cfg Config, change func(*Deps)) *Server {
	t.Helper()
	r := prometheus.NewRegistry()
	r.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "test_up", Help: "1"}, func() float64 { return 1 }))
	deps := Deps{
		Log: discard(), Metrics: exposer{r},
		Report: func() *report.Report { return report.New(snaptest.Office(), nil) },
	}
	if change != nil {
		change(&deps)
	}
	s, err := New(cfg, deps)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// ask sends a request that came to the local address given.
func ask(s *Server, method, host, target, local string, header ...string) *http.Response {
	r := httptest.NewRequest(method, target, nil)
	r.Host = host
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	addr := net.TCPAddrFromAddrPort(mustAddrPort(local))
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r.WithContext(contextWithLocal(r.Context(), addr)))
	return w.Result()
}

func body(t testing.TB, r *http.Response) string {
	t.Helper()
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestRoutes(t *testing.T) {
	const loopback = "127.0.0.1:19991"
	s := newServer(t, DefaultConfig(loopback), nil)
	for _, c := range []struct {
		method, target string
		status         int
		contains       string
	}{
		{"GET", "/", 200, `href="api/v1/networks"`},
		{"GET", "/metrics", 200, "test_up 1"},
		{"GET", "/metrics", 200, "netmond_http_connections 0"},
		{"GET", "/-/healthy", 200, "healthy"},
		{"GET", "/-/ready", 503, "not counting"},
		{"GET", "/api/v1/networks", 200, `"cidr":"192.0.2.0/24"`},
		{"GET", "/api/v1/networks?x=%00", 200, `"cidr":"192.0.2.0/24"`},
		{"HEAD", "/metrics", 200, ""},
		{"HEAD", "/api/v1/networks", 200, ""},
		{"GET", "/api/v1/networks/", 404, ""},
		{"GET", "/API/v1/networks", 404, ""},
		{"GET", "/metrics/../api/v1/networks", 404, ""},
		{"GET", "/../../etc/passwd", 404, ""},
		{"GET", "/%2e%2e/%2e%2e/etc/passwd", 404, ""},
		{"GET", "//metrics", 404, ""},
		{"GET", "/metrics%00", 404, ""},
		{"GET", "/debug/pprof/", 404, ""},
		{"POST", "/metrics", 405, ""},
		{"DELETE", "/api/v1/networks", 405, ""},
		{"OPTIONS", "/", 405, ""},
		{"TRACE", "/", 405, ""},
		{"POST", "/nothing", 404, ""},
	} {
		r := ask(s, c.method, "localhost:19991", "http://localhost"+c.target, loopback)
		text := body(t, r)
		if r.StatusCode != c.status || !strings.Contains(text, c.contains) {
			t.Errorf("%s %s: %d, want %d with %q:\n%s", c.method, c.target, r.StatusCode, c.status, c.contains, text)
		}
		cache := "no-store"
		if c.target == "/" && c.status == 200 {
			cache = "no-cache"
		}
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Cache-Control": cache,
		} {
			if got := r.Header.Get(name); got != want {
				t.Errorf("%s %s: %s is %q, want %q", c.method, c.target, name, got, want)
			}
		}
		if !strings.HasPrefix(r.Header.Get("Content-Security-Policy"), "default-src 'none';") {
			t.Errorf("%s %s: policy %q", c.method, c.target, r.Header.Get("Content-Security-Policy"))
		}
		if c.status == 405 && r.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s %s: Allow is %q", c.method, c.target, r.Header.Get("Allow"))
		}
		if c.status >= 400 {
			checkProblem(t, r, text, c.status)
		}
	}
	s.SetReady(true)
	if r := ask(s, "GET", "localhost", "http://localhost/-/ready", loopback); r.StatusCode != 200 {
		t.Errorf("ready: %d, want 200", r.StatusCode)
	}
}

func checkProblem(t *testing.T, r *http.Response, text string, status int) {
	t.Helper()
	if got := r.Header.Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("status %d: content type %q", status, got)
	}
	var p problem
	if err := json.Unmarshal([]byte(text), &p); err != nil || p.Status != status || p.Title == "" || p.Type != "about:blank" {
		t.Errorf("status %d: problem %+v, error %v", status, p, err)
	}
}

func TestHostHeader(t *testing.T) {
	const loopback, lan, lan6 = "127.0.0.1:19991", "192.0.2.9:19991", "[2001:db8::9]:19991"
	plain := newServer(t, DefaultConfig(loopback), nil)
	cfg := DefaultConfig(loopback, "monitor.example:19991")
	cfg.AllowedHosts = []string{"Proxy.Example."}
	named := newServer(t, cfg, nil)
	for _, c := range []struct {
		server      *Server
		local, host string
		status      int
	}{
		{plain, loopback, "localhost:19991", 200},
		{plain, loopback, "LOCALHOST.", 200},
		{plain, loopback, "127.0.0.1:19991", 200},
		{plain, loopback, "127.0.0.2", 200},
		{plain, loopback, "[::1]:19991", 200},
		{plain, loopback, "[::1]", 200},
		{plain, "[::1]:19991", "localhost", 200},
		{plain, loopback, "evil.example:19991", 403},
		{plain, loopback, "localhost.evil.example", 403},
		{plain, loopback, "127.0.0.1.evil.example", 403},
		{plain, loopback, "192.0.2.9", 403},
		{plain, loopback, "", 403},
		{plain, loopback, "evil.example@localhost", 403},
		{plain, lan, "anything.example", 200}, // not loopback, no names configured
		{named, loopback, "proxy.example", 200},
		{named, loopback, "monitor.example:443", 200},
		{named, lan, "evil.example", 403},
		{named, lan, "192.0.2.9:19991", 200},
		{named, lan6, "[2001:db8::9]:19991", 200},
		{named, lan, "192.0.2.10", 403},
	} {
		r := ask(c.server, "GET", c.host, "http://localhost/api/v1/networks", c.local)
		text := body(t, r)
		if r.StatusCode != c.status {
			t.Errorf("Host %q on %s: %d, want %d", c.host, c.local, r.StatusCode, c.status)
		}
		if c.status == 403 {
			checkProblem(t, r, text, 403)
			if c.host != "" && strings.Contains(text, c.host) {
				t.Errorf("Host %q is echoed", c.host)
			}
		}
	}
}

func TestAPIIsTheReport(t *testing.T) {
	s := newServer(t, DefaultConfig("127.0.0.1:0"), nil)
	var want bytes.Buffer
	if err := report.New(snaptest.Office(), nil).WriteJSON(&want); err != nil {
		t.Fatal(err)
	}
	const target, local = "http://localhost/api/v1/networks", "127.0.0.1:1"
	for accept, zipped := range map[string]bool{
		"": false, "gzip": true, "br, GZIP;q=0.5": true, "gzip;q=0": false, "gzip; q=0.000": false, "identity": false,
	} {
		r := ask(s, "GET", "localhost", target, local, "Accept-Encoding", accept)
		if got := r.Header.Get("Content-Encoding") == "gzip"; got != zipped {
			t.Errorf("accept %q: gzip is %v", accept, got)
		}
		if zipped {
			z, err := gzip.NewReader(r.Body)
			if err != nil {
				t.Fatal(err)
			}
			r.Body = z
		}
		if diff := cmp.Diff(want.String(), body(t, r)); diff != "" {
			t.Errorf("accept %q (-report +answer):\n%s", accept, diff)
		}
	}
}

func TestBodiesAreRefused(t *testing.T) {
	s := newServer(t, DefaultConfig("192.0.2.1:1"), nil)
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", strings.NewReader("x")))
	if w.Code != http.StatusRequestEntityTooLarge || w.Header().Get("Connection") != "close" {
		t.Errorf("a request with a body: %d, connection %q", w.Code, w.Header().Get("Connection"))
	}
}

// A broken collector is told, and hides no other metric.
func TestBrokenCollector(t *testing.T) {
	var failed atomic.Bool
	s := newServer(t, DefaultConfig("192.0.2.1:1"), func(d *Deps) {
		good := d.Metrics.(exposer)
		bad := prometheus.NewRegistry()
		bad.MustRegister(brokenCollector{})
		d.Metrics = exposer{prometheus.Gatherers{good, bad}}
		d.Log = slog.New(slog.NewTextHandler(writerFunc(func(b []byte) (int, error) {
			failed.Store(true)
			return len(b), nil
		}), nil))
	})
	r := ask(s, "GET", "h", "http://h/metrics", "192.0.2.1:1")
	if text := body(t, r); r.StatusCode != 200 || !strings.Contains(text, "test_up 1") {
		t.Errorf("%d\n%s", r.StatusCode, text)
	}
	if !failed.Load() {
		t.Error("the failure is not logged")
	}
}

type brokenCollector struct{}

func (brokenCollector) Describe(ch chan<- *prometheus.Desc) {}
func (brokenCollector) Collect(ch chan<- prometheus.Metric) { panic("broken") }

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

func TestOwnMetrics(t *testing.T) {
	s := newServer(t, DefaultConfig("192.0.2.1:1"), nil)
	for _, target := range []string{"/metrics", "/", "/x", "/y"} {
		ask(s, "GET", "h", "http://h"+target, "192.0.2.1:1")
	}
	for path, want := range map[string]float64{"other": 2, "/": 1, "/metrics": 1} {
		code := "200"
		if path == "other" {
			code = "404"
		}
		if got := testutil.ToFloat64(s.stats.requests.WithLabelValues(path, code)); got != want {
			t.Errorf("path %s: %v requests, want %v", path, got, want)
		}
	}
	problems, err := testutil.CollectAndLint(&s.stats)
	if err != nil || len(problems) > 0 {
		t.Errorf("lint: %v %v", problems, err)
	}
	docs, err := os.ReadFile("../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	r := prometheus.NewRegistry()
	r.MustRegister(&s.stats)
	mfs, err := r.Gather()
	if err != nil || len(mfs) != 3 {
		t.Fatalf("%d families, error %v", len(mfs), err)
	}
	for _, mf := range mfs {
		if !bytes.Contains(docs, []byte("`"+mf.GetName()+"`")) {
			t.Errorf("docs/metrics.md does not mention %s", mf.GetName())
		}
	}
}

func TestConfigIsChecked(t *testing.T) {
	good := DefaultConfig("127.0.0.1:0")
	file := t.TempDir() + "/web.yml"
	if err := os.WriteFile(file, []byte("no_such_key: 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(c *Config){
		"no listen":    func(c *Config) { c.Listen = nil },
		"no address":   func(c *Config) { c.Listen = DefaultConfig().Listen },
		"no port":      func(c *Config) { c.Listen = DefaultConfig("127.0.0.1").Listen },
		"bad host":     func(c *Config) { c.AllowedHosts = []string{"http://x/"} },
		"negative":     func(c *Config) { c.MaxConnections = -1 },
		"bad web file": func(c *Config) { c.Listen.WebConfigFile = &file },
	} {
		c := good
		listen := *good.Listen
		c.Listen = &listen
		change(&c)
		_, err := New(c, Deps{Log: discard(), Metrics: exposer{prometheus.NewRegistry()}, Report: func() *report.Report { return nil }})
		if err == nil || !strings.HasPrefix(err.Error(), "web: ") {
			t.Errorf("%s: error %v", name, err)
		}
	}
	if _, err := New(good, Deps{}); err == nil {
		t.Error("a server without dependencies")
	}
}
