package report

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/netmond/netmond/apps"
	"github.com/netmond/netmond/flows"
	"github.com/netmond/netmond/localnets"
	"github.com/netmond/netmond/web/query"
)

// Host is a host as the API shows it.
type Host struct {
	Address         string   `json:"address"`
	HostName        string   `json:"host_name,omitempty"` // where it was asked for
	Network         string   `json:"network"`
	Alias           string   `json:"alias"` // of the network, or empty
	Local           bool     `json:"local"`
	BytesSent       uint64   `json:"bytes_sent"`
	BytesReceived   uint64   `json:"bytes_received"`
	PacketsSent     uint64   `json:"packets_sent"`
	PacketsReceived uint64   `json:"packets_received"`
	FlowsClient     uint64   `json:"flows_client"`
	FlowsServer     uint64   `json:"flows_server"`
	Apps            []string `json:"apps"`
	Last            *string  `json:"last"`
	Place
}

// A HostSum sums up the flows of a host.
type HostSum struct {
	Addr           netip.Addr
	Network        int32 // its ID, or localnets.NoNetwork
	sent, received localnets.Counts
	client, server uint64
	last           int64
	apps           []apps.ID // in order
}

// maxHostApps is how many of a host's applications are named.
const maxHostApps = 8

// AddClient counts a flow that the host began.
func (h *HostSum) AddClient(f *flows.Flow) {
	h.client++
	h.add(&f.FromClient, &f.FromServer, f)
}

// AddServer counts a flow to the host.
func (h *HostSum) AddServer(f *flows.Flow) {
	h.server++
	h.add(&f.FromServer, &f.FromClient, f)
}

func (h *HostSum) add(sent, received *flows.FlowDirection, f *flows.Flow) {
	h.sent.Packets += sent.Packets
	h.sent.Bytes += sent.Bytes
	h.received.Packets += received.Packets
	h.received.Bytes += received.Bytes
	h.last = max(h.last, f.Last)
	switch at, found := slices.BinarySearch(h.apps, f.App); {
	case found:
	case len(h.apps) < maxHostApps:
		h.apps = slices.Insert(h.apps, at, f.App)
	case at < maxHostApps: // the first IDs stay, in whatever order flows come
		copy(h.apps[at+1:], h.apps[at:])
		h.apps[at] = f.App
	}
}

// HostOrders are the orders of hosts, smallest first.
var HostOrders = map[string]func(a, b *HostSum) int{
	"bytes": func(a, b *HostSum) int {
		return cmp.Compare(a.sent.Bytes+a.received.Bytes, b.sent.Bytes+b.received.Bytes)
	},
	"bytes_sent":       func(a, b *HostSum) int { return cmp.Compare(a.sent.Bytes, b.sent.Bytes) },
	"bytes_received":   func(a, b *HostSum) int { return cmp.Compare(a.received.Bytes, b.received.Bytes) },
	"packets_sent":     func(a, b *HostSum) int { return cmp.Compare(a.sent.Packets, b.sent.Packets) },
	"packets_received": func(a, b *HostSum) int { return cmp.Compare(a.received.Packets, b.received.Packets) },
	"flows":            func(a, b *HostSum) int { return cmp.Compare(a.client+a.server, b.client+b.server) },
	"flows_client":     func(a, b *HostSum) int { return cmp.Compare(a.client, b.client) },
	"flows_server":     func(a, b *HostSum) int { return cmp.Compare(a.server, b.server) },
	"last":             func(a, b *HostSum) int { return cmp.Compare(a.last, b.last) },
	"address":          func(a, b *HostSum) int { return a.Addr.Compare(b.Addr) },
}

// HostTie orders hosts that an order leaves equal.
func HostTie(a, b *HostSum) int { return a.Addr.Compare(b.Addr) }

// Record fills r, whose Ends have one place.
func (h *HostSum) Record(r *query.Record, now int64) {
	r.Ends[0] = query.End{Addr: h.Addr, Network: h.Network}
	r.Apps = r.Apps[:0]
	for _, a := range h.apps {
		r.Apps = append(r.Apps, a.String())
	}
	n := &r.Numbers
	n[query.Bytes], n[query.Packets] = float64(h.sent.Bytes+h.received.Bytes), float64(h.sent.Packets+h.received.Packets)
	n[query.BytesSent], n[query.BytesReceived] = float64(h.sent.Bytes), float64(h.received.Bytes)
	n[query.FlowCount], n[query.Age] = float64(h.client+h.server), float64(now-h.last)/1e9
}

// JSON is the host as the API shows it. places may be nil.
func (h *HostSum) JSON(nets *localnets.Snapshot, places func(netip.Addr) Place) Host {
	j := Host{
		Address: h.Addr.String(), Network: CIDROf(h.Network, nets), Alias: AliasOf(h.Network, nets), Local: h.Network != localnets.NoNetwork,
		BytesSent: h.sent.Bytes, BytesReceived: h.received.Bytes, PacketsSent: h.sent.Packets, PacketsReceived: h.received.Packets,
		FlowsClient: h.client, FlowsServer: h.server, Apps: []string{}, Last: CaptureTime(h.last), Place: placeOf(h.Addr, places),
	}
	for _, a := range h.apps {
		j.Apps = append(j.Apps, a.String())
	}
	slices.Sort(j.Apps)
	return j
}
