package flows

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/netmond/netmond/apps"
	"github.com/netmond/netmond/capture"
	"github.com/netmond/netmond/internal/testneed"
	"github.com/netmond/netmond/localnets"
)

// expected is what the corpus says of one file.
type expected struct {
	Tier           string
	Packets, Bytes uint64
	Flows          struct{ TCP, UDP, SCTP uint64 }
	Networks       []struct {
		CIDR         string
		IngressBytes uint64 `json:"ingress_bytes"`
		EgressBytes  uint64 `json:"egress_bytes"`
		InnerBytes   uint64 `json:"inner_bytes"`
		Hosts        int
	}
}

func replayFile(t *testing.T, path string, cidrs []string) (*Table, *Snapshot) {
	t.Helper()
	var nets []localnets.Network
	if len(cidrs) > 0 {
		var err error
		if nets, err = localnets.ParseList([]string{strings.Join(cidrs, ",")}); err != nil {
			t.Fatal(err)
		}
	}
	cfg := localnets.DefaultConfig()
	cfg.AppNames = apps.Names()
	reg, err := localnets.New(cfg, nets)
	if err != nil {
		t.Fatal(err)
	}
	tbl, err := New(Config{MaxFlows: 1 << 17}, reg)
	if err != nil {
		t.Fatal(err)
	}
	src := capture.OpenFiles([]string{path}, nil)
	defer src.Close()
	err = tbl.Replay(t.Context(), src, func(int64) error {
		checkClosed(t, tbl.Snapshot())
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	s := tbl.Snapshot()
	checkClosed(t, s)
	checkFlows(t, tbl, s)
	return tbl, s
}

// otherFlows are files whose informative number of flows is not ours: the reference takes the last
// address of a source route for the destination, and reads no ports behind a jumbo payload option.
var otherFlows = map[string]bool{"ipfrag/v4_options.pcap": true, "ipfrag/bigtcp_v6.pcap": true}

// TestCorpus replays every capture: the accounting closes at each second of each, and the bytes of
// each network and the flows are those that the corpus expects.
func TestCorpus(t *testing.T) {
	dir := filepath.Join(testneed.Shared(t), "pcaps")
	raw, err := os.ReadFile(filepath.Join(dir, "expected.json"))
	if err != nil {
		t.Fatal(err)
	}
	var files map[string]expected
	if err := json.Unmarshal(raw, &files); err != nil {
		t.Fatal(err)
	}
	for file, want := range files {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			var cidrs []string
			for _, n := range want.Networks {
				cidrs = append(cidrs, n.CIDR)
			}
			_, s := replayFile(t, filepath.Join(dir, file), cidrs)
			if want.Tier != "core" {
				return
			}
			if s.Capture.Packets != want.Packets || s.Capture.Bytes != want.Bytes {
				t.Errorf("captured %d packets, %d bytes, want %d, %d", s.Capture.Packets, s.Capture.Bytes, want.Packets, want.Bytes)
			}
			started := s.Table.Started
			if got := [3]uint64{started[localnets.L4TCP], started[localnets.L4UDP], started[localnets.L4SCTP]}; got != [3]uint64{want.Flows.TCP, want.Flows.UDP, want.Flows.SCTP} && !otherFlows[file] {
				t.Errorf("%v TCP, UDP and SCTP flows, want %+v", got, want.Flows)
			}
			for i, n := range want.Networks {
				got := s.Nets.Networks[i]
				if got.Traffic[localnets.Ingress].Bytes != n.IngressBytes || got.Traffic[localnets.Egress].Bytes != n.EgressBytes ||
					got.Traffic[localnets.Inner].Bytes != n.InnerBytes || got.Hosts != n.Hosts {
					t.Errorf("%s: %+v and %d hosts, want %+v", n.CIDR, got.Traffic, got.Hosts, n)
				}
			}
		})
	}
}

// TestCorpusTCP looks at what the captures of TCP troubles were collected for.
func TestCorpusTCP(t *testing.T) {
	dir := filepath.Join(testneed.Shared(t), "pcaps", "tcp")
	total := map[string]sick{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		tbl, _ := replayFile(t, path, nil)
		var sum sick
		tbl.Flows(func(f *Flow) bool {
			for _, d := range []FlowDirection{f.FromClient, f.FromServer} {
				sum.Retransmissions += d.Retransmissions
				sum.OutOfOrder += d.OutOfOrder
				sum.Lost += d.Lost
				sum.KeepAlives += d.KeepAlives
				sum.ZeroWindows += d.ZeroWindows
			}
			return true
		})
		total[d.Name()] = sum
		t.Logf("%-28s %+v", d.Name(), sum)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if total["retransmissions.pcap"].Retransmissions == 0 {
		t.Error("no retransmission in retransmissions.pcap")
	}
	if total["syn_scan.pcap"].Retransmissions == 0 {
		t.Error("no SYN sent again in syn_scan.pcap")
	}

	// Here the SYN-ACK was captured before its SYN.
	tbl, _ := replayFile(t, filepath.Join(dir, "out_of_order.pcap"), nil)
	f := onlyFlow(t, tbl)
	if f.Client.Port() != 59856 || f.Server.Port() != 80 || f.State != TCPClosed || f.ServerRTT != 0 || f.ClientRTT == 0 {
		t.Errorf("client %v, server %v, %v, round trips %d and %d ns", f.Client, f.Server, f.State, f.ServerRTT, f.ClientRTT)
	}
	if got := total["out_of_order.pcap"]; got != (sick{}) {
		t.Errorf("a reordered handshake counts as %+v", got)
	}
}
