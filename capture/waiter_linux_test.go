package capture

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// eventfds gives n descriptors that become readable with signal.
func eventfds(t *testing.T, n int) []unix.PollFd {
	t.Helper()
	var list []unix.PollFd
	for range n {
		fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { unix.Close(fd) })
		list = append(list, unix.PollFd{Fd: int32(fd), Events: unix.POLLIN})
	}
	return list
}

func signal(t *testing.T, fd unix.PollFd) {
	t.Helper()
	if _, err := unix.Write(int(fd.Fd), []byte{1, 0, 0, 0, 0, 0, 0, 0}); err != nil {
		t.Error(err)
	}
}

func TestWaiter(t *testing.T) {
	w, err := newWaiter()
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	const long = time.Minute // no wait of the test lasts so long
	fds := eventfds(t, 4)
	poll := func(want int, timeout time.Duration, fds ...unix.PollFd) {
		t.Helper()
		n, err := w.poll(fds, timeout)
		got := -1
		for i := range fds {
			if fds[i].Revents != 0 {
				got = i
			}
		}
		if err != nil || got != want || n != min(want+1, 1) {
			t.Errorf("poll: %d, %v, descriptor %d, want %d", n, err, got, want)
		}
	}
	poll(-1, time.Millisecond, fds[:3]...)
	poll(-1, 0, fds[:3]...)

	time.AfterFunc(20*time.Millisecond, func() { signal(t, fds[1]) })
	poll(1, long, fds[:3]...)
	poll(1, long, fds[:3]...) // for as long as it is readable
	poll(-1, time.Millisecond, fds[0], fds[2])

	// Others in its place, one of them closed meanwhile, and none.
	none := unix.PollFd{Fd: -1}
	time.AfterFunc(20*time.Millisecond, func() { signal(t, fds[3]) })
	poll(1, long, fds[0], fds[3], none)
	gone := eventfds(t, 1)[0]
	poll(-1, time.Millisecond, fds[0], none, gone)
	if err := unix.Close(int(gone.Fd)); err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(20*time.Millisecond, func() { signal(t, fds[2]) })
	poll(1, long, fds[0], fds[2], none)

	if _, err := w.poll([]unix.PollFd{{Fd: 1 << 20, Events: unix.POLLIN}}, long); err == nil {
		t.Error("no error for a descriptor that is not open")
	}
	if n := testing.AllocsPerRun(100, func() { w.poll(fds[2:3], long) }); n > 0 {
		t.Errorf("%v allocations for a wait that ends at once", n)
	}
}
