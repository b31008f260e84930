package web

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/netmond/netmond/alerts"
)

// An eventClient is a client of live events, as a browser is one.
type eventClient struct {
	t     *testing.T
	lines *bufio.Scanner
	id    string // of the last event
	close func()
}

// listen connects with the ID of the last event, or none.
func listen(t *testing.T, s *Server, id string) *eventClient {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(s.live))
	r, err := http.NewRequestWithContext(t.Context(), "GET", server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	if id != "" {
		r.Header.Set("Last-Event-ID", id)
	}
	resp, err := server.Client().Do(r)
	if err != nil || resp.StatusCode != 200 {
		t.Fatal(resp, err)
	}
	l := &eventClient{t: t, lines: bufio.NewScanner(resp.Body), id: id, close: func() { resp.Body.Close(); server.Close() }}
	l.lines.Buffer(nil, 1<<20)
	t.Cleanup(l.close)
	return l
}

// next is the next event but a tick in short; "tick" when only want ticks came, which is at least a second
// without another.
func (l *eventClient) next() string {
	l.t.Helper()
	doc, _ := contractOf(l.t)
	name, data, ticks := "", "", 0
	for l.lines.Scan() {
		switch field, value, _ := strings.Cut(l.lines.Text(), ": "); field {
		case "event":
			name = value
		case "id":
			l.id = value
		case "data":
			data = value
		case "":
			switch name {
			case "alert":
				var v any
				var c changeJSON
				if json.Unmarshal([]byte(data), &v) != nil || json.Unmarshal([]byte(data), &c) != nil {
					l.t.Fatalf("data %s", data)
				}
				if err := doc.Components.Schemas["AlertChange"].Value.VisitJSON(v, openapi3.EnableJSONSchema2020()); err != nil {
					l.t.Error(err)
				}
				if l.id != fmt.Sprint(c.Alert.RowID) {
					l.t.Errorf("ID %s of the event of row %d", l.id, c.Alert.RowID)
				}
				return c.Change + " " + c.Alert.Key
			case "missed":
				return "missed " + data
			case "tick":
				if ticks++; ticks == 2 {
					return "tick"
				}
			}
			name = ""
		}
	}
	l.t.Fatalf("the stream has ended: %v", l.lines.Err())
	return ""
}

// wants compares the next events.
func (l *eventClient) wants(events ...string) {
	l.t.Helper()
	for _, want := range events {
		if got := l.next(); got != want {
			l.t.Errorf("got %q, want %q", got, want)
		}
	}
}

// feedServer serves alerts of m, with a feed of its own as after a start.
func feedServer(t *testing.T, m *alerts.Mem) (*Server, *AlertFeed) {
	feed := &AlertFeed{}
	s, _ := replayed(t)
	deps := s.deps
	deps.Alerts, deps.AlertFeed = m, feed
	deps.Network = func(name string) (string, bool) { return name, true }
	server, err := New(DefaultConfig(apiAddress), deps)
	if err != nil {
		t.Fatal(err)
	}
	return server, feed
}

func TestAlertEvents(t *testing.T) {
	var feed *AlertFeed
	cfg := alerts.DefaultConfig()
	now := int64(1000)
	cfg.Now = func() int64 { return now }
	cfg.Events = func(e alerts.Event) { feed.Add(e) }
	cfg.MaxRows = 10
	m := alerts.NewMem(cfg)
	alert := func(key string) alerts.Alert {
		return alerts.Alert{Key: alerts.Key{Network: "192.0.2.0/24", Periodicity: alerts.Minute, Key: key}, Score: 50, Time: now, JSON: "{}", Check: "mine"}
	}
	engage := func(key string) { m.Engage(alert(key)) }
	release := func(key string) { now += 5; m.Release(alert(key).Key, now) }

	s, f := feedServer(t, m)
	feed = f
	l := listen(t, s, "")
	l.wants("tick") // it is there: what happened before is not told
	engage("a")
	l.wants("engage a")
	m.Record(alert("b"))
	l.wants("store b")
	l.close()

	// While it is away: nothing is missing, and nothing comes twice.
	release("a")
	engage("c")
	engage("d")
	release("d")
	again := listen(t, s, l.id)
	again.wants("release a", "engage c", "engage d", "release d", "tick")
	release("c")
	again.wants("release c")
	again.close()
	if first := listen(t, s, ""); first.id == "" {
		first.wants("tick")
		if first.id != again.id {
			t.Errorf("a new client begins at %q, want %s", first.id, again.id)
		}
	}

	// After a start the store has what is left: d was engaged and released, and is told once.
	s, feed = feedServer(t, m)
	listen(t, s, l.id).wants("release a", "release d", "release c", "tick")
	listen(t, s, "1").wants("store b", "release a", "release d", "release c", `missed {"after":1}`, "tick") // for all it knows
	engage("e")
	seen := listen(t, s, again.id) // it has seen all of before
	seen.wants("engage e", "tick")

	// The past of before is still there: nothing can be missing.
	s, feed = feedServer(t, m)
	listen(t, s, "5").wants("release d", "release c", "engage e", "tick")

	// More than the store keeps, and IDs of another store.
	last := seen.id
	for i := range 30 {
		m.Record(alert(fmt.Sprint(i)))
	}
	s, feed = feedServer(t, m)
	missing := listen(t, s, last)
	for event := ""; event != "tick"; {
		if event = missing.next(); strings.HasPrefix(event, "missed") {
			last = ""
		}
	}
	if last != "" {
		t.Error("the client is not told that it missed something")
	}
	listen(t, s, "4711").wants(`missed {"after":4711}`, "tick")
	r := ask(s, "GET", "127.0.0.1:19991", "/api/v1/live?last_event_id=x", "127.0.0.1:19991")
	if r.StatusCode != 400 {
		t.Errorf("an ID that is none: status %d", r.StatusCode)
	}
}

// TestAlertFeedBound keeps the last changes, within bounds of number and size.
func TestAlertFeedBound(t *testing.T) {
	for _, size := range []int{1, 60_000} {
		var f AlertFeed
		f.begin(7)
		for i := range 3 * feedChanges / (1 + size/20_000) {
			f.Add(alerts.Event{Alert: alerts.Alert{RowID: int64(8 + i), JSON: "{}", Description: strings.Repeat("x", size)}})
			if len(f.changes) > feedChanges || f.bytes > feedBytes {
				t.Fatalf("%d changes of %d bytes", len(f.changes), f.bytes)
			}
		}
		if _, _, whole, _ := f.after(7); whole {
			t.Error("all is said to be there")
		}
		events, last, whole, _ := f.after(f.from)
		if n := strings.Count(string(events), "event: alert\n"); !whole || n != len(f.changes) || f.changes[n-1].row != last {
			t.Errorf("%d events of %d, the last of row %d, %v", n, len(f.changes), last, whole)
		}
	}
}
