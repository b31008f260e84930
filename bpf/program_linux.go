//go:build linux && (amd64 || arm64)

package bpf

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"math/bits"
	"net/netip"
	"sync"
	"sync/atomic"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/features"
	"github.com/cilium/ebpf/rlimit"
	"golang.org/x/sys/unix"
)

// A Program is the loaded programs of one hook with their memory. Nothing is attached: that is done
// with XDP and the TC methods' programs, to any number of interfaces. Nothing is pinned: all of it is
// gone when the process ends.
//
// After Load no method but SetNetworks on a kernel before 5.19 needs a privilege. Close may be called
// twice; any other method must not be called after it.
type Program struct {
	cfg  Config
	log  *slog.Logger
	coll *ebpf.Collection

	maps    memory
	barrier *barrier
	ring    *ring

	cpus int

	mu         sync.Mutex // guards all below
	networks   int        // in force
	generation uint64
	half       uint32
	drain      drainState

	stats  atomic.Pointer[Stats] // as of the last drain
	closed bool
}

// memory is the maps as this process sees them.
type memory struct {
	control      []control // one
	cpus         []cpuCounts
	cells        []cell
	pairs        []uint64
	nodes        []node
	broadcasts   []uint64
	buckets      []bucket
	flows        []flow
	troubles     []trouble
	freeFlows    []uint64
	freeTroubles []uint64

	unmap []func() error
	bytes uint64
}

// sizes are the lengths that Load chooses.
type sizes struct {
	cpus, cells, pairs, nodes, networks int
	buckets, flows, troubles            int
	flowRing, troubleRing               int
}

// MemoryBytes is what the maps of c take, all of it at Load.
func (c Config) MemoryBytes() (uint64, error) {
	c = c.withDefaults()
	cpus, err := ebpf.PossibleCPU()
	if err != nil {
		return 0, fmt.Errorf("number of processors: %w", err)
	}
	return c.sizes(cpus, newPrefixTable(c.Networks, nil)).bytes() + uint64(c.RingBytes), nil
}

func (c Config) sizes(cpus int, t *prefixTable) sizes {
	s := sizes{cpus: cpus, networks: c.MaxNetworks, flows: c.MaxFlows}
	s.pairs = powerOfTwo(c.MaxPairs * 4 / 3)
	s.cells = cellNetworks + cellsPerNetwork*s.networks + 2*s.pairs
	s.nodes = roots + max(2*(len(t.nodes)-roots), 1024)
	s.buckets = powerOfTwo(c.MaxFlows * 2 / bucketSlots)
	s.troubles = max(c.MaxFlows/8, min(c.MaxFlows, 1024))
	s.flowRing, s.troubleRing = powerOfTwo(s.flows), powerOfTwo(s.troubles)
	return s
}

func (s sizes) bytes() uint64 {
	var sum uint64
	for _, m := range s.maps() {
		sum += uint64(m.entries) * uint64(m.size)
	}
	return sum
}

// powerOfTwo is the least power of two that is not below n, and 1 at least.
func powerOfTwo(n int) int {
	if n <= 1 {
		return 1
	}
	return 1 << bits.Len(uint(n-1))
}

// Load loads the programs of cfg.Hook. Errors that wrap ErrUnsupported or unix.EPERM name the step
// that failed and what it needs.
func Load(cfg Config, log *slog.Logger) (*Program, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("eBPF programs: %w", err)
	}
	cfg = cfg.withDefaults()
	if err := checkPrefixes(cfg.Networks); err != nil {
		return nil, fmt.Errorf("eBPF programs: %w", err)
	}
	if err := rlimit.RemoveMemlock(); err != nil {
		log.Debug("memory lock limit stays", "err", err) // before Linux 5.11 the maps may not fit it
	}
	cpus, err := ebpf.PossibleCPU()
	if err != nil {
		return nil, fmt.Errorf("number of processors: %w", err)
	}
	p := &Program{cfg: cfg, log: log, cpus: cpus}
	table := newPrefixTable(cfg.Networks, nil)
	s := cfg.sizes(cpus, table)
	if err := p.load(s); err != nil {
		return nil, err
	}
	if err := p.start(s, table); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

// load makes maps and programs.
func (p *Program) load(s sizes) error {
	spec, err := p.cfg.spec()
	if err != nil {
		return fmt.Errorf("read the %v programs: %w", p.cfg.Hook, err)
	}
	for _, m := range s.maps() {
		spec.Maps[m.name].MaxEntries = uint32(m.entries)
	}
	spec.Maps["frames"].MaxEntries = uint32(p.cfg.RingBytes)
	if err := p.settings(spec, s); err != nil {
		return fmt.Errorf("settings of the %v programs: %w", p.cfg.Hook, err)
	}
	if p.cfg.Filter != nil {
		if err := addFilter(spec, p.cfg.Hook, p.cfg.Filter, p.cfg.refused()); err != nil {
			return err
		}
	}
	p.coll, err = ebpf.NewCollectionWithOptions(spec, ebpf.CollectionOptions{})
	if err != nil {
		return explainLoad(p.cfg.Hook, err)
	}
	return nil
}

// spec is the objects' content without what this kernel lacks.
func (c Config) spec() (*ebpf.CollectionSpec, error) {
	if c.objects != nil {
		return c.objects()
	}
	if c.Hook == HookTC {
		return loadTc()
	}
	spec, err := loadXdp()
	if err == nil && !xdpLoadBytes() {
		delete(spec.Programs, "netmond_xdp_frags")
	}
	return spec, err
}

// xdpLoadBytes reports whether frames of several buffers are known to this kernel: Linux 5.18.
func xdpLoadBytes() bool {
	return features.HaveProgramHelper(ebpf.XDP, asm.FnXdpLoadBytes) == nil
}

// explainLoad says what an error of the kernel means.
func explainLoad(hook Hook, err error) error {
	var verifier *ebpf.VerifierError
	switch {
	case errors.Is(err, unix.EPERM) && !errors.As(err, &verifier):
		return fmt.Errorf("load %v programs: %w (needs CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON, or CAP_SYS_ADMIN)", hook, err)
	case errors.Is(err, unix.ENOMEM):
		return fmt.Errorf("load %v programs: no memory for the maps: %w", hook, err)
	default:
		return fmt.Errorf("load %v programs (needs Linux 5.15, on arm64 5.18): %w: %w", hook, ErrUnsupported, err)
	}
}

// XDP actions, include/uapi/linux/bpf.h.
const (
	xdpDrop = 1
	xdpPass = 2
)

// settings writes the constants of the programs.
func (p *Program) settings(spec *ebpf.CollectionSpec, s sizes) error {
	var seed [11]uint64
	var b [8]byte
	for i := range seed {
		rand.Read(b[:]) // never fails
		seed[i] = binary.LittleEndian.Uint64(b[:]) | 1
	}
	action := uint32(xdpPass)
	if p.cfg.Drop {
		action = xdpDrop
	}
	flag := func(b bool) uint8 {
		if b {
			return 1
		}
		return 0
	}
	values := map[string]any{
		"cells_per_cpu": uint32(s.cells), "networks_cap": uint32(s.networks), "nodes_cap": uint32(s.nodes),
		"bucket_mask": uint32(s.buckets - 1), "pair_mask": uint32(s.pairs - 1),
		"flow_ring_mask": uint32(s.flowRing - 1), "trouble_ring_mask": uint32(s.troubleRing - 1),
		"key_vlan": flag(p.cfg.Decoder.KeyVLAN), "clock_given": flag(p.cfg.ClockGiven), "seed": seed,
	}
	if p.cfg.Hook == HookXDP {
		values["action"], values["xdp_load"] = action, flag(xdpLoadBytes())
	}
	for name, value := range values {
		v := spec.Variables[name]
		if v == nil {
			if p.cfg.objects != nil {
				continue
			}
			return fmt.Errorf("no variable %s", name)
		}
		if err := v.Set(value); err != nil {
			return fmt.Errorf("variable %s: %w", name, err)
		}
	}
	return nil
}

// start maps the memory and fills it.
func (p *Program) start(s sizes, table *prefixTable) error {
	if err := p.maps.open(p.coll, s); err != nil {
		return err
	}
	var err error
	if p.ring, err = openRing(p.coll.Maps["frames"], p.cfg.RingBytes); err != nil {
		return err
	}
	if p.barrier, err = newBarrier(); err != nil {
		return err
	}
	m := &p.maps
	for i := range m.flows {
		m.freeFlows[i] = uint64(i)
	}
	for i := range m.troubles {
		m.freeTroubles[i] = uint64(i)
	}
	c := &m.control[0]
	c.FlowTail, c.TroubleTail = uint64(len(m.flows)), uint64(len(m.troubles))
	c.MaxSamples = uint32(p.cfg.PayloadPackets)
	p.install(table, p.cfg.Networks, nil, p.cfg.Generation)
	p.drain.init(p)
	p.setTrack(p.initialRate())
	p.stats.Store(p.statsLocked())
	return nil
}

// XDP is the program for an interface; nil with another hook. frames in several buffers (jumbo frames,
// LRO) need one that knows them, which is nil before Linux 5.18.
func (p *Program) XDP() *ebpf.Program { return p.coll.Programs["netmond_xdp"] }

// XDPFrags is XDP for frames in several buffers.
func (p *Program) XDPFrags() *ebpf.Program { return p.coll.Programs["netmond_xdp_frags"] }

// TCX gives the programs for received and for sent frames to attach as tcx (Linux 6.6); nil with
// another hook.
func (p *Program) TCX() (ingress, egress *ebpf.Program) {
	return p.coll.Programs["netmond_ingress"], p.coll.Programs["netmond_egress"]
}

// Classifier is the program for a clsact qdisc, for either direction; nil with another hook.
func (p *Program) Classifier() *ebpf.Program { return p.coll.Programs["netmond_clsact"] }

// Empty does nothing: what any program at this hook costs.
func (p *Program) Empty() *ebpf.Program { return p.coll.Programs["netmond_empty"] }

// SetNetworks puts another list of networks into force, all of it at one moment. slots are the numbers
// under which they are counted, as localnets gives them; nil stands for their indexes. When it returns no
// program counts by the old list any more, and the next Drain has the last of what did.
//
// The error wraps ErrCapacity where the list needs more than Load reserved; the old list stays.
func (p *Program) SetNetworks(prefixes []netip.Prefix, slots []int32, generation uint64) error {
	if err := errors.Join(checkPrefixes(prefixes), checkSlots(prefixes, slots)); err != nil {
		return fmt.Errorf("networks of the eBPF programs: %w", err)
	}
	t := newPrefixTable(prefixes, slots)
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.maps.nodes) / 2; len(t.nodes) > n {
		return fmt.Errorf("%d networks need %d nodes, %d are there: %w", len(prefixes), len(t.nodes), n, ErrCapacity)
	}
	if n := p.maxNetworks(); len(t.broadcasts) > n {
		return fmt.Errorf("%d networks in %d slots, room for %d: %w", len(prefixes), len(t.broadcasts), n, ErrCapacity)
	}
	p.install(t, prefixes, slots, generation)
	p.barrier.wait() // so that the half that goes out of force is read by nobody at the next change
	return nil
}

// install writes t into the half that is not in force, and puts it into force. p.mu is held, or the
// program not yet in use.
func (p *Program) install(t *prefixTable, prefixes []netip.Prefix, slots []int32, generation uint64) {
	half := p.half ^ 1
	nodes, broadcasts := len(p.maps.nodes)/2, p.maxNetworks()
	copy(p.maps.nodes[int(half)*nodes:][:nodes], t.nodes)
	into := p.maps.broadcasts[int(half)*broadcasts:][:broadcasts]
	clear(into)
	copy(into, t.broadcasts)
	atomic.StoreUint32(&p.maps.control[0].Table, uint32(generation)<<1|half)
	p.half, p.generation, p.networks = half, generation, len(prefixes)
	p.drain.learn(prefixes, slots)
}

// SetClock sets the time of frames to come, ns since the Unix epoch, with Config.ClockGiven.
func (p *Program) SetClock(now int64) {
	atomic.StoreUint64(&p.maps.control[0].Clock, uint64(now))
}

// Close unloads programs that are not attached by anyone, and gives all memory back.
func (p *Program) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil
	}
	p.closed = true
	var errs []error
	if p.ring != nil {
		errs = append(errs, p.ring.close())
	}
	if p.barrier != nil {
		errs = append(errs, p.barrier.close())
	}
	errs = append(errs, p.maps.close())
	p.coll.Close()
	return errors.Join(errs...)
}
