package lua

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/netmond/netmond/alerts"
	"github.com/netmond/netmond/internal/luahostile"
)

func TestHostileScripts(t *testing.T) {
	const limit = 100 * time.Millisecond
	for _, c := range luahostile.Scripts {
		t.Run(c.Name, func(t *testing.T) {
			var err error
			var took time.Duration
			for range 10 { // the machine may be busy: one good run of ten will do
				started := time.Now()
				_, err = runSource(t, c.Source, Options{TimeLimit: limit})
				if took = time.Since(started); took <= limit+lateness {
					break
				}
			}
			runtime.GC()
			if took > limit+lateness {
				t.Errorf("took %v, limit %v", took, limit)
			}
			switch {
			case c.Want == "" && err != nil && !errors.Is(err, ErrTimeLimit):
				t.Errorf("error %v, want none", err)
			case c.Want != "" && (err == nil || !strings.Contains(err.Error(), c.Want) && !errors.Is(err, ErrTimeLimit)):
				t.Errorf("error %v, want %q", err, c.Want)
			case strings.Contains(c.Want, "time limit") && !errors.Is(err, ErrTimeLimit):
				t.Errorf("error %v is not ErrTimeLimit", err)
			}
		})
	}
}

func TestNoEscape(t *testing.T) {
	for _, name := range []string{
		"io", "dofile", "loadfile", "getfenv", "setfenv", "newproxy", "module", "channel", "_printregs",
		"os.execute", "os.exit", "os.getenv", "os.setenv", "os.remove", "os.rename", "os.tmpname", "os.setlocale",
		"debug.getlocal", "debug.setlocal", "debug.getupvalue", "debug.setupvalue", "debug.getmetatable",
		"debug.setmetatable", "debug.getfenv", "debug.setfenv", "debug.getregistry", "debug.sethook",
		"package.loaders", "package.searchers", "package.loadlib", "package.preload", "package.seeall", "string.dump",
	} {
		r, err := runSource(t, "print("+name+")", Options{})
		if err != nil || r.Output != "nil\n" {
			t.Errorf("%s = %q, %v; want nil", name, r.Output, err)
		}
	}
	for _, src := range []string{
		`require "/etc/passwd"`, `require "../vm"`, `require ".."`, `require "a/../../b"`, `require ""`, `require "a..b"`,
		`require "\0"`, `getmetatable("").__index = nil`, `setmetatable("", {})`,
	} {
		if _, err := runSource(t, src, Options{ScriptDirs: []string{t.TempDir()}}); err == nil {
			t.Errorf("%s: no error", src)
		}
	}
}

// One script cannot change what another sees.
func TestScriptsAreApart(t *testing.T) {
	for _, src := range []string{`x = 1 string.rep = nil network.select = nil getmetatable("")`, `checks = require("checks") checks.periodicities.min = 9`} {
		if _, err := runSource(t, src, Options{}); err != nil {
			t.Fatal(err)
		}
	}
	r, err := runSource(t, `print(x, string.rep ~= nil, network.select ~= nil, require("checks").periodicities.min)`, Options{})
	if want := "nil\ttrue\ttrue\t0\n"; err != nil || r.Output != want {
		t.Errorf("output %q, error %v; want %q", r.Output, err, want)
	}
}

func TestCanceled(t *testing.T) {
	c, err := NewCheck(context.Background(), "test.lua", `while true do end`, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := c.RunNetwork(ctx, testSnapshot(), 0, testNow, alerts.Minute); !errors.Is(err, context.Canceled) || errors.Is(err, ErrTimeLimit) {
		t.Errorf("error %v, want canceled", err)
	}
}

// A VM goes on working after every kind of failure.
func TestRunsAfterFailures(t *testing.T) {
	c, err := NewCheck(context.Background(), "test.lua", `
n = (n or 0) + 1
if n % 5 == 1 then while true do end end
if n % 5 == 2 then error("failure " .. n) end
if n % 5 == 3 then local function f() return 1 + f() end f() end
if n % 5 == 4 then coroutine.wrap(function() error({}) end)() end
print(n)`, Options{TimeLimit: 100 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for i := 1; i <= 25; i++ {
		r, err := c.RunNetwork(context.Background(), testSnapshot(), 0, testNow, alerts.Minute)
		if i%5 != 0 {
			if err == nil {
				t.Errorf("run %d: no error", i)
			}
			continue
		}
		if err != nil || strings.TrimSpace(r.Output) == "" {
			t.Errorf("run %d: output %q, error %v", i, r.Output, err)
		}
	}
}

// A protected call that fails at once leaves the frames below it alone, however deep it is: the
// interpreter's call stack is made of segments of eight frames.
func TestFailedCallsAtAnyDepth(t *testing.T) {
	for name, call := range map[string]string{
		"pcall of nil":      `pcall(nil)`,
		"pcall of a table":  `pcall({}, 1, 2)`,
		"__call that fails": `pcall(setmetatable({}, {__call = function(...) error("x") end}), 1)`,
		"__call that lacks": `pcall(setmetatable({}, {__call = 5}), 1)`,
		"xpcall of nil":     `xpcall(nil, print and function() end)`,
		"xpcall handler":    `xpcall(error, 5)`,
		"pcall of error":    `pcall(error)`,
		"resume":            `coroutine.resume(coroutine.create(function() error("x") end))`,
		"wrap":              `pcall(coroutine.wrap(function() error("x") end))`,
		"require":           `pcall(require, "none")`,
		"alert's format":    `not broken()`,
	} {
		r, err := runSource(t, `
local types, api = require("alert_consts").alert_types, require("alerts_api")
local entity = api.networkEntity("office")
types.alert_user_1.format = 5
types.alert_user_2.format = function() error("x") end
local n = 0
function broken()
  n = n + 1
  for i = 1, 2 do local a = types["alert_user_" .. i].new() a:set_subtype(tostring(n)) api.trigger(entity, a) end
  return true
end
local function at(depth)
  if depth == 0 then return (`+call+`) == false and 0 or "no failure" end
  local below = at(depth - 1)
  return below + 1
end
for depth = 0, 30 do if at(depth) ~= depth then error("depth " .. depth) end end
print("done")`, Options{})
		if err != nil || r.Output != "done\n" {
			t.Errorf("%s: %q, %v", name, r.Output, err)
		}
	}
	for pad := range 9 {
		r, err := runSource(t, `
local fails = 0
local function f() if not pcall(f) then fails = fails + 1 end return 1 end
local function g(n) if n > 0 then return 1 + g(n - 1) end return f() end
print(g(`+string(rune('0'+pad))+`), fails)`, Options{})
		if want := string(rune('1'+pad)) + "\t1\n"; err != nil || r.Output != want {
			t.Errorf("overflow in pcall, pad %d: %q, %v; want %q", pad, r.Output, err, want)
		}
	}
}
