package checks

import (
	"embed"
	"fmt"
	"io/fs"
	"strings"
)

//go:embed *.lua
var files embed.FS

// FS holds the checks as name.lua. Each file stands alone: a copy of it in a user's folder works.
var FS fs.FS = files

// A Check is one check that netmond ships, as the comment at the head of its file describes it.
type Check struct {
	Name     string // file name without .lua
	Title    string // one sentence
	Text     string // what it does, one paragraph
	Hooks    []string
	Enabled  bool // without a setting that says otherwise
	Engages  string
	Releases string
	Settings []Setting
}

// A Setting is a value of the check's default_value table.
type Setting struct {
	Name    string
	Unit    string
	Default string // as Lua writes it
	Doc     string
}

// List describes the checks of FS in the order of their names.
func List() []Check {
	names, err := fs.Glob(FS, "*.lua")
	if err != nil {
		panic(err) // the pattern is a literal
	}
	list := make([]Check, 0, len(names))
	for _, file := range names {
		src, err := fs.ReadFile(FS, file)
		if err != nil {
			panic(err) // embedded files are in memory
		}
		c, err := parseHead(strings.TrimSuffix(file, ".lua"), string(src))
		if err != nil {
			panic(err) // a test reads all heads
		}
		list = append(list, c)
	}
	return list
}

// parseHead reads the comment that a check's file begins with: title, text, then lines "Key: value"
// and below Settings one line "name  unit, default: text" for each.
func parseHead(name, src string) (Check, error) {
	c := Check{Name: name}
	fail := func(line int, format string, args ...any) (Check, error) {
		return Check{}, fmt.Errorf("%s.lua:%d: %s", name, line, fmt.Sprintf(format, args...))
	}
	var text []string
	settings, keyed := false, false
	n := 0
	for line := range strings.Lines(src) {
		n++
		body, ok := strings.CutPrefix(strings.TrimRight(line, "\n"), "--")
		if !ok {
			break
		}
		body = strings.TrimPrefix(body, " ")
		if settings {
			s, err := parseSetting(body)
			if err != nil {
				return fail(n, "%v", err)
			}
			c.Settings = append(c.Settings, s)
			continue
		}
		if n == 1 {
			c.Title = body
			continue
		}
		key, value, found := strings.Cut(body, ":")
		value = strings.TrimSpace(value)
		switch {
		case found && key == "Hooks":
			c.Hooks, keyed = strings.Split(value, ", "), true
		case found && key == "Enabled by default" && (value == "yes" || value == "no"):
			c.Enabled = value == "yes"
		case found && key == "Engages":
			c.Engages = value
		case found && key == "Releases":
			c.Releases = value
		case found && key == "Settings" && value == "":
			settings = true
		case keyed:
			return fail(n, "unknown key in %q", body)
		case body != "":
			text = append(text, body)
		}
	}
	c.Text = strings.Join(text, " ")
	for what, missing := range map[string]bool{
		"title": c.Title == "", "text": c.Text == "", "hooks": len(c.Hooks) == 0, "Engages": c.Engages == "",
		"Releases": c.Releases == "", "Settings": len(c.Settings) == 0,
	} {
		if missing {
			return fail(1, "the head has no %s", what)
		}
	}
	return c, nil
}

func parseSetting(line string) (Setting, error) {
	name, rest, ok := strings.Cut(strings.TrimSpace(line), " ")
	kind, doc, ok2 := strings.Cut(strings.TrimSpace(rest), ": ")
	unit, value, ok3 := strings.Cut(kind, ", ")
	if !ok || !ok2 || !ok3 || doc == "" {
		return Setting{}, fmt.Errorf("setting %q is not of the form: name unit, default: text", line)
	}
	return Setting{Name: name, Unit: unit, Default: value, Doc: doc}, nil
}
