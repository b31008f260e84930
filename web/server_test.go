package web

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	dto "github.com/prometheus/client_model/go"
	"golang.org/x/crypto/bcrypt"
)

func mustAddrPort(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

func contextWithLocal(ctx context.Context, a net.Addr) context.Context {
	return context.WithValue(ctx, http.LocalAddrContextKey, a)
}

// listening is a log handler that passes on the addresses that are being listened on.
type listening struct {
	slog.Handler
	addrs chan string
}

func (l listening) Enabled(context.Context, slog.Level) bool { return true }
func (l listening) Handle(_ context.Context, r slog.Record) error {
	if r.Message == "Listening on" {
		r.Attrs(func(a slog.Attr) bool {
			l.addrs <- a.Value.String()
			return true
		})
	}
	return nil
}

// started runs a server until the test's end, or until stop, which gives what Run returned.
func started(t testing.TB, cfg Config, change func(*Deps)) (s *Server, addr string, stop func() error) {
	t.Helper()
	l := listening{slog.DiscardHandler, make(chan string, 8)}
	s = newServer(t, cfg, func(d *Deps) {
		d.Log = slog.New(l)
		if change != nil {
			change(d)
		}
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	stop = sync.OnceValue(func() error {
		cancel()
		return <-done
	})
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	select {
	case addr = <-l.addrs:
	case err := <-done:
		done <- err
		t.Fatalf("Run: %v", err)
	}
	return s, addr, stop
}

func dial(t testing.TB, addr string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// client opens a connection for each request and gives up after a while.
func client() *http.Client {
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 20 * time.Second}
}

func get(t testing.TB, c *http.Client, url string) (int, string) {
	t.Helper()
	r, err := c.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, body(t, r)
}

func TestRunAndStop(t *testing.T) {
	_, addr, stop := started(t, DefaultConfig("127.0.0.1:0"), nil)
	if code, text := get(t, client(), "http://"+addr+"/metrics"); code != 200 || !strings.Contains(text, "test_up 1") {
		t.Errorf("%d\n%s", code, text)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := net.Dial("tcp", addr); err == nil {
		t.Error("still listening")
	}
}

func TestPortInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	// The other address is free, and must not keep Run from ending.
	s := newServer(t, DefaultConfig("127.0.0.1:0", l.Addr().String()), nil)
	err = s.Run(t.Context())
	if !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), l.Addr().String()) {
		t.Errorf("error %v, want one that names %v", err, l.Addr())
	}
}

// Stopping waits for no client, be it idle, in the middle of a header, or not reading its answer.
func TestStopWithSlowClients(t *testing.T) {
	reached := make(chan struct{})
	hold := make(chan struct{})
	defer close(hold)
	_, addr, stop := started(t, DefaultConfig("127.0.0.1:0"), func(d *Deps) {
		d.Metrics = exposer{prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
			close(reached)
			<-hold // a collection that hangs
			return nil, nil
		})}
	})
	dial(t, addr)
	io.WriteString(dial(t, addr), "GET /metrics HTTP/1.1\r\nHost: local")
	io.WriteString(dial(t, addr), "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
	<-reached
	begin := time.Now()
	if err := stop(); err != nil {
		t.Error(err)
	}
	if d := time.Since(begin); d > 5*time.Second {
		t.Errorf("stopping took %v", d)
	}
}

func TestHugeHeader(t *testing.T) {
	_, addr, _ := started(t, DefaultConfig("127.0.0.1:0"), nil)
	c := dial(t, addr)
	go func() { // ends when the server closes the connection
		fmt.Fprintf(c, "GET /metrics HTTP/1.1\r\nHost: localhost\r\nX: ")
		chunk := strings.Repeat("x", 64<<10)
		for range 1 << 10 { // 64 MB, were they taken
			if _, err := io.WriteString(c, chunk); err != nil {
				return
			}
		}
	}()
	r, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		// The reset for unread bytes may overtake the answer.
		if !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatal(err)
		}
		return
	}
	if r.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("status %d, want 431", r.StatusCode)
	}
}

func TestRawRequests(t *testing.T) {
	_, addr, _ := started(t, DefaultConfig("127.0.0.1:0"), nil)
	for _, c := range []struct {
		request string
		status  int
	}{
		{"GET /metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n", 403},
		{"GET http://evil.example/metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", 403}, // the target's host counts
		{"GET /metrics HTTP/1.1\r\n\r\n", 400},
		{"GET /metrics HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n", 400},
		{"GET /metrics HTTP/1.0\r\n\r\n", 403},
		{"GET /../../etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n", 404},
		{"POST /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999999999\r\n\r\n", 413},
		{"POST /metrics HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n", 413},
		{"BREW / HTTP/1.1\r\nHost: localhost\r\n\r\n", 405},
		{"\x16\x03\x01\x00\xa5\x01\x00\x00 HTTP/1.1\r\n\r\n", 400},
	} {
		conn := dial(t, addr)
		io.WriteString(conn, c.request)
		r, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Errorf("%q: %v", c.request, err)
			continue
		}
		if r.StatusCode != c.status {
			t.Errorf("%q: %d, want %d", c.request, r.StatusCode, c.status)
		}
	}
}

// A client that drips its header, or does not read its answer, is cut off at its limit.
func TestSlowClientsAreCutOff(t *testing.T) {
	cfg := DefaultConfig("127.0.0.1:0")
	cfg.AnswerTimeout, cfg.HeaderTimeout, cfg.IdleTimeout = 50*time.Millisecond, 200*time.Millisecond, 50*time.Millisecond
	answering := make(chan struct{})
	_, addr, _ := started(t, cfg, func(d *Deps) {
		d.Metrics = exposer{prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
			close(answering)
			var mfs []*dto.MetricFamily // some 20 MB, more than sockets buffer
			help := strings.Repeat("h", 1<<20)
			for i := range 20 {
				name, one, gauge := fmt.Sprintf("m%02d", i), 1.0, dto.MetricType_GAUGE
				mfs = append(mfs, &dto.MetricFamily{Name: &name, Help: &help, Type: &gauge,
					Metric: []*dto.Metric{{Gauge: &dto.Gauge{Value: &one}}}})
			}
			return mfs, nil
		})}
	})
	closed := func(c net.Conn) int64 {
		c.SetReadDeadline(time.Now().Add(20 * time.Second)) // of the test, not of the server
		n, err := io.Copy(io.Discard, c)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error("the connection was not closed")
		}
		return n
	}
	reader := dial(t, addr)
	io.WriteString(reader, "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
	<-answering // so its time runs out before that of those who come now
	silent, header, kept := dial(t, addr), dial(t, addr), dial(t, addr)
	io.WriteString(header, "GET / HTTP/1.1\r\nHost: ")
	io.WriteString(kept, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
	closed(silent)
	closed(header)
	closed(kept)
	if n := closed(reader); n >= 20<<20 {
		t.Errorf("the whole answer of %d bytes was kept for a client that did not read", n)
	}
}

// Idle and dripping connections keep no scraper out.
func TestIdleConnectionsGiveWay(t *testing.T) {
	cfg := DefaultConfig("127.0.0.1:0")
	cfg.MaxConnections = 100
	cfg.HeaderTimeout, cfg.IdleTimeout = time.Minute, time.Minute // the bound must do it
	s, addr, _ := started(t, cfg, nil)
	for i := range 1000 {
		c := dial(t, addr)
		if i%2 == 0 {
			io.WriteString(c, "GET /metr")
		}
	}
	for range 20 {
		if code, _ := get(t, client(), "http://"+addr+"/metrics"); code != 200 {
			t.Fatalf("status %d", code)
		}
	}
	if n := testutil.ToFloat64(s.stats.open); n > 100 {
		t.Errorf("%v connections are open, the bound is 100", n)
	}
	if n := testutil.ToFloat64(s.stats.evicted); n < 900 {
		t.Errorf("%v connections gave way, want 900 or more", n)
	}
	if n := testutil.ToFloat64(s.stats.refused); n != 0 {
		t.Errorf("%v connections were refused, want none", n)
	}
}

// When every connection is being answered, a new one is refused.
func TestBusyConnectionsStay(t *testing.T) {
	cfg := DefaultConfig("127.0.0.1:0")
	cfg.MaxConnections = 1
	reached, hold := make(chan struct{}), make(chan struct{})
	s, addr, _ := started(t, cfg, func(d *Deps) {
		g := d.Metrics.(exposer)
		d.Metrics = exposer{prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
			close(reached)
			<-hold
			return g.Gather()
		})}
	})
	busy := dial(t, addr)
	io.WriteString(busy, "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
	<-reached
	late := dial(t, addr)
	io.WriteString(late, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
	if n, _ := io.Copy(io.Discard, late); n != 0 {
		t.Errorf("the connection over the bound got %d bytes", n)
	}
	close(hold)
	r, err := http.ReadResponse(bufio.NewReader(busy), nil)
	if err != nil || r.StatusCode != 200 {
		t.Errorf("the first connection: %v, %v", r, err)
	}
	if n := testutil.ToFloat64(s.stats.refused); n != 1 {
		t.Errorf("%v connections were refused, want 1", n)
	}
}

// Real scrapes, all at once, are all answered, and in time.
func TestParallelScrapes(t *testing.T) {
	_, addr, _ := started(t, DefaultConfig("127.0.0.1:0"), nil)
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			r, err := client().Get("http://" + addr + "/metrics")
			if err != nil {
				t.Error(err)
				return
			}
			if text := body(t, r); r.StatusCode != 200 || !strings.Contains(text, "test_up 1") {
				t.Errorf("%d\n%s", r.StatusCode, text)
			}
		})
	}
	wg.Wait()
}

func TestTLSAndPassword(t *testing.T) {
	dir := t.TempDir()
	pool := writeCertificate(t, dir)
	file := filepath.Join(dir, "web.yml")
	hash, err := bcrypt.GenerateFromPassword([]byte("secret"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("tls_server_config:\n  cert_file: cert.pem\n  key_file: key.pem\nbasic_auth_users:\n  reader: "+string(hash)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := DefaultConfig("127.0.0.1:0", "[::1]:0")
	if l, err := net.Listen("tcp", "[::1]:0"); err == nil {
		l.Close()
	} else {
		cfg = DefaultConfig("127.0.0.1:0", "127.0.0.2:0")
	}
	cfg.Listen.WebConfigFile = &file
	_, addr, _ := started(t, cfg, nil)
	c := &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: pool, ServerName: "localhost"}, DisableKeepAlives: true,
	}}
	for _, try := range []struct {
		user, password string
		status         int
	}{{"", "", 401}, {"reader", "wrong", 401}, {"other", "secret", 401}, {"reader", "secret", 200}} {
		r, err := http.NewRequest("GET", "https://"+addr+"/api/v1/networks", nil)
		if err != nil {
			t.Fatal(err)
		}
		if try.user != "" {
			r.SetBasicAuth(try.user, try.password)
		}
		a, err := c.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if text := body(t, a); a.StatusCode != try.status || try.status == 401 && strings.Contains(text, "192.0.2.0") {
			t.Errorf("user %q password %q: %d, want %d", try.user, try.password, a.StatusCode, try.status)
		}
	}
	if r, err := client().Get("http://" + addr + "/metrics"); err == nil && r.StatusCode == 200 {
		t.Error("plain HTTP is answered on a TLS address")
	}
}

// writeCertificate makes cert.pem and key.pem of localhost and a pool that trusts them.
func writeCertificate(t *testing.T, dir string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"},
		NotBefore: time.Unix(0, 0), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{
		"cert.pem": {Type: "CERTIFICATE", Bytes: der}, "key.pem": {Type: "PRIVATE KEY", Bytes: keyDER},
	} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool := x509.NewCertPool()
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool.AddCert(cert)
	return pool
}
