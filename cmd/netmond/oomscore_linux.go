package main

import (
	"fmt"
	"io"
	"os"
	"sync"
)

// workerOOMScore is what workers start with, of 1000: when the machine is out of memory the kernel ends
// them, and not the daemon.
const workerOOMScore = "800"

// An oomScore lends the daemon's workers a higher score. In the sandbox nothing below /proc can be opened
// for writing, for root without capabilities may still write below /proc/sys; so the file is opened
// before. A score may be lowered again to what a privileged process last set it to (proc(5)).
type oomScore struct {
	mu   sync.Mutex // held while the score is raised
	file *os.File
	own  string
}

// openOOMScore is nil where the score cannot be changed.
func openOOMScore() *oomScore {
	f, err := os.OpenFile("/proc/self/oom_score_adj", os.O_RDWR, 0)
	if err != nil {
		return nil
	}
	own, err := io.ReadAll(f)
	if err != nil {
		f.Close()
		return nil
	}
	return &oomScore{file: f, own: string(own)}
}

// spawn calls start with the score of a worker, which the new process inherits.
func (o *oomScore) spawn(start func() error) error {
	if o == nil {
		return start()
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, err := o.file.WriteAt([]byte(workerOOMScore), 0); err != nil { // its own score is higher
		return start()
	}
	err := start()
	if _, werr := o.file.WriteAt([]byte(o.own), 0); werr != nil && err == nil {
		err = fmt.Errorf("lower the score for being out of memory again: %w", werr)
	}
	return err
}
