package sandbox

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Worker takes from this thread, and from what it executes, all but reading dirs and the time zones,
// and executing its own program again. The caller has locked its thread and executes the program next.
// No new privileges is the only step whose failure is an error: the others are in place already when the
// daemon has a sandbox, or the kernel has none.
func Worker(dirs []string) error {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("set no_new_privs: %w", err)
	}
	f := &fileSet{noTCP: true, scopes: true}
	f.allowOwn()
	f.allow(landlockReadDir, dirs...)
	f.allow(landlockReadDir, "/usr/share/zoneinfo")
	f.allow(landlockRead, "/etc/localtime")
	if abi := landlockABI(); abi > 0 {
		_ = restrictFiles(f, abi, thisThread)
	}
	dropThread()
	return nil
}

// dropThread empties all capability sets of this thread.
func dropThread() {
	for c := 0; unix.Prctl(unix.PR_CAPBSET_DROP, uintptr(c), 0, 0, 0) == nil; c++ {
	}
	_ = unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
	none := state(0, 0)
	_ = unix.Capset(&none.head, &none.data[0])
}

// FilterWorker lets the whole process no system calls but those that compute, read files and use open
// connections. Where the kernel has no filter the other limits hold.
func FilterWorker() { _ = installFilter(workerFilter()) }
