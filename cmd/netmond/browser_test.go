package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/netmond/netmond/internal/geoiptest"
	"github.com/netmond/netmond/internal/pcaptest"
	"github.com/netmond/netmond/internal/testneed"
)

// browse runs a test of web/ui/test in Chromium against a netmond that was started with args, if there are any.
func browse(t *testing.T, script string, env []string, args ...string) {
	t.Helper()
	if testing.Short() {
		t.Skip("the browser takes its time")
	}
	node := testneed.Command(t, "browser", "node")
	chromium := testneed.Command(t, "browser", "chromium")
	ui, err := filepath.Abs("../../web/ui")
	if err != nil {
		t.Fatal(err)
	}
	testneed.File(t, "browser", filepath.Join(ui, "node_modules", "playwright-core"), "run npm ci in web/ui")
	if len(args) > 0 {
		env = append(env, "NETMOND_URL=http://"+startDaemon(t, args...))
	}
	cmd := exec.CommandContext(t.Context(), node, filepath.Join(ui, "test", script))
	cmd.Env = append(os.Environ(), append(env, "NETMOND_CHROMIUM="+chromium)...)
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatalf("%s: %v", script, err)
	}
}

// TestPage holds the page over the sample capture against netmond read. NETMOND_SHOTS=docs/images makes
// the guide's pictures.
func TestPage(t *testing.T) {
	var report, errw bytes.Buffer
	if code := run(t.Context(), []string{"read", "--format", "json", "-m", sampleNetworks, "testdata/office.pcap"}, nil, &report, &errw); code != 0 {
		t.Fatalf("exit code %d: %s", code, errw.String())
	}
	env := []string{"NETMOND_REPORT=" + pcaptest.File(t, "report.json", report.Bytes())}
	if dir := os.Getenv("NETMOND_SHOTS"); dir != "" {
		if !filepath.IsAbs(dir) {
			dir = filepath.Join("..", "..", dir) // of the repository
		}
		env = append(env, "NETMOND_SHOTS="+dir)
	}
	browse(t, "page.mjs", env, "run", "-r", "testdata/office.pcap", "-m", sampleNetworks,
		"--geoip.asn", geoiptest.ASN(t), "--geoip.country", geoiptest.Country(t))
}

// TestPageOfCorpus shows a capture of the world, whose names nobody here chose.
func TestPageOfCorpus(t *testing.T) {
	shared := testneed.Shared(t)
	capture := filepath.Join(shared, "pcaps", "apps", "browse.pcap")
	var report, errw bytes.Buffer
	if code := run(t.Context(), []string{"read", "--format", "json", capture}, nil, &report, &errw); code > 1 {
		t.Fatalf("exit code %d: %s", code, errw.String())
	}
	browse(t, "capture.mjs", []string{"NETMOND_REPORT=" + pcaptest.File(t, "report.json", report.Bytes())}, "run", "-r", capture)
}

// TestPageOfManyNetworks draws the overview and scrolls through 1,000 and 10,000 networks, with 100,000 flows in the
// table. NETMOND_STRICT=1 holds both to their times; docs/performance.md has the figures.
func TestPageOfManyNetworks(t *testing.T) {
	for _, total := range []int{1000, 10_000} {
		t.Run(fmt.Sprint(total), func(t *testing.T) {
			var list strings.Builder
			for i := range total {
				fmt.Fprintf(&list, "10.%d.%d.0/24=network %d\n", i>>8, i&255, i)
			}
			var packets []pcaptest.Packet
			for i := range 100_000 {
				n := i % total
				packets = append(packets, pcaptest.Packet{Time: 1_772_355_600e9 + int64(i)*1e6, Data: pcaptest.UDP(
					fmt.Sprintf("10.%d.%d.%d:%d", n>>8, n&255, 1+i%250, 1024+i/total), fmt.Sprintf("198.51.%d.1:53", i%200), make([]byte, 64+i%400))})
			}
			flows := pcaptest.File(t, "flows.pcap", pcaptest.Pcap(packets...))
			file := pcaptest.File(t, "networks.txt", []byte(list.String()))
			browse(t, "many.mjs", []string{fmt.Sprint("NETMOND_NETWORKS=", total)}, "run", "-r", flows, "-m", file, "--no-checks")
		})
	}
}

// TestPageOfHostileTexts puts markup wherever a text comes from outside.
func TestPageOfHostileTexts(t *testing.T) {
	const hostile = `<img src=x onerror=alert(1)>&amp;` + "`${alert(1)}`"
	scripts := t.TempDir()
	writeScript(t, scripts, "hostile.lua", fmt.Sprintf(`
local text = [==[%s]==]
local M = {}
function M.check(network_info)
  if not network.checkContext(network_info.network_cidr) then return end
  network.storeTriggeredAlert("hostile", 1, 120, 77, text, '{"description":"<img src=x onerror=alert(1)>"}')
end
return M`, hostile))
	request := "GET / HTTP/1.1\r\nHost: " + strings.ReplaceAll(hostile, " ", "/") + "\r\n\r\n"
	var packets []pcaptest.Packet
	for i, seg := range []pcaptest.Segment{
		{Flags: "S", Seq: 1}, {Flags: "A", Seq: 2, Ack: 1}, {Flags: "PA", Seq: 2, Ack: 1, Payload: []byte(request)},
	} {
		packets = append(packets, pcaptest.Packet{Time: int64(1_772_355_600+70*i) * 1e9, Data: pcaptest.TCP("192.0.2.10:40000", "198.51.100.1:80", seg)})
	}
	browse(t, "hostile.mjs", []string{"NETMOND_HOSTILE=" + hostile},
		"run", "-r", pcaptest.File(t, "hostile.pcap", pcaptest.Pcap(packets...)), "-m", "192.0.2.0/24="+hostile, "--scripts-dir", scripts)
}

// browseHTML opens what netmond read --html wrote of a capture, beside the JSON of the same reading.
func browseHTML(t *testing.T, args ...string) {
	t.Helper()
	html := filepath.Join(t.TempDir(), "report.html")
	var report, errw bytes.Buffer
	args = append([]string{"read", "--format", "json", "--top", "hosts,flows,protocols,matrix", "--top-n", "20", "--html", html}, args...)
	if code := run(t.Context(), args, nil, &report, &errw); code > 1 {
		t.Fatalf("exit code %d: %s", code, errw.String())
	}
	env := []string{"NETMOND_REPORT=" + pcaptest.File(t, "report.json", report.Bytes()), "NETMOND_HTML=" + html}
	if dir := os.Getenv("NETMOND_HTML_SHOTS"); dir != "" {
		env = append(env, "NETMOND_SHOTS="+dir)
	}
	browse(t, "report.mjs", env)
}

// TestHTML holds the file over the sample capture against netmond read. NETMOND_HTML_SHOTS=DIR keeps pictures.
func TestHTML(t *testing.T) { browseHTML(t, "-m", sampleNetworks, "testdata/office.pcap") }

// TestHTMLOfHostileTexts puts markup wherever a text comes from outside.
func TestHTMLOfHostileTexts(t *testing.T) {
	const hostile = `<img src=x onerror=alert(1)></script><script>alert(2)</script>&amp;` + "`${alert(1)}`"
	request := "GET / HTTP/1.1\r\nHost: " + strings.ReplaceAll(hostile, " ", "/") + "\r\n\r\n"
	var packets []pcaptest.Packet
	for i, seg := range []pcaptest.Segment{
		{Flags: "S", Seq: 1}, {Flags: "A", Seq: 2, Ack: 1}, {Flags: "PA", Seq: 2, Ack: 1, Payload: []byte(request)},
	} {
		packets = append(packets, pcaptest.Packet{Time: 1_772_355_600e9 + int64(i)*1e8, Data: pcaptest.TCP("192.0.2.10:40000", "198.51.100.1:80", seg)})
	}
	path := pcaptest.File(t, "hostile<b>&.pcap", pcaptest.Pcap(packets...))
	browseHTML(t, "-m", "192.0.2.0/24=<img src=x onerror=alert(1)></script>&amp;", path, filepath.Join(filepath.Dir(path), "gone<script>alert(3)</script>.pcap"))
}

// TestHTMLOfCorpus is of a capture of the world.
func TestHTMLOfCorpus(t *testing.T) {
	browseHTML(t, filepath.Join(testneed.Shared(t), "pcaps", "apps", "browse.pcap"))
}

// TestPageOfAlerts watches alerts come and go in the demo.
func TestPageOfAlerts(t *testing.T) {
	browse(t, "alerts.mjs", nil, "demo", "--speed", "300")
}
