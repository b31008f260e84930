package lua

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	glua "github.com/yuin/gopher-lua"
)

// maxJSONDepth bounds nesting in both directions.
const maxJSONDepth = 100

func (v *VM) jsonModule() glua.LValue {
	t := v.library(map[string]glua.LGFunction{"encode": v.jsonEncode, "decode": v.jsonDecode})
	t.RawSetString("null", glua.LNil)
	return t
}

// jsonEncode is json.encode(value): the text, or nil and a message.
func (v *VM) jsonEncode(l *glua.LState) int {
	text, err := v.encodeJSON(l, l.Get(1))
	if err != nil {
		l.Push(glua.LNil)
		l.Push(glua.LString(err.Error()))
		return 2
	}
	l.Push(glua.LString(text))
	return 1
}

func (v *VM) encodeJSON(l *glua.LState, value glua.LValue) (string, error) {
	b, err := v.appendJSON(l, nil, value, 0)
	return string(b), err
}

// appendJSON writes value. A table whose keys are 1 to n is an array, an empty one too; NaN and the
// infinities are null, for JSON has no other word; invalid UTF-8 becomes U+FFFD.
func (v *VM) appendJSON(l *glua.LState, b []byte, value glua.LValue, depth int) ([]byte, error) {
	if depth > maxJSONDepth {
		return b, errors.New("more than 100 levels, or a cycle")
	}
	if len(b) > MaxString {
		return b, errors.New("text is too long")
	}
	switch x := value.(type) {
	case *glua.LNilType:
		return append(b, "null"...), nil
	case glua.LBool:
		return append(b, x.String()...), nil
	case glua.LNumber:
		n := float64(x)
		switch {
		case math.IsNaN(n) || math.IsInf(n, 0):
			return append(b, "null"...), nil
		case n == math.Trunc(n) && math.Abs(n) < 1<<63:
			return strconv.AppendInt(b, int64(n), 10), nil
		}
		return strconv.AppendFloat(b, n, 'g', 14, 64), nil
	case glua.LString:
		return appendJSONString(b, string(x)), nil
	case *glua.LTable:
		return v.appendJSONTable(l, b, x, depth)
	}
	return b, fmt.Errorf("a %s has no JSON form", value.Type())
}

func (v *VM) appendJSONTable(l *glua.LState, b []byte, t *glua.LTable, depth int) ([]byte, error) {
	v.fill(t)
	count, n := 0, t.Len()
	for key, _ := t.Next(glua.LNil); key != glua.LNil; key, _ = t.Next(key) {
		if key != hiddenKey {
			count++
		}
	}
	var err error
	if trafficOf(t) == nil && count == n {
		b = append(b, '[')
		for i := 1; i <= n; i++ {
			if i > 1 {
				b = append(b, ',')
			}
			if b, err = v.appendJSON(l, b, t.RawGetInt(i), depth+1); err != nil {
				return b, err
			}
		}
		return append(b, ']'), nil
	}
	b = append(b, '{')
	first := true
	for key, value := t.Next(glua.LNil); key != glua.LNil; key, value = t.Next(key) {
		if key == hiddenKey {
			continue
		}
		name, ok := concatText(key)
		if !ok {
			return b, fmt.Errorf("a %s cannot be a key", key.Type())
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = append(appendJSONString(b, name), ':')
		if b, err = v.appendJSON(l, b, value, depth+1); err != nil {
			return b, err
		}
	}
	return append(b, '}'), nil
}

func appendJSONString(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			b = utf8.AppendRune(b, r)
			i += size
			continue
		}
		i++
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c == '\n':
			b = append(b, '\\', 'n')
		case c == '\t':
			b = append(b, '\\', 't')
		case c < ' ' || c == 0x7f || c == '<' || c == '>' || c == '&': // harmless in a page, too
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}

// jsonDecode is json.decode(text [, position]): the value, or nil, the position and a message.
func (v *VM) jsonDecode(l *glua.LState) int {
	text := argString(l, 1)
	start := startIndex(optInt(l, 2, 1), len(text))
	if start > len(text) {
		start = len(text)
	}
	d := json.NewDecoder(strings.NewReader(text[start:]))
	d.UseNumber()
	value, err := decodeJSON(l, d, 0)
	if err != nil {
		if errors.Is(err, io.EOF) {
			err = errors.New("no valid JSON value")
		}
		l.Push(glua.LNil)
		l.Push(glua.LNumber(int64(start) + d.InputOffset() + 1))
		l.Push(glua.LString(err.Error()))
		return 3
	}
	l.Push(value)
	l.Push(glua.LNumber(int64(start) + d.InputOffset() + 1))
	return 2
}

func decodeJSON(l *glua.LState, d *json.Decoder, depth int) (glua.LValue, error) {
	if depth > maxJSONDepth {
		return nil, errors.New("more than 100 levels")
	}
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch x := token.(type) {
	case json.Delim:
		t := l.NewTable()
		for d.More() {
			if x == '[' {
				value, err := decodeJSON(l, d, depth+1)
				if err != nil {
					return nil, err
				}
				t.Append(value)
				continue
			}
			key, err := d.Token()
			if err != nil {
				return nil, err
			}
			value, err := decodeJSON(l, d, depth+1)
			if err != nil {
				return nil, err
			}
			t.RawSetString(fmt.Sprint(key), value)
		}
		if _, err := d.Token(); err != nil {
			return nil, err
		}
		return t, nil
	case string:
		return glua.LString(x), nil
	case json.Number:
		n, _ := strconv.ParseFloat(string(x), 64)
		return glua.LNumber(n), nil
	case bool:
		return glua.LBool(x), nil
	}
	return glua.LNil, nil
}
