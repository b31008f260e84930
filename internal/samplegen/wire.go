package samplegen

import (
	"cmp"
	"encoding/binary"
	"io"
	"net/netip"
	"slices"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
)

// snaplen keeps the file small: enough for a TLS ClientHello, while wire lengths stay true.
const snaplen = 256

// A wire collects frames in any order of time.
type wire struct {
	start  time.Time
	frames []frame
}

type frame struct {
	at   time.Duration
	data []byte
}

// A host is an end of the wire with its link-layer address.
type host struct {
	ip   netip.Addr
	mac  byte
	vlan uint16
}

// mac addresses are 00-00-5E-00-53-xx.
func hardware(x byte) []byte { return []byte{0x00, 0x00, 0x5e, 0x00, 0x53, x} }

// ip builds the link and network headers from src to dst around l.
func (w *wire) ip(at time.Duration, src, dst host, proto layers.IPProtocol, l ...gopacket.SerializableLayer) {
	eth := &layers.Ethernet{SrcMAC: hardware(src.mac), DstMAC: hardware(dst.mac)}
	if dst.ip.IsMulticast() || dst.mac == 0xff {
		eth.DstMAC = []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	}
	stack := []gopacket.SerializableLayer{eth}
	kind := layers.EthernetTypeIPv4
	if src.ip.Is6() {
		kind = layers.EthernetTypeIPv6
	}
	if vlan := max(src.vlan, dst.vlan); vlan != 0 {
		eth.EthernetType = layers.EthernetTypeDot1Q
		stack = append(stack, &layers.Dot1Q{VLANIdentifier: vlan, Type: kind})
	} else {
		eth.EthernetType = kind
	}
	var network gopacket.NetworkLayer
	if src.ip.Is6() {
		ip := &layers.IPv6{Version: 6, HopLimit: 64, NextHeader: proto, SrcIP: src.ip.AsSlice(), DstIP: dst.ip.AsSlice()}
		stack, network = append(stack, ip), ip
	} else {
		ip := &layers.IPv4{Version: 4, IHL: 5, TTL: 64, Protocol: proto, Id: uint16(len(w.frames)), SrcIP: src.ip.AsSlice(), DstIP: dst.ip.AsSlice()}
		stack, network = append(stack, ip), ip
	}
	for _, layer := range l {
		if c, ok := layer.(interface {
			SetNetworkLayerForChecksum(gopacket.NetworkLayer) error
		}); ok {
			if err := c.SetNetworkLayerForChecksum(network); err != nil {
				panic(err)
			}
		}
	}
	w.add(at, append(stack, l...)...)
}

// add serializes the layers into one frame, padded to Ethernet's minimum.
func (w *wire) add(at time.Duration, l ...gopacket.SerializableLayer) {
	buf := gopacket.NewSerializeBuffer()
	if err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, l...); err != nil {
		panic(err) // the layers above are ours: this cannot depend on input
	}
	data := buf.Bytes()
	for len(data) < 60 {
		data = append(data, 0)
	}
	w.frames = append(w.frames, frame{at, data})
}

// udp sends one datagram.
func (w *wire) udp(at time.Duration, src, dst host, sport, dport uint16, payload []byte) {
	w.ip(at, src, dst, layers.IPProtocolUDP,
		&layers.UDP{SrcPort: layers.UDPPort(sport), DstPort: layers.UDPPort(dport)}, gopacket.Payload(payload))
}

// A message is what one side of a TCP connection says at once.
type message struct {
	server bool
	data   []byte
	fill   int  // further bytes of bulk data
	resend bool // the first segment is lost behind the tap and sent again
}

// tcp plays a whole connection from the handshake to both FINs, with rtt between the tap and the
// server. It gives the time of the last packet.
func (w *wire) tcp(at time.Duration, client, server host, sport, dport uint16, rtt time.Duration, script ...message) time.Duration {
	const mss = 1448
	seq := [2]uint32{uint32(sport) << 8, uint32(dport) << 16}
	ends := [2]host{client, server}
	ports := [2]uint16{sport, dport}
	send := func(from int, flags func(*layers.TCP), payload []byte) {
		tcp := &layers.TCP{SrcPort: layers.TCPPort(ports[from]), DstPort: layers.TCPPort(ports[1-from]),
			Seq: seq[from], Ack: seq[1-from], ACK: true, Window: 64240}
		flags(tcp)
		if !tcp.ACK {
			tcp.Ack = 0
		}
		w.ip(at, ends[from], ends[1-from], layers.IPProtocolTCP, tcp, gopacket.Payload(payload))
	}
	plain := func(*layers.TCP) {}
	send(0, func(t *layers.TCP) { t.SYN, t.ACK = true, false }, nil)
	seq[0]++
	at += rtt
	send(1, func(t *layers.TCP) { t.SYN = true }, nil)
	seq[1]++
	at += 300 * time.Microsecond
	send(0, plain, nil)
	for _, m := range script {
		from := 0
		if m.server {
			from = 1
		}
		at += rtt
		data := append(slices.Clone(m.data), make([]byte, m.fill)...)
		for i := 0; len(data) > 0; i++ {
			n := min(mss, len(data))
			send(from, func(t *layers.TCP) { t.PSH = n == len(data) }, data[:n])
			if m.resend && i == 0 {
				at += 200 * time.Millisecond
				send(from, plain, data[:n])
			}
			seq[from] += uint32(n)
			data = data[n:]
			at += 120 * time.Microsecond
			if i%2 == 1 || len(data) == 0 {
				send(1-from, plain, nil)
			}
		}
	}
	for _, from := range []int{0, 1} {
		at += rtt
		send(from, func(t *layers.TCP) { t.FIN = true }, nil)
		seq[from]++
	}
	at += 300 * time.Microsecond
	send(0, plain, nil)
	return at
}

// write gives the frames in order of time as a nanosecond pcap.
func (w *wire) write(out io.Writer) error {
	slices.SortStableFunc(w.frames, func(a, b frame) int { return cmp.Compare(a.at, b.at) })
	pw := pcapgo.NewWriterNanos(out)
	if err := pw.WriteFileHeader(snaplen, layers.LinkTypeEthernet); err != nil {
		return err
	}
	for _, f := range w.frames {
		ci := gopacket.CaptureInfo{Timestamp: w.start.Add(f.at), Length: len(f.data), CaptureLength: min(len(f.data), snaplen)}
		if err := pw.WritePacket(ci, f.data[:ci.CaptureLength]); err != nil {
			return err
		}
	}
	return nil
}

// clientHello is a TLS 1.2 record with a ClientHello (RFC 8446 section 4.1.2) that names the server
// (RFC 6066 section 3).
func clientHello(server string) []byte {
	be := binary.BigEndian
	name := append([]byte{0}, be.AppendUint16(nil, uint16(len(server)))...)
	name = append(name, server...)
	list := append(be.AppendUint16(nil, uint16(len(name))), name...)
	ext := be.AppendUint16(be.AppendUint16(nil, 0), uint16(len(list)))
	ext = append(ext, list...)
	body := append([]byte{3, 3}, make([]byte, 32)...) // version, random
	body = append(body, 0, 0, 2, 0x13, 0x01, 1, 0)    // no session, one suite, no compression
	body = append(be.AppendUint16(body, uint16(len(ext))), ext...)
	hello := append([]byte{1, 0}, be.AppendUint16(nil, uint16(len(body)))...)
	hello = append(hello, body...)
	return append(be.AppendUint16([]byte{22, 3, 1}, uint16(len(hello))), hello...)
}
