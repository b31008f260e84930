package alerts

import (
	"os"
	"path/filepath"
)

// Stats are a Store's or a Mem's figures of one moment, for metrics and the API. Totals count since the
// start.
type Stats struct {
	Engaged   map[string][NumSeverities]int // engaged alerts by network and severity
	NumValues int                           // cached values
	Rows      int                           // past alerts in the file

	Engages, Releases, Records, Values uint64            // changes made
	Refused                            map[string]uint64 // changes refused: quota, too_large, invalid, full, failing, closed

	Failing     bool   // the disk does not take changes, or not in time
	LastError   string // of the disk; stays after the recovery
	LastErrorAt int64  // seconds since the Unix epoch; 0 for never
	Queued      int    // changes of alerts that wait in memory
	QueuedBytes int    // about, with their texts

	Commits, CommitErrors uint64
	CommitSeconds         float64 // of all commits together
	QueryErrors           uint64
	SetAside              uint64 // damaged files renamed
	Trimmed               uint64 // past alerts that age, number, size or a user removed
	FileBytes             int64  // of the database and its log
	UsedBytes             int64  // of the pages that hold something, at the last look
}

// stats are the figures of the working copy.
func (s *state) stats() Stats {
	c := &s.counts
	st := Stats{
		Engaged: make(map[string][NumSeverities]int), NumValues: s.values,
		Engages: c.engages, Releases: c.releases, Records: c.records, Values: c.values,
		Refused: make(map[string]uint64, numReasons),
	}
	for cidr, n := range s.networks {
		if len(n.engaged) > 0 {
			st.Engaged[cidr] = n.severities
		}
	}
	for r := range numReasons {
		st.Refused[r.String()] = c.refused[r]
	}
	return st
}

// Stats gives the figures.
func (s *Store) Stats() Stats {
	file := filepath.Join(s.cfg.Dir, databaseName)
	size := fileSize(file) + fileSize(file+"-wal")
	s.mu.Lock()
	defer s.mu.Unlock()
	st, w := s.state.stats(), &s.stats
	st.Rows, st.Failing, st.LastErrorAt, st.Queued, st.QueuedBytes = w.rows, s.fault.failing, s.fault.at, s.pending, s.pendLen
	st.Commits, st.CommitErrors, st.CommitSeconds, st.QueryErrors = w.commits, w.errors, w.seconds, w.queryErrors
	st.SetAside, st.Trimmed, st.FileBytes, st.UsedBytes = w.setAside, w.trimmed, size, w.usedBytes
	if s.fault.err != nil {
		st.LastError = s.fault.err.Error()
	}
	return st
}

// fileSize is 0 for a file that cannot be seen.
func fileSize(file string) int64 {
	st, err := os.Stat(file)
	if err != nil {
		return 0
	}
	return st.Size()
}
