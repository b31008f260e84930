package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestFilterOneTruth reads a capture through a filter with netmond read and with a running netmond: the
// same bytes, and the metrics tell what was left out.
func TestFilterOneTruth(t *testing.T) {
	filtered := []string{"--filter", "tcp port 443", "-m", sampleNetworks}
	var want, errw bytes.Buffer
	args := append([]string{"read", "--format", "json", "testdata/office.pcap"}, filtered...)
	if code := run(t.Context(), args, nil, &want, &errw); code != 0 {
		t.Fatalf("exit code %d: %s", code, errw.String())
	}
	address := startDaemon(t, append([]string{"run", "-r", "testdata/office.pcap"}, filtered...)...)
	got, err := get("http://" + address + "/api/v1/networks")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(want.String(), "\n"), strings.Split(string(got), "\n")); diff != "" {
		t.Errorf("API and read differ (-read +API):\n%s", diff)
	}
	metrics, err := get("http://" + address + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"netmond_filtered_packets_total 1088", "netmond_filtered_bytes_total 679829",
		"netmond_processed_packets_total 766", "netmond_processed_bytes_total 613215",
	} {
		if !strings.Contains(string(metrics), "\n"+line+"\n") {
			t.Errorf("/metrics has no line %q", line)
		}
	}
}

func TestFilterArgs(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"read -f @x y", "read --filter=@x y"},
		{"read --filter @x y", "read --filter=@x y"},
		{"read --filter=@x y", "read --filter=@x y"},
		{"read -f tcp y", "read -f tcp y"},
		{"read -f", "read -f"},
		{"read @y", "read @y"},
	} {
		if got := strings.Join(filterArgs(strings.Fields(tt.in)), " "); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.in, got, tt.want)
		}
	}
}
