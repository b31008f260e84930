package engine

import (
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/netmond/netmond/sandbox"
)

// Fixed limits of a worker process.
const (
	workerFiles = 64
	workerNice  = 10
	workerOOM   = "800" // of 1000: the kernel ends a worker before the daemon
)

// workerName is what ps(1) shows, where it would be exe. The last byte is 0.
var workerName = []byte("netmond-lua\x00")

// confineThread takes privileges from this thread and executes the program again on it, so that all
// threads of the new image are without them. dirs are the folders that scripts may be read from.
func confineThread(dirs []string) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	// Best effort. In a sandboxed daemon the worker has its score from Config.Spawn.
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte(workerOOM), 0)
	_ = unix.Setpriority(unix.PRIO_PROCESS, 0, workerNice)
	// With cgo each thread's stack has this size, and counts as memory of the script.
	_ = unix.Prlimit(0, unix.RLIMIT_STACK, &unix.Rlimit{Cur: 1 << 20, Max: unix.RLIM_INFINITY}, nil)
	if err := sandbox.Worker(dirs); err != nil {
		return err
	}
	err := syscall.Exec(ownProgram, append([]string{os.Args[0], WorkerArg, stageConfined}, dirs...), os.Environ())
	return fmt.Errorf("execute %s again: %w", ownProgram, err)
}

// confineProcess limits the whole process; after it no other program can be executed.
func confineProcess() {
	// The daemon's end is what the worker outlives by nothing; execution may have cleared it.
	_ = unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0)
	_ = unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
	_ = unix.Prctl(unix.PR_SET_NAME, uintptr(unsafe.Pointer(&workerName[0])), 0, 0, 0)
	for resource, most := range map[int]uint64{unix.RLIMIT_CORE: 0, unix.RLIMIT_FSIZE: 0, unix.RLIMIT_NOFILE: workerFiles, unix.RLIMIT_MEMLOCK: 0, unix.RLIMIT_MSGQUEUE: 0} {
		// By system call: syscall.Setrlimit would remember and restore.
		_ = unix.Prlimit(0, resource, &unix.Rlimit{Cur: most, Max: most}, nil)
	}
	spent := make(chan os.Signal, 1)
	signal.Notify(spent, unix.SIGXCPU) // Go ignores it otherwise
	go func() {                        // ends with the process
		<-spent
		fmt.Fprintln(os.Stderr, outOfTime)
		os.Exit(1)
	}()
	sandbox.FilterWorker()
}
