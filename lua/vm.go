package lua

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	glua "github.com/yuin/gopher-lua"

	"github.com/netmond/netmond/alerts"
	"github.com/netmond/netmond/localnets"
)

// Defaults and fixed bounds of a VM.
const (
	DefaultTimeLimit  = 2 * time.Second
	DefaultPrintLimit = 64 << 10
	maxWarnings       = 20   // kept per run; all are counted
	callDepth         = 2000 // nested calls
	registrySize      = 1024 // value slots at the start
	registryMax       = 1 << 16
	registryStep      = 4096
	maxCoroutines     = 256     // alive at a time; each has a stack of its own
	maxArrayIndex     = 1 << 20 // a larger index goes to the hash part, so one assignment stays cheap
)

// ErrTimeLimit is wrapped by the error of a run that was stopped at its time limit.
var ErrTimeLimit = errors.New("time limit reached")

// A Shape decides what network.getNetworkStats gives.
type Shape uint8

const (
	// ShapeReference is the API reference's: ingress, egress and inner are tables per protocol that
	// act as their byte totals in arithmetic, comparison and concatenation.
	ShapeReference Shape = iota
	// ShapeNtopng is ntopng's own: they are plain numbers of bytes.
	ShapeNtopng
)

// Options configures a VM. The zero value is usable: no script folders, output thrown away.
type Options struct {
	// ScriptDirs are the only folders that require reads, searched in order. A module a.b is
	// a/b.lua below one of them, or below its modules and scripts/lua/modules folders.
	ScriptDirs []string
	// InstallDir is ntop.getDirs().installdir. Default: the first of ScriptDirs.
	InstallDir string
	// Print receives what print writes; nil throws it away.
	Print io.Writer
	// PrintLimit bounds the bytes of print per run. Default DefaultPrintLimit.
	PrintLimit int
	// TimeLimit bounds one run: loading, or one check on one network. Default DefaultTimeLimit.
	TimeLimit time.Duration
	// Stopwatch measures TimeLimit; who stops it while it serves a call of Sink or Shared takes none of
	// the script's time. Nil gives the VM one of its own.
	Stopwatch *Stopwatch
	Shape     Shape
	// Config holds the settings of the check: numbers, strings and booleans. They come over the
	// script's default_value in params.check_config and network_info.config.
	Config map[string]any
	// Interface is what interface.* shows. Default: id 0, no name.
	Interface Interface
	// Sink keeps alerts and cached values; nil gives the VM an alerts.Mem of its own.
	Sink alerts.Sink
	// Shared keeps the values of ntop.setCache and its like. The checks of one process are given the
	// same; nil gives the VM a SharedMem of its own.
	Shared SharedStore
	// Version is ntop.getInfo().version.
	Version string
}

// Interface names the capture interface, or the files that stand in for it.
type Interface struct {
	ID   int
	Name string
}

// Stats counts over the life of a VM.
type Stats struct {
	Runs           uint64
	ArgumentErrors uint64 // calls of an API function with an argument of a wrong type or value
	PrintDropped   uint64 // bytes of print beyond PrintLimit
}

// A VM is one Lua state with one script. One goroutine at a time may use it.
type VM struct {
	opts  Options
	state *glua.LState
	stats Stats

	modules  map[string]glua.LValue // by name, as require gave them
	loading  map[string]bool
	builtins map[string]func() glua.LValue

	stringMeta *glua.LTable
	statsMeta  *glua.LTable // of lazily filled tables
	trafficMt  *glua.LTable // of ingress, egress and inner
	netsMeta   *glua.LTable // of interface.getNetworksStats: answers numeric IDs
	lastTrace  string       // of the error that an xpcall handler sees
	threads    []*glua.LState
	pcalls     map[*glua.LState]int // pcalls that run in a thread
	calling    string               // API function called last

	owner     string // whom values of opts.Shared are charged to: the check's key
	indexed   *snapIndex
	baselines map[string]map[string]intranetCounts // see baseline.go

	run run
}

// run is what belongs to the run that is going on.
type run struct {
	ctx      context.Context
	started  time.Time
	snap     *localnets.Snapshot
	selected int32 // network that network.* works on, or localnets.NoNetwork
	now      int64 // clock that scripts see, ns since the Unix epoch; 0 means the machine's
	period   alerts.Periodicity
	check    *Check
	output   strings.Builder // of print, PrintLimit at most
	warnings []string
	touched  map[alerts.Key]bool // alerts that this run decided about
	answer   *Answer
	request  bool // print writes no newline
}

// setArrayBound lowers the interpreter's bound, a package variable of its own, once.
var setArrayBound = sync.OnceFunc(func() { glua.MaxArrayIndex = maxArrayIndex })

// NewVM makes a VM with the restricted libraries and the API modules and no script. Close it.
func NewVM(opts Options) *VM {
	setArrayBound()
	if opts.TimeLimit <= 0 {
		opts.TimeLimit = DefaultTimeLimit
	}
	if opts.Stopwatch == nil {
		opts.Stopwatch = new(Stopwatch)
	}
	if opts.PrintLimit <= 0 {
		opts.PrintLimit = DefaultPrintLimit
	}
	if opts.Print == nil {
		opts.Print = io.Discard
	}
	if opts.Sink == nil {
		opts.Sink = alerts.NewMem(alerts.DefaultConfig())
	}
	if opts.Shared == nil {
		opts.Shared = NewSharedMem()
	}
	if opts.InstallDir == "" && len(opts.ScriptDirs) > 0 {
		opts.InstallDir = opts.ScriptDirs[0]
	}
	v := &VM{
		opts: opts,
		state: glua.NewState(glua.Options{
			SkipOpenLibs:  true,
			CallStackSize: callDepth,
			RegistrySize:  registrySize, RegistryMaxSize: registryMax, RegistryGrowStep: registryStep,
			MinimizeStackMemory: true,
		}),
		modules: make(map[string]glua.LValue),
		loading: make(map[string]bool),
		pcalls:  make(map[*glua.LState]int),
		run:     run{selected: localnets.NoNetwork, snap: &localnets.Snapshot{}},
	}
	v.openLibs()
	v.openModules()
	return v
}

// Close frees the state. The VM may not be used after it.
func (v *VM) Close() {
	if v.state != nil {
		v.state.Close()
		v.state = nil
	}
}

// Stats are the counts so far.
func (v *VM) Stats() Stats { return v.stats }

// stopped is the reason why the current run has to end, or nil.
func (v *VM) stopped() error {
	if v.run.ctx == nil {
		return nil
	}
	select {
	case <-v.run.ctx.Done():
		return v.run.ctx.Err()
	default:
		return nil
	}
}

// protect runs fn as one run: with the time limit, and with every panic turned into an error.
func (v *VM) protect(ctx context.Context, fn func(l *glua.LState) error) (err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	v.opts.Stopwatch.begin(v.opts.TimeLimit, func() { cancel(context.DeadlineExceeded) })
	defer v.opts.Stopwatch.end()
	l := v.state
	v.stats.Runs++
	v.run.ctx, v.run.started = ctx, time.Now()
	v.run.output.Reset()
	v.run.warnings = nil
	l.SetContext(ctx)
	top := l.GetTop()
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("internal error of the interpreter: %v", r)
		}
		l.RemoveContext()
		v.run.ctx = nil
		v.threads = v.threads[:0]
		clear(v.pcalls)
		l.SetTop(top)
		err = v.runError(ctx, err)
	}()
	return fn(l)
}

// runError makes a run's error readable: no traceback, and the limit named.
func (v *VM) runError(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	var text string
	var api *glua.ApiError
	if errors.As(err, &api) {
		text = errorText(api)
	} else {
		text = err.Error()
	}
	if cause := context.Cause(ctx); cause != nil {
		where := text
		for _, reason := range []string{context.DeadlineExceeded.Error(), context.Canceled.Error()} {
			where = strings.TrimSuffix(where, reason)
		}
		where = strings.TrimRight(where, " :")
		if where != "" {
			where += ": "
		}
		if errors.Is(cause, context.DeadlineExceeded) {
			return fmt.Errorf("%s%w (%v)", where, ErrTimeLimit, v.opts.TimeLimit)
		}
		return fmt.Errorf("%s%w", where, cause)
	}
	var syntax *SyntaxError
	if errors.As(err, &syntax) {
		return syntax
	}
	return errors.New(text)
}

// errorText is an error value as a person reads it: the message, or what the value is.
func errorText(e *glua.ApiError) string {
	switch x := e.Object.(type) {
	case glua.LString:
		return string(x)
	case glua.LNumber:
		return formatNumber(float64(x))
	case *glua.LTable:
		if msg, ok := x.RawGetString("message").(glua.LString); ok {
			return string(msg)
		}
	case nil:
		return "error without a value"
	}
	return fmt.Sprintf("(error object is a %s value)", e.Object.Type())
}

// clock is the time that scripts see.
func (v *VM) clock() time.Time {
	if v.run.now != 0 {
		return time.Unix(0, v.run.now)
	}
	return time.Now()
}

// write is print's output, cut at the run's limit.
func (v *VM) write(s string) {
	room := v.opts.PrintLimit - v.run.output.Len()
	if room < len(s) {
		v.stats.PrintDropped += uint64(len(s) - room)
		s = s[:room]
	}
	v.run.output.WriteString(s)
	if s != "" {
		io.WriteString(v.opts.Print, s) // a writer's error is its owner's to report
	}
}

// argumentError notes the wrong use of an API function: it is counted and named, and the function
// then returns nil, as ntopng's do. An empty function is the one that was called.
func (v *VM) argumentError(l *glua.LState, function string, arg int, name, want string) int {
	v.stats.ArgumentErrors++
	if function == "" {
		function = v.calling
	}
	got := "no value"
	if arg <= l.GetTop() {
		got = describe(l.Get(arg))
	}
	v.warn(l, fmt.Sprintf("%s: argument %d (%s): %s expected, got %s", function, arg, name, want, got))
	l.Push(glua.LNil)
	return 1
}

// warn keeps a message of this run, with the script's position.
func (v *VM) warn(l *glua.LState, message string) {
	if len(v.run.warnings) < maxWarnings {
		v.run.warnings = append(v.run.warnings, strings.TrimSpace(l.Where(1)+" "+message))
	}
}

// describe is a value's type, and the value where it is short.
func describe(value glua.LValue) string {
	switch x := value.(type) {
	case glua.LNumber:
		return "number " + formatNumber(float64(x))
	case glua.LString:
		if len(x) > 60 {
			x = x[:60] + "..."
		}
		return fmt.Sprintf("string %q", string(x))
	}
	return value.Type().String()
}
