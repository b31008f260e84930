package loadtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/netmond/netmond/internal/netnstest"
)

// A Case is one row of the table: traffic at a rate, before one monitor.
type Case struct {
	Name    string
	Monitor Monitor
	Traffic Traffic
	Rate    int // frames a second; 0 is as many as the sender makes
	// Warm rounds of all flows are sent before the measurement, Packets frames in it.
	Warm, Packets int
	// WarmRate is the rate of the warm rounds; 0 is Rate's meaning of it.
	WarmRate int
}

// A Result is what one run of a Case showed.
type Result struct {
	Case    string `json:"case"`
	Monitor string `json:"monitor"`
	Traffic
	Rate        int     `json:"rate"`            // asked for, frames a second; 0 is the most
	OfferedRate float64 `json:"offered_rate"`    // that the port was given, frames a second
	Offered     uint64  `json:"offered"`         // in the measured time
	Received    uint64  `json:"received"`        // of those
	Dropped     uint64  `json:"dropped"`         // that the monitor knows of
	Uncounted   int64   `json:"uncounted"`       // offered - received - dropped, from start to end
	NsPerPacket float64 `json:"cpu_ns_a_packet"` // received, of the monitor's processor time
	Memory      uint64  `json:"memory_bytes"`    // at the end, anonymous resident memory of the monitor
}

// run measures c once, in a pair of its own.
func (c *Case) run(ctx context.Context, pair *netnstest.Pair) (r Result, err error) {
	fail := func(what string, err error) (Result, error) {
		return r, fmt.Errorf("%s, %s: %s: %w", c.Name, c.Monitor.Name(), what, err)
	}
	if !takesFrames(c.Monitor) {
		pass, err := Receive(pair.B)
		if err != nil {
			return fail("receive", err)
		}
		defer pass.Close()
	}
	g, err := NewGenerator(pair.A, c.Traffic, senderCPU)
	if err != nil {
		return fail("generator", err)
	}
	defer g.Close()
	dir, err := os.MkdirTemp("", "loadtest")
	if err != nil {
		return fail("folder", err)
	}
	defer os.RemoveAll(dir)
	p, err := start(c.Monitor, pair.B, c.Traffic, dir, monitorCPU)
	if err != nil {
		return fail("start", err)
	}
	defer p.stop()

	arrived := func() uint64 { return pair.B.Link().Attrs().Statistics.RxPackets }
	before := arrived()
	first, err := p.counters(p)
	if err != nil {
		return fail("counters", err)
	}
	if warm := c.Warm * c.Traffic.Flows; warm > 0 {
		if _, err := g.Send(ctx, warm, c.WarmRate); err != nil {
			return fail("warm up", err)
		}
	}
	if err := p.settle(); err != nil {
		return fail("settle", err)
	}
	begin, err := p.counters(p)
	if err != nil {
		return fail("counters", err)
	}
	if err := p.settle(); err != nil {
		return fail("settle", err)
	}
	at := arrived()
	cpu, err := p.cpu()
	if err != nil {
		return fail("processor time", err)
	}
	took, err := g.Send(ctx, c.Packets, c.Rate)
	if err != nil {
		return fail("send", err)
	}
	offered := arrived() - at
	if err := p.settle(); err != nil {
		return fail("settle", err)
	}
	spent, err := p.cpu()
	if err != nil {
		return fail("processor time", err)
	}
	spent -= cpu
	memory, err := p.memory()
	if err != nil {
		return fail("memory", err)
	}
	end, err := p.counters(p)
	if err != nil {
		return fail("counters", err)
	}
	total := arrived() - before
	return Result{
		Case: c.Name, Monitor: c.Monitor.Name(), Traffic: c.Traffic, Rate: c.Rate,
		OfferedRate: float64(offered) / took.Seconds(), Offered: offered,
		Received: end.Received - begin.Received, Dropped: end.Dropped - begin.Dropped,
		Uncounted:   int64(total) - int64(end.Received-first.Received) - int64(end.Dropped-first.Dropped),
		NsPerPacket: float64(spent) / float64(max(end.Received-begin.Received, 1)),
		Memory:      memory,
	}, nil
}

// Measure runs all cases rounds times, one after the other and then all again, the second time in
// reverse, and so on: what the machine does meanwhile falls on all alike. newPair makes a pair for one
// run.
func Measure(ctx context.Context, cases []Case, rounds int, newPair func() *netnstest.Pair, progress func(Result)) ([]Result, error) {
	if err := pinAll(senderCPU); err != nil {
		return nil, err
	}
	var all []Result
	for round := range rounds {
		order := slices.Clone(cases)
		if round%2 == 1 {
			slices.Reverse(order)
		}
		for i := range order {
			r, err := order[i].run(ctx, newPair())
			if err != nil {
				return all, err
			}
			all = append(all, r)
			progress(r)
		}
	}
	if len(all) == 0 {
		return nil, errors.New("nothing to measure")
	}
	return all, nil
}
