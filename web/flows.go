package web

import (
	"cmp"
	"context"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/netmond/netmond/apps"
	"github.com/netmond/netmond/flows"
	"github.com/netmond/netmond/geoip"
	"github.com/netmond/netmond/localnets"
	"github.com/netmond/netmond/packet"
	"github.com/netmond/netmond/web/query"
)

// maxHosts bounds the hosts that one request tells apart.
const maxHosts = 200_000

type endJSON struct {
	Address string `json:"address"`
	Port    uint16 `json:"port"`
	Network string `json:"network"` // CIDR of its local network, or empty
	Alias   string `json:"alias"`   // of the network, or empty
	placeJSON
}

// placeJSON tells where an address is. What is unknown, or has no database, is left out.
type placeJSON struct {
	ASN     uint32 `json:"asn,omitempty"` // number of the autonomous system
	AS      string `json:"as_name,omitempty"`
	Country string `json:"country,omitempty"` // code of two letters
}

type flowDirectionJSON struct {
	Packets         uint64 `json:"packets"`
	Bytes           uint64 `json:"bytes"`
	TCPFlags        string `json:"tcp_flags"`
	Retransmissions uint32 `json:"retransmissions"`
	OutOfOrder      uint32 `json:"out_of_order"`
	Lost            uint32 `json:"lost"`
	KeepAlives      uint32 `json:"keep_alives"`
	ZeroWindows     uint32 `json:"zero_windows"`
}

// flowJSON is a flow as the API shows it.
type flowJSON struct {
	Client     endJSON           `json:"client"`
	Server     endJSON           `json:"server"`
	Protocol   string            `json:"protocol"`
	VLAN       uint16            `json:"vlan"`
	App        string            `json:"app"`
	ServerName string            `json:"server_name"`
	State      string            `json:"state"`
	First      *string           `json:"first"`
	Last       *string           `json:"last"`
	FromClient flowDirectionJSON `json:"from_client"`
	FromServer flowDirectionJSON `json:"from_server"`
	ServerRTT  *float64          `json:"server_rtt_ms"`
	ClientRTT  *float64          `json:"client_rtt_ms"`
}

type flowsJSON struct {
	Total   int        `json:"total"`   // flows that the filter selects
	Scanned int        `json:"scanned"` // flows in the table
	Page    int        `json:"page"`
	PerPage int        `json:"per_page"`
	Flows   []flowJSON `json:"flows"`
}

// protocolName is an IP protocol as filters take it.
func protocolName(n uint8) string {
	switch n {
	case 6:
		return "tcp"
	case 17:
		return "udp"
	case 132:
		return "sctp"
	case 1:
		return "icmp"
	case 58:
		return "icmp6"
	case 47:
		return "gre"
	case 50:
		return "esp"
	case 51:
		return "ah"
	case 2:
		return "igmp"
	case 89:
		return "ospf"
	}
	return strconv.Itoa(int(n))
}

var tcpFlagNames = []struct {
	bit  uint8
	name byte
}{{packet.TCPSyn, 'S'}, {packet.TCPAck, 'A'}, {packet.TCPPsh, 'P'}, {packet.TCPFin, 'F'}, {packet.TCPRst, 'R'}, {packet.TCPUrg, 'U'}}

func tcpFlags(flags uint8) string {
	var b strings.Builder
	for _, f := range tcpFlagNames {
		if flags&f.bit != 0 {
			b.WriteByte(f.name)
		}
	}
	return b.String()
}

// flowRecord fills r, whose Ends have two places, from f.
func flowRecord(r *query.Record, f *flows.Flow, now int64) {
	r.Ends[0] = query.End{Addr: f.Client.Addr(), Port: f.Client.Port(), Network: f.ClientNetwork}
	r.Ends[1] = query.End{Addr: f.Server.Addr(), Port: f.Server.Port(), Network: f.ServerNetwork}
	r.Proto, r.VLAN, r.App, r.Name, r.State = f.Key.Proto, f.Key.VLAN, f.App.String(), f.ServerName, f.State.String()
	a, b := &f.FromClient, &f.FromServer
	n := &r.Numbers
	n[query.Bytes], n[query.Packets] = float64(a.Bytes+b.Bytes), float64(a.Packets+b.Packets)
	n[query.Duration], n[query.Age] = float64(f.Last-f.First)/1e9, float64(now-f.Last)/1e9
	n[query.RTT] = float64(f.ServerRTT+f.ClientRTT) / 1e9
	n[query.Retransmissions] = float64(a.Retransmissions) + float64(b.Retransmissions)
	n[query.OutOfOrder] = float64(a.OutOfOrder) + float64(b.OutOfOrder)
	n[query.Lost] = float64(a.Lost) + float64(b.Lost)
}

// flowOrders are the orders of flows, smallest first.
var flowOrders = map[string]func(a, b *flows.Flow) int{
	"bytes": func(a, b *flows.Flow) int {
		return cmp.Compare(a.FromClient.Bytes+a.FromServer.Bytes, b.FromClient.Bytes+b.FromServer.Bytes)
	},
	"packets": func(a, b *flows.Flow) int {
		return cmp.Compare(a.FromClient.Packets+a.FromServer.Packets, b.FromClient.Packets+b.FromServer.Packets)
	},
	"last":     func(a, b *flows.Flow) int { return cmp.Compare(a.Last, b.Last) },
	"first":    func(a, b *flows.Flow) int { return cmp.Compare(a.First, b.First) },
	"duration": func(a, b *flows.Flow) int { return cmp.Compare(a.Last-a.First, b.Last-b.First) },
	"rtt":      func(a, b *flows.Flow) int { return cmp.Compare(a.ServerRTT+a.ClientRTT, b.ServerRTT+b.ClientRTT) },
	"retransmissions": func(a, b *flows.Flow) int {
		return cmp.Compare(a.FromClient.Retransmissions+a.FromServer.Retransmissions, b.FromClient.Retransmissions+b.FromServer.Retransmissions)
	},
	"client": func(a, b *flows.Flow) int { return a.Client.Compare(b.Client) },
	"server": func(a, b *flows.Flow) int { return a.Server.Compare(b.Server) },
	"app":    func(a, b *flows.Flow) int { return cmp.Compare(a.App.String(), b.App.String()) },
}

// ordered makes less of an order; rows that are equal in it go by tie.
func ordered[T any](by func(a, b *T) int, descending bool, tie func(a, b *T) int) func(a, b *T) bool {
	return func(a, b *T) bool {
		c := by(a, b)
		if descending {
			c = -c
		}
		return cmp.Or(c, tie(a, b)) < 0
	}
}

func flowTie(a, b *flows.Flow) int {
	return cmp.Or(a.Client.Compare(b.Client), a.Server.Compare(b.Server), cmp.Compare(a.Key.Proto, b.Key.Proto), cmp.Compare(a.Key.VLAN, b.Key.VLAN))
}

// scan walks the flow table with one request at a time: a walk over a million flows takes a good part
// of a second of a core. It is false when the client has gone before its turn.
func (s *Server) scan(ctx context.Context, fn func(*flows.Flow) bool) bool {
	select {
	case s.scanning <- struct{}{}:
		defer func() { <-s.scanning }()
	case <-ctx.Done():
		return false
	}
	n := 0
	s.deps.Flows(func(f *flows.Flow) bool {
		if n++; n%4096 == 0 && ctx.Err() != nil {
			return false
		}
		return fn(f)
	})
	return ctx.Err() == nil
}

// listFlows lists the flows of the table.
func (s *Server) listFlows(w http.ResponseWriter, r *http.Request) {
	p := paramsOf(r, "filter", "sort", "order", "page", "per_page")
	l := p.listing(append([]string{"bytes"}, sortedKeys(flowOrders)...)...)
	q := s.filter(p, query.Flows)
	if p.badRequest(w) {
		return
	}
	nets := s.deps.Snapshot().Nets
	rows := top[flows.Flow]{less: ordered(flowOrders[l.sort], l.descending, flowTie), keep: l.page * l.perPage}
	scanned := 0
	find := s.places().Finder()
	record := query.Record{Ends: make([]query.End, 2), AS: find.AS, Country: find.Country}
	if !s.scan(r.Context(), func(f *flows.Flow) bool {
		scanned++
		if flowRecord(&record, f, nets.Time); q.Match(&record) {
			rows.add(f)
		}
		return true
	}) {
		return
	}
	answer := flowsJSON{Total: rows.total, Scanned: scanned, Page: l.page, PerPage: l.perPage, Flows: []flowJSON{}}
	for _, f := range rows.page(&l) {
		answer.Flows = append(answer.Flows, toFlowJSON(&f, nets, find))
	}
	s.writeJSON(w, r, answer)
}

func toFlowJSON(f *flows.Flow, nets *localnets.Snapshot, find *geoip.Finder) flowJSON {
	return flowJSON{
		Client: toEndJSON(f.Client, f.ClientNetwork, nets, find), Server: toEndJSON(f.Server, f.ServerNetwork, nets, find),
		Protocol: protocolName(f.Key.Proto), VLAN: f.Key.VLAN, App: f.App.String(), ServerName: f.ServerName, State: f.State.String(),
		First: captureTime(f.First), Last: captureTime(f.Last),
		FromClient: toFlowDirection(&f.FromClient), FromServer: toFlowDirection(&f.FromServer),
		ServerRTT: roundTrip(f.ServerRTT), ClientRTT: roundTrip(f.ClientRTT),
	}
}

func toEndJSON(a netip.AddrPort, network int32, nets *localnets.Snapshot, find *geoip.Finder) endJSON {
	return endJSON{Address: a.Addr().String(), Port: a.Port(), Network: cidrOf(network, nets), Alias: aliasOf(network, nets), placeJSON: placeJSON(find.Find(a.Addr()))}
}

// cidrOf is the CIDR of a network, empty for none.
func cidrOf(id int32, nets *localnets.Snapshot) string {
	if n := nets.NetworkByID(id); n != nil {
		return n.Prefix.String()
	}
	return ""
}

// aliasOf is the alias of a network, empty for none.
func aliasOf(id int32, nets *localnets.Snapshot) string {
	if n := nets.NetworkByID(id); n != nil {
		return n.Alias
	}
	return ""
}

func toFlowDirection(d *flows.FlowDirection) flowDirectionJSON {
	return flowDirectionJSON{
		Packets: d.Packets, Bytes: d.Bytes, TCPFlags: tcpFlags(d.TCPFlags), Retransmissions: d.Retransmissions,
		OutOfOrder: d.OutOfOrder, Lost: d.Lost, KeepAlives: d.KeepAlives, ZeroWindows: d.ZeroWindows,
	}
}

// captureTime is a capture time (ns) as RFC 3339 to the microsecond.
func captureTime(ns int64) *string {
	s := time.Unix(0, ns).UTC().Format("2006-01-02T15:04:05.000000Z")
	return &s
}

func roundTrip(ns int64) *float64 {
	if ns == 0 {
		return nil
	}
	ms := float64(ns) / 1e6
	return &ms
}

// hostJSON is a host as the API shows it.
type hostJSON struct {
	Address         string   `json:"address"`
	Network         string   `json:"network"`
	Alias           string   `json:"alias"` // of the network, or empty
	Local           bool     `json:"local"`
	BytesSent       uint64   `json:"bytes_sent"`
	BytesReceived   uint64   `json:"bytes_received"`
	PacketsSent     uint64   `json:"packets_sent"`
	PacketsReceived uint64   `json:"packets_received"`
	FlowsClient     uint64   `json:"flows_client"`
	FlowsServer     uint64   `json:"flows_server"`
	Apps            []string `json:"apps"`
	Last            *string  `json:"last"`
	placeJSON
}

type hostsJSON struct {
	Total   int        `json:"total"`
	Scanned int        `json:"scanned"` // flows in the table
	Capped  bool       `json:"capped"`  // more hosts than a request tells apart: those seen first are shown
	Page    int        `json:"page"`
	PerPage int        `json:"per_page"`
	Hosts   []hostJSON `json:"hosts"`
}

// A host sums up its flows of the table.
type host struct {
	addr           netip.Addr
	network        int32
	sent, received localnets.Counts
	client, server uint64
	last           int64
	apps           []apps.ID
}

const maxHostApps = 8

func (h *host) add(sent, received *flows.FlowDirection, f *flows.Flow) {
	h.sent.Packets += sent.Packets
	h.sent.Bytes += sent.Bytes
	h.received.Packets += received.Packets
	h.received.Bytes += received.Bytes
	h.last = max(h.last, f.Last)
	if len(h.apps) < maxHostApps && !slices.Contains(h.apps, f.App) {
		h.apps = append(h.apps, f.App)
	}
}

// hostTable sums the flows of the table up by host.
func (s *Server) hostTable(ctx context.Context, keep func(addr netip.Addr, network int32) bool) (hosts map[netip.Addr]*host, scanned int, capped, ok bool) {
	hosts = map[netip.Addr]*host{}
	of := func(addr netip.Addr, network int32) *host {
		if keep != nil && !keep(addr, network) {
			return nil
		}
		h := hosts[addr]
		if h == nil {
			if len(hosts) >= maxHosts {
				capped = true
				return nil
			}
			h = &host{addr: addr, network: network}
			hosts[addr] = h
		}
		return h
	}
	ok = s.scan(ctx, func(f *flows.Flow) bool {
		scanned++
		if h := of(f.Client.Addr(), f.ClientNetwork); h != nil {
			h.client++
			h.add(&f.FromClient, &f.FromServer, f)
		}
		if h := of(f.Server.Addr(), f.ServerNetwork); h != nil {
			h.server++
			h.add(&f.FromServer, &f.FromClient, f)
		}
		return true
	})
	return hosts, scanned, capped, ok
}

var hostOrders = map[string]func(a, b *host) int{
	"bytes":            func(a, b *host) int { return cmp.Compare(a.sent.Bytes+a.received.Bytes, b.sent.Bytes+b.received.Bytes) },
	"bytes_sent":       func(a, b *host) int { return cmp.Compare(a.sent.Bytes, b.sent.Bytes) },
	"bytes_received":   func(a, b *host) int { return cmp.Compare(a.received.Bytes, b.received.Bytes) },
	"packets_sent":     func(a, b *host) int { return cmp.Compare(a.sent.Packets, b.sent.Packets) },
	"packets_received": func(a, b *host) int { return cmp.Compare(a.received.Packets, b.received.Packets) },
	"flows":            func(a, b *host) int { return cmp.Compare(a.client+a.server, b.client+b.server) },
	"flows_client":     func(a, b *host) int { return cmp.Compare(a.client, b.client) },
	"flows_server":     func(a, b *host) int { return cmp.Compare(a.server, b.server) },
	"last":             func(a, b *host) int { return cmp.Compare(a.last, b.last) },
	"address":          func(a, b *host) int { return a.addr.Compare(b.addr) },
}

func hostTie(a, b *host) int { return a.addr.Compare(b.addr) }

func (h *host) record(r *query.Record, now int64) {
	r.Ends[0] = query.End{Addr: h.addr, Network: h.network}
	r.Apps = r.Apps[:0]
	for _, a := range h.apps {
		r.Apps = append(r.Apps, a.String())
	}
	n := &r.Numbers
	n[query.Bytes], n[query.Packets] = float64(h.sent.Bytes+h.received.Bytes), float64(h.sent.Packets+h.received.Packets)
	n[query.BytesSent], n[query.BytesReceived] = float64(h.sent.Bytes), float64(h.received.Bytes)
	n[query.FlowCount], n[query.Age] = float64(h.client+h.server), float64(now-h.last)/1e9
}

func (h *host) json(nets *localnets.Snapshot, find *geoip.Finder) hostJSON {
	j := hostJSON{
		Address: h.addr.String(), Network: cidrOf(h.network, nets), Alias: aliasOf(h.network, nets), Local: h.network != localnets.NoNetwork,
		BytesSent: h.sent.Bytes, BytesReceived: h.received.Bytes, PacketsSent: h.sent.Packets, PacketsReceived: h.received.Packets,
		FlowsClient: h.client, FlowsServer: h.server, Apps: []string{}, Last: captureTime(h.last), placeJSON: placeJSON(find.Find(h.addr)),
	}
	for _, a := range h.apps {
		j.Apps = append(j.Apps, a.String())
	}
	return j
}

// listHosts lists the hosts of the flows in the table.
func (s *Server) listHosts(w http.ResponseWriter, r *http.Request) {
	p := paramsOf(r, "filter", "sort", "order", "page", "per_page")
	l := p.listing(append([]string{"bytes"}, sortedKeys(hostOrders)...)...)
	q := s.filter(p, query.Hosts)
	if p.badRequest(w) {
		return
	}
	nets := s.deps.Snapshot().Nets
	hosts, scanned, capped, ok := s.hostTable(r.Context(), nil)
	if !ok {
		return
	}
	rows := top[host]{less: ordered(hostOrders[l.sort], l.descending, hostTie), keep: l.page * l.perPage}
	find := s.places().Finder()
	record := query.Record{Ends: make([]query.End, 1), AS: find.AS, Country: find.Country}
	for _, h := range hosts {
		if h.record(&record, nets.Time); q.Match(&record) {
			rows.add(h)
		}
	}
	answer := hostsJSON{Total: rows.total, Scanned: scanned, Capped: capped, Page: l.page, PerPage: l.perPage, Hosts: []hostJSON{}}
	for _, h := range rows.page(&l) {
		answer.Hosts = append(answer.Hosts, h.json(nets, find))
	}
	s.writeJSON(w, r, answer)
}

// sortedKeys are the keys of a map in order.
func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
