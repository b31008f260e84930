package lua

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	glua "github.com/yuin/gopher-lua"
)

// maxFormatField bounds the width and precision of one conversion, as C Lua does.
const maxFormatField = 99

// stringFormat is Lua 5.4's string.format, and %u as Lua 5.1 had it.
func (v *VM) stringFormat(l *glua.LState) int {
	format := argString(l, 1)
	var out []byte
	arg := 1
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			out = append(out, format[i])
			continue
		}
		i++
		if i < len(format) && format[i] == '%' {
			out = append(out, '%')
			continue
		}
		start := i
		for i < len(format) && strings.IndexByte("-+ #0123456789.", format[i]) >= 0 {
			i++
		}
		spec, ok := parseSpec(format[start:i])
		if i >= len(format) || !ok {
			l.RaiseError("invalid conversion '%%%s' to 'format'", format[start:min(i+1, len(format))])
		}
		arg++
		out = v.appendConversion(l, out, spec, format[i], arg)
		checkStringSize(l, len(out))
	}
	l.Push(glua.LString(out))
	return 1
}

// formatSpec is what stands between % and the conversion letter.
type formatSpec struct {
	flags            string
	width, precision int // -1 for none
}

func parseSpec(text string) (formatSpec, bool) {
	spec := formatSpec{width: -1, precision: -1}
	rest := strings.TrimLeft(text, "-+ #0")
	spec.flags = text[:len(text)-len(rest)]
	width, precision, dot := strings.Cut(rest, ".")
	var err error
	if width != "" {
		if spec.width, err = strconv.Atoi(width); err != nil {
			return spec, false
		}
	}
	if dot {
		spec.precision = 0
		if precision != "" {
			if spec.precision, err = strconv.Atoi(precision); err != nil {
				return spec, false
			}
		}
	}
	return spec, len(spec.flags) <= 5 && spec.width <= maxFormatField && spec.precision <= maxFormatField
}

// verb is the Go format of the conversion, where the two languages agree.
func (s *formatSpec) verb(c byte) string {
	b := append([]byte{'%'}, s.flags...)
	if s.width >= 0 {
		b = strconv.AppendInt(b, int64(s.width), 10)
	}
	if s.precision >= 0 {
		b = append(b, '.')
		b = strconv.AppendInt(b, int64(s.precision), 10)
	}
	return string(append(b, c))
}

// pad sets text, already cut to the precision, in the width.
func (s *formatSpec) pad(out []byte, text string) []byte {
	fill := max(s.width-len(text), 0)
	if strings.Contains(s.flags, "-") {
		return append(append(out, text...), strings.Repeat(" ", fill)...)
	}
	return append(append(out, strings.Repeat(" ", fill)...), text...)
}

func (v *VM) appendConversion(l *glua.LState, out []byte, spec formatSpec, c byte, arg int) []byte {
	if arg > l.GetTop() {
		l.ArgError(arg, "no value")
	}
	switch c {
	case 'd', 'i':
		return fmt.Appendf(out, spec.verb('d'), argInt(l, arg))
	case 'u':
		return fmt.Appendf(out, spec.verb('d'), uint64(argInt(l, arg)))
	case 'x', 'X', 'o':
		n := argNumber(l, arg)
		i, ok := toInteger(glua.LNumber(n))
		if !ok {
			l.ArgError(arg, "number has no integer representation")
		}
		return fmt.Appendf(out, spec.verb(c), uint64(i))
	case 'c':
		return spec.pad(out, string([]byte{byte(argInt(l, arg))}))
	case 'e', 'E', 'f', 'F', 'g', 'G', 'a', 'A':
		return appendFloat(out, spec, c, argNumber(l, arg))
	case 's':
		text := v.toText(l, l.Get(arg))
		if spec.precision >= 0 && spec.precision < len(text) {
			text = text[:spec.precision]
		}
		return spec.pad(out, text)
	case 'q':
		return appendQuoted(l, out, l.Get(arg), arg)
	case 'p':
		switch x := l.Get(arg).(type) {
		case *glua.LTable, *glua.LFunction, *glua.LState, *glua.LUserData:
			_, address, _ := strings.Cut(x.String(), ": ")
			return spec.pad(out, address)
		}
		return spec.pad(out, "(null)")
	}
	l.RaiseError("invalid conversion '%s' to 'format'", spec.verb(c))
	return out
}

// appendFloat is C's conversion of a double.
func appendFloat(out []byte, spec formatSpec, c byte, n float64) []byte {
	if math.IsInf(n, 0) || math.IsNaN(n) {
		text := formatNumber(n)
		if strings.Contains(spec.flags, "+") && n > 0 {
			text = "+" + text
		}
		if c < 'a' {
			text = strings.ToUpper(text)
		}
		return spec.pad(out, text)
	}
	switch c {
	case 'a', 'A': // Go's x has an exponent of two digits at least, C's of one
		return fmt.Appendf(out, spec.verb(c-'a'+'x'), n)
	case 'F':
		c = 'f'
	}
	if spec.precision < 0 {
		spec.precision = 6
	}
	if c|0x20 == 'g' && spec.precision == 0 {
		spec.precision = 1
	}
	return fmt.Appendf(out, spec.verb(c), n)
}

// appendQuoted is %q: a literal that Lua reads back to the same value.
func appendQuoted(l *glua.LState, out []byte, value glua.LValue, arg int) []byte {
	switch x := value.(type) {
	case glua.LString:
		out = append(out, '"')
		for i := 0; i < len(x); i++ {
			switch c := x[i]; {
			case c == '"' || c == '\\':
				out = append(out, '\\', c)
			case c == '\n':
				out = append(out, '\\', '\n')
			case c < ' ' || c == 0x7f:
				if i+1 < len(x) && isDigit(x[i+1]) {
					out = fmt.Appendf(out, "\\%03d", c)
				} else {
					out = fmt.Appendf(out, "\\%d", c)
				}
			default:
				out = append(out, c)
			}
		}
		return append(out, '"')
	case glua.LNumber:
		n := float64(x)
		switch {
		case math.IsInf(n, 1):
			return append(out, "1e9999"...)
		case math.IsInf(n, -1):
			return append(out, "-1e9999"...)
		case math.IsNaN(n):
			return append(out, "(0/0)"...)
		case n == math.Trunc(n) && math.Abs(n) < 1<<63:
			return strconv.AppendInt(out, int64(n), 10)
		}
		return strconv.AppendFloat(out, n, 'g', 17, 64)
	case glua.LBool, *glua.LNilType:
		return append(out, x.String()...)
	}
	l.ArgError(arg, "value has no literal form")
	return out
}

// toText is tostring: the __tostring and __name metafields are honoured.
func (v *VM) toText(l *glua.LState, value glua.LValue) string {
	switch x := value.(type) {
	case glua.LString:
		return string(x)
	case glua.LNumber:
		return formatNumber(float64(x))
	}
	if fn := l.GetMetaField(value, "__tostring"); fn != glua.LNil {
		text, ok := concatText(callMeta(l, fn, value))
		if !ok {
			l.RaiseError("'__tostring' must return a string")
		}
		return text
	}
	if name, ok := l.GetMetaField(value, "__name").(glua.LString); ok {
		_, address, _ := strings.Cut(value.String(), ": ")
		return string(name) + ": " + address
	}
	return value.String()
}
