package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/netmond/netmond/internal/testneed"
)

// counts is {"packets","bytes"} of the JSON that read prints.
type counts struct{ Packets, Bytes uint64 }

// readJSON is the part of docs/read-json.md that the corpus has figures for. It is written apart from
// the code that prints it, as another program's reader would be.
type readJSON struct {
	Capture struct {
		Packets, Bytes   uint64
		CapturedBytes    uint64 `json:"captured_bytes"`
		TruncatedPackets uint64 `json:"truncated_packets"`
	}
	IP       struct{ IPv4, IPv6 counts }
	Scopes   map[string]counts
	Reasons  map[string]counts `json:"undecoded_reasons"`
	Networks []struct {
		CIDR                   string
		Ingress, Egress, Inner counts
		Hosts                  int
		Protocols              map[string]struct{ Ingress, Egress, Inner counts }
		L4                     map[string]struct{ Ingress, Egress, Inner counts }
	}
	Flows  struct{ TCP, UDP, SCTP uint64 }
	Errors []struct {
		File   string
		Offset int64
		Error  string
	}
}

// expected is one file's entry of expected.json.
type expected struct {
	Tier              string
	Packets, Bytes    uint64
	CapturedBytes     uint64 `json:"captured_bytes"`
	TruncatedPackets  uint64 `json:"truncated_packets"`
	IPv4Packets       uint64 `json:"ipv4_packets"`
	IPv4Bytes         uint64 `json:"ipv4_bytes"`
	IPv6Packets       uint64 `json:"ipv6_packets"`
	IPv6Bytes         uint64 `json:"ipv6_bytes"`
	NonIPPackets      uint64 `json:"non_ip_packets"`
	NonIPBytes        uint64 `json:"non_ip_bytes"`
	IncompletePackets uint64 `json:"ip_incomplete_packets"`
	OutsidePackets    uint64 `json:"outside_packets"`
	OutsideBytes      uint64 `json:"outside_bytes"`
	Networks          []expectedNetwork
	Flows             struct{ TCP, UDP, SCTP uint64 }
	ReaderStatus      int `json:"reader_status"`
}

type expectedNetwork struct {
	CIDR           string
	IngressBytes   uint64 `json:"ingress_bytes"`
	IngressPackets uint64 `json:"ingress_packets"`
	EgressBytes    uint64 `json:"egress_bytes"`
	EgressPackets  uint64 `json:"egress_packets"`
	InnerBytes     uint64 `json:"inner_bytes"`
	InnerPackets   uint64 `json:"inner_packets"`
	Hosts          int
}

// TestCorpus reads every capture of the corpus as a user does and compares all that read prints.
func TestCorpus(t *testing.T) {
	dir := filepath.Join(testneed.Shared(t), "pcaps")
	raw, err := os.ReadFile(filepath.Join(dir, "expected.json"))
	if err != nil {
		t.Fatal(err)
	}
	var want map[string]expected
	if err := json.Unmarshal(raw, &want); err != nil {
		t.Fatal(err)
	}
	if len(want) < 100 {
		t.Fatalf("expected.json holds %d files", len(want))
	}
	for name, want := range want {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var networks []string
			for _, n := range want.Networks {
				networks = append(networks, n.CIDR)
			}
			got, code, stderr := readFile(t, filepath.Join(dir, name), networks)
			checkClosed(t, got)
			switch want.Tier {
			case "core":
				compare(t, name, got, want)
			case "ext":
				// A link type or wrapping may be unsupported: then its frames are undecoded.
				compare(t, name, got, want)
			case "robust":
				if len(got.Errors) > 0 != (code != 0) {
					t.Errorf("exit code %d with errors %v", code, got.Errors)
				}
				if want.ReaderStatus == 0 && got.Capture.Packets != want.Packets {
					t.Errorf("packets: got %d, the reference reader %d (errors %v)", got.Capture.Packets, want.Packets, got.Errors)
				}
			}
			if want.Tier != "robust" && code != 0 {
				t.Errorf("exit code %d, stderr %q", code, stderr)
			}
		})
	}
}

// readFile is netmond read --format json -m networks file.
func readFile(t *testing.T, file string, networks []string) (got readJSON, code int, stderr string) {
	t.Helper()
	args := []string{"read", "--format", "json", file}
	if len(networks) > 0 {
		args = append(args, "-m", strings.Join(networks, ","))
	}
	var out, errw bytes.Buffer
	code = run(t.Context(), args, strings.NewReader(""), &out, &errw)
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatalf("%v (exit code %d, stderr %q)", err, code, errw.String())
	}
	return got, code, errw.String()
}

// checkClosed holds the output against itself: scopes sum to the capture, parts to their totals.
func checkClosed(t *testing.T, got readJSON) {
	t.Helper()
	var sum counts
	for _, c := range got.Scopes {
		sum.Packets += c.Packets
		sum.Bytes += c.Bytes
	}
	if total := (counts{got.Capture.Packets, got.Capture.Bytes}); sum != total {
		t.Errorf("scopes sum to %v, captured %v", sum, total)
	}
	var reasons counts
	for _, c := range got.Reasons {
		reasons.Packets += c.Packets
		reasons.Bytes += c.Bytes
	}
	if reasons != got.Scopes["undecoded"] {
		t.Errorf("undecoded reasons sum to %v, scope holds %v", reasons, got.Scopes["undecoded"])
	}
	for _, n := range got.Networks {
		total := [3]counts{n.Ingress, n.Egress, n.Inner}
		for part, parts := range map[string]map[string]struct{ Ingress, Egress, Inner counts }{"protocols": n.Protocols, "l4": n.L4} {
			var sum [3]counts
			for _, p := range parts {
				for d, c := range [3]counts{p.Ingress, p.Egress, p.Inner} {
					sum[d].Packets += c.Packets
					sum[d].Bytes += c.Bytes
				}
			}
			if sum != total {
				t.Errorf("%s: %s sum to %v, total %v", n.CIDR, part, sum, total)
			}
		}
	}
}

// TestReadWorkers reads every capture with one worker and with three, each with a seed of its own for the
// flow table: the output is the same.
func TestReadWorkers(t *testing.T) {
	dir := filepath.Join(testneed.Shared(t), "pcaps")
	raw, err := os.ReadFile(filepath.Join(dir, "expected.json"))
	if err != nil {
		t.Fatal(err)
	}
	var files map[string]expected
	if err := json.Unmarshal(raw, &files); err != nil {
		t.Fatal(err)
	}
	for name := range files {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			read := func(workers string) string {
				var out, errw bytes.Buffer
				code := run(t.Context(), []string{"read", "--format", "json", "--read-workers", workers, filepath.Join(dir, name)}, strings.NewReader(""), &out, &errw)
				return fmt.Sprintf("exit code %d, stderr %q\n%s", code, &errw, &out)
			}
			if diff := cmp.Diff(read("1"), read("3")); diff != "" {
				t.Errorf("-one worker +three:\n%s", diff)
			}
		})
	}
}

// flowsDiffer are files whose flow counts, which the corpus calls informative, differ for a reason.
var flowsDiffer = map[string]string{
	"ipfrag/bigtcp_v6.pcap":  "payload length 0: the reference stops there, the TCP header that follows is one flow",
	"ipfrag/v4_options.pcap": "the reference takes the last address of a source route for the destination; the header's own is one flow",
}

// compare holds every figure of expected.json against the output.
func compare(t *testing.T, name string, got readJSON, want expected) {
	t.Helper()
	g := expected{
		Tier: want.Tier, ReaderStatus: want.ReaderStatus,
		Packets: got.Capture.Packets, Bytes: got.Capture.Bytes,
		CapturedBytes: got.Capture.CapturedBytes, TruncatedPackets: got.Capture.TruncatedPackets,
		IPv4Packets: got.IP.IPv4.Packets, IPv4Bytes: got.IP.IPv4.Bytes,
		IPv6Packets: got.IP.IPv6.Packets, IPv6Bytes: got.IP.IPv6.Bytes,
		NonIPPackets: got.Scopes["non_ip"].Packets, NonIPBytes: got.Scopes["non_ip"].Bytes,
		IncompletePackets: got.Scopes["undecoded"].Packets,
		OutsidePackets:    got.Scopes["transit"].Packets, OutsideBytes: got.Scopes["transit"].Bytes,
		Flows: got.Flows,
	}
	if _, ok := flowsDiffer[name]; ok {
		want.Flows = g.Flows
	}
	if len(want.Networks) == 0 { // then the default networks are counted, and nothing is known of them
		g.OutsidePackets, g.OutsideBytes = want.OutsidePackets, want.OutsideBytes
	} else {
		for _, n := range got.Networks {
			g.Networks = append(g.Networks, expectedNetwork{n.CIDR, n.Ingress.Bytes, n.Ingress.Packets,
				n.Egress.Bytes, n.Egress.Packets, n.Inner.Bytes, n.Inner.Packets, n.Hosts})
		}
	}
	if diff := cmp.Diff(want, g); diff != "" {
		t.Errorf("figures (-want +got):\n%s", diff)
	}
}

// TestClaimedLengthsAllocateNothing reads the captures whose records claim up to 2 GB.
func TestClaimedLengthsAllocateNothing(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(testneed.Shared(t), "pcaps", "malformed", "pcpp_cf-*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for _, file := range files {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		got, _, _ := readFile(t, file, nil)
		runtime.ReadMemStats(&after)
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 64<<20 {
			t.Errorf("%s: %d bytes allocated for %d captured", filepath.Base(file), grown, got.Capture.CapturedBytes)
		}
	}
}
