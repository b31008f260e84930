package flows

import (
	"runtime"
	"testing"
	"time"
	"unsafe"
)

// TestArena holds what take promises: zeros, cache lines, no overlap, and chunks that end with the arena.
func TestArena(t *testing.T) {
	before := mapped.Load()
	a := newArena(smallTable + 1)
	seen := map[uintptr]bool{}
	const size = 16 << 10
	for range 3 * arenaChunk / size {
		p := a.take(size)
		if p == nil || uintptr(p)%64 != 0 || seen[uintptr(p)] {
			t.Fatalf("take: %p, %d given before", p, len(seen))
		}
		seen[uintptr(p)] = true
		b := unsafe.Slice((*byte)(p), size)
		if b[0] != 0 || b[size-1] != 0 {
			t.Fatal("not zero")
		}
		b[0], b[size-1] = 1, 1
	}
	if n := mapped.Load() - before; n < 3*arenaChunk || n > 4*arenaChunk {
		t.Errorf("%d bytes mapped for %d taken", n, 3*arenaChunk)
	}
	runtime.KeepAlive(a)
	a = nil
	for deadline := time.Now().Add(20 * time.Second); mapped.Load() > before; runtime.Gosched() {
		runtime.GC() // cleanups run beside it
		if time.Now().After(deadline) {
			t.Fatalf("%d bytes stay mapped", mapped.Load()-before)
		}
	}
	if newArena(smallTable).take(64) != nil || (*arena)(nil).take(64) != nil {
		t.Error("a small table's memory is mapped")
	}
}
