package flows

import (
	"math"

	"github.com/netmond/netmond/apps"
	"github.com/netmond/netmond/localnets"
	"github.com/netmond/netmond/packet"
)

// payloadBudget is the number of packets with payload that apps looks at before the best answer so
// far, or else the ports', stands.
const payloadBudget = 10

// appBudget is the budget of a new flow; without ports there is nothing to look at but the protocol.
func appBudget(k *packet.Key) uint8 {
	if !k.HasPorts() {
		return 0
	}
	return payloadBudget
}

// guess is the application that protocol and ports suggest.
func guess(e *hot) uint16 {
	server, client := e.ports()
	return uint16(apps.ByPort(e.key.Proto, server, client))
}

// count adds m to entry i. first says that m began the entry.
func (s *shard) count(h *hand, i uint32, e *hot, m *packet.Meta, f *packet.Frame, first bool) {
	age := m.Time - e.last
	if age > h.t.soonest && !first {
		if why := h.t.due(e, m.Time); why != 0 {
			s.restart(&h.out, i, m, why)
			age, first = 0, true
		}
	}
	dir := m.Dir & 1
	if e.newPackets[dir] == math.MaxUint8 || e.newBytes[dir] > math.MaxUint32-m.WireLen {
		s.emit(&h.out, i, e, 0)
	}
	if e.conn != 0 {
		s.tcp(&h.out, i, e, m, first)
	} else if !first {
		e.bits |= bitSettled
	}
	e.newPackets[dir]++
	e.newBytes[dir] += m.WireLen
	if age > 0 {
		e.last = m.Time
	} else if age < 0 {
		c := s.colds.at(i)
		c.first = min(c.first, m.Time)
	}
	if e.bits&bitDirty == 0 {
		s.mark(i, e)
	}
	if s.spill.any {
		s.emitSpill(&h.out, i, e)
	}
	if e.budget != 0 && m.PayloadEnd > m.PayloadOff && int(m.PayloadEnd) <= len(f.Data) {
		s.classify(h, i, e, m, f.Data[m.PayloadOff:m.PayloadEnd])
	}
}

// classify shows a payload of entry i to apps.
func (s *shard) classify(h *hand, i uint32, e *hot, m *packet.Meta, payload []byte) {
	e.budget--
	p := &h.app
	*p = apps.Packet{Proto: m.Key.Proto, SrcPort: m.Key.LoPort, DstPort: m.Key.HiPort, FromClient: m.Dir&1 == e.client(), Payload: payload}
	if m.Dir&1 == packet.DirHiLo {
		p.SrcPort, p.DstPort = p.DstPort, p.SrcPort
	}
	res := apps.Classify(p, h.name[:0])
	p.Payload = nil // the frame's bytes are not ours
	c := s.colds.at(i)
	if len(res.Server) > 0 && c.name == 0 {
		c.name = s.keepName(res.Server)
	}
	if res.ID != apps.Unknown {
		c.bits &^= coldGuessed
		if uint16(res.ID) != c.app {
			s.move(&h.out, i, e, uint16(res.ID))
		}
	}
	if res.Final {
		e.budget = 0
	}
}

// move gives entry i another application, and takes what was folded under the old one with it.
func (s *shard) move(o *outbox, i uint32, e *hot, app uint16) {
	c := s.colds.at(i)
	if c.gen != uint32(o.tbl.Generation()) {
		s.reresolve(o, i, e)
	}
	for dir := range uint8(2) {
		if n := c.folded(dir); n != (localnets.Counts{}) && e.bits&bitNoMove == 0 {
			o.deltas = append(o.deltas, localnets.Delta{
				Src: c.nets[dir], Dst: c.nets[dir^1], L4: localnets.L4Of(e.key.Proto), App: app,
				DstBroadcast: c.broadcast(dir ^ 1),
				Counts:       n, Move: true, FromApp: c.app,
			})
		}
	}
	c.app = app
}

// untrack counts m, which found no entry, in its networks.
func (s *shard) untrack(o *outbox, m *packet.Meta) {
	s.untracked.Packets++
	s.untracked.Bytes += uint64(m.WireLen)
	e := hot{key: m.Key} // a flow of this one packet
	e.setClient(m.Dir & 1)
	var c cold
	c.resolve(o.tbl, &e.key)
	dir := m.Dir & 1
	d := o.add()
	*d = localnets.Delta{
		Src: c.nets[dir], Dst: c.nets[dir^1], L4: localnets.L4Of(m.Key.Proto), App: guess(&e),
		DstBroadcast: c.broadcast(dir ^ 1),
		Counts:       localnets.Counts{Packets: 1, Bytes: uint64(m.WireLen)},
	}
	if m.Flags&packet.FlagTCP != 0 && m.Key.Proto == protoTCP {
		d.TCP.Packets = 1
		switch m.TCPFlags & (packet.TCPSyn | packet.TCPAck | packet.TCPRst) {
		case packet.TCPSyn:
			d.TCP.SYN = 1
		case packet.TCPSyn | packet.TCPAck:
			d.TCP.SYNACK = 1
		}
		if m.Window == 0 && m.TCPFlags&(packet.TCPSyn|packet.TCPFin|packet.TCPRst) == 0 {
			d.TCP.ZeroWindows = 1
		}
	}
	o.touch(&e, &c, m.Time)
}
