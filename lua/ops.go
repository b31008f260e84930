package lua

import (
	"math"
	"strings"

	glua "github.com/yuin/gopher-lua"
)

// An operator is one that the parser makes a function call of.
type operator byte

const (
	opConcat operator = 'a' + iota
	opLess
	opLessEqual
	opGreater
	opGreaterEqual
	opFloorDiv
	opBand
	opBor
	opBxor
	opShiftLeft
	opShiftRight
	opBnot
	opFirst // (f()): the first value only
)

// markerPrefix begins the string constants that stand for operator functions until link.
const markerPrefix = "\x00\xffnetmond operator "

func (o operator) marker() string { return markerPrefix + string(rune(o)) }

var comparisons = map[string]operator{"<": opLess, "<=": opLessEqual, ">": opGreater, ">=": opGreaterEqual}

var integerOperators = map[string]operator{
	"//": opFloorDiv, "&": opBand, "|": opBor, "~": opBxor, "<<": opShiftLeft, ">>": opShiftRight,
}

// operatorFunctions are shared by all VMs: they hold no state and no script can reach them as values.
var operatorFunctions = map[operator]*glua.LFunction{
	opConcat:       goFunction(concatOperator),
	opLess:         goFunction(func(l *glua.LState) int { return compareOperator(l, l.Get(1), l.Get(2), true) }),
	opLessEqual:    goFunction(func(l *glua.LState) int { return compareOperator(l, l.Get(1), l.Get(2), false) }),
	opGreater:      goFunction(func(l *glua.LState) int { return compareOperator(l, l.Get(2), l.Get(1), true) }),
	opGreaterEqual: goFunction(func(l *glua.LState) int { return compareOperator(l, l.Get(2), l.Get(1), false) }),
	opFloorDiv:     goFunction(floorDivOperator),
	opBand:         goFunction(bitOperator("__band", func(a, b int64) int64 { return a & b })),
	opBor:          goFunction(bitOperator("__bor", func(a, b int64) int64 { return a | b })),
	opBxor:         goFunction(bitOperator("__bxor", func(a, b int64) int64 { return a ^ b })),
	opShiftLeft:    goFunction(bitOperator("__shl", shiftLeft)),
	opShiftRight:   goFunction(bitOperator("__shr", func(a, b int64) int64 { return shiftLeft(a, -b) })),
	opBnot:         goFunction(bnotOperator),
	opFirst: goFunction(func(l *glua.LState) int {
		l.Push(l.Get(1))
		return 1
	}),
}

func goFunction(fn glua.LGFunction) *glua.LFunction {
	return &glua.LFunction{IsG: true, GFunction: fn}
}

// push gives fn's result as Lua's boolean.
func pushBool(l *glua.LState, b bool) int {
	l.Push(glua.LBool(b))
	return 1
}

// compareOperator is a < b (strict) or a <= b.
func compareOperator(l *glua.LState, a, b glua.LValue, strict bool) int {
	if x, ok := a.(glua.LNumber); ok {
		if y, ok := b.(glua.LNumber); ok {
			return pushBool(l, x < y || !strict && x == y)
		}
	}
	return pushBool(l, lessThan(l, a, b, strict))
}

// lessThan compares as Lua 5.4 does: numbers, strings by bytes, else the metamethod of either.
func lessThan(l *glua.LState, a, b glua.LValue, strict bool) bool {
	switch x := a.(type) {
	case glua.LNumber:
		if y, ok := b.(glua.LNumber); ok {
			return x < y || !strict && x == y
		}
	case glua.LString:
		if y, ok := b.(glua.LString); ok {
			return x < y || !strict && x == y
		}
	}
	event := "__le"
	if strict {
		event = "__lt"
	}
	if fn := metamethod(l, a, b, event); fn != glua.LNil {
		return glua.LVAsBool(callMeta(l, fn, a, b))
	}
	if !strict { // Lua up to 5.3
		if fn := metamethod(l, b, a, "__lt"); fn != glua.LNil {
			return !glua.LVAsBool(callMeta(l, fn, b, a))
		}
	}
	if ta, tb := a.Type(), b.Type(); ta != tb {
		l.RaiseError("attempt to compare %s with %s", ta, tb)
	}
	l.RaiseError("attempt to compare two %s values", a.Type())
	return false
}

// metamethod is the first of a's and b's that handles event, or nil.
func metamethod(l *glua.LState, a, b glua.LValue, event string) glua.LValue {
	if fn := l.GetMetaField(a, event); fn != glua.LNil {
		return fn
	}
	return l.GetMetaField(b, event)
}

// callMeta calls fn for its first result.
func callMeta(l *glua.LState, fn glua.LValue, args ...glua.LValue) glua.LValue {
	l.Push(fn)
	for _, a := range args {
		l.Push(a)
	}
	l.Call(len(args), 1)
	v := l.Get(-1)
	l.Pop(1)
	return v
}

// concatOperator joins its arguments, from the right where metamethods take part.
func concatOperator(l *glua.LState) int {
	n := l.GetTop()
	size := 0
	for i := 1; i <= n; i++ {
		switch v := l.Get(i).(type) {
		case glua.LString:
			size += len(v)
		case glua.LNumber:
			size += 8
		default:
			return concatSlow(l, n)
		}
	}
	checkStringSize(l, size)
	var b strings.Builder
	b.Grow(size)
	for i := 1; i <= n; i++ {
		switch v := l.Get(i).(type) {
		case glua.LString:
			b.WriteString(string(v))
		case glua.LNumber:
			b.WriteString(formatNumber(float64(v)))
		}
	}
	l.Push(glua.LString(b.String()))
	return 1
}

func concatSlow(l *glua.LState, n int) int {
	acc := l.Get(n)
	for i := n - 1; i >= 1; i-- {
		v := l.Get(i)
		x, okX := concatText(v)
		y, okY := concatText(acc)
		if okX && okY {
			checkStringSize(l, len(x)+len(y))
			acc = glua.LString(x + y)
			continue
		}
		fn := metamethod(l, v, acc, "__concat")
		if fn == glua.LNil {
			bad := v
			if okX {
				bad = acc
			}
			l.RaiseError("attempt to concatenate a %s value", bad.Type())
		}
		acc = callMeta(l, fn, v, acc)
	}
	l.Push(acc)
	return 1
}

func concatText(v glua.LValue) (string, bool) {
	switch v := v.(type) {
	case glua.LString:
		return string(v), true
	case glua.LNumber:
		return formatNumber(float64(v)), true
	}
	return "", false
}

func floorDivOperator(l *glua.LState) int {
	a, okA := toNumber(l.Get(1))
	b, okB := toNumber(l.Get(2))
	if okA && okB {
		l.Push(glua.LNumber(math.Floor(a / b)))
		return 1
	}
	return arithmeticMeta(l, "__idiv", "perform arithmetic on")
}

// arithmeticMeta calls the metamethod of the operands for event, or raises an error.
func arithmeticMeta(l *glua.LState, event, what string) int {
	a, b := l.Get(1), l.Get(2)
	fn := metamethod(l, a, b, event)
	if fn == glua.LNil {
		bad := a
		if _, ok := toNumber(a); ok {
			bad = b
		}
		if bad.Type() == glua.LTNumber {
			l.RaiseError("number has no integer representation")
		}
		l.RaiseError("attempt to %s a %s value", what, bad.Type())
	}
	l.Push(callMeta(l, fn, a, b))
	return 1
}

// bitOperator works on 64-bit integers, as Lua 5.4 does. Results beyond 2^53 lose their low bits.
func bitOperator(event string, fn func(a, b int64) int64) glua.LGFunction {
	return func(l *glua.LState) int {
		a, okA := toInteger(l.Get(1))
		b, okB := toInteger(l.Get(2))
		if !okA || !okB {
			return arithmeticMeta(l, event, "perform bitwise operation on")
		}
		l.Push(glua.LNumber(fn(a, b)))
		return 1
	}
}

func bnotOperator(l *glua.LState) int {
	a, ok := toInteger(l.Get(1))
	if !ok {
		l.Push(l.Get(1))
		return arithmeticMeta(l, "__bnot", "perform bitwise operation on")
	}
	l.Push(glua.LNumber(^a))
	return 1
}

// shiftLeft shifts logically; a negative count shifts right.
func shiftLeft(a, n int64) int64 {
	switch {
	case n <= -64 || n >= 64:
		return 0
	case n < 0:
		return int64(uint64(a) >> uint(-n))
	}
	return int64(uint64(a) << uint(n))
}
