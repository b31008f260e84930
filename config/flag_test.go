package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Every flag takes the default of its key, and what it sets goes before the file.
func TestFlags(t *testing.T) {
	file, err := Parse("f.yaml", []byte("accounting: {max_flows: 7, max_hosts: 8}\nscripts: {dirs: [a, b]}\n"))
	if err != nil {
		t.Fatal(err)
	}
	flags := &Config{}
	for _, set := range [][2]string{
		{"max-flows", "1e3"}, {"decap", "gre,vxlan"}, {"decap", "gtp"}, {"scripts-dir", "x"}, {"ring-size", "4MiB"},
		{"promiscuous", "false"}, {"data-dir", "here"}, {"idle-timeout", "1m30s"}, {"interface", "eth0"}, {"interface", "eth1"},
	} {
		if err := flags.Set(set[0], set[1]); err != nil {
			t.Errorf("--%s %s: %v", set[0], set[1], err)
		}
	}
	got := file.With(flags)
	want := `capture:
  interface: [eth0, eth1]
  ring_size: 4MiB
  promiscuous: false
accounting:
  decap: [gre, vxlan, gtp]
  max_flows: 1000
  max_hosts: 8
  idle_timeout: 1m30s
data_dir: here
scripts:
  dirs: [x]
`
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Errorf("merged (-want +got):\n%s", diff)
	}
	for at, want := range map[string]string{"max_flows": "--max-flows", "max_hosts": "f.yaml:1:39", "flow_vlan": "f.yaml:1:1"} {
		if pos := got.Pos("accounting", at); pos != want {
			t.Errorf("accounting.%s is at %s, want %s", at, pos, want)
		}
	}
	if got.Path("here", "data_dir") != "here" || file.Flag("data_dir") != "" {
		t.Error("a path of a flag does not start from the working directory")
	}
	if none := (*Config)(nil).With(flags); Or(none.Accounting.MaxFlows, 0) != 1000 || none.Pos("web") != "" {
		t.Errorf("without a file: %s", none)
	}
	for _, f := range Flags() {
		if f.Doc == "" || f.Default == "" {
			t.Errorf("--%s has no description or default", f.Name)
		}
	}
	if len(Flags("accounting")) < 9 || len(Flags()) < 20 {
		t.Errorf("only %d flags", len(Flags()))
	}
}

// The rules of the file hold for flags too.
func TestFlagsRefuse(t *testing.T) {
	for _, c := range []struct{ flag, text, want string }{
		{"max-flows", "0", "--max-flows: want 1 to 1073741824, got 0"},
		{"max-flows", "many", "--max-flows"},
		{"snaplen", "32", "want 0, or 64 to 16777216, got 32"},
		{"idle-timeout", "90", "has no unit"},
		{"ring-size", "64M", "64MiB"},
		{"decap", "pigeon", `unknown word "pigeon"`},
		{"decap", "gre,gre", "given twice"},
		{"promiscuous", "yes", "true or false"},
		{"data-dir", "", "--data-dir"},
		{"local-networks", "192.0.2.0/24", "no key"},
		{"no-such", "", "no key"},
	} {
		c0 := &Config{}
		err := c0.Set(c.flag, c.text)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("--%s %s: %v, want %q", c.flag, c.text, err, c.want)
		}
	}
}
