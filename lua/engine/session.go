package engine

import (
	"errors"
	"fmt"
	"time"

	"github.com/netmond/netmond/alerts"
)

// Times that a worker has for what no script decides. They are far beyond what it takes, for the
// machine may be busy.
const (
	startTime    = 30 * time.Second // to start, and to take a snapshot
	unloadTime   = 30 * time.Second // for teardown functions, each of which has its own limit
	maxAnswer    = 4 << 20          // bytes of alerts or values in one answer
	aheadAnswer  = 256 << 10        // bytes of them for networks that were not asked about
	applyOps     = 2000             // changes that go to the store at one time, about
	applyOpBytes = 4 << 20
)

// begin gives a worker the snapshot of a run, and takes its measure. ErrRecycle asks for a new worker.
func (p *process) begin(m *snapshotMsg, memory int64) error {
	p.allow(startTime, 0)
	defer p.pause()
	reply, err := p.reply(kindSnapshot, m)
	if err != nil {
		return err
	}
	if !p.settle(reply.Memory, memory) {
		return errRecycle
	}
	return nil
}

var errRecycle = errors.New("worker keeps too much memory")

// load makes a VM in the worker; what the script did wrong is in the reply.
func (p *process) load(m *loadMsg, limits Limits) (*replyMsg, error) {
	p.bound(1, limits.Time+timeGrace, limits.Memory)
	defer p.pause()
	return p.reply(kindLoad, m)
}

func (p *process) unload(vms []uint64) error {
	p.allow(unloadTime, 0)
	defer p.pause()
	_, err := p.reply(kindUnload, &unloadMsg{vms})
	return err
}

// reply sends a message and reads the answer to it. Questions in between come from scripts that are
// loaded or unloaded, at which time there is nothing to ask for: the answer is empty.
func (p *process) reply(kind byte, m message) (*replyMsg, error) {
	got, body, err := p.call(kind, m)
	for err == nil && got >= kindAskAlerts {
		if err = p.send(kindAnswer, emptyAnswer(got)); err == nil {
			got, body, err = p.read()
		}
	}
	if err != nil {
		return nil, err
	}
	if got != kindReply {
		return nil, fmt.Errorf("%w: type %d for a reply", errBadMessage, got)
	}
	r := new(replyMsg)
	return r, decode(body, r)
}

func emptyAnswer(kind byte) message {
	switch kind {
	case kindAskAlerts:
		return new(alertsMsg)
	case kindAskValues:
		return new(valuesMsg)
	case kindAskQuery:
		return new(pageMsg)
	}
	return &sharedReply{Err: "not while a script is loaded"}
}

// answer serves a question of a script that runs.
func (r *runner) answer(kind byte, body []byte) error {
	r.proc.pause() // what the daemon takes is not the script's time
	defer r.proc.resume()
	var answer message
	switch kind {
	case kindAskAlerts:
		var m askMsg
		if err := decode(body, &m); err != nil {
			return err
		}
		answer = r.engagedAlerts(&m)
	case kindAskValues:
		var m askMsg
		if err := decode(body, &m); err != nil {
			return err
		}
		answer = r.cachedValues(&m)
	case kindAskQuery:
		var m queryMsg
		if err := decode(body, &m); err != nil {
			return err
		}
		r.keep(m.Ops)
		r.apply()
		answer = r.page(&m)
	case kindAskShared:
		var m sharedMsg
		if err := decode(body, &m); err != nil {
			return err
		}
		answer = r.e.sharedCall(&m, r.job.check.key)
	default:
		return fmt.Errorf("%w: type %d", errBadMessage, kind)
	}
	return r.proc.send(kindAnswer, answer)
}

// cidr is the canonical name of a network of this run.
func (r *runner) cidr(net int32) (string, bool) {
	n := r.snap.NetworkByID(net)
	if n == nil {
		return "", false
	}
	return n.Prefix.String(), true
}

func (r *runner) engagedAlerts(m *askMsg) *alertsMsg {
	answer, size := new(alertsMsg), 0
	for i, net := range append([]int32{m.Net}, m.Ahead...) {
		cidr, ok := r.cidr(net)
		if !ok || i > 0 && size > aheadAnswer {
			break
		}
		list, _ := r.e.deps.Store.Query(cidr, alerts.Filter{Status: alerts.StatusEngaged})
		list, n := cutAlerts(list)
		size += n
		answer.Networks = append(answer.Networks, networkAlerts{net, list})
	}
	return answer
}

// cutAlerts keeps the first alerts that fit into an answer, and says how long they are.
func cutAlerts(list []alerts.Alert) ([]alerts.Alert, int) {
	size := 0
	for i := range list {
		a := &list[i]
		size += opWeight + len(a.Network) + len(a.Key.Key) + len(a.NetworkName) + len(a.Subtype) + len(a.JSON) + len(a.IP) +
			len(a.Name) + len(a.Check) + len(a.Description) + len(a.Label)
		if size > maxAnswer {
			return list[:i], size
		}
	}
	return list, size
}

func (r *runner) cachedValues(m *askMsg) *valuesMsg {
	answer, size := new(valuesMsg), 0
	for i, net := range append([]int32{m.Net}, m.Ahead...) {
		cidr, ok := r.cidr(net)
		if !ok || i > 0 && size > aheadAnswer {
			break
		}
		value := r.e.deps.Store.CachedValue(cidr, m.Namespace, m.Key)
		size += len(value) + 8
		answer.Values = append(answer.Values, networkValue{net, value})
	}
	return answer
}

func (r *runner) page(m *queryMsg) *pageMsg {
	list, total := r.e.deps.Store.Query(m.Network, m.Filter)
	list, _ = cutAlerts(list)
	return &pageMsg{list, total}
}

// sharedCall does a call of the shared store; new values weigh on the check that runs.
func (e *Engine) sharedCall(m *sharedMsg, owner string) *sharedReply {
	reply, store := new(sharedReply), e.deps.Shared
	switch m.Call {
	case sharedLoad:
		reply.Value, reply.Found = store.Load(m.Key, m.Now)
	case sharedSet:
		if err := store.Store(owner, m.Key, m.Value, m.Now, m.Until); err != nil {
			reply.Err = err.Error()
		}
	case sharedDelete:
		store.Delete(m.Key)
	case sharedScan:
		size := 0
		for _, entry := range store.Scan(m.Key.Kind, m.Key.Name, m.Prefix, m.Now) {
			if size += len(entry.Name) + len(entry.Field) + len(entry.Value) + 8; size > maxAnswer {
				break
			}
			reply.Entries = append(reply.Entries, entry)
		}
	}
	return reply
}
