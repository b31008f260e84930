//go:build !linux || !(amd64 || arm64)

package bpf

import (
	"fmt"
	"log/slog"
	"net/netip"
	"runtime"
	"time"

	"github.com/netmond/netmond/packet"
)

// errSystem is the answer of everything here.
func errSystem() error {
	return fmt.Errorf("eBPF programs on %s/%s: %w", runtime.GOOS, runtime.GOARCH, ErrUnsupported)
}

// A Program is the loaded programs of one hook. There are none on this system.
type Program struct{}

// A Sink takes what programs count.
type Sink interface {
	Process(*packet.Block)
	Classify([]packet.Payload)
	AddDrained(*packet.Totals, []packet.Sample)
}

// An Attachment holds a Program to an interface.
type Attachment struct {
	Index int
	Mode  Mode
	Frags bool
}

// Load gives an error that wraps ErrUnsupported.
func Load(Config, *slog.Logger) (*Program, error) { return nil, errSystem() }

// MemoryBytes gives an error that wraps ErrUnsupported.
func (c Config) MemoryBytes() (uint64, error) { return 0, errSystem() }

// Inspect gives an error that wraps ErrUnsupported.
func Inspect(string) (*Interface, error) { return nil, errSystem() }

// Attach, and all below, are of no Program that Load gives here.
func (p *Program) Attach(int, Mode, bool) (*Attachment, error) { return nil, errSystem() }

// SetNetworks does nothing.
func (p *Program) SetNetworks([]netip.Prefix, []int32, uint64) error { return errSystem() }

// Wait does nothing.
func (p *Program) Wait(time.Duration) (bool, error) { return false, errSystem() }

// DrainFrames does nothing.
func (p *Program) DrainFrames(Sink) {}

// Drain does nothing.
func (p *Program) Drain(Sink) {}

// Stats are empty.
func (p *Program) Stats() Stats { return Stats{} }

// Close does nothing.
func (p *Program) Close() error { return nil }

// Lost reports true.
func (a *Attachment) Lost() (bool, error) { return true, nil }

// Close does nothing.
func (a *Attachment) Close() error { return nil }

// HasFrags reports false.
func (p *Program) HasFrags() bool { return false }

// NativeXDP does not know.
func (i *Interface) NativeXDP() (native, known bool) { return false, false }
