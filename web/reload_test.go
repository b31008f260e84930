package web

import (
	"errors"
	"strings"
	"testing"
)

// A reload is asked for by POST alone, from no page of another site, and its error is told.
func TestReload(t *testing.T) {
	calls := 0
	var fails error
	s := newServer(t, DefaultConfig("localhost:19991"), func(d *Deps) {
		d.Reload = func() error {
			calls++
			return fails
		}
	})
	if code, body := postJSON(t, s, "/-/reload", ""); code != 200 || calls != 1 {
		t.Errorf("reload: %d %s, %d calls", code, body, calls)
	}
	fails = errors.New("netmond.yaml:3:4: wrong\nnetmond.yaml:5:6: wrong too")
	if code, body := postJSON(t, s, "/-/reload", ""); code != 422 || !strings.Contains(body, `netmond.yaml:3:4: wrong\nnetmond.yaml:5:6: wrong too`) {
		t.Errorf("refused reload: %d %s", code, body)
	}
	calls = 0
	for what, c := range map[string]struct {
		code   int
		target string
		header []string
	}{
		"another site":       {403, "/-/reload", []string{"Sec-Fetch-Site", "cross-site"}},
		"another origin":     {403, "/-/reload", []string{"Origin", "https://example.com"}},
		"with a parameter":   {400, "/-/reload?x=1", nil},
		"under another path": {404, "/-/reload/", nil},
	} {
		if code, _ := postJSON(t, s, c.target, "", c.header...); code != c.code {
			t.Errorf("%s: %d, want %d", what, code, c.code)
		}
	}
	if code, _ := postJSON(t, s, "/-/reload", "{}"); code != 413 {
		t.Errorf("with a body: %d", code)
	}
	if r := ask(s, "GET", "localhost:19991", "http://localhost/-/reload", apiAddress); r.StatusCode != 405 || r.Header.Get("Allow") != "POST" {
		t.Errorf("GET: %d, Allow %q", r.StatusCode, r.Header.Get("Allow"))
	}
	if calls != 0 {
		t.Errorf("%d reloads by requests that were refused", calls)
	}
	without := newServer(t, DefaultConfig("localhost:19991"), nil)
	if code, _ := postJSON(t, without, "/-/reload", ""); code != 404 {
		t.Errorf("without a reload: %d", code)
	}
}
