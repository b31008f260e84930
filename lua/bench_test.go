package lua

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"testing"

	"github.com/netmond/netmond/alerts"
	"github.com/netmond/netmond/localnets"
)

// benchSnapshot has n networks of which each has four protocols.
func benchSnapshot(n int) *localnets.Snapshot {
	s := &localnets.Snapshot{Time: 1, Generation: 1, Networks: make([]localnets.NetworkStats, n)}
	for i := range s.Networks {
		p := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 0}), 24)
		net := &s.Networks[i]
		net.Network = localnets.Network{ID: int32(i), Prefix: p, Name: p.String()}
		net.Traffic = [localnets.NumDirections]localnets.Counts{{Packets: 10, Bytes: 1e4}, {Packets: 20, Bytes: 2e4}, {Packets: 5, Bytes: 5e3}}
		for _, name := range []string{"TLS", "DNS", "HTTP", "SSH"} {
			net.Protocols = append(net.Protocols, localnets.ProtocolCounts{Name: name, ByDirection: net.Traffic})
		}
	}
	return s
}

func runNetworks(b *testing.B, c *Check, snap *localnets.Snapshot) {
	b.Helper()
	for id := range snap.Networks {
		if _, err := c.RunNetwork(context.Background(), snap, int32(id), testNow, alerts.Minute); err != nil {
			b.Fatal(err)
		}
	}
}

// referenceDeltaCheck is the reference's delta example as a check module.
func referenceDeltaCheck(b *testing.B) string {
	b.Helper()
	src, err := os.ReadFile("testdata/reference_delta.lua")
	if err != nil {
		b.Fatal(err)
	}
	return "local m = {}\nfunction m.check(network_info)\nif not network.checkContext(network_info.network_cidr) then return end\n" + string(src) + "\nend\nreturn m"
}

// BenchmarkChecks runs whole minutes: networks x checks.
func BenchmarkChecks(b *testing.B) {
	for _, c := range []struct{ networks, checks int }{{10_000, 1}, {1_000, 20}} {
		b.Run(fmt.Sprintf("networks=%d/checks=%d", c.networks, c.checks), func(b *testing.B) {
			snap := benchSnapshot(c.networks)
			checks := make([]*Check, c.checks)
			for i := range checks {
				var err error
				if checks[i], err = NewCheck(context.Background(), fmt.Sprintf("check%d.lua", i), referenceDeltaCheck(b), Options{}); err != nil {
					b.Fatal(err)
				}
				defer checks[i].Close()
			}
			b.ReportAllocs()
			for b.Loop() {
				for _, check := range checks {
					runNetworks(b, check, snap)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*c.networks*c.checks), "ns/check")
		})
	}
}

// BenchmarkScript compares what one statement costs.
func BenchmarkScript(b *testing.B) {
	for _, c := range []struct{ name, src string }{
		{"four fields", `local s = network.getNetworkStats() local x = s.score + s.bytes_sent + s.bytes_rcvd + s.num_hosts`},
		{"all fields", `for k, v in pairs(network.getNetworkStats()) do end`},
		{"ingress", `local x = network.getNetworkStats().ingress > 1e9`},
		{"compare x1000", `local n = 0 for i = 1, 1000 do if i < 500 then n = n + 1 end end`},
		{"concat x1000", `local s for i = 1, 1000 do s = "a" .. i .. "b" end`},
		{"gsub 10 kB", `local s = ("x"):rep(10000):gsub("x", "y")`},
	} {
		b.Run(c.name, func(b *testing.B) {
			check, err := NewCheck(context.Background(), "bench.lua", c.src, Options{})
			if err != nil {
				b.Fatal(err)
			}
			defer check.Close()
			snap := benchSnapshot(1)
			b.ReportAllocs()
			for b.Loop() {
				runNetworks(b, check, snap)
			}
		})
	}
}

func BenchmarkNewCheck(b *testing.B) {
	src := referenceDeltaCheck(b)
	b.ReportAllocs()
	for b.Loop() {
		c, err := NewCheck(context.Background(), "delta.lua", src, Options{})
		if err != nil {
			b.Fatal(err)
		}
		c.Close()
	}
}
