package filter

import (
	"errors"
	"fmt"

	"golang.org/x/net/bpf"
)

// The instructions of classic BPF (linux/bpf_common.h).
const (
	opLoadImm  = 0x00 // A = k
	opLoadAbs  = 0x20 // A = bytes at k; size is added
	opLoadInd  = 0x40 // A = bytes at X + k; size is added
	opLoadMem  = 0x60
	opLoadLen  = 0x80
	opLoadXImm = 0x01
	opLoadXMem = 0x61
	opLoadXLen = 0x81
	opLoadXIHL = 0xb1 // X = 4 * (byte at k & 15)
	opStore    = 0x02
	opStoreX   = 0x03
	opAlu      = 0x04
	opJump     = 0x05
	opReturn   = 0x06
	opTAX      = 0x07
	opTXA      = 0x87
	useX       = 0x08 // added to arithmetic and jumps

	sizeWord, sizeHalf, sizeByte = 0x00, 0x08, 0x10

	auxOffset = 0xfffff000 // of the absolute loads that read what the kernel knows beside the bytes
)

var aluCodes = map[byte]uint16{
	'+': 0x00, '-': 0x10, '*': 0x20, '/': 0x30, '|': 0x40, '&': 0x50, 'l': 0x60, 'r': 0x70, '%': 0x90, '^': 0xa0,
}

var jumpCodes = map[testOp]uint16{testEqual: 0x10, testGreater: 0x20, testGreaterEqual: 0x30, testBits: 0x40}

const (
	// maxInstructions is the longest program that the kernel takes (BPF_MAXINSNS).
	maxInstructions = 4096
	scratch         = 16 // cells of memory of the machine
	maxJump         = 255
)

// A limitError says what the machine cannot hold.
type limitError string

func (e limitError) Error() string { return string(e) }

// emit writes the program of g, which gives snaplen for the frames that match.
func emit(g *graph, snaplen uint32) ([]bpf.RawInstruction, error) {
	e := emitter{g: g, order: g.reachable(), index: map[nodeID]int{}}
	if err := e.cells(); err != nil {
		return nil, err
	}
	e.blocks = make([]block, len(e.order))
	for i, at := range e.order {
		e.index[at] = i
	}
	for i := range e.order {
		if err := e.block(i); err != nil {
			return nil, err
		}
	}
	return e.layout(snaplen)
}

// A block is the straight code of one decision.
type block struct {
	code    []bpf.RawInstruction
	jump    uint16 // with k, ends the block; 0 for a set, which goes on to yes
	k       uint32
	before  registers // what A and X hold at its beginning, whichever way led here
	reached bool
}

// registers are the values that the machine's registers are known to hold; noValue for unknown.
type registers struct{ a, x value }

type emitter struct {
	g      *graph
	order  []nodeID
	index  map[nodeID]int // place in order
	blocks []block
	cell   map[int32]int // memory cell of a slot
	slots  int           // memory cells that slots have; the rest holds intermediate values

	code []bpf.RawInstruction // of the block at hand
	now  registers
	held int // memory cells that intermediate values have
}

// cells gives each slot a memory cell. Jumps only go forward, so a slot lives from the first set to the
// last use in order, and its cell serves another after that.
func (e *emitter) cells() error {
	e.cell = map[int32]int{}
	last := map[int32]int{}
	var uses func(x value, i int)
	uses = func(x value, i int) {
		if x == noValue {
			return
		}
		switch key := e.g.values.list[x]; key.kind {
		case kindSlot:
			last[int32(key.k)] = i
		case kindLoad, kindOp:
			uses(key.a, i)
			uses(key.b, i)
		}
	}
	for i, at := range e.order {
		d := e.g.nodes[at]
		if d.test < 0 {
			uses(d.set, i)
			last[d.slot] = max(last[d.slot], i)
			continue
		}
		uses(e.g.tests[d.test].x, i)
		uses(e.g.tests[d.test].y, i)
	}
	var owner [scratch]int32
	for i := range owner {
		owner[i] = -1
	}
	for i, at := range e.order {
		d := e.g.nodes[at]
		if d.test >= 0 {
			continue
		}
		if _, ok := e.cell[d.slot]; ok {
			continue
		}
		for c := 0; ; c++ {
			if c == scratch {
				return limitError("the expression needs more memory than the 16 cells of a BPF program")
			}
			if owner[c] < 0 || last[owner[c]] < i {
				owner[c] = d.slot
				e.cell[d.slot] = c
				e.slots = max(e.slots, c+1)
				break
			}
		}
	}
	return nil
}

// block writes decision i and passes what the registers hold on to its successors.
func (e *emitter) block(i int) error {
	b := &e.blocks[i]
	if i == 0 {
		b.before = registers{noValue, noValue}
	}
	e.code, e.now, e.held = nil, b.before, 0
	d := e.g.nodes[e.order[i]]
	if d.test < 0 {
		if err := e.toA(d.set); err != nil {
			return err
		}
		e.put(opStore, uint32(e.cell[d.slot]))
		if _, ok := e.g.values.constant(d.set); !ok {
			e.now.a = e.g.values.slot(int(d.slot)) // what is asked for from here on
		}
	} else {
		t := e.g.tests[d.test]
		b.jump = opJump | jumpCodes[t.op]
		if k, ok := e.g.values.constant(t.y); ok {
			if err := e.toA(t.x); err != nil {
				return err
			}
			b.k = k
		} else {
			if err := e.toBoth(t.x, t.y); err != nil {
				return err
			}
			b.jump |= useX
		}
	}
	b.code = e.code
	for _, next := range []nodeID{d.yes, d.no} {
		if next < firstNode {
			continue
		}
		n := &e.blocks[e.index[next]]
		if !n.reached {
			n.before, n.reached = e.now, true
			continue
		}
		if n.before.a != e.now.a {
			n.before.a = noValue
		}
		if n.before.x != e.now.x {
			n.before.x = noValue
		}
	}
	return nil
}

func (e *emitter) put(op uint16, k uint32) {
	e.code = append(e.code, bpf.RawInstruction{Op: op, K: k})
}

// headerLength reports whether x is 4*([k]&15), for which the machine has an instruction.
func (e *emitter) headerLength(x value) (k uint32, ok bool) {
	shift := e.g.values.list[x]
	if shift.kind != kindOp || shift.op != 'l' {
		return 0, false
	}
	mask := e.g.values.list[shift.a]
	if mask.kind != kindOp || mask.op != '&' {
		return 0, false
	}
	load := e.g.values.list[mask.a]
	by, _ := e.g.values.constant(shift.b)
	bits, _ := e.g.values.constant(mask.b)
	return load.k, by == 2 && bits == 15 && load.kind == kindLoad && load.size == 1 && load.a == noValue
}

// simple reports whether X can take x without A.
func (e *emitter) simple(x value) bool {
	if e.now.x == x {
		return true
	}
	switch e.g.values.list[x].kind {
	case kindConst, kindLen, kindSlot:
		return true
	}
	_, ok := e.headerLength(x)
	return ok
}

// toA puts x into A. X may change.
func (e *emitter) toA(x value) error {
	if e.now.a == x {
		return nil
	}
	key := e.g.values.list[x]
	if _, ihl := e.headerLength(x); e.now.x == x || ihl {
		if err := e.toX(x); err != nil {
			return err
		}
		e.put(opTXA, 0)
		e.now.a = x
		return nil
	}
	switch key.kind {
	case kindConst:
		e.put(opLoadImm, key.k)
	case kindLen:
		e.put(opLoadLen, 0)
	case kindSlot:
		e.put(opLoadMem, uint32(e.cell[int32(key.k)]))
	case kindAux:
		e.put(opLoadAbs, auxOffset+key.k)
	case kindLoad:
		op := uint16(opLoadAbs)
		if key.a != noValue {
			if err := e.toX(key.a); err != nil {
				return err
			}
			op = opLoadInd
		}
		e.put(op|map[uint8]uint16{1: sizeByte, 2: sizeHalf, 4: sizeWord}[key.size], key.k)
	default:
		if k, ok := e.g.values.constant(key.b); ok {
			if err := e.toA(key.a); err != nil {
				return err
			}
			e.put(opAlu|aluCodes[key.op], k)
			break
		}
		if err := e.toBoth(key.a, key.b); err != nil {
			return err
		}
		e.put(opAlu|aluCodes[key.op]|useX, 0)
	}
	e.now.a = x
	return nil
}

// toX puts x into X. A may change.
func (e *emitter) toX(x value) error {
	if e.now.x == x {
		return nil
	}
	key := e.g.values.list[x]
	k, ihl := e.headerLength(x)
	switch {
	case e.now.a == x:
		e.put(opTAX, 0)
	case ihl:
		e.put(opLoadXIHL, k)
	case key.kind == kindConst:
		e.put(opLoadXImm, key.k)
	case key.kind == kindLen:
		e.put(opLoadXLen, 0)
	case key.kind == kindSlot:
		e.put(opLoadXMem, uint32(e.cell[int32(key.k)]))
	default:
		if err := e.toA(x); err != nil {
			return err
		}
		e.put(opTAX, 0)
	}
	e.now.x = x
	return nil
}

// toBoth puts a into A and x into X.
func (e *emitter) toBoth(a, x value) error {
	if e.simple(x) {
		if err := e.toA(a); err != nil {
			return err
		}
		if e.simple(x) { // it still is
			return e.xBesideA(x, a)
		}
	}
	if e.slots+e.held >= scratch {
		return limitError("the expression needs more memory than the 16 cells of a BPF program: make it simpler")
	}
	cell := uint32(scratch - 1 - e.held)
	if err := e.toA(x); err != nil {
		return err
	}
	e.put(opStore, cell)
	e.held++
	err := e.toA(a)
	e.held--
	if err != nil {
		return err
	}
	e.put(opLoadXMem, cell)
	e.now.x = x
	return nil
}

// xBesideA puts a simple x into X; A holds a and keeps it.
func (e *emitter) xBesideA(x, a value) error {
	if e.now.x == x {
		return nil
	}
	if err := e.toX(x); err != nil {
		return err
	}
	if e.now.a != a {
		return errors.New("filter: the accumulator lost its value") // a fault of emitter
	}
	return nil
}

// layout puts the blocks one after the other. It works from the last to the first, so that the length
// of each jump is known; where a jump is too long for its 8 bits, a jump without that bound, or another
// return, follows the block.
func (e *emitter) layout(snaplen uint32) ([]bpf.RawInstruction, error) {
	// out is the program backwards; a place in it counts from the end.
	var out []bpf.RawInstruction
	ret := func(leaf nodeID) bpf.RawInstruction {
		if leaf == accept {
			return bpf.RawInstruction{Op: opReturn, K: snaplen}
		}
		return bpf.RawInstruction{Op: opReturn}
	}
	start := map[nodeID]int{}   // of each block, counted from the end
	landing := map[nodeID]int{} // the nearest place that leads to a node
	// way gives the length of a jump to a node from the next instruction put into out.
	way := func(to nodeID) int { return len(out) - landing[to] - 1 }
	place := func(to nodeID) {
		if to < firstNode {
			out = append(out, ret(to))
		} else {
			out = append(out, bpf.RawInstruction{Op: opJump, K: uint32(len(out) - start[to] - 1)})
		}
		landing[to] = len(out) - 1
	}
	leaf := func(to nodeID) {
		if _, ok := landing[to]; !ok && to < firstNode {
			place(to)
		}
	}
	if len(e.order) == 0 {
		return []bpf.RawInstruction{ret(e.g.root)}, nil
	}
	leaf(refuse)
	leaf(accept)
	for i := len(e.order) - 1; i >= 0; i-- {
		b, d := &e.blocks[i], e.g.nodes[e.order[i]]
		if b.jump == 0 {
			if start, ok := landing[d.yes]; !ok || start != len(out)-1 {
				place(d.yes)
			}
		} else {
			// A landing for one may put the other out of reach.
			for {
				if way(d.yes) > maxJump {
					place(d.yes)
					continue
				}
				if way(d.no) > maxJump {
					place(d.no)
					continue
				}
				break
			}
			out = append(out, bpf.RawInstruction{Op: b.jump, Jt: uint8(way(d.yes)), Jf: uint8(way(d.no)), K: b.k})
		}
		for j := len(b.code) - 1; j >= 0; j-- {
			out = append(out, b.code[j])
		}
		at := e.order[i]
		start[at] = len(out) - 1
		landing[at] = len(out) - 1
		if len(out) > maxInstructions {
			return nil, limitError(fmt.Sprintf("the program is longer than the %d instructions that the kernel takes", maxInstructions))
		}
	}
	program := make([]bpf.RawInstruction, len(out))
	for i, ins := range out {
		program[len(out)-1-i] = ins
	}
	return program, nil
}
