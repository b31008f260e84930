package main

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/netmond/netmond/alerts"
	"github.com/netmond/netmond/localnets"
)

// shownAlerts is the part of /api/v1/alerts that the tests look at.
type shownAlerts struct {
	Alerts []shownAlert `json:"alerts"`
}

type shownAlert struct {
	RowID   int64  `json:"row_id"`
	Status  string `json:"status"`
	Network string `json:"network"`
	Check   string `json:"check"`
	Key     string `json:"key"`
	Time    string `json:"time"`
}

func alertsOf(t *testing.T, address, query string) []shownAlert {
	t.Helper()
	b, err := get("http://" + address + "/api/v1/alerts" + query)
	if err != nil {
		t.Fatal(err)
	}
	var got shownAlerts
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	return got.Alerts
}

// writeScript puts a script into a folder.
func writeScript(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// engageOnce engages an alert on the network office and counts its runs in a cached value.
const engageOnce = `
local M = {}
function M.check(network_info)
  if not network.checkContext(network_info.network_cidr) then return end
  local n = tonumber(network.getCachedAlertValue("runs", 1)) or 0
  network.setCachedAlertValue("runs", tostring(n + 1), 1)
  network.storeTriggeredAlert("lasting", 1, 120, 77, "", '{"run":' .. (n + 1) .. '}')
end
return M`

// TestAlertsSurvive kills a netmond that has an alert engaged, and starts it again on its data.
func TestAlertsSurvive(t *testing.T) {
	scripts, data := t.TempDir(), t.TempDir()
	writeScript(t, scripts, "lasting.lua", engageOnce)
	args := []string{
		"run", "-r", "testdata/office.pcap", "-m", "192.0.2.0/25=office", "--scripts-dir", scripts, "--data-dir", data,
	}
	address := freeAddress(t)
	first := exec.Command(netmondBinary(t), append(args, "--web.listen-address", address)...)
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	waitReady(t, address)
	before := alertsOf(t, address, "?status=engaged&check=lasting")
	if len(before) != 1 || before[0].Network != "192.0.2.0/25" {
		t.Fatalf("engaged: %+v", before)
	}
	if err := first.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	first.Wait() // it was killed
	again := startDaemon(t, args...)
	if diff := cmp.Diff(before, alertsOf(t, again, "?status=engaged&check=lasting")); diff != "" {
		t.Errorf("engaged alerts over a kill (-before +after):\n%s", diff)
	}
	if past := alertsOf(t, again, "?status=historical&check=lasting"); len(past) > 0 {
		t.Errorf("past alerts that nobody released: %+v", past)
	}
}

// TestOrphansAreReleased removes the check whose alert is engaged.
func TestOrphansAreReleased(t *testing.T) {
	scripts, data := t.TempDir(), t.TempDir()
	writeScript(t, scripts, "lasting.lua", engageOnce)
	args := []string{
		"run", "-r", "testdata/office.pcap", "-m", "192.0.2.0/25=office", "--scripts-dir", scripts, "--data-dir", data,
	}
	address := freeAddress(t)
	first := exec.Command(netmondBinary(t), append(args, "--web.listen-address", address)...)
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	waitReady(t, address)
	first.Process.Signal(os.Interrupt)
	if err := first.Wait(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(scripts, "lasting.lua")); err != nil {
		t.Fatal(err)
	}
	again := startDaemon(t, args...)
	if engaged := alertsOf(t, again, "?status=engaged&check=lasting"); len(engaged) > 0 {
		t.Errorf("still engaged: %+v", engaged)
	}
	if past := alertsOf(t, again, "?status=historical&check=lasting"); len(past) != 1 {
		t.Errorf("past: %+v, want the one that was engaged", past)
	}
}

// TestScriptsOverHTTP asks REST scripts, of which one does not end.
func TestScriptsOverHTTP(t *testing.T) {
	scripts := t.TempDir()
	writeScript(t, scripts, "rest/v2/get/hello.lua", `
local rest_utils = require "rest_utils"
interface.select("0")
rest_utils.answer(rest_utils.consts.success.ok, { who = _GET.who, networks = interface.getNetworksStats() and 1 })`)
	writeScript(t, scripts, "scripts/lua/rest/loop.lua", `while true do end`)
	writeScript(t, scripts, "secret.lua", `print("not for requests")`)
	address := startDaemon(t, "run", "-r", "testdata/office.pcap", "-m", "192.0.2.0/25=office", "--scripts-dir", scripts)
	for _, c := range []struct {
		path   string
		status int
		body   string
	}{
		{"rest/v2/get/hello.lua?who=me", 200, `{"who":"me","networks":1}`},
		{"rest/loop.lua", 500, "Internal error"},
		{"rest/v2/get/hello.lua?who=again", 200, `"who":"again"`},
		{"secret.lua", 404, ""},
		{"rest/../secret.lua", 404, ""},
		{"rest/none.lua", 404, ""},
	} {
		r, err := http.Get("http://" + address + "/lua/" + c.path)
		if err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 4096)
		n, _ := r.Body.Read(b) // one short answer; the status tells of an error
		r.Body.Close()
		if r.StatusCode != c.status || !strings.Contains(string(b[:n]), c.body) {
			t.Errorf("%s: %d %s, want %d with %q", c.path, r.StatusCode, b[:n], c.status, c.body)
		}
	}
}

// TestChecksOff runs without checks, and refuses folders that are not there.
func TestChecksOff(t *testing.T) {
	address := startDaemon(t, "run", "-r", "testdata/office.pcap", "--no-checks")
	if _, err := get("http://" + address + "/api/v1/checks"); err == nil {
		t.Error("there are checks")
	}
	if got := alertsOf(t, address, ""); len(got) > 0 {
		t.Errorf("alerts: %+v", got)
	}
	for _, dir := range []string{"no-such-folder", "testdata/office.pcap"} {
		out, err := exec.Command(netmondBinary(t), "run", "-r", "testdata/office.pcap", "--scripts-dir", dir).CombinedOutput()
		if err == nil || !strings.Contains(string(out), dir) {
			t.Errorf("--scripts-dir %s: %v, %s", dir, err, out)
		}
	}
	// Two daemons on one folder would overwrite each other's alerts.
	data := t.TempDir()
	startDaemon(t, "run", "-r", "testdata/office.pcap", "--data-dir", data)
	out, err := exec.Command(netmondBinary(t), "run", "-r", "testdata/office.pcap", "--data-dir", data, "--web.listen-address", freeAddress(t)).CombinedOutput()
	if err == nil || !strings.Contains(string(out), data) {
		t.Errorf("a second netmond on the same data: %v, %s", err, out)
	}
}

func TestNetworkOf(t *testing.T) {
	registry, err := localnets.New(localnets.DefaultConfig(), []localnets.Network{
		{ID: 0, Prefix: netip.MustParsePrefix("192.0.2.0/24"), Name: "192.0.2.0/24", Alias: "office"},
		{ID: 1, Prefix: netip.MustParsePrefix("2001:db8::/32"), Name: "2001:DB8::/32"},
	})
	if err != nil {
		t.Fatal(err)
	}
	d := &daemon{pipeline: &pipeline{registry: registry}}
	for name, want := range map[string]string{
		"192.0.2.0/24": "192.0.2.0/24", "192.0.2.7/24": "192.0.2.0/24", "office": "192.0.2.0/24",
		"2001:DB8::/32": "2001:db8::/32", "2001:db8:0::/32": "2001:db8::/32",
		"": "", "192.0.2.0/25": "", "Office": "", "192.0.2.0": "",
	} {
		if got, ok := d.networkOf(name); got != want || ok != (want != "") {
			t.Errorf("%q: %q, %v", name, got, ok)
		}
	}
}

// TestAlertLogIsBounded logs more alerts than a minute has room for.
func TestAlertLogIsBounded(t *testing.T) {
	var log strings.Builder
	l := &alertLog{log: slog.New(slog.NewTextHandler(&log, nil))}
	start := time.Unix(1_772_355_600, 0)
	admitted := 0
	for i := range 3 * alertLinesPerMinute {
		if l.admit(start.Add(time.Duration(i) * time.Millisecond)) {
			admitted++
		}
	}
	if admitted != alertLinesPerMinute {
		t.Errorf("%d lines in a minute, want %d", admitted, alertLinesPerMinute)
	}
	if !l.admit(start.Add(time.Minute)) || !strings.Contains(log.String(), fmt.Sprintf("changes=%d", 2*alertLinesPerMinute)) {
		t.Errorf("the next minute: %s", log.String())
	}
	l.event(alerts.Event{Kind: alerts.Engaged, Alert: alerts.Alert{Key: alerts.Key{Network: "192.0.2.0/24"}, Description: "a\nb \xff"}})
	if !strings.Contains(log.String(), `network=192.0.2.0/24`) || strings.Contains(log.String(), "a\nb") {
		t.Errorf("log: %s", log.String())
	}
}
