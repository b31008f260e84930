package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/netmond/netmond/alerts"
	"github.com/netmond/netmond/localnets"
)

// slice is how long a check runs on its networks before others have their turn.
const slice = 500 * time.Millisecond

// A runner runs the checks of one periodicity in a worker of its own. One goroutine.
type runner struct {
	e      *Engine
	period alerts.Periodicity
	proc   *process
	loaded map[uint64]bool // VMs of the worker

	// Of the run that goes on.
	set     *checkSet // as it was when the run began
	snap    *localnets.Snapshot
	now     int64
	job     *job
	current int // index of job.targets that was started and has no result, or -1
	ops     []alerts.Op
	opBytes int
	refused []networkView // of this step: the worker is told when it is done

	overTime bool // of this run: it was told that checks had no turn
}

// A job is a check in a run.
type job struct {
	check   *check
	targets []target
	next    int // first target that was not begun
	ok, bad int
	fatal   Outcome
	took    time.Duration
	told    bool // an error was logged
}

// run runs all checks of the periodicity once. With a budget they take turns, and the run ends when it is
// spent; without one each check runs on all networks before the next.
func (r *runner) run(ctx context.Context, now int64, snap *localnets.Snapshot, budget time.Duration) error {
	fair := budget > 0
	r.set, r.snap, r.now, r.overTime = r.e.set.Load(), snap, now, false
	jobs := r.jobs()
	if len(jobs) == 0 || len(snap.Networks) == 0 {
		return ctx.Err()
	}
	if err := r.ready(ctx); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { r.e.killWorker(r.period) })
	defer stop()
	if err := r.unloadOld(); err != nil {
		r.lost()
	}
	started := time.Now()
	for len(jobs) > 0 && ctx.Err() == nil {
		r.job = jobs[0]
		jobs = jobs[1:]
		if fair && time.Since(started) > budget {
			if r.job.next == 0 {
				r.passOver(append([]*job{r.job}, jobs...))
				continue
			}
			r.fail(Timeout, fmt.Sprintf("not on all networks within the period: %d of %d", r.job.next, len(r.job.targets)))
			r.finish()
			continue
		}
		begun := time.Now()
		err := r.step(ctx, fair)
		r.job.took += time.Since(begun)
		if ctx.Err() != nil {
			break
		}
		if err != nil {
			r.job.fatal = max(r.job.fatal, Crashed)
		}
		if r.job.fatal == OK && r.job.next < len(r.job.targets) {
			jobs = append(jobs, r.job)
			continue
		}
		r.finish()
	}
	r.job = nil
	if r.set != r.e.set.Load() && r.e.deps.OnReload != nil {
		r.e.deps.OnReload() // a check that was removed meanwhile may have engaged alerts after that
	}
	return ctx.Err()
}

// jobs are the checks to run, by name: first those that are known to do well, then those that are not
// known, and last those that failed before. Of the unknown those go first that had no turn before.
func (r *runner) jobs() []*job {
	var good, passed, unknown, failing []*job
	r.e.mu.Lock()
	defer r.e.mu.Unlock()
	for _, c := range r.set.checks {
		if !c.enabled || !c.hasHook(r.period) {
			continue
		}
		st := r.e.knownLocked(c.key)
		if st.pause[r.period] > 0 {
			st.pause[r.period]--
			st.status.Runs[Skipped]++
			continue
		}
		j := &job{check: c, targets: r.targets(c)}
		if len(j.targets) == 0 {
			continue
		}
		switch {
		case st.fails[r.period] > 0:
			failing = append(failing, j)
		case st.proven[r.period]:
			good = append(good, j)
		case st.passed[r.period]:
			passed = append(passed, j)
		default:
			unknown = append(unknown, j)
		}
	}
	return slices.Concat(good, passed, unknown, failing)
}

// passOver counts the job, of the given ones, that had no turn: that is no failure of its own.
func (r *runner) passOver(left []*job) {
	r.e.mu.Lock()
	st := r.e.knownLocked(r.job.check.key)
	st.status.Runs[Skipped] += uint64(len(r.job.targets))
	st.passed[r.period] = true
	r.e.mu.Unlock()
	if r.overTime {
		return
	}
	r.overTime = true
	waiting := 0
	for _, j := range left {
		if j.next == 0 {
			waiting++
		}
	}
	r.e.deps.Log.Warn("checks had no turn within their period", "periodicity", r.period, "checks", waiting, "first", r.job.check.key)
}

// targets are the networks of a check, in their order, with the VM that has its settings.
func (r *runner) targets(c *check) []target {
	differs := c.differing(r.snap)
	targets := make([]target, 0, len(r.snap.Networks))
	for i := range r.snap.Networks {
		if vm := c.on(differs, int32(i)); vm != notRun {
			targets = append(targets, target{int32(i), c.vms[vm].id})
		}
	}
	return targets
}

// ready makes sure of a worker that has the snapshot. It fails only when no worker can be had.
func (r *runner) ready(ctx context.Context) error {
	m := &snapshotMsg{Period: r.period, Now: r.now, Snap: *r.snap}
	for i := range r.snap.Networks {
		if v := r.e.deps.Store.AlertView(r.snap.Networks[i].Prefix.String()); v != (alerts.View{}) {
			m.Views = append(m.Views, networkView{int32(i), v})
		}
	}
	if r.proc != nil && !slices.Equal(r.proc.dirs, r.set.cfg.ScriptsDirs) {
		r.lost() // what a worker may read is settled when it starts
	}
	var said string
	for range 3 {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if r.proc == nil {
			p, err := startProcess(r.set.cfg)
			if err != nil {
				return fmt.Errorf("%w: %w", errNoWorker, err)
			}
			r.proc, r.loaded = p, make(map[uint64]bool)
			r.e.setWorker(r.period, p)
		}
		err := r.proc.begin(m, r.set.cfg.Limits.Memory)
		if err == nil {
			return nil
		}
		if errors.Is(err, errRecycle) {
			r.e.note(func(s *EngineStatus) { s.Recycled++ })
			r.e.deps.Log.Info("lua worker is replaced: scripts keep too much memory in it", "periodicity", r.period)
		}
		said = fmt.Sprintf("%v: %s", err, r.lost())
	}
	return fmt.Errorf("%w: %s", errNoWorker, said)
}

// lost ends the worker and says what it said.
func (r *runner) lost() string {
	if r.proc == nil {
		return ""
	}
	r.e.setWorker(r.period, nil)
	said := r.proc.close()
	r.proc, r.loaded = nil, nil
	return said
}

// unloadOld drops the VMs of checks that are no more.
func (r *runner) unloadOld() error {
	wanted := make(map[uint64]bool)
	for _, c := range r.set.checks {
		for _, vm := range c.vms {
			wanted[vm.id] = c.enabled
		}
	}
	var gone []uint64
	for id := range r.loaded {
		if !wanted[id] {
			gone = append(gone, id)
			delete(r.loaded, id)
		}
	}
	if len(gone) == 0 {
		return nil
	}
	slices.Sort(gone)
	return r.proc.unload(gone)
}

// step runs the job on some of its networks. An error means that the worker is gone; whom to blame is
// settled then.
func (r *runner) step(ctx context.Context, fair bool) error {
	j := r.job
	r.current = -1
	if r.proc == nil {
		if err := r.ready(ctx); err != nil {
			r.fail(Crashed, err.Error())
			return err
		}
	}
	if err := r.loadVMs(ctx); err != nil || j.fatal != OK {
		return err
	}
	m := &runMsg{Targets: j.targets[j.next:], Values: r.e.deps.OnRun != nil}
	if fair {
		m.Slice = slice
	}
	r.proc.bound(len(m.Targets), j.check.limits.Time+timeGrace, j.check.limits.Memory)
	err := r.proc.send(kindRun, m)
	if err == nil {
		err = r.listen(j.next)
	}
	if r.proc != nil {
		r.proc.pause()
	}
	if err != nil && ctx.Err() == nil {
		r.blame(err)
	}
	r.apply()
	refused := r.refused
	r.refused = nil
	if err == nil && len(refused) > 0 {
		return r.proc.send(kindRefused, &refusedMsg{refused})
	}
	return err
}

// loadVMs loads what the job needs and the worker does not have.
func (r *runner) loadVMs(ctx context.Context) error {
	c := r.job.check
	for i := range c.vms {
		vm := &c.vms[i]
		if r.loaded[vm.id] || !slices.ContainsFunc(r.job.targets, func(t target) bool { return t.VM == vm.id }) {
			continue
		}
		reply, err := r.proc.load(c.loadMsg(r.set.cfg, vm), c.limits)
		switch {
		case err != nil && ctx.Err() != nil:
			r.lost()
			return err
		case err != nil:
			outcome := r.proc.killedFor()
			said := r.lost()
			if outcome == OK {
				outcome = endOutcome(said)
			}
			r.e.note(func(s *EngineStatus) { s.Restarts[outcome]++ })
			r.fail(outcome, "while loading: "+said)
			return err
		case reply.Timeout:
			r.fail(Timeout, reply.Err)
			return nil
		case reply.Err != "":
			r.fail(Crashed, reply.Err)
			return nil
		}
		r.loaded[vm.id] = true
	}
	return nil
}

// listen reads what the worker says until it is done; base is the job's first target of this step.
func (r *runner) listen(base int) error {
	j := r.job
	for {
		kind, body, err := r.proc.read()
		if err != nil {
			return err
		}
		switch kind {
		case kindStart:
			var m startMsg
			if err := decode(body, &m); err != nil {
				return err
			}
			if m.Index >= uint64(len(j.targets)-base) {
				return fmt.Errorf("%w: target %d", errBadMessage, m.Index)
			}
			r.current = base + int(m.Index)
			j.next = r.current + 1
			r.proc.restart()
		case kindResult:
			m := new(resultMsg)
			if err := decode(body, m); err != nil {
				return err
			}
			if r.current < 0 {
				return fmt.Errorf("%w: result without a start", errBadMessage)
			}
			r.result(m)
		case kindDone:
			return nil
		default:
			if err := r.answer(kind, body); err != nil {
				return err
			}
		}
	}
}

// blame settles who ended the worker: the network that was begun and has no result.
func (r *runner) blame(err error) {
	outcome := r.proc.killedFor()
	said := r.lost()
	if outcome == OK {
		outcome = endOutcome(said)
	}
	r.e.note(func(s *EngineStatus) { s.Restarts[outcome]++ })
	if said == "" {
		said = err.Error()
	}
	switch outcome {
	case Timeout:
		said = fmt.Sprintf("stopped by force after the time limit of %v", r.job.check.limits.Time)
	case OutOfMemory:
		said = fmt.Sprintf("memory limit of %d bytes reached", r.job.check.limits.Memory)
	}
	r.fail(outcome, said)
}

// fail counts a failure that no result of the worker tells: on the network that was begun, if there is
// one, and ends the job.
func (r *runner) fail(outcome Outcome, why string) {
	j := r.job
	j.fatal = outcome
	net := localnets.NoNetwork
	if r.current >= 0 {
		net = j.targets[r.current].Net
		r.current = -1
	}
	r.e.mu.Lock()
	st := r.e.knownLocked(j.check.key)
	st.status.LastErr = why
	st.count(outcome, 0)
	r.e.mu.Unlock()
	r.tell(net, outcome, why)
	if r.e.deps.OnRun != nil && net != localnets.NoNetwork {
		r.apply() // in order
		r.e.deps.OnRun(RunReport{Check: j.check.key, Network: r.snap.Networks[net].Network, Periodicity: r.period, Time: r.now, Outcome: outcome, Err: why})
	}
}

// tell logs the first failure of a job.
func (r *runner) tell(net int32, outcome Outcome, why string) {
	j := r.job
	if j.told && !outcome.fatal() {
		return
	}
	j.told = true
	cidr, _ := r.cidr(net)
	r.e.deps.Log.Warn("check failed", "check", j.check.key, "periodicity", r.period, "network", cidr, "outcome", outcome, "error", why)
}

// result takes the result of the network that was begun last.
func (r *runner) result(m *resultMsg) {
	j := r.job
	net := j.targets[r.current].Net
	r.current = -1
	if m.Outcome > Timeout { // no other is a worker's to say
		m.Outcome = Failed
	}
	r.keep(m.Ops)
	r.e.mu.Lock()
	st := r.e.knownLocked(j.check.key)
	st.count(m.Outcome, m.Duration)
	st.status.Misused += m.Misused
	st.status.PrintDropped += m.Dropped
	if m.Outcome != OK {
		st.status.LastErr = m.Err
	}
	room := 0
	if r.e.deps.OnRun == nil && (m.Output != "" || len(m.Warnings) > 0) {
		size := len(m.Output)
		for _, w := range m.Warnings {
			size += len(w)
		}
		room = st.takePrint(size, r.e.deps.Now().UnixNano())
	}
	r.e.mu.Unlock()
	switch {
	case m.Outcome == OK:
		j.ok++
	default:
		j.bad++
		if m.Outcome.fatal() {
			j.fatal = m.Outcome
		}
		r.tell(net, m.Outcome, m.Err)
	}
	if room > 0 {
		r.logOutput(net, m, room)
	}
	if r.e.deps.OnRun != nil {
		r.apply()
		r.e.deps.OnRun(RunReport{
			Check: j.check.key, Network: r.snap.Networks[net].Network, Periodicity: r.period, Time: r.now,
			Outcome: m.Outcome, Err: m.Err, Values: m.Values, Output: m.Output, Warnings: m.Warnings, Released: m.Released, Duration: m.Duration,
		})
	}
	if r.opBytes > applyOpBytes || len(r.ops) > applyOps {
		r.proc.pause()
		r.apply()
		r.proc.resume()
		r.proc.restart()
	}
}

// finish ends a job: what is left of it is skipped, and its state follows from how it went.
func (r *runner) finish() {
	j := r.job
	failed := j.fatal != OK || j.bad > 0 && j.ok == 0
	r.e.mu.Lock()
	st := r.e.knownLocked(j.check.key)
	st.status.Runs[Skipped] += uint64(len(j.targets) - j.next)
	st.status.LastRun, st.status.LastDuration = r.now, j.took
	before := st.fails[r.period]
	st.finish(r.period, r.now, failed, j.bad > 0, r.set.cfg.MaxBackOff)
	pause, fails := st.pause[r.period], st.fails[r.period]
	r.e.mu.Unlock()
	switch {
	case pause > 0:
		r.e.deps.Log.Warn("check is backed off", "check", j.check.key, "periodicity", r.period, "failures", fails, "periods", pause)
	case before > 0 && !failed:
		r.e.deps.Log.Info("check works again", "check", j.check.key, "periodicity", r.period)
	}
}
