package report

import (
	"cmp"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/netmond/netmond/flows"
	"github.com/netmond/netmond/localnets"
	"github.com/netmond/netmond/packet"
	"github.com/netmond/netmond/web/query"
)

// End is an end of a flow, as the API shows it.
type End struct {
	Address  string `json:"address"`
	Port     uint16 `json:"port"`
	Network  string `json:"network"`             // CIDR of its local network, or empty
	Alias    string `json:"alias"`               // of the network, or empty
	HostName string `json:"host_name,omitempty"` // of the address, where it was asked for
	Place
}

// A Place tells where an address is. What is unknown, or has no database, is left out.
type Place struct {
	ASN     uint32 `json:"asn,omitempty"` // number of the autonomous system
	AS      string `json:"as_name,omitempty"`
	Country string `json:"country,omitempty"` // code of two letters
}

// FlowDirection is what one end of a flow sent.
type FlowDirection struct {
	Packets         uint64 `json:"packets"`
	Bytes           uint64 `json:"bytes"`
	TCPFlags        string `json:"tcp_flags"`
	Retransmissions uint32 `json:"retransmissions"`
	OutOfOrder      uint32 `json:"out_of_order"`
	Lost            uint32 `json:"lost"`
	KeepAlives      uint32 `json:"keep_alives"`
	ZeroWindows     uint32 `json:"zero_windows"`
}

// Flow is a flow as the API shows it.
type Flow struct {
	Client     End           `json:"client"`
	Server     End           `json:"server"`
	Protocol   string        `json:"protocol"`
	VLAN       uint16        `json:"vlan"`
	App        string        `json:"app"`
	ServerName string        `json:"server_name"`
	State      string        `json:"state"`
	First      *string       `json:"first"`
	Last       *string       `json:"last"`
	FromClient FlowDirection `json:"from_client"`
	FromServer FlowDirection `json:"from_server"`
	ServerRTT  *float64      `json:"server_rtt_ms"`
	ClientRTT  *float64      `json:"client_rtt_ms"`
}

// ProtocolName is an IP protocol as filters take it.
func ProtocolName(n uint8) string {
	switch n {
	case 6:
		return "tcp"
	case 17:
		return "udp"
	case 132:
		return "sctp"
	case 1:
		return "icmp"
	case 58:
		return "icmp6"
	case 47:
		return "gre"
	case 50:
		return "esp"
	case 51:
		return "ah"
	case 2:
		return "igmp"
	case 89:
		return "ospf"
	}
	return strconv.Itoa(int(n))
}

var tcpFlagNames = []struct {
	bit  uint8
	name byte
}{{packet.TCPSyn, 'S'}, {packet.TCPAck, 'A'}, {packet.TCPPsh, 'P'}, {packet.TCPFin, 'F'}, {packet.TCPRst, 'R'}, {packet.TCPUrg, 'U'}}

func tcpFlags(flags uint8) string {
	var b strings.Builder
	for _, f := range tcpFlagNames {
		if flags&f.bit != 0 {
			b.WriteByte(f.name)
		}
	}
	return b.String()
}

// FlowRecord fills r, whose Ends have two places, from f.
func FlowRecord(r *query.Record, f *flows.Flow, now int64) {
	r.Ends[0] = query.End{Addr: f.Client.Addr(), Port: f.Client.Port(), Network: f.ClientNetwork}
	r.Ends[1] = query.End{Addr: f.Server.Addr(), Port: f.Server.Port(), Network: f.ServerNetwork}
	r.Proto, r.VLAN, r.App, r.Name, r.State = f.Key.Proto, f.Key.VLAN, f.App.String(), f.ServerName, f.State.String()
	a, b := &f.FromClient, &f.FromServer
	n := &r.Numbers
	n[query.Bytes], n[query.Packets] = float64(a.Bytes+b.Bytes), float64(a.Packets+b.Packets)
	n[query.Duration], n[query.Age] = float64(f.Last-f.First)/1e9, float64(now-f.Last)/1e9
	n[query.RTT] = float64(f.ServerRTT+f.ClientRTT) / 1e9
	n[query.Retransmissions] = float64(a.Retransmissions) + float64(b.Retransmissions)
	n[query.OutOfOrder] = float64(a.OutOfOrder) + float64(b.OutOfOrder)
	n[query.Lost] = float64(a.Lost) + float64(b.Lost)
}

// FlowOrders are the orders of flows, smallest first.
var FlowOrders = map[string]func(a, b *flows.Flow) int{
	"bytes": func(a, b *flows.Flow) int {
		return cmp.Compare(a.FromClient.Bytes+a.FromServer.Bytes, b.FromClient.Bytes+b.FromServer.Bytes)
	},
	"packets": func(a, b *flows.Flow) int {
		return cmp.Compare(a.FromClient.Packets+a.FromServer.Packets, b.FromClient.Packets+b.FromServer.Packets)
	},
	"last":     func(a, b *flows.Flow) int { return cmp.Compare(a.Last, b.Last) },
	"first":    func(a, b *flows.Flow) int { return cmp.Compare(a.First, b.First) },
	"duration": func(a, b *flows.Flow) int { return cmp.Compare(a.Last-a.First, b.Last-b.First) },
	"rtt":      func(a, b *flows.Flow) int { return cmp.Compare(a.ServerRTT+a.ClientRTT, b.ServerRTT+b.ClientRTT) },
	"retransmissions": func(a, b *flows.Flow) int {
		return cmp.Compare(a.FromClient.Retransmissions+a.FromServer.Retransmissions, b.FromClient.Retransmissions+b.FromServer.Retransmissions)
	},
	"client": func(a, b *flows.Flow) int { return a.Client.Compare(b.Client) },
	"server": func(a, b *flows.Flow) int { return a.Server.Compare(b.Server) },
	"app":    func(a, b *flows.Flow) int { return cmp.Compare(a.App.String(), b.App.String()) },
}

// FlowTie orders flows that an order leaves equal.
func FlowTie(a, b *flows.Flow) int {
	return cmp.Or(a.Client.Compare(b.Client), a.Server.Compare(b.Server), cmp.Compare(a.Key.Proto, b.Key.Proto), cmp.Compare(a.Key.VLAN, b.Key.VLAN))
}

// FlowOf is f as the API shows it. places may be nil.
func FlowOf(f *flows.Flow, nets *localnets.Snapshot, places func(netip.Addr) Place) Flow {
	return Flow{
		Client: endOf(f.Client, f.ClientNetwork, nets, places), Server: endOf(f.Server, f.ServerNetwork, nets, places),
		Protocol: ProtocolName(f.Key.Proto), VLAN: f.Key.VLAN, App: f.App.String(), ServerName: f.ServerName, State: f.State.String(),
		First: CaptureTime(f.First), Last: CaptureTime(f.Last),
		FromClient: flowDirection(&f.FromClient), FromServer: flowDirection(&f.FromServer),
		ServerRTT: roundTrip(f.ServerRTT), ClientRTT: roundTrip(f.ClientRTT),
	}
}

func endOf(a netip.AddrPort, network int32, nets *localnets.Snapshot, places func(netip.Addr) Place) End {
	return End{Address: a.Addr().String(), Port: a.Port(), Network: CIDROf(network, nets), Alias: AliasOf(network, nets), Place: placeOf(a.Addr(), places)}
}

func placeOf(a netip.Addr, places func(netip.Addr) Place) Place {
	if places == nil {
		return Place{}
	}
	return places(a)
}

// CIDROf is the CIDR of a network, empty for none.
func CIDROf(id int32, nets *localnets.Snapshot) string {
	if n := nets.NetworkByID(id); n != nil {
		return n.Prefix.String()
	}
	return ""
}

// AliasOf is the alias of a network, empty for none.
func AliasOf(id int32, nets *localnets.Snapshot) string {
	if n := nets.NetworkByID(id); n != nil {
		return n.Alias
	}
	return ""
}

func flowDirection(d *flows.FlowDirection) FlowDirection {
	return FlowDirection{
		Packets: d.Packets, Bytes: d.Bytes, TCPFlags: tcpFlags(d.TCPFlags), Retransmissions: d.Retransmissions,
		OutOfOrder: d.OutOfOrder, Lost: d.Lost, KeepAlives: d.KeepAlives, ZeroWindows: d.ZeroWindows,
	}
}

// CaptureTime is a capture time (ns) as RFC 3339 to the microsecond.
func CaptureTime(ns int64) *string {
	s := time.Unix(0, ns).UTC().Format("2006-01-02T15:04:05.000000Z")
	return &s
}

func roundTrip(ns int64) *float64 {
	if ns == 0 {
		return nil
	}
	ms := float64(ns) / 1e6
	return &ms
}
