package packet

import (
	"encoding/binary"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var (
	inner4A = netip.MustParseAddr("203.0.113.1")
	inner4B = netip.MustParseAddr("203.0.113.9")
	inner4  = v4Addr(inner4A, inner4B, protoTCP, nil, tcp(5000, 80, nil, body))
	inner6  = v6Addr(netip.MustParseAddr("2001:db8:f::1"), netip.MustParseAddr("2001:db8:f::9"), protoUDP, udp(5000, 80, body))
	innerE4 = eth(etherIPv4, inner4)

	isInner4 = outcome{Class: ClassIP, Family: FamilyIPv4, Flags: FlagTCP | FlagDecapsulated,
		Src: netip.AddrPortFrom(inner4A, 5000), Dst: netip.AddrPortFrom(inner4B, 80)}
	isInner6 = outcome{Class: ClassIP, Family: FamilyIPv6, Flags: FlagDecapsulated,
		Src: netip.AddrPortFrom(netip.MustParseAddr("2001:db8:f::1"), 5000), Dst: netip.AddrPortFrom(netip.MustParseAddr("2001:db8:f::9"), 80)}
	isInnerNonIP = outcome{Class: ClassNonIP, Flags: FlagDecapsulated}
)

func greHeader(flags, proto uint16, fields, inner []byte) []byte {
	return cat(be16(flags), be16(proto), fields, inner)
}

func vxlanHeader(inner []byte) []byte { return cat([]byte{0x08, 0, 0, 0}, be32(77<<8), inner) }

func geneveHeader(options int, proto uint16, inner []byte) []byte {
	return cat([]byte{byte(options), 0}, be16(proto), be32(77<<8), zeros(4*options), inner)
}

func gtpHeader(flags byte, fields, inner []byte) []byte {
	return cat([]byte{flags, 255}, be16(uint16(len(fields)+len(inner))), be32(1), fields, inner)
}

func tzspHeader(typ byte, proto uint16, tags, inner []byte) []byte {
	return cat([]byte{1, typ}, be16(proto), tags, inner)
}

// in puts a UDP payload into an Ethernet frame to port dst, padded as a short frame would be.
func in(dst uint16, payload []byte) Frame {
	return frame(LinkEthernet, pad(eth(etherIPv4, v4(protoUDP, udp(1000, dst, payload))), 60))
}

// on puts an IP payload of protocol proto into an Ethernet frame.
func on(proto uint8, payload []byte) Frame {
	return frame(LinkEthernet, pad(eth(etherIPv4, v4(proto, payload)), 60))
}

type tunnelCase struct {
	name  string
	kind  Decap
	f     Frame
	want  outcome
	inner int // Meta.WireLen; 0 stands for a tunnel that is not looked through
}

func tunnelCases() []tunnelCase {
	erspan2 := cat([]byte{0x10, 0x05, 0, 1}, be32(0))
	erspan3 := func(frameType byte, platform bool, inner []byte) []byte {
		h := cat([]byte{0x20, 0x05, 0, 1}, be32(99), []byte{0, 0, frameType << 2, 0})
		if platform {
			h[11] |= 1
			h = cat(h, zeros(8))
		}
		return cat(h, inner)
	}
	seq := be32(7)
	return []tunnelCase{
		{"gre ipv4", DecapGRE, on(protoGRE, greHeader(0, etherIPv4, nil, inner4)), isInner4, len(inner4)},
		{"gre ipv6", DecapGRE, on(protoGRE, greHeader(0, etherIPv6, nil, inner6)), isInner6, len(inner6)},
		{"gre over ipv6", DecapGRE, frame(LinkRaw, v6(protoGRE, greHeader(0, etherIPv4, nil, inner4))), isInner4, len(inner4)},
		{"gre checksum, key, sequence", DecapGRE, on(protoGRE, greHeader(0xb000, etherIPv4, zeros(12), inner4)), isInner4, len(inner4)},
		{"gre key", DecapGRE, on(protoGRE, greHeader(0x2000, etherIPv6, seq, inner6)), isInner6, len(inner6)},
		{"gre padded inner packet", DecapGRE, on(protoGRE, greHeader(0, etherIPv4, nil, cat(inner4, zeros(9)))), isInner4, len(inner4)},
		{"gre ethernet", DecapGRE, on(protoGRE, greHeader(0x2000, etherTEB, seq, innerE4)), isInner4, len(innerE4)},
		{"gre ethernet arp", DecapGRE, on(protoGRE, greHeader(0, etherTEB, nil, eth(etherARP, arp))), isInnerNonIP, 14 + len(arp)},
		{"gre mpls", DecapGRE, on(protoGRE, greHeader(0, etherMPLS, nil, label(5, true, inner4))), isInner4, 4 + len(inner4)},
		{"gre cisco metadata", DecapGRE, on(protoGRE, greHeader(0, etherCMD, nil, cat([]byte{1, 1, 0, 1, 0, 9}, be16(etherIPv4), inner4))), isInner4, 8 + len(inner4)},
		{"pptp", DecapGRE, on(protoGRE, greHeader(0x3081, etherPPP, zeros(12), cat([]byte{0xff, 0x03, 0x00, 0x21}, inner4))), isInner4, 4 + len(inner4)},
		{"pptp acknowledgment", DecapGRE, on(protoGRE, greHeader(0x2081, etherPPP, zeros(8), nil)), isOuter(0), 0},
		{"gre routing", DecapGRE, on(protoGRE, greHeader(0x4000, etherIPv4, zeros(4), inner4)), isOuter(0), 0},
		{"gre other protocol", DecapGRE, on(protoGRE, greHeader(0, 0x2000, nil, zeros(40))), isOuter(0), 0},
		{"gre keepalive", DecapGRE, on(protoGRE, greHeader(0, 0, nil, nil)), isOuter(0), 0},
		{"erspan i", DecapERSPAN, on(protoGRE, greHeader(0, 0x88be, nil, innerE4)), isInner4, len(innerE4)},
		{"erspan ii", DecapERSPAN, on(protoGRE, greHeader(0x1000, 0x88be, seq, cat(erspan2, innerE4))), isInner4, len(innerE4)},
		{"erspan ii vlan", DecapERSPAN, on(protoGRE, greHeader(0x1000, 0x88be, seq, cat(erspan2, eth(etherVLAN, tag(6, etherIPv4, inner4))))), isInner4.vlan(6), 18 + len(inner4)},
		{"erspan ii broadcast arp", DecapERSPAN, on(protoGRE, greHeader(0x1000, 0x88be, seq, cat(erspan2, bcast(etherARP, arp)))), isInnerNonIP.broadcast(), 14 + len(arp)},
		{"erspan ii wrong version", DecapERSPAN, on(protoGRE, greHeader(0x1000, 0x88be, seq, cat(zeros(8), innerE4))), isOuter(0), 0},
		{"erspan iii", DecapERSPAN, on(protoGRE, greHeader(0x1000, 0x22eb, seq, erspan3(0, false, innerE4))), isInner4, len(innerE4)},
		{"erspan iii platform header", DecapERSPAN, on(protoGRE, greHeader(0x1000, 0x22eb, seq, erspan3(0, true, innerE4))), isInner4, len(innerE4)},
		{"erspan iii ip", DecapERSPAN, on(protoGRE, greHeader(0x1000, 0x22eb, seq, erspan3(2, false, inner6))), isInner6, len(inner6)},
		{"erspan iii other frame", DecapERSPAN, on(protoGRE, greHeader(0x1000, 0x22eb, seq, erspan3(7, false, inner6))), isOuter(0), 0},
		{"vxlan", DecapVXLAN, in(portVXLAN, vxlanHeader(innerE4)), isInner4, len(innerE4)},
		{"vxlan old port", DecapVXLAN, in(portVXLANOld, vxlanHeader(eth(etherIPv6, inner6))), isInner6, 14 + len(inner6)},
		{"vxlan over ipv6", DecapVXLAN, frame(LinkRaw, v6(protoUDP, udp(1000, portVXLAN, vxlanHeader(innerE4)))), isInner4, len(innerE4)},
		{"vxlan without identifier", DecapVXLAN, in(portVXLAN, cat(zeros(8), innerE4)), isOuter(portVXLAN), 0},
		{"vxlan arp", DecapVXLAN, in(portVXLAN, vxlanHeader(bcast(etherARP, arp))), isInnerNonIP.broadcast(), 14 + len(arp)},
		{"vxlan broken ip", DecapVXLAN, in(portVXLAN, vxlanHeader(eth(etherIPv4, zeros(40)))), isOuter(portVXLAN), 0},
		{"vxlan cut inner header", DecapVXLAN, cut(in(portVXLAN, vxlanHeader(innerE4)), 70), isOuter(portVXLAN), 0},
		{"vxlan tail cut", DecapVXLAN, cut(in(portVXLAN, vxlanHeader(innerE4)), 14+28+8+14+40), isInner4, len(innerE4)},
		{"vxlan-gpe ipv6", DecapVXLAN, in(portVXLANGPE, cat([]byte{0x0c, 0, 0, 2}, be32(77<<8), inner6)), isInner6, len(inner6)},
		{"vxlan-gpe ethernet", DecapVXLAN, in(portVXLANGPE, cat([]byte{0x0c, 0, 0, 3}, be32(77<<8), innerE4)), isInner4, len(innerE4)},
		{"vxlan-gpe nsh", DecapVXLAN, in(portVXLANGPE, cat([]byte{0x0c, 0, 0, 4}, be32(77<<8), []byte{0x0f, 0xc2, 0x01, 1}, be32(1<<8|255), inner4)), isInner4, 8 + len(inner4)},
		{"geneve", DecapGeneve, in(portGeneve, geneveHeader(0, etherTEB, innerE4)), isInner4, len(innerE4)},
		{"geneve options", DecapGeneve, in(portGeneve, geneveHeader(3, etherTEB, innerE4)), isInner4, len(innerE4)},
		{"geneve ip", DecapGeneve, in(portGeneve, geneveHeader(0, etherIPv6, inner6)), isInner6, len(inner6)},
		{"geneve options beyond the packet", DecapGeneve, in(portGeneve, geneveHeader(0, etherTEB, nil)), isOuter(portGeneve), 0},
		{"geneve control", DecapGeneve, in(portGeneve, cat([]byte{0, 0x80}, be16(etherTEB), zeros(4), innerE4)), isOuter(portGeneve), 0},
		{"gtp", DecapGTP, in(portGTP, gtpHeader(0x30, nil, inner4)), isInner4, len(inner4)},
		{"gtp sequence number", DecapGTP, in(portGTP, gtpHeader(0x32, zeros(4), inner6)), isInner6, len(inner6)},
		{"gtp extension headers", DecapGTP, in(portGTP, gtpHeader(0x34, cat(zeros(3), []byte{0x85, 1, 0, 0, 0x40, 1, 0, 0, 0}), inner4)), isInner4, len(inner4)},
		{"gtp extension header of length 0", DecapGTP, in(portGTP, gtpHeader(0x34, cat(zeros(3), []byte{0x85, 0, 0, 0, 0}), inner4)), isOuter(portGTP), 0},
		{"gtp echo", DecapGTP, in(portGTP, cat([]byte{0x30, 1}, zeros(40))), isOuter(portGTP), 0},
		{"ipip", DecapIPIP, on(protoIPv4, inner4), isInner4, len(inner4)},
		{"6in4", DecapIPIP, on(protoIPv6, inner6), isInner6, len(inner6)},
		{"4in6", DecapIPIP, frame(LinkRaw, v6(protoIPv4, inner4)), isInner4, len(inner4)},
		{"6in6 behind extension headers", DecapIPIP, frame(LinkRaw, v6(protoDstOpts, ext(protoIPv6, 0, inner6))), isInner6, len(inner6)},
		{"ipip broken", DecapIPIP, on(protoIPv4, zeros(40)), isOuter(0), 0},
		{"teredo", DecapTeredo, in(portTeredo, inner6), isInner6, len(inner6)},
		{"teredo from server", DecapTeredo, frame(LinkRaw, v4Back(protoUDP, udp(portTeredo, 1000, inner6))), isInner6, len(inner6)},
		{"teredo indications", DecapTeredo, in(portTeredo, cat([]byte{0, 1, 2, 3}, zeros(5), zeros(9), []byte{0, 0, 1, 2, 3, 4, 5, 6}, inner6)), isInner6, len(inner6)},
		{"teredo not ipv6", DecapTeredo, in(portTeredo, inner4), isOuter(portTeredo), 0},
		{"tzsp", DecapTZSP, in(portTZSP, tzspHeader(0, 1, []byte{1}, innerE4)), isInner4, len(innerE4)},
		{"tzsp tags", DecapTZSP, in(portTZSP, tzspHeader(0, 1, []byte{0, 0, 10, 1, 0xaa, 41, 2, 0, 0, 1}, innerE4)), isInner4, len(innerE4)},
		{"tzsp 802.11", DecapTZSP, in(portTZSP, tzspHeader(0, 18, []byte{1}, dot11(0x08, 0x02, macA, nil, cat([]byte{0xaa, 0xaa, 3, 0, 0, 0}, be16(etherIPv4), inner4)))), isInner4, 32 + len(inner4)},
		{"tzsp keepalive", DecapTZSP, in(portTZSP, tzspHeader(4, 1, []byte{1}, nil)), isOuter(portTZSP), 0},
		{"tzsp without end tag", DecapTZSP, in(portTZSP, tzspHeader(0, 1, zeros(200), innerE4)), isOuter(portTZSP), 0},
	}
}

// isOuter is the tunnel's own packet; port is the destination port of one over UDP.
func isOuter(port uint16) outcome {
	o := outcome{Class: ClassIP, Family: FamilyIPv4, Src: netip.AddrPortFrom(addr4A, 0), Dst: netip.AddrPortFrom(addr4B, port)}
	if port == 0 {
		o.Family |= FlagPortless
	} else {
		o.Src = netip.AddrPortFrom(addr4A, 1000)
	}
	return o
}

func TestDecap(t *testing.T) {
	for _, c := range tunnelCases() {
		t.Run(c.name, func(t *testing.T) {
			var off, others, on Meta
			(&Decoder{}).Decode(&c.f, &off)
			(&Decoder{Decap: DecapAll &^ c.kind}).Decode(&c.f, &others)
			if diff := cmp.Diff(off, others); diff != "" || off.Envelope != 0 {
				t.Errorf("kind %v not asked for, without decapsulation (-) and with the others (+):\n%s", c.kind, diff)
			}
			for _, d := range []Decoder{{Decap: c.kind}, {Decap: DecapAll}} {
				d.Decode(&c.f, &on)
				if diff := cmp.Diff(c.want, outcomeOf(&on), compares); diff != "" {
					t.Errorf("Decap %v of %x (-want +got):\n%s", d.Decap, c.f.Data, diff)
				}
				want := uint32(c.inner)
				if want == 0 {
					want = c.f.WireLen
				}
				if on.WireLen != want {
					t.Errorf("Decap %v of %x: wire length %d, want %d", d.Decap, c.f.Data, on.WireLen, want)
				}
				checkMeta(t, &d, &c.f, &on)
			}
			for n := range c.f.Data {
				cut := c.f
				cut.Data = c.f.Data[:n:n]
				d := Decoder{Decap: DecapAll}
				var m Meta
				d.Decode(&cut, &m)
				checkMeta(t, &d, &cut, &m)
			}
		})
	}
}

func TestDecapNested(t *testing.T) {
	d := Decoder{Decap: DecapAll}
	var m Meta

	// GRE in VXLAN: the innermost counts. Where that is broken, the one around it does.
	deep := in(portVXLAN, vxlanHeader(eth(etherIPv4, v4Back(protoGRE, greHeader(0, etherIPv4, nil, inner4)))))
	d.Decode(&deep, &m)
	if got := outcomeOf(&m); got != isInner4 || m.WireLen != uint32(len(inner4)) {
		t.Errorf("GRE in VXLAN = %+v, wire length %d; want %+v, %d", got, m.WireLen, isInner4, len(inner4))
	}
	half := in(portVXLAN, vxlanHeader(eth(etherIPv4, v4Back(protoGRE, greHeader(0, etherIPv4, nil, zeros(40))))))
	d.Decode(&half, &m)
	if m.Key.Proto != protoGRE || m.Dir != DirHiLo || m.WireLen != 14+20+4+40 || m.Flags&FlagDecapsulated == 0 {
		t.Errorf("broken GRE in VXLAN = %+v, want the GRE packet in the VXLAN frame", m)
	}
	checkMeta(t, &d, &half, &m)

	// Tunnels beyond the limit: the last one that was looked through counts.
	p := inner4
	for range 20 {
		p = v4(protoIPv4, p)
	}
	many := frame(LinkRaw, p)
	d.Decode(&many, &m)
	checkMeta(t, &d, &many, &m)
	if want := uint32(len(p) - 20*(maxLayers-1)); m.Key.Proto != protoIPv4 || m.WireLen != want {
		t.Errorf("20 nested tunnels = %+v, want protocol 4 and wire length %d", m, want)
	}

	// The outer VLAN stays that of a tunnel of bare packets, and is in the key.
	d.KeyVLAN = true
	tagged := frame(LinkEthernet, eth(etherVLAN, tag(9, etherIPv4, v4(protoIPv4, inner4))))
	d.Decode(&tagged, &m)
	if m.VLAN != 9 || m.Key.VLAN != 9 {
		t.Errorf("IP-in-IP in VLAN 9: VLAN %d, in key %d", m.VLAN, m.Key.VLAN)
	}
}

func TestDecapFragments(t *testing.T) {
	d := Decoder{Decap: DecapAll}
	whole := v4(protoIPv4, inner4)
	var m Meta
	first := raw(setV4(whole, func(p []byte) { binary.BigEndian.PutUint16(p[6:], 0x2000) }))
	d.Decode(&first, &m)
	if got := outcomeOf(&m); got.Src.Addr() != inner4A || m.Flags&FlagFragment == 0 {
		t.Errorf("first fragment = %+v, want the inner packet marked as fragment", got)
	}
	later := raw(setV4(whole, func(p []byte) { binary.BigEndian.PutUint16(p[6:], 0x2005) }))
	d.Decode(&later, &m)
	if got := outcomeOf(&m); got.Src.Addr() != addr4A || m.Envelope != 0 {
		t.Errorf("later fragment = %+v, want the outer packet", got)
	}
}

// TestDecapCorpus looks through every tunnel of the corpus: figures stay closed and the laws hold.
func TestDecapCorpus(t *testing.T) {
	dir, files := corpus(t)
	d := Decoder{Decap: DecapAll}
	for name, want := range files {
		frames, _ := readFrames(t, filepath.Join(dir, name))
		inside := 0
		for i := range frames {
			var m Meta
			d.Decode(&frames[i], &m)
			checkMeta(t, &d, &frames[i], &m)
			if m.Flags&FlagDecapsulated != 0 {
				inside++
			}
		}
		tunnels := map[string]int{ // packets with something inside, by the names of the files
			"6in4": 127, "6in6in6": 1, "erspan_ii": 108, "erspan_iii": 0, // of frame type 7, which is not Ethernet
			"geneve":     39,
			"gre_in_gre": 628, "ipip_4in4": 5, "vxlan": 127,
		}
		base := strings.TrimSuffix(filepath.Base(name), ".pcap")
		if n, ok := tunnels[base]; ok && filepath.Dir(name) == "encap" && inside != n {
			t.Errorf("%s: %d of %d packets decapsulated, want %d", name, inside, want.Packets, n)
		}
	}
}

func TestParseDecap(t *testing.T) {
	for _, c := range []struct {
		in   []string
		want Decap
		text string
	}{
		{nil, 0, "none"},
		{[]string{""}, 0, "none"},
		{[]string{"none"}, 0, "none"},
		{[]string{"all"}, DecapAll, "all"},
		{[]string{"GRE, vxlan"}, DecapGRE | DecapVXLAN, "gre,vxlan"},
		{[]string{"tzsp", "erspan,gtp"}, DecapERSPAN | DecapGTP | DecapTZSP, "erspan,gtp,tzsp"},
		{[]string{"gre,erspan,vxlan,geneve,gtp,ipip,teredo,tzsp"}, DecapAll, "all"},
	} {
		got, err := ParseDecap(c.in...)
		if err != nil || got != c.want || got.String() != c.text {
			t.Errorf("ParseDecap(%q) = %v (%d), %v; want %s (%d)", c.in, got, got, err, c.text, c.want)
		}
	}
	if got, err := ParseDecap("gre,l2tp"); err == nil || got != 0 || !strings.Contains(err.Error(), `"l2tp"`) || !strings.Contains(err.Error(), "geneve") {
		t.Errorf("ParseDecap(gre,l2tp) = %v, %v; want an error that names l2tp and the known kinds", got, err)
	}
}
