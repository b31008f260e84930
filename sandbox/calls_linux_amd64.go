package sandbox

import "golang.org/x/sys/unix"

const auditArch = unix.AUDIT_ARCH_X86_64

// archCalls are the older calls that amd64 has besides; archDaemonCalls those of the daemon.
var (
	archCalls = []uint32{
		unix.SYS_OPEN, unix.SYS_STAT, unix.SYS_LSTAT, unix.SYS_NEWFSTATAT, unix.SYS_READLINK, unix.SYS_ACCESS, unix.SYS_POLL,
		unix.SYS_EPOLL_WAIT, unix.SYS_EPOLL_CREATE, unix.SYS_ARCH_PRCTL, unix.SYS_TIME,
	}
	archDaemonCalls = []uint32{
		unix.SYS_UNLINK, unix.SYS_RENAME, unix.SYS_MKDIR, unix.SYS_RMDIR, unix.SYS_CHMOD, unix.SYS_DUP2, unix.SYS_PIPE, unix.SYS_SELECT,
		unix.SYS_UTIME, unix.SYS_UTIMES, unix.SYS_VFORK, unix.SYS_FORK, unix.SYS_GETDENTS, unix.SYS_ALARM, unix.SYS_GETPGRP,
	}
)
