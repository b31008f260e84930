package loadtest

import (
	"context"
	"errors"
	"fmt"
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
	b, err := g.load()
	return getState(b, stateSent), err
}

func (g *Generator) load() ([]byte, error) {
	b := make([]byte, stateLen)
	if err := g.state.Lookup(uint32(0), &b); err != nil {
		return b, fmt.Errorf("generator's state: %w", err)
	}
	return b, nil
}

const (
	// batch frames are made in a row, then handed over: fewer than the 256 places of a veth's queue, or
	// some are lost.
	batch = 64
	// maxPasses bounds the runs of the program in one call, and with them the time to a look at ctx:
	// half a second. A call also takes 20 ms to end, for the kernel waits for a grace period; in them
	// nothing is sent.
	maxPasses = 4 << 20
	// passTime is less than what a run takes that sends nothing, ns.
	passTime = 40
)

// Send sends n frames as fast as the kernel makes them, or at rate frames a second where that is not
// 0, and reports the time from the first to the last. All have arrived when it returns. Where the
// processor is too slow or has other work, the rate is less: compare n with the time.
func (g *Generator) Send(ctx context.Context, n, rate int) (took time.Duration, err error) {
	b, err := g.load()
	if err != nil {
		return 0, err
	}
	putState(b, stateQuota, uint64(n))
	putState(b, stateInterval, 0)
	if rate > 0 {
		putState(b, stateInterval, uint64(1e9*(1<<timeShift)/float64(rate)))
	}
	putState(b, stateFirst, 0)
	if err := g.state.Put(uint32(0), b); err != nil {
		return 0, fmt.Errorf("generator's state: %w", err)
	}
	g.port.Do(func() {
		var before unix.CPUSet
		if err = unix.SchedGetaffinity(0, &before); err != nil {
			return
		}
		if err = pin(g.cpu); err != nil {
			return
		}
		defer unix.SchedSetaffinity(0, &before) // the thread goes on to other work
		for left := uint64(n); err == nil && left > 0; left = getState(b, stateQuota) {
			passes := left
			if rate > 0 {
				passes += uint64(float64(left) / float64(rate) * 1e9 / passTime)
			}
			if err = g.run(uint32(min(passes, maxPasses))); err == nil {
				if b, err = g.load(); err == nil {
					err = ctx.Err()
				}
			}
		}
	})
	if err != nil {
		return 0, fmt.Errorf("send from processor %d: %w", g.cpu, err)
	}
	return time.Duration(getState(b, stateLast) - getState(b, stateFirst)), nil
}

func (g *Generator) run(passes uint32) error {
	_, err := g.program.Run(&ebpf.RunOptions{Data: g.frame, Repeat: passes, Flags: unix.BPF_F_TEST_XDP_LIVE_FRAMES, BatchSize: batch})
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
