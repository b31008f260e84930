package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// probeEnv makes a confined test binary try what it must not be able to do, instead of being a worker. Its
// value is a file in a script folder.
const probeEnv = "NETMOND_TEST_PROBE"

func init() {
	if file := os.Getenv(probeEnv); file != "" && len(os.Args) > 2 && os.Args[1] == WorkerArg {
		if os.Args[2] != stageConfined {
			fmt.Fprintln(os.Stderr, confineThread(os.Args[2:])) // it does not return without an error
			os.Exit(1)
		}
		confineProcess()
		probe(file)
	}
}

// probe writes what went through, by name, as JSON.
func probe(file string) {
	ok := map[string]bool{}
	try := func(name string, f func() error) { ok[name] = f() == nil }
	open := func(path string) func() error {
		return func() error {
			f, err := os.Open(path)
			if err == nil {
				f.Close()
			}
			return err
		}
	}
	try("read a script", open(file))
	try("read /etc/passwd", open("/etc/passwd"))
	try("read /proc/1/environ", open("/proc/1/environ"))
	try("read the folder above", open(filepath.Dir(filepath.Dir(file))))
	try("write beside a script", func() error { return os.WriteFile(file+".new", []byte("x"), 0o644) })
	try("change a script", func() error { return os.WriteFile(file, []byte("x"), 0o644) })
	try("remove a script", func() error { return os.Remove(file) })
	try("write to /tmp", func() error { return os.WriteFile("/tmp/netmond-probe", []byte("x"), 0o644) })
	try("run a program", func() error { return exec.Command("/bin/true").Run() })
	try("execute in place", func() error { return syscall.Exec("/bin/true", []string{"true"}, nil) })
	try("fork", func() error {
		pid, _, errno := syscall.RawSyscall(syscall.SYS_CLONE, uintptr(syscall.SIGCHLD), 0, 0)
		if errno != 0 {
			return errno
		}
		if pid == 0 {
			syscall.RawSyscall(syscall.SYS_EXIT_GROUP, 0, 0, 0)
		}
		return nil
	})
	try("listen", func() error { _, err := net.Listen("tcp", "127.0.0.1:0"); return err })
	try("connect", func() error { _, err := net.Dial("tcp", "127.0.0.1:9"); return notRefused(err) })
	try("raw socket", func() error { _, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW, 0); return err })
	try("unix socket", func() error { _, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0); return err })
	try("signal the parent", func() error { return unix.Kill(os.Getppid(), 0) })
	try("trace the parent", func() error { return unix.PtraceAttach(os.Getppid()) })
	try("raise a limit", func() error { return unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 65, Max: 65}) })
	try("mount", func() error { return unix.Mount("none", "/tmp", "tmpfs", 0, "") })
	try("bpf", func() error { _, _, e := unix.Syscall(unix.SYS_BPF, 0, 0, 0); return permitted(e) })
	try("io_uring", func() error { _, _, e := unix.Syscall(unix.SYS_IO_URING_SETUP, 1, 0, 0); return permitted(e) })
	try("new user namespace", func() error { return unix.Unshare(unix.CLONE_NEWUSER) })
	try("become root", func() error { return unix.Setuid(0) })
	json.NewEncoder(os.Stdout).Encode(ok) // the reader misses what is not there
	os.Exit(0)
}

// notRefused is nil also when a connection was tried.
func notRefused(err error) error {
	if errors.Is(err, syscall.ECONNREFUSED) {
		return nil
	}
	return err
}

// permitted is nil for a system call that began, whatever it then found wrong.
func permitted(e syscall.Errno) error {
	if e == unix.EPERM || e == unix.ENOSYS {
		return e
	}
	return nil
}

// What a worker cannot do, shown by trying. Where the kernel has no Landlock, files can be read.
func TestConfinement(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "scripts")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "a.lua")
	if err := os.WriteFile(file, []byte("return {}"), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, WorkerArg, dir)
	cmd.Env = append(workerEnv(), probeEnv+"="+file)
	cmd.Dir = "/"
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var ok map[string]bool
	if err := json.Unmarshal(out, &ok); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if len(ok) < 20 || !ok["read a script"] {
		t.Errorf("tried %v; a script has to be readable", ok)
	}
	_, _, noLandlock := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	for name, did := range ok {
		switch {
		case !did || name == "read a script":
		case noLandlock != 0 && (strings.HasPrefix(name, "read ") || strings.Contains(name, "a script")):
			t.Logf("without Landlock: could %s", name)
		default:
			t.Errorf("a worker could %s", name)
		}
	}
	if b, err := os.ReadFile(file); err != nil || string(b) != "return {}" {
		t.Errorf("the script now: %q, %v", b, err)
	}
}

// How the kernel shows a worker that runs: no capability in any set, no new privileges, a system call
// filter, the limits, a low priority, and nothing of the daemon's environment and files.
func TestWorkerStatus(t *testing.T) {
	t.Setenv("NETMOND_TEST_SECRET", "of the daemon")
	b := newBench(t, 1, map[string]string{"a.lua": checking(`network.getCachedAlertValue("now", 0)`)}, outside)
	seen := false
	b.deps.Store = endStore{b.store, func() {
		seen = true
		pid := b.WorkerPIDs()[0]
		read := func(name string) string {
			text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, name))
			if err != nil && os.Geteuid() == 0 {
				t.Error(err)
			}
			return string(text)
		}
		status := read("status")
		for _, line := range []string{
			"CapInh:\t0000000000000000", "CapPrm:\t0000000000000000", "CapEff:\t0000000000000000", "CapBnd:\t0000000000000000", "CapAmb:\t0000000000000000",
			"NoNewPrivs:\t1", "Seccomp:\t2",
		} {
			if strings.HasPrefix(line, "CapBnd") && os.Geteuid() != 0 {
				continue // needs CAP_SETPCAP to be emptied
			}
			if !strings.Contains(status, line) {
				t.Errorf("the worker's status has no %q:\n%s", line, status)
			}
		}
		limits := strings.Join(strings.Fields(read("limits")), " ")
		for _, limit := range []string{"Max core file size 0 0", "Max file size 0 0", "Max open files 64 64", "Max locked memory 0 0"} {
			if limits != "" && !strings.Contains(limits, limit) {
				t.Errorf("limits without %q: %s", limit, limits)
			}
		}
		if strings.Contains(limits, "Max data size unlimited") || strings.Contains(limits, "Max cpu time unlimited") {
			t.Errorf("no limit of memory or processor time: %s", limits)
		}
		if env := read("environ"); strings.Contains(env, "SECRET") || strings.Contains(env, "HOME=") {
			t.Errorf("environment %q", env)
		}
	}}
	if got := said(b.minutes(1)); !seen || len(got) != 1 || got[0] != "a net0 ok" {
		t.Errorf("ran %q, looked %v", got, seen)
	}
	if err := b.RunDue(context.Background(), b.now+minuteNS, b.snap); err != nil {
		t.Error(err)
	}
}

// A worker that nobody watches ends when it has used its processor time.
func TestProcessorTime(t *testing.T) {
	b := newBench(t, 1, map[string]string{
		"a.lua": checking(`network.getCachedAlertValue("now", 0) while true do end`),
		"b.lua": checking(``),
	}, func(cfg *Config, _ *Deps) { cfg.InProcess, cfg.Limits.Time = false, 5*time.Minute })
	b.deps.Store = endStore{b.store, func() {
		if err := unix.Prlimit(b.WorkerPIDs()[0], unix.RLIMIT_CPU, &unix.Rlimit{Cur: 1, Max: unix.RLIM_INFINITY}, nil); err != nil {
			t.Error(err)
		}
	}}
	runs := b.minutes(1)
	if got := said(runs); len(got) != 2 || got[0] != "a net0 timeout" || got[1] != "b net0 ok" {
		t.Errorf("runs %q", got)
	}
	if spent, ok := processTime(os.Getpid()); !ok || spent <= 0 {
		t.Errorf("own processor time %v, %v", spent, ok)
	}
}
