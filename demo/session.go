package demo

import (
	"math/rand/v2"
	"time"

	"github.com/netmond/netmond/packet"
)

// mss is the payload of a full segment, bytes.
const mss = 1448

// A stage is where a session stands.
type stage uint8

const (
	stageAsk stage = iota // DNS
	stageAnswer
	stageSyn
	stageSynAck
	stageAck
	stageFirst
	stageSecond
	stageBulk
	stageResend
	stageFin
	stageFinAck
	stageLast
	stageDone
)

// A session is one use of a profile: a TCP connection, perhaps with the DNS question before it, or a
// stream of datagrams.
type session struct {
	*profile
	stage   stage
	ends    [2]host // client, server
	ports   [2]uint16
	seq     [2]uint32
	at      int64 // of its next frame, ns since the Unix epoch
	rtt     int64
	left    int64   // bytes of the bulk still to be sent
	site    int     // of sites, where named
	lossy   float64 // share of segments that are sent again
	backup  bool
	unacked uint8
	last    int // bytes of the segment sent last
	dns     []byte
}

// begin draws a session of p that starts at at.
func (p *profile) begin(r *rand.Rand, at int64) session {
	s := session{profile: p, at: at, ends: [2]host{p.client(r), p.server(r)}, site: r.IntN(len(sites))}
	for s.ends[0] == s.ends[1] {
		s.ends[1] = p.server(r)
	}
	s.ports = [2]uint16{uint16(32768 + r.IntN(28000)), p.port}
	s.seq = [2]uint32{r.Uint32(), r.Uint32()}
	s.rtt = int64(float64(p.rtt) * (.7 + .6*r.Float64()))
	s.left = int64(p.bytes * (.1 + r.ExpFloat64()*.9))
	switch {
	case p.udp:
		s.stage = stageBulk
	case p.named && s.ends[0].addr.Is4(): // the resolver has no IPv6 address
		s.stage, s.dns = stageAsk, question(uint16(r.Uint32()), sites[s.site])
	default:
		s.stage = stageSyn
	}
	return s
}

// play adds the frames before until and reports whether more will follow.
func (s *session) play(w *wire, r *rand.Rand, until int64) bool {
	for s.at < until {
		if s.udp {
			s.datagram(w)
		} else {
			s.step(w, r)
		}
		if s.stage == stageDone {
			return false
		}
	}
	return true
}

// datagram adds a packet of a call, in turn from either end: 160 bytes of sound each 20 ms.
func (s *session) datagram(w *wire) {
	d := int(s.unacked)
	s.unacked ^= 1
	w.udp(s.at, &s.ends[d], &s.ends[1-d], s.ports[d], s.ports[1-d], rtpHead, 172)
	s.at += int64(10 * time.Millisecond)
	if s.left -= 172; s.left <= 0 {
		s.stage = stageDone
	}
}

// send adds a segment from end d and counts its payload.
func (s *session) send(w *wire, d int, flags uint8, payload []byte, length int) {
	ack := s.seq[1-d]
	if flags&packet.TCPAck == 0 {
		ack = 0
	}
	w.tcp(s.at, &s.ends[d], &s.ends[1-d], s.ports[d], s.ports[1-d], s.seq[d], ack, flags, payload, length)
	s.seq[d] += uint32(length)
	if flags&(packet.TCPSyn|packet.TCPFin) != 0 {
		s.seq[d]++
	}
}

// step adds the next frame and sets the time of the one after it.
func (s *session) step(w *wire, r *rand.Rand) {
	const quick = int64(200 * time.Microsecond)
	client, server := 0, 1
	if s.banner {
		client, server = 1, 0
	}
	bulk := 1
	if s.upload {
		bulk = 0
	}
	now := s.at
	switch s.stage {
	case stageAsk:
		w.udp(now, &s.ends[0], &resolver, s.ports[0], 53, s.dns, len(s.dns))
		s.at += int64(2 * time.Millisecond)
	case stageAnswer:
		a := answer(s.dns)
		w.udp(now, &resolver, &s.ends[0], 53, s.ports[0], a, len(a))
		s.at += int64(time.Millisecond)
	case stageSyn:
		s.send(w, 0, packet.TCPSyn, nil, 0)
		s.at += s.rtt
	case stageSynAck:
		s.send(w, 1, packet.TCPSyn|packet.TCPAck, nil, 0)
		s.at += quick
	case stageAck:
		s.send(w, 0, packet.TCPAck, nil, 0)
		s.at += quick
	case stageFirst, stageSecond:
		from, p := client, s.ask
		if s.named {
			p = hellos[s.site]
		}
		if s.banner {
			p = s.tell
		}
		if s.stage == stageSecond {
			from = server
			if p = s.tell; s.banner {
				p = s.ask
			} else if s.named {
				p = tlsServer
			}
		}
		s.send(w, from, packet.TCPAck|packet.TCPPsh, p, max(len(p), 40))
		s.at += s.rtt
	case stageBulk:
		n := int(min(s.left, mss))
		s.last = n
		s.send(w, bulk, packet.TCPAck, nil, n)
		if s.left -= int64(n); s.left > 0 {
			s.at += int64(float64(n) / s.rate * 1e9 * (.5 + r.Float64()))
		} else {
			s.at += quick
		}
		if s.unacked++; s.unacked == 2 || s.left <= 0 {
			s.unacked = 0
			at := now + quick/2
			if at/second != now/second {
				at = now
			}
			s.ackAt(w, at, 1-bulk)
		}
		switch {
		case s.lossy > 0 && r.Float64() < s.lossy:
			s.at, s.stage = now+int64(3*time.Millisecond), stageResend
		case s.left <= 0:
			s.stage = stageFin
		}
		return
	case stageResend: // the last segment once more
		s.seq[bulk] -= uint32(s.last)
		s.send(w, bulk, packet.TCPAck, nil, s.last)
		s.at += quick
		if s.stage = stageBulk; s.left <= 0 {
			s.stage = stageFin
		}
		return
	case stageFin:
		s.send(w, 0, packet.TCPFin|packet.TCPAck, nil, 0)
		s.at += s.rtt
	case stageFinAck:
		s.send(w, 1, packet.TCPFin|packet.TCPAck, nil, 0)
		s.at += quick
	case stageLast:
		s.send(w, 0, packet.TCPAck, nil, 0)
	}
	s.stage++
}

// ackAt adds a bare acknowledgement at another time than the session's.
func (s *session) ackAt(w *wire, at int64, d int) {
	now := s.at
	s.at = at
	s.send(w, d, packet.TCPAck, nil, 0)
	s.at = now
}
