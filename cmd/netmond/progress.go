package main

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/netmond/netmond/capture"
)

// A progress shows how far a long read has come, on one line of a terminal, from a second on.
type progress struct {
	done chan struct{}
	wg   sync.WaitGroup
}

// startProgress shows src on w until stop; nothing happens where w is no terminal.
func startProgress(w io.Writer, src *capture.Files) *progress {
	p := &progress{done: make(chan struct{})}
	if _, isTTY := terminal(w); !isTTY {
		return p
	}
	p.wg.Go(func() { // ends at stop
		start, shown := time.Now(), false
		tick := time.NewTicker(500 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-p.done:
				if shown {
					fmt.Fprint(w, "\r\x1b[K")
				}
				return
			case <-tick.C:
				if read, total := src.Progress(); time.Since(start) > time.Second {
					fmt.Fprintf(w, "\r\x1b[K%s", progressLine(read, total, time.Since(start)))
					shown = true
				}
			}
		}
	})
	return p
}

func (p *progress) stop() {
	close(p.done)
	p.wg.Wait()
}

// progressLine tells bytes read, speed, and where the total is known the share and the time left.
func progressLine(read, total int64, elapsed time.Duration) string {
	rate := float64(read) / elapsed.Seconds()
	line := fmt.Sprintf("reading: %.1f MB, %.0f MB/s", float64(read)/1e6, rate/1e6)
	if total > 0 && read > 0 && read <= total {
		left := time.Duration(float64(total-read) / rate * float64(time.Second))
		line += fmt.Sprintf(", %d%%, %v left", read*100/total, left.Round(time.Second))
	}
	return line
}
