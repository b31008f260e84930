//go:build linux && (amd64 || arm64)

package engine

import (
	"runtime"
	"slices"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// allowedCalls are what a Go program needs that computes, reads files and uses an open connection. All
// others fail with EPERM, which hurts less than a kill where a later Go version tries something new:
// execve, fork, socket, connect, ptrace, mount, bpf, io_uring and the rest. clone is for threads only.
var allowedCalls = []uint32{
	unix.SYS_READ, unix.SYS_WRITE, unix.SYS_READV, unix.SYS_WRITEV, unix.SYS_PREAD64, unix.SYS_CLOSE, unix.SYS_LSEEK,
	unix.SYS_OPENAT, unix.SYS_OPENAT2, unix.SYS_FSTAT, unix.SYS_STATX, unix.SYS_GETDENTS64, unix.SYS_READLINKAT, unix.SYS_FACCESSAT,
	unix.SYS_FACCESSAT2, unix.SYS_FCNTL, unix.SYS_DUP, unix.SYS_GETCWD,
	unix.SYS_MMAP, unix.SYS_MUNMAP, unix.SYS_MPROTECT, unix.SYS_MREMAP, unix.SYS_MADVISE, unix.SYS_BRK, unix.SYS_MINCORE,
	unix.SYS_RT_SIGACTION, unix.SYS_RT_SIGPROCMASK, unix.SYS_RT_SIGRETURN, unix.SYS_SIGALTSTACK, unix.SYS_TGKILL,
	unix.SYS_FUTEX, unix.SYS_NANOSLEEP, unix.SYS_CLOCK_NANOSLEEP, unix.SYS_CLOCK_GETTIME, unix.SYS_CLOCK_GETRES, unix.SYS_GETTIMEOFDAY,
	unix.SYS_SCHED_YIELD, unix.SYS_SCHED_GETAFFINITY, unix.SYS_GETPID, unix.SYS_GETPPID, unix.SYS_GETTID, unix.SYS_GETUID, unix.SYS_GETEUID,
	unix.SYS_GETGID, unix.SYS_GETEGID, unix.SYS_UNAME, unix.SYS_GETRUSAGE, unix.SYS_GETRLIMIT, unix.SYS_GETRANDOM, unix.SYS_TIMES,
	unix.SYS_EPOLL_CREATE1, unix.SYS_EPOLL_CTL, unix.SYS_EPOLL_PWAIT, unix.SYS_EVENTFD2, unix.SYS_PIPE2, unix.SYS_PPOLL,
	unix.SYS_RECVMSG, unix.SYS_SENDMSG, unix.SYS_RECVFROM, unix.SYS_SENDTO, unix.SYS_SHUTDOWN,
	unix.SYS_SET_ROBUST_LIST, unix.SYS_RSEQ, unix.SYS_MEMBARRIER, unix.SYS_RESTART_SYSCALL,
	unix.SYS_TIMER_CREATE, unix.SYS_TIMER_SETTIME, unix.SYS_TIMER_DELETE,
	unix.SYS_EXIT, unix.SYS_EXIT_GROUP,
}

// Places in struct seccomp_data (linux/seccomp.h).
const (
	seccompNumber   = 0
	seccompArch     = 4
	seccompFirstArg = 16 // its low 32 bits
	seccompThirdLow = 32
	seccompDenied   = unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)
	seccompAbsent   = unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)
	prctlSetVMA     = 0x53564d41 // PR_SET_VMA: the Go runtime names its memory
	x32Bit          = 0x40000000 // of the number of a system call of the x32 ABI
)

// systemCallFilter is the program for this architecture.
func systemCallFilter() []bpf.Instruction {
	calls := slices.Concat(allowedCalls, archCalls)
	program := []bpf.Instruction{
		bpf.LoadAbsolute{Off: seccompArch, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: auditArch, SkipTrue: 1},
		bpf.RetConstant{Val: unix.SECCOMP_RET_KILL_PROCESS},
		bpf.LoadAbsolute{Off: seccompNumber, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpLessThan, Val: x32Bit, SkipTrue: 1},
		bpf.RetConstant{Val: seccompDenied},
		// clone3 hides its flags behind a pointer; without it clone is used.
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.SYS_CLONE3, SkipTrue: 1},
		bpf.RetConstant{Val: seccompAbsent},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.SYS_CLONE, SkipTrue: 4},
		bpf.LoadAbsolute{Off: seccompFirstArg, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpBitsSet, Val: unix.CLONE_THREAD, SkipTrue: 1},
		bpf.RetConstant{Val: seccompDenied},
		bpf.RetConstant{Val: unix.SECCOMP_RET_ALLOW},
		// prctl only to name memory, prlimit64 only to read: a new limit is the third argument.
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.SYS_PRCTL, SkipTrue: 4},
		bpf.LoadAbsolute{Off: seccompFirstArg, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: prctlSetVMA, SkipTrue: 1},
		bpf.RetConstant{Val: seccompDenied},
		bpf.RetConstant{Val: unix.SECCOMP_RET_ALLOW},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.SYS_PRLIMIT64, SkipTrue: 6},
		bpf.LoadAbsolute{Off: seccompThirdLow, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 0, SkipTrue: 3},
		bpf.LoadAbsolute{Off: seccompThirdLow + 4, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 0, SkipTrue: 1},
		bpf.RetConstant{Val: unix.SECCOMP_RET_ALLOW},
		bpf.RetConstant{Val: seccompDenied},
	}
	for i, nr := range calls {
		program = append(program, bpf.JumpIf{Cond: bpf.JumpEqual, Val: nr, SkipTrue: uint8(len(calls) - i)})
	}
	return append(program,
		bpf.RetConstant{Val: seccompDenied},
		bpf.RetConstant{Val: unix.SECCOMP_RET_ALLOW})
}

// filterSystemCalls installs the filter; without it the other limits hold.
func filterSystemCalls() {
	raw, err := bpf.Assemble(systemCallFilter())
	if err != nil {
		return
	}
	filters := make([]unix.SockFilter, len(raw))
	for i, r := range raw {
		filters[i] = unix.SockFilter{Code: r.Op, Jt: r.Jt, Jf: r.Jf, K: r.K}
	}
	_ = installFilter(filters)
	runtime.KeepAlive(filters)
}
