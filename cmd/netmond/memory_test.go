package main

import (
	"strconv"
	"strings"
	"testing"
	"unsafe"

	"pgregory.net/rapid"

	"github.com/netmond/netmond/alerts"
	"github.com/netmond/netmond/flows"
)

// TestMemoryPlan: the parts never sum to more than the budget, each has what it needs, and the least
// that an error names works while a MiB less does not.
func TestMemoryPlan(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := memoryDemand{
			resident: rapid.Int64Range(8<<20, 64<<20).Draw(t, "resident"), live: rapid.Bool().Draw(t, "live"),
			networks: rapid.IntRange(0, 65_536).Draw(t, "networks"),
			ringDemand: ringDemand{
				interfaces: rapid.IntRange(0, 3).Draw(t, "interfaces"), workers: rapid.IntRange(0, 8).Draw(t, "workers"),
				workersSet: rapid.Bool().Draw(t, "workers set"),
			},
			maxHosts: rapid.SampledFrom([]int{0, 0, 1, 100_000}).Draw(t, "hosts"),
			maxFlows: rapid.SampledFrom([]int{0, 0, 1, 1 << 20}).Draw(t, "flows"),
		}
		interfaces, workers := int64(max(d.interfaces, 1)), max(d.workers, 1)
		if d.live {
			d.ring = rapid.SampledFrom([]int64{0, 0, 2 << 20, 256 << 20}).Draw(t, "ring")
		}
		budget := rapid.Int64Range(1, 16<<30).Draw(t, "budget")
		p, err := planMemory(budget, d)
		if err != nil {
			_, rest, ok := strings.Cut(err.Error(), "want ")
			number, _, ok2 := strings.Cut(rest, "MiB")
			least, perr := strconv.ParseInt(number, 10, 64)
			if !ok || !ok2 || perr != nil || least<<20 <= budget {
				t.Fatalf("budget %d: %v", budget, err)
			}
			if p, err = planMemory(least<<20, d); err != nil {
				t.Fatalf("the least that was named is refused: %v", err)
			}
			if _, err := planMemory((least-1)<<20, d); err == nil {
				t.Fatalf("%d MiB are said to be the least, and a MiB less works", least)
			}
			budget = least << 20
		}
		var cfg = alerts.DefaultConfig()
		p.alerting(&cfg)
		cfg.Dir = "x"
		switch {
		case p.used() > budget:
			t.Fatalf("%d bytes of %d: %+v", p.used(), budget, p)
		case p.MaxCells < 1 || p.MaxCells > maxBudgetCells || p.MaxCells < min(leastCells, d.networks*(d.networks-1)):
			t.Fatalf("%d cells for %d networks", p.MaxCells, d.networks)
		case p.MaxFlows < 1 || p.MaxHosts < 1 || p.Alerts < leastAlerts || d.live && p.Ring < leastRing || !d.live && p.Ring != 0:
			t.Fatalf("%+v", p)
		case d.maxFlows != 0 && p.MaxFlows != d.maxFlows || d.maxHosts != 0 && p.MaxHosts != d.maxHosts || d.ring != 0 && p.Ring != d.ring*interfaces:
			t.Fatalf("%+v is not what %+v asks for", p, d)
		case cfg.Validate() != nil:
			t.Fatal(cfg.Validate())
		case p.Ring != p.RingPerInterface*interfaces || p.RingPerInterface%leastRing != 0:
			t.Fatalf("a ring of %d for %d interfaces: %d each", p.Ring, interfaces, p.RingPerInterface)
		case p.Workers > workers || p.Workers < 1 || d.workersSet && p.Workers != workers:
			t.Fatalf("%d workers, asked for %d", p.Workers, workers)
		case d.live && d.ring == 0 && p.RingPerInterface < leastRing*int64(p.Workers):
			t.Fatalf("a ring of %d for %d workers", p.RingPerInterface, p.Workers)
		// Nothing worth having is left over.
		case d.maxFlows == 0 && p.MaxFlows < maxBudgetFlows && budget-p.used() > 1<<20:
			t.Fatalf("%d bytes are left: %+v", budget-p.used(), p)
		}
	})
}

// TestMemoryPerWorker holds what the plan has for a worker against what one takes.
func TestMemoryPerWorker(t *testing.T) {
	if size := int64(unsafe.Sizeof(flows.Worker{})); size > workerBytes*9/10 || size < workerBytes/4 {
		t.Errorf("a worker takes %d bytes, the plan has %d", size, workerBytes)
	}
}
