package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/netip"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"github.com/netmond/netmond/capture"
	"github.com/netmond/netmond/capture/filter"
	"github.com/netmond/netmond/flows"
	"github.com/netmond/netmond/localnets"
	"github.com/netmond/netmond/packet"
)

const (
	benchBlock    = 2048 // frames a block, as many as a worker takes together
	maxBenchFlows = 16 << 20
)

// benchOptions are the flags of bench.
type benchOptions struct {
	flows, networks, packets, rounds int
	mix                              mix
	file                             string
	filter                           *filter.Filter // of the file; nil for none
}

func addBench(app *kingpin.Application, commands map[string]func(context.Context) error, std streams) {
	cmd := app.Command("bench", "Measure each stage from a frame to the counters, on one core, on traffic made in memory or on a capture file.")
	o := benchOptions{}
	cmd.Flag("flows", "Flows in the table.").Default("100000").IntVar(&o.flows)
	cmd.Flag("networks", "Local networks, each a /24 of 10.0.0.0/8.").Default("1000").IntVar(&o.networks)
	names := make([]string, len(mixes))
	for i, m := range mixes {
		names[i] = m.name
	}
	mixName := cmd.Flag("mix", "Lengths of the frames: "+strings.Join(names, ", ")+".").Default(names[0]).Enum(names...)
	cmd.Flag("packets", "Packets a round.").Default("2000000").IntVar(&o.packets)
	cmd.Flag("rounds", "Rounds; the medians are shown.").Default("5").IntVar(&o.rounds)
	format := cmd.Flag("format", "Output: text or json.").Default("text").Enum("text", "json")
	expr := cmd.Flag("filter", "Measure only what matches this expression, with a stage for the filter; needs FILE. As for read.").Short('f').PlaceHolder("EXPR").String()
	file := cmd.Arg("FILE", "Capture file to measure instead; read it once before, so that it is in memory.").String()
	commands[cmd.FullCommand()] = func(ctx context.Context) error {
		for _, f := range []struct {
			name        string
			value, most int
		}{
			{"flows", o.flows, maxBenchFlows}, {"networks", o.networks, 1 << 16},
			{"packets", o.packets, 1 << 30}, {"rounds", o.rounds, 1000},
		} {
			if f.value < 1 || f.value > f.most {
				return usageError{fmt.Errorf("--%s %d: want 1 to %d", f.name, f.value, f.most)}
			}
		}
		o.mix = mixes[slices.Index(names, *mixName)]
		o.file = *file
		if *expr != "" {
			if o.file == "" {
				return usageError{errors.New("--filter needs a capture file: there is nothing to leave out of synthetic traffic")}
			}
			var err error
			if o.filter, err = filter.Load(*expr); err != nil {
				return usageError{err}
			}
		}
		r, err := o.run(ctx)
		if err != nil {
			return err
		}
		if *format == "json" {
			e := json.NewEncoder(std.out)
			e.SetIndent("", "  ")
			return e.Encode(r)
		}
		return r.write(std.out)
	}
}

// benchResult is what bench prints. Nanoseconds are of one core, medians over the rounds.
type benchResult struct {
	File     string       `json:"file,omitempty"`
	Filter   string       `json:"filter,omitempty"`
	Mix      string       `json:"mix,omitempty"`
	Flows    int          `json:"flows"`
	Networks int          `json:"networks"`
	Packets  uint64       `json:"packets_per_round"`
	Rounds   int          `json:"rounds"`
	Stages   []benchStage `json:"stages"`
	// Sum of the stages, with the clock readings between them.
	NsPerPacket     float64 `json:"ns_per_packet"`
	CyclesPerPacket float64 `json:"cycles_per_packet"`
	// MpPerSecond is the whole without the clock readings, million packets a second.
	MpPerSecond       float64 `json:"million_packets_per_second"`
	GHz               float64 `json:"ghz"` // of the core, measured by a chain of additions
	TableBytesPerFlow float64 `json:"table_bytes_per_flow"`
	// Growth of the resident memory of the whole process, less what makes the traffic; for a file the
	// buffers are in it.
	ProcessBytesPerFlow float64 `json:"process_bytes_per_flow"`
	AllocsPerPacket     float64 `json:"allocations_per_packet"`
}

type benchStage struct {
	Name   string  `json:"name"`
	Ns     float64 `json:"ns_per_packet"`
	Cycles float64 `json:"cycles_per_packet"`
}

// A benchRound is one pass over the packets.
type benchRound struct {
	laps flows.Laps
	read time.Duration // of a file
	sift time.Duration // by the filter
	tick time.Duration // of the table, once a second of capture time
	// The same again without looking at the clock between the stages.
	whole   time.Duration
	packets uint64
	allocs  uint64
}

func (o *benchOptions) run(ctx context.Context) (*benchResult, error) {
	nets := make([]localnets.Network, o.networks)
	for i := range nets {
		p := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 0}), 24)
		nets[i] = localnets.Network{ID: int32(i), Prefix: p, Name: p.String()}
	}
	before := settledBytes()
	r := &benchResult{File: o.file, Networks: o.networks, Rounds: o.rounds, GHz: coreGHz()}
	var table *flows.Table
	var traffic *synthetic
	if o.filter != nil {
		r.Filter = o.filter.String()
	}
	round := func() (one benchRound, err error) {
		one, table, err = o.fileRound(nets)
		return one, err
	}
	if o.file == "" {
		var err error
		if table, err = benchTable(o.flows, nets); err != nil {
			return nil, err
		}
		r.Mix = o.mix.name
		traffic = newSynthetic(o.flows, o.networks, o.mix)
		traffic.warm(table)
		round = func() (benchRound, error) { return traffic.round(table, o.packets), nil }
	}
	var rounds []benchRound
	for range o.rounds {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		one, err := round()
		if err != nil {
			return nil, err
		}
		rounds = append(rounds, one)
	}
	stats := table.Snapshot().Table
	r.Flows = int(stats.Entries)
	if r.Flows > 0 {
		r.TableBytesPerFlow = float64(stats.MemoryBytes) / float64(stats.Entries)
		r.ProcessBytesPerFlow = float64(settledBytes()-before-traffic.bytes()) / float64(stats.Entries)
	}
	r.sum(rounds)
	runtime.KeepAlive(table)
	return r, nil
}

func benchTable(most int, nets []localnets.Network) (*flows.Table, error) {
	registry, err := localnets.New(localnets.DefaultConfig(), nets)
	if err != nil {
		return nil, err
	}
	cfg := flows.DefaultConfig()
	// The shards fill unevenly: with room to spare none evicts.
	cfg.MaxFlows = most + most/8 + 1024
	return flows.New(cfg, registry)
}

// settledBytes is the resident memory of the process without garbage.
func settledBytes() int64 {
	debug.FreeOSMemory()
	return residentBytes()
}

func mallocs() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.Mallocs
}

// bytes is the memory of what makes the traffic.
func (s *synthetic) bytes() int64 {
	if s == nil {
		return 0
	}
	return int64(len(s.seq))*8 + int64(len(s.arena))
}

// warmRounds is how often each flow is seen before the measurement: no protocol detector looks at it
// then any more.
const warmRounds = 10

// warm makes every flow.
func (s *synthetic) warm(t *flows.Table) {
	w, b := t.NewWorker(), new(packet.Block)
	for range warmRounds {
		for first := 0; first < int(s.flows); first += benchBlock {
			s.each(b, first, min(benchBlock, int(s.flows)-first))
			w.Process(b)
		}
	}
	t.Tick(s.now)
}

// round sends packets through the table; making them is not timed.
func (s *synthetic) round(t *flows.Table, packets int) (r benchRound) {
	w, b := t.NewWorker(), new(packet.Block)
	s.fill(b, benchBlock)
	before := mallocs()
	second := seconds{next: s.now + 1e9}
	for sent := 0; sent < packets; sent += benchBlock {
		w.ProcessTimed(b, &r.laps)
		s.fill(b, benchBlock)
		start := time.Now()
		w.Process(b)
		r.whole += time.Since(start)
		r.packets += benchBlock
		s.fill(b, benchBlock)
		// Half of it is for the packets that went by without the clock.
		took := second.tick(t, s.now)
		r.tick += took / 2
		r.whole += took / 2
	}
	r.allocs = mallocs() - before
	return r
}

// seconds ticks a table as a capture would, once a second of capture time.
type seconds struct{ next int64 }

// tick gives the time that the tick took, if one was due.
func (s *seconds) tick(t *flows.Table, now int64) time.Duration {
	if now < s.next {
		return 0
	}
	s.next = now + 1e9
	start := time.Now()
	t.Tick(now)
	return time.Since(start)
}

// fileRound reads the file with the clock between the stages, and again without, each into a table of
// its own: the first packets of flows are in the figures, as they are for netmond read.
func (o *benchOptions) fileRound(nets []localnets.Network) (r benchRound, t *flows.Table, err error) {
	if t, err = benchTable(fileMaxFlows, nets); err != nil {
		return r, nil, err
	}
	w := t.NewWorker()
	var second seconds
	err = o.eachBlock(func(b *packet.Block, read, sift time.Duration) {
		r.read += read
		r.sift += sift
		w.ProcessTimed(b, &r.laps)
		r.tick += second.tick(t, lastTime(b))
	})
	if err != nil {
		return r, nil, err
	}
	if t, err = benchTable(fileMaxFlows, nets); err != nil {
		return r, nil, err
	}
	w = t.NewWorker()
	second = seconds{}
	before := mallocs()
	start := time.Now()
	err = o.eachBlock(func(b *packet.Block, _, _ time.Duration) {
		w.Process(b)
		r.packets += uint64(len(b.Frames))
		second.tick(t, lastTime(b))
	})
	r.whole = time.Since(start)
	r.allocs = mallocs() - before
	return r, t, err
}

// lastTime is the capture time of a block's last frame; the least time without one.
func lastTime(b *packet.Block) int64 {
	if len(b.Frames) == 0 {
		return math.MinInt64
	}
	return b.Frames[len(b.Frames)-1].Time
}

// A timedSource sums the time that its source takes.
type timedSource struct {
	capture.Source
	took time.Duration
}

func (s *timedSource) ReadBlock(b *packet.Block) error {
	start := time.Now()
	err := s.Source.ReadBlock(b)
	s.took += time.Since(start)
	return err
}

// eachBlock reads the capture file through the filter. f gets the time that each took.
func (o *benchOptions) eachBlock(f func(b *packet.Block, read, sift time.Duration)) error {
	files := capture.OpenFiles([]string{o.file}, nil)
	defer files.Close()
	timed := &timedSource{Source: files}
	var src capture.Source = timed
	if o.filter != nil {
		src = capture.NewFiltered(timed, o.filter)
	}
	var b packet.Block
	for {
		timed.took = 0
		start := time.Now()
		err := src.ReadBlock(&b)
		if err != nil {
			if list := files.Errors(); len(list) > 0 {
				return list[0]
			}
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		f(&b, timed.took, time.Since(start)-timed.took)
	}
}

// sum takes the medians of rounds.
func (r *benchResult) sum(rounds []benchRound) {
	median := func(of func(*benchRound) float64) float64 {
		all := make([]float64, len(rounds))
		for i := range rounds {
			all[i] = of(&rounds[i])
		}
		slices.Sort(all)
		return all[len(all)/2]
	}
	add := func(name string, of func(*benchRound) time.Duration) {
		ns := median(func(b *benchRound) float64 { return float64(of(b)) / float64(max(b.laps.Packets, 1)) })
		r.Stages = append(r.Stages, benchStage{name, ns, ns * r.GHz})
		r.NsPerPacket += ns
	}
	if r.File != "" {
		add("read", func(b *benchRound) time.Duration { return b.read })
	}
	if r.Filter != "" {
		add("filter", func(b *benchRound) time.Duration { return b.sift })
	}
	for s := range flows.NumStages {
		add(s.String(), func(b *benchRound) time.Duration { return b.laps.Time[s] })
	}
	add("tick", func(b *benchRound) time.Duration { return b.tick })
	r.CyclesPerPacket = r.NsPerPacket * r.GHz
	r.Packets = rounds[0].packets
	r.MpPerSecond = median(func(b *benchRound) float64 { return float64(b.packets) / b.whole.Seconds() / 1e6 })
	r.AllocsPerPacket = median(func(b *benchRound) float64 { return float64(b.allocs) / float64(max(b.packets, 1)) })
}

// write prints r for a person.
func (r *benchResult) write(w io.Writer) error {
	what := r.File
	if what == "" {
		what = "mix " + r.Mix
	}
	if r.Filter != "" {
		what += " through the filter " + r.Filter
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "%s, %d flows, %d networks, one core at %.2f GHz, %d packets, median of %d rounds\n\n", what, r.Flows, r.Networks, r.GHz, r.Packets, r.Rounds)
	fmt.Fprintf(t, "stage\tns/packet\tcycles/packet\t\n")
	for _, s := range r.Stages {
		fmt.Fprintf(t, "%s\t%.1f\t%.0f\t\n", s.Name, s.Ns, s.Cycles)
	}
	fmt.Fprintf(t, "sum\t%.1f\t%.0f\t\n", r.NsPerPacket, r.CyclesPerPacket)
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\nwhole: %.2f million packets/s, %.4f allocations/packet\nmemory: %.0f bytes a flow in the table, %.0f in the whole process\n",
		r.MpPerSecond, r.AllocsPerPacket, r.TableBytesPerFlow, r.ProcessBytesPerFlow)
	return err
}

// coreGHz measures the clock of this core: each addition waits for the one before, and takes one cycle
// on all processors that netmond runs on.
func coreGHz() float64 {
	const steps = 20_000_000
	best := time.Duration(1 << 62)
	for range 5 {
		start := time.Now()
		runtime.KeepAlive(chained(steps, uint64(start.Unix())))
		best = min(best, time.Since(start))
	}
	return steps * 16 / float64(best.Nanoseconds())
}

//go:noinline
func chained(steps int, k uint64) uint64 {
	x := k
	for range steps { // the compiler cannot join additions with exclusive ors between
		x = (x + k) ^ k
		x = (x + k) ^ k
		x = (x + k) ^ k
		x = (x + k) ^ k
		x = (x + k) ^ k
		x = (x + k) ^ k
		x = (x + k) ^ k
		x = (x + k) ^ k
	}
	return x
}
