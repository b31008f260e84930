package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// networkFigures are the figures of one network that every reader has.
type networkFigures struct {
	Ingress, Egress, Inner counts
	Hosts                  uint64
}

// statsScript gives a REST client what scripts see.
const statsScript = `
local rest_utils = require "rest_utils"
interface.select("0")
rest_utils.answer(rest_utils.consts.success.ok, interface.getNetworksStats())`

// TestOneTruthForAllReaders replays a capture and asks everyone who can tell: netmond read, the API's lists
// and details, Prometheus and Lua. All of them have the same figures. (The page's are held against those
// of read in TestPage.)
func TestOneTruthForAllReaders(t *testing.T) {
	var out, errw bytes.Buffer
	if code := run(t.Context(), []string{"read", "--format", "json", "-m", sampleNetworks, "testdata/office.pcap"}, nil, &out, &errw); code != 0 {
		t.Fatalf("exit code %d: %s", code, errw.String())
	}
	type figures struct {
		CIDR                   string
		Ingress, Egress, Inner counts
		Hosts                  uint64
	}
	var report struct {
		Capture  counts
		Scopes   map[string]counts
		Networks []figures
	}
	decode(t, out.Bytes(), &report)
	want := map[string]networkFigures{}
	for _, n := range report.Networks {
		want[n.CIDR] = networkFigures{n.Ingress, n.Egress, n.Inner, n.Hosts}
	}
	if len(want) != 4 {
		t.Fatalf("%d networks", len(want))
	}
	scripts := t.TempDir()
	writeScript(t, scripts, "rest/stats.lua", statsScript)
	address := startDaemon(t, "run", "-r", "testdata/office.pcap", "-m", sampleNetworks, "--scripts-dir", scripts)
	ask := func(path string) []byte {
		t.Helper()
		b, err := get("http://" + address + path)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		return b
	}
	agree := func(reader string, got map[string]networkFigures) {
		t.Helper()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s differs (-read +%s):\n%s", reader, reader, diff)
		}
	}

	var list struct{ Networks []figures }
	decode(t, ask("/api/v1/networks/summary"), &list)
	rows, details := map[string]networkFigures{}, map[string]networkFigures{}
	for _, n := range list.Networks {
		rows[n.CIDR] = networkFigures{n.Ingress, n.Egress, n.Inner, n.Hosts}
		var one figures
		decode(t, ask("/api/v1/network?network="+url.QueryEscape(n.CIDR)), &one)
		details[one.CIDR] = networkFigures{one.Ingress, one.Egress, one.Inner, one.Hosts}
	}
	agree("summary", rows)
	agree("network", details)

	var lua struct {
		Rsp map[string]struct {
			IngressBytes   uint64 `json:"ingress_bytes"`
			IngressPackets uint64 `json:"ingress_packets"`
			EgressBytes    uint64 `json:"egress_bytes"`
			EgressPackets  uint64 `json:"egress_packets"`
			InnerBytes     uint64 `json:"inner_bytes"`
			InnerPackets   uint64 `json:"inner_packets"`
			Hosts          uint64 `json:"num_hosts"`
		}
	}
	decode(t, ask("/lua/rest/stats.lua"), &lua)
	scripted := map[string]networkFigures{}
	for cidr, n := range lua.Rsp {
		scripted[cidr] = networkFigures{
			counts{Packets: n.IngressPackets, Bytes: n.IngressBytes}, counts{Packets: n.EgressPackets, Bytes: n.EgressBytes},
			counts{Packets: n.InnerPackets, Bytes: n.InnerBytes}, n.Hosts,
		}
	}
	agree("Lua", scripted)

	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(ask("/metrics")))
	if err != nil {
		t.Fatal(err)
	}
	scraped := map[string]networkFigures{}
	add := func(family string, field func(c *counts) *uint64) {
		for _, m := range families[family].GetMetric() {
			f := scraped[label(m, "network")]
			c := map[string]*counts{"ingress": &f.Ingress, "egress": &f.Egress, "inner": &f.Inner}[label(m, "direction")]
			*field(c) += uint64(m.GetCounter().GetValue())
			scraped[label(m, "network")] = f
		}
	}
	add("netmond_network_bytes_total", func(c *counts) *uint64 { return &c.Bytes })
	add("netmond_network_packets_total", func(c *counts) *uint64 { return &c.Packets })
	for _, m := range families["netmond_network_hosts"].GetMetric() {
		f := scraped[label(m, "network")]
		f.Hosts = uint64(m.GetGauge().GetValue())
		scraped[label(m, "network")] = f
	}
	agree("Prometheus", scraped)

	// All traffic: the scopes of each reader, and the flows and matrix that they are made of.
	scopes := map[string]counts{}
	for _, m := range families["netmond_traffic_bytes_total"].GetMetric() {
		scopes[label(m, "scope")] = counts{Bytes: uint64(m.GetCounter().GetValue())}
	}
	for _, m := range families["netmond_traffic_packets_total"].GetMetric() {
		c := scopes[label(m, "scope")]
		c.Packets = uint64(m.GetCounter().GetValue())
		scopes[label(m, "scope")] = c
	}
	if diff := cmp.Diff(report.Scopes, scopes); diff != "" {
		t.Errorf("scopes (-read +Prometheus):\n%s", diff)
	}
	var capture struct {
		Capture counts
		Scopes  map[string]counts
	}
	decode(t, ask("/api/v1/capture"), &capture)
	if diff := cmp.Diff(report.Scopes, capture.Scopes); diff != "" || capture.Capture != report.Capture {
		t.Errorf("capture has %+v and scopes (-read +API):\n%s", capture.Capture, diff)
	}
	var live struct {
		Totals struct{ Bytes, Packets uint64 }
	}
	decode(t, firstEvent(t, "http://"+address+"/api/v1/live"), &live)
	if got := (counts{Packets: live.Totals.Packets, Bytes: live.Totals.Bytes}); got != report.Capture {
		t.Errorf("live has %+v, read %+v", got, report.Capture)
	}
}

func decode(t *testing.T, b []byte, v any) {
	t.Helper()
	if err := json.Unmarshal(b, v); err != nil {
		t.Fatalf("%v in %.200s", err, b)
	}
}

func label(m *dto.Metric, name string) string {
	for _, l := range m.GetLabel() {
		if l.GetName() == name {
			return l.GetValue()
		}
	}
	return ""
}

// firstEvent is the data of the first server-sent event.
func firstEvent(t *testing.T, address string) []byte {
	t.Helper()
	r, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	lines := bufio.NewScanner(r.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			return []byte(data)
		}
	}
	t.Fatalf("%s: no event: %v", address, lines.Err())
	return nil
}
