package config

import (
	"reflect"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// A decoder walks the nodes of a file along the table of keys. It goes on after a problem, so that all
// are told at once.
type decoder struct {
	problems
	path   []string // of the node at hand
	fields map[reflect.Type][]field
}

func (d *decoder) fail(n *yaml.Node, format string, args ...any) {
	d.add(n.Line, n.Column, d.path, format, args...)
}

// root reads the document into c.
func (d *decoder) root(n *yaml.Node, c *Config) []mark {
	d.fields = map[reflect.Type][]field{}
	return d.section(n, reflect.ValueOf(c).Elem(), "the keys of a configuration, such as networks")
}

// fieldsOf is the table's part for a struct.
func (d *decoder) fieldsOf(t reflect.Type) []field {
	fields, ok := d.fields[t]
	if !ok {
		fields = fieldsOf(t)
		d.fields[t] = fields
	}
	return fields
}

// usable reports whether n can be looked into at all.
func (d *decoder) usable(n *yaml.Node) bool {
	switch {
	case n.Kind == yaml.AliasNode:
		d.fail(n, "aliases such as *%s are not supported: write the value out", clip(n.Value))
		return false
	case n.Style&yaml.TaggedStyle != 0:
		d.fail(n, "tags such as %s are not supported", clip(n.Tag))
		return false
	}
	return true
}

// isNull reports whether n is a key's missing value, or null.
func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

// pairs calls visit with each key and value of a mapping, but for those that are given twice. It
// reports false, with a problem, when n is no mapping; null is an empty one.
func (d *decoder) pairs(n *yaml.Node, want string, visit func(key, value *yaml.Node)) bool {
	switch {
	case !d.usable(n):
		return false
	case isNull(n):
		return true
	case n.Kind != yaml.MappingNode:
		d.fail(n, "want %s, got %s", want, describe(n))
		return false
	}
	lines := make(map[string]int, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		switch {
		case key.Kind == yaml.ScalarNode && key.Tag == "!!merge":
			d.fail(key, "merging with << is not supported: write the keys out")
			continue
		case key.Kind != yaml.ScalarNode || key.Style&yaml.TaggedStyle != 0:
			d.fail(key, "a key has to be a plain name, got %s", describe(key))
			continue
		}
		if first, twice := lines[key.Value]; twice {
			d.fail(key, "key %q is given twice, first in line %d", clip(key.Value), first)
			continue
		}
		lines[key.Value] = key.Line
		visit(key, value)
	}
	return true
}

// below calls read with the path one level deeper, and makes the mark of the key.
func (d *decoder) below(name string, key, value *yaml.Node, read func() []mark) mark {
	d.path = append(d.path, name)
	at := key
	if value.Kind == yaml.ScalarNode && !isNull(value) {
		at = value
	}
	m := mark{name: name, line: int32(at.Line), col: int32(at.Column), kids: read()}
	d.path = d.path[:len(d.path)-1]
	return m
}

// section reads a mapping with the keys of a struct.
func (d *decoder) section(n *yaml.Node, v reflect.Value, want string) []mark {
	fields := d.fieldsOf(v.Type())
	var marks []mark
	d.pairs(n, want, func(key, value *yaml.Node) {
		i := slices.IndexFunc(fields, func(f field) bool { return f.key == key.Value })
		if i < 0 {
			d.unknown(key, fields)
			return
		}
		f := &fields[i]
		marks = append(marks, d.below(f.key, key, value, func() []mark { return d.value(value, v.Field(f.index), f) }))
	})
	return marks
}

// unknown refuses a key and names the one that was likely meant: one of the same section, or one that
// stands elsewhere, or one by the name of its flag.
func (d *decoder) unknown(key *yaml.Node, fields []field) {
	known := make([]string, len(fields))
	for i := range fields {
		known[i] = fields[i].key
	}
	if near := nearest(key.Value, known); near != "" {
		d.fail(key, "unknown key %q; did you mean %s?", clip(key.Value), near)
		return
	}
	plain, elsewhere := letters(key.Value), ""
	walkKeys(typeConfig, nil, func(path []string, f *field) {
		if elsewhere == "" && plain != "" && !slices.Contains(path, "*") && !slices.Contains(path, "[]") &&
			(letters(f.key) == plain || letters(f.flag) == plain) {
			elsewhere = pathText(path)
		}
	})
	if elsewhere != "" {
		d.fail(key, "unknown key %q; did you mean %s?", clip(key.Value), elsewhere)
		return
	}
	d.fail(key, "unknown key %q; known here: %s", clip(key.Value), strings.Join(known, ", "))
}

// value reads the value of f into v.
func (d *decoder) value(n *yaml.Node, v reflect.Value, f *field) []mark {
	switch {
	case isSection(f.typ):
		return d.section(n, v, "a section with keys")
	case isTable(f.typ):
		return d.table(n, v, f)
	case f.typ == typeSettings:
		return d.settings(n, v, f)
	case f.typ == typeNetworks:
		return d.networks(n, v)
	case f.typ == typeStrings:
		return d.strings(n, v, f)
	}
	if d.usable(n) {
		d.scalar(n, v, f)
	}
	return nil
}

// table reads a map from names to sections.
func (d *decoder) table(n *yaml.Node, v reflect.Value, f *field) []mark {
	t := f.typ.Elem()
	m := reflect.MakeMap(f.typ)
	var marks []mark
	ok := d.pairs(n, "names, each with keys below it", func(key, value *yaml.Node) {
		marks = append(marks, d.below(key.Value, key, value, func() []mark {
			if f.keys != nil && !f.keys.MatchString(key.Value) {
				d.fail(key, "%q is not the name of a check: 1 to 64 letters, digits, _, - or dots, and no dot first", clip(key.Value))
			} else if key.Value == "" || len(key.Value) > maxText {
				d.fail(key, "a name has 1 to %d bytes", maxText)
			}
			entry := reflect.New(t).Elem()
			kids := d.section(value, entry, "a section with keys")
			m.SetMapIndex(reflect.ValueOf(key.Value), entry)
			return kids
		}))
	})
	if ok && !isNull(n) {
		v.Set(m)
	}
	return marks
}

// settings reads values that a script gives a meaning to.
func (d *decoder) settings(n *yaml.Node, v reflect.Value, f *field) []mark {
	m := Settings{}
	var marks []mark
	ok := d.pairs(n, "names with values", func(key, value *yaml.Node) {
		marks = append(marks, d.below(key.Value, key, value, func() []mark {
			if key.Value == "" || len(key.Value) > maxText {
				d.fail(key, "a name has 1 to %d bytes", maxText)
			}
			if d.usable(value) {
				if x, ok := d.setting(value); ok {
					m[key.Value] = x
				}
			}
			return nil
		}))
	})
	if ok && len(m) > f.maxKeys {
		d.fail(n, "has %d settings; want %d at most", len(m), f.maxKeys)
	}
	if ok && !isNull(n) {
		v.Set(reflect.ValueOf(m))
	}
	return marks
}

// list calls visit with each entry. It reports false, with a problem, when n is no list.
func (d *decoder) list(n *yaml.Node, want string, visit func(i int, entry *yaml.Node) []mark) ([]mark, bool) {
	switch {
	case !d.usable(n):
		return nil, false
	case isNull(n):
		return nil, true
	case n.Kind != yaml.SequenceNode:
		d.fail(n, "want %s, got %s", want, describe(n))
		return nil, false
	}
	marks := make([]mark, len(n.Content))
	for i, entry := range n.Content {
		d.path = append(d.path, strconv.Itoa(i))
		marks[i] = mark{line: int32(entry.Line), col: int32(entry.Column)}
		if d.usable(entry) {
			marks[i].kids = visit(i, entry)
		}
		d.path = d.path[:len(d.path)-1]
	}
	return marks, true
}

// strings reads a text or a list of texts.
func (d *decoder) strings(n *yaml.Node, v reflect.Value, f *field) []mark {
	entry := n
	list := Strings{}
	first := map[string]int{}
	add := func() {
		s, ok := d.text(entry, f)
		switch line, twice := first[s]; {
		case !ok:
		case s == "":
			d.fail(entry, "is empty")
		case len(f.enum) > 0 && !slices.Contains(f.enum, s):
			d.fail(entry, "unknown word %q; %s", clip(s), wordHint(s, f.enum))
		case twice:
			d.fail(entry, "%q is given twice, first in line %d", clip(s), line)
		default:
			first[s] = entry.Line
			list = append(list, s)
		}
	}
	if n.Kind == yaml.ScalarNode && !isNull(n) {
		if d.usable(n) {
			add()
			v.Set(reflect.ValueOf(list))
		}
		return nil
	}
	marks, ok := d.list(n, "a text or a list of texts", func(_ int, e *yaml.Node) []mark {
		entry = e
		add()
		return nil
	})
	if ok && !isNull(n) {
		if len(n.Content) < f.items {
			d.fail(n, "has no entries; want %d at least", f.items)
		}
		v.Set(reflect.ValueOf(list))
	}
	return marks
}

// wordHint helps with a word that is not in enum.
func wordHint(s string, enum []string) string {
	if strings.Contains(s, ",") {
		return "write several as a list: [" + strings.ReplaceAll(clip(s), ",", ", ") + "]"
	}
	if near := nearest(s, enum); near != "" {
		return "did you mean " + near + "?"
	}
	return "known are " + strings.Join(enum, ", ")
}
