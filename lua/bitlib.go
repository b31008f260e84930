package lua

import (
	"math"
	"math/bits"

	glua "github.com/yuin/gopher-lua"
)

// bit32Lib is Lua 5.2's bit32, which scripts written before the bit operators use.
func bit32Lib() map[string]glua.LGFunction {
	fold := func(start uint32, fn func(a, b uint32) uint32) glua.LGFunction {
		return func(l *glua.LState) int {
			acc := start
			for i := 1; i <= l.GetTop(); i++ {
				acc = fn(acc, argUint32(l, i))
			}
			l.Push(glua.LNumber(acc))
			return 1
		}
	}
	shift := func(fn func(x uint32, n int64) uint32) glua.LGFunction {
		return func(l *glua.LState) int {
			l.Push(glua.LNumber(fn(argUint32(l, 1), argInt(l, 2))))
			return 1
		}
	}
	and := func(a, b uint32) uint32 { return a & b }
	left := func(x uint32, n int64) uint32 {
		switch {
		case n <= -32 || n >= 32:
			return 0
		case n < 0:
			return x >> uint(-n)
		}
		return x << uint(n)
	}
	return map[string]glua.LGFunction{
		"band": fold(math.MaxUint32, and),
		"bor":  fold(0, func(a, b uint32) uint32 { return a | b }),
		"bxor": fold(0, func(a, b uint32) uint32 { return a ^ b }),
		"bnot": func(l *glua.LState) int {
			l.Push(glua.LNumber(^argUint32(l, 1)))
			return 1
		},
		"btest": func(l *glua.LState) int {
			acc := uint32(math.MaxUint32)
			for i := 1; i <= l.GetTop(); i++ {
				acc &= argUint32(l, i)
			}
			return pushBool(l, acc != 0)
		},
		"lshift":  shift(left),
		"rshift":  shift(func(x uint32, n int64) uint32 { return left(x, -n) }),
		"lrotate": shift(func(x uint32, n int64) uint32 { return bits.RotateLeft32(x, int(n%32)) }),
		"rrotate": shift(func(x uint32, n int64) uint32 { return bits.RotateLeft32(x, int(-n%32)) }),
		"arshift": shift(func(x uint32, n int64) uint32 {
			if n < 0 {
				return left(x, -n)
			}
			return uint32(int32(x) >> uint(min(n, 31)))
		}),
		"extract": func(l *glua.LState) int {
			x := argUint32(l, 1)
			at, width := bitField(l, 2)
			l.Push(glua.LNumber(x >> at & fieldMask(width)))
			return 1
		},
		"replace": func(l *glua.LState) int {
			x, value := argUint32(l, 1), argUint32(l, 2)
			at, width := bitField(l, 3)
			mask := fieldMask(width)
			l.Push(glua.LNumber(x&^(mask<<at) | value&mask<<at))
			return 1
		},
	}
}

// argUint32 is argument i modulo 2^32.
func argUint32(l *glua.LState, i int) uint32 {
	n := math.Mod(math.Floor(argNumber(l, i)), 1<<32)
	if math.IsNaN(n) {
		l.ArgError(i, "number has no integer representation")
	}
	if n < 0 {
		n += 1 << 32
	}
	return uint32(n)
}

// bitField reads position and width at arguments i and i+1.
func bitField(l *glua.LState, i int) (at, width uint) {
	a, w := argInt(l, i), optInt(l, i+1, 1)
	if a < 0 || w < 1 || a+w > 32 {
		l.ArgError(i, "field is outside 32 bits")
	}
	return uint(a), uint(w)
}

func fieldMask(width uint) uint32 { return uint32(1<<width - 1) }
