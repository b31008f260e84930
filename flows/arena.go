package flows

import (
	"runtime"
	"sync"
	"unsafe"
)

const (
	// hugePage is the size of a huge page on amd64 and of most on arm64.
	hugePage = 2 << 20
	// arenaChunk is mapped at a time; only what is handed out is ever touched.
	arenaChunk = 32 << 20
	// smallTable is up to what bound a table's memory comes from the Go heap: it would not fill one huge page
	// for each of its kinds of records.
	smallTable = 4 * hugePage
)

// OffHeap reports that this system has entries of big tables outside the Go heap: what
// TableStats.MemoryBytes says is then not in the runtime's figures, nor under its memory limit.
const OffHeap = canMap

// An arena hands out the memory of a table's slabs from huge pages outside the Go heap. At a million
// flows drawn at random a packet touches three cache lines on three pages, whose address translations
// no processor holds: huge pages took 12 to 25 % off the whole cost of a packet. And the collector
// neither looks at the slabs nor lets garbage grow in proportion to them.
//
// The memory is given back when the arena is no longer reachable, so whoever uses a slab must hold the
// shard, which holds the arena. Memory handed out is not given back before. The zero value, and a nil
// arena, take memory from the Go heap.
type arena struct {
	mu     sync.Mutex // guards all below
	rest   []byte     // of the last chunk
	chunks *chunks    // nil for a heap arena
}

// chunks are what an arena has mapped.
type chunks struct{ mapped [][]byte }

func newArena(bound uint64) *arena {
	a := &arena{}
	if bound > smallTable && canMap {
		a.chunks = &chunks{}
		runtime.AddCleanup(a, func(c *chunks) {
			for _, b := range c.mapped {
				unmap(b)
			}
		}, a.chunks)
	}
	return a
}

// take gives size bytes of zeros, size being a multiple of 64, on a cache line; nil where they must
// come from the heap.
func (a *arena) take(size int) unsafe.Pointer {
	if a == nil || a.chunks == nil || size > arenaChunk-hugePage {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.rest) < size {
		b := mapHuge(arenaChunk)
		if b == nil {
			return nil
		}
		a.chunks.mapped = append(a.chunks.mapped, b)
		skip := -int(uintptr(unsafe.Pointer(&b[0]))) & (hugePage - 1)
		a.rest = b[skip : len(b)&^(hugePage-1)]
	}
	p := unsafe.Pointer(&a.rest[0])
	a.rest = a.rest[size:]
	return p
}
