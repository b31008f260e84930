package lua

import (
	"fmt"
	"strings"

	glua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/ast"
)

// MaxSource is the most bytes of one source file or loaded string.
const MaxSource = 1 << 20

// compile turns source into a function prototype. It never panics and neither its time nor its stack
// grows beyond what MaxSource and the parser's bounds allow. Errors are *SyntaxError.
func compile(file, src string) (*glua.FunctionProto, error) {
	proto, _, err := compileChunk(file, src)
	return proto, err
}

// compileChunk is compile, and tells whether the chunk ends with a return statement.
func compileChunk(file, src string) (proto *glua.FunctionProto, returns bool, err error) {
	if len(src) > MaxSource {
		return nil, false, &SyntaxError{File: file, Line: 1, Column: 1,
			Message: fmt.Sprintf("source has %d bytes, more than %d", len(src), MaxSource)}
	}
	defer func() {
		switch r := recover().(type) {
		case nil:
		case *SyntaxError:
			proto, err = nil, r
		default: // a fault of the interpreter's compiler
			proto, err = nil, &SyntaxError{File: file, Line: 1, Column: 1, Message: fmt.Sprintf("cannot be compiled: %v", r)}
		}
	}()
	if strings.HasPrefix(src, "\x1bLua") {
		return nil, false, &SyntaxError{File: file, Line: 1, Column: 1, Message: "precompiled code is not loaded"}
	}
	p := &parser{lx: newLexer(file, src)}
	stmts := p.chunk()
	if len(stmts) > 0 {
		_, returns = stmts[len(stmts)-1].(*ast.ReturnStmt)
	}
	proto, err = glua.Compile(stmts, file)
	if err != nil {
		if ce, ok := err.(*glua.CompileError); ok {
			// The compiler gives the end of a chunk a line of its own.
			return nil, false, &SyntaxError{File: file, Line: min(max(ce.Line, 1), p.lx.line), Column: 1, Message: ce.Message}
		}
		return nil, false, err
	}
	link(proto)
	return proto, returns, nil
}

// link puts the operator functions in place of their markers, and turns tail calls into calls: the
// interpreter lists every tail call in each traceback, so that an endless one costs seconds and
// hundreds of megabytes at its first error. Their depth is bounded by the call stack instead.
func link(proto *glua.FunctionProto) {
	for i, k := range proto.Constants {
		if s, ok := k.(glua.LString); ok && strings.HasPrefix(string(s), markerPrefix) {
			proto.Constants[i] = operatorFunctions[operator(s[len(markerPrefix)])]
		}
	}
	const opcodeShift, operandMask = 26, 1<<26 - 1
	for pc, inst := range proto.Code {
		if inst>>opcodeShift == uint32(glua.OP_TAILCALL) {
			proto.Code[pc] = uint32(glua.OP_CALL)<<opcodeShift | inst&operandMask
		}
	}
	for _, inner := range proto.FunctionPrototypes {
		link(inner)
	}
}
