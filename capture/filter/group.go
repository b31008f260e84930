package filter

import "slices"

// group puts tests of one value next to each other: of "src is 1 or dst is 1 or src is 2", src is
// looked at twice and then dst. That saves loads; and because libpcap does the same, it decides alike
// which bytes of a short frame are looked at before a verdict. True when it changed the graph.
func (g *graph) group() bool {
	order := g.reachable()
	into := g.edges(order)
	changed := false
	for _, at := range slices.Backward(order) {
		for _, outcome := range []bool{false, true} {
			if g.groupFrom(at, outcome, into) {
				changed = true
			}
		}
	}
	return changed
}

// edges gives the nodes that lead to each node, once for each of their outcomes that does.
func (g *graph) edges(order []nodeID) [][]nodeID {
	into := make([][]nodeID, len(g.nodes))
	for _, at := range order {
		d := &g.nodes[at]
		into[d.yes] = append(into[d.yes], at)
		if d.no != d.yes {
			into[d.no] = append(into[d.no], at)
		}
	}
	return into
}

// tested is the value that a node looks at, noValue for a set.
func (g *graph) tested(at nodeID) value {
	if t := g.nodes[at].test; t >= 0 {
		return g.tests[t].x
	}
	return noValue
}

// next is the successor of a test by its outcome.
func (d *decision) next(outcome bool) *nodeID {
	if outcome {
		return &d.yes
	}
	return &d.no
}

// groupFrom looks at the chain of tests from top on that one outcome leads along, while the other leads
// to the same place for all. Where the nodes before the chain look at one value, the tests of that value
// move to its front.
func (g *graph) groupFrom(top nodeID, outcome bool, into [][]nodeID) bool {
	if len(into[top]) == 0 || g.tested(top) == noValue {
		return false
	}
	same := g.tested(into[top][0])
	for _, from := range into[top] {
		if v := g.tested(from); v == noValue || v != same {
			return false
		}
	}
	leave := *g.nodes[top].next(!outcome)
	chain := []nodeID{top}
	moves := false
	for {
		next := *g.nodes[chain[len(chain)-1]].next(outcome)
		if next < firstNode || g.tested(next) == noValue || *g.nodes[next].next(!outcome) != leave || len(into[next]) != 1 {
			break
		}
		chain = append(chain, next)
		if g.tested(next) == same && g.tested(chain[len(chain)-2]) != same {
			moves = true
		}
	}
	if !moves {
		return false
	}
	before := into[top]
	last := chain[len(chain)-1]
	after := *g.nodes[last].next(outcome)
	slices.SortStableFunc(chain, func(a, b nodeID) int {
		rank := func(n nodeID) int {
			if g.tested(n) == same {
				return 0
			}
			return 1
		}
		return rank(a) - rank(b)
	})
	for _, from := range before {
		d := &g.nodes[from]
		if d.yes == top {
			d.yes = chain[0]
		}
		if d.no == top {
			d.no = chain[0]
		}
	}
	into[chain[0]] = before
	for i, n := range chain {
		next := after
		if i+1 < len(chain) {
			next = chain[i+1]
			into[next] = []nodeID{n}
		} else if end := slices.Index(into[after], last); end >= 0 {
			into[after] = slices.Clone(into[after])
			into[after][end] = n
		}
		*g.nodes[n].next(outcome) = next
	}
	return true
}
