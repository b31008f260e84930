package localnets

import "net/netip"

// A Match is what the prefix table knows of an address.
type Match struct {
	Net       int32 // network with the longest matching prefix, or NoNetwork
	Broadcast bool  // limited broadcast, or the directed broadcast address of Net
}

// A Table is the longest-prefix table of one generation of the network list. It never changes;
// any goroutine may use it.
type Table struct {
	generation uint64
}

// Generation numbers the tables of one Registry from 1.
func (t *Table) Generation() uint64 { return t.generation }

// Lookup finds addr, in 16 bytes with IPv4 held IPv4-mapped. It allocates nothing.
func (t *Table) Lookup(addr *[16]byte, is4 bool) Match { return Match{Net: NoNetwork} }

// A Registry owns the networks' counters.
type Registry struct{}

// New makes a Registry of networks, whose IDs must be their indexes (ParseList gives such a list).
func New(cfg Config, networks []Network) (*Registry, error) { return &Registry{}, nil }

// Table is the prefix table now in force.
func (r *Registry) Table() *Table { return &Table{} }

// Apply adds deltas. Only the flow table calls it. Deltas are not kept.
func (r *Registry) Apply(now int64, deltas []Delta) {}

// TouchHosts notes hosts as seen. Touches are not kept. Any goroutine may call it.
func (r *Registry) TouchHosts(touches []HostTouch) {}

// Tick tells the registry the time of its clock (capture time for files, wall time of the capture
// live), ns since the Unix epoch: it closes rate intervals and minutes and drops idle hosts. The
// flow table calls it about once a second, after a fold; a time not after the last one does nothing.
func (r *Registry) Tick(now int64) {}

// Snapshot copies all counters.
func (r *Registry) Snapshot() *Snapshot { return &Snapshot{} }

// ParseList reads ntopng's -m syntax from each spec in turn: a comma separated list of CIDR or
// CIDR=alias, or the path of a file of such lists.
func ParseList(specs []string) ([]Network, error) { return nil, nil }

// LookupName finds a configured network by its canonical CIDR, its name as written, its alias, or a
// bare IP address inside it, in this order.
func (s *Snapshot) LookupName(name string) *NetworkStats { return nil }

// DefaultNetworks is the list used when none is configured.
func DefaultNetworks(own []netip.Prefix) []Network { return nil }
