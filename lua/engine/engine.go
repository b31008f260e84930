package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/netmond/netmond/alerts"
	"github.com/netmond/netmond/localnets"
	"github.com/netmond/netmond/lua"
)

// An Engine runs checks. Its methods may be called from several goroutines; Run and RunDue only one at a
// time.
type Engine struct {
	deps Deps

	vmIDs atomic.Uint64
	set   atomic.Pointer[checkSet] // replaced by Reload and SetConfig
	// interval tells the goroutine that looks at the folders of another ReloadInterval.
	interval chan struct{}

	reloadMu sync.Mutex // guards what follows, and one reload at a time
	scanned  *scan
	// unsettled is what the look before found, when it is not what is taken up.
	unsettled *scan

	mu      sync.Mutex // guards what follows; nothing is called with it held
	states  map[string]*checkState
	status  EngineStatus
	workers map[alerts.Periodicity]*process

	runMu   sync.Mutex // guards what follows; held while RunDue runs
	runners map[alerts.Periodicity]*runner
	last    int64 // clock of the RunDue before
	began   bool
	closed  bool

	requests requester
}

// New checks cfg and makes an engine. It starts nothing and reads no script: Reload, Run and the first
// RunDue do.
func New(cfg Config, deps Deps) (*Engine, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if deps.Store == nil {
		return nil, errors.New("checks engine: no store")
	}
	if deps.Log == nil {
		deps.Log = slog.New(slog.DiscardHandler)
	}
	if deps.Shared == nil {
		deps.Shared = lua.NewSharedMem()
	}
	if deps.Now == nil {
		deps.Now = time.Now
	}
	e := &Engine{
		deps: deps, interval: make(chan struct{}, 1),
		states:  make(map[string]*checkState),
		workers: make(map[alerts.Periodicity]*process),
		runners: make(map[alerts.Periodicity]*runner),
	}
	for _, p := range alerts.Periodicities() {
		e.runners[p] = &runner{e: e, period: p, current: -1}
	}
	e.requests.e = e
	e.set.Store(&checkSet{cfg: cfg.clone()})
	return e, nil
}

// Run loads the scripts and runs them on their schedule until ctx ends; then it returns nil, with all
// workers ended. Deps.Snapshot has to be set.
func (e *Engine) Run(ctx context.Context) error {
	if e.deps.Snapshot == nil {
		return errors.New("checks engine: no snapshots")
	}
	e.Reload()
	var all sync.WaitGroup
	for _, p := range alerts.Periodicities() {
		all.Go(func() { e.loop(ctx, p) }) // ended by ctx
	}
	all.Go(func() { e.reloads(ctx) }) // ended by ctx
	all.Wait()
	return nil
}

// reloads looks at the folders every ReloadInterval.
func (e *Engine) reloads(ctx context.Context) {
	for {
		var tick <-chan time.Time // nil: never
		interval := e.set.Load().cfg.ReloadInterval
		if interval > 0 {
			tick = time.After(interval)
		}
		select {
		case <-ctx.Done():
			return
		case <-e.interval:
		case <-tick:
			e.reload(nil, true)
		}
	}
}

// loop runs one periodicity.
func (e *Engine) loop(ctx context.Context, p alerts.Periodicity) {
	r := e.runners[p]
	defer r.lost()
	started := time.Now() // true time is counted from here
	s := newSchedule(p, e.deps.Now().UnixNano())
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		now := e.deps.Now().UnixNano()
		if due, missed, late := s.due(now, time.Since(started)); due {
			e.note(func(st *EngineStatus) {
				st.Missed += uint64(missed)
				if late {
					st.Late++
				}
			})
			if err := r.run(ctx, now, e.deps.Snapshot(), s.budget(now)); err != nil && ctx.Err() == nil {
				e.deps.Log.Error("checks could not run", "periodicity", p, "error", err)
			}
		}
		timer.Reset(s.wait(e.deps.Now().UnixNano()))
	}
}

// RunDue runs what became due between the call before and now (ns since the Unix epoch), the shortest
// period first, each check on all networks before the next: the same calls give the same result. Before
// the first call the clock is taken to have been a second earlier. It is for replays, instead of Run.
func (e *Engine) RunDue(ctx context.Context, now int64, snap *localnets.Snapshot) error {
	e.runMu.Lock()
	defer e.runMu.Unlock()
	if e.closed {
		return errors.New("checks engine is closed")
	}
	if !e.began {
		e.Reload()
		e.began, e.last = true, now-int64(time.Second)
	}
	due := alerts.Due(e.last, now)
	e.last = now
	for _, p := range due {
		if err := e.runners[p].run(ctx, now, snap, 0); err != nil {
			return err
		}
	}
	return nil
}

// Close ends the workers of RunDue and Request. It may be called twice, and after Run has returned.
func (e *Engine) Close() error {
	e.runMu.Lock()
	defer e.runMu.Unlock()
	e.closed = true
	for _, r := range e.runners {
		r.lost()
	}
	e.requests.close()
	return nil
}

// Status tells of all checks, those that cannot be loaded too, by key.
func (e *Engine) Status() []CheckStatus {
	e.mu.Lock()
	defer e.mu.Unlock()
	list := make([]CheckStatus, 0, len(e.states))
	for _, st := range e.states {
		list = append(list, st.snapshot())
	}
	slices.SortFunc(list, func(a, b CheckStatus) int { return strings.Compare(a.Key, b.Key) })
	return list
}

// EngineStatus tells of the engine itself.
func (e *Engine) EngineStatus() EngineStatus {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.status
}

// WorkerPIDs are the processes that run scripts now, for those who watch them.
func (e *Engine) WorkerPIDs() []int {
	e.mu.Lock()
	defer e.mu.Unlock()
	var pids []int
	for _, p := range e.workers {
		if p.pid != 0 {
			pids = append(pids, p.pid)
		}
	}
	slices.Sort(pids)
	return pids
}

// stateLocked is a check's state, made when there is none; e.mu is held.
func (e *Engine) stateLocked(key string) *checkState {
	st := e.states[key]
	if st == nil {
		st = &checkState{status: CheckStatus{Key: key}}
		e.states[key] = st
	}
	return st
}

// knownLocked is a check's state; one that nobody sees for a script that is not, or no longer, a check.
// e.mu is held.
func (e *Engine) knownLocked(key string) *checkState {
	if st := e.states[key]; st != nil {
		return st
	}
	return new(checkState)
}

func (e *Engine) note(change func(*EngineStatus)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	change(&e.status)
}

func (e *Engine) setWorker(p alerts.Periodicity, proc *process) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if proc == nil {
		delete(e.workers, p)
	} else {
		e.workers[p] = proc
	}
}

// killWorker ends a run that a script holds, when its context ends.
func (e *Engine) killWorker(p alerts.Periodicity) {
	e.mu.Lock()
	proc := e.workers[p]
	e.mu.Unlock()
	if proc != nil {
		proc.kill()
	}
}

// requester runs REST scripts in a worker of its own, one at a time.
type requester struct {
	e    *Engine
	mu   sync.Mutex // guards all; held while a request runs
	r    *runner
	snap *localnets.Snapshot // that the worker has
}

const requestPeriod = alerts.Aperiodic

// Request runs the REST script that a URL names, as lua.RunRequestFile does, on snap and at the time now
// (ns since the Unix epoch, 0 for the machine's clock), in a worker of its own with Config.Limits. The
// answer is never nil; see lua.RunRequest for the errors. A script that passed a limit of the worker
// gets an error that wraps lua.ErrTimeLimit or says how the worker ended.
func (e *Engine) Request(ctx context.Context, name string, req lua.Request, snap *localnets.Snapshot, now int64) (*lua.Answer, error) {
	q := &e.requests
	q.mu.Lock()
	defer q.mu.Unlock()
	failed := &lua.Answer{Status: 500, ContentType: "application/json", Body: `{"rc":-6,"rc_str":"INTERNAL_ERROR","rc_str_hr":"Internal error","rsp":[]}`}
	if q.r == nil {
		q.r = &runner{e: e, period: requestPeriod, current: -1}
	}
	r := q.r
	set := e.set.Load()
	cfg := set.cfg
	r.job = &job{check: &check{key: name, limits: cfg.Limits}}
	if r.proc == nil || q.snap != snap || r.now != now || r.set != set {
		r.set, r.snap, r.now, q.snap = set, snap, now, snap
		if err := r.ready(ctx); err != nil {
			return failed, err
		}
	}
	stop := context.AfterFunc(ctx, func() { e.killWorker(requestPeriod) })
	defer stop()
	m := &requestMsg{Name: name, Request: req}
	root := ""
	if len(cfg.ScriptsDirs) > 0 {
		root = cfg.ScriptsDirs[0]
	}
	m.Options = cfg.options(root, "", cfg.Limits.Time, nil)
	r.proc.bound(1, cfg.Limits.Time+timeGrace, cfg.Limits.Memory)
	answer, err := r.request(m)
	if r.proc != nil {
		r.proc.pause()
	}
	if err != nil {
		outcome := r.proc.killedFor()
		said := r.lost()
		q.snap = nil
		switch {
		case ctx.Err() != nil:
			return failed, ctx.Err()
		case outcome == Timeout:
			return failed, fmt.Errorf("%s: %w (%v)", name, lua.ErrTimeLimit, cfg.Limits.Time)
		case outcome == OK:
			outcome = endOutcome(said)
		}
		return failed, fmt.Errorf("%s: %s: %s", name, outcome, said)
	}
	r.keep(answer.Ops)
	r.apply()
	switch {
	case answer.NotFound:
		err = fmt.Errorf("%s: %w", answer.Err, fs.ErrNotExist)
	case answer.Timeout:
		err = fmt.Errorf("%s: %w", answer.Err, lua.ErrTimeLimit)
	case answer.Err != "":
		err = errors.New(answer.Err)
	}
	return &answer.Answer, err
}

func (r *runner) request(m *requestMsg) (*answerMsg, error) {
	kind, body, err := r.proc.call(kindRequest, m)
	for err == nil && kind != kindReplied {
		if err = r.answer(kind, body); err == nil {
			kind, body, err = r.proc.read()
		}
	}
	if err != nil {
		return nil, err
	}
	answer := new(answerMsg)
	return answer, decode(body, answer)
}

func (q *requester) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.r != nil {
		q.r.lost()
	}
}
