package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// A nameServer answers reverse look-ups on a port of loopback: a name from names, silence where that is
// "silent", else that there is none.
type nameServer struct {
	address string
	names   map[string]string // by the question, as 10.2.0.192.in-addr.arpa.
	asked   atomic.Int64
}

func startNameServer(t *testing.T, names map[string]string) *nameServer {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &nameServer{address: conn.LocalAddr().String(), names: names}
	done := make(chan struct{})
	go func() { // ends with conn
		defer close(done)
		buf := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if err := m.Unpack(buf[:n]); err != nil || len(m.Questions) != 1 {
				continue
			}
			s.asked.Add(1)
			name, ok := s.names[m.Questions[0].Name.String()]
			if name == "silent" {
				continue
			}
			m.Header.Response, m.Header.RecursionAvailable, m.Header.RCode = true, true, dnsmessage.RCodeNameError
			m.Additionals = nil
			if ok {
				m.Header.RCode = dnsmessage.RCodeSuccess
				m.Answers = []dnsmessage.Resource{{
					Header: dnsmessage.ResourceHeader{Name: m.Questions[0].Name, Type: dnsmessage.TypePTR, Class: dnsmessage.ClassINET, TTL: 60},
					Body:   &dnsmessage.PTRResource{PTR: dnsmessage.MustNewName(name)},
				}}
			}
			if out, err := m.Pack(); err == nil {
				conn.WriteTo(out, from)
			}
		}
	}()
	t.Cleanup(func() { conn.Close(); <-done })
	return s
}

// TestReadResolves names addresses by a server of our own, only when asked to, and gives the figures
// whatever the server does.
func TestReadResolves(t *testing.T) {
	s := startNameServer(t, map[string]string{
		"80.113.0.203.in-addr.arpa.":  "www.example.org.",
		"130.2.0.192.in-addr.arpa.":   "files.example.net.",
		"200.113.0.203.in-addr.arpa.": "silent",
	})
	read := func(args ...string) (out, errs string) {
		t.Helper()
		var stdout, stderr bytes.Buffer
		args = append([]string{"read", "-m", sampleNetworks, "--top", "hosts,flows", "--top-n", "3"}, append(args, "testdata/office.pcap")...)
		if code := run(t.Context(), args, nil, &stdout, &stderr); code != 0 {
			t.Fatalf("exit code %d: %s", code, stderr.String())
		}
		return stdout.String(), stderr.String()
	}
	plain, _ := read()
	if s.asked.Load() != 0 || strings.Contains(plain, "example.net") {
		t.Fatalf("names without --resolve; the server was asked %d times", s.asked.Load())
	}
	out, errs := read("--resolve", "--resolve-server", s.address, "--resolve-timeout", "700ms")
	for _, want := range []string{"www.example.org (203.0.113.80)", "files.example.net (192.0.2.130)", "files.example.net:53000"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if !strings.Contains(errs, "had no answer within 700ms") {
		t.Errorf("stderr has %q", errs)
	}
	json, _ := read("--resolve", "--resolve-server", s.address, "--resolve-timeout", "700ms", "--format", "json")
	if n := strings.Count(json, `"host_name":"www.example.org"`); n != 3 { // a host, and the server of two flows
		t.Errorf("%d names in the JSON", n)
	}
}

func TestResolveFlags(t *testing.T) {
	for args, want := range map[string]string{
		"--resolve": "nothing shows addresses",
		"--resolve --top hosts --resolve-server example.org": "want an address",
		"--resolve --top hosts --resolve-timeout 0s":         "want more than 0",
		"--top hosts --resolve-server 192.0.2.1":             "no --resolve",
	} {
		var stdout, stderr bytes.Buffer
		code := run(t.Context(), append(append([]string{"read"}, strings.Fields(args)...), "testdata/office.pcap"), nil, &stdout, &stderr)
		if code != exitUsage || !strings.Contains(stderr.String(), want) {
			t.Errorf("%s: exit code %d, %q; want %q", args, code, stderr.String(), want)
		}
	}
}

// TestResolverBounds is of the bounds on look-ups at a time and on their time, and of what is not asked again.
func TestResolverBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var now, most, asked atomic.Int64
		r := &resolver{timeout: 10 * time.Second, lookup: func(ctx context.Context, address string) ([]string, error) {
			asked.Add(1)
			if n := now.Add(1); n > most.Load() {
				most.Store(n)
			}
			defer now.Add(-1)
			switch a := netip.MustParseAddr(address).As4(); a[3] % 4 {
			case 0:
				<-ctx.Done() // silence
				return nil, ctx.Err()
			case 1:
				return nil, &net.DNSError{Err: "no such host", IsNotFound: true}
			case 2:
				return []string{"b." + address + ".example.", "a." + address + ".example."}, errors.New("a malformed name was left out")
			}
			return []string{strings.Repeat("a", maxNameLength+1)}, nil
		}}
		var list []netip.Addr
		for i := range 200 {
			list = append(list, netip.MustParseAddr(fmt.Sprintf("192.0.2.%d", i)))
		}
		begin := time.Now()
		names, unanswered := r.names(t.Context(), list)
		if took := time.Since(begin); took > r.timeout {
			t.Errorf("it took %v", took)
		}
		if len(names) != 50 || names[netip.MustParseAddr("192.0.2.2")] != "a.192.0.2.2.example" || most.Load() > resolveParallel {
			t.Errorf("%d names (%q), %d look-ups at a time", len(names), names[netip.MustParseAddr("192.0.2.2")], most.Load())
		}
		if unanswered != 50 {
			t.Errorf("%d without an answer, want 50", unanswered)
		}
		before := asked.Load()
		again, _ := r.names(t.Context(), list)
		if len(again) != 50 || asked.Load() != before {
			t.Errorf("asked %d times again, %d names", asked.Load()-before, len(again))
		}
	})
}

// TestResolverDoesNotWait is of a look-up that heeds no time limit.
func TestResolverDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		end := make(chan struct{})
		r := &resolver{timeout: time.Second, lookup: func(context.Context, string) ([]string, error) { <-end; return nil, nil }}
		begin := time.Now()
		names, unanswered := r.names(t.Context(), []netip.Addr{netip.MustParseAddr("192.0.2.1")})
		if took := time.Since(begin); took != time.Second || len(names) != 0 || unanswered != 1 {
			t.Errorf("%v, %v, %d without an answer", took, names, unanswered)
		}
		close(end)
	})
}
