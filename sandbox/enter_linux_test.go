package sandbox_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"github.com/netmond/netmond/internal/testneed"
	"github.com/netmond/netmond/sandbox"
)

// insideArg makes the test binary enter a sandbox and report what it can do: the sandbox has no way out.
const insideArg = "inside-sandbox"

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == insideArg {
		os.Exit(inside(os.Args[2]))
	}
	if len(os.Args) > 1 && os.Args[1] == timedArg {
		os.Exit(timed(os.Args[2] == "true"))
	}
	os.Exit(m.Run())
}

// An order is what the process inside is to do.
type order struct {
	Policy sandbox.Policy
	// Lacking makes the kernel answer as one without Landlock and filters.
	Lacking bool
	Try     map[string]string // action to its argument
}

// An outcome is what it found.
type outcome struct {
	Err     string
	Status  *sandbox.Status
	Threads []map[string]string // lines of /proc/self/task/*/status
	Errs    map[string]string   // what was tried: "" where it worked
}

func inside(arg string) int {
	var o order
	if err := json.Unmarshal([]byte(arg), &o); err != nil {
		panic(err)
	}
	stop := make(chan struct{})
	for range 8 { // threads that are there already
		started := make(chan struct{})
		go func() { // ends with the process
			runtime.LockOSThread()
			close(started)
			<-stop
		}()
		<-started
	}
	if o.Lacking {
		forget()
	}
	var out outcome
	var err error
	if out.Status, err = sandbox.Enter(&o.Policy); err != nil {
		out.Err = err.Error()
	} else {
		out.Threads = threads()
		out.Errs = map[string]string{}
		for what, arg := range o.Try {
			if err := tryIt(what, arg); err != nil {
				out.Errs[what] = err.Error()
			} else {
				out.Errs[what] = ""
			}
		}
	}
	json.NewEncoder(os.Stdout).Encode(&out)
	return 0
}

// forget makes the calls for Landlock and filters fail on all threads, as they do where there are none.
func forget() {
	program := []bpf.Instruction{
		bpf.LoadAbsolute{Off: 0, Size: 4}, // the number, in struct seccomp_data
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.SYS_LANDLOCK_CREATE_RULESET, SkipTrue: 1},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.SYS_SECCOMP, SkipTrue: 1},
		bpf.RetConstant{Val: unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)},
		bpf.RetConstant{Val: unix.SECCOMP_RET_ALLOW},
	}
	raw, err := bpf.Assemble(program)
	if err != nil {
		panic(err)
	}
	filters := make([]unix.SockFilter, len(raw))
	for i, r := range raw {
		filters[i] = unix.SockFilter{Code: r.Op, Jt: r.Jt, Jf: r.Jf, K: r.K}
	}
	prog := unix.SockFprog{Len: uint16(len(filters)), Filter: &filters[0]}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil { // or else root
		panic(err)
	}
	if _, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&prog))); errno != 0 {
		panic(errno)
	}
}

func tryIt(what, arg string) error {
	action, _, _ := strings.Cut(what, " ")
	switch action {
	case "read":
		_, err := os.ReadFile(arg)
		return err
	case "write":
		return os.WriteFile(arg, []byte("x"), 0o600)
	case "truncate":
		return os.Truncate(arg, 0)
	case "remove":
		return os.Remove(arg)
	case "execute":
		return exec.Command(arg, insideArg+"-not").Start()
	case "socket":
		family := map[string]int{"packet": unix.AF_PACKET, "inet": unix.AF_INET, "netlink": unix.AF_NETLINK}[arg]
		kind := unix.SOCK_DGRAM
		if arg != "inet" {
			kind = unix.SOCK_RAW
		}
		fd, err := unix.Socket(family, kind, 0)
		if err == nil {
			unix.Close(fd)
		}
		return err
	case "interfaces":
		_, err := net.Interfaces()
		return err
	case "unshare":
		return unix.Unshare(unix.CLONE_NEWUSER)
	case "setuid":
		return unix.Setuid(0)
	case "ptrace":
		return unix.PtraceAttach(os.Getppid())
	case "bpf":
		_, _, errno := unix.Syscall(unix.SYS_BPF, 9999, 0, 0)
		return errno
	case "later":
		_, _, errno := unix.Syscall(100_000, 0, 0, 0)
		return errno
	}
	return errors.New("no such action")
}

func threads() (list []map[string]string) {
	files, _ := filepath.Glob("/proc/self/task/*/status")
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			continue // ended meanwhile
		}
		one := map[string]string{}
		for s := bufio.NewScanner(f); s.Scan(); {
			key, value, _ := strings.Cut(s.Text(), ":")
			one[key] = strings.TrimSpace(value)
		}
		f.Close()
		list = append(list, one)
	}
	return list
}

// enter runs o in a process of its own, started by wrap's command if there is one.
func enter(t *testing.T, o order, wrap ...string) outcome {
	t.Helper()
	arg, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	args := append(slices.Clone(wrap), self, insideArg, string(arg))
	b, err := exec.Command(args[0], args[1:]...).Output()
	var out outcome
	if err == nil {
		err = json.Unmarshal(b, &out)
	}
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Log(string(exit.Stderr))
		}
		t.Fatalf("%v: %s", err, b)
	}
	return out
}

func (o *outcome) worked(t *testing.T, what ...string) {
	t.Helper()
	for _, w := range what {
		if err, tried := o.Errs[w]; !tried || err != "" {
			t.Errorf("%s: %q, want it to work", w, err)
		}
	}
}

func (o *outcome) refused(t *testing.T, with string, what ...string) {
	t.Helper()
	for _, w := range what {
		if err := o.Errs[w]; !strings.Contains(err, with) {
			t.Errorf("%s: %q, want %q", w, err, with)
		}
	}
}

// fresh is a folder that all may enter, with a file that all may read.
func fresh(t *testing.T) (dir, file string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "netmond-sandbox-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	file = filepath.Join(dir, "file")
	for _, err := range []error{os.Chmod(dir, 0o755), os.WriteFile(file, []byte("text"), 0o644)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir, file
}

// TestEnter enters as whoever runs the test, and looks from inside at what is left.
func TestEnter(t *testing.T) {
	read, readFile := fresh(t)
	write, writeFile := fresh(t)
	_, other := fresh(t)
	self, _ := os.Executable()
	o := order{
		Policy: sandbox.Policy{Read: []string{read, "/no/such/file"}, Write: []string{write}, Own: true},
		Try: map[string]string{
			"read named": readFile, "read hosts": "/etc/hosts", "read proc": "/proc/self/stat", "read other": other, "read passwd": "/etc/passwd",
			"write data": writeFile, "write new data": write + "/new", "remove data": write + "/file", "write named": readFile, "write other": other + "2",
			"truncate named": readFile, "truncate other": other, "write sysctl": "/proc/sys/kernel/core_pattern", "write null": "/dev/null",
			"execute self": self, "execute shell": "/bin/sh",
			"socket inet": "inet", "socket netlink": "netlink", "socket packet": "packet", "interfaces": "",
			"unshare": "", "setuid": "", "ptrace": "", "bpf": "", "later": "",
		},
	}
	out := enter(t, o)
	if out.Err != "" {
		t.Fatal(out.Err)
	}
	if len(out.Status.Missing) > 0 {
		t.Fatalf("this kernel lacks %q", out.Status.Missing)
	}
	if len(out.Threads) < 8 {
		t.Fatalf("%d threads, want 8 at least", len(out.Threads))
	}
	for _, th := range out.Threads {
		for key, want := range map[string]string{"NoNewPrivs": "1", "Seccomp": "2", "CapEff": "0000000000000000", "CapPrm": "0000000000000000", "CapInh": "0000000000000000", "CapAmb": "0000000000000000"} {
			if th[key] != want {
				t.Errorf("thread %s: %s is %s, want %s", th["Pid"], key, th[key], want)
			}
		}
		if os.Geteuid() == 0 && th["CapBnd"] != "0000000000000000" {
			t.Errorf("thread %s: CapBnd is %s", th["Pid"], th["CapBnd"])
		}
	}
	out.worked(t, "read named", "read hosts", "read proc", "write data", "write new data", "write null",
		"execute self", "socket inet", "socket netlink", "interfaces")
	if err := out.Errs["remove data"]; err != "" && !strings.Contains(err, "no such file") {
		t.Errorf("remove data: %s", err)
	}
	out.refused(t, "permission denied", "read other", "read passwd", "write named", "write other", "write sysctl", "execute shell")
	out.refused(t, "not permitted", "truncate named", "truncate other", "socket packet", "unshare", "setuid", "ptrace", "bpf")
	out.refused(t, "not implemented", "later")
}

// TestEnterUser becomes another user, for whom the capabilities that are kept stay.
func TestEnterUser(t *testing.T) {
	testneed.Root(t)
	write, _ := fresh(t)
	o := order{
		Policy: sandbox.Policy{User: "nobody", Write: []string{write}, Keep: []sandbox.Capability{sandbox.CapBPF}, BPF: true},
		Try:    map[string]string{"setuid": "", "bpf": ""},
	}
	if out := enter(t, o); !strings.Contains(out.Err, "cannot write in "+write) || !strings.Contains(out.Err, "--user") {
		t.Errorf("a folder of root: %q", out.Err)
	}
	uid, gid, err := sandbox.UserIDs("nobody")
	if err == nil {
		err = os.Chown(write, uid, gid)
	}
	if err != nil {
		t.Fatal(err)
	}
	out := enter(t, o)
	if out.Err != "" {
		t.Fatal(out.Err)
	}
	if out.Status.UID != uid || out.Status.GID != gid || out.Status.CapabilityText() != "CAP_BPF" {
		t.Errorf("%+v, want user %d, group %d and CAP_BPF", out.Status, uid, gid)
	}
	for _, th := range out.Threads {
		if f := strings.Fields(th["Uid"]); len(f) != 4 || slices.Contains(f, "0") || th["CapEff"] != "0000008000000000" {
			t.Errorf("thread %s: uids %v, CapEff %s", th["Pid"], f, th["CapEff"])
		}
	}
	out.refused(t, "not permitted", "setuid")
	out.refused(t, "invalid argument", "bpf") // the kernel has looked at it

	o.Policy.User = "no-such-user"
	if out := enter(t, o); !strings.Contains(out.Err, "no user") {
		t.Errorf("%q", out.Err)
	}
}

// TestEnterOthersFiles: root without capabilities keeps the one to read others' files where a named path
// needs it, and the named path alone is what it opens.
func TestEnterOthersFiles(t *testing.T) {
	testneed.Root(t)
	dir, file := fresh(t)
	closed, secret := fresh(t)
	for _, d := range []string{dir, closed} {
		for _, err := range []error{os.Chown(d, 65534, 65534), os.Chmod(d, 0o700)} {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	out := enter(t, order{Policy: sandbox.Policy{Read: []string{dir}}, Try: map[string]string{"read named": file, "read secret": secret}})
	if out.Err != "" || out.Status.ReadSearchFor != dir || out.Status.CapabilityText() != "CAP_DAC_READ_SEARCH" {
		t.Fatalf("%s %+v", out.Err, out.Status)
	}
	out.worked(t, "read named")
	out.refused(t, "permission denied", "read secret")
}

// TestEnterUnprivileged starts as an ordinary user with CAP_NET_RAW, as a unit file does.
func TestEnterUnprivileged(t *testing.T) {
	testneed.Root(t)
	setpriv := testneed.Command(t, "root", "setpriv")
	dir, err := os.MkdirTemp("", "netmond-sandbox-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	for _, err := range []error{os.Chmod(dir, 0o700), os.Chown(dir, 65534, 65534)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if st, err := os.Stat(filepath.Dir(self)); err != nil || st.Mode()&1 == 0 {
		for d := filepath.Dir(self); strings.HasPrefix(d, os.TempDir()+"/"); d = filepath.Dir(d) {
			os.Chmod(d, 0o755) // go test's own folder, for this run
		}
	}
	out := enter(t, order{Policy: sandbox.Policy{Write: []string{dir}}, Try: map[string]string{"write data": dir + "/new", "read passwd": "/etc/passwd"}},
		setpriv, "--reuid", "65534", "--regid", "65534", "--clear-groups", "--inh-caps", "+net_raw", "--ambient-caps", "+net_raw", "--bounding-set", "-all,+net_raw", "--")
	if out.Err != "" {
		t.Fatal(out.Err)
	}
	for _, th := range out.Threads {
		if th["CapEff"] != "0000000000000000" || th["CapAmb"] != "0000000000000000" || th["Seccomp"] != "2" {
			t.Errorf("thread %s: CapEff %s, CapAmb %s, Seccomp %s", th["Pid"], th["CapEff"], th["CapAmb"], th["Seccomp"])
		}
	}
	out.worked(t, "write data")
	out.refused(t, "permission denied", "read passwd")
}

// TestEnterLacking: on a kernel without Landlock and filters the rest is on, and what is missing is told.
func TestEnterLacking(t *testing.T) {
	write, file := fresh(t)
	out := enter(t, order{Policy: sandbox.Policy{Write: []string{write}}, Lacking: true, Try: map[string]string{"write data": file}})
	if out.Err != "" {
		t.Fatal(out.Err)
	}
	if s := out.Status; s.LandlockABI != 0 || s.Seccomp || !s.NoNewPrivs || s.CapabilityText() != "none" || len(s.Missing) != 2 ||
		!strings.Contains(s.Missing[0], "Landlock") || !strings.Contains(s.Missing[1], "system call filter") {
		t.Errorf("%+v", s)
	}
	for _, th := range out.Threads {
		if th["CapEff"] != "0000000000000000" || th["NoNewPrivs"] != "1" {
			t.Errorf("thread %s: CapEff %s, NoNewPrivs %s", th["Pid"], th["CapEff"], th["NoNewPrivs"])
		}
	}
	out.worked(t, "write data")
}
