package main

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

var update = flag.Bool("update", false, "write the manual page and the completions")

// TestDocs holds the manual page and the shells' completions against the flags.
func TestDocs(t *testing.T) {
	for file, option := range map[string]string{
		"docs/netmond.1":                  "--help-man",
		"deploy/completions/netmond.bash": "--completion-script-bash",
		"deploy/completions/_netmond":     "--completion-script-zsh",
	} {
		// The parser writes these to the process's own standard output.
		got, err := exec.Command(netmondBinary(t), option).Output()
		if err != nil || len(got) < 100 {
			t.Fatalf("%s: %v, %d bytes", option, err, len(got))
		}
		path := filepath.Join("..", "..", filepath.FromSlash(file))
		if *update {
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is not what the flags say: make docs writes it", file)
		}
	}
}
