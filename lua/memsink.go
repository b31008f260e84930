package lua

import (
	"cmp"
	"errors"
	"slices"
)

// Bounds of a MemSink.
const (
	maxMemAlerts  = 100_000 // engaged alerts, and past ones
	maxMemValues  = 1_000_000
	maxValueBytes = 64 << 10 // of one key or value
)

// ErrSinkFull is wrapped when an alert or a value was refused because a bound is reached.
var ErrSinkFull = errors.New("too many alerts or cached values")

// An EventKind says what happened to an alert.
type EventKind uint8

// The kinds of events.
const (
	AlertEngaged EventKind = iota
	AlertReleased
	AlertRecorded
)

var eventNames = [...]string{"engage", "release", "store"}

// String is ntopng's word for the action.
func (k EventKind) String() string { return eventNames[k] }

// An AlertEvent is a change of a MemSink.
type AlertEvent struct {
	Kind  EventKind
	Alert Alert
}

// A MemSink is an AlertSink in memory: the model for the store, and what netmond check uses. Its zero
// value is not usable. One goroutine at a time may use it.
type MemSink struct {
	engaged map[string]map[AlertKey]Alert // by network
	count   int                           // of engaged alerts
	past    []Alert
	views   map[string]AlertView
	values  map[valueKey]string
	events  []AlertEvent
	lastRow int64
}

type valueKey struct {
	network   string
	namespace int
	key       string
}

// NewMemSink makes an empty one.
func NewMemSink() *MemSink {
	return &MemSink{
		engaged: make(map[string]map[AlertKey]Alert),
		views:   make(map[string]AlertView),
		values:  make(map[valueKey]string),
	}
}

// Events gives what happened since the last call, in order.
func (s *MemSink) Events() []AlertEvent {
	events := s.events
	s.events = nil
	return events
}

// Engage implements AlertWriter.
func (s *MemSink) Engage(a Alert) (fresh bool, err error) {
	of := s.engaged[a.Network]
	if _, ok := of[a.AlertKey]; ok {
		return false, nil
	}
	if s.count >= maxMemAlerts || len(s.events) >= maxMemAlerts {
		return false, ErrSinkFull
	}
	if of == nil {
		of = make(map[AlertKey]Alert)
		s.engaged[a.Network] = of
	}
	s.lastRow++
	a.RowID, a.Status = s.lastRow, StatusEngaged
	of[a.AlertKey] = a
	s.count++
	s.weigh(a, 1)
	s.events = append(s.events, AlertEvent{AlertEngaged, a})
	return true, nil
}

// Release implements AlertWriter.
func (s *MemSink) Release(key AlertKey, end int64) (Alert, bool, error) {
	a, ok := s.engaged[key.Network][key]
	if !ok {
		return Alert{}, false, nil
	}
	if len(s.events) >= maxMemAlerts {
		return Alert{}, false, ErrSinkFull
	}
	delete(s.engaged[key.Network], key)
	s.count--
	s.weigh(a, -1)
	a.End, a.Status = max(end, a.Time), StatusHistorical
	s.keep(a)
	s.events = append(s.events, AlertEvent{AlertReleased, a})
	return a, true, nil
}

// Record implements AlertWriter.
func (s *MemSink) Record(a Alert) error {
	if len(s.events) >= maxMemAlerts {
		return ErrSinkFull
	}
	s.lastRow++
	a.End, a.RowID, a.Status = a.Time, s.lastRow, StatusHistorical
	s.keep(a)
	s.events = append(s.events, AlertEvent{AlertRecorded, a})
	return nil
}

// keep adds to the past, of which the oldest goes first.
func (s *MemSink) keep(a Alert) {
	if len(s.past) >= maxMemAlerts {
		s.past = slices.Delete(s.past, 0, maxMemAlerts/5)
	}
	s.past = append(s.past, a)
}

// weigh adds a to its network's view, or takes it out.
func (s *MemSink) weigh(a Alert, sign int) {
	view := s.views[a.Network]
	view.Engaged += sign
	view.ScoreServer += float64(sign * a.Score)
	if view == (AlertView{}) {
		delete(s.views, a.Network)
		return
	}
	s.views[a.Network] = view
}

// AlertView implements AlertReader.
func (s *MemSink) AlertView(network string) AlertView { return s.views[network] }

// Query implements AlertReader.
func (s *MemSink) Query(network string, f AlertFilter) (page []Alert, total int) {
	var found []Alert
	add := func(a Alert) {
		if a.Network == network && f.selects(&a) {
			found = append(found, a)
		}
	}
	if f.Status == StatusEngaged || f.Status == StatusAny {
		for _, a := range s.engaged[network] {
			add(a)
		}
	}
	if f.Status == StatusHistorical || f.Status == StatusAny {
		for _, a := range s.past {
			add(a)
		}
	}
	slices.SortFunc(found, func(a, b Alert) int {
		c := f.compare(&a, &b)
		if f.Descending {
			c = -c
		}
		return cmp.Or(c, cmp.Compare(a.Periodicity, b.Periodicity), cmp.Compare(a.Key, b.Key), cmp.Compare(a.Time, b.Time))
	})
	total = len(found)
	if f.PerPage > 0 {
		first := min((max(f.Page, 1)-1)*f.PerPage, total)
		found = found[first:min(first+f.PerPage, total)]
	}
	return found, total
}

// CachedValue implements ValueCache.
func (s *MemSink) CachedValue(network string, namespace int, key string) string {
	return s.values[valueKey{network, namespace, key}]
}

// SetCachedValue implements ValueCache.
func (s *MemSink) SetCachedValue(network string, namespace int, key, value string) error {
	k := valueKey{network, namespace, key}
	if len(key) > maxValueBytes || len(value) > maxValueBytes {
		return errors.New("key or value longer than 64 KiB")
	}
	if _, ok := s.values[k]; !ok && len(s.values) >= maxMemValues {
		return ErrSinkFull
	}
	s.values[k] = value
	return nil
}
