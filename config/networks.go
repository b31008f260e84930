package config

import (
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// networks reads the list of local networks.
func (d *decoder) networks(n *yaml.Node, v reflect.Value) []mark {
	list := []Network{}
	marks, ok := d.list(n, "a list of networks", func(_ int, entry *yaml.Node) []mark {
		network := Network{Pos: Position{File: d.file, Line: entry.Line, Col: entry.Column}}
		var kids []mark
		at := entry
		switch entry.Kind {
		case yaml.ScalarNode:
			fields := d.fieldsOf(typeNetwork)
			s, ok := d.text(entry, &fields[0])
			if !ok {
				return nil
			}
			network.CIDR = s
		default:
			if hint := colonHint(entry); hint != "" {
				d.fail(entry, "%s", hint)
				return nil
			}
			before := len(d.found.Problems) + d.found.More
			kids = d.networkSection(entry, &network)
			if len(d.found.Problems)+d.found.More > before {
				return kids
			}
			if m := find(kids, "cidr"); m != nil {
				at = &yaml.Node{Line: int(m.line), Column: int(m.col)}
			}
		}
		if network.prefix() == (netip.Prefix{}) {
			d.fail(at, "%s", networkFault(network.CIDR))
		}
		list = append(list, network)
		return kids
	})
	if ok && !isNull(n) {
		v.Set(reflect.ValueOf(list))
	}
	return marks
}

// networkSection reads an entry of the form {cidr: CIDR, name: NAME}.
func (d *decoder) networkSection(n *yaml.Node, network *Network) []mark {
	var cidr, name *string
	fields := d.fieldsOf(typeNetwork)
	var marks []mark
	ok := d.pairs(n, "a CIDR, or a section with cidr and name", func(key, value *yaml.Node) {
		i := slices.IndexFunc(fields, func(f field) bool { return f.key == key.Value })
		if i < 0 {
			d.unknown(key, fields)
			return
		}
		marks = append(marks, d.below(key.Value, key, value, func() []mark {
			if !d.usable(value) {
				return nil
			}
			if s, ok := d.text(value, &fields[i]); ok && s == "" {
				d.fail(value, "is empty")
			} else if ok && fields[i].key == "cidr" {
				cidr = &s
			} else if ok {
				name = &s
			}
			return nil
		}))
	})
	if ok && find(marks, "cidr") == nil {
		d.fail(n, "has no cidr")
	}
	network.CIDR, network.Name = Or(cidr, ""), Or(name, "")
	return marks
}

// colonHint explains why an IPv6 address that ends in a colon reads as a mapping.
func colonHint(n *yaml.Node) string {
	if n.Kind != yaml.MappingNode || len(n.Content) != 2 || !isNull(n.Content[1]) {
		return ""
	}
	if _, err := netip.ParseAddr(n.Content[0].Value + ":"); err != nil {
		return ""
	}
	return "put an address that ends in a colon in quotes: \"" + n.Content[0].Value + ":\""
}

// networkFault says what is wrong with the text of a network.
func networkFault(s string) string {
	cidr, name, named := strings.Cut(s, "=")
	if named && (Network{CIDR: cidr}).prefix() != (netip.Prefix{}) {
		return "write a network with a name as {cidr: " + cidr + ", name: " + strconv.Quote(clip(name)) + "}"
	}
	if strings.HasPrefix(s, "/") || strings.HasPrefix(s, ".") || strings.HasPrefix(s, "@") {
		return strconv.Quote(clip(s)) + " is no network; a file of them is named by networks_file"
	}
	if _, err := netip.ParsePrefix(s); strings.Contains(s, "/") && err != nil {
		return strconv.Quote(clip(s)) + " is not a CIDR such as 192.0.2.0/24 or 2001:db8::/32"
	}
	return strconv.Quote(clip(s)) + " is neither a CIDR such as 192.0.2.0/24 nor an address"
}
