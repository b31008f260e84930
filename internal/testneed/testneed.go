// Package testneed lets a test say what it needs beyond Go: a test skips with its reason where the
// need is missing, and fails instead where NETMOND_TEST_REQUIRE lists the need (a comma separated
// list of shared, root, netns, bpf, tcpdump, prometheus, systemd, browser, tmux), as it does in CI.
package testneed

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// missing ends t: a failure where need is required, else a skip.
func missing(t testing.TB, need, why string) {
	t.Helper()
	if slices.Contains(strings.Split(os.Getenv("NETMOND_TEST_REQUIRE"), ","), need) {
		t.Fatalf("NETMOND_TEST_REQUIRE lists %s: %s", need, why)
	}
	t.Skipf("needs %s: %s", need, why)
}

// Shared is the folder with the capture corpus, which lies beside the repository's root.
func Shared(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Fatal("no go.mod above the working directory")
		}
		dir = parent
	}
	shared := filepath.Join(filepath.Dir(dir), "shared")
	if _, err := os.Stat(filepath.Join(shared, "pcaps", "expected.json")); err != nil {
		missing(t, "shared", "no capture corpus beside the repository")
	}
	return shared
}

// Root says that the test needs user 0.
func Root(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		missing(t, "root", "not running as root")
	}
}

// Command is the path of an outside program that a test drives; need is its word in
// NETMOND_TEST_REQUIRE.
func Command(t testing.TB, need, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		missing(t, need, name+" is not installed")
	}
	return path
}

// File says that the test needs a file that is not in the repository; how tells the way to get it.
func File(t testing.TB, need, path, how string) {
	t.Helper()
	if _, err := os.Stat(path); err != nil {
		missing(t, need, filepath.Base(path)+" is not there: "+how)
	}
}
