package lint

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/netmond/netmond/alerts"
	"github.com/netmond/netmond/lua"
)

// The rules. Those from RuleGlobalAssign on are warnings: the script runs.
const (
	RuleSyntax          = "syntax"           // the interpreter refuses the file
	RulePeriodicityName = "periodicity-name" // checks.periodicities.5mins
	RuleUnknownAPI      = "unknown-api"      // a table of the API or of a module has no such name
	RuleUnknownField    = "unknown-field"    // the stats table has no such field
	RuleUnknownModule   = "unknown-module"   // require finds nothing
	RuleUndefinedGlobal = "undefined-global" // read, and assigned nowhere
	RuleUnknownHook     = "unknown-hook"     // a hook or granularity that is not a period
	RuleNoCheck         = "no-check"         // what the script returns has neither check nor hooks
	RuleGlobalAssign    = "global-assign"    // a new global variable
	RuleUnusedLocal     = "unused-local"     // never read
)

// A Finding is one mistake in a script.
type Finding struct {
	File         string
	Line, Column int // from 1; the column counts bytes
	Rule         string
	Message      string
}

// Warning reports whether the script would run all the same.
func (f Finding) Warning() bool { return f.Rule == RuleGlobalAssign || f.Rule == RuleUnusedLocal }

// String is "file:line:column: message [rule]".
func (f Finding) String() string {
	kind := ""
	if f.Warning() {
		kind = "warning: "
	}
	return fmt.Sprintf("%s:%d:%d: %s%s [%s]", f.File, f.Line, f.Column, kind, f.Message, f.Rule)
}

// File gives the findings about one script, in the order of their places. path names it, and its
// folder is searched by require after dirs, as at a run. Nothing of the script runs.
func File(path, src string, dirs []string) []Finding {
	dirs = append(dirs[:len(dirs):len(dirs)], filepath.Dir(path))
	found, _ := file(path, src, dirs)
	return found
}

// file is File, and gives the files of the modules that the script requires.
func file(path, src string, dirs []string) (found []Finding, modules []string) {
	if f := syntax(path, src); f != nil {
		return []Finding{*f}, nil
	}
	c, at, ok := parse(src)
	if !ok {
		return []Finding{{File: path, Line: at.line, Column: at.col, Rule: RuleSyntax, Message: "the linter cannot read this, though the interpreter can"}}, nil
	}
	l := newLinter(path, c, dirs)
	l.run()
	slices.SortStableFunc(l.found, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), strings.Compare(a.Rule, b.Rule))
	})
	return slices.Compact(l.found), l.modules
}

// compileOnly stands before a script in its first line, so that loading it compiles all of it and runs
// nothing.
const compileOnly = "do return {check = function() end} end "

var periodicityKey = regexp.MustCompile(`^\.([0-9]\w*)`)

// syntax is what the interpreter says against the source, or nil.
func syntax(path, src string) *Finding {
	if len(src) > lua.MaxSource {
		return &Finding{File: path, Line: 1, Column: 1, Rule: RuleSyntax, Message: fmt.Sprintf("source has %d bytes, more than %d", len(src), lua.MaxSource)}
	}
	body := strings.TrimPrefix(src, bom)
	shift := len(compileOnly) - (len(src) - len(body))
	if strings.HasPrefix(body, "#") { // a first line that names the interpreter
		body = body[min(len(body), len(firstLine(body))):]
	}
	if strings.HasPrefix(body, "\x1bLua") {
		return &Finding{File: path, Line: 1, Column: 1, Rule: RuleSyntax, Message: "precompiled code is not loaded"}
	}
	c, err := lua.NewCheck(context.Background(), path, compileOnly+body, lua.Options{})
	if err == nil {
		c.Close()
		return nil
	}
	f := &Finding{File: path, Line: 1, Column: 1, Rule: RuleSyntax, Message: err.Error()}
	var syntax *lua.SyntaxError
	if !errors.As(err, &syntax) {
		return f
	}
	f.Line, f.Column, f.Message = syntax.Line, syntax.Column, syntax.Message
	if f.Line == 1 {
		f.Column = max(f.Column-shift, 1)
	}
	if m := periodicityKey.FindStringSubmatch(sourceAt(src, f.Line, f.Column)); m != nil {
		if _, ok := alerts.ParsePeriodicity(m[1]); ok {
			f.Rule = RulePeriodicityName
			f.Message = fmt.Sprintf(`.%[1]s is a syntax error in every Lua: write checks.periodicities["%[1]s"]`, m[1])
			if m[1] == alerts.FiveMinutes.String() {
				f.Message += " or checks.periodicities.five_mins"
			}
		}
	}
	return f
}

func firstLine(s string) string {
	if i := strings.IndexAny(s, "\r\n"); i >= 0 {
		return s[:i]
	}
	return s
}

// sourceAt is the rest of a line from a column on; line ends are those of Lua.
func sourceAt(src string, line, col int) string {
	lx := &lexer{src: src, line: 1}
	for lx.line < line && lx.pos < len(src) {
		if c := src[lx.pos]; c == '\n' || c == '\r' {
			lx.newline()
			continue
		}
		lx.pos++
	}
	rest := firstLine(src[lx.pos:])
	return rest[min(max(col-1, 0), len(rest)):]
}
