package lua

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	glua "github.com/yuin/gopher-lua"
)

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

// tableLib is Lua 5.4's table library and 5.1's getn and maxn. Its functions work on tables without
// metamethods, as 5.1's did.
func tableLib() map[string]glua.LGFunction {
	return map[string]glua.LGFunction{
		"concat": tableConcat, "getn": tableGetn, "insert": tableInsert, "maxn": tableMaxn,
		"move": tableMove, "pack": tablePack, "remove": tableRemove, "sort": tableSort, "unpack": tableUnpack,
	}
}

func tableConcat(l *glua.LState) int {
	t, sep := argTable(l, 1), optString(l, 2, "")
	i, j := optInt(l, 3, 1), optInt(l, 4, int64(t.Len()))
	var b strings.Builder
	for ; i <= j; i++ {
		text, ok := concatText(t.RawGet(glua.LNumber(i)))
		if !ok {
			l.RaiseError("invalid value (a %s) at index %d in table for 'concat'", t.RawGet(glua.LNumber(i)).Type(), i)
		}
		b.WriteString(text)
		if i < j {
			b.WriteString(sep)
		}
		checkStringSize(l, b.Len())
	}
	l.Push(glua.LString(b.String()))
	return 1
}

func tableGetn(l *glua.LState) int {
	l.Push(glua.LNumber(argTable(l, 1).Len()))
	return 1
}

func tableMaxn(l *glua.LState) int {
	highest := glua.LNumber(0)
	argTable(l, 1).ForEach(func(k, _ glua.LValue) {
		if n, ok := k.(glua.LNumber); ok {
			highest = max(highest, n)
		}
	})
	l.Push(highest)
	return 1
}

func tableInsert(l *glua.LState) int {
	t := argTable(l, 1)
	n := t.Len()
	if n >= maxArrayIndex-1 {
		l.RaiseError("table overflow: more than %d elements", maxArrayIndex-1)
	}
	switch l.GetTop() {
	case 2:
		t.RawSetInt(n+1, l.Get(2))
	case 3:
		pos := argInt(l, 2)
		if pos < 1 || pos > int64(n)+1 {
			l.ArgError(2, "position out of bounds")
		}
		if int(pos) == n+1 {
			t.RawSetInt(n+1, l.Get(3))
		} else {
			t.Insert(int(pos), l.Get(3))
		}
	default:
		l.RaiseError("wrong number of arguments to 'insert'")
	}
	return 0
}

func tableRemove(l *glua.LState) int {
	t := argTable(l, 1)
	n := int64(t.Len())
	pos := optInt(l, 2, n)
	if l.GetTop() >= 2 && n+1 != pos && (pos < 1 || pos > n+1) && !(n == 0 && pos == 0) {
		l.ArgError(2, "position out of bounds")
	}
	value := t.RawGet(glua.LNumber(pos))
	switch {
	case pos >= 1 && pos <= n:
		t.Remove(int(pos))
	case value != glua.LNil:
		t.RawSet(glua.LNumber(pos), glua.LNil)
	}
	l.Push(value)
	return 1
}

// tableMove is table.move(a1, f, e, t [, a2]).
func tableMove(l *glua.LState) int {
	from := argTable(l, 1)
	f, e, at := argInt(l, 2), argInt(l, 3), argInt(l, 4)
	to := from
	if l.Get(5) != glua.LNil {
		to = argTable(l, 5)
	}
	if e >= f {
		if e-f >= maxArrayIndex {
			l.ArgError(3, "too many elements to move")
		}
		if at > e || at <= f || to != from {
			for i := int64(0); i <= e-f; i++ {
				to.RawSet(glua.LNumber(at+i), from.RawGet(glua.LNumber(f+i)))
			}
		} else {
			for i := e - f; i >= 0; i-- {
				to.RawSet(glua.LNumber(at+i), from.RawGet(glua.LNumber(f+i)))
			}
		}
	}
	l.Push(to)
	return 1
}

func tablePack(l *glua.LState) int {
	n := l.GetTop()
	t := l.CreateTable(n, 1)
	for i := 1; i <= n; i++ {
		if value := l.Get(i); value != glua.LNil {
			t.RawSetInt(i, value)
		}
	}
	t.RawSetString("n", glua.LNumber(n))
	l.Push(t)
	return 1
}

func tableUnpack(l *glua.LState) int {
	t := argTable(l, 1)
	i, j := optInt(l, 2, 1), optInt(l, 3, int64(t.Len()))
	if i > j {
		return 0
	}
	if j-i >= maxResults {
		l.RaiseError("too many results to unpack")
	}
	for k := i; k <= j; k++ {
		l.Push(t.RawGet(glua.LNumber(k)))
	}
	return int(j - i + 1)
}

// tableSort sorts by pattern-defeating quicksort, which ends for any comparison function.
func tableSort(l *glua.LState) int {
	t := argTable(l, 1)
	n := t.Len()
	values := make([]glua.LValue, n)
	for i := range values {
		values[i] = t.RawGetInt(i + 1)
	}
	less := func(a, b glua.LValue) bool { return lessThan(l, a, b, true) }
	if fn := l.Get(2); fn != glua.LNil {
		l.CheckFunction(2)
		less = func(a, b glua.LValue) bool { return glua.LVAsBool(callMeta(l, fn, a, b)) }
	}
	slices.SortFunc(values, func(a, b glua.LValue) int {
		switch {
		case less(a, b):
			return -1
		case less(b, a):
			return 1
		}
		return 0
	})
	for i, value := range values {
		t.RawSetInt(i+1, value)
	}
	return 0
}
