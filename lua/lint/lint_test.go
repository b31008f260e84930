package lint

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/netmond/netmond/lua"
	"github.com/netmond/netmond/lua/checks"
)

func TestFile(t *testing.T) {
	for _, tc := range []struct {
		name, src string
		want      []string // without the file's name
	}{
		{"clean", `
local alerts_api = require("alerts_api")
local M = {}
function M.check(info)
  local stats = network.getNetworkStats() or {}
  if stats.score > 100 then alerts_api.store({ alert_type = 5001, alert_score = stats["tcpPacketStats.ingress"].lost }) end
  print(info.network_cidr, stats.ingress.tcp)
end
return M`, nil},

		// Names of the API.
		{"function of network", `network.getNetworkStat()`,
			[]string{`1:9: network has no getNetworkStat; did you mean getNetworkStats? [unknown-api]`}},
		{"no idea", `local x = interface.frobnicate() print(x)`,
			[]string{`1:21: interface has no frobnicate [unknown-api]`}},
		{"library", "\n  string.fromat('%d', 1)\n  os.execute('id')",
			[]string{`2:10: string has no fromat; did you mean format? [unknown-api]`, `3:6: os has no execute, only clock, date, difftime, time [unknown-api]`}},
		{"through a local name", "local n = network\nlocal get = n.getNetworkStatz\nget()",
			[]string{`2:15: network has no getNetworkStatz; did you mean getNetworkStats? [unknown-api]`}},
		{"a local name of the same name", "local network = { foo = 1 }\nprint(network.foo, network.bar)", nil},
		{"parameter of the same name", "local function f(network) return network.foo end\nf()", nil},
		{"assigned twice", "local n = network\nn = {}\nprint(n.foo)", nil},
		{"extended by the script", "function string.trim(s) return s:match('^%s*(.-)%s*$') end\nprint(string.trim(' x '))", nil},
		{"module", "local checks = require('checks')\nprint(checks.periodicites.min, require('json').decod('{}'))",
			[]string{`2:14: checks has no periodicites; did you mean periodicities? [unknown-api]`, `2:48: json has no decod; did you mean decode? [unknown-api]`}},
		{"periodicity", "local checks = require \"checks\"\nlocal p = checks.periodicities\nprint(checks.periodicities.minute, checks.periodicities['5min'], p.five_mins, p['hour'])",
			[]string{`3:28: checks.periodicities has no minute, only`, `3:57: checks.periodicities has no 5min; did you mean 5mins? [unknown-api]`}},
		{"alert type", "local alert_consts = require('alert_consts')\nprint(alert_consts.alert_types.alert_network_anomly, alert_consts.alert_severities.error.score)",
			[]string{`2:32: alert_consts.alert_types has no alert_network_anomly; did you mean alert_network_anomaly? [unknown-api]`}},
		{"computed key", "local k = 'x'\nprint(network[k], network['y' .. k])", nil},

		// Fields of the stats table.
		{"stats", "local stats = network.getNetworkStats()\nprint(stats.byte_sent, stats['hits.syn_flod_victim'], stats.bytes_sent)",
			[]string{`2:13: the stats table has no byte_sent; did you mean bytes_sent? [unknown-field]`, `2:30: the stats table has no hits.syn_flod_victim; did you mean hits.syn_flood_victim? [unknown-field]`}},
		{"stats in parentheses", "print((network.getNetworkStats() or {}).scor)",
			[]string{`1:41: the stats table has no scor; did you mean score? [unknown-field]`}},
		{"entity_info", "return { hooks = { min = function(params)\n  local info = params.entity_info\n  print(info.num_host, params.entity_info.num_hosts, params.entity_info.brodcast)\nend } }",
			[]string{`3:14: the stats table has no num_host; did you mean num_hosts? [unknown-field]`, `3:73: the stats table has no brodcast; did you mean broadcast? [unknown-field]`}},
		{"a field of its own", "local stats = network.getNetworkStats()\nstats.rate = stats.bytes_sent / 60\nprint(stats.rate)", nil},

		// Globals.
		{"undefined", "print(foo)\nfoo.bar = 1", []string{`1:7: nothing defines foo [undefined-global]`, `2:1: nothing defines foo [undefined-global]`}},
		{"near a known one", "pirnt(1)", []string{`1:1: nothing defines pirnt; did you mean print? [undefined-global]`}},
		{"module without require", "checks.foo()", []string{`1:1: nothing defines checks; is a local checks = require("checks") missing? [undefined-global]`}},
		{"out of scope", "do local x = 1 print(x) end\nprint(x)", []string{`2:7: nothing defines x [undefined-global]`}},
		{"for is a block", "for i = 1, 3 do print(i) end\nprint(i)", []string{`2:7: nothing defines i [undefined-global]`}},
		{"until sees the block", "repeat local done = true until done", nil},
		{"local is not seen by its own value", "local later = later\nprint(later)", []string{`1:15: nothing defines later [undefined-global]`}},
		{"local function sees itself", "local function f(n) return n and f(n - 1) end\nf(3)", nil},
		{"assigned", "count = 1\nprint(count)", []string{`1:1: warning: count is a global variable: declare it local [global-assign]`}},
		{"global function", "function helper() end\nhelper()", []string{`1:10: warning: helper is a global variable: declare it local [global-assign]`}},
		{"api replaced", "network = nil", []string{`1:1: warning: this replaces network of the API [global-assign]`}},
		{"given by the run", "print(network_info.network_cidr, _now, _GET['ifid'], _VERSION, rest_utils.answer, _G.foo)", nil},
		{"lacking in the dialect", "print(io.open, dofile, loadfile)", []string{
			`1:7: nothing defines io [undefined-global]`, `1:16: nothing defines dofile [undefined-global]`, `1:24: nothing defines loadfile [undefined-global]`}},

		// Locals.
		{"unused", "local a, b = 1, 2\nlocal function f() end\nprint(b)",
			[]string{`1:7: warning: local a is never used [unused-local]`, `2:16: warning: local function f is never used [unused-local]`}},
		{"only assigned", "local a\na = 1", []string{`1:7: warning: local a is never used [unused-local]`}},
		{"on purpose", "local _, b = 1, 2\nfor k, v in pairs({ b }) do print(v) end\nlocal function f(a, _) end\nf()", nil},
		{"shadowed", "local a = 1\nlocal a = a\nprint(a)", nil},
		{"a field is a use", "local t = {}\nt.x = 1\nlocal u = {}\nu[1], u.f = 1, 2", nil},
		{"goto and attributes", "local x <const> = 1\ngoto done\n::done::\nprint(x)", nil},

		// Hooks.
		{"wrong hook", "return {\n  hooks = { minute = print, [\"5mins\"] = print, all = print },\n}",
			[]string{`2:13: hook minute is not a period: want `}},
		{"hook assigned", "local M = { hooks = {} }\nM.hooks.hourly = print\nfunction M.hooks.min() end\nreturn M",
			[]string{`2:9: hook hourly is not a period: want `}},
		{"hooks in a local name", "local hooks = { mins = print }\nreturn { hooks = hooks }", []string{`1:17: hook mins is not a period: want `}},
		{"hook without a function", "return { hooks = { min = {} } }", []string{`1:20: hook min is not a function [unknown-hook]`}},
		{"no hook", "return { hooks = {} }", []string{`1:10: hooks is empty [no-check]`}},
		{"neither", "local M = {}\nfunction M.chek() end\nreturn M", []string{`3:8: the table that the script returns has neither check nor hooks; is chek meant to be check? [no-check]`}},
		{"granularity", "return { check = print, granularity = '10mins' }", []string{`1:39: granularity "10mins" is not a period: want `}},
		{"not a table", "return 'x'", []string{`1:8: the script returns no table with check or hooks [no-check]`}},
		{"filled elsewhere", "local M = {}\nfor _, n in ipairs({ 'check' }) do M[n] = print end\nreturn M", nil},
		{"made by a call", "return setmetatable({}, {})", nil},

		// Modules.
		{"unknown module", "local x = require('alerts-api')\nlocal y = require('no.such')\nprint(x, y, require('string').len)",
			[]string{`1:19: no module alerts-api; did you mean alerts_api? [unknown-module]`, `2:19: no module no.such in `}},
		{"a table of the API is no module", "require('network')", []string{`1:9: no module network in `}},

		// Syntax.
		{"five minutes", "local checks = require('checks')\nlocal p = checks.periodicities.5mins",
			[]string{`2:31: .5mins is a syntax error in every Lua: write checks.periodicities["5mins"] or checks.periodicities.five_mins [periodicity-name]`}},
		{"in the first line", "x = = 1", []string{`1:5: unexpected '=' [syntax]`}},
		{"after a byte order mark", "\xef\xbb\xbfx = = 1", []string{`1:8: unexpected '=' [syntax]`}},
		{"interpreter line", "#!/usr/bin/lua\nprint(1", []string{`2:8: ')' expected`}},
		{"to-be-closed", "local f <close> = nil", []string{`1:15: to-be-closed variables are not supported: close 'f' by hand [syntax]`}},
		{"not Lua's", "if a != b then end", []string{`1:6: unexpected '!=': Lua writes '~=' [syntax]`}},
		{"Lua 5.4's", "local a = 7 // 2 | 1 << 3 ~ ~0\nprint(a, 0x1p4, '\\u{20}\\z\n  x', [==[\n]]]==])", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var got []string
			for _, f := range File("x.lua", tc.src, nil) {
				got = append(got, strings.TrimPrefix(f.String(), "x.lua:"))
			}
			if len(got) != len(tc.want) {
				t.Fatalf("%q\ngot  %q\nwant %q", tc.src, got, tc.want)
			}
			for i := range got {
				if !strings.HasPrefix(got[i], tc.want[i]) {
					t.Errorf("%q\ngot  %s\nwant %s", tc.src, got[i], tc.want[i])
				}
			}
		})
	}
}

func TestShippedChecksAreClean(t *testing.T) {
	for _, c := range checks.List() {
		src, err := fs.ReadFile(checks.FS, c.Name+".lua")
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range File(c.Name+".lua", string(src), nil) {
			t.Error(f)
		}
	}
}

// TestReferenceExamples: the reference's examples do what it shows, and leave names unused.
func TestReferenceExamples(t *testing.T) {
	for name, want := range map[string][]string{
		"reference_boilerplate.lua": {"unused-local", "unused-local"},
		"reference_rest.lua":        nil,
		"reference_alert.lua":       nil,
		"reference_delta.lua":       nil,
		"ntopng_style.lua":          nil,
	} {
		src, err := os.ReadFile(filepath.Join("../testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, f := range File(name, string(src), nil) {
			got = append(got, f.Rule)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestFolder: a folder with a script and its modules.
func TestFolder(t *testing.T) {
	dir := t.TempDir()
	for name, src := range map[string]string{
		"a.lua":             "require('lib.names')\nlocal h = require('helper')\nprint(h.anything, shared)\nreturn { check = print }",
		"helper.lua":        "return { x = 1 }",
		"lib/names.lua":     "require('lib.more')",
		"lib/more.lua":      "shared = 1",
		"lonely.lua":        "return {}",
		"modules/other.lua": "return { x = require('helper') }",
		"notes.txt":         "not Lua",
		"types.lua":         "local types = require('alert_consts').alert_types\nprint(types.alert_mine, types.alert_yours)\nreturn { check = print }",

		"alert_definitions/network/alert_mine.lua": "return { meta = { alert_key = 6000 }, new = print, check = print }",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(src), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	files, err := scripts([]string{dir})
	if err != nil {
		t.Fatal(err)
	}
	found, err := lintFiles(files, []string{dir})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range found {
		rel, err := filepath.Rel(dir, f.File)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprintf("%s:%d %s", filepath.ToSlash(rel), f.Line, f.Rule))
	}
	want := []string{"lib/more.lua:1 global-assign", "lonely.lua:1 no-check", "modules/other.lua:1 no-check", "types.lua:2 unknown-api"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
	if _, err := Command(io.Discard, []string{filepath.Join(dir, "absent.lua")}, nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("absent file: %v", err)
	}
}

func TestCommand(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a.lua")
	for src, want := range map[string]struct {
		text string
		ok   bool
	}{
		"print(1)":                         {"1 file, 0 errors, 0 warnings\n", true},
		"local a = 1":                      {file + ":1:7: warning: local a is never used [unused-local]\n1 file, 0 errors, 1 warning\n", true},
		"network.selct(1)\nlocal b = none": {file + ":1:9: network has no selct; did you mean select? [unknown-api]\n" + file + ":2:7: warning: local b is never used [unused-local]\n" + file + ":2:11: nothing defines none [undefined-global]\n1 file, 2 errors, 1 warning\n", false},
	} {
		if err := os.WriteFile(file, []byte(src), 0o644); err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		ok, err := Command(&out, []string{file}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want.text, out.String()); diff != "" || ok != want.ok {
			t.Errorf("%q: ok %v, want %v (-want +got):\n%s", src, ok, want.ok, diff)
		}
	}
}

// TestTooLarge: a file beyond the interpreter's bound is refused as a run would.
func TestTooLarge(t *testing.T) {
	found := File("x.lua", strings.Repeat("-", lua.MaxSource+1), nil)
	if len(found) != 1 || found[0].Rule != RuleSyntax {
		t.Errorf("findings %v, want one of syntax", found)
	}
}

// FuzzFile: any bytes give findings or none, and what the interpreter reads the linter reads too.
func FuzzFile(f *testing.F) {
	// Short seeds: the engine takes a minute to shorten a long one.
	f.Add("local M={} function M.check(i) local s=network.getNetworkStats() or {} print(s.score) end return M")
	f.Add("#!x\nlocal a <const>, b = 1, ... ; goto x ::x:: repeat local y until (y)[1] a.b['c'], d = -1 ~ #'x', 3")
	f.Add("x = 0x1e+1 .. 1e+5 .. '\\z  \\\n' --[==[\r\n]==] --[[\n]] f{1}.x:y'z'[1] = 2")
	f.Add("\xef\xbb\xbf#x\r\nreturn {hooks = {min = 1}, ['a'] = function(...) return ... end};")
	f.Fuzz(func(t *testing.T, src string) {
		lines := strings.Count(src, "\n") + strings.Count(src, "\r") + 1
		for _, f := range File("x.lua", src, nil) {
			if f.Line < 1 || f.Line > lines || f.Column < 1 {
				t.Errorf("%q: place outside of the file: %s", src, f)
			}
			if strings.Contains(f.Message, "the linter cannot read") {
				t.Errorf("%q: %s", src, f)
			}
		}
	})
}
