package lua

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/netmond/netmond/alerts"
	"pgregory.net/rapid"
)

// What one check sets, another sees, until it expires by the clock of the checks.
func TestSharedBetweenChecks(t *testing.T) {
	shared := NewSharedMem()
	run := func(key, src string, now int64) string {
		t.Helper()
		c, err := NewCheck(context.Background(), key+".lua", src, Options{Shared: shared})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		r, err := c.RunNetwork(context.Background(), testSnapshot(), 0, now, alerts.Minute)
		if err != nil || len(r.Warnings) > 0 {
			t.Fatalf("%v, warnings %q", err, r.Warnings)
		}
		return strings.TrimSuffix(r.Output, "\n")
	}
	run("a", `ntop.setCache("k", "v") ntop.setCache("n", 5) ntop.setCache("soon", "x", 60) ntop.setPref("p", "q")
		ntop.setHashCache("k", "f", "1") ntop.setHashCache("k", "g", 2) ntop.setMembersCache("k", "m2") ntop.setMembersCache("k", "m1")`, testNow)
	const read = `
local function keys(t) if not t then return "nil" end local k = {} for name, value in pairs(t) do k[#k + 1] = name .. "=" .. value end table.sort(k) return table.concat(k, ",") end
print(ntop.getCache("k"), ntop.getPref("n"), ntop.getCache("soon"), ntop.getPref("p"), keys(ntop.getKeysCache("*")))
print(ntop.getHashCache("k", "f"), ntop.getHashCache("k", "none"), keys(ntop.getHashAllCache("k")), keys(ntop.getHashKeysCache("k")), keys(ntop.getHashAllCache("none")))
print(table.concat(ntop.getMembersCache("k"), ","), #ntop.getMembersCache("none"))`
	for _, step := range []struct {
		name, src string
		now       int64
		want      []string
	}{
		{"b", read, testNow + 59e9, []string{"v\t5\tx\tq\tk=,n=,p=,soon=", "1\t\tf=1,g=2\tf=,g=\tnil", "m1,m2\t0"}},
		{"c", read, testNow + 60e9, []string{"v\t5\t\tq\tk=,n=,p=", "1\t\tf=1,g=2\tf=,g=\tnil", "m1,m2\t0"}},
		{"d", `ntop.delHashCache("k", "f") ntop.delMembersCache("k", "m1") ntop.delCache("n") ntop.delMembersCache("none", "x")` + read, testNow, []string{"v\t\t\tq\tk=,p=", "\t\tg=2\tg=\tnil", "m2\t0"}},
		{"e", `ntop.delCache("k")` + read, testNow + 60e9, []string{"\t\t\tq\tp=", "\t\tnil\tnil\tnil", "\t0"}},
		{"f", `ntop.delCache("p")` + read, testNow + 60e9, []string{"\t\t\t\tnil", "\t\tnil\tnil\tnil", "\t0"}},
	} {
		if diff := cmp.Diff(step.want, strings.Split(run(step.name, step.src, step.now), "\n")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", step.name, diff)
		}
	}
	if len(shared.values) != 0 || shared.bytes != 0 || len(shared.owners) != 0 {
		t.Errorf("%d values, %d bytes, %d owners are left", len(shared.values), shared.bytes, len(shared.owners))
	}
}

// A script that fills its share leaves the others theirs.
func TestSharedQuota(t *testing.T) {
	shared := NewSharedMem()
	r, err := runSource(t, `for i = 1, 10010 do ntop.setCache("k" .. i, "v") end print(ntop.getCache("k1"), ntop.getCache("k10001") == "")`, Options{Shared: shared})
	if want := "v\ttrue\n"; err != nil || r.Output != want {
		t.Errorf("output %q, %v; want %q", r.Output, err, want)
	}
	if len(r.Warnings) == 0 || !strings.Contains(r.Warnings[0], "ntop.setCache: too many shared values") {
		t.Errorf("warnings %q", r.Warnings)
	}
	if err := shared.Store("another", SharedKey{SharedValue, "mine", ""}, "v", 0, 0); err != nil {
		t.Errorf("another check: %v", err)
	}
	big := strings.Repeat("x", maxSharedBytes-200)
	for i := 0; ; i++ {
		if err := shared.Store("big", SharedKey{SharedHash, "h", fmt.Sprint(i)}, big, 0, 0); err != nil {
			if !errors.Is(err, ErrSharedFull) || i != maxOwnerBytes/len(big) && i != maxOwnerBytes/len(big)-1 {
				t.Errorf("after %d values of %d bytes: %v", i, len(big), err)
			}
			break
		}
	}
	if err := shared.Store("big", SharedKey{SharedValue, "k", ""}, big+big, 0, 0); err == nil || errors.Is(err, ErrSharedFull) {
		t.Errorf("a value above the bound: %v", err)
	}
	for i := 0; shared.Store(fmt.Sprint("owner", i), SharedKey{SharedSet, fmt.Sprint(i), big}, "", 10, 20) == nil; i++ {
	}
	if shared.bytes > maxSharedTotal {
		t.Errorf("%d bytes, bound %d", shared.bytes, maxSharedTotal)
	}
	if err := shared.Store("late", SharedKey{SharedValue, "late", ""}, big, 20, 0); err != nil {
		t.Errorf("expired values make no room: %v", err)
	}
}

// The store is a map with expiry, and its accounts are the sums of what it holds.
func TestSharedLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type held struct {
			text  string
			until int64
		}
		s, model, now := NewSharedMem(), map[SharedKey]held{}, int64(1)
		draw := func() SharedKey {
			return SharedKey{
				Kind:  rapid.SampledFrom([]SharedKind{SharedValue, SharedHash, SharedSet}).Draw(t, "kind"),
				Name:  rapid.SampledFrom([]string{"", "a", "ab"}).Draw(t, "name"),
				Field: rapid.SampledFrom([]string{"", "f"}).Draw(t, "field"),
			}
		}
		alive := func(v held) bool { return v.until == 0 || now < v.until }
		t.Repeat(map[string]func(*rapid.T){
			"store": func(t *rapid.T) {
				v := held{text: rapid.StringN(0, 5, 20).Draw(t, "text")}
				if rapid.Bool().Draw(t, "expires") {
					v.until = now + rapid.Int64Range(0, 3).Draw(t, "for")
				}
				key := draw()
				if err := s.Store(rapid.SampledFrom([]string{"x", "y"}).Draw(t, "owner"), key, v.text, now, v.until); err != nil {
					t.Fatal(err)
				}
				model[key] = v
			},
			"delete": func(t *rapid.T) {
				key := draw()
				s.Delete(key)
				delete(model, key)
			},
			"later": func(*rapid.T) { now++ },
			"load": func(t *rapid.T) {
				key := draw()
				want, ok := model[key]
				ok = ok && alive(want)
				got, found := s.Load(key, now)
				if found != ok || ok && got != want.text {
					t.Fatalf("Load(%v) = %q, %v; want %q, %v", key, got, found, want.text, ok)
				}
			},
			"": func(t *rapid.T) {
				for _, kind := range []SharedKind{SharedValue, SharedHash, SharedSet} {
					got, want := s.Scan(kind, "a", true, now), 0
					for key, v := range model {
						if key.Kind == kind && strings.HasPrefix(key.Name, "a") && alive(v) {
							want++
						}
					}
					for _, e := range got {
						if model[e.SharedKey].text != e.Value {
							t.Fatalf("Scan gives %+v", e)
						}
					}
					if len(got) != want {
						t.Fatalf("Scan gives %d, want %d", len(got), want)
					}
				}
				count, bytes := 0, 0
				for _, use := range s.owners {
					count, bytes = count+use.count, bytes+use.bytes
				}
				if count != len(s.values) || bytes != s.bytes {
					t.Fatalf("owners have %d values, %d bytes; the store %d, %d", count, bytes, len(s.values), s.bytes)
				}
			},
		})
	})
}

// Scripts see the script folders, and nothing beyond them.
func TestScriptFolders(t *testing.T) {
	dir := writeFiles(t, map[string]string{"scripts/lua/a.lua": "", "scripts/lua/b.lua": "", "x": ""})
	outside := writeFiles(t, map[string]string{"secret": ""})
	for link, to := range map[string]string{"out": outside, "file": filepath.Join(outside, "secret")} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	r, err := runSource(t, `
local dirs, outside = ntop.getDirs(), "`+outside+`"
local function list(path) local t = ntop.readdir(path) if not t then return "nil" end local k = {} for name, value in pairs(t) do k[#k + 1] = name == value and name or "?" end table.sort(k) return table.concat(k, ",") end
print(list(dirs.scriptdir .. "/lua"), list("scripts/lua"), list(dirs.installdir), list("x"), list("none"))
print(ntop.exists(dirs.installdir .. "/x"), ntop.exists("scripts"), ntop.exists("none"), ntop.isdir("scripts"), ntop.isdir("x"), ntop.mkdir("y"), ntop.exists("y"))
print(ntop.exists(outside .. "/secret"), ntop.exists("/etc/passwd"), ntop.exists("out"), ntop.exists("out/secret"), ntop.exists("file"), ntop.exists("../x"), ntop.exists("/"), ntop.exists(""), ntop.exists("x\0y"))
print(list(outside), list("/"), list(".."), list("out"), list("scripts/../.."))
print(ntop.getCurrentScriptsDir() == dirs.scriptdir)`, Options{ScriptDirs: []string{dir}})
	want := []string{
		"a.lua,b.lua\ta.lua,b.lua\tfile,out,scripts,x\tnil\tnil",
		"true\ttrue\tfalse\ttrue\tfalse\tfalse\tfalse",
		strings.TrimSuffix(strings.Repeat("false\t", 9), "\t"),
		"nil\tnil\tnil\tnil\tnil", "true", "",
	}
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, strings.Split(r.Output, "\n")); diff != "" {
		t.Errorf("output (-want +got):\n%s", diff)
	}
	r, err = runSource(t, `print(ntop.exists("/opt/netmond/x"), ntop.exists("/opt/y"), #ntop.getDirs().installdir)`, Options{ScriptDirs: []string{dir}, InstallDir: "/opt/netmond"})
	if want := "true\tfalse\t12\n"; err != nil || r.Output != want {
		t.Errorf("an install folder that is none: %q, %v; want %q", r.Output, err, want)
	}
}
