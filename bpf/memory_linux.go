//go:build linux && (amd64 || arm64)

package bpf

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// A mapSize is one shared array: its name in the objects and what it holds.
type mapSize struct {
	name    string
	entries int
	size    uintptr
}

func (s sizes) maps() []mapSize {
	return []mapSize{
		{"control", 1, unsafe.Sizeof(control{})},
		{"cpus", s.cpus, unsafe.Sizeof(cpuCounts{})},
		{"cells", s.cpus * s.cells, unsafe.Sizeof(cell{})},
		{"pairs", s.pairs, 8},
		{"nodes", 2 * s.nodes, unsafe.Sizeof(node{})},
		{"broadcasts", 2 * s.networks, 8},
		{"buckets", s.buckets, unsafe.Sizeof(bucket{})},
		{"flows", s.flows, unsafe.Sizeof(flow{})},
		{"troubles", s.troubles, unsafe.Sizeof(trouble{})},
		{"free_flows", s.flowRing, 8},
		{"free_troubles", s.troubleRing, 8},
	}
}

// open maps all arrays.
func (m *memory) open(coll *ebpf.Collection, s sizes) error {
	m.bytes = s.bytes()
	return errors.Join(
		share(m, coll, "control", &m.control),
		share(m, coll, "cpus", &m.cpus),
		share(m, coll, "cells", &m.cells),
		share(m, coll, "pairs", &m.pairs),
		share(m, coll, "nodes", &m.nodes),
		share(m, coll, "broadcasts", &m.broadcasts),
		share(m, coll, "buckets", &m.buckets),
		share(m, coll, "flows", &m.flows),
		share(m, coll, "troubles", &m.troubles),
		share(m, coll, "free_flows", &m.freeFlows),
		share(m, coll, "free_troubles", &m.freeTroubles),
	)
}

// share maps the array of that name.
func share[T any](m *memory, coll *ebpf.Collection, name string, to *[]T) error {
	array := coll.Maps[name]
	var zero T
	size, entries := unsafe.Sizeof(zero), int(array.MaxEntries())
	if int(array.ValueSize()) != int(size) || (size+7)&^7 != size {
		return fmt.Errorf("map %s: elements of %d bytes, want %d", name, array.ValueSize(), size)
	}
	mem, err := unix.Mmap(array.FD(), 0, entries*int(size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return fmt.Errorf("map %s of %d bytes into memory (needs Linux 5.5): %w", name, entries*int(size), err)
	}
	m.unmap = append(m.unmap, func() error { return unix.Munmap(mem) })
	*to = unsafe.Slice((*T)(unsafe.Pointer(&mem[0])), entries)
	return nil
}

func (m *memory) close() error {
	var errs []error
	for _, f := range m.unmap {
		errs = append(errs, f())
	}
	*m = memory{}
	return errors.Join(errs...)
}

// A barrier waits until every program that is running has ended. The kernel does so when a map of maps
// changes (maybe_wait_bpf_programs in kernel/bpf/syscall.c).
type barrier struct {
	outer, inner *ebpf.Map
}

func newBarrier() (*barrier, error) {
	inner := &ebpf.MapSpec{Name: "netmond_inner", Type: ebpf.Array, KeySize: 4, ValueSize: 4, MaxEntries: 1}
	b := &barrier{}
	var err error
	if b.inner, err = ebpf.NewMap(inner); err != nil {
		return nil, fmt.Errorf("make a map: %w", err)
	}
	b.outer, err = ebpf.NewMap(&ebpf.MapSpec{
		Name: "netmond_barrier", Type: ebpf.ArrayOfMaps, KeySize: 4, ValueSize: 4, MaxEntries: 1, InnerMap: inner,
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("make a map of maps: %w", err), b.inner.Close())
	}
	return b, nil
}

// barrierPause stands in where the system call is not allowed (before Linux 5.19, without CAP_BPF). A
// program runs for microseconds, with interrupts of its kind off.
const barrierPause = time.Second

func (b *barrier) wait() {
	if err := b.outer.Put(uint32(0), b.inner); err != nil {
		time.Sleep(barrierPause)
	}
}

func (b *barrier) close() error { return errors.Join(b.outer.Close(), b.inner.Close()) }

// A ring is the consumer's side of the BPF ring buffer (kernel/bpf/ringbuf.c): a page with the
// consumer's position, a page with the producer's, then the data, mapped twice in a row so that a
// record never breaks.
type ring struct {
	consumer, shared []byte
	data             []byte // twice
	mask             uint64
	epoll            int
}

const (
	ringBusy    = 1 << 31
	ringDiscard = 1 << 30
	ringHeader  = 8
)

func openRing(m *ebpf.Map, size int) (*ring, error) {
	page := unix.Getpagesize()
	r := &ring{mask: uint64(size - 1), epoll: -1}
	var err error
	if r.consumer, err = unix.Mmap(m.FD(), 0, page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED); err != nil {
		return nil, fmt.Errorf("map the ring's position (needs Linux 5.8): %w", err)
	}
	if r.shared, err = unix.Mmap(m.FD(), int64(page), page+2*size, unix.PROT_READ, unix.MAP_SHARED); err != nil {
		return nil, errors.Join(fmt.Errorf("map a ring of %d bytes: %w", size, err), r.close())
	}
	r.data = r.shared[page:]
	if r.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, errors.Join(fmt.Errorf("open epoll: %w", err), r.close())
	}
	if err := unix.EpollCtl(r.epoll, unix.EPOLL_CTL_ADD, m.FD(), &unix.EpollEvent{Events: unix.EPOLLIN}); err != nil {
		return nil, errors.Join(fmt.Errorf("watch the ring: %w", err), r.close())
	}
	return r, nil
}

func (r *ring) position() *uint64 { return (*uint64)(unsafe.Pointer(&r.consumer[0])) }

func (r *ring) produced() uint64 {
	return atomic.LoadUint64((*uint64)(unsafe.Pointer(&r.shared[0])))
}

// next gives the record at pos, and the position after it; nil record for one that was discarded. ok is
// false when none is ready.
func (r *ring) next(pos uint64) (rec []byte, after uint64, ok bool) {
	if pos >= r.produced() {
		return nil, pos, false
	}
	at := pos & r.mask
	head := atomic.LoadUint32((*uint32)(unsafe.Pointer(&r.data[at])))
	if head&ringBusy != 0 {
		return nil, pos, false
	}
	n := uint64(head &^ (ringBusy | ringDiscard))
	after = pos + (n+ringHeader+7)&^7
	if head&ringDiscard != 0 {
		return nil, after, true
	}
	return r.data[at+ringHeader:][:n:n], after, true
}

// release gives the kernel everything before pos back.
func (r *ring) release(pos uint64) { atomic.StoreUint64(r.position(), pos) }

// wait sleeps until a record comes, and reports whether one did before the timeout.
func (r *ring) wait(timeout time.Duration) (bool, error) {
	var events [1]unix.EpollEvent
	n, err := unix.EpollWait(r.epoll, events[:], int(timeout.Milliseconds()))
	if errors.Is(err, unix.EINTR) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("wait for the ring: %w", err)
	}
	return n > 0, nil
}

func (r *ring) close() error {
	var errs []error
	for _, mem := range [][]byte{r.consumer, r.shared} {
		if mem != nil {
			errs = append(errs, unix.Munmap(mem))
		}
	}
	if r.epoll >= 0 {
		errs = append(errs, unix.Close(r.epoll))
	}
	return errors.Join(errs...)
}
