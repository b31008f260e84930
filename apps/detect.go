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

// The detectors in the order in which they are asked; the first answer counts. Frequent protocols
// come first, and those with the stricter checks before those that rely on their port. Text
// detectors are asked only when the payload begins with printable ASCII.
var (
	tcpText = []detector{
		http, ssh, mail, sip, rtsp, redis, vnc, textTCP, broker,
	}
	tcpBinary = []detector{
		tls, sslv2, smb, dnsTCP, http2, bittorrent, tpkt, mysql, postgres, mongo, kerberosTCP, ldap, tds,
		dcerpc, mqtt, amqp, socks, telnet, bgp, pptp, rtmp, stun, rpcTCP, openvpnTCP, cassandra, oracle,
		drda, memcached, modbus, dnp3, enip, iec104, opcua, someip, diameter, zeromq, ajp, fastcgi, smpp,
		bitcoin, citrix, teamviewer, skinny, afp, slp, zabbix, elasticsearch, haproxy, netbiosSession,
	}
	udpText = []detector{
		ssdp, sip, syslog, textUDP,
	}
	udpBinary = []detector{
		dns, quic, netbios, dhcp, ntp, stun, dtls, wireguard, ike, snmp, dhcpv6, rtcp, bittorrentUDP,
		radius, tftp, kerberosUDP, ldap, openvpn, netflow, sflow, rpc, vxlan, geneve, gtp, pfcp, teredo, l2tp,
		coap, bacnet, knx, cipIO, enip, someip, ptp, bfd, hsrp, rip, natpmp, rmcp, slp, xdmcp, collectd,
		memcached, raknet, source, mpegts, rtp, iax,
	}
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
	for _, d := range binary {
		if m := d(p); m.id != Unknown {
			return m
		}
	}
	return match{}
}

// on reports whether either port is port.
func (p Packet) on(port uint16) bool { return p.SrcPort == port || p.DstPort == port }
