package pcaptest

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
)

// names lists the layers that gopacket finds in an Ethernet frame.
func names(t *testing.T, frame []byte, first gopacket.Decoder) (list []string) {
	t.Helper()
	p := gopacket.NewPacket(frame, first, gopacket.Default)
	if err := p.ErrorLayer(); err != nil {
		t.Errorf("% x: %v", frame, err.Error())
	}
	for _, l := range p.Layers() {
		list = append(list, l.LayerType().String())
	}
	return list
}

func TestFrames(t *testing.T) {
	const v4, v6 = "192.0.2.1", "2001:db8::1"
	for name, tc := range map[string]struct {
		frame []byte
		first gopacket.Decoder
		want  []string
	}{
		"udp": {UDP(v4+":40000", v4+":40001", []byte("payload")), layers.LayerTypeEthernet,
			[]string{"Ethernet", "IPv4", "UDP", "Payload"}},
		"tcp6": {TCP("["+v6+"]:40000", "[2001:db8::2]:80", Segment{Flags: "SA", Seq: 7}, VLAN(5)), layers.LayerTypeEthernet,
			[]string{"Ethernet", "Dot1Q", "IPv6", "TCP"}},
		"QinQ": {UDP(v4+":40000", v4+":40001", []byte("payload"), VLAN(5, 6), MACs(MAC(3), Broadcast)), layers.LayerTypeEthernet,
			[]string{"Ethernet", "Dot1Q", "Dot1Q", "IPv4", "UDP", "Payload"}},
		"icmp": {ICMP(v4, "192.0.2.2", 8, 0, []byte{0, 1, 0, 2, 9}), layers.LayerTypeEthernet,
			[]string{"Ethernet", "IPv4", "ICMPv4", "Payload"}},
		"icmp6": {ICMP(v6, "2001:db8::2", 1, 0, make([]byte, 4)), layers.LayerTypeEthernet,
			[]string{"Ethernet", "IPv6", "ICMPv6", "Payload"}},
		"arp": {ARP(v4, "192.0.2.2"), layers.LayerTypeEthernet, []string{"Ethernet", "ARP", "Payload"}}, // the padding
		"raw": {IP(v4, "192.0.2.2", 47, make([]byte, 4), RawIP(), TTL(3)), layers.LayerTypeIPv4, []string{"IPv4", "GRE"}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, names(t, tc.frame, tc.first)); diff != "" {
				t.Errorf("layers (-want +got):\n%s", diff)
			}
			if name != "raw" && len(tc.frame) < 60 {
				t.Errorf("frame of %d bytes is not padded", len(tc.frame))
			}
		})
	}
	if n := len(UDP(v4+":1", v4+":2", nil, Unpadded())); n != 42 {
		t.Errorf("unpadded frame of %d bytes, want 42", n)
	}
}

// TestFragments puts the pieces together again.
func TestFragments(t *testing.T) {
	payload := make([]byte, 100)
	for i := range payload {
		payload[i] = byte(i)
	}
	for _, addr := range []string{"192.0.2.1", "2001:db8::1"} {
		var got []byte
		frames := Fragments(addr, addr, 17, payload, 48, ID(77), Unpadded())
		for i, f := range frames {
			p := gopacket.NewPacket(f, layers.LayerTypeEthernet, gopacket.Default)
			var off int
			var more bool
			var id uint32
			switch ip := p.NetworkLayer().(type) {
			case *layers.IPv4:
				off, more, id = int(ip.FragOffset)*8, ip.Flags&layers.IPv4MoreFragments != 0, uint32(ip.Id)
				got = append(got, ip.Payload...)
			case *layers.IPv6:
				frag := p.Layer(layers.LayerTypeIPv6Fragment).(*layers.IPv6Fragment)
				off, more, id = int(frag.FragmentOffset)*8, frag.MoreFragments, frag.Identification
				got = append(got, frag.Payload...)
			}
			if off != i*48 || more != (i < len(frames)-1) || id != 77 {
				t.Errorf("%s fragment %d: offset %d more %v id %d", addr, i, off, more, id)
			}
		}
		if len(frames) != 3 || !bytes.Equal(got, payload) {
			t.Errorf("%s: %d fragments of %d bytes", addr, len(frames), len(got))
		}
	}
}

// TestFiles reads what the writers write with gopacket's readers.
func TestFiles(t *testing.T) {
	packets := []Packet{{Time: 1767225600123456789, Data: []byte{1, 2, 3}}, {Time: 1e9, Data: []byte{4}, WireLen: 99}}
	pr, err := pcapgo.NewReader(bytes.NewReader(Pcap(packets...)))
	if err != nil {
		t.Fatal(err)
	}
	ng, err := pcapgo.NewNgReader(bytes.NewReader(Pcapng(packets...)), pcapgo.DefaultNgReaderOptions)
	if err != nil {
		t.Fatal(err)
	}
	for name, r := range map[string]gopacket.PacketDataSource{"pcap": pr, "pcapng": ng} {
		for i, want := range packets {
			data, ci, err := r.ReadPacketData()
			if err != nil || !bytes.Equal(data, want.Data) || ci.Timestamp.UnixNano() != want.Time || ci.Length != int(want.wire()) {
				t.Errorf("%s packet %d: % x at %v of %d: %v", name, i, data, ci.Timestamp, ci.Length, err)
			}
		}
	}
}
