package config

import (
	"bytes"
	"encoding/json"
	"math"
	"reflect"
	"strings"
)

// SchemaID names the schema; editors find it in the repository's docs folder.
const SchemaID = "https://github.com/netmond/netmond/docs/config.schema.json"

// Schema is a JSON Schema (draft 2020-12) of the file for editors, made from the table of keys. It
// refuses nothing that Parse accepts. What it cannot say, Parse refuses alone: a size or duration out
// of its range where it is a text, a CIDR that is none, a key given twice.
func Schema() []byte {
	s := schemaMaker{defs: object{
		{"size", object{{"type", "string"}, {"pattern", sizePattern}}},
		{"duration", object{{"type", "string"}, {"pattern", durationPattern}}},
	}}
	root := s.section(typeConfig)
	doc := append(object{
		{"$schema", "https://json-schema.org/draft/2020-12/schema"},
		{"$id", SchemaID},
		{"title", "netmond.yaml"},
		{"description", "The configuration file of netmond. Flags of the command line go before it."},
	}, root...)
	doc = append(doc, member{"$defs", s.defs})
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(doc); err != nil {
		panic(err) // of texts and numbers alone: cannot be
	}
	return b.Bytes()
}

// An object is a JSON object whose members keep their order.
type object []member

type member struct {
	name  string
	value any
}

// MarshalJSON implements json.Marshaler.
func (o object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	b.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		if err := enc.Encode(m.name); err != nil {
			return nil, err
		}
		b.WriteByte(':')
		if err := enc.Encode(m.value); err != nil {
			return nil, err
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

func (o object) has(name string) bool {
	for _, m := range o {
		if m.name == name {
			return true
		}
	}
	return false
}

type schemaMaker struct {
	defs object // grows
}

// section is an object with the keys of a struct, and no others. One without keys is null.
func (s *schemaMaker) section(t reflect.Type) object {
	var properties object
	for _, f := range fieldsOf(t) {
		properties = append(properties, member{f.key, s.key(&f)})
	}
	return object{{"type", []string{"object", "null"}}, {"additionalProperties", false}, {"properties", properties}}
}

// ref makes a definition of what occurs more than once.
func (s *schemaMaker) ref(name string, make func() object) object {
	if !s.defs.has(name) {
		s.defs = append(s.defs, member{name, nil})
		at := len(s.defs) - 1
		def := make()
		s.defs[at].value = def
	}
	return object{{"$ref", "#/$defs/" + name}}
}

// key is the schema of one key, with its meaning.
func (s *schemaMaker) key(f *field) object {
	doc := f.doc
	if f.unset != "" {
		doc += " Default: " + f.unset + "."
	}
	o := object{{"description", doc}}
	if f.def != "" {
		o = append(o, member{"default", f.defaultJSON()})
	}
	return append(o, s.value(f)...)
}

// defaultJSON is the default as an editor would write it.
func (f *field) defaultJSON() any {
	switch f.typ {
	case typeInt:
		return json.Number(f.def)
	case typeBool:
		return f.def == "true"
	}
	return f.def
}

func (s *schemaMaker) value(f *field) object {
	text := object{{"type", "string"}, {"minLength", 1}, {"maxLength", f.maxLen}}
	switch t := f.typ; {
	case isSection(t):
		return s.section(t)
	case isTable(t):
		name := strings.ToLower(t.Elem().Name())
		names := object{{"minLength", 1}, {"maxLength", maxText}}
		if f.keys != nil {
			names = object{{"pattern", f.keys.String()}}
		}
		return object{
			{"type", []string{"object", "null"}},
			{"propertyNames", names},
			{"additionalProperties", s.ref(name, func() object { return s.section(t.Elem()) })},
		}
	case t == typeSettings:
		return object{
			{"type", []string{"object", "null"}},
			{"maxProperties", f.maxKeys},
			{"propertyNames", object{{"minLength", 1}, {"maxLength", maxText}}},
			{"additionalProperties", object{{"type", []string{"number", "string", "boolean"}}, {"maxLength", maxText}}},
		}
	case t == typeNetworks:
		return object{{"type", []string{"array", "null"}}, {"items", s.ref("network", s.network)}}
	case t == typeStrings:
		if len(f.enum) > 0 {
			text = object{{"enum", f.enum}}
		}
		list := object{{"type", []string{"array", "null"}}, {"items", text}, {"uniqueItems", true}}
		if f.items > 0 {
			list = append(list, member{"minItems", f.items})
		}
		return anyOf(text, list)
	case t == typeText && len(f.enum) > 0:
		return object{{"enum", f.enum}}
	case t == typeText, t.Kind() == reflect.String:
		return text
	case t == typeBool:
		return object{{"type", "boolean"}}
	case t == typeSize:
		return anyOf(append(f.integers(), object{{"$ref", "#/$defs/size"}})...)
	case t == typeDuration:
		return anyOf(object{{"const", 0}}, object{{"$ref", "#/$defs/duration"}})
	}
	if integers := f.integers(); len(integers) > 1 {
		return anyOf(integers...)
	}
	return f.integers()[0]
}

// integers are the ranges of a number.
func (f *field) integers() []object {
	o := object{{"type", "integer"}, {"minimum", f.min}}
	if f.max < math.MaxInt64 {
		o = append(o, member{"maximum", f.max})
	}
	if f.or != nil {
		return []object{{{"const", *f.or}}, o}
	}
	return []object{o}
}

// network is a CIDR, or a CIDR and its name.
func (s *schemaMaker) network() object {
	section := s.section(typeNetwork)
	section[0].value = "object"
	section = append(section, member{"required", []string{"cidr"}})
	return anyOf(object{{"type", "string"}, {"minLength", 1}, {"maxLength", maxText}}, section)
}

func anyOf(list ...object) object { return object{{"anyOf", list}} }
