package flows

import "github.com/netmond/netmond/packet"

// Round trips are taken from one timed segment per direction at a time. Karn's rule (RFC 6298
// section 3): a segment that is sent again gives no sample. A SYN's sample is the server's side, a
// SYN-ACK's the client's, data give samples of the round trip between the tap and the receiver.

// maxRTT drops samples (microseconds): past 10 s an acknowledgement says nothing about the path.
// 255 samples of it, the most between two folds, fit 32 bits.
const maxRTT = 10e6

// time starts the clock for m, which is new data in order up to end, unless an earlier segment is
// still being timed.
func (c *conn) time(dir uint8, m *packet.Meta, end uint32) {
	syn := m.TCPFlags&packet.TCPSyn != 0
	if !syn && m.PayloadLen == 0 {
		return
	}
	if m.TCPFlags&(packet.TCPSyn|packet.TCPAck) == packet.TCPSyn && c.flags[dir^1]&packet.TCPSyn != 0 {
		return // its answer was captured before it
	}
	q := &c.seq[dir]
	now := micros(m.Time)
	if c.has(connTiming, dir) && now-q.timedAt <= maxRTT {
		return
	}
	q.timedEnd, q.timedAt = end, now
	c.bits |= connTiming << dir
	c.bits &^= connTimedSYN << dir
	if syn {
		c.bits |= connTimedSYN << dir
	}
}

// acknowledge takes the acknowledgement that m carries for what was sent in direction dir.
func (c *conn) acknowledge(e *hot, dir uint8, m *packet.Meta) {
	if !c.has(connTiming, dir) {
		return
	}
	q := &c.seq[dir]
	if m.Ack-q.timedEnd >= maxJump { // modulo 2^32: below the segment's end, or nonsense
		return
	}
	c.bits &^= connTiming << dir
	// A time that runs backwards is a huge sample here.
	sample := micros(m.Time) - q.timedAt
	if sample > maxRTT {
		return
	}
	switch {
	case !c.has(connTimedSYN, dir):
		q.ackSum += sample
		c.samples[dir]++
	case dir != e.client():
		c.clientRTT = max(sample, 1)
		c.bits |= connClientRTT
	default:
		c.serverRTT = max(sample, 1)
		c.bits |= connServerRTT
	}
}

// reorder is the reorder window in microseconds.
func (c *conn) reorder() uint32 {
	if c.serverRTT == 0 || c.clientRTT == 0 {
		return defaultReorder
	}
	return min(c.serverRTT+c.clientRTT, maxReorder)
}
