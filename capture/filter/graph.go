package filter

import (
	"slices"
)

// A nodeID is a place in a graph's list.
type nodeID int32

// The leaves of every graph.
const (
	refuse nodeID = iota
	accept
	firstNode
)

// A decision is a node of a graph: a test with what follows if it holds and if not, or a set with one
// successor.
type decision struct {
	test    int32 // place in tests; -1 for a set
	slot    int32 // of a set
	set     value
	yes, no nodeID // both the same for a set
}

// A graph decides a frame: from the root down to a leaf. It has no cycle. It is the form that every
// back end starts from.
type graph struct {
	values *values
	tests  []test
	nodes  []decision // the leaves first
	root   nodeID

	testAt map[test]int32
	bits   map[value][]int32   // the tests of single bits of a value
	nodeAt map[decision]nodeID // nil while equal decisions may be several
}

// newGraph builds the decisions of c, one for each test, so that each way to a test can be simplified
// on its own; simplify makes equal ones one.
func newGraph(v *values, c *condition) *graph {
	g := &graph{values: v, nodes: make([]decision, firstNode), testAt: map[test]int32{}, bits: map[value][]int32{}}
	g.root = g.build(c, accept, refuse)
	return g
}

func (g *graph) build(c *condition, yes, no nodeID) nodeID {
	switch c.kind {
	case condTrue:
		return yes
	case condFalse:
		return no
	case condAnd:
		return g.build(c.x, g.build(c.y, yes, no), no)
	case condOr:
		return g.build(c.x, yes, g.build(c.y, yes, no))
	case condNot:
		return g.build(c.x, no, yes)
	case condSet:
		next := g.build(c.x, yes, no)
		return g.node(decision{test: -1, slot: int32(c.slot), set: c.set, yes: next, no: next})
	}
	at, ok := g.testAt[c.test]
	if !ok {
		at = int32(len(g.tests))
		g.tests = append(g.tests, c.test)
		g.testAt[c.test] = at
		if _, ok := g.values.constant(c.test.y); ok && c.test.op == testBits {
			g.bits[c.test.x] = append(g.bits[c.test.x], at)
		}
	}
	return g.node(decision{test: at, yes: yes, no: no})
}

func (g *graph) node(d decision) nodeID {
	if d.yes == d.no && (d.test >= 0 || d.yes < firstNode) {
		return d.yes // what is known of the frame changes nothing
	}
	if at, ok := g.nodeAt[d]; ok {
		return at
	}
	at := nodeID(len(g.nodes))
	g.nodes = append(g.nodes, d)
	if g.nodeAt != nil {
		g.nodeAt[d] = at
	}
	return at
}

// reachable lists the nodes that the root leads to, root first, each before its successors.
func (g *graph) reachable() []nodeID {
	if g.root < firstNode {
		return nil
	}
	// Depth first, without recursion: a program may be thousands of decisions deep.
	type visit struct {
		at   nodeID
		done bool
	}
	seen := make([]bool, len(g.nodes))
	var list []nodeID
	for stack := []visit{{at: g.root}}; len(stack) > 0; {
		v := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		switch {
		case v.done:
			list = append(list, v.at)
		case v.at >= firstNode && !seen[v.at]:
			seen[v.at] = true
			stack = append(stack, visit{v.at, true}, visit{at: g.nodes[v.at].yes}, visit{at: g.nodes[v.at].no})
		}
	}
	slices.Reverse(list)
	return list
}

// simplify leaves out decisions whose outcome is known on the way to them, and puts those on one value
// together, until nothing changes. Then equal decisions become one.
func (g *graph) simplify() {
	for range maxPasses {
		threaded := g.thread()
		g.rebuild(false)
		if grouped := g.group(); !threaded && !grouped {
			break
		}
	}
	g.rebuild(true)
	if g.thread() {
		g.rebuild(true)
	}
}

const (
	maxPasses = 50
	// maxFacts bounds the memory of thread: tests times decisions. More are left as they are.
	maxFacts = 1 << 26
)

// facts are what is known at a node, whichever way led to it.
type facts struct {
	set   bool     // some way has led here
	holds []uint64 // bit 2t: test t holds; bit 2t+1: it does not
	equal []equal  // values that are known, by value
}

type equal struct {
	x value
	n uint32
}

// thread points every edge past the tests whose outcome is known along it. True when it changed any.
func (g *graph) thread() bool {
	order := g.reachable()
	words := (2*len(g.tests) + 63) / 64
	if len(order)*words*64 > maxFacts {
		return false
	}
	known := make([]facts, len(g.nodes))
	free := [][]uint64{}
	known[g.root] = facts{set: true, holds: make([]uint64, words)}
	changed := false
	for _, at := range order {
		f := &known[at]
		if !f.set {
			continue
		}
		d := &g.nodes[at]
		for _, holds := range []bool{true, false} {
			to := &d.yes
			if !holds {
				to = &d.no
			}
			var along facts
			if n := len(free); n > 0 {
				along.holds, free = free[n-1], free[:n-1]
			} else {
				along.holds = make([]uint64, words)
			}
			copy(along.holds, f.holds)
			along.equal = f.equal
			if d.test >= 0 {
				along = g.learn(along, d.test, holds)
			}
			for *to >= firstNode {
				next := g.nodes[*to]
				if next.test < 0 {
					break
				}
				outcome, ok := g.decided(&along, next.test)
				if !ok {
					break
				}
				changed = true
				if *to = next.no; outcome {
					*to = next.yes
				}
			}
			if *to >= firstNode {
				known[*to].meet(&along)
			}
			if !known[max(*to, firstNode)].owns(along.holds) {
				free = append(free, along.holds)
			}
			if d.test < 0 {
				d.no = d.yes
				break
			}
		}
		free = append(free, f.holds)
		f.holds, f.equal = nil, nil
	}
	return changed
}

func (f *facts) owns(holds []uint64) bool {
	return len(f.holds) > 0 && len(holds) > 0 && &f.holds[0] == &holds[0]
}

// learn adds the outcome of a test.
func (g *graph) learn(f facts, t int32, holds bool) facts {
	bit := 2 * uint(t)
	if !holds {
		bit++
	}
	f.holds[bit/64] |= 1 << (bit % 64)
	if tt := g.tests[t]; holds && tt.op == testEqual {
		if n, ok := g.values.constant(tt.y); ok {
			at, found := slices.BinarySearchFunc(f.equal, tt.x, func(e equal, x value) int { return int(e.x - x) })
			if !found {
				f.equal = slices.Insert(slices.Clone(f.equal), at, equal{tt.x, n})
			}
		}
	}
	return f
}

// meet keeps in f what also holds along another way to the node. It may take over along.holds.
func (f *facts) meet(along *facts) {
	if !f.set {
		*f = facts{set: true, holds: along.holds, equal: along.equal}
		return
	}
	for i := range f.holds {
		f.holds[i] &= along.holds[i]
	}
	both := f.equal[:0:0]
	for _, e := range f.equal {
		if slices.Contains(along.equal, e) {
			both = append(both, e)
		}
	}
	f.equal = both
}

// decided gives the outcome of test t, if f tells it.
func (g *graph) decided(f *facts, t int32) (holds, ok bool) {
	bit := 2 * uint(t)
	switch f.holds[bit/64] >> (bit % 64) & 3 {
	case 1:
		return true, true
	case 2:
		return false, true
	}
	tt := g.tests[t]
	x, ok := g.known(f, tt.x, 0)
	if !ok {
		return false, tt.op == testEqual && g.excluded(f, tt)
	}
	y, ok := g.known(f, tt.y, 0)
	return tt.op.holds(x, y), ok
}

// excluded reports whether what f tells of single bits of a value keeps it from being the number that
// it is compared with.
func (g *graph) excluded(f *facts, tt test) bool {
	n, ok := g.values.constant(tt.y)
	for _, t := range g.bits[tt.x] {
		mask, _ := g.values.constant(g.tests[t].y)
		switch bit := 2 * uint(t); f.holds[bit/64] >> (bit % 64) & 3 {
		case 1: // some bit of mask is set
			if ok && n&mask == 0 {
				return true
			}
		case 2: // none is
			if ok && n&mask != 0 {
				return true
			}
		}
	}
	return false
}

// known gives the number that x must be, if f tells it.
func (g *graph) known(f *facts, x value, depth int) (uint32, bool) {
	if n, ok := g.values.constant(x); ok {
		return n, true
	}
	at, found := slices.BinarySearchFunc(f.equal, x, func(e equal, x value) int { return int(e.x - x) })
	if found {
		return f.equal[at].n, true
	}
	key := g.values.list[x]
	if key.kind != kindOp || depth > 4 || len(f.equal) == 0 {
		return 0, false
	}
	a, ok := g.known(f, key.a, depth+1)
	if !ok {
		return 0, false
	}
	b, ok := g.known(f, key.b, depth+1)
	if !ok {
		return 0, false
	}
	return calculate(key.op, a, b)
}

// rebuild leaves out the decisions that nothing leads to or that decide nothing, and unused slots. With share, equal
// ones become one.
func (g *graph) rebuild(share bool) {
	order := g.reachable()
	old := g.nodes
	moved := make([]nodeID, len(old))
	moved[accept] = accept
	used := g.usedSlots(order)
	g.nodes = make([]decision, firstNode, len(order)+int(firstNode))
	g.nodeAt = nil
	if share {
		g.nodeAt = make(map[decision]nodeID, len(order))
	}
	for _, at := range slices.Backward(order) {
		d := old[at]
		d.yes, d.no = moved[d.yes], moved[d.no]
		if d.test < 0 && !used[uint32(d.slot)] {
			moved[at] = d.yes
			continue
		}
		moved[at] = g.node(d)
	}
	g.root = moved[g.root]
}

// usedSlots are the slots that some node reads.
func (g *graph) usedSlots(order []nodeID) map[uint32]bool {
	used := map[uint32]bool{}
	seen := make([]bool, len(g.values.list))
	var mark func(x value)
	mark = func(x value) {
		if x == noValue || seen[x] {
			return
		}
		seen[x] = true
		key := g.values.list[x]
		if key.kind == kindSlot {
			used[key.k] = true
		}
		mark(key.a)
		mark(key.b)
	}
	for _, at := range order {
		if d := &g.nodes[at]; d.test < 0 {
			mark(d.set)
		} else {
			mark(g.tests[d.test].x)
			mark(g.tests[d.test].y)
		}
	}
	return used
}
