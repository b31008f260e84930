package lua

import (
	"fmt"
	"strings"
	"testing"
)

// statsCases print from the stats of network 0, in the reference's shape.
var statsCases = []struct{ expr, want string }{
	{`s.network_id, s.network_key, s.alias, s.cidr`, "0 192.0.2.0/24 office 192.0.2.0/24"},
	{`s.bytes_sent, s.bytes_rcvd, s["bytes.sent"], s["bytes.rcvd"]`, "3500 1500 3500 1000"},
	{`s.packets_sent, s.packets_rcvd, s["packets.sent"], s["packets.rcvd"]`, "25 15 25 10"},
	{`s.num_hosts, s.num_local_hosts, s.new_hosts, s.new_hosts_minute, s.hosts_capped`, "3 3 4 1 false"},
	{`s.num_flows, s.active_flows, s.flows_as_client, s.flows_as_server, s.last_seen`, "7 2 5 2 1700000000"},
	{`s.score, s.engaged_alerts, s["score.as_client"], s.score_as_server, s.alerted_flows.total`, "0 0 0 0 0"},
	{`s.ingress_bytes, s.egress_bytes, s.inner_bytes, s.ingress_packets, s.egress_packets, s.inner_packets`, "1000 3000 500 10 20 5"},
	{`s.broadcast.inner, s.broadcast.ingress`, "60 0"},
	{`s["tcpPacketStats.ingress"].retransmissions, s["tcpPacketStats.ingress"].lost, s.tcpPacketStats_ingress.keep_alive, s["tcpPacketStats.inner"].lost`, "1 3 4 0"},
	{`s["hits.syn_flood_victim"], s.hits_flow_flood_victim, s["hits.syn_scan_victim"]`, "8 6 5"},
	{`s.throughput_bps, s.throughput_pps, s.throughput_trend_bps, s.throughput_trend_pps`, "250.5 3 1 0"},
	{`s.round_trip_time, s.server_rtt_ms, s.client_rtt_ms, s.ack_rtt_ms, s.rtt_samples`, "12 15 5 0 3"},
	{`s["bytes.ndpi.unknown"], s.nothing, s[1]`, "0 nil nil"},
	{`s.intranet_traffic["198.51.100.1/24"].bytes_sent, s.intranet_traffic["198.51.100.1/24"].bytes_rcvd`, "100 40"},

	{`type(s.ingress), s.ingress.TLS, s.ingress.DNS, s.ingress.SSH, s.ingress.total, s.ingress.packets`, "table 700 300 nil 1000 10"},
	{`s.ingress.tcp, s.ingress.udp, s.ingress.icmp, s.ingress.other, s.ingress.sctp`, "700 300 0 0 0"},
	{`s.ingress + 1, 1 + s.ingress, s.egress - s.ingress, s.ingress * 2, s.ingress / 4, -s.ingress, s.ingress % 7, s.ingress ^ 2, s.ingress // 3`, "1001 1001 2000 2000 250 -1000 6 1000000 333"},
	{`s.ingress > 999, s.ingress < 999, 1000 <= s.ingress, s.ingress >= 1e9, s.ingress < s.egress, s.ingress <= s.ingress, s.ingress == s.egress`, "true false true false true true false"},
	{`s.ingress .. "", "in " .. s.ingress .. " bytes", s.ingress .. s.egress`, "1000 in 1000 bytes 10003000"},
	{`tostring(s.ingress), tonumber(s.ingress), string.format("%d %.1f %s", s.ingress, s.ingress, s.ingress), math.max(s.ingress, 5), math.floor(s.ingress)`, "1000 1000 1000 1000.0 1000 1000 1000"},
	{`pcall(function() return s.ingress + {} end) == false, pcall(function() return s.ingress < "2000" end) == false, pcall(function() return s.ingress .. {} end) == false`, "true true true"},
	{`sum(s.ingress), sum(s.egress), sum(s.inner)`, "1000 3000 500"},
	{`next(s.ingress), rawget(s.ingress, "total"), #s.ingress`, "TLS nil 0"},

	// Filling on demand cannot be seen.
	{`count(s) == count(network.getNetworkStats()), count(s) > 60, s.bytes_sent, rawget(network.getNetworkStats(), "bytes_sent")`, "true true 3500 3500"},
	{`getmetatable(s), getmetatable(setmetatable(s, {__index = function() return "x" end})) ~= nil, s.nothing, s.bytes_sent`, "nil true x 3500"},
	{`next(s) ~= nil, next({}), rawset(s, "bytes_sent", 5).bytes_sent, s.bytes_rcvd`, "true nil 5 1500"},
	{`write(s, "bytes_sent", 1), write(s, "mine", 2), count(s) - count(network.getNetworkStats())`, "1 2 1"},
	{`s.score, clear2(s, "score"), clear2(s, "num_hosts"), count(network.getNetworkStats()) - count(s)`, "0 nil nil 2"},
	{`clear(s, "bytes_sent"), require("json").encode(s.ingress), #require("json").encode(s) > 1000`, `nil {"TLS":700,"DNS":300} true`},
}

const statsHelpers = `
local s = network.getNetworkStats()
local function sum(t) local n = 0 for _, v in pairs(t) do n = n + v end return n end
local function count(t) local n = 0 for k in pairs(t) do if k:byte() == 0 then error("hidden key") end n = n + 1 end return n end
local function write(t, k, v) t[k] = v return t[k] end
local function clear2(t, k) t[k] = nil return t[k] end
local function clear(t, k) pairs(t) t[k] = nil return t[k] end
`

func TestStats(t *testing.T) {
	for _, c := range statsCases {
		t.Run(c.expr, func(t *testing.T) {
			r, err := runSource(t, statsHelpers+`
local out = table.pack(`+c.expr+`)
for i = 1, out.n do out[i] = tostring(out[i]) end
print(table.concat(out, " "))`, Options{})
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.TrimSuffix(r.Output, "\n"); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// ntopng's shape: by option, in interface.getNetworksStats and in params.entity_info.
func TestNtopngShape(t *testing.T) {
	r, err := runSource(t, `local s = network.getNetworkStats() print(s.ingress, s.egress > 1e3, math.type(s.inner), s.ingress_bytes)`, Options{Shape: ShapeNtopng})
	if want := "1000\ttrue\tinteger\t1000\n"; err != nil || r.Output != want {
		t.Errorf("option: got %q, %v; want %q", r.Output, err, want)
	}
	r, err = runSource(t, `
local n, ids = 0, 0
for key, s in pairs(interface.getNetworksStats()) do
  n = n + 1
  if key ~= s.network_key or type(s.ingress) ~= "number" then error(key) end
  ids = ids + s.network_id
end
print(n, ids)`, Options{})
	if want := "3\t3\n"; err != nil || r.Output != want {
		t.Errorf("getNetworksStats: got %q, %v; want %q", r.Output, err, want)
	}
}

// Every documented field has a value of its documented type, and hits are absent when 0.
func TestStatsFieldTypes(t *testing.T) {
	var b strings.Builder
	b.WriteString("local s = network.getNetworkStats()\n")
	names := map[string]bool{}
	for _, f := range StatsFields() {
		if f.Doc == "" || f.Source == "" {
			t.Errorf("field %s lacks documentation", f.Name)
		}
		for _, name := range f.names() {
			if names[name] {
				t.Errorf("field %s appears twice", name)
			}
			names[name] = true
			fmt.Fprintf(&b, "if type(s[%q]) ~= %q then print(%q, type(s[%q])) end\n", name, f.Type, name, name)
		}
	}
	b.WriteString(`network.select(1) s = network.getNetworkStats()
for _, k in ipairs{"syn_flood_victim", "flow_flood_victim", "syn_scan_victim"} do if s["hits." .. k] then print(k) end end`)
	r, err := runSource(t, b.String(), Options{})
	if err != nil || r.Output != "" {
		t.Errorf("wrong types:\n%s%v", r.Output, err)
	}
}

// A table that a script keeps does not change with later traffic.
func TestStatsAreASnapshot(t *testing.T) {
	r, err := runSource(t, `
local a, b = network.getNetworkStats(), network.getNetworkStats()
network.resetTrafficBetweenNets()
print(a.intranet_traffic["198.51.100.1/24"].bytes_sent, a ~= b)`, Options{})
	if want := "100\ttrue\n"; err != nil || r.Output != want {
		t.Errorf("got %q, %v; want %q", r.Output, err, want)
	}
}
