package main

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/netmond/netmond/internal/netnstest"
)

// A screenful is a process on a pseudo-terminal of 80x24, and what it has written there.
type screenful struct {
	t   *testing.T
	cmd *exec.Cmd
	tty *os.File // our end
	log lockedLog
}

// onPTY starts a command in a namespace on a pseudo-terminal of its own.
func onPTY(t *testing.T, ns *netnstest.NS, environment []string, args ...string) *screenful {
	t.Helper()
	ours, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(ours.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(ours.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		err = unix.IoctlSetWinsize(int(ours.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 80})
	}
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := os.OpenFile("/dev/pts/"+strconv.Itoa(n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer theirs.Close()
	s := &screenful{t: t, tty: ours, cmd: exec.Command(args[0], args[1:]...)}
	s.cmd.Env = append(os.Environ(), environment...)
	s.cmd.Stdin, s.cmd.Stdout, s.cmd.Stderr = theirs, theirs, theirs
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := ns.Start(s.cmd); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { // ends with the terminal's other end, or ours
		defer close(ended)
		b := make([]byte, 4096)
		for {
			n, err := ours.Read(b)
			s.log.Write(b[:n])
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		if s.cmd.ProcessState == nil {
			s.end()
		}
		ours.Close()
		<-ended
		if t.Failed() {
			t.Logf("terminal:\n%s", s.log.String())
		}
	})
	return s
}

// until waits for all texts, and says how long that took.
func (s *screenful) until(within time.Duration, texts ...string) time.Duration {
	s.t.Helper()
	start := time.Now()
	for {
		missing := ""
		for _, text := range texts {
			if !strings.Contains(s.log.String(), text) {
				missing = text
			}
		}
		if missing == "" {
			return time.Since(start)
		}
		if time.Since(start) > within {
			s.t.Fatalf("%q is missing after %v in\n%s", missing, within, s.log.String())
		}
		time.Sleep(10 * time.Millisecond) // another process: there is no event to wait for
	}
}

// wait waits for the end of the process and gives its exit code.
func (s *screenful) wait() int {
	s.t.Helper()
	defer time.AfterFunc(20*time.Second, func() { s.cmd.Process.Kill() }).Stop()
	s.cmd.Wait()
	time.Sleep(50 * time.Millisecond) // what it wrote last comes through the terminal
	return s.cmd.ProcessState.ExitCode()
}

// end interrupts the process as Ctrl-C does.
func (s *screenful) end() int {
	s.t.Helper()
	s.tty.Write([]byte{3})
	return s.wait()
}
