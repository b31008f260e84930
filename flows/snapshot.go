package flows

import (
	"github.com/netmond/netmond/localnets"
	"github.com/netmond/netmond/packet"
)

// An EndReason says why a flow left the table, with the numbers of IPFIX flowEndReason (RFC 5102
// section 5.11.3) where that has one.
type EndReason uint8

// End reasons.
const (
	EndIdle      EndReason = 1
	EndActive    EndReason = 2
	EndOfFlow    EndReason = 3
	EndForced    EndReason = 4
	EndResources EndReason = 5 // evicted at the bound
	// EndHalfOpen is not of IPFIX: Config.HalfOpenTimeout passed.
	EndHalfOpen EndReason = 6

	NumEndReasons EndReason = 7
)

// A Snapshot is everything that was counted, at one moment at which the accounting closes: the
// scopes of Nets sum to Capture.
type Snapshot struct {
	Nets    *localnets.Snapshot // all scopes filled
	Capture CaptureCounts
	// Undecoded is indexed by packet.Reason.
	Undecoded  [packet.NumReasons]localnets.Counts
	IPv4, IPv6 localnets.Counts // frames by the IP version of their counted header, wire bytes of Meta.WireLen
	Fragments  uint64           // IP fragments, first ones included
	Table      TableStats
}

// CaptureCounts are the frames that workers were given.
type CaptureCounts struct {
	Packets, Bytes   uint64 // wire bytes
	CapturedBytes    uint64
	TruncatedPackets uint64 // captured shorter than on the wire
	First, Last      int64  // smallest and largest capture time, ns; 0 without packets
}

// TableStats is the state of the flow table.
type TableStats struct {
	Capacity, Entries int
	// Started counts flow records begun by their transport class (localnets.L4 order); a flow whose
	// ports are not known counts as L4Other unless its protocol is ICMP. A connection that follows
	// another between the same ports goes on in its record: as long as nothing is evicted, timed out
	// or untracked, these are the distinct keys. Started - Ended = Entries, in their sums.
	Started [localnets.NumL4]uint64
	Ended   [NumEndReasons]uint64
	// Untracked are packets that found no place in the table; their bytes are in their networks.
	Untracked    localnets.Counts
	NamesRefused uint64 // server names that found no place; flow detail only
	MemoryBytes  uint64 // held by slots, entries and names
}

// Snapshot folds and copies everything, with all workers between two blocks.
//
// The shards are folded once while the workers run, so that little is left to do while they wait.
// Of TCP health, a gap younger than the reorder window is not counted as lost yet.
func (t *Table) Snapshot() *Snapshot { return t.snapshot(t.nets.Snapshot) }

// Read is Snapshot for a recorder: Nets is without Networks and Matrix, and to has the figures of the networks
// that are recorded, see localnets.Registry.Read.
func (t *Table) Read(to *localnets.Readings, protocols bool) *Snapshot {
	return t.snapshot(func() *localnets.Snapshot { return t.nets.Read(to, protocols) })
}

func (t *Table) snapshot(nets func() *localnets.Snapshot) *Snapshot {
	t.foldMu.Lock()
	defer t.foldMu.Unlock()
	t.fold(t.clock.Load())

	t.mu.Lock()
	defer t.mu.Unlock()
	t.waiting.Add(1)
	for _, w := range t.workers {
		w.mu.Lock()
		defer w.mu.Unlock()
	}
	t.waiting.Add(-1)
	t.fold(t.clock.Load())
	snap := &Snapshot{Nets: nets(), Table: t.stats()}
	total := t.gone
	for _, w := range t.workers {
		total.add(&w.counters)
	}
	snap.Capture, snap.Undecoded = total.capture, total.undecoded
	snap.IPv4, snap.IPv6, snap.Fragments = total.ipv4, total.ipv6, total.fragments
	scopes := &snap.Nets.Scopes
	scopes[localnets.ScopeEncapsulation] = localnets.Counts{Bytes: total.envelopes}
	scopes[localnets.ScopeNonIP] = total.nonIP
	for _, n := range total.undecoded {
		sum(&scopes[localnets.ScopeUndecoded], n)
	}
	return snap
}

// add adds d to c.
func (c *counters) add(d *counters) {
	if d.capture.Packets > 0 {
		if c.capture.Packets == 0 {
			c.capture.First, c.capture.Last = d.capture.First, d.capture.Last
		}
		c.capture.First = min(c.capture.First, d.capture.First)
		c.capture.Last = max(c.capture.Last, d.capture.Last)
	}
	c.capture.Packets += d.capture.Packets
	c.capture.Bytes += d.capture.Bytes
	c.capture.CapturedBytes += d.capture.CapturedBytes
	c.capture.TruncatedPackets += d.capture.TruncatedPackets
	for i := range d.undecoded {
		sum(&c.undecoded[i], d.undecoded[i])
	}
	sum(&c.nonIP, d.nonIP)
	c.envelopes += d.envelopes
	sum(&c.ipv4, d.ipv4)
	sum(&c.ipv6, d.ipv6)
	c.fragments += d.fragments
}

func sum(c *localnets.Counts, d localnets.Counts) {
	c.Packets += d.Packets
	c.Bytes += d.Bytes
}

// stats sums over the shards.
func (t *Table) stats() TableStats {
	st := TableStats{Capacity: t.cfg.MaxFlows}
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		st.Entries += int(s.hots.used)
		for l4, n := range s.started {
			st.Started[l4] += n
		}
		for why, n := range s.ended {
			st.Ended[why] += n
		}
		sum(&st.Untracked, s.untracked)
		st.NamesRefused += s.namesRefused
		st.MemoryBytes += s.memory()
		s.mu.Unlock()
	}
	return st
}
