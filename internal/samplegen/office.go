package samplegen

import (
	"fmt"
	"io"
	"net/netip"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

// The networks of the office, as the README's first command names them.
const Networks = "192.0.2.0/25=office,192.0.2.128/25=servers,198.51.100.0/28=guests,2001:db8:1::/64=office-v6"

func at(addr string, mac byte) host { return host{ip: netip.MustParseAddr(addr), mac: mac} }

var (
	router     = byte(1) // link-layer address of everything that is not in the office
	fileServer = at("192.0.2.130", 0x30)
	mailServer = at("192.0.2.131", 0x31)
	resolver   = at("192.0.2.132", 0x32)
	webOutside = at("203.0.113.80", router)
	backupSite = at("203.0.113.200", router)
	scanner    = at("203.0.113.66", router)
	ntpOutside = at("203.0.113.123", router)
)

func desk(i int) host { return at(fmt.Sprintf("192.0.2.%d", 10+i), byte(0x40+i)) }
func guest(i int) host {
	h := at(fmt.Sprintf("198.51.100.%d", 2+i), byte(0x80+i))
	h.vlan = 20
	return h
}
func desk6(i int) host { return at(fmt.Sprintf("2001:db8:1::%x", 0x10+i), byte(0x40+i)) }

// WriteOffice writes the capture.
func WriteOffice(out io.Writer) error {
	w := &wire{start: time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)}
	w.deskWork()
	w.servers()
	w.guestsAndV6()
	w.background()
	w.trouble()
	return w.write(out)
}

// dns asks the office's resolver and gives the time of the answer.
func (w *wire) dns(t time.Duration, client host, id uint16, name string, answer netip.Addr) time.Duration {
	q := []layers.DNSQuestion{{Name: []byte(name), Type: layers.DNSTypeA, Class: layers.DNSClassIN}}
	port := 40000 + id
	w.ip(t, client, resolver, layers.IPProtocolUDP, &layers.UDP{SrcPort: layers.UDPPort(port), DstPort: 53},
		&layers.DNS{ID: id, RD: true, Questions: q})
	t += 2 * time.Millisecond
	w.ip(t, resolver, client, layers.IPProtocolUDP, &layers.UDP{SrcPort: 53, DstPort: layers.UDPPort(port)},
		&layers.DNS{ID: id, QR: true, RD: true, RA: true, Questions: q, Answers: []layers.DNSResourceRecord{
			{Name: []byte(name), Type: layers.DNSTypeA, Class: layers.DNSClassIN, TTL: 300, IP: answer.AsSlice()}}})
	return t + time.Millisecond
}

// deskWork is browsing and mail from the office's desks.
func (w *wire) deskWork() {
	sites := []string{"www.example.com", "cdn.example.net", "docs.example.org"}
	for i := range 12 {
		start := time.Duration(1+i*11) * time.Second
		site := sites[i%len(sites)]
		t := w.dns(start, desk(i), uint16(i), site, webOutside.ip)
		w.tcp(t, desk(i), webOutside, uint16(50000+i), 443, time.Duration(12+i)*time.Millisecond,
			message{data: clientHello(site)},
			message{server: true, data: []byte{22, 3, 3, 0x0b, 0xb8, 2}, fill: 3000},
			message{data: []byte{23, 3, 3, 1, 0x90}, fill: 400},
			message{server: true, data: []byte{23, 3, 3, 0x40, 0}, fill: 18000 + 4000*i, resend: i == 4})
	}
	w.tcp(20*time.Second, desk(2), webOutside, 51000, 80, 18*time.Millisecond,
		message{data: []byte("GET /news HTTP/1.1\r\nHost: plain.example.com\r\nAccept: */*\r\n\r\n")},
		message{server: true, data: []byte("HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n"), fill: 9000})
	w.tcp(35*time.Second, desk(3), mailServer, 51001, 25, time.Millisecond,
		message{server: true, data: []byte("220 mail.example.com ESMTP\r\n")},
		message{data: []byte("EHLO desk3.example.com\r\n")},
		message{server: true, data: []byte("250 mail.example.com\r\n")},
		message{data: []byte("MAIL FROM:<a@example.com>\r\n"), fill: 6000})
}

// servers is the file server's use from the desks and its backup to another site.
func (w *wire) servers() {
	smb := []byte{0, 0, 0, 0x44, 0xfe, 'S', 'M', 'B', 0x40, 0}
	for i := range 4 {
		w.tcp(time.Duration(15+30*i)*time.Second, desk(4+i), fileServer, uint16(52000+i), 445, 400*time.Microsecond,
			message{data: smb, fill: 58},
			message{server: true, data: smb, fill: 25000 + 9000*i})
	}
	w.tcp(70*time.Second, fileServer, backupSite, 53000, 22, 25*time.Millisecond,
		message{server: true, data: []byte("SSH-2.0-OpenSSH_9.2\r\n")},
		message{data: []byte("SSH-2.0-OpenSSH_9.6\r\n")},
		message{data: []byte{0, 0, 4, 0xf4, 6, 20}, fill: 260000})
	w.tcp(41*time.Second, desk(1), fileServer, 52100, 22, 500*time.Microsecond,
		message{server: true, data: []byte("SSH-2.0-OpenSSH_9.2\r\n")},
		message{data: []byte("SSH-2.0-OpenSSH_9.6\r\n")},
		message{data: []byte{0, 0, 1, 0x4, 6, 20}, fill: 3000})
}

// guestsAndV6 is the guests' VLAN and the IPv6 side of the office.
func (w *wire) guestsAndV6() {
	for i := range 3 {
		w.tcp(time.Duration(8+40*i)*time.Second, guest(i), webOutside, uint16(54000+i), 443, 30*time.Millisecond,
			message{data: clientHello("video.example.net")},
			message{server: true, data: []byte{23, 3, 3, 0x40, 0}, fill: 60000})
	}
	outside6 := at("2001:db8:ffff::443", router)
	for i := range 3 {
		w.tcp(time.Duration(25+35*i)*time.Second, desk6(i), outside6, uint16(55000+i), 443, 14*time.Millisecond,
			message{data: clientHello("six.example.org")},
			message{server: true, data: []byte{23, 3, 3, 0x40, 0}, fill: 15000})
	}
	w.tcp(50*time.Second, desk6(0), desk6(1), 55100, 22, 300*time.Microsecond,
		message{server: true, data: []byte("SSH-2.0-OpenSSH_9.2\r\n")}, message{data: []byte("SSH-2.0-OpenSSH_9.6\r\n")})
}

// background is what a network says unasked: ARP, NTP, DHCP, mDNS, ICMP.
func (w *wire) background() {
	for i := range 10 {
		h := desk(i % 8)
		w.add(time.Duration(3+14*i)*time.Second,
			&layers.Ethernet{SrcMAC: hardware(h.mac), DstMAC: []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, EthernetType: layers.EthernetTypeARP},
			&layers.ARP{AddrType: layers.LinkTypeEthernet, Protocol: layers.EthernetTypeIPv4, HwAddressSize: 6, ProtAddressSize: 4, Operation: layers.ARPRequest,
				SourceHwAddress: hardware(h.mac), SourceProtAddress: h.ip.AsSlice(),
				DstHwAddress: make([]byte, 6), DstProtAddress: fileServer.ip.AsSlice()})
	}
	ntp := append([]byte{0x23}, make([]byte, 47)...)
	reply := append([]byte{0x24, 2}, make([]byte, 46)...)
	for i := range 5 {
		t := time.Duration(5+28*i) * time.Second
		w.udp(t, desk(i), ntpOutside, 123, 123, ntp)
		w.udp(t+20*time.Millisecond, ntpOutside, desk(i), 123, 123, reply)
	}
	dhcp := append([]byte{1, 1, 6, 0}, make([]byte, 232)...)
	dhcp = append(dhcp, 0x63, 0x82, 0x53, 0x63, 53, 1, 3, 255)
	everyone := at("192.0.2.127", 0xff) // the directed broadcast of the office's /25
	for i := range 4 {
		w.udp(time.Duration(10+30*i)*time.Second, desk(i), at("255.255.255.255", 0xff), 68, 67, dhcp)
		w.udp(time.Duration(12+30*i)*time.Second, desk(i), everyone, 137, 137, make([]byte, 50))
		w.udp(time.Duration(14+30*i)*time.Second, desk(i), at("224.0.0.251", 0xff), 5353, 5353,
			[]byte{0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 4, '_', 'i', 'p', 'p', 4, '_', 't', 'c', 'p', 5, 'l', 'o', 'c', 'a', 'l', 0, 0, 12, 0, 1})
	}
	for i := range 20 {
		t := time.Duration(30+5*i) * time.Second
		for reply, ends := range [][2]host{{desk(9), fileServer}, {fileServer, desk(9)}} {
			kind := uint8(layers.ICMPv4TypeEchoRequest)
			if reply == 1 {
				kind = layers.ICMPv4TypeEchoReply
			}
			w.ip(t+time.Duration(reply)*time.Millisecond, ends[0], ends[1], layers.IPProtocolICMPv4,
				&layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(kind, 0), Id: 7, Seq: uint16(i)}, gopacket.Payload(make([]byte, 56)))
		}
	}
}

// trouble is a SYN scan of the servers from outside, and one frame that is cut inside its IP header.
func (w *wire) trouble() {
	for port := range uint16(120) {
		t := 100*time.Second + time.Duration(port)*15*time.Millisecond
		syn := &layers.TCP{SrcPort: 60000, DstPort: layers.TCPPort(1 + port*7), Seq: 1, SYN: true, Window: 1024}
		w.ip(t, scanner, fileServer, layers.IPProtocolTCP, syn)
		w.ip(t+time.Millisecond, fileServer, scanner, layers.IPProtocolTCP,
			&layers.TCP{SrcPort: syn.DstPort, DstPort: syn.SrcPort, Ack: 2, RST: true, ACK: true})
	}
	bad := append([]byte{}, hardware(fileServer.mac)...)
	bad = append(append(bad, hardware(router)...), 0x08, 0x00, 0x42) // IPv4, header length 2
	w.frames = append(w.frames, frame{120 * time.Second, append(bad, make([]byte, 45)...)})
}
