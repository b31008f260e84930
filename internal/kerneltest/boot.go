package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// A machine is what a kernel is booted in.
type machine struct {
	accel   string
	limit   time.Duration
	verbose bool // show the console
}

// boot runs a machine until it ends, and gives what its console showed of the tests: a line for each that failed or
// was skipped and the number of those that passed.
func (m machine) boot(ctx context.Context, image, initrd string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, m.limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, "qemu-system-x86_64", "-machine", "q35,accel="+m.accel, "-cpu", "max", "-smp", "2", "-m", "2G",
		"-display", "none", "-serial", "stdio", "-monitor", "none", "-nic", "none", "-no-reboot",
		"-kernel", image, "-initrd", initrd, "-append", "console=ttyS0 panic=-1 quiet loglevel=3")
	console, err := cmd.StdoutPipe()
	if err != nil {
		return "", err
	}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		return "", err
	}
	var r results
	lines := bufio.NewScanner(console)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := strings.TrimRight(lines.Text(), "\r")
		if m.verbose {
			fmt.Println(line)
		}
		r.take(line)
	}
	err = cmd.Wait()
	switch {
	case ctx.Err() != nil:
		return r.String(), fmt.Errorf("not done after %v", m.limit)
	case err != nil:
		return r.String(), fmt.Errorf("qemu: %w: %s", err, &stderr)
	case !r.done:
		return r.String(), errors.New("the machine ended before the tests did")
	case r.failed || r.passed == 0:
		return r.String(), errors.New("tests failed")
	}
	return r.String(), nil
}

// What init says on the console.
const (
	saidNote = "kerneltest: " // to be shown
	saidDone = "kerneltest done: "
)

// results is what a console showed.
type results struct {
	shown        strings.Builder
	last         []string // the last lines, for when the machine ends early
	passed       int
	failed, done bool
}

func (r *results) take(line string) {
	line = strings.TrimLeft(line, "\x00")
	if r.last = append(r.last, line); len(r.last) > 30 {
		r.last = r.last[1:]
	}
	text := strings.TrimSpace(line)
	switch {
	case strings.HasPrefix(line, saidDone):
		r.done = true
		r.failed = r.failed || line != saidDone+"0"
	case strings.HasPrefix(line, saidNote), strings.HasPrefix(text, "--- SKIP"):
		fmt.Fprintln(&r.shown, "  "+text)
	case strings.HasPrefix(text, "--- PASS"):
		r.passed++
	case strings.HasPrefix(text, "--- FAIL"), strings.HasPrefix(text, "panic:"):
		r.failed = true
		fmt.Fprintln(&r.shown, "  "+text)
	}
}

// String is the summary.
func (r *results) String() string {
	s := r.shown.String() + fmt.Sprintf("  %d tests and parts of tests passed\n", r.passed)
	if !r.done || r.failed {
		s += "  the console's last lines:\n    " + strings.Join(r.last, "\n    ") + "\n"
	}
	return s
}
