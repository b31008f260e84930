package demo

import (
	"math/rand/v2"
	"net/netip"
)

// Networks are the office's local networks, as --local-networks takes them.
const Networks = "192.0.2.0/25=offices,192.0.2.128/26=servers,192.0.2.192/26=lab,198.51.100.0/24=guests,2001:db8:20:1::/64=offices-v6"

// A host is an end of the wire.
type host struct {
	addr netip.Addr
	mac  byte // last byte of 00-00-5E-00-53-xx
	vlan uint16
}

// A subnet is where hosts are drawn from: count of them from first on.
type subnet struct {
	first netip.Addr
	count int
	mac   byte // of the first host; 0 is the router, which all hosts behind it share
	vlan  uint16
}

const (
	routerMAC = 1
	guestVLAN = 20
)

var (
	desks    = subnet{first: netip.MustParseAddr("192.0.2.10"), count: 90, mac: 0x20}
	servers  = subnet{first: netip.MustParseAddr("192.0.2.130"), count: 12, mac: 0x90}
	lab      = subnet{first: netip.MustParseAddr("192.0.2.200"), count: 24, mac: 0xa0}
	guests   = subnet{first: netip.MustParseAddr("198.51.100.20"), count: 120, mac: 0xb8, vlan: guestVLAN}
	desks6   = subnet{first: netip.MustParseAddr("2001:db8:20:1::10"), count: 60, mac: 0x20}
	outside  = subnet{first: netip.MustParseAddr("203.0.113.10"), count: 90}
	outside6 = subnet{first: netip.MustParseAddr("2001:db8:ffff::10"), count: 40}
	// branch is a network that nobody configured: its traffic is transit.
	branch = subnet{first: netip.MustParseAddr("203.0.113.224"), count: 20}

	fileServer = servers.host(0)
	mailServer = servers.host(1)
	resolver   = servers.host(2)
	webServer  = servers.host(3)
	scanner    = host{addr: netip.MustParseAddr("203.0.113.66"), mac: routerMAC}
	backupSite = host{addr: netip.MustParseAddr("203.0.113.200"), mac: routerMAC}
	timeServer = host{addr: netip.MustParseAddr("203.0.113.123"), mac: routerMAC}
	everyone   = host{addr: netip.MustParseAddr("255.255.255.255"), mac: 0xff}
	bonjour    = host{addr: netip.MustParseAddr("224.0.0.251"), mac: 0xff}
	labAll     = host{addr: netip.MustParseAddr("192.0.2.255"), mac: 0xff} // directed broadcast of the lab
)

// host is number i of the subnet.
func (s *subnet) host(i int) host {
	raw := s.first.As16()
	raw[15] += byte(i)
	h := host{addr: netip.AddrFrom16(raw), mac: routerMAC, vlan: s.vlan}
	if s.first.Is4() {
		h.addr = h.addr.Unmap()
	}
	if s.mac != 0 {
		h.mac = s.mac + byte(i)%64
	}
	return h
}

// any is a host of the subnet. Low numbers are busier, as in life: the square of an even draw.
func (s *subnet) any(r *rand.Rand) host {
	f := r.Float64()
	return s.host(int(f * f * float64(s.count)))
}

// sites are what people look at.
var sites = []string{
	"www.example.com", "cdn.example.net", "docs.example.org", "mail.example.com", "news.example.net",
	"video.example.net", "maps.example.org", "code.example.com", "chat.example.org", "shop.example.com",
}
