// Package samplegen makes the sample capture that the README's first command reads: two and a half
// minutes of a small office, the same bytes on every run. All addresses are documentation addresses
// (RFC 5737, RFC 3849, RFC 9542).
package samplegen
