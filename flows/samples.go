package flows

import (
	"github.com/netmond/netmond/apps"
	"github.com/netmond/netmond/localnets"
	"github.com/netmond/netmond/packet"
)

// What a program in the kernel has counted comes as totals, which hold every packet, and as samples of
// flows, which say which parts of the totals belong to which flow. The totals go to the networks as
// application Unknown; a sample takes its flow's part out of that, into the flow's application. So the
// networks' figures never depend on what became of the flows' detail.
//
// A connection whose samples bring its health is not followed here (connSummed): frames of it that the
// program could not count itself add their packets, flags aside.

// Conversions between packet and localnets rest on these.
var (
	_ [packet.NumTransports]struct{} = [localnets.NumL4]struct{}{}
	_                                = [1]struct{}{}[packet.OutsideNetwork-localnets.NoNetwork]
	_                                = [1]struct{}{}[packet.OtherNetwork-localnets.OtherNetwork]
)

// AddDrained counts t and gives the parts of it that samples hold to their flows. Both become visible
// in one snapshot. What samples hold must be in t, or in the totals of earlier calls. Nothing is kept of
// either.
func (w *Worker) AddDrained(t *packet.Totals, samples []packet.Sample) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.addTotals(t)
	for len(samples) > 0 {
		n := min(len(samples), batchLen)
		w.addSamples(samples[:n])
		samples = samples[n:]
	}
}

// addTotals adds t to the networks and to the capture counters.
func (w *Worker) addTotals(t *packet.Totals) {
	var seen localnets.Counts
	ipv4, ipv6, nonIP := localnets.Counts(t.IPv4), localnets.Counts(t.IPv6), localnets.Counts(t.NonIP)
	sum(&seen, ipv4)
	sum(&seen, ipv6)
	sum(&seen, nonIP)
	sum(&w.ipv4, ipv4)
	sum(&w.ipv6, ipv6)
	sum(&w.nonIP, nonIP)
	for reason, n := range t.Undecoded {
		sum(&seen, localnets.Counts(n))
		sum(&w.undecoded[reason], localnets.Counts(n))
	}
	w.fragments += t.Fragments
	c := &w.capture
	if seen.Packets > 0 {
		if c.Packets == 0 {
			c.First, c.Last = t.First, t.Last
		}
		c.First, c.Last = min(c.First, t.First), max(c.Last, t.Last)
		w.t.advance(min(max(t.Last, -maxTime), maxTime))
	}
	c.Packets += seen.Packets
	c.Bytes += seen.Bytes
	c.CapturedBytes += seen.Bytes // the program sees whole frames

	w.totals = w.totals[:0]
	for i := range t.Networks {
		n := &t.Networks[i]
		total := localnets.Total{
			Src: n.Src, Dst: n.Dst, Broadcast: localnets.Counts(n.Broadcast), AckRTT: n.AckRTT, AckRTTSamples: n.AckRTTSamples,
			TCP: tcpCounts(&n.Health),
		}
		total.TCP.Packets, total.TCP.SYN, total.TCP.SYNACK = n.TCPPackets, n.SYN, n.SYNACK
		for l4, c := range n.L4 {
			total.L4[l4] = localnets.Counts(c)
		}
		w.totals = append(w.totals, total)
	}
	w.t.nets.ApplyTotals(w.t.clock.Load(), w.totals)
}

func tcpCounts(h *packet.Health) localnets.TCPCounts {
	return localnets.TCPCounts{
		Retransmissions: h.Retransmissions, OutOfOrder: h.OutOfOrder, Lost: h.Lost,
		KeepAlives: h.KeepAlives, ZeroWindows: h.ZeroWindows,
	}
}

// addSamples gives a batch of samples to their flows, in the stages of count.
func (w *Worker) addSamples(samples []packet.Sample) {
	newest := -maxTime
	w.ip = w.ip[:0]
	for j := range samples {
		s := &samples[j]
		s.First, s.Last = min(max(s.First, -maxTime), maxTime), min(max(s.Last, -maxTime), maxTime)
		w.hashes[j] = w.t.hasher.key(&s.Key)
		newest = max(newest, s.Last)
		w.ip = append(w.ip, uint16(j))
	}
	w.sort(w.t.shardShift)
	w.t.advance(newest) // as in Worker.count
	w.out.tbl = w.t.nets.Table()
	begin := uint16(0)
	for i, end := range w.ends {
		if end > begin {
			s := &w.t.shards[i]
			order := w.order[begin:end]
			s.mu.Lock()
			s.probe(&w.batch, &w.hand, order)
			s.warm(&w.hand, len(order))
			for k, j := range order {
				s.sample(w, w.found[k], uint32(w.hashes[j]), &samples[j])
			}
			s.mu.Unlock()
		}
		begin = end
	}
	w.out.send(w.t.nets, w.t.clock.Load())
}

// sample gives smp to its flow. found is what probe found for its hash, which ends in frag.
func (s *shard) sample(w *Worker, found, frag uint32, smp *packet.Sample) {
	i, ok := found-1, found != 0
	if ok {
		e := s.hots.at(i)
		ok = same(&e.key, &smp.Key)
	}
	if !ok {
		i, ok = s.find(frag, &smp.Key)
	}
	begins := packet.Meta{Key: smp.Key, Time: smp.First, Dir: smp.Client}
	if !ok {
		if i, ok = s.admit(&w.out, frag, &begins); !ok {
			s.untrackSample(&w.out, smp)
			return
		}
	} else if e := s.hots.at(i); smp.First > e.last {
		// It ended in the kernel and began again: the time between is known.
		if why := w.t.due(e, smp.First); why != 0 {
			s.restart(&w.out, i, &begins, why)
		}
	}
	s.gain(&w.out, i, s.hots.at(i), smp)
}

// gain adds smp to entry i.
func (s *shard) gain(o *outbox, i uint32, e *hot, smp *packet.Sample) {
	s.setClient(i, e, smp.Client)
	c := s.colds.at(i)
	c.first = min(c.first, smp.First)
	e.last = max(e.last, smp.Last)
	if smp.Settled || e.conn == 0 && smp.Packets[0]+smp.Packets[1] > 1 {
		e.bits |= bitSettled
	}
	if smp.Closed {
		e.bits |= bitClosed
	} else if e.conn != 0 {
		e.bits &^= bitClosed // another connection between the same ports
	}
	if smp.Reopened > 0 && c.bits&coldGuessed != 0 {
		e.budget = appBudget(&e.key)
	}
	if c.gen != uint32(o.tbl.Generation()) {
		s.reresolve(o, i, e)
	}
	s.follow(e, smp)
	client := e.client()
	for dir := range uint8(2) {
		d := s.sampleDelta(c.nets, dir, c.app, smp)
		if dir == client {
			d.NewFlows, d.EndedFlows = smp.Reopened, smp.Reopened
			if e.bits&bitAnnounced == 0 {
				d.NewFlows++
			}
			addRTTs(o, d, smp)
		}
		if d.NewFlows != 0 || d.TCP != (localnets.TCPCounts{}) {
			o.deltas = append(o.deltas, d)
		}
		n := localnets.Counts{Packets: smp.Packets[dir], Bytes: smp.Bytes[dir]}
		moveKnown(o, d, n)
		sum(&n, c.folded(dir))
		c.setFolded(dir, n)
	}
	e.bits |= bitAnnounced
}

// sampleDelta is what smp showed of the TCP connection in direction dir.
func (s *shard) sampleDelta(nets [2]int32, dir uint8, app uint16, smp *packet.Sample) localnets.Delta {
	return localnets.Delta{
		Src: nets[dir], Dst: nets[dir^1], L4: localnets.L4Of(smp.Key.Proto), App: app, TCP: tcpCounts(&smp.Health[dir]),
	}
}

// moveKnown takes n, which the totals hold as Unknown, into the application of d.
func moveKnown(o *outbox, d localnets.Delta, n localnets.Counts) {
	if d.App == uint16(apps.Unknown) || n == (localnets.Counts{}) {
		return
	}
	o.deltas = append(o.deltas, localnets.Delta{
		Src: d.Src, Dst: d.Dst, L4: d.L4, App: d.App, Counts: n, Move: true, FromApp: uint16(apps.Unknown),
	})
}

// addRTTs credits the handshakes of smp, each as the mean of those that came together. d is the delta of
// the client's direction.
func addRTTs(o *outbox, d localnets.Delta, smp *packet.Sample) {
	d = localnets.Delta{Src: d.Src, Dst: d.Dst, L4: d.L4, App: d.App}
	for k := range max(smp.ServerRTTSamples, smp.ClientRTTSamples) {
		d.ServerRTT, d.ClientRTT = part(smp.ServerRTT, smp.ServerRTTSamples, k), part(smp.ClientRTT, smp.ClientRTTSamples, k)
		o.deltas = append(o.deltas, d)
	}
}

// part is the k-th of n whole parts that sum to total; 0 beyond them.
func part(total int64, n, k uint32) int64 {
	switch {
	case k >= n:
		return 0
	case k == 0:
		return total - total/int64(n)*int64(n-1)
	}
	return total / int64(n)
}

// follow keeps what smp says of the TCP connection of e for readers of the flow.
func (s *shard) follow(e *hot, smp *packet.Sample) {
	if e.conn == 0 {
		return
	}
	c := s.conns.at(e.conn - 1)
	c.bits |= connSummed
	c.flags[0] |= smp.TCPFlags[0]
	c.flags[1] |= smp.TCPFlags[1]
	if smp.Reopened > 0 {
		c.flags = smp.TCPFlags
		c.serverRTT, c.clientRTT = 0, 0
	}
	if n := smp.ServerRTTSamples; n > 0 {
		c.serverRTT = uint32(part(smp.ServerRTT, n, 0) / 1000)
	}
	if n := smp.ClientRTTSamples; n > 0 {
		c.clientRTT = uint32(part(smp.ClientRTT, n, 0) / 1000)
	}
	if smp.Health == [2]packet.Health{} {
		return
	}
	h := s.record(c)
	if h == nil {
		return // the networks have it
	}
	for dir := range smp.Health {
		from, to := &smp.Health[dir], &h.folded[dir]
		saturating(&to[retransmission], uint32(from.Retransmissions))
		saturating(&to[outOfOrder], uint32(from.OutOfOrder))
		saturating(&to[keepAlive], uint32(from.KeepAlives))
		saturating(&to[zeroWindow], uint32(from.ZeroWindows))
		saturating(&to[foldedLost], uint32(from.Lost))
	}
}

// untrackSample gives smp, which found no entry, to its networks: the totals have its packets, and lack
// its application and its TCP health.
func (s *shard) untrackSample(o *outbox, smp *packet.Sample) {
	e := hot{key: smp.Key}
	e.setClient(smp.Client)
	var c cold
	c.resolve(o.tbl, &e.key)
	app := guess(&e)
	for dir := range uint8(2) {
		n := localnets.Counts{Packets: smp.Packets[dir], Bytes: smp.Bytes[dir]}
		sum(&s.untracked, n)
		d := s.sampleDelta(c.nets, dir, app, smp)
		if d.TCP != (localnets.TCPCounts{}) {
			o.deltas = append(o.deltas, d)
		}
		moveKnown(o, d, n)
	}
	o.touch(&e, &c, smp.Last)
}

// uncounted counts the TCP flags of m, of a connection that samples describe.
func (s *shard) uncounted(o *outbox, i uint32, e *hot, c *conn, m *packet.Meta) {
	dir := m.Dir & 1
	switch {
	case m.Flags&packet.FlagTCP == 0:
		c.noHeader[dir]++
	case m.TCPFlags&(packet.TCPSyn|packet.TCPRst) != packet.TCPSyn:
	case m.TCPFlags&packet.TCPAck != 0:
		c.syns[dir] += 1 << 4
	default:
		c.syns[dir]++
	}
	if c.syns[dir]&0x0f == 0x0f || c.syns[dir]>>4 == 0x0f {
		s.emit(o, i, e, 0)
	}
}

// Classify shows payloads to the detectors of application protocols, and sets their Key and Done. Their
// packets are counted elsewhere. A flow that is not in the table yet begins.
func (w *Worker) Classify(payloads []packet.Payload) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range payloads {
		w.out.tbl = w.t.nets.Table()
		w.classifyOne(&payloads[i])
	}
	w.out.send(w.t.nets, w.t.clock.Load())
}

func (w *Worker) classifyOne(p *packet.Payload) {
	m, f := &w.metas[0], &p.Frame
	w.t.cfg.Decoder.Decode(f, m)
	p.Key, p.Done = m.Key, false
	if m.Class != packet.ClassIP || m.PayloadEnd <= m.PayloadOff || int(m.PayloadEnd) > len(f.Data) {
		return
	}
	m.Time = min(max(m.Time, -maxTime), maxTime)
	h := w.t.hasher.key(&m.Key)
	s := &w.t.shards[h>>w.t.shardShift]
	s.mu.Lock()
	defer s.mu.Unlock()
	i, ok := s.find(uint32(h), &m.Key)
	if !ok {
		begins := *m
		begins.Dir = p.Client
		if i, ok = s.admit(&w.out, uint32(h), &begins); !ok {
			return
		}
		s.mark(i, s.hots.at(i)) // so that its beginning is told
	}
	e := s.hots.at(i)
	s.setClient(i, e, p.Client)
	if e.budget != 0 {
		s.classify(&w.hand, i, e, m, f.Data[m.PayloadOff:m.PayloadEnd])
	}
	p.Done = e.budget == 0
}
