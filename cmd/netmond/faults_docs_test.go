package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestFaultsAreTested finds each test that docs/faults.md names.
func TestFaultsAreTested(t *testing.T) {
	doc, err := os.ReadFile("../../docs/faults.md")
	if err != nil {
		t.Fatal(err)
	}
	names := regexp.MustCompile("`(Test[A-Za-z0-9]+[a-z0-9])`").FindAllStringSubmatch(string(doc), -1)
	if len(names) < 50 {
		t.Fatalf("docs/faults.md names %d tests", len(names))
	}
	defined := map[string]bool{}
	function := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	err = filepath.WalkDir("../..", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, m := range function.FindAllStringSubmatch(string(text), -1) {
			defined[m[1]] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range names {
		if m[1] == "TestLive" || m[1] == "TestGroup" {
			continue // the beginnings of names
		}
		if !defined[m[1]] {
			t.Errorf("docs/faults.md: there is no %s", m[1])
		}
	}
}
