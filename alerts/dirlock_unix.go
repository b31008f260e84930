//go:build unix

package alerts

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// lockFile takes the lock that lasts until f is closed or the process ends; ErrInUse when another has
// it.
func lockFile(f *os.File) error {
	err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return ErrInUse
	}
	return err
}

// syncDir makes the names in a directory last.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
