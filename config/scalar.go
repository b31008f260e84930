package config

import (
	"fmt"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// describe says what n is, for a message about what it should be.
func describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.SequenceNode:
		return "a list"
	case yaml.MappingNode:
		return "a section with keys"
	case yaml.AliasNode:
		return "an alias"
	}
	shown := clip(n.Value)
	switch n.Tag {
	case "!!null":
		return "no value"
	case "!!bool":
		return shown
	}
	if isNumber(n) {
		return "the number " + shown
	}
	return "the text " + strconv.Quote(shown)
}

// scalar reads a single value into v, which is a pointer.
func (d *decoder) scalar(n *yaml.Node, v reflect.Value, f *field) {
	if isNull(n) {
		d.fail(n, "has no value: give one or remove the key")
		return
	}
	if f.typ == typeText {
		if s, ok := d.text(n, f); ok {
			if s == "" {
				d.fail(n, "is empty: give a value or remove the key")
				return
			}
			if len(f.enum) > 0 && !slices.Contains(f.enum, s) {
				d.fail(n, "unknown word %q; %s", clip(s), wordHint(s, f.enum))
				return
			}
			v.Set(reflect.ValueOf(&s))
		}
		return
	}
	if f.typ == typeBool {
		if b, ok := boolean(n); ok {
			v.Set(reflect.ValueOf(&b))
			return
		}
		hint := ""
		switch strings.ToLower(n.Value) {
		case "yes", "on", "y":
			hint = "; write true"
		case "no", "off", "n":
			hint = "; write false"
		}
		d.fail(n, "want true or false, got %s%s", describe(n), hint)
		return
	}
	number, err := readNumber(n, f.typ)
	switch {
	case err != nil:
		d.fail(n, "%v", err)
		return
	case !f.allows(number):
		d.fail(n, "want %s, got %s", f.rangeText(), clip(n.Value))
		return
	}
	p := reflect.New(f.typ.Elem())
	p.Elem().SetInt(number)
	v.Set(p)
}

// quoted reports whether n was written in quotes or as a block, which makes it a text.
func quoted(n *yaml.Node) bool {
	return n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0
}

// isNumber reports whether n is a number, of any size.
func isNumber(n *yaml.Node) bool {
	if n.Kind != yaml.ScalarNode || quoted(n) {
		return false
	}
	return n.Tag == "!!int" || n.Tag == "!!float" ||
		n.Tag == "!!str" && len(n.Value) <= maxDigits && largeNumber.MatchString(n.Value)
}

// boolean reads true and false.
func boolean(n *yaml.Node) (value, ok bool) {
	if n.Kind != yaml.ScalarNode || quoted(n) {
		return false, false
	}
	switch n.Value {
	case "true", "True", "TRUE":
		return true, true
	case "false", "False", "FALSE":
		return false, true
	}
	return false, false
}

// readNumber reads a number, size or duration.
func readNumber(n *yaml.Node, t reflect.Type) (int64, error) {
	want := "a whole number"
	switch t {
	case typeSize:
		want = "a size such as " + sizeExample
	case typeDuration:
		want = "a duration such as " + durationExample
	}
	if n.Kind != yaml.ScalarNode {
		return 0, fmt.Errorf("want %s, got %s", want, describe(n))
	}
	if (t == typeInt || t == typeSize) && isNumber(n) {
		number, err := integer(n.Value)
		if err == nil && t == typeSize && number < 0 {
			return 0, fmt.Errorf("want %s, got a negative number", want)
		}
		return number, err
	}
	switch {
	case t == typeSize && n.Tag == "!!str":
		size, err := ParseSize(n.Value)
		return int64(size), quoting(n, err)
	case t == typeDuration && (n.Tag == "!!str" || isNumber(n)):
		span, err := ParseDuration(n.Value)
		return int64(span), quoting(n, err)
	}
	return 0, fmt.Errorf("want %s, got %s", want, describe(n))
}

// quoting puts the text of n before err, when there is one.
func quoting(n *yaml.Node, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%q: %w", clip(n.Value), err)
}

var (
	decimal     = regexp.MustCompile(`^[-+]?(0|[1-9][0-9]*)$`)
	floating    = regexp.MustCompile(`^[-+]?(0|[1-9][0-9]*)?(\.[0-9]*)?([eE][-+]?[0-9]+)?$`)
	largeNumber = regexp.MustCompile(`^[-+]?[0-9]+(\.[0-9]*)?([eE][-+]?[0-9]+)?$`)
	leadingZero = regexp.MustCompile(`^[-+]?0[0-9]+$`)
)

// maxDigits is more than the longest text that a float64 is ever written as.
const maxDigits = 400

// maxExact is the last of the whole numbers that a float64 holds without a gap.
const maxExact = 1 << 53

// integer reads the text of a number that has to be whole: 1000, also as 1e3.
func integer(s string) (int64, error) {
	switch {
	case len(s) > maxDigits:
		return 0, fmt.Errorf("%s is too long a number", clip(s))
	case decimal.MatchString(s):
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("%s is too large a number", clip(s))
		}
		return n, nil
	case leadingZero.MatchString(s):
		return 0, fmt.Errorf("%s could be meant as an octal number: write it without the leading zero", clip(s))
	case !floating.MatchString(s):
		return 0, fmt.Errorf("%s: write numbers in decimal", clip(s))
	}
	x, err := strconv.ParseFloat(s, 64)
	switch {
	case err != nil || math.Abs(x) > maxExact:
		return 0, fmt.Errorf("%s is too large a number", clip(s))
	case x != math.Trunc(x):
		return 0, fmt.Errorf("%s is not a whole number", clip(s))
	}
	return int64(x), nil
}

// setting reads a value for a script: a float64, a string or a bool.
func (d *decoder) setting(n *yaml.Node) (any, bool) {
	const want = "want a number, a text, true or false"
	if n.Kind != yaml.ScalarNode {
		d.fail(n, "%s, got %s", want, describe(n))
		return nil, false
	}
	if isNull(n) {
		d.fail(n, "has no value: give one or remove the key")
		return nil, false
	}
	if b, ok := boolean(n); ok {
		return b, true
	}
	if !isNumber(n) {
		if len(n.Value) > maxText {
			d.fail(n, "has %d bytes; want %d at most", len(n.Value), maxText)
			return nil, false
		}
		return n.Value, true
	}
	var err error
	var x float64
	switch {
	case len(n.Value) > maxDigits:
		err = fmt.Errorf("%s is too long a number", clip(n.Value))
	case leadingZero.MatchString(n.Value):
		err = fmt.Errorf("%s could be meant as an octal number: write it without the leading zero, or in quotes", clip(n.Value))
	case !floating.MatchString(n.Value):
		err = fmt.Errorf("%s: write numbers in decimal, or a text in quotes", clip(n.Value))
	default:
		if x, err = strconv.ParseFloat(n.Value, 64); err != nil {
			err = fmt.Errorf("%s is too large a number", clip(n.Value))
		} else if decimal.MatchString(n.Value) && strconv.FormatFloat(x, 'f', -1, 64) != strings.TrimPrefix(n.Value, "+") && x != 0 {
			err = fmt.Errorf("%s has more digits than a script's numbers hold: put it in quotes if a text will do", clip(n.Value))
		}
	}
	if err != nil {
		d.fail(n, "%v", err)
		return nil, false
	}
	return x, true
}

// text reads a text. A number or truth value has to be quoted to be one.
func (d *decoder) text(n *yaml.Node, f *field) (string, bool) {
	switch {
	case n.Kind != yaml.ScalarNode:
		d.fail(n, "want a text, got %s", describe(n))
	case isNull(n):
		d.fail(n, "has no value: give one or remove the key")
	case isNumber(n) || !quoted(n) && n.Tag == "!!bool":
		d.fail(n, "want a text, got %s: put it in quotes", describe(n))
	case len(n.Value) > f.maxLen:
		d.fail(n, "has %d bytes; want %d at most", len(n.Value), f.maxLen)
	case strings.ContainsRune(n.Value, 0):
		d.fail(n, "has a zero byte")
	default:
		return n.Value, true
	}
	return "", false
}
