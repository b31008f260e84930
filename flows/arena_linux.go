package flows

import (
	"sync/atomic"

	"golang.org/x/sys/unix"
)

const canMap = true

// mapped is the sum of what is mapped, bytes.
var mapped atomic.Int64

// mapHuge maps size bytes of zeros, in huge pages where the kernel has them; nil where it refuses.
func mapHuge(size int) []byte {
	b, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return nil
	}
	unix.Madvise(b, unix.MADV_HUGEPAGE) // refused by kernels without: small pages serve as well
	mapped.Add(int64(size))
	return b
}

func unmap(b []byte) {
	mapped.Add(-int64(len(b)))
	unix.Munmap(b)
}
