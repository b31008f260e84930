package apps_test

import (
	"bytes"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"github.com/netmond/netmond/apps"
	"github.com/netmond/netmond/internal/testneed"
)

// packetBudget is how many packets with payload a flow may show to Classify in these tests.
const packetBudget = 8

// A flowKey is a 5-tuple with its endpoints in order.
type flowKey struct {
	a, b         gopacket.Endpoint
	aPort, bPort uint16
	proto        uint8
}

// A testFlow is what a flow table keeps about a flow's protocol.
type testFlow struct {
	cPort, sPort   uint16
	clientIsA      bool
	id             apps.ID
	final          bool
	looked         int
	server         string
	packets, bytes int
}

// protocol is the outcome for the flow.
func (f *testFlow) protocol(proto uint8) apps.ID {
	if f.id != apps.Unknown {
		return f.id
	}
	return apps.ByPort(proto, f.sPort, f.cPort)
}

// replay runs a capture file's packets through a small flow map.
func replay(t testing.TB, path string) map[flowKey]*testFlow {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	flows := make(map[flowKey]*testFlow)
	dst := make([]byte, apps.MaxServerName)
	next := frames(t, raw)
	for {
		data, link, wire, err := next()
		if err != nil {
			return flows
		}
		count(flows, gopacket.NewPacket(data, link, gopacket.DecodeOptions{NoCopy: true}), wire, dst)
	}
}

// frames gives a capture's frames one by one, of a pcap or pcapng file.
func frames(t testing.TB, raw []byte) func() ([]byte, layers.LinkType, int, error) {
	t.Helper()
	if bytes.HasPrefix(raw, []byte{0x0a, 0x0d, 0x0d, 0x0a}) {
		r, err := pcapgo.NewNgReader(bytes.NewReader(raw), pcapgo.NgReaderOptions{WantMixedLinkType: true, SkipUnknownVersion: true})
		if err != nil {
			t.Fatal(err)
		}
		return func() ([]byte, layers.LinkType, int, error) {
			data, ci, err := r.ReadPacketData()
			if err != nil {
				return nil, 0, 0, err
			}
			link := r.LinkType()
			if len(ci.AncillaryData) > 0 {
				if l, ok := ci.AncillaryData[0].(layers.LinkType); ok {
					link = l
				}
			}
			return data, link, ci.Length, nil
		}
	}
	r, err := pcapgo.NewReader(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	r.SetSnaplen(0)
	return func() ([]byte, layers.LinkType, int, error) {
		data, ci, err := r.ReadPacketData()
		if err == io.ErrUnexpectedEOF {
			err = io.EOF
		}
		return data, r.LinkType(), ci.Length, err
	}
}

// count adds one packet to its flow, by its outermost IP header.
func count(flows map[flowKey]*testFlow, pkt gopacket.Packet, wire int, dst []byte) {
	var src, dstAddr gopacket.Endpoint
	var proto uint8
	var inner []byte
	all := pkt.Layers()
	at := slices.IndexFunc(all, func(l gopacket.Layer) bool {
		return l.LayerType() == layers.LayerTypeIPv4 || l.LayerType() == layers.LayerTypeIPv6
	})
	if at < 0 {
		return
	}
	switch ip := all[at].(type) {
	case *layers.IPv4:
		src, dstAddr, proto, inner = ip.NetworkFlow().Src(), ip.NetworkFlow().Dst(), uint8(ip.Protocol), ip.Payload
		if ip.FragOffset != 0 {
			inner = nil
		}
	case *layers.IPv6:
		src, dstAddr, proto, inner = ip.NetworkFlow().Src(), ip.NetworkFlow().Dst(), uint8(ip.NextHeader), ip.Payload
		for _, l := range all[at+1:] { // extension headers
			switch e := l.(type) {
			case *layers.IPv6HopByHop:
				proto, inner = uint8(e.NextHeader), e.Payload
				continue
			case *layers.IPv6Destination:
				proto, inner = uint8(e.NextHeader), e.Payload
				continue
			}
			break
		}
	}
	p := apps.Packet{Proto: proto}
	syn := false
	switch {
	case inner == nil:
	case proto == 6 && len(inner) >= 20:
		p.SrcPort, p.DstPort = uint16(inner[0])<<8|uint16(inner[1]), uint16(inner[2])<<8|uint16(inner[3])
		syn = inner[13]&0x12 == 0x02
		p.Payload = inner[min(len(inner), int(inner[12]>>4)*4):]
	case proto == 17 && len(inner) >= 8:
		p.SrcPort, p.DstPort = uint16(inner[0])<<8|uint16(inner[1]), uint16(inner[2])<<8|uint16(inner[3])
		p.Payload = inner[8:]
	}
	k := flowKey{src, dstAddr, p.SrcPort, p.DstPort, proto}
	fromA := true
	if dstAddr.LessThan(src) || src == dstAddr && p.DstPort < p.SrcPort {
		k, fromA = flowKey{dstAddr, src, p.DstPort, p.SrcPort, proto}, false
	}
	f := flows[k]
	if f == nil {
		f = &testFlow{clientIsA: fromA, cPort: p.SrcPort, sPort: p.DstPort}
		flows[k] = f
	}
	if syn && f.looked == 0 {
		f.clientIsA, f.cPort, f.sPort = fromA, p.SrcPort, p.DstPort
	}
	f.packets++
	f.bytes += wire
	if f.final || f.looked >= packetBudget || len(p.Payload) == 0 && (proto == 6 || proto == 17) {
		return
	}
	f.looked++
	p.FromClient = f.clientIsA == fromA
	r := apps.Classify(&p, dst)
	if r.ID != apps.Unknown {
		f.id, f.final = r.ID, r.Final
	}
	if len(r.Server) > 0 && f.server == "" {
		f.server = string(r.Server)
	}
}

// TestCorpus compares with what the captures' own names say. The shares are of the bytes of all IP
// flows.
func TestCorpus(t *testing.T) {
	dir := filepath.Join(testneed.Shared(t), "pcaps")
	for _, tc := range []struct {
		file  string
		share map[string]int // protocol to its least share in percent
		names []string       // server names that must be read
	}{
		{"apps/browse.pcap", map[string]int{"HTTP": 75, "DNS": 10, "LLMNR": 1, "MDNS": 1, "NetBIOS": 1}, []string{"upload.wikimedia.org"}},
		{"apps/dhcp_flood.pcap", map[string]int{"DHCP": 100}, nil},
		{"apps/dns_tunnel.pcap", map[string]int{"DNS": 99}, nil},
		{"apps/icmp_tunnel.pcap", map[string]int{"ICMP": 95}, nil},
		{"apps/icmpv6.pcap", map[string]int{"ICMPV6": 100}, nil},
		{"apps/igmp_many_groups.pcap", map[string]int{"IGMP": 100}, nil},
		{"apps/lan_1kxun.pcap", map[string]int{"HTTP": 95, "SSDP": 1, "TLS": 1}, []string{"mangaweb.1kxun.mobi", "play.google.com"}},
		{"apps/mdns.pcap", map[string]int{"MDNS": 90}, nil},
		{"apps/phone_mix.pcap", map[string]int{"TLS": 85, "HTTP": 3, "DNS": 2, "DHCP": 3, "Dropbox": 1}, []string{"accounts.google.com", "captive.apple.com"}},
		{"apps/quic.pcap", map[string]int{"QUIC": 99}, []string{"mail.google.com", "www.youtube.com", "s.ytimg.com", "fonts.gstatic.com"}},
		{"apps/sctp_www.pcap", map[string]int{"SCTP": 100}, nil},
		{"encap/6in4.pcap", map[string]int{"IP_in_IP": 100}, nil},
		{"encap/geneve.pcap", map[string]int{"Geneve": 100}, nil},
		{"encap/gre_in_gre.pcap", map[string]int{"GRE": 100}, nil},
		{"encap/gtp_frag.pcap", map[string]int{"GTP_U": 96}, nil},
		{"encap/teredo.pcap", map[string]int{"Teredo": 55, "HTTP": 25}, nil},
		{"encap/vxlan.pcap", map[string]int{"VXLAN": 100}, nil},
		{"links/null_quic.pcap", map[string]int{"QUIC": 100}, []string{"localhost"}},
		{"links/ppp_quic.pcap", map[string]int{"QUIC": 95}, []string{"server4"}},
		{"links/radiotap_http.pcap", map[string]int{"HTTP": 100}, nil},
		{"links/raw12_ipv6_http.pcap", map[string]int{"HTTP": 100}, nil},
		{"links/raw_ip_http.pcap", map[string]int{"HTTP": 95}, nil},
		{"links/null_loopback_http.pcap", map[string]int{"HTTP": 100}, nil},
		{"links/sll_rtsp.pcap", map[string]int{"RTSP": 100}, []string{"10.2.2.2"}},
		{"load/cip_26k.pcap", map[string]int{"EthernetIP": 85, "SMBv1": 1}, nil},
		{"load/ftp_8k.pcap", map[string]int{"FTP_CONTROL": 100}, nil},
		{"load/mix_4k.pcap", map[string]int{"HTTP": 98}, nil},
		{"load/tiny_10k.pcap", map[string]int{"ICMP": 99}, nil},
		{"tcp/asymmetric_http.pcapng", map[string]int{"HTTP": 100}, nil},
		{"tcp/retransmissions.pcap", map[string]int{"HTTP": 100}, nil},
	} {
		t.Run(tc.file, func(t *testing.T) {
			bytesOf, total, names := map[string]int{}, 0, map[string]bool{}
			for k, f := range replay(t, filepath.Join(dir, filepath.FromSlash(tc.file))) {
				bytesOf[f.protocol(k.proto).String()] += f.bytes
				total += f.bytes
				names[f.server] = true
			}
			if total == 0 {
				t.Fatal("no IP packets")
			}
			for name, least := range tc.share {
				if got := 100 * bytesOf[name] / total; got < least {
					t.Errorf("%s has %d%% of the bytes, want at least %d%%; all: %v", name, got, least, bytesOf)
				}
			}
			for _, name := range tc.names {
				if !names[name] {
					t.Errorf("server name %q was not read; all: %v", name, slices.Sorted(maps.Keys(names)))
				}
			}
		})
	}
}

// TestSOMEIPInPPI reads the frames below a header that the test's decoder does not step over.
func TestSOMEIPInPPI(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join(testneed.Shared(t), "pcaps", "links", "ppi_ns_someip.pcap"))
	if err != nil {
		t.Fatal(err)
	}
	next, found := frames(t, raw), 0
	for {
		data, _, _, err := next()
		if err != nil {
			break
		}
		ppi := int(data[2]) | int(data[3])<<8 // its length field, little endian
		pkt := gopacket.NewPacket(data[ppi:], layers.LinkTypeEthernet, gopacket.NoCopy)
		flows := map[flowKey]*testFlow{}
		count(flows, pkt, len(data), make([]byte, apps.MaxServerName))
		for _, f := range flows {
			if f.id.String() == "SOMEIP" {
				found++
			}
		}
	}
	if found == 0 {
		t.Error("no SOME/IP in a capture of it")
	}
}
