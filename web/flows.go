package web

import (
	"context"
	"net/http"
	"net/netip"
	"slices"

	"github.com/netmond/netmond/flows"
	"github.com/netmond/netmond/geoip"
	"github.com/netmond/netmond/report"
	"github.com/netmond/netmond/web/query"
)

// maxHosts bounds the hosts that one request tells apart.
const maxHosts = 200_000

type flowsJSON struct {
	Total   int           `json:"total"`   // flows that the filter selects
	Scanned int           `json:"scanned"` // flows in the table
	Page    int           `json:"page"`
	PerPage int           `json:"per_page"`
	Flows   []report.Flow `json:"flows"`
}

// places has find tell what the API shows of addresses.
func places(find *geoip.Finder) func(netip.Addr) report.Place {
	return func(a netip.Addr) report.Place { return report.Place(find.Find(a)) }
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
	l := p.listing(append([]string{"bytes"}, sortedKeys(report.FlowOrders)...)...)
	q := s.filter(p, query.Flows)
	if p.badRequest(w) {
		return
	}
	nets := s.deps.Snapshot().Nets
	rows := report.First[flows.Flow]{Less: report.Ordered(report.FlowOrders[l.sort], l.descending, report.FlowTie), Keep: l.page * l.perPage}
	scanned := 0
	find := s.places().Finder()
	record := query.Record{Ends: make([]query.End, 2), AS: find.AS, Country: find.Country}
	if !s.scan(r.Context(), func(f *flows.Flow) bool {
		scanned++
		if report.FlowRecord(&record, f, nets.Time); q.Match(&record) {
			rows.Add(f)
		}
		return true
	}) {
		return
	}
	answer := flowsJSON{Total: rows.Total, Scanned: scanned, Page: l.page, PerPage: l.perPage, Flows: []report.Flow{}}
	for _, f := range page(&rows, &l) {
		answer.Flows = append(answer.Flows, report.FlowOf(&f, nets, places(find)))
	}
	s.writeJSON(w, r, answer)
}

type hostsJSON struct {
	Total   int           `json:"total"`
	Scanned int           `json:"scanned"` // flows in the table
	Capped  bool          `json:"capped"`  // more hosts than a request tells apart: those seen first are shown
	Page    int           `json:"page"`
	PerPage int           `json:"per_page"`
	Hosts   []report.Host `json:"hosts"`
}

// hostTable sums the flows of the table up by host.
func (s *Server) hostTable(ctx context.Context, keep func(addr netip.Addr, network int32) bool) (hosts map[netip.Addr]*report.HostSum, scanned int, capped, ok bool) {
	hosts = map[netip.Addr]*report.HostSum{}
	of := func(addr netip.Addr, network int32) *report.HostSum {
		if keep != nil && !keep(addr, network) {
			return nil
		}
		h := hosts[addr]
		if h == nil {
			if len(hosts) >= maxHosts {
				capped = true
				return nil
			}
			h = &report.HostSum{Addr: addr, Network: network}
			hosts[addr] = h
		}
		return h
	}
	ok = s.scan(ctx, func(f *flows.Flow) bool {
		scanned++
		if h := of(f.Client.Addr(), f.ClientNetwork); h != nil {
			h.AddClient(f)
		}
		if h := of(f.Server.Addr(), f.ServerNetwork); h != nil {
			h.AddServer(f)
		}
		return true
	})
	return hosts, scanned, capped, ok
}

// listHosts lists the hosts of the flows in the table.
func (s *Server) listHosts(w http.ResponseWriter, r *http.Request) {
	p := paramsOf(r, "filter", "sort", "order", "page", "per_page")
	l := p.listing(append([]string{"bytes"}, sortedKeys(report.HostOrders)...)...)
	q := s.filter(p, query.Hosts)
	if p.badRequest(w) {
		return
	}
	nets := s.deps.Snapshot().Nets
	hosts, scanned, capped, ok := s.hostTable(r.Context(), nil)
	if !ok {
		return
	}
	rows := report.First[report.HostSum]{Less: report.Ordered(report.HostOrders[l.sort], l.descending, report.HostTie), Keep: l.page * l.perPage}
	find := s.places().Finder()
	record := query.Record{Ends: make([]query.End, 1), AS: find.AS, Country: find.Country}
	for _, h := range hosts {
		if h.Record(&record, nets.Time); q.Match(&record) {
			rows.Add(h)
		}
	}
	answer := hostsJSON{Total: rows.Total, Scanned: scanned, Capped: capped, Page: l.page, PerPage: l.perPage, Hosts: []report.Host{}}
	for _, h := range page(&rows, &l) {
		answer.Hosts = append(answer.Hosts, h.JSON(nets, places(find)))
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
