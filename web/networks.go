package web

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/netmond/netmond/flows"
	"github.com/netmond/netmond/history"
	"github.com/netmond/netmond/localnets"
	"github.com/netmond/netmond/report"
)

// ratesJSON are what a network does now, bytes a second over the last seconds.
type ratesJSON struct {
	Ingress float64 `json:"ingress_rate"`
	Egress  float64 `json:"egress_rate"`
	Inner   float64 `json:"inner_rate"`
}

func (r *ratesJSON) total() float64 { return r.Ingress + r.Egress + r.Inner }

// networkRow is a network in a list.
type networkRow struct {
	ID    int32  `json:"id"`
	CIDR  string `json:"cidr"`
	Name  string `json:"name"`
	Alias string `json:"alias"`
	report.Directions
	ratesJSON
	Hosts               int        `json:"hosts"`
	FlowsActive         int64      `json:"flows_active"`
	RetransmissionShare *float64   `json:"retransmission_share"` // of TCP packets; null without any
	RTT                 *float64   `json:"rtt_ms"`
	Score               float64    `json:"score"`
	EngagedAlerts       int        `json:"engaged_alerts"`
	LastSeen            *string    `json:"last_seen"`
	Spark               []*float64 `json:"spark,omitempty"` // bytes a second of the last minute; null where nothing was recorded
}

type summaryJSON struct {
	Time     *string      `json:"time"`
	Total    int          `json:"total"`
	Page     int          `json:"page"`
	PerPage  int          `json:"per_page"`
	Networks []networkRow `json:"networks"`
}

// sparkSeconds is how far the small graphs reach back.
const sparkSeconds = 60

// rates are what each network does now; those that do nothing may be missing.
func (s *Server) rates() map[netip.Prefix]ratesJSON {
	rates := map[netip.Prefix]ratesJSON{}
	if s.deps.History != nil {
		s.deps.History.Rates(func(network netip.Prefix, v *[history.NumFields]float64) {
			if network.IsValid() {
				note(rates, network, v)
			}
		})
	}
	return rates
}

// note takes a network's values into rates, unless they are nothing.
func note(rates map[netip.Prefix]ratesJSON, network netip.Prefix, v *[history.NumFields]float64) {
	if r := (ratesJSON{v[history.IngressBytes], v[history.EgressBytes], v[history.InnerBytes]}); r != (ratesJSON{}) {
		rates[network] = r
	}
}

// row makes the row of a network.
func (s *Server) row(n *localnets.NetworkStats, rates map[netip.Prefix]ratesJSON) networkRow {
	row := networkRow{
		ID: n.ID, CIDR: n.Prefix.String(), Name: n.Name, Alias: n.Alias, Hosts: n.Hosts, FlowsActive: n.FlowsActive,
		Directions: report.Directions{
			Ingress: report.Counts(n.Traffic[localnets.Ingress]), Egress: report.Counts(n.Traffic[localnets.Egress]),
			Inner: report.Counts(n.Traffic[localnets.Inner]),
		},
	}
	row.ratesJSON = rates[n.Prefix]
	if n.LastSeen != 0 {
		row.LastSeen = report.CaptureTime(n.LastSeen)
	}
	var packets, again uint64
	for d := range n.TCP {
		packets += n.TCP[d].Packets
		again += n.TCP[d].Retransmissions
	}
	if packets > 0 {
		share := float64(again) / float64(packets)
		row.RetransmissionShare = &share
	}
	if samples := n.RTT.ServerSamples + n.RTT.ClientSamples; samples > 0 {
		ms := float64(n.RTT.ServerSum+n.RTT.ClientSum) / float64(samples) / 1e6
		row.RTT = &ms
	}
	if s.deps.AlertView != nil {
		row.Score, row.EngagedAlerts = s.deps.AlertView(row.CIDR)
	}
	return row
}

// rowOrders are the orders of networks, smallest first.
var rowOrders = map[string]func(a, b *networkRow) int{
	"rate":         func(a, b *networkRow) int { return cmp.Compare(a.total(), b.total()) },
	"ingress_rate": func(a, b *networkRow) int { return cmp.Compare(a.ratesJSON.Ingress, b.ratesJSON.Ingress) },
	"egress_rate":  func(a, b *networkRow) int { return cmp.Compare(a.ratesJSON.Egress, b.ratesJSON.Egress) },
	"inner_rate":   func(a, b *networkRow) int { return cmp.Compare(a.ratesJSON.Inner, b.ratesJSON.Inner) },
	"bytes":        func(a, b *networkRow) int { return cmp.Compare(a.bytes(), b.bytes()) },
	"ingress":      func(a, b *networkRow) int { return cmp.Compare(a.Directions.Ingress.Bytes, b.Directions.Ingress.Bytes) },
	"egress":       func(a, b *networkRow) int { return cmp.Compare(a.Directions.Egress.Bytes, b.Directions.Egress.Bytes) },
	"inner":        func(a, b *networkRow) int { return cmp.Compare(a.Directions.Inner.Bytes, b.Directions.Inner.Bytes) },
	"hosts":        func(a, b *networkRow) int { return cmp.Compare(a.Hosts, b.Hosts) },
	"flows":        func(a, b *networkRow) int { return cmp.Compare(a.FlowsActive, b.FlowsActive) },
	"score":        func(a, b *networkRow) int { return cmp.Compare(a.Score, b.Score) },
	"alerts":       func(a, b *networkRow) int { return cmp.Compare(a.EngagedAlerts, b.EngagedAlerts) },
	"retransmissions": func(a, b *networkRow) int {
		return cmp.Compare(orZero(a.RetransmissionShare), orZero(b.RetransmissionShare))
	},
	"rtt":     func(a, b *networkRow) int { return cmp.Compare(orZero(a.RTT), orZero(b.RTT)) },
	"id":      func(a, b *networkRow) int { return cmp.Compare(a.ID, b.ID) },
	"network": func(a, b *networkRow) int { return cmp.Compare(cmp.Or(a.Alias, a.CIDR), cmp.Or(b.Alias, b.CIDR)) },
}

func (r *networkRow) bytes() uint64 {
	return r.Directions.Ingress.Bytes + r.Directions.Egress.Bytes + r.Directions.Inner.Bytes
}

func orZero(v *float64) float64 {
	if v == nil {
		return 0
	}
	return *v
}

func rowTie(a, b *networkRow) int { return cmp.Compare(a.ID, b.ID) }

// summary lists networks by row.
func (s *Server) summary(w http.ResponseWriter, r *http.Request) {
	p := paramsOf(r, "q", "sort", "order", "page", "per_page", "spark")
	l := p.listing(append([]string{"rate"}, sortedKeys(rowOrders)...)...)
	spark := p.word("spark", "0", "1") == "1"
	if p.badRequest(w) {
		return
	}
	nets := s.deps.Snapshot().Nets
	rates := s.rates()
	words := strings.Fields(strings.ToLower(p.text("q")))
	rows := report.First[networkRow]{Less: report.Ordered(rowOrders[l.sort], l.descending, rowTie), Keep: l.page * l.perPage}
	for i := range nets.Networks {
		n := &nets.Networks[i]
		if named(n, words) {
			row := s.row(n, rates)
			rows.Add(&row)
		}
	}
	answer := summaryJSON{Time: capturedAt(nets), Total: rows.Total, Page: l.page, PerPage: l.perPage, Networks: []networkRow{}}
	for _, row := range page(&rows, &l) {
		if spark {
			row.Spark = s.spark(r.Context(), row.CIDR, nets.Time)
		}
		answer.Networks = append(answer.Networks, row)
	}
	s.writeJSON(w, r, answer)
}

// capturedAt is the snapshot's time; nil before any traffic.
func capturedAt(nets *localnets.Snapshot) *string {
	if nets.Time == 0 {
		return nil
	}
	return report.CaptureTime(nets.Time)
}

// named reports whether each word is in the network's CIDR, name or alias.
func named(n *localnets.NetworkStats, words []string) bool {
	if len(words) == 0 {
		return true
	}
	text := strings.ToLower(n.Prefix.String() + " " + n.Name + " " + n.Alias)
	for _, w := range words {
		if addr, err := netip.ParseAddr(w); err == nil && n.Prefix.Contains(addr.Unmap()) {
			continue
		}
		if !strings.Contains(text, w) {
			return false
		}
	}
	return true
}

// spark is the last minute of a network; nil without history.
func (s *Server) spark(ctx context.Context, cidr string, now int64) []*float64 {
	if s.deps.History == nil || now == 0 {
		return nil
	}
	to := now - now%int64(time.Second)
	series, err := s.deps.History.Range(ctx, history.Request{
		Series: cidr, Fields: []history.Field{history.IngressBytes, history.EgressBytes, history.InnerBytes},
		From: to - sparkSeconds*int64(time.Second), To: to, MaxPoints: sparkSeconds,
	})
	if err != nil {
		return nil // nothing recorded yet
	}
	points := make([]*float64, len(series.Times))
	for i := range points {
		if sum := series.Fields[0].Values[i] + series.Fields[1].Values[i] + series.Fields[2].Values[i]; !math.IsNaN(sum) {
			points[i] = &sum
		}
	}
	return points
}

// networkJSON is all about one network.
type networkJSON struct {
	report.Network
	Rates         ratesJSON        `json:"rates"`
	Score         float64          `json:"score"`
	EngagedAlerts int              `json:"engaged_alerts"`
	NewHosts      uint64           `json:"new_hosts_last_minute"`
	TopHosts      []report.Host    `json:"top_hosts"`
	Peers         []peerJSON       `json:"peers"`
	MatrixTo      []matrixCellJSON `json:"matrix_to"`   // what its hosts sent to other local networks
	MatrixFrom    []matrixCellJSON `json:"matrix_from"` // and what came from them
}

// peerJSON is who a network talks to most: a local network, or an address that is in none.
type peerJSON struct {
	Network string `json:"network"` // CIDR, or empty
	Address string `json:"address"` // or empty
	Ingress uint64 `json:"ingress"` // bytes from the peer, of the flows in the table
	Egress  uint64 `json:"egress"`
}

type matrixCellJSON struct {
	Network string `json:"network"`
	ID      int32  `json:"id"`
	report.Counts
}

const (
	topHosts = 10
	topPeers = 10
)

// network answers all about one network.
func (s *Server) network(w http.ResponseWriter, r *http.Request) {
	p := paramsOf(r, "network")
	if !p.has("network") {
		p.fail("network", fmt.Errorf("want a local network's CIDR, alias or name"))
	}
	if p.badRequest(w) {
		return
	}
	nets := s.deps.Snapshot().Nets
	n := nets.LookupName(p.text("network"))
	if n == nil {
		noNetwork(w, p.text("network"))
		return
	}
	row := s.row(n, s.rates())
	j := networkJSON{
		Network: report.NetworkOf(n), Rates: row.ratesJSON, Score: row.Score, EngagedAlerts: row.EngagedAlerts,
		NewHosts: n.Minute.NewHosts, TopHosts: []report.Host{}, Peers: []peerJSON{}, MatrixTo: []matrixCellJSON{}, MatrixFrom: []matrixCellJSON{},
	}
	for i := range nets.Matrix {
		c := &nets.Matrix[i]
		switch n.ID {
		case c.Src:
			j.MatrixTo = append(j.MatrixTo, matrixCellJSON{report.CIDROf(c.Dst, nets), c.Dst, report.Counts(c.Counts)})
		case c.Dst:
			j.MatrixFrom = append(j.MatrixFrom, matrixCellJSON{report.CIDROf(c.Src, nets), c.Src, report.Counts(c.Counts)})
		}
	}
	if !s.endsOf(r.Context(), n.ID, nets, &j) {
		return
	}
	s.writeJSON(w, r, j)
}

// noNetwork answers that no local network has a name.
func noNetwork(w http.ResponseWriter, name string) {
	writeProblem(w, http.StatusNotFound, fmt.Sprintf("There is no local network %.80q.", name))
}

// endsOf fills the hosts and peers of a network from the flows in the table.
func (s *Server) endsOf(ctx context.Context, id int32, nets *localnets.Snapshot, j *networkJSON) bool {
	type peer struct {
		network int32
		addr    netip.Addr
	}
	peers := map[peer]*peerJSON{}
	count := func(network int32, addr netip.Addr, in, out uint64) {
		key := peer{network: network}
		if network == localnets.NoNetwork {
			key.addr = addr
		}
		p := peers[key]
		if p == nil {
			if len(peers) >= maxHosts {
				return // so many peers are of no use; the list's first ten were most likely seen before
			}
			p = &peerJSON{Network: report.CIDROf(network, nets)}
			if network == localnets.NoNetwork {
				p.Address = addr.String()
			}
			peers[key] = p
		}
		p.Ingress += in
		p.Egress += out
	}
	hosts := map[netip.Addr]*report.HostSum{}
	of := func(addr netip.Addr) *report.HostSum {
		h := hosts[addr]
		if h == nil {
			h = &report.HostSum{Addr: addr, Network: id}
			if len(hosts) < maxHosts {
				hosts[addr] = h
			}
		}
		return h
	}
	ok := s.scan(ctx, func(f *flows.Flow) bool {
		client, server := f.ClientNetwork == id, f.ServerNetwork == id
		if client {
			h := of(f.Client.Addr())
			h.AddClient(f)
		}
		if server {
			h := of(f.Server.Addr())
			h.AddServer(f)
		}
		switch {
		case client && !server:
			count(f.ServerNetwork, f.Server.Addr(), f.FromServer.Bytes, f.FromClient.Bytes)
		case server && !client:
			count(f.ClientNetwork, f.Client.Addr(), f.FromClient.Bytes, f.FromServer.Bytes)
		}
		return true
	})
	busiest := report.First[report.HostSum]{Less: report.Ordered(report.HostOrders["bytes"], true, report.HostTie), Keep: topHosts}
	for _, h := range hosts {
		busiest.Add(h)
	}
	find := s.places().Finder()
	for _, h := range page(&busiest, &listing{page: 1, perPage: topHosts}) {
		j.TopHosts = append(j.TopHosts, h.JSON(nets, places(find)))
	}
	most := report.First[peerJSON]{Keep: topPeers, Less: report.Ordered(
		func(a, b *peerJSON) int { return cmp.Compare(a.Ingress+a.Egress, b.Ingress+b.Egress) }, true,
		func(a, b *peerJSON) int {
			return cmp.Or(cmp.Compare(a.Network, b.Network), cmp.Compare(a.Address, b.Address))
		})}
	for _, p := range peers {
		most.Add(p)
	}
	j.Peers = append(j.Peers, page(&most, &listing{page: 1, perPage: topPeers})...)
	return ok
}

// matrixJSON is the traffic between local networks.
type matrixJSON struct {
	Networks []matrixNetworkJSON `json:"networks"` // those in cells, in ID order
	Cells    []matrixPairJSON    `json:"cells"`    // most bytes first
	Shown    int                 `json:"shown"`
	Total    int                 `json:"total"` // cells there are
	Other    report.Counts       `json:"other"` // traffic between networks that no cell holds
}

type matrixNetworkJSON struct {
	ID       int32         `json:"id"`
	CIDR     string        `json:"cidr"`
	Alias    string        `json:"alias"`
	Sent     report.Counts `json:"sent"` // to other local networks: the sum of its row, cells that are not shown included
	Received report.Counts `json:"received"`
}

type matrixPairJSON struct {
	Src int32 `json:"src_id"`
	Dst int32 `json:"dst_id"`
	report.Counts
}

const maxCells = 10_000

// matrix answers the busiest cells.
func (s *Server) matrix(w http.ResponseWriter, r *http.Request) {
	p := paramsOf(r, "cells")
	most := p.number("cells", 2500, maxCells)
	if p.badRequest(w) {
		return
	}
	nets := s.deps.Snapshot().Nets
	answer := matrixJSON{Networks: []matrixNetworkJSON{}, Cells: []matrixPairJSON{}, Total: len(nets.Matrix), Other: report.Counts(nets.MatrixOther)}
	sums := map[int32]*matrixNetworkJSON{}
	of := func(id int32) *matrixNetworkJSON {
		if sums[id] == nil {
			sums[id] = &matrixNetworkJSON{ID: id}
		}
		return sums[id]
	}
	for i := range nets.Matrix {
		c := &nets.Matrix[i]
		for _, to := range []*report.Counts{&of(c.Src).Sent, &of(c.Dst).Received} {
			to.Packets += c.Packets
			to.Bytes += c.Bytes
		}
		if i < most {
			answer.Cells = append(answer.Cells, matrixPairJSON{c.Src, c.Dst, report.Counts(c.Counts)})
		}
	}
	answer.Shown = len(answer.Cells)
	for i := range nets.Networks {
		n := &nets.Networks[i]
		if m := sums[n.ID]; m != nil {
			m.CIDR, m.Alias = n.Prefix.String(), n.Alias
			answer.Networks = append(answer.Networks, *m)
		}
	}
	s.writeJSON(w, r, answer)
}
