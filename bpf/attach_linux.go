//go:build linux && (amd64 || arm64)

package bpf

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"
)

// An Attachment holds a Program to one interface by BPF links: the kernel takes it off when the process
// ends, however it ends. One goroutine at a time.
type Attachment struct {
	Index int // of the interface
	Mode  Mode
	Frags bool // the XDP program for frames in several buffers

	program *Program
	links   []link.Link
}

// Attach attaches p to the interface with this index in the thread's network namespace. Of tc both
// directions unless ingressOnly. The error wraps ErrBusy where another XDP program is there,
// ErrUnsupported where kernel or driver have no such place, and unix.EPERM.
//
// From Linux 5.19 on it needs no privilege: those of Load were asked for.
func (p *Program) Attach(index int, mode Mode, ingressOnly bool) (*Attachment, error) {
	if mode.Hook() != p.cfg.Hook {
		return nil, fmt.Errorf("attach %v programs as %v", p.cfg.Hook, mode)
	}
	a := &Attachment{Index: index, Mode: mode, program: p}
	var err error
	if mode == ModeTC {
		err = a.tcx(ingressOnly)
	} else {
		err = a.xdp()
	}
	if err != nil {
		return nil, errors.Join(explainAttach(mode, err), a.Close())
	}
	return a, nil
}

// xdp attaches the program for frames in one buffer; the other where the driver wants it, for it costs more.
func (a *Attachment) xdp() error {
	flags := link.XDPDriverMode
	if a.Mode == ModeXDPGeneric {
		flags = link.XDPGenericMode
	}
	attach := func(prog *ebpf.Program) error {
		l, err := link.AttachXDP(link.XDPOptions{Program: prog, Interface: a.Index, Flags: flags})
		if err == nil {
			a.links = append(a.links, l)
		}
		return err
	}
	err := attach(a.program.XDP())
	if err == nil || a.program.XDPFrags() == nil || errors.Is(err, unix.EBUSY) || errors.Is(err, unix.EEXIST) || errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENODEV) {
		return err
	}
	if again := attach(a.program.XDPFrags()); again == nil {
		a.Frags = true
		return nil
	}
	return err
}

// tcx attaches to both directions. Received frames are seen before, sent ones after the programs of
// others: as a packet socket sees them.
func (a *Attachment) tcx(ingressOnly bool) error {
	in, out := a.program.TCX()
	l, err := link.AttachTCX(link.TCXOptions{Interface: a.Index, Program: in, Attach: ebpf.AttachTCXIngress, Anchor: link.Head()})
	if err != nil {
		return err
	}
	a.links = append(a.links, l)
	if ingressOnly {
		return nil
	}
	l, err = link.AttachTCX(link.TCXOptions{Interface: a.Index, Program: out, Attach: ebpf.AttachTCXEgress, Anchor: link.Tail()})
	if err == nil {
		a.links = append(a.links, l)
	}
	return err
}

// explainAttach says what an error of the kernel means.
func explainAttach(mode Mode, err error) error {
	switch {
	case errors.Is(err, unix.EBUSY), errors.Is(err, unix.EEXIST):
		return fmt.Errorf("attach %v: %w: %w", mode, ErrBusy, err)
	case errors.Is(err, unix.EPERM):
		return fmt.Errorf("attach %v: %w (needs CAP_BPF and CAP_NET_ADMIN before Linux 5.19)", mode, err)
	case errors.Is(err, unix.ENODEV):
		return fmt.Errorf("attach %v: no such interface: %w", mode, err)
	case mode == ModeXDP && (errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ERANGE)):
		return fmt.Errorf("attach %v: the driver does not take it (driver without native XDP, MTU too large for it, or LRO on): %w: %w", mode, ErrUnsupported, err)
	case errors.Is(err, ebpf.ErrNotSupported), errors.Is(err, unix.EINVAL), errors.Is(err, unix.EOPNOTSUPP):
		return fmt.Errorf("attach %v (needs %s): %w: %w", mode, mode.Needs(), ErrUnsupported, err)
	}
	return fmt.Errorf("attach %v: %w", mode, err)
}

// Lost reports whether the kernel has taken a link off: another process detached it, or the interface
// is gone. It needs no privilege.
func (a *Attachment) Lost() (bool, error) {
	for _, l := range a.links {
		info, err := l.Info()
		if err != nil {
			return false, fmt.Errorf("look at the %v link: %w", a.Mode, err)
		}
		var index uint32
		switch {
		case info.XDP() != nil:
			index = info.XDP().Ifindex
		case info.TCX() != nil:
			index = info.TCX().Ifindex
		}
		if index == 0 {
			return true, nil
		}
	}
	return false, nil
}

// Close takes the programs off. When it returns none of them runs for this interface any more, and the next
// Drain has the last frame.
func (a *Attachment) Close() error {
	var errs []error
	for _, l := range a.links {
		errs = append(errs, l.Close())
	}
	if len(a.links) > 0 {
		a.program.barrier.wait()
	}
	a.links = nil
	return errors.Join(errs...)
}

// HasFrags reports whether there is a program for frames in several buffers.
func (p *Program) HasFrags() bool { return p.coll.Programs["netmond_xdp_frags"] != nil }
