package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/netmond/netmond/internal/netnstest"
	"github.com/netmond/netmond/internal/pcaptest"
)

// steady sends frames of an office and a lab on the A end until the test ends.
func steady(t *testing.T, pair *netnstest.Pair) {
	stop, ended := make(chan struct{}), make(chan struct{})
	sender := pair.A.Sender()
	go func() { // ends with stop
		defer close(ended)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			case <-time.After(10 * time.Millisecond):
				sender.Send(
					pcaptest.UDP(fmt.Sprintf("10.1.2.%d:1000", 1+i%40), "203.0.113.9:53", make([]byte, 500)),
					pcaptest.UDP("192.168.5.6:1000", "10.1.2.1:161", make([]byte, 100)))
			}
		}
	}()
	t.Cleanup(func() { close(stop); <-ended })
}

// TestTopLive captures in top's own process, in a terminal of 80x24, and is led by the mouse alone.
func TestTopLive(t *testing.T) {
	pair := netnstest.NewPair(t)
	steady(t, pair)
	p := newPaneBy(t, pair.B.Start, []string{"TERM=xterm-256color"}, netmondBinary(t), "top", "-i", pair.B.Name, "-m", "10.1.2.0/24=office,192.168.5.0/24=lab")
	shows := func(step string, texts ...string) string {
		t.Helper()
		screen, ok := p.until(func(screen string) bool {
			for _, text := range texts {
				if !strings.Contains(screen, text) {
					return false
				}
			}
			return true
		})
		if !ok {
			t.Fatalf("%s: one of %q is missing in\n%s", step, texts, screen)
		}
		return screen
	}
	screen := shows("start", "netmond "+pair.B.Name+" ("+pathAFPacket+")", "nothing lost", "[1 networks]", "office 10.1.2.0/24", "lab 192.168.5.0/24")
	if lines := strings.Split(strings.TrimSuffix(screen, "\n"), "\n"); len(lines) != 24 {
		t.Errorf("%d lines", len(lines))
	}
	p.mouse(0, 14, 2)
	shows("a view's name", "[2 hosts]", "203.0.113.9", "> ")
	column := strings.Index(strings.Split(shows("titles", "sent"), "\n")[3], "sent")
	p.mouse(0, column, 3)
	shows("a title", "▾sent")
	rows := func(screen string) []string { return strings.Split(screen, "\n")[4:23] }
	p.mouse(0, 5, 6) // chooses the third row
	screen, ok := p.until(func(screen string) bool { return strings.HasPrefix(rows(screen)[2], "> ") })
	if !ok {
		t.Fatalf("the row is not chosen:\n%s", screen)
	}
	p.mouse(65, 5, 6) // the wheel, down
	if screen, ok = p.until(func(screen string) bool { return strings.HasPrefix(rows(screen)[5], "> ") }); !ok {
		t.Errorf("the wheel does not go down:\n%s", screen)
	}
	p.mouse(64, 5, 6)
	if screen, ok = p.until(func(screen string) bool { return strings.HasPrefix(rows(screen)[2], "> ") }); !ok {
		t.Errorf("the wheel does not go up:\n%s", screen)
	}
	p.mouse(0, 5, 6) // opens it: a host of the office, which by then may be another
	shows("a row chosen before", "[3 flows]", "/host:10.1.2.", "203.0.113.9:53")
	p.keys("q")
}

// TestTopDumb prints plain pages on a terminal that cannot move its cursor.
func TestTopDumb(t *testing.T) {
	pair := netnstest.NewPair(t)
	steady(t, pair)
	for _, environment := range [][]string{{"TERM=dumb"}, {"TERM="}, {"TERM=xterm"}} {
		args := []string{netmondBinary(t), "top", "-i", pair.B.Name, "-m", "10.1.2.0/24=office", "-n", "3", "--interval", "500ms"}
		if environment[0] == "TERM=xterm" {
			args = append(args, "--plain")
		}
		s := onPTY(t, pair.B.NS, environment, args...)
		if code := s.wait(); code != exitOK {
			t.Errorf("%v: exit code %d", environment, code)
		}
		text := s.log.String()
		if strings.Contains(text, "\x1b") || strings.Count(text, "netmond "+pair.B.Name) != 3 || !strings.Contains(text, "office 10.1.2.0/24") {
			t.Errorf("%v:\n%q", environment, text)
		}
	}
}
