package engine

import (
	"cmp"
	"errors"
	"strings"

	"github.com/netmond/netmond/alerts"
)

// keep collects changes for the store, in the name of the check that runs.
func (r *runner) keep(ops []alerts.Op) {
	for i := range ops {
		op := &ops[i]
		op.Alert.Check = r.job.check.key
		r.opBytes += opWeight + len(op.Alert.JSON) + len(op.Alert.Description) + len(op.Value.Value)
	}
	r.ops = append(r.ops, ops...)
}

// apply gives the collected changes to the store. The networks of which some were refused are noted, as
// they are now.
func (r *runner) apply() {
	if len(r.ops) == 0 {
		return
	}
	results := r.e.deps.Store.Apply(r.ops)
	refused := make(map[string]bool) // networks
	var first, queued error
	r.e.mu.Lock()
	st := r.e.knownLocked(r.job.check.key)
	for i := range results {
		op, result := &r.ops[i], &results[i]
		switch {
		case errors.Is(result.Err, alerts.ErrQueued):
			st.status.Queued++
			queued = result.Err
		case result.Err != nil:
			st.status.Refused++
			first = cmp.Or(first, result.Err)
			refused[op.Alert.Network+op.Value.Network] = true // one of them is empty
		}
		if !result.Changed {
			continue
		}
		switch op.Kind {
		case alerts.OpEngage:
			st.status.Engaged++
		case alerts.OpRelease:
			st.status.Released++
		case alerts.OpRecord:
			st.status.Recorded++
		}
	}
	r.e.mu.Unlock()
	if first != nil {
		r.e.deps.Log.Warn("changes of a check were refused", "check", r.job.check.key, "networks", len(refused), "error", first)
	}
	if queued != nil {
		r.e.deps.Log.Warn("changes of a check are not on disk yet", "check", r.job.check.key, "error", queued)
	}
	for cidr := range refused {
		if n := r.snap.LookupName(cidr); n != nil {
			r.refused = append(r.refused, networkView{n.ID, r.e.deps.Store.AlertView(cidr)})
		}
	}
	r.ops, r.opBytes = r.ops[:0], 0
}

// logOutput logs what a script printed and did wrong, room bytes at most.
func (r *runner) logOutput(net int32, m *resultMsg, room int) {
	cidr, _ := r.cidr(net)
	log := r.e.deps.Log.With("check", r.job.check.key, "network", cidr, "periodicity", r.period)
	for _, w := range m.Warnings {
		w = cut(w, room)
		if room -= len(w); w != "" {
			log.Warn("check used the API wrongly", "problem", w)
		}
	}
	for line := range strings.Lines(cut(m.Output, room)) {
		log.Info("check prints", "line", strings.TrimSuffix(line, "\n"))
	}
}

// outOfTime is what a worker says when it has used all of its processor time.
const outOfTime = "processor time is spent"

// endOutcome says how a worker that ended by itself is to be counted, from its last words. What the kernel
// refuses to a Go runtime at its limit of memory it reports in several ways, of which one is a fault in its
// own code; a nil pointer elsewhere would be a panic, which the VM turns into a script's error.
func endOutcome(said string) Outcome {
	if strings.Contains(said, outOfTime) {
		return Timeout
	}
	for _, words := range []string{"out of memory", "cannot allocate memory", "failed to allocate", "failed to create new OS thread", "pthread_create failed", "SIGSEGV", "unexpected fault address"} {
		if strings.Contains(said, words) {
			return OutOfMemory
		}
	}
	return Crashed
}
