package lua

import (
	"strings"

	glua "github.com/yuin/gopher-lua"
)

// basePcall is pcall, but nothing can outlive the run's end by catching it.
func (v *VM) basePcall(l *glua.LState) int {
	l.CheckAny(1)
	err := v.protectedCall(l, l.GetTop()-1)
	if err == nil {
		l.Insert(glua.LTrue, 1)
		return l.GetTop()
	}
	l.Push(glua.LFalse)
	l.Push(err.Object)
	return 2
}

// baseXpcall calls its handler after the stack is unwound. The interpreter's own call with a handler
// leaves variables of the failed functions open, so that closures see other values later; the
// traceback is kept for debug.traceback.
func (v *VM) baseXpcall(l *glua.LState) int {
	l.CheckAny(1)
	handler := l.CheckAny(2)
	l.Remove(2)
	err := v.protectedCall(l, l.GetTop()-1)
	if err == nil {
		l.Insert(glua.LTrue, 1)
		return l.GetTop()
	}
	outer := v.lastTrace
	v.lastTrace = err.StackTrace
	l.SetTop(0)
	l.Push(handler)
	l.Push(err.Object)
	failed := v.protectedCall(l, 1)
	v.lastTrace = outer
	if failed != nil {
		l.Push(glua.LFalse)
		l.Push(failed.Object)
		return 2
	}
	l.Insert(glua.LFalse, 1)
	return l.GetTop()
}

// protectedCall calls the value below the top n values. It gives the error, or raises it again when
// the run has to end.
//
// The interpreter's own loses frames of the caller when the call fails before the callee's frame is
// made, with the caller's frame the last of a segment of the call stack: a later return then goes
// astray. So only functions are called, and never with a full stack.
func (v *VM) protectedCall(l *glua.LState, n int) *glua.ApiError {
	at := l.GetTop() - n
	if fn := l.Get(at); fn.Type() != glua.LTFunction {
		call := l.GetMetaField(fn, "__call")
		if call.Type() != glua.LTFunction {
			l.SetTop(at - 1)
			return textError("attempt to call a " + fn.Type().String() + " value")
		}
		l.Insert(call, at)
		n++
	}
	if stackFull(l) {
		l.SetTop(at - 1)
		return textError("stack overflow")
	}
	v.pcalls[l]++
	err := l.PCall(n, glua.MultRet, nil)
	v.pcalls[l]--
	if err == nil {
		return nil
	}
	api, ok := err.(*glua.ApiError)
	if !ok {
		api = textError(err.Error())
	}
	if api.Object == nil {
		api.Object = glua.LNil
	}
	if v.stopped() != nil {
		// As it came, with its traceback: making one at each level takes seconds in deep recursion.
		panic(api)
	}
	return api
}

func textError(text string) *glua.ApiError {
	return &glua.ApiError{Type: glua.ApiErrorRun, Object: glua.LString(text)}
}

// stackFull reports whether almost all of l's call stack is taken.
func stackFull(l *glua.LState) bool {
	_, taken := l.GetStack(callDepth - 10)
	return taken
}

// baseLoad compiles a string, or the pieces that a function gives, within the bounds of compile.
func (v *VM) baseLoad(l *glua.LState) int {
	var src string
	switch x := l.Get(1).(type) {
	case glua.LString:
		src = string(x)
	case *glua.LFunction:
		var b strings.Builder
		for {
			piece := callMeta(l, x)
			s, ok := piece.(glua.LString)
			if piece == glua.LNil || ok && s == "" {
				break
			}
			if !ok {
				l.Push(glua.LNil)
				l.Push(glua.LString("reader function must return a string"))
				return 2
			}
			b.WriteString(string(s))
			if b.Len() > MaxSource {
				break
			}
		}
		src = b.String()
	default:
		l.TypeError(1, glua.LTString)
	}
	name := strings.TrimLeft(optString(l, 2, `[string "`+firstLine(src)+`"]`), "=@")
	proto, err := compile(name, src)
	if err != nil {
		l.Push(glua.LNil)
		l.Push(glua.LString(err.Error()))
		return 2
	}
	fn := l.NewFunctionFromProto(proto)
	if env, ok := l.Get(4).(*glua.LTable); ok {
		fn.Env = env
	}
	l.Push(fn)
	return 1
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	if len(line) > 40 {
		line = line[:40] + "..."
	}
	return line
}

// coroutineLib is the interpreter's, with a bound on the coroutines alive. They end with the run that
// made them.
func (v *VM) coroutineLib() map[string]glua.LGFunction {
	l := v.state
	l.Push(l.NewFunction(glua.OpenCoroutine))
	l.Call(0, 1)
	lib := l.Get(-1).(*glua.LTable)
	l.Pop(1)
	l.G.Global.RawSetString("coroutine", glua.LNil)
	original := func(name string) glua.LGFunction {
		return lib.RawGetString(name).(*glua.LFunction).GFunction
	}
	create, resume, yield := original("create"), original("resume"), original("yield")
	return map[string]glua.LGFunction{
		"create": func(l *glua.LState) int {
			v.admitThread(l)
			n := create(l)
			v.threads = append(v.threads, l.Get(-1).(*glua.LState))
			return n
		},
		"wrap": func(l *glua.LState) int {
			v.admitThread(l)
			create(l)
			thread := l.Get(-1).(*glua.LState)
			v.threads = append(v.threads, thread)
			l.Push(l.NewFunction(func(l *glua.LState) int {
				l.Insert(thread, 1)
				n := resume(l)
				first := l.GetTop() - n + 1
				if !glua.LVAsBool(l.Get(first)) {
					l.Error(l.Get(first+1), 0)
				}
				return n - 1
			}))
			return 1
		},
		"resume": resume,
		"yield": func(l *glua.LState) int {
			if v.pcalls[l] > 0 {
				l.RaiseError("attempt to yield across pcall")
			}
			return yield(l)
		},
		"running": func(l *glua.LState) int {
			l.Push(l)
			return 1 + pushBool(l, l.G.MainThread == l)
		},
		"status": original("status"),
		"isyieldable": func(l *glua.LState) int {
			return pushBool(l, l.G.MainThread != l && v.pcalls[l] == 0)
		},
	}
}

// admitThread raises an error when too many coroutines are alive.
func (v *VM) admitThread(l *glua.LState) {
	if len(v.threads) < maxCoroutines {
		return
	}
	alive := v.threads[:0]
	for _, t := range v.threads {
		if !t.Dead {
			alive = append(alive, t)
		}
	}
	v.threads = alive
	if len(alive) >= maxCoroutines {
		l.RaiseError("more than %d coroutines alive", maxCoroutines)
	}
}

func (v *VM) debugLib() map[string]glua.LGFunction {
	return map[string]glua.LGFunction{
		"traceback": func(l *glua.LState) int {
			msg := l.Get(1)
			if msg.Type() == glua.LTThread {
				msg = l.Get(2)
			}
			if msg != glua.LNil && !glua.LVCanConvToString(msg) {
				l.Push(msg)
				return 1
			}
			trace := v.lastTrace
			if trace == "" {
				trace = traceback(l)
			}
			if msg != glua.LNil {
				trace = msg.String() + "\n" + trace
			}
			l.Push(glua.LString(trace))
			return 1
		},
		"getinfo": debugGetInfo,
	}
}

// traceback lists at most 20 calls.
func traceback(l *glua.LState) string {
	lines := []string{"stack traceback:"}
	for level := 1; level <= 20; level++ {
		where := l.Where(level)
		if where == "" {
			break
		}
		lines = append(lines, "\t"+strings.TrimSuffix(where, ":"))
	}
	return strings.Join(lines, "\n")
}

// debugGetInfo gives source, short_src, currentline, linedefined, what and name of a function or level.
func debugGetInfo(l *glua.LState) int {
	if l.Get(1).Type() == glua.LTThread {
		l.Remove(1)
	}
	var dbg *glua.Debug
	var fn glua.LValue = glua.LNil
	what := "nSl"
	switch x := l.Get(1).(type) {
	case *glua.LFunction:
		dbg, fn, what = &glua.Debug{}, x, ">S"
	default:
		var ok bool
		if dbg, ok = l.GetStack(int(argInt(l, 1))); !ok {
			l.Push(glua.LNil)
			return 1
		}
	}
	if _, err := l.GetInfo(what, dbg, fn); err != nil {
		l.RaiseError("%s", err.Error())
	}
	t := l.NewTable()
	source, kind := dbg.Source, dbg.What
	if source == "" {
		source, kind = "[C]", "C"
		dbg.CurrentLine = -1
	}
	t.RawSetString("source", glua.LString("@"+source))
	t.RawSetString("short_src", glua.LString(source))
	t.RawSetString("what", glua.LString(kind))
	t.RawSetString("currentline", glua.LNumber(dbg.CurrentLine))
	t.RawSetString("linedefined", glua.LNumber(dbg.LineDefined))
	t.RawSetString("lastlinedefined", glua.LNumber(dbg.LastLineDefined))
	if dbg.Name != "" {
		t.RawSetString("name", glua.LString(dbg.Name))
	}
	if fn != glua.LNil {
		t.RawSetString("func", fn)
	}
	l.Push(t)
	return 1
}
