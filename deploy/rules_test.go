// Package deploy_test checks the files of this folder with the tools that will read them.
package deploy_test

import (
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/netmond/netmond/internal/testneed"
)

func TestPromtool(t *testing.T) {
	promtool := testneed.Command(t, "prometheus", "promtool")
	for _, args := range [][]string{
		{"check", "config", "prometheus.yml"}, // and the rules that it names
		{"check", "rules", "netmond.rules.yml"},
		{"test", "rules", "netmond.rules.test.yml"},
	} {
		if out, err := exec.Command(promtool, args...).CombinedOutput(); err != nil {
			t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
}

// Every metric that a rule reads exists, and every alert is tested.
func TestRulesFitNetmond(t *testing.T) {
	read := func(name string) string {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	rules, tests, docs := read("netmond.rules.yml"), read("netmond.rules.test.yml"), read("../docs/metrics.md")
	names := regexp.MustCompile(`(^|[^:a-z_])(netmond_[a-z_]+)`).FindAllStringSubmatch(rules, -1)
	if len(names) < 20 {
		t.Errorf("found %d metrics: the pattern is broken", len(names))
	}
	for _, m := range names {
		if !strings.Contains(docs, "`"+m[2]+"`") {
			t.Errorf("a rule reads %s, which docs/metrics.md does not have", m[2])
		}
	}
	var alerts []string
	for _, m := range regexp.MustCompile(`alert: (\w+)`).FindAllStringSubmatch(rules, -1) {
		alerts = append(alerts, m[1])
		// One test must see it, another must see it stay away.
		if strings.Count(tests, m[1]) < 2 || !regexp.MustCompile(`alertname: `+m[1]+`\n\s+exp_alerts`).MatchString(tests) {
			t.Errorf("alert %s is not tested both ways", m[1])
		}
	}
	slices.Sort(alerts)
	if len(alerts) < 10 || len(slices.Compact(alerts)) != len(alerts) {
		t.Errorf("alerts %v: too few, or one stands twice", alerts)
	}
}
