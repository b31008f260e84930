package testneed

import (
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// Netns says that the test makes network namespaces, which needs CAP_SYS_ADMIN and CAP_NET_ADMIN.
func Netns(t testing.TB) {
	t.Helper()
	Root(t)
	done := make(chan error, 1)
	go func() { // ends at once; its thread is thrown away with its namespace
		runtime.LockOSThread()
		done <- unix.Unshare(unix.CLONE_NEWNET)
	}()
	if err := <-done; err != nil {
		missing(t, "netns", "unshare network namespace: "+err.Error())
	}
}
