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
	dir       int    // index of ScriptsDirs, or shippedDir
	rel       string // path below it
	stamp     stamp
}

const shippedDir = -1

// A scan is what the folders hold at one time.
type scan struct {
	files   []foundFile // one for each key, in the order of keys
	modules map[string]stamp
	remarks []string // what a person should know
	refused uint64
}

// scanFolders looks at all folders; it reads no file.
func (e *Engine) scanFolders() *scan {
	s := &scan{modules: make(map[string]stamp)}
	seen := make(map[string]string)
	add := func(f foundFile) {
		switch other, double := seen[f.key]; {
		case e.cfg.Only != nil && !slices.Contains(e.cfg.Only, f.key):
		case double && other == f.path: // folders of which one lies in the other
		case !goodKey(f.key):
			s.refuse("%s: the name of a check has 1 to %d letters, digits, _, - or dots", f.path, maxKey)
		case double:
			s.remark("%s is not used: %s is a check of the same name", f.path, other)
		case len(s.files) >= e.cfg.MaxScripts:
			if s.refused++; s.refused == 1 {
				s.remark("more than %d checks: %s and what comes after it is not used", e.cfg.MaxScripts, f.path)
			}
		default:
			seen[f.key] = f.path
			s.files = append(s.files, f)
		}
	}
	for i, dir := range e.cfg.ScriptsDirs {
		if err := s.scanDir(i, dir, add); err != nil {
			s.remark("script folder: %v", err)
		}
	}
	if e.deps.Shipped != nil {
		names, _ := fs.Glob(e.deps.Shipped, "*.lua")
		for _, name := range names {
			add(foundFile{key: strings.TrimSuffix(name, ".lua"), path: "shipped/" + name, dir: shippedDir, rel: name})
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
func (s *scan) scanDir(index int, dir string, add func(foundFile)) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, folder := range checkFolders {
		err := s.eachLua(root, dir, folder, func(rel string, st stamp) {
			add(foundFile{
				key: strings.TrimSuffix(filepath.Base(rel), ".lua"), path: filepath.Join(dir, rel),
				dir: index, rel: rel, stamp: st,
			})
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			s.remark("%v", err)
		}
	}
	for _, folder := range moduleFolders {
		err := s.eachLua(root, dir, folder, func(rel string, st stamp) { s.modules[filepath.Join(dir, rel)] = st })
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			s.remark("%v", err)
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
	if f.dir == shippedDir {
		file, err = e.deps.Shipped.Open(f.rel)
	} else {
		var root *os.Root
		if root, err = os.OpenRoot(e.cfg.ScriptsDirs[f.dir]); err == nil {
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

// A check is a script that can be loaded, with its settings. It does not change.
type check struct {
	key, path string
	source    string
	dir       int
	stamp     stamp
	info      scriptInfo
	enabled   bool
	limits    Limits
	vms       []vmSpec       // the first is that of networks without differences
	networks  map[string]int // index of vms by the name of a network that differs; -1 is disabled
	names     []string       // of networks, sorted
}

// A vmSpec is a VM that a worker needs for a check.
type vmSpec struct {
	id     uint64
	config map[string]any
}

func (c *check) hasHook(p alerts.Periodicity) bool { return slices.Contains(c.info.Hooks, p) }

// Reload looks at the folders now and takes up what changed; runs that are going on end with what they
// began with. Each problem is logged once, until its file changes.
func (e *Engine) Reload() { e.reload(nil) }

// SetChecks takes other settings of checks, as Reload does a changed file: what did not change goes on.
// An error changes nothing.
func (e *Engine) SetChecks(settings map[string]CheckConfig) error {
	cfg := e.cfg
	cfg.Checks = settings
	if err := cfg.Validate(); err != nil {
		return err
	}
	if settings == nil {
		settings = map[string]CheckConfig{}
	}
	e.reload(settings)
	return nil
}

// reload is Reload, with other settings when they are not nil.
func (e *Engine) reload(settings map[string]CheckConfig) {
	if e.takeUp(settings) && e.deps.OnReload != nil {
		e.deps.OnReload()
	}
}

// takeUp looks at the folders, and reports whether something changed.
func (e *Engine) takeUp(settings map[string]CheckConfig) bool {
	e.reloadMu.Lock()
	defer e.reloadMu.Unlock()
	changed := func(key string) bool { return false }
	if settings != nil {
		before := e.settings
		e.settings = settings
		changed = func(key string) bool { return !reflect.DeepEqual(before[key], settings[key]) }
	}
	s := e.scanFolders()
	if settings == nil && e.scanned != nil && slices.EqualFunc(s.files, e.scanned.files, sameFile) && mapsEqual(s.modules, e.scanned.modules) && slices.Equal(s.remarks, e.scanned.remarks) {
		return false
	}
	all := e.scanned == nil || !mapsEqual(s.modules, e.scanned.modules)
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
	e.scanned = s
	e.mu.Lock()
	e.status.Reloads++
	e.status.Refused = s.refused
	e.mu.Unlock()

	loader := &loader{e: e}
	defer loader.close()
	before := *e.checks.Load()
	var list []*check
	for i := range s.files {
		f := &s.files[i]
		previous := findCheck(before, f.key)
		if known, ok := stamps[f.key]; ok && !all && !changed(f.key) && sameFile(known, *f) {
			if previous != nil {
				list = append(list, previous)
			}
			continue
		}
		if c := e.loadCheck(loader, f, previous); c != nil {
			list = append(list, c)
		}
	}
	e.checks.Store(&list)
	e.mu.Lock()
	for key := range e.states {
		if !slices.ContainsFunc(s.files, func(f foundFile) bool { return f.key == key }) {
			delete(e.states, key)
		}
	}
	e.mu.Unlock()
	e.deps.Log.Info("check scripts loaded", "files", len(s.files), "checks", len(list))
	return true
}

// Keys are the checks that run and those that will when their files are mended, in their order: checks
// that are gone or disabled are not among them, and their alerts have nobody to release them.
func (e *Engine) Keys() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	var keys []string
	for key, st := range e.states {
		if st.status.Enabled || st.status.LoadErr != "" {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

func sameFile(a, b foundFile) bool { return a == b }

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

// loadCheck reads and inspects a file. Where it cannot be loaded an earlier text of it goes on.
func (e *Engine) loadCheck(l *loader, f *foundFile, previous *check) *check {
	settings := e.settings[f.key]
	c := &check{key: f.key, path: f.path, dir: f.dir, stamp: f.stamp, limits: settings.Limits.or(e.cfg.Limits)}
	source, err := e.readScript(f)
	if err == nil {
		c.source = source
		c.vms, c.networks, c.names = e.variants(&settings)
		c.info, err = l.inspect(c)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	st := e.stateLocked(f.key)
	st.status.File, st.status.Shipped = f.path, f.dir == shippedDir
	if err != nil {
		st.status.LoadErr = err.Error()
		e.deps.Log.Warn("check cannot be loaded", "check", f.key, "file", f.path, "error", err, "earlier_text_runs", previous != nil)
		return previous
	}
	c.enabled = c.info.Enabled || e.cfg.AllEnabled
	if settings.Enabled != nil {
		c.enabled = *settings.Enabled
	}
	st.renew()
	st.status.LoadErr, st.status.Style, st.status.Hooks, st.status.Enabled = "", c.info.Style.String(), c.info.Hooks, c.enabled
	return c
}

// variants are the VMs that a check's settings need: one, and one for each network with others.
func (e *Engine) variants(settings *CheckConfig) (vms []vmSpec, networks map[string]int, names []string) {
	vms = []vmSpec{{e.vmIDs.Add(1), settings.Config}}
	networks = make(map[string]int)
	for name, n := range settings.Networks {
		names = append(names, name)
		switch {
		case n.Enabled != nil && !*n.Enabled:
			networks[name] = -1
		case len(n.Config) == 0:
			networks[name] = 0
		default:
			config := make(map[string]any)
			for k, v := range settings.Config {
				config[k] = v
			}
			for k, v := range n.Config {
				config[k] = v
			}
			networks[name] = len(vms)
			vms = append(vms, vmSpec{e.vmIDs.Add(1), config})
		}
	}
	slices.Sort(names)
	return vms, networks, names
}

// loadMsg is the message that makes a check's VM.
func (e *Engine) loadMsg(c *check, vm *vmSpec) *loadMsg {
	return &loadMsg{VM: vm.id, Path: c.path, Source: c.source, Options: e.options(c.dir, filepath.Dir(c.path), c.limits.Time, vm.config)}
}

// options are those of a script in a folder; a shipped check sees no folder.
func (e *Engine) options(dir int, own string, limit time.Duration, config map[string]any) lua.Options {
	o := lua.Options{TimeLimit: limit, Shape: e.cfg.Shape, Interface: e.cfg.Interface, Version: e.cfg.Version, Config: config}
	if dir != shippedDir {
		o.ScriptDirs = slices.Clone(e.cfg.ScriptsDirs)
		o.InstallDir = e.cfg.ScriptsDirs[dir]
		if own != "" && !slices.Contains(o.ScriptDirs, own) {
			o.ScriptDirs = append(o.ScriptDirs, own)
		}
	}
	return o
}

// A loader inspects scripts in a worker of its own, so that none can touch a run. It starts one when it
// needs it.
type loader struct {
	e *Engine
	p *process
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
		p, err := startProcess(&l.e.cfg)
		if err != nil {
			return scriptInfo{}, err
		}
		l.p = p
		if err := p.begin(&snapshotMsg{}, c.limits.Memory); err != nil {
			l.close()
			return scriptInfo{}, err
		}
	}
	m := l.e.loadMsg(c, &c.vms[0])
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
