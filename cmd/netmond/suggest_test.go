package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/netmond/netmond/internal/pcaptest"
	"github.com/netmond/netmond/internal/testneed"
)

// suggestions is what networks suggest prints, as another program's reader would have it.
type suggestions struct {
	Flows     int
	Bytes     uint64
	Unmatched uint64 `json:"unmatched_bytes"`
	Explained uint64 `json:"explained_bytes"`
	All       bool
	Prefixes  []struct {
		CIDR, Class, Role string
		Share             float64
		Hosts             int
	}
	Networks []struct{ CIDR, Name string }
}

// suggested runs networks suggest and reads its JSON.
func suggested(t *testing.T, args ...string) (s suggestions) {
	t.Helper()
	var out, errw bytes.Buffer
	if code := run(t.Context(), append([]string{"networks", "suggest", "--format", "json"}, args...), nil, &out, &errw); code != 0 {
		t.Fatalf("%v: exit code %d: %s", args, code, errw.String())
	}
	if err := json.Unmarshal(out.Bytes(), &s); err != nil {
		t.Fatalf("%v: %v in %s", args, err, out.String())
	}
	return s
}

// cidrs are the suggested prefixes.
func (s *suggestions) cidrs() string {
	var list []string
	for _, p := range s.Prefixes {
		list = append(list, p.CIDR)
	}
	return strings.Join(list, " ")
}

// TestSuggestCorpus: real captures belong to these networks, as who looks at their addresses says.
func TestSuggestCorpus(t *testing.T) {
	dir := filepath.Join(testneed.Shared(t), "pcaps")
	for _, c := range []struct {
		file string
		args []string
		want string
	}{
		{"apps/phone_mix.pcap", nil, "192.168.2.0/24"},
		{"apps/quic.pcap", nil, "192.168.1.0/24 10.0.0.0/24"},
		{"apps/mdns.pcap", nil, "10.0.2.0/24 fd52:429e:c03c:8235::/64 fe80::/10"},
		{"load/cip_26k.pcap", nil, "10.200.1.0/24 10.50.1.0/24"},
		{"apps/browse.pcap", nil, "141.142.220.0/24 fe80::/10"}, // a university's global prefix
		{"apps/dhcp_flood.pcap", nil, ""},                       // 0.0.0.0 to 255.255.255.255
		{"tcp/syn_scan.pcap", nil, "172.16.0.0/24"},             // and none of the 1,000 ports' hosts
		// What is configured is not suggested, and what is opposite to it is.
		{"apps/quic.pcap", []string{"-m", "192.168.1.0/24"}, "10.0.0.0/24"},
		{"load/cip_26k.pcap", []string{"-m", "10.200.1.0/24"}, "10.50.1.0/24"},
		{"load/cip_26k.pcap", []string{"-m", "198.51.100.0/24"}, "10.200.1.0/24 10.50.1.0/24"},
		{"load/cip_26k.pcap", []string{"-m", "10.0.0.0/8"}, ""},
		{"load/cip_26k.pcap", []string{"-m", "10.0.0.0/8", "--all", "--max", "1"}, "10.0.0.0/8"},
	} {
		got := suggested(t, append([]string{"-r", filepath.Join(dir, c.file)}, c.args...)...)
		if got.cidrs() != c.want {
			t.Errorf("%s %v: suggested %s, want %s", c.file, c.args, got.cidrs(), c.want)
		}
		if got.Unmatched > got.Bytes || got.Explained > got.Unmatched {
			t.Errorf("%s %v: sums of %+v", c.file, c.args, got)
		}
	}
}

// branchCapture is an office, a server network and a global site, with the office's other side.
func branchCapture(t *testing.T) string {
	var packets []pcaptest.Packet
	add := func(frame []byte) {
		packets = append(packets, pcaptest.Packet{Time: 1_700_000_000_000_000_000 + int64(len(packets))*1_000_000, Data: frame})
	}
	talk := func(client, server string) {
		add(pcaptest.UDP(client, server, make([]byte, 100)))
		add(pcaptest.UDP(server, client, make([]byte, 800)))
	}
	for h := range 20 {
		for i := range 10 {
			talk(fmt.Sprintf("10.1.2.%d:4000", 10+h), fmt.Sprintf("%d.%d.1.1:443", 20+i, 30+h))
			talk(fmt.Sprintf("198.51.100.%d:5000", 10+h), fmt.Sprintf("%d.%d.1.1:443", 40+i, 30+h))
		}
		talk(fmt.Sprintf("10.1.2.%d:4000", 10+h), fmt.Sprintf("172.16.9.%d:445", 1+h%3))
	}
	return pcaptest.File(t, "branch.pcap", pcaptest.Pcap(packets...))
}

// TestSuggest: where the answer is known; a running netmond gives it as the file does, and its lists are taken.
func TestSuggest(t *testing.T) {
	file := branchCapture(t)
	want := "10.1.2.0/24 198.51.100.0/24 172.16.9.0/24"
	got := suggested(t, "-r", file)
	if got.cidrs() != want || !got.All || got.Explained != got.Bytes {
		t.Errorf("suggested %s (%+v), want %s of all", got.cidrs(), got, want)
	}
	for i, p := range got.Prefixes {
		if wantRole := []string{"clients", "clients", "servers"}[i]; p.Role != wantRole || p.Hosts != []int{20, 20, 3}[i] {
			t.Errorf("%+v, want %s", p, wantRole)
		}
	}
	const configured = "10.1.2.0/24=office"
	part := suggested(t, "-r", file, "-m", configured)
	if part.cidrs() != "198.51.100.0/24 172.16.9.0/24" || part.All || fmt.Sprint(part.Networks) != "[{10.1.2.0/24 office} {198.51.100.0/24 } {172.16.9.0/24 }]" {
		t.Errorf("beside the office: %+v", part)
	}
	address := "http://" + startDaemon(t, "run", "-r", file, "-m", configured)
	if diff := cmp.Diff(part, suggested(t, "--url", address)); diff != "" {
		t.Errorf("the file and the running netmond differ (-file +API):\n%s", diff)
	}
	if diff := cmp.Diff(got, suggested(t, "--url", address, "--all")); diff != "" {
		t.Errorf("the file and the running netmond differ with --all (-file +API):\n%s", diff)
	}
	assumed := "http://" + startDaemon(t, "run", "-r", file)
	if diff := cmp.Diff(got, suggested(t, "--url", assumed)); diff != "" {
		t.Errorf("a netmond without networks is looked at otherwise (-file +API):\n%s", diff)
	}

	// What is printed to paste is taken, and leaves nothing to suggest.
	var yaml, table bytes.Buffer
	if code := run(t.Context(), []string{"networks", "suggest", "-r", file, "-m", configured, "--format", "yaml"}, nil, &yaml, io.Discard); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	if rest := suggested(t, "-r", file, "--config.file", pcaptest.File(t, "netmond.yaml", yaml.Bytes())); rest.Unmatched != 0 || rest.cidrs() != "" || rest.Networks[0].Name != "office" {
		t.Errorf("with the list of\n%s\nthere is still %+v", yaml.String(), rest)
	}
	if code := run(t.Context(), []string{"networks", "suggest", "-r", file, "-m", configured}, nil, &table, io.Discard); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	_, list, found := strings.Cut(table.String(), "--local-networks ")
	if rest := suggested(t, "-r", file, "-m", strings.TrimSpace(list)); !found || rest.Unmatched != 0 {
		t.Errorf("with the list of\n%s\nthere is still %+v", table.String(), rest)
	}
	for _, see := range []string{"198.51.100.0/24  ", "global, many hosts with many networks outside", "20 hosts", "clients"} {
		if !strings.Contains(strings.Join(strings.Fields(table.String()), " "), strings.TrimSpace(see)) {
			t.Errorf("%q is missing in\n%s", see, table.String())
		}
	}
}

// TestSuggestExample: docs/networks.md shows what is printed.
func TestSuggestExample(t *testing.T) {
	doc, err := os.ReadFile("../../docs/networks.md")
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if code := run(t.Context(), []string{"networks", "suggest", "-r", "testdata/office.pcap"}, nil, &out, io.Discard); code != 0 || !bytes.Contains(doc, append([]byte("office.pcap\n"), out.Bytes()...)) {
		t.Errorf("exit code %d; the example in docs/networks.md is not\n%s", code, out.String())
	}
}

func TestSuggestFlags(t *testing.T) {
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"-i", "x", "-r", "y"}, exitUsage, "give one of"},
		{[]string{"--min-share", "0"}, exitUsage, "--min-share 0"},
		{[]string{"--min-share", "101%"}, exitUsage, "--min-share 101%"},
		{[]string{"--max", "0"}, exitUsage, "--max 0"},
		{[]string{"--duration", "0s", "-i", "x"}, exitUsage, "--duration"},
		{[]string{"-m", "10.0.0.0/8"}, exitUsage, "networks and settings of its own"},
		{[]string{"-r", "x", "--tls-ca", "y"}, exitUsage, "--tls-ca is for --url"},
		{[]string{"--url", "http://localhost:1", "--tls-ca", "y"}, exitUsage, "not https"},
		{[]string{"--url", "https://localhost:1", "--tls-ca", "testdata/office.pcap"}, exitUsage, "no certificate"},
		{[]string{"--url", "http://u:secret@127.0.0.1:1"}, exitError, "no netmond answers at http://***@127.0.0.1:1"},
		{[]string{"-r", "testdata/none.pcap"}, exitError, "none.pcap"},
	} {
		var errw bytes.Buffer
		code := run(t.Context(), append([]string{"networks", "suggest"}, c.args...), nil, io.Discard, &errw)
		if code != c.code || !strings.Contains(errw.String(), c.want) || strings.Contains(errw.String(), "secret") {
			t.Errorf("%v: exit code %d, %s; want %d and %q", c.args, code, errw.String(), c.code, c.want)
		}
	}
}
