package sandbox

import (
	"debug/elf"
	"errors"
	"fmt"
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"
	"kernel.org/pub/linux/libs/security/libcap/psx"
)

// Rights of Landlock by the first version of its ABI (kernel documentation, userspace-api/landlock).
var landlockRights = []struct {
	abi    int
	rights uint64
}{
	{1, 1<<13 - 1}, // execute, write, read, read_dir, remove, make
	{2, unix.LANDLOCK_ACCESS_FS_REFER},
	{3, unix.LANDLOCK_ACCESS_FS_TRUNCATE},
	{5, unix.LANDLOCK_ACCESS_FS_IOCTL_DEV},
}

const (
	landlockRead    = unix.LANDLOCK_ACCESS_FS_READ_FILE
	landlockReadDir = unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_READ_DIR
	landlockExecute = unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_EXECUTE
	// landlockWrite makes, changes, moves and removes files and folders, and nothing else.
	landlockWrite = landlockReadDir | unix.LANDLOCK_ACCESS_FS_WRITE_FILE | unix.LANDLOCK_ACCESS_FS_REMOVE_DIR |
		unix.LANDLOCK_ACCESS_FS_REMOVE_FILE | unix.LANDLOCK_ACCESS_FS_MAKE_DIR | unix.LANDLOCK_ACCESS_FS_MAKE_REG |
		unix.LANDLOCK_ACCESS_FS_REFER | unix.LANDLOCK_ACCESS_FS_TRUNCATE
	landlockNull = unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_WRITE_FILE
	// landlockFile are the rights that a rule on a file, not a folder, may have.
	landlockFile = unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_WRITE_FILE | unix.LANDLOCK_ACCESS_FS_EXECUTE |
		unix.LANDLOCK_ACCESS_FS_TRUNCATE | unix.LANDLOCK_ACCESS_FS_IOCTL_DEV
)

// ownProgram is the program that runs, also when its file was replaced since: a worker is of the
// daemon's own version.
const ownProgram = "/proc/self/exe"

// systemFiles are what a Go program, a C library and TLS read of their own will. /proc shows little of
// others: Landlock refuses what ptrace(2) would have to allow.
var systemFiles = []string{
	"/etc/hosts", "/etc/resolv.conf", "/run/systemd/resolve", "/etc/nsswitch.conf", "/etc/host.conf", "/etc/gai.conf",
	"/etc/services", "/etc/protocols", "/etc/localtime", "/usr/share/zoneinfo",
	"/etc/ssl/certs", "/etc/ssl/cert.pem", "/etc/pki/tls", "/etc/pki/ca-trust", "/usr/share/ca-certificates", "/usr/local/share/ca-certificates",
	"/proc", "/sys/class/net", "/sys/devices", "/sys/kernel/mm/transparent_hugepage", "/sys/fs/cgroup", "/dev/urandom", "/dev/random",
}

// libraries is what a program that is not static needs.
var libraries = []string{"/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib"}

// A fileRule allows rights on a file, or on all below a folder.
type fileRule struct {
	path   string
	rights uint64
}

// A fileSet is what can be reached from now on.
type fileSet struct {
	rules  []fileRule
	noTCP  bool // no port is bound and no connection made (ABI 4)
	scopes bool // no signals to, and no abstract sockets of, what is outside (ABI 6)
}

func (f *fileSet) allow(rights uint64, paths ...string) {
	for _, p := range paths {
		f.rules = append(f.rules, fileRule{p, rights})
	}
}

// allowOwn lets the process execute its own program.
func (f *fileSet) allowOwn() {
	f.allow(landlockExecute, ownProgram)
	if dynamic(ownProgram) { // a build with cgo: its loader and libraries
		f.allow(landlockExecute|landlockReadDir, libraries...)
		f.allow(landlockRead, "/etc/ld.so.cache")
	}
}

// files are the rules of p.
func (p *Policy) files() *fileSet {
	f := &fileSet{}
	f.allow(landlockReadDir, systemFiles...)
	f.allow(landlockNull, "/dev/null")
	f.allow(landlockReadDir, p.Read...)
	f.allow(landlockWrite, p.Write...)
	if p.Own {
		f.allowOwn()
	}
	return f
}

// landlockABI is the version of Landlock in this kernel, 0 for none: before Linux 5.13, or switched off.
func landlockABI() int {
	abi, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 {
		return 0
	}
	return int(abi)
}

// Who is restricted.
const (
	thisThread = iota
	allThreadsOf
)

// restrictFiles restricts this thread and what it executes, or all threads. With all threads each has a
// domain of its own, so that one could not signal what another has started: no scopes for those.
func restrictFiles(f *fileSet, abi, who int) error {
	var attr unix.LandlockRulesetAttr
	for _, r := range landlockRights {
		if abi >= r.abi {
			attr.Handled_access_fs |= r.rights
		}
	}
	if f.noTCP && abi >= 4 {
		attr.Handled_access_net = unix.LANDLOCK_ACCESS_NET_BIND_TCP | unix.LANDLOCK_ACCESS_NET_CONNECT_TCP
	}
	if f.scopes && abi >= 6 {
		attr.Scoped = unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | unix.LANDLOCK_SCOPE_SIGNAL
	}
	ruleset, err := createRuleset(&attr, abi)
	if err != nil {
		return fmt.Errorf("create ruleset: %w", err)
	}
	defer unix.Close(ruleset)
	for _, r := range f.rules {
		if err := allowPath(ruleset, r.path, r.rights&attr.Handled_access_fs); err != nil {
			return fmt.Errorf("allow %s: %w", r.path, err)
		}
	}
	var errno error
	if who == allThreadsOf {
		if _, _, e := psx.Syscall3(unix.SYS_LANDLOCK_RESTRICT_SELF, uintptr(ruleset), 0, 0); e != 0 {
			errno = e
		}
	} else if _, _, e := unix.Syscall(unix.SYS_LANDLOCK_RESTRICT_SELF, uintptr(ruleset), 0, 0); e != 0 {
		errno = e
	}
	if errno != nil {
		return fmt.Errorf("restrict: %w", errno)
	}
	return nil
}

// createRuleset makes a ruleset; the size of attr tells the kernel which fields are known.
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

// allowPath allows rights on a file, or on all below a folder; a path that is not there, or that this
// process may not even see, is left out.
func allowPath(ruleset int, path string, rights uint64) error {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.EACCES) {
		return nil
	}
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		rights &= landlockFile
	}
	rule := unix.LandlockPathBeneathAttr{Allowed_access: rights, Parent_fd: int32(fd)}
	if _, _, errno := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, uintptr(ruleset), unix.LANDLOCK_RULE_PATH_BENEATH, uintptr(unsafe.Pointer(&rule)), 0, 0, 0); errno != 0 {
		return errno
	}
	return nil
}

// dynamic reports whether a program needs a loader.
func dynamic(exe string) bool {
	f, err := elf.Open(exe)
	if err != nil {
		return true
	}
	defer f.Close()
	return slices.ContainsFunc(f.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP })
}
