package filter_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/netmond/netmond/capture/filter"
	"github.com/netmond/netmond/internal/testneed"
	"github.com/netmond/netmond/packet"
)

// refusals are what tcpdump refuses for Ethernet, with the column and a part of the message here.
var refusals = []struct {
	expr   string
	column int
	msg    string
}{
	{"tcp or 80", 8, "bare number"},
	{"tcp and 192.0.2.1", 9, "stands alone"},
	{"192.0.2.1", 1, "stands alone"},
	{"80", 1, "a number is not a condition"},
	{"len", 1, "a number is not a condition"},
	{"ether[0]", 1, "a number is not a condition"},
	{"foo", 1, `"foo" stands alone`},
	{"host no-such-host.invalid", 6, "unknown host"},
	{"src proto 6", 5, "takes no direction"},
	{"ip proto tcp", 10, `write \tcp`},
	{"proto tcp", 7, `write \tcp`},
	{"port no-such-service", 6, "unknown port"},
	{"portrange 1-no-such-service", 11, "unknown port in range"},
	{"port 70000", 6, "greater than 65535"},
	{"udp port http", 10, "of tcp, not of udp"},
	{"tcp port tftp", 10, "of udp, not of tcp"},
	{"arp port 5", 10, "ports are of tcp, udp and sctp"},
	{"icmp port 4", 11, "ports are of tcp, udp and sctp"},
	{"port 192.0.2.1", 6, "does not take"},
	{"port 80 or 192.0.2.1", 12, "does not take"},
	{"port 80 or foo", 12, "unknown port"},
	{"net 192.0.2.1/24", 5, "bits beyond the network"},
	{"net 192.0.2.0/33", 15, "at most 32 bits"},
	{"net 10/8", 7, "syntax error"},
	{"net 192.0.2.1 mask 255.255.255.0", 5, "bits beyond the mask"},
	{"net 10 mask 255", 8, "syntax error"},
	{"host 192.0.2.0/24", 6, "for networks only"},
	{"net 2001:db8::1/64", 5, "bits beyond the network"},
	{"net 2001:db8::/129", 16, "at most 128 bits"},
	{"host 2001:db8::/32", 6, "for networks only"},
	{"host 300.1.1.1", 6, "not an IPv4 address"},
	{"host 1.2.3.4.5", 6, "unknown host"},
	{"ether host 192.0.2.1", 12, "no link-layer address"},
	{"ether host router", 12, "unknown Ethernet host"},
	{"host 00:00:5e:00:53:01", 6, `needs "ether" before it`},
	{"tcp host 192.0.2.1", 10, "no IPv4 addresses"},
	{"ip host 2001:db8::1", 9, "no IPv6 addresses"},
	{"ip6 host 192.0.2.1", 10, "no IPv4 addresses"},
	{"ip host (192.0.2.1 or 2001:db8::1)", 23, "no IPv6 addresses"},
	{"host 08", 6, "not a number of 32 bits"},
	{"host 99999999999", 6, "not a number of 32 bits"},
	{"vlan 5000", 6, "VLAN 5000 is greater than 4095"},
	{"mpls 1048576", 6, "greater than 1048575"},
	{"pppoes 70000", 8, "greater than 65535"},
	{"geneve 16777216", 8, "greater than 16777215"},
	{"mpls and vlan", 10, "no VLAN tag can follow"},
	{"mpls and arp", 10, "only ip and ip6"},
	{"pppoes and vlan", 12, "have no VLAN tags"},
	{"ip[0:3] = 1", 6, "data size must be 1, 2 or 4"},
	{"ip[0 = 1", 6, `"]" should stand here`},
	{"esp[0] = 1", 1, "cannot be addressed"},
	{"stp[0] = 1", 1, "cannot be addressed"},
	{"radio[0] = 1", 1, "no radio header"},
	{"ip[0] / 0 = 1", 7, "division by zero"},
	{"ip[0] % 0 = 1", 7, "modulus by zero"},
	{"ip[0] << 32 = 1", 7, "more than 31 bits"},
	{"ip[0] = 0x100000000", 9, "not a number of 32 bits"},
	{"ip broadcast", 1, "needs the mask"},
	{"tcp broadcast", 1, "of the link layer"},
	{"tcp multicast", 1, "multicasts are of"},
	{"type mgt", 1, "802.11 captures only"},
	{"dir tods", 1, "802.11 captures only"},
	{"type mgt subtype nothing", 18, "unknown 802.11 subtype"},
	{"wlan ra 00:00:5e:00:53:01", 9, "802.11 captures only"},
	{"port ra", 6, `a keyword`},
	{"atalk host 192.0.2.1", 12, "no IPv4 addresses"},
	{"ah proto 5", 10, "means nothing"},
	{"arp proto 5", 11, "carries no other protocol"},
	{"ip proto foo", 10, "unknown ip protocol"},
	{"ether proto foo", 13, "unknown link protocol"},
	{"ether", 1, "stands alone"},
	{"radio", 1, "is no protocol"},
	{"llc foo", 5, "unknown kind of LLC frame"},
	{"gateway router", 9, "needs the Ethernet address"},
	{"less", 5, "ends where a length"},
	{"byte 5 + 3", 8, "one of = < > & |"},
	{"ifname eth0", 1, "PF log captures only"},
	{"vpi 3", 1, "ATM captures only"},
	{"fisu", 1, "SS7 captures only"},
	{"host $ab", 6, "ARCNET"},
	{"tcp tcp", 5, `syntax error at "tcp"`},
	{"tcp and", 8, "ends too early"},
	{"and", 1, "syntax error"},
	{"port", 5, "ends where an address"},
	{"ip src", 7, "ends where an address"},
	{"src and src port 8", 9, `"src" twice`},
	{"tcp)", 4, "syntax error"},
	{"(tcp", 5, `ends where ")" should follow`},
	{"()", 2, "syntax error"},
	{"!", 2, "ends too early"},
	{"tcp = 6", 5, "syntax error"},
	{"tcp & udp", 5, "syntax error"},
	{"host 192.0.2.1 192.0.2.2", 16, "syntax error"},
	{"tcp # comment", 5, "unexpected character"},
	{"[", 1, "syntax error"},
	{"tcp and udp", 1, "no frame of link type EN10MB can match"},
	{"ip and arp", 1, "can match"},
	{"host 192.0.2.1 and not host 192.0.2.1", 1, "can match"},
	{"1 = 2", 1, "can match"},
}

func TestRefusals(t *testing.T) {
	for _, tt := range refusals {
		_, err := compile(tt.expr, filter.Target{Link: packet.LinkEthernet})
		var fault *filter.Error
		if !errors.As(err, &fault) {
			t.Errorf("%q: got error %v, want a *filter.Error", tt.expr, err)
			continue
		}
		if fault.Column != tt.column || !strings.Contains(fault.Msg, tt.msg) {
			t.Errorf("%q: got column %d: %s; want column %d: %s", tt.expr, fault.Column, fault.Msg, tt.column, tt.msg)
		}
	}
}

// What is refused here is refused by tcpdump too.
func TestTcpdumpRefuses(t *testing.T) {
	tcpdump := testneed.Command(t, "tcpdump", "tcpdump")
	for _, tt := range refusals {
		if tt.expr == "ip broadcast" {
			continue // tcpdump takes an unknown mask for 0.0.0.0
		}
		if _, err := tcpdumpProgram(t, tcpdump, "EN10MB", tt.expr); err == nil {
			t.Errorf("%q: tcpdump takes it, and it is refused here: column %d: %s", tt.expr, tt.column, tt.msg)
		}
	}
}

// Two ways to say the same.
func TestSpellings(t *testing.T) {
	same := [][2]string{
		{"tcp && udp port 53 || icmp", "(tcp and udp port 53) or icmp"},
		{"!tcp", "not tcp"},
		{"tcp or udp and port 53", "(tcp or udp) and port 53"},
		{"port 0x50", "port 80"}, {"port 0120", "port 80"},
		{"port http", "tcp port 80"},
		{"ip[0] == 0x45", "ip[0] = 69"},
		{"ether host 00-00-5E-00-53-01", "ether host 0:0:5e:0:53:1"},
		{"ether host 0000.5e00.5301", "ether host 00005e005301"},
		{"net 192.0.2", "net 192.0.2.0/24"}, {"net 10", "net 10.0.0.0 mask 255.0.0.0"},
		{"host 10.1", "net 10.1.0.0/16"},
		{"host 192.0.2.1 or 192.0.2.2", "host 192.0.2.1 or host 192.0.2.2"},
		{"host (192.0.2.1 or 192.0.2.2)", "host 192.0.2.1 or host 192.0.2.2"},
		{"port 80 or (443 or 22)", "port (80 or 443 or 22)"},
		{"host 192.0.2.1 and not 192.0.2.2", "host 192.0.2.1 and not host 192.0.2.2"},
		{"src or dst port 53", "port 53"},
		{"ip proto \\udp", "ip proto 17"}, {"ether proto \\ip6", "ip6"},
		{"less 100", "len <= 100"}, {"greater 100", "len >= 100"},
		{"tcp[tcpflags] & (tcp-syn|tcp-fin) != 0", "tcp[13] & 3 != 0"},
		{"ether src 00:00:5e:00:53:01", "wlan src host 00:00:5e:00:53:01"},
		{"icmp6[icmp6type] = icmp6-echo", "icmp6[0] = 128"},
		{"len = ((((5))))", "len = 5"}, {"not not not ip", "not ip"},
		{"portrange 20-10", "portrange 10-20"}, {"portrange 80", "port 80"},
	}
	frames := builtFrames(packet.LinkEthernet)
	for _, pair := range same {
		a, errA := compile(pair[0], filter.Target{Link: packet.LinkEthernet})
		b, errB := compile(pair[1], filter.Target{Link: packet.LinkEthernet})
		if errA != nil || errB != nil {
			t.Errorf("%q, %q: %v, %v", pair[0], pair[1], errA, errB)
			continue
		}
		for i := range frames {
			if f := &frames[i]; len(f.Data) == int(f.WireLen) && a.Match(f) != b.Match(f) {
				t.Errorf("%q and %q differ on % x", pair[0], pair[1], f.Data)
				break
			}
		}
	}
}

func TestExcerpt(t *testing.T) {
	long := strings.Repeat("tcp or ", 60) + "fault" + strings.Repeat(" or udp", 60)
	tests := []struct{ expr, want string }{
		{"tcp port htp", "tcp port htp\n         ^"},
		{"tcp and", "tcp and\n       ^"},
		{"\ttcp é", " tcp é\n     ^"},
		{long, "..."},
	}
	for _, tt := range tests {
		_, err := filter.Parse(tt.expr)
		var fault *filter.Error
		if !errors.As(err, &fault) {
			t.Fatalf("%q: %v", tt.expr, err)
		}
		got := fault.Excerpt()
		if tt.expr != long {
			if got != tt.want {
				t.Errorf("%q: got\n%s\nwant\n%s", tt.expr, got, tt.want)
			}
			continue
		}
		line, caret, _ := strings.Cut(got, "\n")
		if !strings.HasPrefix(line, "...") || !strings.HasSuffix(line, "...") || line[len(caret)-1:len(caret)+4] != "fault" {
			t.Errorf("excerpt of a long expression:\n%s", got)
		}
	}
}

func TestNestingIsBounded(t *testing.T) {
	for _, expr := range []string{
		strings.Repeat("(", 100_000), strings.Repeat("!", 100_000), strings.Repeat("not ", 50_000) + "tcp",
		strings.Repeat("-", 100_000) + "1 = 1", strings.Repeat("ip[", 80_000), "port " + strings.Repeat("(", 100_000),
		"1" + strings.Repeat("^1", 100_000) + " = 1", "1" + strings.Repeat("%1", 100_000) + " = 1",
	} {
		if _, err := filter.Parse(expr); err == nil || !strings.Contains(err.Error(), "nested more than") {
			t.Errorf("%.20q...: got %v, want a refusal", expr, err)
		}
	}
	if _, err := filter.Parse(strings.Repeat(" ", 1<<20)); err == nil {
		t.Error("an expression of 1 MiB was taken")
	}
	// Long, and not deep.
	if _, err := compile("tcp"+strings.Repeat(" or tcp", 20_000), filter.Target{Link: packet.LinkEthernet}); err != nil {
		t.Error(err)
	}
}
