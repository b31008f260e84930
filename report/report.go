package report

import (
	"github.com/netmond/netmond/flows"
	"github.com/netmond/netmond/localnets"
)

// An InputError says where an input stopped making sense.
type InputError struct {
	File   string `json:"file"`
	Offset int64  `json:"offset"` // bytes from the file's start, after decompression
	Error  string `json:"error"`
}

// A Report is one snapshot ready to be written. It keeps the snapshot, which never changes, and
// converts it while writing, so making one costs nothing.
type Report struct {
	s      *flows.Snapshot
	errors []InputError
	filter *Filter
	top    *Top
}

// New makes the report of s, whose Nets must be set. inputErrors are those of the files that s was
// counted from, in the order of the files; the caller must not change them after.
func New(s *flows.Snapshot, inputErrors []InputError) *Report {
	return &Report{s: s, errors: inputErrors}
}

// SetFilter adds what a filter kept out of the snapshot. Call it before the report is written.
func (r *Report) SetFilter(f Filter) { r.filter = &f }

// cidr is the canonical prefix of the network with the ID id.
func (r *Report) cidr(id int32) string {
	if id < 0 || int(id) >= len(r.s.Nets.Networks) {
		return ""
	}
	return r.s.Nets.Networks[id].Prefix.String()
}

// total is what a network's hosts exchanged, each frame once.
func total(n *localnets.NetworkStats) localnets.Counts {
	var sum localnets.Counts
	for _, c := range n.Traffic {
		sum.Packets += c.Packets
		sum.Bytes += c.Bytes
	}
	return sum
}

// Sums are the parts of a report that are not lists.
type Sums struct {
	Capture          Capture
	Scopes           Scopes
	UndecodedReasons map[string]Counts
	Flows            Flows
}

// Sums gives the parts of the report that are not lists.
func (r *Report) Sums() Sums {
	return Sums{Capture: r.capture(), Scopes: r.scopes(), UndecodedReasons: r.undecodedReasons(), Flows: r.flows()}
}
