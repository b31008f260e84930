package alerts

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// lockFile takes the lock that lasts until f is closed or the process ends; ErrInUse when another has
// it.
func lockFile(f *os.File) error {
	err := windows.LockFileEx(windows.Handle(f.Fd()),
		windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, new(windows.Overlapped))
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return ErrInUse
	}
	return err
}

// syncDir does nothing: names last by NTFS's own journal.
func syncDir(string) error { return nil }
