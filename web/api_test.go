package web

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/netmond/netmond/apps"
	"github.com/netmond/netmond/capture"
	"github.com/netmond/netmond/flows"
	"github.com/netmond/netmond/geoip"
	"github.com/netmond/netmond/history"
	"github.com/netmond/netmond/internal/geoiptest"
	"github.com/netmond/netmond/localnets"
	"github.com/netmond/netmond/packet"
	"github.com/netmond/netmond/report"
)

const officeNets = "192.0.2.0/25=office,192.0.2.128/25=servers,198.51.100.0/28=guests,2001:db8:1::/64=office-v6"

// replayed is a server over the sample capture, counted and recorded.
func replayed(t testing.TB) (*Server, *flows.Table) {
	t.Helper()
	nets, err := localnets.ParseList([]string{officeNets})
	if err != nil {
		t.Fatal(err)
	}
	cfg := localnets.DefaultConfig()
	cfg.AppNames = apps.Names()
	registry, err := localnets.New(cfg, nets)
	if err != nil {
		t.Fatal(err)
	}
	table, err := flows.New(flows.DefaultConfig(), registry)
	if err != nil {
		t.Fatal(err)
	}
	store, err := history.Open(context.Background(), history.DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	f := capture.OpenFiles([]string{"../cmd/netmond/testdata/office.pcap"}, nil)
	defer f.Close()
	var readings localnets.Readings
	record := func(now int64) error {
		s := table.Read(&readings, store.EndsMinute(now))
		store.Add(&history.Sample{Time: now, Nets: s.Nets, Readings: &readings, Totals: history.Totals{Bytes: s.Capture.Bytes, Packets: s.Capture.Packets}})
		return nil
	}
	if err := table.Replay(context.Background(), f, record); err != nil {
		t.Fatal(err)
	}
	last := table.Snapshot().Nets.Time/1e9*1e9 + 2e9
	record(last)
	s := newServer(t, DefaultConfig("127.0.0.1:19991"), func(d *Deps) {
		d.Report = func() *report.Report { return report.New(table.Snapshot(), nil) }
		d.Snapshot, d.Flows, d.History = table.Snapshot, table.Flows, store
		d.AlertView = func(cidr string) (float64, int) { return 7, 1 }
		d.Status = func() Status { return Status{Version: "test", Lost: LostPackets{Packets: 3}} }
		d.Config = func() any { return map[string]string{"a": "b"} }
	})
	return s, table
}

func getAPI(t testing.TB, s *Server, target string, into any) {
	t.Helper()
	r := ask(s, "GET", "127.0.0.1:19991", target, "127.0.0.1:19991")
	text := body(t, r)
	if r.StatusCode != 200 {
		t.Fatalf("%s: status %d: %s", target, r.StatusCode, text)
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		t.Fatalf("%s: %v", target, err)
	}
}

// TestAPIAgrees: lists, series and the report are of one truth.
func TestAPIAgrees(t *testing.T) {
	s, table := replayed(t)
	snap := table.Snapshot()

	var sum summaryJSON
	getAPI(t, s, "/api/v1/networks/summary?sort=bytes&spark=1", &sum)
	if sum.Total != 4 || len(sum.Networks) != 4 {
		t.Fatalf("summary: %d of %d networks, want 4", len(sum.Networks), sum.Total)
	}
	for i, row := range sum.Networks {
		n := snap.Nets.LookupName(row.Alias)
		if n == nil || row.Directions.Ingress.Bytes != n.Traffic[localnets.Ingress].Bytes || row.Score != 7 || row.EngagedAlerts != 1 {
			t.Errorf("row %+v does not fit %+v", row, n)
		}
		if i > 0 && row.bytes() > sum.Networks[i-1].bytes() {
			t.Errorf("row %d is out of order", i)
		}
		var h historyJSON
		getAPI(t, s, "/api/v1/history?from=-7d&points=10&fields=ingress_bytes,inner_bytes&network="+row.Alias, &h)
		for field, d := range map[string]localnets.Direction{"ingress_bytes": localnets.Ingress, "inner_bytes": localnets.Inner} {
			want, got := float64(n.Traffic[d].Bytes), orZero(h.Fields[field].Sum)
			if got < want*0.995-10 || got > want*1.005+10 {
				t.Errorf("%s of %s: history sums to %v, counted were %v", field, row.Alias, got, want)
			}
		}
		var one networkJSON
		getAPI(t, s, "/api/v1/network?network="+url.QueryEscape(row.CIDR), &one)
		if one.Ingress != row.Directions.Ingress || len(one.TopHosts) == 0 || len(one.Peers) == 0 {
			t.Errorf("network %s: %+v", row.CIDR, one)
		}
	}

	var list flowsJSON
	getAPI(t, s, "/api/v1/flows?per_page=1000", &list)
	if list.Total != snap.Table.Entries || list.Scanned != list.Total || len(list.Flows) != min(list.Total, 1000) {
		t.Errorf("flows: %d of %d, scanned %d, table has %d", len(list.Flows), list.Total, list.Scanned, snap.Table.Entries)
	}
	var bytes uint64
	for _, f := range list.Flows {
		bytes += f.FromClient.Bytes + f.FromServer.Bytes
	}
	scopes := snap.Nets.Scopes
	if want := scopes[0].Bytes + scopes[1].Bytes + scopes[2].Bytes + scopes[3].Bytes; bytes != want {
		t.Errorf("flows hold %d bytes, the scopes %d", bytes, want)
	}
	var office, rest flowsJSON
	getAPI(t, s, "/api/v1/flows?filter=net:office&sort=first&order=asc", &office)
	getAPI(t, s, "/api/v1/flows?filter=-net:office", &rest)
	if office.Total == 0 || office.Total+rest.Total != list.Total {
		t.Errorf("%d flows of the office, %d others, %d in all", office.Total, rest.Total, list.Total)
	}

	var hosts hostsJSON
	getAPI(t, s, "/api/v1/hosts?per_page=1000&sort=bytes_sent", &hosts)
	var sent, received uint64
	for _, h := range hosts.Hosts {
		sent += h.BytesSent
		received += h.BytesReceived
	}
	if sent != bytes || received != bytes || hosts.Capped {
		t.Errorf("hosts sent %d and received %d bytes, flows hold %d", sent, received, bytes)
	}

	var m matrixJSON
	getAPI(t, s, "/api/v1/matrix", &m)
	var rows, columns, cells uint64
	for _, n := range m.Networks {
		rows += n.Sent.Bytes
		columns += n.Received.Bytes
	}
	for _, c := range m.Cells {
		cells += c.Bytes
	}
	if cells == 0 || rows != cells || columns != cells || m.Shown != m.Total {
		t.Errorf("matrix: rows %d, columns %d, cells %d", rows, columns, cells)
	}

	var outside remotesJSON
	getAPI(t, s, "/api/v1/remotes?pairs=1000", &outside)
	var in, out uint64
	for _, p := range outside.Pairs {
		in, out = in+p.Ingress, out+p.Egress
	}
	if in != scopes[localnets.ScopeInbound].Bytes || out != scopes[localnets.ScopeOutbound].Bytes || outside.Total != len(outside.Pairs) {
		t.Errorf("from outside %d bytes, to it %d: the scopes have %d and %d", in, out, scopes[localnets.ScopeInbound].Bytes, scopes[localnets.ScopeOutbound].Bytes)
	}

	// By autonomous system and country it is the same, what no database knows included.
	s.deps.Places = testPlaces(t)
	for _, by := range []string{"as", "country"} {
		var grouped remotesJSON
		getAPI(t, s, "/api/v1/remotes?pairs=1000&by="+by, &grouped)
		var gin, gout uint64
		seen := map[string]int{}
		for _, p := range grouped.Pairs {
			gin, gout = gin+p.Ingress, gout+p.Egress
			seen[fmt.Sprint(p.ASN)+p.Country]++
			if p.Prefix != "" || by == "as" && p.Country != "" || by == "country" && p.ASN != 0 {
				t.Errorf("by %s: %+v", by, p)
			}
			var flows flowsJSON
			term := by + ":none"
			switch {
			case p.ASN != 0:
				term = fmt.Sprint("as:", p.ASN)
			case p.Country != "":
				term = "country:" + p.Country
			}
			getAPI(t, s, "/api/v1/flows?per_page=1&filter="+url.QueryEscape("net:"+p.Network+" "+term), &flows)
			if flows.Total < p.Flows {
				t.Errorf("by %s, %s selects %d flows, the group has %d", by, term, flows.Total, p.Flows)
			}
		}
		if gin != in || gout != out || len(seen) != 3 || grouped.By != by || len(grouped.Groups) != 3 {
			t.Errorf("by %s: %d bytes from outside, %d to it, want %d and %d; groups %v of %v", by, gin, gout, in, out, seen, grouped.Groups)
		}
	}
	var french hostsJSON
	getAPI(t, s, "/api/v1/hosts?filter="+url.QueryEscape("country:fr"), &french)
	if french.Total == 0 || french.Hosts[0].ASN != 64497 || french.Hosts[0].AS != "<b>Test</b> Org" || french.Hosts[0].Country != "FR" {
		t.Errorf("hosts in France: %+v", french)
	}

	var protocols appsJSON
	getAPI(t, s, "/api/v1/history/protocols?from=-1d&network=office", &protocols)
	if len(protocols.Total) == 0 || len(protocols.Steps) == 0 {
		t.Errorf("protocols of the office: %+v", protocols)
	}
}

// testPlaces are the databases of geoiptest.
func testPlaces(t testing.TB) func() *geoip.DB {
	t.Helper()
	db := new(geoip.DB)
	if err := errors.Join(db.OpenASN(geoiptest.ASN(t)), db.OpenCountry(geoiptest.Country(t))); err != nil {
		t.Fatal(err)
	}
	return func() *geoip.DB { return db }
}

func TestAPIRefusals(t *testing.T) {
	s, _ := replayed(t)
	for target, want := range map[string]struct {
		status int
		text   string
	}{
		"/api/v1/flows?filter=port:x":                 {400, `"column":6`},
		"/api/v1/flows?filter=net:nowhere":            {400, `"column":5`},
		"/api/v1/flows?sort=colour":                   {400, "want one of bytes"},
		"/api/v1/flows?per_page=100&page=200":         {400, "lists reach to row 10000"},
		"/api/v1/flows?colour=red":                    {400, "no parameter"},
		"/api/v1/flows?page=1&page=2":                 {400, "2 times"},
		"/api/v1/flows?filter=as:64496":               {400, "geoip.asn"},
		"/api/v1/hosts?filter=country:de":             {400, "geoip.country"},
		"/api/v1/remotes?by=as":                       {400, "no database of autonomous systems"},
		"/api/v1/remotes?by=town":                     {400, "want one of prefix, as, country"},
		"/api/v1/hosts?filter=port:80":                {400, `hosts have no \"port\"`},
		"/api/v1/network":                             {400, "want a local network"},
		"/api/v1/network?network=nowhere":             {404, "no local network"},
		"/api/v1/history?network=nowhere":             {404, "no local network"},
		"/api/v1/history?from=yesterday":              {400, "such as -15m"},
		"/api/v1/history?from=-1h&to=-2h":             {400, "before to"},
		"/api/v1/history?fields=colour":               {400, "no field"},
		"/api/v1/history?from=-99999999999999999s":    {400, "time back"},
		"/api/v1/history?points=100000":               {400, "1 to 5000"},
		"/api/v1/history/protocols":                   {400, "want a local network"},
		"/api/v1/networks/summary?q=a&page=0":         {400, "want a number"},
		"/api/v1/networks/summary?spark=perhaps":      {400, "want one of 0, 1"},
		"/api/v1/matrix?cells=1000000":                {400, "1 to 10000"},
		"/api/v1/network?network=%3Cscript%3E":        {404, `\u003cscript\u003e`},
		"/api/v1/history?to=99999999999999999&from=1": {400, "out of range"},
	} {
		r := ask(s, "GET", "127.0.0.1:19991", target, "127.0.0.1:19991")
		if text := body(t, r); r.StatusCode != want.status || !strings.Contains(text, want.text) || r.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: status %d, %s: want %d and %q", target, r.StatusCode, text, want.status, want.text)
		}
	}
}

func TestLive(t *testing.T) {
	s, _ := replayed(t)
	web := httptest.NewServer(http.HandlerFunc(s.live))
	defer web.Close()
	r, err := http.Get(web.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	lines := bufio.NewScanner(r.Body)
	lines.Buffer(nil, 1<<20)
	var tick tickJSON
	for lines.Scan() {
		if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			if err := json.Unmarshal([]byte(data), &tick); err != nil {
				t.Fatal(err)
			}
			break
		}
	}
	if len(tick.Networks) != 4 || tick.Totals.Lost != 3 || tick.Totals.Captured == 0 {
		t.Errorf("tick: %+v", tick)
	}
	// The end of the server ends the events.
	s.endOnce.Do(func() { close(s.ending) })
	if _, err := io.Copy(io.Discard, r.Body); err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("after the end: %v", err)
	}
}

func TestLiveBound(t *testing.T) {
	s, _ := replayed(t)
	for range maxLive {
		s.lives <- struct{}{}
	}
	if r := ask(s, "GET", "127.0.0.1:19991", "/api/v1/live", "127.0.0.1:19991"); r.StatusCode != 503 || r.Header.Get("Retry-After") == "" {
		t.Errorf("status %d, want 503", r.StatusCode)
	}
}

// BenchmarkSummary is the first page of the list of 10,000 networks.
func BenchmarkSummary(b *testing.B) {
	var nets []localnets.Network
	for i := range 10_000 {
		nets = append(nets, localnets.Network{ID: int32(i), Prefix: prefix(i), Name: prefix(i).String()})
	}
	registry, err := localnets.New(localnets.DefaultConfig(), nets)
	if err != nil {
		b.Fatal(err)
	}
	table, err := flows.New(flows.DefaultConfig(), registry)
	if err != nil {
		b.Fatal(err)
	}
	snap := table.Snapshot()
	s := newServer(b, DefaultConfig("127.0.0.1:19991"), func(d *Deps) {
		d.Snapshot, d.Flows = func() *flows.Snapshot { return snap }, table.Flows
	})
	for b.Loop() {
		var sum summaryJSON
		getAPI(b, s, "/api/v1/networks/summary", &sum)
		if sum.Total != 10_000 {
			b.Fatal(sum.Total)
		}
	}
}

// BenchmarkFlows is a filtered page of 100,000 flows.
func BenchmarkFlows(b *testing.B) {
	registry, err := localnets.New(localnets.DefaultConfig(), nil)
	if err != nil {
		b.Fatal(err)
	}
	table, err := flows.New(flows.DefaultConfig(), registry)
	if err != nil {
		b.Fatal(err)
	}
	w := table.NewWorker()
	var block packet.Block
	for i := range 100_000 {
		frame := append([]byte{0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 10, byte(i >> 16), byte(i >> 8), byte(i), 192, 0, 2, 1}, 0, 53, 0, 53, 0, 8, 0, 0)
		block.Frames = append(block.Frames, packet.Frame{Data: frame, WireLen: 28, Time: 1e9, Link: 101})
	}
	w.Process(&block)
	s := newServer(b, DefaultConfig("127.0.0.1:19991"), func(d *Deps) { d.Snapshot, d.Flows = table.Snapshot, table.Flows })
	for b.Loop() {
		var list flowsJSON
		getAPI(b, s, "/api/v1/flows?filter=port:53+bytes>10", &list)
		if list.Total != 100_000 {
			b.Fatal(list.Total)
		}
	}
}

func prefix(i int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 0}), 24)
}
