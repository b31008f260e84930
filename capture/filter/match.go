package filter

import (
	"encoding/binary"

	"golang.org/x/net/bpf"

	"github.com/netmond/netmond/packet"
)

// An instruction is one of classic BPF, decoded for Match: jumps are to places in the program.
type instruction struct {
	op      action
	yes, no uint16
	k       uint32
}

type action uint8

const (
	doReturn action = iota
	doReturnA
	doLoadWord
	doLoadHalf
	doLoadByte
	doLoadWordX
	doLoadHalfX
	doLoadByteX
	doLoadAux
	doLoadImm
	doLoadLen
	doLoadMem
	doXImm
	doXLen
	doXMem
	doXIHL
	doStore
	doStoreX
	doTAX
	doTXA
	doAdd
	doSub
	doMul
	doDiv
	doMod
	doAnd
	doOr
	doXor
	doLsh
	doRsh
	doNeg
	doJump
	doEqual
	doGreater
	doGreaterEqual
	doBits
	withX // added to arithmetic and branches
)

var actions = func() map[uint16]action {
	m := map[uint16]action{
		opReturn: doReturn, opReturnA: doReturnA, opLoadImm: doLoadImm, opLoadLen: doLoadLen, opLoadMem: doLoadMem,
		opLoadAbs | sizeWord: doLoadWord, opLoadAbs | sizeHalf: doLoadHalf, opLoadAbs | sizeByte: doLoadByte,
		opLoadInd | sizeWord: doLoadWordX, opLoadInd | sizeHalf: doLoadHalfX, opLoadInd | sizeByte: doLoadByteX,
		opLoadXImm: doXImm, opLoadXLen: doXLen, opLoadXMem: doXMem, opLoadXIHL: doXIHL,
		opStore: doStore, opStoreX: doStoreX, opTAX: doTAX, opTXA: doTXA, opAlu | aluNegate: doNeg, opJump: doJump,
	}
	for op, a := range map[byte]action{
		'+': doAdd, '-': doSub, '*': doMul, '/': doDiv, '%': doMod, '&': doAnd, '|': doOr, '^': doXor, 'l': doLsh, 'r': doRsh,
	} {
		m[opAlu|aluCodes[op]] = a
		m[opAlu|aluCodes[op]|useX] = a + withX
	}
	for op, a := range map[testOp]action{
		testEqual: doEqual, testGreater: doGreater, testGreaterEqual: doGreaterEqual, testBits: doBits,
	} {
		m[opJump|jumpCodes[op]] = a
		m[opJump|jumpCodes[op]|useX] = a + withX
	}
	return m
}()

// newProgram checks raw as the kernel would and decodes it. The program keeps raw.
func newProgram(raw []bpf.RawInstruction) (*Program, error) {
	if err := validate(raw); err != nil {
		return nil, err
	}
	p := &Program{raw: raw, code: make([]instruction, len(raw))}
	for i, ins := range raw {
		d := instruction{op: actions[ins.Op], k: ins.K}
		switch known[ins.Op] {
		case checkJump:
			d.yes = uint16(i + 1 + int(ins.K))
		case checkBranch:
			d.yes, d.no = uint16(i+1+int(ins.Jt)), uint16(i+1+int(ins.Jf))
		case checkAux:
			if ins.K >= auxOffset {
				d.op, d.k = doLoadAux, ins.K-auxOffset
			}
		}
		p.code[i] = d
	}
	return p, nil
}

// Match reports whether f matches. It allocates nothing. What a program for a live capture asks the
// kernel for comes from f: the VLAN tag and the interface; a packet's direction is not known and counts
// as inbound.
func (p *Program) Match(f *packet.Frame) bool {
	var a, x uint32
	var mem [scratch]uint32
	data := f.Data
	n := uint64(len(data))
	code := p.code
	for pc := 0; pc < len(code); pc++ {
		ins := &code[pc]
		k := ins.k
		switch ins.op {
		case doReturn:
			return k != 0
		case doReturnA:
			return a != 0
		case doLoadWord:
			if uint64(k)+4 > n {
				return false
			}
			a = binary.BigEndian.Uint32(data[k:])
		case doLoadHalf:
			if uint64(k)+2 > n {
				return false
			}
			a = uint32(binary.BigEndian.Uint16(data[k:]))
		case doLoadByte:
			if uint64(k) >= n {
				return false
			}
			a = uint32(data[k])
		case doLoadWordX:
			at := uint64(x) + uint64(k)
			if at+4 > n {
				return false
			}
			a = binary.BigEndian.Uint32(data[at:])
		case doLoadHalfX:
			at := uint64(x) + uint64(k)
			if at+2 > n {
				return false
			}
			a = uint32(binary.BigEndian.Uint16(data[at:]))
		case doLoadByteX:
			at := uint64(x) + uint64(k)
			if at >= n {
				return false
			}
			a = uint32(data[at])
		case doXIHL:
			if uint64(k) >= n {
				return false
			}
			x = uint32(data[k]&15) * 4
		case doLoadAux:
			a = auxiliary(f, k)
		case doLoadImm:
			a = k
		case doLoadLen:
			a = kernelLength(f)
		case doLoadMem:
			a = mem[k&15]
		case doXImm:
			x = k
		case doXLen:
			x = kernelLength(f)
		case doXMem:
			x = mem[k&15]
		case doStore:
			mem[k&15] = a
		case doStoreX:
			mem[k&15] = x
		case doTAX:
			x = a
		case doTXA:
			a = x
		case doAdd:
			a += k
		case doSub:
			a -= k
		case doMul:
			a *= k
		case doDiv:
			a /= k // not 0: validated
		case doMod:
			a %= k
		case doAnd:
			a &= k
		case doOr:
			a |= k
		case doXor:
			a ^= k
		case doLsh:
			a <<= k
		case doRsh:
			a >>= k
		case doNeg:
			a = -a
		case doAdd + withX:
			a += x
		case doSub + withX:
			a -= x
		case doMul + withX:
			a *= x
		case doDiv + withX:
			if x == 0 {
				return false
			}
			a /= x
		case doMod + withX:
			if x == 0 {
				return false
			}
			a %= x
		case doAnd + withX:
			a &= x
		case doOr + withX:
			a |= x
		case doXor + withX:
			a ^= x
		case doLsh + withX:
			a <<= x
		case doRsh + withX:
			a >>= x
		case doJump:
			pc = int(ins.yes) - 1
		case doEqual:
			pc = branch(ins, a == k)
		case doGreater:
			pc = branch(ins, a > k)
		case doGreaterEqual:
			pc = branch(ins, a >= k)
		case doBits:
			pc = branch(ins, a&k != 0)
		case doEqual + withX:
			pc = branch(ins, a == x)
		case doGreater + withX:
			pc = branch(ins, a > x)
		case doGreaterEqual + withX:
			pc = branch(ins, a >= x)
		case doBits + withX:
			pc = branch(ins, a&x != 0)
		}
	}
	return false // not reached: the last instruction returns
}

func branch(ins *instruction, yes bool) int {
	if yes {
		return int(ins.yes) - 1
	}
	return int(ins.no) - 1
}

// kernelLength is the frame's length without a tag that the kernel took off, as the kernel has it.
func kernelLength(f *packet.Frame) uint32 {
	if f.VLANTPID != 0 {
		return f.WireLen - 4
	}
	return f.WireLen
}

// auxiliary is what the kernel knows of f beside its bytes.
func auxiliary(f *packet.Frame, what uint32) uint32 {
	switch {
	case what == auxInterface:
		return uint32(f.Interface)
	case f.VLANTPID == 0:
		return 0
	case what == auxVLANPresent:
		return 1
	case what == auxVLANTag:
		return uint32(f.VLANTCI)
	case what == auxVLANProto:
		return uint32(f.VLANTPID)
	}
	return 0
}
