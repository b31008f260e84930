package flows

import (
	"net/netip"
	"slices"

	"github.com/netmond/netmond/apps"
	"github.com/netmond/netmond/localnets"
	"github.com/netmond/netmond/packet"
)

// A Flow is one flow of the table as readers see it: a copy that shares nothing with the table. A
// port is 0 where the flow has none.
type Flow struct {
	Key            packet.Key
	Client, Server netip.AddrPort
	// IDs of the networks of the two ends, or localnets.NoNetwork, as of the last reload of the networks.
	ClientNetwork, ServerNetwork int32
	// Smallest and largest capture time of the record, ns. A record that the active timeout renewed
	// begins with the tick that did.
	First, Last int64

	// What the client and the server sent, cumulative over the record; a record that the active
	// timeout renewed starts at zero.
	FromClient, FromServer FlowDirection

	App apps.ID
	// ServerName is the name that the client asked for (TLS SNI, HTTP Host, DNS question), printable
	// ASCII, or empty.
	ServerName string
	State      TCPState
	// Round trips of the handshake in ns, 0 for none: SYN to SYN-ACK and SYN-ACK to ACK.
	ServerRTT, ClientRTT int64
}

// A FlowDirection is what one end of a flow sent.
type FlowDirection struct {
	localnets.Counts
	TCPFlags uint8 // all flags seen in the connection, packet.TCPFin and so on
	// TCP health, all in packets; each stops at 2^32-1. See tcp.go for what they mean.
	Retransmissions, OutOfOrder, Lost, KeepAlives, ZeroWindows uint32
}

// A TCPState is how far a TCP connection has come.
type TCPState uint8

// States of a TCP connection; TCPNone is for other flows.
const (
	TCPNone     TCPState = iota
	TCPHalfOpen          // nothing but SYNs, SYN-ACKs or a single packet was seen
	TCPOpen
	TCPClosed // FINs of both ends, or an RST
)

var tcpStateNames = [...]string{"", "half_open", "open", "closed"}

// String is the state in lower case, empty for TCPNone.
func (s TCPState) String() string {
	if int(s) < len(tcpStateNames) {
		return tcpStateNames[s]
	}
	return "invalid"
}

// Flows calls fn with a copy of each flow until fn gives false. Each part of a shard is copied under
// its lock, at most 256 flows, and fn is called without: flows that come or go meanwhile may be
// missing, and no flow comes twice. The *Flow is valid until fn returns.
func (t *Table) Flows(fn func(*Flow) bool) {
	var buf []Flow
	var name []byte
	for i := range t.shards {
		s := &t.shards[i]
		for begin, more := uint32(0), true; more; begin += slabLen {
			buf, name, more = s.copyFlows(buf[:0], name, begin, t.nets)
			for j := range buf {
				if !fn(&buf[j]) {
					return
				}
			}
		}
	}
}

// copyFlows appends the flows of the slab that begins at begin, and reports whether more follow.
func (s *shard) copyFlows(buf []Flow, name []byte, begin uint32, nets *localnets.Registry) ([]Flow, []byte, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	tbl := nets.Table()
	end := min(begin+slabLen, s.hots.next)
	for i := begin; i < end; i++ {
		if e := s.hots.at(i); e.bits&bitUsed != 0 {
			buf = slices.Grow(buf, 1)[:len(buf)+1]
			name = s.fill(&buf[len(buf)-1], i, e, name, tbl)
		}
	}
	return buf, name, end < s.hots.next
}

// fill makes f a copy of entry i, with the networks' IDs of tbl. name is scratch space.
func (s *shard) fill(f *Flow, i uint32, e *hot, name []byte, tbl *localnets.Table) []byte {
	c := s.colds.at(i)
	name = s.appendName(name[:0], c.name)
	client := e.client()
	ends := [2]netip.AddrPort{
		netip.AddrPortFrom(e.key.LoAddr(), e.key.LoPort),
		netip.AddrPortFrom(e.key.HiAddr(), e.key.HiPort),
	}
	*f = Flow{
		Key: e.key, Client: ends[client], Server: ends[client^1],
		ClientNetwork: tbl.ID(c.nets[client]), ServerNetwork: tbl.ID(c.nets[client^1]),
		First: min(c.first, e.last), Last: e.last,
		FromClient: s.direction(c, e, client), FromServer: s.direction(c, e, client^1),
		App: apps.ID(c.app), ServerName: string(name),
	}
	if e.conn != 0 {
		k := s.conns.at(e.conn - 1)
		f.ServerRTT, f.ClientRTT = int64(k.serverRTT)*1000, int64(k.clientRTT)*1000
		switch {
		case e.bits&bitClosed != 0:
			f.State = TCPClosed
		case e.bits&bitSettled != 0:
			f.State = TCPOpen
		default:
			f.State = TCPHalfOpen
		}
	}
	return name
}

// direction copies what was sent in direction dir along the key.
func (s *shard) direction(c *cold, e *hot, dir uint8) FlowDirection {
	d := FlowDirection{Counts: c.folded(dir)}
	d.Packets += uint64(e.newPackets[dir])
	d.Bytes += uint64(e.newBytes[dir])
	if e.conn == 0 {
		return d
	}
	k := s.conns.at(e.conn - 1)
	d.TCPFlags = k.flags[dir]
	if k.health == 0 {
		return d
	}
	h := s.healths.at(k.health - 1)
	counts := h.folded[dir]
	for what, n := range h.counts[dir] {
		saturating(&counts[what], uint32(n))
	}
	saturating(&counts[foldedLost], h.lost[dir])
	d.Retransmissions, d.OutOfOrder = counts[retransmission], counts[outOfOrder]
	d.KeepAlives, d.ZeroWindows, d.Lost = counts[keepAlive], counts[zeroWindow], counts[foldedLost]
	return d
}
