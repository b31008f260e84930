package checks_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/netmond/netmond/internal/testneed"
)

// A docBlock is one fenced block of a Markdown page.
type docBlock struct {
	kind       string // what stands behind the fence
	file       string // of the line "File: `name`" before it
	text       string
	begin, end int // lines of text, from 0, end not included
	line       int // of the fence, from 1
}

func docBlocks(t *testing.T, page string) []docBlock {
	t.Helper()
	var blocks []docBlock
	var open *docBlock
	file := ""
	lines := strings.Split(page, "\n")
	for i, line := range lines {
		switch {
		case open != nil && line == "```":
			open.end = i
			open.text = strings.Join(append(lines[open.begin:i:i], ""), "\n")
			blocks = append(blocks, *open)
			open = nil
		case open != nil:
		case strings.HasPrefix(line, "```"):
			open = &docBlock{kind: line[3:], file: file, begin: i + 1, line: i + 1}
			file = ""
		default:
			if name, ok := strings.CutPrefix(line, "File: `"); ok {
				file = strings.TrimSuffix(name, "`")
			}
		}
	}
	if open != nil {
		t.Fatalf("line %d: block is not closed", open.line)
	}
	return blocks
}

// spent is the time that a replay took, the one thing in its output that changes.
var spent = regexp.MustCompile(`[0-9.]+[µm]?s in Lua`)

// TestTutorial does what docs/scripting.md says: writes its files, runs its commands and compares their
// output with the block behind.
func TestTutorial(t *testing.T) {
	const page = "../../docs/scripting.md"
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	bin, work := t.TempDir(), t.TempDir()
	build := exec.Command(testneed.Command(t, "go", "go"), "build", "-o", filepath.Join(bin, "netmond"), "./cmd/netmond")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build netmond: %v\n%s", err, out)
	}
	run := func(commands string) string {
		cmd := exec.Command(testneed.Command(t, "sh", "sh"), "-c", commands)
		cmd.Dir = work
		cmd.Env = append(os.Environ(), "NETMOND_SOURCE="+root, "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"))
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
			t.Fatalf("%s: %v", commands, err)
		}
		return spent.ReplaceAllString(out.String(), "1ms in Lua")
	}

	lines := strings.Split(string(text), "\n")
	shift := 0 // of lines, by outputs written so far
	last := ""
	for _, b := range docBlocks(t, string(text)) {
		switch {
		case b.kind == "lua" && b.file != "":
			if err := os.WriteFile(filepath.Join(work, b.file), []byte(b.text), 0o644); err != nil {
				t.Fatal(err)
			}
		case b.kind == "sh":
			last = run(b.text)
		case b.kind == "text":
			if *update {
				output := strings.Split(strings.TrimSuffix(last, "\n"), "\n")
				lines = append(append(lines[:b.begin+shift:b.begin+shift], output...), lines[b.end+shift:]...)
				shift += len(output) - (b.end - b.begin)
			} else if diff := cmp.Diff(b.text, last); diff != "" {
				t.Errorf("%s:%d: output (-page +got):\n%s", page, b.line, diff)
			}
		default:
			t.Errorf("%s:%d: a block of kind %q without a file name: nothing tests it", page, b.line, b.kind)
		}
	}
	if *update {
		if err := os.WriteFile(page, []byte(strings.Join(lines, "\n")), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
