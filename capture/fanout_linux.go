package capture

import (
	"errors"
	"fmt"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// What the kernel does with a frame that several sockets share (PACKET_FANOUT, net/packet/af_packet.c):
// it is given to one, by a hash of addresses, protocol and ports that both directions of a flow have in
// common (__skb_get_hash_symmetric, since Linux 4.2; fragments by their addresses). Rollover gives it
// to the next socket with room when the ring of the first is nearly full. Defragmentation is not
// asked for: a datagram put together would count as one frame of another length.
const (
	fanoutHash       = unix.PACKET_FANOUT_HASH | unix.PACKET_FANOUT_FLAG_ROLLOVER
	fanoutRoundRobin = unix.PACKET_FANOUT_LB
)

// A fanoutGroup is what the sockets of a Live joined on the interface that they are bound to. The
// kernel removes it with its last socket.
type fanoutGroup struct {
	id    uint16
	index int // of the interface; 0 is all, for sockets that choose theirs by filter
	known bool
}

// attachLocked has frames of dev arrive in r's ring from here on, if dev is up; under mu.
func (l *Live) attachLocked(r *Reader, dev iface) error {
	if l.cfg.Workers == 1 {
		return r.ring.attach(dev, &l.cfg, l.standby)
	}
	return l.joinLocked(r.ring, dev)
}

// joinLocked makes r one of the sockets that share dev's frames; under mu. A socket that is bound and
// not in the group yet would take each frame beside the one that the group gives it to: so it is shut
// until it has joined.
func (l *Live) joinLocked(r *ring, dev iface) error {
	if r.joined && r.floating {
		return r.admit(dev, &l.cfg)
	}
	if err := r.shut(); err != nil {
		return err
	}
	index := dev.index
	if r.floating {
		index = 0
	}
	if err := bind(r.fd, unix.ETH_P_ALL, index); err != nil {
		return fmt.Errorf("bind to interface %s: %w", l.cfg.Interface, err)
	}
	if !dev.up {
		pendingError(r.fd) // bind sets it; the caller knows
	}
	if err := l.enterLocked(r, index, dev); err != nil {
		if !dev.up && errors.Is(err, unix.EINVAL) {
			return nil // before Linux 6.13 only an interface that is up can be shared: at the next look
		}
		return fmt.Errorf("share the frames of %s (PACKET_FANOUT, needs Linux 4.12): %w", l.cfg.Interface, err)
	}
	r.joined = true
	return r.admit(dev, &l.cfg)
}

// enterLocked joins the group of the interface with this index, or makes it; under mu.
func (l *Live) enterLocked(r *ring, index int, dev iface) error {
	how := l.cfg.fanout
	if how == 0 {
		how = fanoutHash
	}
	if l.cfg.outgoingIgnored(dev) {
		how |= unix.PACKET_FANOUT_FLAG_IGNORE_OUTGOING // since Linux 6.2; admit's filter does it on older ones
	}
	if l.group.known && l.group.index == index {
		return unix.SetsockoptInt(r.fd, unix.SOL_PACKET, unix.PACKET_FANOUT, int(l.group.id)|how<<16)
	}
	how |= unix.PACKET_FANOUT_FLAG_UNIQUEID // no other program's group
	if err := unix.SetsockoptInt(r.fd, unix.SOL_PACKET, unix.PACKET_FANOUT, how<<16); err != nil {
		return err
	}
	id, err := unix.GetsockoptInt(r.fd, unix.SOL_PACKET, unix.PACKET_FANOUT)
	if err != nil {
		return err
	}
	l.group = fanoutGroup{id: uint16(id), index: index, known: true}
	return nil
}

// followLocked has r's ring take the frames of dev, which has the name of an interface that is no
// longer captured from; under reading and the Live's mu. It does nothing while the ring it has holds
// frames.
func (r *Reader) followLocked(dev iface) error {
	if r.ring.joined && !r.ring.floating {
		// A socket leaves its group only by being closed, and while it is in one cannot be bound.
		if r.leftLocked() > 0 {
			return nil
		}
		if err := r.replaceLocked(); err != nil {
			return err
		}
	}
	if r.ring.mem == nil {
		if err := r.ring.setUp(&r.l.cfg, r.l.ringBytes()); err != nil {
			return err
		}
		r.ringBytes = uint64(len(r.ring.mem))
	}
	return r.l.attachLocked(r, dev)
}

// replaceLocked changes r's ring, which is empty, for one without memory on its spare socket; under
// reading and the Live's mu. It happens once: the spare is bound to all interfaces, and its filter, which
// can be changed as often as interfaces are made again, chooses the one. It was opened at the start, for
// by now the privilege may be gone.
func (r *Reader) replaceLocked() error {
	l := r.l
	last := len(l.spares) - 1
	old := r.ring
	r.ring = &ring{fd: l.spares[last], floating: true}
	l.spares = l.spares[:last]
	r.ringBytes = 0
	r.downs = l.downs // the new socket has no pending error
	// Before the new one's memory, or there would be twice as much as configured.
	if err := old.close(); err != nil {
		return fmt.Errorf("close the capture ring of an interface that is gone: %w", err)
	}
	return nil
}

// admit lets frames of dev into the ring, as cfg wants them. Frames are shared before they are
// filtered: so the filter does what is a socket option outside a group.
func (r *ring) admit(dev iface, cfg *LiveConfig) error {
	var prog []bpf.Instruction
	if r.floating {
		prog = append(prog,
			bpf.LoadExtension{Num: bpf.ExtInterfaceIndex},
			bpf.JumpIf{Cond: bpf.JumpEqual, Val: uint32(dev.index), SkipTrue: 1},
			bpf.RetConstant{Val: 0})
	}
	if cfg.outgoingIgnored(dev) {
		prog = append(prog,
			bpf.LoadExtension{Num: bpf.ExtType},
			bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.PACKET_OUTGOING, SkipTrue: 1},
			bpf.RetConstant{Val: 0})
	}
	raw, err := cfg.intake(dev)
	var before []bpf.RawInstruction
	if err == nil {
		before, err = bpf.Assemble(prog)
	}
	if err == nil {
		err = setProgram(r.fd, append(before, raw...)) // jumps are relative
	}
	if err != nil {
		return fmt.Errorf("set the capture filter of %s: %w", cfg.Interface, err)
	}
	r.index = dev.index
	return nil
}

// outgoingIgnored reports whether the frames that this host sends on dev are left out.
func (c *LiveConfig) outgoingIgnored(dev iface) bool {
	return c.IgnoreOutgoing || dev.hatype == unix.ARPHRD_LOOPBACK
}
