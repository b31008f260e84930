package lint

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/netmond/netmond/alerts"
)

// A linter holds one file's findings while its rules run.
type linter struct {
	path    string
	chunk   *chunk
	dirs    []string
	facts   *facts
	found   []Finding
	modules []string // files that the script requires, as found

	globals map[string]bool // assigned in this file or in its modules
	added   map[added]bool  // fields of the API's tables that this file assigns
}

type added struct {
	to   *node
	name string
}

func newLinter(path string, c *chunk, dirs []string) *linter {
	return &linter{path: path, chunk: c, dirs: dirs, facts: loadFacts(), globals: map[string]bool{}, added: map[added]bool{}}
}

func (l *linter) add(at position, rule, format string, args ...any) {
	l.found = append(l.found, Finding{File: l.path, Line: at.line, Column: at.col, Rule: rule, Message: fmt.Sprintf(format, args...)})
}

func (l *linter) run() {
	for _, w := range l.chunk.writes {
		if w.to.base == nil && len(w.to.path) == 0 {
			l.globals[w.to.text] = true
		}
	}
	for _, w := range l.chunk.writes {
		if last := len(w.to.path) - 1; last >= 0 {
			table := *w.to
			table.path = table.path[:last]
			if n := l.value(&table, 0); n != nil {
				l.added[added{n, w.to.path[last].name}] = true
			}
		}
	}
	l.requires()
	for _, a := range l.chunk.accesses {
		l.access(a)
	}
	for _, v := range l.chunk.variables {
		l.variable(v)
	}
	l.result()
}

// access judges one use of a name and the fields behind it.
func (l *linter) access(a access) {
	e := a.at
	if e.kind == exprName && e.base == nil {
		known := l.facts.globals[e.text] != nil
		switch {
		case a.write && len(e.path) == 0:
			if known {
				l.add(e.pos, RuleGlobalAssign, "this replaces %s of the API", e.text)
			} else {
				l.add(e.pos, RuleGlobalAssign, "%s is a global variable: declare it local", e.text)
			}
			return
		case !known && !l.globals[e.text]:
			hint := suggest(e.text, maps.Keys(l.facts.globals))
			if l.facts.modules[e.text] != nil {
				hint = fmt.Sprintf(`; is a local %[1]s = require("%[1]s") missing?`, e.text)
			}
			l.add(e.pos, RuleUndefinedGlobal, "nothing defines %s%s", e.text, hint)
			return
		}
	}
	l.walk(e)
}

// walk follows the fields of e from what its base is to the first that does not exist.
func (l *linter) walk(e *expr) {
	n := l.base(e)
	for _, k := range e.path {
		if !k.known {
			return
		}
		if k.name == "entity_info" && e.base != nil && e.base.kind == parameter {
			n = l.facts.stats
			continue
		}
		if n == nil || n.fields == nil {
			n = nil
			continue
		}
		next := n.fields[k.name]
		if next == nil {
			if !l.added[added{n, k.name}] && !l.userAlert(n, k.name) {
				l.add(k.pos, n.rule, "%s has no %s%s", n.name, k.name, hint(k.name, n))
			}
			return
		}
		n = next
	}
}

// hint is a name that may have been meant, or all names where they are few.
func hint(name string, n *node) string {
	if s := suggest(name, maps.Keys(n.fields)); s != "" {
		return s
	}
	if len(n.fields) <= 8 {
		return ", only " + strings.Join(slices.Sorted(maps.Keys(n.fields)), ", ")
	}
	return ""
}

// base is what the API knows about the value behind a name, or nil.
func (l *linter) base(e *expr) *node {
	if e.kind == exprField {
		return l.value(e.callee, 0)
	}
	return l.named(e, 0)
}

// maxFollow bounds how many local names are followed to their values.
const maxFollow = 20

func (l *linter) named(e *expr, depth int) *node {
	switch v := e.base; {
	case v == nil && l.globals[e.text]:
		return nil
	case v == nil:
		return l.facts.globals[e.text]
	case v.assigns > 0 || v.value == nil || depth > maxFollow:
		return nil
	default:
		return l.value(v.value, depth+1)
	}
}

// value is what the API knows about an expression's value, or nil.
func (l *linter) value(e *expr, depth int) *node {
	var n *node
	switch e.kind {
	case exprOr:
		return l.value(e.callee, depth)
	case exprCall:
		if name, ok := l.required(e); ok {
			return l.facts.modules[name]
		}
		if c := e.callee; c.kind == exprName && c.base == nil && c.text == "network" && len(c.path) == 1 && c.path[0].name == "getNetworkStats" {
			return l.facts.stats
		}
		return nil
	case exprName:
		n = l.named(e, depth)
	case exprField:
		n = l.value(e.callee, depth)
	default:
		return nil
	}
	for _, k := range e.path {
		if k.known && k.name == "entity_info" && e.base != nil && e.base.kind == parameter {
			n = l.facts.stats
			continue
		}
		if n == nil || !k.known {
			return nil
		}
		n = n.fields[k.name]
	}
	return n
}

// variable finds local names that are never read. A name that begins with _ says that it is not meant
// to be.
func (l *linter) variable(v *variable) {
	if v.reads > 0 || strings.HasPrefix(v.name, "_") || v.kind == parameter || v.kind == loopVariable {
		return
	}
	what := "local"
	if v.kind == localFunction {
		what = "local function"
	}
	l.add(v.pos, RuleUnusedLocal, "%s %s is never used", what, v.name)
}

// result judges the table that the script returns: what it has to run.
func (l *linter) result() {
	e := l.chunk.returned
	if e == nil {
		return
	}
	if e.kind == exprString || e.kind == exprFunction {
		l.add(e.pos, RuleNoCheck, "the script returns no table with check or hooks")
		return
	}
	fields, ok := l.tableFields(e)
	if !ok {
		return
	}
	hooks, hasHooks := fields["hooks"]
	_, hasCheck := fields["check"]
	switch {
	case hasHooks:
		l.hooks(e, hooks)
	case !hasCheck:
		l.add(e.pos, RuleNoCheck, "the table that the script returns has neither check nor hooks%s", meant(fields))
	}
	if g := fields["granularity"].value; hasCheck && !hasHooks && g != nil && g.kind == exprString {
		if p, ok := alerts.ParsePeriodicity(g.text); !ok || p == alerts.Aperiodic {
			l.add(g.pos, RuleUnknownHook, "granularity %q is not a period: want %s", g.text, periods())
		}
	}
}

// meant names a field that may have been meant to be check or hooks.
func meant(fields map[string]field) string {
	for _, name := range []string{"check", "hooks"} {
		if s := nearest(name, maps.Keys(fields)); s != "" {
			return fmt.Sprintf("; is %s meant to be %s?", s, name)
		}
	}
	return ""
}

// hooks judges the names in the table of hooks.
func (l *linter) hooks(returned *expr, hooks field) {
	if hooks.value == nil {
		return
	}
	names, ok := l.tableFields(hooks.value)
	if ok && returned.kind == exprName {
		ok = l.writesBelow(names, returned.base, "hooks")
	}
	if !ok {
		return
	}
	if len(names) == 0 {
		l.add(hooks.key.pos, RuleNoCheck, "hooks is empty")
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		f := names[name]
		p, ok := alerts.ParsePeriodicity(name)
		if name != "all" && (!ok || p == alerts.Aperiodic) {
			l.add(f.key.pos, RuleUnknownHook, "hook %s is not a period: want %s or all", name, periods())
		} else if f.value != nil && (f.value.kind == exprTable || f.value.kind == exprString) {
			l.add(f.key.pos, RuleUnknownHook, "hook %s is not a function", name)
		}
	}
}

func periods() string {
	var names []string
	for p := alerts.Aperiodic + 1; p < alerts.NumPeriodicities; p++ {
		if q, ok := alerts.ParsePeriodicity(p.String()); ok && q == p {
			names = append(names, p.String())
		}
	}
	return strings.Join(names, ", ")
}

// tableFields are the fields of the table that e stands for: those of its constructor, and those that
// the file assigns to the local variable that holds it. Not ok when other code may add some.
func (l *linter) tableFields(e *expr) (fields map[string]field, ok bool) {
	fields = map[string]field{}
	table := e
	if e.kind == exprName {
		if e.base == nil || len(e.path) > 0 || e.base.assigns > 0 || e.base.value == nil {
			return nil, false
		}
		table = e.base.value
	}
	if table.kind != exprTable {
		return nil, false
	}
	for _, f := range table.fields {
		fields[f.key.name] = f
	}
	if e.kind == exprName {
		return fields, l.writesBelow(fields, e.base)
	}
	return fields, true
}

// writesBelow adds to fields what the file assigns to v.<below>.name; false when a name was computed.
func (l *linter) writesBelow(fields map[string]field, v *variable, below ...string) bool {
	for _, w := range l.chunk.writes {
		if w.to.base != v || len(w.to.path) != len(below)+1 {
			continue
		}
		match := true
		for i, name := range below {
			match = match && w.to.path[i].known && w.to.path[i].name == name
		}
		if !match {
			continue
		}
		last := w.to.path[len(below)]
		if !last.known {
			return false
		}
		fields[last.name] = field{last, w.value}
	}
	return true
}
