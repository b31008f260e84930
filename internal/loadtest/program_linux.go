package loadtest

import (
	"encoding/binary"

	"github.com/cilium/ebpf/asm"
)

// Offsets in the generator's state, u64 each. Times are the kernel's monotonic clock, ns.
const (
	stateFlow     = 0  // of the frame made last
	stateLeft     = 8  // frames until the next round, 1 at least
	stateRound    = 16 // that the frame made last belongs to
	stateSent     = 24
	stateQuota    = 32 // frames that may still be made
	stateInterval = 40 // between two frames, in 256ths of a ns; 0 is none
	stateNext     = 48 // when the next frame is due, in 256ths of a ns
	stateFirst    = 56 // time of the first frame since it was set to 0
	stateLast     = 64 // time of the frame made last
	stateLen      = 72

	timeShift = 8
	// maxLate is how far behind its schedule the generator may be, ns; beyond, it begins a new one, so
	// that it never sends faster to make up for time that others took.
	maxLate = 1_000_000
)

func putState(b []byte, off int, v uint64) { binary.NativeEndian.PutUint64(b[off:], v) }
func getState(b []byte, off int) uint64    { return binary.NativeEndian.Uint64(b[off:]) }

const xdpAborted, xdpDrop, xdpPass = 0, 1, 2 // enum xdp_action

func passProgram() asm.Instructions {
	return asm.Instructions{asm.Mov.Imm(asm.R0, xdpPass), asm.Return()}
}

// program fills each frame in that is due, and redirects it to interface out; one that is not due is
// dropped, and the kernel asks again at once. It runs on one processor at a time, which is what makes
// the plain additions to the state right.
func (t Traffic) program(state, out int) asm.Instructions {
	const (
		data, left, local, remote = asm.R6, asm.R1, asm.R1, asm.R4
		localPort, remotePort     = asm.R2, asm.R5
		tmp, round, st, flow      = asm.R3, asm.R8, asm.R9, asm.R0
	)
	payload := int32(t.Size - tcpPayload)
	be16 := func(n int) int64 { return int64(n>>8&0xff | n&0xff<<8) }
	return asm.Instructions{
		asm.Mov.Reg(asm.R6, asm.R1),
		asm.LoadMapValue(st, state, 0),

		// Is a frame due?
		asm.LoadMem(asm.R7, st, stateQuota, asm.DWord),
		asm.JEq.Imm(asm.R7, 0, "not due"),
		asm.FnKtimeGetNs.Call(),
		asm.Mov.Reg(asm.R1, asm.R0),
		asm.LSh.Imm(asm.R1, timeShift),
		asm.LoadMem(asm.R3, st, stateNext, asm.DWord),
		asm.JLT.Reg(asm.R1, asm.R3, "not due"),
		asm.Mov.Reg(asm.R4, asm.R3),
		asm.Add.Imm(asm.R4, maxLate<<timeShift),
		asm.JGE.Reg(asm.R4, asm.R1, "on time"),
		asm.Mov.Reg(asm.R3, asm.R1),
		asm.LoadMem(asm.R2, st, stateInterval, asm.DWord).WithSymbol("on time"),
		asm.Add.Reg(asm.R3, asm.R2),
		asm.StoreMem(st, stateNext, asm.R3, asm.DWord),
		asm.Sub.Imm(asm.R7, 1),
		asm.StoreMem(st, stateQuota, asm.R7, asm.DWord),
		asm.StoreMem(st, stateLast, asm.R0, asm.DWord),
		asm.LoadMem(asm.R2, st, stateFirst, asm.DWord),
		asm.JNE.Imm(asm.R2, 0, "not the first"),
		asm.StoreMem(st, stateFirst, asm.R0, asm.DWord),

		asm.Mov.Reg(asm.R1, asm.R6).WithSymbol("not the first"),
		asm.LoadMem(data, asm.R1, 0, asm.Word),
		asm.LoadMem(asm.R7, asm.R1, 4, asm.Word),
		asm.Mov.Reg(asm.R2, data),
		asm.Add.Imm(asm.R2, minSize),
		asm.JGT.Reg(asm.R2, asm.R7, "short"),

		// Which flow, and which round of it.
		asm.LoadMem(flow, st, stateFlow, asm.DWord),
		asm.LoadMem(left, st, stateLeft, asm.DWord),
		asm.LoadMem(round, st, stateRound, asm.DWord),
		asm.Sub.Imm(left, 1),
		asm.JNE.Imm(left, 0, "same round"),
		asm.Mov.Imm(left, int32(t.Flows)),
		asm.Add.Imm(round, 1),
		asm.StoreMem(st, stateLeft, left, asm.DWord).WithSymbol("same round"),
		asm.StoreMem(st, stateRound, round, asm.DWord),
		asm.Add.Imm(flow, int32(t.step())),
		asm.JLT.Imm(flow, int32(t.Flows), "in range"),
		asm.Sub.Imm(flow, int32(t.Flows)),
		asm.StoreMem(st, stateFlow, flow, asm.DWord).WithSymbol("in range"),
		asm.LoadMem(tmp, st, stateSent, asm.DWord),
		asm.Add.Imm(tmp, 1),
		asm.StoreMem(st, stateSent, tmp, asm.DWord),

		// Its two ends.
		asm.Mov.Reg(local, flow),
		asm.Mod.Imm(local, int32(t.Networks)),
		asm.LSh.Imm(local, 8),
		asm.Mov.Reg(localPort, flow),
		asm.Div.Imm(localPort, int32(t.Networks)),
		asm.Mov.Reg(tmp, localPort),
		asm.Mod.Imm(tmp, hostsANetwork),
		asm.Add.Imm(tmp, 1),
		asm.Or.Reg(local, tmp),
		asm.Or.Imm(local, 10<<24),
		asm.HostTo(asm.BE, local, asm.Word),
		asm.Div.Imm(localPort, hostsANetwork),
		asm.Mod.Imm(localPort, portsAHost),
		asm.Add.Imm(localPort, firstPort),
		asm.HostTo(asm.BE, localPort, asm.Half),
		asm.Mov.Reg(remote, flow),
		asm.Mod.Imm(remote, hostsANetwork),
		asm.Or.Imm(remote, 113<<8),
		asm.Mov.Imm(tmp, 203), // 203.0.113.host, which is more than a signed operand holds
		asm.LSh.Imm(tmp, 24),
		asm.Or.Reg(remote, tmp),
		asm.HostTo(asm.BE, remote, asm.Word),
		asm.Mov.Imm(remotePort, portTLS),
		asm.Mov.Reg(tmp, flow),
		asm.Mod.Imm(tmp, 10),
		asm.JLT.Imm(tmp, 7, "port known"),
		asm.Mov.Imm(remotePort, portUnknown),
		asm.HostTo(asm.BE, remotePort, asm.Half).WithSymbol("port known"),

		// Its direction: who sends.
		asm.Mov.Reg(tmp, round),
		asm.Add.Reg(tmp, flow),
		asm.And.Imm(tmp, 1),
		asm.JEq.Imm(tmp, 0, "from local"),
		asm.StoreMem(data, 26, remote, asm.Word),
		asm.StoreMem(data, 30, local, asm.Word),
		asm.StoreMem(data, 34, remotePort, asm.Half),
		asm.StoreMem(data, 36, localPort, asm.Half),
		asm.Ja.Label("transport"),
		asm.StoreMem(data, 26, local, asm.Word).WithSymbol("from local"),
		asm.StoreMem(data, 30, remote, asm.Word),
		asm.StoreMem(data, 34, localPort, asm.Half),
		asm.StoreMem(data, 36, remotePort, asm.Half),

		asm.Mod.Imm(flow, 10).WithSymbol("transport"),
		asm.JGT.Imm(flow, 6, "udp"),
		asm.StoreImm(data, 23, 6, asm.Byte),
		// A direction sends in every other round.
		asm.Mov.Reg(tmp, round),
		asm.RSh.Imm(tmp, 1),
		asm.Mul.Imm(tmp, payload),
		asm.HostTo(asm.BE, tmp, asm.Word),
		asm.StoreMem(data, 38, tmp, asm.Word), // sequence number
		asm.Mov.Reg(tmp, round),
		asm.Add.Imm(tmp, 1),
		asm.RSh.Imm(tmp, 1),
		asm.Mul.Imm(tmp, payload),
		asm.HostTo(asm.BE, tmp, asm.Word),
		asm.StoreMem(data, 42, tmp, asm.Word), // acknowledgement
		asm.StoreImm(data, 46, be16(0x5018), asm.Half),
		asm.StoreImm(data, 48, be16(0xffff), asm.Half), // window
		asm.StoreImm(data, 50, 0, asm.Word),            // checksum, which nobody looks at, and urgent pointer
		asm.StoreImm(data, 54, be16(0x1603), asm.Half), // TLS handshake record
		asm.StoreImm(data, 56, be16(0x0305), asm.Half),
		asm.StoreImm(data, 58, be16(0x6e00), asm.Half),
		asm.Ja.Label("send"),

		asm.StoreImm(data, 23, 17, asm.Byte).WithSymbol("udp"),
		asm.StoreImm(data, 38, be16(t.Size-ethernet-20), asm.Half),
		asm.StoreImm(data, 40, 0, asm.Half),
		asm.StoreImm(data, 42, 0, asm.Word),
		asm.StoreImm(data, 46, 0, asm.Word),
		asm.StoreImm(data, 50, 0, asm.Word),
		asm.StoreImm(data, 54, 0, asm.Word),
		asm.StoreImm(data, 58, 0, asm.Half),

		asm.Mov.Imm(asm.R1, int32(out)).WithSymbol("send"),
		asm.Mov.Imm(asm.R2, 0),
		asm.FnRedirect.Call(),
		asm.Return(),

		asm.Mov.Imm(asm.R0, xdpDrop).WithSymbol("not due"),
		asm.Return(),

		asm.Mov.Imm(asm.R0, xdpAborted).WithSymbol("short"),
		asm.Return(),
	}
}
