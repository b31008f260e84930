package suggest

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
)

// BenchmarkFind looks at a table of flows between 20,000 private hosts and the internet, or from made-up
// addresses.
func BenchmarkFind(b *testing.B) {
	for _, flood := range []bool{false, true} {
		rng := rand.New(rand.NewPCG(3, 4))
		var l traffic
		for range 1 << 20 {
			var inner, outer [4]byte
			binary.BigEndian.PutUint32(outer[:], 20<<24+rng.Uint32()>>2)
			binary.BigEndian.PutUint32(inner[:], 10<<24+uint32(rng.IntN(80))<<8+uint32(rng.IntN(250)))
			f := Flow{Client: netip.AddrFrom4(inner), Server: netip.AddrFrom4(outer), FromClient: 100, FromServer: 1000}
			if flood {
				f = Flow{Client: netip.AddrFrom4(outer), Server: netip.MustParseAddr("203.0.113.9"), FromClient: 60}
			}
			l = append(l, f)
		}
		b.Run(fmt.Sprintf("flows=1048576/flood=%v", flood), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Find(l.scan, Config{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
