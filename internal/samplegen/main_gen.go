//go:build ignore

// Writes the sample capture to the path given: go generate ./cmd/netmond.
package main

import (
	"bytes"
	"log"
	"os"

	"github.com/netmond/netmond/internal/samplegen"
)

func main() {
	var buf bytes.Buffer
	if err := samplegen.WriteOffice(&buf); err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile(os.Args[1], buf.Bytes(), 0o644); err != nil {
		log.Fatal(err)
	}
}
