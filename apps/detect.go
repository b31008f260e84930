package apps

// A match is a detector's answer. name is the server name as it stands in the payload, not yet
// checked, or nil; with wire it is in DNS wire format (RFC 1035 section 3.1) instead of text.
type match struct {
	id    ID
	final bool
	wire  bool
	name  []byte
}

// sure is a final answer without a server name.
func sure(id ID) match { return match{id: id, final: true} }

// likely is an answer that a later packet may better.
func likely(id ID) match { return match{id: id} }

// A detector looks at one packet with at least one byte of payload; the zero match is no answer.
// It gets a copy, so that the caller's Packet need not live on the heap.
type detector func(p Packet) match

// A rule says when a detector is asked: on a payload whose first byte may be its protocol's, and on
// any payload where a port is one of ports. It may be asked too often, never too seldom
// (TestRulesAskEnough); most detectors have nothing to say to most packets, and asking all of them
// cost a flow of an unknown protocol four times as much.
type rule struct {
	detector
	first firstBytes
	ports []uint16
}

// The detectors in the order in which they are asked; the first answer counts. Frequent protocols
// come first, and those with the stricter checks before those that rely on their port. Text
// detectors are asked only when the payload begins with printable ASCII.
var (
	tcpText = []detector{
		http, ssh, mail, sip, rtsp, redis, vnc, textTCP, broker,
	}
	tcpBinary = newDispatch([]rule{
		{tls, span(tlsChangeCipherSpec, tlsApplicationData), nil},
		{sslv2, span(0x80, 0xff), nil},
		{smb, bytesOf(0), nil},
		{dnsTCP, noByte, ports(53)},
		{http2, bytesOf(0), nil},
		{bittorrent, bytesOf(0x13), nil},
		{tpkt, bytesOf(3), nil},
		{mysql, anyByte, nil},
		{postgres, bytesOf(0), ports(5432)},
		{mongo, anyByte, nil},
		{kerberosTCP, bytesOf(0), nil},
		{ldap, bytesOf(0x30), nil},
		{tds, bytesOf(0x12), ports(1433)},
		{dcerpc, bytesOf(5), nil},
		{mqtt, bytesOf(0x10), ports(1883)},
		{amqp, bytesOf('A'), nil},
		{socks, bytesOf(4, 5), nil},
		{telnet, bytesOf(0xff), nil},
		{bgp, bytesOf(0xff), nil},
		{pptp, bytesOf(0, 1), nil},
		{rtmp, bytesOf(3), nil},
		{stun, span(0, 0x3f), nil},
		{rpcTCP, span(0x80, 0xff), nil},
		{openvpnTCP, anyByte, nil},
		{cassandra, bytesOf(3, 4, 5, 0x83, 0x84, 0x85), nil},
		{oracle, anyByte, nil},
		{drda, anyByte, nil},
		{memcached, noByte, ports(11211)},
		{modbus, noByte, ports(502)},
		{dnp3, bytesOf(5), nil},
		{enip, enipCommands, nil},
		{iec104, bytesOf(0x68), nil},
		{opcua, bytesOf('H', 'A', 'E', 'O', 'M', 'C', 'R'), nil},
		{someip, anyByte, nil},
		{diameter, bytesOf(1), nil},
		{zeromq, bytesOf(0xff), nil},
		{ajp, bytesOf(0x12, 'A'), nil},
		{fastcgi, bytesOf(1), nil},
		{smpp, anyByte, nil},
		{bitcoin, bytesOf(0xf9), nil},
		{citrix, bytesOf(0x7f, 0x1a), nil},
		{teamviewer, noByte, ports(5938)},
		{skinny, noByte, ports(2000)},
		{afp, noByte, ports(548)},
		{slp, noByte, ports(427)},
		{zabbix, bytesOf('Z'), nil},
		{elasticsearch, bytesOf('E'), nil},
		{haproxy, bytesOf('\r'), nil},
		{netbiosSession, noByte, ports(139)},
	})
	udpText = []detector{
		ssdp, sip, syslog, textUDP,
	}
	udpBinary = newDispatch([]rule{
		{dns, anyByte, nil},
		{quic, func(c byte) bool { return c >= 0x80 || c&0x09 == 0x09 }, nil},
		{netbios, anyByte, nil},
		{dhcp, bytesOf(1, 2), nil},
		{ntp, noByte, ports(123)},
		{stun, span(0, 0x3f), nil},
		{dtls, span(tlsChangeCipherSpec, tlsApplicationData), nil},
		{wireguard, span(1, 4), nil},
		{ike, anyByte, nil},
		{snmp, bytesOf(0x30), nil},
		{dhcpv6, noByte, ports(546, 547)},
		{rtcp, span(0x80, 0xbf), nil},
		{bittorrentUDP, bytesOf(0, 0x41), nil},
		{radius, bytesOf(1, 2, 3, 4, 5, 11, 12, 13, 40, 41, 42, 43, 44, 45), nil},
		{tftp, bytesOf(0), nil},
		{kerberosUDP, bytesOf(0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f, 0x74, 0x75, 0x76, 0x7e), nil},
		{ldap, bytesOf(0x30), nil},
		{openvpn, bytesOf(ovpnResetClientV2, ovpnResetServerV2, ovpnResetClientV3), ports(1194)},
		{netflow, bytesOf(0), nil},
		{sflow, bytesOf(0), nil},
		{rpc, anyByte, nil},
		{vxlan, noByte, ports(4789, 8472)},
		{geneve, noByte, ports(6081)},
		{gtp, noByte, ports(2152, 2123, 3386)},
		{pfcp, noByte, ports(8805)},
		{teredo, func(c byte) bool { return c == 0 || c>>4 == 6 }, nil},
		{l2tp, noByte, ports(1701)},
		{coap, noByte, ports(5683)},
		{bacnet, bytesOf(0x81), nil},
		{knx, bytesOf(6), nil},
		{cipIO, bytesOf(2), nil},
		{enip, enipCommands, nil},
		{someip, anyByte, nil},
		{ptp, noByte, ports(319, 320)},
		{bfd, noByte, ports(3784, 4784, 6784)},
		{hsrp, noByte, ports(1985, 2029)},
		{rip, noByte, ports(520, 521)},
		{natpmp, noByte, ports(5351)},
		{rmcp, noByte, ports(623)},
		{slp, noByte, ports(427)},
		{xdmcp, noByte, ports(177)},
		{collectd, noByte, ports(25826)},
		{memcached, noByte, ports(11211)},
		{raknet, anyByte, nil},
		{source, bytesOf(0xff), nil},
		{mpegts, bytesOf(0x47), nil},
		{rtp, span(0x80, 0xbf), nil},
		{iax, noByte, ports(4569)},
	})
)

// detect asks the detectors of p's transport in turn.
func detect(p Packet) match {
	text, binary := tcpText, tcpBinary
	if p.Proto == protoUDP {
		text, binary = udpText, udpBinary
	}
	if isPrint(p.Payload[0]) {
		for _, d := range text {
			if m := d(p); m.id != Unknown {
				return m
			}
		}
	}
	return binary.ask(p)
}

// on reports whether either port is port.
func (p Packet) on(port uint16) bool { return p.SrcPort == port || p.DstPort == port }
