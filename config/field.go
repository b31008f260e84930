package config

import (
	"fmt"
	"math"
	"reflect"
	"regexp"
	"strconv"
	"strings"
)

// A field is one key of the table: what the parser, the schema, the reference and Diff know of it.
type field struct {
	index      int // in its struct
	typ        reflect.Type
	key        string
	doc        string
	def        string // default in the form of the file; empty for none
	unset      string // what stands without it, in words
	flag       string
	apply      string // reload, restart, or empty for that of the key above
	enum       []string
	keys       *regexp.Regexp // form of the keys of a map
	min, max   int64          // of numbers, sizes and durations
	or         *int64         // a value allowed besides
	items      int            // fewest entries of a list
	maxLen     int            // most bytes of a text
	maxKeys    int            // most keys of a map
	bounded    bool           // there is a min
	upperBound bool           // there is a max
}

// Types that the file holds.
var (
	typeConfig   = reflect.TypeFor[Config]()
	typeNetwork  = reflect.TypeFor[Network]()
	typeNetworks = reflect.TypeFor[[]Network]()
	typeStrings  = reflect.TypeFor[Strings]()
	typeSettings = reflect.TypeFor[Settings]()
	typeSize     = reflect.TypeFor[*Size]()
	typeDuration = reflect.TypeFor[*Duration]()
	typeInt      = reflect.TypeFor[*int64]()
	typeBool     = reflect.TypeFor[*bool]()
	typeText     = reflect.TypeFor[*string]()
)

// maxText is the most bytes of a text without a maxlen of its own.
const maxText = 16 << 10

// fieldsOf reads the table's part for a struct. It panics on tags that make no sense, which a test
// would show first.
func fieldsOf(t reflect.Type) []field {
	var fields []field
	for i := range t.NumField() {
		sf := t.Field(i)
		key := sf.Tag.Get("yaml")
		if !sf.IsExported() || key == "-" {
			continue
		}
		tag := sf.Tag
		f := field{
			index: i, typ: sf.Type, key: key, doc: tag.Get("doc"), def: tag.Get("default"), unset: tag.Get("unset"),
			flag: tag.Get("flag"), apply: tag.Get("apply"), max: math.MaxInt64, maxLen: maxText,
		}
		bound := func(name string) (int64, bool) {
			text, ok := tag.Lookup(name)
			if !ok {
				return 0, false
			}
			n, err := numberOf(f.typ, text)
			if err != nil {
				panic(fmt.Sprintf("config: tag %s of %s: %v", name, key, err))
			}
			return n, true
		}
		count := func(name string, otherwise int) int {
			text, ok := tag.Lookup(name)
			if !ok {
				return otherwise
			}
			n, err := strconv.Atoi(text)
			if err != nil {
				panic(fmt.Sprintf("config: tag %s of %s: %v", name, key, err))
			}
			return n
		}
		f.min, f.bounded = bound("min")
		if n, ok := bound("max"); ok {
			f.max, f.upperBound = n, true
		}
		if n, ok := bound("or"); ok {
			f.or = &n
		}
		f.items, f.maxLen, f.maxKeys = count("items", 0), count("maxlen", maxText), count("maxkeys", 0)
		if enum := tag.Get("enum"); enum != "" {
			f.enum = strings.Split(enum, ",")
		}
		if keys := tag.Get("keys"); keys != "" {
			f.keys = regexp.MustCompile(keys)
		}
		fields = append(fields, f)
	}
	return fields
}

// numberOf reads a number, size or duration of a tag.
func numberOf(t reflect.Type, s string) (int64, error) {
	switch t {
	case typeSize:
		n, err := ParseSize(s)
		return int64(n), err
	case typeDuration:
		n, err := ParseDuration(s)
		return int64(n), err
	case typeInt:
		return strconv.ParseInt(s, 10, 64)
	}
	return 0, fmt.Errorf("%v has no range", t)
}

// numberText shows a value of type t, which is a number, a size or a duration.
func numberText(t reflect.Type, n int64) string {
	switch t {
	case typeSize:
		return Size(n).String()
	case typeDuration:
		return Duration(n).String()
	}
	return strconv.FormatInt(n, 10)
}

// rangeText is the range in words, empty when there is none.
func (f *field) rangeText() string {
	var s string
	switch {
	case f.bounded && f.upperBound:
		s = numberText(f.typ, f.min) + " to " + numberText(f.typ, f.max)
	case f.bounded:
		s = numberText(f.typ, f.min) + " or more"
	case f.upperBound:
		s = "up to " + numberText(f.typ, f.max)
	}
	if s != "" && f.or != nil {
		s = numberText(f.typ, *f.or) + ", or " + s
	}
	return s
}

// allows reports whether n is in the range.
func (f *field) allows(n int64) bool {
	return n >= f.min && n <= f.max || f.or != nil && n == *f.or
}

// isSection reports whether t is a struct of keys.
func isSection(t reflect.Type) bool { return t.Kind() == reflect.Struct }

// isTable reports whether t is a map from names that the user chooses to sections.
func isTable(t reflect.Type) bool { return t.Kind() == reflect.Map && t != typeSettings }

// walkKeys calls visit with each key below a struct, sections before their keys. The name of an entry
// of a table is *, the entry of the list of networks is [].
func walkKeys(t reflect.Type, path []string, visit func(path []string, f *field)) {
	fields := fieldsOf(t)
	for i := range fields {
		f := &fields[i]
		at := append(path[:len(path):len(path)], f.key)
		visit(at, f)
		switch {
		case isSection(f.typ):
			walkKeys(f.typ, at, visit)
		case isTable(f.typ):
			walkKeys(f.typ.Elem(), append(at, "*"), visit)
		case f.typ == typeNetworks:
			walkKeys(typeNetwork, append(at, "[]"), visit)
		}
	}
}
