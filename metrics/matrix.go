package metrics

import (
	"net/netip"
	"sync"

	"github.com/netmond/netmond/localnets"
)

// other is the label of pairs without series of their own.
const other = "other"

// A pair is two networks by their prefixes, which a reload keeps where IDs may change.
type pair struct{ src, dst netip.Prefix }

// A matrix decides which pairs of networks have series of their own. A pair that has them keeps
// them, and one whose traffic is in other found no room and finds none later: so no series vanishes
// and none, other included, ever falls, but at a reload that takes networks away.
type matrix struct {
	limit int

	mu  sync.Mutex    // guards own
	own map[pair]bool // at most limit
}

func (m *matrix) emit(e *emitter, s *localnets.Snapshot) {
	networks := s.Networks
	rest := s.MatrixOther
	cells := make(map[pair]localnets.Counts, len(s.Matrix))
	pairs := m.choose(s)
	for _, c := range s.Matrix {
		p, ok := pairOf(networks, c)
		if ok && pairs[p] {
			cells[p] = c.Counts
			continue
		}
		rest.Bytes += c.Bytes
		rest.Packets += c.Packets
	}
	for p := range pairs {
		e.counts(matrixBytes, matrixPackets, cells[p], p.src.String(), p.dst.String())
	}
	e.counts(matrixBytes, matrixPackets, rest, other, other)
}

// choose gives the pairs with series in this scrape: a copy.
func (m *matrix) choose(s *localnets.Snapshot) map[pair]bool {
	known := make(map[netip.Prefix]bool, len(s.Networks))
	for i := range s.Networks {
		known[s.Networks[i].Prefix] = true
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for p := range m.own { // networks that a reload took away
		if !known[p.src] || !known[p.dst] {
			delete(m.own, p)
		}
	}
	if n := len(s.Networks); n*(n-1) <= m.limit {
		for i := range s.Networks {
			for j := range s.Networks {
				if i != j {
					m.own[pair{s.Networks[i].Prefix, s.Networks[j].Prefix}] = true
				}
			}
		}
	} else {
		m.admit(s)
	}
	pairs := make(map[pair]bool, len(m.own))
	for p := range m.own {
		pairs[p] = true
	}
	return pairs
}

// admit gives the busiest pairs what room is left; m.mu is held. Cells come most bytes first.
func (m *matrix) admit(s *localnets.Snapshot) {
	for _, c := range s.Matrix {
		if len(m.own) >= m.limit {
			return
		}
		if p, ok := pairOf(s.Networks, c); ok {
			m.own[p] = true
		}
	}
}

func pairOf(networks []localnets.NetworkStats, c localnets.Cell) (pair, bool) {
	n := int32(len(networks))
	if c.Src < 0 || c.Dst < 0 || c.Src >= n || c.Dst >= n {
		return pair{}, false
	}
	return pair{networks[c.Src].Prefix, networks[c.Dst].Prefix}, true
}
