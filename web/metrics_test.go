package web

import (
	"bufio"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
)

// exposer writes what is gathered, by the library.
type exposer struct {
	prometheus.Gatherer
}

func (x exposer) Expose(w *bufio.Writer, format expfmt.Format, more prometheus.Gatherer, only func(string) bool) error {
	mfs, err := prometheus.Gatherers{x, more}.Gather()
	enc := expfmt.NewEncoder(w, format)
	for _, mf := range mfs {
		if only == nil || only(mf.GetName()) {
			enc.Encode(mf)
		}
	}
	enc.(expfmt.Closer).Close()
	return err
}

// A scrape gets the answer of the library's own handler.
func TestScrapeIsTheLibrarys(t *testing.T) {
	s := newServer(t, DefaultConfig("127.0.0.1:0"), nil)
	own := prometheus.NewRegistry()
	own.MustRegister(&s.stats)
	library := promhttp.HandlerFor(prometheus.Gatherers{s.deps.Metrics.(exposer).Gatherer, own}, promhttp.HandlerOpts{EnableOpenMetrics: true})
	const openMetrics = "application/openmetrics-text;version=1.0.0"
	for _, c := range []struct{ query, accept, encoding string }{
		{"", "", ""},
		{"", openMetrics, "gzip"},
		{"", openMetrics + ";escaping=allow-utf-8,text/plain;q=0.5", ""},
		{"?name[]=test_up", "", "gzip"},
		{"?name[]=none&name[]=netmond_http_connections", openMetrics, ""},
		{"?name[]=test_up", "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited", ""},
	} {
		target := "http://localhost/metrics" + c.query
		w, r := httptest.NewRecorder(), httptest.NewRequest("GET", target, nil)
		r.Header.Set("Accept", c.accept)
		r.Header.Set("Accept-Encoding", c.encoding)
		library.ServeHTTP(w, r)
		want := w.Result()
		got := ask(s, "GET", "localhost", target, "127.0.0.1:1", "Accept", c.accept, "Accept-Encoding", c.encoding)
		for _, name := range []string{"Content-Type", "Content-Encoding", "Vary"} {
			if diff := cmp.Diff(want.Header[name], got.Header[name]); diff != "" || got.StatusCode != http.StatusOK {
				t.Errorf("%+v: status %d, header %s (-library +server):\n%s", c, got.StatusCode, name, diff)
			}
		}
		if c.encoding == "gzip" {
			want.Body, got.Body = unzipped(t, want.Body), unzipped(t, got.Body)
		}
		if a, b := body(t, want), body(t, got); a != b || a == "" {
			t.Errorf("%+v: body (-library +server):\n%s", c, cmp.Diff(a, b))
		}
	}
	if r := ask(s, "HEAD", "localhost", "http://localhost/metrics", "127.0.0.1:1"); r.StatusCode != 200 || body(t, r) != "" {
		t.Errorf("HEAD: %d, with a body", r.StatusCode)
	}
}

func unzipped(t *testing.T, r io.Reader) io.ReadCloser {
	t.Helper()
	z, err := gzip.NewReader(r)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// Scrapes beyond the bound are told to come again.
func TestTooManyScrapes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hold := make(chan struct{})
		s := newServer(t, DefaultConfig("127.0.0.1:0"), func(d *Deps) {
			d.Metrics = exposer{Gatherer: prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
				<-hold
				return nil, nil
			})}
		})
		scrape := func() int { return ask(s, "GET", "localhost", "http://localhost/metrics", "127.0.0.1:1").StatusCode }
		var wg sync.WaitGroup
		for range maxScrapes {
			wg.Go(func() {
				if code := scrape(); code != http.StatusOK {
					t.Errorf("a scrape within the bound: %d", code)
				}
			})
		}
		synctest.Wait() // all are in the handler
		if code := scrape(); code != http.StatusServiceUnavailable {
			t.Errorf("one more: %d", code)
		}
		close(hold)
		wg.Wait()
		if code := scrape(); code != http.StatusOK {
			t.Errorf("a scrape after them: %d", code)
		}
	})
}
