package apps

import (
	"testing"
)

// FuzzClassify gives any packet to Classify: it does not panic, the answer is a known protocol, and a
// server name keeps the rules of Result.Server and lies in dst's array.
func FuzzClassify(f *testing.F) {
	for i := range samples {
		s := &samples[i]
		p := s.packet()
		f.Add(p.Proto, p.SrcPort, p.DstPort, p.FromClient, p.Payload)
	}
	hello := clientHello("quic.example.com")
	f.Add(uint8(17), uint16(50000), uint16(443), true, protectInitial(f, quicV1, counting(8), 0, cryptoFrame(hello, 0, len(hello)), 200))
	f.Add(uint8(17), uint16(50000), uint16(443), true, protectInitial(f, quicV2, counting(8), 0, cryptoFrame(hello, 0, len(hello)), 200))
	f.Fuzz(func(t *testing.T, proto uint8, sport, dport uint16, fromClient bool, payload []byte) {
		if proto != protoTCP && proto%2 == 0 {
			proto = protoUDP
		}
		p := Packet{Proto: proto, SrcPort: sport, DstPort: dport, FromClient: fromClient, Payload: payload}
		checkResult(t, &p)
	})
}

// FuzzQUICFrames gives any frames to the reader of decrypted Initial packets, which random bytes do not
// get to through Classify.
func FuzzQUICFrames(f *testing.F) {
	hello := clientHello("quic.example.com")
	f.Add(cat(unhex("02050001000000"), cryptoFrame(hello, 60, len(hello)), 1, cryptoFrame(hello, 0, 60)))
	f.Add(rfcHello)
	f.Fuzz(func(t *testing.T, frames []byte) {
		if len(frames) > 16000 {
			return
		}
		p := Packet{Proto: protoUDP, DstPort: 443, FromClient: true, Payload: protectInitial(t, quicV1, counting(8), 0, frames, 40)}
		checkResult(t, &p)
	})
}

func checkResult(t *testing.T, p *Packet) {
	t.Helper()
	dst := make([]byte, MaxServerName, MaxServerName+1)
	r := Classify(p, dst)
	if int(r.ID) >= len(Names()) {
		t.Fatalf("ID %d", r.ID)
	}
	if r.ID == Unknown && (r.Final || len(r.Server) > 0) {
		t.Fatalf("nothing recognised, but final %v server %q", r.Final, r.Server)
	}
	if len(r.Server) == 0 {
		return
	}
	if len(r.Server) > MaxServerName || &r.Server[0] != &dst[0] {
		t.Fatalf("server name of %d bytes, in dst: %v", len(r.Server), &r.Server[0] == &dst[0])
	}
	for _, c := range r.Server {
		if !nameByte(c) && c != '.' {
			t.Fatalf("server name %q", r.Server)
		}
	}
}
