package main

import (
	"bytes"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// A logWriter keeps whoever logs from waiting for where the log goes: a pipe whose reader has stopped, a
// terminal, a disk. Lines wait in a queue of bounded length, and are dropped and counted when that is
// full. Lines that are written come in order.
type logWriter struct {
	dst     io.Writer
	lines   chan []byte
	dropped atomic.Uint64 // lines that were not written

	mu      sync.Mutex    // guards what follows
	done    chan struct{} // nil before the first line; closed when the last one is written
	closed  bool
	tell    *slog.Logger // told of dropped lines when lines are written again; may be nil
	written uint64       // dropped when it was last told
}

const (
	// maxLogQueue is in lines; with maxLogLine it bounds the memory to 4 MiB.
	maxLogQueue = 1024
	maxLogLine  = 4096
	// logCloseTimeout is how long the end waits for lines that are not written yet.
	logCloseTimeout = time.Second
)

func newLogWriter(dst io.Writer) *logWriter {
	return &logWriter{dst: dst, lines: make(chan []byte, maxLogQueue)}
}

// Write queues one line, which the caller may use again; it cuts one that is too long. It never fails
// and never waits.
func (w *logWriter) Write(line []byte) (int, error) {
	n := len(line)
	if n > maxLogLine {
		line = append(bytes.ToValidUTF8(line[:maxLogLine-1], nil), '\n')
	} else {
		line = bytes.Clone(line)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		w.dropped.Add(1)
		return n, nil
	}
	if w.done == nil {
		w.done = make(chan struct{})
		go w.run() // ends after close, when the last line is written
	}
	select {
	case w.lines <- line:
	default:
		w.dropped.Add(1)
	}
	return n, nil
}

func (w *logWriter) run() {
	defer close(w.done)
	for line := range w.lines {
		if _, err := w.dst.Write(line); err != nil {
			w.dropped.Add(1) // of no use to say so there
			continue
		}
		if len(w.lines) == 0 { // or there may be no room to tell
			w.tellDropped()
		}
	}
}

// tellDropped logs how many lines were dropped since the last time.
func (w *logWriter) tellDropped() {
	now := w.dropped.Load()
	w.mu.Lock()
	lost, tell := now-w.written, w.tell
	if tell == nil || w.closed {
		lost = 0
	} else {
		w.written = now
	}
	w.mu.Unlock()
	if lost > 0 {
		tell.Warn("log lines were dropped: their destination did not take them", "lines", lost)
	}
}

// tellTo has log, which writes here, told of dropped lines.
func (w *logWriter) tellTo(log *slog.Logger) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tell = log
}

// close waits until the lines so far are written, for a bounded time. Later lines are dropped.
func (w *logWriter) close() {
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return
	}
	w.closed = true
	close(w.lines)
	done := w.done
	w.mu.Unlock()
	if done == nil {
		return
	}
	timeout := time.NewTimer(logCloseTimeout)
	defer timeout.Stop()
	select {
	case <-done:
	case <-timeout.C:
	}
}
