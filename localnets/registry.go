package localnets

import (
	"fmt"
	"math"
	"net/netip"
	"sync"
	"sync/atomic"
)

// A Registry owns the networks' counters.
//
// An idle network costs about 0.2 kB (its description, its place in the prefix table and its host
// counts); the first traffic allocates its counters, 1.1 kB and 50 bytes for each application protocol
// it uses.
//
// A network is counted in its slot, which is its own from the reload that brings it to the one that takes
// it away. Until the first reload it is the network's ID. Flows hold slots, for the IDs of a network may
// change with a reload; readers of snapshots see IDs alone.
type Registry struct {
	table atomic.Pointer[Table] // swapped whole, never changed
	names []string              // of applications, by Delta.App
	hosts *hosts                // has its own locks; none is held while mu is taken

	mu        sync.Mutex  // guards all below
	networks  []Network   // by ID; replaced whole by a reload, as is slots
	slots     []int32     // by ID
	counters  []*counters // by slot; nil before the first traffic
	active    []int32     // slots of networks with counters
	free      []int32     // slots that nothing refers to
	unsettled bool        // between Swap and Settle
	removed   [NumDirections]Counts
	scopes    [NumScopes]Counts
	matrix    matrix
	lately    []handshakeRTT
	appParts  int // entries of all networks' parts, so that a snapshot allocates once

	clock   int64 // largest time that Apply or Tick was given
	started bool  // clock is set
	ticked  int64 // the last tick's time, valid once ticks > 0
	ticks   uint64
	minute  int64 // running minute of the clock, see minuteOf

	rateStart     int64
	rateIntervals uint64 // complete intervals
}

// counters are one network's, from its first traffic on. What the usual fold touches is in the first three cache
// lines and in one of parts.
type counters struct {
	// apps holds the applications seen, ascending, and parts the counts of each at the same place.
	// Most networks use few: this takes a fraction of an array over all applications, and the
	// search stays within a cache line or two.
	apps  []uint16
	few   [8]uint16 // what apps points to while it holds no more
	parts []appCounts
	// What ApplyUsual has counted and settle has not yet moved to stats: by direction, TCP with readable headers
	// and UDP.
	usual      [NumDirections][L4UDP + 1]Counts
	ackRTT     int64
	ackSamples uint64
	seen       int64 // NetworkStats.LastSeen
	// stats is what a snapshot copies, once settled. Protocols stays nil here, and the figures of hosts zero.
	stats  NetworkStats
	window window
	rated  Counts // total at the start of the running interval of rates
}

// appCounts is the part of one application.
type appCounts [NumDirections]Counts

// New makes a Registry of networks, whose IDs must be their indexes (ParseList gives such a list).
// An empty list is allowed: all traffic is transit then.
func New(cfg Config, networks []Network) (*Registry, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("local networks: %w", err)
	}
	if err := checkNetworks(networks); err != nil {
		return nil, fmt.Errorf("local networks: %w", err)
	}
	cfg = cfg.withDefaults()
	r := &Registry{
		names:    cfg.AppNames,
		hosts:    newHosts(cfg.MaxHosts, cfg.HostIdleTimeout, len(networks)),
		networks: append([]Network(nil), networks...),
		slots:    make([]int32, len(networks)),
		counters: make([]*counters, len(networks)),
		matrix:   newMatrix(cfg.MaxMatrixCells),
	}
	for i := range r.slots {
		r.slots[i] = int32(i)
	}
	r.table.Store(newTable(1, r.networks, r.slots, len(networks)))
	return r, nil
}

// checkNetworks refuses a list that the prefix table or the counters could not tell apart.
func checkNetworks(networks []Network) error {
	seen := make(map[netip.Prefix]int32, len(networks))
	for i := range networks {
		n := &networks[i]
		switch {
		case int(n.ID) != i:
			return fmt.Errorf("network %v at index %d has ID %d", n.Prefix, i, n.ID)
		case !n.Prefix.IsValid():
			return fmt.Errorf("network %d (%q) has no valid prefix", i, n.Name)
		case n.Prefix != n.Prefix.Masked():
			return fmt.Errorf("network %v has host bits set", n.Prefix)
		case n.Prefix.Addr().Is4In6():
			return fmt.Errorf("network %v is an IPv4-mapped prefix; give it as IPv4", n.Prefix)
		}
		if first, dup := seen[n.Prefix]; dup {
			return fmt.Errorf("network %v is both %d and %d", n.Prefix, first, i)
		}
		seen[n.Prefix] = n.ID
	}
	return nil
}

// Table is the prefix table now in force.
func (r *Registry) Table() *Table { return r.table.Load() }

// Tick tells the registry the time of its clock (capture time for files, wall time of the capture
// live), ns since the Unix epoch: it closes rate intervals and minutes and drops idle hosts. The
// flow table calls it about once a second, after a fold; a time not after the last one does nothing.
func (r *Registry) Tick(now int64) {
	if r.tick(now) {
		r.hosts.sweep(unixSeconds(now))
	}
}

func (r *Registry) tick(now int64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ticks > 0 && now <= r.ticked {
		return false
	}
	r.advanceLocked(now)
	if r.ticks == 0 {
		r.startRatesLocked(now)
	}
	r.ticked = now
	r.ticks++
	r.averageLocked()
	r.rateLocked(now)
	r.rollMinuteLocked(now)
	return true
}

// advanceLocked moves the clock forward to now, never back; r.mu is held. The least time is that of a fold
// before there was a clock, and moves nothing.
func (r *Registry) advanceLocked(now int64) {
	if now == math.MinInt64 {
		return
	}
	if !r.started {
		r.started, r.clock, r.minute = true, now, minuteOf(now)
		return
	}
	r.clock = max(r.clock, now)
}

// countersOf is the counters of a slot, or nil where no network has it; r.mu is held.
func (r *Registry) countersOf(slot int32) *counters {
	if slot < 0 || int(slot) >= len(r.counters) {
		return nil
	}
	c := r.counters[slot]
	if c == nil {
		id := r.table.Load().ID(slot)
		if id == NoNetwork {
			return nil
		}
		c = &counters{stats: NetworkStats{Network: r.networks[id]}}
		c.apps = c.few[:0]
		t := r.idleTrend()
		c.stats.ThroughputBytesTrend, c.stats.ThroughputPacketsTrend = t, t
		r.counters[slot] = c
		r.active = append(r.active, slot)
	}
	return c
}
