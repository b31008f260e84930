package web

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
	"github.com/google/go-cmp/cmp"

	"github.com/netmond/netmond/alerts"
	"github.com/netmond/netmond/history"
)

var update = flag.Bool("update", false, "write docs/api.md")

// contractOf loads and checks openapi.yaml.
func contractOf(t testing.TB) (*openapi3.T, routers.Router) {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData([]byte(openapi))
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(context.Background()); err != nil {
		t.Fatal(err)
	}
	router, err := gorillamux.NewRouter(doc)
	if err != nil {
		t.Fatal(err)
	}
	return doc, router
}

// wholeServer serves every path of the API, over the sample capture and with alerts and checks.
func wholeServer(t testing.TB) *Server {
	t.Helper()
	s, _ := replayed(t)
	withAlerts, _ := alertServer(t)
	deps := s.deps
	deps.Alerts, deps.Checks = withAlerts.deps.Alerts, fakeChecks{}
	deps.Network = withAlerts.deps.Network
	deps.Status = func() Status {
		started := "2026-03-01T09:00:00Z"
		return Status{
			Version: "1", Started: &started, Uptime: 2.5, Lost: LostPackets{Packets: 3, ByCause: map[string]uint64{"ring": 3, "memory": 0}},
			Memory:  MemoryStatus{Budget: 1 << 28, Resident: 1 << 25},
			Sources: []SourceStatus{{Interface: "<b>eth1</b>", Path: "afpacket", Up: true, Packets: 5, Bytes: 6, Workers: 1, Lost: map[string]uint64{"ring": 3}}},
		}
	}
	whole, err := New(DefaultConfig(apiAddress), deps)
	if err != nil {
		t.Fatal(err)
	}
	return whole
}

// failingHistory cannot be read.
type failingHistory struct{ History }

func (failingHistory) Range(context.Context, history.Request) (*history.Series, error) {
	return nil, fmt.Errorf("disk /secret is gone")
}

// TestContract asks every path of the API, right and wrong, and holds each answer against openapi.yaml.
func TestContract(t *testing.T) {
	doc, router := contractOf(t)
	s := wholeServer(t)
	s.deps.Places = testPlaces(t)
	broken := wholeServer(t)
	broken.deps.History, broken.deps.Alerts = failingHistory{}, failingAlerts{alerts.NewMem(alerts.DefaultConfig())}

	asked := map[string]bool{} // path, method and status
	check := func(s *Server, method, target, body string, status int, header ...string) {
		t.Helper()
		r := httptest.NewRequest(method, "http://127.0.0.1:19991"+target, strings.NewReader(body))
		if method == http.MethodPost {
			r.Header.Set("Content-Type", "application/json")
		}
		route, params, err := router.FindRoute(r)
		if err != nil {
			t.Fatalf("%s %s: %v", method, target, err)
		}
		for i := 0; i+1 < len(header); i += 2 {
			if header[i] == "Host" {
				r.Host = header[i+1]
			}
			r.Header.Set(header[i], header[i+1])
		}
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, r.WithContext(contextWithLocal(r.Context(), addrForTests)))
		if w.Code != status {
			t.Errorf("%s %s: %d, want %d: %s", method, target, w.Code, status, w.Body)
			return
		}
		in := &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route, Options: &openapi3filter.Options{IncludeResponseStatus: true}}
		out := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: w.Code, Header: w.Header(), Options: in.Options}
		out.SetBodyBytes(w.Body.Bytes())
		if err := openapi3filter.ValidateResponse(context.Background(), out); err != nil {
			t.Errorf("%s %s does not keep the contract: %v", method, target, err)
		}
		// A right request is one by the contract too.
		r.Body = io.NopCloser(strings.NewReader(body))
		if err := openapi3filter.ValidateRequest(context.Background(), in); status == 200 && err != nil {
			t.Errorf("%s %s is answered, and wrong by the contract: %v", method, target, err)
		}
		asked[fmt.Sprint(route.Path, " ", method, " ", status)] = true
	}

	for _, target := range []string{
		"networks", "networks/summary", "networks/summary?q=office&sort=ingress&order=asc&page=1&per_page=2&spark=1",
		"network?network=office", "network?network=2001:db8:1::/64", "matrix", "matrix?cells=1", "networks/suggest", "networks/suggest?min_share=0.2&max=3&all=true", "remotes", "remotes?network=office&v4=24&v6=48&pairs=2",
		"remotes?by=as", "remotes?by=country", "flows?filter=country:fr", "hosts?filter=as:none",
		"flows", "flows?filter=net:office+port:443&sort=rtt&per_page=3", "flows?filter=port:1", "hosts", "hosts?sort=bytes_sent&order=asc",
		"history?from=-1d", "history?network=office&from=-7d&points=7&fields=rtt,ingress_bytes", "history?network=guests&from=-1d&step=60",
		"history/protocols?network=office&from=-1d", "alerts", "alerts?status=historical&severity=error;gte&order=asc", "alerts?network=office&per_page=1", "alerts?filter=net:office+score>10+severity:error",
		"checks", "checks/source?check=a", "capture", "config", "openapi.yaml",
	} {
		check(s, "GET", "/api/v1/"+target, "", 200)
	}
	for target, status := range map[string]int{
		"networks/summary?sort=colour": 400, "network": 400, "network?network=%3Cb%3E": 404, "matrix?cells=0": 400, "networks/suggest?min_share=0": 400, "networks/suggest?all=perhaps": 400, "networks/suggest?max=1001": 400, "remotes?v4=33": 400, "remotes?by=town": 400, "remotes?network=no": 404, "flows?filter=port:x": 400,
		"hosts?page=0": 400, "history?from=x": 400, "history?network=nowhere": 404, "history/protocols": 400, "history/protocols?network=no": 404,
		"alerts?status=no": 400, "alerts?filter=status:loud": 400, "checks?x=1": 400, "checks/source": 400, "checks/source?check=zzz": 404, "checks/source?check=b": 503, "capture?x=1": 400, "config?x=1": 400,
	} {
		check(s, "GET", "/api/v1/"+target, "", status)
	}
	check(s, "POST", "/api/v1/alerts/acknowledge?check=mine", `{"all":true,"label":"seen"}`, 200)
	check(s, "POST", "/api/v1/alerts/acknowledge", `{}`, 400)
	check(s, "POST", "/api/v1/alerts/acknowledge", strings.Repeat(" ", maxAlertBody+1), 413)
	check(s, "POST", "/api/v1/alerts/acknowledge", `{}`, 415, "Content-Type", "text/plain")
	check(s, "POST", "/api/v1/alerts/delete", `{"row_ids":[1]}`, 200)
	check(s, "POST", "/api/v1/alerts/delete", `[]`, 400)
	check(s, "POST", "/api/v1/alerts/delete", `{}`, 403, "Sec-Fetch-Site", "cross-site")
	check(broken, "GET", "/api/v1/history", "", 503)
	check(broken, "POST", "/api/v1/alerts/acknowledge", `{"all":true}`, 503)
	for path := range doc.Paths.Map() {
		if doc.Paths.Find(path).Get != nil {
			check(s, "GET", path, "", 403, "Host", "evil.example")
		}
	}

	// Every path is in the contract, and each was asked.
	for path, item := range doc.Paths.Map() {
		for method := range item.Operations() {
			if path != "/api/v1/live" && !asked[path+" "+method+" 200"] {
				t.Errorf("%s %s was not asked", method, path)
			}
		}
	}
	routes, err := os.ReadFile("routes.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range strings.Split(string(routes), `"`) {
		if strings.HasPrefix(part, "/api/v1/") && doc.Paths.Find(part) == nil {
			t.Errorf("%s is served, and not in the contract", part)
		}
	}
}

// TestTickContract holds a live event against the contract.
func TestTickContract(t *testing.T) {
	doc, _ := contractOf(t)
	s := wholeServer(t)
	var tick any
	lines := bufio.NewScanner(bytes.NewReader(s.tick()))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			if err := json.Unmarshal([]byte(data), &tick); err != nil {
				t.Fatal(err)
			}
		}
	}
	schema := doc.Components.Schemas["Tick"].Value
	if err := schema.VisitJSON(tick, openapi3.EnableJSONSchema2020()); err != nil {
		t.Error(err)
	}
	totals := tick.(map[string]any)["totals"].(map[string]any)
	if diff := cmp.Diff(map[string]any{"ring": 3.0}, totals["lost_by_cause"]); diff != "" {
		t.Errorf("causes (-want +got):\n%s", diff)
	}
	delete(totals, "flows")
	if schema.VisitJSON(tick, openapi3.EnableJSONSchema2020()) == nil {
		t.Error("a tick that lacks a figure passes: the schema is not heeded")
	}
}

// TestDocs holds docs/api.md to be what openapi.yaml says.
func TestDocs(t *testing.T) {
	doc, _ := contractOf(t)
	var b bytes.Buffer
	writeAPIDocs(&b, doc)
	const path = "../docs/api.md"
	if *update {
		if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(b.String(), string(got)); diff != "" {
		t.Errorf("%s is not current; run go test ./web -run TestDocs -update (-want +got):\n%s", path, diff)
	}
}

// writeAPIDocs writes the reference of the API.
func writeAPIDocs(w io.Writer, doc *openapi3.T) {
	fmt.Fprintf(w, "<!-- Made of web/openapi.yaml by go test ./web -run TestDocs -update. -->\n# HTTP API\n\n%s\n", doc.Info.Description)
	fmt.Fprint(w, "The contract for programs is `GET /api/v1/openapi.yaml` (OpenAPI 3.1). Beside it: `/metrics` ([metrics.md](metrics.md)), "+
		"`/-/healthy` and `/-/ready` (200 when the process lives, and when it counts), `POST /-/reload` (200 when the configuration was read again and is in force; 422 with all that is wrong, and nothing changed), and `/lua/rest/NAME.lua`, what a script of yours answers ([scripting.md](scripting.md)).\n\n")
	fmt.Fprint(w, "| path | method | answers |\n|---|---|---|\n")
	type operation struct {
		path, method string
		*openapi3.Operation
	}
	byTag := map[string][]operation{}
	for _, path := range slices.Sorted(maps.Keys(doc.Paths.Map())) {
		for method, op := range doc.Paths.Find(path).Operations() {
			byTag[op.Tags[0]] = append(byTag[op.Tags[0]], operation{path, method, op})
		}
	}
	for _, tag := range doc.Tags {
		for _, op := range byTag[tag.Name] {
			fmt.Fprintf(w, "| `%s` | %s | %s |\n", op.path, op.method, op.Summary)
		}
	}
	fmt.Fprint(w, docsOfFilters)
	for _, tag := range doc.Tags {
		fmt.Fprintf(w, "\n## %s\n", tag.Name)
		for _, op := range byTag[tag.Name] {
			fmt.Fprintf(w, "\n### `%s %s`\n\n%s\n", op.method, op.path, strings.TrimSpace(op.Summary+". "+op.Description))
			if len(op.Parameters) > 0 {
				fmt.Fprint(w, "\n| parameter | meaning |\n|---|---|\n")
				for _, p := range op.Parameters {
					fmt.Fprintf(w, "| `%s` | %s%s |\n", p.Value.Name, p.Value.Description, docsOfValue(p.Value))
				}
			}
			for media, c := range op.Responses.Value("200").Value.Content {
				name := ""
				if c.Schema != nil {
					name = strings.TrimPrefix(c.Schema.Ref, "#/components/schemas/")
				}
				if name == "" {
					fmt.Fprintf(w, "\nThe answer is `%s`.\n", media)
				} else {
					fmt.Fprintf(w, "\nThe answer is [%s](#%s).\n", name, strings.ToLower(name))
				}
			}
			var codes []string
			for code := range op.Responses.Map() {
				if code != "200" {
					codes = append(codes, code)
				}
			}
			slices.Sort(codes)
			fmt.Fprintf(w, "Problems: %s.\n", strings.Join(codes, ", "))
		}
	}
	fmt.Fprint(w, "\n## Objects\n")
	for _, name := range slices.Sorted(maps.Keys(doc.Components.Schemas)) {
		s := doc.Components.Schemas[name].Value
		fmt.Fprintf(w, "\n### %s\n\n%s\n", name, s.Description)
		if len(s.Properties) == 0 {
			continue
		}
		fmt.Fprint(w, "\n| key | type | meaning |\n|---|---|---|\n")
		docsOfKeys(w, "", s)
	}
}

// docsOfKeys writes a row for each key of an object, and of the objects in it that have no name.
func docsOfKeys(w io.Writer, prefix string, s *openapi3.Schema) {
	for _, key := range slices.Sorted(maps.Keys(s.Properties)) {
		p := s.Properties[key]
		fmt.Fprintf(w, "| `%s` | %s | %s |\n", key, docsOfType(p), strings.TrimSpace(prefix+p.Value.Description))
		inner := p
		if p.Value.Items != nil {
			inner = p.Value.Items
		}
		if inner.Ref == "" && len(inner.Value.Properties) > 0 {
			docsOfKeys(w, prefix+"In `"+key+"`: ", inner.Value)
		}
	}
}

func docsOfType(p *openapi3.SchemaRef) string {
	if name, ok := strings.CutPrefix(p.Ref, "#/components/schemas/"); ok {
		return "[" + name + "](#" + strings.ToLower(name) + ")"
	}
	if p.Value.Items != nil {
		return "list of " + docsOfType(p.Value.Items)
	}
	if p.Value.Type == nil {
		return "any"
	}
	return strings.Join(p.Value.Type.Slice(), " or ")
}

// docsOfValue tells what a parameter may be.
func docsOfValue(p *openapi3.Parameter) string {
	var parts []string
	s := p.Schema.Value
	if p.Required {
		parts = append(parts, "required")
	}
	if len(s.Enum) > 0 {
		var values []string
		for _, v := range s.Enum {
			values = append(values, fmt.Sprintf("`%v`", v))
		}
		parts = append(parts, "one of "+strings.Join(values, ", "))
	}
	if s.Max != nil {
		parts = append(parts, fmt.Sprintf("%v at the most", *s.Max))
	}
	if s.Default != nil {
		parts = append(parts, fmt.Sprintf("default `%v`", s.Default))
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, "; ") + ")"
}

const docsOfFilters = `
## Filters

Flows, hosts and alerts are selected by one language, in the API, on the page and in the terminal. Terms with spaces between must all
hold; ` + "`or`, `not` (or `-`)" + ` and parentheses combine them. A wrong filter is a problem whose ` + "`column`" + ` says where.

| term | selects |
|---|---|
| ` + "`net:office` `net:192.0.2.0/25`" + ` | an end in a local network, by alias, name or CIDR, or in any prefix |
| ` + "`host:192.0.2.17`" + ` | an end with this address |
| ` + "`port:443` `port:1000-2000`" + ` | an end with this port |
| ` + "`client:` `server:`" + ` before an address or port | the end that began the flow, or the other one |
| ` + "`proto:tcp` `app:TLS` `name:*.example.org`" + ` | transport, application protocol, server name with ` + "`*`" + ` for any text |
| ` + "`as:64496` `as:\"example net\"` `country:de`" + ` | autonomous system by number or name, country, of an end in no local network; ` + "`none`" + ` is unknown; needs a database (geoip) |
| ` + "`vlan:12` `state:half_open` `dir:ingress`" + ` | VLAN, TCP state, direction |
| ` + "`bytes>1MB` `packets>=10` `rtt>50ms` `duration>1m` `retransmissions>0`" + ` | flows by figures |
| ` + "`bytes_sent>1GB` `bytes_received>1GB` `flows>100`" + ` | hosts by figures |
| ` + "`check:syn_scan_victim` `severity:error` `status:engaged` `score>50`" + ` | alerts, of which ` + "`net:`" + ` is the network, ` + "`host:` and `port:`" + ` what the check names, ` + "`name:`" + ` the network's name, and ` + "`age<1h`" + ` the time since they began |
| a word | a part of an address, name, protocol or description |
`

// addrForTests is the address that requests come to.
var addrForTests = net.TCPAddrFromAddrPort(mustAddrPort("127.0.0.1:19991"))
