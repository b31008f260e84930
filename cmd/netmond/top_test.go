package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/netmond/netmond/internal/testneed"
)

// finishedDemo serves the office's morning with the scan in it, which has ended: nothing changes any more.
func finishedDemo(t *testing.T) string {
	t.Helper()
	address := startDaemon(t, "demo", "--speed", "600", "--duration", "15m")
	end := time.Date(2026, 1, 5, 8, 45, 0, 0, time.UTC).Unix() // before the first sample the answer is of the wall clock
	deadline := time.Now().Add(60 * time.Second)
	for {
		body, err := get("http://" + address + "/api/v1/history?fields=bytes&from=-1s")
		var got struct{ Start int64 }
		if err == nil && json.Unmarshal(body, &got) == nil && got.Start >= end-2 && got.Start <= end {
			return address
		}
		if time.Now().After(deadline) {
			t.Fatalf("the demo has not ended: %v, %.300s", err, body)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// A pane is a terminal of tmux, which has a server of its own.
type pane struct {
	t      *testing.T
	socket string
}

func newPane(t *testing.T, environment []string, command ...string) *pane {
	t.Helper()
	return newPaneBy(t, (*exec.Cmd).Start, environment, command...)
}

// newPaneBy is newPane, with a terminal that start starts.
func newPaneBy(t *testing.T, start func(*exec.Cmd) error, environment []string, command ...string) *pane {
	t.Helper()
	tmux := testneed.Command(t, "tmux", "tmux")
	p := &pane{t, filepath.Join(t.TempDir(), "tmux")}
	args := append([]string{"-S", p.socket, "-f", "/dev/null", "new-session", "-d", "-x", "80", "-y", "24", "env"}, environment...)
	cmd := exec.Command(tmux, append(args, command...)...)
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
	if err := start(cmd); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil { // it leaves a server behind
		t.Fatal(err)
	}
	t.Cleanup(func() { exec.Command("tmux", "-S", p.socket, "kill-server").Run() })
	p.tmux("set-option", "-g", "status", "off")
	return p
}

func (p *pane) tmux(args ...string) string {
	p.t.Helper()
	cmd := exec.Command("tmux", append([]string{"-S", p.socket}, args...)...)
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
	out, err := cmd.CombinedOutput()
	if err != nil {
		p.t.Fatalf("tmux %v: %v, %s", args, err, out)
	}
	return string(out)
}

func (p *pane) keys(keys ...string) { p.tmux(append([]string{"send-keys"}, keys...)...) }

// mouse presses and releases a button at a column and line, from 0, as terminals report it (SGR 1006). The wheel,
// from 64, is only pressed.
func (p *pane) mouse(button, x, y int) {
	p.t.Helper()
	report := fmt.Appendf(nil, "\x1b[<%d;%d;%dM", button, x+1, y+1)
	if button < 64 {
		report = fmt.Appendf(report, "\x1b[<%d;%d;%dm", button, x+1, y+1)
	}
	keys := []string{"send-keys", "-H"}
	for _, b := range report {
		keys = append(keys, fmt.Sprintf("%02x", b))
	}
	p.tmux(keys...)
}

// until waits for a screen that ok accepts, and gives what it has last seen.
func (p *pane) until(ok func(screen string) bool) (string, bool) {
	p.t.Helper()
	for deadline := time.Now().Add(15 * time.Second); ; time.Sleep(30 * time.Millisecond) {
		screen := p.tmux("capture-pane", "-p")
		if ok(screen) {
			return screen, true
		}
		if time.Now().After(deadline) {
			return screen, false
		}
	}
}

// TestTopScreens walks through all views of top in a terminal of 80x24 without colour.
func TestTopScreens(t *testing.T) {
	address := finishedDemo(t)
	p := newPane(t, []string{"NO_COLOR=1"}, netmondBinary(t), "top", "--url", "http://"+address)
	for _, s := range []struct {
		name string
		keys []string
		see  string // what tells that the screen is there

		content string // of it
	}{
		{"networks", nil, "[1 networks]", "offices 192.0.2.0/25   4.55Mb  5.01Mb"},
		{"hosts", []string{"Down", "Enter"}, "[2 hosts]", "192.0.2.130"},
		{"flows", []string{"3"}, "[3 flows]", "192.0.2.130:445"},
		{"protocols", []string{"4"}, "[4 protocols]", "SMBv23"},
		{"alerts", []string{"5"}, "[5 alerts]", "08:41:00 engaged     50 192.0.2.128/26     syn_scan_victim: unanswered SYNs: "},
		{"help", []string{"?"}, "any key goes back", "check:syn_scan_victim"},
	} {
		if len(s.keys) > 0 {
			p.keys(s.keys...)
		}
		if screen, ok := p.until(func(screen string) bool {
			return strings.Contains(screen, s.see) && strings.Contains(screen, s.content)
		}); !ok {
			checks, err := get("http://" + address + "/api/v1/checks")
			t.Errorf("%s: %q or %q is missing in\n%s\nchecks: %v %s", s.name, s.see, s.content, screen, err, checks)
		}
	}
	// More room shows more.
	p.keys("x", "1")
	p.tmux("resize-window", "-x", "120", "-y", "40")
	if screen, ok := p.until(func(s string) bool { return strings.Contains(s, "2001:db8:20:1::/64") && strings.Count(s, "\n") == 40 }); !ok {
		t.Errorf("after the resize:\n%s", screen)
	}
	if escapes := p.tmux("capture-pane", "-p", "-e"); strings.Contains(escapes, "\x1b[3") || strings.Contains(escapes, "\x1b[4") {
		t.Errorf("colour in spite of NO_COLOR: %q", escapes)
	}
	p.keys("q")
}

// TestTopEqualsTheAPI compares each network's figures.
func TestTopEqualsTheAPI(t *testing.T) {
	address := finishedDemo(t)
	body, err := get("http://" + address + "/api/v1/networks/summary")
	if err != nil {
		t.Fatal(err)
	}
	var want struct {
		Networks []struct {
			CIDR, Alias string
			Ingress     float64 `json:"ingress_rate"`
			Hosts       int
			Flows       int `json:"flows_active"`
		}
	}
	if err := json.Unmarshal(body, &want); err != nil || len(want.Networks) != 5 {
		t.Fatalf("%v: %s", err, body)
	}
	var out, errw bytes.Buffer
	if code := run(t.Context(), []string{"top", "--url", "http://" + address, "-n", "1"}, nil, &out, &errw); code != 0 {
		t.Fatalf("exit code %d: %s", code, errw.String())
	}
	for _, n := range want.Networks {
		found := false
		for line := range strings.Lines(out.String()) {
			f := strings.Fields(strings.TrimLeft(line, "! "))
			if len(f) < 5 || f[0] != n.Alias {
				continue
			}
			found = true
			var v float64
			var unit string
			fmt.Sscanf(f[2], "%f%s", &v, &unit)
			v *= map[string]float64{"b": 1, "kb": 1e3, "Mb": 1e6}[unit] / 8
			if v < n.Ingress*.995-1 || v > n.Ingress*1.005+1 {
				t.Errorf("%s: %s in, the API has %.0f bytes/s", n.Alias, f[2], n.Ingress)
			}
			if tail := strings.Join(f[len(f)-3:len(f)-1], " "); tail != fmt.Sprintf("%d %d", n.Hosts, n.Flows) {
				t.Errorf("%s: hosts and flows %s, the API has %d and %d", n.Alias, tail, n.Hosts, n.Flows)
			}
		}
		if !found {
			t.Errorf("%s is missing in\n%s", n.Alias, out.String())
		}
	}
}

// TestTopFile plays a file in top's own process.
func TestTopFile(t *testing.T) {
	p := newPane(t, []string{"TERM=xterm"}, netmondBinary(t), "top", "-r", "testdata/office.pcap", "-m", sampleNetworks, "--speed", "1000")
	screen, ok := p.until(func(s string) bool {
		return strings.Contains(s, "office 192.0.2.0/25") && strings.Contains(s, "(generated)")
	})
	if !ok {
		t.Errorf("screen:\n%s", screen)
	}
	p.keys("q")
}

func TestTopFlags(t *testing.T) {
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"-i", "x", "-r", "y"}, exitUsage, "give one of"},
		{[]string{"-r", "x", "--speed", "0"}, exitUsage, "--speed 0"},
		{[]string{"--url", "nonsense"}, exitUsage, "want an address"},
		{[]string{"--interval", "1ms"}, exitUsage, "100ms"},
		{[]string{"--url", "http://127.0.0.1:1"}, exitError, "no netmond answers at http://127.0.0.1:1"},
		{[]string{"-r", "testdata/none.pcap", "-n", "1"}, exitError, "none.pcap"},
	} {
		var errw bytes.Buffer
		code := run(t.Context(), append([]string{"top"}, c.args...), nil, io.Discard, &errw)
		if code != c.code || !strings.Contains(errw.String(), c.want) {
			t.Errorf("%v: exit code %d, %s; want %d and %q", c.args, code, errw.String(), c.code, c.want)
		}
	}
}
