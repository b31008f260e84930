package engine

import (
	"bytes"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// ownProgram is the program that runs, also when its file was replaced since: a worker is of the daemon's
// own version.
const ownProgram = "/proc/self/exe"

func workerProgram() (string, error) { return ownProgram, nil }

func setAttributes(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}

// A processMemory is the kernel's view, bytes.
type processMemory struct{ resident, data int64 }

// readMemory reads /proc/pid/statm (proc(5)): resident is the second field, data with stack the sixth.
func readMemory(pid int) (m processMemory, ok bool) {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/statm")
	if err != nil {
		return m, false
	}
	fields := bytes.Fields(b)
	if len(fields) < 6 {
		return m, false
	}
	page := int64(os.Getpagesize())
	resident, err1 := strconv.ParseInt(string(fields[1]), 10, 64)
	data, err2 := strconv.ParseInt(string(fields[5]), 10, 64)
	return processMemory{resident * page, data * page}, err1 == nil && err2 == nil
}

// clockTicks are the units of processor time in /proc, per second: USER_HZ, 100 on every architecture
// that Go knows.
const clockTicks = 100

// processTime reads the processor time that a process has used, user and system, from /proc/pid/stat
// (proc(5)): fields 14 and 15, counted from behind the program's name, which may hold anything.
func processTime(pid int) (time.Duration, bool) {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0, false
	}
	fields := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
	if len(fields) < 13 {
		return 0, false
	}
	user, err1 := strconv.ParseInt(string(fields[11]), 10, 64)
	system, err2 := strconv.ParseInt(string(fields[12]), 10, 64)
	return time.Duration(user+system) * time.Second / clockTicks, err1 == nil && err2 == nil
}

// limitTime sets the soft RLIMIT_CPU of a worker: it may use processors for more from now on. It ends
// at SIGXCPU otherwise. The watch ends it far sooner; this holds when the daemon is stopped and cannot watch.
func limitTime(pid int, more time.Duration) {
	if used, ok := processTime(pid); ok {
		most := uint64((used+more+time.Second-1)/time.Second) + 1
		_ = unix.Prlimit(pid, unix.RLIMIT_CPU, &unix.Rlimit{Cur: most, Max: unix.RLIM_INFINITY}, nil)
	}
}

// limitData sets the soft RLIMIT_DATA of a worker, which bounds its private writable memory (since
// Linux 4.7 mappings count). Address space that the Go runtime only reserves does not count.
func limitData(pid int, most int64) {
	if pid != 0 {
		_ = unix.Prlimit(pid, unix.RLIMIT_DATA, &unix.Rlimit{Cur: uint64(most), Max: unix.RLIM_INFINITY}, nil)
	}
}
