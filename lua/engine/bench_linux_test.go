package engine

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/netmond/netmond/alerts"
	"github.com/netmond/netmond/localnets"
)

// deltaCheck is the check of the API reference's example for cached values, as a module.
func deltaCheck(t testing.TB) string {
	t.Helper()
	src, err := os.ReadFile("../testdata/reference_delta.lua")
	if err != nil {
		t.Fatal(err)
	}
	return "local m = {}\nfunction m.check(network_info)\nif not network.checkContext(network_info.network_cidr) then return end\n" + string(src) + "\nend\nreturn m"
}

// manyNetworks is a snapshot of n /24 with four protocols each, in the given minute.
func manyNetworks(n, minute int) *localnets.Snapshot {
	s := &localnets.Snapshot{Time: minute0, Generation: 1, Networks: make([]localnets.NetworkStats, n)}
	for i := range s.Networks {
		p := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 0}), 24)
		net := &s.Networks[i]
		net.Network = localnets.Network{ID: int32(i), Prefix: p, Name: p.String()}
		m := uint64(minute)
		net.Traffic = [localnets.NumDirections]localnets.Counts{{Packets: 10 * m, Bytes: 1e4 * m}, {Packets: 20 * m, Bytes: 2e4 * m}, {Packets: 5 * m, Bytes: 5e3 * m}}
		for _, name := range []string{"TLS", "DNS", "HTTP", "SSH"} {
			net.Protocols = append(net.Protocols, localnets.ProtocolCounts{Name: name, ByDirection: net.Traffic})
		}
	}
	return s
}

// spentBy is the processor time that a process has used.
func spentBy(t testing.TB, pid int) time.Duration {
	t.Helper()
	spent, ok := processTime(pid)
	if !ok {
		t.Fatalf("processor time of process %d cannot be read", pid)
	}
	return spent
}

func ownTime(t testing.TB) time.Duration {
	t.Helper()
	var use unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &use); err != nil {
		t.Fatal(err)
	}
	return time.Duration(use.Utime.Nano() + use.Stime.Nano())
}

// BenchmarkMinute is a minute of checks as the daemon runs it: the snapshot goes to the worker process,
// the checks run there on every network, and what they keep is stored. cpu-ms/minute is the processor time
// of both processes; a minute's snapshot is made outside of it.
func BenchmarkMinute(b *testing.B) {
	for _, c := range []struct{ networks, checks int }{{10_000, 1}, {1_000, 20}} {
		for _, disk := range []bool{false, true} {
			b.Run(fmt.Sprintf("networks=%d/checks=%d/disk=%v", c.networks, c.checks, disk), func(b *testing.B) {
				dir := b.TempDir()
				for i := range c.checks {
					if err := os.WriteFile(fmt.Sprintf("%s/delta%02d.lua", dir, i), []byte(deltaCheck(b)), 0o644); err != nil {
						b.Fatal(err)
					}
				}
				var store Store = alerts.NewMem(alerts.DefaultConfig())
				if disk {
					cfg := alerts.DefaultConfig()
					cfg.Dir = b.TempDir()
					s, err := alerts.Open(cfg, slog.New(slog.DiscardHandler))
					if err != nil {
						b.Fatal(err)
					}
					defer s.Close()
					store = s
				}
				cfg := DefaultConfig()
				cfg.ScriptsDirs, cfg.ReloadInterval = []string{dir}, 0
				e, err := New(cfg, Deps{Store: store})
				if err != nil {
					b.Fatal(err)
				}
				defer e.Close()
				now := int64(minute0)
				minute := func() {
					snap := manyNetworks(c.networks, int((now-minute0)/minuteNS)+1)
					b.StartTimer()
					now += minuteNS
					if err := e.RunDue(context.Background(), now, snap); err != nil {
						b.Fatal(err)
					}
					b.StopTimer()
				}
				b.StopTimer()
				minute() // the worker starts, and each script is loaded
				pid := e.WorkerPIDs()[0]
				b.ResetTimer()
				var spent time.Duration
				for range b.N {
					runtime.GC()
					before := ownTime(b) + spentBy(b, pid)
					minute()
					spent += ownTime(b) + spentBy(b, pid) - before
				}
				if got := e.WorkerPIDs()[0]; got != pid {
					b.Fatalf("worker %d was replaced by %d", pid, got)
				}
				for _, st := range e.Status() {
					if ran := uint64(c.networks * (b.N + 1)); st.Runs[OK] != ran {
						b.Fatalf("%s: runs %v, want %d that succeeded; %s", st.Key, st.Runs, ran, st.LastErr)
					}
				}
				b.ReportMetric(float64(spent.Milliseconds())/float64(b.N), "cpu-ms/minute")
			})
		}
	}
}
