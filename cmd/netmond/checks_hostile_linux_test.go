package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/netmond/netmond/internal/luahostile"
	"github.com/netmond/netmond/internal/pcaptest"
	"github.com/netmond/netmond/internal/testneed"
)

// TestLiveAllHostileScripts captures while the daemon runs the hostile scripts every 5 seconds: all but
// most of those that only loop, which take 2 s each. No frame is lost, each of them has run and is stopped
// or in error, and the good check has run in each period.
func TestLiveAllHostileScripts(t *testing.T) {
	testneed.Netns(t)
	if testing.Short() {
		t.Skip("takes a minute")
	}
	scripts := t.TempDir()
	hook := func(body string) string {
		return "return { hooks = { [\"5sec\"] = function()\n" + body + "\nend } }"
	}
	writeScript(t, scripts, "good.lua", hook(``))
	d := startLive(t, "-m", "192.0.2.0/24=office", "--scripts-dir", scripts)
	d.until("good", "run once", func(c shownCheck) bool { return c.Runs["ok"] > 0 })

	hostile := map[string]luahostile.Script{}
	loops := 0
	for i, s := range luahostile.Scripts {
		if s.Want == "time limit" {
			if loops++; loops%5 != 0 && !strings.Contains(s.Name, "growth") {
				continue
			}
		}
		name := fmt.Sprintf("h%03d", i)
		hostile[name] = s
		writeScript(t, scripts, name+".lua", hook(s.Source))
	}
	if len(hostile) < 60 {
		t.Fatalf("only %d scripts", len(hostile))
	}
	frame := pcaptest.UDP("192.0.2.1:1000", "203.0.113.1:53", make([]byte, 400))
	sender := d.pair.A.Sender()
	var sent uint64
	began := time.Now()
	left := len(hostile)
	for deadline := began.Add(3 * time.Minute); left > 0; {
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d scripts have not run after 3 minutes", left, len(hostile))
		}
		for range 20 { // a second of 2,000 frames, in small bursts
			sender.Repeat(frame, 100)
			sent += 100
			time.Sleep(50 * time.Millisecond) // the frames have a rate
		}
		b, err := d.get("/api/v1/checks")
		if err != nil {
			t.Fatal(err)
		}
		var all struct {
			Checks []shownCheck `json:"checks"`
		}
		if err := json.Unmarshal(b, &all); err != nil {
			t.Fatal(err)
		}
		left = len(hostile)
		for _, c := range all.Checks {
			if s, ok := hostile[c.Check]; ok {
				if c.Runs["ok"]+c.Runs["error"]+c.Runs["timeout"]+c.Runs["memory"]+c.Runs["crashed"] > 0 {
					left--
				}
				if c.Runs["crashed"] > 0 || c.LoadError != "" || s.Want == "time limit" && c.Runs["ok"] > 0 {
					t.Fatalf("%s: runs %v, load error %q, last error %q", s.Name, c.Runs, c.LoadError, c.LastError)
				}
			}
		}
	}
	took := time.Since(began)

	good := d.check("good")
	if good.Runs["timeout"]+good.Runs["error"]+good.Runs["crashed"]+good.Runs["memory"]+good.Runs["skipped"] > 0 {
		t.Errorf("the good check suffered: %v", good.Runs)
	}
	if least := uint64(took/(5*time.Second)) - 1; good.Runs["ok"] < least {
		t.Errorf("the good check ran %d times in %v, want %d", good.Runs["ok"], took, least)
	}
	if missed := d.metric("netmond_script_missed_periods_total"); missed > 0 {
		t.Errorf("%d periods without a run", missed)
	}
	got, drops := d.figures(sent)
	checkClosed(t, got)
	if drops != 0 || got.Networks[0].Egress.Packets != sent || got.Networks[0].Egress.Bytes != sent*uint64(len(frame)) {
		t.Errorf("egress %+v with %d drops, sent %d frames of %d", got.Networks[0].Egress, drops, sent, len(frame))
	}
	t.Logf("%d scripts in %v, %d frames, none dropped", len(hostile), took.Round(time.Second), sent)
}
