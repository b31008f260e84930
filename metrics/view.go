package metrics

import (
	"sync"
	"time"

	"github.com/netmond/netmond/alerts"
	"github.com/netmond/netmond/bpf"
	"github.com/netmond/netmond/capture"
	"github.com/netmond/netmond/flows"
	"github.com/netmond/netmond/localnets"
	"github.com/netmond/netmond/lua/engine"
)

// A View is what one scrape shows.
type View struct {
	Snapshot *flows.Snapshot // nil: nothing is counted yet, and only the collector's own state is shown
	Sources  []capture.Stats // live sources, at most one per Interface; read after Snapshot was taken
	Kernel   []KernelSource  // those of Sources that programs in the kernel count

	Reloads *Reloads // nil: the configuration is never read again

	// Filtered is what a filter kept out of the files that Snapshot was counted from; nil: there is none.
	Filtered *localnets.Counts

	Alerts *alerts.Stats // nil: there are none
	// Network is the alerts' state of a network of Snapshot, by its canonical CIDR. Set with Alerts.
	Network func(cidr string) alerts.View

	Checks []engine.CheckStatus // by key
	Engine *engine.EngineStatus // nil: no checks run
}

// Causes of lost packets, wherever they are shown. The first two are those of an interface, and such packets are
// in no figure; the others are in the totals all the same.
const (
	LostRing      = "ring"
	LostNIC       = "nic"
	LostUndecoded = "undecoded"
	LostUntracked = "untracked"
)

// A KernelSource is the state of the programs that count an interface's frames in the kernel.
type KernelSource struct {
	Interface  string
	Mode       string
	Attached   bool              // else the packet socket has the frames, or there are none
	Reattaches map[string]uint64 // by reason of the loss
	Fallbacks  uint64
	Gap        time.Duration // in which frames may not have been counted
	Stats      bpf.Stats
}

// Reloads counts how often the configuration was read again.
type Reloads struct {
	Succeeded, Failed uint64
	LastFailed        bool
	LastSuccess       int64 // of a start or reload, ns since the Unix epoch
}

// Shared makes readers share views: take is called by one goroutine at a time, and its result also
// serves those who waited for it and those who come less than reuse after it. The function returned
// may be called from any goroutine.
func Shared(reuse time.Duration, take func() View) func() View {
	s := &shared{reuse: reuse, take: take}
	return s.get
}

type shared struct {
	reuse time.Duration
	take  func() View

	mu   sync.Mutex // guards last; never held while a view is taken
	last *taking
}

// A taking is a view that is being taken, or was.
type taking struct {
	done  chan struct{} // closed at the end
	view  View          // valid after done, as is the rest
	ended time.Time     // zero when take panicked
}

func (s *shared) get() View {
	for {
		s.mu.Lock()
		t := s.last
		if t == nil || t.old(s.reuse) {
			t = &taking{done: make(chan struct{})}
			s.last = t
			s.mu.Unlock()
			t.run(s.take)
			return t.view
		}
		s.mu.Unlock()
		<-t.done
		if !t.ended.IsZero() {
			return t.view
		}
	}
}

// old reports whether t has ended and serves no more readers.
func (t *taking) old(reuse time.Duration) bool {
	select {
	case <-t.done:
		return t.ended.IsZero() || time.Since(t.ended) >= reuse
	default:
		return false
	}
}

func (t *taking) run(take func() View) {
	defer close(t.done)
	t.view = take()
	t.ended = time.Now()
}
