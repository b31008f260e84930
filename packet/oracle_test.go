package packet

import (
	"math/rand/v2"
	"net/netip"
	"path/filepath"
	"slices"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

// oracle is what gopacket's layers say of a frame's outermost IP header.
type oracle struct {
	src, dst     netip.Addr
	proto        uint8
	sport, dport uint16
	protoKnown   bool // the walk to the transport header met no damage
	ports        bool // gopacket decoded a transport header with ports there
}

// judges reports whether gopacket's word on what follows link layer l counts. It checks fewer fields
// than Decode, so of some layers it reads it is a judge only where nothing was tampered with.
func judges(l gopacket.Layer, tampered bool) bool {
	const odd = 0xffff // an EtherType that gopacket has a decoder for, and no standard
	switch l := l.(type) {
	case *layers.Loopback, *layers.PPP:
		return true
	case *layers.Ethernet:
		return l.EthernetType != odd
	case *layers.LinuxSLL:
		return l.EthernetType != odd
	case *layers.LinuxSLL2:
		return l.ProtocolType != odd
	case *layers.Dot1Q:
		return l.Type != odd
	case *layers.PPPoE, *layers.MPLS, *layers.LLC, *layers.SNAP, *layers.RadioTap, *layers.Dot11, *layers.Dot11Data, *layers.Dot11DataQOSData:
		return !tampered
	}
	return false
}

// ask decodes f with gopacket; ok is false where gopacket finds no IP header or is no judge.
func ask(f *Frame, tampered bool) (o oracle, ok bool) {
	// With a copy: for padded 802.11 headers it moves bytes within the frame.
	p := gopacket.NewPacket(f.Data, layers.LinkType(f.Link), gopacket.Default)
	all := p.Layers()
	for i, l := range all {
		switch ip := l.(type) {
		case *layers.IPv4:
			o.src, _ = netip.AddrFromSlice(ip.SrcIP)
			o.dst, _ = netip.AddrFromSlice(ip.DstIP)
			o.proto, o.protoKnown = uint8(ip.Protocol), true
			if ip.FragOffset == 0 && i+1 < len(all) {
				o.transport(all[i+1])
			}
			return o, ip.Version == 4 && o.src.IsValid()
		case *layers.IPv6:
			o.src, _ = netip.AddrFromSlice(ip.SrcIP)
			o.dst, _ = netip.AddrFromSlice(ip.DstIP)
			o.extensions(ip, all[i+1:])
			return o, ip.Version == 6 && o.src.IsValid() // it does not check the version
		}
		if !judges(l, tampered) {
			return o, false
		}
	}
	return o, false
}

// extensions follows IPv6 extension headers as gopacket decoded them.
func (o *oracle) extensions(ip *layers.IPv6, rest []gopacket.Layer) {
	o.proto = uint8(ip.NextHeader)
	if ip.HopByHop != nil { // part of the IPv6 layer
		o.proto = uint8(ip.HopByHop.NextHeader)
	}
	for _, l := range rest {
		switch e := l.(type) {
		case *layers.IPv6HopByHop:
			o.proto = uint8(e.NextHeader)
		case *layers.IPv6Routing:
			o.proto = uint8(e.NextHeader)
		case *layers.IPv6Destination:
			o.proto = uint8(e.NextHeader)
		case *layers.IPv6Fragment:
			o.proto = uint8(e.NextHeader)
			if e.FragmentOffset != 0 {
				o.protoKnown = true
				return
			}
		default:
			o.transport(l)
			o.protoKnown = o.ports
			return
		}
	}
}

func (o *oracle) transport(l gopacket.Layer) {
	o.ports = len(l.LayerContents()) > 0 // empty where the header is damaged
	switch t := l.(type) {
	case *layers.TCP:
		o.sport, o.dport = uint16(t.SrcPort), uint16(t.DstPort)
	case *layers.UDP:
		o.sport, o.dport = uint16(t.SrcPort), uint16(t.DstPort)
	case *layers.SCTP:
		o.sport, o.dport = uint16(t.SrcPort), uint16(t.DstPort)
	case *layers.UDPLite:
		o.sport, o.dport = uint16(t.SrcPort), uint16(t.DstPort)
	default:
		o.ports = false
	}
}

// compare fails where Decode and gopacket read f's outermost IP header differently; it reports
// whether there was something to compare.
func compare(t testing.TB, f *Frame, tampered bool) bool {
	t.Helper()
	o, ok := ask(f, tampered)
	if !ok {
		return false
	}
	var d Decoder
	var m Meta
	d.Decode(f, &m)
	if m.Class != ClassIP {
		t.Errorf("Decode(%v %x) = %+v, gopacket finds IP %+v", f.Link, f.Data, m, o)
		return true
	}
	got := outcomeOf(&m)
	if got.Src.Addr() != o.src || got.Dst.Addr() != o.dst {
		t.Errorf("Decode(%v %x): %v to %v, gopacket %v to %v", f.Link, f.Data, got.Src.Addr(), got.Dst.Addr(), o.src, o.dst)
	}
	if o.protoKnown && m.Key.Proto != o.proto {
		t.Errorf("Decode(%v %x): protocol %d, gopacket %d", f.Link, f.Data, m.Key.Proto, o.proto)
	}
	if o.ports && (!m.Key.HasPorts() || got.Src.Port() != o.sport || got.Dst.Port() != o.dport) {
		t.Errorf("Decode(%v %x): ports %d to %d, gopacket %d to %d", f.Link, f.Data, got.Src.Port(), got.Dst.Port(), o.sport, o.dport)
	}
	return true
}

// mutate changes up to 4 bytes of b, mostly among the headers, or cuts it.
func mutate(r *rand.Rand, b []byte) []byte {
	b = slices.Clone(b)
	if len(b) == 0 {
		return b
	}
	for range 1 + r.IntN(4) {
		i := r.IntN(min(len(b), 80))
		switch r.IntN(3) {
		case 0:
			b[i] ^= 1 << r.IntN(8)
		case 1:
			b[i] = byte(r.Uint32())
		default:
			b[i] = []byte{0x00, 0x45, 0x60, 0x08, 0x81, 0x86, 0xdd, 0x88, 0xff, 0x2c, 0x3c, 0x2b}[r.IntN(12)]
		}
	}
	if r.IntN(8) == 0 {
		b = b[:r.IntN(len(b)+1)]
	}
	return b
}

func TestOracleCorpus(t *testing.T) {
	dir, files := corpus(t)
	r := rand.New(rand.NewPCG(8, 2))
	compared := 0
	for name := range files {
		frames, _ := readFrames(t, filepath.Join(dir, name))
		for i := range frames {
			f := frames[i]
			if f.WireLen > 1<<20 {
				continue // damaged record headers
			}
			if i < 2000 && compare(t, &f, false) {
				compared++
			}
			if i < 300 {
				for range 4 {
					g := f
					g.Data = mutate(r, f.Data)
					g.WireLen = uint32(max(int(f.WireLen), len(g.Data)))
					if compare(t, &g, true) {
						compared++
					}
				}
			}
			if t.Failed() {
				t.Fatalf("%s, frame %d", name, i+1)
			}
		}
	}
	if compared < 20000 {
		t.Errorf("gopacket had a word on %d frames, want 20,000 or more", compared)
	}
}

// TestOracleDecap compares the innermost packet with gopacket, which follows tunnels by itself.
func TestOracleDecap(t *testing.T) {
	dir, _ := corpus(t)
	d := Decoder{Decap: DecapAll}
	for _, name := range []string{"6in4", "6in6in6", "geneve", "gre_in_gre", "ipip_4in4", "vxlan"} {
		frames, _ := readFrames(t, filepath.Join(dir, "encap", name+".pcap"))
		same := 0
		for i := range frames {
			var m Meta
			d.Decode(&frames[i], &m)
			var last gopacket.NetworkLayer
			for _, l := range gopacket.NewPacket(frames[i].Data, layers.LinkType(frames[i].Link), gopacket.NoCopy).Layers() {
				if n, ok := l.(gopacket.NetworkLayer); ok {
					last = n
				}
			}
			got := outcomeOf(&m)
			if m.Class == ClassIP && last != nil && got.Src.Addr().String() == last.NetworkFlow().Src().String() &&
				got.Dst.Addr().String() == last.NetworkFlow().Dst().String() {
				same++
			}
		}
		if same != len(frames) {
			t.Errorf("%s: %d of %d innermost packets as gopacket reads them", name, same, len(frames))
		}
	}
}
