package main

import (
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestResults: only a machine that says that all went well passes.
func TestResults(t *testing.T) {
	for _, c := range []struct {
		name, console       string
		passed              int
		done, failed, shown bool
	}{
		{"passes", "--- PASS: TestA (1s)\n    --- PASS: TestA/b (0s)\nkerneltest done: 0\n", 2, true, false, false},
		{"a test fails", "--- PASS: TestA (1s)\n--- FAIL: TestB (0s)\nkerneltest done: 1\n", 1, true, true, true},
		{"ends early", "--- PASS: TestA (1s)\nKernel panic\n", 1, false, false, true},
		{"the tests' process fails", "--- PASS: TestA (1s)\nkerneltest done: 1\n", 1, true, true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			var r results
			for line := range strings.Lines(c.console) {
				r.take(strings.TrimSuffix(line, "\n"))
			}
			if r.passed != c.passed || r.done != c.done || r.failed != c.failed {
				t.Errorf("passed %d, done %v, failed %v; want %d, %v, %v", r.passed, r.done, r.failed, c.passed, c.done, c.failed)
			}
			if got := strings.Contains(r.String(), "the console's last lines"); got != c.shown {
				t.Errorf("the console is shown: %v, want %v", got, c.shown)
			}
		})
	}
}

// TestNumbers: a kernel's packages are in the order of their versions, not of their names.
func TestNumbers(t *testing.T) {
	list := []string{"linux-image-6.1.0-9-cloud-amd64", "linux-image-6.1.0-56-cloud-amd64", "linux-image-6.1.0-47-cloud-amd64"}
	if got := slices.MaxFunc(list, func(a, b string) int { return slices.Compare(numbers(a), numbers(b)) }); got != list[1] {
		t.Errorf("newest is %s", got)
	}
}

// TestInitramfs: an archive holds its files, with the folders above them, in the format newc.
func TestInitramfs(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("12345"), 0o600); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, "initrd")
	if err := writeInitramfs(name, map[string]string{"init": file, "src/a/b": file}, []string{file}, []string{"-x"}); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	gz, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(gz)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for len(b) >= 110 && string(b[:6]) == "070701" {
		field := func(n int) int { // of 8 hexadecimal digits
			v, err := strconv.ParseUint(string(b[6+8*n:][:8]), 16, 32)
			if err != nil {
				t.Fatal(err)
			}
			return int(v)
		}
		mode, size, begin := field(1), field(6), (110+field(11)+3)&^3
		name, content := string(b[110:][:field(11)-1]), string(b[begin:][:size])
		got = append(got, fmt.Sprintf("%o %s %q", mode, name, content))
		b = b[(begin+size+3)&^3:]
	}
	want := []string{
		`100755 init "12345"`, `40755 src ""`, `40755 src/a ""`, `100755 src/a/b "12345"`, `40755 modules ""`, `100755 modules/00-file "12345"`,
		`100644 args "-x\n"`, `0 TRAILER!!! ""`,
	}
	if !slices.Equal(got, want) || len(b) != 0 {
		t.Errorf("%q and %d bytes more, want %q", got, len(b), want)
	}
}
