package lua

import (
	"sync"
	"time"
)

// A Stopwatch measures the time limit of runs. Whoever serves a script's calls stops it meanwhile, so
// that only the script's own time counts. The zero value is ready; it is for one VM that runs at a time.
type Stopwatch struct {
	mu      sync.Mutex // guards what follows
	timer   *time.Timer
	ended   func()
	running bool
	since   time.Time
	left    time.Duration
}

// begin starts a run of at most limit, after which ended is called once.
func (s *Stopwatch) begin(limit time.Duration, ended func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended, s.left = ended, limit
	s.startLocked()
}

func (s *Stopwatch) startLocked() {
	ended := s.ended
	s.running, s.since = true, time.Now()
	s.timer = time.AfterFunc(s.left, ended)
}

// end ends a run; ended may be called just then.
func (s *Stopwatch) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopLocked()
	s.ended = nil
}

func (s *Stopwatch) stopLocked() {
	if s.running {
		s.timer.Stop()
		s.left -= time.Since(s.since)
		s.running = false
	}
}

// Stop stops the time of the run that goes on, if there is one, and Start lets it go on.
func (s *Stopwatch) Stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopLocked()
}

// Start is described at Stop.
func (s *Stopwatch) Start() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended != nil && !s.running {
		s.startLocked()
	}
}

// remaining is the time that the run has left.
func (s *Stopwatch) remaining() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running {
		return s.left - time.Since(s.since)
	}
	return s.left
}
