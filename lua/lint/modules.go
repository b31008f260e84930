package lint

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"github.com/netmond/netmond/lua"
)

// moduleFolders are where require looks below each script folder, as package lua does.
var moduleFolders = []string{"", "modules", filepath.Join("scripts", "lua", "modules")}

// maxModules bounds the files that are read for the globals that they define.
const maxModules = 200

// required is the module that a call of require names with a literal.
func (l *linter) required(e *expr) (string, bool) {
	c := e.callee
	if c.kind != exprName || c.base != nil || c.text != "require" || len(c.path) > 0 || len(e.args) == 0 || e.args[0].kind != exprString {
		return "", false
	}
	return e.args[0].text, true
}

// requires looks for the modules of the file, and takes over the globals that they define.
func (l *linter) requires() {
	seen := map[string]bool{}
	for _, call := range l.chunk.calls {
		name, ok := l.required(call)
		if !ok || l.facts.modules[name] != nil || l.facts.libraries[name] {
			continue
		}
		path, ok := findModule(name, l.dirs)
		if !ok {
			hint := cmp.Or(suggest(name, maps.Keys(l.facts.modules)), " in "+strings.Join(l.dirs, ", "))
			l.add(call.args[0].pos, RuleUnknownModule, "no module %s%s", name, hint)
			continue
		}
		l.modules = append(l.modules, path)
		l.globalsOf(path, seen)
	}
}

// globalsOf notes the globals that a module's file and the modules behind it assign.
func (l *linter) globalsOf(path string, seen map[string]bool) {
	if seen[path] || len(seen) >= maxModules {
		return
	}
	seen[path] = true
	src, err := readFile(path)
	if err != nil || syntax(path, src) != nil { // a run tells
		return
	}
	c, _, ok := parse(src)
	if !ok {
		return
	}
	for _, w := range c.writes {
		if w.to.base == nil && len(w.to.path) == 0 {
			l.globals[w.to.text] = true
		}
	}
	for _, call := range c.calls {
		if name, ok := l.required(call); ok && l.facts.modules[name] == nil {
			if path, ok := findModule(name, append(l.dirs[:len(l.dirs):len(l.dirs)], filepath.Dir(path))); ok {
				l.globalsOf(path, seen)
			}
		}
	}
}

// userAlert reports whether name is an alert class of the script folders, which the table of alert
// types finds there.
func (l *linter) userAlert(n *node, name string) bool {
	if n != l.facts.modules["alert_consts"].fields["alert_types"] {
		return false
	}
	for _, folder := range []string{"alert_definitions/network/", "alert_definitions/other/"} {
		if _, ok := findModule(folder+name, l.dirs); ok {
			return true
		}
	}
	return false
}

func findModule(name string, dirs []string) (string, bool) {
	rel := strings.ReplaceAll(name, ".", "/")
	for _, part := range strings.Split(rel, "/") {
		if part == "" || strings.ContainsFunc(part, func(r rune) bool {
			return r > 0x7f || !nameByte(byte(r), false) && r != '-'
		}) {
			return "", false
		}
	}
	for _, dir := range dirs {
		for _, folder := range moduleFolders {
			path := filepath.Join(dir, folder, filepath.FromSlash(rel)+".lua")
			if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
				return path, true
			}
		}
	}
	return "", false
}

// readFile reads a regular file of at most lua.MaxSource bytes; of a longer one it reads one more, so
// that its length is refused.
func readFile(path string) (string, error) {
	info, err := os.Stat(path) // before opening, which would wait for a named pipe's writer
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", fmt.Errorf("%s is not a regular file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, lua.MaxSource+1))
	if err != nil {
		return "", fmt.Errorf("read %s: %w", path, err)
	}
	return string(b), nil
}
