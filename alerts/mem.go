package alerts

import (
	"context"
	"fmt"
	"slices"
	"sync"
)

// maxMemEvents bounds what Mem.Events has to give.
const maxMemEvents = 100_000

// A Mem is a Sink in memory: the model for the Store, and what netmond check uses. Several goroutines
// may use it.
type Mem struct {
	cfg    Config
	mu     sync.Mutex // guards all below
	state  state
	past   []pastAlert
	events []Event
}

type pastAlert struct {
	Alert
	stored int64
}

var _ Keeper = (*Mem)(nil)

// NewMem makes an empty one. Of cfg it heeds the working copy, the quotas, MaxRows, MaxAge, Now and
// Events.
func NewMem(cfg Config) *Mem {
	m := &Mem{cfg: cfg}
	m.state = newState(&m.cfg)
	return m
}

// Events gives what happened since the last call, in order, when Config.Events is nil. While 100,000
// wait, changes of alerts are refused with ErrFull.
func (m *Mem) Events() []Event {
	m.mu.Lock()
	defer m.mu.Unlock()
	events := m.events
	m.events = nil
	return events
}

// Stats gives the figures; those of a file are zero.
func (m *Mem) Stats() Stats {
	m.mu.Lock()
	defer m.mu.Unlock()
	st := m.state.stats()
	st.Rows = len(m.past)
	return st
}

// Close does nothing: a Mem has nothing open.
func (m *Mem) Close() error { return nil }

func (m *Mem) told(kind EventKind, a Alert) {
	e := Event{kind, a, true}
	if m.cfg.Events != nil {
		m.cfg.Events(e)
		return
	}
	m.events = append(m.events, e)
}

// Apply makes the changes in their order.
func (m *Mem) Apply(ops []Op) []Result {
	m.mu.Lock()
	defer m.mu.Unlock()
	results := make([]Result, len(ops))
	for i := range ops {
		results[i] = m.apply(&ops[i])
	}
	m.trim()
	return results
}

// apply makes one change; m.mu is held.
func (m *Mem) apply(op *Op) (r Result) {
	if op.Kind < OpSet && len(m.events) >= maxMemEvents {
		r.Err = m.state.refuse(fmt.Errorf("%d events wait: %w", len(m.events), ErrFull))
		return r
	}
	switch op.Kind {
	case OpEngage:
		var e *engagedAlert
		if e, r.Changed, r.Err = m.state.engage(op.Alert); e != nil {
			r.Alert = e.alert
		}
		if r.Changed {
			m.told(Engaged, r.Alert)
		}
	case OpRelease:
		if r.Alert, r.Changed = m.state.release(op.Alert.Key, op.Alert.End); r.Changed {
			m.keep(r.Alert)
			m.told(Released, r.Alert)
		}
	case OpRecord:
		if r.Alert, r.Err = m.state.record(op.Alert); r.Err == nil {
			r.Changed = true
			m.keep(r.Alert)
			m.told(Recorded, r.Alert)
		}
	case OpSet:
		_, r.Changed, r.Err = m.state.set(op.Value)
	case opForget:
		r.Changed = m.state.forget(op.Value.Network)
	}
	return r
}

// keep adds to the past.
func (m *Mem) keep(a Alert) {
	m.past = append(m.past, pastAlert{a, m.state.now()})
}

// trim lets go what is too much or too old; m.mu is held.
func (m *Mem) trim() {
	now, drop := m.state.now(), 0
	if len(m.past) > m.cfg.MaxRows {
		drop = len(m.past) - fourFifths(m.cfg.MaxRows)
	}
	for drop < len(m.past) && m.past[drop].stored < now-int64(m.cfg.MaxAge.Seconds()) {
		drop++
	}
	m.past = slices.Delete(m.past, 0, drop)
}

// fourFifths is what is left of n rows when there were more; at least 1.
func fourFifths(n int) int { return max(n-n/5, 1) }

// Engage implements Writer.
func (m *Mem) Engage(a Alert) (fresh bool, err error) {
	r := m.Apply([]Op{{Kind: OpEngage, Alert: a}})[0]
	return r.Changed, r.Err
}

// Release implements Writer.
func (m *Mem) Release(key Key, end int64) (Alert, bool, error) {
	r := m.Apply([]Op{{Kind: OpRelease, Alert: Alert{Key: key, End: end}}})[0]
	return r.Alert, r.Changed, r.Err
}

// Record implements Writer.
func (m *Mem) Record(a Alert) error {
	return m.Apply([]Op{{Kind: OpRecord, Alert: a}})[0].Err
}

// CachedValue implements ValueCache.
func (m *Mem) CachedValue(network string, namespace int, key string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.state.value(network, namespace, key)
}

// SetCachedValue implements ValueCache.
func (m *Mem) SetCachedValue(network string, namespace int, key, value string) error {
	return m.Apply([]Op{{Kind: OpSet, Value: Value{network, namespace, key, value}}})[0].Err
}

// AlertView implements Reader.
func (m *Mem) AlertView(network string) View {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.state.view(network)
}

// AlertViews implements Keeper.
func (m *Mem) AlertViews() map[string]View {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.state.views()
}

// Query implements Reader. A filter that Find refuses selects nothing.
func (m *Mem) Query(network string, f Filter) (page []Alert, total int) {
	page, total, _ = m.Find(context.Background(), network, f)
	return page, total
}

// Find is Query with the reason why f selects nothing: ErrInvalid or ErrTooLarge.
func (m *Mem) Find(_ context.Context, network string, f Filter) (page []Alert, total int, err error) {
	q, err := f.compile(network)
	if err != nil {
		return nil, 0, err
	}
	m.mu.Lock()
	m.trim()
	found := m.state.selectEngaged(q, nil)
	for i := range m.past {
		if q.selects(&m.past[i].Alert) {
			found = append(found, m.past[i].Alert)
		}
	}
	m.mu.Unlock()
	q.sort(found)
	return q.cut(found), len(found), nil
}

// Acknowledge labels the past alerts that f selects and says how many; pages do not matter. Of an
// alert that is acknowledged it changes the label.
func (m *Mem) Acknowledge(network string, f Filter, label string) (int, error) {
	q, err := f.compileMany(network, label)
	if err != nil {
		return 0, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.trim()
	n, now := 0, m.state.now()
	for i := range m.past {
		if a := &m.past[i].Alert; q.selects(a) {
			a.Status, a.Label, a.LabelTime = StatusAcknowledged, label, now
			n++
		}
	}
	return n, nil
}

// Delete forgets the past alerts that f selects and says how many; pages do not matter.
func (m *Mem) Delete(network string, f Filter) (int, error) {
	q, err := f.compileMany(network, "")
	if err != nil {
		return 0, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.trim()
	before := len(m.past)
	m.past = slices.DeleteFunc(m.past, func(p pastAlert) bool { return q.selects(&p.Alert) })
	return before - len(m.past), nil
}

// compileMany checks a filter for past alerts that shall be changed.
func (f Filter) compileMany(network, label string) (*selection, error) {
	if f.Status == StatusEngaged {
		return nil, fmt.Errorf("status engaged, only past alerts can be changed: %w", ErrInvalid)
	}
	if err := checkTexts(text{"label", label, MaxShort}); err != nil {
		return nil, err
	}
	return f.compile(network)
}

// ReleaseOrphans releases the engaged alerts that owned says nobody decides about any more, of which it
// is asked for those of a check, and all alerts of networks that are not listed, whose cached values it
// drops too. A nil owned is always false; it must not call back. It gives the released alerts.
func (m *Mem) ReleaseOrphans(owned func(*Alert) bool, networks []string, end int64) ([]Alert, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	ops := m.state.orphans(owned, networks, end)
	results := make([]Result, len(ops))
	for i := range ops {
		results[i] = m.apply(&ops[i])
	}
	m.trim()
	return released(ops, results)
}
