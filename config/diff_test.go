package config

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestDiff(t *testing.T) {
	const base = `
networks: [192.0.2.0/24, {cidr: 198.51.100.0/24, name: servers}, 203.0.113.0/24]
capture: {interface: eth1, ring_size: 64MiB}
checks:
  throughput: {enabled: true, settings: {threshold: 100, api_token: abc}}
  idle_network: {enabled: true}
alerts: {retention: 90d}
`
	edit := func(pairs ...string) string { return strings.NewReplacer(pairs...).Replace(base) }
	for _, tt := range []struct {
		name, before, after string
		want                []string
	}{
		{"same", base, base, nil},
		{"other spelling", base, edit("64MiB", "67108864", "90d", "2160h", "192.0.2.0/24", "192.0.2.9/24", "eth1", "[eth1]"), nil},
		{"scalars", base, edit("64MiB", "128MiB", "90d", "30d"), []string{
			"capture.ring_size: 64MiB -> 128MiB (needs a restart)",
			"alerts.retention: 90d -> 30d",
		}},
		{"given and not", base, edit(", ring_size: 64MiB", "", "alerts: {retention: 90d}", "data_dir: /x"), []string{
			"capture.ring_size: 64MiB -> (not given) (needs a restart)",
			"data_dir: (not given) -> /x (needs a restart)",
			"alerts.retention: 90d -> (not given)",
		}},
		{"lists", base, edit("eth1", "[eth1, eth2]"), []string{"capture.interface: [eth1] -> [eth1, eth2] (needs a restart)"}},
		{"networks", base, edit("192.0.2.0/24, ", "", "servers", "farm", "203.0.113.0/24]", "203.0.113.0/24, '2001:db8::/32']"), []string{
			`networks["192.0.2.0/24"]: 192.0.2.0/24 -> (not given)`,
			`networks["198.51.100.0/24"]: 198.51.100.0/24 "servers" -> 198.51.100.0/24 "farm"`,
			`networks["2001:db8::/32"]: (not given) -> 2001:db8::/32`,
		}},
		{"order", "networks: [192.0.2.0/24, 198.51.100.0/24]", "networks: [198.51.100.0/24, 192.0.2.0/24]",
			[]string{"networks: in their order -> in another order"}},
		{"checks", base, edit("  idle_network: {enabled: true}\n", "", "threshold: 100", "threshold: '100'", "true, ", "false, "), []string{
			"checks.idle_network.enabled: true -> (not given)",
			"checks.throughput.enabled: true -> false",
			"checks.throughput.settings.threshold: 100 -> \"100\"",
		}},
		{"secret", base, edit("abc", "def"), []string{"checks.throughput.settings.api_token: <hidden> -> <hidden>"}},
		{"per network", base, edit("api_token: abc}", "api_token: abc}, networks: {192.0.2.0/24: {enabled: false, settings: {threshold: 1}}}"), []string{
			`checks.throughput.networks["192.0.2.0/24"].enabled: (not given) -> false`,
			`checks.throughput.networks["192.0.2.0/24"].settings.threshold: (not given) -> 1`,
		}},
		{"empty list", "web: {}", "web: {allowed_hosts: []}", []string{"web.allowed_hosts: (not given) -> [] (needs a restart)"}},
		{"no networks", "networks: []", "{}", []string{"networks: [] -> (not given)"}},
	} {
		var got []string
		for _, c := range Diff(parse(t, tt.before), parse(t, tt.after)) {
			got = append(got, c.String())
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

// Two configurations are the same exactly when they differ in nothing, and a change is told with the
// same path from either side.
func TestDiffLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawConfig(t, "a"), drawConfig(t, "b")
		if d := Diff(a, a); len(d) > 0 {
			t.Fatalf("from itself: %v", d)
		}
		paths := func(changes []Change, swap bool) map[string]string {
			m := map[string]string{}
			for _, c := range changes {
				if swap {
					c.Old, c.New = c.New, c.Old
				}
				if c.Path != "networks" {
					m[c.Path] = fmt.Sprint(c.Old, " ", c.New, " ", c.Restart)
				}
			}
			return m
		}
		if diff := cmp.Diff(paths(Diff(a, b), false), paths(Diff(b, a), true)); diff != "" {
			t.Fatalf("one way and the other:\n%s", diff)
		}
		if len(Diff(a, b)) == 0 && given(a) != given(b) {
			t.Fatalf("no difference between\n%s\nand\n%s", a, b)
		}
	})
}

// given is what a sets, without empty sections and with networks in one spelling.
func given(a *Config) string {
	c := *a
	c.Checks = nil
	var networks []Network
	for _, n := range c.Networks {
		networks = append(networks, Network{CIDR: n.prefix().String(), Name: n.Name})
	}
	if c.Networks != nil {
		c.Networks = append([]Network{}, networks...)
	}
	return c.encode(false)
}
