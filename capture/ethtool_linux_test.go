package capture

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/netmond/netmond/internal/netnstest"
)

// TestDriverLost takes the statistics of drivers, as ethtool -S shows them, and counts no loss twice.
func TestDriverLost(t *testing.T) {
	type stat struct {
		name  string
		value uint64
	}
	tests := map[string]struct {
		stats []stat
		want  uint64
	}{
		"none of them":                {[]stat{{"rx_packets", 9}, {"tx_dropped", 8}, {"rx_crc_errors", 7}}, 0},
		"ixgbe":                       {[]stat{{"rx_missed_errors", 5}, {"rx_no_dma_resources", 40}, {"rx_fifo_errors", 5}, {"rx_dropped", 0}, {"alloc_rx_buff_failed", 3}}, 40},
		"igb":                         {[]stat{{"rx_no_buffer_count", 90}, {"rx_missed_errors", 5}, {"rx_queue_0_drops", 2}, {"rx_queue_1_drops", 3}}, 10},
		"i40e":                        {[]stat{{"rx_dropped", 4}, {"port.rx_dropped", 6}, {"port.tx_dropped_link_down", 99}}, 6},
		"ice":                         {[]stat{{"rx_dropped", 4}, {"rx_dropped.nic", 6}}, 6},
		"mlx5":                        {[]stat{{"rx_out_of_buffer", 7}, {"rx_discards_phy", 5}, {"rx_prio0_discards", 4}, {"rx_prio3_discards", 1}, {"rx_xdp_drop", 99}}, 12},
		"bnxt, by ring":               {[]stat{{"[0]: rx_discards", 2}, {"[1]: rx_discards", 3}, {"[1]: tx_discards", 50}}, 5},
		"sfc":                         {[]stat{{"port_rx_nodesc_drops", 6}, {"port_rx_overflow", 0}}, 6},
		"virtio_net":                  {[]stat{{"rx0_drops", 2}, {"rx1_drops", 3}, {"rx0_kicks", 70}}, 5},
		"gve":                         {[]stat{{"rx_dropped_pkt[0]", 2}, {"rx_dropped_pkt[1]", 3}}, 5},
		"vmxnet3, names with blanks":  {[]stat{{"Rx Queue#", 0}, {"  pkts rx OOB", 2}, {"  drv dropped rx total", 1}, {"Rx Queue#", 1}, {"  pkts rx OOB", 3}, {"  drv dropped rx total", 1}}, 7},
		"veth, frames that XDP drops": {[]stat{{"peer_ifindex", 3}, {"rx_queue_0_drops", 1}, {"rx_queue_1_drops", 1}, {"rx_queue_0_xdp_drops", 500}}, 2},
	}
	for name, tc := range tests {
		var names []string
		var values []uint64
		for _, s := range tc.stats {
			names, values = append(names, s.name), append(values, s.value)
		}
		if got := driverLost(lossesAmong(names), values); got != tc.want {
			t.Errorf("%s: %d, want %d", name, got, tc.want)
		}
	}
}

// TestDriverStats asks the driver of a veth, that of a tun, which has nothing to tell, and that of no interface.
func TestDriverStats(t *testing.T) {
	pair := netnstest.NewPair(t)
	newTun(t, pair.B.NS, "nmt")
	pair.B.Do(func() {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fd)
		d := driverStats{fd: fd}
		n, err := d.number(pair.B.Name)
		if err != nil || n == 0 {
			t.Fatalf("%d statistics, %v", n, err)
		}
		names := d.names(pair.B.Name, n)
		if values, ok := d.values(pair.B.Name, n); len(names) != n || !ok || len(values) != n {
			t.Fatalf("%d names and %d values (%v), want %d", len(names), len(values), ok, n)
		} else if names[0] != "peer_ifindex" || values[0] == 0 {
			t.Errorf("first is %s=%d, want the other end's index", names[0], values[0])
		}
		if lost, ok := d.read(pair.B.Name); !ok || lost != 0 {
			t.Errorf("lost %d, %v, want 0 by its own count", lost, ok)
		}
		want := driverCount{name: "rx_queue_N_drops", place: lossDriver}
		if len(d.counts) == 0 {
			t.Fatal("none of its counts is one of lost frames")
		}
		got := d.counts[0]
		got.at = 0
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(driverCount{})); diff != "" {
			t.Errorf("count (-want +got):\n%s", diff)
		}
		d.n, d.counts = 1, []driverCount{{}} // as if there had been fewer queues
		if _, ok := d.read(pair.B.Name); !ok || d.n != n {
			t.Errorf("after a change of queues: %d statistics, want %d", d.n, n)
		}
		for _, name := range []string{"nmt", "nm-none"} {
			d := driverStats{fd: fd}
			if lost, ok := d.read(name); ok || lost != 0 {
				t.Errorf("%s: lost %d, %v, want nothing told", name, lost, ok)
			}
		}
	})
}

// TestDriverNamesAreDocumented finds each name in docs/capture.md, in the line of its place.
func TestDriverNamesAreDocumented(t *testing.T) {
	doc, err := os.ReadFile("../docs/capture.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[placeOfLoss]string{lossRoom: "| no room in the card", lossDriver: "| dropped by the driver"}
	for name, place := range driverLosses {
		found := false
		for line := range strings.Lines(string(doc)) {
			found = found || strings.HasPrefix(line, rows[place]) && strings.Contains(line, "`"+name+"`")
		}
		if !found {
			t.Errorf("%s is not in the line %q of docs/capture.md", name, rows[place])
		}
	}
}
