package capture

import (
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"github.com/netmond/netmond/capture/filter"
)

// ringFrameBytes divides a block into the frames that the kernel's checks count. TPACKET_V3 packs
// frames without regard to it.
const ringFrameBytes = 2048

// openRing opens a packet socket that receives nothing yet, with its ring and filter. It may give
// less memory than cfg asks for: len(mem).
func openRing(cfg *LiveConfig) (*ring, error) {
	// With protocol 0 the kernel gives it no frame until bind: none from another interface, none
	// that the filter has not seen.
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	switch {
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		return nil, fmt.Errorf("open packet socket: %w, live capture needs the capability CAP_NET_RAW (promiscuous mode needs no more); capture files need none", ErrPermission)
	case errors.Is(err, unix.EAFNOSUPPORT), errors.Is(err, unix.EPROTONOSUPPORT):
		return nil, fmt.Errorf("open packet socket: %w, the kernel has no AF_PACKET", ErrUnsupported)
	case err != nil:
		return nil, fmt.Errorf("open packet socket: %w", err)
	}
	r := &ring{fd: fd, block: cfg.BlockBytes}
	if err := r.setUp(cfg); err != nil {
		unix.Close(fd)
		return nil, err
	}
	return r, nil
}

func (r *ring) setUp(cfg *LiveConfig) error {
	if err := unix.SetsockoptInt(r.fd, unix.SOL_PACKET, unix.PACKET_VERSION, unix.TPACKET_V3); err != nil {
		return fmt.Errorf("set TPACKET_V3 (needs Linux 3.2): %w: %w", ErrUnsupported, err)
	}
	_, err := allocate(cfg.RingBytes/r.block, max(2, minRingBytes/r.block), func(blocks int) error {
		return r.share(blocks, cfg)
	})
	if err != nil {
		return fmt.Errorf("capture ring of %d bytes in blocks of %d: %w", cfg.RingBytes, r.block, err)
	}
	if cfg.Snaplen > 0 && cfg.Filter == nil { // else the filter has it, see attach
		if err := r.filter(uint32(cfg.Snaplen)); err != nil {
			return r.unmapAfter(fmt.Errorf("set snap length %d: %w", cfg.Snaplen, err))
		}
	}
	return nil
}

// allocate tries numbers of blocks from want down by halves, for as long as the kernel answers that
// it has no memory and least is not passed. It gives the number that try took.
func allocate(want, least int, try func(blocks int) error) (int, error) {
	for blocks := want; ; blocks /= 2 {
		err := try(blocks)
		if err == nil {
			return blocks, nil
		}
		if !errors.Is(err, unix.ENOMEM) || blocks/2 < least {
			return 0, err
		}
	}
}

// share asks the kernel for a ring of this many blocks and maps it.
func (r *ring) share(blocks int, cfg *LiveConfig) error {
	perBlock := max(r.block/ringFrameBytes, 1)
	req := unix.TpacketReq3{
		Block_size:     uint32(r.block),
		Block_nr:       uint32(blocks),
		Frame_size:     uint32(r.block / perBlock),
		Frame_nr:       uint32(perBlock * blocks),
		Retire_blk_tov: uint32(cfg.RetireTimeout.Milliseconds()),
	}
	if err := unix.SetsockoptTpacketReq3(r.fd, unix.SOL_PACKET, unix.PACKET_RX_RING, &req); err != nil {
		return err
	}
	mem, err := unix.Mmap(r.fd, 0, blocks*r.block, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		// Freed, so that a smaller one can take its place.
		return errors.Join(err, unix.SetsockoptTpacketReq3(r.fd, unix.SOL_PACKET, unix.PACKET_RX_RING, &unix.TpacketReq3{}))
	}
	r.mem = mem
	return nil
}

// filter attaches a program that keeps the first n bytes of each frame. With n 0 frames are left out
// and are not in the kernel's counts.
func (r *ring) filter(n uint32) error {
	raw, err := bpf.RetConstant{Val: n}.Assemble()
	if err != nil {
		return err
	}
	return r.setProgram([]bpf.RawInstruction{raw})
}

// setProgram attaches a program in place of the one before. The kernel copies it.
func (r *ring) setProgram(raw []bpf.RawInstruction) error {
	prog := make([]unix.SockFilter, len(raw))
	for i, ins := range raw {
		prog[i] = unix.SockFilter{Code: ins.Op, Jt: ins.Jt, Jf: ins.Jf, K: ins.K}
	}
	return unix.SetsockoptSockFprog(r.fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
		&unix.SockFprog{Len: uint16(len(prog)), Filter: &prog[0]})
}

// userFilter attaches the configured filter as its program for the link type of dev. The socket must
// receive nothing: it is not bound, or bound to an interface that has vanished or is given up. No
// program is attached, and the one before stays, where the filter cannot be compiled for the link type.
func (r *ring) userFilter(dev iface, cfg *LiveConfig) error {
	if cfg.Filter == nil {
		return nil
	}
	link, _ := linkOf(dev.hatype)
	p, err := cfg.Filter.Program(filter.Target{Link: link, Live: true, Snaplen: uint32(cfg.Snaplen)})
	if err != nil {
		return fmt.Errorf("interface %s: %w", cfg.Interface, err)
	}
	if err := r.setProgram(p.Instructions()); err != nil {
		return fmt.Errorf("attach filter of %d instructions to the socket on %s: %w", p.Len(), cfg.Interface, err)
	}
	return nil
}

// attach binds the socket to dev; frames arrive from here on, if dev is up. The socket may be bound
// to another interface already, and the ring goes on: so an interface made again needs neither new
// memory nor the privilege to open a socket.
func (r *ring) attach(dev iface, cfg *LiveConfig) error {
	if err := r.userFilter(dev, cfg); err != nil {
		return err
	}
	loopback := dev.hatype == unix.ARPHRD_LOOPBACK
	ignore := 0
	if cfg.IgnoreOutgoing || loopback {
		ignore = 1
	}
	err := unix.SetsockoptInt(r.fd, unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, ignore)
	if err != nil && ignore == 1 {
		return fmt.Errorf("ignore outgoing frames of %s (needs Linux 4.20): %w: %w", cfg.Interface, ErrUnsupported, err)
	}
	promiscuous := cfg.Promiscuous && !loopback
	if promiscuous {
		if err := r.promiscuous(unix.PACKET_ADD_MEMBERSHIP, dev.index); err != nil {
			return fmt.Errorf("set %s promiscuous: %w", cfg.Interface, err)
		}
	}
	if err := unix.Bind(r.fd, &unix.SockaddrLinklayer{Protocol: htons(unix.ETH_P_ALL), Ifindex: dev.index}); err != nil {
		err = fmt.Errorf("bind to interface %s: %w", cfg.Interface, err)
		if promiscuous {
			// Or the next attempt would count twice. It fails where the interface has vanished.
			r.promiscuous(unix.PACKET_DROP_MEMBERSHIP, dev.index)
		}
		return err
	}
	return nil
}

func (r *ring) promiscuous(opt, index int) error {
	return unix.SetsockoptPacketMreq(r.fd, unix.SOL_PACKET, opt, &unix.PacketMreq{
		Ifindex: int32(index), Type: unix.PACKET_MR_PROMISC,
	})
}

// bound is the index of the interface that the socket is bound to; -1 when that one has vanished.
func (r *ring) bound() (int, error) {
	addr, err := unix.Getsockname(r.fd)
	if err != nil {
		return 0, err
	}
	ll, ok := addr.(*unix.SockaddrLinklayer)
	if !ok {
		return 0, fmt.Errorf("packet socket has an address of type %T", addr)
	}
	return ll.Ifindex, nil
}

// quiesce ends the intake: when it returns, no further frame reaches the ring or the kernel's counts,
// and the interface is no longer promiscuous for this socket. Frames in the ring stay.
func (r *ring) quiesce(cfg *LiveConfig) error {
	if err := r.filter(0); err != nil {
		return fmt.Errorf("stop the intake of frames: %w", err)
	}
	index, err := r.bound()
	if err != nil {
		return fmt.Errorf("stop the intake of frames: %w", err)
	}
	if index <= 0 { // vanished: the kernel has taken the socket off already
		return nil
	}
	// Another processor may still run the old filter. A change of protocol waits until none does; the
	// new filter drops frames of that protocol too.
	err = unix.Bind(r.fd, &unix.SockaddrLinklayer{Protocol: htons(unix.ETH_P_LOOPBACK), Ifindex: index})
	if err != nil && !errors.Is(err, unix.ENODEV) {
		return fmt.Errorf("stop the intake of frames: %w", err)
	}
	if cfg.Promiscuous {
		r.promiscuous(unix.PACKET_DROP_MEMBERSHIP, index) // fails where there was none: on loopback
	}
	return nil
}

// kernelCounts are the kernel's counts since they were last read.
func (r *ring) kernelCounts() (unix.TpacketStatsV3, error) {
	s, err := unix.GetsockoptTpacketStatsV3(r.fd, unix.SOL_PACKET, unix.PACKET_STATISTICS)
	if err != nil {
		return unix.TpacketStatsV3{}, fmt.Errorf("read packet statistics: %w", err)
	}
	return *s, nil
}

// pendingError takes the socket's pending error. Until it is taken poll returns at once, for ever.
func (r *ring) pendingError() error {
	errno, err := unix.GetsockoptInt(r.fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err != nil {
		return fmt.Errorf("read socket error: %w", err)
	}
	if errno != 0 {
		return unix.Errno(errno)
	}
	return nil
}

func (r *ring) unmapAfter(err error) error { return errors.Join(err, unix.Munmap(r.mem)) }

// close gives the memory back, which must not be read from here on, and closes the socket.
func (r *ring) close() error {
	return errors.Join(unix.Munmap(r.mem), unix.Close(r.fd))
}

// htons gives v in network byte order.
func htons(v uint16) uint16 {
	return binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, v))
}
