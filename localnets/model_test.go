package localnets_test

import (
	"cmp"
	"slices"
	"time"

	"github.com/netmond/netmond/localnets"
)

// model is the slow reference: it keeps all that a Registry was told and works each figure out from
// the whole history when asked, one sum at a time.
type model struct {
	cfg    localnets.Config
	list   []localnets.Network
	deltas []event
	hosts  []hostEvent

	clock     int64
	started   bool
	minute    int64
	tick      int   // effective ticks so far
	tickTime  int64 // of the last one
	intervals []int64
	lengths   []float64 // seconds, of complete intervals
}

// event is a delta and when it came.
type event struct {
	localnets.Delta
	minute   int64
	tick     int
	interval int // complete intervals of rates before it; -1 before the first tick
	clock    int64
}

type hostEvent struct {
	localnets.HostTouch
	minute int64
}

func (m *model) apply(now int64, deltas []localnets.Delta) {
	if len(deltas) > 0 {
		m.advance(now)
	}
	interval := len(m.lengths)
	if m.tick == 0 {
		interval = -1
	}
	for _, d := range deltas {
		m.deltas = append(m.deltas, event{Delta: d, minute: m.minute, tick: m.tick, interval: interval, clock: m.clock})
	}
}

func (m *model) touch(ts []localnets.HostTouch) {
	for _, t := range ts {
		m.hosts = append(m.hosts, hostEvent{t, m.minute})
	}
}

// advance moves the clock. The minute of what is folded at a boundary is the one that ends there.
func (m *model) advance(now int64) {
	if !m.started {
		m.started, m.clock = true, now
		m.minute = time.Unix(0, now-1).Truncate(time.Minute).Unix() / 60
		for i := range m.hosts { // touched before there was a clock
			m.hosts[i].minute = m.minute
		}
	}
	m.clock = max(m.clock, now)
}

func (m *model) doTick(now int64) {
	if m.tick > 0 && now <= m.tickTime {
		return
	}
	m.advance(now)
	if m.tick == 0 {
		m.intervals = []int64{now}
	}
	m.tick++
	m.tickTime = now
	if begin := m.intervals[len(m.intervals)-1]; now-begin >= 5e9 {
		m.intervals = append(m.intervals, now)
		m.lengths = append(m.lengths, float64(now-begin)/1e9)
	}
	m.minute = max(m.minute, now/60e9)
}

func (m *model) local(id int32) bool { return id >= 0 && int(id) < len(m.list) }

// at reports whether d is traffic of network id in direction dir.
func at(d *localnets.Delta, id int32, dir localnets.Direction) bool {
	switch dir {
	case localnets.Inner:
		return d.Src == id && d.Dst == id
	case localnets.Egress:
		return d.Src == id && d.Dst != id
	default:
		return d.Dst == id && d.Src != id
	}
}

// sum adds the counts of the traffic that keep wants.
func (m *model) sum(keep func(e *event) bool) localnets.Counts {
	var c localnets.Counts
	for i := range m.deltas {
		if e := &m.deltas[i]; !e.Move && keep(e) {
			c.Packets += e.Counts.Packets
			c.Bytes += e.Counts.Bytes
		}
	}
	return c
}

func (m *model) snapshot() *localnets.Snapshot {
	s := &localnets.Snapshot{Time: m.clock, Generation: 1}
	s.Scopes[localnets.ScopeInbound] = m.sum(func(e *event) bool { return !m.local(e.Src) && m.local(e.Dst) })
	s.Scopes[localnets.ScopeOutbound] = m.sum(func(e *event) bool { return m.local(e.Src) && !m.local(e.Dst) })
	s.Scopes[localnets.ScopeInternal] = m.sum(func(e *event) bool { return m.local(e.Src) && m.local(e.Dst) })
	s.Scopes[localnets.ScopeTransit] = m.sum(func(e *event) bool { return !m.local(e.Src) && !m.local(e.Dst) })
	m.matrix(s)
	for _, n := range m.list {
		s.Networks = append(s.Networks, m.network(n))
	}
	m.hostCounts(s)
	return s
}

func (m *model) matrix(s *localnets.Snapshot) {
	for i := range m.deltas {
		d := &m.deltas[i].Delta
		if d.Move || d.Src == d.Dst || !m.local(d.Src) || !m.local(d.Dst) || d.Counts == (localnets.Counts{}) && d.TCP == (localnets.TCPCounts{}) {
			continue
		}
		j := slices.IndexFunc(s.Matrix, func(c localnets.Cell) bool { return c.Src == d.Src && c.Dst == d.Dst })
		var c *localnets.Counts
		switch {
		case j >= 0:
			c = &s.Matrix[j].Counts
		case len(s.Matrix) < m.cfg.MaxMatrixCells:
			s.Matrix = append(s.Matrix, localnets.Cell{Src: d.Src, Dst: d.Dst})
			c = &s.Matrix[len(s.Matrix)-1].Counts
		default:
			c = &s.MatrixOther
		}
		c.Packets += d.Counts.Packets
		c.Bytes += d.Counts.Bytes
	}
	slices.SortFunc(s.Matrix, func(a, b localnets.Cell) int {
		return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), cmp.Compare(a.Src, b.Src), cmp.Compare(a.Dst, b.Dst))
	})
}

func (m *model) network(nw localnets.Network) localnets.NetworkStats {
	n := localnets.NetworkStats{Network: nw}
	id := nw.ID
	for dir := range localnets.NumDirections {
		n.Traffic[dir] = m.sum(func(e *event) bool { return at(&e.Delta, id, dir) })
		for l4 := range localnets.NumL4 {
			n.L4[dir][l4] = m.sum(func(e *event) bool { return at(&e.Delta, id, dir) && min(e.L4, localnets.L4Other) == l4 })
		}
		n.Broadcast[dir] = m.sum(func(e *event) bool { return at(&e.Delta, id, dir) && e.DstBroadcast })
		for i := range m.deltas {
			e := &m.deltas[i]
			if !e.Move && at(&e.Delta, id, dir) {
				addTCP(&n.TCP[dir], e.TCP)
				if e.Counts != (localnets.Counts{}) || e.TCP != (localnets.TCPCounts{}) {
					n.LastSeen = max(n.LastSeen, e.clock)
				}
			}
		}
	}
	m.protocols(&n)
	m.rates(&n)
	n.CurrentMinute = m.minuteCounters(id, m.minute)
	n.Minute = m.minuteCounters(id, m.minute-1)
	for i := range m.deltas {
		e := &m.deltas[i]
		if e.Move {
			continue
		}
		if e.Src == id {
			n.FlowsClient += uint64(e.NewFlows)
			handshake(&n.RTT, &n.RTT.ClientSum, &n.RTT.ClientSamples, e.ClientRTT, e.Dst == id, e.ServerRTT)
		} else if e.Dst == id {
			handshake(&n.RTT, &n.RTT.ServerSum, &n.RTT.ServerSamples, e.ServerRTT, false, 0)
		}
		if e.Dst == id {
			n.FlowsServer += uint64(e.NewFlows)
			if e.AckRTT > 0 && e.AckRTTSamples > 0 {
				n.RTT.AckSum += e.AckRTT
				n.RTT.AckSamples += uint64(e.AckRTTSamples)
			}
		}
		if e.Src == id || e.Dst == id {
			n.Flows += uint64(e.NewFlows)
			n.FlowsActive += int64(e.NewFlows) - int64(e.EndedFlows)
		}
	}
	return n
}

func addTCP(c *localnets.TCPCounts, d localnets.TCPCounts) {
	c.Packets += d.Packets
	c.Retransmissions += d.Retransmissions
	c.OutOfOrder += d.OutOfOrder
	c.Lost += d.Lost
	c.KeepAlives += d.KeepAlives
	c.ZeroWindows += d.ZeroWindows
	c.SYN += d.SYN
	c.SYNACK += d.SYNACK
}

// handshake takes a sample in its role; with both ends in the network, the server's comes first.
func handshake(r *localnets.RTT, sum *int64, samples *uint64, ns int64, both bool, server int64) {
	if both {
		handshake(r, &r.ServerSum, &r.ServerSamples, server, false, 0)
	}
	if ns <= 0 || ns > 5e9 {
		return
	}
	first := r.ServerSamples+r.ClientSamples == 0
	*sum += ns
	*samples++
	if r.Max = max(r.Max, ns); first || ns < r.Min {
		r.Min = ns
	}
	if ms := ns / 1e6; r.EWMAMillis == 0 {
		r.EWMAMillis = ms
	} else {
		r.EWMAMillis = (15*ms + 85*r.EWMAMillis) / 100
	}
}

// protocols replays traffic and moves in order.
func (m *model) protocols(n *localnets.NetworkStats) {
	name := func(app uint16) string {
		if int(app) < len(m.cfg.AppNames) {
			return m.cfg.AppNames[app]
		}
		return m.cfg.AppNames[0]
	}
	by := map[string]*[localnets.NumDirections]localnets.Counts{}
	get := func(app string) *[localnets.NumDirections]localnets.Counts {
		if by[app] == nil {
			by[app] = new([localnets.NumDirections]localnets.Counts)
		}
		return by[app]
	}
	for i := range m.deltas {
		d := &m.deltas[i].Delta
		for dir := range localnets.NumDirections {
			if !at(d, n.ID, dir) {
				continue
			}
			c := d.Counts
			if d.Move {
				from := &get(name(d.FromApp))[dir]
				c.Packets, c.Bytes = min(c.Packets, from.Packets), min(c.Bytes, from.Bytes)
				from.Packets -= c.Packets
				from.Bytes -= c.Bytes
			}
			to := &get(name(d.App))[dir]
			to.Packets += c.Packets
			to.Bytes += c.Bytes
		}
	}
	for app, c := range by {
		if *c != ([localnets.NumDirections]localnets.Counts{}) {
			n.Protocols = append(n.Protocols, localnets.ProtocolCounts{Name: app, ByDirection: *c})
		}
	}
	slices.SortFunc(n.Protocols, func(a, b localnets.ProtocolCounts) int {
		return cmp.Or(cmp.Compare(sumBytes(b.ByDirection), sumBytes(a.ByDirection)), cmp.Compare(a.Name, b.Name))
	})
}

func sumBytes(c [localnets.NumDirections]localnets.Counts) uint64 {
	return c[localnets.Ingress].Bytes + c[localnets.Egress].Bytes + c[localnets.Inner].Bytes
}

func (m *model) rates(n *localnets.NetworkStats) {
	rate := func(interval int) (bytes, packets float64) {
		c := m.sum(func(e *event) bool { return e.interval == interval && (e.Src == n.ID || e.Dst == n.ID) })
		return float64(c.Bytes) / m.lengths[interval], float64(c.Packets) / m.lengths[interval]
	}
	last := len(m.lengths) - 1
	if last < 0 {
		return
	}
	n.ThroughputBytes, n.ThroughputPackets = rate(last)
	if last < 1 {
		return
	}
	bytes, packets := rate(last - 1)
	compare := map[int]localnets.Trend{-1: localnets.TrendDown, 0: localnets.TrendStable, 1: localnets.TrendUp}
	n.ThroughputBytesTrend = compare[cmp.Compare(n.ThroughputBytes, bytes)]
	n.ThroughputPacketsTrend = compare[cmp.Compare(n.ThroughputPackets, packets)]
}

func (m *model) minuteCounters(id int32, minute int64) localnets.MinuteCounters {
	var c localnets.MinuteCounters
	syn, flows := map[int]uint64{}, map[int]uint64{} // by fold interval
	for i := range m.deltas {
		e := &m.deltas[i]
		if e.Move || e.minute != minute {
			continue
		}
		if e.Src == id {
			c.SYNACKSent += e.TCP.SYNACK
		}
		if e.Dst == id {
			c.SYNReceived += e.TCP.SYN
			c.NewFlowsServer += uint64(e.NewFlows)
			syn[e.tick] += e.TCP.SYN
			flows[e.tick] += uint64(e.NewFlows)
		}
	}
	for tick := range syn {
		c.SYNPeak = max(c.SYNPeak, syn[tick])
		c.NewFlowsPeak = max(c.NewFlowsPeak, flows[tick])
	}
	return c
}

// hostCounts replays touches; hosts never go here (no idle timeout).
func (m *model) hostCounts(s *localnets.Snapshot) {
	type host struct {
		addr [16]byte
		is4  bool
	}
	seen := map[host]bool{}
	for _, e := range m.hosts {
		h := host{e.Addr, e.Is4}
		if !m.local(e.Net) || seen[h] {
			continue
		}
		n := &s.Networks[e.Net]
		if len(seen) >= m.cfg.MaxHosts {
			s.HostsRefused++
			n.HostsCapped = true
			continue
		}
		seen[h] = true
		s.Hosts++
		n.Hosts++
		n.NewHosts++
		switch e.minute {
		case m.minute:
			n.CurrentMinute.NewHosts++
		case m.minute - 1:
			n.Minute.NewHosts++
		}
	}
}
