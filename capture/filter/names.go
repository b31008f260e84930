package filter

import (
	"bufio"
	"net/netip"
	"os"
	"strconv"
	"strings"
)

// A resolver knows names. Its methods are asked once for each name of an expression.
type resolver interface {
	// host gives the addresses of a host, IPv4 first; none if it is not known.
	host(name string) []netip.Addr
	// port gives the port of a service. proto is the transport asked for, or "". only is the one
	// transport that has the service, "" where several have.
	port(name, proto string) (port uint16, only string, ok bool)
	// protocol gives the number of a protocol above proto: "", ip or ip6, link, iso.
	protocol(name, proto string) (uint32, bool)
}

// systemNames are the machine's files, and tables for services and protocols that those lack.
type systemNames struct{}

func (systemNames) host(name string) []netip.Addr { return hostIn(hostsFile, name) }

// hostIn reads the addresses of name in a hosts file.
func hostIn(file, name string) []netip.Addr {
	var four, six []netip.Addr
	eachLine(file, func(words []string) bool {
		for _, w := range words[1:] {
			if !strings.EqualFold(w, name) {
				continue
			}
			if a, err := netip.ParseAddr(words[0]); err == nil {
				if a = a.Unmap().WithZone(""); a.Is4() {
					four = append(four, a)
				} else {
					six = append(six, a)
				}
			}
			break
		}
		return true
	})
	return append(four, six...)
}

func (systemNames) port(name, proto string) (uint16, string, bool) {
	return portIn(servicesFile, name, proto)
}

// portIn looks name up in a services file, then in the table services.
func portIn(file, name, proto string) (port uint16, only string, ok bool) {
	found := map[string]uint16{} // by transport
	add := func(spec string) {
		number, transport, _ := strings.Cut(spec, "/")
		if n, err := strconv.ParseUint(number, 10, 16); err == nil && transport != "dccp" {
			if _, twice := found[transport]; !twice {
				found[transport] = uint16(n)
			}
		}
	}
	eachLine(file, func(words []string) bool {
		for i, w := range words {
			if i != 1 && w == name {
				add(words[1])
				break
			}
		}
		return true
	})
	if len(found) == 0 {
		for _, spec := range services[name] {
			add(spec)
		}
	}
	if len(found) == 0 {
		return 0, "", false
	}
	if n, ok := found[proto]; ok {
		return n, "", true
	}
	for _, transport := range []string{"tcp", "udp", "sctp"} {
		if n, ok := found[transport]; ok {
			if len(found) == 1 {
				only = transport
			}
			return n, only, true
		}
	}
	return 0, "", false
}

func (systemNames) protocol(name, proto string) (uint32, bool) {
	switch proto {
	case "link":
		n, ok := etherProtocols[name]
		return n, ok
	case "iso":
		n, ok := isoProtocols[name]
		return n, ok
	case "", "ip", "ip6":
		return protocolIn(protocolsFile, name)
	}
	return 0, false
}

// protocolIn looks name up in a protocols file, then in the table ipProtocols.
func protocolIn(file, name string) (number uint32, ok bool) {
	eachLine(file, func(words []string) bool {
		for i, w := range words {
			if i == 1 || w != name {
				continue
			}
			if n, err := strconv.ParseUint(words[1], 10, 8); err == nil {
				number, ok = uint32(n), true
			}
			return !ok
		}
		return true
	})
	if !ok {
		number, ok = ipProtocols[name]
	}
	return number, ok
}

// eachLine calls f with the words of each line of two words or more, comments gone, until f is false.
// A file that cannot be read has no lines.
func eachLine(file string, f func(words []string) bool) {
	r, err := os.Open(file)
	if err != nil {
		return
	}
	defer r.Close()
	for s := bufio.NewScanner(r); s.Scan(); {
		line, _, _ := strings.Cut(s.Text(), "#")
		if words := strings.Fields(line); len(words) >= 2 && !f(words) {
			return
		}
	}
}

const (
	hostsFile     = "/etc/hosts"
	servicesFile  = "/etc/services"
	protocolsFile = "/etc/protocols"
)

// etherProtocols are the names of EtherTypes, and of LLC service access points (which are below 1501).
var etherProtocols = map[string]uint32{
	"aarp": etherAARP, "arp": etherARP, "atalk": etherATalk, "decnet": etherDECnet, "ip": etherIP, "ip6": etherIP6,
	"lat": etherLAT, "loopback": 0x9000, "mopdl": etherMOPDL, "moprc": etherMOPRC, "rarp": etherRARP, "sca": etherSCA,
	"iso": llcISO, "stp": llcSTP, "ipx": llcIPX, "netbeui": llcNetBEUI,
}

// isoProtocols are the first bytes of the protocols of the ISO network layer.
var isoProtocols = map[string]uint32{"clnp": 0x81, "esis": 0x82, "isis": 0x83}

// ipProtocols are the names and numbers of IANA's registry that machines without a protocols file
// (containers, Windows) need.
var ipProtocols = map[string]uint32{
	"ip": 0, "hopopt": 0, "icmp": 1, "igmp": 2, "ggp": 3, "ipencap": 4, "st": 5, "tcp": 6, "egp": 8, "igp": 9,
	"pup": 12, "udp": 17, "hmp": 20, "xns-idp": 22, "rdp": 27, "iso-tp4": 29, "dccp": 33, "xtp": 36, "ddp": 37,
	"idpr-cmtp": 38, "ipv6": 41, "ipv6-route": 43, "ipv6-frag": 44, "idrp": 45, "rsvp": 46, "gre": 47, "esp": 50,
	"ah": 51, "skip": 57, "ipv6-icmp": 58, "ipv6-nonxt": 59, "ipv6-opts": 60, "rspf": 73, "vmtp": 81, "eigrp": 88,
	"ospf": 89, "ax.25": 93, "ipip": 94, "etherip": 97, "encap": 98, "pim": 103, "ipcomp": 108, "vrrp": 112,
	"l2tp": 115, "isis": 124, "sctp": 132, "fc": 133, "mobility-header": 135, "udplite": 136, "mpls-in-ip": 137,
	"manet": 138, "hip": 139, "shim6": 140, "wesp": 141, "rohc": 142,
}

// services are well-known ports of IANA's registry, for machines without a services file.
var services = map[string][]string{
	"echo": {"7/tcp", "7/udp"}, "discard": {"9/tcp", "9/udp"}, "daytime": {"13/tcp", "13/udp"}, "chargen": {"19/tcp", "19/udp"},
	"ftp-data": {"20/tcp"}, "ftp": {"21/tcp"}, "ssh": {"22/tcp"}, "telnet": {"23/tcp"}, "smtp": {"25/tcp"}, "mail": {"25/tcp"},
	"time": {"37/tcp", "37/udp"}, "whois": {"43/tcp"}, "tacacs": {"49/tcp", "49/udp"}, "domain": {"53/tcp", "53/udp"},
	"bootps": {"67/udp"}, "bootpc": {"68/udp"}, "tftp": {"69/udp"}, "gopher": {"70/tcp"}, "finger": {"79/tcp"},
	"http": {"80/tcp"}, "www": {"80/tcp"}, "kerberos": {"88/tcp", "88/udp"}, "pop3": {"110/tcp"}, "sunrpc": {"111/tcp", "111/udp"},
	"auth": {"113/tcp"}, "nntp": {"119/tcp"}, "ntp": {"123/udp"}, "epmap": {"135/tcp"}, "netbios-ns": {"137/udp"},
	"netbios-dgm": {"138/udp"}, "netbios-ssn": {"139/tcp"}, "imap2": {"143/tcp"}, "imap": {"143/tcp"}, "snmp": {"161/tcp", "161/udp"},
	"snmp-trap": {"162/tcp", "162/udp"}, "snmptrap": {"162/tcp", "162/udp"}, "bgp": {"179/tcp"}, "irc": {"194/tcp", "194/udp"},
	"ldap": {"389/tcp", "389/udp"}, "https": {"443/tcp", "443/udp"}, "microsoft-ds": {"445/tcp", "445/udp"},
	"kpasswd": {"464/tcp", "464/udp"}, "submissions": {"465/tcp"}, "isakmp": {"500/udp"}, "login": {"513/tcp"}, "shell": {"514/tcp"},
	"syslog": {"514/udp"}, "printer": {"515/tcp"}, "route": {"520/udp"}, "ripng": {"521/udp"}, "rtsp": {"554/tcp", "554/udp"},
	"nntps": {"563/tcp"}, "submission": {"587/tcp"}, "ipp": {"631/tcp"}, "ldaps": {"636/tcp", "636/udp"},
	"domain-s": {"853/tcp", "853/udp"}, "rsync": {"873/tcp"}, "ftps-data": {"989/tcp"}, "ftps": {"990/tcp"}, "telnets": {"992/tcp"},
	"imaps": {"993/tcp"}, "pop3s": {"995/tcp"}, "socks": {"1080/tcp"}, "openvpn": {"1194/tcp", "1194/udp"},
	"ms-sql-s": {"1433/tcp"}, "ms-sql-m": {"1434/udp"}, "l2f": {"1701/udp"}, "pptp": {"1723/tcp"}, "radius": {"1812/tcp", "1812/udp"},
	"radius-acct": {"1813/tcp", "1813/udp"}, "nfs": {"2049/tcp", "2049/udp"}, "mysql": {"3306/tcp"}, "ms-wbt-server": {"3389/tcp"},
	"ipsec-nat-t": {"4500/udp"}, "sip": {"5060/tcp", "5060/udp"}, "sip-tls": {"5061/tcp", "5061/udp"}, "xmpp-client": {"5222/tcp"},
	"mdns": {"5353/udp"}, "postgresql": {"5432/tcp"}, "amqp": {"5672/tcp", "5672/sctp"}, "redis": {"6379/tcp"}, "http-alt": {"8080/tcp", "8080/udp"},
}
