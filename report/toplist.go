package report

import (
	"cmp"
	"net/netip"
	"strings"

	"github.com/netmond/netmond/flows"
	"github.com/netmond/netmond/localnets"
)

// Top holds lists of the busiest; those that were not asked for are nil. What a list does not show is summed
// beside it, so that with its rows all that was captured is there.
type Top struct {
	Sort      string        `json:"sort"`
	Order     string        `json:"order"` // desc or asc
	Filter    string        `json:"filter"`
	Hosts     *TopHosts     `json:"hosts"`
	Flows     *TopFlows     `json:"flows"`
	Protocols *TopProtocols `json:"protocols"`
	Matrix    *TopMatrix    `json:"matrix"`
}

// Unlisted is traffic of no flow that is in the table.
type Unlisted struct {
	// Ended is of flows that ended or were evicted, and of packets for which there was no room.
	Ended  Counts `json:"ended"`
	NoFlow Counts `json:"no_flow"` // without an IP header, undecoded, and envelopes
}

// HostParts is traffic as the hosts of its two ends see it.
type HostParts struct {
	Sent     Counts `json:"sent"`
	Received Counts `json:"received"`
}

func (p *HostParts) add(sent, received localnets.Counts) {
	p.Sent.Packets += sent.Packets
	p.Sent.Bytes += sent.Bytes
	p.Received.Packets += received.Packets
	p.Received.Bytes += received.Bytes
}

// TopHosts are hosts. Each flow is sent by one host and received by one: of both the sums close.
type TopHosts struct {
	Total        int       `json:"total"` // hosts that the filter selects
	Rows         []Host    `json:"rows"`
	More         HostParts `json:"more"`           // hosts that the filter selects beyond the rows
	NotSelected  HostParts `json:"not_selected"`   // hosts that the filter does not
	NotToldApart HostParts `json:"not_told_apart"` // hosts beyond the bound
	Unlisted
}

// TopFlows are flows.
type TopFlows struct {
	Total       int    `json:"total"`
	Rows        []Flow `json:"rows"`
	More        Counts `json:"more"`
	NotSelected Counts `json:"not_selected"`
	Unlisted
}

// TopProtocols are application protocols, of the flows that the filter selects.
type TopProtocols struct {
	Total       int        `json:"total"`
	Rows        []Protocol `json:"rows"`
	More        Counts     `json:"more"`
	NotSelected Counts     `json:"not_selected"`
	Unlisted
}

// Protocol is an application protocol, by scope.
type Protocol struct {
	Name  string `json:"name"`
	Flows uint64 `json:"flows"`
	Counts
	Inbound  Counts `json:"inbound"`
	Outbound Counts `json:"outbound"`
	Internal Counts `json:"internal"`
	Transit  Counts `json:"transit"`
}

// add counts a flow.
func (p *Protocol) add(f *flows.Flow) {
	p.Flows++
	for _, d := range []struct {
		from, to int32
		localnets.Counts
	}{{f.ClientNetwork, f.ServerNetwork, f.FromClient.Counts}, {f.ServerNetwork, f.ClientNetwork, f.FromServer.Counts}} {
		scope := &p.Transit
		switch from, to := d.from != localnets.NoNetwork, d.to != localnets.NoNetwork; {
		case from && to:
			scope = &p.Internal
		case from:
			scope = &p.Outbound
		case to:
			scope = &p.Inbound
		}
		for _, c := range []*Counts{scope, &p.Counts} {
			c.Packets += d.Packets
			c.Bytes += d.Bytes
		}
	}
}

// TopMatrix are pairs of local networks; with what is beside the rows they are the traffic between different
// local networks.
type TopMatrix struct {
	Total        int          `json:"total"`
	Rows         []MatrixCell `json:"rows"`
	More         Counts       `json:"more"`
	NotToldApart Counts       `json:"not_told_apart"` // matrix_other
}

// protocolOrders are the orders of protocols, smallest first.
var protocolOrders = map[string]func(a, b *Protocol) int{
	"bytes":    func(a, b *Protocol) int { return cmp.Compare(a.Bytes, b.Bytes) },
	"packets":  func(a, b *Protocol) int { return cmp.Compare(a.Packets, b.Packets) },
	"flows":    func(a, b *Protocol) int { return cmp.Compare(a.Flows, b.Flows) },
	"inbound":  func(a, b *Protocol) int { return cmp.Compare(a.Inbound.Bytes, b.Inbound.Bytes) },
	"outbound": func(a, b *Protocol) int { return cmp.Compare(a.Outbound.Bytes, b.Outbound.Bytes) },
	"internal": func(a, b *Protocol) int { return cmp.Compare(a.Internal.Bytes, b.Internal.Bytes) },
	"transit":  func(a, b *Protocol) int { return cmp.Compare(a.Transit.Bytes, b.Transit.Bytes) },
	"name":     func(a, b *Protocol) int { return strings.Compare(a.Name, b.Name) },
}

// cellOrders are the orders of the matrix, smallest first.
var cellOrders = map[string]func(a, b *localnets.Cell) int{
	"bytes":   func(a, b *localnets.Cell) int { return cmp.Compare(a.Bytes, b.Bytes) },
	"packets": func(a, b *localnets.Cell) int { return cmp.Compare(a.Packets, b.Packets) },
	"src":     func(a, b *localnets.Cell) int { return cmp.Compare(a.Src, b.Src) },
	"dst":     func(a, b *localnets.Cell) int { return cmp.Compare(a.Dst, b.Dst) },
}

func cellTie(a, b *localnets.Cell) int {
	return cmp.Or(cmp.Compare(a.Src, b.Src), cmp.Compare(a.Dst, b.Dst))
}

// Addresses are those that the lists show, each once.
func (t *Top) Addresses() []netip.Addr {
	var list []netip.Addr
	seen := map[string]bool{}
	t.eachAddress(func(address string, _ *string) {
		if addr, err := netip.ParseAddr(address); err == nil && !seen[address] {
			seen[address] = true
			list = append(list, addr)
		}
	})
	return list
}

// SetNames names the addresses that the lists show.
func (t *Top) SetNames(names map[netip.Addr]string) {
	t.eachAddress(func(address string, name *string) {
		if addr, err := netip.ParseAddr(address); err == nil {
			*name = names[addr]
		}
	})
}

func (t *Top) eachAddress(f func(address string, name *string)) {
	if t.Hosts != nil {
		for i := range t.Hosts.Rows {
			f(t.Hosts.Rows[i].Address, &t.Hosts.Rows[i].HostName)
		}
	}
	if t.Flows != nil {
		for i := range t.Flows.Rows {
			row := &t.Flows.Rows[i]
			f(row.Client.Address, &row.Client.HostName)
			f(row.Server.Address, &row.Server.HostName)
		}
	}
}

// Both is what the two ends of a flow sent.
func (f *Flow) Both() Counts {
	return Counts{f.FromClient.Packets + f.FromServer.Packets, f.FromClient.Bytes + f.FromServer.Bytes}
}

// Rest are the sums of what the rows do not show, those that are not empty.
func (l *TopProtocols) Rest() (list []namedCounts) {
	for _, n := range []namedCounts{{"more protocols", l.More}, {"not selected", l.NotSelected}, {"flows ended", l.Ended}, {"no flow", l.NoFlow}} {
		if n.Counts != (Counts{}) {
			list = append(list, n)
		}
	}
	return list
}
