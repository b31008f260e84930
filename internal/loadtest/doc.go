// Package loadtest measures the live path under load: a generator that makes millions of frames a
// second inside the kernel, and a harness that runs netmond and its peers beside each other on the
// other end of a veth pair. `make bench-live` prints the table of docs/performance.md.
package loadtest
