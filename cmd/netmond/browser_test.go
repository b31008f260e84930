package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/netmond/netmond/internal/pcaptest"
	"github.com/netmond/netmond/internal/testneed"
)

// browse runs a test of web/ui/test in Chromium against a netmond that was started with args.
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
	address := startDaemon(t, args...)
	cmd := exec.CommandContext(t.Context(), node, filepath.Join(ui, "test", script))
	cmd.Env = append(os.Environ(), append(env, "NETMOND_URL=http://"+address, "NETMOND_CHROMIUM="+chromium)...)
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
	browse(t, "page.mjs", env, "run", "-r", "testdata/office.pcap", "-m", sampleNetworks)
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

// TestPageOfManyNetworks scrolls through 10,000 networks.
func TestPageOfManyNetworks(t *testing.T) {
	for _, total := range []int{1000, 10_000} {
		t.Run(fmt.Sprint(total), func(t *testing.T) {
			var list strings.Builder
			for i := range total {
				fmt.Fprintf(&list, "10.%d.%d.0/24=network %d\n", i>>8, i&255, i)
			}
			file := pcaptest.File(t, "networks.txt", []byte(list.String()))
			browse(t, "many.mjs", []string{fmt.Sprint("NETMOND_NETWORKS=", total)}, "run", "-r", "testdata/office.pcap", "-m", file, "--no-checks")
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

// TestPageOfAlerts watches alerts come and go in the demo.
func TestPageOfAlerts(t *testing.T) {
	browse(t, "alerts.mjs", nil, "demo", "--speed", "300")
}
