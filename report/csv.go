package report

import (
	"encoding/csv"
	"io"
	"strconv"

	"github.com/netmond/netmond/localnets"
)

// csvColumns are the columns of WriteCSV, in order; docs/read-json.md describes them.
var csvColumns = []struct {
	name  string
	value func(n *localnets.NetworkStats) string
}{
	{"id", func(n *localnets.NetworkStats) string { return strconv.Itoa(int(n.ID)) }},
	{"cidr", func(n *localnets.NetworkStats) string { return n.Prefix.String() }},
	{"name", func(n *localnets.NetworkStats) string { return printable(n.Name) }},
	{"alias", func(n *localnets.NetworkStats) string { return printable(n.Alias) }},
	{"ingress_packets", func(n *localnets.NetworkStats) string { return number(n.Traffic[localnets.Ingress].Packets) }},
	{"ingress_bytes", func(n *localnets.NetworkStats) string { return number(n.Traffic[localnets.Ingress].Bytes) }},
	{"egress_packets", func(n *localnets.NetworkStats) string { return number(n.Traffic[localnets.Egress].Packets) }},
	{"egress_bytes", func(n *localnets.NetworkStats) string { return number(n.Traffic[localnets.Egress].Bytes) }},
	{"inner_packets", func(n *localnets.NetworkStats) string { return number(n.Traffic[localnets.Inner].Packets) }},
	{"inner_bytes", func(n *localnets.NetworkStats) string { return number(n.Traffic[localnets.Inner].Bytes) }},
	{"broadcast_packets", func(n *localnets.NetworkStats) string {
		return number(sum(n.Broadcast[:], func(c localnets.Counts) uint64 { return c.Packets }))
	}},
	{"broadcast_bytes", func(n *localnets.NetworkStats) string {
		return number(sum(n.Broadcast[:], func(c localnets.Counts) uint64 { return c.Bytes }))
	}},
	{"hosts", func(n *localnets.NetworkStats) string { return strconv.Itoa(n.Hosts) }},
	{"hosts_capped", func(n *localnets.NetworkStats) string { return strconv.FormatBool(n.HostsCapped) }},
	{"flows", func(n *localnets.NetworkStats) string { return number(n.Flows) }},
	{"flows_active", func(n *localnets.NetworkStats) string { return strconv.FormatInt(n.FlowsActive, 10) }},
	{"tcp_packets", tcpColumn(func(c localnets.TCPCounts) uint64 { return c.Packets })},
	{"tcp_retransmissions", tcpColumn(func(c localnets.TCPCounts) uint64 { return c.Retransmissions })},
	{"tcp_out_of_order", tcpColumn(func(c localnets.TCPCounts) uint64 { return c.OutOfOrder })},
	{"tcp_lost", tcpColumn(func(c localnets.TCPCounts) uint64 { return c.Lost })},
	{"rtt_server_ms", func(n *localnets.NetworkStats) string { return millis(n.RTT.ServerSum, n.RTT.ServerSamples) }},
	{"rtt_client_ms", func(n *localnets.NetworkStats) string { return millis(n.RTT.ClientSum, n.RTT.ClientSamples) }},
	{"rtt_ack_ms", func(n *localnets.NetworkStats) string { return millis(n.RTT.AckSum, n.RTT.AckSamples) }},
}

// WriteCSV writes one line per network in the order of configuration, after a line of column names:
// RFC 4180 with LF line ends.
func (r *Report) WriteCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	row := make([]string, len(csvColumns))
	for i, c := range csvColumns {
		row[i] = c.name
	}
	err := out.Write(row)
	for i := range r.s.Nets.Networks {
		if err != nil {
			break
		}
		for j, c := range csvColumns {
			row[j] = c.value(&r.s.Nets.Networks[i])
		}
		err = out.Write(row)
	}
	out.Flush()
	if err == nil {
		err = out.Error()
	}
	return err
}

func tcpColumn(part func(localnets.TCPCounts) uint64) func(*localnets.NetworkStats) string {
	return func(n *localnets.NetworkStats) string { return number(sum(n.TCP[:], part)) }
}

// sum adds a part of each element.
func sum[T any](list []T, part func(T) uint64) uint64 {
	var total uint64
	for _, v := range list {
		total += part(v)
	}
	return total
}

func number(n uint64) string { return strconv.FormatUint(n, 10) }

// millis is a mean in ms with ns resolution, or empty without samples.
func millis(sum int64, samples uint64) string {
	if ms := meanMillis(sum, samples); ms != nil {
		return strconv.FormatFloat(*ms, 'f', 6, 64)
	}
	return ""
}
