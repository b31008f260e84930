package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
	"go.yaml.in/yaml/v4/plugin/loaderlimits"
)

// Bounds of a file.
const (
	maxFile     = 16 << 20 // bytes
	maxDepth    = 32       // of nesting; the deepest key of the table has 6
	maxElements = 1 << 18
	maxDigitRun = 4096 // in a row: the parser takes time by their square
)

// Load reads the file at path, which has to be a regular file. The error of a file that was read is an
// *Error with all that is wrong with it; others wrap what the system says.
func Load(path string) (*Config, error) {
	// Stat first: opening a named pipe would wait for a writer.
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("configuration %s: not a regular file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	defer f.Close()
	src, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	return Parse(path, src)
}

// Parse reads src. name is the file in positions, and relative paths are meant from its folder. The
// error is an *Error with all that is wrong.
//
// src is one YAML document in UTF-8, with or without a byte order mark, of at most 16 MiB, 32 levels
// and about a quarter of a million elements. Of YAML's features, aliases and tags are refused. A key without a
// value is as good as not given where a section, list or map is wanted, so that all below it may be
// comments; where a value is wanted it is an error. A file with comments alone sets nothing; one that
// is empty is refused, for it was most likely cut short.
func Parse(name string, src []byte) (*Config, error) {
	d := &decoder{problems: problems{file: name}}
	c := &Config{file: name}
	if root := d.document(src); root != nil {
		c.marks = d.root(root, c)
	}
	if err := d.err(); err != nil {
		return nil, err
	}
	return c, nil
}

// document is the root of the one document of src, or nil when something is wrong or nothing is set.
func (d *decoder) document(src []byte) *yaml.Node {
	if len(src) > maxFile {
		d.add(0, 0, nil, "is larger than %d MiB", maxFile>>20)
		return nil
	}
	if bytes.HasPrefix(src, []byte{0xff, 0xfe}) || bytes.HasPrefix(src, []byte{0xfe, 0xff}) {
		d.add(0, 0, nil, "is UTF-16; save it as UTF-8")
		return nil
	}
	src = bytes.TrimPrefix(src, []byte("\xef\xbb\xbf"))
	if len(bytes.TrimSpace(src)) == 0 {
		d.add(0, 0, nil, "is empty; a file with nothing but a comment is allowed")
		return nil
	}
	if line, col, what := badCharacter(src); what != "" {
		d.add(line, col, nil, "%s", what)
		return nil
	}
	if elements(src) > maxElements {
		d.add(0, 0, nil, "has more than %d elements; put a long list of networks into a file of its own (networks_file)", maxElements)
		return nil
	}
	limits := loaderlimits.New(loaderlimits.DepthFunc(func(depth int, _ *yaml.DepthContext) error {
		if depth > maxDepth {
			return errTooDeep
		}
		return nil
	}))
	loader, err := yaml.NewLoader(bytes.NewReader(src), yaml.WithPlugin(limits))
	if err != nil {
		d.add(0, 0, nil, "%v", err)
		return nil
	}
	var doc, second yaml.Node
	switch err := loader.Load(&doc); {
	case errors.Is(err, io.EOF):
		return nil // comments alone
	case err != nil:
		d.syntax(err, src)
		return nil
	}
	switch err := loader.Load(&second); {
	case errors.Is(err, io.EOF):
	case err != nil:
		d.syntax(err, src)
		return nil
	default:
		d.add(second.Line, second.Column, nil, "a second document begins here; a configuration is one document")
		return nil
	}
	if doc.Kind != yaml.DocumentNode || len(doc.Content) != 1 {
		return nil
	}
	return doc.Content[0]
}

var errTooDeep = fmt.Errorf("is nested deeper than %d levels", maxDepth)

// syntax tells what the parser of YAML did not understand.
func (d *decoder) syntax(err error, src []byte) {
	var e *yaml.LoadError
	if !errors.As(err, &e) {
		d.add(0, 0, nil, "%v", err)
		return
	}
	line, col := e.Mark.Line, e.Mark.Column
	if last := bytes.Count(src, []byte("\n")) + 1; line > last { // its end is on a line of its own
		line, col = last, 1+utf8.RuneCount(src[bytes.LastIndexByte(src, '\n')+1:])
	}
	if errors.Is(err, errTooDeep) || strings.Contains(e.Message, errTooDeep.Error()) {
		d.add(line, col, nil, "%v", errTooDeep)
		return
	}
	if tab := tabIndent(src, line); tab > 0 {
		d.add(line, tab, nil, "a tab is no indentation in YAML: use spaces")
		return
	}
	message := e.Message
	if strings.Contains(message, "incompatible YAML") {
		message = "this version of YAML is not known here: remove the line with %YAML"
	}
	if e.ContextMsg != "" {
		message += ", " + e.ContextMsg
		if at := e.ContextMark; at.Line > 0 && at.Line < line {
			message += fmt.Sprintf(" that begins in line %d", at.Line)
		}
	}
	d.add(line, col, nil, "%s", message)
}

// tabIndent is the column of the first tab in what indents a line (from 1), or 0.
func tabIndent(src []byte, line int) int {
	for n := 1; n < line && len(src) > 0; n++ {
		_, src, _ = bytes.Cut(src, []byte("\n"))
	}
	indent := len(src) - len(bytes.TrimLeft(src, " \t"))
	return 1 + bytes.IndexByte(src[:indent], '\t')
}

// badCharacter finds the first byte that cannot be in YAML, which the parser would tell without its
// place, or a number that would keep it busy.
func badCharacter(src []byte) (line, col int, what string) {
	line, col = 1, 1
	digits := 0
	for i := 0; i < len(src); {
		r, n := utf8.DecodeRune(src[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			return line, col, fmt.Sprintf("byte 0x%02x is not UTF-8", src[i])
		case r == '\n':
			line, col = line+1, 0
		case r < 0x20 && r != '\t' && r != '\r', r >= 0x7f && r < 0xa0 && r != 0x85, r == 0xfffe, r == 0xffff:
			return line, col, fmt.Sprintf("character U+%04X cannot stand in a configuration", r)
		}
		if digits++; r < '0' || r > '9' {
			digits = 0
		} else if digits > maxDigitRun {
			return line, col, fmt.Sprintf("a number of more than %d digits", maxDigitRun)
		}
		i += n
		col++
	}
	return 0, 0, ""
}

// elements is at least half of the number of tokens and nodes that the parser makes of src, and near
// to it in a file that people write: each takes one of the characters counted here. The parser keeps
// the tokens of a line until it knows whether they are a key, so they need a bound too.
func elements(src []byte) int {
	n, quotes := 0, 0
	for i, b := range src {
		switch b {
		case '\n', '\r', ',', '[', '{', '&', '*', '!':
			n++
		case '"', '\'':
			quotes++
		case ':', '-', '?':
			if i+1 == len(src) || strings.IndexByte(" \t\r\n,[]{}\"'", src[i+1]) >= 0 || i > 0 && strings.IndexByte("\"']}", src[i-1]) >= 0 {
				n++
			}
		}
	}
	return n + quotes/2
}
