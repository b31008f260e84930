package capture

import (
	"errors"
	"fmt"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// A sentinel is a packet socket that is bound to the interface and receives nothing. It tells when the
// interface has gone, also where another of its name and number took its place; it holds the
// promiscuous mode; and, as it is in no fanout group, it can be bound again as often as interfaces
// are made again, without a privilege.
type sentinel struct {
	fd          int
	promiscuous int // index of the interface that it holds promiscuous; 0 for none
}

func openSentinel() (*sentinel, error) {
	fd, err := packetSocket()
	if err != nil {
		return nil, err
	}
	if err := setFilter(fd, bpf.RetConstant{Val: 0}); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("close the sentinel socket to frames: %w", err)
	}
	return &sentinel{fd: fd}, nil
}

// follow binds the sentinel to dev and asks it for frames to other stations, if cfg does.
func (s *sentinel) follow(dev iface, cfg *LiveConfig) error {
	s.calm()
	if cfg.Promiscuous && dev.hatype != unix.ARPHRD_LOOPBACK {
		if err := membership(s.fd, unix.PACKET_ADD_MEMBERSHIP, dev.index); err != nil {
			return fmt.Errorf("set %s promiscuous: %w", cfg.Interface, err)
		}
		s.promiscuous = dev.index
	}
	if err := bind(s.fd, unix.ETH_P_LOOPBACK, dev.index); err != nil {
		s.calm() // or the next attempt would count twice
		return fmt.Errorf("bind to interface %s: %w", cfg.Interface, err)
	}
	pendingError(s.fd) // set where it is down, which the caller knows
	return nil
}

// calm ends the promiscuous mode. It fails where the interface has vanished, and with it the mode.
func (s *sentinel) calm() {
	if s.promiscuous != 0 {
		membership(s.fd, unix.PACKET_DROP_MEMBERSHIP, s.promiscuous)
		s.promiscuous = 0
	}
}

// bound is the index of the interface that the sentinel is bound to; -1 when that one has vanished.
func (s *sentinel) bound() (int, error) { return boundTo(s.fd) }

// lost takes the error that tells that the interface went down since it was last asked.
func (s *sentinel) lost() error {
	err := pendingError(s.fd)
	if errors.Is(err, unix.ENETDOWN) {
		return err
	}
	return nil
}

// barrier returns when no processor delivers a frame that came before the call: a change of protocol
// waits for them (unregister_prot_hook and synchronize_net in net/packet/af_packet.c). An interface
// that is down or gone delivers none.
func (s *sentinel) barrier() error {
	index, err := s.bound()
	if err != nil || index <= 0 {
		return err
	}
	err = bind(s.fd, unix.ETH_P_802_EX1, index)
	if errors.Is(err, unix.ENODEV) {
		return nil
	}
	return err
}

func (s *sentinel) close() error {
	s.calm()
	return unix.Close(s.fd)
}

func membership(fd, opt, index int) error {
	return unix.SetsockoptPacketMreq(fd, unix.SOL_PACKET, opt, &unix.PacketMreq{
		Ifindex: int32(index), Type: unix.PACKET_MR_PROMISC,
	})
}
