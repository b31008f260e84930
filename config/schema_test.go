package config

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v4"
)

func compiled(t testing.TB) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource(SchemaID, doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile(SchemaID)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// instance is a YAML document as an editor hands it to its validator of schemas.
func instance(t testing.TB, src string) any {
	t.Helper()
	var v any
	if err := yaml.Load([]byte(src), &v); err != nil {
		t.Fatalf("%s\n%v", src, err)
	}
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatalf("%s\n%v", src, err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// agreement has documents of which parser and schema say the same, but for those marked "parser":
// what is wrong there no schema can say.
var agreement = []struct {
	bad string // "" for a good document
	src string
}{
	{"", "{}"},
	{"", "networks: [192.0.2.0/24, {cidr: 198.51.100.1, name: a}]"},
	{"", "networks: []"},
	{"", "networks:"},
	{"both", "networks: 192.0.2.0/24"},
	{"both", "networks: [{name: a}]"},
	{"both", "networks: [{cidr: 192.0.2.0/24, alias: a}]"},
	{"both", "networks: [{cidr: 192.0.2.0/24, name: 5}]"},
	{"both", "networks: [{cidr: 192.0.2.0/24, name: ''}]"},
	{"both", "networks: [{cidr: }]"},
	{"both", "networks: [7]"},
	{"both", "networks: [~]"},
	{"parser", "networks: [lan]"},
	{"both", "networks_file:"},
	{"both", "networks_file: ''"},
	{"both", "networks_file: [a]"},
	{"", "capture: {interface: eth1}"},
	{"", "capture: {interface: [eth1, eth2]}"},
	{"", "capture: {interface: }"},
	{"both", "capture: {interface: []}"},
	{"both", "capture: {interface: [eth1, eth1]}"},
	{"both", "capture: {interface: 1}"},
	{"both", "capture: {interface: ''}"},
	{"both", "capture: {iface: eth1}"},
	{"both", "capture: eth1"},
	{"", "capture: {ring_size: 67108864}"},
	{"", "capture: {ring_size: 64MiB}"},
	{"", "capture: {ring_size: 0.5 GB}"},
	{"", "capture: {ring_size: '67108864'}"},
	{"both", "capture: {ring_size: 64M}"},
	{"both", "capture: {ring_size: 64mib}"},
	{"both", "capture: {ring_size: -1}"},
	{"both", "capture: {ring_size: 1048576}"},
	{"both", "capture: {ring_size: 1.5}"},
	{"both", "capture: {ring_size: true}"},
	{"both", "capture: {ring_size: }"},
	{"parser", "capture: {ring_size: 1MiB}"},
	{"parser", "capture: {ring_size: 1.0000001KiB}"},
	{"parser", "capture: {ring_size: 99999999999TiB}"},
	{"", "capture: {snaplen: 0}"},
	{"", "capture: {snaplen: 64}"},
	{"both", "capture: {snaplen: 63}"},
	{"both", "capture: {snaplen: 64.5}"},
	{"both", "capture: {snaplen: '64'}"},
	{"both", "capture: {snaplen: 16777217}"},
	{"", "capture: {promiscuous: false}"},
	{"both", "capture: {promiscuous: 'false'}"},
	{"both", "capture: {promiscuous: 0}"},
	{"", "accounting: {decap: all}"},
	{"", "accounting: {decap: [gre, tzsp]}"},
	{"", "accounting: {decap: []}"},
	{"both", "accounting: {decap: GRE}"},
	{"both", "accounting: {decap: [gre, nvgre]}"},
	{"", "accounting: {max_flows: 1}"},
	{"", "accounting: {max_flows: 1e6}"},
	{"both", "accounting: {max_flows: 0}"},
	{"both", "accounting: {max_flows: 1073741825}"},
	{"", "accounting: {idle_timeout: 0}"},
	{"", "accounting: {idle_timeout: '0'}"},
	{"", "accounting: {idle_timeout: 1h30m}"},
	{"", "accounting: {idle_timeout: 1.5d, active_timeout: 2w, closed_timeout: 10us, host_idle_timeout: 3600s}"},
	{"both", "accounting: {idle_timeout: 90}"},
	{"both", "accounting: {idle_timeout: '90'}"},
	{"both", "accounting: {idle_timeout: -1s}"},
	{"both", "accounting: {idle_timeout: 1 h}"},
	{"both", "accounting: {idle_timeout: 1y}"},
	{"both", "accounting: {idle_timeout: [1h]}"},
	{"both", "accounting: {idle_timeout: true}"},
	{"parser", "accounting: {host_idle_timeout: 1ms}"},
	{"parser", "accounting: {idle_timeout: 99999999999w}"},
	{"parser", "accounting: {idle_timeout: 0.1ns}"},
	{"", "web: {listen_addresses: ':80', allowed_hosts: []}"},
	{"both", "web: {listen_addresses: []}"},
	{"both", "web: {allowed_hosts: {a: b}}"},
	{"", "metrics: {matrix_series: 0}"},
	{"both", "metrics: {matrix_series: -1}"},
	{"", "scripts: {limits: {time: 10m, memory: 64GiB}}"},
	{"both", "scripts: {limits: {cpu: 1}}"},
	{"both", "scripts: {limits: {memory: 1024}}"},
	{"both", "scripts: {max: 10001}"},
	{"", "checks: {a.b-c_D9: {}}"},
	{"", "checks: {throughput: }"},
	{"", "checks: {throughput: {settings: {a: 1, b: x, c: true, d: 1.5, e: -2e3}}}"},
	{"", "checks: {throughput: {settings: {a: 12 monkeys, b: '', c: 2024-01-01}}}"},
	{"both", "checks: {throughput: {settings: {a: }}}"},
	{"both", "checks: {throughput: {settings: {a: [1]}}}"},
	{"both", "checks: {throughput: {settings: {'': 1}}}"},
	{"both", "checks: {throughput: {settings: 1}}"},
	{"both", "checks: {throughput: {setting: {}}}"},
	{"both", "checks: {throughput: true}"},
	{"both", "checks: {.a: {}}"},
	{"both", "checks: {'': {}}"},
	{"both", "checks: {a/b: {}}"},
	{"both", "checks: {" + strings.Repeat("a", 65) + ": {}}"},
	{"parser", "checks: {throughput: {settings: {a: 12345678901234567891}}}"},
	{"", "checks: {throughput: {networks: {lan: {enabled: true, settings: {}}, 192.0.2.0/24: }}}"},
	{"both", "checks: {throughput: {networks: {lan: {limits: {}}}}}"},
	{"both", "checks: {throughput: {networks: {'': {}}}}"},
	{"both", "checks: {throughput: {enabled: maybe}}"},
	{"", "alerts: {retention: 90d, max_history: 1}"},
	{"both", "alerts: {retention: 90}"},
	{"both", "alerts: {max_history: 0}"},
	{"parser", "alerts: {retention: 59s}"},
	{"both", "nonsense: 1"},
	{"both", "[]"},
	{"both", "7"},
}

func TestSchemaAndParserAgree(t *testing.T) {
	schema := compiled(t)
	for _, tt := range agreement {
		_, parseErr := Parse("x", []byte(tt.src))
		schemaErr := schema.Validate(instance(t, tt.src))
		if (parseErr != nil) != (tt.bad != "") || (schemaErr != nil) != (tt.bad == "both") {
			t.Errorf("%s: wrong is %q\nparser: %v\nschema: %v", tt.src, tt.bad, parseErr, schemaErr)
		}
	}
}

func TestSchemaOfFiles(t *testing.T) {
	schema := compiled(t)
	files, err := filepath.Glob("testdata/*.good.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal(err)
	}
	for _, file := range append(files, exampleFile) {
		if _, err := Load(file); err != nil {
			t.Errorf("%v", err)
		}
		if err := schema.Validate(instance(t, readFile(t, file))); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}

// In the example, what is commented out is right too; its checks and their settings exist, and editors
// find the schema.
func TestExample(t *testing.T) {
	src := readFile(t, exampleFile)
	first, _, _ := strings.Cut(src, "\n")
	if want := "# yaml-language-server: $schema=https://raw.githubusercontent.com/netmond/netmond/main/docs/config.schema.json"; first != want {
		t.Errorf("first line %q, want %q", first, want)
	}
	src = regexp.MustCompile(`(?m)^( *)# ([a-z_]+: )`).ReplaceAllString(strings.TrimPrefix(src, first), "$1$2")
	c, err := Parse("example", []byte(src))
	if err != nil {
		t.Fatalf("with all comments taken as keys: %v", err)
	}
	walkKeys(typeConfig, nil, func(path []string, f *field) {
		at := strings.Join(path, ".")
		if !strings.ContainsAny(at, "*[") && c.Pos(path...) == c.Pos(path[:len(path)-1]...) {
			t.Errorf("%s has no %s", exampleFile, at)
		}
	})
	docs := readFile(t, "../docs/checks.md")
	for key, check := range c.Checks {
		_, section, ok := strings.Cut(docs, "\n## "+key+"\n")
		section, _, _ = strings.Cut(section, "\n## ")
		if !ok {
			t.Errorf("%s: no check %s is shipped", exampleFile, key)
		}
		for name := range check.Settings {
			if !strings.Contains(section, "| `"+name+"` |") {
				t.Errorf("%s: check %s has no setting %s", exampleFile, key, name)
			}
		}
	}
}
