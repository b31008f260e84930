package checktest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/netmond/netmond/alerts"
	"github.com/netmond/netmond/apps"
	"github.com/netmond/netmond/capture"
	"github.com/netmond/netmond/flows"
	"github.com/netmond/netmond/localnets"
	"github.com/netmond/netmond/lua"
)

// A Script is one check to run.
type Script struct {
	Name   string // file name, as messages show it
	Source string
	Config map[string]any // settings over the script's default_value
}

// A Replay is what is run over what.
type Replay struct {
	Networks string // as -m takes it
	Pcap     []byte // a capture file
	Scripts  []Script
	// Restart, if not zero, is a capture time (ns since the Unix epoch) from which on counters begin
	// anew and the scripts are loaded again, while alerts and cached values stay: a restart of netmond.
	Restart int64
}

// Run gives one line for each event of an alert and each line that a check printed, in order. A check
// that fails or uses the API wrongly fails t.
func Run(t testing.TB, r Replay) string {
	t.Helper()
	p := &replay{t: t}
	cfg := alerts.DefaultConfig()
	cfg.Now = func() int64 { return p.last / int64(time.Second) }
	p.sink = alerts.NewMem(cfg)
	var out strings.Builder
	p.out = &out
	parts := [][]byte{r.Pcap}
	if r.Restart != 0 {
		parts = splitPcap(t, r.Pcap, r.Restart)
	}
	for _, part := range parts {
		p.run(r, part)
	}
	return out.String()
}

func (p *replay) run(r Replay, pcap []byte) {
	t := p.t
	t.Helper()
	table := newTable(t, r.Networks)
	p.table, p.checks, p.started = table, nil, false
	for _, s := range r.Scripts {
		c, err := lua.NewCheck(t.Context(), s.Name, s.Source, lua.Options{Sink: p.sink, Config: s.Config, TimeLimit: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		p.checks = append(p.checks, c)
	}
	src := capture.OpenFiles([]string{"-"}, bytes.NewReader(pcap))
	defer src.Close()
	if err := table.Replay(t.Context(), src, func(now int64) error { return p.tick(t.Context(), now) }); err != nil {
		t.Fatal(err)
	}
	for _, e := range src.Errors() {
		t.Fatal(e)
	}
	// The minute that was begun ends.
	const minute = int64(time.Minute)
	last := table.Snapshot().Capture.Last
	if end := (last + minute - 1) / minute * minute; !p.started || end > p.last {
		table.Tick(end)
		if err := p.tick(t.Context(), end); err != nil {
			t.Fatal(err)
		}
	}
}

func newTable(t testing.TB, networks string) *flows.Table {
	t.Helper()
	list, err := localnets.ParseList([]string{networks})
	if err != nil {
		t.Fatal(err)
	}
	nets := localnets.DefaultConfig()
	nets.AppNames = apps.Names()
	registry, err := localnets.New(nets, list)
	if err != nil {
		t.Fatal(err)
	}
	cfg := flows.DefaultConfig()
	cfg.MaxFlows = 1 << 16
	cfg.IdleTimeout, cfg.ActiveTimeout, cfg.ClosedTimeout = 0, 0, 0 // as for files
	table, err := flows.New(cfg, registry)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// A replay runs checks along a capture's clock.
type replay struct {
	t       testing.TB
	table   *flows.Table
	checks  []*lua.Check
	sink    *alerts.Mem
	out     io.Writer
	started bool
	last    int64
}

func (r *replay) tick(ctx context.Context, now int64) error {
	if !r.started {
		r.started, r.last = true, now-int64(time.Second)
	}
	due := alerts.Due(r.last, now)
	r.last = now
	if len(due) == 0 {
		return nil
	}
	for _, period := range due {
		snap := r.table.Snapshot().Nets
		for _, c := range r.checks {
			for id := range snap.Networks {
				if !c.Runs(period) {
					continue
				}
				result, err := c.RunNetwork(ctx, snap, int32(id), now, period)
				if err != nil {
					return fmt.Errorf("%s %s: %w", c.Key, result.Network.Prefix, err)
				}
				for _, w := range result.Warnings {
					r.t.Errorf("%s %s: warning: %s", c.Key, result.Network.Prefix, w)
				}
				r.show(&result)
			}
		}
	}
	return nil
}

func (r *replay) show(result *lua.Result) {
	head := fmt.Sprintf("%s %s %s", time.Unix(0, result.Time).UTC().Format("15:04:05"), result.Periodicity, result.Network.Prefix)
	for line := range strings.Lines(result.Output) {
		fmt.Fprintf(r.out, "%s print %s\n", head, strings.TrimSuffix(line, "\n"))
	}
	for _, e := range r.sink.Events() {
		fmt.Fprintf(r.out, "%s %s %s score %d %s\n", head, e.Kind, e.Alert.Key.Key, e.Alert.Score, e.Alert.JSON)
	}
}
