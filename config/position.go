package config

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
)

// A Position is a place in a file.
type Position struct {
	File string // as given to Load or Parse
	Line int    // from 1; 0 is the file as a whole
	Col  int    // from 1, in characters
}

// String is file:line:col, or the file alone.
func (p Position) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col)
}

// A mark is where a key or the entry of a list stands, with what is below it.
type mark struct {
	name      string // the key; empty for the entry of a list
	line, col int32
	kids      []mark
}

// Pos is file:line:col of a key, to go before the message of an error found later. The path has the
// keys from the top, and for the entry of a list its number from 0:
//
//	c.Pos("checks", "throughput", "settings", "threshold")
//	c.Pos("networks", "0")
//
// The place is that of a scalar value, and of the key of anything else. A key that is not given has the
// place of the nearest key above it that is; with none it is the file alone.
//
// A key whose value is from the command line has its flag for a place, such as --max-flows.
func (c *Config) Pos(path ...string) string {
	for n := len(path); n > 0 && c.flags != nil; n-- {
		if flag := c.Flag(path[:n]...); flag != "" {
			return "--" + flag
		}
	}
	at, marks := Position{File: c.file}, c.marks
	for _, name := range path {
		m := find(marks, name)
		if m == nil {
			break
		}
		at.Line, at.Col, marks = int(m.line), int(m.col), m.kids
	}
	return at.String()
}

func find(marks []mark, name string) *mark {
	if len(marks) > 0 && marks[0].name == "" { // a list
		if i, err := strconv.Atoi(name); err == nil && i >= 0 && i < len(marks) {
			return &marks[i]
		}
		return nil
	}
	for i := range marks {
		if marks[i].name == name {
			return &marks[i]
		}
	}
	return nil
}

// File is the name of the file as it was given to Load or Parse.
func (c *Config) File() string { return c.file }

// Path is a path that the key at has, as the process can open it: one that is relative is meant from the
// folder of the file, not from the working directory; one of a flag is as it is. The empty path stays empty.
func (c *Config) Path(path string, at ...string) string {
	if path == "" || filepath.IsAbs(path) || c.Flag(at...) != "" {
		return path
	}
	return filepath.Join(filepath.Dir(c.file), path)
}

// pathText is a path as messages show it: checks.throughput.networks["192.0.2.0/24"].settings.
func pathText(path []string) string {
	var b strings.Builder
	for i, name := range path {
		switch {
		case isIndex(name):
			b.WriteString("[" + name + "]")
		case isPlainKey(name):
			if i > 0 {
				b.WriteByte('.')
			}
			b.WriteString(name)
		default:
			b.WriteString("[" + strconv.Quote(clip(name)) + "]")
		}
	}
	return b.String()
}

func isIndex(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

func isPlainKey(s string) bool {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"
	return s != "" && len(s) <= maxShown && strings.Trim(s, plain) == ""
}

// maxShown is the most bytes of a text of the file that a message repeats.
const maxShown = 64

// clip keeps hostile text in a message short.
func clip(s string) string {
	if len(s) <= maxShown {
		return s
	}
	return strings.ToValidUTF8(s[:maxShown], "") + "..."
}
