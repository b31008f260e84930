package config

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// FuzzParse: any bytes give a configuration that reads back as itself, or an *Error with places in the
// file; never a panic.
func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) == 0 {
		f.Fatal(err)
	}
	for _, file := range append(files, exampleFile) {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	for _, tt := range agreement {
		f.Add([]byte(tt.src))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		c, err := Parse("x", src)
		if err != nil {
			e, ok := err.(*Error)
			if !ok || len(e.Problems) == 0 || len(e.Problems) > maxProblems {
				t.Fatalf("%#v", err)
			}
			lines := strings.Count(strings.NewReplacer("\r\n", "\n", "\r", "\n", "\u0085", "\n", "\u2028", "\n", "\u2029", "\n").Replace(string(src)), "\n") + 1
			for _, p := range e.Problems {
				if p.Message == "" || p.Pos.Line > lines || p.Pos.Line > 0 && p.Pos.Col < 1 || strings.ContainsAny(p.Error(), "\n\x00\x1b") || len(p.Error()) > 1000 {
					t.Errorf("of %d lines: %q", lines, p.Error())
				}
			}
			return
		}
		again, err := Parse("x", []byte(c.encode(false)))
		if err != nil {
			t.Fatalf("%v\n%s", err, c.encode(false))
		}
		if diff := cmp.Diff(c, again, ignorePlaces); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
		if d := Diff(c, again); len(d) > 0 {
			t.Fatalf("differs from itself: %v", d)
		}
	})
}

// Input made to be dear takes no more memory than its bounds allow: about 0.5 GB in all at most. The time, 0.3 s at
// most, is shown with -v.
func TestDearInput(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	fill := func(unit string, n int) string { return strings.Repeat(unit, n/len(unit)) }
	for name, src := range map[string]string{
		"comments":   fill("#x\n", maxFile),
		"entries":    fill("-\n", maxFile),
		"flow":       "[" + fill("a,", maxFile-2) + "]",
		"flow most":  "[" + fill("a,", 2*maxElements-10) + "]",
		"pairs":      "{" + fill("a,", maxFile-2) + "}",
		"quotes":     "[" + fill(`"" `, maxFile-2) + "]",
		"quotes max": "[" + fill(`"",`, 3*maxElements/2-10) + "]",
		"anchors":    "[" + fill("&a ", maxFile-2) + "]",
		"aliases":    "[&a b," + fill("*a,", maxFile-10) + "]",
		"tags":       "[" + fill("! ", maxFile-2) + "]",
		"long key":   fill("a", maxFile-10) + ": b",
		"long text":  "data_dir: \"" + fill("x", maxFile-20) + "\"",
		"words":      "data_dir: " + fill("x ", maxFile-20),
		"number":     "capture: {ring_size: " + fill("9", maxFile-30) + "}",
		"fraction":   "capture: {ring_size: 0." + fill("9", maxFile-30) + "GB}",
		"duration":   "alerts: {retention: " + fill("1s", maxFile-30) + "}",
		"blanks":     fill(" ", maxFile-1) + "x",
		"colons":     fill(":", maxFile-1),
		"unknown":    fill("abcdefgh: 1\n", maxFile),
		"documents":  fill("---\n", maxFile),
		"names":      "checks: {" + fill("a: {}, ", 6*maxElements/4) + "}",
		"block":      "data_dir: |\n" + fill("  x\n", maxFile-20),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		start := time.Now()
		if _, err := Parse("x", []byte(src)); err == nil {
			t.Errorf("%s: no error", name)
		} else if len(err.Error()) > maxProblems*1000 {
			t.Errorf("%s: %d bytes of errors", name, len(err.Error()))
		}
		spent := time.Since(start)
		runtime.ReadMemStats(&after)
		if taken := after.TotalAlloc - before.TotalAlloc; taken > 1<<30 {
			t.Errorf("%s: %v and %d MiB", name, spent, taken>>20)
		} else if testing.Verbose() {
			t.Logf("%s: %v and %d MiB", name, spent.Round(time.Millisecond), taken>>20)
		}
	}
}
