package engine

import (
	"context"
	"os"
	"strconv"
	"time"
)

// WorkerArg is the first argument of a worker process. A program that uses the package calls WorkerMain
// when it sees it, before anything else.
const WorkerArg = "lua-worker"

// stageConfined is the second argument once privileges are gone. The script folders follow, as they do
// WorkerArg before.
const stageConfined = "confined"

// WorkerMain is the worker process. On Linux it first gives up what it does not need and executes
// itself again, so that no thread keeps anything: no new privileges, no capabilities, a lower priority,
// Landlock (only the script folders can be read, nothing written). Then come the limits of descriptors,
// file size and core files, and a system call filter on amd64 and arm64 (package sandbox). What a kernel
// lacks is left out. The daemon bounds memory and processor time as it goes on. It returns when the
// daemon closes the connection.
func WorkerMain(ctx context.Context) error {
	args := os.Args[2:]
	if len(args) == 0 || args[0] != stageConfined {
		if err := confineThread(args); err != nil { // on Linux it returns with an error or not at all
			return err
		}
	}
	conn, err := workerConn()
	if err != nil {
		return err
	}
	tune()
	confineProcess()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go leaveWithParent(ctx) // ended by cancel
	w := newWorker(conn)
	return w.serve(ctx)
}

// leaveWithParent ends the process when the daemon is gone while a script runs.
func leaveWithParent(ctx context.Context) {
	parent := os.Getppid()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if os.Getppid() != parent {
				os.Exit(1)
			}
		}
	}
}

// workerEnv is the environment of a worker: what its Go runtime needs.
func workerEnv() []string {
	env := []string{"GOTRACEBACK=none", "GOMAXPROCS=" + strconv.Itoa(processors)}
	for _, name := range []string{"TZ", "SYSTEMROOT"} {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	return env
}
