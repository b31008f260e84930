package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/netmond/netmond/localnets"
	"github.com/netmond/netmond/packet"
)

// TableOptions say what a table is made for.
type TableOptions struct {
	Width int  // columns of the screen; 0 is 80
	Color bool // mark headings, idle networks and errors with SGR sequences
	Files int  // number of files read, for the first line; 0 leaves it out
}

const (
	defaultWidth = 80
	minWidth     = 40 // narrower screens get lines of this width
	matrixRows   = 10
	labelWidth   = 10 // of the summary's first column
)

// WriteTable writes the report for a person: what was captured, its scopes, the networks with
// traffic, most bytes first, the idle ones, the busiest pairs, and what could not be read.
func (r *Report) WriteTable(w io.Writer, o TableOptions) error {
	width := o.Width
	if width <= 0 {
		width = defaultWidth
	}
	s := &screen{w: w, width: max(width, minWidth), color: o.Color}
	r.writeSummary(s, o.Files)
	r.writeScopes(s)
	r.writeNetworks(s)
	if r.top == nil || r.top.Matrix == nil { // else a list has it
		r.writeMatrix(s)
	}
	r.writeUndecoded(s)
	r.writeTop(s)
	r.writeErrors(s)
	return s.err
}

func (r *Report) writeSummary(s *screen, files int) {
	label := func(name, text string) {
		s.wrapped("", pad(name, labelWidth, false), strings.Fields(text))
	}
	c := &r.s.Capture
	text := fmt.Sprintf("%s, %s", plural(c.Packets, "packet", "packets"), siBytes(c.Bytes))
	if files > 0 {
		text = plural(uint64(files), "file", "files") + ", " + text
	}
	ns := uint64(c.Last) - uint64(c.First) // modulo 2^64: right for any two times
	if c.Packets == 0 {
		label("Captured", text)
	} else {
		label("Captured", text+" in "+duration(ns))
		if ns > 0 {
			seconds := float64(ns) / 1e9
			label("Rate", fmt.Sprintf("%s, %s on average",
				si(float64(c.Packets)/seconds, "packets/s"), si(8*float64(c.Bytes)/seconds, "bit/s")))
		}
		label("From", clock(c.First))
		label("To", clock(c.Last))
	}
	if f := r.filter; f != nil {
		label("Filter", printable(f.Expression))
		label("", fmt.Sprintf("%s, %s not matched and not counted", plural(f.Filtered.Packets, "packet", "packets"), siBytes(f.Filtered.Bytes)))
	}
	if c.TruncatedPackets > 0 {
		label("Cut", plural(c.TruncatedPackets, "packet was", "packets were")+" captured in part; whole lengths count")
	}
	f := r.flows()
	var parts []string
	for _, p := range []struct {
		n    uint64
		name string
	}{{f.TCP, "TCP"}, {f.UDP, "UDP"}, {f.SCTP, "SCTP"}, {f.ICMP, "ICMP"}, {f.Other, "other"}} {
		if p.n > 0 {
			parts = append(parts, grouped(p.n)+" "+p.name)
		}
	}
	text = grouped(f.Total)
	if len(parts) > 0 {
		text += ": " + strings.Join(parts, ", ")
	}
	label("Flows", text)
	if f.Untracked.Packets > 0 {
		label("", plural(f.Untracked.Packets, "packet", "packets")+" of no flow (table full); their bytes are counted")
	}
}

func clock(ns int64) string {
	return time.Unix(0, ns).UTC().Format("2006-01-02 15:04:05.000 UTC")
}

// writeScopes shows exact figures, whose columns add up on paper.
func (r *Report) writeScopes(s *screen) {
	titles := [localnets.NumScopes]string{
		"inbound", "outbound", "internal", "transit", "encapsulation", "non-IP", "undecoded",
	}
	columns := []column{
		{title: "Scope", flex: true},
		{title: "Packets", right: true},
		{title: "Bytes", right: true},
		{title: "Share", right: true},
	}
	row := func(cells ...string) {
		for i, c := range cells {
			columns[i].cells = append(columns[i].cells, c)
		}
	}
	bytes := make([]uint64, localnets.NumScopes)
	for i, c := range r.s.Nets.Scopes {
		bytes[i] = c.Bytes
	}
	var total localnets.Counts
	tenths, sumTenths := shares(bytes), 0
	for i, c := range r.s.Nets.Scopes {
		row(titles[i], grouped(c.Packets), grouped(c.Bytes), fmt.Sprintf("%d.%d%%", tenths[i]/10, tenths[i]%10))
		total.Packets += c.Packets
		total.Bytes += c.Bytes
		sumTenths += tenths[i]
	}
	row("total", grouped(total.Packets), grouped(total.Bytes), fmt.Sprintf("%d.%d%%", sumTenths/10, sumTenths%10))
	s.line("", "")
	s.table(columns)
}

// label is how a table names a network.
func label(n *localnets.NetworkStats) string {
	if n.Alias == "" {
		return n.Prefix.String()
	}
	return n.Prefix.String() + " " + printable(n.Alias)
}

func (r *Report) writeNetworks(s *screen) {
	var active, idle []*localnets.NetworkStats
	for i := range r.s.Nets.Networks {
		n := &r.s.Nets.Networks[i]
		if total(n) == (localnets.Counts{}) {
			idle = append(idle, n)
		} else {
			active = append(active, n)
		}
	}
	slices.SortStableFunc(active, func(a, b *localnets.NetworkStats) int {
		return cmp.Compare(total(b).Bytes, total(a).Bytes)
	})
	if len(r.s.Nets.Networks) == 0 {
		s.line("", "")
		s.line("", "No local networks are configured.")
	}
	if len(active) > 0 {
		s.line("", "")
		s.table(r.networkColumns(active))
	}
	if len(idle) > 0 {
		s.line("", "")
		s.line(sgrDim, "Without traffic: "+plural(uint64(len(idle)), "network", "networks"))
		for _, n := range idle {
			s.line(sgrDim, "  "+fit(label(n), s.width-2))
		}
	}
}

func (r *Report) networkColumns(networks []*localnets.NetworkStats) []column {
	columns := []column{
		{title: "Network", flex: true},
		{title: "Ingress", right: true},
		{title: "Egress", right: true},
		{title: "Inner", right: true},
		{title: "Hosts", right: true, drop: 2},
		{title: "Flows", right: true, drop: 3},
		{title: "Share", right: true, drop: 1},
		{title: "Top protocols", drop: 4},
	}
	for _, n := range networks {
		hosts := grouped(uint64(max(n.Hosts, 0)))
		if n.HostsCapped {
			hosts += "+"
		}
		for i, cell := range []string{
			label(n),
			siBytes(n.Traffic[localnets.Ingress].Bytes),
			siBytes(n.Traffic[localnets.Egress].Bytes),
			siBytes(n.Traffic[localnets.Inner].Bytes),
			hosts,
			grouped(n.Flows),
			percent(total(n).Bytes, r.s.Capture.Bytes),
			topProtocols(n),
		} {
			columns[i].cells = append(columns[i].cells, cell)
		}
		columns[0].least = max(columns[0].least, len(n.Prefix.String())) // an alias is cut, a CIDR is not
	}
	return columns
}

// topProtocols names the two busiest application protocols with their share of n's bytes.
func topProtocols(n *localnets.NetworkStats) string {
	var parts []string
	for i := range min(2, len(n.Protocols)) {
		p := &n.Protocols[i]
		bytes := sum(p.ByDirection[:], func(c localnets.Counts) uint64 { return c.Bytes })
		parts = append(parts, fit(printable(p.Name), 16)+" "+percent(bytes, total(n).Bytes))
	}
	return strings.Join(parts, ", ")
}

func (r *Report) writeMatrix(s *screen) {
	cells, other := r.s.Nets.Matrix, r.s.Nets.MatrixOther
	if len(cells) == 0 && other == (localnets.Counts{}) {
		return
	}
	columns := []column{
		{title: "Between networks", flex: true, least: 24},
		{title: "Packets", right: true, drop: 1},
		{title: "Bytes", right: true},
	}
	row := func(name string, c localnets.Counts) {
		for i, cell := range []string{name, grouped(c.Packets), siBytes(c.Bytes)} {
			columns[i].cells = append(columns[i].cells, cell)
		}
	}
	name := func(id int32) string {
		if id < 0 || int(id) >= len(r.s.Nets.Networks) {
			return "?"
		}
		if n := &r.s.Nets.Networks[id]; n.Alias != "" {
			return printable(n.Alias)
		}
		return r.cidr(id)
	}
	for i, c := range cells {
		if i < matrixRows {
			row(name(c.Src)+" → "+name(c.Dst), c.Counts)
			continue
		}
		other.Packets += c.Packets
		other.Bytes += c.Bytes
	}
	if more := len(cells) - matrixRows; more > 0 {
		row(plural(uint64(more), "pair", "pairs")+" more", other)
	} else if other != (localnets.Counts{}) {
		row("other pairs", other)
	}
	s.line("", "")
	s.table(columns)
}

func (r *Report) writeUndecoded(s *screen) {
	columns := []column{
		{title: "Undecoded because", flex: true},
		{title: "Packets", right: true},
		{title: "Bytes", right: true},
	}
	for i, c := range r.s.Undecoded {
		if c == (localnets.Counts{}) {
			continue
		}
		for j, cell := range []string{
			strings.ReplaceAll(packet.Reason(i).String(), "_", " "), grouped(c.Packets), siBytes(c.Bytes),
		} {
			columns[j].cells = append(columns[j].cells, cell)
		}
	}
	if len(columns[0].cells) > 0 {
		s.line("", "")
		s.table(columns)
	}
}

func (r *Report) writeErrors(s *screen) {
	if len(r.errors) == 0 {
		return
	}
	s.line("", "")
	s.line(sgrBold, "Errors")
	for _, e := range r.errors {
		text := fmt.Sprintf("%s: at byte %d: %s", printable(e.File), e.Offset, printable(e.Error))
		if e.Offset == 0 { // the file as a whole
			text = printable(e.File) + ": " + printable(e.Error)
		}
		s.wrapped(sgrRed, "  ", strings.Split(text, " "))
	}
}
