package web

import (
	"bufio"
	"compress/gzip"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"
)

// exposer writes text and OpenMetrics as the library does.
type exposer struct {
	of     prometheus.Gatherer
	err    error
	called int
}

func (x *exposer) Exposes(format expfmt.Format) bool {
	return format.FormatType() == expfmt.TypeTextPlain || format.FormatType() == expfmt.TypeOpenMetrics
}

func (x *exposer) Expose(w *bufio.Writer, format expfmt.Format, more prometheus.Gatherer, only func(string) bool) error {
	x.called++
	mfs, err := joined{x.of, more}.Gather()
	if err != nil {
		return err
	}
	enc := expfmt.NewEncoder(w, format)
	for _, mf := range mfs {
		if only == nil || only(mf.GetName()) {
			enc.Encode(mf)
		}
	}
	enc.(expfmt.Closer).Close()
	return x.err
}

// Whoever writes the metrics, a scrape gets the same answer.
func TestExposerAnswersAsTheLibrary(t *testing.T) {
	x := &exposer{}
	library := newServer(t, DefaultConfig("127.0.0.1:0"), nil)
	s := newServer(t, DefaultConfig("127.0.0.1:0"), func(d *Deps) { x.of, d.Exposer = d.Gatherer, x })
	const openMetrics = "application/openmetrics-text;version=1.0.0"
	for _, c := range []struct {
		query, accept, encoding string
		exposed                 bool
	}{
		{"", "", "", true},
		{"", openMetrics, "gzip", true},
		{"", openMetrics + ";escaping=allow-utf-8,text/plain;q=0.5", "", true},
		{"?name[]=test_up", "", "gzip", true},
		{"?name[]=none&name[]=netmond_http_connections", openMetrics, "", true},
		{"?name[]=test_up", "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited", "", false},
	} {
		header := []string{"Accept", c.accept, "Accept-Encoding", c.encoding}
		before := x.called
		want := ask(library, "GET", "localhost", "http://localhost/metrics"+c.query, "127.0.0.1:1", header...)
		got := ask(s, "GET", "localhost", "http://localhost/metrics"+c.query, "127.0.0.1:1", header...)
		if got.StatusCode != http.StatusOK || (x.called > before) != c.exposed {
			t.Errorf("%+v: status %d, the exposer was called: %v", c, got.StatusCode, x.called > before)
		}
		if diff := cmp.Diff(want.Header, got.Header); diff != "" {
			t.Errorf("%+v: headers (-library +exposer):\n%s", c, diff)
		}
		if c.encoding == "gzip" {
			want.Body, got.Body = unzipped(t, want.Body), unzipped(t, got.Body)
		}
		if a, b := body(t, want), body(t, got); a != b || a == "" {
			t.Errorf("%+v: body (-library +exposer):\n%s", c, cmp.Diff(a, b))
		}
	}
	before := x.called
	if r := ask(s, "HEAD", "localhost", "http://localhost/metrics", "127.0.0.1:1"); r.StatusCode != 200 || body(t, r) != "" || x.called > before {
		t.Errorf("HEAD: %d, the exposer was called: %v", r.StatusCode, x.called > before)
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

// What could not be gathered is told, and hides nothing.
func TestExposerFails(t *testing.T) {
	var log strings.Builder
	s := newServer(t, DefaultConfig("127.0.0.1:0"), func(d *Deps) {
		d.Exposer = &exposer{of: d.Gatherer, err: errors.New("half of it is broken")}
		d.Log = slog.New(slog.NewTextHandler(&log, nil))
	})
	r := ask(s, "GET", "localhost", "http://localhost/metrics", "127.0.0.1:1")
	if text := body(t, r); r.StatusCode != 200 || !strings.Contains(text, "test_up 1") {
		t.Errorf("%d\n%s", r.StatusCode, text)
	}
	if !strings.Contains(log.String(), "half of it is broken") {
		t.Errorf("the log says nothing: %q", log.String())
	}
}
