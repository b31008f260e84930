package localnets

import (
	"errors"
	"fmt"
	"net/netip"
)

// An Update is a checked list of networks with its prefix table, ready to take the place of the one in
// force: Prepare, Swap, then Settle. What is dear happens outside of Swap, for which all counting waits.
type Update struct {
	Change Change

	base     uint64 // generation that it was prepared for
	networks []Network
	slots    []int32 // by ID
	places   int     // slots in all
	fresh    []int32 // slots that begin at zero
	gone     []int32 // slots of the networks that are removed
	table    *Table
}

// A Change is what an Update does to the list. Names and aliases that change do not touch counters.
type Change struct {
	Added, Removed []Network
	Renamed        []Rename
}

// A Rename is a network whose name or alias changed.
type Rename struct {
	Before, After Network
}

// Empty reports whether the lists are the same but for their order.
func (c *Change) Empty() bool { return len(c.Added)+len(c.Removed)+len(c.Renamed) == 0 }

// ErrReloading is wrapped by the error of a Prepare or Swap while another update is under way.
var ErrReloading = errors.New("another update of the networks is under way")

// Prepare makes the Update that puts networks in force; their IDs must be their indexes. It changes
// nothing.
//
// A network is the same as before when its prefix is. It keeps its counters, and its ID as long as there
// are so many networks. IDs stay dense: a new network gets the ID of one that is gone, or the next one;
// where more are gone than come, the last IDs fill the gaps.
func (r *Registry) Prepare(networks []Network) (*Update, error) {
	if err := checkNetworks(networks); err != nil {
		return nil, fmt.Errorf("local networks: %w", err)
	}
	r.mu.Lock()
	u := &Update{base: r.table.Load().Generation(), places: len(r.counters)}
	before, slots := r.networks, r.slots // replaced whole, never changed
	free := append([]int32(nil), r.free...)
	unsettled := r.unsettled
	r.mu.Unlock()
	if unsettled {
		return nil, fmt.Errorf("local networks: %w", ErrReloading)
	}

	old := make(map[netip.Prefix]int32, len(before))
	for i := range before {
		old[before[i].Prefix] = int32(i)
	}
	u.networks = make([]Network, len(networks))
	u.slots = make([]int32, len(networks))
	taken := make([]bool, len(networks))
	stays := make([]bool, len(before))
	moving := make([]int32, 0, len(networks)) // indexes of those without an ID so far
	for i := range networks {
		id, known := old[networks[i].Prefix]
		if known {
			stays[id] = true
		}
		if !known || int(id) >= len(networks) {
			moving = append(moving, int32(i))
			continue
		}
		u.place(id, networks[i], slots[id])
		taken[id] = true
	}
	id := int32(0)
	for _, i := range moving {
		for taken[id] {
			id++
		}
		n := networks[i]
		if before, known := old[n.Prefix]; known {
			u.place(id, n, slots[before])
		} else {
			slot := int32(u.places)
			if len(free) > 0 {
				slot, free = free[0], free[1:]
			} else {
				u.places++
			}
			u.place(id, n, slot)
			u.fresh = append(u.fresh, slot)
			u.Change.Added = append(u.Change.Added, u.networks[id])
		}
		taken[id] = true
	}
	for i := range before {
		if !stays[i] {
			u.gone = append(u.gone, slots[i])
			u.Change.Removed = append(u.Change.Removed, before[i])
		}
	}
	for i := range u.networks {
		n := &u.networks[i]
		if id, known := old[n.Prefix]; known && (before[id].Name != n.Name || before[id].Alias != n.Alias) {
			u.Change.Renamed = append(u.Change.Renamed, Rename{Before: before[id], After: *n})
		}
	}
	if !u.Change.Empty() {
		u.table = newTable(u.base+1, u.networks, u.slots, u.places)
	}
	return u, nil
}

func (u *Update) place(id int32, n Network, slot int32) {
	n.ID = id
	u.networks[id], u.slots[id] = n, slot
}

// Swap puts u in force, unless its Change is empty. What is applied from now on counts by the new list;
// the caller sees to it that no delta of the old one is still to come, but for ends of flows and for
// touches, which a network that is gone ignores.
//
// Of a network that is gone, the traffic stays in the scopes and is added to Snapshot.Removed; its cells
// of the matrix are added to MatrixOther.
func (r *Registry) Swap(u *Update) error {
	if u.Change.Empty() {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.unsettled || r.table.Load().Generation() != u.base {
		return fmt.Errorf("local networks: %w", ErrReloading)
	}
	r.unsettled = true
	r.averageLocked() // while slots are those that the samples name
	r.counters = append(r.counters, make([]*counters, u.places-len(r.counters))...)
	r.hosts.extend(u.places, u.fresh)
	for _, slot := range u.gone {
		c := r.counters[slot]
		if c == nil {
			continue
		}
		for dir, n := range c.settle().Traffic {
			r.removed[dir].add(n)
		}
		r.appParts -= len(c.apps)
		r.counters[slot] = nil
	}
	r.active = r.active[:0]
	for id, slot := range u.slots {
		if c := r.counters[slot]; c != nil {
			c.stats.Network = u.networks[id]
			r.active = append(r.active, slot)
		}
	}
	r.matrix.retain(u.table)
	r.networks, r.slots = u.networks, u.slots
	r.free = without(r.free, u.fresh)
	r.table.Store(u.table)
	return nil
}

// Settle ends an update that Swap put in force, once no flow holds a slot of a network that is gone. It
// gives each host told apart to the network that it is in now, and forgets those in none.
//
// A host that comes to another network counts among its Hosts and NewHosts, and not among those of the
// running minute: it is not new on the wire.
func (r *Registry) Settle(u *Update) {
	if u.Change.Empty() {
		return
	}
	for i := range r.hosts.shards {
		r.rehome(&r.hosts.shards[i], u.table)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.free = append(r.free, u.gone...)
	r.unsettled = false
}

// rehome gives the hosts of one shard to the networks of tbl. It holds mu, so that no snapshot sees a host
// as new in the minute, and with it the shard's.
func (r *Registry) rehome(sh *hostShard, tbl *Table) {
	r.mu.Lock()
	defer r.mu.Unlock()
	sh.mu.Lock()
	defer sh.mu.Unlock()
	h := r.hosts
	nets := *h.nets.Load()
	for i := 0; i < len(sh.tab); {
		s := &sh.tab[i]
		if s.tag == 0 {
			i++
			continue
		}
		to := tbl.Lookup(&s.addr, s.tag&tagIs4 != 0).Net
		if to == s.net() {
			i++
			continue
		}
		nets[s.net()].now.Add(-1)
		if to == NoNetwork {
			h.total.Add(-1)
			h.deleteLocked(sh, uint64(i)) // another host may have moved into this place
			continue
		}
		s.tag = s.tag&tagIs4 | uint32(to) + 1
		nets[to].now.Add(1)
		nets[to].appeared.Add(1)
		nets[to].beforeMinute++
		i++
	}
}

// Networks are the networks in force, by ID: a copy.
func (r *Registry) Networks() []Network {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Network(nil), r.networks...)
}

// Places are the networks in force by ID, with the slots that they are counted in, and the generation of
// the list: for a path that counts outside of this process and gives Totals. What it counts by an older
// list in the slot of a network that is gone counts as NoNetwork.
func (r *Registry) Places() (networks []Network, slots []int32, generation uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Network(nil), r.networks...), append([]int32(nil), r.slots...), r.table.Load().Generation()
}

// without is list without those of others, which are its first ones.
func without(list, others []int32) []int32 {
	n := 0
	for n < len(list) && n < len(others) && list[n] == others[n] {
		n++
	}
	return append([]int32(nil), list[n:]...)
}
