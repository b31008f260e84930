package report

import (
	"cmp"
	"crypto/sha256"
	_ "embed" // the page's parts
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/netmond/netmond/localnets"
)

// The script and the styles of the HTML; make page writes them of web/ui.
var (
	//go:embed static/report.js
	htmlScript string
	//go:embed static/report.css
	htmlStyle string
	//go:embed static/licenses.txt
	htmlLicenses string
	//go:embed report.html.tmpl
	htmlText string
)

// htmlGraphs is how many networks have graphs: the busiest.
const htmlGraphs = 50

// HTMLOptions say what stands around the figures.
type HTMLOptions struct {
	Files   []string // as they were given
	Version string
}

// WriteHTML writes the report as one HTML file that asks nobody for anything: tables of all figures, and over
// them, where scripts run, graphs of series. top has all lists; the report's own may have fewer. w should be
// buffered.
func (r *Report) WriteHTML(w io.Writer, o HTMLOptions, top *Top, series *Series) error {
	page := r.htmlPage(o, top, series)
	data, err := json.Marshal(page.graphs) // <, > and & are escaped
	if err != nil {
		return fmt.Errorf("encode graphs: %w", err)
	}
	page.Policy = "default-src 'none'; style-src '" + hashOf(htmlStyle) + "'; script-src '" + hashOf(htmlScript) + "'; img-src data:; base-uri 'none'; form-action 'none'"
	page.Licenses = htmlLicenses
	// Texts of our own, and JSON without markup; everything else is escaped by the template.
	page.Style = template.HTML("<style>" + htmlStyle + "</style>")
	page.Data = template.HTML(`<script type="application/json" id="data">` + string(data) + "</script>")
	page.Script = template.HTML("<script>" + htmlScript + "</script>")
	return htmlTemplate.Execute(w, page)
}

// hashOf is the source expression that allows a text (CSP Level 3, section 2.3.1).
func hashOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

var htmlTemplate = template.Must(template.New("report").Funcs(template.FuncMap{
	"bytes": siBytes, "grouped": grouped, "rate": BitRate, "percent": percent, "join": strings.Join, "words": func(s string) string { return strings.ReplaceAll(s, "_", " ") },
	"duration": duration, "plural": plural, "hostText": hostText, "at": func(e End) string { return e.text() },
	"int": func(n int) uint64 { return uint64(max(n, 0)) }, "dict": func(name string, c Counts) namedCounts { return namedCounts{name, c} },
	"ms": func(f *float64) string {
		if f == nil {
			return "–"
		}
		return fmt.Sprintf("%.2f ms", *f)
	},
}).Parse(htmlText))

type namedCounts struct {
	Name string
	Counts
}

// An htmlPage is what the template shows.
type htmlPage struct {
	HTMLOptions
	Policy, Licenses    string
	Style, Script, Data template.HTML

	Capture    Capture
	When       string
	Lasted     uint64 // ns
	BytesRate  float64
	Filter     *Filter
	Flows      Flows
	Hosts      Hosts
	Scopes     []namedCounts
	Undecoded  []namedCounts
	Errors     []InputError
	Incomplete string
	Total      *htmlGraph
	Step       time.Duration
	Networks   []htmlNetwork // with traffic, most bytes first
	Idle       []string
	Graphs     int // of Networks
	Top        *Top
	Label      func(cidr string) string

	graphs []graphJSON
}

// An htmlNetwork is one network.
type htmlNetwork struct {
	Network
	Label string
	All   Counts
	// What follows is of the busiest alone.
	Graph, HealthGraph *htmlGraph
	Health             []htmlHealth
	Protocols          []htmlProtocol
}

// An htmlHealth is a line of the table of TCP health.
type htmlHealth struct {
	Name   string
	Values [localnets.NumDirections]uint64
}

type htmlProtocol struct {
	Name string
	Directions
	Bytes uint64
}

// An htmlGraph is the table that stands where a graph is drawn.
type htmlGraph struct {
	ID, Name string
	Rows     []htmlLine
}

type htmlLine struct {
	Label, Field, Color string
	Packets             bool // of packets, not bytes
	Figures
	Sum uint64
}

// graphJSON is what the script draws; see web/ui/src/report.tsx.
type graphJSON struct {
	ID      string               `json:"id"`
	Name    string               `json:"name"`
	Network string               `json:"network"`
	Start   float64              `json:"start"` // s
	Step    float64              `json:"step"`
	Points  int                  `json:"points"`
	Fields  map[string]fieldJSON `json:"fields"`
	Lines   []lineJSON           `json:"lines"`
}

type fieldJSON struct {
	Unit    string   `json:"unit"`
	Amounts []uint64 `json:"amounts"` // by step
	Min     float64  `json:"min"`     // of rates
	Max     float64  `json:"max"`
	Mean    float64  `json:"mean"`
	P95     float64  `json:"p95"`
	Sum     uint64   `json:"sum"`
}

type lineJSON struct {
	Label string `json:"label"`
	Field string `json:"field"`
	Color string `json:"color"`
	Down  bool   `json:"down,omitempty"`
	Fill  bool   `json:"fill,omitempty"`
}

// A drawn is a line of a graph.
type drawn struct {
	field SeriesField
	label string
	color string
	side  int // 1 above the axis, -1 below, 0 a line without filling
}

var (
	totalLines = []drawn{
		{InboundBytes, "Inbound", "--ingress", 1}, {OutboundBytes, "Outbound", "--egress", -1}, {InternalBytes, "Internal", "--inner", 0},
		{TransitBytes, "Transit", "--text-soft", 0},
	}
	networkLines = []drawn{
		{IngressBytes, "Ingress", "--ingress", 1}, {EgressBytes, "Egress", "--egress", -1}, {InnerBytes, "Inner", "--inner", 0},
	}
	healthLines = []drawn{
		{Retransmissions, "Retransmissions", "--egress", 0}, {OutOfOrder, "Out of order", "--ingress", 0}, {Lost, "Lost", "--bad", 0},
	}
)

// graph adds a graph to the page.
func (p *htmlPage) graph(s *Series, k *track, names *[numSeriesFields][2]string, id, name, network string, lines []drawn) *htmlGraph {
	if s == nil {
		return nil
	}
	g := graphJSON{
		ID: id, Name: name, Network: network, Start: float64(s.Start) / 1e9, Step: s.Step.Seconds(), Points: s.Points, Fields: map[string]fieldJSON{},
	}
	table := &htmlGraph{ID: id, Name: name}
	for _, l := range lines {
		amounts := s.values(k, l.field)
		f, field := FiguresOf(s.Rates(amounts)), names[l.field]
		all := sum(amounts, func(n uint64) uint64 { return n })
		g.Fields[field[0]] = fieldJSON{Unit: field[1], Amounts: amounts, Min: f.Min, Max: f.Max, Mean: f.Mean, P95: f.P95, Sum: all}
		g.Lines = append(g.Lines, lineJSON{Label: l.label, Field: field[0], Color: l.color, Down: l.side < 0, Fill: l.side != 0})
		table.Rows = append(table.Rows, htmlLine{Label: l.label, Field: field[0], Color: l.color, Packets: field[1] != "bytes/s", Figures: f, Sum: all})
	}
	p.graphs = append(p.graphs, g)
	return table
}

func (r *Report) htmlPage(o HTMLOptions, top *Top, series *Series) *htmlPage {
	c := &r.s.Capture
	p := &htmlPage{
		HTMLOptions: o, Capture: r.capture(), Lasted: uint64(c.Last) - uint64(c.First), Filter: r.filter, Flows: r.flows(), Errors: r.errors,
		Hosts: Hosts{Active: r.s.Nets.Hosts, Refused: r.s.Nets.HostsRefused}, Incomplete: r.incomplete(), Top: top, Label: r.networkLabel, graphs: []graphJSON{},
	}
	if c.Packets > 0 {
		p.When = clock(c.First) + " to " + clock(c.Last)
	}
	if p.Lasted > 0 {
		p.BytesRate = float64(c.Bytes) / (float64(p.Lasted) / 1e9)
	}
	for scope, c := range r.s.Nets.Scopes {
		p.Scopes = append(p.Scopes, namedCounts{localnets.Scope(scope).String(), Counts(c)})
	}
	for reason, c := range r.undecodedReasons() {
		p.Undecoded = append(p.Undecoded, namedCounts{reason, c})
	}
	slices.SortFunc(p.Undecoded, func(a, b namedCounts) int { return cmp.Compare(a.Name, b.Name) })
	if series != nil {
		p.Step = series.Step
		p.Total = p.graph(series, series.total, &totalSeries, "graph-all", "All traffic: in above, out below", "", totalLines)
	}
	for i := range r.s.Nets.Networks {
		n := &r.s.Nets.Networks[i]
		if total(n) == (localnets.Counts{}) {
			p.Idle = append(p.Idle, label(n))
			continue
		}
		p.Networks = append(p.Networks, htmlNetwork{Network: NetworkOf(n), Label: label(n), All: Counts(total(n))})
	}
	slices.SortStableFunc(p.Networks, func(a, b htmlNetwork) int { return cmp.Compare(b.All.Bytes, a.All.Bytes) })
	p.Graphs = min(len(p.Networks), htmlGraphs)
	for i := range p.Networks[:p.Graphs] {
		p.detail(&p.Networks[i], series)
	}
	return p
}

// detail adds what only the busiest networks have.
func (p *htmlPage) detail(n *htmlNetwork, series *Series) {
	for name, d := range n.Network.Protocols {
		n.Protocols = append(n.Protocols, htmlProtocol{name, d, d.Ingress.Bytes + d.Egress.Bytes + d.Inner.Bytes})
	}
	slices.SortFunc(n.Protocols, func(a, b htmlProtocol) int {
		return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), strings.Compare(a.Name, b.Name))
	})
	for _, row := range []struct {
		name  string
		value func(t *TCP) uint64
	}{
		{"TCP", func(t *TCP) uint64 { return t.Packets }}, {"retransmissions", func(t *TCP) uint64 { return t.Retransmissions }},
		{"out of order", func(t *TCP) uint64 { return t.OutOfOrder }}, {"lost", func(t *TCP) uint64 { return t.Lost }},
		{"keep-alive", func(t *TCP) uint64 { return t.KeepAlive }}, {"zero window", func(t *TCP) uint64 { return t.ZeroWindow }},
		{"SYN", func(t *TCP) uint64 { return t.SYN }}, {"SYN-ACK", func(t *TCP) uint64 { return t.SYNACK }},
	} {
		n.Health = append(n.Health, htmlHealth{row.name, [...]uint64{row.value(&n.TCP.Ingress), row.value(&n.TCP.Egress), row.value(&n.TCP.Inner)}})
	}
	if series == nil {
		return
	}
	k := &series.networks[n.ID]
	n.Graph = p.graph(series, k, &networkSeries, fmt.Sprintf("graph-%d", n.ID), n.Label+": ingress above, egress below", n.CIDR, networkLines)
	ill := uint64(0)
	for _, t := range []TCP{n.TCP.Ingress, n.TCP.Egress, n.TCP.Inner} {
		ill += t.Retransmissions + t.OutOfOrder + t.Lost
	}
	if ill > 0 {
		n.HealthGraph = p.graph(series, k, &networkSeries, fmt.Sprintf("health-%d", n.ID), n.Label+": TCP health", n.CIDR, healthLines)
	}
}
