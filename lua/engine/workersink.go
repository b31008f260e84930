package engine

import (
	"cmp"
	"errors"
	"slices"

	"github.com/netmond/netmond/alerts"
	"github.com/netmond/netmond/lua"
)

// Bounds of what one run of a check on one network changes.
const (
	maxOps      = 1000
	maxOpsBytes = 2 << 20
	maxText     = 64 << 10 // of a field
	aheadMost   = 1024     // networks answered ahead
	opWeight    = 100      // bytes of an Op beside its texts, about
)

// Errors of changes that do not leave the worker.
var (
	errTooManyChanges = errors.New("too many changes in one run on a network")
	errTextTooLong    = errors.New("text of more than 64 KiB")
	errNoDaemon       = errors.New("connection to the daemon is lost")
)

// A workerSink is the scripts' AlertSink: what the daemon told of this run's networks, with the changes
// of this run over it.
type workerSink struct {
	w       *worker
	ids     map[string]int32 // network IDs by canonical CIDR
	views   map[int32]alerts.View
	engaged map[int32]map[alerts.Key]alerts.Alert // of networks known so far
	values  map[sinkValue]string

	ahead []target    // the network of the run and those that follow
	ops   []alerts.Op // of the run on this network, not yet taken
	count int         // of changes in it
	bytes int         // of them
	row   int64       // given to new alerts, below zero: the store numbers them later
}

type sinkValue struct {
	net       int32
	namespace int
	key       string
}

// reset begins a run: all is asked anew.
func (s *workerSink) reset(m *snapshotMsg) {
	s.ids = make(map[string]int32, len(m.Snap.Networks))
	for i := range m.Snap.Networks {
		s.ids[m.Snap.Networks[i].Prefix.String()] = int32(i)
	}
	s.views = make(map[int32]alerts.View, len(m.Views))
	for _, v := range m.Views {
		s.views[v.Net] = v.View
	}
	s.engaged = make(map[int32]map[alerts.Key]alerts.Alert)
	s.values = make(map[sinkValue]string)
	s.ops, s.ahead = nil, nil
}

// forget drops what is known of networks but their present views.
func (s *workerSink) forget(nets []networkView) {
	gone := make(map[int32]bool, len(nets))
	for _, n := range nets {
		gone[n.Net] = true
		delete(s.engaged, n.Net)
		s.views[n.Net] = n.View
	}
	for k := range s.values {
		if gone[k.net] {
			delete(s.values, k)
		}
	}
}

// begin says on which networks the check runs now and after.
func (s *workerSink) begin(targets []target) { s.ahead, s.ops, s.count, s.bytes = targets, nil, 0, 0 }

// take gives the changes since begin.
func (s *workerSink) take() []alerts.Op {
	ops := s.ops
	s.ops = nil
	return ops
}

func (s *workerSink) add(op alerts.Op) error {
	a := &op.Alert
	size := opWeight
	for _, text := range [...]string{a.Network, a.Key.Key, a.NetworkName, a.Subtype, a.JSON, a.IP, a.Name, a.Check, a.Description, op.Value.Key, op.Value.Value} {
		if len(text) > maxText {
			return errTextTooLong
		}
		size += len(text)
	}
	if s.count >= maxOps || s.bytes+size > maxOpsBytes {
		return errTooManyChanges
	}
	s.ops = append(s.ops, op)
	s.count++
	s.bytes += size
	return nil
}

// following are the networks after net that the check will run on.
func (s *workerSink) following(net int32) []int32 {
	var ahead []int32
	if len(s.ahead) > 0 && s.ahead[0].Net == net {
		for _, t := range s.ahead[1:min(len(s.ahead), aheadMost)] {
			ahead = append(ahead, t.Net)
		}
	}
	return ahead
}

// alertsOf are a network's engaged alerts; nil without a connection.
func (s *workerSink) alertsOf(network string) map[alerts.Key]alerts.Alert {
	net, ok := s.ids[network]
	if !ok {
		return nil
	}
	if known := s.engaged[net]; known != nil {
		return known
	}
	if s.views[net].Engaged == 0 {
		s.engaged[net] = make(map[alerts.Key]alerts.Alert)
		return s.engaged[net]
	}
	question, answer := askMsg{Net: net}, alertsMsg{}
	for _, next := range s.following(net) {
		if s.engaged[next] == nil && s.views[next].Engaged > 0 {
			question.Ahead = append(question.Ahead, next)
		}
	}
	if !s.w.ask(kindAskAlerts, &question, &answer) {
		return nil
	}
	for _, n := range answer.Networks {
		if s.engaged[n.Net] != nil {
			continue
		}
		of := make(map[alerts.Key]alerts.Alert, len(n.Alerts))
		for _, a := range n.Alerts {
			of[a.Key] = a
		}
		s.engaged[n.Net] = of
	}
	return s.engaged[net]
}

// weigh changes a network's view by an alert.
func (s *workerSink) weigh(a *alerts.Alert, sign int) {
	net := s.ids[a.Network]
	v := s.views[net]
	v.Engaged += sign
	v.ScoreServer += float64(sign * a.Score)
	s.views[net] = v
}

// Engage implements lua.AlertWriter.
func (s *workerSink) Engage(a alerts.Alert) (fresh bool, err error) {
	of := s.alertsOf(a.Network)
	if of == nil {
		return false, errNoDaemon
	}
	if _, ok := of[a.Key]; ok {
		return false, nil
	}
	if err := s.add(alerts.Op{Kind: alerts.OpEngage, Alert: a}); err != nil {
		return false, err
	}
	s.row--
	a.RowID, a.Status = s.row, alerts.StatusEngaged
	of[a.Key] = a
	s.weigh(&a, 1)
	return true, nil
}

// Release implements lua.AlertWriter.
func (s *workerSink) Release(key alerts.Key, end int64) (alerts.Alert, bool, error) {
	of := s.alertsOf(key.Network)
	if of == nil {
		return alerts.Alert{}, false, errNoDaemon
	}
	a, ok := of[key]
	if !ok {
		return alerts.Alert{}, false, nil
	}
	a.End, a.Status = max(end, a.Time), alerts.StatusHistorical
	if err := s.add(alerts.Op{Kind: alerts.OpRelease, Alert: alerts.Alert{Key: key, End: a.End, Check: a.Check}}); err != nil {
		return alerts.Alert{}, false, err
	}
	delete(of, key)
	s.weigh(&a, -1)
	return a, true, nil
}

// Record implements lua.AlertWriter.
func (s *workerSink) Record(a alerts.Alert) error {
	return s.add(alerts.Op{Kind: alerts.OpRecord, Alert: a})
}

// AlertView implements lua.AlertReader.
func (s *workerSink) AlertView(network string) alerts.View {
	net, ok := s.ids[network]
	if !ok {
		return alerts.View{}
	}
	return s.views[net]
}

// Query implements lua.AlertReader. The engine's own question for engaged alerts is answered here,
// others by the daemon after it has taken the changes so far.
func (s *workerSink) Query(network string, f alerts.Filter) (page []alerts.Alert, total int) {
	if f.Status == alerts.StatusEngaged && f.ID == nil && f.Severity == nil && f.Begin == 0 && f.End == 0 && f.Text == "" && network != "" && len(f.RowIDs) == 0 &&
		len(f.Where) == 0 && f.Page == 0 && f.PerPage == 0 && f.OrderBy == "" && !f.Descending {
		for _, a := range s.alertsOf(network) {
			if f.Periodicity == nil || a.Periodicity == *f.Periodicity {
				page = append(page, a)
			}
		}
		slices.SortFunc(page, func(a, b alerts.Alert) int {
			return cmp.Or(cmp.Compare(a.Periodicity, b.Periodicity), cmp.Compare(a.Key.Key, b.Key.Key))
		})
		return page, len(page)
	}
	var answer pageMsg
	if !s.w.ask(kindAskQuery, &queryMsg{Network: network, Filter: f, Ops: s.take()}, &answer) {
		return nil, 0
	}
	return answer.Alerts, answer.Total
}

// CachedValue implements lua.ValueCache.
func (s *workerSink) CachedValue(network string, namespace int, key string) string {
	net, ok := s.ids[network]
	if !ok || len(key) > maxText {
		return ""
	}
	k := sinkValue{net, namespace, key}
	if v, ok := s.values[k]; ok {
		return v
	}
	question, answer := askMsg{Net: net, Namespace: namespace, Key: key}, valuesMsg{}
	for _, next := range s.following(net) {
		if _, known := s.values[sinkValue{next, namespace, key}]; !known {
			question.Ahead = append(question.Ahead, next)
		}
	}
	if !s.w.ask(kindAskValues, &question, &answer) {
		return ""
	}
	for _, v := range answer.Values {
		s.values[sinkValue{v.Net, namespace, key}] = v.Value
	}
	return s.values[k]
}

// SetCachedValue implements lua.ValueCache.
func (s *workerSink) SetCachedValue(network string, namespace int, key, value string) error {
	net, ok := s.ids[network]
	if !ok {
		return errNoDaemon
	}
	op := alerts.Op{Kind: alerts.OpSet, Value: alerts.Value{Network: network, Namespace: namespace, Key: key, Value: value}}
	if err := s.add(op); err != nil {
		return err
	}
	s.values[sinkValue{net, namespace, key}] = value
	return nil
}

// A workerShared is the scripts' SharedStore: each call is the daemon's.
type workerShared struct{ w *worker }

// Load implements lua.SharedStore.
func (s *workerShared) Load(key lua.SharedKey, now int64) (string, bool) {
	var r sharedReply
	s.w.ask(kindAskShared, &sharedMsg{Call: sharedLoad, Key: key, Now: now}, &r)
	return r.Value, r.Found
}

// Store implements lua.SharedStore.
func (s *workerShared) Store(owner string, key lua.SharedKey, value string, now, until int64) error {
	if len(key.Name)+len(key.Field)+len(value) > maxText {
		return errTextTooLong
	}
	var r sharedReply
	if !s.w.ask(kindAskShared, &sharedMsg{Call: sharedSet, Owner: owner, Key: key, Value: value, Now: now, Until: until}, &r) {
		return errNoDaemon
	}
	if r.Err != "" {
		return errors.New(r.Err)
	}
	return nil
}

// Delete implements lua.SharedStore.
func (s *workerShared) Delete(key lua.SharedKey) {
	s.w.ask(kindAskShared, &sharedMsg{Call: sharedDelete, Key: key}, &sharedReply{})
}

// Scan implements lua.SharedStore.
func (s *workerShared) Scan(kind lua.SharedKind, name string, prefix bool, now int64) []lua.SharedEntry {
	var r sharedReply
	s.w.ask(kindAskShared, &sharedMsg{Call: sharedScan, Key: lua.SharedKey{Kind: kind, Name: name}, Prefix: prefix, Now: now}, &r)
	return r.Entries
}
