//go:build linux && (amd64 || arm64)

package sandbox

import (
	"slices"

	"golang.org/x/sys/unix"
)

const (
	prctlSetVMA = 0x53564d41 // PR_SET_VMA: the Go runtime names its memory
	// newNamespaces are the flags of clone(2) that make namespaces.
	newNamespaces = unix.CLONE_NEWNS | unix.CLONE_NEWCGROUP | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC | unix.CLONE_NEWUSER |
		unix.CLONE_NEWPID | unix.CLONE_NEWNET
	tioclinux = 0x541c // ioctl(2) of consoles (asm-generic/ioctls.h)
)

// commonCalls are what a Go program needs that computes, reads files and uses open connections; the
// frequent ones first, for kernels that go through the list each time.
var commonCalls = []uint32{
	unix.SYS_FUTEX, unix.SYS_PPOLL, unix.SYS_READ, unix.SYS_WRITE, unix.SYS_EPOLL_PWAIT, unix.SYS_NANOSLEEP, unix.SYS_MADVISE, unix.SYS_TGKILL,
	unix.SYS_SCHED_YIELD, unix.SYS_RT_SIGRETURN, unix.SYS_RT_SIGPROCMASK, unix.SYS_GETPID, unix.SYS_GETTID,
	unix.SYS_READV, unix.SYS_WRITEV, unix.SYS_PREAD64, unix.SYS_CLOSE, unix.SYS_LSEEK,
	unix.SYS_OPENAT, unix.SYS_OPENAT2, unix.SYS_FSTAT, unix.SYS_STATX, unix.SYS_GETDENTS64, unix.SYS_READLINKAT, unix.SYS_FACCESSAT,
	unix.SYS_FACCESSAT2, unix.SYS_FCNTL, unix.SYS_DUP, unix.SYS_GETCWD,
	unix.SYS_MMAP, unix.SYS_MUNMAP, unix.SYS_MPROTECT, unix.SYS_MREMAP, unix.SYS_BRK, unix.SYS_MINCORE,
	unix.SYS_RT_SIGACTION, unix.SYS_SIGALTSTACK,
	unix.SYS_CLOCK_NANOSLEEP, unix.SYS_CLOCK_GETTIME, unix.SYS_CLOCK_GETRES, unix.SYS_GETTIMEOFDAY,
	unix.SYS_SCHED_GETAFFINITY, unix.SYS_GETPPID, unix.SYS_GETUID, unix.SYS_GETEUID,
	unix.SYS_GETGID, unix.SYS_GETEGID, unix.SYS_UNAME, unix.SYS_GETRUSAGE, unix.SYS_GETRLIMIT, unix.SYS_GETRANDOM, unix.SYS_TIMES,
	unix.SYS_EPOLL_CREATE1, unix.SYS_EPOLL_CTL, unix.SYS_EVENTFD2, unix.SYS_PIPE2,
	unix.SYS_RECVMSG, unix.SYS_SENDMSG, unix.SYS_RECVFROM, unix.SYS_SENDTO, unix.SYS_SHUTDOWN,
	unix.SYS_SET_ROBUST_LIST, unix.SYS_RSEQ, unix.SYS_MEMBARRIER, unix.SYS_RESTART_SYSCALL,
	unix.SYS_TIMER_CREATE, unix.SYS_TIMER_SETTIME, unix.SYS_TIMER_DELETE,
	unix.SYS_EXIT, unix.SYS_EXIT_GROUP,
}

// workerFilter leaves out execve, fork, socket, connect, ptrace, mount, bpf, io_uring and the rest.
func workerFilter() *filter {
	return &filter{
		calls:  slices.Concat(commonCalls, archCalls),
		absent: []uint32{unix.SYS_CLONE3}, // it hides its flags behind a pointer; without it clone is used
		conditions: []conditional{
			{unix.SYS_CLONE, withBit(0, unix.CLONE_THREAD)},
			{unix.SYS_PRCTL, oneOf(0, prctlSetVMA)},
			{unix.SYS_PRLIMIT64, isNull(2)}, // only read
		},
	}
}

// daemonCalls are what the daemon needs besides: it serves and calls over the network, keeps a database,
// and starts and watches workers, which then confine themselves.
var daemonCalls = []uint32{
	// Network.
	unix.SYS_SOCKETPAIR, unix.SYS_CONNECT, unix.SYS_ACCEPT, unix.SYS_ACCEPT4, unix.SYS_BIND, unix.SYS_LISTEN, unix.SYS_GETSOCKNAME,
	unix.SYS_GETPEERNAME, unix.SYS_SETSOCKOPT, unix.SYS_GETSOCKOPT, unix.SYS_SENDMMSG, unix.SYS_RECVMMSG, unix.SYS_SENDFILE, unix.SYS_SPLICE,
	// Files.
	unix.SYS_PWRITE64, unix.SYS_PREADV, unix.SYS_PWRITEV, unix.SYS_FSYNC, unix.SYS_FDATASYNC, unix.SYS_FTRUNCATE, unix.SYS_FALLOCATE,
	unix.SYS_FADVISE64, unix.SYS_UNLINKAT, unix.SYS_RENAMEAT, unix.SYS_RENAMEAT2, unix.SYS_MKDIRAT, unix.SYS_FCHMOD, unix.SYS_FCHMODAT,
	unix.SYS_FCHOWN, unix.SYS_UTIMENSAT, unix.SYS_FLOCK, unix.SYS_STATFS, unix.SYS_FSTATFS, unix.SYS_UMASK, unix.SYS_COPY_FILE_RANGE,
	unix.SYS_DUP3, unix.SYS_MSYNC, unix.SYS_MLOCK, unix.SYS_MUNLOCK, unix.SYS_CLOSE_RANGE, unix.SYS_SYNC_FILE_RANGE,
	// Processes: workers.
	unix.SYS_EXECVE, unix.SYS_WAIT4, unix.SYS_WAITID, unix.SYS_KILL, unix.SYS_PIDFD_OPEN, unix.SYS_PIDFD_SEND_SIGNAL, unix.SYS_CHDIR,
	unix.SYS_SETPGID, unix.SYS_GETPGID, unix.SYS_SETPRIORITY, unix.SYS_GETPRIORITY, unix.SYS_PRLIMIT64, unix.SYS_SETRLIMIT,
	unix.SYS_CAPGET, unix.SYS_CAPSET, unix.SYS_SECCOMP, unix.SYS_LANDLOCK_CREATE_RULESET, unix.SYS_LANDLOCK_ADD_RULE, unix.SYS_LANDLOCK_RESTRICT_SELF,
	unix.SYS_SET_TID_ADDRESS, unix.SYS_GETGROUPS, unix.SYS_GETSID,
	// The rest: profiles, and what the C library asks.
	unix.SYS_SETITIMER, unix.SYS_GETITIMER, unix.SYS_TIMER_GETTIME, unix.SYS_RT_SIGTIMEDWAIT, unix.SYS_RT_SIGPENDING, unix.SYS_RT_SIGQUEUEINFO,
	unix.SYS_SYSINFO, unix.SYS_GETCPU, unix.SYS_SCHED_SETAFFINITY, unix.SYS_SCHED_GETPARAM, unix.SYS_SCHED_GETSCHEDULER, unix.SYS_PSELECT6,
	unix.SYS_TIMERFD_CREATE, unix.SYS_TIMERFD_SETTIME, unix.SYS_TIMERFD_GETTIME, unix.SYS_GET_ROBUST_LIST, unix.SYS_PROCESS_MADVISE,
	unix.SYS_INOTIFY_INIT1, unix.SYS_INOTIFY_ADD_WATCH, unix.SYS_INOTIFY_RM_WATCH,
}

// daemonFilter leaves out what a daemon has no business with: other users, namespaces, mounts, modules,
// tracing, keys, io_uring, new kinds of sockets (packet sockets above all), and bpf(2) unless asked for.
func daemonFilter(withBPF bool) *filter {
	f := &filter{
		calls:  slices.Concat(commonCalls, daemonCalls, archCalls, archDaemonCalls),
		absent: []uint32{unix.SYS_CLONE3},
		conditions: []conditional{
			{unix.SYS_CLONE, withoutBits(0, newNamespaces)},
			{unix.SYS_SOCKET, oneOf(0, unix.AF_UNIX, unix.AF_INET, unix.AF_INET6, unix.AF_NETLINK, unix.AF_VSOCK)},
			// TIOCSTI and TIOCLINUX put words into the mouth of the terminal's user.
			{unix.SYS_IOCTL, noneOf(1, unix.TIOCSTI, tioclinux)},
			{unix.SYS_PRCTL, oneOf(0, prctlSetVMA, unix.PR_SET_PDEATHSIG, unix.PR_SET_DUMPABLE, unix.PR_GET_DUMPABLE, unix.PR_SET_NAME, unix.PR_GET_NAME,
				unix.PR_SET_NO_NEW_PRIVS, unix.PR_GET_NO_NEW_PRIVS, unix.PR_CAPBSET_READ, unix.PR_CAPBSET_DROP, unix.PR_CAP_AMBIENT, unix.PR_GET_SECCOMP)},
		},
	}
	if withBPF {
		f.calls = append(f.calls, unix.SYS_BPF)
	}
	return f
}
