package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/netmond/netmond/internal/netnstest"
	"github.com/netmond/netmond/internal/pcaptest"
	"github.com/netmond/netmond/internal/testneed"
)

// statusOf has the lines of /proc/PID/status of every thread.
func statusOf(t *testing.T, pid int) (threads []map[string]string) {
	t.Helper()
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			continue // the thread has ended
		}
		one := map[string]string{}
		for line := range strings.Lines(string(b)) {
			key, value, _ := strings.Cut(line, ":")
			one[key] = strings.Join(strings.Fields(value), " ")
		}
		threads = append(threads, one)
	}
	return threads
}

// checkConfined wants every thread of a process without capabilities, with no new privileges and with a
// filter.
func checkConfined(t *testing.T, what string, pid int, more map[string]string) {
	t.Helper()
	threads := statusOf(t, pid)
	if len(threads) == 0 {
		t.Errorf("%s: process %d has no threads", what, pid)
	}
	none := "0000000000000000"
	want := map[string]string{"CapEff": none, "CapPrm": none, "CapInh": none, "CapAmb": none, "CapBnd": none, "NoNewPrivs": "1", "Seccomp": "2"}
	if os.Getuid() != 0 { // the bounding set takes a privilege to change
		delete(want, "CapBnd")
	}
	for key, value := range more {
		want[key] = value
	}
	for _, th := range threads {
		for key, value := range want {
			if th[key] != value {
				t.Errorf("%s, thread %s: %s is %q, want %q", what, th["Pid"], key, th[key], value)
			}
		}
	}
}

// children are the processes that process pid has started.
func children(t *testing.T, pid int) (list []int) {
	t.Helper()
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, name := range files {
		b, _ := os.ReadFile(name)
		for _, f := range strings.Fields(string(b)) {
			if n, err := strconv.Atoi(f); err == nil {
				list = append(list, n)
			}
		}
	}
	return list
}

// liveFolders are folders of user nobody that the daemon becomes.
func liveFolders(t *testing.T) (scripts, data string) {
	t.Helper()
	root, err := os.MkdirTemp("", "netmond-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(root) })
	scripts, data = filepath.Join(root, "scripts"), filepath.Join(root, "data")
	for _, err := range []error{os.Chmod(root, 0o755), os.Mkdir(scripts, 0o755)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return scripts, data
}

// TestLiveSandbox runs a daemon that became nobody through everything that happens after it gave its
// rights up: the interface goes down, comes back, is deleted and made again, scripts change, a worker is
// killed, alerts are stored.
func TestLiveSandbox(t *testing.T) {
	testneed.Netns(t)
	scripts, data := liveFolders(t)
	writeScript(t, scripts, "good.lua", `return { hooks = { ["5sec"] = function() network.storeTriggeredAlert("sandboxed", 1, 60, 77, "", "{}") end } }`)
	var log bytes.Buffer
	d, proc := startLiveProcess(t, &log, "-m", "192.0.2.0/24=office", "--scripts-dir", scripts, "--data-dir", data, "--user", "nobody")
	user := map[string]string{"Uid": "65534 65534 65534 65534", "Groups": "65534"}
	checkConfined(t, "daemon", proc.Pid, user)
	if st, err := os.Stat(filepath.Join(data, "alerts.db")); err != nil || st.Sys().(*syscall.Stat_t).Uid != 65534 {
		t.Errorf("alerts.db: %v, %v", st, err)
	}

	frame := pcaptest.UDP("192.0.2.1:1000", "203.0.113.1:53", make([]byte, 400))
	var sent uint64
	send := func() {
		d.pair.A.Sender().Repeat(frame, 100)
		sent += 100
		d.figures(sent)
	}
	send()
	d.pair.B.Down()
	d.waitMetric(`netmond_capture_up\{[^}]*\}`, 0)
	d.pair.B.Up()
	d.waitMetric(`netmond_capture_up\{[^}]*\}`, 1)
	send()
	d.pair.Delete()
	d.waitMetric(`netmond_capture_up\{[^}]*\}`, 0)
	d.pair.Create()
	d.waitMetric(`netmond_capture_up\{[^}]*\}`, 1)
	send()

	d.until("good", "run", func(c shownCheck) bool { return c.Runs["ok"] > 0 })
	writeScript(t, scripts, "good.lua", `return { hooks = { ["5sec"] = function() error("changed") end } }`)
	d.until("good", "reloaded", func(c shownCheck) bool { return c.Runs["error"] > 0 })
	workers := children(t, proc.Pid)
	if len(workers) == 0 {
		t.Fatal("no worker runs")
	}
	for _, pid := range workers {
		checkConfined(t, "worker", pid, user)
		if b, err := os.ReadFile(fmt.Sprintf("/proc/%d/oom_score_adj", pid)); err != nil || strings.TrimSpace(string(b)) != workerOOMScore {
			t.Errorf("worker's oom_score_adj is %s, %v", b, err)
		}
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Error(err)
		}
	}
	writeScript(t, scripts, "good.lua", `return { hooks = { ["5sec"] = function() end } }`)
	writeScript(t, scripts, "second.lua", `return { hooks = { ["5sec"] = function() end } }`)
	d.until("second", "run by a new worker", func(c shownCheck) bool { return c.Runs["ok"] > 0 })
	if b, err := os.ReadFile(fmt.Sprintf("/proc/%d/oom_score_adj", proc.Pid)); err != nil || strings.TrimSpace(string(b)) == workerOOMScore {
		t.Errorf("the daemon's own oom_score_adj is %s, %v", b, err)
	}
	alerts, err := d.get("/api/v1/alerts")
	if err != nil || !strings.Contains(string(alerts), "sandboxed") {
		t.Errorf("%v: %s", err, alerts)
	}
	for _, series := range []string{"process_open_fds", "process_resident_memory_bytes", `go_threads`} { // read from /proc
		if d.metric(series) == 0 {
			t.Errorf("%s is 0", series)
		}
	}
}

// TestLiveFileCapabilities: nobody captures with a capability of the file, and then has none.
func TestLiveFileCapabilities(t *testing.T) {
	testneed.Netns(t)
	setpriv := testneed.Command(t, "root", "setpriv")
	program := copyForAll(t)
	// A capability in a file: struct vfs_cap_data (linux/capability.h), revision 2, effective, CAP_NET_RAW.
	value := []byte{1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	if err := unix.Setxattr(program, "security.capability", value, 0); err != nil {
		t.Fatalf("set a capability of the file (is its file system mounted nosuid?): %v", err)
	}
	pair := netnstest.NewPair(t)
	pair.B.LoopbackUp()
	var log bytes.Buffer
	cmd := exec.Command(setpriv, "--reuid", "65534", "--regid", "65534", "--clear-groups", "--bounding-set", "-all,+net_raw", "--",
		program, "run", "-i", pair.B.Name, "-m", "192.0.2.0/24")
	d := startLiveOn(t, pair, cmd, &log)
	pair.A.Sender().Repeat(pcaptest.UDP("192.0.2.1:1000", "203.0.113.1:53", make([]byte, 400)), 100)
	if got, drops := d.figures(100); got.Capture.Packets != 100 || drops != 0 {
		t.Errorf("%d packets, %d drops", got.Capture.Packets, drops)
	}
	// Without CAP_SETPCAP the bounding set cannot be emptied, and no_new_privs makes it worthless.
	checkConfined(t, "daemon", cmd.Process.Pid, map[string]string{"Uid": "65534 65534 65534 65534", "CapBnd": "0000000000002000"})
}

// TestNoSandbox says what it gives up.
func TestNoSandbox(t *testing.T) {
	testneed.Netns(t)
	var log bytes.Buffer
	d, proc := startLiveProcess(t, &log, "-m", "192.0.2.0/24", "--no-sandbox")
	for _, th := range statusOf(t, proc.Pid) {
		if th["Seccomp"] != "0" || th["NoNewPrivs"] != "0" || th["CapEff"] == "0000000000000000" {
			t.Errorf("Seccomp %s, NoNewPrivs %s, CapEff %s", th["Seccomp"], th["NoNewPrivs"], th["CapEff"])
		}
	}
	proc.Signal(os.Interrupt)
	if err := d.ended(); err != nil {
		t.Error(err)
	}
	if !strings.Contains(log.String(), "level=WARN") || !strings.Contains(log.String(), "--no-sandbox") {
		t.Errorf("the log does not say what is given up: %s", log.String())
	}
	out, err := exec.Command(netmondBinary(t), "run", "-r", "testdata/office.pcap", "--no-sandbox", "--user", "nobody", "--web.listen-address", "127.0.0.1:0").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "--user needs the sandbox") {
		t.Errorf("--user with --no-sandbox: %v, %s", err, out)
	}
}

// TestLiveStopUnderLoad ends a daemon in the middle of a flood: within 5 s, with exit code 0, the last
// figures in the log, and the interface no longer promiscuous.
func TestLiveStopUnderLoad(t *testing.T) {
	testneed.Netns(t)
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(sig.String(), func(t *testing.T) {
			pair := netnstest.NewPair(t)
			pair.B.LoopbackUp()
			var log bytes.Buffer
			cmd := exec.Command(netmondBinary(t), "run", "-i", pair.B.Name, "-m", "192.0.2.0/24", "--ring-size", "4MiB")
			d := startLiveOn(t, pair, cmd, &log)
			if !pair.B.Promiscuous() {
				t.Error("the interface is not promiscuous during the capture")
			}
			frame := pcaptest.UDP("192.0.2.1:1000", "203.0.113.1:53", make([]byte, 400))
			sender := pair.A.Sender()
			stop, done := make(chan struct{}), make(chan uint64)
			go func() { // ended by stop; waited for through done
				n := uint64(0)
				for {
					select {
					case <-stop:
						done <- n
						return
					default:
						sender.Repeat(frame, 100)
						n += 100
					}
				}
			}()
			d.figures(1000)
			begun := time.Now()
			if err := cmd.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
			err := d.ended()
			took := time.Since(begun)
			close(stop)
			sent := <-done
			if err != nil || took > 5*time.Second {
				t.Errorf("ended with %v after %v", err, took)
			}
			if pair.B.Promiscuous() {
				t.Error("the interface is promiscuous after the end")
			}
			_, last, found := strings.Cut(log.String(), "msg=stopped packets=")
			n, _ := strconv.ParseUint(strings.Fields(last + " x")[0], 10, 64)
			if !found || n < 1000 || n > sent {
				t.Errorf("%d packets in the last line of the log, sent %d: %s", n, sent, log.String())
			}
		})
	}
}

// TestLiveFewDescriptors runs with 64 descriptors, and is asked by more clients than that: what it cannot
// accept it refuses, and it goes on.
func TestLiveFewDescriptors(t *testing.T) {
	testneed.Netns(t)
	prlimit := testneed.Command(t, "root", "prlimit")
	pair := netnstest.NewPair(t)
	pair.B.LoopbackUp()
	var log bytes.Buffer
	cmd := exec.Command(prlimit, "--nofile=64:64", netmondBinary(t), "run", "-i", pair.B.Name, "-m", "192.0.2.0/24")
	d := startLiveOn(t, pair, cmd, &log)
	var held []interface{ Close() error }
	for range 100 {
		if conn, err := d.dial(); err == nil {
			held = append(held, conn)
		}
	}
	pair.A.Sender().Repeat(pcaptest.UDP("192.0.2.1:1000", "203.0.113.1:53", make([]byte, 400)), 100)
	for _, c := range held {
		c.Close()
	}
	if got, drops := d.figures(100); got.Capture.Packets != 100 || drops != 0 {
		t.Errorf("%d packets, %d drops", got.Capture.Packets, drops)
	}

	// Too few to start with: it says so.
	few := exec.Command(prlimit, "--nofile=8:8", netmondBinary(t), "run", "-i", pair.B.Name, "-m", "192.0.2.0/24", "--web.listen-address", "127.0.0.1:0", "--data-dir", t.TempDir())
	var out bytes.Buffer
	few.Stdout, few.Stderr = &out, &out
	if err := pair.B.Start(few); err != nil {
		t.Fatal(err)
	}
	kill := time.AfterFunc(10*time.Second, func() { few.Process.Kill() })
	if err := few.Wait(); err == nil || !kill.Stop() || !strings.Contains(out.String(), "too many open files") {
		t.Errorf("with 8 descriptors: %v, %s", err, out.String())
	}
}

// TestFewThreads runs as a user who may have no more threads: a clear word from the Go runtime or the
// engine, and no hang.
func TestFewThreads(t *testing.T) {
	testneed.Root(t)
	setpriv, prlimit := testneed.Command(t, "root", "setpriv"), testneed.Command(t, "root", "prlimit")
	program := copyForAll(t)
	cmd := exec.Command(setpriv, "--reuid", "65533", "--regid", "65533", "--clear-groups", "--bounding-set", "-all", "--",
		prlimit, "--nproc=1:1", program, "run", "-r", "/dev/null", "--web.listen-address", "127.0.0.1:0")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill := time.AfterFunc(10*time.Second, func() { cmd.Process.Kill() })
	err := cmd.Wait()
	if err == nil || !kill.Stop() {
		t.Errorf("with one thread: %v, %s", err, out.String())
	}
	// The first is the Go runtime's own, the second what it says in a build with cgo.
	if text := out.String(); !strings.Contains(text, "failed to create new OS thread") && !strings.Contains(text, "pthread_create failed: Resource temporarily unavailable") {
		t.Errorf("it does not say what is wrong: %s", text)
	}
}

// startLiveProcess is startLive with the process at hand.
func startLiveProcess(t *testing.T, log *bytes.Buffer, args ...string) (*liveDaemon, *os.Process) {
	t.Helper()
	pair := netnstest.NewPair(t)
	pair.B.LoopbackUp()
	program := copyForAll(t) // another user runs its workers
	cmd := exec.Command(program, append([]string{"run", "-i", pair.B.Name}, args...)...)
	d := startLiveOn(t, pair, cmd, log)
	return d, cmd.Process
}

// waitMetric waits until a series has a value.
func (d *liveDaemon) waitMetric(series string, want uint64) {
	d.t.Helper()
	deadline := time.Now().Add(15 * time.Second)
	for d.metric(series) != want {
		if time.Now().After(deadline) {
			d.t.Fatalf("%s is not %d after 15 s", series, want)
		}
		time.Sleep(50 * time.Millisecond) // another process: there is no event to wait for
	}
}

// startLiveOn starts cmd, a netmond run on the B end of pair, and waits until it is ready. log is complete
// once the process has ended: ended waits for that, and the test's end does.
func startLiveOn(t *testing.T, pair *netnstest.Pair, cmd *exec.Cmd, log *bytes.Buffer) *liveDaemon {
	t.Helper()
	d := &liveDaemon{t: t, pair: pair, address: "127.0.0.1:19991"}
	d.client = &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext:       func(context.Context, string, string) (net.Conn, error) { return d.dial() },
	}}
	cmd.Stderr = log
	if err := pair.B.Start(cmd); err != nil {
		t.Fatal(err)
	}
	d.ended = sync.OnceValue(func() error {
		killed := time.AfterFunc(10*time.Second, func() { cmd.Process.Kill() })
		defer killed.Stop()
		return cmd.Wait()
	})
	t.Cleanup(func() {
		cmd.Process.Signal(os.Interrupt)
		if err := d.ended(); err != nil {
			t.Errorf("netmond ended with %v", err)
		}
		if t.Failed() {
			t.Log(log)
		}
	})
	deadline := time.Now().Add(20 * time.Second)
	for {
		if _, err := d.get("/-/ready"); err == nil {
			return d
		} else if time.Now().After(deadline) {
			t.Fatalf("not ready after 20 s: %v", err)
		}
		time.Sleep(20 * time.Millisecond) // another process: there is no event to wait for
	}
}

// dial connects inside the namespace.
func (d *liveDaemon) dial() (conn net.Conn, err error) {
	d.pair.B.Do(func() { conn, err = net.DialTimeout("tcp", d.address, 2*time.Second) })
	return conn, err
}
