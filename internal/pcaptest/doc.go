// Package pcaptest helps tests to make traffic: it builds frames of documentation hosts and writes
// capture files by its own encoder, which shares no code with the readers in package capture.
// Frame builders panic on a mistake in their arguments, for those are literals of a test.
package pcaptest
