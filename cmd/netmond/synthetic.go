package main

import (
	"encoding/binary"
	"math/rand/v2"

	"github.com/netmond/netmond/packet"
)

// A mix is wire lengths (FCS out) with their shares in twelfths.
type mix struct {
	name  string
	sizes []uint32
}

// mixes are those of --mix. imix is the simple Internet mix of 64, 594 and 1,518 byte frames, 7 to 4 to
// 1, less the 4 bytes of FCS.
var mixes = []mix{
	{"imix", []uint32{60, 60, 60, 60, 60, 60, 60, 590, 590, 590, 590, 1514}},
	{"64", []uint32{60}},
	{"1500", []uint32{1514}},
}

// syntheticSnap is how much of a synthetic frame there is in memory, bytes, as in a capture of headers.
const syntheticSnap = 96

// A synthetic makes traffic in memory: two-way flows between hosts of local networks and the world,
// drawn at random, which is the worst case for caches. Seven in ten are TLS over TCP, undisturbed; the
// rest is UDP that no detector knows.
type synthetic struct {
	flows    uint32
	networks uint32
	sizes    []uint32
	rand     *rand.Rand
	seq      [][2]uint32 // next sequence number of the client and of the server, by flow
	now      int64
	arena    []byte
}

const syntheticStart = 1_800_000_000_000_000_000 // 2027-01-15T08:00:00Z

func newSynthetic(flows, networks int, m mix) *synthetic {
	return &synthetic{
		flows: uint32(flows), networks: uint32(networks), sizes: m.sizes, rand: rand.New(rand.NewPCG(1, 2)),
		seq: make([][2]uint32, flows), now: syntheticStart,
	}
}

// Templates of frames; addresses, ports, lengths and sequence numbers are filled in.
var (
	syntheticTCP = []byte{
		0, 0, 0x5e, 0, 0x53, 2, 0, 0, 0x5e, 0, 0x53, 1, 0x08, 0,
		0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x50, 0x18, 0xff, 0xff, 0, 0, 0, 0,
		22, 3, 3, 5, 110, // TLS handshake record
	}
	syntheticUDP = []byte{
		0, 0, 0x5e, 0, 0x53, 2, 0, 0, 0x5e, 0, 0x53, 1, 0x08, 0,
		0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 17, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		0, 0, 0, 0, 0, 0, 0, 0,
	}
)

// network is local network i as a /24 of 10.0.0.0/8.
func (s *synthetic) network(i uint32) [3]byte { return [3]byte{10, byte(i >> 8), byte(i)} }

// fill makes a block of n frames of flows drawn at random, a microsecond apart.
func (s *synthetic) fill(b *packet.Block, n int) {
	s.room(b, n)
	for i := range b.Frames {
		b.Frames[i] = s.frame(s.buffer(i), s.rand.Uint32N(s.flows))
	}
}

// each makes a block with one frame of each of the n flows from first on.
func (s *synthetic) each(b *packet.Block, first, n int) {
	s.room(b, n)
	for i := range b.Frames {
		b.Frames[i] = s.frame(s.buffer(i), uint32(first+i))
	}
}

// room makes place for n frames, whose bytes are valid until the next call.
func (s *synthetic) room(b *packet.Block, n int) {
	if len(s.arena) < n*syntheticSnap {
		s.arena = make([]byte, n*syntheticSnap)
	}
	if cap(b.Frames) < n {
		b.Frames = make([]packet.Frame, n)
	}
	b.Frames = b.Frames[:n]
}

func (s *synthetic) buffer(i int) []byte { return s.arena[i*syntheticSnap:][:syntheticSnap] }

func (s *synthetic) frame(buf []byte, flow uint32) packet.Frame {
	s.now += 1000
	wire, dir := s.sizes[s.rand.IntN(len(s.sizes))], s.rand.IntN(2)
	tcp := flow%10 < 7
	if tcp {
		copy(buf, syntheticTCP)
	} else {
		copy(buf, syntheticUDP)
	}
	be := binary.BigEndian
	be.PutUint16(buf[16:], uint16(wire-14))
	// A flow has its own client: the hosts of a network share its flows.
	net := s.network(flow % s.networks)
	local := [4]byte{net[0], net[1], net[2], byte(1 + flow/s.networks%250)}
	remote := [4]byte{203, 0, 113, byte(flow % 250)}
	localPort, remotePort := uint16(1024+flow/s.networks/250%60000), uint16(443)
	if !tcp {
		remotePort = 4000
	}
	if dir == 0 {
		copy(buf[26:], local[:])
		copy(buf[30:], remote[:])
		be.PutUint16(buf[34:], localPort)
		be.PutUint16(buf[36:], remotePort)
	} else {
		copy(buf[26:], remote[:])
		copy(buf[30:], local[:])
		be.PutUint16(buf[34:], remotePort)
		be.PutUint16(buf[36:], localPort)
	}
	if tcp {
		be.PutUint32(buf[38:], s.seq[flow][dir])
		be.PutUint32(buf[42:], s.seq[flow][1-dir])
		s.seq[flow][dir] += wire - 54
	} else {
		be.PutUint16(buf[38:], uint16(wire-34))
	}
	return packet.Frame{Data: buf[:min(wire, syntheticSnap)], Time: s.now, WireLen: wire, Link: packet.LinkEthernet}
}
