//go:build linux && (amd64 || arm64)

package bpf

import (
	"errors"
	"fmt"
	"slices"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/btf"
	cbpf "golang.org/x/net/bpf"
)

// A capture filter is a program in classic BPF. It is translated and put in front of each program that
// counts: what it refuses goes on without being counted. The registers are the kernel's own for this
// (net/core/filter.c, bpf_convert_filter): A and X are 32 bits wide, the memory lies on the stack.
const (
	regCtx = asm.R6
	regA   = asm.R7
	regX   = asm.R8

	cbpfCells  = 16
	cbpfBuffer = -4*cbpfCells - 8 // on the stack: where helpers put bytes
	// Above this an offset of a load in classic BPF means what the kernel knows beside the bytes.
	cbpfAux   = 0xfffff000
	farOffset = 1 << 14 // the last that is looked up in the linear part first
)

// What the kernel knows beside the bytes (SKF_AD_ in linux/filter.h), and where it is: offsets in struct
// __sk_buff and struct xdp_md (linux/bpf.h).
const (
	auxPacketType  = 4
	auxInterface   = 8
	auxVLANTag     = 44
	auxVLANPresent = 48
	auxVLANProto   = 60

	skbLen         = 0
	skbPacketType  = 4
	skbVLANPresent = 20
	skbVLANTCI     = 24
	skbVLANProto   = 28
	skbIfindex     = 40
	skbData        = 76
	skbDataEnd     = 80
	xdpData        = 0
	xdpDataEnd     = 4
	xdpIngress     = 12

	packetOutgoing = 4 // PACKET_OUTGOING
)

// errUntranslated is wrapped where a filter asks for what a hook does not have.
var errUntranslated = fmt.Errorf("capture filter: %w", ErrUnsupported)

// addFilter puts filter in front of the programs of spec. refused is what they return for frames that it
// refuses.
func addFilter(spec *ebpf.CollectionSpec, hook Hook, filter []cbpf.RawInstruction, refused int32) error {
	for name, p := range spec.Programs {
		if name == "netmond_empty" {
			continue
		}
		t := translator{hook: hook, egress: name == "netmond_egress", frags: name == "netmond_xdp_frags", refused: refused}
		front, err := t.translate(filter)
		if err != nil {
			return err
		}
		p.Instructions = joinFront(front, p.Instructions)
	}
	return nil
}

// refused is what the programs return for frames that are not theirs to count.
func (c Config) refused() int32 {
	switch {
	case c.Hook == HookTC:
		return -1 // TCX_NEXT
	case c.Drop:
		return xdpDrop
	}
	return xdpPass
}

// joinFront puts front before the instructions of a function; it becomes the function's beginning.
func joinFront(front, body asm.Instructions) asm.Instructions {
	first := body[0]
	plain := asm.Instruction{OpCode: first.OpCode, Dst: first.Dst, Src: first.Src, Offset: first.Offset, Constant: first.Constant}
	if ref := first.Reference(); ref != "" {
		plain = plain.WithReference(ref)
	}
	begin := front[0].WithSymbol(first.Symbol())
	if f := btf.FuncMetadata(&first); f != nil {
		begin = btf.WithFuncMetadata(begin, f)
	}
	if src := first.Source(); src != nil {
		begin, plain = begin.WithSource(src), plain.WithSource(src)
	}
	out := make(asm.Instructions, 0, len(front)+len(body))
	out = append(append(out, begin), front[1:]...)
	out = append(out, plain)
	return append(out, body[1:]...)
}

const (
	filterMatch  = "filter_match"
	filterRefuse = "filter_refuse"
)

// A translator makes eBPF of one classic program.
type translator struct {
	hook          Hook
	egress, frags bool
	refused       int32

	out    asm.Instructions
	label  string // for the next instruction
	labels int
}

func (t *translator) add(list ...asm.Instruction) {
	for _, ins := range list {
		if t.label != "" {
			ins, t.label = ins.WithSymbol(t.label), ""
		}
		t.out = append(t.out, ins)
	}
}

// fresh is a label that nothing has.
func (t *translator) fresh() string {
	t.labels++
	return fmt.Sprintf("filter_at_%d", t.labels)
}

// place puts a label on the next instruction.
func (t *translator) place(label string) {
	if t.label != "" { // two labels for one instruction: a jump to the next
		t.add(asm.Ja.Label(label))
	}
	t.label = label
}

func memCell(k uint32) int16 { return -4 * (int16(k) + 1) }

// translate gives the instructions; they run into what comes after them, with the context in R1.
func (t *translator) translate(filter []cbpf.RawInstruction) (asm.Instructions, error) {
	t.add(asm.Mov.Reg(regCtx, asm.R1), asm.Mov.Imm32(regA, 0), asm.Mov.Imm32(regX, 0))
	used := uint32(0)
	for _, ins := range filter {
		if op := ins.Op & 7; op == 2 || op == 3 { // ST, STX
			used |= 1 << (ins.K & (cbpfCells - 1))
		}
	}
	for k := range uint32(cbpfCells) {
		if used&(1<<k) != 0 { // the verifier follows more ways than there are
			t.add(asm.StoreImm(asm.R10, memCell(k), 0, asm.Word))
		}
	}
	names := make([]string, len(filter))
	name := func(i int) (string, error) {
		if i >= len(filter) {
			return "", errors.New("capture filter: jump past the end")
		}
		if names[i] == "" {
			names[i] = fmt.Sprintf("filter_%d", i)
		}
		return names[i], nil
	}
	for i, ins := range filter { // targets first, so that labels are known when they are passed
		if ins.Op&7 != 5 {
			continue
		}
		targets := []int{i + 1 + int(ins.Jt), i + 1 + int(ins.Jf)}
		if ins.Op&0xf0 == 0 {
			targets = []int{i + 1 + int(ins.K)}
		}
		for _, at := range targets {
			if _, err := name(at); err != nil {
				return nil, err
			}
		}
	}
	reached := reachable(filter)
	for i, ins := range filter {
		if !reached[i] {
			continue // the verifier takes no dead code
		}
		if names[i] != "" {
			t.place(names[i])
		}
		if err := t.instruction(ins, func(skip int) string { return names[i+1+skip] }); err != nil {
			return nil, fmt.Errorf("instruction %d (%#x): %w", i, ins.Op, err)
		}
	}
	if slices.ContainsFunc(t.out, func(ins asm.Instruction) bool { return ins.Reference() == filterRefuse }) {
		t.place(filterRefuse)
		t.add(asm.Mov.Imm(asm.R0, t.refused), asm.Return())
	}
	// The accepting end comes last, for it runs into the program.
	t.place(filterMatch)
	t.add(asm.Mov.Reg(asm.R1, regCtx))
	return t.out, nil
}

// reachable marks what some way through a program comes by.
func reachable(filter []cbpf.RawInstruction) []bool {
	reached := make([]bool, len(filter))
	mark := func(i int) {
		if i < len(filter) {
			reached[i] = true
		}
	}
	mark(0)
	for i, ins := range filter { // jumps go forward
		switch {
		case !reached[i] || ins.Op&7 == 6:
		case ins.Op&7 != 5:
			mark(i + 1)
		case ins.Op&0xf0 == 0:
			mark(i + 1 + int(ins.K))
		default:
			mark(i + 1 + int(ins.Jt))
			mark(i + 1 + int(ins.Jf))
		}
	}
	return reached
}

// instruction translates one. target names what is so many instructions after the next.
func (t *translator) instruction(ins cbpf.RawInstruction, target func(skip int) string) error {
	k := int32(ins.K)
	switch ins.Op & 7 {
	case 0: // LD
		return t.load(ins)
	case 1: // LDX
		switch ins.Op & 0xe0 {
		case 0x00:
			t.add(asm.Mov.Imm32(regX, k))
		case 0x80:
			t.length(regX)
		case 0x60:
			t.add(asm.LoadMem(regX, asm.R10, memCell(ins.K), asm.Word))
		case 0xa0: // 4 * (byte & 15)
			t.fetch(false, ins.K, asm.Byte)
			t.add(asm.And.Imm32(asm.R0, 15), asm.LSh.Imm32(asm.R0, 2), asm.Mov.Reg32(regX, asm.R0))
		default:
			return errUntranslated
		}
	case 2:
		t.add(asm.StoreMem(asm.R10, memCell(ins.K), regA, asm.Word))
	case 3:
		t.add(asm.StoreMem(asm.R10, memCell(ins.K), regX, asm.Word))
	case 4:
		return t.alu(ins)
	case 5:
		return t.jump(ins, target)
	case 6: // RET
		if ins.Op&0x18 == 0x10 {
			t.add(asm.JEq.Imm32(regA, 0, filterRefuse), asm.Ja.Label(filterMatch))
		} else if ins.K == 0 {
			t.add(asm.Ja.Label(filterRefuse))
		} else {
			t.add(asm.Ja.Label(filterMatch))
		}
	case 7: // MISC
		if ins.Op&0xf8 == 0 {
			t.add(asm.Mov.Reg32(regX, regA))
		} else {
			t.add(asm.Mov.Reg32(regA, regX))
		}
	}
	return nil
}

func (t *translator) load(ins cbpf.RawInstruction) error {
	size := map[uint16]asm.Size{0x00: asm.Word, 0x08: asm.Half, 0x10: asm.Byte}[ins.Op&0x18]
	switch ins.Op & 0xe0 {
	case 0x00:
		t.add(asm.Mov.Imm32(regA, int32(ins.K)))
	case 0x20:
		if ins.K >= cbpfAux {
			return t.aux(ins.K - cbpfAux)
		}
		t.fetch(false, ins.K, size)
		t.add(asm.Mov.Reg32(regA, asm.R0))
	case 0x40:
		t.fetch(true, ins.K, size)
		t.add(asm.Mov.Reg32(regA, asm.R0))
	case 0x60:
		t.add(asm.LoadMem(regA, asm.R10, memCell(ins.K), asm.Word))
	case 0x80:
		t.length(regA)
	default:
		return errUntranslated
	}
	return nil
}

// fetch puts bytes of the frame at k, or at X + k, into R0 in the processor's order; without them the frame
// is refused. What lies in the linear part is read there.
func (t *translator) fetch(indirect bool, k uint32, size asm.Size) {
	data, end, helper := int16(xdpData), int16(xdpDataEnd), asm.FnXdpLoadBytes
	if t.hook == HookTC {
		data, end, helper = skbData, skbDataEnd, asm.FnSkbLoadBytes
	}
	done := ""
	if !indirect && k <= farOffset {
		slow := t.fresh()
		done = t.fresh()
		t.add(
			asm.LoadMem(asm.R2, regCtx, data, asm.Word),
			asm.LoadMem(asm.R3, regCtx, end, asm.Word),
			asm.Mov.Reg(asm.R4, asm.R2),
			asm.Add.Imm(asm.R4, int32(k)+int32(size.Sizeof())),
			asm.JGT.Reg(asm.R4, asm.R3, slow),
			asm.LoadMem(asm.R0, asm.R2, int16(k), size),
			asm.Ja.Label(done),
		)
		t.place(slow)
	}
	if indirect {
		t.add(asm.Mov.Reg32(asm.R2, regX))
		if k != 0 {
			t.add(asm.Mov.Imm32(asm.R3, int32(k)), asm.Add.Reg(asm.R2, asm.R3)) // in 64 bits: it cannot wrap
		}
	} else {
		t.add(asm.Mov.Imm32(asm.R2, int32(k)))
	}
	t.add(
		asm.JGT.Imm(asm.R2, 1<<20, filterRefuse), // past any frame
		asm.Mov.Reg(asm.R1, regCtx),
		asm.Mov.Reg(asm.R3, asm.R10),
		asm.Add.Imm(asm.R3, cbpfBuffer),
		asm.Mov.Imm(asm.R4, int32(size.Sizeof())),
		helper.Call(),
		asm.JNE.Imm(asm.R0, 0, filterRefuse),
		asm.LoadMem(asm.R0, asm.R10, cbpfBuffer, size),
	)
	if done != "" {
		t.place(done)
	}
	if size != asm.Byte {
		t.add(asm.HostTo(asm.BE, asm.R0, size))
	}
}

// length is the frame's length without a tag that is metadata.
func (t *translator) length(to asm.Register) {
	switch {
	case t.hook == HookTC:
		t.add(asm.LoadMem(to, regCtx, skbLen, asm.Word))
	case t.frags:
		t.add(asm.Mov.Reg(asm.R1, regCtx), asm.FnXdpGetBuffLen.Call(), asm.Mov.Reg32(to, asm.R0))
	default:
		t.add(
			asm.LoadMem(asm.R2, regCtx, xdpData, asm.Word),
			asm.LoadMem(asm.R0, regCtx, xdpDataEnd, asm.Word),
			asm.Sub.Reg(asm.R0, asm.R2),
			asm.Mov.Reg32(to, asm.R0),
		)
	}
}

// aux loads what the kernel knows beside the bytes.
func (t *translator) aux(what uint32) error {
	skb := func(offset int16) { t.add(asm.LoadMem(regA, regCtx, offset, asm.Word)) }
	switch {
	case what == auxInterface && t.hook == HookXDP:
		t.add(asm.LoadMem(regA, regCtx, xdpIngress, asm.Word))
	case what == auxPacketType && t.hook == HookXDP:
		t.add(asm.Mov.Imm32(regA, 0)) // received
	case t.hook == HookXDP:
		return errUntranslated // tags are in the bytes
	case what == auxInterface:
		skb(skbIfindex)
	case what == auxPacketType && t.egress:
		t.add(asm.Mov.Imm32(regA, packetOutgoing))
	case what == auxPacketType:
		skb(skbPacketType)
	case what == auxVLANTag:
		skb(skbVLANTCI)
	case what == auxVLANPresent:
		skb(skbVLANPresent)
	case what == auxVLANProto:
		skb(skbVLANProto)
		t.add(asm.HostTo(asm.BE, regA, asm.Half))
	default:
		return errUntranslated
	}
	return nil
}

func (t *translator) alu(ins cbpf.RawInstruction) error {
	ops := map[uint16]asm.ALUOp{
		0x00: asm.Add, 0x10: asm.Sub, 0x20: asm.Mul, 0x30: asm.Div, 0x40: asm.Or, 0x50: asm.And,
		0x60: asm.LSh, 0x70: asm.RSh, 0x90: asm.Mod, 0xa0: asm.Xor,
	}
	code := ins.Op & 0xf0
	if code == 0x80 {
		t.add(asm.Neg.Imm32(regA, 0))
		return nil
	}
	op, ok := ops[code]
	if !ok {
		return errUntranslated
	}
	if ins.Op&8 == 0 {
		t.add(op.Imm32(regA, int32(ins.K)))
		return nil
	}
	switch code {
	case 0x30, 0x90:
		t.add(asm.JEq.Imm32(regX, 0, filterRefuse))
	case 0x60, 0x70: // a shift by all 32 bits or more leaves nothing
		within, after := t.fresh(), t.fresh()
		t.add(asm.JLE.Imm32(regX, 31, within), asm.Mov.Imm32(regA, 0), asm.Ja.Label(after))
		t.place(within)
		t.add(op.Reg32(regA, regX))
		t.place(after)
		return nil
	}
	t.add(op.Reg32(regA, regX))
	return nil
}

func (t *translator) jump(ins cbpf.RawInstruction, target func(skip int) string) error {
	if ins.Op&0xf0 == 0 {
		t.add(asm.Ja.Label(target(int(ins.K))))
		return nil
	}
	ops := map[uint16]asm.JumpOp{0x10: asm.JEq, 0x20: asm.JGT, 0x30: asm.JGE, 0x40: asm.JSet}
	op, ok := ops[ins.Op&0xf0]
	if !ok {
		return errUntranslated
	}
	yes, no := target(int(ins.Jt)), target(int(ins.Jf))
	if ins.Op&8 == 0 {
		t.add(op.Imm32(regA, int32(ins.K), yes))
	} else {
		t.add(op.Reg32(regA, regX, yes))
	}
	t.add(asm.Ja.Label(no))
	return nil
}
