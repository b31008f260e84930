package config

import (
	"maps"
	"math"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// hidden stands for a secret.
const hidden = "<hidden>"

// String is the configuration as YAML, as it was read: the keys that are given, in the order of the
// table, without comments. Secrets are hidden: the value of a check's setting whose name says password,
// secret, token, credential or key, and the password in a URL. So it can be logged and served.
func (c *Config) String() string { return c.encode(true) }

func (c *Config) encode(hide bool) string {
	e := encoder{hide: hide}
	n := e.section(reflect.ValueOf(c).Elem())
	if len(n.Content) == 0 {
		return "{}\n"
	}
	// Long lines stay whole: a folded text reads back with other blanks in some styles.
	text, err := yaml.Dump(n, yaml.WithIndent(2), yaml.WithLineWidth(-1))
	if err != nil { // only of a Config that Parse did not make
		return "# " + strconv.Quote(err.Error()) + "\n"
	}
	return string(text)
}

// An encoder makes YAML nodes of a Config.
type encoder struct {
	hide bool
}

func scalarNode(tag, value string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: value}
}

// textNode is in quotes when another reader of YAML could take it for something else.
func textNode(s string) *yaml.Node {
	n := scalarNode("!!str", s)
	if !plainText(s) {
		n.Style = yaml.DoubleQuotedStyle
	}
	return n
}

// plainText reports whether s is a text without quotes in any version of YAML: a word, or words, of
// which the first begins with a letter and is none that means something.
func plainText(s string) bool {
	switch strings.ToLower(s) {
	case "", "y", "n", "yes", "no", "on", "off", "true", "false", "null":
		return false
	}
	if c := s[0] | 0x20; c < 'a' || c > 'z' {
		return isAddressText(s)
	}
	return strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./") == ""
}

// isAddressText reports whether s is a CIDR or an address of IPv4, which is no number.
func isAddressText(s string) bool {
	return strings.Count(s, ".") == 3 && Network{CIDR: s}.prefix().IsValid()
}

// section is the keys of a struct that are given.
func (e *encoder) section(v reflect.Value) *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	for _, f := range fieldsOf(v.Type()) {
		if value := e.value(v.Field(f.index)); value != nil {
			n.Content = append(n.Content, textNode(f.key), value)
		}
	}
	return n
}

// value is nil for a key that is not given.
func (e *encoder) value(v reflect.Value) *yaml.Node {
	switch t := v.Type(); {
	case isSection(t):
		if n := e.section(v); len(n.Content) > 0 {
			return n
		}
		return nil
	case v.IsNil():
		return nil
	case isTable(t):
		n := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
		for _, name := range sortedKeys(v) {
			n.Content = append(n.Content, textNode(name), e.section(v.MapIndex(reflect.ValueOf(name))))
		}
		return n
	case t == typeSettings:
		return e.settings(v.Interface().(Settings))
	case t == typeStrings:
		n := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Style: yaml.FlowStyle}
		for _, s := range v.Interface().(Strings) {
			n.Content = append(n.Content, textNode(e.show(s)))
		}
		return n
	case t == typeNetworks:
		n := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
		for _, network := range v.Interface().([]Network) {
			n.Content = append(n.Content, networkNode(network))
		}
		return n
	case t == typeText:
		return textNode(e.show(*v.Interface().(*string)))
	case t == typeBool:
		return scalarNode("!!bool", strconv.FormatBool(v.Elem().Bool()))
	}
	text := numberText(v.Type(), v.Elem().Int())
	if isIndex(text) {
		return scalarNode("!!int", text)
	}
	return scalarNode("!!str", text)
}

func networkNode(network Network) *yaml.Node {
	cidr := textNode(network.CIDR)
	if network.Name == "" {
		return cidr
	}
	return &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Style: yaml.FlowStyle, Content: []*yaml.Node{
		textNode("cidr"), cidr, textNode("name"), textNode(network.Name),
	}}
}

func (e *encoder) settings(s Settings) *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	for _, name := range slices.Sorted(maps.Keys(s)) {
		var value *yaml.Node
		switch x := s[name].(type) {
		case bool:
			value = scalarNode("!!bool", strconv.FormatBool(x))
		case float64:
			value = floatNode(x)
		case string:
			value = textNode(e.show(x))
		}
		if e.hide && isSecret(name) {
			value = textNode(hidden)
		}
		if value != nil {
			n.Content = append(n.Content, textNode(name), value)
		}
	}
	return n
}

// floatNode has the digits that read back as x.
func floatNode(x float64) *yaml.Node {
	if x == math.Trunc(x) && math.Abs(x) <= maxExact {
		return scalarNode("!!int", strconv.FormatFloat(x, 'f', -1, 64))
	}
	return scalarNode("!!float", strconv.FormatFloat(x, 'e', -1, 64))
}

// show is s without the password of a URL.
func (e *encoder) show(s string) string {
	if e.hide {
		return withoutPassword(s)
	}
	return s
}

// isSecret reports whether a setting of this name is not to be shown.
func isSecret(name string) bool {
	plain := letters(name)
	for _, word := range []string{"password", "passwd", "passphrase", "secret", "token", "credential", "apikey", "privatekey", "accesskey", "authkey"} {
		if strings.Contains(plain, word) {
			return true
		}
	}
	return plain == "key" || plain == "auth" || plain == "authorization"
}

// withoutPassword hides the password of a URL, and what may be one where the URL cannot be read.
func withoutPassword(s string) string {
	scheme, rest, ok := strings.Cut(s, "://")
	if !ok || !strings.Contains(rest, "@") {
		return s
	}
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return scheme + "://" + hidden
	case u.User == nil:
		return s
	}
	u.User = url.User("hidden")
	return u.String()
}

// sortedKeys are the names of a table.
func sortedKeys(v reflect.Value) []string {
	var names []string
	for _, k := range v.MapKeys() {
		names = append(names, k.String())
	}
	slices.Sort(names)
	return names
}
