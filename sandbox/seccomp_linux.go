package sandbox

import (
	"errors"
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// A filter is an allow-list: what a later version of Go or of a library tries beyond it fails with an
// error, which hurts less than a kill, and what is not on it stays out whatever calls a kernel adds.
// Since Linux 5.11 the kernel keeps the calls that are allowed whatever their arguments in a bitmap, so
// that the length of the list costs nothing (BenchmarkFilter).
type filter struct {
	calls      []uint32      // allowed
	conditions []conditional // decided by their arguments
	absent     []uint32      // as if the kernel did not have them, so that the caller tries another
}

// A conditional call is decided by code, all paths of which return.
type conditional struct {
	call uint32
	code []bpf.Instruction
}

// Places in struct seccomp_data (linux/seccomp.h): arguments are 64 bit, low half first on the
// architectures that have a list.
const (
	seccompNumber = 0
	seccompArch   = 4
	seccompArgs   = 16

	seccompDenied = unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)
	seccompAbsent = unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)
	x32Bit        = 0x40000000 // of the number of a system call of the x32 ABI
	// newestCall is the highest number when the lists were made (file_setattr, Linux 6.17). What comes
	// later is answered as an older kernel would.
	newestCall = 469
)

func low(arg int) bpf.LoadAbsolute {
	return bpf.LoadAbsolute{Off: uint32(seccompArgs + 8*arg), Size: 4}
}
func high(arg int) bpf.LoadAbsolute {
	return bpf.LoadAbsolute{Off: uint32(seccompArgs + 8*arg + 4), Size: 4}
}

// oneOf allows a call whose argument's low half is in values.
func oneOf(arg int, values ...uint32) []bpf.Instruction {
	return inOrOut(arg, values, unix.SECCOMP_RET_ALLOW, seccompDenied)
}

// noneOf is the other way round.
func noneOf(arg int, values ...uint32) []bpf.Instruction {
	return inOrOut(arg, values, seccompDenied, unix.SECCOMP_RET_ALLOW)
}

func inOrOut(arg int, values []uint32, in, out uint32) []bpf.Instruction {
	code := []bpf.Instruction{low(arg)}
	for _, v := range values {
		code = append(code, bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: v, SkipTrue: 1}, bpf.RetConstant{Val: in})
	}
	return append(code, bpf.RetConstant{Val: out})
}

// withoutBits allows a call whose argument's low half has none of mask, withBit one that has the bit.
func withoutBits(arg int, mask uint32) []bpf.Instruction {
	return []bpf.Instruction{low(arg), bpf.JumpIf{Cond: bpf.JumpBitsSet, Val: mask, SkipFalse: 1},
		bpf.RetConstant{Val: seccompDenied}, bpf.RetConstant{Val: unix.SECCOMP_RET_ALLOW}}
}

func withBit(arg int, bit uint32) []bpf.Instruction {
	return []bpf.Instruction{low(arg), bpf.JumpIf{Cond: bpf.JumpBitsSet, Val: bit, SkipTrue: 1},
		bpf.RetConstant{Val: seccompDenied}, bpf.RetConstant{Val: unix.SECCOMP_RET_ALLOW}}
}

// isNull allows a call whose argument is 0.
func isNull(arg int) []bpf.Instruction {
	return []bpf.Instruction{
		low(arg), bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 0, SkipTrue: 3},
		high(arg), bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 0, SkipTrue: 1},
		bpf.RetConstant{Val: unix.SECCOMP_RET_ALLOW}, bpf.RetConstant{Val: seccompDenied},
	}
}

// program is f for the architecture arch (linux/audit.h).
func (f *filter) program(arch uint32) []bpf.Instruction {
	p := []bpf.Instruction{
		bpf.LoadAbsolute{Off: seccompArch, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: arch, SkipTrue: 1},
		bpf.RetConstant{Val: unix.SECCOMP_RET_KILL_PROCESS},
		bpf.LoadAbsolute{Off: seccompNumber, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpLessThan, Val: x32Bit, SkipTrue: 1},
		bpf.RetConstant{Val: seccompDenied},
	}
	answer := func(calls []uint32, with uint32) {
		for _, nr := range calls {
			p = append(p, bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: nr, SkipTrue: 1}, bpf.RetConstant{Val: with})
		}
	}
	answer(f.calls, unix.SECCOMP_RET_ALLOW)
	answer(f.absent, seccompAbsent)
	for _, c := range f.conditions {
		p = append(p, bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: c.call, SkipTrue: uint8(len(c.code))})
		p = append(p, c.code...)
	}
	return append(p,
		bpf.JumpIf{Cond: bpf.JumpGreaterThan, Val: newestCall, SkipTrue: 1},
		bpf.RetConstant{Val: seccompDenied},
		bpf.RetConstant{Val: seccompAbsent})
}

// installFilter puts f on all threads of the process (Linux 3.17), and on what it executes.
func installFilter(f *filter) error {
	if f == nil {
		return fmt.Errorf("%w: no list for %s", ErrUnsupported, runtime.GOARCH)
	}
	raw, err := bpf.Assemble(f.program(auditArch))
	if err != nil {
		return fmt.Errorf("assemble: %w", err)
	}
	filters := make([]unix.SockFilter, len(raw))
	for i, r := range raw {
		filters[i] = unix.SockFilter{Code: r.Op, Jt: r.Jt, Jf: r.Jf, K: r.K}
	}
	prog := unix.SockFprog{Len: uint16(len(filters)), Filter: &filters[0]}
	tid, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&prog)))
	runtime.KeepAlive(filters)
	switch {
	case errno != 0:
		return errno
	case tid != 0:
		return errors.New("a thread has a filter of its own")
	}
	return nil
}
