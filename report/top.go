package report

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/netmond/netmond/apps"
	"github.com/netmond/netmond/flows"
	"github.com/netmond/netmond/localnets"
	"github.com/netmond/netmond/web/query"
)

// The lists of a Top.
const (
	ListHosts     = "hosts"
	ListFlows     = "flows"
	ListProtocols = "protocols"
	ListMatrix    = "matrix"
)

// Lists are all lists of a Top.
var Lists = []string{ListHosts, ListFlows, ListProtocols, ListMatrix}

// MaxTopRows bounds the rows of a list.
const MaxTopRows = 10_000

// maxTopHosts bounds the hosts that a Top tells apart: as many as there are flows by default.
const maxTopHosts = 1 << 20

// A TopRequest says what of the traffic is listed, and in which order.
type TopRequest struct {
	Lists     []string // of Lists
	Rows      int      // of each, 1 to MaxTopRows
	Sort      string   // an order that all of the lists have
	Ascending bool
	Filter    string // in the API's language; the matrix has none

	maxHosts int // 0 is maxTopHosts
}

// orders are the names of a list's orders.
func orders(list string) []string {
	switch list {
	case ListHosts:
		return slices.Sorted(maps.Keys(HostOrders))
	case ListFlows:
		return slices.Sorted(maps.Keys(FlowOrders))
	case ListProtocols:
		return slices.Sorted(maps.Keys(protocolOrders))
	case ListMatrix:
		return slices.Sorted(maps.Keys(cellOrders))
	}
	return nil
}

// Validate reports what makes no sense, but for the filter's names of networks.
func (q *TopRequest) Validate() error {
	if q.Rows < 1 || q.Rows > MaxTopRows {
		return fmt.Errorf("%d rows: want 1 to %d", q.Rows, MaxTopRows)
	}
	for _, list := range q.Lists {
		names := orders(list)
		switch {
		case names == nil:
			return fmt.Errorf("there is no list %q; lists are %s", list, strings.Join(Lists, ", "))
		case !slices.Contains(names, q.Sort):
			return fmt.Errorf("%s cannot be sorted by %q; want %s", list, q.Sort, strings.Join(names, ", "))
		case list == ListMatrix && q.Filter != "":
			return fmt.Errorf("the matrix has no filter")
		}
	}
	return nil
}

// MakeTop makes the lists of the flows that each gives, which are those of the snapshot's table. Its error
// is one of the request's filter.
func (r *Report) MakeTop(q TopRequest, each func(func(*flows.Flow) bool)) (*Top, error) {
	m, err := newTopMaker(&q, r.s)
	if err != nil {
		return nil, err
	}
	if m.hosts || m.flows || m.protocols {
		each(func(f *flows.Flow) bool { m.add(f); return true })
	}
	return m.top(r), nil
}

// SetTop adds lists of the busiest. Call it before the report is written.
func (r *Report) SetTop(t *Top) { r.top = t }

// A topMaker sums flows up for the lists that are asked for; those that are not are nil.
type topMaker struct {
	q    *TopRequest
	nets *localnets.Snapshot

	hosts, flows, protocols, matrix bool

	record     query.Record
	flowQuery  *query.Query
	hostQuery  *query.Query
	all        localnets.Counts // of the flows in the table
	hostSums   map[netip.Addr]*HostSum
	notApart   HostParts
	flowRows   First[flows.Flow]
	flowSum    localnets.Counts // of those selected
	byProtocol map[apps.ID]*Protocol
	appSum     localnets.Counts
}

func newTopMaker(q *TopRequest, s *flows.Snapshot) (*topMaker, error) {
	m := &topMaker{q: q, nets: s.Nets}
	for _, list := range q.Lists {
		switch list {
		case ListHosts:
			m.hosts = true
		case ListFlows:
			m.flows = true
		case ListProtocols:
			m.protocols = true
		case ListMatrix:
			m.matrix = true
		}
	}
	resolve := func(name string) (int32, bool) {
		if n := s.Nets.LookupName(name); n != nil {
			return n.ID, true
		}
		return 0, false
	}
	var err error
	if m.flows || m.protocols {
		if m.flowQuery, err = query.Parse(query.Flows, q.Filter, resolve); err != nil {
			return nil, err
		}
	}
	if m.hosts {
		if m.hostQuery, err = query.Parse(query.Hosts, q.Filter, resolve); err != nil {
			return nil, err
		}
	}
	m.record.Ends = make([]query.End, 2)
	m.hostSums, m.byProtocol = map[netip.Addr]*HostSum{}, map[apps.ID]*Protocol{}
	m.flowRows = First[flows.Flow]{Less: Ordered(FlowOrders[q.Sort], !q.Ascending, FlowTie), Keep: q.Rows}
	if q.maxHosts == 0 {
		q.maxHosts = maxTopHosts
	}
	return m, nil
}

// add counts a flow in all lists.
func (m *topMaker) add(f *flows.Flow) {
	a, b := f.FromClient.Counts, f.FromServer.Counts
	both := localnets.Counts{Packets: a.Packets + b.Packets, Bytes: a.Bytes + b.Bytes}
	addTo(&m.all, both)
	if m.hosts {
		if h := m.host(f.Client.Addr(), f.ClientNetwork); h != nil {
			h.AddClient(f)
		} else {
			m.notApart.add(a, b)
		}
		if h := m.host(f.Server.Addr(), f.ServerNetwork); h != nil {
			h.AddServer(f)
		} else {
			m.notApart.add(b, a)
		}
	}
	if !m.flows && !m.protocols {
		return
	}
	if FlowRecord(&m.record, f, m.nets.Time); !m.flowQuery.Match(&m.record) {
		return
	}
	if m.flows {
		addTo(&m.flowSum, both)
		m.flowRows.Add(f)
	}
	if m.protocols {
		addTo(&m.appSum, both)
		p := m.byProtocol[f.App]
		if p == nil {
			p = &Protocol{Name: f.App.String()}
			m.byProtocol[f.App] = p
		}
		p.add(f)
	}
}

// host is the sum of an address, or nil beyond the bound.
func (m *topMaker) host(addr netip.Addr, network int32) *HostSum {
	h := m.hostSums[addr]
	if h == nil && len(m.hostSums) < m.q.maxHosts {
		h = &HostSum{Addr: addr, Network: network}
		m.hostSums[addr] = h
	}
	return h
}

// top makes the lists of what was added.
func (m *topMaker) top(r *Report) *Top {
	order := "desc"
	if m.q.Ascending {
		order = "asc"
	}
	t := &Top{Sort: m.q.Sort, Order: order, Filter: m.q.Filter}
	rest := r.unlisted(m.all)
	if m.hosts {
		t.Hosts = m.topHosts(rest)
	}
	if m.flows {
		t.Flows = &TopFlows{
			Total: m.flowRows.Total, Rows: []Flow{}, More: Counts(m.flowSum), NotSelected: Counts(less(m.all, m.flowSum)), Unlisted: rest,
		}
		for _, f := range m.flowRows.Sorted() {
			t.Flows.Rows = append(t.Flows.Rows, FlowOf(&f, m.nets, nil))
			t.Flows.More = minus(t.Flows.More, f.FromClient.Counts, f.FromServer.Counts)
		}
	}
	if m.protocols {
		t.Protocols = m.topProtocols(rest)
	}
	if m.matrix {
		t.Matrix = m.topMatrix(r)
	}
	return t
}

func (m *topMaker) topHosts(rest Unlisted) *TopHosts {
	list := &TopHosts{Rows: []Host{}, NotToldApart: m.notApart, Unlisted: rest}
	rows := First[HostSum]{Less: Ordered(HostOrders[m.q.Sort], !m.q.Ascending, HostTie), Keep: m.q.Rows}
	record := query.Record{Ends: make([]query.End, 1)}
	for _, h := range m.hostSums {
		if h.Record(&record, m.nets.Time); m.hostQuery.Match(&record) {
			list.More.add(h.sent, h.received)
			rows.Add(h)
		} else {
			list.NotSelected.add(h.sent, h.received)
		}
	}
	list.Total = rows.Total
	for _, h := range rows.Sorted() {
		list.Rows = append(list.Rows, h.JSON(m.nets, nil))
		list.More.Sent, list.More.Received = minus(list.More.Sent, h.sent), minus(list.More.Received, h.received)
	}
	return list
}

func (m *topMaker) topProtocols(rest Unlisted) *TopProtocols {
	list := &TopProtocols{Rows: []Protocol{}, More: Counts(m.appSum), NotSelected: Counts(less(m.all, m.appSum)), Unlisted: rest}
	rows := First[Protocol]{Less: Ordered(protocolOrders[m.q.Sort], !m.q.Ascending, protocolOrders["name"]), Keep: m.q.Rows}
	for _, p := range m.byProtocol {
		rows.Add(p)
	}
	list.Total = rows.Total
	list.Rows = append(list.Rows, rows.Sorted()...)
	for i := range list.Rows {
		list.More = minus(list.More, localnets.Counts(list.Rows[i].Counts))
	}
	return list
}

func (m *topMaker) topMatrix(r *Report) *TopMatrix {
	list := &TopMatrix{Total: len(m.nets.Matrix), Rows: []MatrixCell{}, NotToldApart: Counts(m.nets.MatrixOther)}
	rows := First[localnets.Cell]{Less: Ordered(cellOrders[m.q.Sort], !m.q.Ascending, cellTie), Keep: m.q.Rows}
	var sum localnets.Counts
	for i := range m.nets.Matrix {
		rows.Add(&m.nets.Matrix[i])
		addTo(&sum, m.nets.Matrix[i].Counts)
	}
	list.More = Counts(sum)
	for _, c := range rows.Sorted() {
		list.Rows = append(list.Rows, r.cell(&c))
		list.More = minus(list.More, c.Counts)
	}
	return list
}

// unlisted is what is in no flow of the table, whose flows hold inTable.
func (r *Report) unlisted(inTable localnets.Counts) (u Unlisted) {
	scopes := &r.s.Nets.Scopes
	var ended, no localnets.Counts
	for s, c := range scopes {
		switch localnets.Scope(s) {
		case localnets.ScopeEncapsulation, localnets.ScopeNonIP, localnets.ScopeUndecoded:
			addTo(&no, c)
		default:
			addTo(&ended, c)
		}
	}
	return Unlisted{Ended: Counts(less(ended, inTable)), NoFlow: Counts(no)}
}

func addTo(c *localnets.Counts, d localnets.Counts) {
	c.Packets += d.Packets
	c.Bytes += d.Bytes
}

// less is a without b, never below 0: after an interrupt flows may have gained since the snapshot.
func less(a, b localnets.Counts) localnets.Counts {
	return localnets.Counts{Packets: a.Packets - min(a.Packets, b.Packets), Bytes: a.Bytes - min(a.Bytes, b.Bytes)}
}

func minus(c Counts, list ...localnets.Counts) Counts {
	for _, d := range list {
		c = Counts(less(localnets.Counts(c), d))
	}
	return c
}
