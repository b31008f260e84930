package filter

import (
	"fmt"

	"golang.org/x/net/bpf"
)

// known are the instructions that the kernel takes (net/core/filter.c, chk_code_allowed), and what is
// checked of each one's k.
var known = map[uint16]operandCheck{
	opLoadAbs | sizeWord: checkAux, opLoadAbs | sizeHalf: checkAux, opLoadAbs | sizeByte: checkAux,
	opLoadInd | sizeWord: checkNone, opLoadInd | sizeHalf: checkNone, opLoadInd | sizeByte: checkNone,
	opLoadImm: checkNone, opLoadLen: checkNone, opLoadMem: checkCell,
	opLoadXImm: checkNone, opLoadXLen: checkNone, opLoadXMem: checkCell, opLoadXIHL: checkNone,
	opStore: checkCell, opStoreX: checkCell, opTAX: checkNone, opTXA: checkNone,
	opReturn: checkNone, opReturnA: checkNone, opAlu | aluNegate: checkNone,

	opAlu: checkNone, opAlu | 0x10: checkNone, opAlu | 0x20: checkNone, opAlu | 0x30: checkDivisor,
	opAlu | 0x40: checkNone, opAlu | 0x50: checkNone, opAlu | 0x60: checkShift, opAlu | 0x70: checkShift,
	opAlu | 0x90: checkDivisor, opAlu | 0xa0: checkNone,
	opAlu | useX: checkNone, opAlu | useX | 0x10: checkNone, opAlu | useX | 0x20: checkNone,
	opAlu | useX | 0x30: checkNone, opAlu | useX | 0x40: checkNone, opAlu | useX | 0x50: checkNone,
	opAlu | useX | 0x60: checkNone, opAlu | useX | 0x70: checkNone, opAlu | useX | 0x90: checkNone,
	opAlu | useX | 0xa0: checkNone,

	opJump: checkJump, opJump | 0x10: checkBranch, opJump | 0x20: checkBranch, opJump | 0x30: checkBranch,
	opJump | 0x40: checkBranch, opJump | useX | 0x10: checkBranch, opJump | useX | 0x20: checkBranch,
	opJump | useX | 0x30: checkBranch, opJump | useX | 0x40: checkBranch,
}

const (
	opReturnA = opReturn | 0x10
	aluNegate = 0x80
)

type operandCheck uint8

const (
	checkNone operandCheck = iota
	checkAux
	checkCell
	checkDivisor
	checkShift
	checkJump
	checkBranch
)

// maxAux is the last of what the kernel knows beside the bytes (SKF_AD_MAX).
const maxAux = 64

// validate refuses what the kernel's checker refuses, naming the instruction, counted from 0.
func validate(raw []bpf.RawInstruction) error {
	if len(raw) == 0 {
		return fmt.Errorf("the program is empty")
	}
	if len(raw) > maxInstructions {
		return fmt.Errorf("the program has %d instructions, the kernel takes %d", len(raw), maxInstructions)
	}
	for i, ins := range raw {
		left := uint32(len(raw) - i - 1) // instructions after this one
		check, ok := known[ins.Op]
		switch {
		case !ok:
			return fmt.Errorf("instruction %d: unknown code %#x", i, ins.Op)
		case check == checkAux && ins.K >= auxOffset && (ins.K >= auxOffset+maxAux || ins.K%4 != 0):
			return fmt.Errorf("instruction %d: no data at %#x", i, ins.K)
		case check == checkCell && ins.K >= scratch:
			return fmt.Errorf("instruction %d: memory has %d cells, not %d", i, scratch, ins.K)
		case check == checkDivisor && ins.K == 0:
			return fmt.Errorf("instruction %d: division by zero", i)
		case check == checkShift && ins.K > 31:
			return fmt.Errorf("instruction %d: shift by %d bits", i, ins.K)
		case check == checkJump && ins.K >= left,
			check == checkBranch && (uint32(ins.Jt) >= left || uint32(ins.Jf) >= left):
			return fmt.Errorf("instruction %d: jump past the end", i)
		}
	}
	if last := raw[len(raw)-1].Op; last != opReturn && last != opReturnA {
		return fmt.Errorf("instruction %d: the last one must return", len(raw)-1)
	}
	return validateMemory(raw)
}

// validateMemory refuses programs that load from a cell which some way to the load has not set.
func validateMemory(raw []bpf.RawInstruction) error {
	masks := make([]uint16, len(raw))
	for i := range masks {
		masks[i] = 0xffff
	}
	set := uint16(0)
	for i, ins := range raw {
		set &= masks[i]
		switch check := known[ins.Op]; {
		case ins.Op == opStore || ins.Op == opStoreX:
			set |= 1 << ins.K
		case check == checkCell && set>>ins.K&1 == 0:
			return fmt.Errorf("instruction %d: memory cell %d is not set", i, ins.K)
		case check == checkJump:
			masks[i+1+int(ins.K)] &= set
			set = 0xffff
		case check == checkBranch:
			masks[i+1+int(ins.Jt)] &= set
			masks[i+1+int(ins.Jf)] &= set
			set = 0xffff
		}
	}
	return nil
}
