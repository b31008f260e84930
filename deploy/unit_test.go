package deploy_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/netmond/netmond/internal/testneed"
)

// TestUnit holds the unit file to its figure in docs/security.md: 1.9 of 10.
func TestUnit(t *testing.T) {
	analyze := testneed.Command(t, "systemd", "systemd-analyze")
	out, err := exec.Command(analyze, "security", "--offline=true", "--no-pager", "--threshold=19", "netmond.service").CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	b, err := os.ReadFile("netmond.service")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"DynamicUser=yes", "AmbientCapabilities=CAP_NET_RAW", "CapabilityBoundingSet=CAP_NET_RAW", "NoNewPrivileges=yes",
		// By name: the group @sandbox is not known to systemd 252.
		"SystemCallFilter=seccomp landlock_create_ruleset landlock_add_rule landlock_restrict_self"} {
		if !strings.Contains("\n"+string(b), "\n"+line+"\n") {
			t.Errorf("the unit lacks %s", line)
		}
	}
}
