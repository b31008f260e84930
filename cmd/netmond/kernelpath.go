package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/netmond/netmond/bpf"
	"github.com/netmond/netmond/capture"
	"github.com/netmond/netmond/capture/filter"
	"github.com/netmond/netmond/flows"
	"github.com/netmond/netmond/localnets"
	"github.com/netmond/netmond/metrics"
	"github.com/netmond/netmond/packet"
	"github.com/netmond/netmond/report"
	"github.com/netmond/netmond/web"
)

const (
	kernelWait  = 200 * time.Millisecond // for the ring
	kernelCheck = 500 * time.Millisecond // between looks at the attachment
	kernelDrain = time.Second
	// What cannot be attached again is tried again after a time that doubles.
	minAttachPause, maxAttachPause = 2 * time.Second, 30 * time.Second
)

// Reasons for which an attachment was lost.
const (
	lostDetached  = "detached"  // by another process
	lostInterface = "interface" // deleted, or another has its name
)

// A kernelPath counts one interface's frames in the kernel. A packet socket stands by with all that it needs
// open, for when the programs are taken off and cannot be attached again.
type kernelPath struct {
	name        string
	log         *slog.Logger
	program     *bpf.Program
	mode        bpf.Mode
	ingressOnly bool
	sink        meter
	live        *capture.Live // in standby while at is set

	mu         sync.Mutex // held while programs are attached, detached or drained; guards what follows
	at         *bpf.Attachment
	reason     string // why this path, or why not
	ended      bool   // no more attempts
	blind      bool   // the kernel does not tell of the links
	lost       string // reason of the loss that the next attachment makes good
	next       time.Time
	pause      time.Duration
	reattaches map[string]uint64 // by reason of the loss
	fallbacks  uint64
	looked     time.Time     // the last look at the attachment
	gap        time.Time     // since when frames may not have been counted; zero while mu is free
	gaps       time.Duration // ended ones
}

// open chooses how the frames of an interface are counted and begins it. Without a path in the kernel it
// gives nil, and why: then frames go to a packet socket.
func (k *kernelConfig) open(name string, p *pipeline, clock *steadyClock, log *slog.Logger) (*kernelPath, string, error) {
	log = log.With("interface", name)
	i, err := bpf.Inspect(name)
	if err != nil {
		return nil, err.Error(), nil // capture tells it with more
	}
	if err := k.mayDrop(i); err != nil {
		return nil, "", err
	}
	try, against := k.modes(i)
	if len(try) == 0 {
		why := strings.Join(against, "; ")
		if k.path != pathAuto && k.path != pathAFPacket || k.drop {
			log.Warn("frames are not counted in the kernel", "path", pathAFPacket, "wanted", k.path, "because", why)
		}
		return nil, why, nil
	}
	path := &kernelPath{name: name, log: log, ingressOnly: k.ingressOnly, reattaches: map[string]uint64{lostDetached: 0, lostInterface: 0}}
	for _, mode := range try {
		err := path.begin(k, i, mode, p, clock)
		if err == nil {
			path.chose(k, i, against)
			return path, "", nil
		}
		if errors.Is(err, bpf.ErrBusy) && k.path != pathAuto {
			return nil, "", errors.Join(usageError{fmt.Errorf("interface %s: %s is attached, and netmond replaces none: take it off, or use --capture-path tc", name, describeAttached(i.XDP))}, path.close())
		}
		against = append(against, fmt.Sprintf("%v: %v", mode, err))
	}
	why := strings.Join(against, "; ")
	log.Warn("frames are not counted in the kernel", "path", pathAFPacket, "wanted", k.path, "because", why)
	return nil, why, path.close()
}

// begin loads the programs of mode, unless those of its hook are there, and attaches them.
func (k *kernelPath) begin(cfg *kernelConfig, i *bpf.Interface, mode bpf.Mode, p *pipeline, clock *steadyClock) error {
	if k.program == nil || k.mode.Hook() != mode.Hook() {
		if err := k.close(); err != nil {
			return err
		}
		c := cfg.programs
		c.Hook, c.Drop = mode.Hook(), cfg.drop && mode.Hook() == bpf.HookXDP
		if cfg.filter != nil {
			// XDP sees a frame as it is on the wire, tc as a packet socket does.
			program, err := cfg.filter.Program(filter.Target{Link: packet.LinkEthernet, Live: c.Hook == bpf.HookTC})
			if err != nil {
				return err
			}
			c.Filter = program.Instructions()
		}
		networks, _, generation := p.registry.Places()
		c.Networks, c.Generation = prefixes(networks), generation
		if err := cfg.fit(&c); err != nil {
			return err
		}
		program, err := bpf.Load(c, k.log)
		if err != nil {
			return err
		}
		k.program = program
	}
	k.mode, k.sink = mode, meter{worker: p.table.NewWorker(), clock: clock, packets: new(atomic.Uint64), bytes: new(atomic.Uint64)}
	var err error
	k.at, err = k.program.Attach(i.Index, mode, k.ingressOnly)
	return err
}

// chose tells which path was taken, and what one should know of it.
func (k *kernelPath) chose(cfg *kernelConfig, i *bpf.Interface, against []string) {
	k.reason = "as configured"
	if cfg.path == pathAuto {
		k.reason = "the fastest that works here for a mirror port"
	}
	if len(against) > 0 {
		k.reason += "; " + strings.Join(against, "; ")
	}
	stats := k.program.Stats()
	k.log.Info("frames are counted in the kernel", "path", k.mode, "because", k.reason, "driver", i.Driver, "action", cfg.action(k.mode),
		"frags", k.at.Frags, "memory", size(stats.MemoryBytes), "max_flows", stats.MaxFlows, "flow_detail", cfg.programs.Detail)
	switch {
	case cfg.drop && k.mode == bpf.ModeTC:
		k.log.Warn("counted frames are not dropped: tc only counts")
	case k.mode != bpf.ModeTC && i.VLANOffload:
		k.log.Warn("VLAN tags that the interface takes off are missing from what XDP counts: ethtool -K " + i.Name + " rxvlan off, or path tc")
	}
	if k.mode != bpf.ModeTC && !cfg.mirror {
		k.log.Warn("XDP sees received frames alone: what this machine sends is not counted; path tc counts both directions")
	}
}

func (k *kernelConfig) action(mode bpf.Mode) string {
	if k.drop && mode.Hook() == bpf.HookXDP {
		return "drop"
	}
	return "pass"
}

func prefixes(networks []localnets.Network) []netip.Prefix {
	list := make([]netip.Prefix, len(networks))
	for i, n := range networks {
		list[i] = n.Prefix
	}
	return list
}

// run drains what the programs count and looks after them until ctx ends; then it takes them off and drains
// the last of it.
func (k *kernelPath) run(ctx context.Context) {
	checked, drained := time.Now(), time.Now()
	k.mu.Lock()
	k.looked = checked
	k.mu.Unlock()
	for ctx.Err() == nil {
		ready, err := k.program.Wait(kernelWait)
		if err != nil {
			k.log.Error("wait for frames of the programs", "err", err)
			return
		}
		if ready {
			k.mu.Lock()
			k.program.DrainFrames(&k.sink)
			k.mu.Unlock()
		}
		now := time.Now()
		if now.Sub(checked) >= kernelCheck {
			checked = now
			k.check(now)
		}
		if now.Sub(drained) >= kernelDrain {
			drained = now
			k.drain()
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.ended = true
	k.detachLocked()
}

// drain gives what was counted so far to the flow table.
func (k *kernelPath) drain() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.program != nil {
		k.program.Drain(&k.sink)
	}
}

// detachLocked takes the programs off and drains the last that they counted.
func (k *kernelPath) detachLocked() {
	if k.at != nil {
		if err := k.at.Close(); err != nil {
			k.log.Error("take the programs off", "err", err)
		}
		k.at = nil
	}
	if k.program != nil {
		k.program.Drain(&k.sink)
	}
}

// check attaches the programs again where they were taken off, or where another interface has the name.
func (k *kernelPath) check(now time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.ended {
		return
	}
	last := k.looked
	k.looked = now
	dev, err := net.InterfaceByName(k.name)
	if k.at != nil {
		lost, lookErr := k.at.Lost()
		if lookErr != nil && !k.blind {
			k.blind = true // before Linux 5.19 where unprivileged bpf(2) is disabled
			k.log.Warn("whether another process takes the programs off cannot be seen (needs Linux 5.19, or CAP_BPF)", "err", lookErr)
		}
		moved := err == nil && dev.Index != k.at.Index
		if !lost && !moved {
			return
		}
		k.lost = lostDetached
		if err != nil || moved {
			k.lost = lostInterface
		}
		k.log.Warn("the programs were taken off the interface", "path", k.mode, "reason", k.lost)
		k.detachLocked()
		k.next, k.pause = now, 0
		k.gap = last // when exactly, nobody tells
	}
	if err != nil {
		k.endGapLocked(now) // no interface: nothing to count
		return
	}
	if k.lost == lostInterface && k.gap.IsZero() && k.pause == 0 {
		k.gap = last // it has come since then
	}
	if now.Before(k.next) {
		return
	}
	if err := k.attachLocked(dev.Index); err != nil {
		k.fallBackLocked(now, err)
		return
	}
	k.reattaches[k.lost]++
	k.log.Info("the programs are attached again", "path", k.mode, "reason", k.lost, "uncounted_at_most", k.endGapLocked(time.Now()))
}

// endGapLocked notes that frames are counted again, or that none can come, and gives the time since which that
// was not sure.
func (k *kernelPath) endGapLocked(now time.Time) time.Duration {
	if k.gap.IsZero() {
		return 0
	}
	took := now.Sub(k.gap)
	k.gap = time.Time{}
	k.gaps += took
	return took
}

// attachLocked hands the frames from the packet socket, if it has them, to the programs. None counts twice:
// for a moment none counts.
func (k *kernelPath) attachLocked(index int) error {
	if i, err := bpf.Inspect(k.name); err == nil && k.mode != bpf.ModeTC && len(i.XDP) > 0 {
		return fmt.Errorf("%s: %w", describeAttached(i.XDP), bpf.ErrBusy)
	}
	if k.gap.IsZero() {
		k.gap = time.Now() // the packet socket has the frames until here
	}
	if err := k.live.Pause(); err != nil {
		return err
	}
	at, err := k.program.Attach(index, k.mode, k.ingressOnly)
	if err != nil {
		return err
	}
	k.at = at
	return nil
}

// fallBackLocked has the packet socket take the frames.
func (k *kernelPath) fallBackLocked(now time.Time, why error) {
	if err := k.live.Resume(); err != nil {
		k.log.Error("frames are not captured", "err", err)
	}
	gap := k.endGapLocked(time.Now())
	if k.pause == 0 {
		k.fallbacks++
		k.log.Warn("frames go to the packet socket until the programs can be attached again", "path", pathAFPacket, "because", why, "uncounted_at_most", gap)
	}
	k.pause = min(max(2*k.pause, minAttachPause), maxAttachPause)
	k.next = now.Add(k.pause)
}

// setNetworksLocked puts the registry's list into force in the kernel. Where it has outgrown the maps the
// packet socket takes over for good.
func (k *kernelPath) setNetworksLocked(networks []localnets.Network, slots []int32, generation uint64) {
	err := k.program.SetNetworks(prefixes(networks), slots, generation)
	if err == nil {
		k.program.Drain(&k.sink)
		return
	}
	k.log.Warn("the programs cannot count by the new networks: frames go to the packet socket until netmond starts again", "path", pathAFPacket, "err", err)
	if k.at != nil {
		k.gap = time.Now()
	}
	k.detachLocked()
	k.ended, k.reason = true, err.Error()
	k.fallbacks++
	if err := k.live.Resume(); err != nil {
		k.log.Error("frames are not captured", "err", err)
	}
	k.endGapLocked(time.Now())
}

// close gives everything back. It may be called twice.
func (k *kernelPath) close() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	var errs []error
	if k.at != nil {
		errs = append(errs, k.at.Close())
		k.at = nil
	}
	if k.program != nil {
		errs = append(errs, k.program.Close())
		k.program = nil
	}
	return errors.Join(errs...)
}

// overlay adds to the standby socket's figures what the programs counted.
func (k *kernelPath) overlay(s *capture.Stats) {
	k.mu.Lock()
	defer k.mu.Unlock()
	packets, bytes := k.sink.packets.Load(), k.sink.bytes.Load()
	s.Packets, s.Bytes, s.KernelPackets = s.Packets+packets, s.Bytes+bytes, s.KernelPackets+packets
	s.Reason = k.reason
	if k.at != nil {
		s.Path = k.mode.String()
	} else if k.lost != "" && !k.ended {
		s.Reason = "the programs were taken off: " + k.lost
	}
}

// stats is what metrics show of the programs.
func (k *kernelPath) stats() metrics.KernelSource {
	k.mu.Lock()
	defer k.mu.Unlock()
	s := metrics.KernelSource{Interface: k.name, Mode: k.mode.String(), Attached: k.at != nil, Fallbacks: k.fallbacks, Gap: k.gaps, Reattaches: map[string]uint64{}}
	for reason, n := range k.reattaches {
		s.Reattaches[reason] = n
	}
	if k.program != nil {
		s.Stats = k.program.Stats()
	}
	return s
}

// A kernelCapture is all interfaces that are counted in the kernel.
type kernelCapture []*kernelPath

// drain makes everything that was counted visible in the next snapshot.
func (c kernelCapture) drain() {
	for _, k := range c {
		k.drain()
	}
}

func (c kernelCapture) close() error {
	var errs []error
	for _, k := range c {
		errs = append(errs, k.close())
	}
	return errors.Join(errs...)
}

func (c kernelCapture) stats() []metrics.KernelSource {
	var list []metrics.KernelSource
	for _, k := range c {
		list = append(list, k.stats())
	}
	return list
}

// status is what the API shows of an interface; nil for one that the kernel does not count.
func (c kernelCapture) status(name string) *web.KernelStatus {
	i := slices.IndexFunc(c, func(k *kernelPath) bool { return k.name == name })
	if i < 0 {
		return nil
	}
	k := c[i].stats()
	s := &k.Stats
	st := &web.KernelStatus{
		Mode: k.Mode, Attached: k.Attached, Reattaches: k.Reattaches, Fallbacks: k.Fallbacks, Flows: s.Flows, MaxFlows: s.MaxFlows,
		SampleRate: s.SampleRate, MapFull: report.Counts(s.MapFull), Unsampled: report.Counts(s.Unsampled),
		Handed: map[string]report.Counts{}, Refused: map[string]report.Counts{}, PayloadsLost: s.PayloadsLost, MemoryBytes: s.MemoryBytes,
	}
	for i, reason := range bpf.HandReasons {
		st.Handed[reason], st.Refused[reason] = report.Counts(s.Handed[i]), report.Counts(s.Refused[i])
	}
	return st
}

// reload puts networks in force for both: what was counted by the old list is drained before, and the
// registry and the programs change one after the other, with nothing drained between.
func (c kernelCapture) reload(t *flows.Table, r *localnets.Registry, networks []localnets.Network) (localnets.Change, error) {
	for _, k := range c {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.program.Drain(&k.sink)
	}
	change, err := t.Reload(networks)
	if err != nil {
		return change, err
	}
	list, slots, generation := r.Places()
	for _, k := range c {
		if !k.ended {
			k.setNetworksLocked(list, slots, generation)
		}
	}
	return change, nil
}

// A meter counts for one interface what goes to its worker, and takes the wall clock's steps out of times.
type meter struct {
	worker         *flows.Worker
	clock          *steadyClock
	packets, bytes *atomic.Uint64 // read at any time
}

func (m *meter) count(t packet.Tally) {
	m.packets.Add(t.Packets)
	m.bytes.Add(t.Bytes)
}

// Process counts frames that the programs did not.
func (m *meter) Process(b *packet.Block) {
	m.clock.correct(b)
	for i := range b.Frames {
		m.count(packet.Tally{Packets: 1, Bytes: uint64(b.Frames[i].WireLen)})
	}
	m.worker.Process(b)
}

// Classify shows payloads to the detectors.
func (m *meter) Classify(p []packet.Payload) { m.worker.Classify(p) }

// AddDrained counts what the programs did.
func (m *meter) AddDrained(t *packet.Totals, samples []packet.Sample) {
	m.clock.correctDrained(t, samples)
	m.count(t.IPv4)
	m.count(t.IPv6)
	m.count(t.NonIP)
	for _, n := range t.Undecoded {
		m.count(n)
	}
	m.worker.AddDrained(t, samples)
}
