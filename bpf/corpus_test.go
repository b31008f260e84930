//go:build linux && (amd64 || arm64)

package bpf

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"net/netip"
	"os"
	"path"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/netmond/netmond/capture"
	"github.com/netmond/netmond/flows"
	"github.com/netmond/netmond/internal/testneed"
	"github.com/netmond/netmond/localnets"
	"github.com/netmond/netmond/packet"
	"github.com/netmond/netmond/report"
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

// maxPause is the longest time between two frames that is kept: a flow's times wrap after 52 days, which
// no timeout lets it see.
const maxPause = int64(24 * time.Hour)

// ethernetFrames are the Ethernet frames of a file as a program sees them: the captured bytes are the
// whole frame. Their times rise, as a kernel's clock does.
func ethernetFrames(t testing.TB, path string) []packet.Frame {
	t.Helper()
	src := capture.OpenFiles([]string{path}, nil)
	defer src.Close()
	var frames []packet.Frame
	var block packet.Block
	last := int64(testTime)
	first := true
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
			if first && f.Time > last {
				last = f.Time
			}
			first = false
			last = min(max(last, f.Time), last+maxPause)
			frames = append(frames, packet.Frame{
				Data: slices.Clone(f.Data), Time: last, WireLen: uint32(len(f.Data)), Link: packet.LinkEthernet,
			})
		}
	}
}

// flowsOf lists the flows by key, times in the unit of the programs and as long as their clock is.
func flowsOf(c *counter) map[packet.Key]flows.Flow {
	all := map[packet.Key]flows.Flow{}
	c.tbl.Flows(func(f *flows.Flow) bool {
		g := *f
		g.First, g.Last = g.First>>timeShift&math.MaxUint32, g.Last>>timeShift&math.MaxUint32
		all[g.Key] = g
		return true
	})
	return all
}

var sameAddrs = cmpopts.EquateComparable(netip.AddrPort{}, netip.Prefix{})

// comparable is a snapshot without what is of a path and not of its traffic.
func comparable(s *flows.Snapshot, health bool) *flows.Snapshot {
	s.Table.MemoryBytes = 0
	s.Capture.CapturedBytes, s.Capture.TruncatedPackets = 0, 0
	for i := range s.Nets.Networks {
		n := &s.Nets.Networks[i]
		n.LastSeen = 0 // the time of a fold
		if health {
			continue
		}
		for dir := range n.TCP {
			n.TCP[dir].Retransmissions = 0
		}
	}
	return s
}

// TestCorpus feeds each Ethernet frame of every capture to the programs and to the decoder with the flow
// table, and compares everything that readers see.
func TestCorpus(t *testing.T) {
	dir, files := corpus(t)
	for _, hook := range []Hook{HookXDP, HookTC} {
		for _, vlan := range []bool{false, true} {
			t.Run(fmt.Sprintf("%v/vlan=%v", hook, vlan), func(t *testing.T) {
				cfg := Config{Hook: hook, Decoder: packet.Decoder{KeyVLAN: vlan}, ClockGiven: true, MaxFlows: 1 << 16, Detail: DetailFull}
				p := load(t, cfg)
				for _, name := range slices.Sorted(maps.Keys(files)) {
					compareFile(t, p, dir, name, files[name])
				}
			})
		}
	}
}

// compareFile compares the paths on the Ethernet frames of one capture.
func compareFile(t *testing.T, p *Program, dir, name string, file corpusFile) {
	frames := ethernetFrames(t, filepath.Join(dir, name))
	if len(frames) == 0 {
		return
	}
	var cidrs []string
	for _, n := range file.Networks {
		cidrs = append(cidrs, n.CIDR)
	}
	var networks []localnets.Network
	if len(cidrs) > 0 {
		var err error
		if networks, err = localnets.ParseList(cidrs); err != nil {
			t.Fatal(err)
		}
	}
	t.Run(name, func(t *testing.T) { comparePaths(t, p, networks, frames) })
}

// mixed are captures in which a TCP connection's frames come in wrappings that the programs parse and in
// others: its health is then of a part of it, and the retransmissions of its copies are not seen.
var mixed = map[string]bool{"fabricpath.pcap": true}

func forgetHealth(lists ...map[packet.Key]flows.Flow) {
	for _, list := range lists {
		for k, f := range list {
			f.FromClient.Retransmissions, f.FromServer.Retransmissions = 0, 0
			list[k] = f
		}
	}
}

// forget puts p back to the state after Load. No program may be running.
func forget(t testing.TB, p *Program) {
	t.Helper()
	p.Drain(newTallySink()) // what waits in the ring
	p.mu.Lock()
	defer p.mu.Unlock()
	m, d := &p.maps, &p.drain
	clear(m.cells)
	clear(m.cpus)
	clear(m.pairs)
	clear(m.buckets)
	clear(m.flows)
	clear(m.troubles)
	clear(d.cells)
	clear(d.seen)
	clear(d.health)
	d.sum, d.lastFull, d.limbo = cpuCounts{}, 0, nil
	c := &m.control[0]
	c.FlowHead, c.FlowTail = 0, uint64(len(m.flows))
	c.TroubleHead, c.TroubleTail = 0, uint64(len(m.troubles))
	for i := range m.flows {
		m.freeFlows[i] = uint64(i)
	}
	for i := range m.troubles {
		m.freeTroubles[i] = uint64(i)
	}
}

// comparePaths counts frames twice and compares.
func comparePaths(t *testing.T, p *Program, networks []localnets.Network, frames []packet.Frame) {
	t.Helper()
	if err := p.SetNetworks(prefixesOf(networks), nil, p.generation+1); err != nil {
		t.Fatal(err)
	}
	forget(t, p)
	got, want := newCounter(t, networks, p.cfg.Decoder), newCounter(t, networks, p.cfg.Decoder)
	prog := p.anyXDP()
	if p.cfg.Hook == HookTC {
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
	wantFlows, gotFlows := flowsOf(want), flowsOf(got)
	if st := p.Stats(); st.Handed != [numReasons]packet.Tally{} && mixed[path.Base(t.Name())] {
		forgetHealth(wantFlows, gotFlows)
	}
	if d := cmp.Diff(wantFlows, gotFlows, sameAddrs); d != "" {
		t.Errorf("flows (-decoder +program):\n%.6000s", d)
	}
	if d := cmp.Diff(comparable(want.tbl.Snapshot(), !mixed[path.Base(t.Name())]), comparable(got.tbl.Snapshot(), !mixed[path.Base(t.Name())]), sameAddrs); d != "" {
		t.Errorf("snapshot (-decoder +program):\n%.6000s", d)
	}
	if d := cmp.Diff(reportOf(t, want), reportOf(t, got)); d != "" {
		t.Errorf("report (-decoder +program):\n%.6000s", d)
	}
	st := p.Stats()
	if st.MapFull.Packets != 0 || st.Unsampled.Packets != 0 || st.PayloadsLost != 0 || st.Contended != 0 {
		t.Errorf("%+v", st)
	}
}

// reportOf is the JSON that the daemon gives, without what is of a path and not of its traffic.
func reportOf(t *testing.T, c *counter) any {
	t.Helper()
	var b bytes.Buffer
	if err := report.New(comparable(c.tbl.Snapshot(), !mixed[path.Base(t.Name())]), nil).WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	var v any
	if err := json.Unmarshal(b.Bytes(), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func scopes(s *flows.Snapshot) any { return s.Nets.Scopes }

// runFits is run, or false where the kernel's test runner does not take the frame: for tc one that is
// longer than a page with its reserve, or ends within its IP header; for XDP one of more than 17 pages, and
// before Linux 5.18 of more than one.
func runFits(t testing.TB, prog *ebpf.Program, frame []byte) bool {
	t.Helper()
	if n := len(frame); prog.Type() == ebpf.XDP && (n > 65536 || n > 3500 && !xdpLoadBytes()) || prog.Type() == ebpf.SchedCLS && (n > 3500 || n < 54) {
		if _, err := prog.Run(&ebpf.RunOptions{Data: frame}); err != nil {
			return false
		}
		return true
	}
	run(t, prog, frame)
	return true
}
