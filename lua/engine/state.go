package engine

import (
	"fmt"
	"time"

	"github.com/netmond/netmond/alerts"
)

// An Outcome is how a run of a check on one network ended.
type Outcome uint8

// The outcomes.
const (
	OK          Outcome = iota
	Failed              // a Lua error
	Timeout             // the time limit, or the end of the period
	OutOfMemory         // the memory limit
	Crashed             // the worker ended otherwise
	Skipped             // not begun: the check had failed before in this run, is backed off, or had no turn

	NumOutcomes
)

var outcomeNames = [NumOutcomes]string{"ok", "error", "timeout", "memory", "crashed", "skipped"}

// String is the outcome's metric label.
func (o Outcome) String() string {
	if o >= NumOutcomes {
		return fmt.Sprintf("outcome %d", uint8(o))
	}
	return outcomeNames[o]
}

// fatal reports whether the check is not run on further networks.
func (o Outcome) fatal() bool { return o == Timeout || o == OutOfMemory || o == Crashed }

// A State is how a check is doing.
type State uint8

// The states.
const (
	StateNew       State = iota // it has not run yet
	StateOK                     // its last run succeeded
	StateFailing                // its last run failed or had errors; the next comes at its time
	StateBackedOff              // it pauses, see CheckStatus.Until
	StateBroken                 // the script cannot be loaded, and no earlier text of it was
	StateDisabled

	NumStates
)

var stateNames = [NumStates]string{"new", "ok", "failing", "backed off", "broken", "disabled"}

// String is the state as shown to people and in metrics.
func (s State) String() string { return stateNames[s] }

// DurationBuckets are the upper bounds of CheckStatus.Durations, in seconds; the last bucket is open.
var DurationBuckets = [...]float64{0.0001, 0.001, 0.01, 0.1, 1}

// CheckStatus is what the engine knows of a check.
type CheckStatus struct {
	Key     string
	File    string // path; of a shipped check its name
	Shipped bool
	Style   string // empty until loaded
	Hooks   []alerts.Periodicity
	Enabled bool
	State   State
	Until   int64  // of StateBackedOff: about when it runs again, ns since the Unix epoch
	LoadErr string // why the present file cannot be loaded; an earlier text of it may still run
	LastErr string // of the last run that did not succeed

	Runs      [NumOutcomes]uint64 // of single networks
	Failures  int                 // runs over the networks that failed, one after another
	Durations [len(DurationBuckets) + 1]uint64
	Spent     time.Duration // sum of the durations

	LastRun      int64         // ns since the Unix epoch; 0 never
	LastSuccess  int64         // likewise
	LastDuration time.Duration // of the last run over all networks

	Engaged, Released, Recorded uint64 // alerts
	Refused                     uint64 // changes that the store refused
	Queued                      uint64 // changes that wait in memory, for the store could not write them at once
	Misused                     uint64 // API calls with wrong arguments
	PrintDropped                uint64 // bytes of print that were thrown away
}

// EngineStatus is what the engine knows of itself.
type EngineStatus struct {
	Restarts [NumOutcomes]uint64 // workers that ended in a run, by why
	Recycled uint64              // workers replaced for what scripts had kept in memory
	Late     uint64              // runs that began more than half a period late, or over others' time
	Missed   uint64              // periods without a run
	Refused  uint64              // files that are no checks for a name, a folder or the number of scripts
	Reloads  uint64              // scans that found a change
}

// checkState is the changing part of a check. Engine.mu guards it.
type checkState struct {
	status CheckStatus
	ran    bool
	errors bool                           // the last run had some
	pause  [alerts.NumPeriodicities]int   // periods still to pass
	fails  [alerts.NumPeriodicities]int   // failed runs in a row
	until  [alerts.NumPeriodicities]int64 // when a pause ends, about
	proven [alerts.NumPeriodicities]bool  // the last run did not fail
	passed [alerts.NumPeriodicities]bool  // the last run had no time for it
	print  struct{ since, room int64 }    // output that the log may still take, from a time on
}

// Output of one check that the log takes in a minute, bytes.
const printBudget = 64 << 10

// takePrint says how much of n bytes may be logged now.
func (s *checkState) takePrint(n int, now int64) int {
	if now-s.print.since >= int64(time.Minute) || now < s.print.since {
		s.print.since, s.print.room = now, printBudget
	}
	take := min(int64(n), s.print.room)
	s.print.room -= take
	s.status.PrintDropped += uint64(int64(n) - take)
	return int(take)
}

// count adds one run on a network.
func (s *checkState) count(o Outcome, d time.Duration) {
	s.status.Runs[o]++
	if o == Skipped {
		return
	}
	s.status.Spent += d
	i := 0
	for i < len(DurationBuckets) && d.Seconds() > DurationBuckets[i] {
		i++
	}
	s.status.Durations[i]++
}

// finish ends a run over the networks: failed makes the pause longer, success ends it.
func (s *checkState) finish(p alerts.Periodicity, now int64, failed, errors bool, maxBackOff time.Duration) {
	s.ran, s.errors = true, errors
	s.proven[p], s.passed[p] = !failed, false
	if !failed {
		s.fails[p], s.pause[p], s.until[p] = 0, 0, 0
		if !errors {
			s.status.LastSuccess = now
		}
		return
	}
	s.fails[p]++
	period := time.Duration(p.Seconds()) * time.Second
	periods := 1
	for i := 1; i < s.fails[p] && time.Duration(periods*2)*period <= maxBackOff; i++ {
		periods *= 2
	}
	s.pause[p] = periods - 1
	s.until[p] = now + int64(periods)*int64(period)
}

// renew forgets failures: the script or its settings changed.
func (s *checkState) renew() {
	s.ran, s.errors = false, false
	s.proven, s.passed = [alerts.NumPeriodicities]bool{}, [alerts.NumPeriodicities]bool{}
	s.pause, s.fails, s.until = [alerts.NumPeriodicities]int{}, [alerts.NumPeriodicities]int{}, [alerts.NumPeriodicities]int64{}
}

// snapshot is the status with the state that follows from it.
func (s *checkState) snapshot() CheckStatus {
	st := s.status
	st.Failures, st.Until = 0, 0
	paused := false
	for p := range s.fails {
		st.Failures = max(st.Failures, s.fails[p])
		if s.pause[p] > 0 {
			paused = true
			st.Until = max(st.Until, s.until[p])
		}
	}
	switch {
	case st.LoadErr != "" && st.Style == "":
		st.State = StateBroken
	case !st.Enabled:
		st.State = StateDisabled
	case paused:
		st.State = StateBackedOff
	case st.Failures > 0 || s.errors:
		st.State = StateFailing
	case !s.ran:
		st.State = StateNew
	default:
		st.State = StateOK
	}
	return st
}
