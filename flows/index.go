package flows

import (
	"slices"
	"unsafe"
)

// An index finds entries by 32 bits of their hash: open addressing with linear probing, at most 4/5
// full. A slot holds the 32 bits in its upper half and 1 + the entry's number in its lower half; 0
// is empty. A slot alone tells its home, so growing and deleting never touch the entries.
type index struct {
	slots []uint64
	room  []uint64 // memory that slots are the start of, or nil
	limit int      // most slots that capacity ever needs
	used  int
}

const minSlots = 64

func newIndex(capacity uint32) index {
	limit := slotsFor(capacity)
	return index{slots: make([]uint64, min(minSlots, limit)), limit: limit}
}

// slotsFor is the number of slots that keeps capacity entries at 4/5, with one empty at least.
func slotsFor(capacity uint32) int { return int(capacity) + int(capacity+3)/4 + 1 }

// home is the slot where a probe for frag starts. The high bits of frag choose it, so any number of
// slots will do, not only powers of two: a full table wastes a fifth, not half.
func (x *index) home(frag uint32) int {
	return int(uint64(frag) * uint64(len(x.slots)) >> 32)
}

// first is the entry number + 1 in the first slot that holds frag, 0 for none. Another key may have
// the same frag. The first four slots are compared without a branch on what they hold: how far an entry lies
// from its home nobody can foretell, and each wrong guess costs as much as the whole look-up.
func (x *index) first(frag uint32) uint32 {
	slots := x.slots
	i := x.home(frag)
	if i+4 <= len(slots) {
		near := (*[4]uint64)(slots[i:])
		entry := uint32(0)
		if uint32(near[3]>>32) == frag {
			entry = uint32(near[3])
		}
		if uint32(near[2]>>32) == frag {
			entry = uint32(near[2])
		}
		if uint32(near[1]>>32) == frag {
			entry = uint32(near[1])
		}
		if uint32(near[0]>>32) == frag {
			entry = uint32(near[0])
		}
		if entry != 0 {
			return entry
		}
	}
	for {
		s := slots[i]
		if s == 0 || uint32(s>>32) == frag {
			return uint32(s)
		}
		if i++; i == len(slots) {
			i = 0
		}
	}
}

// insert adds an entry, which must not be there yet. The index must not hold capacity entries.
func (x *index) insert(frag, entry uint32) {
	if (x.used+1)*5 > len(x.slots)*4 && len(x.slots) < x.limit {
		x.resize(min(x.grown(), x.limit))
	}
	x.place(uint64(frag)<<32 | uint64(entry+1))
	x.used++
}

// grown is the next larger number of slots: in steps of a quarter from 4,096 on, so that a big table
// has 10 to 13 bytes of slots a flow and not up to 20.
func (x *index) grown() int {
	if n := len(x.slots); n >= 4096 {
		return n + n/4
	}
	return 2 * len(x.slots)
}

func (x *index) place(s uint64) {
	i := x.home(uint32(s >> 32))
	for x.slots[i] != 0 {
		if i++; i == len(x.slots) {
			i = 0
		}
	}
	x.slots[i] = s
}

// resize goes over to n slots: in room where there is any, else in new memory.
func (x *index) resize(n int) {
	old := x.slots
	if n <= len(x.room) {
		old = slices.Clone(old)
		x.slots = x.room[:n:n]
		clear(x.slots)
	} else {
		x.slots = make([]uint64, n)
	}
	for _, s := range old {
		if s != 0 {
			x.place(s)
		}
	}
}

// prefault takes the memory of all slots that capacity ever needs, from the arena where it can. The
// index still begins small and grows in it: 10,000 flows in an index for 262,144 have each a cache line
// of it to themselves, and their look-ups took three times as long.
func (x *index) prefault(a *arena) {
	n := x.limit
	if p := a.take((n*8 + 63) &^ 63); p != nil {
		x.room = unsafe.Slice((*uint64)(p), n)
	} else {
		x.room = make([]uint64, n)
	}
	clear(x.room) // which touches its pages
	x.slots = x.room[:len(x.slots):len(x.slots)]
}

// remove takes an entry out, which must be there, and moves followers back into the hole so that no
// probe ends early.
func (x *index) remove(frag, entry uint32) {
	want := uint64(frag)<<32 | uint64(entry+1)
	n := len(x.slots)
	hole := x.home(frag)
	for x.slots[hole] != want {
		if hole++; hole == n {
			hole = 0
		}
	}
	for i := hole; ; {
		if i++; i == n {
			i = 0
		}
		s := x.slots[i]
		if s == 0 {
			break
		}
		// s may move into the hole unless its home lies after the hole (cyclically) up to i.
		if around(i-x.home(uint32(s>>32)), n) >= around(i-hole, n) {
			x.slots[hole] = s
			hole = i
		}
	}
	x.slots[hole] = 0
	x.used--
}

// around is a distance along a circle of n slots.
func around(d, n int) int {
	if d < 0 {
		d += n
	}
	return d
}

func (x *index) memory() uint64 { return uint64(max(len(x.slots), len(x.room))) * 8 }
