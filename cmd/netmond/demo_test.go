package main

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/netmond/netmond/alerts"
	"github.com/netmond/netmond/demo"
	"github.com/netmond/netmond/localnets"
	"github.com/netmond/netmond/metrics"
	"github.com/netmond/netmond/web"
)

// playDemo counts the office's traffic as fast as it can be, with the checks on the office's clock.
func playDemo(t *testing.T, start time.Time, lasts time.Duration) *daemon {
	t.Helper()
	cfg := demo.Config{Seed: 1, Start: start, Duration: lasts}
	src, err := demo.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	d, err := newDemo(t.Context(), slog.New(slog.DiscardHandler), streams{out: io.Discard, err: io.Discard, log: newLogWriter(io.Discard)}, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errorsFirst(d.history.Close(), d.closeChecks()); err != nil {
			t.Error(err)
		}
	})
	d.generated = &generated{src: src, name: "demo"}
	server, err := d.newServer(web.DefaultConfig("127.0.0.1:0"), metrics.Config{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	d.play(ctx, cancel, server)
	if err := context.Cause(ctx); err != nil {
		t.Fatal(err)
	}
	return d
}

// TestDemoAlerts plays the time around each event: exactly the alerts that the event names are engaged,
// and they are released when it is over; and the accounting closes.
func TestDemoAlerts(t *testing.T) {
	if testing.Short() {
		t.Skip("plays hours of traffic")
	}
	for _, e := range demo.Events() {
		t.Run(strings.ReplaceAll(e.Title, " ", "_"), func(t *testing.T) {
			monday := time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)
			lasts := min(e.Lasts, 15*time.Minute) // of the backup the beginning is enough
			d := playDemo(t, monday.Add(e.At-3*time.Minute), lasts+10*time.Minute)
			want, got := map[string]bool{}, map[string]bool{}
			for _, c := range e.Checks {
				want[e.Network+" "+c] = true
			}
			past, _, err := d.keeper.Find(t.Context(), "", alerts.Filter{Status: alerts.StatusHistorical})
			if err != nil {
				t.Fatal(err)
			}
			begin := monday.Add(e.At)
			for _, a := range past {
				n := slices.IndexFunc(d.registry.Networks(), func(n localnets.Network) bool { return n.Prefix.String() == a.Network })
				got[d.registry.Networks()[n].Alias+" "+a.Check] = true
				engaged, released := time.Unix(a.Time, 0), time.Unix(a.End, 0)
				if engaged.Before(begin) || engaged.After(begin.Add(3*time.Minute)) || released.After(begin.Add(e.Lasts+5*time.Minute)) {
					t.Errorf("%s: engaged %v and released %v after the event's begin", a.Check, engaged.Sub(begin), released.Sub(begin))
				}
			}
			if diff := cmp.Diff(slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(got))); diff != "" {
				t.Errorf("alerts (-want +got):\n%s", diff)
			}
			if engaged, _, err := d.keeper.Find(t.Context(), "", alerts.Filter{Status: alerts.StatusEngaged}); err != nil || len(engaged) > 0 {
				t.Errorf("still engaged: %v %v", engaged, err)
			}
			s := d.table.Snapshot()
			var scopes uint64
			for _, c := range s.Nets.Scopes {
				scopes += c.Bytes
			}
			if scopes != s.Capture.Bytes || s.Table.Untracked.Packets != 0 {
				t.Errorf("the scopes have %d bytes of %d, %d packets without a flow", scopes, s.Capture.Bytes, s.Table.Untracked.Packets)
			}
		})
	}
}

// TestDemoServes starts the command as a user does.
func TestDemoServes(t *testing.T) {
	address := startDaemon(t, "demo", "--speed", "300")
	deadline := time.Now().Add(time.Minute)
	for _, path := range []string{"/", "/api/v1/networks/summary?spark=1", "/api/v1/flows", "/api/v1/history", "/api/v1/checks", "/api/v1/alerts"} {
		if body, err := get("http://" + address + path); err != nil || len(body) == 0 {
			t.Errorf("%s: %v", path, err)
		}
	}
	for { // the scan comes two seconds after the start
		body, err := get("http://" + address + "/api/v1/alerts")
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(body, []byte("syn_scan_victim")) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("no alert: %s", body)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func TestDemoGuide(t *testing.T) {
	var b strings.Builder
	if err := demoGuide(&b, time.Date(2026, 1, 5, 14, 1, 0, 0, time.UTC), 60, "0.0.0.0:1"); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(b.String(), "\n")
	for i, want := range map[int]string{
		0: "http://localhost:1/", 2: "Monday 14:01 UTC; a minute there takes 1s", 4: "in 6m29s   Mon 20:30  backup", 5: "in 18m39s  Tue 08:40  a host outside",
	} {
		if !strings.Contains(lines[i], want) {
			t.Errorf("line %d is %q, want %q in it", i, lines[i], want)
		}
	}
}

func TestDemoFlags(t *testing.T) {
	for _, args := range [][]string{{"--speed", "0"}, {"--speed", "NaN"}, {"--start", "25:00"}, {"--duration", "-1s"}} {
		var errw bytes.Buffer
		if code := run(t.Context(), append([]string{"demo"}, args...), nil, io.Discard, &errw); code != exitUsage {
			t.Errorf("%v: exit code %d, %s", args, code, errw.String())
		}
	}
}
