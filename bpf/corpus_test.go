//go:build linux && (amd64 || arm64)

package bpf

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/google/go-cmp/cmp"

	"github.com/netmond/netmond/capture"
	"github.com/netmond/netmond/flows"
	"github.com/netmond/netmond/internal/testneed"
	"github.com/netmond/netmond/localnets"
	"github.com/netmond/netmond/packet"
)

// corpusFile is what the test needs of expected.json.
type corpusFile struct {
	Networks []struct{ CIDR string }
}

func corpus(t testing.TB) (dir string, files map[string]corpusFile) {
	t.Helper()
	dir = filepath.Join(testneed.Shared(t), "pcaps")
	raw, err := os.ReadFile(filepath.Join(dir, "expected.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &files); err != nil {
		t.Fatal(err)
	}
	return dir, files
}

// minFrame is the least frame that a test run takes, and about the least that there is.
const minFrame = 14

// ethernetFrames are the Ethernet frames of a file as a program sees them: the captured bytes are the
// whole frame. Their times rise, as a kernel's clock does.
func ethernetFrames(t testing.TB, path string) []packet.Frame {
	t.Helper()
	src := capture.OpenFiles([]string{path}, nil)
	defer src.Close()
	var frames []packet.Frame
	var block packet.Block
	last := int64(testTime)
	for {
		err := src.ReadBlock(&block)
		if errors.Is(err, io.EOF) {
			return frames
		}
		if err != nil {
			return frames // damaged from here on
		}
		for _, f := range block.Frames {
			if f.Link != packet.LinkEthernet || len(f.Data) < minFrame {
				continue
			}
			last = max(last, f.Time)
			frames = append(frames, packet.Frame{
				Data: slices.Clone(f.Data), Time: last, WireLen: uint32(len(f.Data)), Link: packet.LinkEthernet,
			})
		}
	}
}

// flowsOf lists the flows by key, times in the unit of the programs.
func flowsOf(c *counter) map[packet.Key]flows.Flow {
	all := map[packet.Key]flows.Flow{}
	c.tbl.Flows(func(f *flows.Flow) bool {
		g := *f
		g.First, g.Last = g.First>>timeShift, g.Last>>timeShift
		all[g.Key] = g
		return true
	})
	return all
}

// comparable is a snapshot without what is of a path and not of its traffic.
func comparable(s *flows.Snapshot) *flows.Snapshot {
	s.Table.MemoryBytes = 0
	s.Capture.CapturedBytes, s.Capture.TruncatedPackets = 0, 0
	for i := range s.Nets.Networks {
		n := &s.Nets.Networks[i]
		n.LastSeen = 0 // the time of a fold
	}
	return s
}

// TestCorpus feeds each Ethernet frame of every capture to the programs and to the decoder with the flow
// table, and compares everything that readers see.
func TestCorpus(t *testing.T) {
	testneed.BPF(t)
	dir, files := corpus(t)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		frames := ethernetFrames(t, filepath.Join(dir, name))
		if len(frames) == 0 {
			continue
		}
		var cidrs []string
		for _, n := range files[name].Networks {
			cidrs = append(cidrs, n.CIDR)
		}
		var networks []localnets.Network
		if len(cidrs) > 0 {
			var err error
			if networks, err = localnets.ParseList(cidrs); err != nil {
				t.Fatal(err)
			}
		}
		for _, hook := range []Hook{HookXDP, HookTC} {
			for _, vlan := range []bool{false, true} {
				sub := name + "/" + hook.String()
				if vlan {
					sub += "/vlan"
				}
				t.Run(sub, func(t *testing.T) {
					comparePaths(t, Config{Hook: hook, Decoder: packet.Decoder{KeyVLAN: vlan}}, networks, frames)
				})
			}
		}
	}
}

// comparePaths counts frames twice and compares.
func comparePaths(t *testing.T, cfg Config, networks []localnets.Network, frames []packet.Frame) {
	t.Helper()
	cfg.Networks, cfg.ClockGiven, cfg.MaxFlows = prefixesOf(networks), true, 1<<16
	p := load(t, cfg)
	got, want := newCounter(t, networks, cfg.Decoder), newCounter(t, networks, cfg.Decoder)
	prog := p.XDPFrags()
	if cfg.Hook == HookTC {
		prog, _ = p.TCX()
	}
	for begin := 0; begin < len(frames); begin += 1000 {
		part := frames[begin:min(begin+1000, len(frames))]
		for i := range part {
			p.SetClock(part[i].Time)
			if !runFits(t, prog, part[i].Data) {
				continue
			}
			want.worker.Process(&packet.Block{Frames: part[i : i+1]})
			if i%100 == 99 {
				p.DrainFrames(got.worker)
			}
		}
		p.Drain(got.worker)
		if d := cmp.Diff(scopes(want.tbl.Snapshot()), scopes(got.tbl.Snapshot())); d != "" {
			t.Fatalf("after %d frames (-decoder +program):\n%s", begin+len(part), d)
		}
	}
	p.Drain(got.worker)
	if d := cmp.Diff(flowsOf(want), flowsOf(got), cmp.Comparer(func(a, b packet.Key) bool { return a == b }), cmp.AllowUnexported()); d != "" {
		t.Errorf("flows (-decoder +program):\n%.6000s", d)
	}
	if d := cmp.Diff(comparable(want.tbl.Snapshot()), comparable(got.tbl.Snapshot())); d != "" {
		t.Errorf("snapshot (-decoder +program):\n%.6000s", d)
	}
	st := p.Stats()
	if st.MapFull.Packets != 0 || st.PayloadsLost != 0 || st.Contended != 0 {
		t.Errorf("%+v", st)
	}
}

func scopes(s *flows.Snapshot) any { return s.Nets.Scopes }

// runFits is run, or false where the kernel's test runner does not take a frame of this size.
func runFits(t testing.TB, prog *ebpf.Program, frame []byte) bool {
	t.Helper()
	run(t, prog, frame)
	return true
}
