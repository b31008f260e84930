package apps

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestClassify(t *testing.T) {
	for i := range samples {
		s := &samples[i]
		t.Run(strings.ReplaceAll(s.name, " ", "-"), func(t *testing.T) {
			p, dst := s.packet(), make([]byte, MaxServerName)
			got := Classify(&p, dst)
			if got.ID != s.want || got.Final == s.notFinal || string(got.Server) != s.server {
				t.Errorf("Classify(%x) = %v final %v server %q, want %v final %v server %q",
					s.data, got.ID, got.Final, got.Server, s.want, !s.notFinal, s.server)
			}
		})
	}
}

// Every protocol is reached by a sample, a port or a protocol number.
func TestEveryProtocolIsReached(t *testing.T) {
	reached := make([]bool, numIDs)
	for _, s := range samples {
		reached[s.want] = true
	}
	for _, ports := range []map[uint16]ID{tcpPorts, udpPorts} {
		for _, id := range ports {
			reached[id] = true
		}
	}
	for proto := range 256 {
		reached[byProto(uint8(proto))] = true
	}
	for id, ok := range reached {
		if !ok {
			t.Errorf("nothing is ever recognised as %v", ID(id))
		}
	}
}

func TestNames(t *testing.T) {
	if len(Names()) != int(numIDs) || len(Names()) < 150 {
		t.Fatalf("%d names for %d protocols", len(Names()), numIDs)
	}
	seen := map[string]bool{}
	for id, name := range Names() {
		key := strings.ToLower(name)
		if name == "" || seen[key] {
			t.Errorf("name %q of ID %d is empty or taken", name, id)
		}
		seen[key] = true
		for _, query := range []string{name, key, strings.ToUpper(name)} {
			if got, ok := Lookup(query); !ok || got != ID(id) {
				t.Errorf("Lookup(%q) = %v, %v, want %v", query, got, ok, ID(id))
			}
		}
	}
	if id, ok := Lookup("nonsense"); ok || id != Unknown {
		t.Errorf("Lookup(nonsense) = %v, %v", id, ok)
	}
	if got := ID(60000).String(); got != "Unknown" {
		t.Errorf("ID out of range is %q", got)
	}
}

func TestByPort(t *testing.T) {
	for _, tc := range []struct {
		name           string
		proto          uint8
		server, client uint16
		want           string
	}{
		{"server port", 6, 443, 50000, "TLS"},
		{"transport matters", 17, 443, 50000, "QUIC"},
		{"server before client", 6, 22, 80, "SSH"},
		{"first packet missed", 6, 50000, 443, "TLS"},
		{"first packet missed, high port", 6, 50000, 8080, "HTTP"},
		{"client port by chance", 6, 9999, 5432, "Unknown"},
		{"nothing known", 17, 40000, 40001, "Unknown"},
		{"ports mean nothing to ICMP", 1, 80, 80, "ICMP"},
		{"ICMPv6", 58, 0, 0, "ICMPV6"},
		{"OSPF", 89, 0, 0, "OSPF"},
		{"6in4", 41, 0, 0, "IP_in_IP"},
		{"ESP", 50, 0, 0, "ESP"},
		{"unassigned", 253, 0, 0, "Unknown"},
	} {
		if got := ByPort(tc.proto, tc.server, tc.client).String(); got != tc.want {
			t.Errorf("%s: ByPort(%d, %d, %d) = %s, want %s", tc.name, tc.proto, tc.server, tc.client, got, tc.want)
		}
	}
}

func TestPortless(t *testing.T) {
	for _, proto := range []uint8{1, 2, 4, 47, 50, 51, 58, 88, 89, 103, 112, 113, 115, 132} {
		p := Packet{Proto: proto, Payload: counting(40)}
		if got := Classify(&p, nil); got.ID == Unknown || !got.Final || got.ID != ByPort(proto, 0, 0) {
			t.Errorf("protocol %d: %v final %v", proto, got.ID, got.Final)
		}
	}
	for _, proto := range []uint8{6, 17, 253} {
		p := Packet{Proto: proto, DstPort: 443}
		if got := Classify(&p, nil); got.ID != Unknown || got.Final {
			t.Errorf("protocol %d without payload: %v final %v", proto, got.ID, got.Final)
		}
	}
}

// portIDs is what a payload without meaning may be called on a port: the port's own protocol, and
// the protocols that share it.
func portIDs(p *Packet) []ID {
	ids := []ID{Unknown}
	ports := tcpPorts
	if p.Proto == protoUDP {
		ports = udpPorts
	}
	for _, port := range []uint16{p.SrcPort, p.DstPort} {
		ids = append(ids, ports[port])
		switch {
		case port == 587 || port == 2525 || port == 465:
			ids = append(ids, idSMTP)
		case port == 102:
			ids = append(ids, idS7CommPlus)
		case port == 111 || port == 2049:
			ids = append(ids, idRPC, idNFS)
		case port == 433:
			ids = append(ids, idUsenet)
		}
	}
	return ids
}

// family is the protocol that another one is inside, or beside, where only the port tells them apart.
func family(id ID) ID {
	switch id {
	case idIMAPS, idPOPS, idSMTPS, idFTPS, idDoT:
		return idTLS
	case idMDNS, idLLMNR:
		return idDNS
	}
	return id
}

// A payload means the same on any port, or nothing, or what the port stands for.
func TestNoProtocolPassesForAnother(t *testing.T) {
	dst := make([]byte, MaxServerName)
	for i := range samples {
		s := &samples[i]
		ports := tcpPorts
		if s.proto == protoUDP {
			ports = udpPorts
		}
		wrong := map[ID][]uint16{}
		try := func(sport, dport uint16, fromServer bool) {
			p := s.packet()
			p.SrcPort, p.DstPort, p.FromClient = sport, dport, !fromServer
			got := Classify(&p, dst).ID
			if family(got) != family(s.want) && !slices.Contains(portIDs(&p), got) {
				wrong[got] = append(wrong[got], min(sport, dport))
			}
		}
		try(40001, 40003, s.fromServer)
		try(40001, 40003, !s.fromServer)
		for port := range ports {
			try(40001, port, s.fromServer)
			try(port, 40001, s.fromServer)
		}
		for id, on := range wrong {
			t.Errorf("%s is %v on ports %d, want %v or nothing", s.name, id, on, s.want)
		}
	}
}

// Bytes without meaning are nothing on ports without meaning, and at most the port's protocol elsewhere.
func TestRandomBytesAreNothing(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	dst := make([]byte, MaxServerName)
	var known [2][]uint16
	for i, ports := range []map[uint16]ID{tcpPorts, udpPorts} {
		for port := range ports {
			known[i] = append(known[i], port)
		}
		slices.Sort(known[i])
	}
	rounds := 400_000
	if testing.Short() {
		rounds = 40_000
	}
	buf := make([]byte, 1472)
	for round := range rounds {
		n := 1 + rng.IntN(40)
		if round%4 == 0 {
			n = 1 + rng.IntN(len(buf))
		}
		p := Packet{Proto: protoTCP, Payload: buf[:n], FromClient: round%3 == 0, SrcPort: uint16(32768 + rng.IntN(8000)), DstPort: uint16(49153 + rng.IntN(2000))}
		if round%2 == 0 {
			p.Proto = protoUDP
		}
		fill(rng, p.Payload, round)
		if got := Classify(&p, dst); got.ID != Unknown || len(got.Server) > 0 {
			t.Errorf("%x on %d to %d is %v %q", p.Payload, p.SrcPort, p.DstPort, got.ID, got.Server)
		}
		p.DstPort = known[round%2^1][rng.IntN(len(known[round%2^1]))]
		if got := Classify(&p, dst); !slices.Contains(portIDs(&p), got.ID) {
			t.Errorf("%x on %d is %v", p.Payload, p.DstPort, got.ID)
		}
	}
}

// fill makes random bytes: any, printable, or small numbers as binary headers have them.
func fill(rng *rand.Rand, b []byte, round int) {
	for i := range b {
		switch round / 2 % 3 {
		case 0:
			b[i] = byte(rng.Uint32())
		case 1:
			b[i] = byte(' ' + rng.IntN(95))
		default:
			b[i] = byte(rng.IntN(256) >> rng.IntN(8))
		}
	}
}

func TestClassifyAllocatesNothing(t *testing.T) {
	dst := make([]byte, MaxServerName)
	for i := range samples {
		p := samples[i].packet()
		if n := testing.AllocsPerRun(20, func() { Classify(&p, dst) }); n != 0 {
			t.Errorf("%s: %v allocations", samples[i].name, n)
		}
	}
	// The packet and the buffer may live on the caller's stack.
	if n := testing.AllocsPerRun(20, func() {
		var name [MaxServerName]byte
		p := samples[0].packet()
		if r := Classify(&p, name[:]); len(r.Server) == 0 {
			t.Error("no name")
		}
	}); n != 0 {
		t.Errorf("%v allocations with both on the stack", n)
	}
}

// Cutting a packet, as a snap length does, never gives another protocol, and never a wrong name.
func TestCutPackets(t *testing.T) {
	dst := make([]byte, MaxServerName)
	for i := range samples {
		s := &samples[i]
		p := s.packet()
		for n := 1; n < len(s.data); n++ {
			p.Payload = s.data[:n:n]
			got := Classify(&p, dst)
			if got.ID != Unknown && got.ID != s.want && !slices.Contains(portIDs(&p), got.ID) && !related(got.ID, s.want) {
				t.Errorf("%s cut to %d bytes is %v", s.name, n, got.ID)
			}
			if len(got.Server) > 0 && string(got.Server) != s.server {
				t.Errorf("%s cut to %d bytes names %q", s.name, n, got.Server)
			}
		}
	}
}

// related reports two answers of which the first is the other's container and may come of a cut.
func related(got, want ID) bool {
	switch got {
	case idHTTP, idHTTPProxy:
		return want == idWebSocket || want == idIPP || want == idHTTPProxy
	case idNetBIOS:
		return want == idSMBv1
	}
	return false
}

func TestAppendHost(t *testing.T) {
	long := strings.Repeat("a", 63)
	for _, tc := range []struct{ in, want string }{
		{"example.com", "example.com"},
		{"EXAMPLE.com.", "example.com"},
		{"example.com:8443", "example.com"},
		{"192.0.2.7:80", "192.0.2.7"},
		{"_srv._tcp.example", "_srv._tcp.example"},
		{"localhost", "localhost"},
		{long + "." + long + "." + long + "." + long[:61], long + "." + long + "." + long + "." + long[:61]},
		{long + "." + long + "." + long + "." + long[:62], ""},
		{long + "a.example", ""},
		{"", ""}, {".", ""}, {".example", ""}, {"a..b", ""}, {":80", ""}, {"a:b", ""}, {"a:1:2", ""},
		{"[2001:db8::1]", ""}, {"a b", ""}, {"a/b", ""}, {"a\x00b", ""}, {"ex\u00e4mple.com", ""}, {"<script>", ""}, {"a%2eb", ""},
	} {
		if diff := cmp.Diff(tc.want, string(appendHost(make([]byte, 0, MaxServerName), []byte(tc.in)))); diff != "" {
			t.Errorf("%q (-want +got):\n%s", tc.in, diff)
		}
	}
	if got := appendHost(make([]byte, 3), []byte("example.com")); got != nil {
		t.Errorf("a name longer than the buffer gives %q", got)
	}
}
