package lua

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/netmond/netmond/alerts"
)

// A reset of the matrix is the script's: another VM of it sees it, as after the loss of a worker, and no
// other script does.
func TestResetOutlivesTheVM(t *testing.T) {
	shared := NewSharedMem()
	run := func(name, src string) string {
		t.Helper()
		c, err := NewCheck(context.Background(), name, src, Options{Shared: shared})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		r, err := c.RunNetwork(context.Background(), testSnapshot(), 0, testNow, alerts.Minute)
		if err != nil || len(r.Warnings) > 0 {
			t.Fatalf("%s: %v, %q", name, err, r.Warnings)
		}
		return r.Output
	}
	const show = `local row = network.getNetworkStats().intranet_traffic["198.51.100.1/24"] print(row.bytes_sent, row.bytes_rcvd)`
	for _, step := range []struct{ name, src, want string }{
		{"a.lua", show, "100\t40\n"},
		{"a.lua", "network.resetTrafficBetweenNets() " + show, "0\t0\n"},
		{"a.lua", show, "0\t0\n"},
		{"b.lua", show, "100\t40\n"},
		{"b.lua", `print(ntop.getKeysCache("*"))`, "nil\n"},
	} {
		if got := run(step.name, step.src); got != step.want {
			t.Errorf("%s %s: %q, want %q", step.name, step.src, got, step.want)
		}
	}
	base := map[string]intranetCounts{"192.0.2.0/24": {1, 2}, "2001:db8::/32": {1 << 63, 0}}
	if diff := cmp.Diff(base, parseBaseline(formatBaseline(base)), cmp.AllowUnexported(intranetCounts{})); diff != "" {
		t.Errorf("(-written +read):\n%s", diff)
	}
	if got := parseBaseline("nonsense\na b c\n1 2\n"); len(got) > 0 {
		t.Errorf("nonsense is read as %v", got)
	}
}
