package main

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"runtime/debug"
	"sort"
	"strconv"
	"strings"

	"github.com/netmond/netmond/alerts"
	"github.com/netmond/netmond/flows"
)

// A memoryPlan splits a budget of resident memory, bytes. Script workers are processes of their own with
// limits of their own, and not in it.
type memoryPlan struct {
	Budget   int64
	Program  int64 // the program as it stands, and what its readers take
	Networks int64 // counters, snapshots and scrapes
	Ring     int64 // of the kernel, for all interfaces
	Alerts   int64 // working copy, cached values and queue
	Matrix   int64 // pairs of networks
	History  int64
	Hosts    int64
	Flows    int64
	Reserve  int64 // left to the garbage collector

	MaxHosts, MaxFlows, MaxCells int
	RingPerInterface             int64
	Workers                      int // of each interface

	outside int64 // resident memory that is not the Go runtime's, before the table
}

const (
	// programWork is for the server, the store and the stacks beside the program as it starts (measured:
	// 6 to 8 MiB after scrapes and API calls).
	programWork = 12 << 20
	// networkBytes is what a network takes while /metrics is scraped and the API asked, all its counters
	// in use. TestMemoryPerNetwork measures it.
	networkBytes = 44 << 10
	// cellBytes is what a pair of networks takes with its part of snapshots and reports.
	// TestMemoryOfMatrix measures it.
	cellBytes = 480
	// workerBytes is for a worker's batch; TestMemoryPerWorker holds it.
	workerBytes = 512 << 10
	// hostBytes bounds a host told apart, see localnets.Config.MaxHosts.
	hostBytes = 55

	mostHistory = 64 << 20
	liveRing    = 64 << 20 // unless a flag or a small budget says otherwise

	leastRing    = 2 << 20 // of a worker: two blocks
	leastAlerts  = 4 << 20
	leastHistory = 1 << 20
	leastCells   = 1024
	leastHosts   = 1024
	leastFlows   = 4096

	maxBudgetFlows = 1 << 28
	maxBudgetCells = 1 << 16

	reserveShare = 10 // of the budget is the reserve
)

// A memoryDemand is what a plan has to hold; what is 0 of ring and bounds is chosen by the budget.
type memoryDemand struct {
	resident int64 // of the process now
	live     bool
	ringDemand
	networks           int
	maxHosts, maxFlows int
}

// A ringDemand is what live capture asks for.
type ringDemand struct {
	ring                int64 // of each interface, 0 for what fits
	interfaces, workers int   // workers of each interface, at most
	workersSet          bool  // and at least
}

// planMemory splits budget: each part gets what it needs at least, and its share of the rest. A budget
// that is too small gives an error with the least that is not.
func planMemory(budget int64, d memoryDemand) (*memoryPlan, error) {
	for {
		p, err := d.plan(budget)
		if err == nil || d.workersSet || d.workers <= 1 {
			return p, err
		}
		d.workers-- // each needs a ring of its own
	}
}

// plan is planMemory for a number of workers.
func (d memoryDemand) plan(budget int64) (*memoryPlan, error) {
	d.interfaces, d.workers = max(d.interfaces, 1), max(d.workers, 1)
	p := d.least()
	p.Budget, p.Reserve = budget, budget/reserveShare
	if p.used() > budget {
		need := (p.used() - p.Reserve) * reserveShare / (reserveShare - 1)
		return nil, fmt.Errorf("a budget of %v is too small: want %dMiB at least for the program (%v), %d networks (%v), the ring (%v), alerts (%v), history (%v), %d pairs of networks (%v), %d hosts (%v), %d flows (%v) and a reserve",
			size(budget), need>>20+1, size(p.Program), d.networks, size(p.Networks), size(p.Ring), size(p.Alerts), size(p.History), p.MaxCells, size(p.Matrix), p.MaxHosts, size(p.Hosts), p.MaxFlows, size(p.Flows))
	}
	rest := budget - p.used()
	if d.live && d.ring == 0 {
		unit := int64(leastRing * d.interfaces)
		p.Ring += max(0, min(rest/4/unit*unit, liveRing*int64(d.interfaces)-p.Ring))
	}
	p.RingPerInterface = p.Ring / int64(d.interfaces)
	p.Alerts += rest / 16
	p.History += min(rest/8, mostHistory-leastHistory)
	p.MaxCells += int(min(rest/16/cellBytes, int64(d.cells()-p.MaxCells)))
	p.Matrix = int64(p.MaxCells) * cellBytes
	if d.maxHosts == 0 {
		p.MaxHosts += int(rest / 6 / hostBytes)
		p.Hosts = int64(p.MaxHosts) * hostBytes
	}
	if d.maxFlows == 0 {
		p.MaxFlows = flowsWithin(p.Flows + budget - p.used())
		p.Flows = flowBytes(p.MaxFlows)
	}
	return p, nil
}

// least is the smallest plan.
func (d memoryDemand) least() *memoryPlan {
	p := &memoryPlan{
		Program: d.resident + programWork, Networks: int64(d.networks) * networkBytes, Alerts: leastAlerts, History: leastHistory, Workers: d.workers,
		MaxHosts: cmp.Or(d.maxHosts, leastHosts), MaxFlows: cmp.Or(d.maxFlows, leastFlows), MaxCells: min(d.cells(), leastCells),
	}
	p.Matrix = int64(p.MaxCells) * cellBytes
	if d.live {
		p.Program += int64(d.interfaces*d.workers) * workerBytes
		p.Ring = int64(d.interfaces) * cmp.Or(d.ring, int64(leastRing*d.workers))
	}
	p.Hosts, p.Flows = int64(p.MaxHosts)*hostBytes, flowBytes(p.MaxFlows)
	return p
}

// cells is how many pairs of networks there can be, up to the default bound; 1 at least, for 0 stands for
// that bound.
func (d memoryDemand) cells() int {
	n := int64(d.networks)
	return int(max(min(n*(n-1), maxBudgetCells), 1))
}

func (p *memoryPlan) used() int64 {
	return p.Program + p.Networks + p.Ring + p.Alerts + p.Matrix + p.History + p.Hosts + p.Flows + p.Reserve
}

// roomFor refuses a list of networks that the budget was not planned for. What they take is lent by the
// reserve, up to half of it.
func (p *memoryPlan) roomFor(networks int) error {
	if more := int64(networks)*networkBytes - p.Networks; more > p.Reserve/2 {
		return fmt.Errorf("the budget of %v was split for %d networks and has no room for %d: start netmond again", size(p.Budget), p.Networks/networkBytes, networks)
	}
	return nil
}

// flowBytes is the most that a table of n flows takes.
func flowBytes(n int) int64 { return int64(flows.Config{MaxFlows: n}.MemoryBound()) }

// flowsWithin is how many flows a table of at most most bytes may have, leastFlows at least.
func flowsWithin(most int64) int {
	n := leastFlows + sort.Search(maxBudgetFlows, func(i int) bool { return flowBytes(leastFlows+i+1) > most })
	return n
}

// alerting bounds what alerts take: the texts, and about as much again for what is around each.
func (p *memoryPlan) alerting(cfg *alerts.Config) {
	quarter := int(p.Alerts / 4)
	cfg.MaxEngagedBytes, cfg.MaxEngaged = max(quarter/2, 1<<20), quarter/1024
	cfg.MaxQueuedBytes, cfg.MaxQueued = max(quarter/2, 1<<20), quarter/1024
	cfg.MaxValueBytes, cfg.MaxValues = max(quarter, 1<<20), quarter/256
	cfg.MaxValuesPerNetwork = min(cfg.MaxValuesPerNetwork, cfg.MaxValues)
}

// apply tells the Go runtime its part, and the log the split at a level.
func (p *memoryPlan) apply(log *slog.Logger, level slog.Level) {
	other := outsideHeap()
	if flows.OffHeap {
		other = max(other, p.outside+p.Flows) // a table for files takes its memory as flows come
	}
	debug.SetMemoryLimit(p.Budget - p.Ring - other)
	log.Log(context.Background(), level, "memory", "budget", size(p.Budget), "program", size(p.Program), "networks", size(p.Networks), "ring", size(p.Ring), "workers", p.Workers,
		"alerts", size(p.Alerts), "matrix", size(p.Matrix), "max_matrix_cells", p.MaxCells, "history", size(p.History), "hosts", size(p.Hosts), "max_hosts", p.MaxHosts, "flows", size(p.Flows), "max_flows", p.MaxFlows,
		"reserve", size(p.Budget-p.used()+p.Reserve))
}

// outsideHeap is the resident memory that is not the Go runtime's: the program's file, above all, and
// what the flow table has taken where that is off the heap.
func outsideHeap() int64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return max(residentBytes()-int64(m.Sys-m.HeapReleased), 0)
}

// size shows bytes in MiB.
type size int64

// String implements fmt.Stringer.
func (s size) String() string { return fmt.Sprintf("%.1fMiB", float64(s)/(1<<20)) }

// residentBytes is the resident memory of this process; where the system does not tell, what the Go
// runtime has.
func residentBytes() int64 {
	if b, err := os.ReadFile("/proc/self/statm"); err == nil {
		if fields := strings.Fields(string(b)); len(fields) > 1 {
			if pages, err := strconv.ParseInt(fields[1], 10, 64); err == nil {
				return pages * int64(os.Getpagesize())
			}
		}
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.Sys - m.HeapReleased)
}
