package filter

import (
	"errors"
	"fmt"
	"math"

	"golang.org/x/net/bpf"

	"github.com/netmond/netmond/packet"
)

// A Target is what a program is for.
type Target struct {
	// Link is the link type of all frames that the program will see.
	Link packet.LinkType
	// Live says that the program runs in the kernel, on an AF_PACKET socket. The kernel takes the first
	// VLAN tag off a frame and keeps it beside the bytes, where the program finds it: so the verdict is
	// that on the frame as it was on the wire, which a capture file holds.
	Live bool
	// Snaplen is how many bytes of a frame that matches the kernel keeps; 0 is all.
	Snaplen uint32
}

// A Program is a filter in classic BPF. It never changes, and any number of goroutines may use it.
type Program struct {
	raw  []bpf.RawInstruction
	code []instruction // the same for Match
}

// Compile makes the program of e for a target. The error is an *Error: for what the link type does not
// have, for an expression that no frame can match (MatchesNothing), and for one whose program would
// pass the kernel's 4,096 instructions.
func (e *Expr) Compile(target Target) (*Program, error) {
	c, v, err := lower(e, target)
	if err != nil {
		return nil, err
	}
	g := newGraph(v, c)
	g.simplify()
	if g.root == refuse {
		return nil, &Error{Expr: e.text, Column: 1, Msg: "no frame of link type " + target.Link.String() + " can match", MatchesNothing: true}
	}
	snaplen := target.Snaplen
	if snaplen == 0 {
		snaplen = math.MaxUint32
	}
	raw, err := emit(g, snaplen)
	var limit limitError
	if errors.As(err, &limit) {
		return nil, &Error{Expr: e.text, Column: 1, Msg: string(limit)}
	}
	if err != nil {
		return nil, err
	}
	p, err := newProgram(raw)
	if err != nil {
		return nil, fmt.Errorf("filter: %q gave a program that is not sound: %w", e.text, err)
	}
	return p, nil
}

// Refuse is the program that no frame matches.
func Refuse() *Program {
	p, err := newProgram([]bpf.RawInstruction{{Op: opReturn}})
	if err != nil {
		panic(err) // one return is sound
	}
	return p
}

// Instructions are the program as the kernel takes it. The caller owns the slice.
func (p *Program) Instructions() []bpf.RawInstruction {
	return append([]bpf.RawInstruction(nil), p.raw...)
}

// Len is the number of instructions.
func (p *Program) Len() int { return len(p.raw) }
