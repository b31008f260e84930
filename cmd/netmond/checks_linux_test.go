package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/netmond/netmond/internal/pcaptest"
	"github.com/netmond/netmond/internal/testneed"
)

// shownCheck is the part of /api/v1/checks that the tests look at.
type shownCheck struct {
	Check     string            `json:"check"`
	State     string            `json:"state"`
	LoadError string            `json:"load_error"`
	LastError string            `json:"last_error"`
	Runs      map[string]uint64 `json:"runs"`
}

func (d *liveDaemon) check(name string) (c shownCheck) {
	d.t.Helper()
	b, err := d.get("/api/v1/checks")
	if err != nil {
		d.t.Fatal(err)
	}
	var all struct {
		Checks []shownCheck `json:"checks"`
	}
	if err := json.Unmarshal(b, &all); err != nil {
		d.t.Fatal(err)
	}
	for _, c := range all.Checks {
		if c.Check == name {
			return c
		}
	}
	return c
}

// until waits until a check is as ok wants it.
func (d *liveDaemon) until(name, what string, ok func(shownCheck) bool) shownCheck {
	d.t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		c := d.check(name)
		if ok(c) {
			return c
		}
		if time.Now().After(deadline) {
			d.t.Fatalf("%s: not %s after 30 s: %+v", name, what, c)
		}
		time.Sleep(50 * time.Millisecond) // another process: there is no event to wait for
	}
}

// TestLiveHostileScripts captures while scripts loop, eat memory and fail: no frame is lost, and the
// other check runs on time. Then a script is changed, broken and mended while all goes on.
func TestLiveHostileScripts(t *testing.T) {
	testneed.Netns(t)
	scripts := t.TempDir()
	writeScript(t, scripts, "loop.lua", `return { hooks = { ["5sec"] = function() while true do end end } }`)
	writeScript(t, scripts, "bomb.lua", `return { hooks = { ["5sec"] = function() local t = {} while true do t[#t + 1] = ("x"):rep(1e6) .. #t end end } }`)
	writeScript(t, scripts, "fails.lua", `return { hooks = { ["5sec"] = function() error("no luck") end } }`)
	writeScript(t, scripts, "good.lua", `return { hooks = { ["5sec"] = function() end } }`)
	d := startLive(t, "-m", "192.0.2.0/24=office", "--scripts-dir", scripts)
	frame := pcaptest.UDP("192.0.2.1:1000", "203.0.113.1:53", make([]byte, 400))
	sender := d.pair.A.Sender()
	var sent uint64
	send := func(n int) {
		sender.Repeat(frame, n)
		sent += uint64(n)
	}
	stopped := func(result string) func(shownCheck) bool {
		return func(c shownCheck) bool {
			send(100)
			return c.Runs[result] > 0
		}
	}
	d.until("bomb", "stopped for memory", stopped("memory"))
	d.until("loop", "stopped for time", stopped("timeout"))
	d.until("fails", "failed", stopped("error"))
	good := d.until("good", "run twice", func(c shownCheck) bool {
		send(100)
		return c.Runs["ok"] >= 2
	})
	if good.Runs["timeout"]+good.Runs["error"]+good.Runs["crashed"]+good.Runs["memory"]+good.Runs["skipped"] > 0 {
		t.Errorf("the good check suffered: %+v", good)
	}
	if late := d.metric("netmond_script_missed_periods_total"); late > 0 {
		t.Errorf("%d periods without a run", late)
	}

	writeScript(t, scripts, "good.lua", `this is no Lua`)
	broken := d.until("good", "seen to be broken", func(c shownCheck) bool { return c.LoadError != "" })
	runs := broken.Runs["ok"]
	d.until("good", "running in its last good form", func(c shownCheck) bool { return c.Runs["ok"] > runs })
	writeScript(t, scripts, "good.lua", `return { hooks = { ["5sec"] = function() error("changed") end } }`)
	d.until("good", "changed", func(c shownCheck) bool { return c.LoadError == "" && c.Runs["error"] > 0 })
	if err := os.Remove(filepath.Join(scripts, "good.lua")); err != nil {
		t.Fatal(err)
	}
	d.until("good", "gone", func(c shownCheck) bool { return c.Check == "" })

	got, drops := d.figures(sent)
	checkClosed(t, got)
	if drops != 0 || got.Networks[0].Egress.Packets != sent || got.Networks[0].Egress.Bytes != sent*uint64(len(frame)) {
		t.Errorf("egress %+v with %d drops, sent %d frames of %d", got.Networks[0].Egress, drops, sent, len(frame))
	}
}
