package query_test

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/netmond/netmond/web/query"
)

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

func resolve(name string) (int32, bool) {
	id, ok := map[string]int32{"office": 0, "192.0.2.0/24": 0, "lab": 1}[name]
	return id, ok
}

// flow is TLS from 192.0.2.7 (office) to 203.0.113.9.
func flow() *query.Record {
	r := &query.Record{
		Ends:  []query.End{{Addr: addr("192.0.2.7"), Port: 51000, Network: 0}, {Addr: addr("203.0.113.9"), Port: 443, Network: query.NoNetwork}},
		Proto: 6, VLAN: 12, App: "TLS", Name: "www.example.org", State: "open",
	}
	r.Numbers[query.Bytes], r.Numbers[query.RTT], r.Numbers[query.Duration] = 2e6, 0.02, 90
	return r
}

// TestPlaces: terms of places look at the remote end alone, and only they call for it.
func TestPlaces(t *testing.T) {
	asked := 0
	r := flow()
	r.AS = func(a netip.Addr) (uint32, string) {
		if asked++; a == addr("203.0.113.9") {
			return 64496, "Example Net"
		}
		return 0, ""
	}
	r.Country = func(a netip.Addr) string {
		asked++
		return map[string]string{"203.0.113.9": "DE"}[a.String()]
	}
	for filter, want := range map[string]bool{
		"as:64496": true, "as:AS64496": true, "as:as64497": false, `as:"example net"`: true, "as:example*": true, "as:other": false,
		"as:none": false, "as!=64496": false, "country:DE": true, "country:de net:office": true, "country:FR": false, "country:none": false,
		"country!=FR": true,
	} {
		q, err := query.Parse(query.Flows, filter, resolve)
		if err != nil {
			t.Fatalf("%s: %v", filter, err)
		}
		if got := q.Match(r); got != want {
			t.Errorf("%s: %v", filter, got)
		}
		if q.ASN != strings.Contains(filter, "as") || q.Country != strings.Contains(filter, "country") {
			t.Errorf("%s: needs systems %v, countries %v", filter, q.ASN, q.Country)
		}
	}
	asked = 0
	q, err := query.Parse(query.Flows, "port:443 bytes>1", resolve)
	if err != nil || !q.Match(r) || asked != 0 {
		t.Errorf("places were looked up %d times for nothing (%v)", asked, err)
	}
	r.Ends[1].Addr = addr("198.51.100.1") // unknown
	for _, filter := range []string{"as:none", "country:none", "as:0"} {
		q, err := query.Parse(query.Flows, filter, resolve)
		if err != nil || !q.Match(r) {
			t.Errorf("%s does not match what is unknown (%v)", filter, err)
		}
	}
	for _, filter := range []string{"country:Germany", "country>DE", "as>5"} {
		if _, err := query.Parse(query.Flows, filter, resolve); err == nil {
			t.Errorf("%s is taken", filter)
		}
	}
	if _, err := query.Parse(query.Alerts, "as:64496", resolve); err == nil {
		t.Error("alerts have no remote ends")
	}
}

func TestFlows(t *testing.T) {
	for filter, want := range map[string]bool{
		"":                                  true,
		"net:office":                        true,
		"net:192.0.2.0/24":                  true,
		"net:192.0.0.0/16":                  true,
		"net:lab":                           false,
		"net:none":                          true,
		"net!=lab":                          true,
		"host:192.0.2.7":                    true,
		"host:::ffff:192.0.2.7":             true,
		"host:192.0.2.8":                    false,
		"port:443":                          true,
		"port:400-500 proto:tcp":            true,
		"port:80":                           false,
		"client:443":                        false,
		"server:443":                        true,
		"client:office server:203.0.113.9":  true,
		"dir:egress":                        true,
		"dir:ingress or dir:transit":        false,
		"proto:udp":                         false,
		"proto:6":                           true,
		"vlan:12 -vlan:13":                  true,
		"app:tls":                           true,
		"app:T*":                            true,
		"name:*.example.org":                true,
		"name:*.example.*":                  true,
		"name:example.org":                  false,
		"state:open":                        true,
		"bytes>1MB":                         true,
		"bytes>2MiB":                        false,
		"bytes<=2000000":                    true,
		"rtt>10ms rtt<1s":                   true,
		"duration>=1m30s":                   true,
		"example":                           true,
		"EXAMPLE.org 203.0":                 true,
		"nothing":                           false,
		`"www.example"`:                     true,
		"not port:443":                      false,
		"not (port:80 or port:443)":         false,
		"port:80 or port:443 and proto:tcp": true,
		"(port:80 or port:443) proto:udp":   false,
		"!port:80 and !port:81":             true,
	} {
		q, err := query.Parse(query.Flows, filter, resolve)
		if err != nil {
			t.Errorf("%q: %v", filter, err)
			continue
		}
		if got := q.Match(flow()); got != want {
			t.Errorf("%q: %v, want %v", filter, got, want)
		}
	}
}

func TestAlerts(t *testing.T) {
	r := &query.Record{
		Ends:  []query.End{{Addr: addr("192.0.2.0"), Network: 0}},
		Check: "syn_flood_victim", Severity: "error", Status: "engaged", Texts: []string{"too many SYNs"},
	}
	r.Numbers[query.Score] = 60
	for filter, want := range map[string]bool{
		"check:syn_flood_victim score>50": true, "severity:error status:engaged net:office": true, "status:historical": false,
		"syns": true, "score<60": false, "check:*flood*": true,
	} {
		q, err := query.Parse(query.Alerts, filter, resolve)
		if err != nil {
			t.Errorf("%q: %v", filter, err)
		} else if got := q.Match(r); got != want {
			t.Errorf("%q: %v, want %v", filter, got, want)
		}
	}
}

func TestErrors(t *testing.T) {
	for _, c := range []struct {
		kind   query.Kind
		filter string
		column int
		reason string
	}{
		{query.Flows, "prot:443", 1, `no "prot"`},
		{query.Flows, "app:TLS port:x", 14, "want a port"},
		{query.Flows, "port:70000", 6, "want a port"},
		{query.Flows, "port>80", 6, "after ':'"},
		{query.Flows, "net:nowhere", 5, "neither"},
		{query.Flows, "host:example.org", 6, "not an address"},
		{query.Flows, "bytes>lots", 7, "want a number"},
		{query.Flows, "rtt>-1s", 5, "want a duration"},
		{query.Flows, "(port:80", 9, "column 1 is not closed"},
		{query.Flows, "port:80)", 8, "not opened"},
		{query.Flows, "port:80 or", 11, "missing"},
		{query.Flows, "or port:80", 1, "missing"},
		{query.Flows, "port:", 6, "without a value"},
		{query.Flows, `name:"abc`, 6, "without an end"},
		{query.Flows, "check:x", 1, `flows have no "check"`},
		{query.Hosts, "port:80", 1, `hosts have no "port"`},
		{query.Flows, "state:ajar", 7, "want one of"},
		{query.Flows, strings.Repeat("(", 100) + "port:80", 66, "nested deeper"},
		{query.Flows, strings.Repeat("a", 5000), 4097, "longer"},
	} {
		_, err := query.Parse(c.kind, c.filter, resolve)
		var e *query.Error
		if !errors.As(err, &e) || e.Column != c.column || !strings.Contains(e.Reason, c.reason) {
			t.Errorf("%.40q: %v, want column %d and %q", c.filter, err, c.column, c.reason)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"net:office host:192.0.2.7 port:443 proto:tcp app:TLS bytes>1MB", "not (a or -b) \"x y\"", "rtt>=1.5s client:1-2"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, filter string) {
		for _, kind := range []query.Kind{query.Flows, query.Hosts, query.Alerts} {
			q, err := query.Parse(kind, filter, resolve)
			if err == nil {
				q.Match(flow())
				continue
			}
			var e *query.Error
			if !errors.As(err, &e) || e.Column < 1 || e.Column > len([]rune(filter))+1 {
				t.Fatalf("%q: %v", filter, err)
			}
		}
	})
}

// BenchmarkMatch is what one flow costs.
func BenchmarkMatch(b *testing.B) {
	q, err := query.Parse(query.Flows, "net:office port:443 bytes>1MB not app:DNS", resolve)
	if err != nil {
		b.Fatal(err)
	}
	r := flow()
	b.ReportAllocs()
	for b.Loop() {
		q.Match(r)
	}
}

// Required are terms without which a filter cannot hold.
func TestRequired(t *testing.T) {
	for filter, want := range map[string]string{
		"":                                  "[]",
		"score>5 and status:engaged word":   "[{score > 5} {status : engaged}]",
		"-score>5 not status:engaged":       "[]",
		"score>5 or score<2":                "[]",
		"(score>5) status:engaged":          "[]",
		"not -check:a check:b":              "[{check : b}]",
		`check:"a b"`:                       "[{check : a b}]",
		"severity!=error status:historical": "[{severity != error} {status : historical}]",
	} {
		q, err := query.Parse(query.Alerts, filter, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(q.Required()); got != want {
			t.Errorf("%s: %s, want %s", filter, got, want)
		}
	}
}
