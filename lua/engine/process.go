package engine

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"
)

// How a worker process is watched.
const (
	watchInterval = 20 * time.Millisecond
	timeGrace     = 250 * time.Millisecond // after the VM should have stopped the script itself
	dataSlack     = 8 << 20                // mapped beyond the limit: the heap grows by 4 MiB steps
	residentSlack = 8 << 20
	processors    = 2 // that a worker uses at a time, see tune
	spareTime     = 10 * time.Second
	maxStderr     = 4 << 10
)

// A process is a worker as the daemon sees it. One goroutine talks to it; another watches.
type process struct {
	conn io.ReadWriteCloser
	in   *bufio.Reader
	buf  []byte
	pid  int      // 0 in process
	dirs []string // the folders that it may read

	kill   func()
	wait   func() string // gives what the process said at its end; call once, after kill or EOF
	stderr *headBuffer

	woken    chan struct{} // the watch may begin
	mu       sync.Mutex    // guards what follows
	watching bool
	spent    time.Duration // time watched since the last start
	limit    time.Duration
	resident int64 // highest memory allowed, bytes; 0 for any
	killed   Outcome
	stopped  chan struct{}

	base memoryBase
}

// A memoryBase is what a fresh worker has with its first snapshot, bytes.
type memoryBase struct {
	live     int64 // the Go heap's own
	resident int64
	data     int64 // mapped, less what the heap has free
	set      bool
}

// A headBuffer keeps the first bytes that are written: what the Go runtime says first is why it ends.
type headBuffer struct {
	mu sync.Mutex
	b  []byte
}

// Write implements io.Writer.
func (h *headBuffer) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.b = append(h.b, p[:min(len(p), maxStderr-len(h.b))]...)
	return len(p), nil
}

func (h *headBuffer) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return string(h.b)
}

// startProcess starts a worker.
func startProcess(cfg *Config) (*process, error) {
	p := &process{stopped: make(chan struct{}), woken: make(chan struct{}, 1), stderr: new(headBuffer), dirs: cfg.ScriptsDirs}
	if cfg.InProcess {
		p.startInside()
	} else if err := p.startOutside(cfg); err != nil {
		return nil, err
	}
	p.in = bufio.NewReaderSize(p.conn, 64<<10)
	go p.watch() // ended by close
	return p, nil
}

func (p *process) startInside() {
	ours, theirs := net.Pipe()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { // ended by the closed connection, and by cancel where a script runs
		defer close(done)
		runInProcess(ctx, theirs)
	}()
	p.conn = ours
	p.kill = func() { cancel(); ours.Close(); theirs.Close() }
	p.wait = func() string {
		cancel()
		select { // a script that cannot be stopped in process is left behind
		case <-done:
		case <-time.After(time.Second):
		}
		return ""
	}
}

func (p *process) startOutside(cfg *Config) error {
	command := slices.Clone(cfg.Command)
	if len(command) == 0 {
		exe, err := workerProgram()
		if err != nil {
			return fmt.Errorf("find the worker's program: %w", err)
		}
		command = []string{exe}
	}
	command = append(append(command, WorkerArg), cfg.ScriptsDirs...)
	cmd := exec.Command(command[0], command[1:]...)
	if len(cfg.Command) == 0 {
		cmd.Args[0] = os.Args[0] // for those who look at the list of processes
	}
	cmd.Env, cmd.Dir, cmd.Stderr = workerEnv(), "/", p.stderr
	cmd.WaitDelay = time.Second
	conn, started, err := connect(cmd)
	if err != nil {
		return fmt.Errorf("start worker: %w", err)
	}
	start := cmd.Start
	if cfg.Spawn != nil {
		start = func() error { return cfg.Spawn(cmd.Start) }
	}
	if err := start(); err != nil {
		conn.Close()
		started()
		return fmt.Errorf("start worker: %w", err)
	}
	started()
	p.conn, p.pid = conn, cmd.Process.Pid
	p.kill = func() { _ = cmd.Process.Kill() }
	p.wait = func() string {
		_ = cmd.Process.Kill()
		err := cmd.Wait()
		text := p.stderr.String()
		if first, _, _ := strings.Cut(text, "\n"); first != "" {
			return first
		}
		if err != nil {
			return err.Error()
		}
		return "worker ended"
	}
	return nil
}

// close ends the worker and says what it said at its end. It may be called twice.
func (p *process) close() string {
	if p.wait == nil {
		return ""
	}
	close(p.stopped)
	p.kill()
	p.conn.Close()
	said := p.wait()
	p.wait = nil
	return said
}

// allow lets the worker go on for limit from now, within memory bytes; it is killed when it does not.
func (p *process) allow(limit time.Duration, resident int64) {
	p.mu.Lock()
	p.spent, p.limit, p.resident = 0, limit, resident
	p.mu.Unlock()
	p.resume()
}

// restart begins the limit anew.
func (p *process) restart() {
	p.mu.Lock()
	p.spent = 0
	p.mu.Unlock()
}

// pause stops the watch: the worker waits for the daemon. resume goes on with it.
func (p *process) pause()  { p.setWatching(false) }
func (p *process) resume() { p.setWatching(true) }

func (p *process) setWatching(on bool) {
	p.mu.Lock()
	p.watching = on
	p.mu.Unlock()
	if on {
		select {
		case p.woken <- struct{}{}:
		default: // it is woken already
		}
	}
}

// killedFor is why the watch killed the worker: Timeout or OutOfMemory, or OK when it did not.
func (p *process) killedFor() Outcome {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.killed
}

// watch kills the worker when it passes a limit. Between runs it sleeps.
func (p *process) watch() {
	for {
		select {
		case <-p.stopped:
			return
		case <-p.woken:
			p.watchRun()
		}
	}
}

// watchRun watches until the worker is not to be watched. A tick counts for two intervals at most, so
// that a suspended or starved daemon does not kill a worker that had no time either.
func (p *process) watchRun() {
	tick := time.NewTicker(watchInterval)
	defer tick.Stop()
	last := time.Now()
	for {
		select {
		case <-p.stopped:
			return
		case <-tick.C:
		}
		now := time.Now()
		step := min(now.Sub(last), 2*watchInterval)
		last = now
		p.mu.Lock()
		on, most := p.watching && p.killed == OK, p.resident
		if on {
			p.spent += step
			if p.spent > p.limit {
				p.killed = Timeout
			}
		}
		p.mu.Unlock()
		if on && most > 0 && p.pid != 0 {
			if use, ok := readMemory(p.pid); ok && use.resident > most {
				p.mu.Lock()
				p.killed = OutOfMemory
				p.mu.Unlock()
			}
		}
		if on && p.killedFor() != OK {
			p.kill()
		}
		if !on {
			return
		}
	}
}

// settle takes the base of memory from a fresh worker, and sets the kernel's limit to it and memory. It
// reports false when the worker has kept so much that a new one should take its place.
func (p *process) settle(own memoryUse, memory int64) bool {
	if p.pid == 0 {
		return true
	}
	use, ok := readMemory(p.pid)
	if !ok {
		return true
	}
	if !p.base.set {
		p.base = memoryBase{live: own.Live, resident: use.resident, data: max(use.data-own.Idle, 0), set: true}
	}
	return own.Live-p.base.live <= memory/2
}

// bound sets the limits of what comes: runs of at most limit each, with memory bytes above the base.
func (p *process) bound(runs int, limit time.Duration, memory int64) {
	if p.pid != 0 {
		limitTime(p.pid, processors*time.Duration(runs)*limit+spareTime)
	}
	resident := int64(0)
	if p.base.set {
		resident = p.base.resident + memory + residentSlack
		most := p.base.data + memory + dataSlack
		if use, ok := readMemory(p.pid); ok {
			// A check with a higher limit may have left more mapped, though free; the runtime's own few
			// mappings have to go on.
			most = max(most, use.data+dataSlack/2)
		}
		limitData(p.pid, most)
	}
	p.allow(limit, resident)
}

// call sends a message and gives the frame that comes back.
func (p *process) call(kind byte, m message) (byte, []byte, error) {
	if err := p.send(kind, m); err != nil {
		return 0, nil, err
	}
	return p.read()
}

func (p *process) send(kind byte, m message) error {
	_, err := p.conn.Write(appendFrame(nil, kind, m))
	return err
}

func (p *process) read() (byte, []byte, error) { return readFrame(p.in, &p.buf, maxFromWorker) }

var errNoWorker = errors.New("worker cannot be started")
