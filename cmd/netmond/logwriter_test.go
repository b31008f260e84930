package main

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A gate is a destination that takes nothing until it is opened.
type gate struct {
	open chan struct{}
	mu   sync.Mutex // guards b and err
	b    bytes.Buffer
	err  error
}

func (g *gate) Write(p []byte) (int, error) {
	<-g.open
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.err != nil {
		return 0, g.err
	}
	return g.b.Write(p)
}

// TestLogWriterBlocked logs far more than the queue holds to a destination that takes nothing: nobody
// waits, what is dropped is counted, and the log tells of it when it goes on.
func TestLogWriterBlocked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dst := &gate{open: make(chan struct{})}
		w := newLogWriter(dst)
		log := slog.New(slog.NewTextHandler(w, nil))
		w.tellTo(log)
		log.Info("first")
		synctest.Wait() // it is being written
		begin := time.Now()
		const more = 100
		for i := range maxLogQueue + more {
			log.Info("line", "n", i)
		}
		if took := time.Since(begin); took != 0 {
			t.Errorf("logging waited %v", took)
		}
		if got := w.dropped.Load(); got != more {
			t.Errorf("%d lines dropped, want %d", got, more)
		}
		close(dst.open)
		synctest.Wait()
		log.Info("last")
		w.close()
		lines := strings.Split(strings.TrimSpace(dst.b.String()), "\n")
		// The line that tells waits in the queue like any other.
		if n := len(lines); n != 1+maxLogQueue+2 {
			t.Fatalf("%d lines written, want %d", n, 1+maxLogQueue+2)
		}
		for i, line := range lines[1 : 1+maxLogQueue] {
			if !strings.HasSuffix(line, fmt.Sprintf("msg=line n=%d", i)) {
				t.Fatalf("line %d is %q", i, line)
			}
		}
		if told := strings.Join(lines[1+maxLogQueue:], "\n"); !strings.Contains(told, fmt.Sprintf("lines=%d", more)) || !strings.Contains(told, "msg=last") {
			t.Errorf("the end of the log is:\n%s", told)
		}
	})
}

// TestLogWriterCloseGivesUp ends in bounded time while the destination takes nothing.
func TestLogWriterCloseGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dst := &gate{open: make(chan struct{})}
		w := newLogWriter(dst)
		fmt.Fprintln(w, "a line")
		begin := time.Now()
		w.close()
		w.close()
		if took := time.Since(begin); took != logCloseTimeout {
			t.Errorf("close took %v, want %v", took, logCloseTimeout)
		}
		fmt.Fprintln(w, "too late")
		if got := w.dropped.Load(); got != 1 {
			t.Errorf("%d lines dropped, want the one after close", got)
		}
		close(dst.open)
	})
}

// TestLogWriterErrors counts lines that the destination refuses, and cuts endless ones.
func TestLogWriterErrors(t *testing.T) {
	dst := &gate{open: make(chan struct{}), err: errors.New("no space left on device")}
	close(dst.open)
	w := newLogWriter(dst)
	for range 5 {
		fmt.Fprintln(w, "a line")
	}
	w.close()
	if got := w.dropped.Load(); got != 5 {
		t.Errorf("%d lines dropped, want 5", got)
	}

	dst = &gate{open: dst.open}
	w = newLogWriter(dst)
	fmt.Fprintln(w, strings.Repeat("ü", maxLogLine))
	w.close()
	if got := dst.b.String(); len(got) > maxLogLine || !strings.HasSuffix(got, "ü\n") {
		t.Errorf("a line of %d bytes, ends with %q", len(got), got[len(got)-4:])
	}
	newLogWriter(dst).close() // nothing was logged
}
