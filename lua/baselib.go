package lua

import (
	"runtime/metrics"
	"strings"

	glua "github.com/yuin/gopher-lua"
)

// openLibs sets the globals of a fresh state: a restricted Lua 5.4 with the names of 5.1 that scripts
// still use. There is no io, no os beyond clock and calendar, no dofile, loadfile, getfenv, newproxy
// or module, and debug has traceback and getinfo only.
func (v *VM) openLibs() {
	l := v.state
	globals := l.G.Global
	globals.RawSetString("_G", globals)
	globals.RawSetString("_VERSION", glua.LString("Lua 5.4"))
	v.setFuncs(globals, v.baseLib())
	globals.RawSetString("table", v.library(tableLib()))
	mathTable := v.library(v.mathLib())
	setMathConstants(mathTable)
	globals.RawSetString("math", mathTable)
	str := v.library(v.stringLib())
	globals.RawSetString("string", str)
	v.stringMeta = l.NewTable()
	v.stringMeta.RawSetString("__index", str)
	v.stringMeta.RawSetString("__metatable", glua.LFalse)
	l.SetMetatable(glua.LString(""), v.stringMeta)
	globals.RawSetString("os", v.library(v.osLib()))
	globals.RawSetString("coroutine", v.library(v.coroutineLib()))
	utf8Table := v.library(utf8Lib())
	utf8Table.RawSetString("charpattern", glua.LString("[\x00-\x7F\xC2-\xFD][\x80-\xBF]*"))
	globals.RawSetString("utf8", utf8Table)
	globals.RawSetString("bit32", v.library(bit32Lib()))
	globals.RawSetString("debug", v.library(v.debugLib()))
	pkg := l.NewTable()
	pkg.RawSetString("path", glua.LString("./?.lua"))
	pkg.RawSetString("cpath", glua.LString(""))
	pkg.RawSetString("config", glua.LString("/\n;\n?\n!\n-\n"))
	pkg.RawSetString("loaded", l.NewTable())
	globals.RawSetString("package", pkg)
}

func (v *VM) library(funcs map[string]glua.LGFunction) *glua.LTable {
	t := v.state.NewTable()
	v.setFuncs(t, funcs)
	return t
}

// setFuncs adds funcs in the order of their names, so that pairs gives the same order in every run.
func (v *VM) setFuncs(t *glua.LTable, funcs map[string]glua.LGFunction) {
	for _, name := range sortedKeys(funcs) {
		t.RawSetString(name, v.state.NewFunction(funcs[name]))
	}
}

func (v *VM) baseLib() map[string]glua.LGFunction {
	return map[string]glua.LGFunction{
		"assert": baseAssert, "collectgarbage": baseCollectGarbage, "error": baseError,
		"getmetatable": v.baseGetMetatable, "ipairs": v.baseIpairs, "load": v.baseLoad, "loadstring": v.baseLoad,
		"next": v.baseNext, "pairs": v.basePairs, "pcall": v.basePcall, "print": v.basePrint,
		"rawequal": baseRawEqual, "rawget": v.baseRawGet, "rawlen": baseRawLen, "rawset": v.baseRawSet,
		"require": v.baseRequire, "select": baseSelect, "setmetatable": v.baseSetMetatable,
		"tonumber": baseToNumber, "tostring": v.baseToString, "type": baseType, "unpack": tableUnpack,
		"xpcall": v.baseXpcall,
	}
}

func baseAssert(l *glua.LState) int {
	if glua.LVAsBool(l.CheckAny(1)) {
		return l.GetTop()
	}
	if l.GetTop() < 2 {
		l.RaiseError("assertion failed!")
	}
	l.Error(l.Get(2), 0)
	return 0
}

// baseCollectGarbage knows the options that return figures; scripts do not steer the collector.
func baseCollectGarbage(l *glua.LState) int {
	switch option := optString(l, 1, "collect"); option {
	case "count":
		sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
		metrics.Read(sample)
		l.Push(glua.LNumber(float64(sample[0].Value.Uint64()) / 1024))
	case "isrunning":
		l.Push(glua.LTrue)
	case "collect", "stop", "restart", "step", "setpause", "setstepmul", "generational", "incremental":
		l.Push(glua.LNumber(0))
	default:
		l.ArgError(1, "invalid option '"+option+"'")
	}
	return 1
}

func baseError(l *glua.LState) int {
	value := l.Get(1)
	level := optInt(l, 2, 1)
	if text, ok := value.(glua.LString); ok && level > 0 {
		// The interpreter counts levels above 1 from the wrong function.
		if where := l.Where(int(min(level, callDepth))); where != "" && !strings.HasPrefix(where, "[G]") {
			value = glua.LString(where+" ") + text
		}
	}
	l.Error(value, 0)
	return 0
}

func (v *VM) baseGetMetatable(l *glua.LState) int {
	value := l.CheckAny(1)
	mt := l.GetMetatable(value) // the __metatable field, where there is one
	if mt == v.statsMeta {
		mt = glua.LNil
	}
	l.Push(mt)
	return 1
}

func (v *VM) baseSetMetatable(l *glua.LState) int {
	t := argTable(l, 1)
	mt := l.Get(2)
	if mt != glua.LNil {
		argTable(l, 2)
	}
	v.fill(t)
	if old, ok := t.Metatable.(*glua.LTable); ok && old.RawGetString("__metatable") != glua.LNil {
		l.RaiseError("cannot change a protected metatable")
	}
	t.Metatable = mt
	l.Push(t)
	return 1
}

func (v *VM) baseIpairs(l *glua.LState) int {
	l.Push(l.NewFunction(ipairsStep))
	l.Push(l.CheckAny(1))
	l.Push(glua.LNumber(0))
	return 3
}

func ipairsStep(l *glua.LState) int {
	i := argInt(l, 2) + 1
	value := l.GetTable(l.Get(1), glua.LNumber(i))
	if value == glua.LNil {
		l.Push(glua.LNil)
		return 1
	}
	l.Push(glua.LNumber(i))
	l.Push(value)
	return 2
}

func (v *VM) basePairs(l *glua.LState) int {
	value := l.CheckAny(1)
	if fn := l.GetMetaField(value, "__pairs"); fn != glua.LNil {
		l.Push(fn)
		l.Push(value)
		l.Call(1, 3)
		return 3
	}
	v.fill(argTable(l, 1))
	l.Push(l.NewFunction(v.baseNext))
	l.Push(value)
	l.Push(glua.LNil)
	return 3
}

func (v *VM) baseNext(l *glua.LState) int {
	t := argTable(l, 1)
	v.fill(t)
	key, value := t.Next(l.Get(2))
	if key == hiddenKey {
		key, value = t.Next(key)
	}
	l.Push(key)
	if key == glua.LNil {
		return 1
	}
	l.Push(value)
	return 2
}

func (v *VM) basePrint(l *glua.LState) int {
	var b strings.Builder
	for i := 1; i <= l.GetTop(); i++ {
		if i > 1 {
			b.WriteByte('\t')
		}
		b.WriteString(v.toText(l, l.Get(i)))
	}
	if !v.run.request {
		b.WriteByte('\n')
	}
	v.write(b.String())
	return 0
}

func baseRawEqual(l *glua.LState) int {
	return pushBool(l, l.RawEqual(l.CheckAny(1), l.CheckAny(2)))
}

func (v *VM) baseRawGet(l *glua.LState) int {
	t := argTable(l, 1)
	v.fill(t)
	l.Push(t.RawGet(l.CheckAny(2)))
	return 1
}

func baseRawLen(l *glua.LState) int {
	switch x := l.Get(1).(type) {
	case glua.LString:
		l.Push(glua.LNumber(len(x)))
	case *glua.LTable:
		l.Push(glua.LNumber(x.Len()))
	default:
		l.ArgError(1, "table or string expected")
	}
	return 1
}

func (v *VM) baseRawSet(l *glua.LState) int {
	t := argTable(l, 1)
	v.fill(t)
	l.RawSet(t, l.CheckAny(2), l.CheckAny(3))
	l.Push(t)
	return 1
}

func baseSelect(l *glua.LState) int {
	n := l.GetTop() - 1
	if s, ok := l.Get(1).(glua.LString); ok && s == "#" {
		l.Push(glua.LNumber(n))
		return 1
	}
	i := argInt(l, 1)
	switch {
	case i < 0:
		i += int64(n) + 1
		if i < 1 {
			l.ArgError(1, "index out of range")
		}
	case i == 0:
		l.ArgError(1, "index out of range")
	case i > int64(n):
		return 0
	}
	return n - int(i) + 1
}

func baseToNumber(l *glua.LState) int {
	if l.Get(2) == glua.LNil {
		if n, ok := toNumber(l.CheckAny(1)); ok {
			l.Push(glua.LNumber(n))
		} else {
			l.Push(glua.LNil)
		}
		return 1
	}
	base := argInt(l, 2)
	if base < 2 || base > 36 {
		l.ArgError(2, "base out of range")
	}
	s, ok := l.Get(1).(glua.LString)
	if !ok {
		l.TypeError(1, glua.LTString)
	}
	if n, ok := parseBase(strings.ToLower(strings.Trim(string(s), " \t\n\v\f\r")), float64(base)); ok {
		l.Push(glua.LNumber(n))
	} else {
		l.Push(glua.LNil)
	}
	return 1
}

func parseBase(s string, base float64) (float64, bool) {
	digits, negative := strings.CutPrefix(s, "-")
	if digits == "" {
		return 0, false
	}
	n := 0.0
	for i := range len(digits) {
		d := float64(strings.IndexByte("0123456789abcdefghijklmnopqrstuvwxyz", digits[i]))
		if d < 0 || d >= base {
			return 0, false
		}
		n = n*base + d
	}
	if negative {
		n = -n
	}
	return n, true
}

func (v *VM) baseToString(l *glua.LState) int {
	l.Push(glua.LString(v.toText(l, l.CheckAny(1))))
	return 1
}

func baseType(l *glua.LState) int {
	l.Push(glua.LString(l.CheckAny(1).Type().String()))
	return 1
}
