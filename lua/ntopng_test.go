package lua

import (
	"context"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/netmond/netmond/alerts"
	"github.com/netmond/netmond/localnets"
)

// ntopngDirVariable names the root of a user's copy of ntopng. Its checks are run unmodified; nothing
// of it is in this repository.
const ntopngDirVariable = "NETMOND_NTOPNG_DIR"

// ntopngChecks are ntopng's checks of networks, with what they say to the snapshots of one bad minute,
// and whether they are still in ntopng or among its retired files.
var ntopngChecks = []struct {
	name    string
	retired bool
	want    []string // events over the runs of TestNtopngChecks
}{
	{"flow_flood_victim", false, []string{"2 engage 4153@flow_flood_victim", "3 release 4153@flow_flood_victim"}},
	{"syn_scan_victim", false, []string{"2 engage 4157@syn_scan_victim", "3 release 4157@syn_scan_victim"}},
	{"network_issues", false, []string{"2 engage 4179@192.0.2.0/24", "3 release 4179@192.0.2.0/24"}},
	{"network_discovery", false, []string{"2 store 4171@"}},
	{"ip_reassignment", false, nil},
	{"broadcast_domain_too_large", false, nil},
	{"ingress", true, []string{"2 engage 4136@ingress", "3 release 4136@ingress"}},
	{"egress", true, []string{"2 engage 4136@egress", "3 release 4136@egress"}},
	{"inner", true, []string{"2 engage 4136@inner", "3 release 4136@inner"}},
}

// badMinute has one network. In minute 2 it is flooded and scanned, loses packets, and has 2 GB more
// in each direction. The problem packets stand against few bytes, for ntopng's network_issues divides
// by bytes; in minute 3 its packets are as they were.
func badMinute(minute int, few bool) *localnets.Snapshot {
	n := localnets.NetworkStats{Network: localnets.Network{Prefix: netip.MustParsePrefix("192.0.2.0/24"), Name: "192.0.2.0/24"}}
	for d := range localnets.NumDirections {
		n.Traffic[d] = localnets.Counts{Packets: 100, Bytes: 10_000}
		if minute >= 2 && !few {
			n.Traffic[d].Bytes += 2 << 30
		}
	}
	if minute == 2 {
		n.Minute = localnets.MinuteCounters{NewFlowsPeak: 40_000, SYNPeak: 40_000, SYNReceived: 40_000}
		n.TCP[localnets.Ingress] = localnets.TCPCounts{Packets: 90_000, Retransmissions: 80_000, Lost: 1}
	}
	return &localnets.Snapshot{Time: testNow, Generation: 1, Networks: []localnets.NetworkStats{n}}
}

func runNtopngCheck(t *testing.T, path string) (got []string) {
	t.Helper()
	sink, shared := alerts.NewMem(alerts.DefaultConfig()), NewSharedMem()
	name := strings.TrimSuffix(filepath.Base(path), ".lua")
	c, err := LoadCheck(context.Background(), path, Options{Sink: sink, Shared: shared, Interface: Interface{ID: 4, Name: "test0"}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for minute := 1; minute <= 4; minute++ {
		now := testNow + int64(minute)*60e9
		if minute == 2 {
			key := SharedKey{SharedValue, "ntopng.cache.network_discovery_executed.ifid_4", ""}
			if err := shared.Store("test", key, "1", now, 0); err != nil {
				t.Fatal(err)
			}
		}
		r, err := c.RunNetwork(context.Background(), badMinute(minute, name == "network_issues"), 0, now, alerts.Minute)
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Warnings) > 0 {
			t.Errorf("minute %d: warnings %q", minute, r.Warnings)
		}
		for _, e := range sink.Events() {
			got = append(got, string(rune('0'+minute))+" "+e.Kind.String()+" "+e.Alert.Key.Key)
		}
	}
	return got
}

// The six checks of networks that ntopng ships, and three that it retired, load and run unmodified,
// engage and release: from a user's copy where there is one, and from our stand-ins, which make the
// same calls.
func TestNtopngChecks(t *testing.T) {
	for _, c := range ntopngChecks {
		t.Run("standins/"+c.name, func(t *testing.T) {
			got := runNtopngCheck(t, filepath.Join("testdata", "standins", c.name+".lua"))
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
		})
		t.Run("ntopng/"+c.name, func(t *testing.T) {
			root := os.Getenv(ntopngDirVariable)
			if root == "" {
				t.Skipf("%s does not name a copy of ntopng", ntopngDirVariable)
			}
			path := findCheck(t, root, c.name, c.retired)
			got := runNtopngCheck(t, path)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("%s: events (-want +got):\n%s", path, diff)
			}
		})
	}
}

// TestNtopngTree gives the stand-ins the layout of a copy of ntopng, retired ones in its attic, and runs
// them by the variable as a user's copy.
func TestNtopngTree(t *testing.T) {
	root := t.TempDir()
	for _, c := range ntopngChecks {
		dir := filepath.Join(root, "scripts", "lua", "modules", "check_definitions", "network")
		if c.retired {
			dir = filepath.Join(root, "attic", "scripts", "lua", "modules", "check_definitions", "network")
		}
		src, err := os.ReadFile(filepath.Join("testdata", "standins", c.name+".lua"))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, c.name+".lua"), src, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv(ntopngDirVariable, root)
	for _, c := range ntopngChecks {
		if diff := cmp.Diff(c.want, runNtopngCheck(t, findCheck(t, os.Getenv(ntopngDirVariable), c.name, c.retired))); diff != "" {
			t.Errorf("%s: events (-want +got):\n%s", c.name, diff)
		}
	}
}

// findCheck is the file of a check in a copy of ntopng. A retired one is where it was, in an old copy,
// or anywhere below attic.
func findCheck(t *testing.T, root, name string, retired bool) string {
	t.Helper()
	path := filepath.Join(root, "scripts", "lua", "modules", "check_definitions", "network", name+".lua")
	_, err := os.Stat(path)
	if err == nil {
		return path
	}
	if !retired {
		t.Fatal(err)
	}
	path = ""
	err = filepath.WalkDir(filepath.Join(root, "attic"), func(file string, d fs.DirEntry, err error) error {
		if err == nil && d.Name() == name+".lua" && filepath.Base(filepath.Dir(file)) == "network" {
			path = file
		}
		return err
	})
	if err != nil || path == "" {
		t.Skipf("this copy of ntopng does not have the retired check %s (%v)", name, err)
	}
	return path
}

// ip_reassignment and broadcast_domain_too_large act when they are enabled, which loading is.
func TestEnabling(t *testing.T) {
	shared := NewSharedMem()
	loadTestdata(t, filepath.Join("standins", "broadcast_domain_too_large.lua"), Options{Shared: shared})
	if got, _ := shared.Load(SharedKey{SharedValue, "ntopng.prefs.is_broadcast_domain_too_large_enabled", ""}, 0); got != "1" {
		t.Errorf("preference %q, want 1", got)
	}
	var printed strings.Builder
	c, err := NewCheck(context.Background(), "life.lua", `
local m = {default_value = {n = 1}, hooks = {all = function() end, ["5sec"] = function() end}}
for _, name in ipairs{"setup", "onLoad", "onEnable", "onUnload", "teardown"} do
  m[name] = function(hook, config) print(name, hook, config and config.n) end
end
return m`, Options{Print: &printed})
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	var want strings.Builder
	want.WriteString("setup\tnil\tnil\n")
	for _, p := range alerts.Periodicities() {
		want.WriteString("onLoad\t" + p.String() + "\t1\nonEnable\t" + p.String() + "\t1\n")
	}
	for _, p := range alerts.Periodicities() {
		want.WriteString("onUnload\t" + p.String() + "\t1\n")
	}
	want.WriteString("teardown\tnil\tnil\n")
	if diff := cmp.Diff(want.String(), printed.String()); diff != "" {
		t.Errorf("life cycle (-want +got):\n%s", diff)
	}
}
