package capture

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"github.com/netmond/netmond/capture/filter"
)

// ringFrameBytes divides a block into the frames that the kernel's checks count. TPACKET_V3 packs
// frames without regard to it.
const ringFrameBytes = 2048

// packetSocket opens a packet socket that receives nothing until it is bound.
func packetSocket() (int, error) {
	// With protocol 0 the kernel gives it no frame until bind: none from another interface, none
	// that the filter has not seen.
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	switch {
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		return 0, fmt.Errorf("open packet socket: %w, live capture needs the capability CAP_NET_RAW (promiscuous mode needs no more); capture files need none", ErrPermission)
	case errors.Is(err, unix.EAFNOSUPPORT), errors.Is(err, unix.EPROTONOSUPPORT):
		return 0, fmt.Errorf("open packet socket: %w, the kernel has no AF_PACKET", ErrUnsupported)
	case err != nil:
		return 0, fmt.Errorf("open packet socket: %w", err)
	}
	return fd, nil
}

// openRing opens a packet socket that receives nothing yet, with a ring of size bytes and its filter. It
// may give less memory: len(mem).
func openRing(cfg *LiveConfig, size int) (*ring, error) {
	fd, err := packetSocket()
	if err != nil {
		return nil, err
	}
	r := &ring{fd: fd}
	if err := r.setUp(cfg, size); err != nil {
		unix.Close(fd)
		return nil, err
	}
	return r, nil
}

func (r *ring) setUp(cfg *LiveConfig, size int) error {
	if err := unix.SetsockoptInt(r.fd, unix.SOL_PACKET, unix.PACKET_VERSION, unix.TPACKET_V3); err != nil {
		return fmt.Errorf("set TPACKET_V3 (needs Linux 3.2): %w: %w", ErrUnsupported, err)
	}
	_, err := allocate(size, max(2*cfg.BlockBytes, minRingBytes), func(size int) error { return r.share(size, cfg) })
	if err != nil {
		return fmt.Errorf("capture ring of %d bytes in blocks of %d: %w", size, cfg.blockBytes(size), err)
	}
	if cfg.Snaplen > 0 && cfg.Filter == nil { // else the filter has it, which waits for the link type
		if err := setFilter(r.fd, cfg.whole()); err != nil {
			return r.unmapAfter(fmt.Errorf("set snap length %d: %w", cfg.Snaplen, err))
		}
	}
	return nil
}

// whole takes in all frames, as much of each as is configured.
func (c *LiveConfig) whole() bpf.Instruction {
	if c.Snaplen > 0 {
		return bpf.RetConstant{Val: uint32(c.Snaplen)}
	}
	return bpf.RetConstant{Val: math.MaxUint32}
}

// intake is the program that decides which frames of dev a ring takes in, and how much of each. Its
// error is that the filter cannot be compiled for dev's link type.
func (c *LiveConfig) intake(dev iface) ([]bpf.RawInstruction, error) {
	if c.Filter == nil {
		return bpf.Assemble([]bpf.Instruction{c.whole()})
	}
	link, _ := linkOf(dev.hatype)
	p, err := c.Filter.Program(filter.Target{Link: link, Live: true, Snaplen: uint32(c.Snaplen)})
	if err != nil {
		return nil, err
	}
	return p.Instructions(), nil
}

// allocate tries sizes from want down by halves, for as long as the kernel answers that it has no memory and
// least is not passed. It gives the one that try took.
func allocate(want, least int, try func(size int) error) (int, error) {
	for size := want; ; size /= 2 {
		err := try(size)
		if err == nil {
			return size, nil
		}
		if !errors.Is(err, unix.ENOMEM) || size/2 < least {
			return 0, err
		}
	}
}

// share asks the kernel for a ring of at most size bytes, in whole blocks, and maps it.
func (r *ring) share(size int, cfg *LiveConfig) error {
	block := cfg.blockBytes(size)
	blocks, perBlock := size/block, max(block/ringFrameBytes, 1)
	req := unix.TpacketReq3{
		Block_size:     uint32(block),
		Block_nr:       uint32(blocks),
		Frame_size:     uint32(block / perBlock),
		Frame_nr:       uint32(perBlock * blocks),
		Retire_blk_tov: uint32(cfg.RetireTimeout.Milliseconds()),
	}
	if err := unix.SetsockoptTpacketReq3(r.fd, unix.SOL_PACKET, unix.PACKET_RX_RING, &req); err != nil {
		return err
	}
	mem, err := unix.Mmap(r.fd, 0, blocks*block, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		// Freed, so that a smaller one can take its place.
		return errors.Join(err, unix.SetsockoptTpacketReq3(r.fd, unix.SOL_PACKET, unix.PACKET_RX_RING, &unix.TpacketReq3{}))
	}
	r.mem, r.block = mem, block
	return nil
}

// setFilter attaches a program to a packet socket, in place of the one that it has. Frames that it
// leaves out are not in the kernel's counts.
func setFilter(fd int, program ...bpf.Instruction) error {
	raw, err := bpf.Assemble(program)
	if err != nil {
		return err
	}
	return setProgram(fd, raw)
}

// setProgram is setFilter with an assembled program, which the kernel copies.
func setProgram(fd int, raw []bpf.RawInstruction) error {
	prog := make([]unix.SockFilter, len(raw))
	for i, in := range raw {
		prog[i] = unix.SockFilter{Code: in.Op, Jt: in.Jt, Jf: in.Jf, K: in.K}
	}
	return unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: uint16(len(prog)), Filter: &prog[0]})
}

// shut leaves out all frames from now on, but for those that another processor is at: see
// sentinel.barrier. Frames in the ring stay.
func (r *ring) shut() error {
	if err := setFilter(r.fd, bpf.RetConstant{Val: 0}); err != nil {
		return fmt.Errorf("stop the intake of frames: %w", err)
	}
	return nil
}

// attach binds the socket to dev; frames arrive from here on, if dev is up. The socket may be bound
// to another interface already, and the ring goes on: so an interface made again needs neither new
// memory nor the privilege to open a socket. In standby it is bound and takes no frame.
func (r *ring) attach(dev iface, cfg *LiveConfig, standby bool) error {
	if standby {
		if err := r.shut(); err != nil {
			return err
		}
		// Frames of this type alone go by the socket, and there are none: it costs the others nothing.
		if err := bind(r.fd, unix.ETH_P_LOOPBACK, dev.index); err != nil {
			return fmt.Errorf("bind to interface %s: %w", cfg.Interface, err)
		}
		r.index = dev.index
		return nil
	}
	if cfg.Filter != nil || cfg.Standby { // what standby has shut is opened
		prog, err := cfg.intake(dev)
		if err == nil {
			err = setProgram(r.fd, prog)
		}
		if err != nil {
			return fmt.Errorf("set the capture filter of %s: %w", cfg.Interface, err)
		}
	}
	ignore := 0
	if cfg.outgoingIgnored(dev) {
		ignore = 1
	}
	err := unix.SetsockoptInt(r.fd, unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, ignore)
	if err != nil && ignore == 1 {
		return fmt.Errorf("ignore outgoing frames of %s (needs Linux 4.20): %w: %w", cfg.Interface, ErrUnsupported, err)
	}
	if err := bind(r.fd, unix.ETH_P_ALL, dev.index); err != nil {
		return fmt.Errorf("bind to interface %s: %w", cfg.Interface, err)
	}
	r.index = dev.index
	return nil
}

// bind has frames of this EtherType come from the interface with this index, or from all with index 0.
func bind(fd int, etherType uint16, index int) error {
	return unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: htons(etherType), Ifindex: index})
}

// boundTo is the index of the interface that a packet socket is bound to; -1 when that one has vanished.
func boundTo(fd int) (int, error) {
	addr, err := unix.Getsockname(fd)
	if err != nil {
		return 0, err
	}
	ll, ok := addr.(*unix.SockaddrLinklayer)
	if !ok {
		return 0, fmt.Errorf("packet socket has an address of type %T", addr)
	}
	return ll.Ifindex, nil
}

// kernelCounts are the kernel's counts since they were last read.
func (r *ring) kernelCounts() (unix.TpacketStatsV3, error) {
	s, err := unix.GetsockoptTpacketStatsV3(r.fd, unix.SOL_PACKET, unix.PACKET_STATISTICS)
	if err != nil {
		return unix.TpacketStatsV3{}, fmt.Errorf("read packet statistics: %w", err)
	}
	return *s, nil
}

// pendingError takes the ring's pending error.
func (r *ring) pendingError() error { return pendingError(r.fd) }

// pendingError takes a socket's pending error. Until it is taken poll returns at once, for ever.
func pendingError(fd int) error {
	errno, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err != nil {
		return fmt.Errorf("read socket error: %w", err)
	}
	if errno != 0 {
		return unix.Errno(errno)
	}
	return nil
}

func (r *ring) unmapAfter(err error) error {
	err = errors.Join(err, unix.Munmap(r.mem))
	r.mem = nil
	return err
}

// close gives the memory back, which must not be read from here on, and closes the socket.
func (r *ring) close() error {
	var err error
	if r.mem != nil {
		err = unix.Munmap(r.mem)
		r.mem = nil
	}
	return errors.Join(err, unix.Close(r.fd))
}

// htons gives v in network byte order.
func htons(v uint16) uint16 {
	return binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, v))
}
