package lua

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/netmond/netmond/alerts"
)

// writeFiles makes a script folder.
func writeFiles(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, src := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(src), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// busyClass is the example of docs/lua-api.md.
const busyClass = `
local classes = require "classes"
local alert = require "alert"
local alert_busy_network = classes.class(alert)
alert_busy_network.meta = {alert_key = 5001, i18n_title = "Busy network", icon = "fas fa-exclamation"}
function alert_busy_network:init(bytes, limit)
  self.super:init()
  self.alert_type_params = {bytes = bytes, limit = limit}
end
function alert_busy_network.format(ifid, alert, params)
  return i18n("%{bytes} bytes are more than %{limit}", params) .. " on " .. alert.entity_val .. " of " .. ifid
end
return alert_busy_network
`

func TestUserAlertClass(t *testing.T) {
	if !strings.Contains(referenceAlerts, "function alert_busy_network.format(ifid, alert, params)") {
		t.Error("the example of the documentation is another one")
	}
	dir := writeFiles(t, map[string]string{
		"alert_definitions/network/alert_busy_network.lua": busyClass,
		"scripts/lua/modules/alert_definitions/other/alert_far.lua": `
			local keys, entities = require "other_alert_keys", require "alert_entities"
			local class = require("classes").class(require("alert"))
			class.meta = {alert_key = keys.alert_user_2, i18n_title = "far", icon = "x", entities = {entities.network}}
			return class`,
	})
	sink := alerts.NewMem(alerts.DefaultConfig())
	c, err := NewCheck(context.Background(), "busy.lua", `
local alert_consts, alerts_api = require "alert_consts", require "alerts_api"
local types = alert_consts.alert_types
return {
  severity = alert_consts.alert_severities.error, category = require("alert_categories").security,
  hooks = {min = function(params)
    local a = types.alert_busy_network.new(70, 50)
    a:set_info(params) a:set_subtype("x") a:set_victim("192.0.2.9") a:set_score_warning()
    print(a:trigger(params.alert_entity, nil, params.cur_alerts), types.alert_busy_network == types.alert_busy_network)
    local b = types.alert_far:new("k", 1)
    b:set_score(7) b:set_granularity("hour")
    print(b:store(params.alert_entity))
    alerts_api.checkThresholdAlert({check = {key = "t"}, check_config = {threshold = 5}, alert_entity = params.alert_entity}, types.alert_busy_network, 8)
    print(types.alert_missing, types[1], types["../x"])
  end},
}`, Options{Sink: sink, ScriptDirs: []string{dir}, Interface: Interface{ID: 3}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	r, err := c.RunNetwork(context.Background(), testSnapshot(), 0, testNow, alerts.Minute)
	if err != nil || len(r.Warnings) > 0 {
		t.Fatalf("%v, warnings %q", err, r.Warnings)
	}
	if want := "true\ttrue\ntrue\nnil\tnil\tnil\n"; r.Output != want {
		t.Errorf("output %q, want %q", r.Output, want)
	}
	var got []string
	for _, e := range sink.Events() {
		a := e.Alert
		got = append(got, strings.Join([]string{e.Kind.String(), a.Key.Key, a.Periodicity.String(), alerts.SeverityOf(a.Score).String(), a.JSON, a.Description}, " "))
		if a.Category != 1 {
			t.Errorf("category %d, want 1", a.Category)
		}
	}
	want := []string{
		`engage 5001@x min warning {"bytes":70,"limit":50,"victim":"192.0.2.9"} 70 bytes are more than 50 on 192.0.2.0/24 of 3`,
		`store 5002@ hour info {"metric":"k","value":1} k: 1`,
		`engage 5001@t min none {"bytes":"t","limit":8} t bytes are more than 8 on 192.0.2.0/24 of 3`,
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("events\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// classCases are laws of inheritance: of A, B and C each is made from the one before.
var classCases = []struct{ expr, want string }{
	{`C.new(1).log, C:new(1).log, B.new(1).log, A:new(1).log`, "CBA CBA BA A"},
	{`C.new(7).n, C.new(7).only, A.new(7).only`, "7 c nil"},
	{`C.new(1):name(), B.new(1):name(), C.new(1):hello(), B.new(1):hello()`, "c of b of a b of a hello c of b of a hello b of a"},
	{`C.new(1).super:name(), C.new(1).super.super:name(), C.new(1).super.super.super`, "b of a a nil"},
	{`C.super == B, B.super == A, A.super, C.static, A.static`, "true true nil 1 1"},
	{`rawget(B, "log"), rawget(A, "log"), A.n`, "nil nil nil"},
	{`C.new().n, select("#", C.new()), C.new(nil).n, C:new(false).n`, "nil 1 nil false"},
	{`E.new(1).n, getmetatable(E.new()) == getmetatable(E.new())`, "nil true"},
	{`coroutine.wrap(function() return C.new(5).n end)()`, "5"},
	{`set(C.new(1)).x`, "by super"},
}

func TestClasses(t *testing.T) {
	for _, c := range classCases {
		t.Run(c.expr, func(t *testing.T) {
			r, err := runSource(t, `
local classes = require "classes"
local A = classes.class()
A.static = 1
function A:init(n) self.n = n self.log = (self.log or "") .. "A" end
function A:name() return "a" end
function A:hello() return "hello " .. self:name() end
local B = classes.class(A)
function B:init(...) self.log = (self.log or "") .. "B" self.super:init(...) end
function B:name() return "b of " .. self.super:name() end
local C = classes.class(B)
function C:init(...) self.log = "C" self.only = "c" self.super:init(...) end
function C:name() return "c of " .. self.super:name() end
local E = classes.class()
local function set(o) o.super.x = "by super" return o end
local out = table.pack(`+c.expr+`)
for i = 1, out.n do out[i] = tostring(out[i]) end
print(table.concat(out, " "))`, Options{})
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.TrimSuffix(r.Output, "\n"); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// A broken class is an error with its file and line in the checks that use it, and in no other.
func TestBrokenAlertClasses(t *testing.T) {
	class := `local c = require("classes").class(require("alert")) `
	dir := writeFiles(t, map[string]string{
		"alert_definitions/network/a_syntax.lua":     "x =",
		"alert_definitions/network/a_error.lua":      "\nerror('at load')",
		"alert_definitions/network/a_nothing.lua":    "x = 1",
		"alert_definitions/network/a_nometa.lua":     class + "return c",
		"alert_definitions/network/a_nokey.lua":      class + "c.meta = {} return c",
		"alert_definitions/network/a_bigkey.lua":     class + "c.meta = {alert_key = 70000} return c",
		"alert_definitions/network/a_nonew.lua":      "return {meta = {alert_key = 1}}",
		"alert_definitions/network/a_loop.lua":       "return require('alert_consts').alert_types.a_loop",
		"alert_definitions/network/alert_user_1.lua": class + "c.meta = {alert_key = 9} return c",
		"alert_definitions/network/a_format.lua":     class + "c.meta = {alert_key = 77} function c.format() error('in format') end return c",
		"alert_definitions/network/a_endless.lua":    class + "c.meta = {alert_key = 78} function c.format() while true do end end return c",
		"alert_definitions/network/a_odd.lua":        class + "c.meta = {alert_key = 79} function c.format() return {} end return c",
	})
	for _, c := range []struct{ src, want string }{
		{"a_syntax", "a_syntax.lua:1:4: unexpected end of file"},
		{"a_error", "a_error.lua:2: at load"},
		{"a_nothing", "does not return a class"},
		{"a_nometa", "has no table meta"},
		{"a_nokey", "is not a number from 0 to 65535"},
		{"a_bigkey", "is not a number from 0 to 65535"},
		{"a_nonew", "has no function new"},
		{"a_loop", "loop in require"},
	} {
		_, err := runSource(t, "local x = require('alert_consts').alert_types."+c.src, Options{ScriptDirs: []string{dir}})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.src, err, c.want)
		}
	}
	r, err := runSource(t, `
local types, api = require("alert_consts").alert_types, require("alerts_api")
print(types.alert_user_1.meta.alert_key)
print(api.trigger(api.networkEntity("office"), types.a_format.new()), api.trigger(api.networkEntity("office"), types.a_odd.new()))
for _, a in ipairs(network.getAlerts()) do print(a.alert_id, a.description == "") end`, Options{ScriptDirs: []string{dir}})
	if want := "5001\ntrue\ttrue\n77\ttrue\n79\ttrue\n"; err != nil || r.Output != want {
		t.Errorf("output %q, %v; want %q", r.Output, err, want)
	}
	if len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0], "in format") {
		t.Errorf("warnings %q, want one of the format", r.Warnings)
	}
	_, err = runSource(t, `local api = require("alerts_api") api.trigger(api.networkEntity("office"), require("alert_consts").alert_types.a_endless.new())`,
		Options{ScriptDirs: []string{dir}, TimeLimit: 50e6})
	if err == nil || !strings.Contains(err.Error(), "time limit") {
		t.Errorf("endless format: %v", err)
	}
}

func TestI18n(t *testing.T) {
	r, err := runSource(t, `
local p = {a = 1.5, b = "x%{a}", c = {}}
print(i18n("plain"), i18n("%{a} and %{b}, %{c} %{none}", p), i18n("open %{a", p), i18n("%{a}"), i18n("", p))`, Options{})
	if want := "plain\t1.5 and x%{a}, %{c} %{none}\topen %{a\t%{a}\t\n"; err != nil || r.Output != want {
		t.Errorf("got %q, %v; want %q", r.Output, err, want)
	}
}

// What an alert without a class of its own tells its reader.
func TestThresholdDescription(t *testing.T) {
	for params, want := range map[string]string{
		`{metric = "unanswered SYNs", value = 120, operator = "gt", threshold = 100}`: "unanswered SYNs: 120, over the threshold of 100",
		`{metric = "hosts", value = 0.5, operator = "lt", threshold = 2}`:             "hosts: 0.5, under the threshold of 2",
		`{metric = "m", value = 1, operator = "like", threshold = 2}`:                 "m: 1",
		`{metric = "m", value = "many"}`:                                              "",
		`{value = 1}`:                                                                 "",
		`{metric = "\255m\0", value = 1}`:                                             "m\x00: 1",
		`{metric = ("x"):rep(3000), value = 1}`:                                       "",
		`{}`:                                                                          "",
	} {
		r, err := runSource(t, `
local api = require("alerts_api")
api.trigger(api.networkEntity("office"), {alert_type = 5000, alert_type_params = `+params+`})
print(network.getAlerts()[1].description)`, Options{})
		if err != nil || r.Output != want+"\n" {
			t.Errorf("%s: %q, %v, warnings %q; want %q", params, r.Output, err, r.Warnings, want)
		}
	}
}
