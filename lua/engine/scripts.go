package engine

import (
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/netmond/netmond/alerts"
	"github.com/netmond/netmond/localnets"
	"github.com/netmond/netmond/lua"
)

// A checkSet is what is loaded at a time: the checks, and the configuration that they were loaded with.
// It does not change.
type checkSet struct {
	cfg    *Config
	checks []*check // by key
}

// A check is a script that can be loaded, with its settings. It does not change.
type check struct {
	key, path string
	source    string
	root      string // as of foundFile
	stamp     stamp
	info      scriptInfo
	enabled   bool // on one network at least
	limits    Limits
	vms       []vmSpec             // the first is that of networks without differences
	rest      int                  // index of vms for these; notRun where the check runs on none of them
	networks  map[string]int       // index of vms by the name of a network that differs, or notRun
	names     []string             // of networks, sorted
	dropped   []alerts.Periodicity // hooks of an earlier text that this one does not have
}

// notRun stands for the VM of a network that the check does not run on.
const notRun = -1

// A vmSpec is a VM that a worker needs for a check.
type vmSpec struct {
	id     uint64
	config map[string]any
}

func (c *check) hasHook(p alerts.Periodicity) bool { return slices.Contains(c.info.Hooks, p) }

// Reload looks at the folders now and takes up what changed; runs that are going on end with what they
// began with. Each problem is logged once, until its file changes. Run looks by itself, and takes up what
// was the same twice, so that a file is not read while it is written.
func (e *Engine) Reload() { e.reload(nil, false) }

// SetConfig takes another configuration, as Reload does a changed file: checks of which nothing changed go
// on with their schedule, their back-off and their alerts, and no period is run twice or left out. A run
// that is going on ends with what it began with. Interface, Version, InProcess and Command stay as New got
// them. An error changes nothing.
func (e *Engine) SetConfig(cfg Config) error {
	if err := cfg.Validate(); err != nil {
		return err
	}
	e.reload(func(Config) *Config { return cfg.clone() }, false)
	return nil
}

// SetChecks is SetConfig for Config.Checks alone.
func (e *Engine) SetChecks(settings map[string]CheckConfig) error {
	probe := DefaultConfig()
	probe.Checks = settings
	if err := probe.Validate(); err != nil {
		return err
	}
	e.reload(func(cfg Config) *Config {
		cfg.Checks = settings
		return cfg.clone()
	}, false)
	return nil
}

// reload is Reload, with another configuration when change is not nil. With settled it waits for a second
// look that gives the same.
func (e *Engine) reload(change func(Config) *Config, settled bool) {
	if e.takeUp(change, settled) && e.deps.OnReload != nil {
		e.deps.OnReload()
	}
}

// takeUp looks at the folders, and reports whether something changed.
func (e *Engine) takeUp(change func(Config) *Config, settled bool) bool {
	e.reloadMu.Lock()
	defer e.reloadMu.Unlock()
	before := e.set.Load()
	cfg := before.cfg
	if change != nil {
		cfg = change(*before.cfg)
		cfg.Interface, cfg.Version, cfg.InProcess, cfg.Command = before.cfg.Interface, before.cfg.Version, before.cfg.InProcess, before.cfg.Command
	}
	s := e.scanFolders(cfg)
	if change == nil && s.same(e.scanned) {
		return false
	}
	if settled && !s.same(e.unsettled) {
		e.unsettled = s
		return false
	}
	e.unsettled = nil
	all := e.scanned == nil || !mapsEqual(s.modules, e.scanned.modules) || !before.cfg.sameForAll(cfg)
	old := map[string]bool{}
	if e.scanned != nil {
		for _, r := range e.scanned.remarks {
			old[r] = true
		}
	}
	for _, r := range s.remarks {
		if !old[r] {
			e.deps.Log.Warn("check scripts", "problem", r)
		}
	}
	stamps := make(map[string]foundFile)
	if e.scanned != nil {
		for _, f := range e.scanned.files {
			stamps[f.key] = f
		}
	}
	modules := e.scanned == nil || !mapsEqual(s.modules, e.scanned.modules)
	e.scanned = s
	e.mu.Lock()
	e.status.Reloads++
	e.status.Refused = s.refused
	e.mu.Unlock()

	loader := &loader{cfg: cfg}
	defer loader.close()
	after := &checkSet{cfg: cfg}
	for i := range s.files {
		f := &s.files[i]
		previous := findCheck(before.checks, f.key)
		sameSettings := reflect.DeepEqual(before.cfg.Checks[f.key], cfg.Checks[f.key])
		if known, ok := stamps[f.key]; ok && !all && sameSettings && known == *f {
			if previous != nil {
				after.checks = append(after.checks, previous)
			}
			continue
		}
		if c := e.loadCheck(cfg, loader, f, previous, modules || !sameSettings); c != nil {
			after.checks = append(after.checks, c)
		}
	}
	e.set.Store(after)
	e.mu.Lock()
	for key := range e.states {
		if !slices.ContainsFunc(s.files, func(f foundFile) bool { return f.key == key }) {
			delete(e.states, key)
		}
	}
	e.mu.Unlock()
	if before.cfg.ReloadInterval != cfg.ReloadInterval {
		select {
		case e.interval <- struct{}{}:
		default: // it will see this one
		}
	}
	e.deps.Log.Info("check scripts loaded", "files", len(s.files), "checks", len(after.checks))
	return true
}

// Owner gives a function that reports whether there is a check that decides about an engaged alert on
// one of nets: one that runs, or will when its file is mended. Of a check that is gone, is disabled there,
// or has no hook for the alert's periodicity any more, nobody else will release the alert.
func (e *Engine) Owner(nets []localnets.Network) func(*alerts.Alert) bool {
	set := e.set.Load()
	snap := &localnets.Snapshot{Networks: make([]localnets.NetworkStats, len(nets))}
	ids := make(map[string]int32, len(nets))
	for i := range nets {
		snap.Networks[i].Network = nets[i]
		snap.Networks[i].ID = int32(i)
		ids[nets[i].Prefix.String()] = int32(i)
	}
	differs := make(map[string]map[int32]int)
	for _, c := range set.checks {
		differs[c.key] = c.differing(snap)
	}
	broken := make(map[string]bool)
	e.mu.Lock()
	for key, st := range e.states {
		broken[key] = st.status.LoadErr != "" && set.cfg.wanted(key)
	}
	e.mu.Unlock()
	return func(a *alerts.Alert) bool {
		id, local := ids[a.Network]
		c := findCheck(set.checks, a.Check)
		if !local || c == nil {
			return local && broken[a.Check]
		}
		return c.on(differs[c.key], id) != notRun && !slices.Contains(c.dropped, a.Periodicity)
	}
}

// differing are the networks of snap that have VMs of their own, or notRun.
func (c *check) differing(snap *localnets.Snapshot) map[int32]int {
	differs := make(map[int32]int)
	for _, name := range c.names {
		if n := snap.LookupName(name); n != nil {
			differs[n.ID] = c.networks[name]
		}
	}
	return differs
}

// on is the index of the VM for a network, or notRun.
func (c *check) on(differs map[int32]int, id int32) int {
	if vm, own := differs[id]; own {
		return vm
	}
	return c.rest
}

func findCheck(list []*check, key string) *check {
	i, ok := slices.BinarySearchFunc(list, key, func(c *check, key string) int { return strings.Compare(c.key, key) })
	if !ok {
		return nil
	}
	return list[i]
}

// loadCheck reads and inspects a file. Where it cannot be loaded an earlier text of it goes on, with the
// present settings. With renew, and where the text or the limits changed, its failures are forgotten.
func (e *Engine) loadCheck(cfg *Config, l *loader, f *foundFile, previous *check, renew bool) *check {
	settings := cfg.Checks[f.key]
	c := &check{key: f.key, path: f.path, root: f.root, stamp: f.stamp, limits: settings.Limits.or(cfg.Limits)}
	e.variants(c, &settings)
	source, err := e.readScript(f)
	if err == nil {
		c.source = source
		c.info, err = l.inspect(c)
	}
	usable := err == nil
	if !usable && previous != nil && (previous.root == "" || slices.Contains(cfg.ScriptsDirs, previous.root)) {
		c.path, c.root, c.source, c.info = previous.path, previous.root, previous.source, previous.info
		usable = true
	}
	if previous != nil {
		for _, p := range slices.Concat(previous.dropped, previous.info.Hooks) {
			if !c.hasHook(p) && !slices.Contains(c.dropped, p) {
				c.dropped = append(c.dropped, p)
			}
		}
	}
	// Networks of their own are enabled by themselves.
	if on := settings.Enabled; on != nil && !*on || on == nil && !c.info.Enabled && !cfg.AllEnabled {
		c.rest = notRun
		for name, n := range settings.Networks {
			if n.Enabled == nil {
				c.networks[name] = notRun
			}
		}
	}
	c.enabled = c.rest != notRun
	for _, vm := range c.networks {
		c.enabled = c.enabled || vm != notRun
	}

	e.mu.Lock()
	defer e.mu.Unlock()
	st := e.stateLocked(f.key)
	st.status.File, st.status.Shipped = f.path, f.root == ""
	st.status.LoadErr = ""
	if err != nil {
		st.status.LoadErr = err.Error()
		e.deps.Log.Warn("check cannot be loaded", "check", f.key, "file", f.path, "error", err, "earlier_text_runs", usable)
	}
	if !usable {
		st.status.Style, st.status.Hooks, st.status.Enabled = "", nil, false
		return nil
	}
	if renew || previous == nil || previous.source != c.source || previous.limits != c.limits {
		st.renew()
	}
	st.status.Style, st.status.Hooks, st.status.Enabled = c.info.Style.String(), c.info.Hooks, c.enabled
	return c
}

// variants gives c the VMs that its settings need: one, and one for each network with others.
func (e *Engine) variants(c *check, settings *CheckConfig) {
	c.vms = []vmSpec{{e.vmIDs.Add(1), settings.Config}}
	c.networks = make(map[string]int)
	for name, n := range settings.Networks {
		c.names = append(c.names, name)
		switch {
		case n.Enabled != nil && !*n.Enabled:
			c.networks[name] = notRun
		case len(n.Config) == 0:
			c.networks[name] = 0
		default:
			config := make(map[string]any)
			for k, v := range settings.Config {
				config[k] = v
			}
			for k, v := range n.Config {
				config[k] = v
			}
			c.networks[name] = len(c.vms)
			c.vms = append(c.vms, vmSpec{e.vmIDs.Add(1), config})
		}
	}
	slices.Sort(c.names)
}

// loadMsg is the message that makes a check's VM.
func (c *check) loadMsg(cfg *Config, vm *vmSpec) *loadMsg {
	return &loadMsg{VM: vm.id, Path: c.path, Source: c.source, Options: cfg.options(c.root, filepath.Dir(c.path), c.limits.Time, vm.config)}
}

// options are those of a script in a folder; a shipped check, whose root is empty, sees no folder.
func (c *Config) options(root, own string, limit time.Duration, config map[string]any) lua.Options {
	o := lua.Options{TimeLimit: limit, Shape: c.Shape, Interface: c.Interface, Version: c.Version, Config: config}
	if root != "" {
		o.ScriptDirs = slices.Clone(c.ScriptsDirs)
		o.InstallDir = root
		if own != "" && !slices.Contains(o.ScriptDirs, own) {
			o.ScriptDirs = append(o.ScriptDirs, own)
		}
	}
	return o
}

// A loader inspects scripts in a worker of its own, so that none can touch a run. It starts one when it
// needs it.
type loader struct {
	cfg *Config
	p   *process
}

func (l *loader) close() {
	if l.p != nil {
		l.p.close()
		l.p = nil
	}
}

// inspect loads a script once to learn its hooks.
func (l *loader) inspect(c *check) (scriptInfo, error) {
	if l.p == nil {
		p, err := startProcess(l.cfg)
		if err != nil {
			return scriptInfo{}, err
		}
		l.p = p
		if err := p.begin(&snapshotMsg{}, c.limits.Memory); err != nil {
			l.close()
			return scriptInfo{}, err
		}
	}
	m := c.loadMsg(l.cfg, &c.vms[0])
	m.Inspect = true
	reply, err := l.p.load(m, c.limits)
	if err != nil {
		outcome := l.p.killedFor()
		said := l.p.close()
		if outcome == OK {
			outcome = endOutcome(said)
		}
		l.p = nil
		return scriptInfo{}, fmt.Errorf("%s: %s while loading: %s", c.path, outcome, said)
	}
	if reply.Err != "" {
		return scriptInfo{}, errors.New(reply.Err)
	}
	return reply.Info, nil
}
