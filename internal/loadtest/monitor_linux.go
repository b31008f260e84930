package loadtest

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/netmond/netmond/internal/netnstest"
)

// Counters are what a monitor tells of itself, from its start on.
type Counters struct {
	Received uint64 // frames that it has processed
	Dropped  uint64 // frames that it knows it lost
}

// A Monitor is a program that takes frames from one end of a pair.
type Monitor interface {
	Name() string
	// command is the program with its arguments, on port, for traffic that it must hold.
	command(port *netnstest.Port, t Traffic, dir string) (*exec.Cmd, error)
	// ready reports whether it takes frames yet.
	ready(p *process) bool
	// counters asks it; the cost is not in any figure.
	counters(p *process) (Counters, error)
}

// A process is a Monitor that runs.
type process struct {
	Monitor
	cmd    *exec.Cmd
	port   *netnstest.Port
	dir    string
	stderr lockedBuffer
	ended  chan error
}

// start runs m on processor cpu, and waits until it takes frames.
func start(m Monitor, port *netnstest.Port, t Traffic, dir string, cpu int) (*process, error) {
	cmd, err := m.command(port, t, dir)
	if err != nil {
		return nil, err
	}
	p := &process{Monitor: m, cmd: cmd, port: port, dir: dir, ended: make(chan error, 1)}
	cmd.Stderr = &p.stderr
	port.Do(func() {
		if err = pin(cpu); err == nil { // which the child inherits
			err = errors.Join(cmd.Start(), pin(senderCPU))
		}
	})
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", m.Name(), err)
	}
	go func() { p.ended <- cmd.Wait() }() // ends with the process
	for deadline := time.Now().Add(30 * time.Second); !m.ready(p); time.Sleep(20 * time.Millisecond) {
		select {
		case err := <-p.ended:
			p.ended <- err
			return nil, fmt.Errorf("%s ended: %v: %s", m.Name(), err, p.stderr.String())
		default:
		}
		if time.Now().After(deadline) {
			p.stop()
			return nil, fmt.Errorf("%s is not ready after 30 s: %s", m.Name(), p.stderr.String())
		}
	}
	return p, nil
}

// stop ends the process and waits for it.
func (p *process) stop() {
	p.cmd.Process.Signal(unix.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(5 * time.Second):
		p.cmd.Process.Kill()
		<-p.ended
	}
}

// cpu is the processor time of the process so far, user and system of all its threads.
func (p *process) cpu() (time.Duration, error) {
	// The kernel's clock of another process's processor time: utime + stime of /proc/PID/stat, not
	// rounded to ticks (clock_getcpuclockid, CPUCLOCK_SCHED).
	var ts unix.Timespec
	if err := unix.ClockGettime(int32(^p.cmd.Process.Pid<<3|2), &ts); err != nil {
		return 0, fmt.Errorf("processor time of %s: %w", p.Name(), err)
	}
	return time.Duration(ts.Nano()), nil
}

// settle waits until the process has nothing left to do, a second and a half at most: beyond that it
// has housekeeping of its own.
func (p *process) settle() error {
	last, err := p.cpu()
	if err != nil {
		return err
	}
	for range 30 {
		time.Sleep(50 * time.Millisecond)
		now, err := p.cpu()
		if err != nil {
			return err
		}
		if now-last < time.Millisecond {
			return nil
		}
		last = now
	}
	return nil
}

// memory is the resident memory of the process without what it shares, bytes: a packet ring, which
// the kernel owns, and program files are not in it.
func (p *process) memory() (uint64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, "RssAnon:"); ok {
			kB, err := strconv.ParseUint(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			return kB << 10, err
		}
	}
	return 0, fmt.Errorf("no RssAnon of process %d", p.cmd.Process.Pid)
}

const senderCPU, monitorCPU = 0, 1

// pin keeps the calling thread on one processor.
func pin(cpu int) error {
	var set unix.CPUSet
	set.Set(cpu)
	if err := unix.SchedSetaffinity(0, &set); err != nil {
		return fmt.Errorf("pin to processor %d: %w", cpu, err)
	}
	return nil
}

// pinAll keeps all threads of this process, and those that they will start, on one processor.
func pinAll(cpu int) error {
	var set unix.CPUSet
	set.Set(cpu)
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return err
	}
	for _, task := range tasks {
		if tid, err := strconv.Atoi(task.Name()); err == nil {
			if err := unix.SchedSetaffinity(tid, &set); err != nil && !errors.Is(err, unix.ESRCH) {
				return fmt.Errorf("pin to processor %d: %w", cpu, err)
			}
		}
	}
	runtime.GOMAXPROCS(1)
	return nil
}

// Netmond is netmond run.
type Netmond struct {
	Binary string
	Extra  []string // arguments
	// Drops says that it counts by XDP and drops each frame after that.
	Drops bool
}

const netmondAddress = "127.0.0.1:19991"

// Name is the program's, and how it counts.
func (n *Netmond) Name() string {
	if n.Drops {
		return "netmond, XDP"
	}
	return "netmond"
}

func (n *Netmond) command(port *netnstest.Port, t Traffic, dir string) (*exec.Cmd, error) {
	list := filepath.Join(dir, "networks.txt")
	var b bytes.Buffer
	for i := range t.Networks {
		fmt.Fprintln(&b, Network(i))
	}
	if err := os.WriteFile(list, b.Bytes(), 0o600); err != nil {
		return nil, err
	}
	port.LoopbackUp()
	args := []string{"run", "-i", port.Name, "-m", list, "--ring-size", "64MiB", "--workers", "1"}
	if most := t.Flows + t.Flows/32 + 1024; most > 1<<18 { // shards fill unevenly
		args = append(args, "--max-flows", strconv.Itoa(most))
	}
	if n.Drops {
		args = append(args, "--capture-path", "xdp", "--mirror-port", "--xdp-action", "drop")
	}
	return exec.Command(n.Binary, append(args, n.Extra...)...), nil
}

// takesFrames reports whether m attaches a program of its own to the port, which takes the frames.
func takesFrames(m Monitor) bool {
	n, ok := m.(*Netmond)
	return ok && n.Drops
}

func (n *Netmond) ready(p *process) bool { _, err := p.get("/-/ready"); return err == nil }

// get asks the process over HTTP, inside its namespace.
func (p *process) get(path string) ([]byte, error) {
	var conn net.Conn
	var err error
	p.port.Do(func() { conn, err = net.DialTimeout("tcp", netmondAddress, time.Second) })
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	req, err := http.NewRequest(http.MethodGet, "http://"+netmondAddress+path, nil)
	if err != nil {
		return nil, err
	}
	conn.SetDeadline(time.Now().Add(time.Minute))
	if err := req.Write(conn); err != nil {
		return nil, err
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var b bytes.Buffer
	if _, err := b.ReadFrom(resp.Body); err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", path, resp.Status)
	}
	return b.Bytes(), nil
}

func (n *Netmond) counters(p *process) (c Counters, err error) {
	// Views are shared by readers that come together; this one must be new.
	time.Sleep(250 * time.Millisecond)
	b, err := p.get("/metrics")
	if err != nil {
		return c, err
	}
	if c.Received, err = metric(b, `netmond_processed_packets_total`); err != nil {
		return c, err
	}
	c.Dropped, err = metric(b, `netmond_capture_drops_total\{[^}]*\}`)
	return c, err
}

// metric sums the samples of a series.
func metric(exposition []byte, series string) (sum uint64, err error) {
	found := regexp.MustCompile(`(?m)^`+series+` (\S+)$`).FindAllSubmatch(exposition, -1)
	if len(found) == 0 {
		return 0, fmt.Errorf("no metric %s", series)
	}
	for _, m := range found {
		v, err := strconv.ParseFloat(string(m[1]), 64)
		if err != nil {
			return 0, fmt.Errorf("metric %s: %w", series, err)
		}
		sum += uint64(v)
	}
	return sum, nil
}

// Tcpdump writes to nowhere, with a buffer of 64 MiB.
type Tcpdump struct{}

// Name is the program's.
func (Tcpdump) Name() string { return "tcpdump" }

func (Tcpdump) command(port *netnstest.Port, _ Traffic, _ string) (*exec.Cmd, error) {
	return exec.Command("tcpdump", "-n", "-i", port.Name, "-w", "/dev/null", "-B", "65536"), nil
}

func (Tcpdump) ready(p *process) bool { return strings.Contains(p.stderr.String(), "listening on") }

var tcpdumpStats = regexp.MustCompile(`tcpdump: (\d+) packets? captured, (\d+) packets? received by filter, (\d+) packets? dropped by kernel`)

func (t Tcpdump) counters(p *process) (c Counters, err error) {
	p.stderr.reset()
	if err := p.cmd.Process.Signal(unix.SIGUSR1); err != nil {
		return c, err
	}
	for range 100 {
		time.Sleep(10 * time.Millisecond)
		if m := tcpdumpStats.FindStringSubmatch(p.stderr.String()); m != nil {
			c.Received, _ = strconv.ParseUint(m[1], 10, 64)
			c.Dropped, _ = strconv.ParseUint(m[3], 10, 64)
			return c, nil
		}
	}
	return c, fmt.Errorf("no counters of tcpdump: %q", p.stderr.String())
}

// Softflowd counts flows, with room for all and a buffer of 64 MiB, and exports none.
type Softflowd struct{}

// Name is the program's.
func (Softflowd) Name() string { return "softflowd" }

func (Softflowd) command(port *netnstest.Port, t Traffic, dir string) (*exec.Cmd, error) {
	return exec.Command("softflowd", "-d", "-i", port.Name, "-m", strconv.Itoa(t.Flows*2+1024), "-B", strconv.Itoa(64<<20),
		"-p", filepath.Join(dir, "softflowd.pid"), "-c", filepath.Join(dir, "softflowd.ctl")), nil
}

func (s Softflowd) ready(p *process) bool {
	_, err := s.counters(p)
	return err == nil
}

var (
	softflowdProcessed = regexp.MustCompile(`Packets processed: (\d+)`)
	softflowdDropped   = regexp.MustCompile(`Packets dropped by libpcap: (\d+)`)
)

func (Softflowd) counters(p *process) (c Counters, err error) {
	out, err := exec.Command("softflowctl", "-c", filepath.Join(p.dir, "softflowd.ctl"), "statistics").CombinedOutput()
	if err != nil {
		return c, fmt.Errorf("softflowctl: %w: %s", err, out)
	}
	for _, f := range []struct {
		re *regexp.Regexp
		to *uint64
	}{{softflowdProcessed, &c.Received}, {softflowdDropped, &c.Dropped}} {
		m := f.re.FindSubmatch(out)
		if m == nil {
			continue // it says nothing of libpcap before the first frame
		}
		*f.to, _ = strconv.ParseUint(string(m[1]), 10, 64)
	}
	return c, nil
}

// A lockedBuffer is a bytes.Buffer for a process to write and others to read.
type lockedBuffer struct {
	mu sync.Mutex // guards b
	b  bytes.Buffer
}

// Write implements io.Writer.
func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// String is what was written since the last reset.
func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (l *lockedBuffer) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.b.Reset()
}
