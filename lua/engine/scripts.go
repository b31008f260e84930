package engine

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/netmond/netmond/alerts"
	"github.com/netmond/netmond/localnets"
	"github.com/netmond/netmond/lua"
)

// checkFolders are where checks are, below a script folder: both styles, told apart by what they
// return, and files right in it.
var checkFolders = []string{
	".",
	"network_checks",
	"scripts/lua/modules/network_checks",
	"check_definitions/network",
	"scripts/lua/modules/check_definitions/network",
}

// moduleFolders have what checks require; a change there loads all checks anew.
var moduleFolders = []string{"modules", "scripts/lua/modules"}

const (
	maxKey     = 64
	maxEntries = 100_000 // of one folder that are looked at
)

// goodKey reports whether a file's name can be a check's key: a label of metrics and of alerts.
func goodKey(key string) bool {
	if key == "" || len(key) > maxKey {
		return false
	}
	for i := 0; i < len(key); i++ {
		switch b := key[i]; {
		case b >= 'a' && b <= 'z', b >= 'A' && b <= 'Z', b >= '0' && b <= '9', b == '_', b == '-', b == '.' && i > 0:
		default:
			return false
		}
	}
	return true
}

// A stamp tells whether a file changed.
type stamp struct {
	size  int64
	mtime int64
	mode  fs.FileMode
}

// A foundFile is a check's file.
type foundFile struct {
	key, path string
	root      string // the folder of ScriptsDirs; empty for a shipped check
	rel       string // path below it
	stamp     stamp
}

// A scan is what the folders hold at one time.
type scan struct {
	files   []foundFile // one for each key, in the order of keys
	modules map[string]stamp
	remarks []string // what a person should know
	refused uint64
}

// scanFolders looks at all folders; it reads no file.
func (e *Engine) scanFolders(cfg *Config) *scan {
	s := &scan{modules: make(map[string]stamp)}
	seen := make(map[string]string)
	add := func(f foundFile) {
		switch other, double := seen[f.key]; {
		case cfg.Only != nil && !slices.Contains(cfg.Only, f.key):
		case double && other == f.path: // folders of which one lies in the other
		case !goodKey(f.key):
			s.refuse("%s: the name of a check has 1 to %d letters, digits, _, - or dots", f.path, maxKey)
		case double:
			s.remark("%s is not used: %s is a check of the same name", f.path, other)
		case len(s.files) >= cfg.MaxScripts:
			if s.refused++; s.refused == 1 {
				s.remark("more than %d checks: %s and what comes after it is not used", cfg.MaxScripts, f.path)
			}
		default:
			seen[f.key] = f.path
			s.files = append(s.files, f)
		}
	}
	for _, dir := range cfg.ScriptsDirs {
		if err := s.scanDir(dir, add); err != nil {
			s.remark("script folder: %v", err)
		}
	}
	if e.deps.Shipped != nil {
		names, _ := fs.Glob(e.deps.Shipped, "*.lua")
		for _, name := range names {
			add(foundFile{key: strings.TrimSuffix(name, ".lua"), path: "shipped/" + name, rel: name})
		}
	}
	slices.SortFunc(s.files, func(a, b foundFile) int { return strings.Compare(a.key, b.key) })
	return s
}

func (s *scan) remark(format string, args ...any) {
	if len(s.remarks) < 100 {
		s.remarks = append(s.remarks, fmt.Sprintf(format, args...))
	}
}

func (s *scan) refuse(format string, args ...any) {
	s.refused++
	s.remark(format, args...)
}

// scanDir looks at one script folder; its links may not lead out of it.
func (s *scan) scanDir(dir string, add func(foundFile)) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, folder := range checkFolders {
		err := s.eachLua(root, dir, folder, func(rel string, st stamp) {
			add(foundFile{
				key: strings.TrimSuffix(filepath.Base(rel), ".lua"), path: filepath.Join(dir, rel),
				root: dir, rel: rel, stamp: st,
			})
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			s.remark("%s: %v", filepath.Join(dir, folder), err)
		}
	}
	for _, folder := range moduleFolders {
		err := s.eachLua(root, dir, folder, func(rel string, st stamp) { s.modules[filepath.Join(dir, rel)] = st })
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			s.remark("%s: %v", filepath.Join(dir, folder), err)
		}
	}
	return nil
}

// eachLua calls found for the Lua files right in a folder, in the order of their names.
func (s *scan) eachLua(root *os.Root, dir, folder string, found func(rel string, st stamp)) error {
	d, err := root.Open(folder)
	if err != nil {
		return err
	}
	defer d.Close()
	if info, err := d.Stat(); err == nil && info.Mode().Perm()&0o002 != 0 {
		s.remark("%s: others can write to this folder, and so decide what netmond runs", filepath.Join(dir, folder))
	}
	names, err := d.Readdirnames(maxEntries)
	if err != nil && err != io.EOF {
		return err
	}
	slices.Sort(names)
	for _, name := range names {
		if !strings.HasSuffix(name, ".lua") {
			continue
		}
		rel := filepath.Join(folder, name)
		info, err := root.Stat(rel)
		switch {
		case err != nil:
			s.refuse("%s: %v", filepath.Join(dir, rel), err)
		case !info.Mode().IsRegular():
			s.refuse("%s: not a regular file", filepath.Join(dir, rel))
		default:
			if info.Mode().Perm()&0o002 != 0 {
				s.remark("%s: others can write to this file", filepath.Join(dir, rel))
			}
			found(rel, stamp{info.Size(), info.ModTime().UnixNano(), info.Mode()})
		}
	}
	return nil
}

// readScript reads a check's file.
func (e *Engine) readScript(f *foundFile) (string, error) {
	var file fs.File
	var err error
	if f.root == "" {
		file, err = e.deps.Shipped.Open(f.rel)
	} else {
		var root *os.Root
		if root, err = os.OpenRoot(f.root); err == nil {
			defer root.Close()
			file, err = root.OpenFile(f.rel, os.O_RDONLY|syscall.O_NONBLOCK, 0)
		}
	}
	if err != nil {
		return "", err
	}
	defer file.Close()
	b, err := io.ReadAll(io.LimitReader(file, lua.MaxSource+1))
	if err != nil {
		return "", err
	}
	if len(b) > lua.MaxSource {
		return "", fmt.Errorf("%s: more than %d bytes", f.path, lua.MaxSource)
	}
	return string(b), nil
}

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

// same reports whether other found the same.
func (s *scan) same(other *scan) bool {
	return other != nil && slices.Equal(s.files, other.files) && mapsEqual(s.modules, other.modules) && slices.Equal(s.remarks, other.remarks)
}

func mapsEqual(a, b map[string]stamp) bool {
	if len(a) != len(b) {
		return false
	}
	for k, v := range a {
		if b[k] != v {
			return false
		}
	}
	return true
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
