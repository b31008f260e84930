package demo_test

import (
	"errors"
	"hash/fnv"
	"io"
	"testing"
	"time"

	"github.com/netmond/netmond/demo"
	"github.com/netmond/netmond/flows"
	"github.com/netmond/netmond/localnets"
	"github.com/netmond/netmond/packet"
)

func newSource(t testing.TB, cfg demo.Config) *demo.Source {
	t.Helper()
	src, err := demo.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return src
}

// at is a Monday's time of day.
func at(d time.Duration) time.Time { return time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC).Add(d) }

// fingerprint sums the frames of a source up.
func fingerprint(t *testing.T, cfg demo.Config) (sum uint64, frames int) {
	t.Helper()
	src, h := newSource(t, cfg), fnv.New64a()
	var b packet.Block
	for {
		err := src.ReadBlock(&b)
		if errors.Is(err, io.EOF) {
			return h.Sum64(), frames
		}
		if err != nil {
			t.Fatal(err)
		}
		for i := range b.Frames {
			h.Write(b.Frames[i].Data)
		}
		frames += len(b.Frames)
	}
}

func TestSameSeedSameFrames(t *testing.T) {
	cfg := demo.Config{Seed: 7, Start: at(10 * time.Hour), Duration: time.Minute}
	first, frames := fingerprint(t, cfg)
	if again, _ := fingerprint(t, cfg); again != first {
		t.Error("the same seed gave other frames")
	}
	cfg.Seed = 8
	if other, _ := fingerprint(t, cfg); other == first {
		t.Error("another seed gave the same frames")
	}
	if frames < 10_000 {
		t.Errorf("%d frames in a minute of the morning", frames)
	}
}

// TestFramesAreTrue decodes ten minutes with the scan in them: in order of time, each whole, with true
// lengths, and every byte in a scope.
func TestFramesAreTrue(t *testing.T) {
	nets, err := localnets.ParseList([]string{demo.Networks})
	if err != nil {
		t.Fatal(err)
	}
	registry, err := localnets.New(localnets.DefaultConfig(), nets)
	if err != nil {
		t.Fatal(err)
	}
	table, err := flows.New(flows.DefaultConfig(), registry)
	if err != nil {
		t.Fatal(err)
	}
	src := &ordered{t: t, src: newSource(t, demo.Config{Seed: 1, Start: at(8*time.Hour + 36*time.Minute), Duration: 10 * time.Minute})}
	if err := table.Replay(t.Context(), src, nil); err != nil {
		t.Fatal(err)
	}
	s := table.Snapshot()
	if s.Capture.Bytes != src.bytes || s.Capture.Packets != src.frames {
		t.Errorf("captured %d bytes in %d frames, the source gave %d in %d", s.Capture.Bytes, s.Capture.Packets, src.bytes, src.frames)
	}
	var scopes localnets.Counts
	for _, c := range s.Nets.Scopes {
		scopes.Bytes += c.Bytes
		scopes.Packets += c.Packets
	}
	if scopes.Bytes != src.bytes || scopes.Packets != src.frames {
		t.Errorf("the scopes have %d bytes in %d frames, the source gave %d in %d", scopes.Bytes, scopes.Packets, src.bytes, src.frames)
	}
	if bad := s.Nets.Scopes[localnets.ScopeUndecoded]; bad.Packets != 0 {
		t.Errorf("%d frames are not decoded", bad.Packets)
	}
	for i := range s.Nets.Networks {
		n := &s.Nets.Networks[i]
		if n.Traffic[localnets.Ingress].Bytes == 0 || n.Traffic[localnets.Egress].Bytes == 0 {
			t.Errorf("%s is idle: %v", n.Alias, n.Traffic)
		}
		for d := range n.TCP {
			if n.TCP[d].Retransmissions+n.TCP[d].OutOfOrder+n.TCP[d].Lost != 0 {
				t.Errorf("%s has TCP trouble without an event: %+v", n.Alias, n.TCP[d])
			}
		}
	}
	if s.Nets.Scopes[localnets.ScopeTransit].Bytes == 0 {
		t.Error("no transit")
	}
}

// An ordered source checks what it hands on.
type ordered struct {
	t             *testing.T
	src           *demo.Source
	last          int64
	bytes, frames uint64
}

func (o *ordered) ReadBlock(b *packet.Block) error {
	if err := o.src.ReadBlock(b); err != nil {
		return err
	}
	for i := range b.Frames {
		f := &b.Frames[i]
		if f.Time < o.last {
			o.t.Fatalf("frame %d goes back by %v", o.frames, time.Duration(o.last-f.Time))
		}
		if int(f.WireLen) < len(f.Data) || f.WireLen < 60 || f.WireLen > 1522 {
			o.t.Fatalf("frame %d: %d bytes of %d", o.frames, len(f.Data), f.WireLen)
		}
		o.last = f.Time
		o.bytes += uint64(f.WireLen)
		o.frames++
	}
	return nil
}

// TestRhythm compares seconds of a Monday morning, a Monday night and a Sunday.
func TestRhythm(t *testing.T) {
	bytes := func(start time.Time) (sum uint64) {
		src := &ordered{t: t, src: newSource(t, demo.Config{Seed: 1, Start: start, Duration: 3 * time.Minute})}
		var b packet.Block
		for src.ReadBlock(&b) == nil {
		}
		return src.bytes
	}
	morning, night, sunday := bytes(at(10*time.Hour)), bytes(at(3*time.Hour)), bytes(at(-14*time.Hour))
	if morning < 3*night || morning < 3*sunday {
		t.Errorf("bytes: morning %d, night %d, Sunday %d", morning, night, sunday)
	}
	if backup := bytes(at(20*time.Hour + 40*time.Minute)); backup < 2*night {
		t.Errorf("bytes: backup %d, night %d", backup, night)
	}
}

func TestConfig(t *testing.T) {
	for _, c := range []demo.Config{{}, {Start: at(0), Duration: -1}, {Start: time.Date(3000, 1, 1, 0, 0, 0, 0, time.UTC)}} {
		if _, err := demo.New(c); err == nil {
			t.Errorf("%+v is taken", c)
		}
	}
}

// BenchmarkReadBlock makes the seconds of a busy morning.
func BenchmarkReadBlock(b *testing.B) {
	b.ReportAllocs()
	src := newSource(b, demo.Config{Seed: 1, Start: at(10 * time.Hour)})
	var block packet.Block
	frames := 0
	for b.Loop() {
		if err := src.ReadBlock(&block); err != nil {
			b.Fatal(err)
		}
		frames += len(block.Frames)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(frames), "ns/frame")
}
