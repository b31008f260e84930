package sandbox

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"slices"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
	"kernel.org/pub/linux/libs/security/libcap/psx"
)

// Enter gives up, on all threads and for good, what p does not name: in this order the way to new
// privileges, the bounding set, the user, the capabilities, files and system calls. What the kernel does
// not have is left out and told in Status.Missing. An error means that the process must not go on: it
// stands between the two.
//
// Capabilities are needed to open packet sockets, low ports, rings and BPF programs. To rebind a packet
// socket, to change its filter, its fanout group or promiscuous mode, and to read counters of a network
// card none is.
func Enter(p *Policy) (*Status, error) {
	for _, dir := range p.Write {
		if st, err := os.Stat(dir); err != nil {
			return nil, fmt.Errorf("sandbox: %w", err)
		} else if !st.IsDir() {
			return nil, fmt.Errorf("sandbox: %s is no folder", dir)
		}
	}
	id, err := identityOf(p.User)
	if err != nil {
		return nil, err
	}
	if err := allThreads("set no_new_privs", unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0); err != nil {
		return nil, err // Linux 3.5
	}
	s := &Status{NoNewPrivs: true}
	if err := emptyBoundingSet(); err != nil {
		return nil, err
	}
	if id != nil {
		if err := id.become(len(p.Keep) > 0); err != nil {
			return nil, err
		}
	}
	s.UID, s.GID = os.Geteuid(), os.Getegid()
	abi := landlockABI()
	if err := p.dropCapabilities(s, abi > 0); err != nil {
		return nil, err
	}
	if err := p.checkAccess(); err != nil {
		return nil, err
	}
	if abi > 0 {
		if err := restrictFiles(p.files(), abi, allThreadsOf); err != nil {
			return nil, fmt.Errorf("sandbox: landlock: %w", err)
		}
		s.LandlockABI = abi
	} else {
		s.Missing = append(s.Missing, "Landlock (Linux 5.13, and in the kernel's list of security modules; or a container forbids it): files are guarded by user and group alone")
	}
	if abi == 1 || abi == 2 {
		s.Missing = append(s.Missing, "truncation in Landlock (Linux 6.2): files outside the data directory can be emptied where user and group allow it")
	}
	switch err := installFilter(daemonFilter(p.BPF)); {
	case err == nil:
		s.Seccomp = true
	case errors.Is(err, ErrUnsupported), errors.Is(err, unix.EINVAL), errors.Is(err, unix.ENOSYS), errors.Is(err, unix.EPERM):
		s.Missing = append(s.Missing, "a system call filter (Linux 3.17 with CONFIG_SECCOMP_FILTER, on amd64 and arm64; or a container forbids it): every system call is allowed but those that are forbidden already")
	default:
		return nil, fmt.Errorf("sandbox: system call filter: %w", err)
	}
	return s, nil
}

// allThreads makes one system call on every thread. All must answer alike, else the process is killed.
func allThreads(what string, nr, a, b, c uintptr) error {
	if _, _, errno := psx.Syscall6(nr, a, b, c, 0, 0, 0); errno != 0 {
		return fmt.Errorf("sandbox: %s: %w", what, errno)
	}
	return nil
}

// An identity is a user to become.
type identity struct {
	uid, gid int
	groups   []int
	name     string
}

// identityOf looks name up; nil for an empty one.
func identityOf(name string) (*identity, error) {
	if name == "" {
		return nil, nil
	}
	u, err := user.Lookup(name)
	if err != nil {
		if u, err = user.LookupId(name); err != nil {
			return nil, fmt.Errorf("sandbox: no user %q", name)
		}
	}
	id := &identity{name: u.Username}
	if id.uid, err = strconv.Atoi(u.Uid); err == nil {
		id.gid, err = strconv.Atoi(u.Gid)
	}
	if err != nil {
		return nil, fmt.Errorf("sandbox: user %s: %w", name, err)
	}
	groups, err := u.GroupIds()
	if err != nil {
		return nil, fmt.Errorf("sandbox: groups of user %s: %w", name, err)
	}
	for _, g := range groups {
		if n, err := strconv.Atoi(g); err == nil {
			id.groups = append(id.groups, n)
		}
	}
	return id, nil
}

// UserIDs are the numbers of a user and of its group.
func UserIDs(name string) (uid, gid int, err error) {
	id, err := identityOf(name)
	if err != nil || id == nil {
		return 0, 0, err
	}
	return id.uid, id.gid, nil
}

// become changes the user of all threads, which empties their capabilities unless keep is set.
func (id *identity) become(keep bool) error {
	if os.Geteuid() == id.uid && os.Getuid() == id.uid {
		return nil
	}
	if keep {
		if err := allThreads("keep capabilities", unix.SYS_PRCTL, unix.PR_SET_KEEPCAPS, 1, 0); err != nil {
			return err
		}
	}
	err := syscall.Setgroups(id.groups)
	if err == nil {
		err = syscall.Setresgid(id.gid, id.gid, id.gid)
	}
	if err == nil {
		err = syscall.Setresuid(id.uid, id.uid, id.uid)
	}
	if err != nil {
		return fmt.Errorf("sandbox: become user %s (needs root, or CAP_SETUID and CAP_SETGID): %w", id.name, err)
	}
	return nil
}

// dropCapabilities keeps p.Keep, as far as it is there. Root without capabilities is a stranger to the
// files of others, which with sudo are often those that are to be read: where a path of p needs it, and
// Landlock bounds it to the paths of p, CapDACReadSearch stays too.
func (p *Policy) dropCapabilities(s *Status, confined bool) error {
	has, err := permitted()
	if err != nil {
		return err
	}
	keep := slices.DeleteFunc(slices.Clone(p.Keep), func(c Capability) bool { return !has.has(c) })
	if confined && has.has(CapDACReadSearch) && !slices.Contains(keep, CapDACReadSearch) {
		if s.ReadSearchFor, err = unreadable(p.Read, setOf(keep)); err != nil {
			return err
		}
		if s.ReadSearchFor != "" {
			keep = append(keep, CapDACReadSearch)
		}
	}
	if err := keepOnly(setOf(keep)); err != nil {
		return err
	}
	s.Capabilities = keep
	return nil
}

// checkAccess tells what can no longer be used before it is missed.
func (p *Policy) checkAccess() error {
	for _, dir := range p.Write {
		if err := unix.Faccessat(unix.AT_FDCWD, dir, unix.R_OK|unix.W_OK|unix.X_OK, unix.AT_EACCESS); err != nil {
			return fmt.Errorf("sandbox: user %d without capabilities cannot write in %s: %w; give the folder to that user, or choose another with --user", os.Geteuid(), dir, err)
		}
	}
	for _, path := range p.Read {
		err := unix.Faccessat(unix.AT_FDCWD, path, unix.R_OK, unix.AT_EACCESS)
		if err != nil && !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.ENOTDIR) {
			return fmt.Errorf("sandbox: user %d without capabilities cannot read %s: %w", os.Geteuid(), path, err)
		}
	}
	return nil
}

// unreadable is the first of paths that is there and that this process could not read with set.
func unreadable(paths []string, set capabilitySet) (first string, err error) {
	err = withEffective(set, func() {
		for _, path := range paths {
			e := unix.Faccessat(unix.AT_FDCWD, path, unix.R_OK, unix.AT_EACCESS)
			if errors.Is(e, unix.EACCES) {
				first = path
				return
			}
		}
	})
	return first, err
}
