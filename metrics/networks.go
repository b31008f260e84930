package metrics

import (
	"slices"
	"strconv"
	"strings"

	"github.com/netmond/netmond/alerts"
	"github.com/netmond/netmond/localnets"
)

// A row is what a scrape shows of one network.
type row struct {
	*localnets.NetworkStats
	cidr   string
	alerts alerts.View
}

// rows are the networks of v by CIDR, as series are sorted.
func rows(v *View) []row {
	if v.Snapshot == nil {
		return nil
	}
	list := make([]row, len(v.Snapshot.Nets.Networks))
	for i := range list {
		n := &v.Snapshot.Nets.Networks[i]
		list[i] = row{NetworkStats: n, cidr: n.Prefix.String()}
		if v.Alerts != nil && v.Network != nil {
			list[i].alerts = v.Network(list[i].cidr)
		}
	}
	slices.SortFunc(list, func(a, b row) int { return strings.Compare(a.cidr, b.cidr) })
	return list
}

// A dimension is a label with few values, which are the same for every network.
type dimension struct {
	label  string
	values []string
	sorted []int // indexes of values
}

func newDimension(label string, values ...string) *dimension {
	d := &dimension{label: label, values: values}
	for i := range values {
		d.sorted = append(d.sorted, i)
	}
	slices.SortFunc(d.sorted, func(a, b int) int { return strings.Compare(values[a], values[b]) })
	return d
}

var (
	noDimension = newDimension("", "")
	directions  = newDimension("direction", stringsOf(localnets.NumDirections)...)
	protocols   = newDimension("protocol", stringsOf(localnets.NumL4)...)
	rttSides    = newDimension("side", "server", "client", "ack")
	scoreSides  = newDimension("side", "client", "server")
)

// stringsOf are the names of the values below n.
func stringsOf[T interface {
	~uint8
	String() string
}](n T) (list []string) {
	for i := range n {
		list = append(list, i.String())
	}
	return list
}

// A networkFamily is a family with the same series for every network. Labels sort by name, and so do series:
// there is one dimension before the label network, and one after it.
type networkFamily struct {
	id            familyID
	before, after *dimension
	value         func(n *row, before, after int) float64
	samples       func(n *row, before, after int) uint64 // of a summary, whose sum is value
	ofAlerts      bool                                   // there with alerts
}

var networkFamilies = func() []networkFamily {
	plain := func(id familyID, value func(*row) float64) networkFamily {
		return networkFamily{id: id, before: noDimension, after: noDimension, value: func(n *row, _, _ int) float64 { return value(n) }}
	}
	directed := func(id familyID, value func(n *row, d int) uint64) networkFamily {
		return networkFamily{id: id, before: directions, after: noDimension, value: func(n *row, d, _ int) float64 { return float64(value(n, d)) }}
	}
	l4 := func(id familyID, value func(c *localnets.Counts) uint64) networkFamily {
		return networkFamily{id: id, before: directions, after: protocols, value: func(n *row, d, l4 int) float64 { return float64(value(&n.L4[d][l4])) }}
	}
	score := networkFamily{id: networkScore, before: noDimension, after: scoreSides, ofAlerts: true, value: func(n *row, _, side int) float64 {
		return [...]float64{n.alerts.ScoreClient, n.alerts.ScoreServer}[side]
	}}
	engaged := plain(networkAlertsEngaged, func(n *row) float64 { return float64(n.alerts.Engaged) })
	engaged.ofAlerts = true
	return []networkFamily{
		l4(networkBytes, func(c *localnets.Counts) uint64 { return c.Bytes }),
		l4(networkPackets, func(c *localnets.Counts) uint64 { return c.Packets }),
		directed(networkBroadcastBytes, func(n *row, d int) uint64 { return n.Broadcast[d].Bytes }),
		directed(networkBroadcastPackets, func(n *row, d int) uint64 { return n.Broadcast[d].Packets }),
		directed(networkTCPPackets, func(n *row, d int) uint64 { return n.TCP[d].Packets }),
		directed(networkTCPRetransmissions, func(n *row, d int) uint64 { return n.TCP[d].Retransmissions }),
		directed(networkTCPOutOfOrder, func(n *row, d int) uint64 { return n.TCP[d].OutOfOrder }),
		directed(networkTCPLost, func(n *row, d int) uint64 { return n.TCP[d].Lost }),
		directed(networkTCPKeepAlives, func(n *row, d int) uint64 { return n.TCP[d].KeepAlives }),
		directed(networkTCPZeroWindows, func(n *row, d int) uint64 { return n.TCP[d].ZeroWindows }),
		directed(networkTCPSYN, func(n *row, d int) uint64 { return n.TCP[d].SYN }),
		directed(networkTCPSYNACK, func(n *row, d int) uint64 { return n.TCP[d].SYNACK }),
		plain(networkHosts, func(n *row) float64 { return float64(n.Hosts) }),
		plain(networkHostsCapped, func(n *row) float64 { return boolean(n.HostsCapped) }),
		plain(networkHostsSeen, func(n *row) float64 { return float64(n.NewHosts) }),
		plain(networkFlows, func(n *row) float64 { return float64(n.FlowsActive) }),
		plain(networkFlowsStarted, func(n *row) float64 { return float64(n.Flows) }),
		plain(networkFlowsClient, func(n *row) float64 { return float64(n.FlowsClient) }),
		plain(networkFlowsServer, func(n *row) float64 { return float64(n.FlowsServer) }),
		plain(networkLastSeen, func(n *row) float64 { return unixSeconds(n.LastSeen) }),
		{
			id: networkRTT, before: noDimension, after: rttSides,
			value: func(n *row, _, side int) float64 {
				return float64([...]int64{n.RTT.ServerSum, n.RTT.ClientSum, n.RTT.AckSum}[side]) / 1e9
			},
			samples: func(n *row, _, side int) uint64 {
				return [...]uint64{n.RTT.ServerSamples, n.RTT.ClientSamples, n.RTT.AckSamples}[side]
			},
		},
		score, engaged,
	}
}()

// info is the labels of networkInfo beside the network.
func (n *row) info() (name, id string) {
	name = n.Alias
	if name == "" {
		name = n.Name
	}
	return clean(name), strconv.Itoa(int(n.ID))
}

// networks gives the families of networkFamilies and networkInfo.
func (e *emitter) networks(list []row, withAlerts bool) {
	for i := range list {
		n := &list[i]
		e.networkInfo(n)
		for k := range networkFamilies {
			if f := &networkFamilies[k]; !f.ofAlerts || withAlerts {
				e.networkFamily(f, n)
			}
		}
	}
}

func (e *emitter) networkInfo(n *row) {
	name, id := n.info()
	e.value(networkInfo, 1, n.cidr, name, id)
}

func (e *emitter) networkFamily(f *networkFamily, n *row) {
	for b, before := range f.before.values {
		for a, after := range f.after.values {
			labels := []string{n.cidr}
			if f.before != noDimension {
				labels = append(labels, before)
			}
			if f.after != noDimension {
				labels = append(labels, after)
			}
			if f.samples != nil {
				e.summary(f.id, f.value(n, b, a), f.samples(n, b, a), labels...)
			} else {
				e.value(f.id, f.value(n, b, a), labels...)
			}
		}
	}
}
