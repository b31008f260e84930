package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/common/version"
	"go.yaml.in/yaml/v4"

	"github.com/netmond/netmond/alerts"
	"github.com/netmond/netmond/capture"
	"github.com/netmond/netmond/flows"
	"github.com/netmond/netmond/history"
	"github.com/netmond/netmond/localnets"
	"github.com/netmond/netmond/metrics"
	"github.com/netmond/netmond/web"
)

// openHistory opens what the networks did over time, in the data directory or in memory.
func openHistory(ctx context.Context, cfg history.Config, log *slog.Logger) (*history.Store, error) {
	cfg.Log = log
	store, err := history.Open(ctx, cfg)
	if err == nil {
		log.Info("history", "max_memory", size(cfg.MaxMemory), "max_disk", size(store.Stats().MaxDisk))
	}
	return store, err
}

// record takes what was counted until now (ns since the Unix epoch) into the history. For one goroutine.
func (d *daemon) record(now int64) {
	d.kernel.drain()
	s := d.table.Read(&d.readings, d.history.EndsMinute(now))
	v := metrics.View{Snapshot: s, Sources: d.sources()}
	undecoded := s.Nets.Scopes[localnets.ScopeUndecoded]
	totals := history.Totals{
		Bytes: s.Capture.Bytes, Packets: s.Capture.Packets, UndecodedBytes: undecoded.Bytes, UndecodedPackets: undecoded.Packets,
		LostPackets: lost(&v).Packets, UntrackedPackets: s.Table.Untracked.Packets, Flows: uint64(s.Table.Entries),
	}
	for _, n := range s.Table.Started {
		totals.NewFlows += n
	}
	for _, bySeverity := range d.keeper.Stats().Engaged {
		for _, n := range bySeverity {
			totals.EngagedAlerts += uint64(n)
		}
	}
	weights := map[string]history.Alerts{}
	for cidr, v := range d.keeper.AlertViews() {
		weights[cidr] = history.Alerts{Score: uint64(scoreOf(v)), Engaged: uint64(v.Engaged)}
	}
	d.history.Add(&history.Sample{Time: now, Nets: s.Nets, Readings: &d.readings, Totals: totals, Alerts: weights})
}

// recordEnd takes the last figures of files in: they count until the second after the last frame.
func (d *daemon) recordEnd(s *flows.Snapshot) {
	if s.Capture.Packets > 0 {
		d.record((s.Nets.Time/int64(time.Second) + 1) * int64(time.Second))
	}
}

// alertView is a network's score and engaged alerts.
func (d *daemon) alertView(cidr string) (score float64, engaged int) {
	v := d.keeper.AlertView(cidr)
	return scoreOf(v), v.Engaged
}

func scoreOf(v alerts.View) float64 { return v.ScoreClient + v.ScoreServer }

// showHistory adds to deps what the API beyond the report shows.
func (d *daemon) showHistory(deps *web.Deps) {
	deps.Snapshot = func() *flows.Snapshot { return d.view().Snapshot }
	deps.Flows = d.table.Flows
	deps.History = d.history
	deps.AlertView = d.alertView
	deps.Status = d.status
	deps.Config = d.loadedConfig
	deps.Places = d.places.Load
	deps.AssumedNetworks = func() bool {
		d.reloads.mu.Lock()
		defer d.reloads.mu.Unlock()
		return d.assumed
	}
}

func (d *daemon) status() web.Status {
	v := d.view()
	started := d.started.UTC().Format(time.RFC3339)
	st := web.Status{
		Version: version.Version, Started: &started, Uptime: time.Since(d.started).Seconds(), Lost: lost(&v),
		Memory: web.MemoryStatus{Resident: residentBytes()},
	}
	if d.plan != nil {
		st.Memory.Budget = d.plan.Budget
	}
	if d.generated != nil {
		s := v.Snapshot
		st.Sources = append(st.Sources, web.SourceStatus{
			Interface: d.generated.name, Path: "generated", Up: true, Packets: s.Capture.Packets, Bytes: s.Capture.Bytes, Workers: 1, Lost: map[string]uint64{},
		})
	}
	for _, s := range v.Sources {
		st.Sources = append(st.Sources, web.SourceStatus{
			Interface: s.Interface, Path: s.Path, Reason: s.Reason, Kernel: d.kernel.status(s.Interface), Up: s.Up, Packets: s.Packets, Bytes: s.Bytes, KernelPackets: s.KernelPackets,
			Truncated: s.Truncated, Downs: s.Downs, Reopens: s.Reopens, LastPollAge: oldestPoll(s.Workers).Seconds(),
			RingBytes: s.RingBytes, Workers: len(s.Workers), Lost: lostBy(&s),
		})
	}
	return st
}

// oldestPoll is how long ago the slowest worker looked for frames.
func oldestPoll(workers []capture.WorkerStats) (age time.Duration) {
	for _, w := range workers {
		age = max(age, w.PollAge)
	}
	return age
}

// lostBy is what an interface lost, by cause.
func lostBy(s *capture.Stats) map[string]uint64 {
	return map[string]uint64{metrics.LostRing: s.KernelDrops, metrics.LostNIC: s.NICDrops}
}

// lost is what is missing from a figure, by cause: what was not captured from all, what was not decoded or has
// no place in the flow table from the networks or the flows alone.
func lost(v *metrics.View) web.LostPackets {
	l := web.LostPackets{ByCause: map[string]uint64{}}
	add := func(cause string, n uint64) {
		l.ByCause[cause] += n
		l.Packets += n
	}
	for i := range v.Sources {
		for cause, n := range lostBy(&v.Sources[i]) {
			add(cause, n)
		}
	}
	if s := v.Snapshot; s != nil {
		add(metrics.LostUndecoded, s.Nets.Scopes[localnets.ScopeUndecoded].Packets)
		add(metrics.LostUntracked, s.Table.Untracked.Packets)
	}
	return l
}

// loadedConfig is the configuration in force, without secrets, for JSON.
func (d *daemon) loadedConfig() any {
	d.reloads.mu.Lock()
	text := d.options.String()
	d.reloads.mu.Unlock()
	var v any
	if err := yaml.Unmarshal([]byte(text), &v); err != nil { // it is our own text
		d.log.Error("configuration cannot be shown", "err", err)
	}
	if v == nil {
		v = map[string]any{} // nothing is set
	}
	return v
}
