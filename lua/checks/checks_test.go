package checks_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/netmond/netmond/internal/checktest"
	"github.com/netmond/netmond/lua/checks"
)

var update = flag.Bool("update", false, "write golden files and docs/checks.md")

// golden compares got with a file, or writes it.
func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

func source(t testing.TB, name string) string {
	t.Helper()
	b, err := fs.ReadFile(checks.FS, name+".lua")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestChecks(t *testing.T) {
	tested := map[string]bool{}
	for _, tc := range checkCases {
		tested[tc.check] = true
		t.Run(tc.check+"/"+tc.name, func(t *testing.T) {
			var w traffic
			tc.build(&w)
			r := checktest.Replay{Networks: networks, Pcap: w.pcap()}
			r.Scripts = append(tc.more, checktest.Script{Name: tc.check + ".lua", Source: source(t, tc.check), Config: tc.config})
			if tc.restart != 0 {
				r.Restart = captureStart.Add(tc.restart).UnixNano()
			}
			golden(t, filepath.Join("testdata", tc.check, tc.name+".txt"), checktest.Run(t, r))
		})
	}
	for _, c := range checks.List() {
		if !tested[c.Name] {
			t.Errorf("no case runs %s", c.Name)
		}
	}
}

// TestOffice runs every check, enabled or not, with its defaults over the office sample, in which there
// is a SYN scan of the servers at minute 2 and nothing else to tell.
func TestOffice(t *testing.T) {
	pcap, err := os.ReadFile("../../cmd/netmond/testdata/office.pcap")
	if err != nil {
		t.Fatal(err)
	}
	r := checktest.Replay{Networks: networks + ",2001:db8:1::/64=office-v6", Pcap: pcap}
	for _, c := range checks.List() {
		r.Scripts = append(r.Scripts, checktest.Script{Name: c.Name + ".lua", Source: source(t, c.Name)})
	}
	golden(t, filepath.Join("testdata", "office.txt"), checktest.Run(t, r))
}

// TestHeads compares what the heads say with what the scripts are.
func TestHeads(t *testing.T) {
	for _, c := range checks.List() {
		t.Run(c.Name, func(t *testing.T) {
			// The script's own table, as JSON.
			probe := strings.Replace(source(t, c.Name), "\nreturn script\n", `
local hooks = {}
for name in pairs(script.hooks) do hooks[#hooks + 1] = name end
return { check = function()
  print(require("json").encode({ hooks = hooks, enabled = script.default_enabled, default = script.default_value,
    category = script.category.id, severity = script.severity.severity_id }))
end }
`, 1)
			var w traffic
			w.murmur(0, 0)
			out := checktest.Run(t, checktest.Replay{Networks: "192.0.2.0/25", Pcap: w.pcap(), Scripts: []checktest.Script{{Name: c.Name + ".lua", Source: probe}}})
			_, text, ok := strings.Cut(out, " print ")
			if !ok {
				t.Fatalf("the script does not end with return script: %s", out)
			}
			var got struct {
				Hooks    []string
				Enabled  bool
				Default  map[string]any
				Category int
				Severity int
			}
			if err := json.Unmarshal([]byte(text), &got); err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			if got.Category == 0 || got.Severity == 0 {
				t.Errorf("category %d, severity %d", got.Category, got.Severity)
			}
			hooks := slices.Sorted(slices.Values(c.Hooks))
			slices.Sort(got.Hooks)
			if diff := cmp.Diff(hooks, got.Hooks); diff != "" {
				t.Errorf("hooks (-head +script):\n%s", diff)
			}
			if got.Enabled != c.Enabled {
				t.Errorf("default_enabled is %v, the head says %v", got.Enabled, c.Enabled)
			}
			want := map[string]string{}
			for name, value := range got.Default {
				text := fmt.Sprintf("%.0f", value)
				if s, ok := value.(string); ok {
					text = fmt.Sprintf("%q", s)
				}
				want[name] = text
			}
			described := map[string]string{}
			for _, s := range c.Settings {
				described[s.Name] = s.Default
			}
			if diff := cmp.Diff(want, described); diff != "" {
				t.Errorf("default_value (-script +head):\n%s", diff)
			}
		})
	}
}

// TestSettleIsOne: the part that all files share is the same text in each.
func TestSettleIsOne(t *testing.T) {
	first := ""
	for _, c := range checks.List() {
		_, rest, ok := strings.Cut(source(t, c.Name), "\n-- settle decides")
		body, _, ok2 := strings.Cut(rest, "\nend\n")
		if !ok || !ok2 {
			t.Fatalf("%s has no settle", c.Name)
		}
		if first == "" {
			first = body
		}
		if diff := cmp.Diff(first, body); diff != "" {
			t.Errorf("settle of %s:\n%s", c.Name, diff)
		}
	}
}

func TestReference(t *testing.T) {
	var b bytes.Buffer
	if err := checks.WriteReference(&b); err != nil {
		t.Fatal(err)
	}
	golden(t, "../../docs/checks.md", b.String())
}
