package apps

import "testing"

// BenchmarkClassify measures what a flow's first packets cost: one of each sample in turn, the same on
// the bytes of nobody's protocol (the dearest case: every detector is asked), and QUIC with its
// decryption.
func BenchmarkClassify(b *testing.B) {
	hello := clientHello("www.example.com")
	run := func(name string, packets ...Packet) {
		b.Run(name, func(b *testing.B) {
			dst := make([]byte, MaxServerName)
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				Classify(&packets[i], dst)
				if i++; i == len(packets) {
					i = 0
				}
			}
		})
	}
	var mixed []Packet
	for i := range samples {
		mixed = append(mixed, samples[i].packet())
	}
	run("packets=mixed", mixed...)
	run("packets=tls", Packet{Proto: protoTCP, SrcPort: 50000, DstPort: 443, FromClient: true, Payload: tlsRecord(22, hello)})
	run("packets=unknown-tcp", Packet{Proto: protoTCP, SrcPort: 50000, DstPort: 50001, Payload: counting(600)})
	run("packets=unknown-udp", Packet{Proto: protoUDP, SrcPort: 50000, DstPort: 50001, Payload: counting(600)})
	run("packets=quic-initial", Packet{
		Proto: protoUDP, SrcPort: 50000, DstPort: 443, FromClient: true,
		Payload: protectInitial(b, quicV1, counting(8), 0, cryptoFrame(hello, 0, len(hello)), 1162),
	})
}
