package lua

import (
	"math"
	"math/rand/v2"

	glua "github.com/yuin/gopher-lua"
)

// mathLib is Lua 5.4's math library and the names of 5.1. The random numbers are each VM's own; they
// start from the same seed in every VM, so that a replay gives the same result each time.
func (v *VM) mathLib() map[string]glua.LGFunction {
	random := rand.NewPCG(0, 0)
	one := func(fn func(float64) float64) glua.LGFunction {
		return func(l *glua.LState) int {
			l.Push(glua.LNumber(fn(argNumber(l, 1))))
			return 1
		}
	}
	two := func(fn func(a, b float64) float64) glua.LGFunction {
		return func(l *glua.LState) int {
			l.Push(glua.LNumber(fn(argNumber(l, 1), argNumber(l, 2))))
			return 1
		}
	}
	return map[string]glua.LGFunction{
		"abs": one(math.Abs), "acos": one(math.Acos), "asin": one(math.Asin), "ceil": one(math.Ceil),
		"cos": one(math.Cos), "cosh": one(math.Cosh), "exp": one(math.Exp), "floor": one(math.Floor),
		"log10": one(math.Log10), "sin": one(math.Sin), "sinh": one(math.Sinh), "sqrt": one(math.Sqrt),
		"tan": one(math.Tan), "tanh": one(math.Tanh),
		"deg":   one(func(x float64) float64 { return x * 180 / math.Pi }),
		"rad":   one(func(x float64) float64 { return x * math.Pi / 180 }),
		"atan2": two(math.Atan2), "fmod": two(math.Mod), "pow": two(math.Pow),
		"ldexp": two(func(a, b float64) float64 { return math.Ldexp(a, int(max(min(b, 4096), -4096))) }),
		"atan": func(l *glua.LState) int {
			x := 1.0
			if l.Get(2) != glua.LNil {
				x = argNumber(l, 2)
			}
			l.Push(glua.LNumber(math.Atan2(argNumber(l, 1), x)))
			return 1
		},
		"frexp": func(l *glua.LState) int {
			fraction, exponent := math.Frexp(argNumber(l, 1))
			l.Push(glua.LNumber(fraction))
			l.Push(glua.LNumber(exponent))
			return 2
		},
		"log": mathLog, "max": mathMax, "min": mathMin, "modf": mathModf,
		"tointeger": func(l *glua.LState) int {
			if n, ok := toInteger(l.CheckAny(1)); ok {
				l.Push(glua.LNumber(n))
			} else {
				l.Push(glua.LNil)
			}
			return 1
		},
		"type": mathType,
		"ult": func(l *glua.LState) int {
			return pushBool(l, uint64(argInt(l, 1)) < uint64(argInt(l, 2)))
		},
		"random": func(l *glua.LState) int { return mathRandom(l, rand.New(random)) },
		"randomseed": func(l *glua.LState) int {
			seed := 0.0
			if l.Get(1) != glua.LNil {
				seed = argNumber(l, 1)
			}
			random.Seed(math.Float64bits(seed), 0)
			return 0
		},
	}
}

func mathLog(l *glua.LState) int {
	x := argNumber(l, 1)
	switch {
	case l.Get(2) == glua.LNil:
		x = math.Log(x)
	default:
		switch base := argNumber(l, 2); base {
		case 2:
			x = math.Log2(x)
		case 10:
			x = math.Log10(x)
		default:
			x = math.Log(x) / math.Log(base)
		}
	}
	l.Push(glua.LNumber(x))
	return 1
}

func mathMax(l *glua.LState) int {
	x := argNumber(l, 1)
	for i := 2; i <= l.GetTop(); i++ {
		if y := argNumber(l, i); y > x {
			x = y
		}
	}
	l.Push(glua.LNumber(x))
	return 1
}

func mathMin(l *glua.LState) int {
	x := argNumber(l, 1)
	for i := 2; i <= l.GetTop(); i++ {
		if y := argNumber(l, i); y < x {
			x = y
		}
	}
	l.Push(glua.LNumber(x))
	return 1
}

func mathModf(l *glua.LState) int {
	x := argNumber(l, 1)
	whole, fraction := math.Trunc(x), 0.0
	if !math.IsInf(x, 0) {
		fraction = x - whole
	}
	l.Push(glua.LNumber(whole))
	l.Push(glua.LNumber(fraction))
	return 2
}

// mathType calls every integral value an integer: numbers have one representation here.
func mathType(l *glua.LState) int {
	n, ok := l.CheckAny(1).(glua.LNumber)
	switch {
	case !ok:
		l.Push(glua.LNil)
	case float64(n) == math.Trunc(float64(n)) && math.Abs(float64(n)) < 1<<63:
		l.Push(glua.LString("integer"))
	default:
		l.Push(glua.LString("float"))
	}
	return 1
}

func mathRandom(l *glua.LState, r *rand.Rand) int {
	low, high := int64(1), int64(0)
	switch l.GetTop() {
	case 0:
		l.Push(glua.LNumber(r.Float64()))
		return 1
	case 1:
		high = argInt(l, 1)
	default:
		low, high = argInt(l, 1), argInt(l, 2)
	}
	span := float64(high) - float64(low) + 1
	if span < 1 || span > 1<<53 {
		l.ArgError(min(l.GetTop(), 2), "interval is empty or too large")
	}
	l.Push(glua.LNumber(low + r.Int64N(int64(span))))
	return 1
}

// setMathConstants adds the numbers of math.
func setMathConstants(t *glua.LTable) {
	t.RawSetString("pi", glua.LNumber(math.Pi))
	t.RawSetString("huge", glua.LNumber(math.Inf(1)))
	t.RawSetString("maxinteger", glua.LNumber(math.MaxInt64))
	t.RawSetString("mininteger", glua.LNumber(math.MinInt64))
}
