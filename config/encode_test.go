package config

import (
	"fmt"
	"math"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestString(t *testing.T) {
	c := parse(t, `
networks: [192.0.2.0/24, {cidr: "2001:db8::", name: "10"}, "::1", {cidr: 198.51.100.0/24, name: "a: b #c"}]
capture: {interface: eth1, ring_size: 67108864, snaplen: 96}
accounting: {idle_timeout: 90s, closed_timeout: 0}
web: {allowed_hosts: [], config_file: "https://me:pa55word@example.com/web.yaml"}
checks:
  b: {settings: {n: 1e3, f: 0.25, t: "yes", u: "a\nb", huge: 1e300, v: true}}
  a: {enabled: false, networks: {192.0.2.0/24: {}}}
  secret: {settings: {Password: x, api-key: y, access_token: 5, "key": z, keyboard: q, hook: "http://u:p@[::1%zz", url: "x://example.com/@"}}
`)
	want := `networks:
- 192.0.2.0/24
- {cidr: "2001:db8::", name: "10"}
- "::1"
- {cidr: 198.51.100.0/24, name: "a: b #c"}
capture:
  interface: [eth1]
  ring_size: 64MiB
  snaplen: 96
accounting:
  idle_timeout: 1m30s
  closed_timeout: 0
web:
  allowed_hosts: []
  config_file: "https://hidden@example.com/web.yaml"
checks:
  a:
    enabled: false
    networks:
      192.0.2.0/24: {}
  b:
    settings:
      f: 2.5e-01
      huge: 1e+300
      "n": 1000
      t: "yes"
      u: "a\nb"
      v: true
  secret:
    settings:
      Password: "<hidden>"
      access_token: "<hidden>"
      api-key: "<hidden>"
      hook: "http://<hidden>"
      key: "<hidden>"
      keyboard: q
      url: "x://example.com/@"
`
	if diff := cmp.Diff(want, c.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, secret := range []string{"pa55word", "u:p@"} {
		for _, text := range []string{c.String(), fmt.Sprintf("%v", c), fmt.Sprintf("%+v", c)} {
			if strings.Contains(text, secret) {
				t.Errorf("%s is shown: %s", secret, text)
			}
		}
	}
}

// drawConfig makes any configuration that a file can hold, along the table of keys.
func drawConfig(t *rapid.T, label string) *Config {
	c := &Config{file: "netmond.yaml"}
	drawSection(t, label, reflect.ValueOf(c).Elem())
	return c
}

func drawSection(t *rapid.T, at string, v reflect.Value) {
	for _, f := range fieldsOf(v.Type()) {
		if isSection(f.typ) {
			drawSection(t, at+"."+f.key, v.Field(f.index))
		} else if rapid.Bool().Draw(t, at+"."+f.key+"?") {
			v.Field(f.index).Set(drawValue(t, at+"."+f.key, &f))
		}
	}
}

var drawText = rapid.OneOf(rapid.StringN(1, 8, 20), rapid.SampledFrom([]string{
	"yes", "null", "~", "1", "1e5", "0x1", "0o7", ".5", "-", "- a", "a: b", "#a", " a ", "a\n", "\n", "\ta", "'", `"`, "\\", "[", "{}", "*a", "&a", "!a",
	"2024-01-01", "%", "@", "`", "é日本", "\u0085", "\u2028", "\ufeff", "\U0001f600", "=", "<<", "\x7f", "\x01", ":", "?", "a #b", "1_000", "1:20", ".inf", "---", "...",
}))

// drawable is a text that a file can hold: not a zero byte.
func drawable(minimum, maximum int) *rapid.Generator[string] {
	return drawText.Filter(func(s string) bool {
		return len(s) >= minimum && len(s) <= maximum && !strings.ContainsRune(s, 0)
	})
}

func drawValue(t *rapid.T, at string, f *field) reflect.Value {
	text := drawable(1, f.maxLen)
	switch {
	case isTable(f.typ):
		m := reflect.MakeMap(f.typ)
		names := text
		if f.keys != nil {
			names = rapid.StringMatching(`[A-Za-z0-9_-][A-Za-z0-9_.-]{0,5}`)
		}
		for i, name := range rapid.SliceOfNDistinct(names, 0, 3, rapid.ID).Draw(t, at) {
			entry := reflect.New(f.typ.Elem()).Elem()
			drawSection(t, fmt.Sprint(at, i), entry)
			m.SetMapIndex(reflect.ValueOf(name), entry)
		}
		return m
	case f.typ == typeSettings:
		values := rapid.OneOf(rapid.Float64().Filter(func(x float64) bool { return !math.IsInf(x, 0) && !math.IsNaN(x) }).AsAny(),
			rapid.Int32().AsAny(), rapid.Bool().AsAny(), drawable(0, maxText).AsAny())
		s := Settings{}
		for name, value := range rapid.MapOfN(text, values, 0, 4).Draw(t, at) {
			if n, ok := value.(int32); ok {
				value = float64(n)
			}
			s[name] = value
		}
		return reflect.ValueOf(s)
	case f.typ == typeNetworks:
		list := []Network{}
		seen := map[netip.Prefix]bool{}
		for i := range rapid.IntRange(0, 4).Draw(t, at) {
			a := netip.AddrFrom4([4]byte(rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, at)))
			if rapid.Bool().Draw(t, at+"6") {
				a = netip.AddrFrom16([16]byte(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, at)))
			}
			n := Network{CIDR: a.String()}
			if rapid.Bool().Draw(t, at+"/") {
				n.CIDR = netip.PrefixFrom(a, rapid.IntRange(0, a.BitLen()).Draw(t, at)).String()
			}
			if rapid.Bool().Draw(t, at+"=") {
				n.Name = drawable(1, 63).Draw(t, fmt.Sprint(at, i))
			}
			if !seen[n.prefix()] && n.prefix().IsValid() {
				seen[n.prefix()] = true
				list = append(list, n)
			}
		}
		return reflect.ValueOf(list)
	case f.typ == typeStrings:
		if len(f.enum) > 0 {
			text = rapid.SampledFrom(f.enum)
		}
		return reflect.ValueOf(Strings(rapid.SliceOfNDistinct(text, f.items, max(3, f.items), rapid.ID).Draw(t, at)))
	case f.typ == typeText:
		if len(f.enum) > 0 {
			text = rapid.SampledFrom(f.enum)
		}
		s := text.Draw(t, at)
		return reflect.ValueOf(&s)
	case f.typ == typeBool:
		b := rapid.Bool().Draw(t, at)
		return reflect.ValueOf(&b)
	}
	n := rapid.Int64Range(f.min, f.max).Draw(t, at)
	if f.or != nil && rapid.Bool().Draw(t, at+"or") {
		n = *f.or
	}
	p := reflect.New(f.typ.Elem())
	p.Elem().SetInt(n)
	return p
}

// What is written of a configuration reads back as the same, and passes the schema.
func TestRoundTrip(t *testing.T) {
	schema := compiled(t)
	rapid.Check(t, func(rt *rapid.T) {
		want := drawConfig(rt, "config")
		src := want.encode(false)
		got, err := Parse("netmond.yaml", []byte(src))
		if err != nil {
			rt.Fatalf("%s\n%v", src, err)
		}
		if diff := cmp.Diff(want, got, ignorePlaces); diff != "" {
			rt.Fatalf("%s(-want +got):\n%s", src, diff)
		}
		if err := schema.Validate(instance(t, src)); err != nil {
			rt.Fatalf("%s\n%v", src, err)
		}
		if _, err := Parse("shown", []byte(want.String())); err != nil {
			rt.Fatalf("what is shown does not read back: %v\n%s", err, want)
		}
	})
}
