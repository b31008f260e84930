package lua

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/netmond/netmond/alerts"
)

// scoredSink gives every network a score, as the alert engine will.
type scoredSink struct {
	*alerts.Mem
	score float64
}

func (s *scoredSink) AlertView(network string) alerts.View {
	view := s.Mem.AlertView(network)
	view.ScoreServer += s.score
	return view
}

func loadTestdata(t *testing.T, name string, opts Options) *Check {
	t.Helper()
	c, err := LoadCheck(context.Background(), filepath.Join("testdata", name), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func runAll(t *testing.T, c *Check, now int64) []Result {
	t.Helper()
	snap := testSnapshot()
	var results []Result
	for id := range snap.Networks {
		r, err := c.RunNetwork(context.Background(), snap, int32(id), now, alerts.Minute)
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Warnings) > 0 {
			t.Errorf("network %d: warnings %q", id, r.Warnings)
		}
		results = append(results, r)
	}
	return results
}

func TestReferenceBoilerplate(t *testing.T) {
	c := loadTestdata(t, "reference_boilerplate.lua", Options{})
	if c.Style != StyleReference || !c.Runs(alerts.Minute) || c.Runs(alerts.Hour) {
		t.Errorf("style %v, runs at min %v, hour %v; want reference, true, false", c.Style, c.Runs(alerts.Minute), c.Runs(alerts.Hour))
	}
	for _, r := range runAll(t, c, testNow) {
		if r.Output != "" || r.Values != nil {
			t.Errorf("network %s: output %q, values %q; want none", r.Network.Name, r.Output, r.Values)
		}
	}
}

func TestReferenceREST(t *testing.T) {
	c := loadTestdata(t, "reference_rest.lua", Options{})
	c.SetRequest(Request{Get: map[string]string{"network_id": "0"}})
	r, err := c.RunNetwork(context.Background(), testSnapshot(), 1, testNow, alerts.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if r.Answer == nil {
		t.Fatal("no answer")
	}
	var got struct {
		RC  int `json:"rc"`
		Rsp struct {
			Key     string             `json:"network_key"`
			Sent    int                `json:"bytes_sent"`
			Ingress map[string]float64 `json:"ingress"`
		} `json:"rsp"`
	}
	if err := json.Unmarshal([]byte(r.Answer.Body), &got); err != nil {
		t.Fatalf("answer %s: %v", r.Answer.Body, err)
	}
	if r.Answer.Status != 200 || got.RC != 0 || got.Rsp.Key != "192.0.2.0/24" || got.Rsp.Sent != 3500 {
		t.Errorf("answer %d %+v", r.Answer.Status, got)
	}
	if diff := cmp.Diff(map[string]float64{"TLS": 700, "DNS": 300}, got.Rsp.Ingress); diff != "" {
		t.Errorf("ingress (-want +got):\n%s", diff)
	}
}

func TestReferenceAlert(t *testing.T) {
	cfg, now := alerts.DefaultConfig(), int64(testNow/1e9)
	cfg.Now = func() int64 { return now }
	sink := &scoredSink{Mem: alerts.NewMem(cfg)}
	c := loadTestdata(t, "reference_alert.lua", Options{Sink: sink})
	kinds := func() (out []string) {
		for _, e := range sink.Events() {
			out = append(out, e.Kind.String()+" "+e.Alert.NetworkName+" "+e.Alert.Key.Key)
		}
		return out
	}
	engaged := []string{
		"engage 192.0.2.0/24 5000@", "engage 198.51.100.1/24 5000@", "engage 2001:db8::/32 5000@",
	}
	released := []string{
		"release 192.0.2.0/24 5000@", "release 198.51.100.1/24 5000@", "release 2001:db8::/32 5000@",
	}
	for i, step := range []struct {
		score float64
		want  []string
	}{{0, nil}, {250, engaged}, {250, nil}, {-250, released}, {0, nil}} {
		sink.score = step.score
		now = testNow/1e9 + int64(i)*60
		runAll(t, c, testNow+int64(i)*60e9)
		if diff := cmp.Diff(step.want, kinds()); diff != "" {
			t.Errorf("step %d, score %v (-want +got):\n%s", i, step.score, diff)
		}
	}
}

func TestReferenceDelta(t *testing.T) {
	sink := alerts.NewMem(alerts.DefaultConfig())
	c := loadTestdata(t, "reference_delta.lua", Options{Sink: sink})
	for range 2 {
		runAll(t, c, testNow)
	}
	for network, want := range map[string]string{"192.0.2.0/24": "5000", "198.51.100.0/24": "100", "2001:db8::/32": "0"} {
		if got := sink.CachedValue(network, 0, "prev_bytes"); got != want {
			t.Errorf("cached value of %s = %q, want %q", network, got, want)
		}
	}
}

var update = flag.Bool("update", false, "write docs/lua-api.md")

func TestReferenceIsCurrent(t *testing.T) {
	var want bytes.Buffer
	if err := WriteReference(&want); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("..", "docs", "lua-api.md")
	if *update {
		if err := os.WriteFile(path, want.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want.String(), string(got)); diff != "" {
		t.Errorf("docs/lua-api.md is not current; run go test ./lua -run TestReferenceIsCurrent -update (-want +got):\n%s", diff)
	}
	for _, name := range BuiltinModules() {
		if moduleDocs[name] == "" {
			t.Errorf("module %s has no documentation", name)
		}
	}
	for _, m := range Modules() {
		for _, f := range m.Functions {
			if f.Doc == "" || f.Returns == "" || f.Source == "" || f.fn == nil {
				t.Errorf("%s: incomplete registration", f.Signature(m.Name))
			}
		}
	}
}
