package engine

import (
	"time"

	"github.com/netmond/netmond/alerts"
	"github.com/netmond/netmond/lua"
)

// Messages to a worker. It does one at a time and answers each: kindReply to all but a run, whose end is
// kindDone.
const (
	kindLoad     byte = iota + 1 // loadMsg
	kindUnload                   // unloadMsg
	kindSnapshot                 // snapshotMsg
	kindRun                      // runMsg
	kindRequest                  // requestMsg
	kindAnswer                   // answer to a question: the message that the question asks for
	kindRefused                  // refusedMsg, not answered
)

// Messages from a worker. Questions come while it runs a script, and it waits for the answer.
const (
	kindReply   byte = iota + 64 // replyMsg
	kindStart                    // startMsg: it begins with this network now
	kindResult                   // resultMsg
	kindDone                     // doneMsg
	kindReplied                  // answerMsg, of a request

	kindAskAlerts // askMsg, for alertsMsg: engaged alerts, also of networks that follow
	kindAskValues // askMsg, for valuesMsg: a cached value, also of networks that follow
	kindAskQuery  // queryMsg, for pageMsg
	kindAskShared // sharedMsg, for sharedReply
)

// loadMsg makes a VM with a script. A VM of the same number goes first.
type loadMsg struct {
	VM      uint64
	Path    string
	Source  string
	Options lua.Options // Print, Sink and Shared are the worker's
	Inspect bool        // only to know the script: the VM is closed at once
}

func (m *loadMsg) fields(c *codec) {
	c.uint(&m.VM)
	c.string(&m.Path)
	c.string(&m.Source)
	c.bool(&m.Inspect)
	c.options(&m.Options)
}

func (c *codec) options(o *lua.Options) {
	list(c, &o.ScriptDirs, 1, (*codec).string)
	c.string(&o.InstallDir)
	number(c, &o.PrintLimit)
	c.duration(&o.TimeLimit)
	number(c, &o.Shape)
	c.values(&o.Config)
	number(c, &o.Interface.ID)
	c.string(&o.Interface.Name)
	c.string(&o.Version)
}

type unloadMsg struct{ VMs []uint64 }

func (m *unloadMsg) fields(c *codec) {
	list(c, &m.VMs, 1, func(c *codec, v *uint64) { c.uint(v) })
}

// runMsg runs a check on networks, until the time slice is over.
type runMsg struct {
	Targets []target
	Slice   time.Duration // no network is begun after it; 0 means no bound
	Values  bool          // results have the returned values
}

// A target is a network and the VM that has the check's settings for it.
type target struct {
	Net int32
	VM  uint64
}

func (m *runMsg) fields(c *codec) {
	list(c, &m.Targets, 2, func(c *codec, t *target) {
		number(c, &t.Net)
		c.uint(&t.VM)
	})
	c.duration(&m.Slice)
	c.bool(&m.Values)
}

// refusedMsg names the networks of which the store refused changes, as they are now.
type refusedMsg struct{ Networks []networkView }

func (m *refusedMsg) fields(c *codec) { list(c, &m.Networks, 6, (*codec).view) }

// replyMsg answers a load, an unload or a snapshot.
type replyMsg struct {
	Err     string
	Timeout bool
	Info    scriptInfo
	Memory  memoryUse
}

// A scriptInfo is what a script says about itself.
type scriptInfo struct {
	Style   lua.Style
	Hooks   []alerts.Periodicity
	Enabled bool // default_enabled
}

// A memoryUse is a worker's own view, bytes.
type memoryUse struct {
	Live int64 // held by the Go heap and stacks after a collection
	Idle int64 // mapped and free for the Go heap
}

func (m *replyMsg) fields(c *codec) {
	c.string(&m.Err)
	c.bool(&m.Timeout)
	number(c, &m.Info.Style)
	list(c, &m.Info.Hooks, 1, func(c *codec, p *alerts.Periodicity) { number(c, p) })
	c.bool(&m.Info.Enabled)
	c.int(&m.Memory.Live)
	c.int(&m.Memory.Idle)
}

type startMsg struct{ Index uint64 } // of runMsg.Targets

func (m *startMsg) fields(c *codec) { c.uint(&m.Index) }

// resultMsg is the run on the network that was started last.
type resultMsg struct {
	Outcome  Outcome
	Err      string
	Output   string
	Values   []string
	Warnings []string
	Released int
	Duration time.Duration
	Dropped  uint64 // bytes of print beyond the limit
	Misused  uint64 // wrong arguments of API functions
	Ops      []alerts.Op
}

func (m *resultMsg) fields(c *codec) {
	number(c, &m.Outcome)
	c.string(&m.Err)
	c.string(&m.Output)
	list(c, &m.Values, 1, (*codec).string)
	list(c, &m.Warnings, 1, (*codec).string)
	number(c, &m.Released)
	c.duration(&m.Duration)
	c.uint(&m.Dropped)
	c.uint(&m.Misused)
	list(c, &m.Ops, 5, (*codec).op)
}

func (c *codec) op(o *alerts.Op) {
	number(c, &o.Kind)
	switch o.Kind {
	case alerts.OpEngage, alerts.OpRelease, alerts.OpRecord:
		c.alert(&o.Alert)
	case alerts.OpSet:
		c.string(&o.Value.Network)
		number(c, &o.Value.Namespace)
		c.string(&o.Value.Key)
		c.string(&o.Value.Value)
	default:
		c.fail()
	}
}

func (c *codec) alert(a *alerts.Alert) {
	c.string(&a.Network)
	number(c, &a.Periodicity)
	c.string(&a.Key.Key)
	number(c, &a.NetworkID)
	c.string(&a.NetworkName)
	number(c, &a.ID)
	c.string(&a.Subtype)
	number(c, &a.Score)
	c.int(&a.Time)
	c.int(&a.End)
	c.string(&a.JSON)
	c.string(&a.IP)
	c.string(&a.Name)
	number(c, &a.Port)
	c.string(&a.Check)
	number(c, &a.Category)
	c.string(&a.Description)
	c.int(&a.RowID)
	number(c, &a.Status)
	c.int(&a.Counter)
	c.string(&a.Label)
	c.int(&a.LabelTime)
}

// doneMsg ends a run: Next is the first target that was not begun.
type doneMsg struct{ Next uint64 }

func (m *doneMsg) fields(c *codec) { c.uint(&m.Next) }

// askMsg asks about a network. Ahead are networks that the same will be asked of soon.
type askMsg struct {
	Net       int32
	Namespace int
	Key       string
	Ahead     []int32
}

func (m *askMsg) fields(c *codec) {
	number(c, &m.Net)
	number(c, &m.Namespace)
	c.string(&m.Key)
	list(c, &m.Ahead, 1, func(c *codec, n *int32) { number(c, n) })
}

// alertsMsg has the engaged alerts of the network that was asked about and of some that follow.
type alertsMsg struct{ Networks []networkAlerts }

type networkAlerts struct {
	Net    int32
	Alerts []alerts.Alert
}

func (m *alertsMsg) fields(c *codec) {
	list(c, &m.Networks, 2, func(c *codec, n *networkAlerts) {
		number(c, &n.Net)
		list(c, &n.Alerts, 19, (*codec).alert)
	})
}

// valuesMsg has the cached values of the network that was asked about and of some that follow.
type valuesMsg struct{ Values []networkValue }

type networkValue struct {
	Net   int32
	Value string
}

func (m *valuesMsg) fields(c *codec) {
	list(c, &m.Values, 2, func(c *codec, v *networkValue) {
		number(c, &v.Net)
		c.string(&v.Value)
	})
}

// queryMsg is AlertReader.Query, after the changes of this run so far.
type queryMsg struct {
	Network string
	Filter  alerts.Filter
	Ops     []alerts.Op
}

func (m *queryMsg) fields(c *codec) {
	c.string(&m.Network)
	c.filter(&m.Filter)
	list(c, &m.Ops, 5, (*codec).op)
}

func (c *codec) filter(f *alerts.Filter) {
	number(c, &f.Status)
	optional(c, &f.Periodicity, func(c *codec, p *alerts.Periodicity) { number(c, p) })
	optional(c, &f.ID, func(c *codec, p *int) { number(c, p) })
	optional(c, &f.Severity, func(c *codec, p *alerts.Severity) { number(c, p) })
	c.int(&f.Begin)
	c.int(&f.End)
	list(c, &f.RowIDs, 1, (*codec).int)
	c.string(&f.Text)
	list(c, &f.Where, 4, func(c *codec, t *alerts.Term) {
		number(c, &t.Field)
		number(c, &t.Op)
		c.int(&t.Number)
		c.string(&t.Text)
	})
	number(c, &f.Page)
	number(c, &f.PerPage)
	c.string(&f.OrderBy)
	c.bool(&f.Descending)
}

type pageMsg struct {
	Alerts []alerts.Alert
	Total  int
}

func (m *pageMsg) fields(c *codec) {
	list(c, &m.Alerts, 19, (*codec).alert)
	number(c, &m.Total)
}

// sharedMsg is a call of lua.SharedStore.
type sharedMsg struct {
	Call       sharedCall
	Owner      string
	Key        lua.SharedKey
	Value      string
	Now, Until int64
	Prefix     bool
}

type sharedCall uint8

const (
	sharedLoad sharedCall = iota
	sharedSet
	sharedDelete
	sharedScan
)

func (m *sharedMsg) fields(c *codec) {
	number(c, &m.Call)
	c.string(&m.Owner)
	c.sharedKey(&m.Key)
	c.string(&m.Value)
	c.int(&m.Now)
	c.int(&m.Until)
	c.bool(&m.Prefix)
}

func (c *codec) sharedKey(k *lua.SharedKey) {
	number(c, &k.Kind)
	c.string(&k.Name)
	c.string(&k.Field)
}

type sharedReply struct {
	Found   bool
	Value   string
	Err     string
	Entries []lua.SharedEntry
}

func (m *sharedReply) fields(c *codec) {
	c.bool(&m.Found)
	c.string(&m.Value)
	c.string(&m.Err)
	list(c, &m.Entries, 4, func(c *codec, e *lua.SharedEntry) {
		c.sharedKey(&e.SharedKey)
		c.string(&e.Value)
	})
}
