package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func ptr[T any](v T) *T { return &v }

// ignorePlaces compares what two files say, wherever they say it.
var ignorePlaces = cmp.Options{cmpopts.IgnoreUnexported(Config{}), cmpopts.IgnoreFields(Network{}, "Pos")}

func parse(t testing.TB, src string) *Config {
	t.Helper()
	c, err := Parse("netmond.yaml", []byte(src))
	if err != nil {
		t.Fatalf("%s\n%v", src, err)
	}
	return c
}

func TestFull(t *testing.T) {
	const file = "testdata/full.good.yaml"
	got, err := Load(file)
	if err != nil {
		t.Fatal(err)
	}
	at := func(line, col int) Position { return Position{File: file, Line: line, Col: col} }
	want := &Config{
		Networks: []Network{
			{CIDR: "192.0.2.0/24", Pos: at(3, 5)},
			{CIDR: "198.51.100.0/24", Name: "servers", Pos: at(4, 5)},
			{CIDR: "2001:db8::", Name: "10", Pos: at(5, 5)},
		},
		NetworksFile: ptr("lists/networks.txt"),
		Capture: Capture{
			Interface: Strings{"eth1", "eth2"}, Workers: ptr(int64(4)), RingSize: ptr(Size(128 << 20)), Snaplen: ptr(int64(96)), Promiscuous: ptr(false),
			Wait: ptr(Duration(2 * time.Minute)), IgnoreOutgoing: ptr(true), Path: ptr("xdp"), MirrorPort: ptr(true), XDPAction: ptr("drop"), ForceDrop: ptr(true),
			FlowDetail: ptr("sampled"), FlowSampleRate: ptr(int64(32)), Filter: ptr("not (tcp port 22 and host 192.0.2.1)"),
		},
		Accounting: Accounting{
			Memory: ptr(Size(256 << 20)), HalfOpenTimeout: ptr(Duration(3 * time.Second)),
			Decap: Strings{"gre", "vxlan"}, FlowVLAN: ptr(true), MaxFlows: ptr(int64(1_000_000)), ReadWorkers: ptr(int64(2)), MaxHosts: ptr(int64(65536)),
			IdleTimeout: ptr(Duration(90 * time.Second)), ActiveTimeout: ptr(Duration(90 * time.Minute)),
			ClosedTimeout: ptr(Duration(0)), HostIdleTimeout: ptr(Duration(0)),
		},
		Web: Web{
			ListenAddresses: Strings{"127.0.0.1:19991", ":9100"}, AllowedHosts: Strings{"netmond.example.com"},
			ConfigFile: ptr("/etc/netmond/web.yaml"),
		},
		Metrics: Metrics{MatrixSeries: ptr(int64(0))},
		Sandbox: ptr(false),
		User:    ptr("netmond"),
		DataDir: ptr("/var/lib/netmond"),
		History: History{Memory: ptr(Size(32 << 20)), Disk: ptr(Size(1 << 30))},
		GeoIP:   GeoIP{ASN: ptr("GeoLite2-ASN.mmdb"), Country: ptr("/var/lib/geoip/GeoLite2-City.mmdb")},
		Scripts: Scripts{
			Enabled: ptr(false), Dirs: Strings{"scripts", "../more"}, Limits: Limits{Time: ptr(Duration(500 * time.Millisecond)), Memory: ptr(Size(512 << 20))},
			Max: ptr(int64(20)), ReloadInterval: ptr(Duration(time.Minute)), NtopngShape: ptr(true),
		},
		Checks: map[string]Check{"traffic_volume": {
			Enabled: ptr(true),
			Settings: Settings{
				"ingress": 1e9, "share": 0.25, "negative": -3.0, "word": "text", "date": "2024-01-01", "flag": false,
				"quoted number": "12", "webhook": "https://user:pa55word@hooks.example.com/x", "api_token": "0123456789abcdef",
			},
			Limits: CheckLimits{Time: ptr(Duration(time.Second)), Memory: ptr(Size(16 << 20))},
			Networks: map[string]CheckNetwork{
				"servers":      {Enabled: ptr(false)},
				"192.0.2.0/24": {Settings: Settings{"ingress": 5.0}},
			},
		}},
		Alerts: Alerts{Retention: ptr(Duration(14 * 24 * time.Hour)), MaxHistory: ptr(int64(5000))},
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(Config{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// The full example has every key of the table, so that each is read by the tests.
func TestEveryKey(t *testing.T) {
	c, err := Load("testdata/full.good.yaml")
	if err != nil {
		t.Fatal(err)
	}
	names := map[string][]string{"checks.*": {"traffic_volume"}, "checks.*.networks.*": {"servers", "192.0.2.0/24"}, "networks.[]": {"1"}}
	walkKeys(typeConfig, nil, func(path []string, f *field) {
		paths := [][]string{{}}
		for i, name := range path {
			choices := []string{name}
			if name == "*" || name == "[]" {
				choices = names[strings.Join(path[:i+1], ".")]
			}
			var next [][]string
			for _, p := range paths {
				for _, choice := range choices {
					next = append(next, append(p[:len(p):len(p)], choice))
				}
			}
			paths = next
		}
		given := false
		for _, p := range paths {
			given = given || c.Pos(p...) != c.Pos(p[:len(p)-1]...)
		}
		if !given {
			t.Errorf("testdata/full.good.yaml has no %s", pathText(path))
		}
	})
}

func TestSectionsWithoutContent(t *testing.T) {
	got, err := Load("testdata/commented.good.yaml")
	if err != nil {
		t.Fatal(err)
	}
	want := &Config{Capture: Capture{RingSize: ptr(Size(4 << 20))}, Checks: map[string]Check{"throughput": {}}}
	if diff := cmp.Diff(want, got, ignorePlaces); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, src := range []string{"# a comment\n", "---\n", "{}\n", "\ufeff# BOM", "---\n...\n", "null"} {
		if got, err := Parse("x", []byte(src)); err != nil {
			t.Errorf("%q: %v", src, err)
		} else if diff := cmp.Diff(&Config{}, got, ignorePlaces); diff != "" {
			t.Errorf("%q (-want +got):\n%s", src, diff)
		}
	}
	empty := parse(t, "networks: []\nchecks: {}\nweb: {allowed_hosts: []}\n")
	if empty.Networks == nil || empty.Checks == nil || empty.Web.AllowedHosts == nil {
		t.Error("an empty list or map is not told from one that is not given")
	}
}

// Each *.bad.yaml ends with the errors that it gives, as comments.
func TestBadFiles(t *testing.T) {
	files, err := filepath.Glob("testdata/*.bad.yaml")
	if err != nil || len(files) < 5 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		var want []string
		for _, m := range regexp.MustCompile(`(?m)^# error: (.*)$`).FindAllStringSubmatch(readFile(t, file), -1) {
			want = append(want, file+":"+m[1])
		}
		_, err := Load(file)
		if err == nil {
			t.Errorf("%s: no error", file)
			continue
		}
		if diff := cmp.Diff(want, strings.Split(err.Error(), "\n")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", file, diff)
		}
	}
}

func TestSyntax(t *testing.T) {
	for _, tt := range []struct{ src, want string }{
		{"", "x: is empty; a file with nothing but a comment is allowed"},
		{" \n\t\r\n", "x: is empty; a file with nothing but a comment is allowed"},
		{"\ufeff", "x: is empty; a file with nothing but a comment is allowed"},
		{"\xff\xfea\x00", "x: is UTF-16; save it as UTF-8"},
		{"\xfe\xff\x00a", "x: is UTF-16; save it as UTF-8"},
		{"web:\n  x: é\xff\n", "x:2:7: byte 0xff is not UTF-8"},
		{"web: \x00\n", "x:1:6: character U+0000 cannot stand in a configuration"},
		{"web:\r\n  x: \x1b[0m\n", "x:2:6: character U+001B cannot stand in a configuration"},
		{"web:\n\tallowed_hosts: x\n", "x:2:1: a tab is no indentation in YAML: use spaces"},
		{"web:\n  \tallowed_hosts: x\n  config_file: y", "x:2:3: a tab is no indentation in YAML: use spaces"},
		{"networks: [192.0.2.0/24\nweb: x\n", "x:2:4: did not find expected ',' or ']', while parsing a flow sequence that begins in line 1"},
		{"a: 1\n---\nb: 2\n", "x:2:1: a second document begins here; a configuration is one document"},
		{"web: {}\n---\n", "x:2:1: a second document begins here; a configuration is one document"},
		{"web: {}\n---\n[", "x:3:2: did not find expected node content, while parsing a flow node"},
		{"- a\n", "x:1:1: want the keys of a configuration, such as networks, got a list"},
		{"netmond\n", `x:1:1: want the keys of a configuration, such as networks, got the text "netmond"`},
		{strings.Repeat("[", 1000), "x:1:33: is nested deeper than 32 levels"},
		{strings.Repeat("- ", 1000), "x:1:65: is nested deeper than 32 levels"},
		{strings.Repeat("{a: ", 1000), "x:1:129: is nested deeper than 32 levels"},
		{strings.Repeat("#", maxFile+1), "x: is larger than 16 MiB"},
		{strings.Repeat("-\n", maxElements), "x: has more than 262144 elements; put a long list of networks into a file of its own (networks_file)"},
		{"%YAML 1.2\n---\n{}\n", "x:1:1: this version of YAML is not known here: remove the line with %YAML"},
		{"networks: *missing", "x:1:11: unknown anchor 'missing' referenced"},
	} {
		_, err := Parse("x", []byte(tt.src))
		var e *Error
		if !errors.As(err, &e) || err.Error() != tt.want {
			t.Errorf("%.60q:\n got %v\nwant %s", tt.src, err, tt.want)
		}
	}
}

// A bomb of aliases is refused where it is first used, at no cost.
func TestAliasBomb(t *testing.T) {
	var b strings.Builder
	b.WriteString("a0: &a0 [x, x, x, x, x, x, x, x, x]\n")
	for i := 1; i < 30; i++ {
		fmt.Fprintf(&b, "a%d: &a%d [%s]\n", i, i, strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 9))
	}
	b.WriteString("networks: *a29\n")
	_, err := Parse("x", []byte(b.String()))
	if err == nil || !strings.Contains(err.Error(), "aliases such as *a29 are not supported") {
		t.Errorf("got %v", err)
	}
}

func TestManyProblems(t *testing.T) {
	_, err := Parse("x", []byte(strings.Repeat("? [k]\n: v\n", 250)))
	var e *Error
	if !errors.As(err, &e) || len(e.Problems) != maxProblems || e.More != 150 {
		t.Fatalf("got %v", err)
	}
	if lines := strings.Split(err.Error(), "\n"); len(lines) != maxProblems+1 || lines[maxProblems] != "and 150 more" {
		t.Errorf("%d lines, the last %q", len(lines), lines[len(lines)-1])
	}
	var p *Problem
	if !errors.As(err, &p) || p.Pos != (Position{File: "x", Line: 1, Col: 3}) {
		t.Errorf("the first problem is %v", p)
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	if _, err := Load(filepath.Join(dir, "none.yaml")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
	if _, err := Load(dir); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("a folder: %v", err)
	}
	large := filepath.Join(dir, "large.yaml")
	if err := os.WriteFile(large, make([]byte, maxFile+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(large); err == nil || err.Error() != large+": is larger than 16 MiB" {
		t.Errorf("a large file: %v", err)
	}
}

func TestPos(t *testing.T) {
	const file = "testdata/full.good.yaml"
	c, err := Load(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ path, want string }{
		{"", ""},
		{"capture", ":8:1"},
		{"capture/ring_size", ":10:14"},
		{"capture/interface/1", ":9:21"},
		{"capture/interface/2", ":9:3"},
		{"capture/none", ":8:1"},
		{"networks/0", ":3:5"},
		{"networks/2/name", ":6:11"},
		{"none/at/all", ""},
		{"checks/traffic_volume", ":57:3"},
		{"checks/traffic_volume/settings/share", ":61:14"},
		{"checks/traffic_volume/networks/servers", ":73:7"},
	} {
		var path []string
		if tt.path != "" {
			path = strings.Split(tt.path, "/")
		}
		if got := c.Pos(path...); got != file+tt.want {
			t.Errorf("%s: got %s, want %s%s", tt.path, got, file, tt.want)
		}
	}
	if got := c.Pos("checks", "traffic_volume", "networks", "192.0.2.0/24", "settings", "ingress"); got != file+":77:20" {
		t.Errorf("got %s", got)
	}
	for path, want := range map[string]string{"": "", "/x": "/x", "a/b": "testdata/a/b", "../x": "x"} {
		if got := c.Path(path); got != want {
			t.Errorf("path %q: got %q, want %q", path, got, want)
		}
	}
}

// Columns count characters, as editors do, also after a byte order mark.
func TestColumns(t *testing.T) {
	_, err := Parse("x", []byte("\ufeffdata_dir: [ä, 日本]\nchecks: {\"é\": {}}\n"))
	want := "x:1:11: data_dir: want a text, got a list\n" +
		`x:2:10: checks["é"]: "é" is not the name of a check: 1 to 64 letters, digits, _, - or dots, and no dot first`
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	_, err = Parse("x", []byte("checks: {a: {settings: {日本: 1, b: []}}}\n"))
	if want := "x:1:35: checks.a.settings.b: want a number, a text, true or false, got a list"; err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestOr(t *testing.T) {
	c := parse(t, "accounting: {max_flows: 5}")
	if got := []int64{Or(c.Accounting.MaxFlows, 7), Or(c.Accounting.MaxHosts, 7)}; !reflect.DeepEqual(got, []int64{5, 7}) {
		t.Errorf("got %v", got)
	}
}
