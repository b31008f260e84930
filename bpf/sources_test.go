package bpf

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the hash of the C sources")

// TestSources compares the C sources and the compiler's flags with those that the objects were made of.
// It needs no compiler; that the objects are what the compiler makes of them is for CI to say.
func TestSources(t *testing.T) {
	var files []string
	err := filepath.WalkDir("c", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(files)
	h := sha256.New()
	for _, path := range append(files, "generate.go") {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(h, "%s %d\n", filepath.ToSlash(path), len(b))
		h.Write(b)
	}
	got := fmt.Sprintf("%x\n", h.Sum(nil))
	const file = "sources.sha256"
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != strings.ReplaceAll(string(want), "\r\n", "\n") {
		t.Errorf("the C sources have hash %swant %sRun make generate (with the compiler that it names)", got, want)
	}
}
