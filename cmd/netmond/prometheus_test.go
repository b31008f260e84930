package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/netmond/netmond/internal/testneed"
)

// TestRealPrometheus lets Debian's Prometheus scrape a netmond that has read a capture, and asks it
// in PromQL for the figures that netmond read gives for the same file.
func TestRealPrometheus(t *testing.T) {
	prometheus := testneed.Command(t, "prometheus", "prometheus")
	const networks = sampleNetworks
	want, code, _ := readFile(t, "testdata/office.pcap", strings.Split(networks, ","))
	if code != 0 {
		t.Fatalf("read: exit code %d", code)
	}
	address := startDaemon(t, "run", "-r", "testdata/office.pcap", "-m", networks)

	dir := t.TempDir()
	config := fmt.Sprintf("global: {scrape_interval: 200ms, scrape_timeout: 200ms}\nscrape_configs: [{job_name: netmond, static_configs: [{targets: [%q]}]}]\n", address)
	if err := os.WriteFile(filepath.Join(dir, "prometheus.yml"), []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	listen := freeAddress(t)
	cmd := exec.Command(prometheus, "--config.file", filepath.Join(dir, "prometheus.yml"),
		"--storage.tsdb.path", filepath.Join(dir, "data"), "--web.listen-address", listen)
	log := &strings.Builder{}
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if t.Failed() {
			t.Log(log)
		}
	})

	for _, n := range want.Networks {
		for direction, c := range map[string]counts{"ingress": n.Ingress, "egress": n.Egress, "inner": n.Inner} {
			query := fmt.Sprintf("sum(netmond_network_bytes_total{network=%q,direction=%q})", n.CIDR, direction)
			if got := promQL(t, listen, query); got != float64(c.Bytes) {
				t.Errorf("%s: Prometheus has %v, read gives %d", query, got, c.Bytes)
			}
		}
	}
	if got := promQL(t, listen, "sum(netmond_traffic_packets_total)"); got != float64(want.Capture.Packets) {
		t.Errorf("packets over all scopes: Prometheus has %v, read gives %d", got, want.Capture.Packets)
	}
	for _, direction := range []string{"ingress", "egress", "inner"} {
		// The join that the documentation shows: figures by alias.
		query := fmt.Sprintf(`sum(netmond_network_bytes_total{direction=%q} * on(network) group_left(name) netmond_network_info{name="office"})`, direction)
		wantBytes := map[string]uint64{"ingress": want.Networks[0].Ingress.Bytes, "egress": want.Networks[0].Egress.Bytes, "inner": want.Networks[0].Inner.Bytes}[direction]
		if got := promQL(t, listen, query); got != float64(wantBytes) {
			t.Errorf("%s: Prometheus has %v, read gives %d", query, got, wantBytes)
		}
	}
}

// promQL asks the Prometheus at address until it has an answer.
func promQL(t *testing.T, address, query string) float64 {
	t.Helper()
	var answer struct {
		Data struct {
			Result []struct{ Value [2]any }
		}
	}
	deadline := time.Now().Add(30 * time.Second)
	for time.Now().Before(deadline) {
		body, err := get("http://" + address + "/api/v1/query?query=" + url.QueryEscape(query))
		if err == nil {
			if err := json.Unmarshal(body, &answer); err != nil {
				t.Fatalf("%s: %v in %s", query, err, body)
			}
			if len(answer.Data.Result) == 1 {
				var v float64
				if _, err := fmt.Sscan(answer.Data.Result[0].Value[1].(string), &v); err != nil {
					t.Fatal(err)
				}
				return v
			}
		}
		time.Sleep(100 * time.Millisecond) // the other process's own pace: it has no event to wait for
	}
	t.Fatalf("%s: no answer in 30 s", query)
	return 0
}

// startDaemon runs netmond with args on a free port until the test ends, and gives its address once
// it is ready.
func startDaemon(t *testing.T, args ...string) string {
	t.Helper()
	address := freeAddress(t)
	cmd := exec.Command(netmondBinary(t), append(args, "--web.listen-address", address)...)
	superviseDaemonBy(t, cmd, (*exec.Cmd).Start)
	waitReady(t, address)
	return address
}

// superviseDaemonBy starts cmd and at the test's end interrupts it, which must end it cleanly.
func superviseDaemonBy(t *testing.T, cmd *exec.Cmd, start func(*exec.Cmd) error) {
	t.Helper()
	if cmd.Stderr == nil {
		cmd.Stderr = &lockedLog{}
	}
	if err := start(cmd); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stopped := time.AfterFunc(5*time.Second, func() { cmd.Process.Kill() })
		cmd.Process.Signal(os.Interrupt)
		if err := cmd.Wait(); err != nil {
			t.Errorf("netmond ended with %v", err)
		}
		if !stopped.Stop() {
			t.Error("netmond did not end within 5 s of SIGINT")
		}
		if t.Failed() {
			t.Log(cmd.Stderr)
		}
	})
}

// A lockedLog is what a daemon writes to its standard error; it may be read meanwhile.
type lockedLog struct {
	mu sync.Mutex // guards b
	b  strings.Builder
}

func (l *lockedLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// waitReady waits until the daemon at address says that it is ready.
func waitReady(t *testing.T, address string) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		_, err := get("http://" + address + "/-/ready")
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("not ready after 20 s: %v", err)
		}
		time.Sleep(20 * time.Millisecond) // another process: there is no event to wait for
	}
}

// get is an HTTP GET that must be answered with 200.
func get(url string) ([]byte, error) {
	resp, err := http.Get(url)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", resp.Status, body)
	}
	return body, err
}

// freeAddress is a loopback address with a port that was free a moment ago.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// netmondBinary is a copy of the test binary under the name by which TestMain runs the program itself.
func netmondBinary(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "netmond")
	if err := os.Symlink(self, name); err != nil {
		t.Fatal(err)
	}
	return name
}
