package packet

import (
	"encoding/json"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/netmond/netmond/internal/testneed"
)

// accounting is what expected.json holds for one capture and what Decode gives for it.
type accounting struct {
	Tier    string `json:"tier"`
	Packets int    `json:"packets"`
	Bytes   uint64 `json:"bytes"`

	IPv4Packets  int    `json:"ipv4_packets"`
	IPv4Bytes    uint64 `json:"ipv4_bytes"`
	IPv6Packets  int    `json:"ipv6_packets"`
	IPv6Bytes    uint64 `json:"ipv6_bytes"`
	NonIPPackets int    `json:"non_ip_packets"`
	NonIPBytes   uint64 `json:"non_ip_bytes"`
	Incomplete   int    `json:"ip_incomplete_packets"`
	Outside      int    `json:"outside_packets"`
	OutsideBytes uint64 `json:"outside_bytes"`

	Flows    map[string]int `json:"flows"`
	Networks []network      `json:"networks"`
}

type network struct {
	CIDR           netip.Prefix `json:"cidr"`
	IngressBytes   uint64       `json:"ingress_bytes"`
	IngressPackets int          `json:"ingress_packets"`
	EgressBytes    uint64       `json:"egress_bytes"`
	EgressPackets  int          `json:"egress_packets"`
	InnerBytes     uint64       `json:"inner_bytes"`
	InnerPackets   int          `json:"inner_packets"`
	Hosts          int          `json:"hosts"`
}

func corpus(t testing.TB) (dir string, files map[string]accounting) {
	t.Helper()
	dir = filepath.Join(testneed.Shared(t), "pcaps")
	b, err := os.ReadFile(filepath.Join(dir, "expected.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &files); err != nil {
		t.Fatal(err)
	}
	return dir, files
}

// account decodes frames and sums them as the corpus's rules of attribution say, in the slowest and
// plainest way.
func account(d *Decoder, frames []Frame, like accounting) accounting {
	got := accounting{Tier: like.Tier, Flows: map[string]int{"tcp": 0, "udp": 0, "sctp": 0}}
	hosts := make([]map[netip.Addr]bool, len(like.Networks))
	for i, n := range like.Networks {
		hosts[i] = map[netip.Addr]bool{}
		got.Networks = append(got.Networks, network{CIDR: n.CIDR})
	}
	find := func(a netip.Addr) *network {
		best := -1
		for i := range got.Networks {
			p := got.Networks[i].CIDR
			if p.Contains(a) && (best < 0 || p.Bits() > got.Networks[best].CIDR.Bits()) {
				best = i
			}
		}
		if best < 0 {
			return nil
		}
		hosts[best][a] = true
		return &got.Networks[best]
	}
	flows := map[Key]bool{}
	var m Meta
	for i := range frames {
		d.Decode(&frames[i], &m)
		size := uint64(m.WireLen)
		got.Packets++
		got.Bytes += size
		switch m.Class {
		case ClassNonIP:
			got.NonIPPackets++
			got.NonIPBytes += size
			continue
		case ClassUndecoded:
			got.Incomplete++
			continue
		}
		if m.Key.Is4() {
			got.IPv4Packets++
			got.IPv4Bytes += size
		} else {
			got.IPv6Packets++
			got.IPv6Bytes += size
		}
		src, dst := m.Key.LoAddr(), m.Key.HiAddr()
		if m.Dir == DirHiLo {
			src, dst = dst, src
		}
		from, to := find(src), find(dst)
		switch {
		case from == nil && to == nil:
			got.Outside++
			got.OutsideBytes += size
		case from == to:
			from.InnerPackets++
			from.InnerBytes += size
		default:
			if from != nil {
				from.EgressPackets++
				from.EgressBytes += size
			}
			if to != nil {
				to.IngressPackets++
				to.IngressBytes += size
			}
		}
		name := map[uint8]string{protoTCP: "tcp", protoUDP: "udp", protoSCTP: "sctp"}[m.Key.Proto]
		if name != "" && m.Key.HasPorts() && !flows[m.Key] {
			flows[m.Key] = true
			got.Flows[name]++
		}
	}
	for i := range hosts {
		got.Networks[i].Hosts = len(hosts[i])
	}
	return got
}

// flowsDiffer holds the flow counts (informative in the corpus) where Decode knowingly differs from
// the reference.
var flowsDiffer = map[string]map[string]int{
	// The reference reads no ports behind payload length 0 without a jumbo option.
	"ipfrag/bigtcp_v6.pcap": {"tcp": 1, "udp": 0, "sctp": 0},
	// The reference takes the last hop of a source route for the destination; the header has another.
	"ipfrag/v4_options.pcap": {"tcp": 1, "udp": 0, "sctp": 0},
}

// TestCorpus compares every figure of tiers core and ext that decoding decides.
func TestCorpus(t *testing.T) {
	dir, files := corpus(t)
	var d Decoder
	for _, name := range slices.Sorted(maps.Keys(files)) {
		want := files[name]
		t.Run(name, func(t *testing.T) {
			frames, refused := readFrames(t, filepath.Join(dir, name))
			if refused || want.Packets != len(frames) {
				if want.Tier != "robust" {
					t.Skipf("the test's reader gives %d of %d packets", len(frames), want.Packets)
				}
				want.Packets = len(frames)
			}
			got := account(&d, frames, want)
			if sum := got.IPv4Packets + got.IPv6Packets + got.NonIPPackets + got.Incomplete; sum != got.Packets {
				t.Errorf("classes sum to %d of %d packets", sum, got.Packets)
			}
			if want.Tier == "robust" {
				return
			}
			if flows, ok := flowsDiffer[name]; ok {
				want.Flows = flows
			}
			if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
				t.Errorf("accounting (-want +got):\n%s", diff)
			}
		})
	}
}
