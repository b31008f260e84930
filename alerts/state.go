package alerts

import (
	"errors"
	"fmt"
)

// fadeSeconds is how long the score of a released alert takes to go down to nothing.
const fadeSeconds = 60

// A state is the working copy: what is engaged, what is cached, what weighs on each network, and who
// used how much of the quotas. Its owner guards it by a lock.
type state struct {
	cfg      *Config
	now      func() int64
	networks map[string]*network
	engaged  int // alerts
	bytes    int // of engaged alerts
	values   int
	valueLen int // bytes of keys and values
	lastRow  int64
	quota    quota
	counts   counts
}

// A network is one network's part of the state.
type network struct {
	engaged    map[Key]*engagedAlert
	severities [NumSeverities]int
	score      int // of the engaged alerts
	fading     []fading
	values     map[valueID]*cachedValue
}

// An engagedAlert is one with the number of the change that stores it; 0 without a store.
type engagedAlert struct {
	alert Alert
	seq   uint64
}

// fading is the score of the alerts that were released in one second.
type fading struct {
	at    int64
	score int
}

type valueID struct {
	namespace int
	key       string
}

// A cachedValue is one with the number of the change that stores it.
type cachedValue struct {
	Value
	seq    uint64
	queued bool // that change still waits to be taken up by the writer
}

// A quota counts what checks did in one minute.
type quota struct {
	minute int64
	check  map[string]int
	pair   map[checkNetwork]int
}

type checkNetwork struct{ check, network string }

// counts are totals since the start.
type counts struct {
	engages, releases, records, values uint64
	refused                            [numReasons]uint64
}

// A reason is why a change was refused.
type reason uint8

const (
	refusedQuota reason = iota
	refusedTooLarge
	refusedInvalid
	refusedFull
	refusedFailing
	refusedClosed

	numReasons
)

func (r reason) String() string {
	switch r {
	case refusedQuota:
		return "quota"
	case refusedTooLarge:
		return "too_large"
	case refusedInvalid:
		return "invalid"
	case refusedFull:
		return "full"
	case refusedFailing:
		return "failing"
	}
	return "closed"
}

// refuse counts a refusal.
func (s *state) refuse(err error) error {
	r := refusedClosed
	for i, e := range []error{ErrQuota, ErrTooLarge, ErrInvalid, ErrFull, ErrFailing} {
		if errors.Is(err, e) {
			r = reason(i)
		}
	}
	s.counts.refused[r]++
	return err
}

func newState(cfg *Config) state {
	return state{cfg: cfg, now: cfg.clock(), networks: make(map[string]*network),
		quota: quota{check: make(map[string]int), pair: make(map[checkNetwork]int)}}
}

// network makes a network's part where it is missing.
func (s *state) network(cidr string) *network {
	n := s.networks[cidr]
	if n == nil {
		n = &network{engaged: make(map[Key]*engagedAlert), values: make(map[valueID]*cachedValue)}
		s.networks[cidr] = n
	}
	return n
}

// tidy forgets a network of which nothing is left.
func (s *state) tidy(cidr string, n *network) {
	if len(n.engaged) == 0 && len(n.values) == 0 && len(n.fading) == 0 {
		delete(s.networks, cidr)
	}
}

func (s *state) find(key Key) *engagedAlert {
	if n := s.networks[key.Network]; n != nil {
		return n.engaged[key]
	}
	return nil
}

// engage puts a into the working copy, unless its key is there; either way it gives the entry.
func (s *state) engage(a Alert) (e *engagedAlert, fresh bool, err error) {
	if err := a.check(); err != nil {
		return nil, false, s.refuse(err)
	}
	if e := s.find(a.Key); e != nil {
		e.alert.Counter++
		return e, false, nil
	}
	if s.engaged >= s.cfg.MaxEngaged || s.bytes+a.bytes() > s.cfg.MaxEngagedBytes {
		return nil, false, s.refuse(fmt.Errorf("%d engaged alerts of %d bytes: %w", s.engaged, s.bytes, ErrFull))
	}
	if err := s.spend(&a); err != nil {
		return nil, false, s.refuse(err)
	}
	s.counts.engages++
	return s.insert(a.engagedAs(s.nextRow())), true, nil
}

// engagedAs is a with the fields of an alert that was engaged just now.
func (a Alert) engagedAs(row int64) Alert {
	a.RowID, a.End, a.Status, a.Counter, a.Label, a.LabelTime = row, 0, StatusEngaged, 1, "", 0
	return a
}

// pastAs is a with the fields of an alert that became past just now.
func (a Alert) pastAs(row, end int64) Alert {
	a.RowID, a.End, a.Status, a.Label, a.LabelTime = row, max(end, a.Time), StatusHistorical, "", 0
	a.Counter = max(a.Counter, 1)
	return a
}

func (s *state) nextRow() int64 {
	s.lastRow++
	return s.lastRow
}

// insert adds an engaged alert without asking.
func (s *state) insert(a Alert) *engagedAlert {
	n := s.network(a.Network)
	e := &engagedAlert{alert: a}
	n.engaged[a.Key] = e
	n.score += a.Score
	n.severities[a.Severity()]++
	s.engaged++
	s.bytes += a.bytes()
	return e
}

// release takes an engaged alert out; ok is false when it is not there.
func (s *state) release(key Key, end int64) (past Alert, ok bool) {
	e := s.find(key)
	if e == nil {
		return Alert{}, false
	}
	a, n := e.alert, s.networks[key.Network]
	delete(n.engaged, key)
	n.score -= a.Score
	n.severities[a.Severity()]--
	n.fade(a.Score, s.now())
	s.engaged--
	s.bytes -= a.bytes()
	s.counts.releases++
	s.tidy(key.Network, n)
	return a.pastAs(s.nextRow(), end), true
}

// record makes the past alert of one without a state.
func (s *state) record(a Alert) (Alert, error) {
	if err := a.check(); err != nil {
		return a, s.refuse(err)
	}
	if err := s.spend(&a); err != nil {
		return a, s.refuse(err)
	}
	s.counts.records++
	a.Counter = 1
	return a.pastAs(s.nextRow(), a.Time), nil
}

// spend takes one alert from the quotas.
func (s *state) spend(a *Alert) error {
	if minute := floorDiv(s.now(), 60); minute != s.quota.minute {
		s.quota.minute = minute
		clear(s.quota.check)
		clear(s.quota.pair)
	}
	pair := checkNetwork{a.Check, a.Network}
	switch {
	case s.quota.pair[pair] >= s.cfg.MaxPerCheckNetwork:
		return fmt.Errorf("check %q on %s: %d alerts in this minute: %w", a.Check, a.Network, s.quota.pair[pair], ErrQuota)
	case s.quota.check[a.Check] >= s.cfg.MaxPerCheck:
		return fmt.Errorf("check %q: %d alerts in this minute: %w", a.Check, s.quota.check[a.Check], ErrQuota)
	}
	s.quota.pair[pair]++
	s.quota.check[a.Check]++
	return nil
}

// set puts a value into the cache; changed is false when it was there already.
func (s *state) set(v Value) (c *cachedValue, changed bool, err error) {
	if err := v.check(); err != nil {
		return nil, false, s.refuse(err)
	}
	id := valueID{v.Namespace, v.Key}
	n := s.networks[v.Network]
	if n != nil {
		c = n.values[id]
	}
	size := len(v.Value)
	if c == nil {
		size += len(v.Key)
	} else {
		size -= len(c.Value.Value)
	}
	switch {
	case c != nil && c.Value.Value == v.Value:
		return c, false, nil
	case size > 0 && s.valueLen+size > s.cfg.MaxValueBytes, c == nil && s.values >= s.cfg.MaxValues,
		c == nil && n != nil && len(n.values) >= s.cfg.MaxValuesPerNetwork:
		return nil, false, s.refuse(fmt.Errorf("%d cached values of %d bytes: %w", s.values, s.valueLen, ErrFull))
	}
	s.counts.values++
	s.valueLen += size
	if c == nil {
		c = &cachedValue{Value: v}
		s.network(v.Network).values[id] = c
		s.values++
	}
	c.Value = v
	return c, true, nil
}

// value is empty when nothing is cached.
func (s *state) value(network string, namespace int, key string) string {
	if n := s.networks[network]; n != nil {
		if c := n.values[valueID{namespace, key}]; c != nil {
			return c.Value.Value
		}
	}
	return ""
}

// forget drops the cached values of a network and reports whether there were any.
func (s *state) forget(cidr string) bool {
	n := s.networks[cidr]
	if n == nil || len(n.values) == 0 {
		return false
	}
	for id, c := range n.values {
		s.valueLen -= len(id.key) + len(c.Value.Value)
	}
	s.values -= len(n.values)
	clear(n.values)
	s.tidy(cidr, n)
	return true
}

// fade lets score go down from now on.
func (n *network) fade(score int, now int64) {
	if score == 0 {
		return
	}
	n.fadingScore(now)
	if last := len(n.fading) - 1; last >= 0 && n.fading[last].at == now {
		n.fading[last].score += score
		return
	}
	n.fading = append(n.fading, fading{now, score})
}

// fadingScore sums what is left of released scores and forgets what has gone. A clock that went back
// starts them anew, so that none stays for longer than fadeSeconds.
func (n *network) fadingScore(now int64) (sum float64) {
	kept := n.fading[:0]
	for _, f := range n.fading {
		f.at = min(f.at, now)
		if age := now - f.at; age < fadeSeconds {
			sum += float64(f.score) * float64(fadeSeconds-age) / fadeSeconds
			if last := len(kept) - 1; last >= 0 && kept[last].at == f.at {
				kept[last].score += f.score
			} else {
				kept = append(kept, f)
			}
		}
	}
	n.fading = kept
	return sum
}

func (s *state) view(cidr string) View {
	n := s.networks[cidr]
	if n == nil {
		return View{}
	}
	v := View{Engaged: len(n.engaged), ScoreServer: float64(n.score)}
	if len(n.fading) > 0 {
		v.ScoreServer += n.fadingScore(s.now())
		s.tidy(cidr, n)
	}
	return v
}

// views has those that are not zero, by network.
func (s *state) views() map[string]View {
	all := map[string]View{}
	for cidr := range s.networks {
		if v := s.view(cidr); v != (View{}) {
			all[cidr] = v
		}
	}
	return all
}

// selectEngaged appends the engaged alerts that q selects.
func (s *state) selectEngaged(q *selection, out []Alert) []Alert {
	add := func(n *network) {
		for _, e := range n.engaged {
			if q.selects(&e.alert) {
				out = append(out, e.alert)
			}
		}
	}
	if q.Status != StatusEngaged && q.Status != StatusAny {
		return out
	}
	if q.network == "" {
		for _, n := range s.networks {
			add(n)
		}
	} else if n := s.networks[q.network]; n != nil {
		add(n)
	}
	return out
}
