package config

import (
	"fmt"
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// A Change is a key whose value is not the same in two configurations.
type Change struct {
	Path     string // such as checks.throughput.enabled or networks["192.0.2.0/24"]
	Old, New string // as in the file, secrets hidden; empty when not given
	// Restart says that the change takes effect when netmond starts again. Others do at a reload.
	Restart bool
}

// String is "path: old -> new".
func (c Change) String() string {
	show := func(s string) string {
		if s == "" {
			return "(not given)"
		}
		return s
	}
	s := fmt.Sprintf("%s: %s -> %s", c.Path, show(c.Old), show(c.New))
	if c.Restart {
		s += " (needs a restart)"
	}
	return s
}

// Diff tells what is different, in the order of the table of keys. Networks are the same when their
// prefix is; their order is a change of its own. What the files hold that a configuration names
// (networks_file, web.config_file, the scripts) is not looked at.
func Diff(before, after *Config) []Change {
	var d differ
	d.section(nil, reflect.ValueOf(before).Elem(), reflect.ValueOf(after).Elem(), false)
	return d.changes
}

type differ struct {
	changes []Change
}

func (d *differ) add(path []string, before, after string, restart bool) {
	d.changes = append(d.changes, Change{Path: pathText(path), Old: before, New: after, Restart: restart})
}

func below(path []string, name string) []string { return append(path[:len(path):len(path)], name) }

func (d *differ) section(path []string, before, after reflect.Value, restart bool) {
	for _, f := range fieldsOf(before.Type()) {
		d.value(below(path, f.key), before.Field(f.index), after.Field(f.index), restart && f.apply == "" || f.apply == "restart")
	}
}

func (d *differ) value(path []string, before, after reflect.Value, restart bool) {
	switch t := before.Type(); {
	case isSection(t):
		d.section(path, before, after, restart)
	case isTable(t):
		d.table(path, before, after, restart)
	case t == typeNetworks:
		d.networks(path, before.Interface().([]Network), after.Interface().([]Network), restart)
	case t == typeSettings:
		d.settings(path, before.Interface().(Settings), after.Interface().(Settings), restart)
	case !reflect.DeepEqual(before.Interface(), after.Interface()):
		d.add(path, valueText(before), valueText(after), restart)
	}
}

func (d *differ) table(path []string, before, after reflect.Value, restart bool) {
	zero := reflect.Zero(before.Type().Elem())
	names := append(sortedKeys(before), sortedKeys(after)...)
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		b, a := before.MapIndex(reflect.ValueOf(name)), after.MapIndex(reflect.ValueOf(name))
		if !b.IsValid() {
			b = zero
		}
		if !a.IsValid() {
			a = zero
		}
		d.section(below(path, name), b, a, restart)
	}
}

func (d *differ) settings(path []string, before, after Settings, restart bool) {
	names := slices.AppendSeq(slices.Collect(maps.Keys(before)), maps.Keys(after))
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		b, inBefore := before[name]
		a, inAfter := after[name]
		if inBefore == inAfter && a == b {
			continue
		}
		text := func(s Settings) string {
			if _, ok := s[name]; !ok {
				return ""
			}
			e := encoder{hide: true}
			value := e.settings(Settings{name: s[name]}).Content[1]
			if value.Tag == "!!str" && value.Value != hidden && !plainText(value.Value) {
				return strconv.Quote(clip(value.Value)) // "100" is not 100
			}
			return flow(value.Value)
		}
		d.add(below(path, name), text(before), text(after), restart)
	}
}

// networks tells which are gone, which are new and which have another name, in order of the prefixes'
// places in the two lists.
func (d *differ) networks(path []string, before, after []Network, restart bool) {
	index := func(list []Network) map[netip.Prefix]int {
		m := make(map[netip.Prefix]int, len(list))
		for i, n := range list {
			if _, twice := m[n.prefix()]; !twice {
				m[n.prefix()] = i
			}
		}
		return m
	}
	inBefore, inAfter := index(before), index(after)
	moved, last := false, -1
	for _, b := range before {
		p := b.prefix()
		i, ok := inAfter[p]
		switch {
		case !ok:
			d.add(below(path, p.String()), networkText(b), "", restart)
			continue
		case after[i].Name != b.Name:
			d.add(below(path, p.String()), networkText(b), networkText(after[i]), restart)
		}
		moved, last = moved || i < last, i
	}
	for _, a := range after {
		if _, ok := inBefore[a.prefix()]; !ok {
			d.add(below(path, a.prefix().String()), "", networkText(a), restart)
		}
	}
	switch {
	case moved:
		d.add(path, "in their order", "in another order", restart)
	case len(before)+len(after) == 0 && (before == nil) != (after == nil):
		d.add(path, listText(before), listText(after), restart)
	}
}

func networkText(n Network) string {
	if n.Name == "" {
		return n.CIDR
	}
	return n.CIDR + " " + strconv.Quote(n.Name)
}

// listText tells an empty list from none.
func listText(list []Network) string {
	if list == nil {
		return ""
	}
	return "[]"
}

// valueText is a scalar or a list of texts as in the file.
func valueText(v reflect.Value) string {
	if v.IsNil() {
		return ""
	}
	e := encoder{hide: true}
	if list, ok := v.Interface().(Strings); ok {
		parts := make([]string, len(list))
		for i, s := range list {
			parts[i] = flow(e.show(s))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	return flow(e.value(v).Value)
}

// flow is a value on one line.
func flow(s string) string {
	if s == "" || strings.ContainsFunc(s, func(r rune) bool { return !strconv.IsPrint(r) }) || len(s) > maxShown {
		return strconv.Quote(clip(s))
	}
	return s
}
