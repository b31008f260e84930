package top

import (
	"encoding/json"
	"flag"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	tea "charm.land/bubbletea/v2"
	"github.com/google/go-cmp/cmp"
)

func TestPlot(t *testing.T) {
	nan := math.NaN()
	for _, c := range []struct {
		name   string
		values []float64
		width  int
		rows   int
		want   []string
	}{
		{"stairs", []float64{1, 2, 3, 4}, 2, 1, []string{"⣠⣾"}},
		{"newest at the right", []float64{4}, 3, 1, []string{"  ⢸"}},
		{"older ones are dropped", []float64{9, 9, 4, 4}, 1, 1, []string{"⣿"}},
		{"the least is seen", []float64{.01, 4}, 1, 1, []string{"⣸"}},
		{"nothing, missing, below", []float64{0, nan, -1, 0}, 2, 1, []string{"  "}},
		{"two rows", []float64{4, 8}, 1, 2, []string{"⢸", "⣿"}},
		{"none", nil, 2, 1, []string{"  "}},
	} {
		if diff := cmp.Diff(c.want, Plot(c.values, c.width, c.rows, 0)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestScaled(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 999: "999", 999.6: "1.00k", 1234: "1.23k", 9996: "10.0k", 99_960: "100k", 123456: "123k", 999_600: "1.00M", 5e18: "5000P"} {
		if got := scaled(v); got != want {
			t.Errorf("scaled(%v) = %q, want %q", v, got, want)
		}
	}
}

func TestFit(t *testing.T) {
	for _, c := range []struct {
		s     string
		width int
		right bool
		want  string
	}{{"ab", 4, false, "ab  "}, {"ab", 4, true, "  ab"}, {"abcdef", 4, true, "abc…"}, {"abc", 1, false, "…"}, {"abc", 0, false, ""}, {"äöü", 3, false, "äöü"}} {
		if got := fit(c.s, c.width, c.right); got != c.want {
			t.Errorf("fit(%q, %d) = %q, want %q", c.s, c.width, got, c.want)
		}
	}
}

// A fake API notes what it was asked.
type fake struct {
	mu     sync.Mutex // guards what follows
	asked  []string
	broken bool
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, r.URL.Path+"?"+r.URL.RawQuery)
	answer := map[string]any{}
	switch r.URL.Path {
	case "/api/v1/capture":
		answer["lost"] = map[string]any{"packets": 12, "by_cause": map[string]any{"ring": 12}}
	case "/api/v1/networks/summary":
		rows := []any{}
		for _, cidr := range []string{"192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"} {
			rows = append(rows, map[string]any{"cidr": cidr, "alias": "net\x1b[31m", "ingress_rate": 1e6, "spark": []any{1, nil, 3}, "engaged_alerts": 1})
		}
		answer["networks"], answer["total"] = rows, 3
	case "/api/v1/hosts":
		if f.broken || strings.Contains(r.URL.Query().Get("filter"), "bad") {
			w.WriteHeader(http.StatusBadRequest)
			answer = map[string]any{"detail": "filter, column 1: bad"}
			break
		}
		answer["hosts"] = []any{map[string]any{"address": "192.0.2.7", "bytes_sent": 1234}}
	case "/api/v1/alerts":
		list := []any{
			map[string]any{"status": "engaged", "network": "192.0.2.0/24", "check": "syn_scan_victim", "score": 50, "time": "2026-01-05T08:41:00Z", "details": map[string]any{"metric": "SYNs", "value": 2400, "threshold": 100}},
			map[string]any{"status": "historical", "network": "192.0.2.0/24", "check": "idle_network", "score": 10, "time": "2026-01-05T08:40:00Z"},
		}
		if r.URL.Query().Get("filter") == "score>20 status:engaged" {
			list = list[:1]
		}
		answer["alerts"], answer["total"] = list, len(list)
	case "/api/v1/flows":
		answer["flows"] = []any{map[string]any{"client": map[string]any{"address": "2001:db8::1", "port": 4}, "server": map[string]any{"address": "192.0.2.9"}, "protocol": "icmp"}}
	}
	json.NewEncoder(w).Encode(answer)
}

// A driver plays the part of bubbletea without its terminal.
type driver struct {
	*model
	api *fake
}

func newDriver(t *testing.T) *driver {
	f := &fake{}
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	cfg := Config{Client: server.Client(), Base: server.URL, Out: io.Discard}.withDefaults()
	d := &driver{newModel(t.Context(), cfg), f}
	d.do(d.look())
	return d
}

// do runs a command and what follows from it.
func (d *driver) do(cmd tea.Cmd) {
	for cmd != nil {
		_, cmd = d.Update(cmd())
	}
}

func (d *driver) press(keys ...string) {
	for _, k := range keys {
		msg := tea.KeyPressMsg{Text: k, Code: []rune(k)[0]}
		switch k {
		case "enter":
			msg = tea.KeyPressMsg{Code: tea.KeyEnter}
		case "esc":
			msg = tea.KeyPressMsg{Code: tea.KeyEscape}
		case "down":
			msg = tea.KeyPressMsg{Code: tea.KeyDown}
		case "backspace":
			msg = tea.KeyPressMsg{Code: tea.KeyBackspace}
		}
		_, cmd := d.Update(msg)
		d.do(cmd)
	}
}

func (d *driver) wants(t *testing.T, texts ...string) {
	t.Helper()
	for _, want := range texts {
		if !strings.Contains(d.text(), want) {
			t.Errorf("%q is missing in\n%s", want, d.text())
		}
	}
}

func (d *driver) lastAsked() string { return d.api.asked[len(d.api.asked)-1] }

func TestDrillDown(t *testing.T) {
	d := newDriver(t)
	d.wants(t, "LOST 12 packets (ring)", "> net?[31m", "! net?[31m", "8.00Mb ", "[1 networks]")
	d.press("down", "enter")
	d.wants(t, "[2 hosts]", "in 198.51.100.0/24", "1.23kB")
	if got := d.lastAsked(); !strings.Contains(got, "filter=net%3A198.51.100.0%2F24") {
		t.Errorf("asked %s", got)
	}
	d.press("enter")
	d.wants(t, "[3 flows]", "/host:192.0.2.7", "[2001:db8::1]:4", "icmp")
	d.press("esc", "esc", "esc")
	d.wants(t, "[1 networks]")
	d.press("2")
	if got := d.lastAsked(); strings.Contains(got, "net%3A") {
		t.Errorf("the network is still chosen: %s", got)
	}
}

func TestFilter(t *testing.T) {
	d := newDriver(t)
	d.press("2", "/", "b", "a", "x", "backspace", "d")
	d.wants(t, "filter: bad_")
	d.press("enter")
	d.wants(t, "! filter, column 1: bad")
	d.press("esc")
	if strings.Contains(d.text(), "column 1") {
		t.Errorf("the error stays:\n%s", d.text())
	}
	d.press("5", "/")
	for _, r := range "score>20 status:engaged" {
		d.press(string(r))
	}
	d.press("enter")
	d.Update(tea.WindowSizeMsg{Width: 120, Height: 24})
	d.wants(t, "/score>20 status:engaged", "08:41:00", "syn_scan_victim: 2.40k SYNs, threshold 100")
	if strings.Contains(d.text(), "idle_network") {
		t.Errorf("not filtered:\n%s", d.text())
	}
}

// TestErrorKeepsFigures loses the server for a moment.
func TestErrorKeepsFigures(t *testing.T) {
	d := newDriver(t)
	d.press("2")
	d.api.broken = true
	d.do(d.look())
	d.wants(t, "192.0.2.7", "! filter, column 1")
	d.api.broken = false
	d.do(d.look())
	d.wants(t, "192.0.2.7", "q quit")
}

func TestSortPauseBits(t *testing.T) {
	d := newDriver(t)
	d.press("s")
	if got := d.lastAsked(); !strings.Contains(got, "sort=hosts") || !strings.Contains(got, "order=desc") {
		t.Errorf("asked %s", got)
	}
	d.press("r")
	if got := d.lastAsked(); !strings.Contains(got, "order=asc") {
		t.Errorf("asked %s", got)
	}
	d.press("b")
	d.wants(t, "1.00MB ", "▴hosts")
	d.press("p")
	asked := len(d.api.asked)
	d.Update(tickMsg{})
	if d.wants(t, "PAUSED"); len(d.api.asked) != asked {
		t.Error("asked during a pause")
	}
	d.press("?")
	d.wants(t, "any key goes back")
	d.press("x")
	d.wants(t, "PAUSED")
}

func TestMouse(t *testing.T) {
	d := newDriver(t)
	click := func(x, y int) {
		_, cmd := d.Update(tea.MouseClickMsg{X: x, Y: y, Button: tea.MouseLeft})
		d.do(cmd)
	}
	click(5, headLine+3)
	if d.cursor != 2 {
		t.Errorf("cursor %d after a click on the third row", d.cursor)
	}
	d.Update(tea.MouseWheelMsg{Button: tea.MouseWheelUp})
	if d.cursor != 0 {
		t.Errorf("cursor %d after the wheel", d.cursor)
	}
	click(5, headLine+1)
	d.wants(t, "[2 hosts]")
	click(2, tabsLine)
	d.wants(t, "[1 networks]")
	span := d.spans()[1]
	click(span[0], headLine)
	if got := d.lastAsked(); !strings.Contains(got, "sort=ingress_rate") {
		t.Errorf("asked %s", got)
	}
	click(70, 20) // below the rows
	click(500, 500)
}

// TestSizes draws every view at every size: exactly as many lines and columns as there are.
func TestSizes(t *testing.T) {
	d := newDriver(t)
	for v := range numViews {
		d.press(string(rune('1' + v)))
		for _, help := range []bool{false, true} {
			d.help = help
			for _, size := range [][2]int{{80, 24}, {200, 60}, {40, 10}, {10, 5}, {1, 1}} {
				d.Update(tea.WindowSizeMsg{Width: size[0], Height: size[1]})
				lines := strings.Split(d.text(), "\n")
				if len(lines) != size[1] {
					t.Errorf("%s at %v: %d lines", viewNames[v], size, len(lines))
				}
				for i, l := range lines {
					if n := utf8.RuneCountInString(l); n > size[0] && i != tabsLine {
						t.Errorf("%s at %v: line %d has %d columns: %q", viewNames[v], size, i, n, l)
					}
				}
			}
		}
		d.help = false
	}
}

var update = flag.Bool("update", false, "write the golden screens")

// TestGoldenScreens compares whole screens of 80x24 without colour.
func TestGoldenScreens(t *testing.T) {
	for name, keys := range map[string][]string{"networks": nil, "hosts": {"down", "enter"}, "flows": {"3"}, "alerts": {"5"}, "help": {"?"}, "filter": {"2", "/", "p"}} {
		d := newDriver(t)
		d.press(keys...)
		file := filepath.Join("testdata", name+".txt")
		if *update {
			if err := os.WriteFile(file, []byte(d.text()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(d.text(), "\n")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestColorSaysNothingOfItsOwn(t *testing.T) {
	d := newDriver(t)
	plain := d.text()
	d.cfg.Color = true
	colored := d.text()
	for _, sgr := range []string{bold, dim, reverse, red, "0"} {
		colored = strings.ReplaceAll(colored, "\x1b["+sgr+"m", "")
	}
	if diff := cmp.Diff(plain, colored); diff != "" {
		t.Error(diff)
	}
	if strings.Contains(plain, "\x1b") {
		t.Errorf("escape sequences without colour: %q", plain)
	}
}
