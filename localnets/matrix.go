package localnets

import (
	"cmp"
	"slices"
)

// matrix is the traffic between pairs of different networks: sparse, and bounded, since n networks
// have n x n pairs. The first pairs seen keep their cells. Networks are named by slot.
// No pointers but the map's own.
type matrix struct {
	max   int
	index map[uint64]int32 // source and destination to the place in cells
	cells []Cell
	other Counts
}

func newMatrix(max int) matrix {
	return matrix{max: max, index: make(map[uint64]int32)}
}

func (m *matrix) add(src, dst int32, c Counts) {
	key := cellKey(src, dst)
	i, ok := m.index[key]
	if !ok {
		if len(m.cells) >= m.max {
			m.other.add(c)
			return
		}
		i = int32(len(m.cells))
		m.index[key] = i
		m.cells = append(m.cells, Cell{Src: src, Dst: dst})
	}
	m.cells[i].Counts.add(c)
}

// retain adds the cells of networks that tbl does not have to other. The rest keeps its order.
func (m *matrix) retain(tbl *Table) {
	kept := m.cells[:0]
	for _, c := range m.cells {
		if tbl.ID(c.Src) == NoNetwork || tbl.ID(c.Dst) == NoNetwork {
			m.other.add(c.Counts)
			continue
		}
		kept = append(kept, c)
	}
	if len(kept) == len(m.cells) {
		return
	}
	m.cells = kept
	clear(m.index)
	for i, c := range kept {
		m.index[cellKey(c.Src, c.Dst)] = int32(i)
	}
}

func cellKey(src, dst int32) uint64 { return uint64(uint32(src))<<32 | uint64(uint32(dst)) }

// sortCells puts most bytes first; equals by source, then destination, so that the order is stable
// from one snapshot to the next.
func sortCells(cells []Cell) {
	slices.SortFunc(cells, func(a, b Cell) int {
		return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), cmp.Compare(a.Src, b.Src), cmp.Compare(a.Dst, b.Dst))
	})
}
