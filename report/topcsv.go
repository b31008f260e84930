package report

import (
	"encoding/csv"
	"io"
	"slices"
	"strconv"
	"strings"
)

// topKind is the first column of a list as CSV: a row, or which sum of what the rows do not show.
const topKind = "kind"

// WriteTopCSV writes the only list of the report's Top as CSV: its rows, then sums of what they do not
// show, by kind.
func (r *Report) WriteTopCSV(w io.Writer) error {
	t := r.top
	var table [][]string
	switch {
	case t.Hosts != nil:
		table = t.Hosts.csv()
	case t.Flows != nil:
		table = t.Flows.csv()
	case t.Protocols != nil:
		table = t.Protocols.csv()
	case t.Matrix != nil:
		table = t.Matrix.csv()
	}
	return csv.NewWriter(w).WriteAll(table)
}

// A csvSum makes a line of a kind that has values in some of the columns.
func csvSum(head []string, kind string, values map[string]uint64) []string {
	row := make([]string, len(head))
	row[0] = kind
	for name, n := range values {
		row[slices.Index(head, name)] = number(n)
	}
	return row
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func floatText(f *float64) string {
	if f == nil {
		return ""
	}
	return strconv.FormatFloat(*f, 'f', 6, 64)
}

var hostCSV = []string{topKind, "address", "host_name", "network", "packets_sent", "bytes_sent", "packets_received", "bytes_received", "flows_client", "flows_server", "apps", "last"}

func (l *TopHosts) csv() [][]string {
	table := [][]string{hostCSV}
	for i := range l.Rows {
		h := &l.Rows[i]
		table = append(table, []string{"row", h.Address, printable(h.HostName), h.Network, number(h.PacketsSent), number(h.BytesSent), number(h.PacketsReceived), number(h.BytesReceived),
			number(h.FlowsClient), number(h.FlowsServer), strings.Join(h.Apps, " "), text(h.Last)})
	}
	for _, p := range []struct {
		kind string
		HostParts
	}{{"more", l.More}, {"not_selected", l.NotSelected}, {"not_told_apart", l.NotToldApart}, {"ended", HostParts{l.Ended, l.Ended}}, {"no_flow", HostParts{l.NoFlow, l.NoFlow}}} {
		table = append(table, csvSum(hostCSV, p.kind, map[string]uint64{
			"packets_sent": p.Sent.Packets, "bytes_sent": p.Sent.Bytes, "packets_received": p.Received.Packets, "bytes_received": p.Received.Bytes,
		}))
	}
	return table
}

var flowCSV = []string{topKind, "client", "client_port", "client_name", "client_network", "server", "server_port", "server_host_name", "server_network", "protocol", "vlan", "app", "server_name",
	"state", "first", "last", "packets_from_client", "bytes_from_client", "packets_from_server", "bytes_from_server", "packets", "bytes", "retransmissions", "server_rtt_ms", "client_rtt_ms"}

func (l *TopFlows) csv() [][]string {
	table := [][]string{flowCSV}
	for i := range l.Rows {
		f := &l.Rows[i]
		a, b := &f.FromClient, &f.FromServer
		end := func(e *End) []string {
			return []string{e.Address, number(uint64(e.Port)), printable(e.HostName), e.Network}
		}
		row := slices.Concat([]string{"row"}, end(&f.Client), end(&f.Server), []string{f.Protocol, number(uint64(f.VLAN)), f.App, printable(f.ServerName),
			f.State, text(f.First), text(f.Last), number(a.Packets), number(a.Bytes), number(b.Packets), number(b.Bytes), number(a.Packets + b.Packets), number(a.Bytes + b.Bytes),
			number(uint64(a.Retransmissions) + uint64(b.Retransmissions)), floatText(f.ServerRTT), floatText(f.ClientRTT)})
		table = append(table, row)
	}
	return sumsCSV(table, l.More, l.NotSelected, l.Unlisted)
}

// sumsCSV adds the sums of a list of flows or protocols.
func sumsCSV(table [][]string, more, notSelected Counts, u Unlisted) [][]string {
	for _, p := range []struct {
		kind string
		Counts
	}{{"more", more}, {"not_selected", notSelected}, {"ended", u.Ended}, {"no_flow", u.NoFlow}} {
		table = append(table, csvSum(table[0], p.kind, map[string]uint64{"packets": p.Packets, "bytes": p.Bytes}))
	}
	return table
}

var protocolCSV = []string{topKind, "name", "flows", "packets", "bytes", "inbound_bytes", "outbound_bytes", "internal_bytes", "transit_bytes"}

func (l *TopProtocols) csv() [][]string {
	table := [][]string{protocolCSV}
	for i := range l.Rows {
		p := &l.Rows[i]
		table = append(table, []string{"row", printable(p.Name), number(p.Flows), number(p.Packets), number(p.Bytes), number(p.Inbound.Bytes), number(p.Outbound.Bytes), number(p.Internal.Bytes), number(p.Transit.Bytes)})
	}
	return sumsCSV(table, l.More, l.NotSelected, l.Unlisted)
}

var cellCSV = []string{topKind, "src", "dst", "packets", "bytes"}

func (l *TopMatrix) csv() [][]string {
	table := [][]string{cellCSV}
	for _, c := range l.Rows {
		table = append(table, []string{"row", c.Src, c.Dst, number(c.Packets), number(c.Bytes)})
	}
	for _, p := range []struct {
		kind string
		Counts
	}{{"more", l.More}, {"not_told_apart", l.NotToldApart}} {
		table = append(table, csvSum(cellCSV, p.kind, map[string]uint64{"packets": p.Packets, "bytes": p.Bytes}))
	}
	return table
}
