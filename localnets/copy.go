package localnets

import (
	"cmp"
	"slices"
	"strings"
)

// Snapshot copies all counters. Counting waits while the copy is made, not while the result is
// allocated or sorted.
func (r *Registry) Snapshot() *Snapshot {
	r.mu.Lock()
	networks, parts, cells := len(r.networks), r.appParts, len(r.matrix.cells)
	r.mu.Unlock()

	s := &Snapshot{Networks: make([]NetworkStats, networks)}
	protocols := make([]ProtocolCounts, 0, parts+parts/16+16)
	if cells > 0 {
		s.Matrix = make([]Cell, 0, cells+cells/16)
	}
	protocols = r.copyTo(s, protocols)

	// Each network's part lies in protocols in ID order; its length stands in Protocols' own header
	// as copyTo left it, over an array that may since have moved.
	for i := range s.Networks {
		n := len(s.Networks[i].Protocols)
		if n == 0 {
			continue
		}
		s.Networks[i].Protocols = protocols[:n:n]
		protocols = protocols[n:]
		sortProtocols(s.Networks[i].Protocols)
	}
	sortCells(s.Matrix)
	return s
}

// copyTo copies all counters into s, whose slices have their length or capacity already, and the
// networks' applications one after another behind protocols.
func (r *Registry) copyTo(s *Snapshot, protocols []ProtocolCounts) []ProtocolCounts {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(s.Networks) != len(r.networks) { // a reload came between
		s.Networks = make([]NetworkStats, len(r.networks))
	}
	r.averageLocked()
	r.totalsLocked(s)
	tbl := r.table.Load()
	for _, c := range r.matrix.cells {
		s.Matrix = append(s.Matrix, Cell{Src: tbl.ID(c.Src), Dst: tbl.ID(c.Dst), Counts: c.Counts})
	}
	idle, now := r.idleTrend(), unixSeconds(r.clock)
	hosts := *r.hosts.nets.Load()
	for i, slot := range r.slots {
		n, c := &s.Networks[i], r.counters[slot]
		if c == nil {
			n.Network = r.networks[i]
			n.ThroughputBytesTrend, n.ThroughputPacketsTrend = idle, idle
		} else {
			*n = *c.settle()
			begin := len(protocols)
			protocols = r.appendProtocols(protocols, c)
			n.Protocols = protocols[begin:]
		}
		h := hosts[slot]
		n.Hosts = int(h.now.Load())
		n.NewHosts = h.appeared.Load()
		n.HostsCapped = r.hosts.capped(h, now)
		n.CurrentMinute.NewHosts = n.NewHosts - h.beforeMinute
		n.Minute.NewHosts = h.lastMinute
		s.Hosts += n.Hosts
	}
	return protocols
}

// totalsLocked fills in what is not of one network, but for Hosts; r.mu is held.
func (r *Registry) totalsLocked(s *Snapshot) {
	s.Time = r.clock
	s.Generation = r.table.Load().Generation()
	s.Scopes, s.Removed = r.scopes, r.removed
	s.MatrixOther = r.matrix.other
	s.HostsRefused = r.hosts.refused.Load()
}

// appendProtocols names the parts of c. One whose traffic has all moved to another is left out.
func (r *Registry) appendProtocols(to []ProtocolCounts, c *counters) []ProtocolCounts {
	for i := range c.parts {
		if part := &c.parts[i]; *part != (appCounts{}) {
			to = append(to, ProtocolCounts{Name: r.names[c.apps[i]], ByDirection: *part})
		}
	}
	return to
}

func sortProtocols(p []ProtocolCounts) {
	slices.SortFunc(p, func(a, b ProtocolCounts) int {
		return cmp.Or(cmp.Compare(b.bytes(), a.bytes()), strings.Compare(a.Name, b.Name))
	})
}

func (p *ProtocolCounts) bytes() uint64 {
	return p.ByDirection[Ingress].Bytes + p.ByDirection[Egress].Bytes + p.ByDirection[Inner].Bytes
}
