package loadtest

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// offload sets an offload of interface name by the ethtool command cmd, in the namespace that the
// thread is in.
func offload(name string, cmd, value uint32) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open socket: %w", err)
	}
	defer unix.Close(fd)
	// struct ethtool_value, and the part of struct ifreq that SIOCETHTOOL reads.
	arg := struct{ cmd, value uint32 }{cmd, value}
	req := struct {
		name [unix.IFNAMSIZ]byte
		arg  *struct{ cmd, value uint32 }
		_    [16]byte
	}{arg: &arg}
	copy(req.name[:unix.IFNAMSIZ-1], name)
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&req))); errno != 0 {
		return fmt.Errorf("ethtool command %#x of %s: %w", cmd, name, errno)
	}
	return nil
}
