package engine

import (
	"github.com/netmond/netmond/alerts"
	"github.com/netmond/netmond/localnets"
)

// leastNetwork is fewer than the bytes of an idle network, so that a claimed number of networks is
// bounded by the message.
const leastNetwork = 100

// snapshotMsg is what the scripts of a run see.
type snapshotMsg struct {
	Period alerts.Periodicity
	Now    int64 // ns since the Unix epoch
	Snap   localnets.Snapshot
	Views  []networkView // of networks with an alert
}

type networkView struct {
	Net  int32
	View alerts.View
}

func (m *snapshotMsg) fields(c *codec) {
	if c.reading {
		c.names = make(map[string]string)
	}
	number(c, &m.Period)
	c.int(&m.Now)
	s := &m.Snap
	c.int(&s.Time)
	c.uint(&s.Generation)
	for i := range s.Scopes {
		c.counts(&s.Scopes[i])
	}
	list(c, &s.Networks, leastNetwork, (*codec).network)
	list(c, &s.Matrix, 4, func(c *codec, cell *localnets.Cell) {
		number(c, &cell.Src)
		number(c, &cell.Dst)
		c.counts(&cell.Counts)
	})
	for d := range s.Removed {
		c.counts(&s.Removed[d])
	}
	c.counts(&s.MatrixOther)
	number(c, &s.Hosts)
	c.uint(&s.HostsRefused)
	list(c, &m.Views, 6, (*codec).view)
}

func (c *codec) view(v *networkView) {
	number(c, &v.Net)
	number(c, &v.View.Engaged)
	c.float(&v.View.ScoreClient)
	c.float(&v.View.ScoreServer)
	c.uint(&v.View.AlertedFlowsClient)
	c.uint(&v.View.AlertedFlowsServer)
}

func (c *codec) counts(p *localnets.Counts) {
	c.uint(&p.Packets)
	c.uint(&p.Bytes)
}

func (c *codec) network(n *localnets.NetworkStats) {
	number(c, &n.ID)
	c.prefix(&n.Prefix)
	c.string(&n.Name)
	c.string(&n.Alias)
	for d := range n.Traffic {
		c.counts(&n.Traffic[d])
		for l := range n.L4[d] {
			c.counts(&n.L4[d][l])
		}
		c.counts(&n.Broadcast[d])
		t := &n.TCP[d]
		for _, p := range [...]*uint64{&t.Packets, &t.Retransmissions, &t.OutOfOrder, &t.Lost, &t.KeepAlives, &t.ZeroWindows, &t.SYN, &t.SYNACK} {
			c.uint(p)
		}
	}
	list(c, &n.Protocols, 7, func(c *codec, p *localnets.ProtocolCounts) {
		c.string(&p.Name)
		for d := range p.ByDirection {
			c.counts(&p.ByDirection[d])
		}
	})
	number(c, &n.Hosts)
	c.bool(&n.HostsCapped)
	c.uint(&n.NewHosts)
	c.uint(&n.Flows)
	c.int(&n.FlowsActive)
	c.uint(&n.FlowsClient)
	c.uint(&n.FlowsServer)
	c.int(&n.LastSeen)
	r := &n.RTT
	for _, p := range [...]*int64{&r.EWMAMillis, &r.ServerSum, &r.ClientSum, &r.AckSum, &r.Min, &r.Max} {
		c.int(p)
	}
	for _, p := range [...]*uint64{&r.ServerSamples, &r.ClientSamples, &r.AckSamples} {
		c.uint(p)
	}
	c.float(&n.ThroughputBytes)
	c.float(&n.ThroughputPackets)
	number(c, &n.ThroughputBytesTrend)
	number(c, &n.ThroughputPacketsTrend)
	for _, m := range [...]*localnets.MinuteCounters{&n.Minute, &n.CurrentMinute} {
		for _, p := range [...]*uint64{&m.SYNReceived, &m.SYNACKSent, &m.SYNPeak, &m.NewFlowsServer, &m.NewFlowsPeak, &m.NewHosts} {
			c.uint(p)
		}
	}
}
