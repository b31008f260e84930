package config

import (
	"fmt"
	"strings"
	"testing"
)

func BenchmarkParse(b *testing.B) {
	for _, n := range []int{10, 10_000} {
		b.Run(fmt.Sprintf("networks=%d", n), func(b *testing.B) {
			var src strings.Builder
			src.WriteString("networks:\n")
			for i := range n {
				fmt.Fprintf(&src, "  - {cidr: 10.%d.%d.0/24, name: site-%d}\n", i>>8, i&255, i)
			}
			doc := []byte(src.String())
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Parse("netmond.yaml", doc); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
