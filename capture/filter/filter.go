package filter

import (
	"errors"
	"fmt"
	"math"
	"os"
	"strings"

	"golang.org/x/net/bpf"
)

// A Filter is what a user gave: an expression, or a program that tcpdump made. It never changes.
type Filter struct {
	text string
	expr *Expr    // nil for a program
	dump *Program // nil for an expression
}

// maxDump bounds a file with a program, in bytes: 4,096 lines of four numbers.
const maxDump = 1 << 18

// Load reads a filter as a command line gives it: an expression, or @FILE for a file with the output
// of `tcpdump -ddd`. An expression's error is an *Error.
func Load(arg string) (*Filter, error) {
	path, isFile := strings.CutPrefix(arg, "@")
	if !isFile {
		expr, err := Parse(arg)
		if err != nil {
			return nil, err
		}
		return &Filter{text: arg, expr: expr}, nil
	}
	st, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("filter program: %w", err)
	}
	if st.Size() > maxDump {
		return nil, fmt.Errorf("filter program: %s has %d bytes, too many for the output of tcpdump -ddd", path, st.Size())
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("filter program: %w", err)
	}
	p, err := ParseDump(string(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &Filter{text: arg, dump: p}, nil
}

// String is the filter as it was given.
func (f *Filter) String() string { return f.text }

// Program makes the program for a target. A program from tcpdump serves every link type; only the
// number of bytes that it keeps of a frame becomes the target's. Errors are those of Expr.Compile.
func (f *Filter) Program(target Target) (*Program, error) {
	if f.expr != nil {
		return f.expr.Compile(target)
	}
	keep := target.Snaplen
	if keep == 0 {
		keep = math.MaxUint32
	}
	raw := append([]bpf.RawInstruction(nil), f.dump.raw...)
	for i := range raw {
		if raw[i].Op == opReturn && raw[i].K != 0 {
			raw[i].K = keep
		}
	}
	return newProgram(raw)
}

// MatchesNothing reports whether err says that no frame of a link type can match.
func MatchesNothing(err error) bool {
	var fault *Error
	return errors.As(err, &fault) && fault.MatchesNothing
}
