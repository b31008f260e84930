package loadtest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"

	"github.com/netmond/netmond/internal/netnstest"
)

// A Generator sends Traffic from a Port. The frames are made by an XDP program in the kernel's live
// test run, which redirects each to the port: 4 to 9 million a second of one core, the receiving
// stack's part included, for a veth pair hands frames over on the sender's processor. Linux 5.18.
//
// The other end must take frames in batches, which a veth does with an XDP program attached: attach
// one, or call Receive. One goroutine at a time uses a Generator.
type Generator struct {
	port    *netnstest.Port
	traffic Traffic
	state   *ebpf.Map
	program *ebpf.Program
	frame   []byte
	cpu     int
}

// NewGenerator loads the program. cpu is the processor that sends.
func NewGenerator(port *netnstest.Port, t Traffic, cpu int) (*Generator, error) {
	if err := t.validate(); err != nil {
		return nil, err
	}
	g := &Generator{port: port, traffic: t, frame: t.template(), cpu: cpu}
	var err error
	g.state, err = ebpf.NewMap(&ebpf.MapSpec{Name: "load_state", Type: ebpf.Array, KeySize: 4, ValueSize: stateLen, MaxEntries: 1})
	if err != nil {
		return nil, fmt.Errorf("generator's map: %w", err)
	}
	g.program, err = ebpf.NewProgram(&ebpf.ProgramSpec{
		Name: "load", Type: ebpf.XDP, License: "Apache-2.0",
		Instructions: t.program(g.state.FD(), port.Link().Attrs().Index),
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("generator's program: %w", err), g.state.Close())
	}
	start := make([]byte, stateLen)
	putState(start, stateLeft, uint64(t.Flows)+1) // the first frame is of round 0
	if err := g.state.Put(uint32(0), start); err != nil {
		return nil, errors.Join(fmt.Errorf("generator's state: %w", err), g.Close())
	}
	return g, nil
}

// Close unloads the program.
func (g *Generator) Close() error { return errors.Join(g.program.Close(), g.state.Close()) }

// Sent is the number of frames made so far. What the receiving port's queue had no room for is in it.
func (g *Generator) Sent() (uint64, error) {
	b := make([]byte, stateLen)
	if err := g.state.Lookup(uint32(0), &b); err != nil {
		return 0, fmt.Errorf("generator's state: %w", err)
	}
	return getState(b, stateSent), nil
}

const (
	// batch frames are made in a row, then handed over: fewer than the 256 places of a veth's queue, or
	// some are lost.
	batch = 64
	// slice is the longest that one call into the kernel sends without a look at ctx.
	slice = 1 << 20
	// burst bounds the frames that are sent together at a paced rate.
	burst = 2048
	// pause is the shortest distance between two bursts: each call sets up pages, which takes some 20 µs.
	pause = 250 * time.Microsecond
)

// Send sends n frames as fast as the kernel makes them, or at rate frames a second where that is not 0,
// and reports how long it took. All have arrived when it returns. Where the machine is too slow for
// rate, Send is late: the caller compares.
func (g *Generator) Send(ctx context.Context, n, rate int) (took time.Duration, err error) {
	g.port.Do(func() {
		var before unix.CPUSet
		if err = unix.SchedGetaffinity(0, &before); err != nil {
			return
		}
		var only unix.CPUSet
		only.Set(g.cpu)
		if err = unix.SchedSetaffinity(0, &only); err != nil {
			return
		}
		defer unix.SchedSetaffinity(0, &before) // the thread goes on to other work
		start := time.Now()
		if rate == 0 {
			err = g.flood(ctx, n)
		} else {
			err = g.pace(ctx, n, rate, start)
		}
		took = time.Since(start)
	})
	if err != nil {
		err = fmt.Errorf("send from processor %d: %w", g.cpu, err)
	}
	return took, err
}

func (g *Generator) flood(ctx context.Context, n int) error {
	for n > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		now := min(n, slice)
		if err := g.run(now); err != nil {
			return err
		}
		n -= now
	}
	return nil
}

// pace sends what is due, again and again. It keeps the processor busy: sleeping is not exact enough.
func (g *Generator) pace(ctx context.Context, n, rate int, start time.Time) error {
	for sent := 0; sent < n; {
		if err := ctx.Err(); err != nil {
			return err
		}
		elapsed := time.Since(start)
		due := min(int(elapsed.Seconds()*float64(rate)), n, sent+burst)
		wait := max(pause, time.Duration(float64(batch)/float64(rate)*float64(time.Second)))
		if due == sent || due < n && due-sent < burst && time.Duration(float64(due-sent)/float64(rate)*1e9) < wait {
			runtime.Gosched()
			continue
		}
		if err := g.run(due - sent); err != nil {
			return err
		}
		sent = due
	}
	return nil
}

func (g *Generator) run(n int) error {
	_, err := g.program.Run(&ebpf.RunOptions{Data: g.frame, Repeat: uint32(n), Flags: unix.BPF_F_TEST_XDP_LIVE_FRAMES, BatchSize: batch})
	return err
}

// Receive makes port take frames from a Generator at the other end: it attaches an XDP program that
// passes every frame on, and turns generic receive offload off, so that each frame stays itself. It
// ends with the test.
func Receive(port *netnstest.Port) (link.Link, error) {
	pass, err := ebpf.NewProgram(&ebpf.ProgramSpec{Name: "load_pass", Type: ebpf.XDP, License: "Apache-2.0", Instructions: passProgram()})
	if err != nil {
		return nil, fmt.Errorf("pass program: %w", err)
	}
	defer pass.Close() // the link keeps it
	var l link.Link
	port.Do(func() {
		if l, err = link.AttachXDP(link.XDPOptions{Program: pass, Interface: port.Link().Attrs().Index, Flags: link.XDPDriverMode}); err != nil {
			err = fmt.Errorf("attach pass program to %s: %w", port.Name, err)
			return
		}
		if e := offload(port.Name, unix.ETHTOOL_SGRO, 0); e != nil {
			err = errors.Join(fmt.Errorf("generic receive offload of %s off: %w", port.Name, e), l.Close())
		}
	})
	if err != nil {
		return nil, err
	}
	return l, nil
}
