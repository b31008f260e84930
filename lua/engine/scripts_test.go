package engine

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/netmond/netmond/alerts"
)

// Checks lie right in a folder or where ntopng and the API's reference have them, in several folders; an
// earlier folder comes first, and every folder before what netmond ships.
func TestFolders(t *testing.T) {
	boilerplate, err := os.ReadFile("../testdata/reference_boilerplate.lua")
	if err != nil {
		t.Fatal(err)
	}
	second := t.TempDir()
	b := newBench(t, 1, map[string]string{
		"flat.lua":                     checking(`return "flat"`),
		"network_checks/reference.lua": checking(`return "reference " .. info.granularity`),
		"scripts/lua/modules/network_checks/boilerplate.lua":       string(boilerplate),
		"check_definitions/network/hooks.lua":                      hook("min", `return "hooks " .. params.granularity`),
		"scripts/lua/modules/check_definitions/network/ntopng.lua": hook("min", `return require("helper")`),
		"scripts/lua/modules/helper.lua":                           `return "its module"`,
		"modules/other.lua":                                        `return "a module is no check"`,
		"notes.txt":                                                "no script",
		"twice.lua":                                                checking(`return "first"`),
		"taken.lua":                                                checking(`return "the user's"`),
		"rest/answer.lua":                                          `error("a REST script is no check")`,
		"scripts/lua/modules/check_definitions/host/not_a_network.lua": `error("a check of hosts")`,
	}, func(cfg *Config, deps *Deps) {
		cfg.InProcess = false
		cfg.ScriptsDirs = append(cfg.ScriptsDirs, second)
		deps.Shipped = shipped(map[string]string{"taken.lua": checking(`return "shipped"`), "ours.lua": checking(`return "ours"`)})
	})
	for name, text := range map[string]string{
		"twice.lua": checking(`return "second"`),
		"more.lua":  checking(`return require("other") .. " of the first folder"`),
	} {
		if err := os.WriteFile(filepath.Join(second, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{
		"boilerplate net0 ok", "flat net0 ok flat", "hooks net0 ok hooks min", "more net0 ok a module is no check of the first folder",
		"ntopng net0 ok its module", "ours net0 ok ours", "reference net0 ok reference min", "taken net0 ok the user's", "twice net0 ok first",
	}
	if diff := cmp.Diff(want, said(b.minutes(1))); diff != "" {
		t.Errorf("runs (-want +got):\n%s", diff)
	}
	for _, key := range []string{"twice", "taken"} {
		if !strings.Contains(b.logged(), key) {
			t.Errorf("nobody was told of the two checks %s", key)
		}
	}
	styles := map[string]string{}
	for _, c := range b.Status() {
		styles[c.Key] = c.Style
	}
	for key, style := range map[string]string{"ntopng": "ntopng", "boilerplate": "reference"} {
		if styles[key] != style {
			t.Errorf("%s has the style %s, want %s", key, styles[key], style)
		}
	}
	// A change of a module loads what may require it.
	b.write("modules/other.lua", `return "another text"`)
	b.Reload()
	if got := said(b.minutes(1)); !slices.Contains(got, "more net0 ok another text of the first folder") {
		t.Errorf("after the change of a module: %q", got)
	}
}

// What others can write is told of; links out of the folder and files that are none are refused.
func TestUntrustedFiles(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no permissions and links")
	}
	outside := filepath.Join(t.TempDir(), "outside.lua")
	if err := os.WriteFile(outside, []byte(checking(`return "outside"`)), 0o644); err != nil {
		t.Fatal(err)
	}
	b := newBench(t, 1, map[string]string{"good.lua": checking(`return "good"`), "open.lua": checking(`return "open"`), "bad name.lua": checking(``)}, nil)
	for _, err := range []error{
		os.Symlink(outside, filepath.Join(b.dir, "link.lua")),
		os.Symlink("good.lua", filepath.Join(b.dir, "inner.lua")),
		os.Symlink("/etc", filepath.Join(b.dir, "network_checks")),
		os.Mkdir(filepath.Join(b.dir, "folder.lua"), 0o755),
		os.Chmod(filepath.Join(b.dir, "open.lua"), 0o666),
		os.Chmod(b.dir, 0o777),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"good net0 ok good", "inner net0 ok good", "open net0 ok open"}
	if diff := cmp.Diff(want, said(b.minutes(1))); diff != "" {
		t.Errorf("runs (-want +got):\n%s", diff)
	}
	log := b.logged()
	for _, problem := range []string{"/link.lua: ", "folder.lua: not a regular file", "bad name.lua", "open.lua: others can write to this file", "others can write to this folder", "/network_checks: "} {
		if strings.Count(log, problem) != 1 {
			t.Errorf("%q is %d times in the log, want once:\n%s", problem, strings.Count(log, problem), log)
		}
	}
	if s := b.EngineStatus(); s.Refused != 3 {
		t.Errorf("refused %d, want 3", s.Refused)
	}
	b.Reload()
	if b.logged() != log {
		t.Error("problems are told again")
	}
}

// Ten thousand scripts: the first thousand are loaded, the rest counted, within seconds.
func TestManyScripts(t *testing.T) {
	b := newBench(t, 1, nil, nil)
	for i := range 10_000 {
		if err := os.WriteFile(filepath.Join(b.dir, fmt.Sprintf("c%05d.lua", i)), []byte(`return {check = function() end}`), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	started := time.Now()
	b.Reload()
	if took := time.Since(started); took > 30*time.Second {
		t.Errorf("took %v", took)
	}
	if n, refused := len(b.Status()), b.EngineStatus().Refused; n != 1000 || refused != 9000 {
		t.Errorf("%d checks, %d refused; want 1000, 9000", n, refused)
	}
	if !strings.Contains(b.logged(), "more than 1000 checks: ") {
		t.Error("nobody was told")
	}
}

// A script that does not end, or eats, when it is loaded is a load error of its own.
func TestHostileLoads(t *testing.T) {
	b := newBench(t, 1, map[string]string{
		"a_loop.lua":  `while true do end return {check = function() end}`,
		"b_eats.lua":  `local t = {} while true do t[#t + 1] = ("x"):rep(1e7) .. #t end`,
		"c_long.lua":  strings.Repeat("-- x\n", 300_000),
		"d_setup.lua": `return {hooks = {min = function() end}, setup = function() while true do end end}`,
		"e_store.lua": `network.select(0) network.storeTriggeredAlert("k", 1, 100, 5000, "", "") ntop.setCache("k", "v") return {check = function() return ntop.getCache("k") end}`,
		"good.lua":    checking(`return "good"`),
	}, shortLimit)
	if got := said(b.minutes(1)); !slices.Contains(got, "good net0 ok good") {
		t.Errorf("the good one: %q", got)
	}
	for key, want := range map[string]string{"a_loop": "time limit", "c_long": "more than", "d_setup": "time limit"} {
		if st := b.of(key); st.State != StateBroken || !strings.Contains(st.LoadErr, want) {
			t.Errorf("%s: %v, %q; want broken, %s", key, st.State, st.LoadErr, want)
		}
	}
	if st := b.of("b_eats"); st.Runs[OutOfMemory]+st.Runs[Timeout] == 0 && !(raceDetector && st.Runs[Crashed] > 0) { // plain: it runs, and eats then
		t.Errorf("b_eats: %v, %v", st.State, st.Runs)
	}
	if page, _ := b.store.Query("", alerts.Filter{Status: alerts.StatusAny}); len(page) > 0 {
		t.Errorf("alerts from loading a script: %+v", page)
	}
}
