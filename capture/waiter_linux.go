package capture

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A waiter is poll(2) for one goroutine, asleep in the Go runtime's own poller. A thread that sleeps in a system
// call loses its processor to the runtime's monitor, which from then on wakes every 20 µs for a millisecond or more
// (sysmon in runtime/proc.go), and so after each block: where Go has one processor, in place of the reader.
type waiter struct {
	file *os.File // epoll instance with the descriptors of watched, itself in the runtime's poller
	conn syscall.RawConn

	watched [3]int32 // descriptors; -1 for none
	fds     []unix.PollFd
	n       int
	err     error
	look    func(uintptr) bool // looks at fds once, without sleep; whether that ends the wait
}

func newWaiter() (*waiter, error) {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("create epoll instance: %w", err)
	}
	if err := unix.SetNonblock(epoll, true); err != nil { // else the runtime would not poll it
		unix.Close(epoll)
		return nil, fmt.Errorf("set epoll instance non-blocking: %w", err)
	}
	w := &waiter{file: os.NewFile(uintptr(epoll), "epoll"), watched: [3]int32{-1, -1, -1}}
	if w.conn, err = w.file.SyscallConn(); err == nil {
		err = w.file.SetReadDeadline(time.Time{}) // tells whether it is polled
	}
	if err != nil {
		w.file.Close()
		return nil, fmt.Errorf("poll epoll instance: %w", err)
	}
	w.look = func(uintptr) bool {
		w.n, w.err = peek(w.fds)
		return w.n != 0 || w.err != nil
	}
	return w, nil
}

// poll waits like poll(2) until one of fds, three at most, has an event. A descriptor below 0 has none. It gives the number
// of those that have, 0 after the timeout. It does not keep fds.
func (w *waiter) poll(fds []unix.PollFd, timeout time.Duration) (int, error) {
	if err := w.watch(fds); err != nil {
		return 0, err
	}
	if err := w.file.SetReadDeadline(time.Now().Add(timeout)); err != nil {
		return 0, err
	}
	w.fds = fds
	err := w.conn.Read(w.look)
	w.fds = nil
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return 0, nil
	case err != nil:
		return 0, err
	}
	return w.n, w.err
}

// watch has the epoll instance wake for fds.
func (w *waiter) watch(fds []unix.PollFd) error {
	var want [3]int32
	for i := range want {
		want[i] = -1
		if i < len(fds) {
			want[i] = max(fds[i].Fd, -1)
		}
	}
	if want == w.watched {
		return nil
	}
	var err error
	e := w.conn.Control(func(epoll uintptr) { err = w.change(int(epoll), want, fds) })
	return errors.Join(e, err)
}

func (w *waiter) change(epoll int, want [3]int32, fds []unix.PollFd) error {
	for i, fd := range w.watched {
		if fd >= 0 && fd != want[i] {
			// One that was closed has left by itself.
			err := unix.EpollCtl(epoll, unix.EPOLL_CTL_DEL, int(fd), nil)
			if err != nil && !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.EBADF) {
				return fmt.Errorf("take descriptor %d out of epoll instance: %w", fd, err)
			}
			w.watched[i] = -1
		}
	}
	for i, fd := range want {
		if fd >= 0 && fd != w.watched[i] {
			event := unix.EpollEvent{Events: uint32(fds[i].Events), Fd: fd} // the bits of poll and epoll are the same
			if err := unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, int(fd), &event); err != nil {
				return fmt.Errorf("put descriptor %d into epoll instance: %w", fd, err)
			}
			w.watched[i] = fd
		}
	}
	return nil
}

// peek is poll(2) without a wait, of which the runtime is not told: it would wake the monitor.
func peek(fds []unix.PollFd) (int, error) {
	var none unix.Timespec
	n, _, errno := unix.RawSyscall6(unix.SYS_PPOLL, uintptr(unsafe.Pointer(unsafe.SliceData(fds))), uintptr(len(fds)), uintptr(unsafe.Pointer(&none)), 0, 0, 0)
	if errno != 0 && errno != unix.EINTR {
		return 0, errno
	}
	if errno != 0 {
		return 0, nil
	}
	return int(n), nil
}

func (w *waiter) close() error { return w.file.Close() }
