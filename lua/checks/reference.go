package checks

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// WriteReference writes docs/checks.md: every shipped check with its settings, as Markdown.
func WriteReference(w io.Writer) error {
	b := bufio.NewWriter(w)
	b.WriteString(referenceHead)
	for _, c := range List() {
		enabled := "no"
		if c.Enabled {
			enabled = "yes"
		}
		fmt.Fprintf(b, "| [%s](#%s) | %s | %s | %s |\n", c.Name, c.Name, c.Title, strings.Join(c.Hooks, ", "), enabled)
	}
	for _, c := range List() {
		fmt.Fprintf(b, "\n## %s\n\n%s\n\n%s\n\n* Engages: %s\n* Releases: %s\n\n", c.Name, c.Title, c.Text, c.Engages, c.Releases)
		b.WriteString("| Setting | Unit | Default | Meaning |\n|---|---|---|---|\n")
		for _, s := range c.Settings {
			fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", s.Name, s.Unit, s.Default, s.Doc)
		}
	}
	return b.Flush()
}

const referenceHead = `# The checks that netmond ships

This page is generated from the heads of the files in lua/checks; go test ./lua/checks -update writes it.

A check looks at each local network once a period. Its alert is engaged when a value is above a
threshold. It is released when the value was at or below release_percent of the threshold in
release_after runs one after another, so that a value that plays around its threshold makes one alert
and not twenty. What a check compares with the run before is 0 on its first run: nothing engages only because
netmond has started.

To change a check beyond its settings, copy its file into a folder of yours; each file stands alone.
[scripting.md](scripting.md) shows how to write one and [lua-api.md](lua-api.md) lists what it can ask.

| Check | What it finds | Hooks | On by default |
|---|---|---|---|
`
