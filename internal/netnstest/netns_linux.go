package netnstest

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"github.com/netmond/netmond/internal/testneed"
)

// A NS is a network namespace. It starts with a loopback interface alone, which is down, and no
// packet is sent in it of the kernel's own will: IPv6 is off on every interface made in it.
type NS struct {
	t      testing.TB
	handle netns.NsHandle
	links  *netlink.Handle
}

// New makes a namespace that ends with t, its cleanup functions and the processes started in it. It
// skips or fails t as testneed.Netns does.
func New(t testing.TB) *NS {
	t.Helper()
	testneed.Netns(t)
	runtime.LockOSThread()
	before, err := netns.Get()
	if err != nil {
		t.Fatalf("get network namespace: %v", err)
	}
	defer before.Close()
	handle, err := netns.New() // the thread is in it
	if err != nil {
		t.Fatalf("new network namespace: %v", err)
	}
	n := &NS{t: t, handle: handle}
	t.Cleanup(func() { n.handle.Close() })
	quiet := []string{"ipv6/conf/all/disable_ipv6", "ipv6/conf/default/disable_ipv6"}
	for _, key := range quiet {
		if err := sysctl(key, "1"); err != nil && !os.IsNotExist(err) { // a kernel without IPv6
			t.Errorf("new network namespace: %v", err)
		}
	}
	if err := netns.Set(before); err != nil {
		t.Fatalf("leave network namespace: %v", err) // the thread stays locked, and ends with its goroutine
	}
	runtime.UnlockOSThread()
	if n.links, err = netlink.NewHandleAt(handle, unix.NETLINK_ROUTE); err != nil {
		t.Fatalf("netlink in new network namespace: %v", err)
	}
	t.Cleanup(n.links.Close)
	return n
}

// Do runs f in the namespace: sockets that f opens belong to it for good. Goroutines that f starts run
// outside; so f's dials must be to addresses, not names. f may end its test by t.Fatal.
func (n *NS) Do(f func()) {
	n.t.Helper()
	runtime.LockOSThread()
	before, err := netns.Get()
	if err != nil {
		n.t.Fatalf("get network namespace: %v", err)
	}
	defer before.Close()
	if err := netns.Set(n.handle); err != nil {
		n.t.Fatalf("enter network namespace: %v", err)
	}
	defer func() {
		// Where this fails the thread stays locked, and ends with its goroutine.
		if err := netns.Set(before); err != nil {
			n.t.Errorf("leave network namespace: %v", err)
			return
		}
		runtime.UnlockOSThread()
	}()
	f()
}

// Start starts cmd in the namespace. The test waits for it or kills it.
func (n *NS) Start(cmd *exec.Cmd) error {
	n.t.Helper()
	var err error
	n.Do(func() { err = cmd.Start() })
	return err
}

// Sysctl sets a key below net, such as ipv4/ip_forward.
func (n *NS) Sysctl(key, value string) {
	n.t.Helper()
	n.Do(func() {
		if err := sysctl(key, value); err != nil {
			n.t.Fatal(err)
		}
	})
}

// sysctl sets a key in the namespace that the thread is in.
func sysctl(key, value string) error {
	return os.WriteFile(filepath.Join("/proc/sys/net", filepath.FromSlash(key)), []byte(value), 0)
}
