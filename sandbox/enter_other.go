//go:build !linux

package sandbox

import (
	"fmt"
	"runtime"
)

// Enter is for Linux alone.
func Enter(*Policy) (*Status, error) {
	return nil, fmt.Errorf("sandbox on %s: %w", runtime.GOOS, ErrUnsupported)
}

// UserIDs is for Linux alone.
func UserIDs(string) (uid, gid int, err error) {
	return 0, 0, fmt.Errorf("users on %s: %w", runtime.GOOS, ErrUnsupported)
}
