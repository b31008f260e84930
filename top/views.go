package top

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"
)

// A view is one of the pages.
type view int

const (
	viewNetworks view = iota
	viewHosts
	viewFlows
	viewProtocols
	viewAlerts
	numViews
)

var viewNames = [numViews]string{"networks", "hosts", "flows", "protocols", "alerts"}

// A column is a column of a table: its title, its least width, and the API's name of its order.
type column struct {
	title string
	width int // 0 takes what is left
	right bool
	sort  string // "" cannot be sorted by
}

const sparkWidth = 10 // cells of two seconds

var viewColumns = [numViews][]column{
	viewNetworks: {
		{"network", 0, false, "network"}, {"in", 7, true, "ingress_rate"}, {"out", 7, true, "egress_rate"}, {"inner", 7, true, "inner_rate"},
		{"last 20 s", sparkWidth, false, "rate"}, {"hosts", 6, true, "hosts"}, {"flows", 6, true, "flows"}, {"alerts", 7, true, "alerts"},
	},
	viewHosts: {
		{"host", 0, false, "address"}, {"sent", 8, true, "bytes_sent"}, {"received", 9, true, "bytes_received"}, {"flows", 6, true, "flows"}, {"as server", 9, true, "flows_server"}, {"applications", 18, false, ""},
	},
	viewFlows: {
		{"client", 0, false, "client"}, {"server", 0, false, "server"}, {"app", 9, false, "app"}, {"state", 9, false, ""}, {"bytes", 7, true, "bytes"}, {"packets", 8, true, "packets"},
	},
	viewProtocols: {
		{"protocol", 0, false, "name"}, {"ingress", 9, true, "ingress"}, {"egress", 9, true, "egress"}, {"inner", 9, true, "inner"}, {"share", 7, true, "bytes"},
	},
	viewAlerts: {
		{"time", 8, false, "time"}, {"state", 7, false, "status"}, {"score", 6, true, "score"}, {"network", 18, false, "network"}, {"alert", 0, false, "check"},
	},
}

// defaultSorts are the columns by which views are sorted at first.
var defaultSorts = [numViews]string{"rate", "bytes_received", "bytes", "bytes", "time"}

// A row is a line of a table: its cells, and what it stands for.
type row struct {
	cells []string
	key   string // CIDR, address or the like
	alarm bool
}

// A table is what a view shows at a moment.
type table struct {
	rows  []row
	total int
}

// A question is what the screen wants to know.
type question struct {
	view       view
	filter     string
	network    string // CIDR that was chosen, or ""
	sort       string
	descending bool
	rows       int // at most
	bits       bool
}

// A picture is the answer.
type picture struct {
	question question
	table    table
	capture  capture
	totals   map[string][]float64 // by history field, of the last minute
	err      error
}

// look asks the API all that the screen shows.
func (a *api) look(ctx context.Context, q question) (p picture) {
	p.question = q
	if p.err = a.get(ctx, "/api/v1/capture", nil, &p.capture); p.err != nil {
		return p
	}
	var h history
	fields := url.Values{"fields": {"bytes,inbound_bytes,outbound_bytes,internal_bytes,transit_bytes"}, "from": {"-1m"}, "points": {"60"}}
	if a.get(ctx, "/api/v1/history", fields, &h) == nil { // nothing is recorded in the first second
		p.totals = map[string][]float64{}
		for name, f := range h.Fields {
			p.totals[name] = numbers(f.Values)
		}
	}
	ask := [numViews]func(context.Context, question) (table, error){a.networks, a.hosts, a.flows, a.protocols, a.alerts}
	p.table, p.err = ask[q.view](ctx, q)
	return p
}

func (a *api) networks(ctx context.Context, q question) (t table, err error) {
	var answer struct {
		Total    int       `json:"total"`
		Networks []network `json:"networks"`
	}
	params := listing(q.sort, q.descending, q.rows)
	params.Set("spark", "1")
	if q.filter != "" {
		params.Set("q", q.filter)
	}
	if err := a.get(ctx, "/api/v1/networks/summary", params, &answer); err != nil {
		return t, err
	}
	t.total = answer.Total
	for _, n := range answer.Networks {
		name := n.CIDR
		if n.Alias != "" && n.Alias != n.CIDR {
			name = n.Alias + " " + n.CIDR
		}
		t.rows = append(t.rows, row{key: n.CIDR, alarm: n.Alerts > 0, cells: []string{
			clean(name), cell(n.Ingress, q.bits), cell(n.Egress, q.bits), cell(n.Inner, q.bits), Spark(numbers(n.Spark), sparkWidth, 0),
			scaled(float64(n.Hosts)), scaled(float64(n.Flows)), fmt.Sprint(n.Alerts),
		}})
	}
	return t, nil
}

// scoped is the filter within the chosen network.
func (q *question) scoped() string {
	switch {
	case q.network == "":
		return q.filter
	case strings.TrimSpace(q.filter) == "":
		return "net:" + q.network
	}
	return "net:" + q.network + " (" + q.filter + ")"
}

func (a *api) hosts(ctx context.Context, q question) (t table, err error) {
	var answer struct {
		Total int    `json:"total"`
		Hosts []host `json:"hosts"`
	}
	params := listing(q.sort, q.descending, q.rows)
	params.Set("filter", q.scoped())
	if err := a.get(ctx, "/api/v1/hosts", params, &answer); err != nil {
		return t, err
	}
	t.total = answer.Total
	for _, h := range answer.Hosts {
		t.rows = append(t.rows, row{key: h.Address, cells: []string{
			clean(h.Address), size(h.Sent), size(h.Received), scaled(float64(h.Client + h.Server)), scaled(float64(h.Server)), clean(strings.Join(h.Apps, " ")),
		}})
	}
	return t, nil
}

func (a *api) flows(ctx context.Context, q question) (t table, err error) {
	var answer struct {
		Total int    `json:"total"`
		Flows []flow `json:"flows"`
	}
	params := listing(q.sort, q.descending, q.rows)
	params.Set("filter", q.scoped())
	if err := a.get(ctx, "/api/v1/flows", params, &answer); err != nil {
		return t, err
	}
	t.total = answer.Total
	for _, f := range answer.Flows {
		app := f.App
		if app == "" || app == "Unknown" {
			app = f.Protocol
		}
		server := f.Server.String()
		if f.Name != "" {
			server = f.Name
			if f.Server.Port != 0 {
				server += fmt.Sprintf(":%d", f.Server.Port)
			}
		}
		t.rows = append(t.rows, row{key: f.Client.Address, cells: []string{
			clean(f.Client.String()), clean(server), clean(app), clean(f.State),
			size(f.FromClient.Bytes + f.FromServer.Bytes), scaled(float64(f.FromClient.Packets + f.FromServer.Packets)),
		}})
	}
	return t, nil
}

// String is the end as people write it.
func (e end) String() string {
	addr, err := netip.ParseAddr(e.Address)
	if err != nil || e.Port == 0 {
		return e.Address
	}
	return netip.AddrPortFrom(addr, e.Port).String()
}

// protocols are those of the chosen network.
func (a *api) protocols(ctx context.Context, q question) (t table, err error) {
	if q.network == "" {
		return t, fmt.Errorf("choose a network first (1, then Enter)")
	}
	var answer struct {
		Protocols map[string]directions `json:"protocols"`
	}
	if err := a.get(ctx, "/api/v1/network", url.Values{"network": {q.network}}, &answer); err != nil {
		return t, err
	}
	type protocol struct {
		name string
		directions
	}
	sum := func(d *directions) uint64 { return d.Ingress.Bytes + d.Egress.Bytes + d.Inner.Bytes }
	var all uint64
	var list []protocol
	for name, d := range answer.Protocols {
		all += sum(&d)
		if strings.Contains(strings.ToLower(name), strings.ToLower(q.filter)) {
			list = append(list, protocol{name, d})
		}
	}
	by := map[string]func(a, b *protocol) int{
		"name":    func(a, b *protocol) int { return cmp.Compare(a.name, b.name) },
		"ingress": func(a, b *protocol) int { return cmp.Compare(a.Ingress.Bytes, b.Ingress.Bytes) },
		"egress":  func(a, b *protocol) int { return cmp.Compare(a.Egress.Bytes, b.Egress.Bytes) },
		"inner":   func(a, b *protocol) int { return cmp.Compare(a.Inner.Bytes, b.Inner.Bytes) },
		"bytes":   func(a, b *protocol) int { return cmp.Compare(sum(&a.directions), sum(&b.directions)) },
	}[q.sort]
	sortRows(list, by, q.descending, func(a, b *protocol) int { return cmp.Compare(a.name, b.name) })
	t.total = len(list)
	for _, p := range list[:min(len(list), q.rows)] {
		share := 0.
		if all > 0 {
			share = float64(sum(&p.directions)) / float64(all) * 100
		}
		t.rows = append(t.rows, row{key: p.name, cells: []string{
			clean(p.name), size(p.Ingress.Bytes), size(p.Egress.Bytes), size(p.Inner.Bytes), fmt.Sprintf("%.1f%%", share),
		}})
	}
	return t, nil
}

// sortRows orders list by by, and what is equal by tie.
func sortRows[T any](list []T, by func(a, b *T) int, descending bool, tie func(a, b *T) int) {
	slices.SortFunc(list, func(a, b T) int {
		c := by(&a, &b)
		if descending {
			c = -c
		}
		return cmp.Or(c, tie(&a, &b))
	})
}

// alertStates are the short words for an alert's status.
var alertStates = map[string]string{"engaged": "engaged", "historical": "past", "acknowledged": "acked"}

// maxAlerts is how many of the latest alerts are ordered here.
const maxAlerts = 1000

func (a *api) alerts(ctx context.Context, q question) (t table, err error) {
	var answer struct {
		Total  int     `json:"total"`
		Alerts []alert `json:"alerts"`
	}
	params := url.Values{"status": {"any"}, "per_page": {fmt.Sprint(maxAlerts)}}
	if q.network != "" {
		params.Set("network", q.network)
	}
	if q.filter != "" {
		params.Set("filter", q.filter)
	}
	if err := a.get(ctx, "/api/v1/alerts", params, &answer); err != nil {
		return t, err
	}
	by := map[string]func(a, b *alert) int{
		"time":    func(a, b *alert) int { return cmp.Compare(a.Time, b.Time) },
		"status":  func(a, b *alert) int { return cmp.Compare(b.Status, a.Status) },
		"score":   func(a, b *alert) int { return cmp.Compare(a.Score, b.Score) },
		"network": func(a, b *alert) int { return cmp.Compare(a.NetworkName, b.NetworkName) },
		"check":   func(a, b *alert) int { return cmp.Compare(a.Check, b.Check) },
	}[q.sort]
	sortRows(answer.Alerts, by, q.descending, func(a, b *alert) int {
		return cmp.Or(cmp.Compare(a.Network, b.Network), cmp.Compare(a.Check, b.Check), cmp.Compare(a.Subtype, b.Subtype))
	})
	t.total = answer.Total
	for _, al := range answer.Alerts[:min(len(answer.Alerts), q.rows)] {
		t.rows = append(t.rows, row{key: al.Network, alarm: al.Status == "engaged", cells: []string{
			clock(al.Time), alertStates[al.Status], fmt.Sprint(al.Score), clean(al.NetworkName), clean(al.text()),
		}})
	}
	return t, nil
}

// text is what happened, as the check says it.
func (al *alert) text() string {
	text := al.Check
	if al.Subtype != "" && al.Subtype != al.Check {
		text += " " + al.Subtype
	}
	if al.Description != "" {
		return text + ": " + al.Description
	}
	var d struct {
		Metric    string   `json:"metric"`
		Value     *float64 `json:"value"`
		Threshold *float64 `json:"threshold"`
	}
	if json.NewDecoder(bytes.NewReader(al.Details)).Decode(&d) == nil && d.Value != nil {
		text += ": " + scaled(*d.Value) + " " + d.Metric
		if d.Threshold != nil {
			text += ", threshold " + scaled(*d.Threshold)
		}
	}
	return text
}

// clock is the time of day of an RFC 3339 time, as it is written there.
func clock(s string) string {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return ""
	}
	return t.Format("15:04:05")
}
