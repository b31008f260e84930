package flows

import "github.com/netmond/netmond/packet"

// TCP health follows Wireshark's sequence analysis (its TCP Analysis chapter names the conditions)
// with the sequence space of RFC 9293 section 3.4. Per direction, next is the number after the
// highest one seen. Payload octets, SYN and FIN take a number each. A segment is
//
//   - a keep-alive, if it lies at next-1, has a payload of 0 or 1 octets and no SYN, FIN or RST, and
//     no FIN was seen;
//   - a retransmission, if it takes numbers and begins below next, is no keep-alive and is not out
//     of order. A segment of 2 or more octets at next-1 is none: its first octet was a window probe;
//   - out of order, if it begins below next, overlaps a gap that is open, and comes within the
//     reorder window after the segment that opened the gap. The window is the handshake's round
//     trip, since no retransmission can come sooner, or 3 ms where the handshake was not seen;
//   - a zero window, if its window is 0 and it has no SYN, FIN or RST.
//
// A segment that begins above next opens a gap. What of a gap is still missing when the reorder
// window has passed counts as Lost, in packets: the missing octets by the largest payload of that
// direction so far (536 before any, RFC 9293 section 3.7.1), rounded up, at most 65,535. It counts
// when, after the window, the next segment of the direction, a fold or the flow's end comes. So lost
// packets never turn out to be only late ones, and one that is sent again counts as lost (before the
// tap) and as a retransmission. A jump of 2^30 or more, more than any window (RFC 7323 section 2.3),
// is no gap: counting starts anew there.
//
// All arithmetic is modulo 2^32. A connection that is already under way when it is first seen counts
// from its first segment with data; a direction that is not seen takes no part.

const (
	// defaultReorder is the reorder window without a handshake, as in Wireshark, in microseconds.
	defaultReorder = 3000
	maxReorder     = 1e6
	maxLostPerGap  = 65535
	defaultMSS     = 536
	maxJump        = 1 << 30
	// reorderedSYN is how far below the first data a SYN may lie to belong to it (one window
	// without scaling): frames of two queues can reach the tap in the wrong order.
	reorderedSYN = 65536
)

// conn is the state of a TCP connection: one cache line. Arrays are by direction along the key;
// times are the lower 32 bits of microseconds.
type conn struct {
	seq [2]sequence
	mss [2]uint16 // largest payload seen, at most 65,535
	// Seen in this connection.
	flags [2]uint8
	// Not folded: packets without a readable TCP header, samples in sequence.ackSum, and SYNs (lower
	// half) and SYN-ACKs (upper half).
	noHeader, samples, syns [2]uint8
	// Round trips of the handshake in microseconds, 0 none.
	serverRTT, clientRTT uint32
	isn                  uint32 // sequence number of the client's SYN, valid with connISN
	health               uint32 // 1 + number of the health record, 0 none
	bits                 uint16
}

type sequence struct {
	next     uint32 // highest sequence number seen, and one; valid with connKnown
	timedEnd uint32 // a segment ending here waits for its acknowledgement; valid with connTiming
	timedAt  uint32
	ackSum   uint32 // microseconds of samples not folded
}

func (c *conn) link() *uint32 { return &c.health }

// Bits of conn.bits; those for a direction are shifted left by it.
const (
	connKnown  uint16 = 1 << iota // sequence.next
	_                             // the other direction's
	connTiming                    // sequence.timedEnd, timedAt
	_
	connTimedSYN // what is timed is a SYN or SYN-ACK
	_
	connISN
	connServerRTT // serverRTT is not folded
	connClientRTT
	connSummed // samples bring what the connection showed: see samples.go
)

func (c *conn) has(bit uint16, dir uint8) bool { return c.bits&(bit<<dir) != 0 }

// segment is the sequence space that m takes.
func segment(m *packet.Meta) uint32 {
	n := m.PayloadLen
	if m.TCPFlags&packet.TCPSyn != 0 {
		n++
	}
	if m.TCPFlags&packet.TCPFin != 0 {
		n++
	}
	return n
}

func micros(ns int64) uint32 { return uint32(ns / 1000) }

// tcp follows the connection of entry e with m, which is not yet in the entry's counters. first says
// that m began the entry.
func (s *shard) tcp(o *outbox, i uint32, e *hot, m *packet.Meta, first bool) {
	c := s.conns.at(e.conn - 1)
	dir := m.Dir & 1
	if !first && c.follow(e, dir, m) {
		return
	}
	if c.bits&connSummed != 0 {
		s.uncounted(o, i, e, c, m)
		return
	}
	if m.Flags&packet.FlagTCP == 0 {
		c.noHeader[dir]++
		return
	}
	flags := m.TCPFlags
	if flags&(packet.TCPSyn|packet.TCPRst) == packet.TCPSyn {
		s.handshake(o, i, e, c, m, first)
	} else if !first && flags&packet.TCPRst == 0 {
		e.bits |= bitSettled
	}
	if flags&packet.TCPRst != 0 { // an RST has no place in the sequence space: RFC 9293 section 3.10.7
		e.bits |= bitClosed
		c.bits &^= connTiming | connTiming<<1
		c.flags[dir] |= flags
		return
	}
	if flags&packet.TCPAck != 0 {
		c.acknowledge(e, dir^1, m)
	}
	s.sequence(c, dir, m)
	c.flags[dir] |= flags
	if c.flags[0]&c.flags[1]&packet.TCPFin != 0 {
		e.bits |= bitClosed
	}
	if flags&(packet.TCPSyn|packet.TCPFin) == 0 && m.Window == 0 {
		s.ill(c, dir, zeroWindow)
	}
}

// follow takes m if it is what nearly all segments are: one with an acknowledgement that goes on where the one
// before it ended, in a connection without a health record. It does what tcp, acknowledge and sequence do
// with such a segment, in one go.
func (c *conn) follow(e *hot, dir uint8, m *packet.Meta) bool {
	const special = packet.TCPSyn | packet.TCPFin | packet.TCPRst
	q := &c.seq[dir&1]
	if m.Flags&packet.FlagTCP == 0 || m.TCPFlags&(special|packet.TCPAck) != packet.TCPAck || m.Window == 0 ||
		m.Seq != q.next || c.health != 0 || c.bits&(connSummed|connKnown<<dir) != connKnown<<dir {
		return false
	}
	e.bits |= bitSettled
	if c.has(connTiming, dir^1) {
		c.acknowledge(e, dir^1, m)
	}
	c.flags[dir&1] |= m.TCPFlags
	if m.PayloadLen != 0 {
		if m.PayloadLen > uint32(c.mss[dir&1]) {
			c.mss[dir&1] = uint16(min(m.PayloadLen, 65535))
		}
		q.next += m.PayloadLen
		c.time(dir, m, q.next)
	}
	return true
}

// handshake takes a SYN or SYN-ACK: it may open the port pair's next connection, and it decides who
// is the client.
func (s *shard) handshake(o *outbox, i uint32, e *hot, c *conn, m *packet.Meta, first bool) {
	dir := m.Dir & 1
	if m.TCPFlags&packet.TCPAck != 0 {
		if !first && e.bits&bitClosed != 0 && !c.near(dir, m.Seq) {
			s.reopen(o, i, e, c)
		}
		c.syns[dir] += 1 << 4
		if c.bits&connISN == 0 {
			s.setClient(i, e, dir^1)
			c.isn = m.Ack - 1
			c.bits |= connISN
		}
	} else {
		if !first && s.opensAnew(e, c, m) {
			s.reopen(o, i, e, c)
		}
		c.syns[dir]++
		if c.bits&connISN == 0 {
			s.setClient(i, e, dir)
			c.isn = m.Seq
			c.bits |= connISN
		}
	}
	if c.syns[dir]&0x0f == 0x0f || c.syns[dir]>>4 == 0x0f {
		s.emit(o, i, e, 0)
	}
}

// near reports whether a SYN numbered seq belongs to what direction dir has sent already.
func (c *conn) near(dir uint8, seq uint32) bool {
	return c.has(connKnown, dir) && c.seq[dir].next-(seq+1) < reorderedSYN
}

// opensAnew reports whether the SYN m begins another connection between the same ports.
func (s *shard) opensAnew(e *hot, c *conn, m *packet.Meta) bool {
	dir := m.Dir & 1
	switch {
	case c.bits&connISN == 0: // seen from its middle only
		return (c.has(connKnown, 0) || c.has(connKnown, 1)) && !c.near(dir, m.Seq)
	case dir == e.client():
		return m.Seq != c.isn // else sent again, also after an RST as some clients do
	case e.bits&bitClosed != 0 || e.bits&bitSettled != 0:
		return !c.near(dir, m.Seq) // the server has become a client
	}
	return false // simultaneous open: RFC 9293 section 3.5
}

// reopen ends the connection of entry i for the networks and begins the next one. The entry's record
// goes on: TableStats.Started counts distinct keys.
func (s *shard) reopen(o *outbox, i uint32, e *hot, c *conn) {
	s.settle(c, 0, true, 0)
	s.settle(c, 1, true, 0)
	s.emit(o, i, e, 1)
	e.bits &^= bitAnnounced | bitClosed | bitSettled
	*c = conn{health: c.health}
	if cold := s.colds.at(i); cold.bits&coldGuessed != 0 {
		e.budget = appBudget(&e.key)
	}
}

// sequence places m in the sequence space of its direction.
func (s *shard) sequence(c *conn, dir uint8, m *packet.Meta) {
	q := &c.seq[dir]
	n := segment(m)
	end := m.Seq + n
	now := micros(m.Time)
	s.settle(c, dir, false, now)
	if m.PayloadLen > uint32(c.mss[dir]) {
		c.mss[dir] = uint16(min(m.PayloadLen, 65535))
	}
	if !c.has(connKnown, dir) {
		if n > 0 {
			q.next = end
			c.bits |= connKnown << dir
			c.time(dir, m, end)
		}
		return
	}
	switch ahead := int32(m.Seq - q.next); {
	case ahead == 0:
		if n > 0 {
			q.next = end
			c.time(dir, m, end)
		}
	case ahead > 0:
		if ahead < maxJump && m.TCPFlags&packet.TCPSyn == 0 {
			s.openGap(c, dir, m.Seq, now)
		}
		q.next = end
		c.bits &^= connTiming << dir
	case ahead <= -maxJump:
		if n > 0 {
			q.next = end
			c.bits &^= connTiming << dir
		}
	case ahead == -1 && m.PayloadLen <= 1 && n == m.PayloadLen && c.flags[dir]&packet.TCPFin == 0:
		s.ill(c, dir, keepAlive)
	case n > 0:
		s.below(c, dir, m, end, now)
	}
}

// below takes a segment that begins below the highest number.
func (s *shard) below(c *conn, dir uint8, m *packet.Meta, end, now uint32) {
	q := &c.seq[dir]
	begin := m.Seq
	switch {
	case m.Seq+1 == q.next && m.PayloadLen > 1: // after a window probe
	case m.TCPFlags&packet.TCPSyn != 0 && c.flags[dir]&packet.TCPSyn == 0: // the SYN came late
	case c.health != 0 && s.healths.at(c.health - 1).gap[dir].fill(begin, end):
		s.ill(c, dir, outOfOrder)
	default:
		s.ill(c, dir, retransmission)
		c.bits &^= connTiming << dir // Karn: which of the two is acknowledged nobody knows
	}
	if int32(end-q.next) > 0 {
		q.next = end
	}
}
