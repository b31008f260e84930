package netnstest

import (
	"golang.org/x/sys/unix"
)

// A Sender puts frames on a Port as they are. One goroutine at a time.
type Sender struct {
	port *Port
	fd   int
}

// Sender opens a socket that sends on the interface. It ends with the test, or with the interface.
func (p *Port) Sender() *Sender {
	p.t.Helper()
	var fd int
	var err error
	p.Do(func() { fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0) })
	p.must("open packet socket", err)
	p.t.Cleanup(func() { unix.Close(fd) })
	p.must("bind packet socket", unix.Bind(fd, &unix.SockaddrLinklayer{Ifindex: p.Link().Attrs().Index}))
	return &Sender{port: p, fd: fd}
}

// Send sends each frame, link-layer header first, once. It returns when all have left the interface:
// on a veth pair they have arrived, unless Port.Link().Attrs().Statistics.TxDropped tells otherwise.
func (s *Sender) Send(frames ...[]byte) {
	s.port.t.Helper()
	for i, f := range frames {
		if _, err := unix.Write(s.fd, f); err != nil {
			s.port.t.Fatalf("send frame %d of %d (%d bytes): %v", i+1, len(frames), len(f), err)
		}
	}
}

// Repeat sends frame n times.
func (s *Sender) Repeat(frame []byte, n int) {
	s.port.t.Helper()
	for range n {
		s.Send(frame)
	}
}
