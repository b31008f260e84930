package report

import (
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/netmond/netmond/flows"
)

// writeTop shows the lists of the busiest, each with lines that make its sums close.
func (r *Report) writeTop(s *screen) {
	t := r.top
	if t == nil {
		return
	}
	note := ""
	if t.Filter != "" {
		note = ", " + printable(t.Filter)
	}
	title := func(list string, total int, one, many string) string {
		return fmt.Sprintf("Top %s: %s%s, by %s", list, plural(uint64(total), one, many), note, orderName(t))
	}
	section := func(title string, columns []column) {
		s.line("", "")
		s.line(sgrBold, fit(title, s.width))
		s.table(columns)
	}
	if l := t.Hosts; l != nil {
		section(title("hosts", l.Total, "host", "hosts"), r.hostColumns(l))
	}
	if l := t.Flows; l != nil {
		section(title("flows", l.Total, "flow", "flows"), r.flowColumns(l))
	}
	if l := t.Protocols; l != nil {
		section(title("protocols", l.Total, "protocol", "protocols"), r.protocolColumns(l))
	}
	if l := t.Matrix; l != nil {
		section(fmt.Sprintf("Top pairs of networks: %s, by %s", plural(uint64(l.Total), "pair", "pairs"), orderName(t)), r.cellColumns(l))
	}
	if t.Hosts != nil || t.Flows != nil || t.Protocols != nil {
		r.writeIncomplete(s)
	}
}

func orderName(t *Top) string {
	name := strings.ReplaceAll(t.Sort, "_", " ")
	if t.Order == "asc" {
		name += ", least first"
	}
	return name
}

// writeIncomplete says why lists of flows do not hold all flows there were.
func (r *Report) writeIncomplete(s *screen) {
	if text := r.incomplete(); text != "" {
		s.line("", "")
		s.wrapped(sgrRed, "", strings.Fields(text))
	}
}

// incomplete is why lists of flows do not hold all flows there were; empty when they do.
func (r *Report) incomplete() string {
	var why []string
	add := func(n uint64, one, many string) {
		if n > 0 {
			why = append(why, plural(n, one, many))
		}
	}
	ended := &r.s.Table.Ended
	add(ended[flows.EndResources], "was evicted from the full table", "were evicted from the full table")
	add(ended[flows.EndHalfOpen], "half-open one aged early", "half-open ones aged early")
	timedOut := ended[flows.EndIdle] + ended[flows.EndActive] + ended[flows.EndOfFlow] + ended[flows.EndForced]
	add(timedOut, "ended by its timeout", "ended by their timeouts")
	text := ""
	if len(why) > 0 {
		text = "Of the flows " + strings.Join(why, ", ") + ": lists of hosts, flows and protocols know their bytes only together, as flows ended."
	}
	if n := r.s.Table.Untracked.Packets; n > 0 {
		text += " " + plural(n, "packet", "packets") + " found no room in the table."
	}
	if ended[flows.EndResources]+ended[flows.EndHalfOpen]+r.s.Table.Untracked.Packets > 0 {
		text += " --max-flows makes the table larger. The networks' figures are exact all the same."
	}
	return strings.TrimSpace(text)
}

// A lines collects the rows of a table.
type lines []column

func (l lines) row(cells ...string) {
	for i, cell := range cells {
		l[i].cells = append(l[i].cells, cell)
	}
}

// hostText is an address with its name.
func hostText(address, name string) string {
	if name == "" {
		return address
	}
	return printable(name) + " (" + address + ")"
}

func (e *End) text() string {
	host := e.Address
	if e.HostName != "" {
		host = printable(e.HostName)
	}
	if e.Port == 0 {
		return host
	}
	return net.JoinHostPort(host, strconv.Itoa(int(e.Port)))
}

func (r *Report) networkLabel(cidr string) string {
	for i := range r.s.Nets.Networks {
		if n := &r.s.Nets.Networks[i]; n.Prefix.String() == cidr && n.Alias != "" {
			return printable(n.Alias)
		}
	}
	return cidr
}

func (r *Report) hostColumns(l *TopHosts) []column {
	t := lines{
		{title: "Host", flex: true, least: 15}, {title: "Network", drop: 3}, {title: "Sent", right: true}, {title: "Received", right: true},
		{title: "Flows", right: true, drop: 1}, {title: "Served", right: true, drop: 2}, {title: "Protocols", drop: 4},
	}
	for i := range l.Rows {
		h := &l.Rows[i]
		t.row(hostText(h.Address, h.HostName), r.networkLabel(h.Network), siBytes(h.BytesSent), siBytes(h.BytesReceived),
			grouped(h.FlowsClient+h.FlowsServer), grouped(h.FlowsServer), fit(strings.Join(h.Apps, " "), 30))
	}
	part := func(name string, p HostParts) {
		t.row(name, "", siBytes(p.Sent.Bytes), siBytes(p.Received.Bytes), "", "", "")
	}
	if n := l.Total - len(l.Rows); n > 0 {
		part(plural(uint64(n), "host", "hosts")+" more", l.More)
	}
	if l.NotSelected != (HostParts{}) {
		part("not selected", l.NotSelected)
	}
	if l.NotToldApart != (HostParts{}) {
		part("hosts not told apart", l.NotToldApart)
	}
	r.closing(l.Unlisted, func(name string, c Counts) { part(name, HostParts{c, c}) })
	return t
}

// closing adds the lines below a list of flows, up to the total.
func (r *Report) closing(u Unlisted, row func(name string, c Counts)) {
	if u.Ended != (Counts{}) {
		row("flows ended", u.Ended)
	}
	if u.NoFlow != (Counts{}) {
		row("no flow", u.NoFlow)
	}
	row("captured", Counts{r.s.Capture.Packets, r.s.Capture.Bytes})
}

func (r *Report) flowColumns(l *TopFlows) []column {
	t := lines{
		{title: "Client → server", flex: true, least: 42}, {title: "Protocol", drop: 1}, {title: "State", drop: 5},
		{title: "Sent", right: true, drop: 3}, {title: "Received", right: true, drop: 4}, {title: "Packets", right: true, drop: 2}, {title: "Bytes", right: true},
	}
	for i := range l.Rows {
		f := &l.Rows[i]
		app := f.App
		if app == "Unknown" {
			app = f.Protocol
		}
		a, b := &f.FromClient, &f.FromServer
		server := f.Server.text()
		if f.ServerName != "" {
			server += " " + printable(f.ServerName)
		}
		t.row(f.Client.text()+" → "+server, fit(printable(app), 16), strings.ReplaceAll(f.State, "_", " "),
			siBytes(a.Bytes), siBytes(b.Bytes), grouped(a.Packets+b.Packets), siBytes(a.Bytes+b.Bytes))
	}
	part := func(name string, c Counts) { t.row(name, "", "", "", "", grouped(c.Packets), siBytes(c.Bytes)) }
	if n := l.Total - len(l.Rows); n > 0 {
		part(plural(uint64(n), "flow", "flows")+" more", l.More)
	}
	if l.NotSelected != (Counts{}) {
		part("not selected", l.NotSelected)
	}
	r.closing(l.Unlisted, part)
	return t
}

func (r *Report) protocolColumns(l *TopProtocols) []column {
	t := lines{
		{title: "Protocol", flex: true, least: 12}, {title: "Flows", right: true, drop: 5}, {title: "Inbound", right: true, drop: 1}, {title: "Outbound", right: true, drop: 2},
		{title: "Internal", right: true, drop: 3}, {title: "Transit", right: true, drop: 4}, {title: "Bytes", right: true}, {title: "Share", right: true},
	}
	for i := range l.Rows {
		p := &l.Rows[i]
		t.row(printable(p.Name), grouped(p.Flows), siBytes(p.Inbound.Bytes), siBytes(p.Outbound.Bytes), siBytes(p.Internal.Bytes), siBytes(p.Transit.Bytes),
			siBytes(p.Bytes), percent(p.Bytes, r.s.Capture.Bytes))
	}
	part := func(name string, c Counts) {
		t.row(name, "", "", "", "", "", siBytes(c.Bytes), percent(c.Bytes, r.s.Capture.Bytes))
	}
	if n := l.Total - len(l.Rows); n > 0 {
		part(plural(uint64(n), "protocol", "protocols")+" more", l.More)
	}
	if l.NotSelected != (Counts{}) {
		part("not selected", l.NotSelected)
	}
	r.closing(l.Unlisted, part)
	return t
}

func (r *Report) cellColumns(l *TopMatrix) []column {
	t := lines{{title: "From → to", flex: true, least: 24}, {title: "Packets", right: true, drop: 1}, {title: "Bytes", right: true}}
	var all Counts
	part := func(name string, c Counts) {
		t.row(name, grouped(c.Packets), siBytes(c.Bytes))
		all.Packets += c.Packets
		all.Bytes += c.Bytes
	}
	for _, c := range l.Rows {
		part(r.networkLabel(c.Src)+" → "+r.networkLabel(c.Dst), c.Counts)
	}
	if n := l.Total - len(l.Rows); n > 0 {
		part(plural(uint64(n), "pair", "pairs")+" more", l.More)
	}
	if l.NotToldApart != (Counts{}) {
		part("pairs not told apart", l.NotToldApart)
	}
	part("between networks", all)
	return t
}
