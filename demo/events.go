package demo

import (
	"net/netip"

	"github.com/netmond/netmond/packet"
)

const (
	scansPerSecond  = 40
	floodPerSecond  = 2600
	stormsPerSecond = 700
	stormBytes      = 220
)

// event adds a second of e.
func (s *Source) event(e *Event) {
	switch e.kind {
	case kindScan:
		s.scan()
	case kindFlood:
		s.flood()
	case kindLoss:
		for range s.draw(lossProfile.perSecond) {
			s.start(&lossProfile, lossShare)
		}
	case kindStorm:
		s.storm()
	case kindBackup:
		s.backup()
	}
}

// scan asks servers for ports at which nobody listens.
func (s *Source) scan() {
	for i := range int64(scansPerSecond) {
		at := s.now + i*second/scansPerSecond
		h := servers.any(s.rand)
		port, from, seq := uint16(1+s.rand.IntN(1023)), uint16(40000+s.rand.IntN(20000)), s.rand.Uint32()
		s.wire.tcp(at, &scanner, &h, from, port, seq, 0, packet.TCPSyn, nil, 0)
		s.wire.tcp(at+int64(near), &h, &scanner, port, from, 0, seq+1, packet.TCPRst|packet.TCPAck, nil, 0)
	}
}

// flood is SYNs with made-up senders; the web server answers each tenth, and drops the others.
func (s *Source) flood() {
	for i := range int64(floodPerSecond) {
		at := s.now + i*second/floodPerSecond
		n := s.flooded * 2654435761 // spreads senders and ports
		s.flooded++
		from := host{addr: netip.AddrFrom4([4]byte{203, 0, 113, byte(n >> 24)}), mac: routerMAC}
		port := uint16(1024 + n>>4%60000)
		s.wire.tcp(at, &from, &webServer, port, 443, n, 0, packet.TCPSyn, nil, 0)
		if i%10 == 0 {
			s.wire.tcp(at+int64(near)/4, &webServer, &from, 443, port, n^0x5bd1e995, n+1, packet.TCPSyn|packet.TCPAck, nil, 0)
		}
	}
}

// storm is the same broadcast going round and round.
func (s *Source) storm() {
	h := lab.host(3)
	for i := range int64(stormsPerSecond) {
		s.wire.udp(s.now+i*second/stormsPerSecond, &h, &labAll, 137, 137, nil, stormBytes)
	}
}

// backup keeps some streams going.
func (s *Source) backup() {
	running := 0
	for i := range s.sessions {
		if s.sessions[i].backup {
			running++
		}
	}
	for ; running < mostBackups; running++ {
		s.start(&backupProfile, 0)
	}
}
