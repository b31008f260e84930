package config

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write docs/configuration.md and docs/config.schema.json")

const (
	docsFile    = "../docs/configuration.md"
	schemaFile  = "../docs/config.schema.json"
	exampleFile = "../deploy/netmond.yaml"
)

const docsHead = `# Configuration

<!-- Made by go test ./config -run TestDocs -update from config/config.go; edit that. -->

One YAML file holds everything that can be configured. Each key may be left out. A flag of the command
line goes before the file, and the file before the defaults. [deploy/netmond.yaml](../deploy/netmond.yaml)
is an example with all sections, and [config.schema.json](config.schema.json) a JSON Schema (2020-12), with
which editors complete and check keys as you type. In editors with the YAML language server, this line at
the top of the file is enough:

` + "```yaml\n# yaml-language-server: $schema=https://raw.githubusercontent.com/netmond/netmond/main/docs/config.schema.json\n```" + `

` + "```yaml\n" + docsExample + "```" + `

The file is read whole or not at all: an unknown key, a key given twice, a value of the wrong type or out of
its range is an error, and all errors are told at once, each with line, column and key:

` + "```text\n%s\n```" + `

## Values

| type | written as |
|---|---|
| size | A number of bytes, or a number with a unit: ` + "`64MiB`, `1.5GB`, `4096`. `kB`, `MB`, `GB`, `TB` are powers of 1,000, `KiB`, `MiB`, `GiB`, `TiB`" + ` of 1,024. |
| duration | Numbers with units, added up: ` + "`90s`, `1h30m`, `1d`, `2w`, `250ms`; units are `ns`, `us`, `ms`, `s`, `m`, `h`, `d`, `w`. `0`" + ` needs no unit. A day has 24 hours. |
| number | A whole number in decimal. |
| text | A text; in quotes if YAML would read it as a number, ` + "`true` or `false`" + `. |
| texts | One text or a list of texts, none twice. |
| switch | ` + "`true` or `false`; `yes` and `on`" + ` are refused. |

- A relative path starts from the folder of the file.
- An IPv6 address that begins or ends with a colon needs quotes.
- A section, list or map without content counts as not given, so that all below it may be comments. A key
  that wants one value and has none is an error. A file of comments sets nothing; an empty file is refused.
- The file is one YAML document in UTF-8, of at most 16 MiB, 32 levels and about a quarter of a million
  elements; a list of more than ten thousand networks is better kept in ` + "`networks_file`" + `. Aliases, merge
  keys and tags of YAML are refused.
- **At a reload** the keys marked so take effect; a change of any other is told and waits for a restart.
- Where the configuration is shown, settings whose name says password, secret, token, credential or key are
  hidden, and so is what stands before the ` + "`@`" + ` of a URL.
`

const docsExample = `networks:
  - {cidr: 192.0.2.0/24, name: office}
  - 198.51.100.0/24
capture:
  interface: eth1
data_dir: /var/lib/netmond
`

// docsBad has mistakes that the page shows the messages of.
const docsBad = `networks: [192.0.2.0/33]
capture:
  ring-size: 64MiB
  snaplen: 32
accounting:
  idle_timeout: 90
`

// typeWord is the type of a key as the page names it.
func typeWord(f *field) string {
	switch {
	case isSection(f.typ):
		return "section"
	case isTable(f.typ):
		return "map of sections"
	}
	switch f.typ {
	case typeNetworks:
		return "list"
	case typeStrings:
		return "texts"
	case typeSettings:
		return "map of values"
	case typeSize:
		return "size"
	case typeDuration:
		return "duration"
	case typeInt:
		return "number"
	case typeBool:
		return "switch"
	}
	return "text"
}

// limitText is what the page says of the values that are allowed.
func limitText(f *field) string {
	switch {
	case len(f.enum) > 0:
		return "`" + strings.Join(f.enum, "`, `") + "`"
	case f.maxKeys > 0:
		return fmt.Sprintf("at most %d", f.maxKeys)
	case f.maxLen != maxText:
		return fmt.Sprintf("at most %d bytes", f.maxLen)
	}
	return f.rangeText()
}

func docs() string {
	_, err := Parse("netmond.yaml", []byte(docsBad))
	var b strings.Builder
	fmt.Fprintf(&b, docsHead, err)
	b.WriteString("\n## Keys\n\n`*` stands for a name of yours, `[]` for an entry of a list.\n\n" +
		"| key | type | default | allowed | change takes effect | flag of run | meaning |\n|---|---|---|---|---|---|---|\n")
	effect := map[string]string{"": ""}
	walkKeys(typeConfig, nil, func(path []string, f *field) {
		apply := f.apply
		if apply == "" {
			apply = effect[strings.Join(path[:len(path)-1], ".")]
		}
		effect[strings.Join(path, ".")] = apply
		effect[strings.Join(append(path[:len(path):len(path)], "*"), ".")] = apply
		effect[strings.Join(append(path[:len(path):len(path)], "[]"), ".")] = apply
		shown := f.unset
		if f.def != "" {
			shown = "`" + f.def + "`"
		}
		flag := ""
		if f.flag != "" {
			flag = "`--" + f.flag + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | at a %s | %s | %s |\n",
			strings.ReplaceAll(strings.Join(path, "."), ".[]", "[]"), typeWord(f), shown, limitText(f), apply, flag, f.doc)
	})
	return b.String()
}

// TestDocs keeps the reference and the schema current.
func TestDocs(t *testing.T) {
	for file, want := range map[string]string{docsFile: docs(), schemaFile: string(Schema())} {
		if *update {
			if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if diff := cmp.Diff(want, readFile(t, file)); diff != "" {
			t.Errorf("%s is not current; run go test ./config -run TestDocs -update (-want +got):\n%s", file, diff)
		}
	}
	if _, err := Parse("docs", []byte(docsExample)); err != nil {
		t.Errorf("the example of the page: %v", err)
	}
}

func readFile(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Every key says what it means and what stands without it, and the tags make sense.
func TestTable(t *testing.T) {
	keys := 0
	walkKeys(typeConfig, nil, func(path []string, f *field) {
		keys++
		at := pathText(path)
		if !regexp.MustCompile(`^[a-z][a-z0-9_]*$`).MatchString(f.key) {
			t.Errorf("%s: a key is in lower case with _", at)
		}
		if len(f.doc) < 10 || !strings.HasSuffix(f.doc, ".") || strings.ContainsAny(f.doc, "|<>`\"") {
			t.Errorf("%s: doc %q: want a sentence that Markdown takes", at, f.doc)
		}
		top := len(path) == 1
		if f.apply != "reload" && f.apply != "restart" && (top || f.apply != "") {
			t.Errorf("%s: apply %q: want reload or restart, at the top at least", at, f.apply)
		}
		if isSection(f.typ) {
			return
		}
		if (f.def == "") == (f.unset == "") && at != `networks["[]"].cidr` {
			t.Errorf("%s: want one of default and unset", at)
		}
		if f.def != "" {
			doc := strings.Join(path, ": {") + ": " + f.def + strings.Repeat("}", len(path)-1)
			c, err := Parse("default", []byte(doc))
			if err != nil {
				t.Errorf("%s: default: %v", at, err)
			} else if !strings.Contains(c.String(), f.key) {
				t.Errorf("%s: default is not there: %s", at, c)
			}
		}
	})
	if keys < 40 {
		t.Errorf("only %d keys", keys)
	}
}
