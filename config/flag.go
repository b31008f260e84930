package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// A Flag is a flag of the command line that sets a key.
type Flag struct {
	Name, Key, Doc string
	// Default is what stands without flag and file: a value as in the file, or words.
	Default string
	Switch  bool // it needs no value
	Many    bool // it may be given again, to add a text
}

// localNetworks is the flag that takes lists in a form of its own (localnets.ParseList), which no key of
// the file has: whoever reads the command line handles it.
const localNetworks = "local-networks"

// Flags are the flags of some keys and of those in some sections, in the order of the table; those of all
// keys without any.
func Flags(sections ...string) []Flag {
	var flags []Flag
	walkKeys(typeConfig, nil, func(path []string, f *field) {
		if f.flag == "" || f.flag == localNetworks || len(sections) > 0 && !slices.Contains(sections, path[0]) && !slices.Contains(sections, pathText(path)) {
			return
		}
		def := f.def
		if def == "" {
			def = f.unset
		}
		flags = append(flags, Flag{
			Name: f.flag, Key: pathText(path), Doc: f.doc, Default: def,
			Switch: f.typ == typeBool, Many: f.typ == typeStrings,
		})
	})
	return flags
}

// Set gives the key of a flag the value that text stands for, by the rules of the file. A key of texts
// gets another one; of a key with few words, text may hold several with commas between.
func (c *Config) Set(flag, text string) error {
	v, f, path := c.flagField(flag)
	if f == nil {
		return fmt.Errorf("no key has a flag --%s", flag)
	}
	if f.typ == typeStrings {
		texts := []string{text}
		if len(f.enum) > 0 {
			texts = strings.Split(text, ",")
		}
		for _, s := range texts {
			if err := f.add(v, s); err != nil {
				return err
			}
		}
	} else if err := f.set(v, text); err != nil {
		return err
	}
	if c.flags == nil {
		c.flags = map[string]string{}
	}
	c.flags[pathText(path)] = flag
	return nil
}

// flagField finds the key of a flag.
func (c *Config) flagField(flag string) (v reflect.Value, found *field, at []string) {
	walkKeys(typeConfig, nil, func(path []string, f *field) {
		if f.flag != flag || flag == localNetworks {
			return
		}
		v, found, at = reflect.ValueOf(c).Elem(), f, path
		for _, key := range path {
			fields := fieldsOf(v.Type())
			i := slices.IndexFunc(fields, func(f field) bool { return f.key == key })
			v = v.Field(fields[i].index)
		}
	})
	return v, found, at
}

// add appends a text to v.
func (f *field) add(v reflect.Value, s string) error {
	list := v.Interface().(Strings)
	switch {
	case s == "":
		return fmt.Errorf("--%s: is empty", f.flag)
	case len(s) > f.maxLen || strings.ContainsRune(s, 0):
		return fmt.Errorf("--%s: %q: want a text of at most %d bytes", f.flag, clip(s), f.maxLen)
	case len(f.enum) > 0 && !slices.Contains(f.enum, s):
		return fmt.Errorf("--%s: unknown word %q; %s", f.flag, clip(s), wordHint(s, f.enum))
	case slices.Contains(list, s):
		return fmt.Errorf("--%s: %q is given twice", f.flag, clip(s))
	}
	v.Set(reflect.ValueOf(append(list[:len(list):len(list)], s)))
	return nil
}

// set gives v, a pointer, the value of text.
func (f *field) set(v reflect.Value, text string) error {
	p := reflect.New(f.typ.Elem())
	switch f.typ {
	case typeText:
		if text == "" || len(text) > f.maxLen || strings.ContainsRune(text, 0) {
			return fmt.Errorf("--%s: %q: want a text of 1 to %d bytes", f.flag, clip(text), f.maxLen)
		}
		if len(f.enum) > 0 && !slices.Contains(f.enum, text) {
			return fmt.Errorf("--%s: unknown word %q; %s", f.flag, clip(text), wordHint(text, f.enum))
		}
		p.Elem().SetString(text)
	case typeBool:
		if text != "true" && text != "false" {
			return fmt.Errorf("--%s: %q: want true or false", f.flag, clip(text))
		}
		p.Elem().SetBool(text == "true")
	default:
		n, err := numberOf(f.typ, text)
		if f.typ == typeInt && err != nil {
			n, err = integer(text)
		}
		switch {
		case err != nil:
			return fmt.Errorf("--%s: %q: %w", f.flag, clip(text), err)
		case !f.allows(n):
			return fmt.Errorf("--%s: want %s, got %s", f.flag, f.rangeText(), clip(text))
		}
		p.Elem().SetInt(n)
	}
	v.Set(p)
	return nil
}

// With is c with the keys that flags sets in the place of its own. c may be nil, for no file; flags is
// made by Set alone.
func (c *Config) With(flags *Config) *Config {
	merged := &Config{}
	if c != nil {
		*merged = *c
	}
	merged.flags = flags.flags
	overlay(reflect.ValueOf(merged).Elem(), reflect.ValueOf(flags).Elem())
	return merged
}

// overlay puts the keys that are given in over into v.
func overlay(v, over reflect.Value) {
	for _, f := range fieldsOf(v.Type()) {
		to, from := v.Field(f.index), over.Field(f.index)
		switch {
		case isSection(f.typ):
			overlay(to, from)
		case !from.IsNil():
			to.Set(from)
		}
	}
}

// Flag is the name of the flag that a key has its value from, or "".
func (c *Config) Flag(path ...string) string { return c.flags[pathText(path)] }
