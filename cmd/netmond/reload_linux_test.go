package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/netmond/netmond/internal/pcaptest"
)

// post asks for something by POST and gives the status and the answer.
func (d *liveDaemon) post(path string) (int, string) {
	d.t.Helper()
	resp, err := d.client.Post("http://"+d.address+path, "", nil)
	if err != nil {
		d.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// reload asks for a reload that has to succeed.
func (d *liveDaemon) reload() {
	d.t.Helper()
	if status, body := d.post("/-/reload"); status != http.StatusOK {
		d.t.Fatalf("reload: %d %s", status, body)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// manyNetworks is a list file of n networks below 10.0.0.0/8.
func manyNetworks(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "10.%d.%d.0/24=net-%d\n", i>>8, i&0xff, i)
	}
	return b.String()
}

// TestLiveReloadUnderLoad reloads 100 times, 10,000 networks and a few in turn, while frames come: none is
// uncounted, and the networks that stay have each of theirs.
func TestLiveReloadUnderLoad(t *testing.T) {
	dir := t.TempDir()
	file, list := filepath.Join(dir, "netmond.yaml"), filepath.Join(dir, "networks.txt")
	few := "networks: [{cidr: 192.0.2.0/24, name: stays}, 198.51.100.0/24]\n"
	many := "networks: [{cidr: 192.0.2.0/24, name: renamed}]\nnetworks_file: networks.txt\n"
	write(t, list, manyNetworks(10_000))
	write(t, file, few)
	d := startLive(t, "--config.file", file, "--no-checks")
	egress := pcaptest.UDP("192.0.2.1:1000", "203.0.113.1:53", make([]byte, 100))
	ingress := pcaptest.UDP("10.1.2.3:53", "192.0.2.1:1000", make([]byte, 300))

	const rounds = 100
	done := make(chan struct{})
	sent := uint64(0)
	go func() { // ends after its rounds
		defer close(done)
		sender := d.pair.A.Sender()
		for range rounds {
			sender.Repeat(egress, 100)
			sender.Repeat(ingress, 100)
			sent += 200
		}
	}()
	began, slowest := time.Now(), time.Duration(0)
	for i := range rounds {
		write(t, file, []string{many, few}[i%2])
		start := time.Now()
		d.reload()
		slowest = max(slowest, time.Since(start))
	}
	<-done
	t.Logf("%d reloads in %v, the slowest took %v, %d frames sent meanwhile", rounds, time.Since(began), slowest, sent)
	got, drops := d.figures(sent)
	checkClosed(t, got)
	if drops != 0 || got.Capture.Packets != sent {
		t.Errorf("%d captured + %d dropped, sent %d", got.Capture.Packets, drops, sent)
	}
	stays := got.Networks[0]
	if stays.CIDR != "192.0.2.0/24" || stays.Egress.Packets != sent/2 || stays.Ingress.Packets != sent/2 ||
		stays.Egress.Bytes != sent/2*uint64(len(egress)) || stays.Ingress.Bytes != sent/2*uint64(len(ingress)) {
		t.Errorf("the network that stays: %+v; sent %d of each", stays, sent/2)
	}
	if n := d.metric(`netmond_config_reloads_total\{result="success"\}`); n != rounds {
		t.Errorf("%d reloads counted, want %d", n, rounds)
	}
}

// TestLiveReloadRefused keeps the old configuration when the new one is wrong, in the file or in a list, and
// says where; the next good one is taken.
func TestLiveReloadRefused(t *testing.T) {
	dir := t.TempDir()
	file, list := filepath.Join(dir, "netmond.yaml"), filepath.Join(dir, "networks.txt")
	good := "networks: [192.0.2.0/24]\nnetworks_file: networks.txt\nweb: {listen_addresses: 127.0.0.1:19991}\n"
	write(t, list, "198.51.100.0/24=servers\n")
	write(t, file, good)
	d := startLive(t, "--config.file", file, "--no-checks")
	frame := pcaptest.UDP("192.0.2.1:1000", "198.51.100.1:53", make([]byte, 100))
	d.pair.A.Sender().Repeat(frame, 10)
	before, _ := d.figures(10)

	for i, bad := range []struct{ file, list, want string }{
		{"networks: [192.0.2.0/33]\n", "198.51.100.0/24\n", "netmond.yaml:1:12"},
		{"networks: [192.0.2.0/24]\nno_such: 1\ncapture: {snaplen: x}\n", "198.51.100.0/24\n", "netmond.yaml:3:20"},
		{good, "198.51.100.0/24\n192.0.2.9/24\n", "networks.txt:2"},
		{good, "198.51.100.0/24\n203.0.113.0/99\n", "networks.txt:2"},
		{"networks: [192.0.2.0/24]\nnetworks_file: gone.txt\n", "", "netmond.yaml:2:16"},
		{good + "scripts: {dirs: gone}\n", "198.51.100.0/24\n", "netmond.yaml:4:17"},
		{"", "", "netmond.yaml"},
	} {
		write(t, file, bad.file)
		write(t, list, bad.list)
		if i == 0 { // SIGHUP: the log has the message, the metrics the outcome
			if err := d.cmd.Process.Signal(syscall.SIGHUP); err != nil {
				t.Fatal(err)
			}
			for deadline := time.Now().Add(10 * time.Second); d.metric(`netmond_config_reloads_total\{result="failure"\}`) == 0; {
				if time.Now().After(deadline) {
					t.Fatal("no reload at SIGHUP")
				}
				time.Sleep(20 * time.Millisecond) // another process: there is no event to wait for
			}
		} else if status, body := d.post("/-/reload"); status != http.StatusUnprocessableEntity || !strings.Contains(body, bad.want) {
			t.Errorf("%q, %q: %d %s, want %s", bad.file, bad.list, status, body, bad.want)
		}
		if ok, n := d.metric("netmond_config_last_reload_successful"), d.metric(`netmond_config_reloads_total\{result="failure"\}`); ok != 0 || n != uint64(i+1) {
			t.Errorf("after %d failures: last reload successful %d, failures %d", i+1, ok, n)
		}
		after, _ := d.figures(10)
		if len(after.Networks) != 2 || after.Networks[1].CIDR != before.Networks[1].CIDR || after.Networks[1].Ingress != before.Networks[1].Ingress {
			t.Errorf("networks changed: %+v", after.Networks)
		}
	}
	write(t, file, "networks: [198.51.100.0/24]\n")
	d.reload()
	after, _ := d.figures(10)
	if len(after.Networks) != 1 || after.Networks[0].Ingress != before.Networks[1].Ingress || d.metric("netmond_config_last_reload_successful") != 1 {
		t.Errorf("after a good reload: %+v", after.Networks)
	}
	if n := d.metric(`netmond_networks_removed_packets_total\{direction="egress"\}`); n != 10 {
		t.Errorf("%d packets of removed networks, want 10", n)
	}
}

// TestLiveReloadChecks changes settings of a check by a reload, and takes away a network with an engaged
// alert, which is released.
func TestLiveReloadChecks(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "netmond.yaml")
	writeScript(t, dir, "scripts/probe.lua", `return {
  granularity = "5sec",
  check = function(info)
    network.checkContext(info.network_cidr)
    network.storeTriggeredAlert("lasting", 7, 120, 77, "", "{}")
  end,
}`)
	config := func(networks, probe string) string {
		return "networks: [" + networks + "]\nscripts: {dirs: scripts, reload_interval: 0}\nchecks:\n  probe: {" + probe + "}\n"
	}
	write(t, file, config("192.0.2.0/24, 198.51.100.0/24", "enabled: false"))
	d := startLive(t, "--config.file", file)
	wait := func(what string, done func() bool) {
		t.Helper()
		for deadline := time.Now().Add(30 * time.Second); !done(); {
			if time.Now().After(deadline) {
				t.Fatalf("not after 30 s: %s", what)
			}
			time.Sleep(50 * time.Millisecond) // another process: there is no event to wait for
		}
	}
	api := func(path string) string {
		t.Helper()
		body, err := d.get(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(body)
	}
	state := func(state string) func() bool {
		return func() bool {
			return regexp.MustCompile(`netmond_check_state\{check="probe",state="` + state + `"\} 1`).MatchString(api("/metrics"))
		}
	}
	wait("the check is disabled", state("disabled"))

	// Enabled, but on one network.
	write(t, file, config("192.0.2.0/24, 198.51.100.0/24", "enabled: true, networks: {192.0.2.0/24: {enabled: false}}"))
	d.reload()
	const engaged = "/api/v1/alerts?status=engaged"
	wait("the alert is engaged", func() bool { return strings.Contains(api(engaged), `"198.51.100.0/24"`) })
	if strings.Contains(api(engaged), `"192.0.2.0/24"`) {
		t.Errorf("the check ran on a network that it is disabled for: %s", api(engaged))
	}

	// The network with the alert goes: nobody else would release it.
	write(t, file, config("192.0.2.0/24", "enabled: false"))
	d.reload()
	wait("the alert is released", func() bool { return !strings.Contains(api(engaged), `"198.51.100.0/24"`) })
	if past := api("/api/v1/alerts?status=historical"); !strings.Contains(past, `"198.51.100.0/24"`) {
		t.Errorf("the released alert is not among the past ones: %s", past)
	}
	wait("the check is disabled again", state("disabled"))
}

// TestLiveReloadFilter changes the filter by reloads, in a daemon without privileges: no restart, and a wrong
// one changes nothing.
func TestLiveReloadFilter(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "netmond.yaml")
	config := func(filter string) {
		write(t, file, "networks: [192.0.2.0/24]\nweb: {listen_addresses: 127.0.0.1:19991}\ncapture: {filter: \""+filter+"\"}\n")
	}
	config("udp port 53")
	d := startLive(t, "--config.file", file, "--no-checks", "--workers", "2", "--ring-size", "4MiB")
	dns := pcaptest.UDP("192.0.2.1:1000", "203.0.113.1:53", make([]byte, 100))
	web := pcaptest.UDP("192.0.2.1:1000", "203.0.113.1:80", make([]byte, 100))
	var sent, kernel uint64
	send := func(what string, counted []byte, frames ...[]byte) {
		t.Helper()
		s := d.pair.A.Sender()
		for _, f := range append(frames, counted) {
			s.Repeat(f, 10)
		}
		sent += 10
		got, drops := d.figures(sent)
		kernel = d.metric(`netmond_capture_kernel_packets_total\{[^}]*\}`)
		if got.Capture.Packets != sent || kernel != sent || drops != 0 {
			t.Errorf("%s: %d counted, %d of the kernel, %d dropped, want %d", what, got.Capture.Packets, kernel, drops, sent)
		}
	}
	send("dns", dns, web)
	config("udp port 80")
	d.reload()
	send("web", web, dns)
	for bad, want := range map[string]string{"udp prt 53": "netmond.yaml:3:", "tcp and arp": "netmond.yaml:3:"} {
		config(bad)
		if status, body := d.post("/-/reload"); status != http.StatusUnprocessableEntity || !strings.Contains(body, want) {
			t.Errorf("%s: %d %s, want %s", bad, status, body, want)
		}
		send("web still, after "+bad, web, dns)
	}
	if log := d.log(); !strings.Contains(log, "key changed") || !strings.Contains(log, "capture.filter") || strings.Contains(log, "starts again") {
		t.Errorf("the log does not tell of the change:\n%s", log)
	}
	write(t, file, "networks: [192.0.2.0/24]\nweb: {listen_addresses: 127.0.0.1:19991}\n")
	d.reload()
	send("all", web)
	send("all", dns)
	if n := d.metric("netmond_config_last_reload_successful"); n != 1 {
		t.Errorf("last reload successful: %d", n)
	}
}

// TestLiveReloadFilterFile reads the program of a file again: the same name, another filter.
func TestLiveReloadFilterFile(t *testing.T) {
	dir := t.TempDir()
	program := filepath.Join(dir, "filter.bpf")
	write(t, program, "1\n6 0 0 262144\n") // as tcpdump -ddd prints them
	d := startLive(t, "--no-checks", "-m", "192.0.2.0/24", "--filter", "@"+program)
	frame := pcaptest.UDP("192.0.2.1:1000", "203.0.113.1:53", make([]byte, 100))
	d.pair.A.Sender().Repeat(frame, 10)
	d.figures(10)
	write(t, program, "1\n6 0 0 0\n")
	d.reload()
	d.pair.A.Sender().Repeat(frame, 10)
	write(t, program, "1\n6 0 0 262144\n")
	d.reload()
	d.pair.A.Sender().Repeat(frame, 10)
	if got, _ := d.figures(20); got.Capture.Packets != 20 {
		t.Errorf("%d packets, want 20", got.Capture.Packets)
	}
}
