package apps

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestRulesAskEnough compares dispatch with asking every detector: on all samples whole and cut, with
// every first byte, on all ports that anything is known of, and on random bytes.
func TestRulesAskEnough(t *testing.T) {
	var known []uint16
	for _, list := range []map[uint16]ID{tcpPorts, udpPorts} {
		for port := range list {
			known = append(known, port)
		}
	}
	for _, d := range []*dispatch{tcpBinary, udpBinary} {
		for port := range d.ports {
			known = append(known, port)
		}
	}
	slices.Sort(known)
	known = append(slices.Compact(known), 40001, 40003)
	check := func(p Packet) {
		for proto, d := range map[uint8]*dispatch{protoTCP: tcpBinary, protoUDP: udpBinary} {
			p.Proto = proto
			var want match
			for _, detect := range d.detectors {
				if want = detect(p); want.id != Unknown {
					break
				}
			}
			if got := d.ask(p); got.id != want.id || got.final != want.final || string(got.name) != string(want.name) {
				t.Errorf("protocol %d, ports %d to %d, %x: got %v, all detectors say %v", proto, p.SrcPort, p.DstPort, p.Payload, got.id, want.id)
			}
		}
	}
	for i := range samples {
		p := samples[i].packet()
		check(p)
		for n := 1; n < min(len(samples[i].data), 64); n++ {
			p.Payload = samples[i].data[:n:n]
			check(p)
		}
		p.Payload = slices.Clone(samples[i].data)
		for c := range 256 {
			p.Payload[0] = byte(c)
			check(p)
		}
		p.Payload[0] = samples[i].data[0]
		for _, port := range known {
			p.DstPort = port
			check(p)
			p.SrcPort, p.DstPort = p.DstPort, p.SrcPort
			check(p)
			p.SrcPort, p.DstPort = p.DstPort, p.SrcPort
		}
	}
	rng := rand.New(rand.NewPCG(3, 4))
	rounds := 200_000
	if testing.Short() {
		rounds = 20_000
	}
	buf := make([]byte, 400)
	for round := range rounds {
		p := Packet{Payload: buf[:1+rng.IntN(60)], SrcPort: known[rng.IntN(len(known))], DstPort: known[rng.IntN(len(known))], FromClient: round%2 == 0}
		if round%8 == 0 {
			p.Payload = buf
		}
		fill(rng, p.Payload, round)
		check(p)
	}
}
