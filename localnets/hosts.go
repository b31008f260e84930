package localnets

import (
	"encoding/binary"
	"hash/maphash"
	"math"
	"math/bits"
	"sync"
	"sync/atomic"
	"time"
)

const (
	hostShards = 64 // a power of two
	// hostShardShift leaves the bits of a hash that choose the shard.
	hostShardShift = 64 - 6
	hostSlotsMin   = 16 // slots of a shard's first table
	hostSweepStep  = 4096
	// hostSweepSlots bounds the slots that one Tick examines for idle hosts: all of a full table at
	// the default bound within 32 ticks, in about 0.3 ms each.
	hostSweepSlots = 16 * hostSweepStep
)

// hosts is the set of addresses seen in local networks: open addressing in pointer-free shards, with
// a seeded hash so that nobody outside can choose addresses that collide. Its memory never exceeds
// 55 bytes (a 24-byte slot at a load of 7/16 to 7/8) for each of max hosts, and the first tables.
type hosts struct {
	max     int64
	idle    uint32 // seconds; 0 keeps hosts for good
	seed    maphash.Seed
	total   atomic.Int64
	refused atomic.Uint64
	nets    atomic.Pointer[[]*hostNet] // by slot; extend replaces it
	shards  [hostShards]hostShard

	sweepMu               sync.Mutex // guards the place where the next sweep goes on; taken before a shard's
	sweepShard, sweepSlot int
}

// hostShard guards its table by mu. The padding keeps two shards off one cache line.
type hostShard struct {
	mu   sync.Mutex
	tab  []hostSlot
	used int
	sink uint32 // keeps loads that only warm the cache
	_    [64 - 8 - 24 - 8 - 4]byte
}

// hostSlot is one host. No pointers: the garbage collector does not look inside.
type hostSlot struct {
	addr [16]byte
	seen uint32 // largest capture time, seconds since the Unix epoch
	tag  uint32 // 0 for an empty slot, else the network's slot + 1, with tagIs4 for IPv4
}

const tagIs4 = 1 << 31

func (s *hostSlot) net() int32 { return int32(s.tag&^tagIs4) - 1 }

// hostNet counts the hosts of one network.
type hostNet struct {
	now      atomic.Int64  // told apart now
	appeared atomic.Uint64 // ever
	refused  atomic.Uint32 // capture time of the last refusal in seconds, never 0; 0 for none

	// Of appeared; Registry.mu guards both.
	beforeMinute uint64 // when the running minute began
	lastMinute   uint64 // during the last complete one
}

func newHosts(max int, idle time.Duration, networks int) *hosts {
	h := &hosts{max: int64(max), seed: maphash.MakeSeed()}
	h.nets.Store(new([]*hostNet))
	h.extend(networks, nil)
	if idle > 0 {
		h.idle = uint32(min((idle+time.Second-1)/time.Second, math.MaxUint32))
	}
	return h
}

// extend makes room for places networks; those in fresh, and the ones beyond those that there were, begin
// at zero.
func (h *hosts) extend(places int, fresh []int32) {
	old := *h.nets.Load()
	nets := make([]*hostNet, places)
	block := make([]hostNet, places-len(old))
	for i := copy(nets, old); i < places; i++ {
		nets[i] = &block[i-len(old)]
	}
	for _, slot := range fresh {
		if int(slot) < len(old) {
			nets[slot] = new(hostNet)
		}
	}
	h.nets.Store(&nets)
}

// hash mixes a keyed 64-bit value of addr; the top bits choose the shard, the low bits the slot.
func (h *hosts) hash(addr *[16]byte, is4 bool) uint64 {
	x := maphash.Bytes(h.seed, addr[:])
	if is4 {
		x = bits.ReverseBytes64(x) // an IPv6 packet may carry the same bytes, IPv4-mapped
	}
	return x
}

// warmHosts are looked up side by side; enough of them that each lock is taken for several.
const warmHosts = 512

// warm hashes touches, at most warmHosts, and loads the slots where they belong. The loads of a shard do not
// depend on each other, so their cache misses overlap; touch, which takes the hosts in their order, waits for
// each. A few are not worth it.
func (h *hosts) warm(touches []HostTouch, hashes *[warmHosts]uint64) {
	var ends [hostShards]uint16
	for i := range touches {
		x := h.hash(&touches[i].Addr, touches[i].Is4)
		hashes[i] = x
		ends[x>>hostShardShift]++
	}
	if len(touches) < hostShards {
		return
	}
	sum := uint16(0)
	for i, n := range ends { // ends hold beginnings while the places are given out
		ends[i] = sum
		sum += n
	}
	var order [warmHosts]uint16
	for i, x := range hashes[:len(touches)] {
		order[ends[x>>hostShardShift]] = uint16(i)
		ends[x>>hostShardShift]++
	}
	begin := uint16(0)
	for i, end := range ends {
		if end > begin {
			h.shards[i].warm(hashes, order[begin:end])
		}
		begin = end
	}
}

// warm loads the slots of the hashes that order names.
func (sh *hostShard) warm(hashes *[warmHosts]uint64, order []uint16) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if len(sh.tab) == 0 {
		return
	}
	mask, sum := uint64(len(sh.tab)-1), uint32(0)
	for _, i := range order {
		sum += sh.tab[hashes[i]&mask].tag
	}
	sh.sink = sum
}

// touch notes addr, whose hash is x, in network net as seen at sec, and reports whether it appeared.
func (h *hosts) touch(x uint64, addr *[16]byte, is4 bool, net int32, sec uint32) bool {
	sh := &h.shards[x>>hostShardShift]
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if len(sh.tab) == 0 {
		sh.tab = make([]hostSlot, hostSlotsMin)
	}
	s := sh.find(x, addr, is4)
	if s.tag != 0 {
		s.seen = max(s.seen, sec)
		return false
	}
	n := (*h.nets.Load())[net]
	if !h.reserve() {
		h.refused.Add(1)
		n.refused.Store(max(sec, 1))
		return false
	}
	if (sh.used+1)*8 > len(sh.tab)*7 {
		h.growLocked(sh)
		s = sh.find(x, addr, is4)
	}
	tag := uint32(net) + 1
	if is4 {
		tag |= tagIs4
	}
	*s = hostSlot{addr: *addr, seen: sec, tag: tag}
	sh.used++
	n.now.Add(1)
	n.appeared.Add(1)
	return true
}

// reserve takes one place of the bound.
func (h *hosts) reserve() bool {
	for {
		n := h.total.Load()
		if n >= h.max {
			return false
		}
		if h.total.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// find is addr's slot, or the empty one where it belongs. The load factor leaves an empty slot.
func (sh *hostShard) find(x uint64, addr *[16]byte, is4 bool) *hostSlot {
	mask := uint64(len(sh.tab) - 1)
	hi, lo := binary.NativeEndian.Uint64(addr[:8]), binary.NativeEndian.Uint64(addr[8:])
	for i := x & mask; ; i = (i + 1) & mask {
		s := &sh.tab[i]
		if s.tag == 0 {
			return s
		}
		if binary.NativeEndian.Uint64(s.addr[8:]) == lo && binary.NativeEndian.Uint64(s.addr[:8]) == hi &&
			(s.tag&tagIs4 != 0) == is4 {
			return s
		}
	}
}

// growLocked doubles the table of sh, whose mu is held. Other shards go on meanwhile.
func (h *hosts) growLocked(sh *hostShard) {
	old := sh.tab
	sh.tab = make([]hostSlot, 2*len(old))
	mask := uint64(len(sh.tab) - 1)
	for i := range old {
		s := &old[i]
		if s.tag == 0 {
			continue
		}
		j := h.hash(&s.addr, s.tag&tagIs4 != 0) & mask
		for sh.tab[j].tag != 0 {
			j = (j + 1) & mask
		}
		sh.tab[j] = *s
	}
}

// sweep drops hosts not seen for longer than the idle timeout before now (seconds), examining a
// bounded number of slots and going on there the next time.
func (h *hosts) sweep(now uint32) {
	if h.idle == 0 {
		return
	}
	h.sweepMu.Lock()
	defer h.sweepMu.Unlock()
	left := hostSweepSlots
	for range hostShards {
		sh := &h.shards[h.sweepShard]
		for {
			examined, done := h.sweepStep(sh, now, min(left, hostSweepStep))
			left -= examined
			if done {
				break
			}
			if left <= 0 {
				return
			}
		}
		h.sweepShard, h.sweepSlot = (h.sweepShard+1)%hostShards, 0
		if left <= 0 {
			return
		}
	}
}

// sweepStep examines up to most slots of sh and reports how many, and whether the shard's end is
// reached.
func (h *hosts) sweepStep(sh *hostShard, now uint32, most int) (examined int, done bool) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	for examined < most {
		if h.sweepSlot >= len(sh.tab) {
			return examined, true
		}
		examined++
		s := &sh.tab[h.sweepSlot]
		if s.tag != 0 {
			// A clock that was set back must not keep a host for ever.
			s.seen = min(s.seen, now)
			if now-s.seen > h.idle {
				(*h.nets.Load())[s.net()].now.Add(-1)
				h.total.Add(-1)
				h.deleteLocked(sh, uint64(h.sweepSlot))
				continue // another host may have moved into this slot
			}
		}
		h.sweepSlot++
	}
	return examined, h.sweepSlot >= len(sh.tab)
}

// deleteLocked empties slot i of sh, whose mu is held, and closes the gap in its run of collisions
// (Knuth, The Art of Computer Programming, volume 3, section 6.4, algorithm R).
func (h *hosts) deleteLocked(sh *hostShard, i uint64) {
	mask := uint64(len(sh.tab) - 1)
	for j := (i + 1) & mask; ; j = (j + 1) & mask {
		s := &sh.tab[j]
		if s.tag == 0 {
			break
		}
		home := h.hash(&s.addr, s.tag&tagIs4 != 0) & mask
		if (j-home)&mask >= (j-i)&mask { // its home is not after the gap: it may move into it
			sh.tab[i] = *s
			i = j
		}
	}
	sh.tab[i] = hostSlot{}
	sh.used--
}

// capped reports whether the count of n lacks hosts: some were refused, and an idle timeout has not
// passed since, within which a refused host would have come again or gone.
func (h *hosts) capped(n *hostNet, now uint32) bool {
	at := n.refused.Load()
	return at != 0 && (h.idle == 0 || now <= at || now-at <= h.idle)
}

// rollMinute closes the running minute of all networks; Registry.mu is held. adjacent is false when
// the clock passed over whole minutes.
func (h *hosts) rollMinute(adjacent bool) {
	for _, n := range *h.nets.Load() {
		appeared := n.appeared.Load()
		n.lastMinute = 0
		if adjacent {
			n.lastMinute = appeared - n.beforeMinute
		}
		n.beforeMinute = appeared
	}
}

// unixSeconds is ns since the Unix epoch in seconds, from 1970 to 2106.
func unixSeconds(ns int64) uint32 {
	return uint32(min(max(ns/int64(time.Second), 0), math.MaxUint32))
}

// TouchHosts notes hosts as seen. Touches are not kept. Any goroutine may call it.
func (r *Registry) TouchHosts(touches []HostTouch) {
	tbl := r.table.Load()
	var hashes [warmHosts]uint64
	for ; len(touches) > 0; touches = touches[min(len(touches), warmHosts):] {
		part := touches[:min(len(touches), warmHosts)]
		r.hosts.warm(part, &hashes)
		for i := range part {
			t := &part[i]
			if tbl.ID(t.Net) == NoNetwork {
				continue
			}
			if t.Rehomed {
				r.touchRehomed(t)
				continue
			}
			r.hosts.touch(hashes[i], &t.Addr, t.Is4, t.Net, unixSeconds(t.Time))
		}
	}
}

// touchRehomed notes a host that is in a network since a reload.
func (r *Registry) touchRehomed(t *HostTouch) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.hosts.touch(r.hosts.hash(&t.Addr, t.Is4), &t.Addr, t.Is4, t.Net, unixSeconds(t.Time)) {
		(*r.hosts.nets.Load())[t.Net].beforeMinute++
	}
}
