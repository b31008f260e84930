package filter

// A test compares two values.
type test struct {
	op   testOp
	x, y value
}

type testOp uint8

const (
	testEqual        testOp = iota
	testGreater             // x > y
	testGreaterEqual        // x >= y
	testBits                // x & y is not 0
)

func (op testOp) holds(x, y uint32) bool {
	switch op {
	case testEqual:
		return x == y
	case testGreater:
		return x > y
	case testGreaterEqual:
		return x >= y
	}
	return x&y != 0
}

// A condition is true or false of a frame: the form between the syntax tree and the graph. It is
// evaluated from left to right, and no further than needed.
type condition struct {
	kind condKind
	test test
	x, y *condition // of and, or, not; x is what follows a set
	slot int        // of a set: slot becomes value
	set  value
}

type condKind uint8

const (
	condTrue condKind = iota
	condFalse
	condTest
	condAnd
	condOr
	condNot
	condSet
)

var (
	always = &condition{kind: condTrue}
	never  = &condition{kind: condFalse}
)

// allOf is true when all are; each is looked at in turn.
func allOf(cs ...*condition) *condition {
	var all *condition
	for _, c := range cs {
		switch {
		case c == nil || c.kind == condTrue:
		case all == nil:
			all = c
		default:
			all = &condition{kind: condAnd, x: all, y: c}
		}
	}
	if all == nil {
		return always
	}
	return all
}

// anyOf is true when one is.
func anyOf(cs ...*condition) *condition {
	var one *condition
	for _, c := range cs {
		switch {
		case c == nil || c.kind == condFalse:
		case one == nil:
			one = c
		default:
			one = &condition{kind: condOr, x: one, y: c}
		}
	}
	if one == nil {
		return never
	}
	return one
}

func not(c *condition) *condition {
	switch c.kind {
	case condTrue:
		return never
	case condFalse:
		return always
	case condNot:
		return c.x
	}
	return &condition{kind: condNot, x: c}
}

// assign puts v into slot before c is looked at.
func assign(slot int, v value, c *condition) *condition {
	return &condition{kind: condSet, slot: slot, set: v, x: c}
}

// compare is x op y, as simply as it can be said.
func (v *values) compare(op testOp, x, y value) *condition {
	a, okA := v.constant(x)
	b, okB := v.constant(y)
	if okA && okB {
		return constantly(op.holds(a, b))
	}
	if okA && op == testEqual {
		x, y, b, okB = y, x, a, true
	}
	switch key := v.list[x]; {
	case !okB:
	case key.kind == kindAux && key.k == auxVLANProto && op == testEqual && b != etherVLAN && b != etherQinQ:
		return never // the kernel takes off no other tags
	case key.kind == kindAux && key.k == auxVLANProto && op == testGreater && b < etherVLAN:
		return always
	case op == testEqual && b == 0 && key.kind == kindOp && key.op == '&':
		if _, ok := v.constant(key.b); ok {
			return not(&condition{kind: condTest, test: test{testBits, key.a, key.b}})
		}
	case op == testGreaterEqual && b == 0:
		return always
	case op == testBits && b == 0:
		return never
	}
	return &condition{kind: condTest, test: test{op, x, y}}
}

// present is true of frames that have the bytes of x.
func present(v *values, x value) *condition {
	return &condition{kind: condTest, test: test{testGreaterEqual, x, v.number(0)}}
}
