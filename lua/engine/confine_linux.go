package engine

import (
	"debug/elf"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
)

// Fixed limits of a worker process.
const (
	workerFiles = 64
	workerNice  = 10
	workerOOM   = "800" // of 1000: the kernel ends a worker before the daemon
)

// confineThread takes privileges from this thread and executes the program again on it, so that all
// threads of the new image are without them. dirs are the folders that scripts may be read from.
func confineThread(dirs []string) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	exe, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find own program: %w", err)
	}
	// Best effort, as all of the following but for the new privileges.
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte(workerOOM), 0)
	_ = unix.Setpriority(unix.PRIO_PROCESS, 0, workerNice)
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("set no_new_privs: %w", err)
	}
	// With cgo each thread's stack has this size, and counts as memory of the script.
	_ = unix.Prlimit(0, unix.RLIMIT_STACK, &unix.Rlimit{Cur: 1 << 20, Max: unix.RLIM_INFINITY}, nil)
	restrictFiles(exe, dirs)
	dropCapabilities()
	err = syscall.Exec(exe, append([]string{os.Args[0], WorkerArg, stageConfined}, dirs...), os.Environ())
	return fmt.Errorf("execute %s again: %w", exe, err)
}

// dropCapabilities empties all sets of this thread.
func dropCapabilities() {
	for c := 0; unix.Prctl(unix.PR_CAPBSET_DROP, uintptr(c), 0, 0, 0) == nil; c++ {
	}
	_ = unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
	head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var none [2]unix.CapUserData
	_ = unix.Capset(&head, &none[0])
}

// confineProcess limits the whole process; after it no other program can be executed.
func confineProcess() {
	// The daemon's end is what the worker outlives by nothing; execution may have cleared it.
	_ = unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0)
	_ = unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
	for resource, most := range map[int]uint64{unix.RLIMIT_CORE: 0, unix.RLIMIT_FSIZE: 0, unix.RLIMIT_NOFILE: workerFiles, unix.RLIMIT_MEMLOCK: 0, unix.RLIMIT_MSGQUEUE: 0} {
		// By system call: syscall.Setrlimit would remember and restore.
		_ = unix.Prlimit(0, resource, &unix.Rlimit{Cur: most, Max: most}, nil)
	}
	spent := make(chan os.Signal, 1)
	signal.Notify(spent, unix.SIGXCPU) // Go ignores it otherwise
	go func() {                        // ends with the process
		<-spent
		fmt.Fprintln(os.Stderr, outOfTime)
		os.Exit(1)
	}()
	filterSystemCalls()
}

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
	landlockVersion = unix.LANDLOCK_CREATE_RULESET_VERSION
)

// restrictFiles lets this thread, and what it executes, read the script folders and the time zones and
// execute exe. Where the kernel has no Landlock (before Linux 5.13, or switched off) it does nothing.
func restrictFiles(exe string, dirs []string) {
	abi, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, landlockVersion)
	if errno != 0 {
		return
	}
	var attr unix.LandlockRulesetAttr
	for _, r := range landlockRights {
		if int(abi) >= r.abi {
			attr.Handled_access_fs |= r.rights
		}
	}
	if abi >= 4 { // TCP
		attr.Handled_access_net = unix.LANDLOCK_ACCESS_NET_BIND_TCP | unix.LANDLOCK_ACCESS_NET_CONNECT_TCP
	}
	if abi >= 6 { // abstract sockets and signals to processes outside
		attr.Scoped = unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | unix.LANDLOCK_SCOPE_SIGNAL
	}
	ruleset, err := createRuleset(&attr, int(abi))
	if err != nil {
		return
	}
	defer unix.Close(ruleset)
	allowPath(ruleset, exe, landlockExecute)
	if dynamic(exe) { // a build with cgo: its loader and libraries
		for _, dir := range []string{"/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib"} {
			allowPath(ruleset, dir, landlockExecute|landlockReadDir)
		}
		allowPath(ruleset, "/etc/ld.so.cache", landlockRead)
	}
	for _, dir := range slices.Concat(dirs, []string{"/usr/share/zoneinfo"}) {
		allowPath(ruleset, dir, landlockReadDir)
	}
	allowPath(ruleset, "/etc/localtime", landlockRead)
	_, _, _ = unix.Syscall(unix.SYS_LANDLOCK_RESTRICT_SELF, uintptr(ruleset), 0, 0)
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
