package lua

import (
	"strings"

	glua "github.com/yuin/gopher-lua"

	"github.com/netmond/netmond/alerts"
	"github.com/netmond/netmond/localnets"
)

// A StatsField is one field of the stats table of a network.
type StatsField struct {
	Name  string
	Alias string // a second spelling with the same value, or empty
	Type  string
	Unit  string
	Doc   string
	// Source is who defines the field: reference, ntopng, or netmond.
	Source string

	get func(v *VM, s *statsSource) glua.LValue
}

func (f *StatsField) names() []string {
	if f.Alias == "" {
		return []string{f.Name}
	}
	return []string{f.Name, f.Alias}
}

// StatsFields are the fields of network.getNetworkStats(), params.entity_info and the values of
// interface.getNetworksStats(), in the order of the documentation.
func StatsFields() []StatsField { return statsFields }

// A statsName is one spelling of a field.
type statsName struct {
	name  string
	field *StatsField
	index int
}

// statsFields and what is derived from them never change.
var (
	statsFields = makeStatsFields()
	statsNames  = func() (names []statsName) {
		for i := range statsFields {
			for _, name := range statsFields[i].names() {
				names = append(names, statsName{name, &statsFields[i], len(names)})
			}
		}
		return names
	}()
	statsNamesByName = func() map[string]*statsName {
		m := make(map[string]*statsName)
		for i := range statsNames {
			m[statsNames[i].name] = &statsNames[i]
		}
		return m
	}()
)

func makeStatsFields() []StatsField {
	var fields []StatsField
	add := func(name, kind, unit, source, doc string, get func(v *VM, s *statsSource) glua.LValue) {
		f := StatsField{Name: name, Type: kind, Unit: unit, Source: source, Doc: doc, get: get}
		if strings.Contains(name, ".") && name != "bytes.sent" && name != "bytes.rcvd" && name != "packets.sent" && name != "packets.rcvd" {
			f.Alias = strings.ReplaceAll(name, ".", "_")
		}
		fields = append(fields, f)
	}
	number := func(name, unit, source, doc string, get func(n *localnets.NetworkStats) float64) {
		add(name, "number", unit, source, doc, func(_ *VM, s *statsSource) glua.LValue {
			return glua.LNumber(get(&s.net))
		})
	}
	peak := func(name, doc string, get func(m *localnets.MinuteCounters) uint64) {
		add(name, "number", "", "ntopng", doc, func(_ *VM, s *statsSource) glua.LValue {
			if n := get(&s.net.Minute); n > 0 {
				return glua.LNumber(n)
			}
			return glua.LNil
		})
	}
	type net = localnets.NetworkStats
	const ref, ntop, own = "reference", "ntopng", "netmond"

	number("network_id", "", ref, "Number of the network, from 0 in the order of configuration.", func(n *net) float64 { return float64(n.ID) })
	add("network_key", "string", "", ref, "The CIDR as written in the configuration.", func(_ *VM, s *statsSource) glua.LValue { return glua.LString(s.net.Name) })
	add("alias", "string", "", own, "The configured alias, or an empty string.", func(_ *VM, s *statsSource) glua.LValue { return glua.LString(s.net.Alias) })
	add("cidr", "string", "", own, "The CIDR in canonical form.", func(_ *VM, s *statsSource) glua.LValue { return glua.LString(s.net.Prefix.String()) })

	number("bytes_sent", "bytes", ref, "Sent by hosts of this network: egress + inner.", func(n *net) float64 { return float64(n.BytesSent()) })
	number("bytes_rcvd", "bytes", ref, "Received by hosts of this network: ingress + inner.", func(n *net) float64 { return float64(n.BytesReceived()) })
	number("bytes.sent", "bytes", ntop, "ntopng's rule: egress + inner.", func(n *net) float64 { return float64(n.BytesSent()) })
	number("bytes.rcvd", "bytes", ntop, "ntopng's rule: ingress only, inner is not in it. bytes_rcvd has it.", func(n *net) float64 { return float64(n.Traffic[localnets.Ingress].Bytes) })
	number("packets_sent", "packets", own, "Egress + inner.", func(n *net) float64 {
		return float64(n.Traffic[localnets.Egress].Packets + n.Traffic[localnets.Inner].Packets)
	})
	number("packets_rcvd", "packets", own, "Ingress + inner.", func(n *net) float64 {
		return float64(n.Traffic[localnets.Ingress].Packets + n.Traffic[localnets.Inner].Packets)
	})
	number("packets.sent", "packets", ntop, "ntopng's rule: egress + inner.", func(n *net) float64 {
		return float64(n.Traffic[localnets.Egress].Packets + n.Traffic[localnets.Inner].Packets)
	})
	number("packets.rcvd", "packets", ntop, "ntopng's rule: ingress only.", func(n *net) float64 { return float64(n.Traffic[localnets.Ingress].Packets) })
	number("bytes.ndpi.unknown", "bytes", ntop, "Always 0, as in ntopng: protocols are in ingress, egress and inner.", func(*net) float64 { return 0 })

	number("num_hosts", "hosts", ref, "Hosts of this network that are now active.", func(n *net) float64 { return float64(n.Hosts) })
	number("num_local_hosts", "hosts", ref, "The same as num_hosts: every host of a local network is local.", func(n *net) float64 { return float64(n.Hosts) })
	add("hosts_capped", "boolean", "", own, "Some hosts were not told apart, so num_hosts is a lower bound.", func(_ *VM, s *statsSource) glua.LValue { return glua.LBool(s.net.HostsCapped) })
	number("new_hosts", "hosts", own, "Hosts that appeared since the start.", func(n *net) float64 { return float64(n.NewHosts) })
	number("new_hosts_minute", "hosts", own, "Hosts that appeared in the last complete minute.", func(n *net) float64 { return float64(n.Minute.NewHosts) })
	number("num_flows", "flows", own, "Flows begun with an end in this network since the start.", func(n *net) float64 { return float64(n.Flows) })
	number("active_flows", "flows", own, "Of these, the flows that are still in the flow table.", func(n *net) float64 { return float64(n.FlowsActive) })
	number("flows_as_client", "flows", own, "Flows begun by a host of this network.", func(n *net) float64 { return float64(n.FlowsClient) })
	number("flows_as_server", "flows", own, "Flows begun to a host of this network.", func(n *net) float64 { return float64(n.FlowsServer) })
	number("last_seen", "seconds since 1970", own, "Time of the last traffic of this network; 0 for none.", func(n *net) float64 { return float64(n.LastSeen / 1e9) })

	trafficFields(add, number)

	for d := range localnets.NumDirections {
		add("tcpPacketStats."+d.String(), "table", "packets", ntop, "TCP packets of this direction: retransmissions, out_of_order, lost, keep_alive, and also packets (all TCP packets, the base of any share), zero_window, syn, synack.",
			func(v *VM, s *statsSource) glua.LValue {
				c := &s.net.TCP[d]
				return v.table("retransmissions", c.Retransmissions, "out_of_order", c.OutOfOrder, "lost", c.Lost, "keep_alive", c.KeepAlives,
					"packets", c.Packets, "zero_window", c.ZeroWindows, "syn", c.SYN, "synack", c.SYNACK)
			})
	}
	rttFields(number)
	peak("hits.syn_flood_victim", "Most SYNs to hosts of this network within about a second, in the last complete minute. Absent when 0.", func(m *localnets.MinuteCounters) uint64 { return m.SYNPeak })
	peak("hits.flow_flood_victim", "Most new flows to hosts of this network within about a second, in the last complete minute. Absent when 0.", func(m *localnets.MinuteCounters) uint64 { return m.NewFlowsPeak })
	peak("hits.syn_scan_victim", "SYNs received less SYN-ACKs sent in the last complete minute. Absent when not positive. ntopng never resets it; here it is per minute.", func(m *localnets.MinuteCounters) uint64 {
		return m.SYNReceived - min(m.SYNReceived, m.SYNACKSent)
	})

	number("throughput_bps", "bytes/s", ntop, "Over the last interval of about 5 s. Bytes, not bits.", func(n *net) float64 { return n.ThroughputBytes })
	number("throughput_pps", "packets/s", ntop, "Over the last interval of about 5 s.", func(n *net) float64 { return n.ThroughputPackets })
	number("throughput_trend_bps", "", ntop, "Against the interval before: 0 unknown, 1 up, 2 down, 3 stable.", func(n *net) float64 { return float64(n.ThroughputBytesTrend) })
	number("throughput_trend_pps", "", ntop, "The same for packets.", func(n *net) float64 { return float64(n.ThroughputPacketsTrend) })

	alertFields(add)
	add("intranet_traffic", "table", "bytes", ntop, "Traffic with each other local network, by its network_key: bytes_sent, bytes_rcvd. Since the start or the script's resetTrafficBetweenNets. ntopng has it in Pro only.",
		func(v *VM, s *statsSource) glua.LValue {
			t := v.state.NewTable()
			for _, name := range sortedKeys(s.intranet) {
				c := s.intranet[name]
				t.RawSetString(name, v.table("bytes_sent", c.sent, "bytes_rcvd", c.received))
			}
			return t
		})
	return fields
}

type (
	addField  = func(name, kind, unit, source, doc string, get func(v *VM, s *statsSource) glua.LValue)
	addNumber = func(name, unit, source, doc string, get func(n *localnets.NetworkStats) float64)
)

// trafficFields are ingress, egress, inner and what belongs to them.
func trafficFields(add addField, number addNumber) {
	meaning := [localnets.NumDirections]string{"Into this network from outside of it", "Out of this network", "Between hosts of this network, counted once"}
	for d := range localnets.NumDirections {
		add(d.String(), "table", "bytes", "reference", meaning[d]+": bytes of each application protocol. In arithmetic, comparison and concatenation the table is its byte total; fields total, packets, tcp, udp, sctp, icmp, other answer too but are not shown to pairs. In ntopng's shape: the total as a number.",
			func(v *VM, s *statsSource) glua.LValue {
				if s.shape == ShapeNtopng {
					return glua.LNumber(s.net.Traffic[d].Bytes)
				}
				return v.newTraffic(&s.net, d)
			})
	}
	for d := range localnets.NumDirections {
		number(d.String()+"_bytes", "bytes", "netmond", meaning[d]+", as a plain number.", func(n *localnets.NetworkStats) float64 { return float64(n.Traffic[d].Bytes) })
		number(d.String()+"_packets", "packets", "netmond", meaning[d]+".", func(n *localnets.NetworkStats) float64 { return float64(n.Traffic[d].Packets) })
	}
	add("broadcast", "table", "bytes", "ntopng", "The part of the traffic with a broadcast destination: ingress, egress, inner.",
		func(v *VM, s *statsSource) glua.LValue {
			b := &s.net.Broadcast
			return v.table("ingress", b[localnets.Ingress].Bytes, "egress", b[localnets.Egress].Bytes, "inner", b[localnets.Inner].Bytes)
		})
}

// rttFields are the round-trip times.
func rttFields(number addNumber) {
	mean := func(sum int64, samples uint64) float64 {
		if samples == 0 {
			return 0
		}
		return float64(sum) / float64(samples) / 1e6
	}
	type net = localnets.NetworkStats
	number("round_trip_time", "ms", "ntopng", "Moving average (15 % of each sample) of TCP handshake times, whole milliseconds; 0 without a sample.", func(n *net) float64 { return float64(n.RTT.EWMAMillis) })
	number("server_rtt_ms", "ms", "netmond", "Mean of SYN to SYN-ACK towards servers of this network since the start; 0 without a sample.", func(n *net) float64 { return mean(n.RTT.ServerSum, n.RTT.ServerSamples) })
	number("client_rtt_ms", "ms", "netmond", "Mean of SYN-ACK to ACK towards clients of this network since the start; 0 without a sample.", func(n *net) float64 { return mean(n.RTT.ClientSum, n.RTT.ClientSamples) })
	number("ack_rtt_ms", "ms", "netmond", "Mean of data to its acknowledgement by hosts of this network since the start; 0 without a sample.", func(n *net) float64 { return mean(n.RTT.AckSum, n.RTT.AckSamples) })
	number("rtt_samples", "", "netmond", "Handshake samples since the start.", func(n *net) float64 { return float64(n.RTT.ServerSamples + n.RTT.ClientSamples) })
}

// alertFields come from the alert engine; all are 0 where there is none.
func alertFields(add addField) {
	number := func(name, unit, source, doc string, get func(a *alerts.View) float64) {
		add(name, "number", unit, source, doc, func(_ *VM, s *statsSource) glua.LValue { return glua.LNumber(get(&s.alerts)) })
	}
	number("engaged_alerts", "alerts", "reference", "Engaged alerts of this network.", func(a *alerts.View) float64 { return float64(a.Engaged) })
	number("score", "", "reference", "Present alert score of this network: the scores of its engaged alerts, and of released ones what is left while it fades within a minute. score.as_client + score.as_server.", func(a *alerts.View) float64 { return a.ScoreClient + a.ScoreServer })
	number("score.as_client", "", "ntopng", "The part that stems from hosts of this network as clients. 0: no alert is of a flow.", func(a *alerts.View) float64 { return a.ScoreClient })
	number("score.as_server", "", "ntopng", "The part that stems from hosts of this network as servers, and from alerts of the network itself, which are all that there are.", func(a *alerts.View) float64 { return a.ScoreServer })
	add("alerted_flows", "table", "flows", "ntopng", "Flows that turned alerted since the start: as_client, as_server, total. 0: checks are of networks, and no alert is of a flow.",
		func(v *VM, s *statsSource) glua.LValue {
			return v.table("as_client", s.alerts.AlertedFlowsClient, "as_server", s.alerts.AlertedFlowsServer,
				"total", s.alerts.AlertedFlowsClient+s.alerts.AlertedFlowsServer)
		})
}
