package engine

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"

	"github.com/netmond/netmond/alerts"
	"github.com/netmond/netmond/lua"
)

// maxReturned bounds the returned values of one run, and maxErrorText an error, bytes.
const (
	maxReturned  = 16 << 10
	maxErrorText = 4 << 10
)

// A worker is the side of the scripts. One goroutine.
type worker struct {
	in     *bufio.Reader
	out    *bufio.Writer
	buf    []byte // of the frame read last
	frame  []byte // of the frame written last
	checks map[uint64]*lua.Check
	misuse map[uint64]lua.Stats // of each VM at its run before
	snap   *snapshotMsg
	sink   *workerSink
	shared *workerShared
	limit  lua.Stopwatch    // of the script that runs
	hook   func(live int64) // told of the live memory when a snapshot is ready; may be nil
	broken error            // of the connection; nothing goes on after it
}

func newWorker(conn io.ReadWriter) *worker {
	w := &worker{
		in: bufio.NewReaderSize(conn, 64<<10), out: bufio.NewWriterSize(conn, 64<<10),
		checks: make(map[uint64]*lua.Check),
		misuse: make(map[uint64]lua.Stats),
		snap:   &snapshotMsg{},
	}
	w.sink = &workerSink{w: w}
	w.shared = &workerShared{w: w}
	w.sink.reset(w.snap)
	return w
}

// serve does what the daemon asks until the connection ends; that is no error.
func (w *worker) serve(ctx context.Context) error {
	for ctx.Err() == nil {
		kind, body, err := readFrame(w.in, &w.buf, maxToWorker)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := w.handle(ctx, kind, body); err != nil {
			return err
		}
		if w.broken != nil {
			return w.broken
		}
	}
	return ctx.Err()
}

func (w *worker) handle(ctx context.Context, kind byte, body []byte) error {
	switch kind {
	case kindLoad:
		var m loadMsg
		if err := decode(body, &m); err != nil {
			return err
		}
		return w.send(kindReply, w.load(ctx, &m))
	case kindUnload:
		var m unloadMsg
		if err := decode(body, &m); err != nil {
			return err
		}
		for _, vm := range m.VMs {
			w.unload(vm)
		}
		return w.send(kindReply, &replyMsg{})
	case kindSnapshot:
		m := new(snapshotMsg)
		if err := decode(body, m); err != nil {
			return err
		}
		w.snap = m
		w.sink.reset(m)
		w.buf, body = nil, nil
		use := ownMemory()
		if w.hook != nil {
			w.hook(use.Live)
		}
		return w.send(kindReply, &replyMsg{Memory: use})
	case kindRun:
		var m runMsg
		if err := decode(body, &m); err != nil {
			return err
		}
		return w.run(ctx, &m)
	case kindRequest:
		var m requestMsg
		if err := decode(body, &m); err != nil {
			return err
		}
		return w.send(kindReplied, w.request(ctx, &m))
	case kindRefused:
		var m refusedMsg
		if err := decode(body, &m); err != nil {
			return err
		}
		w.sink.forget(m.Networks)
		return nil
	}
	return fmt.Errorf("%w: type %d", errBadMessage, kind)
}

// ownMemory collects garbage and gives free memory back, so that a run begins with what it needs.
func ownMemory() memoryUse {
	debug.FreeOSMemory()
	samples := []metrics.Sample{
		{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/unused:bytes"}, {Name: "/memory/classes/heap/stacks:bytes"},
		{Name: "/memory/classes/heap/free:bytes"}, {Name: "/memory/classes/heap/released:bytes"},
	}
	metrics.Read(samples)
	v := func(i int) int64 { return int64(samples[i].Value.Uint64()) }
	return memoryUse{Live: v(0) + v(1) + v(2), Idle: v(3) + v(4)}
}

func (w *worker) send(kind byte, m message) error {
	w.put(kind, m)
	return w.out.Flush()
}

// put writes a frame to the buffer.
func (w *worker) put(kind byte, m message) {
	w.frame = appendFrame(w.frame[:0], kind, m)
	if _, err := w.out.Write(w.frame); err != nil && w.broken == nil {
		w.broken = err
	}
	if cap(w.frame) > 1<<20 {
		w.frame = nil
	}
}

// ask puts a question to the daemon and waits for its answer, which is not the script's time.
func (w *worker) ask(kind byte, question, answer message) bool {
	if w.broken != nil {
		return false
	}
	w.limit.Stop()
	defer w.limit.Start()
	if w.broken = w.send(kind, question); w.broken != nil {
		return false
	}
	got, body, err := readFrame(w.in, &w.buf, maxToWorker)
	if err == nil && got != kindAnswer {
		err = fmt.Errorf("%w: type %d for an answer", errBadMessage, got)
	}
	if err == nil {
		err = decode(body, answer)
	}
	w.broken = err
	return err == nil
}

func (w *worker) load(ctx context.Context, m *loadMsg) *replyMsg {
	w.unload(m.VM)
	opts := m.Options
	opts.Sink, opts.Shared, opts.Stopwatch = w.sink, w.shared, &w.limit
	if m.Inspect {
		opts.Shared = nil // what a script does when it is only looked at has no effect
		opts.Sink = nil
	}
	check, err := lua.NewCheck(ctx, m.Path, m.Source, opts)
	if err != nil {
		return &replyMsg{Err: cut(err.Error(), maxErrorText), Timeout: errors.Is(err, lua.ErrTimeLimit)}
	}
	r := &replyMsg{Info: scriptInfo{Style: check.Style, Enabled: check.DefaultEnabled()}}
	for _, p := range alerts.Periodicities() {
		if check.Runs(p) {
			r.Info.Hooks = append(r.Info.Hooks, p)
		}
	}
	if !m.Inspect {
		w.checks[m.VM] = check
		return r
	}
	check.Close()
	return r
}

func (w *worker) unload(vm uint64) {
	if check := w.checks[vm]; check != nil {
		check.Close()
		delete(w.checks, vm)
		delete(w.misuse, vm)
	}
}

// run runs a check on its targets, each announced before it begins, and stops after one that reached
// its time limit.
func (w *worker) run(ctx context.Context, m *runMsg) error {
	started := time.Now()
	var i int
	for i = 0; i < len(m.Targets) && w.broken == nil; i++ {
		if m.Slice > 0 && i > 0 && time.Since(started) >= m.Slice {
			break
		}
		t := m.Targets[i]
		// Together with the result before it, in one write: from here on the daemon knows.
		if err := w.send(kindStart, &startMsg{uint64(i)}); err != nil {
			return err
		}
		result := w.runNetwork(ctx, t, m, i)
		w.put(kindResult, result)
		if result.Outcome == Timeout {
			i++
			break
		}
	}
	if w.broken != nil {
		return w.broken
	}
	return w.send(kindDone, &doneMsg{uint64(i)})
}

func (w *worker) runNetwork(ctx context.Context, t target, m *runMsg, index int) *resultMsg {
	check := w.checks[t.VM]
	if check == nil {
		return &resultMsg{Outcome: Failed, Err: fmt.Sprintf("no script is loaded as %d", t.VM)}
	}
	w.sink.begin(m.Targets[index:])
	run, err := check.RunNetwork(ctx, &w.snap.Snap, t.Net, w.snap.Now, w.snap.Period)
	r := &resultMsg{
		Output: run.Output, Warnings: run.Warnings, Released: run.Released, Duration: run.Duration,
		Ops: w.sink.take(),
	}
	if m.Values {
		room := maxReturned
		for _, v := range run.Values {
			v = cut(v, room)
			room -= len(v)
			r.Values = append(r.Values, v)
		}
	}
	before, now := w.misuse[t.VM], check.Stats()
	r.Dropped, r.Misused = now.PrintDropped-before.PrintDropped, now.ArgumentErrors-before.ArgumentErrors
	w.misuse[t.VM] = now
	for i := range r.Warnings {
		r.Warnings[i] = cut(r.Warnings[i], maxErrorText)
	}
	switch {
	case errors.Is(err, lua.ErrTimeLimit):
		r.Outcome = Timeout
	case err != nil:
		r.Outcome = Failed
	}
	if err != nil {
		r.Err = cut(err.Error(), maxErrorText)
	}
	return r
}

func cut(s string, n int) string {
	if len(s) > n {
		return s[:n]
	}
	return s
}

// runInProcess is a worker in this process; closing conn ends it.
func runInProcess(ctx context.Context, conn io.ReadWriteCloser) {
	defer conn.Close()
	w := newWorker(conn)
	_ = w.serve(ctx) // the daemon's side sees the connection end
	for vm := range w.checks {
		w.unload(vm)
	}
}

// tune sets the Go runtime of a worker process.
func tune() {
	runtime.GOMAXPROCS(processors) // the script, and the collector with the watch
	debug.SetMaxStack(64 << 20)
}

// requestMsg runs a REST script.
type requestMsg struct {
	Name    string
	Request lua.Request
	Options lua.Options
}

func (m *requestMsg) fields(c *codec) {
	c.string(&m.Name)
	c.texts(&m.Request.Get)
	c.texts(&m.Request.Post)
	c.texts(&m.Request.Server)
	c.texts(&m.Request.Session)
	c.options(&m.Options)
}

// texts does a map of strings.
func (c *codec) texts(p *map[string]string) {
	var names []string
	for name := range *p {
		names = append(names, name)
	}
	if c.reading {
		*p = make(map[string]string)
	}
	list(c, &names, 1, func(c *codec, name *string) {
		c.string(name)
		value := (*p)[*name]
		c.string(&value)
		if c.reading {
			(*p)[*name] = value
		}
	})
}

// answerMsg is the outcome of a request.
type answerMsg struct {
	Answer   lua.Answer
	Err      string
	NotFound bool
	Timeout  bool
	Ops      []alerts.Op
}

func (m *answerMsg) fields(c *codec) {
	a := &m.Answer
	number(c, &a.Status)
	c.string(&a.ContentType)
	c.texts(&a.Header)
	c.string(&a.Body)
	list(c, &a.Warnings, 1, (*codec).string)
	c.string(&m.Err)
	c.bool(&m.NotFound)
	c.bool(&m.Timeout)
	list(c, &m.Ops, 5, (*codec).op)
}

func (w *worker) request(ctx context.Context, m *requestMsg) *answerMsg {
	opts := m.Options
	opts.Sink, opts.Shared, opts.Stopwatch = w.sink, w.shared, &w.limit
	w.sink.begin(nil)
	name := filepath.ToSlash(m.Name)
	a, err := lua.RunRequestFile(ctx, name, m.Request, &w.snap.Snap, w.snap.Now, opts)
	r := &answerMsg{Answer: *a, Ops: w.sink.take()}
	if err != nil {
		r.Err = cut(err.Error(), maxErrorText)
		r.NotFound, r.Timeout = a.Status == 404, errors.Is(err, lua.ErrTimeLimit)
	}
	return r
}
