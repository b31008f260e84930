package sandbox

import (
	"errors"
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
	"kernel.org/pub/linux/libs/security/libcap/psx"
)

// A capabilitySet has bit c for capability c.
type capabilitySet uint64

func (s capabilitySet) has(c Capability) bool { return s>>c&1 != 0 }

func setOf(list []Capability) (s capabilitySet) {
	for _, c := range list {
		s |= 1 << c
	}
	return s
}

// A capabilityState is the argument of capset(2); its header has the thread 0, which is the caller.
type capabilityState struct {
	head unix.CapUserHeader
	data [2]unix.CapUserData
}

func state(effective, permitted capabilitySet) *capabilityState {
	s := &capabilityState{head: unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}}
	for i := range s.data {
		s.data[i].Effective, s.data[i].Permitted = uint32(effective>>(32*i)), uint32(permitted>>(32*i))
	}
	return s
}

// current reads the sets of this thread; all threads of a Go program have the same.
func current() (effective, permitted capabilitySet, err error) {
	s := state(0, 0)
	if err := unix.Capget(&s.head, &s.data[0]); err != nil {
		return 0, 0, fmt.Errorf("sandbox: read capabilities: %w", err)
	}
	for i := range s.data {
		effective |= capabilitySet(s.data[i].Effective) << (32 * i)
		permitted |= capabilitySet(s.data[i].Permitted) << (32 * i)
	}
	return effective, permitted, nil
}

func permitted() (capabilitySet, error) {
	_, p, err := current()
	return p, err
}

// emptyBoundingSet leaves no capability that the execution of a program could bring, where the process
// may do that (CAP_SETPCAP). Where it may not, no_new_privs forbids the same.
func emptyBoundingSet() error {
	effective, _, err := current()
	if err != nil || !effective.has(CapSetPCap) {
		return err
	}
	for c := uintptr(0); ; c++ {
		if in, err := unix.PrctlRetInt(unix.PR_CAPBSET_READ, c, 0, 0, 0); err != nil {
			return nil // past the last one that the kernel knows
		} else if in == 0 {
			continue
		}
		if err := allThreads("drop from the bounding set", unix.SYS_PRCTL, unix.PR_CAPBSET_DROP, c, 0); err != nil {
			return err
		}
	}
}

// keepOnly leaves all threads no capability but those of set, none to be inherited.
func keepOnly(set capabilitySet) error {
	_, _, errno := psx.Syscall6(unix.SYS_PRCTL, unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0, 0)
	if errno != 0 && !errors.Is(errno, unix.EINVAL) { // before Linux 4.3 there was no ambient set
		return fmt.Errorf("sandbox: clear ambient capabilities: %w", errno)
	}
	s := state(set, set)
	_, _, errno = psx.Syscall3(unix.SYS_CAPSET, uintptr(unsafe.Pointer(&s.head)), uintptr(unsafe.Pointer(&s.data[0])), 0)
	runtime.KeepAlive(s)
	if errno != 0 {
		return fmt.Errorf("sandbox: drop capabilities: %w", errno)
	}
	return nil
}

// withEffective runs do on this thread with no effective capabilities but set, then as before.
func withEffective(set capabilitySet, do func()) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	effective, permitted, err := current()
	if err != nil {
		return err
	}
	less, before := state(set&permitted, permitted), state(effective, permitted)
	if err := unix.Capset(&less.head, &less.data[0]); err != nil {
		return fmt.Errorf("sandbox: lower capabilities: %w", err)
	}
	do()
	if err := unix.Capset(&before.head, &before.data[0]); err != nil {
		return fmt.Errorf("sandbox: raise capabilities again: %w", err)
	}
	return nil
}
