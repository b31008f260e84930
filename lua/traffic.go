package lua

import (
	"math"

	glua "github.com/yuin/gopher-lua"

	"github.com/netmond/netmond/localnets"
)

// hiddenKey holds the Go value behind a table; next, pairs and rawget never show it.
const hiddenKey = glua.LString("\x00netmond")

// hidden is the Go value behind t, or nil.
func hidden(t *glua.LTable) any {
	if ud, ok := t.RawGetString(string(hiddenKey)).(*glua.LUserData); ok {
		return ud.Value
	}
	return nil
}

func hide(t *glua.LTable, value any) {
	t.RawSetString(string(hiddenKey), &glua.LUserData{Value: value, Metatable: glua.LNil})
}

// A traffic is what stands behind ingress, egress or inner of the reference's shape: the table's own
// keys are protocol names with bytes, and it acts as its total in arithmetic and comparisons.
type traffic struct {
	total localnets.Counts
	l4    [localnets.NumL4]localnets.Counts
}

func trafficOf(t *glua.LTable) *traffic {
	tr, _ := hidden(t).(*traffic)
	return tr
}

// newTraffic makes the table of one direction.
func (v *VM) newTraffic(n *localnets.NetworkStats, d localnets.Direction) glua.LValue {
	t := v.state.CreateTable(0, len(n.Protocols)+1)
	hide(t, &traffic{total: n.Traffic[d], l4: n.L4[d]})
	for i := range n.Protocols {
		if bytes := n.Protocols[i].ByDirection[d].Bytes; bytes > 0 {
			t.RawSetString(n.Protocols[i].Name, glua.LNumber(bytes))
		}
	}
	t.Metatable = v.trafficMt
	return t
}

// trafficMetatable makes traffic tables act as numbers. The fields total, packets, and tcp, udp, sctp,
// icmp and other answer without being shown to pairs, so that a sum over pairs is the total.
func (v *VM) trafficMetatable() *glua.LTable {
	arith := func(fn func(a, b float64) float64) glua.LGFunction {
		return func(l *glua.LState) int {
			a, okA := toNumber(l.Get(1))
			b, okB := toNumber(l.Get(2))
			if !okA || !okB {
				bad := l.Get(1)
				if okA {
					bad = l.Get(2)
				}
				l.RaiseError("attempt to perform arithmetic on a %s value", bad.Type())
			}
			l.Push(glua.LNumber(fn(a, b)))
			return 1
		}
	}
	compare := func(fn func(a, b float64) bool) glua.LGFunction {
		return func(l *glua.LState) int {
			a, okA := comparable(l.Get(1))
			b, okB := comparable(l.Get(2))
			if !okA || !okB {
				l.RaiseError("attempt to compare %s with %s", l.Get(1).Type(), l.Get(2).Type())
			}
			return pushBool(l, fn(a, b))
		}
	}
	return v.library(map[string]glua.LGFunction{
		"__index": trafficIndex,
		"__add":   arith(func(a, b float64) float64 { return a + b }),
		"__sub":   arith(func(a, b float64) float64 { return a - b }),
		"__mul":   arith(func(a, b float64) float64 { return a * b }),
		"__div":   arith(func(a, b float64) float64 { return a / b }),
		"__mod":   arith(func(a, b float64) float64 { return a - math.Floor(a/b)*b }),
		"__pow":   arith(math.Pow),
		"__idiv":  arith(func(a, b float64) float64 { return math.Floor(a / b) }),
		"__unm": func(l *glua.LState) int {
			n, _ := toNumber(l.Get(1))
			l.Push(glua.LNumber(-n))
			return 1
		},
		"__eq": compare(func(a, b float64) bool { return a == b }),
		"__lt": compare(func(a, b float64) bool { return a < b }),
		"__le": compare(func(a, b float64) bool { return a <= b }),
		"__concat": func(l *glua.LState) int {
			var text [2]string
			for i := range text {
				value := l.Get(i + 1)
				if t, ok := value.(*glua.LTable); ok && trafficOf(t) != nil {
					n, _ := toNumber(t)
					value = glua.LNumber(n)
				}
				var ok bool
				if text[i], ok = concatText(value); !ok {
					l.RaiseError("attempt to concatenate a %s value", value.Type())
				}
			}
			checkStringSize(l, len(text[0])+len(text[1]))
			l.Push(glua.LString(text[0] + text[1]))
			return 1
		},
		"__tostring": func(l *glua.LState) int {
			n, _ := toNumber(l.Get(1))
			l.Push(glua.LString(formatNumber(n)))
			return 1
		},
	})
}

// comparable is toNumber without strings: Lua does not compare them with numbers.
func comparable(value glua.LValue) (float64, bool) {
	if value.Type() == glua.LTString {
		return 0, false
	}
	return toNumber(value)
}

func trafficIndex(l *glua.LState) int {
	t := trafficOf(argTable(l, 1))
	var value glua.LValue = glua.LNil
	if key, ok := l.Get(2).(glua.LString); ok && t != nil {
		switch key {
		case "total", "bytes":
			value = glua.LNumber(t.total.Bytes)
		case "packets":
			value = glua.LNumber(t.total.Packets)
		default:
			for i := range localnets.NumL4 {
				if i.String() == string(key) {
					value = glua.LNumber(t.l4[i].Bytes)
				}
			}
		}
	}
	l.Push(value)
	return 1
}
