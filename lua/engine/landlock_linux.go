package engine

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// createRuleset makes a Landlock ruleset; the size of attr tells the kernel which fields are known.
func createRuleset(attr *unix.LandlockRulesetAttr, abi int) (fd int, err error) {
	size := unsafe.Offsetof(attr.Handled_access_net)
	switch {
	case abi >= 6:
		size = unsafe.Offsetof(attr.Quiet_access_fs)
	case abi >= 4:
		size = unsafe.Offsetof(attr.Scoped)
	}
	r, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(attr)), size, 0)
	if errno != 0 {
		return -1, errno
	}
	return int(r), nil
}

// allowPath allows rights on a file, or on all below a folder; a path that is not there is left out.
func allowPath(ruleset int, path string, rights uint64) {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if unix.Fstat(fd, &st) == nil && st.Mode&unix.S_IFMT != unix.S_IFDIR {
		rights &^= unix.LANDLOCK_ACCESS_FS_READ_DIR // not a right of files
	}
	rule := unix.LandlockPathBeneathAttr{Allowed_access: rights, Parent_fd: int32(fd)}
	_, _, _ = unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, uintptr(ruleset), unix.LANDLOCK_RULE_PATH_BENEATH, uintptr(unsafe.Pointer(&rule)), 0, 0, 0)
}

// installFilter puts a system call filter on all threads (Linux 3.17).
func installFilter(program []unix.SockFilter) error {
	prog := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&prog)))
	if errno != 0 {
		return errno
	}
	return nil
}
