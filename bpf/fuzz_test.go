//go:build linux && (amd64 || arm64)

package bpf

import (
	"maps"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/netmond/netmond/internal/testneed"
	"github.com/netmond/netmond/localnets"
	"github.com/netmond/netmond/packet"
)

// fuzzPrefixes cover much of what a mutation leaves of an address.
var fuzzPrefixes = []string{"10.0.0.0/8", "192.168.0.0/16", "192.168.1.0/24", "128.0.0.0/1", "2000::/3", "fe80::/10"}

// FuzzCount gives a frame twice to the programs of both hooks and to the decoder with the flow table:
// same scopes, networks and flows.
func FuzzCount(f *testing.F) {
	testneed.BPF(f)
	f.Add(udpFrame(addr4("192.0.2.1"), addr4("10.0.0.1"), 1, 53))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0x08, 0x06})
	for _, seed := range corpusSeeds(f) {
		f.Add(seed)
	}
	networks, err := localnets.ParseList(fuzzPrefixes)
	if err != nil {
		f.Fatal(err)
	}
	programs := map[Hook]*Program{}
	for _, hook := range []Hook{HookXDP, HookTC} {
		programs[hook] = load(f, Config{Hook: hook, Networks: prefixesOf(networks), ClockGiven: true, MaxFlows: 64, Detail: DetailFull})
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) < minFrame || len(data) > 2000 {
			return
		}
		frames := []packet.Frame{
			{Data: data, Time: testTime, WireLen: uint32(len(data)), Link: packet.LinkEthernet},
			{Data: data, Time: testTime + 1e6, WireLen: uint32(len(data)), Link: packet.LinkEthernet},
		}
		for hook, p := range programs {
			forget(t, p)
			prog := p.anyXDP()
			if hook == HookTC {
				prog, _ = p.TCX()
			}
			got, want := newSizedCounter(t, networks, packet.Decoder{}, 64), newSizedCounter(t, networks, packet.Decoder{}, 64)
			for i := range frames {
				p.SetClock(frames[i].Time)
				if runFits(t, prog, data) {
					want.worker.Process(&packet.Block{Frames: frames[i : i+1]})
				}
			}
			p.Drain(got.worker)
			p.Drain(got.worker)
			if d := cmp.Diff(flowsOf(want), flowsOf(got), sameAddrs); d != "" {
				t.Errorf("%v: flows (-decoder +program):\n%s", hook, d)
			}
			if d := cmp.Diff(comparable(want.tbl.Snapshot(), true), comparable(got.tbl.Snapshot(), true), sameAddrs); d != "" {
				t.Errorf("%v: snapshot (-decoder +program):\n%s", hook, d)
			}
		}
	})
}

// corpusSeeds are the first frames of each capture, where the corpus is there.
func corpusSeeds(f *testing.F) [][]byte {
	f.Helper()
	dir, files := corpus(f)
	var seeds [][]byte
	for _, name := range slices.Sorted(maps.Keys(files)) {
		frames := ethernetFrames(f, filepath.Join(dir, name))
		for _, fr := range frames[:min(3, len(frames))] {
			if len(fr.Data) <= 2000 {
				seeds = append(seeds, fr.Data)
			}
		}
	}
	return seeds
}
