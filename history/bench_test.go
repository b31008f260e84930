package history

import (
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

func prefixOf(i int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 0}), 24)
}

// BenchmarkAdd is a second of many networks, flushes and sealing included.
func BenchmarkAdd(b *testing.B) {
	for _, bb := range []struct {
		networks int
		file     bool
	}{{1000, true}, {10_000, true}, {10_000, false}} {
		networks := bb.networks
		b.Run(fmt.Sprintf("networks=%d/file=%v", networks, bb.file), func(b *testing.B) {
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			cfg := DefaultConfig()
			if cfg.Networks = networks; bb.file {
				cfg.Dir = b.TempDir()
			}
			var cidrs []string
			for i := range networks {
				cidrs = append(cidrs, prefixOf(i).String())
			}
			f := newFeed(b, cfg, cidrs...)
			r := rand.New(rand.NewPCG(1, 2))
			i := 0
			b.ReportAllocs()
			for b.Loop() {
				i++
				f.add(noon.Add(time.Duration(i)*time.Second+time.Second/3), r.Uint64N(1<<24), r.Uint64N(1<<20))
				if i%10 == 0 {
					if err := f.s.Flush(ctx); err != nil {
						b.Fatal(err)
					}
				}
			}
			runtime.GC()
			runtime.ReadMemStats(&after)
			b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/(1<<20), "MiB-heap")
			b.ReportMetric(float64(f.s.Stats().MemoryBytes)/(1<<20), "MiB-counted")
			f.s.Close()
		})
	}
}

// day is a day of busy traffic: a daily wave with noise in all fields.
func day(r *rand.Rand, points int) []point {
	list := make([]point, points)
	for i := range list {
		wave := 1.2 + math.Sin(2*math.Pi*float64(i)/float64(points))
		for f := range list[i] {
			v := wave * (0.7 + 0.6*r.Float64())
			switch {
			case Field(f) <= InnerBytes:
				v *= 1e9
			case Field(f) <= TCPPackets:
				v *= 1e6
			case Field(f) <= Lost:
				v *= 30
			case Field(f) == Hosts || Field(f) == Flows:
				v = 80 * wave
			case Field(f) == RTT:
				v = 18_000 + 2000*r.Float64()
			default:
				v = 0
			}
			list[i][f] = pack(uint64(v))
		}
	}
	return list
}

// BenchmarkYear is one field of one network over a year, from a file with a year of NETMOND_YEAR_NETWORKS
// networks (default 20) that are busy all the time; it tells what the file takes for 1,000.
func BenchmarkYear(b *testing.B) {
	networks := 20
	if v := os.Getenv("NETMOND_YEAR_NETWORKS"); v != "" {
		fmt.Sscan(v, &networks)
	}
	cfg := DefaultConfig()
	cfg.Dir = b.TempDir()
	cfg.MaxDisk = 4 << 30
	f := newFeed(b, cfg)
	r := rand.New(rand.NewPCG(1, 2))
	start := noon.Unix() / 900
	err := f.s.db.transact(ctx, func(tx *writer) error {
		for n := range networks {
			id, err := f.s.db.id(ctx, tx, prefixOf(n).String())
			if err != nil {
				return err
			}
			for _, t := range f.s.tiers {
				step := int64(t.Step / time.Second)
				for at := int64(0); at < t.keep; at += int64(t.chunk) {
					if err := f.s.db.insertChunk(ctx, tx, step, id, chunk{start*900/step + at, day(r, t.chunk)}); err != nil {
						return err
					}
				}
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	if _, err := f.s.db.write.Exec("PRAGMA wal_checkpoint(TRUNCATE)"); err != nil {
		b.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(cfg.Dir, databaseName))
	if err != nil {
		b.Fatal(err)
	}
	// As after a restart: a request reaches to the last sample.
	if err := f.s.Close(); err != nil {
		b.Fatal(err)
	}
	f = newFeed(b, cfg)
	f.add(time.Unix((start+365*96)*900, 0), 0, 0)
	for b.Loop() {
		s, err := f.s.Range(ctx, Request{Series: prefixOf(networks / 2).String(), From: start * 900e9, To: (start + 365*96) * 900e9, MaxPoints: 1000})
		if err != nil || s.Fields[0].Points != 365*96 {
			b.Fatal(err, s)
		}
	}
	b.ReportMetric(float64(info.Size())/float64(networks)*1000/(1<<20), "MiB/1000-networks")
	f.s.Close()
}
