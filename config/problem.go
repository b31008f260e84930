package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// maxProblems is the most problems that an Error spells out.
const maxProblems = 100

// A Problem is one thing that is wrong with a file.
type Problem struct {
	Pos     Position
	Key     string // such as capture.ring_size; empty when it is about the file
	Message string
}

// Error is "file:line:col: key: message".
func (p *Problem) Error() string {
	s := p.Pos.String() + ": "
	if p.Key != "" {
		s += p.Key + ": "
	}
	return s + p.Message
}

// An Error has all that is wrong with a file, in the order of the file.
type Error struct {
	Problems []*Problem // 1 to 100
	More     int        // further problems
}

// Error has a line for each problem, and one for those that are not spelled out.
func (e *Error) Error() string {
	var b strings.Builder
	for i, p := range e.Problems {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(p.Error())
	}
	if e.More > 0 {
		fmt.Fprintf(&b, "\nand %d more", e.More)
	}
	return b.String()
}

// Unwrap gives the problems to errors.As.
func (e *Error) Unwrap() []error {
	errs := make([]error, len(e.Problems))
	for i, p := range e.Problems {
		errs[i] = p
	}
	return errs
}

// problems collects what is wrong with a file.
type problems struct {
	file  string
	found Error
}

func (p *problems) add(line, col int, path []string, format string, args ...any) {
	if len(p.found.Problems) == maxProblems {
		p.found.More++
		return
	}
	p.found.Problems = append(p.found.Problems, &Problem{
		Pos:     Position{File: p.file, Line: line, Col: col},
		Key:     pathText(path),
		Message: fmt.Sprintf(format, args...),
	})
}

// err is nil when nothing was wrong.
func (p *problems) err() error {
	if len(p.found.Problems) == 0 {
		return nil
	}
	slices.SortStableFunc(p.found.Problems, func(a, b *Problem) int {
		return cmp.Or(cmp.Compare(a.Pos.Line, b.Pos.Line), cmp.Compare(a.Pos.Col, b.Pos.Col))
	})
	return &p.found
}
