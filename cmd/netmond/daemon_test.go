package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/netmond/netmond/internal/testneed"
)

const sampleNetworks = "192.0.2.0/25=office,192.0.2.128/25=servers,198.51.100.0/28=guests,2001:db8:1::/64=office-v6"

// TestOneTruth reads a capture with netmond read and with a running netmond: the same bytes.
func TestOneTruth(t *testing.T) {
	var want, errw bytes.Buffer
	if code := run(t.Context(), []string{"read", "--format", "json", "-m", sampleNetworks, "testdata/office.pcap"}, nil, &want, &errw); code != 0 {
		t.Fatalf("exit code %d: %s", code, errw.String())
	}
	address := startDaemon(t, "run", "-r", "testdata/office.pcap", "-m", sampleNetworks)
	got, err := get("http://" + address + "/api/v1/networks")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(want.String(), "\n"), strings.Split(string(got), "\n")); diff != "" {
		t.Errorf("API and read differ (-read +API):\n%s", diff)
	}
}

// TestPortInUse starts a second daemon on the first one's address.
func TestPortInUse(t *testing.T) {
	address := startDaemon(t, "run", "-r", "testdata/office.pcap")
	out, err := exec.Command(netmondBinary(t), "run", "-r", "testdata/office.pcap", "--web.listen-address", address).CombinedOutput()
	if err == nil || !strings.Contains(string(out), address) || !strings.Contains(string(out), "in use") {
		t.Errorf("second daemon on %s: %v, %s", address, err, out)
	}
}

// TestInterruptedRead ends a read whose standard input says no more: it prints what it has.
func TestInterruptedRead(t *testing.T) {
	sample, err := os.ReadFile("testdata/office.pcap")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(netmondBinary(t), "read", "--format", "json", "-")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	var out, errw bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errw
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	// A pipe holds 64 KiB: when the last byte is written, all but those have been read.
	if _, err := in.Write(sample); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	err = cmd.Wait()
	if cmd.ProcessState.ExitCode() != exitError || !strings.Contains(errw.String(), "interrupted") {
		t.Errorf("%v, stderr %s", err, errw.String())
	}
	var got readJSON
	if err := json.Unmarshal(out.Bytes(), &got); err != nil || got.Capture.Packets < 1000 {
		t.Errorf("%v, %d packets", err, got.Capture.Packets)
	}
}

// TestUnprivileged runs as nobody: live capture names the capability, files are read all the same.
func TestUnprivileged(t *testing.T) {
	testneed.Root(t)
	setpriv := testneed.Command(t, "root", "setpriv")
	asNobody := func(args ...string) (string, error) {
		cmd := exec.Command(setpriv, append([]string{"--reuid", "65534", "--regid", "65534", "--clear-groups", "--bounding-set", "-all", "--"}, args...)...)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	program := copyForAll(t)
	if out, err := asNobody(program, "run", "-i", "lo"); err == nil || !strings.Contains(out, "CAP_NET_RAW") || !strings.Contains(out, "files need none") {
		t.Errorf("run -i lo as nobody: %v, %s", err, out)
	}
	if out, err := asNobody(program, "run", "-i", "nm-none"); err == nil || !strings.Contains(out, "nm-none") || !strings.Contains(out, "lo") {
		t.Errorf("run on a missing interface as nobody: %v, %s", err, out)
	}
}

// copyForAll is the program where every user may run it.
func copyForAll(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "netmond-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	self, err := os.Open(netmondBinary(t))
	if err != nil {
		t.Fatal(err)
	}
	defer self.Close()
	name := filepath.Join(dir, "netmond")
	out, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(out, self); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return name
}
