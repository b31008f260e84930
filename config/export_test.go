package config

import "strings"

// fieldOf is the table's entry of a key; it panics when there is none.
func fieldOf(key string) field {
	var found field
	walkKeys(typeConfig, nil, func(path []string, f *field) {
		if strings.Join(path, ".") == key {
			found = *f
		}
	})
	if found.key == "" {
		panic("no key " + key)
	}
	return found
}

// DefaultText is the default of a key as the table has it.
func DefaultText(key string) string { return fieldOf(key).def }

// RangeOf is the range of a key, and what is allowed besides.
func RangeOf(key string) (least, most int64, or []int64) {
	f := fieldOf(key)
	if f.or != nil {
		or = []int64{*f.or}
	}
	return f.min, f.max, or
}

// WordsOf are the words that a key takes.
func WordsOf(key string) []string { return fieldOf(key).enum }
