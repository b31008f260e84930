package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/netmond/netmond/alerts"
	"github.com/netmond/netmond/lua/engine"
)

const apiAddress = "127.0.0.1:19991"

// postJSON sends a body to a path of s.
func postJSON(t testing.TB, s *Server, target, text string, header ...string) (int, string) {
	t.Helper()
	r := httptest.NewRequest("POST", "http://localhost"+target, strings.NewReader(text))
	r.Host = "localhost:19991"
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

// getJSON asks s and decodes the answer, which must have no key that v lacks.
func getJSON(t testing.TB, s *Server, target string, v any) {
	t.Helper()
	r := ask(s, "GET", "localhost:19991", "http://localhost"+target, apiAddress)
	text := body(t, r)
	if r.StatusCode != 200 || r.Header.Get("Content-Type") != "application/json" {
		t.Fatalf("GET %s: %d %s", target, r.StatusCode, text)
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		t.Fatalf("GET %s: %v in %s", target, err, text)
	}
}

// alertServer has one engaged alert on the office, and two past ones on guests.
func alertServer(t testing.TB) (*Server, *alerts.Mem) {
	t.Helper()
	cfg := alerts.DefaultConfig()
	cfg.Now = func() int64 { return 1_772_355_900 }
	cfg.Events = func(alerts.Event) {}
	m := alerts.NewMem(cfg)
	for _, a := range []alerts.Alert{
		{Key: alerts.Key{Network: "192.0.2.0/24", Periodicity: alerts.Minute, Key: "53@"}, NetworkName: "office", ID: 53, Category: 3,
			Score: 50, Time: 1_772_355_660, Description: "SYN <flood> of office", JSON: `{"value":912}`, Check: "syn_flood_victim"},
		{Key: alerts.Key{Network: "198.51.100.0/28", Periodicity: alerts.Minute, Key: "9@a"}, NetworkID: 1, NetworkName: "guests", ID: 9, Subtype: "a",
			Score: 120, Time: 1_772_355_600, Description: "one", JSON: `not json`, Check: "mine", IP: "198.51.100.7", Name: "x", Port: 443},
		{Key: alerts.Key{Network: "198.51.100.0/28", Periodicity: alerts.FiveMinutes, Key: "9@b"}, NetworkID: 1, NetworkName: "guests", ID: 9, Subtype: "b",
			Score: 10, Time: 1_772_355_630, Description: "two", JSON: `{}`, Check: "mine"},
	} {
		if _, err := m.Engage(a); err != nil {
			t.Fatal(err)
		}
		if a.NetworkID == 1 {
			if _, ok, err := m.Release(a.Key, a.Time+60); !ok || err != nil {
				t.Fatal(ok, err)
			}
		}
	}
	return newServer(t, DefaultConfig(apiAddress), func(d *Deps) {
		d.Alerts = m
		d.Network = func(name string) (string, bool) {
			return "192.0.2.0/24", name == "office" || name == "192.0.2.0/24"
		}
	}), m
}

func TestAlertsSelected(t *testing.T) {
	s, _ := alertServer(t)
	for query, want := range map[string]string{
		"":                           "53@ 9@b 9@a",
		"?order=asc":                 "9@a 9@b 53@",
		"?status=any&order_by=score": "9@a 53@ 9@b",
		"?status=engaged":            "53@",
		"?status=historical":         "9@b 9@a",
		"?status=acknowledged":       "",
		"?network=office":            "53@",

		"?filter=net:office":                                 "53@",
		"?filter=-net:office+or+score%3E100":                 "9@b 9@a",
		"?filter=not+net:office&order=asc":                   "9@a 9@b",
		"?filter=net:192.0.2.0/23+or+score%3C20":             "53@ 9@b",
		"?filter=score%3E49+severity:warning":                "53@",
		"?filter=status:historical+score%3E%3D10.5":          "9@a",
		"?filter=status:engaged&status=historical":           "",
		"?filter=check:syn_*":                                "53@",
		"?filter=CHECK:Mine+name:guests":                     "9@b 9@a",
		"?filter=host:198.51.100.7+port:443":                 "9@a",
		"?filter=%22syn+%3Cflood%22":                         "53@",
		"?filter=duration%3E1m":                              "53@",
		"?filter=duration%3C%3D60s+-(score%3E100)":           "9@b",
		"?filter=severity:critical+severity:error":           "",
		"?filter=score%3E5&per_page=1&page=2&order_by=score": "53@",
		"?filter=": "53@ 9@b 9@a",

		"?severity=error;gte":   "9@a",
		"?severity=warning":     "53@",
		"?score=20;gte,100;lt":  "53@",
		"?alert_id=9&subtype=b": "9@b",
		"?check=mine;neq":       "53@",
		"?text=flood":           "53@",
		"?text=tw*":             "9@b",
		"?begin=1772355625&end=2026-03-01T09:00:59Z": "9@b",
		"?per_page=1&page=2":                         "9@b",
		"?network_name=guests":                       "9@b 9@a",
	} {
		var got alertsJSON
		getJSON(t, s, "/api/v1/alerts"+query, &got)
		var keys []string
		for _, a := range got.Alerts {
			keys = append(keys, a.Key)
		}
		if strings.Join(keys, " ") != want {
			t.Errorf("%s: %v, want %s", query, keys, want)
		}
		if got.Alerts == nil || got.Total < len(got.Alerts) {
			t.Errorf("%s: alerts %v, total %d", query, got.Alerts, got.Total)
		}
	}
}

func TestAlertShown(t *testing.T) {
	s, _ := alertServer(t)
	var got alertsJSON
	getJSON(t, s, "/api/v1/alerts?order=asc", &got)
	end, label := "2026-03-01T09:01:00Z", (*string)(nil)
	want := alertJSON{
		RowID: got.Alerts[0].RowID, Status: "historical", Network: "198.51.100.0/28", NetworkName: "guests", NetworkID: 1, Check: "mine",
		AlertID: 9, Subtype: "a", Key: "9@a", Periodicity: "min", Severity: "error", Score: 120,
		Time: "2026-03-01T09:00:00Z", End: &end, Description: "one", Details: json.RawMessage(`"not json"`),
		IP: "198.51.100.7", Name: "x", Port: 443, Counter: 1, LabelTime: label,
	}
	if diff := cmp.Diff(want, got.Alerts[0]); diff != "" {
		t.Errorf("alert (-want +got):\n%s", diff)
	}
	if a := got.Alerts[2]; a.End != nil || string(a.Details) != `{"value":912}` || a.Description != "SYN <flood> of office" {
		t.Errorf("engaged alert %+v", a)
	}
	text := body(t, ask(s, "GET", "localhost:19991", "http://localhost/api/v1/alerts", apiAddress))
	if strings.Contains(text, "<flood>") {
		t.Error("markup of a script is not escaped")
	}
}

func TestAlertQueriesRefused(t *testing.T) {
	s, _ := alertServer(t)
	for query, why := range map[string]string{
		"?status=open":                       "want engaged, historical, acknowledged or any",
		"?network=nowhere":                   "parameter network",
		"?nonsense=1":                        "there is no parameter",
		"?page=0":                            "from 1 to",
		"?per_page=1001":                     "from 1 to 1000",
		"?per_page=x":                        "want a number",
		"?order_by=nonsense":                 "parameter order_by",
		"?order=up":                          "asc or desc",
		"?begin=yesterday":                   "RFC 3339",
		"?status=any&status=any":             "2 times",
		"?score=x":                           "parameter score",
		"?score=1;like":                      "operator",
		"?subtype=a;lt":                      "compares numbers",
		"?row_id=1;gt":                       "numbers with commas",
		"?text=" + strings.Repeat("x", 5000): "bytes",
	} {
		r := ask(s, "GET", "localhost:19991", "http://localhost/api/v1/alerts"+query, apiAddress)
		text := body(t, r)
		if r.StatusCode != 400 || !strings.Contains(text, why) {
			t.Errorf("%.60s: %d %s, want %q", query, r.StatusCode, text, why)
		}
		checkProblem(t, r, text, 400)
	}
}

func TestAcknowledgeAndDelete(t *testing.T) {
	s, m := alertServer(t)
	var past alertsJSON
	getJSON(t, s, "/api/v1/alerts?status=historical", &past)
	id := past.Alerts[0].RowID
	row, _ := json.Marshal(map[string]any{"row_ids": []int64{id}, "label": "seen"})
	if code, text := postJSON(t, s, "/api/v1/alerts/acknowledge", string(row)); code != 200 || text != "{\"changed\":1}\n" {
		t.Fatalf("acknowledge: %d %s", code, text)
	}
	var acked alertsJSON
	getJSON(t, s, "/api/v1/alerts?status=acknowledged", &acked)
	if len(acked.Alerts) != 1 || acked.Alerts[0].RowID != id || acked.Alerts[0].Label != "seen" || acked.Alerts[0].LabelTime == nil {
		t.Fatalf("acknowledged: %+v", acked.Alerts)
	}
	for body, why := range map[string]string{
		``:                          "cannot be read",
		`{}`:                        "row_ids",
		`[]`:                        "cannot be read",
		`{"all":true} {"all":true}`: "more than one value",
		`{"all":true,"more":1}`:     "more",
		`{"row_ids":["1"]}`:         "cannot be read",
		`{"label":"` + strings.Repeat("x", 70<<10) + `","all":true}`: "body",
	} {
		if code, text := postJSON(t, s, "/api/v1/alerts/delete", body); code < 400 || !strings.Contains(text, why) {
			t.Errorf("%.40s: %d %s, want %q", body, code, text, why)
		}
	}
	if code, text := postJSON(t, s, "/api/v1/alerts/delete", `{"all":true}`, "Content-Type", "text/plain"); code != 415 {
		t.Errorf("text/plain: %d %s", code, text)
	}
	if code, _ := postJSON(t, s, "/api/v1/alerts/delete", `{"all":true}`, "Sec-Fetch-Site", "cross-site"); code != 403 {
		t.Errorf("from another site: %d", code)
	}
	if r := ask(s, "GET", "localhost:19991", "http://localhost/api/v1/alerts/delete", apiAddress); r.StatusCode != 405 || r.Header.Get("Allow") != "POST" {
		t.Errorf("GET delete: %d, Allow %q", r.StatusCode, r.Header.Get("Allow"))
	}
	if st := m.Stats(); st.Rows != 2 {
		t.Fatalf("%d past alerts after requests that were refused, want 2", st.Rows)
	}
	if code, text := postJSON(t, s, "/api/v1/alerts/delete?subtype=a", `{"all":true}`); code != 200 || !strings.Contains(text, "1") {
		t.Errorf("delete: %d %s", code, text)
	}
	var left alertsJSON
	getJSON(t, s, "/api/v1/alerts", &left)
	if len(left.Alerts) != 2 {
		t.Errorf("left: %+v", left.Alerts)
	}
}

// failingAlerts is a store whose disk is gone.
type failingAlerts struct{ *alerts.Mem }

func (failingAlerts) Acknowledge(string, alerts.Filter, string) (int, error) {
	return 0, errors.New("disk /secret/path is gone")
}

func TestAlertStoreFails(t *testing.T) {
	s, m := alertServer(t)
	s.deps.Alerts = failingAlerts{m}
	code, text := postJSON(t, s, "/api/v1/alerts/acknowledge", `{"all":true}`)
	if code != http.StatusServiceUnavailable || strings.Contains(text, "secret") {
		t.Errorf("%d %s", code, text)
	}
}

// fakeChecks is an engine that has run something.
type fakeChecks struct{}

func (fakeChecks) Status() []engine.CheckStatus {
	return []engine.CheckStatus{{
		Key: "a", File: "/x/a.lua", Style: "ntopng", Hooks: []alerts.Periodicity{alerts.Minute, alerts.Hour}, Enabled: true,
		State: engine.StateBackedOff, Until: 1_772_355_660_000_000_000, LastErr: "a.lua:3: oh", Failures: 2,
		Runs: [engine.NumOutcomes]uint64{engine.OK: 3, engine.Timeout: 2}, LastRun: 1_772_355_600_500_000_000,
		Spent: 1_500_000_000, LastDuration: 250_000_000, Engaged: 4, Released: 3, Recorded: 2, Refused: 1, Queued: 5, Misused: 6, PrintDropped: 7,
	}, {Key: "b", State: engine.StateBroken, LoadErr: "no"}}
}

func (fakeChecks) EngineStatus() engine.EngineStatus {
	return engine.EngineStatus{Restarts: [engine.NumOutcomes]uint64{engine.Timeout: 2}, Recycled: 1, Late: 2, Missed: 3, Refused: 4, Reloads: 5}
}

func (fakeChecks) Source(check string) (string, error) {
	switch check {
	case "a":
		return "-- <b>&\nreturn {}", nil
	case "b":
		return "", errors.New("disk /secret/path is gone")
	}
	return "", fmt.Errorf("check %q: %w", check, fs.ErrNotExist)
}

func TestCheckSource(t *testing.T) {
	s := newServer(t, DefaultConfig(apiAddress), func(d *Deps) { d.Checks = fakeChecks{} })
	r := ask(s, "GET", "localhost:19991", "http://localhost/api/v1/checks/source?check=a", apiAddress)
	if text := body(t, r); r.StatusCode != 200 || text != "-- <b>&\nreturn {}" || r.Header.Get("Content-Type") != "text/plain; charset=utf-8" ||
		r.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%d %s %v", r.StatusCode, text, r.Header)
	}
	for query, want := range map[string]int{"": 400, "?check=c": 404, "?check=..%2Fa": 404, "?check=b": 503, "?check=a&check=b": 400, "?file=a": 400} {
		r := ask(s, "GET", "localhost:19991", "http://localhost/api/v1/checks/source"+query, apiAddress)
		text := body(t, r)
		checkProblem(t, r, text, want)
		if r.StatusCode != want || strings.Contains(text, "secret") {
			t.Errorf("%s: %d %s, want %d", query, r.StatusCode, text, want)
		}
	}
}

func TestChecks(t *testing.T) {
	s := newServer(t, DefaultConfig(apiAddress), func(d *Deps) { d.Checks = fakeChecks{} })
	var got checksJSON
	getJSON(t, s, "/api/v1/checks", &got)
	run, until := "2026-03-01T09:00:00.500Z", "2026-03-01T09:01:00.000Z"
	none := map[string]uint64{"ok": 0, "error": 0, "timeout": 0, "memory": 0, "crashed": 0, "skipped": 0}
	want := checksJSON{
		Checks: []checkJSON{{
			Check: "a", File: "/x/a.lua", Style: "ntopng", Hooks: []string{"min", "hour"}, Enabled: true, State: "backed off", Until: &until,
			LastError: "a.lua:3: oh", Failures: 2, Runs: map[string]uint64{"ok": 3, "error": 0, "timeout": 2, "memory": 0, "crashed": 0, "skipped": 0},
			LastRun: &run, LastSeconds: 0.25, TotalSeconds: 1.5, Engaged: 4, Released: 3, Recorded: 2, Refused: 1, Queued: 5, Misused: 6, PrintDropped: 7,
		}, {Check: "b", Hooks: []string{}, State: "broken", LoadError: "no", Runs: none}},
		Engine: engineJSON{
			WorkersLost: map[string]uint64{"error": 0, "timeout": 2, "memory": 0, "crashed": 0},
			Recycled:    1, LateRuns: 2, MissedPeriods: 3, RefusedFiles: 4, Reloads: 5,
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("checks (-want +got):\n%s", diff)
	}
	if r := ask(s, "GET", "localhost:19991", "http://localhost/api/v1/checks?check=a", apiAddress); r.StatusCode != 400 {
		t.Errorf("with a parameter: %d", r.StatusCode)
	}
}

// What is not there is not served.
func TestWithoutAlertsAndChecks(t *testing.T) {
	s := newServer(t, DefaultConfig(apiAddress), nil)
	for _, path := range []string{"/api/v1/alerts", "/api/v1/checks", "/lua/x.lua"} {
		if r := ask(s, "GET", "localhost:19991", "http://localhost"+path, apiAddress); r.StatusCode != 404 {
			t.Errorf("%s: %d", path, r.StatusCode)
		}
	}
}

// Every key of the answers is in docs/api.md.
func TestAPIIsDocumented(t *testing.T) {
	docs, err := os.ReadFile("../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	source := ""
	for _, file := range []string{"alerts.go", "checks.go"} {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		source += string(b)
	}
	keys := regexp.MustCompile("`json:\"([a-z_]+)").FindAllStringSubmatch(source, -1)
	for field := range alertTerms {
		keys = append(keys, []string{"", field})
	}
	if len(keys) < 60 {
		t.Fatalf("found %d keys: the pattern is broken", len(keys))
	}
	for _, k := range keys {
		if !strings.Contains(string(docs), "`"+k[1]+"`") {
			t.Errorf("docs/api.md does not tell of %s", k[1])
		}
	}
}
