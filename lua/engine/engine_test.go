package engine

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/netmond/netmond/alerts"
	"github.com/netmond/netmond/localnets"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == WorkerArg {
		if err := WorkerMain(context.Background()); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// minute0 is a whole day since the Unix epoch, 2023-11-15 00:00 UTC, ns.
const minute0 = 1_700_006_400e9

const minuteNS = 60e9

// networks is a snapshot of n networks, 192.0.2.0/32 and on; each has sent 1000 bytes.
func networks(n int) *localnets.Snapshot {
	s := &localnets.Snapshot{Time: minute0, Generation: 1, Networks: make([]localnets.NetworkStats, n)}
	for i := range s.Networks {
		p := netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 0, byte(2 + i>>8), byte(i)}), 32)
		s.Networks[i].Network = localnets.Network{ID: int32(i), Prefix: p, Name: p.String(), Alias: fmt.Sprintf("net%d", i)}
		s.Networks[i].Traffic[localnets.Egress] = localnets.Counts{Packets: 10, Bytes: 1000}
	}
	return s
}

// A bench is an engine with what a test looks at.
type bench struct {
	*Engine
	t     testing.TB
	dir   string
	store *alerts.Mem
	snap  *localnets.Snapshot
	now   int64

	mu   sync.Mutex // guards what follows
	runs []RunReport
	log  bytes.Buffer
}

// Write takes the log.
func (b *bench) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.log.Write(p)
}

func (b *bench) logged() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.log.String()
}

// newBench makes an engine with scripts by file name, in a folder of its own, and n networks. Scripts run
// in this process unless change says otherwise.
func newBench(t testing.TB, n int, scripts map[string]string, change func(*Config, *Deps)) *bench {
	t.Helper()
	b := &bench{t: t, dir: t.TempDir(), store: alerts.NewMem(alerts.DefaultConfig()), snap: networks(n), now: minute0}
	for name, text := range scripts {
		b.write(name, text)
	}
	cfg := DefaultConfig()
	cfg.ScriptsDirs, cfg.InProcess, cfg.ReloadInterval = []string{b.dir}, true, 0
	deps := Deps{
		Log:      slog.New(slog.NewTextHandler(b, nil)),
		Store:    b.store,
		Snapshot: func() *localnets.Snapshot { return b.snap },
		OnRun: func(r RunReport) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.runs = append(b.runs, r)
		},
	}
	if change != nil {
		change(&cfg, &deps)
	}
	e, err := New(cfg, deps)
	if err != nil {
		t.Fatal(err)
	}
	b.Engine = e
	t.Cleanup(func() { e.Close() })
	return b
}

// outside runs scripts in worker processes.
func outside(cfg *Config, _ *Deps) { cfg.InProcess = false }

func (b *bench) write(name, text string) {
	b.t.Helper()
	path := filepath.Join(b.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		b.t.Fatal(err)
	}
}

// minutes runs the checks for the next n minutes, and gives what ran.
func (b *bench) minutes(n int) []RunReport {
	b.t.Helper()
	before := len(b.runs)
	for range n {
		b.now += minuteNS
		if err := b.RunDue(context.Background(), b.now, b.snap); err != nil {
			b.t.Fatal(err)
		}
	}
	return b.runs[before:]
}

// said is the runs as lines: check, network, outcome, values.
func said(runs []RunReport) (lines []string) {
	for _, r := range runs {
		line := fmt.Sprintf("%s %s %s", r.Check, r.Network.Alias, r.Outcome)
		if len(r.Values) > 0 {
			line += " " + strings.Join(r.Values, ",")
		}
		lines = append(lines, line)
	}
	return lines
}

// of is the status of a check.
func (b *bench) of(key string) CheckStatus {
	b.t.Helper()
	all := b.Status()
	i := slices.IndexFunc(all, func(c CheckStatus) bool { return c.Key == key })
	if i < 0 {
		b.t.Fatalf("no check %s among %d", key, len(all))
	}
	return all[i]
}

// engaged is the keys of the engaged alerts, with their network's alias before it.
func (b *bench) engaged() (keys []string) {
	page, _ := b.store.Query("", alerts.Filter{Status: alerts.StatusEngaged})
	for _, a := range page {
		keys = append(keys, b.snap.LookupName(a.Network).Alias+" "+a.Key.Key)
	}
	slices.Sort(keys)
	return keys
}

func (b *bench) nets() (nets []localnets.Network) {
	for i := range b.snap.Networks {
		nets = append(nets, b.snap.Networks[i].Network)
	}
	return nets
}

// shipped is a folder of checks in memory.
func shipped(scripts map[string]string) fstest.MapFS {
	folder := fstest.MapFS{}
	for name, text := range scripts {
		folder[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return folder
}

// setting is a check that returns the setting limit.
const setting = `
local M = { default_value = { limit = 1 } }
function M.check(info) return info.config.limit end
return M`

// engages is a check that engages an alert on each network once.
const engages = `return { check = function(info) network.storeTriggeredAlert("k", 1, 100, 5000, "", "") end }`

func checking(body string) string {
	return "return { check = function(info)\n" + body + "\nend }"
}

func hook(name, body string) string {
	return fmt.Sprintf("return { hooks = { [%q] = function(params)\n%s\nend } }", name, body)
}
