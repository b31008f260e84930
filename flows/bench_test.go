package flows

import (
	"fmt"
	"slices"
	"testing"

	"github.com/netmond/netmond/packet"
)

// benchFlows are the sizes that the figures are given for; traffic picks flows at random, the worst
// case for caches.
var benchFlows = []uint64{1e4, 1e5, 1e6}

// prepared batches of metas are copied in, so that making them is not measured.
type prepared struct {
	w       *Worker
	batches []preparedBatch
	frames  [batchLen]packet.Frame
}

// A preparedBatch comes round again and again; each time its sequence numbers have moved on by what
// the flow sends in one round.
type preparedBatch struct {
	metas    [batchLen]packet.Meta
	seq, ack [batchLen]uint32
}

func prepare(b *testing.B, cfg Config, flows uint64) *prepared {
	b.Helper()
	tbl := newTable(b, cfg)
	w := tbl.NewWorker()
	f := newFeeder(w, flows)
	for range 3 * flows / batchLen { // until nearly all flows are there
		f.fill()
		w.count(f.frames[:])
	}
	tbl.Tick(f.now)
	p := &prepared{w: w, frames: f.frames, batches: make([]preparedBatch, 256)}
	before := slices.Clone(f.seq)
	drawn := make([][batchLen]uint64, len(p.batches))
	for i := range p.batches {
		f.fill()
		p.batches[i].metas, drawn[i] = w.metas, f.drawn
	}
	for i := range p.batches {
		p := &p.batches[i]
		for j, n := range drawn[i] {
			dir := p.metas[j].Dir
			p.seq[j], p.ack[j] = f.seq[n][dir]-before[n][dir], f.seq[n][1-dir]-before[n][1-dir]
		}
	}
	return p
}

// load makes batch n the worker's, as decode leaves it.
func (p *prepared) load(n int) {
	round := uint32(n / len(p.batches))
	b := &p.batches[n%len(p.batches)]
	p.w.metas = b.metas
	for i := range p.w.metas {
		m := &p.w.metas[i]
		m.Seq += round * b.seq[i]
		m.Ack += round * b.ack[i]
	}
}

func perPacket(b *testing.B, packets float64) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/packets, "ns/packet")
	b.ReportMetric(packets/b.Elapsed().Seconds(), "packets/s")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkProcess counts batches of decoded frames: hash, sort, probe, warm, update. What it costs
// to copy the metas in is BenchmarkStage/copy.
func BenchmarkProcess(b *testing.B) {
	for _, flows := range benchFlows {
		b.Run(fmt.Sprintf("flows=%.0e", float64(flows)), func(b *testing.B) {
			p := prepare(b, Config{MaxFlows: 1 << 21, Seed: 1}, flows)
			stats := p.w.t.stats()
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				p.load(n)
				p.w.count(p.frames[:])
				n++
				if n%1000 == 0 { // a second at a million packets a second
					p.w.t.Tick(testTime + int64(n)*ms)
				}
			}
			perPacket(b, float64(n)*batchLen)
			b.ReportMetric(float64(stats.MemoryBytes)/float64(stats.Entries), "B/flow")
		})
	}
	b.Run("new", func(b *testing.B) {
		tbl := newTable(b, Config{MaxFlows: 1e5, Seed: 1})
		f := newFeeder(tbl.NewWorker(), 0)
		for range 200 {
			f.fill()
			f.w.count(f.frames[:])
		}
		b.ReportAllocs()
		n := 0
		for b.Loop() { // making the keys is in the figure
			f.now += ms
			f.fill()
			f.w.count(f.frames[:])
			n++
		}
		perPacket(b, float64(n)*batchLen)
	})
}

// BenchmarkStage measures the stages of BenchmarkProcess one by one.
func BenchmarkStage(b *testing.B) {
	for _, flows := range benchFlows {
		p := prepare(b, Config{MaxFlows: 1 << 21, Seed: 1}, flows)
		w := p.w
		w.out.tbl = w.t.nets.Table()
		hash, sort := func() { w.hash(&w.t.hasher) }, func() { w.sort(w.t.shardShift) }
		shards := func(do func(s *shard, order []uint16)) {
			begin := uint16(0)
			for i, end := range w.ends {
				if end > begin {
					do(&w.t.shards[i], w.order[begin:end])
				}
				begin = end
			}
		}
		for _, stage := range []struct {
			name string
			do   func()
		}{
			{"copy", func() {}},
			{"hash", hash},
			{"sort", func() { hash(); sort() }},
			{"probe", func() { hash(); sort(); shards(func(s *shard, order []uint16) { s.probe(&w.batch, &w.hand, order) }) }},
			{"warm", func() {
				hash()
				sort()
				shards(func(s *shard, order []uint16) { s.probe(&w.batch, &w.hand, order); s.warm(&w.hand, len(order)) })
			}},
			{"update", func() {
				hash()
				sort()
				shards(func(s *shard, order []uint16) {
					s.probe(&w.batch, &w.hand, order)
					s.warm(&w.hand, len(order))
					s.update(&w.batch, &w.hand, order, p.frames[:])
				})
			}},
		} {
			b.Run(fmt.Sprintf("%s/flows=%.0e", stage.name, float64(flows)), func(b *testing.B) { // each with those before it
				n := 0
				for b.Loop() {
					p.load(n)
					stage.do()
					w.out.send(w.t.nets, testTime)
					n++
				}
				perPacket(b, float64(n)*batchLen)
			})
		}
	}
}

func BenchmarkFold(b *testing.B) {
	for _, flows := range benchFlows {
		b.Run(fmt.Sprintf("flows=%.0e", float64(flows)), func(b *testing.B) {
			p := prepare(b, Config{MaxFlows: 1 << 21, Seed: 1}, flows)
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				b.StopTimer()
				for range flows / batchLen {
					p.load(n)
					p.w.count(p.frames[:])
					n++
				}
				b.StartTimer()
				p.w.t.fold(testTime)
			}
		})
	}
}
