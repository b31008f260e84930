package filter

// A value is a number of 32 bits that a frame has, by its place in a graph's list. Equal values have
// one place, so a comparison of places is one of values.
type value int32

type valueKind uint8

const (
	kindConst valueKind = iota
	kindLoad            // size bytes, most significant first, at base + k; a load past the captured bytes refuses the frame
	kindLen             // bytes on the wire, as the target counts them
	kindAux             // k names something that the kernel knows beside the bytes
	kindSlot            // what a set node before has put into slot k
	kindOp              // a op b, modulo 2^32
)

// What the kernel knows of a frame beside its bytes; the numbers are classic BPF's (linux/filter.h).
const (
	auxPacketType  = 4
	auxInterface   = 8
	auxVLANTag     = 44 // the tag control information of the tag that the kernel took off
	auxVLANPresent = 48 // 1 when it took one off
	auxVLANProto   = 60 // its EtherType
)

type valueKey struct {
	kind valueKind
	size uint8 // of a load: 1, 2, 4
	op   byte  // + - * / % & | ^ and l and r for the shifts
	k    uint32
	a, b value // operands; a is a load's base
}

// noValue is the base of a load that counts from the frame's beginning.
const noValue value = -1

// values are the distinct values of a program.
type values struct {
	list []valueKey
	at   map[valueKey]value
}

func (v *values) intern(key valueKey) value {
	if at, ok := v.at[key]; ok {
		return at
	}
	if v.at == nil {
		v.at = map[valueKey]value{}
	}
	at := value(len(v.list))
	v.list = append(v.list, key)
	v.at[key] = at
	return at
}

func (v *values) number(n uint32) value {
	return v.intern(valueKey{kind: kindConst, k: n, a: noValue, b: noValue})
}

func (v *values) length() value { return v.intern(valueKey{kind: kindLen, a: noValue, b: noValue}) }

func (v *values) aux(n uint32) value {
	return v.intern(valueKey{kind: kindAux, k: n, a: noValue, b: noValue})
}

func (v *values) slot(n int) value {
	return v.intern(valueKey{kind: kindSlot, k: uint32(n), a: noValue, b: noValue})
}

// beyond is an offset past the end of any frame. Greater ones, in an absolute load, mean what the
// kernel knows beside the bytes.
const beyond = 1 << 30

// load is size bytes at base + k. A constant base, and the constant part of a sum that cannot
// overflow, become part of k.
func (v *values) load(base value, k uint32, size uint8) value {
	if base != noValue {
		key := v.list[base]
		if key.kind == kindOp && key.op == '+' {
			c, ok := v.constant(key.b)
			if ok && uint64(c)+uint64(k)+uint64(v.most(key.a)) < beyond {
				base, k = key.a, k+c
			}
		} else if key.kind == kindConst {
			base, k = noValue, k+key.k
		}
	}
	if base == noValue && k > beyond {
		k = beyond
	}
	return v.intern(valueKey{kind: kindLoad, size: size, k: k, a: base, b: noValue})
}

// most is a bound of x.
func (v *values) most(x value) uint32 {
	key := v.list[x]
	switch {
	case key.kind == kindConst:
		return key.k
	case key.kind == kindLoad && key.size < 4:
		return 1<<(8*key.size) - 1
	case key.kind == kindOp && key.op == '&':
		return min(v.most(key.a), v.most(key.b))
	case key.kind == kindOp && key.op == 'l':
		if k, ok := v.constant(key.b); ok && uint64(v.most(key.a))<<k <= 0xffffffff {
			return v.most(key.a) << k
		}
	}
	return 0xffffffff
}

// constant is the number that x is, if it is the same for all frames.
func (v *values) constant(x value) (uint32, bool) {
	key := v.list[x]
	return key.k, key.kind == kindConst
}

// op is a op b, simplified where that changes no frame's verdict but for loads that are not made.
// Division of a constant by zero does not come here.
func (v *values) op(op byte, a, b value) value {
	x, okA := v.constant(a)
	y, okB := v.constant(b)
	if okA && okB {
		if n, ok := calculate(op, x, y); ok {
			return v.number(n)
		}
	}
	if okA && !okB && (op == '+' || op == '*' || op == '&' || op == '|' || op == '^') {
		a, b, y, okB = b, a, x, true
	}
	if okB {
		switch {
		case y == 0 && (op == '+' || op == '-' || op == '|' || op == '^' || op == 'l' || op == 'r'), y == 1 && (op == '*' || op == '/'):
			return a
		case y == 0 && (op == '*' || op == '&'), y > 31 && (op == 'l' || op == 'r'):
			return v.number(0)
		}
		if inner := v.list[a]; op == '+' && inner.kind == kindOp && inner.op == '+' {
			if k, ok := v.constant(inner.b); ok { // (x + k) + y
				return v.op('+', inner.a, v.number(k+y))
			}
		}
	}
	return v.intern(valueKey{kind: kindOp, op: op, a: a, b: b})
}

// calculate is x op y, a shift by more than 31 being 0; false for a division by zero.
func calculate(op byte, x, y uint32) (uint32, bool) {
	switch op {
	case '+':
		return x + y, true
	case '-':
		return x - y, true
	case '*':
		return x * y, true
	case '/', '%':
		if y == 0 {
			return 0, false
		}
		if op == '/' {
			return x / y, true
		}
		return x % y, true
	case '&':
		return x & y, true
	case '|':
		return x | y, true
	case '^':
		return x ^ y, true
	case 'l':
		return x << y, true
	case 'r':
		return x >> y, true
	}
	return 0, false
}
