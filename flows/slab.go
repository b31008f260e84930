package flows

import "unsafe"

// slabLen is the number of records of one slab. With it the three slabs of a flow (hot 16 KiB, cold
// 14 KiB, conn 16 KiB) are exact size classes of the allocator and hot entries lie on cache lines.
const slabLen = 256

// A slabs is a growing array that never moves: records stay where they are while it grows.
type slabs[T any] struct {
	s     []*[slabLen]T
	arena *arena
}

func (p *slabs[T]) at(i uint32) *T { return &p.s[i/slabLen][i%slabLen] }

func (p *slabs[T]) grow() {
	slab := (*[slabLen]T)(p.arena.take(int(unsafe.Sizeof([slabLen]T{}))))
	if slab == nil {
		slab = new([slabLen]T)
	}
	p.s = append(p.s, slab)
}

func (p *slabs[T]) memory() uint64 {
	var zero T
	return uint64(len(p.s)) * slabLen * uint64(unsafe.Sizeof(zero))
}

// slabsFor is the number of slabs that hold n records.
func slabsFor(n uint32) int { return int((n + slabLen - 1) / slabLen) }

// A linked record can be in a free list: link is a field that has no other use while it is free.
type linked[T any] interface {
	*T
	link() *uint32
}

// A pool hands out records of slabs by index. It never holds more than limit.
type pool[T any, P linked[T]] struct {
	slabs[T]
	limit uint32
	next  uint32 // records from here on were never used
	free  uint32 // 1 + index of the first free record below next; 0 none
	used  uint32
}

func newPool[T any, P linked[T]](limit uint32, a *arena) pool[T, P] {
	return pool[T, P]{slabs: newSlabs[T](limit, a), limit: limit}
}

// newSlabs makes place for limit records.
func newSlabs[T any](limit uint32, a *arena) slabs[T] {
	return slabs[T]{s: make([]*[slabLen]T, 0, slabsFor(limit)), arena: a}
}

// get gives a zeroed record, or false at the limit.
func (p *pool[T, P]) get() (uint32, bool) {
	var i uint32
	switch {
	case p.free != 0:
		i = p.free - 1
		p.free = *P(p.at(i)).link()
		var zero T
		*p.at(i) = zero
	case p.next < p.limit:
		i = p.next
		if int(i/slabLen) == len(p.s) {
			p.grow()
		}
		p.next++
	default:
		return 0, false
	}
	p.used++
	return i, true
}

// put takes record i back.
func (p *pool[T, P]) put(i uint32) {
	var zero T
	rec := p.at(i)
	*rec = zero
	*P(rec).link() = p.free
	p.free = i + 1
	p.used--
}

// prefault takes the memory of n records.
func (p *pool[T, P]) prefault(n uint32) {
	for len(p.s) < slabsFor(n) {
		p.grow()
		touchPages(p.s[len(p.s)-1])
	}
}

// touchPages writes to every page of a slab, so that none is first touched by a packet: the faults
// of a fresh table lost 2 to 9 % of the packets at 2 million a second.
func touchPages[T any](slab *[slabLen]T) {
	var zero T
	for i := range slab {
		slab[i] = zero
	}
}

// poolBound is the memory of a full pool of limit records of size bytes.
func poolBound(limit uint32, size uintptr) uint64 {
	return uint64(slabsFor(limit)) * slabLen * uint64(size)
}
