package packet_test

import (
	"fmt"

	"github.com/netmond/netmond/packet"
)

// A DNS query in VLAN 100, captured to its first 64 bytes.
func ExampleDecoder_Decode() {
	frame := packet.Frame{
		Link:    packet.LinkEthernet,
		WireLen: 90,
		Data: []byte{
			0x00, 0x00, 0x5e, 0x00, 0x53, 0x02, 0x00, 0x00, 0x5e, 0x00, 0x53, 0x01, // addresses
			0x81, 0x00, 0x00, 0x64, 0x08, 0x00, // 802.1Q, IPv4
			0x45, 0x00, 0x00, 0x48, 0x00, 0x01, 0x00, 0x00, 0x40, 0x11, 0x00, 0x00,
			203, 0, 113, 53, // source
			192, 0, 2, 10, // destination
			0xcf, 0x08, 0x00, 0x35, 0x00, 0x34, 0x00, 0x00, // UDP
			0x12, 0x34, 0x01, 0x00, 0x00, 0x01, 0x00, 0x00,
		},
	}
	var d packet.Decoder
	var m packet.Meta
	d.Decode(&frame, &m)
	fmt.Println(m.Class == packet.ClassIP, m.VLAN, m.WireLen)
	fmt.Println(m.Key.LoAddr(), m.Key.LoPort, m.Key.HiAddr(), m.Key.HiPort, m.Key.Proto)
	fmt.Println(m.Dir == packet.DirHiLo, m.PayloadLen, m.PayloadEnd-m.PayloadOff)
	// Output:
	// true 100 90
	// 192.0.2.10 53 203.0.113.53 53000 17
	// true 44 8
}

func ExampleParseDecap() {
	d, err := packet.ParseDecap("gre, erspan", "vxlan")
	fmt.Println(d, err)
	// Output: gre,erspan,vxlan <nil>
}
